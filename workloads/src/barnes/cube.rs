//! The cube around all bodies, and where in it a point is.

use super::vector::{Vector, minus};

/// Positions along an edge of the cube.
const RESOLUTION: f64 = (1_u32 << 30) as f64;

/// The bit that tells the halves of the whole cube apart.
pub(super) const TOP_LEVEL: u32 = 1 << 29;

/// How much wider than the bodies need the cube is, on each side.
const MARGIN: f64 = 100_000.0;

/// A point as whole numbers: bits from the top say in which half it is, in which half of that, and so on.
pub(super) type Coordinates = [u32; 3];

/// The space the tree divides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cube {
    corner: Vector,
    pub(super) edge: f64,
}

impl Cube {
    /// The cube around everything seen.
    pub(super) fn around(extent: &Extent) -> Cube {
        let side = minus(extent.max, extent.min).into_iter().fold(0.0, f64::max);
        Cube { corner: extent.min.map(|low| low - side / MARGIN), edge: (1.0 + 2.0 / MARGIN) * side }
    }

    #[inline]
    pub(super) fn coordinates(&self, point: Vector) -> Coordinates {
        // The point is in the cube, so the result has 30 bits.
        minus(point, self.corner).map(|offset| (RESOLUTION * (offset / self.edge)).floor() as u32)
    }
}

/// Which octant a point is in at a level. Neighbours in this order share a face.
#[inline]
pub(super) fn octant(point: Coordinates, level: u32) -> usize {
    let mut octant = 0;
    let mut flipped = false;
    for (coordinate, weight) in point.into_iter().zip([4, 2, 1]) {
        flipped = (coordinate & level != 0) != flipped;
        if flipped {
            octant += weight;
        }
    }
    octant
}

/// The smallest and largest coordinates seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    min: Vector,
    max: Vector,
}

impl Extent {
    pub(super) const NOTHING: Extent = Extent { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3] };

    #[inline]
    pub(super) fn include(&mut self, point: Vector) {
        for (k, coordinate) in point.into_iter().enumerate() {
            self.min[k] = self.min[k].min(coordinate);
            self.max[k] = self.max[k].max(coordinate);
        }
    }
}
