//! What the tables hold: bodies, leaves of the tree and its inner cells, with the original's sizes.

use super::vector::Vector;

/// Bodies in a leaf before it is split.
pub(super) const LEAF_CAPACITY: usize = 10;

/// Children of a cell, one for each octant of its cube.
pub(super) const OCTANTS: usize = 8;

/// A node of the tree, by its index in the table of its kind. As wide as a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Nothing,
    Leaf(u32),
    Cell(u32),
}

/// What bodies, leaves and cells have in common.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Head {
    /// The original tells the kinds of nodes apart by this; here the link does.
    _kind: u64,
    pub(super) mass: f64,
    /// The centre of mass, for leaves and cells.
    pub(super) position: Vector,
    /// Interactions in the last step.
    pub(super) cost: i32,
    /// The bit of the coordinates that tells the node's octants apart.
    pub(super) level: u32,
    /// The cell that has the node as a child.
    pub(super) parent: usize,
    /// Which of the parent's children it is.
    pub(super) octant: u32,
    /// Used by the variant for many processors.
    _processor: u32,
}

impl Head {
    pub(super) fn body(mass: f64, position: Vector) -> Head {
        Head { _kind: 0, mass, position, cost: 1, level: 0, parent: 0, octant: 0, _processor: 0 }
    }

    pub(super) fn node(level: u32, parent: usize, octant: usize) -> Head {
        // An octant is below 8.
        let octant = octant as u32;
        Head { _kind: 0, mass: 0.0, position: [0.0; 3], cost: 0, level, parent, octant, _processor: 0 }
    }
}

/// One of the particles.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Body {
    pub(super) head: Head,
    pub(super) velocity: Vector,
    pub(super) acceleration: Vector,
    pub(super) potential: f64,
}

/// A cube with few bodies.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Leaf {
    pub(super) head: Head,
    /// Used by the variant for many processors: its lists, a number and a flag.
    _shared: [u64; 3],
    _done: u32,
    pub(super) count: u32,
    /// The first `count` are indices of bodies.
    pub(super) bodies: [usize; LEAF_CAPACITY],
}

impl Leaf {
    pub(super) fn empty(head: Head) -> Leaf {
        Leaf { head, _shared: [0; 3], _done: 0, count: 0, bodies: [0; LEAF_CAPACITY] }
    }

    #[inline]
    pub(super) fn bodies(&self) -> &[usize] {
        &self.bodies[..self.count as usize]
    }

    /// # Panics
    /// If the leaf is full.
    #[inline]
    pub(super) fn add(&mut self, body: usize) {
        self.bodies[self.count as usize] = body;
        self.count += 1;
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count as usize == LEAF_CAPACITY
    }
}

/// A cube that is divided into octants.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Cell {
    pub(super) head: Head,
    /// Used by the variant for many processors: its lists, a number and a flag.
    _shared: [u64; 4],
    pub(super) children: [Link; OCTANTS],
}

impl Cell {
    pub(super) fn empty(head: Head) -> Cell {
        Cell { head, _shared: [0; 4], children: [Link::Nothing; OCTANTS] }
    }
}

const _: () = assert!(size_of::<Body>() == 120 && size_of::<Leaf>() == 176 && size_of::<Cell>() == 160);
