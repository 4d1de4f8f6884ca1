//! The mark of resident free slices: what one thread releases while another looks for such slices does not stay behind.

use std::sync::Arc;

use loom::thread;

use super::{Disagreed, check};
use crate::bitmap::Group;
use crate::pending::Pending;
use crate::sync::{AtomicU32, Orders, Strict};

const SLICE: u64 = 1;

/// Something was released before, so the mark is set when a slice is released and a purge begins.
fn no_slice_stays_behind<O: Orders + 'static>() {
    check(|| {
        let shared = Arc::new((Group::<O>::default(), Pending::<O>::new(AtomicU32::new(1))));
        let (group, pending) = &*shared;
        assert!(group.claim(SLICE));
        group.soil(SLICE);
        let releaser = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (group, pending) = &*shared;
                group.release(SLICE);
                pending.note_release();
            })
        };
        pending.take();
        let found = group.resident();
        releaser.join().unwrap();
        assert!(found == SLICE || pending.is_set(), "a slice stays resident");
    });
}

#[test]
fn a_slice_that_comes_free_during_a_purge_is_found_by_it_or_noted() {
    no_slice_stays_behind::<Strict>();
}

#[test]
#[should_panic(expected = "a slice stays resident")]
fn a_mark_that_is_not_agreed_on_is_caught() {
    no_slice_stays_behind::<Disagreed>();
}
