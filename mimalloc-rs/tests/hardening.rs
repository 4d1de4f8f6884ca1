//! Misuse, and who notices it: the ordinary build, that with the feature `debug`, and that with `secure`.

mod support;

use std::collections::HashSet;
#[cfg(feature = "secure")]
use std::ffi::{c_int, c_void};
use std::ptr;
#[cfg(feature = "secure")]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "secure")]
use mimalloc_rs::hooks;
use mimalloc_rs::raw::{self, ThreadHeap};
#[cfg(feature = "secure")]
use mimalloc_rs::stats::Holding;
use mimalloc_rs::{ErrorKind, Heap};
use support::{errors, process};

/// The error that `act` causes, and no more than one.
fn error_of(act: impl FnOnce()) -> Option<ErrorKind> {
    errors::error_of(act).1
}

fn block(size: usize) -> *mut u8 {
    let p = ThreadHeap::current().malloc(size);
    assert!(!p.is_null());
    p
}

#[test]
fn what_is_no_block_cannot_be_freed_or_moved() {
    process::alone("what_is_no_block_cannot_be_freed_or_moved", || {
        let mut local = 7u64;
        let large = block(1 << 20);
        for p in [(&raw mut local).cast(), large.wrapping_add(8), large.wrapping_add(1 << 19), 8 as *mut u8] {
            // SAFETY: not a block, which is the point.
            assert_eq!(error_of(|| unsafe { raw::free(p) }), Some(ErrorKind::InvalidPointer), "{p:?}");
            // SAFETY: as above.
            assert!(unsafe { raw::expand(p, 0) }.is_null());
            for size in [0, 100, 1 << 20] {
                let here = ThreadHeap::current();
                // SAFETY: as above.
                let error = error_of(|| assert!(unsafe { here.realloc(p, size) }.is_null()));
                assert_eq!(error, Some(ErrorKind::InvalidPointer), "{p:?}");
                // SAFETY: as above.
                let error = error_of(|| assert!(unsafe { here.rezalloc(p, size) }.is_null()));
                assert_eq!(error, Some(ErrorKind::InvalidPointer), "{p:?}");
            }
        }
        assert_eq!(local, 7);
        // SAFETY: null may be freed; the block is live and given up once, and then once more.
        unsafe {
            assert_eq!(error_of(|| raw::free(ptr::null_mut())), None);
            assert_eq!(error_of(|| raw::free(large)), None);
            assert_eq!(error_of(|| raw::free(large)), Some(ErrorKind::InvalidPointer));
        }
    });
}

#[cfg(any(feature = "debug", feature = "secure"))]
#[test]
fn a_place_that_was_never_handed_out_cannot_be_freed() {
    process::alone("a_place_that_was_never_handed_out_cannot_be_freed", || {
        let mut blocks: Vec<usize> = (0..40).map(|_| block(48).addr()).collect();
        blocks.sort_unstable();
        let apart = blocks.windows(2).map(|two| two[1] - two[0]).min().expect("there are some");
        let page = blocks[0] & !0xffff;
        let place = ptr::with_exposed_provenance_mut(page + (56 << 10) / apart * apart);
        // SAFETY: not a block, which is the point.
        assert_eq!(error_of(|| unsafe { raw::free(place) }), Some(ErrorKind::InvalidPointer));
    });
}

#[test]
fn a_block_freed_twice_in_a_row_is_noticed() {
    process::alone("a_block_freed_twice_in_a_row_is_noticed", || {
        for size in [1, 16, 100, 5000, 60_000] {
            let (p, _neighbour) = (block(size), block(size));
            // SAFETY: a double free, which is the point.
            unsafe {
                assert_eq!(error_of(|| raw::free(p)), None);
                assert_eq!(error_of(|| raw::free(p)), Some(ErrorKind::DoubleFree), "{size}");
            }
            let (one, other) = (block(size), block(size));
            assert_ne!(one, other, "the block was given out twice");
        }
    });
}

#[test]
fn a_block_freed_twice_by_another_thread_is_noticed() {
    process::alone("a_block_freed_twice_by_another_thread_is_noticed", || {
        let blocks = [1, 16, 100, 5000, 60_000].map(|size| [block(size), block(size), block(size)]);
        let addresses = blocks.map(|three| three.map(|p| p.expose_provenance()));
        std::thread::spawn(move || {
            for [one, other, _] in addresses.map(|three| three.map(ptr::with_exposed_provenance_mut)) {
                // SAFETY: a double free, which is the point.
                unsafe {
                    assert_eq!(error_of(|| raw::free(one)), None);
                    assert_eq!(error_of(|| raw::free(other)), None);
                    assert_eq!(error_of(|| raw::free(one)), Some(ErrorKind::DoubleFree));
                }
            }
        })
        .join()
        .expect("the thread notices all of them");
        if cfg!(any(feature = "debug", feature = "secure")) {
            for [_, other, _] in blocks {
                // SAFETY: a double free, which is the point.
                assert_eq!(error_of(|| unsafe { raw::free(other) }), Some(ErrorKind::DoubleFree));
            }
        }
    });
}

#[test]
fn a_large_block_of_a_heap_freed_twice_by_another_thread_is_noticed() {
    process::alone("a_large_block_of_a_heap_freed_twice_by_another_thread_is_noticed", || {
        let heap = Heap::new().expect("memory for one more heap");
        let here = heap.here().expect("memory for this thread's part");
        let p = here.malloc(200_000).expose_provenance();
        std::thread::spawn(move || {
            for expected in [None, Some(ErrorKind::InvalidPointer)] {
                // SAFETY: a double free, which is the point.
                let error = error_of(|| unsafe { raw::free(ptr::with_exposed_provenance_mut(p)) });
                assert_eq!(error, expected);
            }
        })
        .join()
        .expect("the thread notices it");
        let blocks: HashSet<_> = (0..4).map(|_| here.malloc(200_000)).collect();
        assert_eq!(blocks.len(), 4, "a block was given out twice");
    });
}

#[test]
fn sizes_beyond_all_limits_are_told_from_a_lack_of_memory() {
    process::alone("sizes_beyond_all_limits_are_told_from_a_lack_of_memory", || {
        let here = ThreadHeap::current();
        let ask = |size: usize| error_of(|| assert!(here.malloc(size).is_null()));
        assert_eq!(ask(usize::MAX), Some(ErrorKind::TooLarge));
        assert_eq!(ask(isize::MAX as usize + 1), Some(ErrorKind::TooLarge));
        assert_eq!(ask(isize::MAX as usize - 100), Some(ErrorKind::OutOfMemory));
        assert_eq!(
            error_of(|| assert!(here.malloc_aligned_at(isize::MAX as usize, 16, 0).is_null())),
            Some(ErrorKind::TooLarge)
        );
    });
}

#[cfg(any(feature = "debug", feature = "secure"))]
#[test]
fn any_double_free_and_any_pointer_into_a_block_is_noticed() {
    process::alone("any_double_free_and_any_pointer_into_a_block_is_noticed", || {
        let blocks: Vec<_> = (0..50).map(|_| block(100)).collect();
        // SAFETY: misuse, which is the point.
        unsafe {
            for &p in &blocks[..40] {
                raw::free(p);
            }
            assert_eq!(error_of(|| raw::free(blocks[3])), Some(ErrorKind::DoubleFree));
            assert_eq!(error_of(|| raw::free(blocks[45].add(8))), Some(ErrorKind::InvalidPointer));
            assert_eq!(error_of(|| raw::free(blocks[45].add(1))), Some(ErrorKind::InvalidPointer));
            assert_eq!(error_of(|| raw::free(blocks[45])), None);
        }
    });
}

#[cfg(feature = "debug")]
#[test]
fn writes_behind_a_block_are_noticed_and_contents_show_a_blocks_state() {
    process::alone("writes_behind_a_block_are_noticed_and_contents_show_a_blocks_state", || {
        for size in [0usize, 1, 13, 16, 100, 1024, 5000, 65_000, 200_000, 3 << 20] {
            for behind in [0, 1, 7] {
                let p = block(size);
                // SAFETY: the block is live; then it is written behind its end, which is the point.
                unsafe {
                    assert_eq!(raw::usable_size(p), size, "padding knows what was asked for");
                    assert!((0..size.min(100)).all(|at| p.add(at).read() == 0xd0));
                    // Whatever lies there, another value: a canary may have any.
                    p.add(size + behind).write(!p.add(size + behind).read());
                    assert_eq!(error_of(|| raw::free(p)), Some(ErrorKind::Corrupted), "{size} + {behind}");
                }
            }
        }
        let p = block(1000);
        // SAFETY: the block is read after it was freed, which is the point.
        unsafe {
            raw::free(p);
            assert_eq!(p.add(500).read(), 0xdf);
        }
    });
}

#[cfg(feature = "secure")]
#[test]
fn a_written_link_is_not_followed() {
    process::alone("a_written_link_is_not_followed", || {
        let blocks: Vec<_> = (0..20).map(|_| block(200)).collect();
        // SAFETY: the blocks are live and given up; then a freed one is written to, which is the point.
        unsafe {
            for &p in &blocks {
                raw::free(p);
            }
            blocks[7].cast::<usize>().write(blocks[0].addr());
        }
        let error = error_of(|| {
            for _ in 0..2000 {
                let p = block(200);
                // SAFETY: the block has this size.
                unsafe { p.write_bytes(1, 200) };
            }
        });
        assert_eq!(error, Some(ErrorKind::Corrupted));
    });
}

/// Allocates like the one who met the error.
#[cfg(feature = "secure")]
unsafe extern "C" fn take_a_block(_: c_int, place: *mut c_void) {
    // SAFETY: it is registered with the place of a pointer.
    unsafe { place.cast::<*mut u8>().write(block(200)) };
}

#[cfg(feature = "secure")]
#[test]
fn who_is_told_of_a_written_link_gets_a_block_of_its_own() {
    process::alone("who_is_told_of_a_written_link_gets_a_block_of_its_own", || {
        let blocks: Vec<_> = (0..20).map(|_| block(200)).collect();
        let mut taken: *mut u8 = ptr::null_mut();
        // SAFETY: the blocks are live and given up; then a freed one is written to, which is the point.
        unsafe {
            for &p in &blocks {
                raw::free(p);
            }
            blocks[7].cast::<usize>().write(blocks[0].addr());
            hooks::register_error(Some(take_a_block), (&raw mut taken).cast());
        }
        let met = (0..2000).map(|_| block(200)).find(|_| {
            // SAFETY: the function writes there while a block is allocated, and at no other time.
            unsafe { !(&raw const taken).read_volatile().is_null() }
        });
        // SAFETY: none is registered any more.
        unsafe { hooks::register_error(None, ptr::null_mut()) };
        assert!(met.is_some_and(|met| met != taken), "{met:?}");
    });
}

/// Some pages of blocks, one of which has links that were written to.
#[cfg(feature = "secure")]
struct WrittenPage {
    /// The block that came from that page last.
    last: *mut u8,
    live: Vec<*mut u8>,
}

#[cfg(feature = "secure")]
impl WrittenPage {
    fn new() -> Self {
        let blocks: Vec<_> = (0..3 * (SLICE / 224)).map(|_| block(200)).collect();
        let (freed, live): (Vec<_>, Vec<_>) = blocks.iter().enumerate().partition(|(n, _)| n % 3 == 0);
        // SAFETY: the blocks are live and given up; then some are written to, which is the point.
        let last = unsafe {
            freed.iter().for_each(|(_, p)| raw::free(**p));
            let last = block(200);
            for (_, p) in freed.iter().filter(|(_, p)| slice(**p) == slice(last) && **p != last) {
                p.cast::<usize>().write(0x0123_4567);
            }
            last
        };
        Self { last, live: live.into_iter().map(|(_, &p)| p).collect() }
    }

    /// The block that whoever is told of a written link takes while `act` finds one.
    fn taken_while(act: impl FnOnce()) -> *mut u8 {
        let mut taken: *mut u8 = ptr::null_mut();
        // SAFETY: the function gets the place of a pointer, and none is registered afterwards.
        unsafe {
            hooks::register_error(Some(take_a_block), (&raw mut taken).cast());
            act();
            hooks::register_error(None, ptr::null_mut());
            (&raw const taken).read_volatile()
        }
    }

    /// Takes the live blocks in the page of `p`.
    fn neighbours(&mut self, p: *mut u8) -> Vec<*mut u8> {
        self.live.extract_if(.., |other| slice(*other) == slice(p)).collect()
    }
}

#[cfg(feature = "secure")]
const SLICE: usize = mimalloc_rs::stats::SLICE;

#[cfg(feature = "secure")]
fn slice(p: *mut u8) -> usize {
    p.addr() / SLICE
}

#[cfg(feature = "secure")]
#[test]
fn a_written_link_costs_the_blocks_behind_it_and_no_others() {
    process::alone("a_written_link_costs_the_blocks_behind_it_and_no_others", || {
        let mut pages = WrittenPage::new();
        let mut met = ptr::null_mut();
        let taken = WrittenPage::taken_while(|| met = block(200));
        assert!(!taken.is_null() && slice(met) == slice(pages.last) && slice(taken) != slice(met));
        // SAFETY: the blocks are live and given up.
        unsafe {
            pages.neighbours(taken).into_iter().chain([taken, met]).for_each(|p| raw::free(p));
        }
        ThreadHeap::current().collect(true);
        let mut left = mimalloc_rs::stats::spans().filter(|span| span.address == slice(taken) * SLICE);
        let left = left.find(|span| matches!(span.holding, Holding::Page { block_size: 224, .. }));
        assert_eq!(left, None, "all blocks of this page were freed");
    });
}

#[cfg(feature = "secure")]
#[test]
fn blocks_behind_a_written_link_do_not_count_for_another_page() {
    process::alone("blocks_behind_a_written_link_do_not_count_for_another_page", || {
        let mut pages = WrittenPage::new();
        // To tell what is in use, blocks that wait to be allocated go back to their page.
        let taken = WrittenPage::taken_while(|| assert!(mimalloc_rs::stats::spans().count() > 0));
        assert!(!taken.is_null() && slice(taken) != slice(pages.last));
        let mut neighbours = pages.neighbours(taken);
        let kept = neighbours.pop().expect("two thirds of the page are live");
        // SAFETY: the blocks are live, and all but one are given up.
        unsafe {
            neighbours.into_iter().chain([taken]).for_each(|p| raw::free(p));
            ThreadHeap::current().collect(true);
            assert!(raw::usable_size(kept) >= 200, "the page has ended");
        }
    });
}

#[cfg(feature = "secure")]
#[test]
fn a_free_that_meets_a_written_link_loses_no_list() {
    process::alone("a_free_that_meets_a_written_link_loses_no_list", || {
        static HEARD: AtomicUsize = AtomicUsize::new(0);
        static SAID_LOST: AtomicUsize = AtomicUsize::new(0);
        /// With somebody who is told of errors, the process goes on.
        unsafe extern "C" fn ignore(_: c_int, _: *mut c_void) {}
        unsafe extern "C" fn hear(message: *const std::ffi::c_char, _: *mut c_void) {
            // SAFETY: messages are C strings.
            let message = unsafe { std::ffi::CStr::from_ptr(message) }.to_string_lossy();
            HEARD.fetch_add(usize::from(message.contains("was written to")), Ordering::Relaxed);
            SAID_LOST.fetch_add(usize::from(message.contains("is lost")), Ordering::Relaxed);
        }
        mimalloc_rs::options::set(mimalloc_rs::options::Opt::ShowErrors, 1);
        let blocks: Vec<_> = (0..20).map(|_| block(200)).collect();
        // SAFETY: the blocks are live and given up; then a freed one is written to, and one behind it freed twice, which is
        // the point. The functions take any argument.
        unsafe {
            blocks[..10].iter().for_each(|&p| raw::free(p));
            blocks[7].cast::<usize>().write(blocks[0].addr());
            hooks::register_output(Some(hear), ptr::null_mut());
            hooks::register_error(Some(ignore), ptr::null_mut());
            raw::free(blocks[3]);
            hooks::register_error(None, ptr::null_mut());
            hooks::register_output(None, ptr::null_mut());
        }
        assert!(HEARD.load(Ordering::Relaxed) > 0);
        assert_eq!(SAID_LOST.load(Ordering::Relaxed), 0);
    });
}

#[cfg(feature = "secure")]
#[test]
fn blocks_come_in_an_order_of_their_own_and_links_are_hidden() {
    process::alone("blocks_come_in_an_order_of_their_own_and_links_are_hidden", || {
        let blocks: Vec<_> = (0..32).map(|_| block(48).addr()).collect();
        let steps: std::collections::HashSet<_> =
            blocks.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        // With padding, blocks of 48 bytes are ones of 64.
        let apart = if cfg!(feature = "debug") { 64 } else { 48 };
        assert!(!steps.contains(&apart), "blocks follow each other: {steps:?}");
        let (p, q) = (block(48), block(48));
        // SAFETY: the blocks are live and given up; one is read after that, which is the point.
        unsafe {
            raw::free(p);
            raw::free(q);
            assert_ne!(q.cast::<*mut u8>().read(), p, "the link shows an address");
        }
    });
}
