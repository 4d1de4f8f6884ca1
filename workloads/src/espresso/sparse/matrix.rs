//! The matrix: its lines in two sorted lists and two growing tables, its ones in the lists of
//! their row and their column.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::super::array::HeapBox;
use super::chain::{Element, Elements, Line, Link, Node};
use super::row::Row;
use crate::api::{Api, Request};

/// The side of the rows.
pub(in super::super) const ROWS: usize = 0;
/// The side of the columns.
pub(in super::super) const COLUMNS: usize = 1;

/// Lines of one direction.
struct Side<A: Api> {
    table: Table<A>,
    first: Link<Line>,
    last: Link<Line>,
    count: u32,
}

/// From numbers to lines: a block that grows.
struct Table<A: Api> {
    block: Option<NonNull<Option<Node<Line>>>>,
    size: u32,
    api: PhantomData<fn() -> A>,
}

impl<A: Api> Table<A> {
    #[inline]
    fn get(&self, number: u32) -> Option<Node<Line>> {
        let block = self.block.filter(|_| number < self.size)?;
        // SAFETY: the block has `size` places, all of them written.
        unsafe { block.add(number as usize).read() }
    }

    /// Puts a line, or none, at a place there is.
    #[inline]
    fn set(&mut self, number: u32, line: Option<Node<Line>>) {
        let block = self.block.filter(|_| number < self.size).expect("the table has grown to the number");
        // SAFETY: the place is inside of the block.
        unsafe { block.add(number as usize).write(line) };
    }

    /// Has a place for the number from now on.
    #[inline]
    fn reach(&mut self, number: u32) {
        if number < self.size {
            return;
        }
        let size = (2 * self.size).max(number + 1);
        let request = |size: u32| Request::array::<Option<Node<Line>>>(size as usize);
        let block = match self.block {
            None => A::alloc(request(size)),
            // SAFETY: the block was made for that many places, and nothing refers into it.
            Some(block) => unsafe { A::realloc(block.cast(), request(self.size), request(size).size()) },
        };
        let block = block.cast();
        for place in self.size..size {
            // SAFETY: the place is inside of the block.
            unsafe { block.add(place as usize).write(None) };
        }
        (self.block, self.size) = (Some(block), size);
    }
}

impl<A: Api> Drop for Table<A> {
    fn drop(&mut self) {
        if let Some(block) = self.block {
            let request = Request::array::<Option<Node<Line>>>(self.size as usize);
            // SAFETY: the block was made for that many places and is freed only here.
            unsafe { A::free(block.cast(), request) };
        }
    }
}

impl<A: Api> Side<A> {
    fn new() -> Side<A> {
        let table = Table { block: None, size: 0, api: PhantomData };
        Side { table, first: Cell::new(None), last: Cell::new(None), count: 0 }
    }

    /// The line with a number the table has a place for.
    #[inline]
    fn line(&mut self, number: u32) -> Node<Line> {
        self.table.get(number).unwrap_or_else(|| self.make_line(number))
    }

    fn make_line(&mut self, number: u32) -> Node<Line> {
        let line = Line::new::<A>(number);
        self.table.set(number, Some(line));
        let mut before = self.last.get();
        while let Some(larger) = before.filter(|before| before.number > number) {
            before = larger.previous.get();
        }
        let after = match before {
            Some(before) => before.next.replace(Some(line)),
            None => self.first.replace(Some(line)),
        };
        match after {
            Some(after) => after.previous.set(Some(line)),
            None => self.last.set(Some(line)),
        }
        line.next.set(after);
        line.previous.set(before);
        self.count += 1;
        line
    }

    /// Takes a line without elements out and frees it.
    fn remove(&mut self, line: Node<Line>) {
        self.table.set(line.number, None);
        let (before, after) = (line.previous.get(), line.next.get());
        match before {
            Some(before) => before.next.set(after),
            None => self.first.set(after),
        }
        match after {
            Some(after) => after.previous.set(before),
            None => self.last.set(before),
        }
        self.count -= 1;
        // SAFETY: neither the table nor the list refers to the line any more, and it has no elements.
        unsafe { line.free::<A>() };
    }
}

/// What a matrix has on the heap besides lines and elements.
struct Head<A: Api> {
    sides: [Side<A>; 2],
    _user: usize,
}

/// A sparse matrix.
pub(in super::super) struct Matrix<A: Api>(HeapBox<A, Head<A>>);

impl<A: Api> Matrix<A> {
    /// A matrix without ones.
    pub(in super::super) fn new() -> Matrix<A> {
        Matrix(HeapBox::new(Head { sides: [Side::new(), Side::new()], _user: 0 }))
    }

    /// A copy, made one by one.
    pub(super) fn duplicate(&self) -> Matrix<A> {
        let mut copy = Matrix::new();
        if let [Some(row), Some(column)] = [ROWS, COLUMNS].map(|side| self.last(side)) {
            copy.0.sides[ROWS].table.reach(row);
            copy.0.sides[COLUMNS].table.reach(column);
        }
        for row in self.lines(ROWS) {
            row.numbers().for_each(|column| copy.insert(row.number(), column));
        }
        copy
    }

    /// Puts a one at a place.
    #[inline]
    pub(in super::super) fn insert(&mut self, row: u32, column: u32) {
        let [rows, columns] = &mut self.0.sides;
        rows.table.reach(row);
        columns.table.reach(column);
        let (in_row, in_column) = (rows.line(row), columns.line(column));
        let element = Element::new::<A>([row, column]);
        if in_row.insert(ROWS, element) == element {
            in_column.insert(COLUMNS, element);
        } else {
            // SAFETY: the element was made here and is in no list.
            unsafe { element.free::<A>() };
        }
    }

    /// Deletes a line with its elements, and the lines across that have none left.
    pub(super) fn delete(&mut self, side: usize, number: u32) {
        let Some(line) = self.0.sides[side].table.get(number) else { return };
        while let Some(element) = line.first.get() {
            line.unlink(side, element);
            let across = self.0.sides[1 - side].table.get(element.numbers[1 - side]);
            let across = across.expect("an element is in two lines of the matrix");
            across.unlink(1 - side, element);
            // SAFETY: both lines of the element have forgotten it.
            unsafe { element.free::<A>() };
            if across.length.get() == 0 {
                self.0.sides[1 - side].remove(across);
            }
        }
        self.0.sides[side].remove(line);
    }

    /// The number of lines.
    #[inline]
    pub(in super::super) fn count(&self, side: usize) -> u32 {
        self.0.sides[side].count
    }

    /// The number of the last line.
    #[inline]
    pub(in super::super) fn last(&self, side: usize) -> Option<u32> {
        self.0.sides[side].last.get().map(|line| line.number)
    }

    /// The line with a number, if it has elements.
    #[inline]
    pub(super) fn line(&self, side: usize, number: u32) -> Option<View<'_>> {
        // SAFETY: lines of the matrix live as long as it is borrowed.
        self.0.sides[side].table.get(number).map(|line| View { line: unsafe { line.borrow() }, side })
    }

    /// The line of an element's number.
    #[inline]
    pub(super) fn across(&self, side: usize, number: u32) -> View<'_> {
        self.line(side, number).expect("an element is in two lines of the matrix")
    }

    /// All lines in order.
    #[inline]
    pub(super) fn lines(&self, side: usize) -> impl Iterator<Item = View<'_>> {
        let mut at = self.0.sides[side].first.get();
        std::iter::from_fn(move || {
            // SAFETY: lines of the matrix live as long as it is borrowed.
            let line = unsafe { at?.borrow() };
            at = line.next.get();
            Some(View { line, side })
        })
    }

    /// The number of the first line after the given one.
    #[inline]
    pub(super) fn next(&self, line: View<'_>) -> Option<u32> {
        line.line.next.get().map(|next| next.number)
    }
}

impl<A: Api> Drop for Matrix<A> {
    fn drop(&mut self) {
        for (side, lines) in self.0.sides.iter().enumerate() {
            let mut at = lines.first.get();
            while let Some(line) = at {
                at = line.next.get();
                if side == COLUMNS {
                    // The rows were freed first, with the elements.
                    line.first.set(None);
                }
                // SAFETY: the matrix owns its lines, and they are freed once.
                unsafe { Line::free::<A>(line, side) };
            }
        }
    }
}

/// A line of a matrix, for as long as the matrix does not change.
#[derive(Clone, Copy)]
pub(super) struct View<'m> {
    line: &'m Line,
    side: usize,
}

impl<'m> View<'m> {
    /// Its number.
    #[inline]
    pub(super) fn number(self) -> u32 {
        self.line.number
    }

    /// The number of its elements.
    #[inline]
    pub(super) fn length(self) -> u32 {
        self.line.length.get()
    }

    /// A mark for whoever walks through the matrix.
    #[inline]
    pub(super) fn flag(self) -> &'m Cell<u32> {
        &self.line.flag
    }

    #[inline]
    fn elements(self) -> Elements<'m> {
        self.line.elements(self.side)
    }

    /// The numbers of the lines across, ascending.
    #[inline]
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> + use<'m> {
        let across = 1 - self.side;
        self.elements().map(move |element| element.numbers[across])
    }

    /// The number of the first line across.
    #[inline]
    pub(super) fn first(self) -> u32 {
        self.numbers().next().expect("a line of a matrix has elements")
    }

    /// Whether the row has one of the columns.
    pub(super) fn touches<A: Api>(self, columns: &Row<A>) -> bool {
        self.numbers().any(|number| columns.columns().any(|column| column == number))
    }

    /// Whether the other line has an element wherever this one has.
    pub(super) fn is_within(self, other: View<'_>) -> bool {
        let mut others = other.numbers();
        self.numbers().all(|number| others.find(|&other| other >= number) == Some(number))
    }
}
