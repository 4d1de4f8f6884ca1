//! search: a full-text index in memory. Threads make a segment of every batch of texts (terms in an `fst::Map`, texts of
//! a term in a `RoaringBitmap`), merge segments by fours until one is left, and answer queries with it.
//!
//! The unit of `--ops` is one round: build, merges, queries.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

use fst::automaton::{Levenshtein, Str};
use fst::map::OpBuilder;
use fst::{Automaton, IntoStreamer, Map, MapBuilder, Streamer};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::start;
use super::text::{Digest, Rng, Words};
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload, at_most};
use crate::rows::Size;
use crate::threads::MAX_THREADS;

/// Texts, queries and rounds.
const fn work(size: Size) -> (usize, usize, u64) {
    match size {
        Size::Check => (200, 40, 1),
        Size::Quick => (3_000, 200, 1),
        Size::Calibrated => (3_000, 300, 2),
        Size::Full => (5_000, 300, 20),
    }
}

const VOCABULARY: usize = 30_000;
const BATCHES: usize = 64;
/// Segments that are merged into one.
const MERGED: usize = 4;
/// Hits on one page of results.
const PAGE: usize = 20;

/// The row.
#[derive(Debug)]
pub struct Search;

impl Workload for Search {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let threads = at_most(MAX_THREADS, params.threads)?;
        let (count, queries, rounds) = work(params.size);
        let rounds = params.ops.unwrap_or(rounds);
        let words = Words::new(VOCABULARY);
        let mut rng = Rng::new(6);
        let texts: Vec<_> = (0..count).map(|_| text(&words, &mut rng)).collect();
        let queries: Vec<_> = (0..queries).map(|number| Query::new(number, &words, &mut rng)).collect();
        start::<A>(meter);
        // Scoped, so that all threads have ended before the measured part has.
        let done = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_scoped(
                |thread| thread.run(),
                |pool| {
                    pool.install(|| {
                        (0..rounds).map(|_| round(&texts, &queries)).collect::<Result<Vec<_>, _>>()
                    })
                },
            )
            .map_err(|error| Failure::Check(format!("cannot start the threads of the pool: {error}")))?
            .map_err(|error| Failure::Check(format!("the terms of a segment are not in order: {error}")))?;
        meter.stop::<A>();
        let mut digest = Digest::default();
        done.iter().for_each(|done| digest.number(done.digest));
        let done =
            done.last().ok_or_else(|| Failure::Parameters("at least one round has to be made".to_owned()))?;
        Ok(Outcome {
            operations: rounds * (count + queries.len()) as u64,
            timed: false,
            figure: format!(
                "{count} texts, {} terms, {} hits in {} queries",
                done.terms,
                done.hits,
                queries.len()
            ),
            checksum: Some(format!("{:016x}", digest.value())),
        })
    }
}

/// A text with capitals and punctuation.
fn text(words: &Words, rng: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..rng.between(2, 10) {
        let count = rng.between(4, 16);
        let sentence = words.phrase(rng, count);
        text += &sentence[..1].to_uppercase();
        text += &sentence[1..];
        text += rng.pick(&[". ", "! ", "; ", ", "]);
    }
    text
}

type Fallible<T> = Result<T, fst::Error>;

/// An index over some of the texts.
#[derive(Debug)]
struct Segment {
    /// Terms, with the places of their texts in `texts`.
    terms: Map<Vec<u8>>,
    texts: Vec<RoaringBitmap>,
}

impl Segment {
    fn of_sorted(terms: impl Iterator<Item = (Vec<u8>, RoaringBitmap)>) -> Fallible<Segment> {
        let mut map = MapBuilder::memory();
        let mut all_texts = Vec::new();
        for (term, texts) in terms {
            map.insert(term, all_texts.len() as u64)?;
            all_texts.push(texts);
        }
        Ok(Segment { terms: map.into_map(), texts: all_texts })
    }

    /// Makes a segment of texts, which are numbered from `first`.
    fn of_texts(first: u32, texts: &[String]) -> Fallible<Segment> {
        let mut found: HashMap<String, RoaringBitmap, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        for (number, text) in (first..).zip(texts) {
            for term in terms(text) {
                found.entry(term).or_default().insert(number);
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Segment::of_sorted(found.into_iter().map(|(term, texts)| (term.into_bytes(), texts)))
    }

    /// Makes one segment of several.
    fn merged(segments: &[Segment]) -> Fallible<Segment> {
        let mut union = segments.iter().map(|segment| &segment.terms).collect::<OpBuilder<'_>>().union();
        let mut all = Vec::new();
        while let Some((term, places)) = union.next() {
            let texts = places.iter().fold(RoaringBitmap::new(), |texts, place| {
                texts | &segments[place.index].texts[place.value as usize]
            });
            all.push((term.to_vec(), texts));
        }
        Segment::of_sorted(all.into_iter())
    }

    fn texts_of(&self, term: &str) -> RoaringBitmap {
        self.terms.get(term).map(|place| self.texts[place as usize].clone()).unwrap_or_default()
    }

    /// The texts that have any of the terms a pattern accepts.
    fn texts_of_all(&self, pattern: impl Automaton) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        let mut terms = self.terms.search(pattern).into_stream();
        while let Some((_, place)) = terms.next() {
            found |= &self.texts[place as usize];
        }
        found
    }
}

/// The words of a text, in small letters.
fn terms(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// What may be asked.
#[derive(Debug)]
enum Query {
    /// Texts with all of the words.
    All(Vec<String>),
    /// Texts with one of the first two words, but not the third.
    But([String; 3]),
    /// Texts with a word that begins like this.
    Beginning(String),
    /// Texts with a word that differs in one letter at most.
    Similar(String),
}

impl Query {
    fn new(number: usize, words: &Words, rng: &mut Rng) -> Query {
        let mut word = || words.pick(rng).to_owned();
        match number % 4 {
            0 => Query::All(vec![word(), word(), word()]),
            1 => Query::But([word(), word(), word()]),
            2 => {
                let mut beginning = word();
                beginning.truncate(4);
                Query::Beginning(beginning)
            }
            _ => Query::Similar(word()),
        }
    }

    fn texts(&self, index: &Segment) -> RoaringBitmap {
        match self {
            Query::All(words) => {
                let mut found = words.iter().map(|word| index.texts_of(word));
                let first = found.next().unwrap_or_default();
                found.fold(first, |found, texts| found & texts)
            }
            Query::But([one, other, without]) => {
                (index.texts_of(one) | index.texts_of(other)) - index.texts_of(without)
            }
            Query::Beginning(beginning) => index.texts_of_all(Str::new(beginning).starts_with()),
            Query::Similar(word) => {
                Levenshtein::new(word, 1).map(|near| index.texts_of_all(near)).unwrap_or_default()
            }
        }
    }
}

/// One line of a page of results.
#[derive(Debug)]
struct Hit {
    text: u32,
    beginning: String,
}

/// How many texts a query found, and the first page of them.
fn answer(query: &Query, index: &Segment, texts: &[String]) -> (u64, Vec<Hit>) {
    let found = query.texts(index);
    let page = found.iter().take(PAGE).map(|text| {
        let beginning = texts[text as usize].split_inclusive(' ').take(8).collect();
        Hit { text, beginning }
    });
    (found.len(), page.collect())
}

/// The results of one round.
#[derive(Debug)]
struct Done {
    terms: usize,
    hits: u64,
    digest: u64,
}

fn round(texts: &[String], queries: &[Query]) -> Fallible<Done> {
    let batch = texts.len().div_ceil(BATCHES).max(1);
    let mut segments: Vec<Segment> = texts
        .par_chunks(batch)
        .enumerate()
        .map(|(number, texts)| Segment::of_texts((number * batch) as u32, texts))
        .collect::<Fallible<_>>()?;
    while segments.len() > 1 {
        segments = segments.par_chunks(MERGED).map(Segment::merged).collect::<Fallible<_>>()?;
    }
    let index = &segments[0];
    let pages: Vec<_> = queries.par_iter().map(|query| answer(query, index, texts)).collect();
    let mut digest = Digest::default();
    digest.bytes(index.terms.as_fst().as_bytes());
    for (found, page) in &pages {
        digest.number(*found);
        for hit in page {
            digest.number(hit.text.into());
            digest.bytes(hit.beginning.as_bytes());
        }
    }
    Ok(Done {
        terms: index.terms.len(),
        hits: pages.iter().map(|(found, _)| found).sum(),
        digest: digest.value(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn results_are_the_same_on_any_number_of_threads() {
        for threads in [1, 2, 7, 64] {
            assert_eq!(checksum::<Search>(threads), "43261d53666c6acd", "{threads} threads");
        }
    }

    #[test]
    fn merged_segments_answer_like_one() {
        let words = Words::new(300);
        let mut rng = Rng::new(7);
        let texts: Vec<_> = (0..40).map(|_| text(&words, &mut rng)).collect();
        let segment =
            |first: usize| Segment::of_texts(first as u32, &texts[first..first + 10]).expect("in order");
        let merged = Segment::merged(&[0, 10, 20, 30].map(segment)).expect("in order");
        let whole = Segment::of_texts(0, &texts).expect("in order");
        assert_eq!(merged.terms.as_fst().as_bytes(), whole.terms.as_fst().as_bytes());
        assert_eq!(merged.texts, whole.texts);
    }

    #[test]
    fn queries_find_what_they_should() {
        let texts = ["Tin can. ", "A tan can! ", "Tank, tin; "].map(str::to_owned);
        let index = Segment::of_texts(0, &texts).expect("in order");
        let found = |query: Query| query.texts(&index).into_iter().collect::<Vec<_>>();
        let words = |words: [&str; 3]| words.map(str::to_owned);
        assert_eq!(found(Query::All(words(["can", "tan", "a"]).to_vec())), [1]);
        assert_eq!(found(Query::But(words(["tin", "tan", "tank"]))), [0, 1]);
        assert_eq!(found(Query::Beginning("ta".to_owned())), [1, 2]);
        assert_eq!(found(Query::Similar("tin".to_owned())), [0, 1, 2]);
        assert_eq!(found(Query::Similar("tank".to_owned())), [1, 2]);
        let (count, page) = answer(&Query::Beginning("c".to_owned()), &index, &texts);
        assert_eq!((count, page[1].beginning.as_str()), (2, "A tan can! "));
    }
}
