//! The bodies at the start: two Plummer spheres that touch.

use std::f64::consts::{PI, SQRT_2};

use super::node::{Body, Head};
use super::vector::{Vector, minus, plus, squared, times};
use crate::api::Api;
use crate::table::Table;

/// What the generator starts with.
const SEED: u32 = 123;

/// Bodies farther out than this, in units of the sphere's radius, are drawn again.
const OUTERMOST: f64 = 9.0;

/// The share of the sphere's mass that radii are drawn from.
const MASS_SHARE: f64 = 0.999;

/// How far apart the spheres are, in each coordinate.
const DISTANCE: f64 = 4.0;

/// A linear congruential generator of 31 bits; its first number is the seed.
struct Random(u32);

impl Random {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        const RANGE: u32 = 1 << 31;
        let drawn = f64::from(self.0) / f64::from(RANGE);
        self.0 = self.0.wrapping_mul(1_103_515_245).wrapping_add(12_345) % RANGE;
        low + (high - low) * drawn
    }

    /// A random direction of the given length.
    fn on_sphere(&mut self, radius: f64) -> Vector {
        loop {
            let inside = [(); 3].map(|()| self.uniform(-1.0, 1.0));
            let length_squared = squared(inside);
            if length_squared <= 1.0 {
                return times(inside, radius / length_squared.sqrt());
            }
        }
    }

    /// A distance from the sphere's centre.
    fn radius(&mut self) -> f64 {
        loop {
            let mass = self.uniform(0.0, MASS_SHARE);
            let radius = 1.0 / (mass.powf(-2.0 / 3.0) - 1.0).sqrt();
            if radius <= OUTERMOST {
                return radius;
            }
        }
    }

    /// A speed as a share of the speed that escapes.
    fn speed(&mut self) -> f64 {
        loop {
            let x = self.uniform(0.0, 1.0);
            let y = self.uniform(0.0, 0.1);
            if y <= x * x * (1.0 - x * x).powf(3.5) {
                return x;
            }
        }
    }
}

/// Fills the table with `count` bodies. The second half repeats the first one at a distance.
pub(super) fn two_spheres<A: Api>(bodies: &mut Table<A, Body>, count: usize) {
    let mut random = Random(SEED);
    let (mut position_sum, mut velocity_sum) = ([0.0; 3], [0.0; 3]);
    let half = count.div_ceil(2);
    for _ in 0..half {
        let body = in_sphere(&mut random, 1.0 / count as f64);
        position_sum = plus(position_sum, body.head.position);
        velocity_sum = plus(velocity_sum, body.velocity);
        bodies.push(body);
    }
    for index in half..count {
        let model = bodies[index - half];
        let mut copy = moving(model.head.mass, [0.0; 3], [0.0; 3]);
        for k in 0..3 {
            copy.head.position[k] = model.head.position[k] + DISTANCE;
            copy.velocity[k] = model.velocity[k];
            // The original adds the unfinished vectors too, and every result depends on it.
            position_sum = plus(position_sum, copy.head.position);
            velocity_sum = plus(velocity_sum, copy.velocity);
        }
        bodies.push(copy);
    }
    let (position, velocity) =
        (position_sum.map(|x| x / count as f64), velocity_sum.map(|x| x / count as f64));
    for body in bodies.iter_mut() {
        body.head.position = minus(body.head.position, position);
        body.velocity = minus(body.velocity, velocity);
    }
}

/// A body of a sphere whose total energy is -1/4, in units where mass and gravity are 1.
fn in_sphere(random: &mut Random, mass: f64) -> Body {
    const LENGTH: f64 = 9.0 * PI / 16.0;
    let radius = random.radius();
    let position = random.on_sphere(LENGTH * radius);
    let speed = SQRT_2 * random.speed() / (1.0 + radius * radius).powf(0.25);
    moving(mass, position, random.on_sphere((1.0 / LENGTH).sqrt() * speed))
}

fn moving(mass: f64, position: Vector, velocity: Vector) -> Body {
    Body { head: Head::body(mass, position), velocity, acceleration: [0.0; 3], potential: 0.0 }
}
