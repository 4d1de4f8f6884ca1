use core::sync::atomic::Ordering;
use std::vec::Vec;

use super::super::allocate;
use super::super::purge::purge_now;
use super::super::region::{Traits, first};
use super::super::ring::OWNER_NONE;
use super::super::supply::reserve;
use super::*;
use crate::geometry::{DENSE, HUGE_AT_FIRST, SLICE_SIZE, SYSTEM_PAGE_MIN};
use crate::page::{Page, mark_no_page};
use crate::size_class;

/// Has a first region, of which more can be touched than any test here does.
fn prepare() {
    assert!(allocate(1, SLICE_SIZE).is_some() && first().commit(1000 * GROUP_SLICES));
}

/// Hands out slices of a group that no other test uses, from `from` on, where `before` were used already, and others are handed
/// out `meanwhile`. Which slices may hold something afterwards, and whether no huge page was tried.
fn after(group: usize, from: u32, count: u32, before: u64, meanwhile: u64) -> (u64, bool) {
    prepare();
    // Another test has what is free given back.
    assert!(first().group(group).claim(u64::MAX), "nobody uses it");
    mark_no_page(Slice { region: first(), index: group * GROUP_SLICES }, 0, GROUP_SLICES);
    first().group(group).soil(before);
    let is_untried = is_untried_while(first(), group, from, count, meanwhile);
    (first().group(group).dirty(), is_untried)
}

/// The second answer for a group of a region.
fn is_untried_after(region: &'static Region, group: usize, from: u32, count: u32) -> bool {
    is_untried_while(region, group, from, count, 0)
}

fn is_untried_while(region: &'static Region, group: usize, from: u32, count: u32, meanwhile: u64) -> bool {
    let (trial, bits) = (Trial::new(), mask(from, count));
    let before = region.group(group).soil(bits);
    region.group(group).soil(meanwhile);
    let start = group * GROUP_SLICES + from as usize;
    let mut pages = PageChoice::new(&trial, region, start, count as usize, SLICE_SIZE);
    pages.choose(group, bits, before);
    pages.finish();
    trial.is_untried()
}

/// A region of which nobody else has a slice, or gives one back.
fn fresh() -> &'static Region {
    assert!(allocate(1, SLICE_SIZE).is_some(), "so that it is not the first");
    let size = 2 * LARGE_HEAP * SLICE_SIZE;
    let region = reserve(size, false, Traits { exclusive: true, pinned: true, ..Traits::default() });
    region.filter(|region| region.commit(size / SLICE_SIZE)).expect("there is address space")
}

/// Whether touching the start of a place fills it up.
fn fills_up(region: &'static Region, place: usize) -> bool {
    let start = start_of(region, place);
    // SAFETY: the place is the test's own.
    unsafe {
        start.write(1);
        os::is_resident(start.add(HUGE_SIZE - SYSTEM_PAGE_MIN))
    }
}

const LOWER: u64 = mask(0, HUGE_SLICES as u32);

#[test]
fn what_a_huge_page_brings_along_can_go_back() {
    if !are_wanted() {
        return;
    }
    assert_eq!(after(500, 3, 2, 0, 0), (LOWER, false));
    assert_eq!(after(501, 3, 2, !LOWER, 0), (u64::MAX, false));
}

#[test]
fn a_place_that_was_touched_keeps_its_pages() {
    assert_eq!(after(502, 3, 2, 1, 0), (0b11001, true));
    assert_eq!(after(503, 3, 2, 0b11000, 0), (0b11000, true));
}

#[test]
fn a_place_that_others_touched_meanwhile_shows_nothing() {
    if !are_wanted() {
        return;
    }
    assert!(after(510, 3, 2, 0, 1).1);
    let next = 510 * GROUP_PLACES + 1;
    assert_eq!(fills_up(first(), next), fills_up(first(), next + HUGE_AHEAD - 1), "spoken for");
    assert!(!fills_up(first(), next + HUGE_AHEAD));
}

#[test]
fn a_small_heap_has_none_but_behind_blocks_that_fill_one() {
    if !are_wanted() {
        return;
    }
    let last = SMALL_HEAP / GROUP_SLICES - 1;
    assert!(is_untried_after(fresh(), last, 63, 1));
    assert!(is_untried_after(fresh(), last, 1, 32), "a part of each of two");
    assert!(!is_untried_after(fresh(), last, 32, 32));
}

#[test]
fn a_large_heap_has_some_and_one_that_grows_has_them_while_it_is_dense() {
    if !are_wanted() {
        return;
    }
    let (group, place) = (SMALL_HEAP / GROUP_SLICES, SMALL_HEAP_PLACES);
    // So many slices of the first places are free and have memory.
    let is_untried_behind = |resident: &[u32], place| {
        let region = fresh();
        region.high.store(LARGE_HEAP, Ordering::Relaxed);
        for (at, &slices) in resident.iter().enumerate().filter(|&(_, &slices)| slices > 0) {
            region.group(at / GROUP_PLACES).soil(mask(0, slices) << (at * HUGE_SLICES % GROUP_SLICES));
        }
        // SAFETY: the place is the test's own.
        unsafe {
            // As if there had been one.
            os::allow_huge_pages(start_of(region, place), HUGE_SIZE, true);
        }
        let from = (place * HUGE_SLICES % GROUP_SLICES) as u32 + 3;
        let is_untried = is_untried_after(region, group, from, 1);
        assert!(!is_untried || !fills_up(region, place), "small pages");
        is_untried
    };
    const ALL: u32 = HUGE_SLICES as u32;
    const DENSE_SLICES: u32 = (DENSE / SLICE_SIZE) as u32;
    assert!(!is_untried_behind(&[DENSE_SLICES], place));
    assert!(is_untried_behind(&[DENSE_SLICES - 1, ALL, 0, ALL], place), "the last before does not count");
    assert!(!is_untried_behind(&[ALL, 2 * DENSE_SLICES - ALL], place + 1), "as a mean");
    assert!(is_untried_behind(&[ALL, 2 * DENSE_SLICES - ALL - 1], place + 1));
    let first_large = LARGE_HEAP / GROUP_SLICES;
    assert!(is_untried_after(fresh(), first_large - 1, 63, 1));
    let is_untried_if_aligned = |align| {
        let (trial, region) = (Trial::new(), fresh());
        let mut pages = PageChoice::new(&trial, region, LARGE_HEAP, 2, align);
        pages.choose(first_large, 0b11, 0);
        trial.is_untried()
    };
    assert!(!is_untried_if_aligned(2 * SLICE_SIZE));
    assert!(is_untried_if_aligned(4 * SLICE_SIZE), "half of it is passed over");
}

#[test]
fn a_heap_is_dense_at_its_start_by_what_is_linked_there() {
    if !are_wanted() {
        return;
    }
    let region = fresh();
    let is_dense = |places, huge_at| {
        region.huge_at.store(huge_at, Ordering::Relaxed);
        region.is_dense_at_start(places)
    };
    let class = size_class::of(20_000);
    let slices = usize::from(size_class::CLASS[class].slices);
    let taken = (0..HUGE_SLICES).step_by(slices).map(|index| region.allocate_at(index, slices));
    // SAFETY: the slices are taken, and so their pages are the test's own.
    let pages: Vec<_> =
        taken.map(|run| unsafe { Page::init(run.unwrap().first, class, OWNER_NONE) }).collect();
    assert!(!is_dense(1, 0) && !is_dense(1, 1), "nothing is linked, whatever has memory");
    for page in pages {
        // SAFETY: as above.
        unsafe {
            while Page::extendable(page) {
                Page::extend(page);
            }
        }
    }
    assert!(is_dense(1, 0));

    let is_untried_from = |start| {
        let trial = Trial::new();
        let mut pages = PageChoice::new(&trial, region, start, SMALL_HEAP + 1 - start, SLICE_SIZE);
        pages.choose(SMALL_HEAP / GROUP_SLICES, 1, 0);
        trial.is_untried()
    };
    assert!(is_untried_from(HUGE_SLICES - 1), "where a run begins it fills up itself");
    assert!(!is_untried_from(SMALL_HEAP - 1));

    let block = region.allocate_at(HUGE_SLICES, HUGE_SLICES).expect("nobody uses it").first;
    // SAFETY: the slices were taken above.
    unsafe { Page::init_run(block, HUGE_SLICES, 0, 0) };
    assert!(!is_dense(2, 0) && is_dense(2, 0b10), "how much is used of it nobody knows otherwise");
}

#[test]
fn a_large_heap_of_empty_pages_has_no_more_of_them() {
    if !are_wanted() {
        return;
    }
    let place = LARGE_HEAP_PLACES;
    let group = place / GROUP_PLACES;
    let class = size_class::of(1000);
    let is_untried_behind = |are_full: fn(usize) -> bool| {
        let region = fresh();
        for index in 0..LARGE_HEAP {
            let first = region.allocate_at(index, 1).expect("nobody uses it").first;
            // SAFETY: the slice was taken above, and so its page is the test's own.
            unsafe {
                let page = Page::init(first, class, OWNER_NONE);
                Page::extend(page);
                while are_full(index) && Page::extendable(page) {
                    Page::extend(page);
                }
            }
        }
        is_untried_after(region, group, 0, 1)
    };
    assert!(is_untried_behind(|_| false));
    assert!(is_untried_behind(|index| index % 8 == 0));
    assert!(!is_untried_behind(|index| index % 3 == 0));
}

#[test]
fn a_large_heap_of_blocks_at_odd_places_has_no_more_of_them() {
    if !are_wanted() {
        return;
    }
    let group = LARGE_HEAP / GROUP_SLICES;
    let is_untried_behind = |ahead| {
        let region = fresh();
        for index in 0..LARGE_HEAP {
            let first = region.allocate_at(index, 1).expect("nobody uses it").first;
            // SAFETY: the slice was taken above, and so its run is the test's own.
            unsafe { Page::init_run(first, 1, ahead, 0) };
        }
        is_untried_after(region, group, 0, 1)
    };
    assert!(is_untried_behind(8));
    assert!(!is_untried_behind(0), "of large blocks nobody knows");
}

#[test]
fn the_start_of_a_region_is_a_small_heap_again_when_such_a_block_is_gone() {
    let region = fresh();
    for group in [SMALL_HEAP / GROUP_SLICES - 1, LARGE_HEAP / GROUP_SLICES - 1] {
        let start = (group + 1) * GROUP_SLICES - HUGE_SLICES;
        region.allocate_at(start, HUGE_SLICES).expect("nobody uses it");
        PageChoice::new(&Trial::new(), region, start, HUGE_SLICES, SLICE_SIZE).choose(
            group,
            LOWER << HUGE_SLICES,
            0,
        );
        let place = start / HUGE_SLICES;
        // SAFETY: nobody uses the place any more.
        unsafe {
            region.release(start, HUGE_SLICES);
            assert!(os::purge(start_of(region, place), HUGE_SIZE));
        }
        assert!(!fills_up(region, place), "a huge page");
    }
}

#[test]
fn the_first_places_have_a_bit_each() {
    assert_eq!(first_places(&(0..0)), 0);
    assert_eq!(first_places(&(1..3)), 0b110);
    assert_eq!(first_places(&(6..40)), 0b1100_0000);
    assert_eq!(first_places(&(0..8)), u8::MAX);
    assert_eq!(first_places(&(8..500)), 0);
}

#[test]
fn places_that_are_free_go_back_as_a_whole() {
    prepare();
    if !are_wanted() {
        return;
    }
    let of = |free, bits| free_places(first(), free, bits);
    assert_eq!(of(u64::MAX, 1 << 3), LOWER);
    assert_eq!(of(LOWER, 1 << 3 | 1 << 40), LOWER);
    assert_eq!(of(u64::MAX, 1 << 3 | 1 << 40), u64::MAX);
    assert_eq!(of(LOWER & !1, 1 << 3), 0);
}

#[test]
fn a_place_that_came_free_piece_by_piece_may_have_a_huge_page_again() {
    prepare();
    if !are_wanted() {
        return;
    }
    let start = 570 * GROUP_SLICES;
    let ours = start / HUGE_SLICES;
    let other = ours + 1;
    let half = HUGE_SLICES / 2;
    let fills_up = |place| {
        // SAFETY: nobody else uses the place.
        unsafe { os::allow_huge_pages(start_of(first(), place), HUGE_SIZE, true) };
        fills_up(first(), place)
    };
    // SAFETY: nobody else uses these places, and of what is released nothing is needed.
    unsafe {
        fills_up(other);
        for size in [HUGE_SIZE / 2, HUGE_SIZE] {
            assert!(os::purge(start_of(first(), other), size));
        }
        for piece in [start, start + half] {
            first().allocate_at(piece, half).expect("nobody uses it");
        }
        fills_up(ours);
        for piece in [start, start + half] {
            first().release(piece, half);
            while first().group(570).resident() != 0 {
                purge_now();
            }
        }
        assert_eq!(fills_up(ours), fills_up(other), "whether the system lets go of tables at all");
    }
}

#[test]
fn a_run_has_huge_pages_as_far_as_it_is_expected_to_be_used() {
    if !are_wanted() {
        return;
    }
    let (trial, groups) = (Trial::new(), 580..581 + HUGE_AT_FIRST / GROUP_PLACES);
    let start = groups.start * GROUP_SLICES;
    let mut pages = PageChoice::new(&trial, first(), start, groups.len() * GROUP_SLICES, SLICE_SIZE);
    groups.for_each(|group| pages.choose(group, u64::MAX, 0));
    pages.finish();
    let place = start / HUGE_SLICES;
    // SAFETY: the place lies in the region.
    let is_filled = unsafe { os::is_resident(start_of(first(), place + 1)) };
    assert!(!is_filled, "only the first is, at once");
    let whole = |number| fills_up(first(), place + number);
    // Whether there are others is up to the system.
    assert_eq!(whole(1), whole(HUGE_AT_FIRST - 1));
    assert!(!whole(HUGE_AT_FIRST));
}

#[test]
fn a_run_has_none_behind_one_that_nobody_can_have_used_yet() {
    let trial = Trial::new();
    let run = |group| PageChoice::new(&trial, first(), group * GROUP_SLICES, GROUP_SLICES, SLICE_SIZE);
    prepare();
    run(600);
    trial.handed_out(u64::MAX);
    run(601).choose(601, u64::MAX, 0);
    assert!(trial.is_untried());
}
