//! index: two indexes over a set of texts, ordered (`BTreeMap<String, Vec<u32>>`, word to texts) and hashed
//! (`HashMap<String, Vec<Hit>>`, pair of words to places), which texts go into and out of while they are asked.
//!
//! The unit of `--ops` is one round: a tenth of the texts is replaced, then come the queries.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use super::start;
use super::text::{Digest, Rng, Words};
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload};
use crate::rows::Size;

/// Texts and rounds.
const fn work(size: Size) -> (usize, u64) {
    match size {
        Size::Check => (300, 2),
        Size::Quick => (1_500, 1),
        Size::Calibrated => (3_000, 3),
        Size::Full => (3_000, 60),
    }
}

const VOCABULARY: usize = 20_000;
/// The share of the texts that a round replaces.
const SHARES: usize = 10;
const QUERIES_PER_ROUND: usize = 50;

/// The row.
#[derive(Debug)]
pub struct Index;

impl Workload for Index {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let (count, rounds) = work(params.size);
        let rounds = params.ops.unwrap_or(rounds);
        let words = Words::new(VOCABULARY);
        let mut rng = Rng::new(3);
        // Every text in two versions, which replace each other.
        let mut texts = || (0..count).map(|_| text(&words, &mut rng)).collect::<Vec<_>>();
        let versions = [texts(), texts()];
        start::<A>(meter);
        let (indexes, digest) = keep_up(&versions, &words, rounds);
        meter.stop::<A>();
        Ok(Outcome {
            operations: rounds,
            timed: false,
            figure: format!(
                "{count} texts, {} words and {} pairs of words at the end, after {rounds} rounds",
                indexes.by_word.len(),
                indexes.by_pair.len()
            ),
            checksum: Some(format!("{:016x}", digest.value())),
        })
    }
}

fn text(words: &Words, rng: &mut Rng) -> String {
    let count = rng.between(20, 180);
    words.phrase(rng, count)
}

/// Where a pair of words is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hit {
    text: u32,
    place: u32,
}

/// Hashes as the standard library does, but the same in every process.
type FixedState = BuildHasherDefault<DefaultHasher>;

#[derive(Debug, Default)]
struct Indexes {
    by_word: BTreeMap<String, Vec<u32>>,
    by_pair: HashMap<String, Vec<Hit>, FixedState>,
}

impl Indexes {
    /// Adds a text. Every list is in the order of the numbers of texts.
    fn add(&mut self, number: u32, text: &str) {
        for word in text.split(' ') {
            let texts = self.by_word.entry(word.to_owned()).or_default();
            if let Err(place) = texts.binary_search(&number) {
                texts.insert(place, number);
            }
        }
        for (place, pair) in (0..).zip(pairs(text)) {
            let hits = self.by_pair.entry(pair).or_default();
            hits.insert(hits.partition_point(|hit| hit.text <= number), Hit { text: number, place });
        }
    }

    /// Takes a text out, and keys that no text has any more.
    fn remove(&mut self, number: u32, text: &str) {
        for word in text.split(' ') {
            let Some(texts) = self.by_word.get_mut(word) else { continue };
            if let Ok(place) = texts.binary_search(&number) {
                texts.remove(place);
            }
            if texts.is_empty() {
                self.by_word.remove(word);
            }
        }
        for pair in pairs(text) {
            let Some(hits) = self.by_pair.get_mut(&pair) else { continue };
            let first = hits.partition_point(|hit| hit.text < number);
            let end = hits.partition_point(|hit| hit.text <= number);
            hits.drain(first..end);
            if hits.is_empty() {
                self.by_pair.remove(&pair);
            }
        }
    }

    /// The texts that have a word beginning with `prefix`, best ones first, with the words they have.
    fn beginning_with(&self, prefix: &str, limit: usize) -> Vec<(u32, Vec<String>)> {
        let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let keys = self.by_word.range(prefix.to_owned()..).take_while(|(word, _)| word.starts_with(prefix));
        for (word, texts) in keys {
            for &text in texts {
                found.entry(text).or_default().push(word.clone());
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
        found.truncate(limit);
        found
    }

    /// The places of two words that follow each other.
    fn pair(&self, one: &str, other: &str) -> &[Hit] {
        self.by_pair.get(&format!("{one} {other}")).map_or(&[], Vec::as_slice)
    }
}

/// All words of a text, each with its successor.
fn pairs(text: &str) -> impl Iterator<Item = String> {
    text.split(' ').zip(text.split(' ').skip(1)).map(|(one, other)| format!("{one} {other}"))
}

/// Builds the indexes and goes through the rounds.
fn keep_up(versions: &[Vec<String>; 2], words: &Words, rounds: u64) -> (Indexes, Digest) {
    let mut indexes = Indexes::default();
    let mut digest = Digest::default();
    let mut rng = Rng::new(4);
    for (number, text) in (0..).zip(&versions[0]) {
        indexes.add(number, text);
    }
    for round in 0..rounds as usize {
        let (old, new) = (&versions[round / SHARES % 2], &versions[(round / SHARES + 1) % 2]);
        for index in (round % SHARES..old.len()).step_by(SHARES) {
            let number = u32::try_from(index).expect("there are few texts");
            indexes.remove(number, &old[index]);
            indexes.add(number, &new[index]);
        }
        for _ in 0..QUERIES_PER_ROUND {
            let (one, other) = (words.pick(&mut rng), words.pick(&mut rng));
            let prefix = &one[..one.len().min(6)];
            for (text, words) in indexes.beginning_with(prefix, 20) {
                digest.number(text.into());
                words.iter().for_each(|word| digest.bytes(word.as_bytes()));
            }
            for hit in indexes.pair(one, other) {
                digest.number(u64::from(hit.text) << 32 | u64::from(hit.place));
            }
        }
        digest.number((indexes.by_word.len() + indexes.by_pair.len()) as u64);
    }
    (indexes, digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn the_result_is_known() {
        assert_eq!(checksum::<Index>(1), "1b594daccfe083a3");
    }

    #[test]
    fn what_is_added_is_found_and_what_is_removed_is_not() {
        let mut indexes = Indexes::default();
        indexes.add(2, "apple tree apple tree");
        indexes.add(1, "apple pie");
        assert_eq!(indexes.by_word["apple"], [1, 2]);
        assert_eq!(indexes.pair("apple", "tree"), [Hit { text: 2, place: 0 }, Hit { text: 2, place: 2 }]);
        assert_eq!(indexes.beginning_with("ap", 1), [(1, vec!["apple".to_owned()])]);
        assert_eq!(indexes.beginning_with("p", 9), [(1, vec!["pie".to_owned()])]);
        indexes.remove(2, "apple tree apple tree");
        assert!(indexes.pair("apple", "tree").is_empty() && !indexes.by_word.contains_key("tree"));
        indexes.remove(1, "apple pie");
        assert!(indexes.by_word.is_empty() && indexes.by_pair.is_empty());
    }

    #[test]
    fn twenty_rounds_lead_back_to_the_first_version() {
        let words = Words::new(500);
        let mut rng = Rng::new(5);
        let mut texts = || (0..30).map(|_| text(&words, &mut rng)).collect::<Vec<_>>();
        let versions = [texts(), texts()];
        let (mut indexes, _) = keep_up(&versions, &words, 20);
        for (number, text) in (0..).zip(&versions[0]) {
            indexes.remove(number, text);
        }
        assert!(indexes.by_word.is_empty() && indexes.by_pair.is_empty());
    }
}
