//! A hook for the end of threads.

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

/// The key whose destructor tells of a thread's end, plus one; zero while there is none.
static EXIT_KEY: AtomicU32 = AtomicU32::new(0);
/// Instead of the key: none is made any more.
const UNLOADED: u32 = u32::MAX;

/// Has `hook` called at the end of every thread that calls [`arm_thread_exit`]. Calling it again has no effect.
pub(crate) fn on_thread_exit(hook: unsafe extern "C" fn(*mut c_void)) {
    if EXIT_KEY.load(Ordering::Acquire) != 0 {
        return;
    }
    let mut key = 0;
    // SAFETY: `key` is valid for writing, and `hook` is there until the key is deleted.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(hook)) } != 0 {
        return;
    }
    if EXIT_KEY.compare_exchange(0, key + 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: this key was made above and never used.
        unsafe { libc::pthread_key_delete(key) };
    }
}

/// The key, if there is one.
fn exit_key(word: u32) -> Option<libc::pthread_key_t> {
    if word == UNLOADED { None } else { word.checked_sub(1) }
}

/// Has the exit hook called with `value` when the calling thread ends.
pub(crate) fn arm_thread_exit(value: *mut c_void) {
    if let Some(key) = exit_key(EXIT_KEY.load(Ordering::Acquire)) {
        // SAFETY: the key exists until this code is unloaded.
        unsafe { libc::pthread_setspecific(key, value) };
    }
}

/// Takes the hook back when the library that holds this code is unloaded, as a plugin may be: threads that end later must not
/// call into it. At the end of a process it does no harm.
extern "C" fn forget_thread_exit() {
    if let Some(key) = exit_key(EXIT_KEY.swap(UNLOADED, Ordering::AcqRel)) {
        // SAFETY: the key was made by `on_thread_exit`, and nobody finds it any more.
        unsafe { libc::pthread_key_delete(key) };
    }
}

/// Has the loader call it.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_UNLOADING: extern "C" fn() = forget_thread_exit;
