//! What a cover costs.

use super::cover::Cover;
use super::list::CubeList;
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
    /// Counts.
    pub(super) fn of<A: Api>(space: &Space<A>, cover: &Cover<'_, A>) -> Cost {
        Census::of(space, &CubeList::of(space, &[cover]));
        let zeros = |variable: usize| space.variable_zeros[variable].get() as usize;
        Cost {
            cubes: cover.count(),
            inputs: (0..space.inputs).map(zeros).sum(),
            outputs: cover.count() * space.outputs() - zeros(space.inputs),
        }
    }

    /// All literals.
    pub(super) fn literals(self) -> usize {
        self.inputs + self.outputs
    }
}
