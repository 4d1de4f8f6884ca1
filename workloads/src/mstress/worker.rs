//! One thread's blocks: made, filled, checked and freed.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::Tally;
use super::random::{COOKIE, Random};
use crate::api::{Api, Request};
use crate::fatal::fatal;

/// The most words in a block.
pub(super) const MOST_WORDS: u64 = 64 * 10_000;

/// The first word also says which thread made the block, where that is counted.
const MAKER_SHIFT: u32 = 32;

/// The main thread as a maker of blocks.
pub(super) const MAIN: u64 = 0;

/// Words, the first of which says how many.
pub(super) type Block = NonNull<u64>;

/// One thread's calls of the allocator.
pub(super) struct Worker<A> {
    me: u64,
    pub(super) tally: Tally,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Worker<A> {
    pub(super) fn new(me: u64) -> Worker<A> {
        Worker { me, tally: Tally::default(), api: PhantomData }
    }

    /// A block of so many words, sometimes of a hundred, thousand or ten thousand times as many. Each
    /// word says how many come after it, itself included.
    pub(super) fn allocate(&mut self, words: u64, random: &mut Random) -> Block {
        let factor = if !random.chance(1) {
            1
        } else if random.chance(1) {
            10_000
        } else if random.chance(10) {
            1_000
        } else {
            100
        };
        let words = words * factor;
        let block = A::alloc(request(words)).cast::<u64>();
        let maker = if A::COUNTS { self.me << MAKER_SHIFT } else { 0 };
        // SAFETY: the block has room for the words, of which there is at least one.
        unsafe {
            block.write((words | maker) ^ COOKIE);
            (1..words).for_each(|index| block.add(index as usize).write((words - index) ^ COOKIE));
        }
        self.tally.items += 1;
        self.tally.words += words;
        block
    }

    /// Checks a block, if there is one, and frees it.
    ///
    /// # Safety
    /// The block came from `allocate` of a worker with the same `A`, and nobody else uses it.
    pub(super) unsafe fn free(&mut self, block: Option<Block>) {
        let Some(block) = block else { return };
        // SAFETY: every block has a first word.
        let first = unsafe { block.read() } ^ COOKIE;
        let (maker, words) = (first >> MAKER_SHIFT, first & ((1 << MAKER_SHIFT) - 1));
        if !(1..=MOST_WORDS).contains(&words) || (!A::COUNTS && maker != MAIN) {
            corrupted(0);
        }
        for index in 1..words {
            // SAFETY: the block has as many words as the first one says.
            if unsafe { block.add(index as usize).read() } != (words - index) ^ COOKIE {
                corrupted(index);
            }
        }
        self.tally.words_freed += words;
        // SAFETY: the caller vouches for the block; it was made for this number of words.
        unsafe {
            if A::COUNTS && maker != self.me {
                A::free_foreign(block.cast(), request(words));
            } else {
                A::free(block.cast(), request(words));
            }
        }
    }
}

fn request(words: u64) -> Request {
    // At most `MOST_WORDS`.
    Request::array::<u64>(words as usize)
}

#[cold]
fn corrupted(word: u64) -> ! {
    fatal(format_args!(
        "mstress: word {word} of a block is not what was written: the allocator gave it to two owners"
    ))
}
