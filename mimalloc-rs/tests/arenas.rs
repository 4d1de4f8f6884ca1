//! Arenas: memory reserved ahead, and memory of the program's own.

mod support;

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use mimalloc_rs::options::{self, Opt};
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Arena, Heap, Manage, Reserve, SubProcess};
use support::process;

const MIB: usize = 1 << 20;

/// Memory from the system that nobody else knows of.
fn mapped(size: usize, protection: i32) -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at a place of the system's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    start.cast()
}

#[test]
fn an_exclusive_arena_serves_its_heaps_alone_until_it_is_full() {
    let arena = Arena::reserve(40 * MIB, Reserve { exclusive: true, ..Reserve::default() }).unwrap();
    let (start, size) = arena.area();
    assert!(size >= 40 * MIB && start.addr().is_multiple_of(Arena::MIN_ALIGN));
    assert!(arena.contains(start) && arena.contains(start.wrapping_add(size - 1)));
    assert!(!arena.contains(start.wrapping_add(size)) && !arena.contains(start.wrapping_sub(1)));
    let elsewhere = ThreadHeap::current().malloc(30 * MIB);
    assert!(!arena.contains(elsewhere));
    // SAFETY: the block is live and given up.
    unsafe { raw::free(elsewhere) };

    let heap = Heap::new_in(arena, false).unwrap();
    let here = heap.here().unwrap();
    let mut taken = 0;
    loop {
        let p = here.malloc(MIB);
        if p.is_null() {
            break;
        }
        assert!(arena.contains(p));
        taken += 1;
    }
    assert!((36..=44).contains(&taken), "{taken} blocks of 1 MiB fit in {size} bytes");
    while !here.malloc(60_000).is_null() {}
    assert!(here.malloc(30_000).is_null(), "there is no room for a page either");
    heap.destroy();
    let again = Heap::new_in(arena, false).unwrap();
    let p = again.here().unwrap().malloc(30 * MIB);
    assert!(arena.contains(p), "a destroyed heap's memory is there for the next");
}

#[test]
fn a_heap_whose_arena_is_full_finds_the_blocks_it_freed() {
    let arena = Arena::reserve(32 * MIB, Reserve { exclusive: true, ..Reserve::default() }).unwrap();
    let heap = Heap::new_in(arena, false).unwrap();
    let here = heap.here().unwrap();
    let blocks: Vec<_> =
        std::iter::repeat_with(|| here.malloc(4096)).take_while(|block| !block.is_null()).collect();
    for at in [blocks.len() - 1, 0, blocks.len() / 2] {
        // SAFETY: the block is live and given up; the test does not use it again.
        unsafe { raw::free(blocks[at]) };
        assert_eq!(here.malloc(4096), blocks[at]);
        assert!(here.malloc(4096).is_null(), "there is no other");
    }
}

#[test]
fn an_exclusive_arena_stays_so_when_its_heap_leaves_blocks_behind() {
    let free = |blocks: &mut Vec<*mut u8>, count| {
        for block in blocks.drain(..count) {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(block) };
        }
    };
    let before = options::get(Opt::PageReclaimOnFree);
    for reclaim in [before, 1] {
        options::set(Opt::PageReclaimOnFree, reclaim);
        let arena = Arena::reserve(32 * MIB, Reserve { exclusive: true, ..Reserve::default() }).unwrap();
        let none_is_taken = || {
            let mut blocks: Vec<_> = (0..10_000).map(|_| ThreadHeap::current().malloc(200)).collect();
            assert!(!blocks.iter().any(|&block| arena.contains(block)), "reclaim: {reclaim}");
            free(&mut blocks, 10_000);
        };
        let heap = Heap::new_in(arena, false).unwrap();
        let mut left: Vec<_> = (0..10_000).map(|_| heap.here().unwrap().malloc(200)).collect();
        free(&mut left, 5_000);
        heap.delete();
        none_is_taken();
        for _ in 0..2 {
            free(&mut left, 2_500);
            none_is_taken();
        }
        let next = Heap::new_in(arena, false).unwrap();
        assert!(!next.here().unwrap().malloc(30 * MIB).is_null(), "all of it came back");
    }
    options::set(Opt::PageReclaimOnFree, before);
}

#[test]
fn an_exclusive_arena_stays_so_in_a_sub_process() {
    let arena = Arena::reserve(32 * MIB, Reserve { exclusive: true, ..Reserve::default() }).unwrap();
    let apart = SubProcess::new().unwrap();
    let in_sub_process = |body: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(apart.add_current_thread());
                body();
            });
        });
    };
    let left = std::sync::Mutex::new(Vec::new());
    in_sub_process(&|| {
        let heap = Heap::new_in(arena, false).unwrap();
        let here = heap.here().unwrap();
        left.lock().unwrap().extend((0..1000).map(|_| here.malloc(200).expose_provenance()));
        left.lock().unwrap().push(here.malloc(MIB).expose_provenance());
        heap.delete();
    });
    let none_is_taken = || {
        for _ in 0..10_000 {
            let block = ThreadHeap::current().malloc(200);
            assert!(!arena.contains(block));
            // SAFETY: the block is live and given up.
            unsafe { raw::free(block) };
        }
    };
    let free = |count| {
        for block in left.lock().unwrap().drain(..count) {
            // SAFETY: the block is live and given up.
            unsafe { raw::free(std::ptr::with_exposed_provenance_mut(block)) };
        }
    };
    in_sub_process(&none_is_taken);
    in_sub_process(&|| {
        none_is_taken();
        free(300);
        none_is_taken();
    });
    // By a thread that does not have the pages.
    free(300);
    in_sub_process(&|| {
        none_is_taken();
        free(401);
        ThreadHeap::current().collect(true);
    });
    let next = Heap::new_in(arena, false).unwrap();
    assert!(!next.here().unwrap().malloc(30 * MIB).is_null(), "all of it came back");
}

#[test]
fn the_program_can_hand_over_memory_of_its_own() {
    let start = mapped(40 * MIB, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: the memory is new.
    unsafe { start.write_bytes(0xaa, 40 * MIB) };
    let how = Manage { committed: true, exclusive: true, ..Manage::default() };
    // SAFETY: the memory is the test's to give.
    let arena = unsafe { Arena::manage(start.wrapping_add(100), 40 * MIB - 100, how) }.unwrap();
    let heap = Heap::new_in(arena, false).unwrap();
    let p = heap.here().unwrap().zalloc(10 * MIB);
    assert!(arena.contains(p));
    // SAFETY: the block has this size.
    let bytes = unsafe { std::slice::from_raw_parts(p, 10 * MIB) };
    assert!(bytes.iter().all(|&byte| byte == 0), "it was not zero before");
    assert_eq!(Arena::from_raw(arena.into_raw().as_ptr()), Some(arena));
    assert_eq!(Arena::from_raw((&raw const heap).cast()), None);
}

#[test]
fn too_little_memory_is_refused() {
    let start = mapped(33 * MIB, libc::PROT_READ | libc::PROT_WRITE);
    for size in [0, 100, 31 * MIB] {
        // SAFETY: the memory is the test's to give.
        assert!(unsafe { Arena::manage(start, size, Manage::default()) }.is_none(), "{size}");
    }
    for start in [0, usize::MAX - 32 * MIB] {
        let start = std::ptr::without_provenance_mut(start);
        // SAFETY: no memory at all, and more than there are addresses.
        assert!(unsafe { Arena::manage(start, 64 * MIB, Manage::default()) }.is_none());
    }
    assert!(Arena::reserve(usize::MAX, Reserve::default()).is_err());
}

#[test]
fn memory_that_lies_in_an_arena_is_refused() {
    let how = Manage { committed: true, exclusive: true, ..Manage::default() };
    let block = ThreadHeap::current().malloc(64 * MIB);
    let memory = mapped(64 * MIB, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: the block stays, and the memory is the test's to give.
    unsafe {
        assert!(Arena::manage(block, 64 * MIB, how).is_none(), "a block");
        assert!(Arena::manage(memory, 33 * MIB, how).is_some());
        assert!(Arena::manage(memory, 64 * MIB, how).is_none(), "once more");
        raw::free(block);
    }
}

#[test]
fn arenas_that_are_asked_for_leave_room_for_memory_on_demand() {
    process::alone("arenas_that_are_asked_for_leave_room_for_memory_on_demand", || {
        let exclusive = Reserve { exclusive: true, ..Reserve::default() };
        let reserved = (0..40).take_while(|_| Arena::reserve(Arena::MIN_SIZE, exclusive).is_ok()).count();
        assert_eq!((reserved, Arena::all().count()), (24, 24));
        let start = mapped(40 * MIB, libc::PROT_READ | libc::PROT_WRITE);
        let how = Manage { committed: true, zero: true, ..Manage::default() };
        // SAFETY: the memory is the test's to give.
        assert!(unsafe { Arena::manage(start, 40 * MIB, how) }.is_none());
        let elsewhere = ThreadHeap::current().malloc(1000);
        assert!(!elsewhere.is_null());
        assert_eq!(Arena::all().count(), 25);
    });
}

#[test]
fn memory_can_be_made_accessible_by_the_program() {
    static ACCESSIBLE: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn commit(
        commit: bool,
        start: *mut c_void,
        size: usize,
        zero: *mut bool,
        arg: *mut c_void,
    ) -> bool {
        assert!(commit);
        // SAFETY: the allocator passes a valid pointer, and the range lies in the memory mapped below.
        unsafe {
            zero.write(true);
            (*arg.cast::<AtomicUsize>()).fetch_add(size, Ordering::Relaxed);
            libc::mprotect(start, size, libc::PROT_READ | libc::PROT_WRITE) == 0
        }
    }
    let start = mapped(64 * MIB, libc::PROT_NONE);
    let commit = Some((commit as mimalloc_rs::CommitFn, (&raw const ACCESSIBLE).cast_mut().cast()));
    // SAFETY: the memory is the test's to give.
    let arena = unsafe {
        Arena::manage(start, 64 * MIB, Manage { zero: true, exclusive: true, commit, ..Manage::default() })
    }
    .unwrap();
    let heap = Heap::new_in(arena, false).unwrap();
    assert_eq!(ACCESSIBLE.load(Ordering::Relaxed), 0);
    let p = heap.here().unwrap().malloc(10 * MIB);
    // SAFETY: the block has this size.
    unsafe { p.write_bytes(1, 10 * MIB) };
    let accessible = ACCESSIBLE.load(Ordering::Relaxed);
    assert!((10 * MIB..20 * MIB).contains(&accessible), "{accessible} bytes");
}

#[test]
fn the_program_may_put_new_memory_where_it_is_asked_to_make_it_accessible() {
    const SIZE: usize = 64 * MIB;
    static SLICES: [AtomicUsize; SIZE / Arena::MIN_ALIGN] = [const { AtomicUsize::new(0) }; _];
    unsafe extern "C" fn commit(
        _: bool,
        start: *mut c_void,
        size: usize,
        zero: *mut bool,
        base: *mut c_void,
    ) -> bool {
        // Another thread, if one comes for the same memory, has used it by the end of this.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: the range lies in the memory mapped below, and the allocator passes a valid pointer.
        unsafe {
            zero.write(true);
            libc::mmap(start, size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        }
        let first = (start.addr() - base.addr()) / Arena::MIN_ALIGN;
        for slice in &SLICES[first..first + size / Arena::MIN_ALIGN] {
            slice.fetch_add(1, Ordering::Relaxed);
        }
        true
    }
    let start = mapped(SIZE, libc::PROT_NONE);
    let before = start.addr().wrapping_neg() % Arena::MIN_ALIGN;
    let start = start.wrapping_add(before);
    let how = Manage {
        exclusive: true,
        commit: Some((commit as mimalloc_rs::CommitFn, start.cast())),
        ..Manage::default()
    };
    // SAFETY: the memory is the test's to give.
    let arena = unsafe { Arena::manage(start, SIZE - before, how) }.unwrap();
    let heap = Heap::new_in(arena, false).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let here = heap.here().unwrap();
                let mut blocks = Vec::new();
                for _ in 0..40 {
                    let block = here.zalloc(200_000);
                    // SAFETY: the block has this size.
                    let bytes = unsafe { std::slice::from_raw_parts_mut(block, 200_000) };
                    assert!(bytes.iter().all(|&byte| byte == 0));
                    bytes.fill(1);
                    blocks.push(bytes);
                }
                assert!(blocks.iter().all(|bytes| bytes.iter().all(|&byte| byte == 1)), "was replaced");
            });
        }
    });
    assert!(SLICES.iter().all(|times| times.load(Ordering::Relaxed) <= 1), "was replaced while in use");
}

/// A heap in memory that the program hands over, which the system shares with others if `shared`.
fn heap_in(shared: bool, how: Manage) -> Heap {
    let sharing = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let (size, protection) = (40 * MIB, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping at a place of the system's choice, which is the test's to give.
    let arena = unsafe {
        let start = libc::mmap(std::ptr::null_mut(), size, protection, sharing | libc::MAP_ANONYMOUS, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        Arena::manage(start.cast(), size, Manage { committed: true, zero: true, exclusive: true, ..how })
    };
    Heap::new_in(arena.unwrap(), false).unwrap()
}

#[test]
fn memory_that_keeps_its_contents_is_not_taken_for_zero() {
    let heap = heap_in(true, Manage::default());
    let here = heap.here().unwrap();
    let p = here.malloc(MIB);
    // SAFETY: the block has this size, and is given up.
    unsafe {
        p.write_bytes(7, MIB);
        raw::free(p);
    }
    here.collect(true);
    let again = here.zalloc(MIB);
    assert_eq!(again, p);
    // SAFETY: the block has this size.
    let bytes = unsafe { std::slice::from_raw_parts(again, MIB) };
    assert!(bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn memory_that_must_not_go_back_stays_when_another_thread_frees_it() {
    for pinned in [false, true] {
        let heap = heap_in(false, Manage { pinned, ..Manage::default() });
        // Of smaller ones it would wait for a while for the thread that made them.
        let p = heap.here().unwrap().malloc(4 * MIB);
        // SAFETY: the block has this size.
        unsafe { p.write_bytes(7, 4 * MIB) };
        let block = p.expose_provenance();
        // SAFETY: the block is live and given up.
        std::thread::spawn(move || unsafe { raw::free(std::ptr::with_exposed_provenance_mut(block)) })
            .join()
            .unwrap();
        // SAFETY: the memory is the test's own, and nobody writes to it meanwhile.
        let left = unsafe { p.add(MIB / 2).read() };
        assert_eq!(left != 0, pinned);
    }
}
