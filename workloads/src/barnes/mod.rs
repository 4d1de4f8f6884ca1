//! barnes: gravity among the bodies of two star clusters by the method of Barnes and Hut, with an
//! octree that is made anew in every step from a few huge tables.
//!
//! The unit of `--ops` is one step.

mod cube;
mod force;
mod input;
mod node;
mod plummer;
mod step;
mod tree;
mod vector;

use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, digest};
use crate::rows::Size;
use input::Input;
use step::{Done, Simulation};

/// How many bodies for how many steps.
#[derive(Debug, Clone, Copy)]
struct Plan {
    bodies: usize,
    steps: u64,
}

/// The amounts of work. All tables are as much smaller as there are fewer bodies; both presets are
/// the same.
const fn plan(size: Size) -> Plan {
    match size {
        Size::Check => Plan { bodies: 1_024, steps: 4 },
        Size::Quick => Plan { bodies: 16_384, steps: 2 },
        Size::Calibrated => Plan { bodies: 32_768, steps: 3 },
        Size::Full => Plan { bodies: 163_840, steps: 4 },
    }
}

/// The tables have room for the leaves of this many steps.
const MOST_STEPS: u64 = 12;

/// The row.
#[derive(Debug)]
pub struct Barnes;

impl Workload for Barnes {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let mut plan = plan(params.size);
        plan.steps = params.ops.unwrap_or(plan.steps);
        if !(1..=MOST_STEPS).contains(&plan.steps) {
            return Err(Failure::Parameters(format!(
                "this row takes 1 to {MOST_STEPS} steps, not {}",
                plan.steps
            )));
        }
        let steps = perform::<A>(plan, meter);
        let (first, last) = (&steps[0], &steps[steps.len() - 1]);
        check_energy(first, last)?;
        Ok(Outcome {
            operations: plan.bodies as u64 * plan.steps,
            timed: false,
            figure: format!(
                "{} bodies, {} steps: {} cells, {} leaves in all, kinetic energy {:.9}, potential energy {:.9}",
                plan.bodies, plan.steps, last.cells, last.leaves, last.kinetic, last.potential
            ),
            checksum: Some(digest(steps.iter().flat_map(Done::numbers))),
        })
    }
}

fn perform<A: Api>(plan: Plan, meter: &mut Meter) -> Vec<Done> {
    let mut steps = Vec::with_capacity(plan.steps as usize);
    let text = input::text(plan.bodies);
    meter.start();
    let input = Input::<A>::read(&text);
    let mut simulation = Simulation::<A>::new(plan.bodies);
    steps.extend((0..plan.steps).map(|_| simulation.step()));
    meter.stop::<A>();
    drop((input, simulation));
    steps
}

/// Whether energy is kept to a thousandth, as it is with steps this small.
fn check_energy(first: &Done, last: &Done) -> Result<(), Failure> {
    let (before, after) = (first.energy(), last.energy());
    if ((after - before) / before).abs() < 1e-3 {
        return Ok(());
    }
    Err(Failure::Check(format!("energy is not kept: {before} at first, {after} at last")))
}

#[cfg(test)]
mod tests;
