//! C++'s replaceable operators, by their mangled names on 64-bit systems.

use crate::cxx::{Ending, new, new_aligned, new_or_null, new_or_throw};

/// `operator new`, `new[]`: what they are told, and how they fail.
macro_rules! allocating {
    ($($name:ident($size:ident $(, $align:ident)?; $($nothrow:ident)?) $ending:ident;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C-unwind" fn $name($size: usize $(, $align: usize)? $(, $nothrow: *const u8)?) -> *mut u8 {
            $(let _ = $nothrow;)?
            allocating!(@call $size $(, $align)?; $ending)
        }
    )*};
    (@call $size:ident; Throw) => { new($size, new_or_throw) };
    (@call $size:ident; Null) => { new($size, new_or_null) };
    (@call $size:ident, $align:ident; $ending:ident) => { new_aligned(Ending::$ending, $size, $align) };
}

allocating! {
    _Znwm(size;) Throw;
    _Znam(size;) Throw;
    _ZnwmRKSt9nothrow_t(size; nothrow) Null;
    _ZnamRKSt9nothrow_t(size; nothrow) Null;
    _ZnwmSt11align_val_t(size, align;) Throw;
    _ZnamSt11align_val_t(size, align;) Throw;
    _ZnwmSt11align_val_tRKSt9nothrow_t(size, align; nothrow) Null;
    _ZnamSt11align_val_tRKSt9nothrow_t(size, align; nothrow) Null;
}

// `operator delete`, `delete[]`: what they are told besides the block, which needs no telling.
freeing! {
    _ZdlPv();
    _ZdaPv();
    _ZdlPvm(size);
    _ZdaPvm(size);
    _ZdlPvRKSt9nothrow_t(nothrow);
    _ZdaPvRKSt9nothrow_t(nothrow);
    _ZdlPvSt11align_val_t(align);
    _ZdaPvSt11align_val_t(align);
    _ZdlPvmSt11align_val_t(size, align);
    _ZdaPvmSt11align_val_t(size, align);
    _ZdlPvSt11align_val_tRKSt9nothrow_t(align, nothrow);
    _ZdaPvSt11align_val_tRKSt9nothrow_t(align, nothrow);
}
