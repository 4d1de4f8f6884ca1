//! How much address space is reserved, and when: little at first, more where it is.

mod support;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Barrier;
use std::{env, ptr, thread};

use mimalloc_rs::options::{self, Opt};
use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::stats::Stats;
use mimalloc_rs::{Arena, Heap};
use support::process;

const MIB: usize = 1 << 20;
/// What is reserved at first.
const FIRST: usize = 64 * MIB;

/// So many blocks of 1 MiB, each with its number in it, or as many as there are.
fn blocks(here: ThreadHeap, count: usize) -> Vec<*mut u8> {
    let blocks = (0..count).map(|_| here.malloc(MIB)).take_while(|p| !p.is_null());
    blocks
        .enumerate()
        .map(|(number, p)| {
            // SAFETY: the block is live and large enough.
            unsafe { p.cast::<usize>().write(number) };
            p
        })
        .collect()
}

fn check_and_free(blocks: Vec<*mut u8>) {
    for (number, p) in blocks.into_iter().enumerate() {
        // SAFETY: the block is live and given up.
        unsafe {
            assert_eq!(p.cast::<usize>().read(), number);
            raw::free(p);
        }
    }
}

fn reserved() -> usize {
    usize::try_from(Stats::process().reserved.current).unwrap()
}

#[test]
fn a_program_that_limits_itself_has_the_rest() {
    process::alone("a_program_that_limits_itself_has_the_rest", || {
        assert!(!ThreadHeap::current().malloc(100).is_null());
        assert_eq!(reserved(), FIRST);
        let room = 256 * MIB;
        let before = process::limit(libc::RLIMIT_AS, (process::mapped() + room) as libc::rlim_t);
        let stacks =
            thread::Builder::new().stack_size(room / 2).spawn(|| ThreadHeap::current().malloc(MIB).is_null());
        assert!(!stacks.expect("there is room for a thread").join().unwrap());
        let all = blocks(ThreadHeap::current(), 1000).len() * MIB;
        assert!((room / 2..room + FIRST).contains(&all), "{} MiB", all / MIB);
        process::limit(libc::RLIMIT_AS, before);
    });
}

#[test]
fn a_region_grows_where_it_is() {
    process::alone("a_region_grows_where_it_is", || {
        let all = blocks(ThreadHeap::current(), 1000);
        assert_eq!((all.len(), Arena::all().count()), (1000, 1));
        let arena = Arena::all().next().unwrap();
        assert!(all.iter().all(|&p| arena.contains(p)));
        assert!((1000 * MIB..1400 * MIB).contains(&arena.area().1));
        assert_eq!(reserved(), arena.area().1);
        check_and_free(all);
        let large = ThreadHeap::current().malloc(5000 * MIB);
        assert!(arena.contains(large) && Arena::all().count() == 1);
    });
}

#[test]
fn a_heap_in_a_region_has_it_grow() {
    process::alone("a_heap_in_a_region_has_it_grow", || {
        assert!(!ThreadHeap::current().malloc(100).is_null());
        let heap = Heap::new_in(Arena::all().next().unwrap(), false).unwrap();
        let all = blocks(heap.here().unwrap(), 200);
        assert_eq!((all.len(), Arena::all().count()), (200, 1));
        check_and_free(all);
    });
}

#[test]
fn what_lies_behind_a_region_stays() {
    process::alone("what_lies_behind_a_region_stays", || {
        assert!(!ThreadHeap::current().malloc(100).is_null());
        let (start, size) = Arena::all().next().unwrap().area();
        let behind = start.wrapping_add(size);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: takes the place of nothing.
        let mapped = unsafe {
            libc::mmap(behind.cast(), MIB, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).cast::<u8>()
        };
        assert_eq!(mapped, behind, "nobody holds the room");
        // SAFETY: the memory was mapped above.
        unsafe { mapped.write_bytes(7, MIB) };
        let all = blocks(ThreadHeap::current(), 500);
        assert_eq!((all.len(), Arena::all().count()), (500, 2));
        check_and_free(all);
        // SAFETY: as above.
        let bytes = unsafe { std::slice::from_raw_parts(mapped, MIB) };
        assert!(bytes.iter().all(|&byte| byte == 7));
    });
}

#[test]
fn threads_that_need_room_at_once_do_not_reserve_it_each() {
    process::alone("threads_that_need_room_at_once_do_not_reserve_it_each", || {
        const THREADS: usize = 8;
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    let all = blocks(ThreadHeap::current(), 100);
                    assert_eq!(all.len(), 100);
                    barrier.wait();
                    check_and_free(all);
                });
            }
        });
        let (all, regions) = (reserved(), Arena::all().count());
        // A thread that waits gives up if the other does not run.
        assert!(all < 2000 * MIB && regions <= 2, "{} MiB in {regions} regions", all / MIB);
    });
}

#[test]
fn no_room_is_reserved_where_the_program_forbids_it() {
    process::alone("no_room_is_reserved_where_the_program_forbids_it", || {
        assert!(!ThreadHeap::current().malloc(100).is_null());
        options::set(Opt::DisallowOsAlloc, 1);
        let all = blocks(ThreadHeap::current(), 100);
        assert!((50..=64).contains(&all.len()), "{} blocks of 1 MiB", all.len());
        assert_eq!(reserved(), FIRST);
        options::set(Opt::DisallowOsAlloc, 0);
        check_and_free(blocks(ThreadHeap::current(), 100));
        assert!(reserved() > FIRST);
    });
}

#[test]
fn room_that_would_be_taken_next_is_reserved_at_once() {
    process::alone("room_that_would_be_taken_next_is_reserved_at_once", || {
        const UPWARDS: u64 = libc::ADDR_COMPAT_LAYOUT as u64;
        // SAFETY: asks for, then says how address space is used from the next start of a program on.
        let is_upwards = unsafe {
            let now = libc::personality(0xffff_ffff).cast_unsigned();
            u64::from(now) & UPWARDS != 0 || libc::personality(libc::c_ulong::from(now) | UPWARDS) == -1
        };
        if !is_upwards {
            let error = Command::new(env::current_exe().unwrap()).args(env::args().skip(1)).exec();
            panic!("this program can be started once more: {error}");
        }
        assert!(!ThreadHeap::current().malloc(100).is_null());
        assert!(reserved() > 1 << 30, "{} MiB", reserved() / MIB);
        // SAFETY: a new mapping at a place of the system's choice.
        let other = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(ptr::null_mut(), MIB, libc::PROT_NONE, flags, -1, 0)
        };
        assert_ne!(other, libc::MAP_FAILED);
        check_and_free(blocks(ThreadHeap::current(), 300));
        assert_eq!(Arena::all().count(), 1);
    });
}
