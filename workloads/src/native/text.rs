//! Inputs of the rows on crates: numbers, words and sentences that are the same everywhere, and a digest of
//! what became of them.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub(super) const fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is at most 2^32.
    pub(super) const fn below(&mut self, limit: usize) -> usize {
        (((self.next_number() >> 32) * limit as u64) >> 32) as usize
    }

    /// A number from `first` to `last`.
    pub(super) const fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last + 1 - first)
    }

    pub(super) const fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// A number below `limit` that is about half as likely when it is twice as large, as the ranks of words are.
    pub(super) const fn rank_below(&mut self, limit: usize) -> usize {
        let magnitude = self.below(limit.ilog2() as usize + 2);
        let bound = 1 << magnitude;
        self.below(if bound < limit { bound } else { limit })
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Words that are all different, with the most frequent ones first.
#[derive(Debug)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// Makes `count` words of two to four syllables.
    pub(super) fn new(count: usize) -> Words {
        const ONSETS: [&str; 16] =
            ["b", "ch", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v"];
        const NUCLEI: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
        const CODAS: [&str; 8] = ["", "", "l", "m", "n", "r", "s", "nd"];
        let mut rng = Rng::new(count as u64);
        let mut seen = std::collections::HashSet::new();
        let mut words = Vec::with_capacity(count);
        while words.len() < count {
            let mut word = String::new();
            for _ in 0..rng.between(2, 4) {
                word += rng.pick(&ONSETS);
                word += rng.pick(&NUCLEI);
            }
            word += rng.pick(&CODAS);
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        Words(words)
    }

    pub(super) fn all(&self) -> &[String] {
        &self.0
    }

    /// A word as frequent as its rank is low.
    pub(super) fn pick(&self, rng: &mut Rng) -> &str {
        &self.0[rng.rank_below(self.0.len())]
    }

    /// `count` words with blanks between them.
    pub(super) fn phrase(&self, rng: &mut Rng, count: usize) -> String {
        let mut text = String::new();
        for number in 0..count {
            if number > 0 {
                text.push(' ');
            }
            text += self.pick(rng);
        }
        text
    }
}

/// A digest of bytes and numbers, eight bytes at a time: it must not cost more than the work it proves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|&word| self.number(u64::from_le_bytes(word)));
        rest.iter().for_each(|&byte| self.number(byte.into()));
        self.number(bytes.len() as u64);
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        let numbers = [(); 3].map(|()| rng.next_number());
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert!((0..1000).all(|_| (3..=5).contains(&rng.between(3, 5)) && rng.rank_below(5) < 5));
    }

    #[test]
    fn words_are_the_same_everywhere() {
        let words = Words::new(20_000);
        assert_eq!(words.all()[..3], ["nochaperan", "naipin", "rugu"]);
        let phrase = words.phrase(&mut Rng::new(1), 6);
        assert_eq!(phrase, "figes naraise hamougor sichor deavoun kousoudapas");
        let first_ten = (0..10_000)
            .filter(|&seed| words.all()[..10].contains(&words.pick(&mut Rng::new(seed)).to_owned()));
        assert!((2_000..4_000).contains(&first_ten.count()));
    }

    #[test]
    fn every_byte_and_its_place_change_the_digest() {
        let of = |parts: &[&[u8]]| {
            let mut digest = Digest::default();
            parts.iter().for_each(|part| digest.bytes(part));
            digest.value()
        };
        let text = b"nineteen characters";
        for place in 0..text.len() {
            let mut other = *text;
            other[place] ^= 1;
            assert_ne!(of(&[text]), of(&[&other]), "{place}");
        }
        assert_ne!(of(&[b"12345678", b"9"]), of(&[b"123456789"]));
        assert_ne!(of(&[b"1", b"2"]), of(&[b"2", b"1"]));
    }
}
