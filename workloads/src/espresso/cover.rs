//! Covers: sets of one size side by side in one block, behind a small header block.
//!
//! Headers of covers that are gone wait in a list of the pass for the next cover; the sets'
//! block is freed at once.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::array::{Array, request_for};
use super::set::{Flag, Set, words_for};
use crate::api::{Api, Request};

#[repr(C)]
struct Header {
    /// Words of a set, its header included.
    words: Cell<u32>,
    /// Possible members of a set.
    members: Cell<u32>,
    capacity: Cell<u32>,
    count: Cell<u32>,
    active: Cell<u32>,
    sets: Cell<NonNull<u32>>,
    /// The next header without a cover.
    next: Cell<Option<NonNull<Header>>>,
}

const HEADER: Request = Request::array::<Header>(1);

/// The headers without a cover.
pub(super) struct Headers<A: Api> {
    first: Cell<Option<NonNull<Header>>>,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Headers<A> {
    /// None yet.
    pub(super) const fn new() -> Headers<A> {
        Headers { first: Cell::new(None), api: PhantomData }
    }

    fn put(&self, header: NonNull<Header>) {
        // SAFETY: the header is live, and no cover has it any more.
        unsafe { header.as_ref() }.next.set(self.first.replace(Some(header)));
    }

    fn take(&self) -> Option<NonNull<Header>> {
        let header = self.first.get()?;
        // SAFETY: headers in the list are live.
        self.first.set(unsafe { header.as_ref() }.next.get());
        Some(header)
    }
}

impl<A: Api> Drop for Headers<A> {
    fn drop(&mut self) {
        while let Some(header) = self.take() {
            // SAFETY: every header was made for this request, and no cover has this one.
            unsafe { A::free(header.cast(), HEADER) };
        }
    }
}

/// A growing sequence of sets of one size.
pub(super) struct Cover<'p, A: Api> {
    header: NonNull<Header>,
    headers: &'p Headers<A>,
}

impl<'p, A: Api> Cover<'p, A> {
    /// An empty cover with room for `capacity` sets with so many possible members.
    #[inline]
    pub(super) fn new(headers: &'p Headers<A>, capacity: usize, members: usize) -> Cover<'p, A> {
        let header = headers.take().unwrap_or_else(|| A::alloc(HEADER).cast());
        let words = words_for(members);
        let sets = A::alloc(request_for::<u32>(capacity * words)).cast();
        let small = |number: usize| u32::try_from(number).expect("covers have fewer than 2^32 sets");
        let content = Header {
            words: Cell::new(small(words)),
            members: Cell::new(small(members)),
            capacity: Cell::new(small(capacity)),
            count: Cell::new(0),
            active: Cell::new(0),
            sets: Cell::new(sets),
            next: Cell::new(None),
        };
        // SAFETY: the header's block is this cover's alone.
        unsafe { header.write(content) };
        Cover { header, headers }
    }

    /// A cover of these sets, flags and weights included.
    pub(super) fn of(headers: &'p Headers<A>, sets: &[Set<'_>], members: usize) -> Cover<'p, A> {
        let mut cover = Cover::new(headers, sets.len(), members);
        sets.iter().for_each(|&set| cover.push(set));
        cover
    }

    /// A copy with no spare room.
    pub(super) fn duplicate(&self) -> Cover<'p, A> {
        let mut copy = Cover::new(self.headers, self.count(), self.members());
        self.iter().for_each(|set| copy.push(set));
        copy
    }

    /// A cover of the sets of both.
    pub(super) fn join(&self, other: &Cover<'_, A>) -> Cover<'p, A> {
        let mut both = Cover::new(self.headers, self.count() + other.count(), self.members());
        self.iter().chain(other.iter()).for_each(|set| both.push(set));
        both
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: `new` wrote the header, and it lives as long as the cover.
        unsafe { self.header.as_ref() }
    }

    /// Where the headers of other covers come from.
    pub(super) fn headers(&self) -> &'p Headers<A> {
        self.headers
    }

    /// The number of sets.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.header().count.get() as usize
    }

    /// Possible members of a set.
    #[inline]
    pub(super) fn members(&self) -> usize {
        self.header().members.get() as usize
    }

    /// The number of active sets, where somebody keeps it.
    #[inline]
    pub(super) fn active(&self) -> usize {
        self.header().active.get() as usize
    }

    /// Stores the number of active sets.
    #[inline]
    pub(super) fn set_active(&self, active: usize) {
        // There are no more than sets, whose number fits.
        self.header().active.set(active as u32);
    }

    /// Takes a set out of the active ones.
    #[inline]
    pub(super) fn deactivate(&self, set: Set<'_>) {
        set.unmark(Flag::ACTIVE);
        self.set_active(self.active() - 1);
    }

    /// One set.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Set<'_> {
        assert!(index < self.count(), "there are not that many sets in the cover");
        let words = self.header().words.get() as usize;
        // SAFETY: the first `count` sets were made when they were pushed.
        unsafe { Set::at(self.header().sets.get().add(index * words)) }
    }

    /// All sets in order.
    #[inline]
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Set<'_>> {
        (0..self.count()).map(|index| self.get(index))
    }

    /// The sets that are active when the iterator comes to them.
    #[inline]
    pub(super) fn iter_active(&self) -> impl Iterator<Item = Set<'_>> {
        self.iter().filter(|set| set.has(Flag::ACTIVE))
    }

    /// The sets as an array of pointers, as sorting takes it: with room for the end mark.
    pub(super) fn list(&self) -> Array<A, Set<'_>> {
        let mut list = Array::with_room(self.count() + 1);
        self.iter().for_each(|set| list.push(set));
        list
    }

    /// Adds a copy of a set, flags and weight included.
    #[inline]
    pub(super) fn push(&mut self, set: Set<'_>) {
        self.push_empty().copy(set);
    }

    /// Adds an empty set.
    #[inline]
    pub(super) fn push_empty(&mut self) -> Set<'_> {
        let (count, capacity) = (self.count(), self.header().capacity.get());
        if count == capacity as usize {
            self.resize(capacity + capacity / 2 + 1);
        }
        let header = self.header();
        let words = header.words.get() as usize;
        header.count.set(count as u32 + 1);
        // SAFETY: there is room for another set, and it belongs to the cover.
        unsafe { Set::make(header.sets.get().add(count * words), words) }
    }

    fn resize(&mut self, capacity: u32) {
        let header = self.header();
        let words = header.words.get() as usize;
        let old = request_for::<u32>(header.capacity.get() as usize * words);
        let new = request_for::<u32>(capacity as usize * words);
        // SAFETY: the block was made for the old request; nothing refers to its sets, since the cover is
        // borrowed exclusively.
        let sets = unsafe { A::realloc(header.sets.get().cast(), old, new.size()) };
        header.sets.set(sets.cast());
        header.capacity.set(capacity);
    }

    /// Moves all sets of the other behind its own.
    pub(super) fn append(&mut self, other: Cover<'_, A>) {
        let active = self.active() + other.active();
        self.resize((self.count() + other.count()) as u32);
        other.iter().for_each(|set| self.push(set));
        self.set_active(active);
    }

    /// Drops all sets.
    pub(super) fn clear(&mut self) {
        self.header().count.set(0);
    }

    /// Makes all sets active.
    pub(super) fn activate_all(&self) {
        self.iter().for_each(|set| set.mark(Flag::ACTIVE));
        self.set_active(self.count());
    }

    /// Drops the sets that are not active.
    pub(super) fn keep_active(&mut self) {
        let mut kept = 0;
        for index in 0..self.count() {
            let set = self.get(index);
            if set.has(Flag::ACTIVE) {
                if kept != index {
                    self.get(kept).copy(set);
                }
                kept += 1;
            }
        }
        self.header().count.set(kept as u32);
    }
}

impl<A: Api> Drop for Cover<'_, A> {
    fn drop(&mut self) {
        let header = self.header();
        let size = header.capacity.get() as usize * header.words.get() as usize;
        // SAFETY: the block was made for this request.
        unsafe { A::free(header.sets.get().cast(), request_for::<u32>(size)) };
        self.headers.put(self.header);
    }
}
