//! The nodes: elements in sorted doubly linked lists, and the headers of rows and columns.
//!
//! An element is in the list of its row and in that of its column; index 0 of what it has two of is the
//! row's and index 1 the column's.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::api::{Api, Request};

/// A place of a matrix that holds a one.
#[repr(C)]
pub(super) struct Element {
    /// Its row and its column.
    pub(super) numbers: [u32; 2],
    pub(super) next: [Link<Element>; 2],
    pub(super) previous: [Link<Element>; 2],
    user: usize,
}

/// A row or a column.
#[repr(C)]
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) length: Cell<u32>,
    pub(super) flag: Cell<u32>,
    pub(super) first: Link<Element>,
    pub(super) last: Link<Element>,
    pub(super) next: Link<Line>,
    pub(super) previous: Link<Line>,
    user: usize,
}

/// Perhaps a node.
pub(super) type Link<T> = Cell<Option<Node<T>>>;

/// A live node. The code that unlinks a node frees it, and follows no other reference to it.
pub(super) struct Node<T>(NonNull<T>);

impl<T> Clone for Node<T> {
    #[inline]
    fn clone(&self) -> Node<T> {
        *self
    }
}

impl<T> Copy for Node<T> {}

impl<T> PartialEq for Node<T> {
    #[inline]
    fn eq(&self, other: &Node<T>) -> bool {
        self.0 == other.0
    }
}

impl<T> Deref for Node<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the node is live; all that changes in it is cells.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Node<T> {
    #[inline]
    fn new<A: Api>(content: T) -> Node<T> {
        let block = A::alloc(Request::array::<T>(1)).cast();
        // SAFETY: the block was made for this content.
        unsafe { block.write(content) };
        Node(block)
    }

    /// Gives the block back.
    ///
    /// # Safety
    /// The node came from this `A`, and nothing refers to it any more.
    #[inline]
    pub(super) unsafe fn free<A: Api>(self) {
        // SAFETY: the block was made for this request; the caller has the last reference.
        unsafe { A::free(self.0.cast(), Request::array::<T>(1)) };
    }

    /// The node for as long as its owner is borrowed.
    ///
    /// # Safety
    /// The node stays live for `'a`.
    #[inline]
    pub(super) unsafe fn borrow<'a>(self) -> &'a T {
        // SAFETY: as the caller says.
        unsafe { self.0.as_ref() }
    }
}

impl Element {
    #[inline]
    pub(super) fn new<A: Api>(numbers: [u32; 2]) -> Node<Element> {
        let [next, previous] = [const { [const { Cell::new(None) }; 2] }; 2];
        Node::new::<A>(Element { numbers, next, previous, user: 0 })
    }
}

impl Line {
    /// An empty line.
    #[inline]
    pub(super) fn new<A: Api>(number: u32) -> Node<Line> {
        let [first, last] = [const { Cell::new(None) }; 2];
        let [next, previous] = [const { Cell::new(None) }; 2];
        let (length, flag) = (Cell::new(0), Cell::new(0));
        Node::new::<A>(Line { number, length, flag, first, last, next, previous, user: 0 })
    }

    /// Puts an element where it belongs in the line, which is a row if `side` is 0 and a column if it is 1.
    /// Returns the element that is at that place, which is another one if there was one before.
    #[inline]
    pub(super) fn insert(&self, side: usize, element: Node<Element>) -> Node<Element> {
        let key = |node: Node<Element>| node.numbers[1 - side];
        let mut before = self.last.get();
        if before.is_some_and(|last| key(last) >= key(element)) {
            // The last one is not smaller: the search from the start ends.
            let mut at = self.first.get();
            while let Some(node) = at.filter(|&node| key(node) < key(element)) {
                at = node.next[side].get();
            }
            if let Some(same) = at.filter(|&node| key(node) == key(element)) {
                return same;
            }
            before = at.and_then(|node| node.previous[side].get());
        }
        let after = match before {
            Some(before) => before.next[side].replace(Some(element)),
            None => self.first.replace(Some(element)),
        };
        match after {
            Some(after) => after.previous[side].set(Some(element)),
            None => self.last.set(Some(element)),
        }
        element.next[side].set(after);
        element.previous[side].set(before);
        self.length.set(self.length.get() + 1);
        element
    }

    /// Takes an element out of the line.
    #[inline]
    pub(super) fn unlink(&self, side: usize, element: Node<Element>) {
        let (before, after) = (element.previous[side].get(), element.next[side].get());
        match before {
            Some(before) => before.next[side].set(after),
            None => self.first.set(after),
        }
        match after {
            Some(after) => after.previous[side].set(before),
            None => self.last.set(before),
        }
        self.length.set(self.length.get() - 1);
    }

    /// The elements in order.
    #[inline]
    pub(super) fn elements(&self, side: usize) -> Elements<'_> {
        Elements { side, at: self.first.get(), line: PhantomData }
    }

    /// Frees the line with its elements.
    ///
    /// # Safety
    /// Line and elements came from this `A`, and nothing refers to any of them any more.
    pub(super) unsafe fn free<A: Api>(line: Node<Line>, side: usize) {
        let mut at = line.first.get();
        // SAFETY: the caller gives all of them away; each is freed once, after its link was read.
        unsafe {
            while let Some(element) = at {
                at = element.next[side].get();
                element.free::<A>();
            }
            line.free::<A>();
        }
    }
}

/// The elements of a line.
pub(super) struct Elements<'a> {
    side: usize,
    at: Option<Node<Element>>,
    line: PhantomData<&'a Line>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a Element;

    #[inline]
    fn next(&mut self) -> Option<&'a Element> {
        let element = self.at?;
        self.at = element.next[self.side].get();
        // SAFETY: while the line is borrowed, its elements are neither unlinked nor freed.
        Some(unsafe { element.borrow() })
    }
}
