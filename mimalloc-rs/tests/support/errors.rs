//! The errors that a call causes in its own thread.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

use mimalloc_rs::{ErrorKind, hooks};

thread_local! {
    /// How many there were, and the last one's code. Noting one allocates nothing.
    static SEEN: Cell<(usize, c_int)> = const { Cell::new((0, 0)) };
}

unsafe extern "C" fn note(code: c_int, _: *mut c_void) {
    SEEN.set((SEEN.get().0 + 1, code));
}

/// What `act` returns, and the error it causes. Panics if there is more than one.
pub(crate) fn error_of<R>(act: impl FnOnce() -> R) -> (R, Option<ErrorKind>) {
    // SAFETY: the function can be called anywhere, with any argument. It stays: other threads look at their own errors.
    unsafe { hooks::register_error(Some(note), ptr::null_mut()) };
    SEEN.set((0, 0));
    let result = act();
    match SEEN.get() {
        (0, _) => (result, None),
        (1, code) => (result, Some(ErrorKind::from_code(code).expect("codes are those of kinds"))),
        (errors, code) => panic!("{errors} errors, the last with code {code}"),
    }
}

/// What `act` returns, which may not cause an error.
pub(crate) fn without_error<R>(act: impl FnOnce() -> R) -> R {
    let (result, error) = error_of(act);
    assert_eq!(error, None);
    result
}

/// Panics unless `act` returns null and causes one error, of this kind.
pub(crate) fn refused(kind: ErrorKind, act: impl FnOnce() -> *mut u8) {
    let (p, error) = error_of(act);
    assert!(p.is_null(), "{p:?} instead of an error");
    assert_eq!(error, Some(kind));
}
