//! Output functions that use the allocator, at the moments when it tells of something.

mod support;

use std::ffi::{CStr, c_char, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Heap, hooks};
use support::process::said;

/// What the output function takes blocks of, and those it took.
const TAKEN_SIZE: usize = 8000;
static TAKEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());

unsafe extern "C" fn take_a_block(_: *const c_char, _: *mut c_void) {
    let block = ThreadHeap::current().malloc(TAKEN_SIZE).expose_provenance();
    TAKEN.lock().expect("nobody panics with it").push(block);
}

#[test]
fn an_output_function_may_allocate_while_memory_is_got() {
    let variables = [("MIMALLOC_VERBOSE", "1"), ("MIMALLOC_ARENA_RESERVE", "32MiB")];
    said("an_output_function_may_allocate_while_memory_is_got", &variables, || {
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_output(Some(take_a_block), ptr::null_mut()) };
        let taken = || TAKEN.lock().expect("nobody panics with it").len();
        let mut blocks = vec![ThreadHeap::current().malloc(TAKEN_SIZE)];
        let at_first = taken();
        while taken() < at_first + 3 && blocks.len() < 100_000 {
            blocks.push(ThreadHeap::current().malloc(TAKEN_SIZE));
        }
        assert!(taken() >= at_first + 3, "more regions were reserved");
        // SAFETY: nothing is called any more; the blocks are live and given up.
        unsafe {
            hooks::register_output(None, ptr::null_mut());
            blocks.into_iter().for_each(|block| raw::free(block));
            for &block in TAKEN.lock().expect("nobody panics with it").iter() {
                raw::free(ptr::with_exposed_provenance_mut(block));
            }
        }
        ThreadHeap::current().collect(true);
        let stats = Stats::process();
        let bin = stats.bins().find(|bin| bin.block_size >= TAKEN_SIZE).expect("a class");
        assert_eq!((bin.blocks.current, bin.pages.current), (0, 0), "no page was forgotten");
    });
}

fn is_of_memory_that_went_back(said: *const c_char) -> bool {
    // SAFETY: a message is a string.
    unsafe { CStr::from_ptr(said) }.to_bytes().windows(4).any(|word| word == b"gave")
}

/// Blocks of pages that stay in use until memory goes back.
static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

unsafe extern "C" fn free_what_is_kept(said: *const c_char, _: *mut c_void) {
    if is_of_memory_that_went_back(said) {
        for block in std::mem::take(&mut *KEPT.lock().expect("nobody panics with it")) {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(ptr::with_exposed_provenance_mut(block)) };
        }
    }
}

#[test]
fn an_output_function_may_free_while_pages_are_ended() {
    const SIZE: usize = 512;
    const COUNT: usize = 100_000;
    said("an_output_function_may_free_while_pages_are_ended", &[("MIMALLOC_VERBOSE", "2")], || {
        // SAFETY: ends this process if it hangs.
        unsafe { libc::alarm(60) };
        let here = ThreadHeap::current();
        let take = || (0..COUNT).map(|_| here.malloc(SIZE).expose_provenance()).collect::<Vec<_>>();
        let page = |block: usize| block >> 16;
        let mut last = 0;
        // The thread frees one block of each page, another one the rest of most, and of some nobody does for now.
        let (mine, others): (Vec<_>, Vec<_>) =
            take().into_iter().partition(|&block| page(std::mem::replace(&mut last, block)) != page(block));
        let (kept, others) = others.into_iter().partition(|&block| page(block) % 8 == 1);
        let free = |blocks: Vec<usize>| {
            // SAFETY: the blocks are live and given up.
            blocks.into_iter().for_each(|p| unsafe { raw::free(ptr::with_exposed_provenance_mut(p)) });
        };
        free(mine);
        std::thread::scope(|scope| drop(scope.spawn(|| free(others))));
        *KEPT.lock().expect("nobody panics with it") = kept;
        // SAFETY: the function can be called anywhere, with any argument.
        unsafe { hooks::register_output(Some(free_what_is_kept), ptr::null_mut()) };
        let end = Instant::now() + Duration::from_secs(10);
        while !KEPT.lock().expect("nobody panics with it").is_empty() && Instant::now() < end {
            free((0..64).map(|_| here.malloc(32).expose_provenance()).collect());
        }
        assert!(KEPT.lock().expect("nobody panics with it").is_empty(), "memory went back");
        // SAFETY: nothing is called any more.
        unsafe { hooks::register_output(None, ptr::null_mut()) };
        let mut again = take();
        again.sort_unstable();
        assert!(again.windows(2).all(|pair| pair[1] - pair[0] >= SIZE), "a block was given out twice");
        free(again);
    });
}

/// A heap that is collected, and how often the output function has allocated from it.
static COLLECTED: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static USES: AtomicUsize = AtomicUsize::new(0);
/// Of a class whose turn in a collection is before that of the blocks whose memory goes back.
const USED_SIZE: usize = 9000;

unsafe extern "C" fn use_the_heap(said: *const c_char, _: *mut c_void) {
    let heap = NonNull::new(COLLECTED.load(Ordering::Relaxed));
    if let Some(heap) = heap.filter(|_| is_of_memory_that_went_back(said)) {
        USES.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the heap lives, and is not ended here; the block is live and given up.
        unsafe {
            let heap = ManuallyDrop::new(Heap::from_raw(heap));
            raw::free(heap.here().expect("the thread has its part").malloc(USED_SIZE));
        }
    }
}

#[test]
fn an_output_function_may_use_a_heap_while_it_is_collected() {
    const SIZE: usize = 60_000;
    const COUNT: usize = 600;
    let test = "an_output_function_may_use_a_heap_while_it_is_collected";
    said(test, &[("MIMALLOC_VERBOSE", "2")], || {
        let heap = ManuallyDrop::new(Heap::new().expect("memory for one more heap"));
        let here = heap.here().expect("memory for this thread's part");
        let blocks: Vec<_> = (0..COUNT).map(|_| here.malloc(SIZE).expose_provenance()).collect();
        let free = |block| {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(ptr::with_exposed_provenance_mut(block)) };
        };
        thread::spawn(move || blocks.into_iter().for_each(free)).join().expect("it only frees");
        // SAFETY: the copy is turned back into a pointer at once.
        COLLECTED.store(unsafe { ptr::read(&raw const *heap) }.into_raw().as_ptr(), Ordering::Relaxed);
        // SAFETY: the function is called by this thread only, whose heap does not end meanwhile.
        unsafe { hooks::register_output(Some(use_the_heap), ptr::null_mut()) };
        here.collect(false);
        // SAFETY: nothing is called any more.
        unsafe { hooks::register_output(None, ptr::null_mut()) };
        assert!(USES.load(Ordering::Relaxed) > 0, "memory went back");
        let block = here.malloc(USED_SIZE);
        assert!(heap.contains(block), "its page was ended");
        let others: Vec<_> = (0..5 * COUNT).map(|_| ThreadHeap::current().malloc(SIZE).addr()).collect();
        let holds_block = |other: usize| (other..other + SIZE).contains(&block.addr());
        assert!(!others.into_iter().any(holds_block), "its memory was given out twice");
    });
}

unsafe extern "C" fn collect_more(_: *const c_char, called: *mut c_void) {
    // SAFETY: the test passes its counter; the block is live and given up.
    unsafe {
        (*called.cast::<AtomicUsize>()).fetch_add(1, Ordering::Relaxed);
        raw::free(ThreadHeap::current().malloc(600_000));
    }
    ThreadHeap::current().collect(true);
}

#[test]
fn an_output_function_may_collect_while_memory_goes_back() {
    let verbose = [("MIMALLOC_VERBOSE", "2")];
    said("an_output_function_may_collect_while_memory_goes_back", &verbose, || {
        // SAFETY: ends this process if it hangs.
        unsafe { libc::alarm(60) };
        let called = AtomicUsize::new(0);
        // SAFETY: the function is called with the counter, and not any more when that ends; the block is live and given up.
        unsafe {
            hooks::register_output(Some(collect_more), (&raw const called).cast_mut().cast());
            let before = called.load(Ordering::Relaxed);
            raw::free(ThreadHeap::current().malloc(600_000));
            ThreadHeap::current().collect(true);
            hooks::register_output(None, ptr::null_mut());
            assert!(called.load(Ordering::Relaxed) > before, "memory went back");
        }
    });
}
