//! The original program's results, counters and allocations for numbers of all sizes.

use std::cell::RefCell;
use std::ptr::NonNull;

use super::MOST_STEPS;
use super::search::{Statistics, Stuck, search};
use crate::api::{Api, Global, Request};
use crate::counted::Counted;

type A = Counted<Global>;

/// What the original allocates outside of the algorithm, whatever the number is: for its command line
/// and its output.
const ELSEWHERE: u64 = 13;

/// The line printed; multiplier and length of the base; iterations, early aborts, partials stored and
/// used, full relations, attempts; allocations of the original program.
type Known = (&'static str, u32, usize, [u64; 6], Option<u64>);

fn check((line, multiplier, base_length, counters, allocations): Known) {
    let (n, _) = line.split_once(' ').expect("the number comes first");
    A::take_counts();
    let found = search::<A>(n, MOST_STEPS).expect("there is a factor");
    let counts = A::take_counts();
    assert_eq!(found.line(), line);
    let [iterations, early_aborts, partials_stored, partials_used, full, attempts] = counters;
    let expected = Statistics {
        multiplier,
        base_length,
        iterations,
        early_aborts,
        partials_stored,
        partials_used,
        full,
        attempts,
    };
    assert_eq!(found.statistics, expected, "{line}");
    assert_eq!(counts.frees, counts.allocations, "{line}");
    if let Some(original) = allocations {
        assert_eq!(counts.allocations, original - ELSEWHERE, "{line}");
    }
}

#[test]
fn small_numbers() {
    check(("8051 = 97 * 83", 1, 3, [2, 0, 1, 0, 1, 1], None));
    check(("13290059 = 3119 * 4261", 3, 5, [64, 0, 12, 11, 5, 13], Some(3_469)));
    check(("11111111111 = 21649 * 513239", 4, 9, [124, 0, 34, 7, 7, 7], None));
    check(("11111111111111111 = 2071723 * 5363222357", 1, 16, [1_784, 1_447, 95, 16, 7, 9], Some(36_235)));
}

#[test]
fn numbers_of_31_and_33_digits() {
    check((
        "2535301200456458802993406410751 = 7432339208719 * 341117531003194129",
        1,
        64,
        [309_369, 278_923, 892, 43, 21, 3],
        Some(4_842_107),
    ));
    check((
        "123456789012345678901234567890123 = 23387429176991531499 * 5278766985377",
        2,
        96,
        [257_218, 221_106, 1_049, 57, 34, 2],
        None,
    ));
}

#[test]
fn fermat_number_of_39_digits() {
    check((
        "340282366920938463463374607431768211457 = 5704689200685129054721 * 59649589127497217",
        3,
        203,
        [2_068_892, 1_890_935, 2_856, 121, 76, 1],
        Some(29_553_071),
    ));
}

#[test]
fn number_of_the_2019_preset() {
    check((
        "175451865205073170563711388363274837927895 = 65716982822930499630470306643945 * 2669810111",
        3,
        270,
        [1_249_218, 1_035_473, 3_661, 134, 123, 1],
        Some(21_522_443),
    ));
}

#[test]
fn number_of_the_current_preset() {
    check((
        "17545186520507317056371138836327483792789528 = 856070387728264 * 20495027946319472471219512627",
        1,
        324,
        [5_575_921, 5_161_403, 4_741, 191, 123, 1],
        Some(91_530_284),
    ));
}

#[test]
fn cycles_end_with_an_error() {
    for n in ["4294967297", "147573952589676412927"] {
        assert_eq!(search::<A>(n, MOST_STEPS), Err(Stuck::Cycle), "{n}");
    }
}

#[test]
fn sizes_and_lifetimes_are_those_of_the_original() {
    search::<Recorded>("175451865205073170563711388363274837927895", MOST_STEPS).expect("there is a factor");
    let record = RECORD.take();
    let percent = |part: u64| 100.0 * part as f64 / record.clock as f64;
    let shares =
        [(18, 38.0), (28, 17.6), (10, 13.9), (26, 11.9), (20, 11.2), (16, 5.4), (12, 0.9), (14, 0.8)];
    for (size, share) in shares {
        assert!(
            (percent(record.sizes[size]) - share).abs() < 0.1,
            "{size} bytes: {}",
            percent(record.sizes[size])
        );
    }
    let up_to_46_bytes: u64 = record.sizes[..=46].iter().sum();
    assert!(record.clock - up_to_46_bytes < 1_000, "{} larger", record.clock - up_to_46_bytes);
    assert!((18_900..18_940).contains(&record.peak_blocks), "{} blocks", record.peak_blocks);
    // A lifetime of one is death before the next allocation.
    for (within, share) in [(1, 17.0), (3, 55.0), (31, 88.0), (63, 99.9)] {
        let died: u64 = record.lifetimes[..=within].iter().sum();
        assert!((percent(died) - share).abs() < 0.5, "within {within}: {}", percent(died));
    }
}

/// What [`Recorded`] saw on this thread.
#[derive(Default)]
struct Record {
    /// Blocks allocated.
    clock: u64,
    sizes: Vec<u64>,
    /// How many allocations, its own included, a block lived for.
    lifetimes: Vec<u64>,
    live_blocks: u64,
    peak_blocks: u64,
}

thread_local! {
    static RECORD: RefCell<Record> = RefCell::default();
}

/// Keeps the time of birth in front of every block.
struct Recorded;

const STAMP: usize = 16;

impl Recorded {
    fn with_stamp(request: Request) -> Request {
        Request::aligned(STAMP + request.size(), 16)
    }
}

// SAFETY: the part of the block after the stamp is as large and as aligned as was asked for.
unsafe impl Api for Recorded {
    fn alloc(request: Request) -> NonNull<u8> {
        RECORD.with_borrow_mut(|record| {
            record.clock += 1;
            record.sizes.resize(record.sizes.len().max(request.size() + 1), 0);
            record.sizes[request.size()] += 1;
            record.live_blocks += 1;
            record.peak_blocks = record.peak_blocks.max(record.live_blocks);
            let block = Global::alloc_zeroed(Recorded::with_stamp(request));
            // SAFETY: the block starts with room for the stamp.
            unsafe {
                block.cast::<u64>().write(record.clock);
                block.add(STAMP)
            }
        })
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        Recorded::alloc(request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        // SAFETY: every block has its stamp in front, and is given back with the request it came from.
        RECORD.with_borrow_mut(|record| unsafe {
            let block = block.sub(STAMP);
            let age =
                usize::try_from(record.clock + 1 - block.cast::<u64>().read()).expect("ages fit in memory");
            record.lifetimes.resize(record.lifetimes.len().max(64).max(age + 1), 0);
            record.lifetimes[age] += 1;
            record.live_blocks -= 1;
            Global::free(block, Recorded::with_stamp(request));
        });
    }
}
