//! Counts what a port asks for: used for `--stats` and tests, absent from timed runs.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::protocol::Counts;

/// The allocator `A` with a count of every call, kept per thread and outside of its memory.
#[derive(Debug, Clone, Copy)]
pub struct Counted<A>(PhantomData<A>);

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { allocations: 0, frees: 0, bytes: 0, cross_thread_frees: 0 }) };
}

fn count(change: impl FnOnce(&mut Counts)) {
    COUNTS.with(|cell| {
        let mut counts = cell.get();
        change(&mut counts);
        cell.set(counts);
    });
}

// SAFETY: every block comes from `A` unchanged.
unsafe impl<A: Api> Api for Counted<A> {
    const COUNTS: bool = true;

    fn alloc(request: Request) -> NonNull<u8> {
        count(|counts| {
            counts.allocations += 1;
            counts.bytes += request.size() as u64;
        });
        A::alloc(request)
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        count(|counts| {
            counts.allocations += 1;
            counts.bytes += request.size() as u64;
        });
        A::alloc_zeroed(request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        count(|counts| counts.frees += 1);
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { A::free(block, request) }
    }

    unsafe fn free_foreign(block: NonNull<u8>, request: Request) {
        count(|counts| {
            counts.frees += 1;
            counts.cross_thread_frees += 1;
        });
        // SAFETY: the caller keeps the contract of `free_foreign`.
        unsafe { A::free_foreign(block, request) }
    }

    /// Counts as one block allocated and one freed, whether or not the address changes.
    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        count(|counts| {
            counts.allocations += 1;
            counts.frees += 1;
            counts.bytes += size as u64;
        });
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { A::realloc(block, old, size) }
    }

    fn take_counts() -> Counts {
        COUNTS.with(Cell::take)
    }

    fn add_counts(other: Counts) {
        count(|counts| {
            counts.allocations += other.allocations;
            counts.frees += other.frees;
            counts.bytes += other.bytes;
            counts.cross_thread_frees += other.cross_thread_frees;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Global;

    #[test]
    fn counts_are_exact_per_thread_and_add_up() {
        type A = Counted<Global>;
        let request = Request::bytes(10);
        let (one, two) = (A::alloc(request), A::alloc_zeroed(request));
        // SAFETY: both blocks are live and freed once.
        unsafe {
            let one = A::realloc(one, request, 30);
            A::free(one, Request::bytes(30));
            A::free_foreign(two, request);
        }
        let elsewhere = std::thread::spawn(A::take_counts).join().expect("the thread ends well");
        assert_eq!(elsewhere, Counts::default());
        let here = A::take_counts();
        assert_eq!(here, Counts { allocations: 3, frees: 3, bytes: 50, cross_thread_frees: 1 });
        A::add_counts(here);
        A::add_counts(here);
        assert_eq!(A::take_counts().bytes, 100);
    }
}
