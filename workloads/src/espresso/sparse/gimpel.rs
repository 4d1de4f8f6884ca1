//! Gimpel's reduction: a row of two columns, one of which touches just one other row, leaves the choice
//! between the two to the end.

use super::matrix::{COLUMNS, Matrix, ROWS};
use super::row::Row;
use crate::api::Api;

/// A choice that is put off.
pub(super) struct Deferred<A: Api> {
    /// The other row of the short column, without it.
    secondary: Row<A>,
    /// The column that touches just two rows.
    short: u32,
    /// The other column.
    long: u32,
}

/// Reduces the matrix if it has such a row.
pub(super) fn reduce<A: Api>(matrix: &mut Matrix<A>) -> Option<Deferred<A>> {
    let (primary, short, long) = matrix.lines(ROWS).filter(|row| row.length() == 2).find_map(|row| {
        let mut columns = row.numbers();
        let (first, last) = (columns.next()?, columns.next()?);
        let is_short = |column| matrix.across(COLUMNS, column).length() == 2;
        let pair = [(first, last), (last, first)].into_iter().find(|pair| is_short(pair.0));
        pair.map(|(short, long)| (row.number(), short, long))
    })?;
    let other = matrix.across(COLUMNS, short).numbers().find(|&row| row != primary);
    let other = other.expect("the short column touches two rows");
    let mut secondary = Row::copy_of(matrix.across(ROWS, other));
    secondary.remove(short);
    let mut at = Some(matrix.across(COLUMNS, long).first());
    while let Some(row) = at {
        if row != primary {
            secondary.columns().for_each(|column| matrix.insert(row, column));
        }
        at = matrix.across(COLUMNS, long).numbers().find(|&next| next > row);
    }
    matrix.delete(COLUMNS, short);
    matrix.delete(COLUMNS, long);
    matrix.delete(ROWS, primary);
    matrix.delete(ROWS, other);
    Some(Deferred { secondary, short, long })
}

impl<A: Api> Deferred<A> {
    /// The column to add to a solution of the reduced matrix.
    pub(super) fn choose(&self, solution: &Row<A>) -> u32 {
        if self.secondary.intersects(solution) { self.long } else { self.short }
    }
}
