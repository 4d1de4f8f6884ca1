//! Rows that have no column in common with each other, as many as a greedy search finds.

use super::matrix::{COLUMNS, Matrix, ROWS};
use super::minimum::Solution;
use super::row::Row;
use crate::api::Api;

/// The numbers of the rows.
pub(super) fn independent_rows<A: Api>(matrix: &Matrix<A>) -> Solution<A> {
    let mut independent = Solution::new();
    let mut intersections = intersections(matrix);
    while intersections.count(ROWS) > 0 {
        let best = intersections.lines(ROWS).min_by_key(|row| row.length());
        let best = best.expect("there are rows");
        independent.add(best.number());
        let touched = Row::<A>::copy_of(best);
        for row in touched.columns() {
            intersections.delete(ROWS, row);
            intersections.delete(COLUMNS, row);
        }
    }
    independent
}

/// A matrix that tells which rows have a column in common.
fn intersections<A: Api>(matrix: &Matrix<A>) -> Matrix<A> {
    let mut result = Matrix::new();
    for row in matrix.lines(ROWS) {
        let reached = || {
            let columns = row.numbers().map(|column| matrix.across(COLUMNS, column));
            columns.flat_map(|column| column.numbers()).map(|other| matrix.across(ROWS, other))
        };
        reached().for_each(|other| other.flag().set(0));
        for other in reached() {
            if other.flag().replace(1) == 0 {
                result.insert(row.number(), other.number());
            }
        }
    }
    result
}
