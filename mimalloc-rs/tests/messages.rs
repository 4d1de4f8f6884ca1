//! What a user sees of options and messages: each test looks at the standard error of a process of its own.

mod support;

use std::ffi::{CStr, c_char, c_int, c_ulonglong, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use mimalloc_rs::options::{self, Opt};
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{ErrorKind, hooks, process};
use support::process::said;

/// Frees what was never allocated.
fn misuse() {
    // SAFETY: a pointer that is no block is reported and ignored.
    unsafe { raw::free(ptr::without_provenance_mut(0x1000)) };
}

#[test]
fn a_value_that_is_none_is_told_once() {
    let variables = [("MIMALLOC_PURGE_DELAY", "soon"), ("MIMALLOC_RESET_DELAY", "7")];
    let said = said("a_value_that_is_none_is_told_once", &variables, || {
        assert_eq!(options::get(Opt::PurgeDelay), 1000);
        assert_eq!(options::get(Opt::PurgeDelay), 1000);
    });
    if let Some(said) = said {
        assert!(said.starts_with("mimalloc: warning: "), "{said}");
        assert!(
            said.ends_with("MIMALLOC_PURGE_DELAY does not take `soon`; its value stays 1000\n"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn who_asks_hears_of_former_and_unknown_names() {
    let variables =
        [("MIMALLOC_SHOW_ERRORS", "yes"), ("mimalloc_reset_delay", "7"), ("MIMALLOC_PURGE_DELAI", "8")];
    let said = said("who_asks_hears_of_former_and_unknown_names", &variables, || {
        assert_eq!(options::get(Opt::PurgeDelay), 7);
    });
    if let Some(said) = said {
        assert!(said.contains(": MIMALLOC_RESET_DELAY is deprecated; use MIMALLOC_PURGE_DELAY\n"), "{said}");
        assert!(said.contains(": there is no option MIMALLOC_PURGE_DELAI\n"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
}

#[test]
fn former_and_unknown_names_are_not_told_unasked() {
    let variables = [("MIMALLOC_RESET_DELAY", "7"), ("MIMALLOC_PURGE_DELAI", "8")];
    let said = said("former_and_unknown_names_are_not_told_unasked", &variables, || {
        assert_eq!(options::get(Opt::PurgeDelay), 7);
    });
    let expected = if cfg!(feature = "debug") { 2 } else { 0 };
    if let Some(said) = said {
        assert_eq!(said.lines().count(), expected, "{said}");
    }
}

#[test]
fn misuse_is_told_up_to_the_limit() {
    let said = said("misuse_is_told_up_to_the_limit", &[("MIMALLOC_MAX_ERRORS", "2")], || {
        (0..5).for_each(|_| misuse());
    });
    if let Some(said) = said {
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.lines().all(|line| line.starts_with("mimalloc: error: ")), "{said}");
    }
}

#[test]
fn verbose_lifts_the_limit() {
    let variables = [("MIMALLOC_MAX_ERRORS", "2"), ("MIMALLOC_VERBOSE", "1")];
    let said = said("verbose_lifts_the_limit", &variables, || (0..5).for_each(|_| misuse()));
    if let Some(said) = said {
        assert_eq!(said.lines().filter(|line| line.contains(": error: ")).count(), 5, "{said}");
    }
}

#[test]
fn what_was_never_handed_out_is_no_block() {
    let said = said("what_was_never_handed_out_is_no_block", &[], || {
        let block = ThreadHeap::current().malloc(100);
        for ahead in [2 << 20, 40 << 20] {
            // SAFETY: a pointer that is no block is reported and ignored.
            unsafe { raw::free(block.wrapping_add(ahead)) };
        }
        // SAFETY: the block is freed once.
        unsafe { raw::free(block) };
    });
    if let Some(said) = said {
        assert_eq!(said.lines().filter(|line| line.contains("not an allocated block")).count(), 2, "{said}");
    }
}

unsafe extern "C" fn end_the_thread(is_last: bool, _: c_ulonglong, _: *mut c_void) {
    if is_last {
        // SAFETY: the thread has no handle.
        unsafe { raw::thread_done() };
    }
}

#[test]
fn a_thread_that_is_ended_while_it_ends_does_so_once() {
    let test = "a_thread_that_is_ended_while_it_ends_does_so_once";
    said(test, &[], || {
        let here = || ThreadHeap::current().into_raw().addr();
        let allocates = || {
            let block = ThreadHeap::current().malloc(100);
            // SAFETY: the block is freed once.
            unsafe { raw::free(block) };
        };
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_deferred_free(Some(end_the_thread), ptr::null_mut()) };
        thread::spawn(allocates).join().unwrap();
        // SAFETY: as above.
        unsafe { hooks::register_deferred_free(None, ptr::null_mut()) };
        let alive = Barrier::new(3);
        let (one, other) = thread::scope(|scope| {
            let [one, other] = [0, 1].map(|_| {
                scope.spawn(|| {
                    allocates();
                    alive.wait();
                    here()
                })
            });
            alive.wait();
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_ne!(one, other, "two threads have one theap");
    });
}

static ERRORS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count_invalid_pointers(code: c_int, _: *mut c_void) {
    assert_eq!(ErrorKind::from_code(code), Some(ErrorKind::InvalidPointer));
    ERRORS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn who_wants_no_errors_sees_none_and_the_handler_hears_of_them() {
    let test = "who_wants_no_errors_sees_none_and_the_handler_hears_of_them";
    let said = said(test, &[("MIMALLOC_SHOW_ERRORS", "0")], || {
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_error(Some(count_invalid_pointers), ptr::null_mut()) };
        misuse();
        assert_eq!(ERRORS.load(Ordering::Relaxed), 1);
    });
    assert_eq!(said.unwrap_or_default(), "");
}

static HEARD: Mutex<String> = Mutex::new(String::new());

unsafe extern "C" fn listen(message: *const c_char, _: *mut c_void) {
    // SAFETY: messages are C strings.
    let message = unsafe { CStr::from_ptr(message) }.to_str().expect("messages are text");
    HEARD.lock().expect("nobody panics with it").push_str(message);
}

#[test]
fn what_was_said_before_is_replayed_once() {
    let said = said("what_was_said_before_is_replayed_once", &[], || {
        options::print();
        let mut options = String::new();
        options::write_to(&mut options).expect("a string takes everything");
        for _ in 0..2 {
            // SAFETY: the function can be called anywhere, with any argument.
            unsafe { hooks::register_output(Some(listen), ptr::null_mut()) };
            assert_eq!(*HEARD.lock().expect("nobody panics with it"), options);
        }
        options::print();
        assert_eq!(*HEARD.lock().expect("nobody panics with it"), options.repeat(2));
    });
    if let Some(said) = said {
        assert_eq!(said.matches("MIMALLOC_SHOW_ERRORS=").count(), 1, "{said}");
    }
}

/// A file of the program's own that has the number of the descriptor kept for messages.
#[test]
fn messages_go_to_no_file_but_standard_error() {
    let said = said("messages_go_to_no_file_but_standard_error", &[], || {
        let is_open = |descriptor: &c_int| {
            // SAFETY: asks for a descriptor's flags.
            unsafe { libc::fcntl(*descriptor, libc::F_GETFD) >= 0 }
        };
        let before: Vec<c_int> = (0..1024).filter(is_open).collect();
        process::keep_stderr();
        let kept = (0..1024).find(|descriptor| is_open(descriptor) && !before.contains(descriptor));
        let mut ends = [0; 2];
        // SAFETY: the kept descriptor is nobody else's, and there is room for two.
        unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK), 0);
            assert!(libc::dup2(ends[1], kept.expect("one more descriptor")) >= 0);
        }
        options::print();
        let mut byte = 0_u8;
        // SAFETY: there is room for one byte.
        let length = unsafe { libc::read(ends[0], (&raw mut byte).cast(), 1) };
        assert_eq!(length, -1, "there is something in the pipe");
    });
    if let Some(said) = said {
        assert!(said.contains("MIMALLOC_SHOW_ERRORS="), "{said}");
    }
}

#[test]
fn messages_go_to_the_standard_error_that_was_kept() {
    let said = said("messages_go_to_the_standard_error_that_was_kept", &[], || {
        process::keep_stderr();
        // SAFETY: what is written after this is not for the program's own standard error.
        unsafe { libc::close(libc::STDERR_FILENO) };
        options::print();
    });
    if let Some(said) = said {
        assert!(said.contains("MIMALLOC_SHOW_ERRORS="), "{said}");
    }
}
