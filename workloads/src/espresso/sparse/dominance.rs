//! Dropping lines that cannot change the minimum.

use super::matrix::{COLUMNS, Matrix, ROWS, View};
use crate::api::Api;

/// The shortest of the lines across; the first of them.
fn shortest_across<'m, A: Api>(matrix: &'m Matrix<A>, line: View<'_>, side: usize) -> View<'m> {
    let lines = line.numbers().map(|number| matrix.across(1 - side, number));
    lines.min_by_key(|line| line.length()).expect("a line of a matrix has elements")
}

/// Whether `a` counts as larger than `b`: by length, then by number.
fn larger(a: View<'_>, b: View<'_>) -> bool {
    (a.length(), a.number()) > (b.length(), b.number())
}

/// Deletes rows that contain another row: whatever touches that one touches them. Returns how many.
pub(in super::super) fn drop_dominated_rows<A: Api>(matrix: &mut Matrix<A>) -> u32 {
    let before = matrix.count(ROWS);
    let mut at = matrix.lines(ROWS).next().map(View::number);
    while let Some(number) = at {
        // Deleting other rows may leave the number of a row that is gone in `place`: the search goes on with
        // the next one there is in the column.
        let mut place = Some(0);
        while let Some(from) = place {
            let dominated = {
                let row = matrix.across(ROWS, number);
                let is_dominated = |&other: &u32| {
                    let other = matrix.across(ROWS, other);
                    larger(other, row) && row.is_within(other)
                };
                let mut rows = shortest_across(matrix, row, ROWS).numbers();
                rows.find(|other| *other >= from && is_dominated(other))
            };
            if let Some(dominated) = dominated {
                matrix.delete(ROWS, dominated);
            }
            place = dominated.map(|dominated| dominated + 1);
        }
        at = matrix.next(matrix.across(ROWS, number));
    }
    before - matrix.count(ROWS)
}

/// Deletes columns whose rows another column touches as well. Returns how many.
pub(super) fn drop_dominated_columns<A: Api>(matrix: &mut Matrix<A>) -> u32 {
    let before = matrix.count(COLUMNS);
    let mut at = matrix.lines(COLUMNS).next().map(View::number);
    while let Some(number) = at {
        let column = matrix.across(COLUMNS, number);
        at = matrix.next(column);
        let dominated = shortest_across(matrix, column, COLUMNS).numbers().any(|other| {
            let other = matrix.across(COLUMNS, other);
            larger(other, column) && column.is_within(other)
        });
        if dominated {
            matrix.delete(COLUMNS, number);
        }
    }
    before - matrix.count(COLUMNS)
}
