//! From a thread to its theap, from the first allocation to the last free.

use core::ffi::c_void;
use core::ptr;

use crate::arena;
use crate::gauge::Gauge;
use crate::geometry::GUARDED;
use crate::heap;
use crate::options::{self, Opt};
use crate::os;
use crate::sync::AtomicU32;
use crate::theap::{self, Theap, here};

pub(crate) use crate::theap::here::theap;

/// Threads that allocate.
pub(crate) static THREADS: Gauge = Gauge::new();

/// The calling thread's theap, made if there is none yet.
#[cold]
#[inline(never)]
pub(crate) fn theap_for_alloc() -> Option<*mut Theap> {
    let theap = here::theap();
    // SAFETY: a thread has a default theap at all times.
    if !unsafe { Theap::is_none(theap) } {
        return Some(theap);
    }
    set_up_process();
    // The hooks may have allocated.
    let theap = here::theap();
    // SAFETY: as above.
    if !unsafe { Theap::is_none(theap) } {
        return Some(theap);
    }
    let new = Theap::for_thread(&heap::MAIN)?;
    // What was reported on the way there may have allocated as well.
    let theap = here::theap();
    // SAFETY: as above; nobody knows of the new one.
    unsafe {
        if !Theap::is_none(theap) {
            Theap::retire(new);
            return Some(theap);
        }
    }
    THREADS.add(1);
    // Before anything that might allocate: a nested call finds the theap.
    // SAFETY: the theap is this thread's.
    unsafe { here::set_own(new) };
    os::arm_thread_exit(new.cast());
    Some(new)
}

/// The calling thread's own theap, made if there is none yet, for a thread that frees. A thread that has ended gets none: it
/// would be left behind.
pub(crate) fn theap_for_free() -> Option<*mut Theap> {
    let own = here::own();
    // SAFETY: a thread has a theap of its own at all times.
    if !unsafe { Theap::is_none(own) } {
        return Some(own);
    }
    if own == theap::LATE.as_ptr() {
        return None;
    }
    // What the hooks have made the default may be another one.
    theap_for_alloc().map(|_default| here::own())
}

/// Makes `theap` the one that the calling thread, which uses it, allocates from by default; its own theap if
/// none is given.
pub(crate) fn set_default(theap: Option<*mut Theap>) {
    // SAFETY: the thread uses its default theap at all times, and the one that is given.
    unsafe { here::switch_to(theap.unwrap_or_else(here::own)) };
}

/// Sets up what there is before the first theap: for the process once, but what ends threads and hides links may be asked for anew.
fn set_up_process() {
    static DONE: AtomicU32 = AtomicU32::new(0);
    os::on_thread_exit(at_thread_exit);
    #[cfg(any(feature = "debug", feature = "secure"))]
    crate::page::choose_secret();
    if DONE.swap(1, crate::sync::Ordering::Relaxed) == 0 {
        if options::get(Opt::AllowThp) == 0 {
            os::forbid_huge_pages();
        }
        if GUARDED {
            // Asked now: a program that shuts itself in opens no files later.
            os::charges_untouched();
        }
        arena::reserve_at_start();
    }
}

/// The thread's theap gives up all pages. Other destructors may run after this one: they free without a theap, and
/// if they allocate the thread gets a theap once more and this is called again.
unsafe extern "C" fn at_thread_exit(theap: *mut c_void) {
    let theap: *mut Theap = theap.cast();
    // SAFETY: the value is this thread's own theap, as it stored it or is given at its end. The program may allocate once more, and the heap that was the
    // default may have ended.
    unsafe {
        here::switch_to(theap);
        Theap::beat(theap, true);
    }
    // SAFETY: the theap is this thread's own, and nobody uses it from here on.
    let born_ms = unsafe {
        here::set_own(theap::LATE.as_ptr());
        let born_ms = Theap::born_ms(theap);
        Theap::dissolve_bonds(theap);
        Theap::collect(theap, true);
        Theap::retire(theap);
        THREADS.sub(1);
        born_ms
    };
    arena::purge_after_thread(born_ms);
}

/// Does now what happens when the calling thread ends, unless it frees what it put off. If it allocates again it gets a theap once
/// more.
pub(crate) fn end() {
    let own = here::own();
    // SAFETY: a thread has a theap of its own at all times, and with the value taken back its end finds nothing left to do.
    unsafe {
        // What was put off is freed in the middle of something that goes on with the theap.
        if Theap::is_none(own) || Theap::is_deferring(own) {
            return;
        }
        os::arm_thread_exit(ptr::null_mut());
        at_thread_exit(own.cast());
    }
}
