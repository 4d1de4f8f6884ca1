//! What is known of the original, and that no block is lost or damaged.

use super::*;
use crate::api::{Global, Libc};
use crate::counted::Counted;
use crate::protocol::Counts;
use crate::strict::Strict;

type A = Counted<Global>;

fn counted(threads: usize, loops: u64) -> (Vec<Tally>, Counts) {
    let mut meter = Meter::default();
    A::take_counts();
    let tallies = perform::<A>(threads, loops, &mut meter);
    (tallies, meter.counts())
}

fn sum(tallies: &[Tally], of: fn(&Tally) -> u64) -> u64 {
    tallies.iter().map(of).sum()
}

#[test]
fn two_threads_do_what_the_original_does() {
    let (tallies, counts) = counted(2, loops(Size::Full));
    assert!((384_000..392_000).contains(&counts.allocations), "{counts:?}");
    assert_eq!(counts.allocations, counts.frees);
    let (blocks, bytes) = (sum(&tallies, |tally| tally.blocks), sum(&tallies, |tally| tally.bytes));
    assert!((2_750..2_850).contains(&(bytes / blocks)), "{}", bytes / blocks);
    // A third, but for what is made when the other thread has ended its part.
    let foreign = counts.cross_thread_frees as f64 / counts.frees as f64;
    assert!((0.001..0.34).contains(&foreign), "{foreign}");
}

#[test]
fn every_block_is_freed_and_the_work_is_the_same_each_time() {
    for threads in [1, 2, 3, 16] {
        let (tallies, counts) = counted(threads, 20);
        assert_eq!(counts.allocations, counts.frees, "{threads} threads");
        assert_eq!(sum(&tallies, |tally| tally.bytes), sum(&tallies, |tally| tally.bytes_freed));
        let made =
            |tallies: &[Tally]| tallies.iter().map(|tally| (tally.blocks, tally.bytes)).collect::<Vec<_>>();
        assert_eq!(made(&tallies), made(&perform::<Libc>(threads, 20, &mut Meter::default())));
        assert_eq!(counts.cross_thread_frees == 0, threads == 1);
    }
}

#[test]
fn blocks_are_freed_as_they_were_asked_for() {
    perform::<Strict>(1, 20, &mut Meter::default());
}

#[test]
fn half_of_the_blocks_are_asked_for_zeroed() {
    let indices = 0..30_000;
    let zeroed = indices.clone().filter(|&index| TABLES.size(index) >= 4_096 || index % 3 == 0).count();
    assert!((14_000..16_500).contains(&zeroed), "{zeroed}");
}

#[test]
fn all_slots_are_reached() {
    for step in [FILL_STEP, EMPTY_STEP] {
        let mut reached = [false; SLOTS];
        (0..SLOTS).for_each(|turn| reached[turn * step % SLOTS] = true);
        assert!(!reached.contains(&false), "{step}");
    }
}

#[test]
fn a_closed_mailbox_gets_no_more() {
    let mailboxes = (0..3).map(|_| Mailbox::default()).collect();
    let shared = Shared { loops: 0, tables: &TABLES, mailboxes, barrier: Barrier::new(1) };
    let mut hand = Hand::<Global>::new(1, &shared);
    let receivers = |hand: &mut Hand<'_, Global>| [(); 3].map(|()| hand.next_receiver());
    assert_eq!(receivers(&mut hand), [2, 0, 2]);
    shared.mailboxes[2].set_closed(true);
    assert_eq!(receivers(&mut hand), [0, 0, 0]);
    shared.mailboxes[0].set_closed(true);
    assert_eq!(receivers(&mut hand), [1, 1, 1], "the last one keeps them");
}
