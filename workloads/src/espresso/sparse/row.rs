//! A row that belongs to no matrix: a sorted list of columns.

use std::cmp::Ordering;

use super::chain::{Element, Line, Node};
use super::matrix::View;
use crate::api::Api;

/// A row on its own.
pub(in super::super) struct Row<A: Api> {
    line: Node<Line>,
    api: std::marker::PhantomData<fn() -> A>,
}

impl<A: Api> Row<A> {
    /// An empty row.
    #[inline]
    pub(in super::super) fn new() -> Row<A> {
        Row { line: Line::new::<A>(0), api: std::marker::PhantomData }
    }

    /// A row with the columns of another.
    pub(super) fn copy_of(other: View<'_>) -> Row<A> {
        let mut row = Row::new();
        other.numbers().for_each(|column| row.insert(column));
        row
    }

    /// A row with the same columns.
    pub(super) fn duplicate(&self) -> Row<A> {
        let mut row = Row::new();
        self.columns().for_each(|column| row.insert(column));
        row
    }

    /// Adds a column.
    #[inline]
    pub(super) fn insert(&mut self, column: u32) {
        let element = Element::new::<A>([0, column]);
        if self.line.insert(0, element) != element {
            // SAFETY: the element was made here and is in no list.
            unsafe { element.free::<A>() };
        }
    }

    /// Takes a column out.
    pub(super) fn remove(&mut self, column: u32) {
        let mut at = self.line.first.get();
        while let Some(element) = at {
            if element.numbers[1] == column {
                self.line.unlink(0, element);
                // SAFETY: the element is in no list any more.
                unsafe { element.free::<A>() };
                return;
            }
            at = element.next[0].get();
        }
    }

    /// The columns, ascending.
    pub(in super::super) fn columns(&self) -> impl Iterator<Item = u32> {
        self.line.elements(0).map(|element| element.numbers[1])
    }

    /// Whether there is a column in both.
    pub(super) fn intersects(&self, other: &Row<A>) -> bool {
        let (mut ours, mut theirs) = (self.columns(), other.columns());
        let (mut our, mut their) = (ours.next(), theirs.next());
        while let (Some(a), Some(b)) = (our, their) {
            match a.cmp(&b) {
                Ordering::Less => our = ours.next(),
                Ordering::Greater => their = theirs.next(),
                Ordering::Equal => return true,
            }
        }
        false
    }
}

impl<A: Api> Drop for Row<A> {
    fn drop(&mut self) {
        // SAFETY: the row owns its header and its elements.
        unsafe { Line::free::<A>(self.line, 0) };
    }
}
