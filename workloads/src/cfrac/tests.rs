//! The original program's results and counters for numbers of all sizes.

use super::MOST_STEPS;
use super::search::{Statistics, Stuck, search};
use crate::api::{Api, Global};
use crate::counted::Counted;

type A = Counted<Global>;

/// Line, multiplier, length of the base, iterations, aborts, partials stored and used, full, attempts.
fn check(line: &str, k: u32, m: usize, counters: [u64; 6], allocations: Option<u64>) {
    let (n, _) = line.split_once(' ').expect("the number comes first");
    A::take_counts();
    let found = search::<A>(n, MOST_STEPS).expect("there is a factor");
    let counts = A::take_counts();
    assert_eq!(found.line(), line);
    let [iterations, early_aborts, partials_stored, partials_used, full, attempts] = counters;
    let expected = Statistics {
        multiplier: k,
        base_length: m,
        iterations,
        early_aborts,
        partials_stored,
        partials_used,
        full,
        attempts,
    };
    assert_eq!(found.statistics, expected, "{line}");
    assert_eq!(counts.frees, counts.allocations, "{line}");
    println!("{line}: {} vs {allocations:?}", counts.allocations);
}

#[test]
fn small_numbers() {
    check("8051 = 97 * 83", 1, 3, [2, 0, 1, 0, 1, 1], None);
    check("13290059 = 3119 * 4261", 3, 5, [64, 0, 12, 11, 5, 13], Some(3_469));
    check("11111111111 = 21649 * 513239", 4, 9, [124, 0, 34, 7, 7, 7], None);
    check("11111111111111111 = 2071723 * 5363222357", 1, 16, [1_784, 1_447, 95, 16, 7, 9], Some(36_235));
}

#[test]
fn m101() {
    check(
        "2535301200456458802993406410751 = 7432339208719 * 341117531003194129",
        1,
        64,
        [309_369, 278_923, 892, 43, 21, 3],
        Some(4_842_107),
    );
}

#[test]
fn cycles() {
    for n in ["4294967297", "147573952589676412927"] {
        assert_eq!(search::<A>(n, MOST_STEPS), Err(Stuck::Cycle), "{n}");
    }
}
