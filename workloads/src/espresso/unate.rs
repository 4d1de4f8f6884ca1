//! The complement of a cover whose variables are all unate, as a covering problem.
//!
//! Rows are cubes, columns the active bits; a row has the bits its cube lacks. The complement is all minimal
//! sets of columns that touch every row.

use super::array::Array;
use super::cover::Cover;
use super::list::CubeList;
use super::order::without_containing;
use super::set::{HeapSet, Set};
use super::space::Space;
use crate::api::Api;

/// The matrix of a list that was just counted.
pub(super) fn to_matrix<'p, A: Api>(
    space: &'p Space<A>,
    list: &CubeList<'_, A>,
    columns: usize,
) -> Cover<'p, A> {
    let mut matrix = Cover::new(&space.headers, list.len(), columns);
    for &cube in list.cubes() {
        let row = matrix.push_empty();
        for (column, variable) in unate_variables(space).enumerate() {
            let bit = space.bits(variable).find(|&bit| space.zeros[bit].get() > 0);
            let bit = bit.expect("a unate variable has a bit that some cube lacks");
            if !cube.contains(bit) {
                row.insert(column);
            }
        }
    }
    matrix
}

/// Back from sets of columns to cubes, by the same count.
pub(super) fn to_cubes<'p, A: Api>(space: &'p Space<A>, sets: &Cover<'p, A>) -> Cover<'p, A> {
    let mut cubes = space.cover(sets.count());
    for set in sets.iter() {
        let cube = cubes.push_empty();
        cube.take(space.full());
        for (column, variable) in unate_variables(space).enumerate() {
            if set.contains(column) {
                let all_have = |&bit: &usize| space.zeros[bit].get() == 0;
                space.bits(variable).filter(all_have).for_each(|bit| cube.remove(bit));
            }
        }
    }
    cubes
}

fn unate_variables<A: Api>(space: &Space<A>) -> impl Iterator<Item = usize> {
    (0..space.variables()).filter(|&variable| space.unate[variable].get() != 0)
}

/// All minimal sets of columns that touch every row.
pub(super) fn complement<'p, A: Api>(rows: Cover<'p, A>) -> Cover<'p, A> {
    rows.iter().for_each(|row| row.set_weight(row.count()));
    without_containing(touching(rows))
}

/// Sets of columns that touch every row; the minimal ones are among them. The weight of a row is its length.
fn touching<'p, A: Api>(mut rows: Cover<'p, A>) -> Cover<'p, A> {
    let (headers, columns) = (rows.headers(), rows.members());
    if rows.count() == 0 {
        drop(rows);
        let mut nothing = Cover::new(headers, 1, columns);
        nothing.push_empty();
        return nothing;
    }
    if rows.count() == 1 {
        let mut singles = Cover::new(headers, columns, columns);
        rows.get(0).members().for_each(|column| singles.push_empty().insert(column));
        return singles;
    }
    let (shortest, length) = shortest_rows(&rows);
    match length {
        0 => {
            rows.clear();
            rows
        }
        1 => {
            let rest = selected(&rows, |row| row.is_disjoint(shortest.set()));
            let result = touching(rest);
            drop(rows);
            result.iter().for_each(|set| set.or(set, shortest.set()));
            result
        }
        _ => {
            let column = heaviest_column(&rows, shortest.set());
            let mut result = touching(selected(&rows, |row| !row.contains(column)));
            result.iter().for_each(|set| set.insert(column));
            for row in rows.iter().filter(|row| row.contains(column)) {
                row.remove(column);
                row.set_weight(row.weight() - 1);
            }
            result.append(touching(rows));
            result
        }
    }
}

/// The union of the rows of least length, and that length.
fn shortest_rows<A: Api>(rows: &Cover<'_, A>) -> (HeapSet<A>, u32) {
    let union = HeapSet::new(rows.members());
    let mut least = u32::MAX;
    for row in rows.iter() {
        if row.weight() < least {
            least = row.weight();
            union.set().take(row);
        } else if row.weight() == least {
            union.set().or(union.set(), row);
        }
    }
    (union, least)
}

/// The rows for which `select` says so.
fn selected<'p, A: Api>(rows: &Cover<'p, A>, select: impl Fn(Set<'_>) -> bool) -> Cover<'p, A> {
    let mut some = Cover::new(rows.headers(), rows.count(), rows.members());
    rows.iter().filter(|&row| select(row)).for_each(|row| some.push(row));
    some
}

/// The column among those allowed that touches the most and shortest rows.
fn heaviest_column<A: Api>(rows: &Cover<'_, A>, allowed: Set<'_>) -> usize {
    let mut sums = Array::<A, u32>::filled(rows.members(), 0);
    for row in rows.iter() {
        let weight = 1024 / (row.count() - 1);
        row.members().filter(|&column| allowed.contains(column)).for_each(|column| sums[column] += weight);
    }
    let best = (0..sums.len()).rev().max_by_key(|&column| sums[column]);
    best.expect("rows of two or more have columns")
}
