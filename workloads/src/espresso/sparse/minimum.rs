//! Few columns that touch all rows: exact steps as long as there are any, then a guess that is never taken
//! back.

use super::super::array::HeapBox;
use super::dominance::{drop_dominated_columns, drop_dominated_rows};
use super::gimpel;
use super::independent::independent_rows;
use super::matrix::{COLUMNS, Matrix, ROWS, View};
use super::row::Row;
use crate::api::Api;

/// Columns, and how many.
pub(super) struct Solution<A: Api>(HeapBox<A, Chosen<A>>);

struct Chosen<A: Api> {
    columns: Row<A>,
    cost: u32,
}

impl<A: Api> Solution<A> {
    /// No columns.
    pub(super) fn new() -> Solution<A> {
        Solution(HeapBox::new(Chosen { columns: Row::new(), cost: 0 }))
    }

    fn duplicate(&self) -> Solution<A> {
        Solution(HeapBox::new(Chosen { columns: self.0.columns.duplicate(), cost: self.0.cost }))
    }

    /// Adds a column.
    pub(super) fn add(&mut self, column: u32) {
        self.0.columns.insert(column);
        self.0.cost += 1;
    }

    /// Adds a column of the matrix and deletes the rows it touches.
    fn accept(&mut self, matrix: &mut Matrix<A>, column: u32) {
        self.add(column);
        while let Some(touching) = matrix.line(COLUMNS, column) {
            let row = touching.first();
            matrix.delete(ROWS, row);
        }
    }
}

/// Columns of the matrix that touch all its rows.
pub(in super::super) fn minimum_cover<A: Api>(matrix: &Matrix<A>) -> Row<A> {
    if matrix.count(ROWS) == 0 {
        return Row::new();
    }
    let mut selected = Solution::new();
    let mut copy = matrix.duplicate();
    let best = search(&mut copy, &mut selected);
    drop(copy);
    drop(selected);
    let result = best.0.columns.duplicate();
    debug_assert!(matrix.lines(ROWS).all(|row| row.touches(&result)));
    result
}

/// Extends a selection to one that touches all rows of the matrix.
fn search<A: Api>(matrix: &mut Matrix<A>, selected: &mut Solution<A>) -> Solution<A> {
    select_essential(matrix, selected);
    if let Some(deferred) = gimpel::reduce(matrix) {
        let mut best = search(matrix, selected);
        let column = deferred.choose(&best.0.columns);
        best.add(column);
        return best;
    }
    let independent = independent_rows(matrix);
    let pick = best_column(matrix, &independent);
    drop(independent);
    let Some(pick) = pick else { return selected.duplicate() };
    if let Some([mut left, mut right]) = parts(matrix) {
        if left.count(COLUMNS) > right.count(COLUMNS) {
            std::mem::swap(&mut left, &mut right);
        }
        let mut of_part = Solution::new();
        let best = search(&mut left, &mut of_part);
        drop(of_part);
        drop(left);
        best.0.columns.columns().for_each(|column| selected.add(column));
        drop(best);
        return search(&mut right, selected);
    }
    let mut copy = matrix.duplicate();
    let mut with_pick = selected.duplicate();
    with_pick.accept(&mut copy, pick);
    search(&mut copy, &mut with_pick)
}

/// Selects columns there is no way around, and drops lines that do not matter, until nothing changes.
fn select_essential<A: Api>(matrix: &mut Matrix<A>, selected: &mut Solution<A>) {
    loop {
        let columns_dropped = drop_dominated_columns(matrix);
        let mut essential = Row::<A>::new();
        for row in matrix.lines(ROWS).filter(|row| row.length() == 1) {
            essential.insert(row.first());
        }
        let mut found = false;
        for column in essential.columns() {
            selected.accept(matrix, column);
            found = true;
        }
        drop(essential);
        let rows_dropped = drop_dominated_rows(matrix);
        if columns_dropped == 0 && rows_dropped == 0 && !found {
            return;
        }
    }
}

/// Of the columns that touch independent rows, the one that touches the most and shortest rows.
fn best_column<A: Api>(matrix: &Matrix<A>, independent: &Solution<A>) -> Option<u32> {
    let mut candidates = Row::<A>::new();
    for row in independent.0.columns.columns() {
        matrix.across(ROWS, row).numbers().for_each(|column| candidates.insert(column));
    }
    let value = |column| -> f64 {
        let rows = matrix.across(COLUMNS, column).numbers().map(|row| matrix.across(ROWS, row));
        rows.map(|row| 1.0 / (f64::from(row.length()) - 1.0)).sum()
    };
    let mut best = None;
    for column in candidates.columns() {
        let value = value(column);
        if best.is_none_or(|(_, most)| value > most) {
            best = Some((column, value));
        }
    }
    best.map(|(column, _)| column)
}

/// Two matrices without a row or column in common, if this one falls apart.
fn parts<A: Api>(matrix: &Matrix<A>) -> Option<[Matrix<A>; 2]> {
    for side in [ROWS, COLUMNS] {
        matrix.lines(side).for_each(|line| line.flag().set(0));
    }
    let first = matrix.lines(ROWS).next()?;
    let mut unvisited = matrix.count(ROWS);
    visit(matrix, first, ROWS, &mut unvisited);
    if unvisited == 0 {
        return None;
    }
    let mut parts = [Matrix::new(), Matrix::new()];
    for row in matrix.lines(ROWS) {
        let part = &mut parts[usize::from(row.flag().get() == 0)];
        row.numbers().for_each(|column| part.insert(row.number(), column));
    }
    Some(parts)
}

/// Marks all lines connected to this one, and counts the rows among them.
fn visit<A: Api>(matrix: &Matrix<A>, line: View<'_>, side: usize, unvisited: &mut u32) {
    if line.flag().replace(1) == 1 {
        return;
    }
    *unvisited -= u32::from(side == ROWS);
    for number in line.numbers() {
        visit(matrix, matrix.across(1 - side, number), 1 - side, unvisited);
    }
}
