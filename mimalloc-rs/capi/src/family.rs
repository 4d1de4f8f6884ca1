//! One definition for functions that do the same: siblings that name a heap or a theap, and all that free.

/// Defines `mi_x`, and if they are named `mi_heap_x` and `mi_theap_x`, which take where to allocate as a first argument.
///
/// `on` is that [`Place`](crate::place::Place).
macro_rules! family {
    ($(#[$doc:meta])* $plain:ident: $arguments:tt $body:block) => {
        family!(@plain [$(#[$doc])*] $plain $arguments $body);
    };
    ($(#[$doc:meta])* $plain:ident, $heap:ident: $arguments:tt $body:block) => {
        family!(@plain [$(#[$doc])*] $plain $arguments $body);
        family!(@heap [$(#[$doc])*] $heap $arguments $body);
    };
    ($(#[$doc:meta])* $plain:ident, $heap:ident, $theap:ident: $arguments:tt $body:block) => {
        family!(@plain [$(#[$doc])*] $plain $arguments $body);
        family!(@heap [$(#[$doc])*] $heap $arguments $body);
        family!(@theap [$(#[$doc])*] $theap $arguments $body);
    };
    ($(#[$doc:meta])* heap $heap:ident, theap $theap:ident: $arguments:tt $body:block) => {
        family!(@heap [$(#[$doc])*] $heap $arguments $body);
        family!(@theap [$(#[$doc])*] $theap $arguments $body);
    };
    (@plain [$($doc:tt)*] $name:ident ($on:ident $(, $argument:ident: $type:ty)*) $body:block) => {
        $($doc)*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> *mut u8 {
            let $on = $crate::place::Place::current();
            $body
        }
    };
    (@heap [$($doc:tt)*] $name:ident ($on:ident $(, $argument:ident: $type:ty)*) $body:block) => {
        $($doc)*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(heap: *mut $crate::heap::MiHeap $(, $argument: $type)*) -> *mut u8 {
            // SAFETY: C callers pass a live heap.
            let $on = unsafe { $crate::place::Place::in_heap(heap) };
            $body
        }
    };
    (@theap [$($doc:tt)*] $name:ident ($on:ident $(, $argument:ident: $type:ty)*) $body:block) => {
        $($doc)*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(theap: *mut $crate::theap::MiTheap $(, $argument: $type)*) -> *mut u8 {
            // SAFETY: C callers pass a theap of their own thread, or the null that `mi_heap_theap` gives without memory.
            let $on = unsafe { $crate::place::Place::theap(theap) };
            $body
        }
    };
}

/// Defines functions that free the block of their first argument, whatever else they are told about it.
///
/// Nothing unwinds out of them; that they may say so lets them end in a jump, without a frame of their own.
macro_rules! freeing {
    ($($name:ident($($hint:ident),*);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $name(p: *mut u8 $(, $hint: usize)*) {
            $(let _ = $hint;)*
            // SAFETY: C callers pass null or a live block, and give it up.
            unsafe { ::mi::raw::free(p) }
        }
    )*};
}

/// A block of `count * size` bytes by `allocate`; null if the product is no size.
#[inline(always)]
pub(crate) fn product(count: usize, size: usize, allocate: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    match count.checked_mul(size) {
        Some(size) => allocate(size),
        None => core::ptr::null_mut(),
    }
}
