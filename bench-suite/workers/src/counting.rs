//! A global allocator that counts its calls: what crates ask for shows nowhere else.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use workloads::api::{Api, Global, Request};
use workloads::protocol::Counts;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static FREES: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static CROSS_THREAD_FREES: AtomicU64 = AtomicU64::new(0);
static LAST_THREAD: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The number of this thread, or 0 as long as it has none.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

fn this_thread() -> u64 {
    THREAD.with(|number| {
        if number.get() == 0 {
            number.set(LAST_THREAD.fetch_add(1, Ordering::Relaxed) + 1);
        }
        number.get()
    })
}

/// The allocator `A` with a count of every call. A block that changes its size counts as a new one. Each block has
/// the number of the thread that made it in front of it.
#[derive(Debug, Clone, Copy)]
pub struct Counting<A>(pub A);

/// The number of a block's maker, and where the block begins behind it.
const fn tagged(layout: Layout) -> Option<(Layout, usize)> {
    match Layout::new::<u64>().extend(layout) {
        Ok((whole, offset)) => Some((whole, offset)),
        Err(_) => None,
    }
}

impl<A: GlobalAlloc> Counting<A> {
    /// Counts a new block and makes its tag.
    ///
    /// # Safety
    /// `start` is null or a fresh block of [`tagged`] for a block of `size` bytes at `offset`.
    unsafe fn hand_out(start: *mut u8, offset: usize, size: usize) -> *mut u8 {
        if start.is_null() {
            return start;
        }
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
        // SAFETY: the fresh block begins with room for the number, aligned for it.
        unsafe {
            start.cast::<u64>().write(this_thread());
            start.add(offset)
        }
    }

    /// Counts the end of a block that begins with its tag.
    ///
    /// # Safety
    /// `start` came from [`hand_out`](Self::hand_out) and was not freed since.
    unsafe fn take_back(start: *mut u8) {
        // SAFETY: the tag was written when the block was made.
        let maker = unsafe { start.cast::<u64>().read() };
        FREES.fetch_add(1, Ordering::Relaxed);
        CROSS_THREAD_FREES.fetch_add(u64::from(maker != this_thread()), Ordering::Relaxed);
    }
}

// SAFETY: every block is a part of one of `A`, at an offset that keeps its alignment.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((whole, offset)) = tagged(layout) else { return ptr::null_mut() };
        // SAFETY: the layout has the tag at least, and the block is fresh.
        unsafe { Self::hand_out(self.0.alloc(whole), offset, layout.size()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some((whole, offset)) = tagged(layout) else { return ptr::null_mut() };
        // SAFETY: the layout has the tag at least, and the block is fresh.
        unsafe { Self::hand_out(self.0.alloc_zeroed(whole), offset, layout.size()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (whole, offset) = tagged(layout).expect("the block was made, so its layout is possible");
        // SAFETY: the caller hands back a live block with its layout, so its tag lies `offset` in front of it.
        unsafe {
            let start = block.sub(offset);
            Self::take_back(start);
            self.0.dealloc(start, whole);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (whole, offset) = tagged(layout).expect("the block was made, so its layout is possible");
        let Some(new_whole_size) = offset.checked_add(new_size) else { return ptr::null_mut() };
        // SAFETY: the caller hands in a live block with its layout; the offset depends on the alignment only, which
        // stays. A block that could not be resized stays as it is, and is not counted.
        unsafe {
            let start = block.sub(offset);
            let maker = start.cast::<u64>().read();
            let resized = self.0.realloc(start, whole, new_whole_size);
            if !resized.is_null() {
                resized.cast::<u64>().write(maker);
                Self::take_back(resized);
            }
            Self::hand_out(resized, offset, new_size)
        }
    }
}

/// What the whole process asks for, under a [`Counting`] global allocator.
#[derive(Debug, Clone, Copy)]
pub struct WholeProcess;

// SAFETY: every block comes from `Global` unchanged.
unsafe impl Api for WholeProcess {
    const COUNTS: bool = true;
    const WHOLE_PROCESS: bool = true;

    fn alloc(request: Request) -> NonNull<u8> {
        Global::alloc(request)
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        Global::alloc_zeroed(request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { Global::free(block, request) }
    }

    fn take_counts() -> Counts {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counts {
            allocations: take(&ALLOCATIONS),
            frees: take(&FREES),
            bytes: take(&BYTES),
            cross_thread_frees: take(&CROSS_THREAD_FREES),
        }
    }

    /// Gives back what a thread took, which is everybody's.
    fn add_counts(taken: Counts) {
        let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
        add(&ALLOCATIONS, taken.allocations);
        add(&FREES, taken.frees);
        add(&BYTES, taken.bytes);
        add(&CROSS_THREAD_FREES, taken.cross_thread_frees);
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;
    use std::thread;

    use super::*;

    /// Not the global allocator of the tests, so that only this test counts.
    const COUNTING: Counting<System> = Counting(System);

    #[test]
    fn calls_are_counted_and_blocks_keep_alignment_contents_and_maker() {
        WholeProcess::take_counts();
        for align in [1, 8, 64, 4096] {
            let layout = Layout::from_size_align(100, align).expect("a possible layout");
            let larger = Layout::from_size_align(5_000, align).expect("a possible layout");
            // SAFETY: layouts have sizes that are not zero, and every block is used inside of them and freed once.
            unsafe {
                let block = COUNTING.alloc_zeroed(layout);
                assert_eq!(block.add(99).read(), 0);
                block.write_bytes(7, 100);
                let block = COUNTING.realloc(block, layout, larger.size());
                assert!(block.addr().is_multiple_of(align) && block.read() == 7 && block.add(99).read() == 7);
                let address = block.expose_provenance();
                thread::spawn(move || COUNTING.dealloc(ptr::with_exposed_provenance_mut(address), larger))
                    .join()
                    .expect("the thread ends well");
                let block = COUNTING.alloc(layout);
                COUNTING.dealloc(block, layout);
            }
        }
        let counts = WholeProcess::take_counts();
        assert_eq!(counts, Counts { allocations: 12, frees: 12, bytes: 4 * 5_200, cross_thread_frees: 4 });
        assert_eq!(WholeProcess::take_counts(), Counts::default());
        WholeProcess::add_counts(counts);
        assert_eq!(WholeProcess::take_counts(), counts);
    }
}
