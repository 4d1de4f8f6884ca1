//! Sub-processes: whose heaps are theirs, and how they end.

mod support;

use std::sync::atomic::Ordering;
use std::sync::mpsc;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Arena, Heap, Reserve, SubProcess, hooks};
use support::heap::{SIZES, check, filled, live, new};
use support::process;

#[test]
fn a_sub_process_keeps_to_itself() {
    let apart = SubProcess::new().expect("memory for one more heap");
    assert!(apart != SubProcess::current());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(apart.add_current_thread() && SubProcess::current() == apart);
            let p = filled(ThreadHeap::current(), 100);
            assert!(!Heap::main().contains(p));
            let heap = new();
            let kept = filled(heap.here().unwrap(), 200);
            assert_eq!(apart.heaps().count(), 2);
            heap.delete();
            assert_eq!(apart.heaps().count(), 1);
            check(kept, 200);
            assert!(!Heap::main().contains(kept), "what is left stays in the sub-process");
            for p in [p, kept] {
                // SAFETY: the block is live and given up.
                unsafe { raw::free(p) };
            }
            filled(ThreadHeap::current(), 100_000);
        });
    });
    // SAFETY: its only thread has ended.
    unsafe { apart.destroy() };
}

/// A scope waits for its threads' closures, not for what they do at their ends.
#[test]
fn a_sub_process_ends_while_its_threads_do() {
    for round in 0..200 {
        let apart = SubProcess::new().expect("memory for one more heap");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    assert!(apart.add_current_thread());
                    for size in SIZES {
                        filled(ThreadHeap::current(), size);
                    }
                });
            }
        });
        // SAFETY: nobody uses its blocks, and its threads allocate nothing any more.
        unsafe { apart.destroy() };
        let heaps: Vec<_> = (0..8).map(|_| new()).collect();
        let blocks: Vec<_> = heaps
            .iter()
            .flat_map(|heap| SIZES.map(|size| (filled(heap.here().unwrap(), size), size)))
            .collect();
        let count: usize = heaps.iter().map(|heap| live(heap).len()).sum();
        assert_eq!(count, blocks.len(), "round {round}");
        blocks.iter().for_each(|&(p, size)| check(p, size));
        heaps.into_iter().for_each(Heap::destroy);
    }
}

#[test]
fn who_ends_the_default_heap_stays_in_its_sub_process() {
    let apart = SubProcess::new().expect("memory for one more heap");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(apart.add_current_thread());
            let heap = new();
            // SAFETY: the heap is this thread's alone.
            let _ = unsafe { heap.here().unwrap().set_default() };
            heap.destroy();
            assert!(SubProcess::current() == apart);
            assert!(!Heap::main().contains(filled(ThreadHeap::current(), 100)));
        });
    });
    // SAFETY: its only thread has ended.
    unsafe { apart.destroy() };
}

/// What a thread is asked at its very end, when destructors of the program have run.
mod last_words {
    use std::cell::{Cell, RefCell};
    use std::ffi::{c_ulonglong, c_void};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender};

    use mimalloc_rs::raw::ThreadHeap;

    thread_local! {
        static IS_ASKED: Cell<bool> = const { Cell::new(false) };
        static PAUSE: RefCell<Option<Pause>> = const { RefCell::new(None) };
    }

    /// Where the asked thread allocates at its end.
    pub(crate) static THEAP: AtomicUsize = AtomicUsize::new(0);

    /// Tells that the thread's destructors run, and has them wait.
    pub(crate) struct Pause(pub(crate) Sender<()>, pub(crate) Receiver<()>);

    impl Drop for Pause {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
        }
    }

    pub(crate) fn ask_after(pause: Pause) {
        IS_ASKED.set(true);
        PAUSE.set(Some(pause));
    }

    pub(crate) unsafe extern "C" fn note(_: bool, _: c_ulonglong, _: *mut c_void) {
        if IS_ASKED.get() {
            THEAP.store(ThreadHeap::current().into_raw().addr(), Ordering::Relaxed);
        }
    }
}

#[test]
fn a_thread_whose_sub_process_is_gone_ends_without_it() {
    let apart = SubProcess::new().expect("memory for one more heap");
    let ((ends, ended), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
    // SAFETY: the function takes any argument.
    unsafe { hooks::register_deferred_free(Some(last_words::note), std::ptr::null_mut()) };
    let thread = std::thread::spawn(move || {
        assert!(apart.add_current_thread());
        filled(ThreadHeap::current(), 100);
        last_words::ask_after(last_words::Pause(ends, goes_on));
        ThreadHeap::current().into_raw().addr()
    });
    ended.recv().unwrap();
    // SAFETY: nobody uses its blocks, and its thread allocates nothing of its own accord any more.
    unsafe { apart.destroy() };
    go_on.send(()).unwrap();
    let gone = thread.join().unwrap();
    // SAFETY: no function is registered any more.
    unsafe { hooks::register_deferred_free(None, std::ptr::null_mut()) };
    let last = last_words::THEAP.load(Ordering::Relaxed);
    assert!(last != 0 && last != gone);
}

/// When its heap ends while no theap is to be had for what that leaves behind: the heap's own goes to the sub-process.
#[test]
fn an_exclusive_arena_stays_so_where_there_are_no_more_theaps() {
    process::alone("an_exclusive_arena_stays_so_where_there_are_no_more_theaps", || {
        const SIZE: usize = 9000;
        let apart = SubProcess::new().expect("memory for one more heap");
        let exclusive = Reserve { exclusive: true, ..Reserve::default() };
        let arena = Arena::reserve(Arena::MIN_SIZE, exclusive).expect("address space for an arena");
        let ((hand, handed), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel::<()>());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                assert!(apart.add_current_thread());
                let heap = Heap::new_in(arena, false).expect("memory for one more heap");
                let left = filled(heap.here().unwrap(), SIZE).expose_provenance();
                hand.send((heap, left)).unwrap();
                // Until then, nobody else has the thread's part of the sub-process.
                goes_on.recv().unwrap();
            });
            let (heap, left) = handed.recv().unwrap();
            let others: Vec<_> =
                std::iter::repeat_with(new).take_while(|heap| heap.here().is_some()).collect();
            heap.delete();
            drop(others);
            let user = scope.spawn(move || {
                assert!(apart.add_current_thread());
                let none_is_taken = || {
                    let blocks = [(); 20].map(|()| filled(ThreadHeap::current(), SIZE));
                    assert!(!blocks.iter().any(|&block| arena.contains(block)));
                };
                none_is_taken();
                let left = std::ptr::with_exposed_provenance_mut(left);
                check(left, SIZE);
                // SAFETY: the block is live and given up.
                unsafe { raw::free(left) };
                none_is_taken();
            });
            let done = user.join();
            go_on.send(()).unwrap();
            done.unwrap();
        });
        let next = Heap::new_in(arena, false).expect("memory for one more heap");
        assert!(!next.here().unwrap().malloc(30 << 20).is_null(), "all of it came back");
        // SAFETY: its threads have ended.
        unsafe { apart.destroy() };
    });
}
