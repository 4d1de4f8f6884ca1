//! The minimiser: the order of the steps, and when to stop.

use super::cost::Cost;
use super::cover::Cover;
use super::essential::essential;
use super::expand::{Outputs, expand, unravel};
use super::gasp::{new_primes, reduce_all};
use super::irredundant::irredundant;
use super::list::CubeList;
use super::lower::Hit;
use super::order::without_contained;
use super::outputs::drop_outputs;
use super::reduce::{Order, reduce};
use super::set::Flag;
use super::space::Space;
use super::tautology::covers;
use crate::api::Api;

/// The steps after which a cover is shown to the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// One cube for every output.
    Setup,
    /// Cubes were raised to primes.
    Expand,
    /// Cubes that are not needed were dropped.
    Irredundant,
    /// The essential primes that were taken out.
    Essential,
    /// Cubes were made small.
    Reduce,
    /// The cubes when all are made small at once.
    GaspReduce,
    /// New primes over several of these.
    GaspExpand,
    /// The cover with the new primes.
    GaspIrredundant,
    /// The essential primes are back.
    Adjust,
    /// Outputs were taken out of cubes.
    DropOutputs,
    /// Inputs were raised.
    RaiseInputs,
}

/// Someone who follows the steps.
pub(super) trait Observer {
    /// Whether steps are shown that would have to be counted for this only.
    const WATCHING: bool = true;

    /// A step is done.
    fn step(&mut self, step: Step, cost: Cost);
}

/// Nobody.
impl Observer for () {
    const WATCHING: bool = false;

    #[inline]
    fn step(&mut self, _: Step, _: Cost) {}
}

/// Outputs in all above which the cover is not taken apart at the start.
const MOST_OUTPUTS_TO_UNRAVEL: usize = 5000;

/// What stays the same while a function is minimised.
pub(super) struct Minimiser<'e, 'p, A: Api, O> {
    pub(super) space: &'p Space<A>,
    /// What may be covered.
    pub(super) free: &'e Cover<'p, A>,
    /// What must not be covered.
    pub(super) off: &'e Cover<'p, A>,
    /// How the cubes are ordered the next time they are reduced.
    pub(super) order: &'e mut Order,
    pub(super) observer: &'e mut O,
}

impl<'p, A: Api, O: Observer> Minimiser<'_, 'p, A, O> {
    /// Few cubes with few literals that cover all of the cover and nothing of the OFF-set.
    ///
    /// # Errors
    /// The cover hits the OFF-set.
    pub(super) fn minimise(&mut self, cover: Cover<'p, A>) -> Result<Cover<'p, A>, Hit> {
        let saved = cover.duplicate();
        let result = self.attempt(cover, true)?;
        if saved.count() >= result.count() {
            return Ok(result);
        }
        // Taking the cover apart at the start did more harm than good.
        drop(result);
        self.attempt(saved.duplicate(), false)
    }

    /// Minimises once; the cover is taken apart at the start only if it may be.
    ///
    /// # Errors
    /// The cover hits the OFF-set.
    pub(super) fn attempt(
        &mut self,
        mut cover: Cover<'p, A>,
        may_unravel: bool,
    ) -> Result<Cover<'p, A>, Hit> {
        let space = self.space;
        let mut free = self.free.duplicate();
        let mut cost = Cost::of(space, &cover);
        let unravels = space.outputs() > 1
            && cost.outputs != cost.cubes * space.outputs()
            && cost.outputs < MOST_OUTPUTS_TO_UNRAVEL;
        if may_unravel && unravels {
            cover = without_contained(unravel(space, cover));
            if O::WATCHING {
                self.done(Step::Setup, &cover);
            }
        }
        cover.iter().for_each(|cube| cube.unmark(Flag::PRIME));
        cover = self.expand(cover)?;
        cover = irredundant(space, cover, &free);
        self.done(Step::Irredundant, &cover);
        let essential = essential(space, &mut cover, &mut free);
        self.done(Step::Essential, &essential);
        cost = Cost::of(space, &cover);
        loop {
            let mut best;
            loop {
                best = cost;
                cover = reduce(space, cover, &free, *self.order);
                *self.order = self.order.other();
                self.done(Step::Reduce, &cover);
                cover = self.expand(cover)?;
                cover = irredundant(space, cover, &free);
                cost = self.done(Step::Irredundant, &cover);
                if cost.cubes >= best.cubes {
                    break;
                }
            }
            best = cost;
            (cover, cost) = self.last_gasp(cover, &free)?;
            let better =
                cost.cubes < best.cubes || cost.cubes == best.cubes && cost.literals() < best.literals();
            if !better {
                break;
            }
        }
        cover.append(essential);
        if O::WATCHING {
            self.done(Step::Adjust, &cover);
        }
        drop(free);
        self.make_sparse(cover)
    }

    /// Counts what a step left and shows it.
    fn done(&mut self, step: Step, cover: &Cover<'p, A>) -> Cost {
        let cost = Cost::of(self.space, cover);
        self.observer.step(step, cost);
        cost
    }

    fn expand(&mut self, cover: Cover<'p, A>) -> Result<Cover<'p, A>, Hit> {
        let cover = expand(self.space, cover, self.off, Outputs::Raise)?;
        self.done(Step::Expand, &cover);
        Ok(cover)
    }

    fn last_gasp(
        &mut self,
        mut cover: Cover<'p, A>,
        free: &Cover<'p, A>,
    ) -> Result<(Cover<'p, A>, Cost), Hit> {
        let reduced = reduce_all(self.space, &cover, free);
        self.done(Step::GaspReduce, &reduced);
        let primes = new_primes(self.space, &reduced, &cover, free, self.off)?;
        self.done(Step::GaspExpand, &primes);
        drop(reduced);
        if primes.count() > 0 {
            cover.append(primes);
            cover = irredundant(self.space, cover, free);
        }
        let cost = self.done(Step::GaspIrredundant, &cover);
        Ok((cover, cost))
    }

    fn make_sparse(&mut self, mut cover: Cover<'p, A>) -> Result<Cover<'p, A>, Hit> {
        let mut best = Cost::of(self.space, &cover);
        loop {
            cover = drop_outputs(self.space, cover, self.free);
            let cost = self.done(Step::DropOutputs, &cover);
            if cost.literals() == best.literals() {
                return Ok(cover);
            }
            best = cost;
            cover = expand(self.space, cover, self.off, Outputs::Hold)?;
            let cost = self.done(Step::RaiseInputs, &cover);
            if cost.literals() == best.literals() {
                return Ok(cover);
            }
            best = cost;
        }
    }
}

/// Whether both covers are equal up to the don't-cares.
pub(super) fn equivalent<A: Api>(
    space: &Space<A>,
    new: &Cover<'_, A>,
    old: &Cover<'_, A>,
    free: &Cover<'_, A>,
) -> bool {
    let within = |inner: &Cover<'_, A>, outer: &Cover<'_, A>| {
        let list = CubeList::of(space, &[outer, free]);
        inner.iter().all(|cube| covers(space, &list, cube))
    };
    within(new, old) && within(old, new)
}
