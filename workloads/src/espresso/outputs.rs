//! MAKE_SPARSE: takes outputs out of cubes where other cubes have them, and then raises inputs.

use super::array::Array;
use super::cover::Cover;
use super::irredundant::mark_irredundant;
use super::set::{Flag, Set};
use super::space::Space;
use crate::api::Api;

/// Takes every output out of the cubes that are not needed for it; drops cubes without outputs.
pub(super) fn drop_outputs<'p, A: Api>(
    space: &'p Space<A>,
    mut cover: Cover<'p, A>,
    free: &Cover<'p, A>,
) -> Cover<'p, A> {
    for output in space.bits(space.inputs) {
        let mut with_output = Array::<A, Set<'_>>::with_room(cover.count());
        cover.iter().filter(|cube| cube.contains(output)).for_each(|cube| with_output.push(cube));
        let restricted = restricted_to(space, &cover, output);
        mark_irredundant(space, &restricted, &restricted_to(space, free, output));
        for (cube, copy) in with_output.iter().zip(restricted.iter()) {
            if !copy.has(Flag::ACTIVE) {
                cube.remove(output);
                cube.unmark(Flag::PRIME);
            }
        }
    }
    cover.activate_all();
    let outputs = space.outputs_mask();
    cover.iter().filter(|cube| cube.is_disjoint(outputs)).for_each(|cube| cover.deactivate(cube));
    if cover.active() < cover.count() {
        cover.keep_active();
    }
    cover
}

/// The cubes that have an output, with that output alone.
fn restricted_to<'p, A: Api>(space: &'p Space<A>, cover: &Cover<'_, A>, output: usize) -> Cover<'p, A> {
    let mut result = space.cover(cover.count());
    for cube in cover.iter().filter(|cube| cube.contains(output)) {
        let copy = result.push_empty();
        copy.minus(cube, space.outputs_mask());
        copy.insert(output);
    }
    result
}
