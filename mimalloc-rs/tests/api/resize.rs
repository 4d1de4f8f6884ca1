//! Blocks that grow and shrink: what they keep, where they lie, and what they gain.

use std::ptr;

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{ErrorKind, Heap, good_size};

use crate::bytes::{bytes, check, check_zero, fill, free, usable};
use crate::support::errors::{refused, without_error};
use crate::{EXACT, KIB, MIB, SLICE, classes, edges};

#[test]
fn contents_are_kept_from_any_size_to_any_other() {
    let here = ThreadHeap::current();
    let sizes = [0, 1, 8, 9, 100, 1024, 1025, 9000, SLICE, SLICE + 1, 200_000, MIB + 1];
    for from in sizes {
        for to in sizes {
            let p = here.malloc(from);
            fill(p, from);
            let kept = usable(p).min(to);
            // SAFETY: the block is live and given up for the result.
            let p = without_error(|| unsafe { here.realloc(p, to) });
            assert!(usable(p) >= to && (!EXACT || usable(p) == to), "{from} to {to}");
            check(p, from, kept);
            fill(p, to);
            free(p);
        }
    }
}

#[test]
fn a_block_stays_while_it_is_at_least_half_full() {
    if EXACT {
        return;
    }
    let here = ThreadHeap::current();
    for class in classes() {
        let mut p = here.malloc(class);
        for size in [class, class / 2, class - 1, class / 2 + 1, class] {
            // SAFETY: the block is live and given up for the result.
            let q = unsafe { here.realloc(p, size.max(1)) };
            assert_eq!(p, q, "{class} to {size}");
            p = q;
        }
        // SAFETY: as above.
        let grown = unsafe { here.realloc(p, class + 1) };
        // One of several KiB may own a slice when it has grown.
        assert!(usable(grown) > class && (usable(grown) == good_size(class + 1) || usable(grown) == SLICE));
        free(grown);
    }
}

#[test]
fn resizing_to_nothing_yields_a_block_of_no_size() {
    let here = ThreadHeap::current();
    for size in [0, 1, 100, 100_000] {
        let (p, q) = (here.malloc(size), here.zalloc(size));
        // SAFETY: the blocks are live and given up for the results.
        let blocks = without_error(|| unsafe { [here.realloc(p, 0), here.rezalloc(q, 0)] });
        for p in blocks {
            assert_eq!(usable(p), if EXACT { 0 } else { 8 });
            free(p);
        }
    }
}

#[test]
fn a_block_that_cannot_grow_is_live_and_unchanged() {
    let here = ThreadHeap::current();
    let heap = Heap::new().unwrap();
    for size in edges() {
        // SAFETY: the blocks are live, and stay so: nothing is given up for null.
        unsafe {
            for there in [here, heap.here().unwrap()] {
                let p = here.zalloc(size);
                fill(p, size);
                let before = usable(p);
                refused(ErrorKind::TooLarge, || there.realloc(p, isize::MAX as usize + 1));
                refused(ErrorKind::TooLarge, || there.rezalloc(p, usize::MAX));
                refused(ErrorKind::OutOfMemory, || there.realloc(p, isize::MAX as usize));
                refused(ErrorKind::OutOfMemory, || there.rezalloc(p, 1 << 48));
                assert!(without_error(|| raw::expand(p, usize::MAX)).is_null());
                assert!(without_error(|| raw::expand(p, isize::MAX as usize)).is_null());
                assert_eq!(usable(p), before);
                check(p, size, before);
                free(p);
            }
        }
    }
    heap.destroy();
}

/// What a block that was allocated zeroed holds: it gains zeros beyond what could be used before.
struct Shadow {
    start: *mut u8,
    contents: Vec<u8>,
}

impl Shadow {
    fn check(&self) {
        let now = bytes(self.start, usable(self.start));
        let wrong = now.iter().zip(&self.contents).position(|(is, wanted)| is != wanted);
        assert!(
            now.len() == self.contents.len() && wrong.is_none(),
            "{} bytes, wrong at {wrong:?}",
            now.len()
        );
    }

    fn resized(&mut self, start: *mut u8, size: usize) {
        assert!(!start.is_null());
        self.start = start;
        assert!(usable(start) >= size);
        self.contents.resize(usable(start), 0);
        self.check();
    }

    /// Writes to every `step`th byte.
    fn write(&mut self, step: usize, byte: u8) {
        for at in (0..self.contents.len()).step_by(step) {
            self.contents[at] = byte;
            // SAFETY: the block is the shadow's, and has this many bytes.
            unsafe { self.start.add(at).write(byte) };
        }
    }
}

#[test]
fn zeroed_blocks_gain_zeros_however_they_got_there() {
    let heap = Heap::new().unwrap();
    let heres = [ThreadHeap::current(), heap.here().unwrap()];
    // Multiplicative steps through all sizes, so that blocks stay, move, and go from runs to pages and back.
    let mut random = 12345usize;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..40 {
        let first = next(5000);
        let start = heres[0].zalloc(first);
        let mut shadow = Shadow { start, contents: vec![0; usable(start)] };
        shadow.check();
        for _ in 0..120 {
            shadow.write(1 + next(40), 1 + next(250) as u8);
            let size = match next(10) {
                0 => next(64),
                1 => next(4 * SLICE),
                2 => SLICE * (1 + next(10)) + next(3) - 1,
                3..6 => shadow.contents.len() * (100 + next(100)) / 100,
                _ => shadow.contents.len() * (30 + next(70)) / 100,
            };
            let here = heres[usize::from(next(8) == 0)];
            // What is freed in between leaves contents where the block might grow to.
            let litter = here.malloc(size);
            fill(litter, 1);
            free(litter);
            // SAFETY: the block is live and given up for the result.
            let p = without_error(|| unsafe {
                if next(4) == 0 {
                    let align = 1 << next(14);
                    let p = here.rezalloc_aligned_at(shadow.start, size.min(MIB), align, 8);
                    assert!((p.addr() + 8).is_multiple_of(align));
                    p
                } else {
                    here.rezalloc(shadow.start, size.min(MIB))
                }
            });
            shadow.resized(p, size.min(MIB));
        }
        free(shadow.start);
    }
    heap.destroy();
}

#[test]
fn expanding_never_moves_and_never_changes_contents() {
    let here = ThreadHeap::current();
    let (mut grown, mut stayed) = (0, 0);
    for size in edges() {
        let p = here.malloc(size);
        fill(p, size);
        let before = usable(p);
        for wanted in [0, size / 2, size, before, before + 1, before + SLICE, 2 * before, before + 300 * KIB]
        {
            let held = usable(p);
            // SAFETY: the block is live.
            let q = without_error(|| unsafe { raw::expand(p, wanted) });
            if q.is_null() {
                assert!(wanted > held && usable(p) == held, "{wanted} of {held}");
                stayed += 1;
            } else {
                assert!(q == p && usable(p) >= wanted && usable(p) >= held, "{wanted} of {held}");
                grown += usize::from(usable(p) > held);
            }
            check(p, size, before);
        }
        if usable(p) > before {
            // What was gained is the block's: nobody else's contents are there.
            let other = here.malloc(before + 1);
            fill(p, 9);
            fill(other, 10);
            check(p, 9, usable(p));
            free(other);
        }
        free(p);
    }
    assert!(stayed > 0 && (grown > 0) != EXACT, "{grown} grew, {stayed} did not");
}

#[test]
fn a_block_does_not_expand_into_its_neighbour() {
    let here = ThreadHeap::current();
    let blocks: Vec<_> = (0..64).map(|n| (here.malloc(SLICE + 1), n)).collect();
    for &(p, n) in &blocks {
        fill(p, n);
    }
    let sizes = blocks.iter().map(|&(p, _)| {
        let before = usable(p);
        // SAFETY: the block is live.
        let q = unsafe { raw::expand(p, before + SLICE) };
        assert!(q == p || q.is_null());
        (p.addr(), usable(p), before)
    });
    let mut sizes: Vec<_> = sizes.collect();
    for (&(p, n), &(_, _, before)) in blocks.iter().zip(&sizes) {
        check(p, n, before);
    }
    sizes.sort_unstable();
    assert!(sizes.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "blocks overlap");
    blocks.into_iter().for_each(|(p, _)| free(p));
}

#[test]
fn any_thread_may_resize_and_measure() {
    for size in [10, 1000, 50_000, 200_000] {
        let p = ThreadHeap::current().zalloc(size);
        fill(p, size);
        let kept = usable(p);
        let address = p.expose_provenance();
        let resized = std::thread::spawn(move || {
            let p = ptr::with_exposed_provenance_mut(address);
            let here = ThreadHeap::current();
            assert_eq!(usable(p), kept);
            // SAFETY: the block is live, and given up for the results.
            without_error(|| unsafe { here.rezalloc(here.realloc(p, kept + 1), 3 * kept) })
                .expose_provenance()
        });
        let p = ptr::with_exposed_provenance_mut(resized.join().unwrap());
        assert!(usable(p) >= 3 * kept);
        check(p, size, kept);
        let fresh = ThreadHeap::current().zalloc(3 * kept);
        check_zero(fresh);
        free(fresh);
        free(p);
    }
}
