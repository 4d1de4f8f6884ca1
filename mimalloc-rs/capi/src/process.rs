//! Callbacks, collection, the process and its threads.

use core::ffi::{c_int, c_void};

use mi::hooks::{self, DeferredFreeFn, ErrorFn, OutputFn};
use mi::raw::ThreadHeap;
use mi::{Heap, MiMalloc};

/// The mimalloc release whose interface this is: 10000 * major + 100 * minor + patch.
pub(crate) const MI_MALLOC_VERSION: c_int = 30302;

#[unsafe(no_mangle)]
extern "C" fn mi_version() -> c_int {
    MI_MALLOC_VERSION
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_register_output(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: C callers pass null or a function for their argument, here and below.
    unsafe { hooks::register_output(out, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_register_error(function: Option<ErrorFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_register_output`.
    unsafe { hooks::register_error(function, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_register_deferred_free(function: Option<DeferredFreeFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_register_output`.
    unsafe { hooks::register_deferred_free(function, arg) }
}

#[unsafe(no_mangle)]
extern "C" fn mi_collect(force: bool) {
    MiMalloc.collect(force);
}

/// There are no segments to count; all that can go goes.
#[unsafe(no_mangle)]
extern "C" fn mi_collect_reduce(target_thread_owned: usize) {
    let _ = target_thread_owned;
    MiMalloc.collect(true);
}

#[unsafe(no_mangle)]
extern "C" fn mi_thread_init() {
    if ThreadHeap::current().into_raw().is_null() {
        // Without memory the first allocation tries again.
        let _ = Heap::main().here();
    }
}

/// The thread gives back what it can; the rest goes when it ends.
#[unsafe(no_mangle)]
extern "C" fn mi_thread_done() {
    ThreadHeap::current().collect(false);
}

/// All pages of a pool's threads are treated as others are.
#[unsafe(no_mangle)]
extern "C" fn mi_thread_set_in_threadpool() {}
