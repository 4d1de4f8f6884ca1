//! The allocator interface for collections: [`MiMalloc`] and `&`[`Heap`].

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box as ApiBox;
use allocator_api2::vec::Vec as ApiVec;
use mimalloc_rs::{Heap, MiMalloc};

use crate::bytes::{check, fill, usable};
use crate::support::errors::without_error;
use crate::{MIB, SLICE};

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Runs a test with both kinds of allocator.
fn with_each(test: impl Fn(&dyn Allocator, &dyn Fn(*const u8) -> bool)) {
    test(&MiMalloc, &|p| Heap::main().contains(p));
    let heap = Heap::new().unwrap();
    test(&&heap, &|p| heap.contains(p));
    heap.destroy();
}

/// Panics unless the block is what the layout says; returns where it starts.
fn expect(block: NonNull<[u8]>, layout: Layout) -> *mut u8 {
    let start = block.cast::<u8>().as_ptr();
    assert_eq!(block.len(), layout.size());
    assert!(start.addr().is_multiple_of(layout.align()), "{start:?}: {layout:?}");
    assert!(usable(start) >= layout.size());
    start
}

#[test]
fn every_layout_up_to_a_mebibyte() {
    with_each(|allocator, is_there| {
        for shift in 0..=21 {
            for size in [0, 1, 8, 100, 1024, 9000, SLICE, SLICE + 1, MIB] {
                let layout = layout(size, 1 << shift);
                let plain = without_error(|| allocator.allocate(layout)).unwrap();
                let zeroed = without_error(|| allocator.allocate_zeroed(layout)).unwrap();
                assert_ne!(plain.cast::<u8>(), zeroed.cast::<u8>(), "blocks of no size are blocks too");
                let start = expect(zeroed, layout);
                // SAFETY: the block is zeroed, and has this many bytes.
                assert!(unsafe { zeroed.as_ref() }.iter().all(|&byte| byte == 0));
                assert!(is_there(start) && is_there(expect(plain, layout)));
                fill(start, 1);
                for block in [plain, zeroed] {
                    // SAFETY: the block is live, of this layout, and given up.
                    without_error(|| unsafe { allocator.deallocate(block.cast(), layout) });
                }
            }
        }
    });
}

#[test]
fn blocks_grow_and_shrink_to_other_alignments() {
    with_each(|allocator, is_there| {
        let grown = [
            (0, 1),
            (1, 1),
            (1, 64),
            (100, 8),
            (100, 4096),
            (3000, 16),
            (70_000, 8),
            (70_000, SLICE),
            (MIB, 2),
        ];
        let mut block = allocator.allocate(layout(0, 8)).unwrap();
        let mut before = layout(0, 8);
        for (seed, (size, align)) in grown.into_iter().enumerate() {
            fill(block.cast::<u8>().as_ptr(), seed);
            let after = layout(size, align);
            // SAFETY: the block is live, of the layout before, and given up for one no smaller.
            block = unsafe { allocator.grow(block.cast(), before, after) }.unwrap();
            assert!(is_there(expect(block, after)));
            check(block.cast::<u8>().as_ptr(), seed, before.size());
            before = after;
        }
        for (seed, (size, align)) in grown.into_iter().rev().enumerate() {
            fill(block.cast::<u8>().as_ptr(), seed);
            let after = layout(size, align);
            // SAFETY: as above, for one no larger.
            block = unsafe { allocator.shrink(block.cast(), before, after) }.unwrap();
            assert!(is_there(expect(block, after)));
            check(block.cast::<u8>().as_ptr(), seed, size);
            before = after;
        }
        // SAFETY: the block is live, of this layout, and given up.
        unsafe { allocator.deallocate(block.cast(), before) };
    });
}

#[test]
fn what_is_gained_can_be_zero() {
    with_each(|allocator, _| {
        for (from, to) in
            [(0, 10), (10, 100), (100, 112), (1000, 70_000), (70_000, 131_072), (70_000, 400_000)]
        {
            let block = allocator.allocate(layout(from, 8)).unwrap();
            fill(block.cast::<u8>().as_ptr(), 3);
            // SAFETY: the block is live, of this layout, and given up for a larger one, which is initialised.
            unsafe {
                let block = allocator.grow_zeroed(block.cast(), layout(from, 8), layout(to, 64)).unwrap();
                check(expect(block, layout(to, 64)), 3, from);
                assert!(block.as_ref()[from..].iter().all(|&byte| byte == 0), "{from} to {to}");
                allocator.deallocate(block.cast(), layout(to, 64));
            }
        }
    });
}

#[test]
fn refusal_is_a_value_and_leaves_the_block() {
    with_each(|allocator, _| {
        let most = isize::MAX as usize;
        // The caller has the error in hand, so nobody else is told.
        without_error(|| {
            for layout in [layout(most, 1), layout(most - 4095, 4096), layout(1, 1 << 62), layout(0, 1 << 62)]
            {
                assert!(allocator.allocate(layout).is_err() && allocator.allocate_zeroed(layout).is_err());
            }
            for size in [0, 100, 100_000] {
                let block = allocator.allocate(layout(size, 8)).unwrap();
                let start = block.cast::<u8>();
                fill(start.as_ptr(), 4);
                // SAFETY: the block is live, and stays so until it is given up.
                unsafe {
                    for wanted in [layout(most, 1), layout(1 << 48, 8), layout(size, 1 << 62)] {
                        assert!(allocator.grow(start, layout(size, 8), wanted).is_err());
                        assert!(allocator.grow_zeroed(start, layout(size, 8), wanted).is_err());
                    }
                    assert!(allocator.shrink(start, layout(size, 8), layout(size, 1 << 62)).is_err());
                    check(start.as_ptr(), 4, usable(start.as_ptr()));
                    allocator.deallocate(start, layout(size, 8));
                }
            }
        });
    });
}

#[test]
fn collections_behave_as_those_of_the_standard_library() {
    with_each(|allocator, is_there| {
        let mut ours: ApiVec<u32, _> = ApiVec::new_in(allocator);
        let mut theirs: Vec<u32> = Vec::new();
        for n in 0..20_000u32 {
            match n % 11 {
                0..6 => {
                    ours.push(n);
                    theirs.push(n);
                }
                6 => {
                    ours.extend(0..n % 100);
                    theirs.extend(0..n % 100);
                }
                7 if !theirs.is_empty() => {
                    let at = n as usize % theirs.len();
                    assert_eq!(ours.swap_remove(at), theirs.swap_remove(at));
                }
                8 => {
                    ours.truncate(theirs.len() * 9 / 10);
                    theirs.truncate(theirs.len() * 9 / 10);
                }
                9 if n % 13 == 0 => ours.shrink_to_fit(),
                _ => ours.reserve(n as usize % 300),
            }
            assert_eq!(ours.len(), theirs.len());
        }
        assert_eq!(ours.as_slice(), theirs.as_slice());
        assert!(is_there(ours.as_ptr().cast()));
        let boxed: ApiBox<[u32], _> = ours.clone().into_boxed_slice();
        assert_eq!(&*boxed, theirs.as_slice());
        let nested: ApiVec<ApiBox<String, _>, _> = theirs
            .iter()
            .map(|n| ApiBox::new_in(n.to_string(), allocator))
            .fold(ApiVec::new_in(allocator), |mut all, text| {
                all.push(text);
                all
            });
        assert!(nested.iter().zip(&theirs).all(|(text, n)| ***text == n.to_string()));
        assert!(is_there((&raw const *nested[0]).cast()));
    });
}

#[test]
fn types_without_size_or_with_much_alignment() {
    #[repr(align(8192))]
    struct Aligned([u8; 100]);
    with_each(|allocator, is_there| {
        let boxed = ApiBox::new_in(Aligned([5; 100]), allocator);
        assert!((&raw const *boxed).addr().is_multiple_of(8192) && boxed.0 == [5; 100]);
        assert!(is_there((&raw const *boxed).cast()));
        let mut units = ApiVec::new_in(allocator);
        units.resize(1000, ());
        assert_eq!(units.len(), 1000);
        drop(ApiBox::new_in((), allocator));
    });
}

#[test]
fn the_allocator_knows_its_blocks() {
    let layout = layout(300, 8);
    let block = MiMalloc.allocate_zeroed(layout).unwrap().cast::<u8>().as_ptr();
    // SAFETY: the block is live until it is given up at the end.
    unsafe {
        assert_eq!(MiMalloc.usable_size(block), usable(block));
        assert!(MiMalloc.owns(block) && MiMalloc.owns(block.add(299)) && !MiMalloc.owns(&raw const layout));
        MiMalloc.deallocate(NonNull::new(block).unwrap(), layout);
    }
}
