//! The GNU C library's `rand`, from its default seed on: what glibc-thread's tables are made of.
//!
//! An additive feedback generator: every number is the sum of the one 3 and the one 31 places before
//! it, and its lowest bit, which is the least random, is left out of the result.

/// Numbers that are kept.
const LAG: usize = 31;
const SHORT_LAG: usize = 3;

/// Numbers that are thrown away before the first result.
const DISCARDED: usize = 10 * LAG;

/// The largest result.
pub(crate) const RAND_MAX: u32 = i32::MAX.cast_unsigned();

/// The generator's state.
#[derive(Debug, Clone)]
pub(crate) struct GlibcRand {
    /// The last numbers, as a ring.
    last: [u32; LAG],
    /// Where the oldest of them is.
    oldest: usize,
}

impl GlibcRand {
    /// The sequence of the default seed.
    pub(crate) const fn new() -> GlibcRand {
        let mut last = [0; LAG];
        // The ring is filled by multiplication modulo 2^31 - 1, from the seed on.
        let mut number = 1_u64;
        let mut index = 0;
        while index < LAG {
            last[index] = number as u32;
            number = number * 16_807 % RAND_MAX as u64;
            index += 1;
        }
        // The numbers before this one count as the newest of the ring.
        let mut rng = GlibcRand { last, oldest: SHORT_LAG };
        let mut discarded = 0;
        while discarded < DISCARDED {
            rng.next_number();
            discarded += 1;
        }
        rng
    }

    /// The next number, at most [`RAND_MAX`].
    pub(crate) const fn next_number(&mut self) -> u32 {
        let short = self.last[(self.oldest + LAG - SHORT_LAG) % LAG];
        let number = self.last[self.oldest].wrapping_add(short);
        self.last[self.oldest] = number;
        self.oldest = (self.oldest + 1) % LAG;
        number >> 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::{c_int, c_uint};

    unsafe extern "C" {
        fn srand(seed: c_uint);
        fn rand() -> c_int;
    }

    #[test]
    fn first_outputs_are_the_well_known_ones() {
        let mut rng = GlibcRand::new();
        let outputs: Vec<u32> = (0..5).map(|_| rng.next_number()).collect();
        assert_eq!(outputs, [1_804_289_383, 846_930_886, 1_681_692_777, 1_714_636_915, 1_957_747_793]);
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn outputs_are_those_of_the_library_itself() {
        let mut rng = GlibcRand::new();
        // SAFETY: nothing else in this process uses the library's generator.
        unsafe {
            srand(1);
            for place in 0..100_000 {
                assert_eq!(rng.next_number(), rand().cast_unsigned(), "number {place}");
            }
        }
    }
}
