//! What a cover costs.

use super::cover::Cover;
use super::list::CubeList;
use super::set::Set;
use super::space::Space;
use super::split::Census;
use crate::api::Api;

/// Cubes and literals of a cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Cubes.
    pub(super) cubes: usize,
    /// Bits that are not set in binary variables.
    pub(super) inputs: usize,
    /// Bits that are set in the output variable.
    pub(super) outputs: usize,
}

impl Cost {
    /// Counts as the minimiser does, by way of a list.
    pub(super) fn of<A: Api>(space: &Space<A>, cover: &Cover<'_, A>) -> Cost {
        Census::of(space, &CubeList::of(space, &[cover]));
        let zeros = |variable: usize| space.variable_zeros[variable].get() as usize;
        Cost {
            cubes: cover.count(),
            inputs: (0..space.inputs).map(zeros).sum(),
            outputs: cover.count() * space.outputs() - zeros(space.inputs),
        }
    }

    /// Counts without asking for memory.
    pub(super) fn of_members<A: Api>(space: &Space<A>, cover: &Cover<'_, A>) -> Cost {
        let outputs = |cube: Set<'_>| cube.count_common(space.outputs_mask()) as usize;
        Cost {
            cubes: cover.count(),
            inputs: cover.iter().map(|cube| 2 * space.inputs + outputs(cube) - cube.count() as usize).sum(),
            outputs: cover.iter().map(outputs).sum(),
        }
    }

    /// All literals.
    pub(super) fn literals(self) -> usize {
        self.inputs + self.outputs
    }
}
