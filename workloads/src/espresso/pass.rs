//! One pass: reads the text, complements, minimises, verifies and frees everything.

use std::fmt;

use super::complement::complement;
use super::cost::Cost;
use super::cover::Cover;
use super::list::CubeList;
use super::lower::Hit;
use super::minimise::{Minimiser, Observer, equivalent};
use super::read::{self, Function, Malformed};
use super::reduce::Order;
use super::space::Space;
use crate::api::Api;

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The text is not a function.
    Text(Malformed),
    /// The ON-set meets the OFF-set.
    Overlap,
    /// The result is another function than the text.
    Different,
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Text(malformed) => malformed.fmt(out),
            Wrong::Overlap => out.write_str("the ON-set and the OFF-set are not disjoint"),
            Wrong::Different => out.write_str("the minimised function is not the one that was read"),
        }
    }
}

impl From<Malformed> for Wrong {
    fn from(malformed: Malformed) -> Wrong {
        Wrong::Text(malformed)
    }
}

impl From<Hit> for Wrong {
    fn from(_: Hit) -> Wrong {
        Wrong::Overlap
    }
}

/// What a pass found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Minimised {
    /// Cubes of the OFF-set.
    pub(super) off: usize,
    /// Cubes and literals of the result.
    pub(super) cost: Cost,
}

/// Minimises the function of a text. `look` sees the space and the result before they are freed.
pub(super) fn pass<A: Api, O: Observer>(
    text: &str,
    order: &mut Order,
    observer: &mut O,
    look: impl FnOnce(&Space<A>, &Cover<'_, A>),
) -> Result<Minimised, Wrong> {
    let (inputs, outputs) = read::numbers(text)?;
    let space = Space::<A>::new(inputs, outputs);
    let Function { ones, anything: free } = read::rows(&space, text)?;
    let off = complement(&space, CubeList::of(&space, &[&ones, &free]));
    let original = ones.duplicate();
    let mut minimiser = Minimiser { space: &space, free: &free, off: &off, order, observer };
    let result = minimiser.minimise(ones)?;
    if !equivalent(&space, &result, &original, &free) {
        return Err(Wrong::Different);
    }
    drop(original);
    look(&space, &result);
    Ok(Minimised { off: off.count(), cost: Cost::of_members(&space, &result) })
}
