//! First-class heaps: what is in them, who may use them, and how they end.

mod support;

use std::collections::HashSet;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};

use allocator_api2::vec::Vec as ApiVec;
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Heap, MiMalloc, stats};
use support::heap::{SIZES, check, filled, live, new};
use support::process;

#[test]
fn a_heap_holds_its_blocks_and_no_others() {
    let (one, other) = (new(), new());
    for size in SIZES {
        let p = filled(one.here().unwrap(), size);
        let q = filled(other.here().unwrap(), size);
        let r = filled(ThreadHeap::current(), size);
        assert!(one.contains(p) && !other.contains(p) && !Heap::main().contains(p));
        assert!(other.contains(q) && !one.contains(q));
        assert!(Heap::main().contains(r) && !one.contains(r));
        assert_eq!(Heap::of(p), Some(one_pointer(&one)));
        for p in [p, q, r] {
            check(p, size);
            // SAFETY: the block is live and given up.
            unsafe { raw::free(p) };
        }
    }
    assert!(!one.contains(&raw const one) && Heap::of(&raw const one).is_none(), "the stack is in no heap");
    assert!(!one.contains(std::ptr::null::<u8>()));
}

fn one_pointer(heap: &Heap) -> NonNull<std::ffi::c_void> {
    // SAFETY: the copy is turned back into a pointer at once.
    unsafe { std::ptr::read(heap).into_raw() }
}

#[test]
fn a_visit_shows_exactly_the_blocks_in_use() {
    let heap = new();
    let here = heap.here().unwrap();
    let mut held: Vec<(*mut u8, usize)> = Vec::new();
    for round in 0..2000 {
        let size = SIZES[round % SIZES.len()] % 70_000;
        held.push((filled(here, size), size));
        if round % 3 == 0 {
            let (p, size) = held.swap_remove(round * 7 % held.len());
            check(p, size);
            // SAFETY: the block is live and given up.
            unsafe { raw::free(p) };
        }
    }
    assert_eq!(live(&heap), held.iter().map(|&(p, _)| p.addr()).collect());
    // SAFETY: nobody else uses the heap.
    assert!(unsafe { !heap.visit(true, |_, block| block.is_none()) }, "a visitor can end the visit");
    for (p, _) in held {
        // SAFETY: the blocks are live and given up.
        unsafe { raw::free(p) };
    }
    assert!(live(&heap).is_empty());
}

#[test]
fn destroyed_memory_is_used_again() {
    process::alone("destroyed_memory_is_used_again", || {
        let before = process::resident();
        for _ in 0..200 {
            let heap = new();
            let here = heap.here().unwrap();
            for size in SIZES {
                for _ in 0..(1 << 20) / size.max(1024) {
                    filled(here, size);
                }
            }
            heap.destroy();
        }
        let after = process::resident();
        assert!(after < before + (256 << 20), "200 heaps of 8 MiB left {} MiB", (after - before) >> 20);
    });
}

#[test]
fn blocks_of_a_deleted_heap_live_on_in_the_main_heap() {
    let heap = new();
    let blocks: Vec<_> = (0..5000)
        .map(|n| SIZES[n % SIZES.len()])
        .map(|size| (filled(heap.here().unwrap(), size), size))
        .collect();
    heap.delete();
    let more: Vec<_> = (0..5000).map(|_| filled(ThreadHeap::current(), 100)).collect();
    for (p, size) in blocks {
        assert!(Heap::main().contains(p));
        check(p, size);
        // SAFETY: the block is live and given up.
        unsafe { raw::free(p) };
    }
    for p in more {
        check(p, 100);
        // SAFETY: the block is live and given up.
        unsafe { raw::free(p) };
    }
}

#[test]
fn threads_share_a_heap_and_free_each_others_blocks() {
    const THREADS: usize = 8;
    let heap = new();
    let barrier = Barrier::new(THREADS);
    let (sender, receiver) = mpsc::channel::<(usize, usize)>();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (heap, barrier, sender) = (&heap, &barrier, sender.clone());
            scope.spawn(move || {
                barrier.wait();
                let here = heap.here().unwrap();
                for n in 0..4000 {
                    let size = SIZES[(n + thread) % SIZES.len()];
                    let p = filled(here, size);
                    if n % 4 == 0 {
                        sender.send((p.addr(), size)).unwrap();
                    } else {
                        check(p, size);
                        // SAFETY: the block is live and given up.
                        unsafe { raw::free(p) };
                    }
                }
            });
        }
        drop(sender);
        for (kept, (p, size)) in receiver.iter().enumerate() {
            let p = std::ptr::with_exposed_provenance_mut::<u8>(p);
            check(p, size);
            if kept % 10 != 0 {
                // SAFETY: the block is live and given up.
                unsafe { raw::free(p) };
            }
        }
    });
    assert_eq!(live(&heap).len(), THREADS * 1000 / 10);
    heap.destroy();
}

#[test]
fn a_thread_takes_over_what_an_ended_one_left() {
    let heap = new();
    let areas = |heap: &Heap| {
        let mut areas = 0;
        // SAFETY: nobody else uses the heap.
        unsafe {
            heap.visit(false, |_, _| {
                areas += 1;
                true
            })
        };
        areas
    };
    for _ in 0..100 {
        std::thread::scope(|scope| {
            // Joined, so that it has ended entirely.
            scope.spawn(|| filled(heap.here().unwrap(), 64).addr()).join().unwrap();
        });
    }
    assert_eq!(live(&heap).len(), 100);
    assert_eq!(areas(&heap), 1, "100 threads, one after the other, need one page");
}

#[test]
fn a_thread_can_use_many_heaps_and_outlive_them() {
    for _ in 0..20 {
        let heaps: Vec<_> = (0..300).map(|_| new()).collect();
        let blocks: Vec<_> = heaps.iter().map(|heap| filled(heap.here().unwrap(), 40)).collect();
        for (heap, &p) in heaps.iter().zip(&blocks) {
            assert!(heap.contains(p));
            check(p, 40);
        }
        for (n, heap) in heaps.into_iter().enumerate() {
            if n % 2 == 0 { heap.destroy() } else { heap.delete() }
        }
    }
}

#[test]
fn heaps_end_while_the_threads_that_used_them_end() {
    for _ in 0..200 {
        let heap = new();
        let (sender, receiver) = mpsc::channel();
        let user = std::thread::spawn(move || {
            for size in SIZES {
                filled(heap.here().unwrap(), size);
            }
            sender.send(heap).unwrap();
        });
        receiver.recv().unwrap().destroy();
        user.join().unwrap();
    }
}

#[test]
fn the_default_of_a_thread_can_be_another_heap() {
    std::thread::spawn(|| {
        let heap = new();
        // SAFETY: the heap is this thread's alone.
        let before = unsafe { heap.here().unwrap().set_default() };
        for size in SIZES {
            let p = filled(ThreadHeap::current(), size);
            assert!(heap.contains(p));
            // SAFETY: the block is live and given up.
            unsafe { raw::free(p) };
        }
        let main = filled(Heap::main().here().unwrap(), 100);
        assert!(Heap::main().contains(main));
        // SAFETY: the block is live and given up.
        unsafe { raw::free(main) };
        let kept = filled(ThreadHeap::current(), 100);
        heap.delete();
        assert!(
            Heap::main().contains(filled(ThreadHeap::current(), 100)),
            "the main heap is the default again"
        );
        check(kept, 100);
        let _ = before;
    })
    .join()
    .unwrap();
}

/// What a thread keeps of blocks of the main heap goes back when it collects, whatever its default heap is by then.
#[test]
fn blocks_of_the_main_heap_go_back_whatever_the_default() {
    process::alone("blocks_of_the_main_heap_go_back_whatever_the_default", || {
        const SIZE: usize = 100_000;
        let blocks = [0; 2].map(|_| filled(ThreadHeap::current(), SIZE));
        let heap = new();
        let start = process::resident();
        // SAFETY: the heap is this thread's alone; the blocks are live and given up.
        unsafe {
            raw::free(blocks[0]);
            let before = heap.here().unwrap().set_default();
            raw::free(blocks[1]);
            let _ = before;
        }
        ThreadHeap::current().collect(true);
        let gone = start.saturating_sub(process::resident());
        assert!(gone > SIZE * 3 / 2, "{gone} bytes");
    });
}

/// A full page of a thread that has ended belongs to whoever frees into it: to that thread, not to its default heap.
#[test]
fn pages_of_the_main_heap_stay_there_whatever_the_default() {
    let left: Vec<usize> = std::thread::spawn(|| {
        (0..2000).map(|_| filled(ThreadHeap::current(), 1000).expose_provenance()).collect()
    })
    .join()
    .unwrap();
    let block = |at: usize| std::ptr::with_exposed_provenance_mut::<u8>(left[at]);
    let heap = new();
    // SAFETY: the heap is this thread's alone; the blocks are live and given up.
    unsafe {
        let before = heap.here().unwrap().set_default();
        (0..2000).filter(|at| at % 3 != 0).for_each(|at| raw::free(block(at)));
        (0..3000).for_each(|_| assert!(heap.contains(filled(ThreadHeap::current(), 1000))));
        let _ = before;
    }
    heap.destroy();
    let more: Vec<_> = (0..3000).map(|_| filled(ThreadHeap::current(), 1000)).collect();
    for p in (0..2000).step_by(3).map(block) {
        assert!(Heap::main().contains(p));
        check(p, 1000);
    }
    more.iter().for_each(|&p| check(p, 1000));
}

#[test]
fn reallocating_in_a_heap_moves_a_block_there() {
    let heap = new();
    for size in SIZES {
        let p = filled(ThreadHeap::current(), size);
        // SAFETY: the block is live and given up for the new one.
        let q = unsafe { heap.here().unwrap().realloc(p, size) };
        assert!(heap.contains(q));
        check(q, size);
    }
}

#[test]
fn reallocating_finds_the_heap_of_a_block_whoever_owns_its_page() {
    let (heap, size) = (new(), 100);
    // Most of their pages are full, so that nobody owns them.
    let blocks: Vec<_> = (0..3000).map(|_| filled(ThreadHeap::current(), size).expose_provenance()).collect();
    let go_round = || {
        let (main, part) = (ThreadHeap::current(), heap.here().unwrap());
        for &p in &blocks {
            let mut p = std::ptr::with_exposed_provenance_mut(p);
            for (is_main, here) in [(true, main), (false, part), (false, part), (true, main)] {
                // SAFETY: the block is live and given up for the new one.
                p = unsafe { here.realloc(p, size) };
                assert_eq!((Heap::main().contains(p), heap.contains(p)), (is_main, !is_main));
                check(p, size);
            }
            // SAFETY: the block is live and given up.
            unsafe { raw::free(p) };
        }
    };
    std::thread::scope(|scope| scope.spawn(go_round).join().unwrap());
}

#[test]
fn collections_work_in_a_heap() {
    let heap = new();
    let mut words: ApiVec<ApiVec<u64, &Heap>, &Heap> = ApiVec::new_in(&heap);
    for n in 0..200 {
        let mut numbers = ApiVec::new_in(&heap);
        numbers.extend(0..n);
        words.push(numbers);
    }
    assert!(heap.contains(words.as_ptr()) && heap.contains(words[199].as_ptr()));
    assert_eq!(
        words.iter().map(|numbers| numbers.iter().sum::<u64>()).sum::<u64>(),
        (0..200u64).map(|n| (0..n).sum::<u64>()).sum::<u64>()
    );
    words.shrink_to_fit();
    let zeroed: ApiVec<u8, MiMalloc> = ApiVec::with_capacity_in(10, MiMalloc);
    assert!(Heap::main().contains(zeroed.as_ptr()));
    drop(words);
    assert!(live(&heap).is_empty());
}

#[test]
fn a_thread_that_changes_its_default_all_the_time_uses_both_heaps_pages_in_full() {
    const BLOCKS: usize = 5000;
    std::thread::spawn(|| {
        let heap = new();
        let (mut own, mut others) = (HashSet::new(), HashSet::new());
        let place = || filled(ThreadHeap::current(), 64).addr() >> 16;
        for _ in 0..BLOCKS {
            own.insert(place());
            // SAFETY: the heap is this thread's alone.
            let before = unsafe { heap.here().unwrap().set_default() };
            others.extend([place(), place()]);
            // SAFETY: the thread's own heap does not end before the thread.
            let _ = unsafe { before.set_default() };
        }
        assert!(own.len() <= 10, "{} pages of the thread's own", own.len());
        assert!(others.len() <= 20, "{} pages of the heap", others.len());
        heap.destroy();
    })
    .join()
    .unwrap();
}

#[test]
fn a_heap_ends_while_a_thread_that_used_it_asks_for_statistics() {
    const ROUNDS: usize = 5000;
    let (hand, handed) = mpsc::channel::<Arc<Heap>>();
    let (says, said) = mpsc::channel();
    static MET: AtomicUsize = AtomicUsize::new(0);
    // Both threads leave it at the same time.
    let meet = |round: usize| {
        MET.fetch_add(1, Ordering::Relaxed);
        let mut turns = 0;
        while MET.load(Ordering::Relaxed) < 2 * round {
            turns += 1;
            if turns < 10_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    };
    std::thread::scope(move |threads| {
        threads.spawn(move || {
            for (round, heap) in (1..).zip(handed) {
                for size in (8..240).step_by(8) {
                    let here = heap.here().expect("memory for this thread's part");
                    (0..20).for_each(|_| assert!(!here.malloc(size).is_null()));
                }
                drop(heap);
                says.send(()).unwrap();
                meet(round);
                (0..round / 40 % 50).for_each(|_| std::hint::spin_loop());
                assert!(stats::spans().count() > 0);
            }
        });
        for round in 1..=ROUNDS {
            let heap = Arc::new(new());
            hand.send(Arc::clone(&heap)).unwrap();
            said.recv().unwrap();
            meet(round);
            (0..round % 40).for_each(|_| std::hint::spin_loop());
            drop(heap);
        }
        drop(hand);
    });
}
