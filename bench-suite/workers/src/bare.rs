//! A yardstick: about the least that allocating and freeing can cost.
//!
//! An allocation takes the first block of a list, a free puts one in front, and each thread has a list for each size. Nothing
//! is looked up, because Rust states the size with every free; nobody finds out whose a block is; and no memory goes back to
//! the system. What a row takes under this is what the row itself costs, and tells how much an allocator could still save.
//!
//! It is a limit for the work of calls and page faults, not for where blocks come to lie: a block belongs to whoever freed it
//! last, so neighbours of two threads share cache lines, and nothing keeps memory compact. Rows that depend on that can be
//! faster under an allocator that takes care.
//!
//! A thread that has freed as many blocks as a list may have hands the list over to all threads, and so does one that ends: so
//! one that only frees supplies one that only allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest block that comes from a list; what is larger comes from the C library.
const LARGEST: usize = 64 << 20;
/// Blocks are taken from the system's memory in chunks that start at a multiple of this, and so can be aligned to it.
const CHUNK: usize = 64 << 10;
/// A chunk of larger blocks, up to an eighth of it.
const LARGE_CHUNK: usize = 8 * CHUNK;
/// Bytes that become blocks at a time: a system page.
const CARVED: usize = 4096;
/// Bytes after whose free a list is handed over, and blocks.
const LIST_BYTES: usize = 256 << 10;
const LIST_BLOCKS: usize = 4096;
/// Address space that is reserved for all blocks. It costs nothing before it is used.
const RESERVED: usize = 256 << 30;
/// Bytes of a huge page.
const HUGE_PAGE: usize = 2 << 20;

/// Blocks are multiples of this up to [`SMALL_CLASSES`] of it; then there are four sizes for each doubling.
const UNIT: usize = 16;
const SMALL_CLASSES: usize = 4;
/// The doubling that follows the small classes, as a power of two.
const FIRST_DOUBLING: usize = (SMALL_CLASSES * UNIT).ilog2() as usize;
const CLASSES: usize = class_of(LARGEST) + 1;
/// Up to here a table knows the class.
const TABLED: usize = 1024;
static TABLE: [u8; TABLED / UNIT + 1] = {
    let mut table = [0; TABLED / UNIT + 1];
    let mut units = 1;
    while units < table.len() {
        table[units] = class_of(units * UNIT) as u8;
        units += 1;
    }
    table
};

const fn class_of(size: usize) -> usize {
    if size <= SMALL_CLASSES * UNIT {
        return size.saturating_sub(1) / UNIT;
    }
    let last = size - 1;
    let doubling = last.ilog2() as usize;
    SMALL_CLASSES + (doubling - FIRST_DOUBLING) * 4 + (last >> (doubling - 2) & 3)
}

const fn block_size(class: usize) -> usize {
    if class < SMALL_CLASSES {
        return (class + 1) * UNIT;
    }
    let (doubling, quarter) = ((class - SMALL_CLASSES) / 4 + FIRST_DOUBLING, (class - SMALL_CLASSES) % 4);
    (5 + quarter) << (doubling - 2)
}

/// The list that serves a layout. A size that is a multiple of a power of two has a class that is one too.
#[inline(always)]
fn class(layout: Layout) -> Option<usize> {
    let align = layout.align();
    let size = if align <= UNIT { layout.size() } else { layout.size().next_multiple_of(align) };
    if size <= TABLED {
        Some(usize::from(TABLE[size.div_ceil(UNIT)]))
    } else if size <= LARGEST && align <= CHUNK {
        Some(class_of(size))
    } else {
        None
    }
}

/// What is written into a free block.
struct Block {
    /// The next of its list.
    next: *mut Block,
    /// In the first block of a list that was handed over: the list that was before.
    before: *mut Block,
}

/// The free blocks of one size that a thread has.
#[derive(Clone, Copy)]
struct List {
    first: *mut Block,
    /// Frees until it is handed over.
    room: usize,
    /// Memory that has not become blocks yet.
    at: *mut u8,
    left: usize,
}

impl List {
    /// Full at once, so that the first free tells of the thread's end.
    const NEW: Self = Self { first: ptr::null_mut(), room: 1, at: ptr::null_mut(), left: 0 };
}

/// Frees after which a list is handed over.
const fn most(class: usize) -> usize {
    let blocks = LIST_BYTES / block_size(class);
    if blocks == 0 {
        1
    } else if blocks > LIST_BLOCKS {
        LIST_BLOCKS
    } else {
        blocks
    }
}

thread_local! {
    static LISTS: UnsafeCell<[List; CLASSES]> = const { UnsafeCell::new([List::NEW; CLASSES]) };
    static END: End = const { End };
}

/// Hands the thread's lists over when it ends.
struct End;

/// Sees to it that the thread's lists are handed over. One that is ending is past that.
fn expect_end() {
    let _ = END.try_with(|_| ());
}

impl Drop for End {
    fn drop(&mut self) {
        (0..CLASSES).for_each(|class| {
            // SAFETY: what is in a list is free.
            with_list(class, |list| unsafe { hand_over(class, list) });
        });
    }
}

/// Runs `body` with the thread's list of a class.
#[inline(always)]
fn with_list<T>(class: usize, body: impl FnOnce(&mut List) -> T) -> T {
    // SAFETY: the lists are the thread's own. No `body` comes back here: the locks take no memory, and what is to be done at
    // the thread's end is noted in memory of the C library.
    LISTS.with(|lists| body(unsafe { &mut (*lists.get())[class] }))
}

/// Lists of one size that were handed over.
struct Lists(*mut Block);

// SAFETY: whoever has the list has its blocks, which are nobody else's.
unsafe impl Send for Lists {}

static SHARED: [Mutex<Lists>; CLASSES] = [const { Mutex::new(Lists(ptr::null_mut())) }; CLASSES];

/// The lock, which nobody panics with.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a list to all threads.
///
/// # Safety
/// Its blocks are free.
#[cold]
#[inline(never)]
unsafe fn hand_over(class: usize, list: &mut List) {
    expect_end();
    list.room = most(class);
    let first = std::mem::replace(&mut list.first, ptr::null_mut());
    if !first.is_null() {
        let mut shared = lock(&SHARED[class]);
        // SAFETY: the block is free, and has room for both.
        unsafe { (*first).before = shared.0 };
        shared.0 = first;
    }
}

/// The list that was handed over last; null if there is none.
fn take_over(class: usize) -> *mut Block {
    let mut shared = lock(&SHARED[class]);
    let first = shared.0;
    if !first.is_null() {
        // SAFETY: it was written when the list was handed over, and nobody had the block since.
        shared.0 = unsafe { (*first).before };
    }
    first
}

/// Fills an empty list, and takes its first block. Null when the system refuses memory.
#[cold]
#[inline(never)]
fn fill(class: usize, list: &mut List) -> *mut u8 {
    expect_end();
    let mut first = take_over(class);
    if first.is_null() {
        first = carve(block_size(class), list);
    }
    if !first.is_null() {
        // SAFETY: the block is free, and its link was written when it was freed or made.
        list.first = unsafe { (*first).next };
    }
    first.cast()
}

/// Makes a list of some new blocks.
fn carve(size: usize, list: &mut List) -> *mut Block {
    if list.left < size {
        let chunk = if size <= CHUNK / 8 {
            CHUNK
        } else if size <= LARGE_CHUNK / 8 {
            LARGE_CHUNK
        } else {
            size.next_multiple_of(CHUNK)
        };
        list.at = take_chunk(chunk);
        list.left = if list.at.is_null() { 0 } else { chunk };
    }
    let count = (CARVED / size).max(1).min(list.left / size);
    let mut first = ptr::null_mut::<Block>();
    for index in (0..count).rev() {
        // SAFETY: so many blocks lie in what is left of the chunk, and nobody else has it.
        unsafe {
            let block: *mut Block = list.at.add(index * size).cast();
            (*block).next = first;
            first = block;
        }
    }
    list.at = list.at.wrapping_add(count * size);
    list.left -= count * size;
    first
}

/// The memory that all blocks come from.
struct Memory {
    start: *mut u8,
    taken: usize,
}

// SAFETY: it is a number of bytes at an address, and those that were not taken are nobody's.
unsafe impl Send for Memory {}

static MEMORY: Mutex<Memory> = Mutex::new(Memory { start: ptr::null_mut(), taken: 0 });

fn take_chunk(size: usize) -> *mut u8 {
    let mut memory = lock(&MEMORY);
    if memory.start.is_null() {
        memory.start = reserve();
    }
    if memory.start.is_null() || RESERVED - memory.taken < size {
        return ptr::null_mut();
    }
    let chunk = memory.start.wrapping_add(memory.taken);
    memory.taken += size;
    chunk
}

/// Reserves address space that starts at a huge page and has huge pages.
fn reserve() -> *mut u8 {
    // SAFETY: a new mapping touches no other; advice changes no contents.
    unsafe {
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
        );
        let start = libc::mmap(ptr::null_mut(), RESERVED + HUGE_PAGE, access, kind, -1, 0);
        if start == libc::MAP_FAILED {
            return ptr::null_mut();
        }
        let start = start.byte_add(start.addr().wrapping_neg() % HUGE_PAGE);
        libc::madvise(start, RESERVED, libc::MADV_HUGEPAGE);
        start.cast()
    }
}

/// Whether the yardstick made the block.
pub fn owns(block: *const u8) -> bool {
    let memory = lock(&MEMORY);
    block.addr().wrapping_sub(memory.start.addr()) < memory.taken
}

/// Pushes and pops, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Bare;

// SAFETY: a block is in one list or in use, its class has the size and the alignment of the layout, and no method unwinds.
unsafe impl GlobalAlloc for Bare {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: the caller's layout.
            return unsafe { System.alloc(layout) };
        };
        with_list(class, |list| {
            let block = list.first;
            if block.is_null() {
                return fill(class, list);
            }
            // SAFETY: a block in the list is free, and begins with its link.
            list.first = unsafe { (*block).next };
            block.cast()
        })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: blocks of such a layout come from there.
            return unsafe { System.dealloc(block, layout) };
        };
        with_list(class, |list| {
            let block: *mut Block = block.cast();
            // SAFETY: the caller gives the block up, which has this class and so room for a link.
            unsafe { (*block).next = list.first };
            list.first = block;
            list.room -= 1;
            if list.room == 0 {
                // SAFETY: all its blocks were freed.
                unsafe { hand_over(class, list) };
            }
        });
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the new size is valid with the alignment, as the caller says. The block is live until it is freed with
        // its layout, and both have room for the smaller of the two sizes.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            match (class(layout), class(new_layout)) {
                (None, None) => return System.realloc(block, layout, new_size),
                (old, new) if old == new => return block,
                _ => {}
            }
            let moved = self.alloc(new_layout);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a possible layout")
    }

    /// A new block, as an address that threads can pass on.
    fn allocate(layout: Layout) -> usize {
        // SAFETY: no layout here is empty.
        let block = unsafe { Bare.alloc(layout) };
        assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()), "{layout:?}: {block:p}");
        block.expose_provenance()
    }

    /// Frees what [`allocate`] gave for the layout.
    fn free(block: usize, layout: Layout) {
        // SAFETY: every test frees a block once, with its layout.
        unsafe { Bare.dealloc(ptr::with_exposed_provenance_mut(block), layout) };
    }

    #[test]
    fn a_class_has_room_and_alignment_for_what_it_serves() {
        for size in (1..5000).chain((5000..LARGEST).step_by(99_991)).chain([LARGEST]) {
            let class = class_of(size);
            assert!(size <= block_size(class) && class < CLASSES, "{size}");
            assert!(class == 0 || size > block_size(class - 1), "{size}");
            let align = 1 << size.trailing_zeros();
            assert!(block_size(class).is_multiple_of(align), "{size}");
            if size <= TABLED {
                assert_eq!(usize::from(TABLE[size.div_ceil(UNIT)]), class, "{size}");
            }
        }
        assert!(
            (0..CLASSES)
                .all(|class| class_of(block_size(class)) == class && block_size(class).is_multiple_of(UNIT))
        );
    }

    #[test]
    fn blocks_do_not_overlap_and_keep_what_is_in_them() {
        let (to_other, from_one) = mpsc::channel::<(usize, Layout, u8)>();
        let drop_block = |(block, layout, tag): (usize, Layout, u8)| {
            let start = ptr::with_exposed_provenance::<u8>(block);
            // SAFETY: the block is live and was filled.
            let filled = unsafe { std::slice::from_raw_parts(start, layout.size()) };
            assert!(filled.iter().all(|&byte| byte == tag), "{layout:?}");
            free(block, layout);
        };
        let other = thread::spawn(move || from_one.into_iter().for_each(drop_block));
        let (mut live, mut state) = (Vec::new(), 1_u64);
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for round in 0..50_000 {
            let layout = layout(1 << random(16) | random(200), 1 << random(8));
            let mut block = ptr::with_exposed_provenance_mut::<u8>(allocate(layout));
            let (tag, size) = (round as u8, 1 + random(2 * layout.size()));
            // SAFETY: the block has this size, and the new size is one for its alignment.
            let layout = unsafe {
                block.write_bytes(tag, layout.size());
                block = Bare.realloc(block, layout, size);
                let kept = std::slice::from_raw_parts(block, size.min(layout.size()));
                assert!(kept.iter().all(|&byte| byte == tag), "{layout:?} to {size}");
                block.write_bytes(tag, size);
                Layout::from_size_align(size, layout.align()).expect("a possible layout")
            };
            assert!(owns(block));
            live.push((block.expose_provenance(), layout, tag));
            if live.len() > 300 {
                let one = live.swap_remove(random(live.len()));
                if round % 3 == 0 {
                    to_other.send(one).expect("the other thread is there")
                } else {
                    drop_block(one)
                }
            }
        }
        live.into_iter().for_each(drop_block);
        drop(to_other);
        other.join().expect("the other thread found its blocks as they were");
    }

    #[test]
    fn one_that_only_frees_supplies_one_that_only_allocates() {
        let layout = layout(11 << 10, 8);
        let list = most(class_of(layout.size()));
        let mut seen = HashSet::new();
        for _ in 0..20 {
            let blocks: Vec<_> = (0..list).map(|_| allocate(layout)).collect();
            seen.extend(blocks.iter().copied());
            // Each list is freed by a thread of its own; the last frees too few to hand them over before it ends.
            let half = list / 2;
            for part in [blocks[..half].to_vec(), blocks[half..].to_vec()] {
                thread::spawn(move || part.into_iter().for_each(|block| free(block, layout)))
                    .join()
                    .expect("it ends");
            }
        }
        assert!(seen.len() <= 2 * list, "{} blocks for {list} at a time", seen.len());
    }

    #[test]
    fn a_list_that_has_its_fill_is_handed_over_at_once() {
        let layout = layout(22 << 10, 8);
        let class = class_of(layout.size());
        free(allocate(layout), layout);
        let is_handed_over = || {
            let blocks: Vec<_> = (0..most(class)).map(|_| allocate(layout)).collect();
            let last = blocks[blocks.len() - 1];
            blocks.into_iter().for_each(|block| free(block, layout));
            thread::spawn(move || allocate(layout)).join().expect("it ends") == last
        };
        // The other thread may get a list of another test's.
        assert!((0..20).any(|_| is_handed_over()));
    }

    #[test]
    fn what_is_too_large_for_lists_comes_from_the_library() {
        for layout in [layout(LARGEST + 1, 8), layout(100, 2 * CHUNK)] {
            let block = allocate(layout);
            assert!(!owns(ptr::with_exposed_provenance(block)));
            // SAFETY: the block is live, and the new size possible.
            let smaller = unsafe { Bare.realloc(ptr::with_exposed_provenance_mut(block), layout, 10) };
            free(
                smaller.expose_provenance(),
                Layout::from_size_align(10, layout.align()).expect("a possible layout"),
            );
        }
    }
}
