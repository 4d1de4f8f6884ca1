//! Threads as the originals make them: `pthread_create` and nothing else, because
//! `std::thread` would put several blocks of its own on the heap under test.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use crate::api::Api;
use crate::fatal::fatal;
use crate::protocol::Counts;

/// The most threads one row may have at a time.
pub(crate) const MAX_THREADS: usize = 512;

/// What a thread is started with.
pub(crate) type Entry = extern "C" fn(*mut c_void) -> *mut c_void;

/// What one thread does. Results are left in the job itself.
pub(crate) trait Job: Send {
    /// Runs on the new thread.
    fn run(&mut self);
}

/// A job, and where its thread leaves what it asked of the allocator.
struct Seat<J> {
    job: *mut J,
    counts: UnsafeCell<Counts>,
}

/// The threads that use the seats; all are joined before this is gone.
struct Crew {
    threads: [libc::pthread_t; MAX_THREADS],
    started: usize,
}

impl Drop for Crew {
    fn drop(&mut self) {
        for &thread in &self.threads[..self.started] {
            // SAFETY: the thread was started joinable and is joined only here.
            unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        }
    }
}

/// Runs every job on its own thread and `meanwhile` on the caller's; returns when all are done.
/// The caller's counts then include those of the threads.
///
/// # Panics
/// If there are more than [`MAX_THREADS`] jobs.
pub(crate) fn run_all<A: Api, J: Job>(jobs: &mut [J], meanwhile: impl FnOnce()) {
    let mut seats = [const { MaybeUninit::<Seat<J>>::uninit() }; MAX_THREADS];
    assert!(jobs.len() <= seats.len(), "the number of threads is checked with the parameters");
    let mut crew = Crew { threads: [0; MAX_THREADS], started: 0 };
    let filled = seats
        .iter_mut()
        .zip(jobs)
        .map(|(seat, job)| &*seat.write(Seat { job, counts: UnsafeCell::default() }));
    for seat in filled {
        let argument = ptr::from_ref(seat).cast_mut().cast();
        crew.threads[crew.started] = start(sit_down::<A, J>, argument, false);
        crew.started += 1;
    }
    let taken = crew.started;
    meanwhile();
    drop(crew);
    for seat in &seats[..taken] {
        // SAFETY: the first `taken` seats were written above, and their threads have ended.
        A::add_counts(unsafe { *seat.assume_init_ref().counts.get() });
    }
}

extern "C" fn sit_down<A: Api, J: Job>(seat: *mut c_void) -> *mut c_void {
    // SAFETY: `run_all` passes a seat that outlives this thread and that only this thread uses.
    let seat = unsafe { &*seat.cast::<Seat<J>>() };
    // SAFETY: the job is borrowed mutably by `run_all` for longer than this thread lives, and each
    // seat has its own.
    unsafe { (*seat.job).run() };
    // SAFETY: nobody else looks at the counts before this thread is joined.
    unsafe { *seat.counts.get() = A::take_counts() };
    ptr::null_mut()
}

/// Starts a thread that nobody waits for. The address of its argument is `index`, and nothing more.
pub(crate) fn start_detached(body: Entry, index: usize) {
    start(body, ptr::without_provenance_mut(index), true);
}

fn start(entry: Entry, argument: *mut c_void, detached: bool) -> libc::pthread_t {
    let mut thread = 0;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let state = if detached { libc::PTHREAD_CREATE_DETACHED } else { libc::PTHREAD_CREATE_JOINABLE };
    // SAFETY: the attributes are initialised by the first call before the others use them, and
    // what `argument` refers to is the business of the two callers above.
    let error: c_int = unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), state);
        let error = libc::pthread_create(&raw mut thread, attributes.as_ptr(), entry, argument);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        error
    };
    if error != 0 {
        fatal(format_args!("cannot start a thread: {}", io::Error::from_raw_os_error(error)));
    }
    thread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Global, Request};
    use crate::counted::Counted;

    struct Allocating(u64, usize);

    impl Job for Allocating {
        fn run(&mut self) {
            for _ in 0..self.1 {
                let request = Request::bytes(3);
                let block = Counted::<Global>::alloc(request);
                // SAFETY: the block is live and freed once.
                unsafe { Counted::<Global>::free(block, request) };
            }
            self.0 = 1;
        }
    }

    #[test]
    fn every_job_runs_once_and_is_counted() {
        let mut jobs: Vec<_> = (0..9).map(|n| Allocating(0, n)).collect();
        let mut called = false;
        run_all::<Counted<Global>, _>(&mut jobs, || called = true);
        assert!(called && jobs.iter().all(|job| job.0 == 1));
        assert_eq!(Counted::<Global>::take_counts().allocations, 36);
    }
}
