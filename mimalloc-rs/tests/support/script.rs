//! Operations on blocks and heaps, read from bytes, and checked against what blocks have to contain.
//!
//! Any bytes are a script, so that whatever makes bytes can drive the allocator. One operation follows the other, but
//! they happen in several threads, each of which may end and be replaced.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use mimalloc_rs::raw::{self, ThreadHeap};
use mimalloc_rs::{Heap, good_size};

const THREADS: usize = 3;
const HEAPS: usize = 3;
/// Most live blocks.
const BLOCKS: usize = 48;
/// Whether a block holds exactly what was asked for.
const EXACT: bool = cfg!(feature = "debug");

/// Does what the script says, and frees what is left.
pub(crate) fn run(script: &[u8]) {
    let mut script = Script { bytes: script.iter() };
    let mut threads: [Worker; THREADS] = std::array::from_fn(|_| Worker::start());
    let mut world = World::default();
    while let Some(code) = script.next() {
        let thread = usize::from(code >> 4) % THREADS;
        let Some(step) = Step::read(code & 15, &mut script) else { break };
        world.thread = thread;
        world = threads[thread].apply(world, step);
        if matches!(step, Step::End) {
            world.defaults[thread] = None;
            std::mem::replace(&mut threads[thread], Worker::start()).end();
        }
    }
    // Defaults end with their threads, so that every heap may end here.
    threads.into_iter().for_each(Worker::end);
    world.defaults = [None; THREADS];
    world.thread = 0;
    for heap in 0..HEAPS {
        world.end_heap(heap, heap % 2 == 0);
    }
    while !world.blocks.is_empty() {
        world.free(0);
    }
}

/// What is left of a script.
struct Script<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    /// A size of any order of magnitude, often one where something changes.
    fn size(&mut self) -> Option<usize> {
        let (kind, a, b) = (self.next()?, usize::from(self.next()?), usize::from(self.next()?));
        let near = (kind >> 4) as usize % 3;
        Some(match kind & 15 {
            0..6 => a,
            6..9 => (a << 2) + near,
            9..11 => (good_size((a << 8) + b) + near).saturating_sub(1),
            11 => (a << 8) + b,
            12 => ((1 + a % 12) << 16) + near - 1,
            13 => 1 << (a % 21),
            14 => (a << 11) + b,
            _ => usize::MAX >> (a % 12),
        })
    }

    /// An alignment and an offset; the former is seldom no power of two.
    fn place(&mut self) -> Option<(usize, usize)> {
        let (a, b) = (usize::from(self.next()?), usize::from(self.next()?));
        let align = if a < 240 { 1 << (a % 19) } else { a };
        Some((align, if b % 2 == 0 { 0 } else { b * b }))
    }
}

/// How a block is wished for.
#[derive(Debug, Clone, Copy)]
struct Wish {
    size: usize,
    align: usize,
    offset: usize,
    zero: bool,
}

/// One operation. Blocks and heaps are named by any number.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// From the thread's default.
    Allocate(Wish),
    /// From a heap, which comes to be if there is none.
    AllocateIn(usize, Wish),
    Free(usize),
    Resize(usize, Wish),
    ResizeIn(usize, usize, Wish),
    Expand(usize, usize),
    /// Writes to a part of a block.
    Write(usize, u8),
    Destroy(usize),
    Delete(usize),
    SetDefault(usize),
    Collect(bool),
    /// The thread gives up its parts of all heaps.
    Done,
    /// The thread ends, and another one takes its place.
    End,
}

impl Step {
    /// The operation with this code; `None` at the script's end.
    fn read(code: u8, script: &mut Script<'_>) -> Option<Self> {
        let which = usize::from(script.next()?);
        let plain =
            |script: &mut Script<'_>, zero| Some(Wish { size: script.size()?, align: 1, offset: 0, zero });
        let placed = |script: &mut Script<'_>| {
            let (align, offset) = script.place()?;
            Some(Wish { align, offset, ..plain(script, which % 2 == 0)? })
        };
        Some(match code {
            0 => Self::Allocate(plain(script, which % 2 == 0)?),
            1 => Self::Allocate(placed(script)?),
            2 | 3 => Self::AllocateIn(which >> 1, plain(script, which % 2 == 0)?),
            4 => Self::AllocateIn(which >> 1, placed(script)?),
            5 | 6 => Self::Free(which),
            7 => Self::Resize(which, plain(script, false)?),
            8 => Self::Resize(which, plain(script, true)?),
            9 => Self::ResizeIn(which % 7, which, plain(script, which % 2 == 0)?),
            10 => Self::ResizeIn(which % 7, which, placed(script)?),
            11 => Self::Expand(which, script.size()?),
            12 => Self::Write(which, script.next()?),
            13 => match which % 8 {
                0 => Self::Destroy(which >> 3),
                1 => Self::Delete(which >> 3),
                2 => Self::End,
                3 => Self::Done,
                4 => Self::Collect(which > 128),
                _ => Self::SetDefault(which >> 3),
            },
            _ => Self::Free(which),
        })
    }
}

/// A live block, and what it holds.
#[derive(Debug)]
struct Block {
    start: *mut u8,
    /// One byte for each that can be used.
    contents: Vec<u8>,
    /// Whether all it was and is was allocated zeroed.
    zeroed: bool,
    /// The heap it lies in; none for the main heap.
    heap: Option<usize>,
}

/// All there is; it belongs to whichever thread does the present operation.
#[derive(Debug, Default)]
struct World {
    thread: usize,
    blocks: Vec<Block>,
    /// Where blocks start and end.
    extents: BTreeMap<usize, usize>,
    heaps: [Option<Heap>; HEAPS],
    /// The heap that each thread allocates from, if it is not the main heap.
    defaults: [Option<usize>; THREADS],
    made: usize,
}

// SAFETY: blocks may be used by any thread, one at a time.
unsafe impl Send for World {}

impl World {
    fn apply(&mut self, step: Step) {
        let default = self.defaults[self.thread];
        match step {
            Step::Allocate(wish) => self.allocate(ThreadHeap::current(), default, wish),
            Step::AllocateIn(heap, wish) => {
                let (here, heap) = self.heap(heap);
                self.allocate(here, Some(heap), wish);
            }
            Step::Free(which) => {
                if let Some(which) = self.pick(which) {
                    self.free(which);
                }
            }
            Step::Resize(which, wish) => self.resize(ThreadHeap::current(), default, which, wish),
            Step::ResizeIn(heap, which, wish) => {
                let (here, heap) = self.heap(heap);
                self.resize(here, Some(heap), which, wish);
            }
            Step::Expand(which, size) => self.expand(which, size),
            Step::Write(which, byte) => self.write(which, byte),
            Step::Destroy(heap) => self.end_heap(heap % HEAPS, true),
            Step::Delete(heap) => self.end_heap(heap % HEAPS, false),
            Step::SetDefault(heap) => {
                let (here, heap) = self.heap(heap);
                // SAFETY: heaps that are another thread's default do not end.
                unsafe { here.set_default() };
                self.defaults[self.thread] = Some(heap);
            }
            Step::Collect(force) => ThreadHeap::current().collect(force),
            Step::Done => {
                // SAFETY: no part of a heap is kept from one operation to the next.
                unsafe { raw::thread_done() };
                self.defaults[self.thread] = None;
            }
            Step::End => {}
        }
    }

    fn pick(&self, which: usize) -> Option<usize> {
        (!self.blocks.is_empty()).then(|| which % self.blocks.len())
    }

    fn heap(&mut self, which: usize) -> (ThreadHeap<'static>, usize) {
        let which = which % HEAPS;
        let heap = self.heaps[which].get_or_insert_with(|| Heap::new().expect("memory for one more heap"));
        let here = heap.here().expect("memory for this thread's part").into_raw();
        // SAFETY: the heap ends in a step of its own, before the next step asks anew.
        (unsafe { ThreadHeap::from_raw(here) }, which)
    }

    fn allocate(&mut self, here: ThreadHeap<'_>, heap: Option<usize>, wish: Wish) {
        let Wish { size, align, offset, zero } = wish;
        let start = match (zero, align) {
            (false, 1) => here.malloc(size),
            (true, 1) => here.zalloc(size),
            (false, _) => here.malloc_aligned_at(size, align, offset),
            (true, _) => here.zalloc_aligned_at(size, align, offset),
        };
        if self.refused(start, wish) {
            return;
        }
        check_place(start, wish);
        let contents = vec![0; usable(start)];
        self.enter(Block { start, contents, zeroed: zero, heap }, wish);
        if zero {
            self.check(self.blocks.len() - 1);
        } else {
            self.fill(self.blocks.len() - 1, 0);
        }
        if self.blocks.len() > BLOCKS {
            self.free(size % BLOCKS);
        }
    }

    /// Whether there is no block; panics if there should be one or should be none.
    fn refused(&self, start: *mut u8, wish: Wish) -> bool {
        let possible = wish.align.is_power_of_two() && wish.size < 1 << 48;
        assert_eq!(start.is_null(), !possible, "{wish:?}");
        !possible
    }

    /// Takes in a block that is as wished for; its contents are checked or written afterwards.
    fn enter(&mut self, block: Block, wish: Wish) {
        let (start, end) = (block.start.addr(), block.start.addr() + block.contents.len());
        let place = start.wrapping_add(wish.offset);
        assert!(place.is_multiple_of(wish.align), "{start:x} is not aligned: {wish:?}");
        let usable = end - start;
        assert!(usable >= wish.size && (!EXACT || usable == wish.size), "{usable} bytes: {wish:?}");
        self.check_home(&block);
        assert_eq!(self.extents.range(start..end.max(start + 1)).next(), None, "blocks overlap: {wish:?}");
        let before = self.extents.range(..start).next_back();
        assert!(before.is_none_or(|(_, &before)| before <= start), "blocks overlap: {wish:?}");
        self.extents.insert(start, end);
        self.blocks.push(block);
    }

    fn leave(&mut self, which: usize) -> Block {
        let block = self.blocks.swap_remove(which);
        assert_eq!(self.extents.remove(&block.start.addr()), Some(block.start.addr() + block.contents.len()));
        block
    }

    fn check_home(&self, block: &Block) {
        let home = match block.heap {
            Some(heap) => self.heaps[heap].as_ref().expect("heaps end with their blocks"),
            None => Heap::main(),
        };
        assert!(home.contains(block.start), "{:?} is not in heap {:?}", block.start, block.heap);
    }

    fn check(&self, which: usize) {
        let block = &self.blocks[which];
        assert_eq!(usable(block.start), block.contents.len());
        check(block.start, &block.contents, block.contents.len());
        self.check_home(block);
    }

    /// Gives a block new contents from byte `from` on.
    fn fill(&mut self, which: usize, from: usize) {
        self.made += 1;
        let (seed, block) = (self.made, &mut self.blocks[which]);
        for (at, byte) in block.contents.iter_mut().enumerate().skip(from) {
            *byte = ((at * 7) ^ (at >> 8) ^ (seed * 31)) as u8;
        }
        // SAFETY: the block has this many bytes.
        unsafe { block.start.copy_from_nonoverlapping(block.contents.as_ptr(), block.contents.len()) };
    }

    fn free(&mut self, which: usize) {
        self.check(which);
        let block = self.leave(which);
        // SAFETY: the block is live, and given up.
        unsafe { raw::free(block.start) };
    }

    fn resize(&mut self, here: ThreadHeap<'_>, heap: Option<usize>, which: usize, wish: Wish) {
        let Some(which) = self.pick(which) else { return self.allocate(here, heap, wish) };
        self.check(which);
        let Wish { size, align, offset, zero } = wish;
        let before = self.blocks[which].start;
        // SAFETY: the block is live, and given up for the result unless that is null.
        let start = unsafe {
            match (zero, align) {
                (false, 1) => here.realloc(before, size),
                (true, 1) => here.rezalloc(before, size),
                (false, _) => here.realloc_aligned_at(before, size, align, offset),
                (true, _) => here.rezalloc_aligned_at(before, size, align, offset),
            }
        };
        if self.refused(start, wish) {
            return self.check(which);
        }
        // A block with an alignment of its own may have stayed at an odd place.
        if start != before {
            check_place(start, wish);
        }
        let mut block = self.leave(which);
        let kept = block.contents.len().min(size);
        check(start, &block.contents, kept);
        block.start = start;
        block.contents.resize(usable(start), 0);
        block.zeroed &= zero;
        block.heap = heap;
        let zeroed = block.zeroed;
        self.enter(block, wish);
        let last = self.blocks.len() - 1;
        if zeroed {
            self.check(last);
        } else {
            self.fill(last, kept);
        }
    }

    fn expand(&mut self, which: usize, size: usize) {
        let Some(which) = self.pick(which) else { return };
        self.check(which);
        let (start, before) = (self.blocks[which].start, self.blocks[which].contents.len());
        // SAFETY: the block is live.
        let expanded = unsafe { raw::expand(start, size) };
        if expanded.is_null() {
            assert!(size > before, "{size} bytes are there");
            return self.check(which);
        }
        assert!(expanded == start && usable(start) >= size.max(before), "{size} in {}", usable(start));
        if usable(start) > before {
            let mut block = self.leave(which);
            check(start, &block.contents, before);
            block.contents.resize(usable(start), 0);
            block.zeroed = false;
            self.enter(block, Wish { size, align: 1, offset: 0, zero: false });
            self.fill(self.blocks.len() - 1, before);
        }
    }

    fn write(&mut self, which: usize, byte: u8) {
        let Some(which) = self.pick(which) else { return };
        let block = &mut self.blocks[which];
        for at in (0..block.contents.len()).step_by(1 + usize::from(byte) % 50) {
            block.contents[at] = byte;
            // SAFETY: the block has this many bytes.
            unsafe { block.start.add(at).write(byte) };
        }
    }

    /// Ends a heap, with its blocks or without; not if it is the default of a thread other than this one.
    fn end_heap(&mut self, which: usize, destroy: bool) {
        let others = (0..THREADS).filter(|&thread| thread != self.thread);
        if others.map(|thread| self.defaults[thread]).any(|default| default == Some(which)) {
            return;
        }
        (0..self.blocks.len())
            .filter(|&block| self.blocks[block].heap == Some(which))
            .for_each(|b| self.check(b));
        let Some(heap) = self.heaps[which].take() else { return };
        if self.defaults[self.thread] == Some(which) {
            self.defaults[self.thread] = None;
        }
        if destroy {
            heap.destroy();
            while let Some(at) = self.blocks.iter().position(|block| block.heap == Some(which)) {
                self.leave(at);
            }
        } else {
            heap.delete();
            self.blocks
                .iter_mut()
                .filter(|block| block.heap == Some(which))
                .for_each(|block| block.heap = None);
        }
    }
}

/// Bytes that can be used at `p`, which is a live block.
fn usable(p: *mut u8) -> usize {
    // SAFETY: the callers hold the block.
    unsafe { raw::usable_size(p) }
}

/// Panics unless a new block lies as C asks for.
fn check_place(start: *mut u8, wish: Wish) {
    let natural = if wish.align > 1 {
        1
    } else if wish.size < 9 {
        8
    } else {
        16
    };
    assert!(start.addr().is_multiple_of(natural), "{start:?} is not aligned: {wish:?}");
}

/// Panics unless the first `size` bytes at `p`, a live block, are those of `contents`.
fn check(p: *mut u8, contents: &[u8], size: usize) {
    // SAFETY: the callers hold the block, which has this many bytes, all of them written or zeroed.
    let bytes = unsafe { std::slice::from_raw_parts(p, size) };
    if bytes != &contents[..size] {
        let wrong = bytes.iter().zip(contents).position(|(is, wanted)| is != wanted);
        panic!("contents of {size} bytes at {p:?} changed at {wrong:?}");
    }
}

/// A thread that does operations.
struct Worker {
    steps: Sender<(World, Step)>,
    done: Receiver<World>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start() -> Self {
        let (steps, work) = channel::<(World, Step)>();
        let (finished, done) = channel();
        let thread = thread::spawn(move || {
            for (mut world, step) in work {
                world.apply(step);
                if finished.send(world).is_err() {
                    return;
                }
            }
        });
        Self { steps, done, thread }
    }

    /// Does one operation in this thread. Panics as the operation does.
    fn apply(&mut self, world: World, step: Step) -> World {
        self.steps.send((world, step)).expect("workers wait for their next operation");
        self.done.recv().unwrap_or_else(|_| panic!("{step:?} failed"))
    }

    fn end(self) {
        drop(self.steps);
        self.thread.join().expect("a worker without work ends");
    }
}
