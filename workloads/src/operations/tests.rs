use std::cell::RefCell;

use super::*;
use crate::api::Global;
use crate::counted::Counted;
use crate::protocol::Counts;
use crate::rows::Preset;
use crate::strict::Strict;

/// What an operation asks for when it is done `times` times, and what comes out.
fn counted<O: Operation>(times: u64) -> (u64, Counts) {
    Counted::<Global>::take_counts();
    let mut operation = O::prepare::<Counted<Global>>();
    let sum = operation.repeat::<Counted<Global>>(times);
    operation.finish::<Counted<Global>>();
    (sum, Counted::<Global>::take_counts())
}

fn checksum<A: Api>(row: &str) -> Option<String> {
    let params = Params { preset: Preset::Current, size: Size::Check, threads: 2, ops: Some(300) };
    find::<A>(row).expect("it is one of the rows")(&params, &mut Meter::default()).unwrap().checksum
}

#[test]
fn all_of_them_free_what_they_made_and_find_what_they_wrote() {
    for row in OPERATIONS {
        let seen = checksum::<Strict>(row);
        assert_eq!(seen, checksum::<Global>(row), "{row}");
        assert_ne!(seen, Some(digest([300, 0])), "{row}");
    }
    assert!(find::<Global>("nonsense").is_none());
}

#[test]
fn they_do_as_much_as_they_say() {
    let of = |allocations, bytes, cross_thread_frees| Counts {
        allocations,
        frees: allocations,
        bytes,
        cross_thread_frees,
    };
    assert_eq!(counted::<Pair<32, 8>>(7), (21, of(7, 7 * 32, 0)));
    assert_eq!(counted::<Batch<true>>(2), (2 * 4950 + 100, of(200, 200 * 64, 0)));
    assert_eq!(counted::<HandOver>(3), (3000, of(3000, 3000 * 64, 3000)));
    assert_eq!(counted::<Exchange>(3), (6000, of(6000, 6000 * 64, 6000)));
    let (_, counts) = counted::<Replacement>(5);
    assert_eq!((counts.allocations, counts.frees), (100_005, 100_005));
    let mean = counts.bytes / counts.allocations;
    assert!((255..260).contains(&mean), "{mean}");
}

#[test]
fn a_hand_over_goes_on_where_it_ended() {
    fn goes_on<O: Operation>(each: u64) {
        let mut operation = O::prepare::<Strict>();
        assert_eq!([1, 2, 3].map(|times| operation.repeat::<Strict>(times)), [each, 2 * each, 3 * each]);
    }
    goes_on::<HandOver>(1_000);
    goes_on::<Exchange>(2_000);
}

thread_local! {
    static ADDRESSES: RefCell<(Vec<usize>, Vec<usize>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Writes down what it hands out and what it gets back.
struct Recorded;

// SAFETY: every block comes from `Global` unchanged.
unsafe impl Api for Recorded {
    fn alloc(request: Request) -> NonNull<u8> {
        let block = Global::alloc(request);
        ADDRESSES.with_borrow_mut(|(made, _)| made.push(block.addr().get()));
        block
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        Global::alloc_zeroed(request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        ADDRESSES.with_borrow_mut(|(_, freed)| freed.push(block.addr().get()));
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { Global::free(block, request) }
    }
}

#[test]
fn batches_are_freed_in_their_order() {
    Batch::<false>::prepare::<Recorded>().repeat::<Recorded>(1);
    let (made, freed) = ADDRESSES.take();
    assert_eq!((made.len(), &made), (100, &freed));
    Batch::<true>::prepare::<Recorded>().repeat::<Recorded>(1);
    let (made, freed) = ADDRESSES.take();
    assert!(made.iter().eq(freed.iter().rev()));
}

/// Hands out zeroes that are none, and moves blocks without what is in them.
struct Careless;

// SAFETY: every block comes from `Global`; its contents are not what they should be, which no memory depends on.
unsafe impl Api for Careless {
    fn alloc(request: Request) -> NonNull<u8> {
        Global::alloc(request)
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        let block = Global::alloc(request);
        // SAFETY: the block has this many bytes.
        unsafe { block.write_bytes(1, request.size()) };
        block
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { Global::free(block, request) }
    }

    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        // SAFETY: the caller keeps the contract of `realloc`, and the block has at least one byte.
        unsafe {
            let moved = Global::realloc(block, old, size);
            moved.write(0);
            moved
        }
    }
}

#[test]
fn an_allocator_that_loses_what_blocks_hold_is_found_out() {
    for row in ["grow", "resize", "zeroed"] {
        assert_ne!(checksum::<Careless>(row), checksum::<Global>(row), "{row}");
    }
}
