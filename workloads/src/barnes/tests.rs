//! What is known of the original: counts, energies and places, for three numbers of bodies.

use super::cube::octant;
use super::step::{Done, Simulation};
use super::vector::{Vector, squared};
use super::{Plan, check_energy, perform};
use crate::api::{Api, Global, Libc};
use crate::counted::Counted;
use crate::measure::Meter;
use crate::protocol::Counts;
use crate::strict::Strict;

/// Cells, leaves of all steps, terms with bodies and with nodes, bodies pulled by themselves; then the
/// edge and both energies.
type Known = ([u64; 5], [f64; 3]);

fn assert_close(what: &str, found: f64, expected: f64) {
    assert!(((found - expected) / expected).abs() < 1e-9, "{what}: {found}, not {expected}");
}

fn assert_step(done: &Done, (counts, [edge, kinetic, potential]): Known) {
    let found = done.numbers();
    assert_eq!(found[..5], counts);
    assert_close("edge", done.edge, edge);
    assert_close("kinetic energy", done.kinetic, kinetic);
    assert_close("potential energy", done.potential, potential);
}

fn assert_place(found: Vector, expected: Vector) {
    found.iter().zip(expected).for_each(|(&found, expected)| assert_close("coordinate", found, expected));
}

struct Run {
    simulation: Simulation<Global>,
    steps: Vec<Done>,
}

impl Run {
    fn new(bodies: usize) -> Run {
        Run { simulation: Simulation::new(bodies), steps: Vec::new() }
    }

    fn four_steps(&mut self) {
        self.steps.extend((0..4).map(|_| self.simulation.step()));
        check_energy(&self.steps[0], &self.steps[3]).expect("energy is kept");
        let mass = self.simulation.tree.cells[0].head.mass;
        assert!((mass - 1.0).abs() < 1e-12, "{mass}");
    }

    fn body(&self) -> Vector {
        self.simulation.bodies[0].head.position
    }

    fn distances(&self) -> f64 {
        self.simulation.bodies.iter().map(|body| squared(body.head.position)).sum()
    }
}

#[test]
fn a_thousand_bodies() {
    let mut run = Run::new(1_024);
    assert_place(run.body(), [-6.16911761639529, -4.21628695044433, -2.20878356110388]);
    let velocity = run.simulation.bodies[0].velocity;
    assert_place(velocity, [-0.360756713633156, 0.129704868051584, -0.16355304091608]);
    run.four_steps();
    let known = ([57, 304, 50_671, 88_409, 3], [28.4373829005, 0.0865654100992, -0.124573400346]);
    assert_step(&run.steps[0], known);
    let known = ([56, 1_183, 50_722, 87_781, 3], [28.4420696413, 0.0865478879983, -0.124554937723]);
    assert_step(&run.steps[3], known);
    assert_place(run.body(), [-6.20549373197151, -4.20359738885157, -2.22485865806819]);
    assert_close("distances", run.distances(), 47_573.6182147093);
}

#[test]
fn sixteen_thousand_bodies() {
    let mut run = Run::new(16_384);
    run.four_steps();
    let known = ([817, 5_043, 327_019, 3_537_931, 6], [33.803225706, 0.0833636898348, -0.120669335836]);
    assert_step(&run.steps[0], known);
    let known = ([832, 20_256, 319_155, 3_544_452, 7], [33.8244254724, 0.083343337204, -0.120644504324]);
    assert_step(&run.steps[3], known);
    assert_close("distances", run.distances(), 757_581.588656558);
}

#[test]
fn the_full_number_of_bodies() {
    let mut run = Run::new(163_840);
    assert_place(run.body(), [-5.97073021350555, -4.00400587387273, -1.99362810550423]);
    run.four_steps();
    let known: [Known; 4] = [
        ([7_835, 49_350, 2_975_453, 43_824_695, 95], [34.8955728586, 0.0842579513133, -0.120003004565]),
        ([7_827, 98_581, 2_972_904, 43_821_555, 95], [34.8947034896, 0.0842581513425, -0.120002376537]),
        ([7_810, 147_688, 2_977_652, 43_812_790, 94], [34.8938301432, 0.0842572094389, -0.12000225286]),
        ([7_807, 196_792, 2_979_989, 43_815_159, 96], [34.8929528187, 0.0842551166734, -0.120001160029]),
    ];
    run.steps.iter().zip(known).for_each(|(done, known)| assert_step(done, known));
    assert_place(run.body(), [-6.00883462440418, -3.99113076984281, -2.00822676439875]);
    assert_close("distances", run.distances(), 7_678_528.39726335);
}

#[test]
fn twenty_blocks_are_allocated_and_freed_only_after_the_end() {
    type A = Counted<Global>;
    let mut meter = Meter::default();
    A::take_counts();
    perform::<A>(Plan { bodies: 163_840, steps: 0 }, &mut meter);
    let Counts { allocations, frees, bytes, .. } = meter.counts();
    assert_eq!((allocations, frees), (20, 0));
    assert!((512_400_000..512_600_000).contains(&bytes), "{bytes}");
    assert_eq!(A::take_counts().frees, 20);
}

#[test]
fn results_do_not_depend_on_the_allocator() {
    let plan = Plan { bodies: 1_024, steps: 2 };
    let one = perform::<Global>(plan, &mut Meter::default());
    let other = perform::<Libc>(plan, &mut Meter::default());
    assert!(one.iter().zip(&other).all(|(one, other)| one.numbers() == other.numbers()));
}

#[test]
fn blocks_are_freed_as_they_were_asked_for() {
    perform::<Strict>(Plan { bodies: 64, steps: 1 }, &mut Meter::default());
}

#[test]
fn lost_energy_is_noticed() {
    let mut steps = perform::<Global>(Plan { bodies: 64, steps: 1 }, &mut Meter::default());
    let first = steps[0];
    check_energy(&first, &first).expect("energy is kept");
    steps[0].kinetic *= 1.01;
    assert!(check_energy(&first, &steps[0]).is_err());
}

#[test]
fn octants_that_follow_each_other_share_a_face() {
    const LEVEL: u32 = 4;
    let corner = |bits: u32| [bits & 4, bits << 1 & 4, bits << 2 & 4];
    let mut corners = [None; 8];
    (0..8).map(corner).for_each(|at| corners[octant(at, LEVEL)] = Some(at));
    let corners = corners.map(|at| at.expect("every octant has a corner"));
    for pair in corners.windows(2) {
        let differences = (0..3).filter(|&k| pair[0][k] != pair[1][k]).count();
        assert_eq!(differences, 1, "{pair:?}");
    }
}
