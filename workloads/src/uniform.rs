//! Whole numbers that are equally likely, from the Mersenne Twister of 32 bits.

use rand_mt::Mt;

/// A sequence that depends on its seed only.
pub(crate) struct Uniform(Mt);

impl Uniform {
    pub(crate) fn new(seed: u32) -> Uniform {
        Uniform(Mt::new(seed))
    }

    /// A number below `end`: the upper half of a product, drawn again where the lower half is
    /// one of those that some numbers have too many of.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(end);
            if product as u32 >= end.wrapping_neg() % end {
                return (product >> u32::BITS) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_well_known_one() {
        let mut uniform = Uniform::new(42);
        let first = [(); 3].map(|()| uniform.0.next_u32());
        assert_eq!(first, [1_608_637_542, 3_421_126_067, 4_083_286_876]);
    }

    #[test]
    fn all_numbers_come_equally_often() {
        let mut uniform = Uniform::new(1);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[uniform.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
    }
}
