//! Callbacks, collection, the process and its threads.

use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use mi::hooks::{self, DeferredFreeFn, ErrorFn, OutputFn, OutputWriter};
use mi::options::{self, Opt};
use mi::process::{self, ProcessInfo};
use mi::raw::{self, ThreadHeap};
use mi::stats::MIMALLOC_VERSION;
use mi::{Heap, MiMalloc};

use crate::stats;
use crate::told::{print_version, tell, writer};

#[unsafe(no_mangle)]
extern "C" fn mi_version() -> c_int {
    MIMALLOC_VERSION as c_int
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

#[unsafe(no_mangle)]
extern "C" fn mi_thread_done() {
    // SAFETY: no function of this library keeps a theap, and C callers drop theirs.
    unsafe { raw::thread_done() }
}

/// All pages of a pool's threads are treated as others are.
#[unsafe(no_mangle)]
extern "C" fn mi_thread_set_in_threadpool() {}

/// Milliseconds as C counts them.
fn milliseconds(time: core::time::Duration) -> usize {
    time.as_millis().try_into().unwrap_or(usize::MAX)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_process_info(
    elapsed: *mut usize,
    user: *mut usize,
    system: *mut usize,
    current_rss: *mut usize,
    peak_rss: *mut usize,
    current_commit: *mut usize,
    peak_commit: *mut usize,
    page_faults: *mut usize,
) {
    let info = ProcessInfo::current();
    for (place, value) in [
        (elapsed, milliseconds(info.elapsed)),
        (user, milliseconds(info.user)),
        (system, milliseconds(info.system)),
        (current_rss, info.current_rss),
        (peak_rss, info.peak_rss),
        (current_commit, info.current_commit),
        (peak_commit, info.peak_commit),
        (page_faults, info.page_faults.try_into().unwrap_or(usize::MAX)),
    ] {
        // SAFETY: C callers pass null or room for a number.
        unsafe { tell(place, value) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_process_info_print() {
    // SAFETY: there is no function to call.
    unsafe { mi_process_info_print_out(None, ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_process_info_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_register_output`.
    let mut out = unsafe { writer(out, arg) };
    // The writer takes everything.
    let _ = writeln!(out, "{}", ProcessInfo::current());
}

/// Sets up the process and the calling thread.
#[unsafe(no_mangle)]
extern "C" fn mi_process_init() {
    introduce();
    mi_thread_init();
}

/// With the option `verbose`, says what this is. The rest is set up when the first block is asked for: many a program
/// ends without one.
extern "C" fn introduce() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let verbose = options::get(Opt::Verbose) > 0;
    if verbose || options::is_enabled(Opt::ShowStats) {
        process::keep_stderr();
    }
    if verbose {
        print_version(&mut OutputWriter::registered());
    }
}

/// Prints what the program wants to know at its end.
#[unsafe(no_mangle)]
extern "C" fn mi_process_done() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    if options::is_enabled(Opt::ShowStats) || options::get(Opt::Verbose) > 0 {
        stats::mi_stats_print(ptr::null_mut());
    }
    if options::is_enabled(Opt::DestroyOnExit) {
        // SAFETY: writes out what C's streams still have in their buffers, which are blocks.
        unsafe { libc::fflush(ptr::null_mut()) };
        // SAFETY: the user who set the option says that nothing is used after this.
        unsafe { process::destroy() };
    }
}

/// Has the loader call [`introduce`]; in a program that this is linked into, before the program's own first functions. Nobody
/// relies on it: memory is there from the first call on.
#[used]
#[unsafe(link_section = ".init_array.00100")]
static AT_LOADING: extern "C" fn() = introduce;

/// The same for the end, after the program's own last functions. The linker sorts by the number, and the order at the end is
/// the reverse; 101 is the first a program may have.
#[used]
#[unsafe(link_section = ".fini_array.00100")]
static AT_EXIT: extern "C" fn() = mi_process_done;
