//! Where a run of free slices begins: one look for each group of 64, whatever lies in between.

use crate::geometry::GROUP_SLICES;

/// Where the first `count` neighbouring bits that are set begin in `words`, counted from the first one's lowest, at a place that
/// becomes a multiple of `align` by adding `phase`. `count` is not zero, and `align` a power of two.
pub(super) fn first_run(
    words: impl Iterator<Item = u64>,
    count: usize,
    align: usize,
    phase: usize,
) -> Option<usize> {
    let aligned = |place: usize| (place + phase).next_multiple_of(align) - phase;
    // So many set bits end where the next word begins.
    let mut before = 0;
    for (number, word) in words.enumerate() {
        // Most of a large heap is in use.
        if word == 0 {
            before = 0;
            continue;
        }
        let start = number * GROUP_SLICES;
        let across = aligned(start - before);
        if across + count <= start + word.trailing_ones() as usize {
            return Some(across);
        }
        let mut inside = starts_inside(word, count);
        if align > 1 && inside != 0 {
            inside &= (aligned(start)..start + GROUP_SLICES)
                .step_by(align)
                .fold(0, |all, place| all | 1 << (place - start));
        }
        if inside != 0 {
            return Some(start + inside.trailing_zeros() as usize);
        }
        before = if word == u64::MAX { before + GROUP_SLICES } else { word.leading_ones() as usize };
    }
    None
}

/// At which bits of a word `count` neighbouring ones begin that are set and lie in the word.
fn starts_inside(word: u64, count: usize) -> u64 {
    if count > GROUP_SLICES {
        return 0;
    }
    // A bit stays while it and as many behind it as are known by now are set; each step knows up to twice as many.
    let (mut starts, mut known) = (word, 1);
    while known < count && starts != 0 {
        let more = known.min(count - known);
        starts &= starts >> more;
        known += more;
    }
    starts
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// The same, bit by bit.
    fn naive(words: &[u64], count: usize, align: usize, phase: usize) -> Option<usize> {
        let is_set = |bit: usize| words[bit / GROUP_SLICES] >> (bit % GROUP_SLICES) & 1 == 1;
        let bits = words.len() * GROUP_SLICES;
        let fits = |&from: &usize| from + count <= bits && (from..from + count).all(is_set);
        (0..bits).filter(|from| (from + phase).is_multiple_of(align)).find(fits)
    }

    #[test]
    fn runs_are_found_where_they_begin_first() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..5000 {
            // Words with no, few, half, most, or all bits set.
            let words: Vec<_> = (0..6)
                .map(|_| match random() % 6 {
                    0 => random() & random() & random(),
                    1 => random(),
                    2 => random() | random() | random(),
                    3 => u64::MAX << (random() % 64),
                    4 => 0,
                    _ => u64::MAX,
                })
                .collect();
            let count = if round % 2 == 0 { 1 + random() as usize % 70 } else { 1 + random() as usize % 300 };
            let align = if round % 3 == 0 { 1 } else { 1 << (random() % 9) };
            let phase = random() as usize % align;
            let found = first_run(words.iter().copied(), count, align, phase);
            assert_eq!(found, naive(&words, count, align, phase), "{count}, {align}, {phase}: {words:x?}");
        }
    }

    #[test]
    fn runs_at_the_borders_of_words() {
        let first = |words: &[u64], count| first_run(words.iter().copied(), count, 1, 0);
        assert_eq!(first(&[u64::MAX], 64), Some(0));
        assert_eq!(first(&[u64::MAX], 65), None);
        assert_eq!(first(&[1 << 63, 1], 2), Some(63));
        assert_eq!(first(&[1 << 63, u64::MAX, 1], 66), Some(63));
        assert_eq!(first(&[0, u64::MAX, 0], 64), Some(64));
        assert_eq!(first(&[1 << 63, 0, 1], 2), None);
        assert_eq!(first(&[u64::MAX, 0, u64::MAX, 1], 65), Some(128));
        assert_eq!(first(&[], 1), None);
    }
}
