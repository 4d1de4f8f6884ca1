//! Functions of the program's that the allocator calls.
//!
//! There are three, each one per process: for messages, for errors, and for work the program put off until it
//! is convenient. Registering one replaces the former and waits for nobody.
//!
//! # Rules
//!
//! * A function may be called by any thread, at any time from its registration on, and for a moment longer
//!   than it is registered. A thread that calls it while it is replaced may call the old function with the
//!   new argument; register before there are threads, or let all functions of a kind understand all their
//!   arguments.
//! * A function may allocate and free, and may not unwind into the allocator.
//! * An output function may cause messages itself; they are dropped. It must return.
//! * An error function may end the process. It runs after the message, whether that was shown or not, and
//!   must not cause the error it is told of.
//! * A deferred-free function is not called again from within itself.
//!
//! ```
//! use std::ffi::{CStr, c_char, c_void};
//! use std::ptr;
//!
//! unsafe extern "C" fn to_log(message: *const c_char, _: *mut c_void) {
//!     // SAFETY: messages are C strings.
//!     eprint!("{}", unsafe { CStr::from_ptr(message) }.to_string_lossy());
//! }
//! // SAFETY: the function has no use for its argument and can be called anywhere.
//! unsafe { mimalloc_rs::hooks::register_output(Some(to_log), ptr::null_mut()) };
//! mimalloc_rs::options::print();
//! ```

use core::cell::Cell;
use core::ffi::{c_char, c_int, c_ulonglong, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::os;
pub use crate::report::OutputWriter;
use crate::report::{self, ErrorKind, Output};

/// Takes a message: a C string that ends with a newline, of at most 511 bytes, and the registered argument.
///
/// ```
/// # use std::ffi::{c_char, c_void};
/// unsafe extern "C" fn ignore(_: *const c_char, _: *mut c_void) {}
/// let _: mimalloc_rs::hooks::OutputFn = ignore;
/// ```
pub type OutputFn = unsafe extern "C" fn(message: *const c_char, arg: *mut c_void);

/// Takes the [code](ErrorKind::code) of an error and the registered argument.
///
/// ```
/// # use std::ffi::{c_int, c_void};
/// unsafe extern "C" fn give_up(_: c_int, _: *mut c_void) {
///     std::process::abort();
/// }
/// let _: mimalloc_rs::hooks::ErrorFn = give_up;
/// ```
pub type ErrorFn = unsafe extern "C" fn(code: c_int, arg: *mut c_void);

/// Frees what the program put off. `force` is true if everything should go now; `heartbeat` counts a thread's
/// occasions and tells how time passes; then the registered argument.
///
/// ```
/// # use std::ffi::{c_ulonglong, c_void};
/// unsafe extern "C" fn free_some(_force: bool, _heartbeat: c_ulonglong, _: *mut c_void) {}
/// let _: mimalloc_rs::hooks::DeferredFreeFn = free_some;
/// ```
pub type DeferredFreeFn = unsafe extern "C" fn(force: bool, heartbeat: c_ulonglong, arg: *mut c_void);

/// A registered function and its argument.
#[derive(Debug)]
struct Hook {
    function: AtomicPtr<c_void>,
    arg: AtomicPtr<c_void>,
}

impl Hook {
    const fn new() -> Self {
        Self { function: AtomicPtr::new(ptr::null_mut()), arg: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The argument is there before the function is.
    fn set(&self, function: *mut c_void, arg: *mut c_void) {
        self.arg.store(arg, Ordering::Release);
        self.function.store(function, Ordering::Release);
    }

    fn get(&self) -> Option<(*mut c_void, *mut c_void)> {
        let function = self.function.load(Ordering::Acquire);
        (!function.is_null()).then(|| (function, self.arg.load(Ordering::Acquire)))
    }
}

static OUTPUT: Hook = Hook::new();
static ERROR: Hook = Hook::new();
static DEFERRED_FREE: Hook = Hook::new();

/// Has `function` called with every message, and with those from before that were kept (the first 16 KiB).
/// `None` brings standard error back.
///
/// # Safety
/// `function` may be called with any C string and `arg`; see the [rules](self#rules).
pub unsafe fn register_output(function: Option<OutputFn>, arg: *mut c_void) {
    OUTPUT.set(function.map_or(ptr::null_mut(), |function| function as *mut c_void), arg);
    report::replay_to_registered();
}

/// The registered output function.
pub(crate) fn output() -> Option<Output> {
    let (function, arg) = OUTPUT.get()?;
    // SAFETY: only `register_output` fills the hook, with such a function, whose caller vouched for calls
    // with the argument.
    Some(unsafe { Output::new(mem::transmute::<*mut c_void, OutputFn>(function), arg) })
}

/// Has `function` called with every error. `None` brings the default back: a corrupted heap ends the process
/// in builds with the crate feature `debug` or `secure`; any other error fails the operation, or ignores it,
/// and the program goes on.
///
/// # Safety
/// `function` may be called with any number and `arg`; see the [rules](self#rules).
///
/// # Examples
///
/// ```
/// use std::ffi::{c_int, c_void};
/// use std::ptr;
/// use mimalloc_rs::hooks::register_error;
///
/// unsafe extern "C" fn give_up(_: c_int, _: *mut c_void) {
///     std::process::abort();
/// }
/// // SAFETY: the function can be called anywhere, with any argument.
/// unsafe { register_error(Some(give_up), ptr::null_mut()) };
/// ```
pub unsafe fn register_error(function: Option<ErrorFn>, arg: *mut c_void) {
    ERROR.set(function.map_or(ptr::null_mut(), |function| function as *mut c_void), arg);
}

/// Tells the registered function of an error, or does what is done without one.
pub(crate) fn call_error(kind: ErrorKind) {
    match ERROR.get() {
        // SAFETY: only `register_error` fills the hook, with such a function, whose caller vouched for calls
        // with the argument.
        Some((function, arg)) => unsafe {
            mem::transmute::<*mut c_void, ErrorFn>(function)(kind.code(), arg);
        },
        None if ends_process(kind) => os::abort(),
        None => {}
    }
}

/// What the default does: nobody can use a heap whose lists were overwritten, and hardened builds are for
/// those who would rather stop.
const fn ends_process(kind: ErrorKind) -> bool {
    cfg!(any(feature = "debug", feature = "secure")) && matches!(kind, ErrorKind::Corrupted)
}

/// Has `function` called now and then by threads that allocate, on [collection](crate::MiMalloc::collect) and
/// at a thread's end. `None` removes it.
///
/// # Safety
/// `function` may be called with any numbers and `arg`; see the [rules](self#rules).
///
/// # Examples
///
/// ```
/// use std::ffi::{c_ulonglong, c_void};
/// use std::ptr;
/// use mimalloc_rs::hooks::register_deferred_free;
///
/// unsafe extern "C" fn free_some(force: bool, heartbeat: c_ulonglong, _: *mut c_void) {
///     let _how_much = if force { usize::MAX } else { heartbeat as usize % 8 };
/// }
/// // SAFETY: the function can be called anywhere, with any argument.
/// unsafe { register_deferred_free(Some(free_some), ptr::null_mut()) };
/// ```
pub unsafe fn register_deferred_free(function: Option<DeferredFreeFn>, arg: *mut c_void) {
    DEFERRED_FREE.set(function.map_or(ptr::null_mut(), |function| function as *mut c_void), arg);
}

/// Calls the deferred-free function, unless the thread is in it: `active` is the thread's mark for that.
pub(crate) fn run_deferred(active: &Cell<bool>, heartbeat: u64, force: bool) {
    let Some((function, arg)) = DEFERRED_FREE.get() else { return };
    if active.replace(true) {
        return;
    }
    // SAFETY: only `register_deferred_free` fills the hook, with such a function, whose caller vouched for
    // calls with the argument.
    unsafe { mem::transmute::<*mut c_void, DeferredFreeFn>(function)(force, heartbeat, arg) };
    active.set(false);
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::string::{String, ToString};
    use std::sync::Mutex;
    use std::vec::Vec;

    use super::*;
    use crate::options::{self, Opt};

    /// What this test's messages have in them; other tests of the process may have something to say too.
    const MARK: &str = "said by the test of hooks";

    static MESSAGES: Mutex<Vec<(String, usize)>> = Mutex::new(Vec::new());
    static ERRORS: Mutex<Vec<(c_int, usize)>> = Mutex::new(Vec::new());

    unsafe extern "C" fn keep_message(message: *const c_char, arg: *mut c_void) {
        // SAFETY: messages are C strings, and errno is this thread's own.
        let message = unsafe {
            *libc::__errno_location() = 1;
            CStr::from_ptr(message).to_string_lossy().to_string()
        };
        if message.contains(MARK) {
            report::error(ErrorKind::Corrupted, format_args!("{MARK}, from within output"));
            MESSAGES.lock().unwrap().push((message, arg.addr()));
        }
    }

    unsafe extern "C" fn keep_error(code: c_int, arg: *mut c_void) {
        ERRORS.lock().unwrap().push((code, arg.addr()));
    }

    #[test]
    fn errors_reach_the_registered_functions_once() {
        // SAFETY: both functions can be called anywhere, with any argument.
        unsafe {
            register_output(Some(keep_message), ptr::without_provenance_mut(1));
            register_error(Some(keep_error), ptr::without_provenance_mut(2));
            *libc::__errno_location() = 77;
        }
        report::error(ErrorKind::DoubleFree, format_args!("{MARK} {}", 5));
        // SAFETY: errno is this thread's own.
        assert_eq!(unsafe { *libc::__errno_location() }, 77);
        options::set(Opt::ShowErrors, 0);
        report::error(ErrorKind::InvalidPointer, format_args!("{MARK}, but not wanted"));
        // SAFETY: nothing is called any more.
        unsafe {
            register_output(None, ptr::null_mut());
            register_error(None, ptr::null_mut());
        }
        // SAFETY: tells a number.
        let thread = unsafe { libc::gettid() };
        let message = std::format!("mimalloc: error: thread {thread}: {MARK} 5\n");
        assert_eq!(*MESSAGES.lock().unwrap(), [(message, 1)]);
        let mine = [libc::EFAULT, libc::EAGAIN, libc::EINVAL].map(|code| (code, 2));
        assert_eq!(*ERRORS.lock().unwrap(), mine);
    }

    #[test]
    fn only_hardened_builds_end_at_a_corrupted_heap() {
        let hardened = cfg!(any(feature = "debug", feature = "secure"));
        assert_eq!(ends_process(ErrorKind::Corrupted), hardened);
        assert!(!ends_process(ErrorKind::OutOfMemory) && !ends_process(ErrorKind::DoubleFree));
    }

    /// No thread's heartbeat.
    const HEARTBEAT: u64 = u64::MAX - 1;

    static DEFERRED: Mutex<Vec<(bool, usize)>> = Mutex::new(Vec::new());

    std::thread_local! {
        static ACTIVE: Cell<bool> = const { Cell::new(false) };
    }

    unsafe extern "C" fn free_some(force: bool, heartbeat: c_ulonglong, arg: *mut c_void) {
        if heartbeat == HEARTBEAT {
            ACTIVE.with(|active| run_deferred(active, HEARTBEAT, force));
            DEFERRED.lock().unwrap().push((force, arg.addr()));
        }
    }

    #[test]
    fn deferred_frees_run_once_and_not_within_themselves() {
        ACTIVE.with(|active| run_deferred(active, HEARTBEAT, true));
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { register_deferred_free(Some(free_some), ptr::without_provenance_mut(3)) };
        ACTIVE.with(|active| {
            run_deferred(active, HEARTBEAT, true);
            run_deferred(active, HEARTBEAT, false);
            assert!(!active.get());
        });
        // SAFETY: nothing is called any more.
        unsafe { register_deferred_free(None, ptr::null_mut()) };
        assert_eq!(*DEFERRED.lock().unwrap(), [(true, 3), (false, 3)]);
    }
}
