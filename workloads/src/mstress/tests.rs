//! What is known of the original, and that damage is found.

use super::worker::MOST_WORDS;
use super::*;
use crate::api::{Global, Libc};
use crate::counted::Counted;
use crate::strict::Strict;

type A = Counted<Global>;

#[test]
fn the_generator_is_the_original_one() {
    let mut random = Random(43);
    let first = [(); 3].map(|()| random.pick());
    assert_eq!(first, [0x4f0a_61d9_c798_d8ca, 0x1ed_03cc_dcf2_c7a9, 0xe2ab_720a_c34b_2157]);
}

#[test]
fn all_blocks_are_made_freed_and_checked() {
    let full = rounds(Size::Full);
    // With eight threads a fifth of the rounds is enough: all have the same work.
    for (threads, rounds, items) in
        [(1, full, 187_500), (2, full, 562_500), (4, full, 1_875_000), (8, full / 5, 6_750_000 / 5)]
    {
        let mut meter = Meter::default();
        A::take_counts();
        let tally = perform::<A>(threads, rounds, &mut meter);
        assert_eq!((tally.items, tally.words_freed), (items, tally.words), "{threads} threads");
        let counts = meter.counts();
        let tables = 2 * threads as u64 * rounds;
        assert_eq!((counts.allocations, counts.frees), (items + tables, items + tables));
        // The tables are among them: with one thread they are a fifth of the bytes.
        let mean = counts.bytes / counts.allocations;
        assert!((530..=800).contains(&mean), "{threads} threads: {mean}");
        // How often threads meet in the table is up to the scheduler.
        let foreign = counts.cross_thread_frees as f64 / items as f64;
        let expected = if threads == 1 { 0.0..=0.0 } else { 0.02..=0.06 };
        assert!(expected.contains(&foreign), "{threads} threads: {foreign}");
    }
}

#[test]
fn the_work_does_not_depend_on_the_allocator_or_on_timing() {
    let tally = perform::<Global>(3, 2, &mut Meter::default());
    assert_eq!(tally, perform::<Libc>(3, 2, &mut Meter::default()));
    assert_eq!(tally, perform::<A>(3, 2, &mut Meter::default()));
}

#[test]
fn blocks_are_freed_as_they_were_asked_for() {
    perform::<Strict>(1, 1, &mut Meter::default());
}

#[test]
fn most_blocks_are_small_and_some_are_huge() {
    let mut random = Random(43);
    let mut worker = Worker::<Global>::new(MAIN);
    let mut words = Vec::new();
    for _ in 0..20_000 {
        let before = worker.tally.words;
        let small = 1 << random.below(5);
        let block = worker.allocate(small, &mut random);
        words.push(worker.tally.words - before);
        // SAFETY: the block is live and freed once.
        unsafe { worker.free(Some(block)) };
    }
    let of =
        |range: std::ops::RangeInclusive<u64>| words.iter().filter(|words| range.contains(words)).count();
    // Two in a hundred are enlarged, of which two in a hundred by ten thousand.
    assert!((19_500..19_700).contains(&of(1..=16)), "{}", of(1..=16));
    assert!((2..20).contains(&of(10_000..=MOST_WORDS)));
}

/// The block must not be freed when it is found to be overwritten, which ends the process: the
/// test runs itself as a child.
#[test]
fn an_overwritten_word_ends_the_process() {
    const VARIABLE: &str = "MSTRESS_OVERWRITES_WORD";
    if let Ok(word) = std::env::var(VARIABLE) {
        let mut worker = Worker::<Global>::new(MAIN);
        let block = worker.allocate(64, &mut Random(43));
        // SAFETY: the block has 64 words at least, and is live.
        unsafe {
            let word = block.add(word.parse().expect("the parent says which"));
            word.write(word.read() ^ 1 << 60);
            worker.free(Some(block));
        }
        return;
    }
    for word in ["0", "1", "63"] {
        let program = std::env::current_exe().expect("a test knows its own file");
        let output = std::process::Command::new(program)
            .args(["--exact", "mstress::tests::an_overwritten_word_ends_the_process", "--nocapture"])
            .env(VARIABLE, word)
            .output()
            .expect("a test can run itself");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(&format!("word {word} of a block")), "{text}");
    }
}
