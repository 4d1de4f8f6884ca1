//! Bodies through time: in each step a new tree, the forces, and where they take the bodies.

use super::cube::{Cube, Extent};
use super::force::pull;
use super::node::{Body, LEAF_CAPACITY};
use super::plummer::two_spheres;
use super::tree::{LEAVES_PER_BODY, ROOT, Tree};
use super::vector::{minus, plus, squared, times};
use crate::api::Api;
use crate::table::Table;

/// The time between steps.
const STEP: f64 = 0.025;

/// What a step did and what it found before the bodies moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) cells: usize,
    /// Leaves of this step and all before.
    pub(super) leaves: usize,
    /// Interactions of bodies with bodies, and of bodies with nodes.
    pub(super) body_terms: u64,
    pub(super) node_terms: u64,
    /// Bodies that were so far from their own leaf's centre that the leaf as a whole pulled them.
    pub(super) pulled_by_themselves: u64,
    /// The edge of the cube.
    pub(super) edge: f64,
    pub(super) kinetic: f64,
    pub(super) potential: f64,
}

impl Done {
    pub(super) fn energy(&self) -> f64 {
        self.kinetic + self.potential
    }

    /// Everything, for a checksum.
    pub(super) fn numbers(&self) -> [u64; 8] {
        [
            self.cells as u64,
            self.leaves as u64,
            self.body_terms,
            self.node_terms,
            self.pulled_by_themselves,
            self.edge.to_bits(),
            self.kinetic.to_bits(),
            self.potential.to_bits(),
        ]
    }
}

/// What is neither body nor tree; one heap block in the original.
#[derive(Clone, Copy)]
struct Globals {
    cube: Cube,
    steps: u32,
}

/// All bodies and the tree they are in.
pub(super) struct Simulation<A: Api> {
    pub(super) bodies: Table<A, Body>,
    pub(super) tree: Tree<A>,
    /// The order in which bodies are put into the tree: first their own, then that of the tree before.
    list: Table<A, usize>,
    globals: Table<A, Globals>,
}

impl<A: Api> Simulation<A> {
    /// Makes the tables and the bodies.
    pub(super) fn new(count: usize) -> Simulation<A> {
        let mut bodies = Table::new(count);
        let tree = Tree::new(count);
        let mut list = Table::new(count + LEAF_CAPACITY * LEAVES_PER_BODY * count);
        two_spheres(&mut bodies, count);
        let mut extent = Extent::NOTHING;
        for (index, body) in bodies.iter().enumerate() {
            list.push(index);
            extent.include(body.head.position);
        }
        let globals = Table::of(&[Globals { cube: Cube::around(&extent), steps: 0 }]);
        Simulation { bodies, tree, list, globals }
    }

    /// Goes one step ahead in time.
    pub(super) fn step(&mut self) -> Done {
        let cube = self.globals[0].cube;
        self.grow_tree(&cube);
        let mut done = Done {
            cells: self.tree.cells.len(),
            leaves: self.tree.leaves.len(),
            edge: cube.edge,
            ..Done::default()
        };
        self.compute_forces(&mut done);
        self.globals[0].cube = Cube::around(&self.advance(&mut done));
        self.globals[0].steps += 1;
        done
    }

    fn grow_tree(&mut self, cube: &Cube) {
        self.tree.restart();
        for &body in self.list.iter() {
            self.tree.insert(&self.bodies, cube, body);
        }
        self.tree.find_centres(&self.bodies);
        self.list.clear();
        self.tree.list_bodies(ROOT, &mut self.list);
    }

    fn compute_forces(&mut self, done: &mut Done) {
        let Globals { cube, steps } = self.globals[0];
        for &index in self.list.iter() {
            let pull = pull(&self.tree, &self.bodies, index, cube.edge);
            let terms = pull.body_terms + pull.node_terms;
            let body = &mut self.bodies[index];
            if steps > 0 {
                let change = minus(pull.acceleration, body.acceleration);
                body.velocity = plus(body.velocity, times(change, STEP / 2.0));
            }
            body.acceleration = pull.acceleration;
            body.potential = pull.potential;
            body.head.cost = i32::try_from(terms).expect("a body meets every other node at most once");
            done.body_terms += u64::from(pull.body_terms);
            done.node_terms += u64::from(pull.node_terms);
            done.pulled_by_themselves += u64::from(!pull.met_itself);
        }
    }

    /// Moves the bodies and returns where they are.
    fn advance(&mut self, done: &mut Done) -> Extent {
        let mut extent = Extent::NOTHING;
        for &index in self.list.iter() {
            let body = &mut self.bodies[index];
            done.kinetic += body.head.mass * squared(body.velocity) / 2.0;
            done.potential += body.head.mass * body.potential / 2.0;
            let change = times(body.acceleration, STEP / 2.0);
            let velocity = plus(body.velocity, change);
            body.head.position = plus(body.head.position, times(velocity, STEP));
            body.velocity = plus(velocity, change);
            extent.include(body.head.position);
        }
        extent
    }
}
