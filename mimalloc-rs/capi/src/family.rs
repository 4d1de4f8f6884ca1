//! One definition for a function and its siblings that name a heap or a theap.

/// Defines `mi_x`, and if they are named `mi_heap_x` and `mi_theap_x`, which take where to allocate as a first argument.
///
/// `on` is that place: the calling thread's part of the heap. A heap that has none for want of memory gives null.
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
            let $on = ::mi::raw::ThreadHeap::current();
            $body
        }
    };
    (@heap [$($doc:tt)*] $name:ident ($on:ident $(, $argument:ident: $type:ty)*) $body:block) => {
        $($doc)*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(heap: *mut $crate::heap::MiHeap $(, $argument: $type)*) -> *mut u8 {
            // SAFETY: C callers pass a live heap.
            let Some($on) = (unsafe { $crate::heap::theap_of(heap) }) else { return ::core::ptr::null_mut() };
            $body
        }
    };
    (@theap [$($doc:tt)*] $name:ident ($on:ident $(, $argument:ident: $type:ty)*) $body:block) => {
        $($doc)*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(theap: *mut $crate::theap::MiTheap $(, $argument: $type)*) -> *mut u8 {
            // SAFETY: C callers pass a theap of their own thread.
            let $on = unsafe { $crate::theap::theap_from(theap) };
            $body
        }
    };
}

/// A block of `count * size` bytes by `allocate`; null if the product is no size.
#[inline(always)]
pub(crate) fn product(count: usize, size: usize, allocate: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    match count.checked_mul(size) {
        Some(size) => allocate(size),
        None => core::ptr::null_mut(),
    }
}
