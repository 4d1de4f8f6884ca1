//! The pull of all others on one body: near ones each, far ones by the node they are in.

use super::node::{Body, Head, Link};
use super::tree::{ROOT, Tree};
use super::vector::{Vector, minus, plus, squared, times};
use crate::api::Api;
use crate::table::Table;

/// How close two bodies are that no longer pull harder.
const SOFTENING: f64 = 0.05;

/// A node is one point for a body that is farther away than its edge divided by this.
const TOLERANCE: f64 = 1.0;

/// What a walk through the tree found for one body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pull {
    pub(super) acceleration: Vector,
    pub(super) potential: f64,
    /// Bodies and nodes that pulled.
    pub(super) body_terms: u32,
    pub(super) node_terms: u32,
    /// Whether the body met itself and was left out.
    pub(super) met_itself: bool,
}

/// Walks from the root with a cube of the given edge.
pub(super) fn pull<A: Api>(tree: &Tree<A>, bodies: &Table<A, Body>, body: usize, edge: f64) -> Pull {
    let nothing =
        Pull { acceleration: [0.0; 3], potential: 0.0, body_terms: 0, node_terms: 0, met_itself: false };
    let place = bodies[body].head.position;
    let mut walk = Walk { tree, bodies, body, place, pull: nothing };
    walk.cell(ROOT, edge * edge);
    walk.pull
}

struct Walk<'a, A: Api> {
    tree: &'a Tree<A>,
    bodies: &'a Table<A, Body>,
    body: usize,
    place: Vector,
    pull: Pull,
}

impl<A: Api> Walk<'_, A> {
    /// A cell whose edge, squared, is `size`.
    fn cell(&mut self, index: usize, size: f64) {
        let tree = self.tree;
        let cell = &tree.cells[index];
        if self.is_far(&cell.head, size) {
            return;
        }
        for &child in &cell.children {
            match child {
                Link::Nothing => {}
                Link::Leaf(leaf) => self.leaf(leaf as usize, size / 4.0),
                Link::Cell(inner) => self.cell(inner as usize, size / 4.0),
            }
        }
    }

    fn leaf(&mut self, index: usize, size: f64) {
        let tree = self.tree;
        let leaf = &tree.leaves[index];
        if self.is_far(&leaf.head, size) {
            return;
        }
        for &other in leaf.bodies() {
            if other == self.body {
                self.pull.met_itself = true;
                continue;
            }
            let head = &self.bodies[other].head;
            let way = minus(head.position, self.place);
            self.attract(head.mass, way, squared(way));
            self.pull.body_terms += 1;
        }
    }

    /// Lets a node that is far enough away pull as one point, and tells whether it is.
    #[inline]
    fn is_far(&mut self, head: &Head, size: f64) -> bool {
        let way = minus(head.position, self.place);
        let distance = squared(way);
        if TOLERANCE * TOLERANCE * distance < size {
            return false;
        }
        self.attract(head.mass, way, distance);
        self.pull.node_terms += 1;
        true
    }

    /// `distance` is squared.
    #[inline]
    fn attract(&mut self, mass: f64, way: Vector, distance: f64) {
        let softened = distance + SOFTENING * SOFTENING;
        let potential = mass / softened.sqrt();
        self.pull.potential -= potential;
        self.pull.acceleration = plus(self.pull.acceleration, times(way, potential / softened));
    }
}
