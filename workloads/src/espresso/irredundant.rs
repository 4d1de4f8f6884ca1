//! IRREDUNDANT: keeps few of the cubes that still cover the function.

use super::cover::Cover;
use super::list::CubeList;
use super::set::{Flag, Set};
use super::space::Space;
use super::sparse::{Matrix, ROWS, drop_dominated_rows, minimum_cover};
use super::split::{Census, Halves};
use super::tautology::{covers, keep_full_in_unate};
use crate::api::Api;

/// Sets that the parts of a cover have room for at first.
const ROOM: usize = 10;

/// New rows after which the matrix is made smaller.
const ROWS_BETWEEN_REDUCTIONS: u32 = 1000;

/// Drops the cubes that are not needed next to the others and the don't-cares.
pub(super) fn irredundant<'p, A: Api>(
    space: &'p Space<A>,
    mut cover: Cover<'p, A>,
    free: &Cover<'p, A>,
) -> Cover<'p, A> {
    mark_irredundant(space, &cover, free);
    cover.keep_active();
    cover
}

/// Makes the cubes active that are needed.
pub(super) fn mark_irredundant<A: Api>(space: &Space<A>, cover: &Cover<'_, A>, free: &Cover<'_, A>) {
    let (indispensable, partly) = partition(space, cover, free);
    let matrix = cover_matrix(space, free, &indispensable, &partly);
    let chosen = minimum_cover(&matrix);
    for cube in cover.iter() {
        cube.unmark(Flag::ACTIVE);
        cube.unmark(Flag::INDISPENSABLE);
    }
    for copy in indispensable.iter() {
        let cube = cover.get(copy.weight() as usize);
        cube.mark(Flag::ACTIVE);
        cube.mark(Flag::INDISPENSABLE);
    }
    chosen.columns().for_each(|index| cover.get(index as usize).mark(Flag::ACTIVE));
}

/// Copies of the cubes that no others cover, and of those that the former do not cover alone. The weight of a
/// copy is the number of its cube.
fn partition<'p, A: Api>(
    space: &'p Space<A>,
    cover: &Cover<'_, A>,
    free: &Cover<'_, A>,
) -> (Cover<'p, A>, Cover<'p, A>) {
    for (index, cube) in cover.iter().enumerate() {
        // As many cubes as a weight can count.
        cube.set_weight(index as u32);
    }
    let [mut indispensable, mut totally, mut partly, mut redundant] = [(); 4].map(|()| space.cover(ROOM));
    let all = CubeList::of(space, &[cover, free]);
    for cube in cover.iter() {
        let part = if covers(space, &all, cube) { &mut redundant } else { &mut indispensable };
        part.push(cube);
    }
    drop(all);
    let needed = CubeList::of(space, &[&indispensable, free]);
    for cube in redundant.iter() {
        let part = if covers(space, &needed, cube) { &mut totally } else { &mut partly };
        part.push(cube);
    }
    drop(needed);
    (indispensable, partly)
}

/// A row for every way to cover a piece of a partly redundant cube, with the cubes that do.
fn cover_matrix<A: Api>(
    space: &Space<A>,
    free: &Cover<'_, A>,
    indispensable: &Cover<'_, A>,
    partly: &Cover<'_, A>,
) -> Matrix<A> {
    free.iter().chain(indispensable.iter()).for_each(|cube| cube.unmark(Flag::REDUNDANT));
    partly.iter().for_each(|cube| cube.mark(Flag::REDUNDANT));
    let list = CubeList::of(space, &[free, indispensable, partly]);
    let mut matrix = Matrix::new();
    let mut reduced_to = 0;
    for cube in partly.iter() {
        add_rows(space, list.cofactored(space, cube), cube, &mut matrix);
        cube.unmark(Flag::REDUNDANT);
        if matrix.count(ROWS) > reduced_to + ROWS_BETWEEN_REDUCTIONS {
            drop_dominated_rows(&mut matrix);
            reduced_to = matrix.count(ROWS);
        }
    }
    matrix
}

/// Walks as the tautology test does to the pieces of `current` that only redundant cubes cover.
fn add_rows<A: Api>(space: &Space<A>, mut list: CubeList<'_, A>, current: Set<'_>, matrix: &mut Matrix<A>) {
    let full = |list: &CubeList<'_, A>, cube: Set<'_>| cube.completes(list.cofactor(), space.full());
    if list.cubes().iter().any(|&cube| !cube.has(Flag::REDUNDANT) && full(&list, cube)) {
        return;
    }
    let census = loop {
        let census = Census::of(space, &list);
        if census.is_unate() {
            let row = matrix.last(ROWS).map_or(0, |last| last + 1);
            matrix.insert(row, current.weight());
            for &cube in list.cubes() {
                if cube.has(Flag::REDUNDANT) && full(&list, cube) {
                    matrix.insert(row, cube.weight());
                }
            }
            return;
        }
        if census.unate == 0 {
            break census;
        }
        keep_full_in_unate(space, &mut list);
    };
    let halves = Halves::of(space, &list, census);
    add_rows(space, halves.left(space, &list), current, matrix);
    add_rows(space, halves.right(space, &list), current, matrix);
}
