//! Handles of heaps and threads' parts: where they lead, as pointers too, and what ends with what.

use std::collections::HashSet;
use std::ptr;
use std::thread;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Heap, MiMalloc, SubProcess};

use crate::SLICE;
use crate::bytes::{check, fill, free, usable};
use crate::support::errors::without_error;
use crate::support::process;

/// A filled block.
fn block(here: ThreadHeap) -> *mut u8 {
    let p = without_error(|| here.malloc(500));
    fill(p, 1);
    p
}

/// Runs `body` in a thread that is new to the allocator.
fn in_new_thread(body: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(body);
    });
}

#[test]
fn a_new_thread_has_no_part_until_it_allocates() {
    in_new_thread(|| {
        let unborn = ThreadHeap::current();
        assert!(unborn.into_raw().is_null());
        assert_eq!(unborn.heap(), SubProcess::main().heaps().next().unwrap());
        unborn.collect(true);
        // The handle works all the same, for every way to allocate.
        let blocks = [unborn.malloc(100), unborn.zalloc(100_000), unborn.malloc_aligned_at(100, 64, 8)];
        for p in blocks {
            assert!(Heap::main().contains(p));
            free(p);
        }
        let here = ThreadHeap::current();
        assert!(!here.into_raw().is_null() && here != unborn);
        // SAFETY: the pointer comes from this thread; null stands for the thread's own part.
        unsafe {
            assert_eq!(ThreadHeap::from_raw(here.into_raw()), here);
            assert_eq!(ThreadHeap::from_raw(ptr::null_mut()), here);
        }
    });
}

#[test]
fn a_handle_from_before_the_first_block_wastes_nothing() {
    in_new_thread(|| {
        let unborn = ThreadHeap::current();
        let blocks: Vec<_> = (0..1000).map(|_| unborn.malloc(64)).collect();
        let slices: HashSet<_> = blocks.iter().map(|p| p.addr() / SLICE).collect();
        assert!(slices.len() <= 4, "1000 blocks of 64 bytes lie in {} slices", slices.len());
        blocks.into_iter().for_each(free);
    });
}

#[test]
fn such_a_handle_wastes_nothing_of_another_heap_either() {
    in_new_thread(|| {
        let unborn = ThreadHeap::current();
        let heap = Heap::new().unwrap();
        // SAFETY: the heap is this thread's alone.
        unsafe { heap.here().unwrap().set_default() };
        let blocks: Vec<_> = (0..1000).map(|_| unborn.malloc(64)).collect();
        assert!(blocks.iter().all(|&p| heap.contains(p)));
        let slices: HashSet<_> = blocks.iter().map(|p| p.addr() / SLICE).collect();
        assert!(slices.len() <= 4, "1000 blocks of 64 bytes lie in {} slices", slices.len());
        blocks.into_iter().for_each(free);
        heap.destroy();
    });
}

#[test]
fn what_others_freed_does_not_outlive_its_heap() {
    for _ in 0..20 {
        let heap = Heap::new().unwrap();
        let run = heap.here().unwrap().malloc(3 * SLICE).expose_provenance();
        in_new_thread(|| free(ptr::with_exposed_provenance_mut(run)));
        heap.destroy();
        // This one lies where the run was; the next heap has the theap of the last one.
        let kept = ThreadHeap::current().malloc(3 * SLICE);
        fill(kept, 6);
        let heap = Heap::new().unwrap();
        let other = heap.here().unwrap().malloc(3 * SLICE);
        fill(other, 7);
        assert!(Heap::main().contains(kept) && usable(kept) >= 3 * SLICE);
        check(kept, 6, 3 * SLICE);
        heap.destroy();
        free(kept);
    }
}

#[test]
fn pages_that_nobody_owns_stay_in_the_main_heap() {
    in_new_thread(|| {
        let left: Vec<usize> = thread::scope(|scope| {
            let ended =
                scope.spawn(|| (0..1000).map(|_| block(ThreadHeap::current()).expose_provenance()).collect());
            ended.join().unwrap()
        });
        let heap = Heap::new().unwrap();
        // SAFETY: the heap is this thread's alone.
        unsafe { heap.here().unwrap().set_default() };
        let (freed, kept): (Vec<_>, Vec<_>) = (0..1000).partition(|n| n % 2 == 0);
        let at = |n: usize| ptr::with_exposed_provenance_mut::<u8>(left[n]);
        freed.into_iter().for_each(|n| free(at(n)));
        assert!(kept.iter().all(|&n| Heap::main().contains(at(n))), "a free moves nothing to another heap");
        heap.destroy();
        for n in kept {
            check(at(n), 1, usable(at(n)));
            free(at(n));
        }
    });
}

#[test]
fn a_part_leads_to_its_heap_and_back() {
    let heap = Heap::new().unwrap();
    let here = heap.here().unwrap();
    assert_eq!(Some(here), heap.here());
    let p = block(here);
    assert_eq!(Some(here.heap()), Heap::of(p));
    // SAFETY: the pointer comes from this thread, and the heap lives.
    assert_eq!(unsafe { ThreadHeap::from_raw(here.into_raw()) }, here);
    let (home, own) = (here.heap(), here.into_raw().addr());
    let raw = heap.into_raw();
    assert_eq!(raw, home);
    check(p, 1, usable(p));
    // SAFETY: the heap lives, and this value is the only one.
    let heap = unsafe { Heap::from_raw(raw) };
    assert!(heap.contains(p) && !heap.is_main() && Heap::main().is_main());
    in_new_thread(|| {
        let other = heap.here().unwrap().into_raw();
        assert!(!other.is_null() && other.addr() != own, "two threads have one part");
    });
    heap.destroy();
    assert_eq!(Heap::main().here().unwrap().heap(), Heap::of(block(ThreadHeap::current())).unwrap());
}

#[test]
fn a_default_can_be_changed_and_changed_back() {
    in_new_thread(|| {
        let heaps = [Heap::new().unwrap(), Heap::new().unwrap()];
        free(block(ThreadHeap::current()));
        let own = ThreadHeap::current();
        // SAFETY: the heaps are this thread's alone.
        unsafe {
            assert_eq!(heaps[0].here().unwrap().set_default(), own);
            assert_eq!(ThreadHeap::current(), heaps[0].here().unwrap());
            assert_eq!(heaps[1].here().unwrap().set_default(), heaps[0].here().unwrap());
        }
        // Every way to allocate follows; the main heap can still be named.
        let p = block(ThreadHeap::current());
        let numbers = allocator_api2::vec::Vec::<u64, MiMalloc>::with_capacity_in(10, MiMalloc);
        assert!(heaps[1].contains(p) && heaps[1].contains(numbers.as_ptr()));
        let main = block(Heap::main().here().unwrap());
        assert!(Heap::main().contains(main));
        free(main);
        drop(numbers);
        let [zeroth, first] = heaps;
        zeroth.destroy();
        assert!(first.contains(block(ThreadHeap::current())), "another heap's end changes nothing");
        first.destroy();
        assert_eq!(ThreadHeap::current(), own);
        free(block(ThreadHeap::current()));
    });
}

#[test]
fn a_thread_can_be_done_and_begin_again() {
    in_new_thread(|| {
        let heap = Heap::new().unwrap();
        // SAFETY: no handle is used after the thread was done; the heap is this thread's alone.
        unsafe {
            raw::thread_done();
            let kept = block(ThreadHeap::current());
            let in_heap = block(heap.here().unwrap());
            heap.here().unwrap().set_default();
            for _ in 0..3 {
                raw::thread_done();
                assert!(ThreadHeap::current().into_raw().is_null());
                raw::thread_done();
                let p = block(ThreadHeap::current());
                assert!(Heap::main().contains(p), "a default ends with the thread");
                free(p);
                free(block(heap.here().unwrap()));
            }
            raw::thread_done();
            check(kept, 1, usable(kept));
            check(in_heap, 1, usable(in_heap));
            free(kept);
            free(in_heap);
        }
        heap.delete();
    });
}

#[test]
fn a_heap_may_keep_its_blocks() {
    let arena = mimalloc_rs::Arena::reserve(0, mimalloc_rs::Reserve::default()).unwrap();
    for heap in [Heap::new_keeping_blocks().unwrap(), Heap::new_in(arena, true).unwrap()] {
        let p = block(heap.here().unwrap());
        heap.destroy();
        assert!(Heap::main().contains(p));
        check(p, 1, usable(p));
        free(p);
    }
}

#[test]
fn a_main_heap_does_not_end() {
    // So that no other test's heap comes or goes.
    process::alone("handles::a_main_heap_does_not_end", || {
        let p = block(Heap::main().here().unwrap());
        // So that the count can fall.
        let _other = Heap::new().unwrap();
        let live = Stats::process().heaps.current;
        for end in [Heap::destroy as fn(Heap), Heap::delete, drop] {
            // SAFETY: the main heap never ends, so there can be any number of values.
            end(unsafe { Heap::from_raw(Heap::of(p).unwrap()) });
            check(p, 1, usable(p));
            let other = block(Heap::main().here().unwrap());
            assert!(Heap::main().contains(other) && SubProcess::current() == SubProcess::main());
            free(other);
        }
        assert_eq!(Stats::process().heaps.current, live);
        free(p);
    });
}

#[test]
fn a_sub_process_is_a_pointer_too() {
    let apart = SubProcess::new().unwrap();
    // SAFETY: the pointer comes from a sub-process that lives.
    let same = unsafe { SubProcess::from_raw(apart.into_raw()) };
    assert!(same == apart && same != SubProcess::main());
    in_new_thread(|| {
        assert!(apart.add_current_thread());
        let p = block(ThreadHeap::current());
        assert_eq!(Heap::of(p), same.heaps().next());
        let main = Heap::of(p).unwrap();
        // SAFETY: the heap lives; to destroy a main heap does nothing.
        unsafe { Heap::from_raw(main) }.destroy();
        check(p, 1, usable(p));
    });
    // SAFETY: its only thread has ended.
    unsafe { apart.destroy() };
    // SAFETY: the first sub-process is left alone.
    unsafe { SubProcess::main().destroy() };
    free(block(ThreadHeap::current()));
}

#[test]
fn collecting_leaves_blocks_alone() {
    let heap = Heap::new().unwrap();
    let here = heap.here().unwrap();
    let blocks: Vec<_> = (0..5000).map(|_| block(here)).collect();
    blocks.iter().step_by(3).for_each(|&p| free(p));
    for force in [false, true] {
        here.collect(force);
        ThreadHeap::current().collect(force);
        MiMalloc.collect(force);
        let kept = blocks.iter().enumerate().filter(|(n, _)| n % 3 != 0);
        kept.for_each(|(_, &p)| check(p, 1, usable(p)));
        free(block(here));
    }
    heap.destroy();
}
