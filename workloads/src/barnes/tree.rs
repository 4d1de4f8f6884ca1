//! The octree of one step: bodies put into it one by one, centres of mass, and the bodies in its order.

use super::cube::{Cube, TOP_LEVEL, octant};
use super::node::{Body, Cell, Head, Leaf, Link};
use super::vector::{Vector, plus, times};
use crate::api::Api;
use crate::fatal::fatal;
use crate::table::Table;

/// Leaves there is room for, for each body. Leaves of earlier steps stay where they are.
pub(super) const LEAVES_PER_BODY: usize = 5;

/// Cells there is room for, for each leaf.
const CELLS_PER_LEAF: usize = 2;

/// The cell that everything is in.
pub(super) const ROOT: usize = 0;

/// The tables the tree is made of.
pub(super) struct Tree<A: Api> {
    pub(super) cells: Table<A, Cell>,
    pub(super) leaves: Table<A, Leaf>,
    /// Cells and leaves of this step, in the order they were made.
    cell_list: Table<A, usize>,
    leaf_list: Table<A, usize>,
}

impl<A: Api> Tree<A> {
    /// Room for a tree of so many bodies.
    pub(super) fn new(bodies: usize) -> Tree<A> {
        let leaves = LEAVES_PER_BODY * bodies;
        let cells = CELLS_PER_LEAF * leaves;
        Tree {
            cells: Table::new(cells),
            leaves: Table::new(leaves),
            cell_list: Table::new(cells),
            leaf_list: Table::new(leaves),
        }
    }

    /// Leaves an empty root. The leaves of the tree before are not used again.
    pub(super) fn restart(&mut self) {
        self.cells.clear();
        self.cell_list.clear();
        self.leaf_list.clear();
        self.new_cell(Head::node(TOP_LEVEL, ROOT, 0));
    }

    /// Puts a body into the leaf it belongs to.
    pub(super) fn insert(&mut self, bodies: &[Body], cube: &Cube, body: usize) {
        let coordinates = cube.coordinates(bodies[body].head.position);
        let mut cell = ROOT;
        loop {
            let octant = octant(coordinates, self.cells[cell].head.level);
            cell = match self.cells[cell].children[octant] {
                Link::Nothing => return self.new_leaf(cell, octant, body),
                Link::Leaf(leaf) if !self.leaves[leaf as usize].is_full() => {
                    return self.leaves[leaf as usize].add(body);
                }
                Link::Leaf(leaf) => self.split(bodies, cube, leaf),
                Link::Cell(inner) => inner as usize,
            };
        }
    }

    fn new_cell(&mut self, head: Head) -> usize {
        let cell = self.cells.push(Cell::empty(head));
        self.cell_list.push(cell);
        cell
    }

    /// Makes a child of a cell that has one body.
    fn new_leaf(&mut self, parent: usize, octant: usize, body: usize) {
        let head = Head::node(self.cells[parent].head.level >> 1, parent, octant);
        let mut leaf = Leaf::empty(head);
        leaf.add(body);
        let index = self.leaves.push(leaf);
        self.leaf_list.push(index);
        self.cells[parent].children[octant] = Link::Leaf(short(index));
    }

    /// Puts a cell in the place of a full leaf and shares out the leaf's bodies. The leaf stays in
    /// use for those in the octant of its first body.
    fn split(&mut self, bodies: &[Body], cube: &Cube, leaf: u32) -> usize {
        let full = self.leaves[leaf as usize];
        let level = full.head.level;
        if level == 0 {
            fatal(format_args!("barnes: more than {} bodies are in one place", full.bodies.len()));
        }
        let cell = self.new_cell(full.head);
        self.cells[full.head.parent].children[full.head.octant as usize] = Link::Cell(short(cell));
        let octant_of = |body: usize| octant(cube.coordinates(bodies[body].head.position), level);

        let (first, others) = full.bodies.split_first().expect("a full leaf has bodies");
        let octant = octant_of(*first);
        let kept = &mut self.leaves[leaf as usize];
        kept.head = Head::node(level >> 1, cell, octant);
        kept.count = 0;
        kept.add(*first);
        self.cells[cell].children[octant] = Link::Leaf(leaf);
        for &body in others {
            let octant = octant_of(body);
            match self.cells[cell].children[octant] {
                Link::Leaf(leaf) => self.leaves[leaf as usize].add(body),
                _ => self.new_leaf(cell, octant, body),
            }
        }
        cell
    }

    /// Gives leaves and cells their mass and its centre, children before their parents.
    pub(super) fn find_centres(&mut self, bodies: &[Body]) {
        for &index in self.leaf_list.iter().rev() {
            let leaf = &mut self.leaves[index];
            let mut sum = Sum::default();
            leaf.bodies().iter().for_each(|&body| sum.add(&bodies[body].head));
            sum.finish(&mut leaf.head);
        }
        for &index in self.cell_list.iter().rev() {
            let mut sum = Sum::default();
            for child in self.cells[index].children {
                match child {
                    Link::Nothing => {}
                    Link::Leaf(leaf) => sum.add(&self.leaves[leaf as usize].head),
                    Link::Cell(cell) => sum.add(&self.cells[cell as usize].head),
                }
            }
            sum.finish(&mut self.cells[index].head);
        }
    }

    /// Appends the bodies below a cell, leaf by leaf.
    pub(super) fn list_bodies(&self, cell: usize, list: &mut Table<A, usize>) {
        for child in self.cells[cell].children {
            match child {
                Link::Nothing => {}
                Link::Leaf(leaf) => self.leaves[leaf as usize].bodies().iter().for_each(|&body| {
                    list.push(body);
                }),
                Link::Cell(inner) => self.list_bodies(inner as usize, list),
            }
        }
    }
}

fn short(index: usize) -> u32 {
    u32::try_from(index).expect("there are a few million nodes at most")
}

/// What a node's own mass, place and cost are made of.
#[derive(Default)]
struct Sum {
    mass: f64,
    cost: i32,
    weighted: Vector,
}

impl Sum {
    fn add(&mut self, part: &Head) {
        self.mass += part.mass;
        self.cost += part.cost;
        self.weighted = plus(self.weighted, times(part.position, part.mass));
    }

    fn finish(self, whole: &mut Head) {
        whole.mass = self.mass;
        whole.cost = self.cost;
        whole.position = self.weighted.map(|coordinate| coordinate / self.mass);
    }
}
