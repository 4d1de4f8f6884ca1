//! Making slices accessible, before they are handed out for the first time.
//!
//! The system does it in steps, for all slices from the first one on, with their records and marks. One thread is at it at a time,
//! unless it takes too long: whoever came late to the same step would undo what was made inaccessible meanwhile, by the program in
//! its blocks, or in hardened builds by guards. Where the program makes memory accessible, it is called for slices that the
//! caller holds alone, when they are handed out for the first time: it may put new memory there.

use core::ffi::c_void;
use core::mem;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use super::bitmap::mask;
use super::patience::wait_while;
use super::region::{CommitFn, Region, Slice};
use super::ring::stretch;
use super::tables::{TABLE_ALIGN, mark_lines};
use super::task::Task;
use crate::geometry::{COMMIT_PART, COMMIT_STEP, GROUP_SLICES, SLICE_SHIFT, SLICE_SIZE};
use crate::os;

/// Who has it makes memory accessible.
static COMMITTING: Task = Task::new(AtomicU32::new(0));

/// Takes the task on. False if that takes too long: the other thread is the one that a signal handler interrupts, or does not run.
fn begin() -> bool {
    let process = os::process_id();
    loop {
        if COMMITTING.begin(process) {
            return true;
        }
        if !wait_while(|| COMMITTING.is_under_way(process)) {
            return false;
        }
    }
}

impl Region {
    /// Makes the first slices accessible, and some more.
    #[cold]
    pub(super) fn commit(&'static self, slices: usize) -> bool {
        const STEP: usize = COMMIT_STEP / SLICE_SIZE;
        let has_task = begin();
        let from = self.committed.load(Ordering::Acquire);
        // Otherwise another thread was faster.
        let done = from >= slices
            || self.commit_range(from, slices.max(from + from / COMMIT_PART).next_multiple_of(STEP))
            || self.commit_range(from, slices.next_multiple_of(STEP));
        if has_task {
            COMMITTING.end();
        }
        done
    }

    /// Makes the slices accessible that come behind the first `from`, which are; up to `to`, if there are as many.
    fn commit_range(&'static self, from: usize, to: usize) -> bool {
        let slices = self.slices();
        let to = to.min(slices);
        let marks = self.marks.load(Ordering::Relaxed);
        // SAFETY: all ranges lie in the region: `from` and `to` are at most its number of slices.
        let done = unsafe {
            self.commit_by_system(from, to, slices)
                && self.commit_records(to)
                && commit_table(marks, 0..mark_lines(to), mark_lines(slices))
        };
        super::COMMIT_CALLS.add(1);
        if done {
            self.committed.fetch_max(to, Ordering::AcqRel);
        }
        done
    }

    /// Makes the records of the first slices accessible.
    fn commit_records(&'static self, slices: usize) -> bool {
        let records = self.records.load(Ordering::Relaxed);
        let first = Slice { region: self, index: 0 };
        let ring = self.ring.load(Ordering::Relaxed);
        // SAFETY: the places lie in the ring.
        let commit = |places| unsafe { commit_table(records, places, ring) };
        stretch(first.place(), slices, ring).into_iter().all(commit)
    }

    /// Makes the slices `from .. to` accessible, if that is the system's to do.
    ///
    /// # Safety
    /// They lie in the region, which has so many `slices`.
    unsafe fn commit_by_system(&'static self, from: usize, to: usize, slices: usize) -> bool {
        let is_not_its_task = self.accessible.load(Ordering::Relaxed) || !self.is_committed_by_system();
        let start = Slice { region: self, index: from }.start();
        // SAFETY: as the caller says.
        is_not_its_task
            || unsafe { os::commit(start, (to - from) << SLICE_SHIFT, (slices - from) << SLICE_SHIFT) }
    }

    /// Makes accessible what of a run was never handed out, if that is the program's to do, and says whether it reads as zero.
    /// `None` when the program refuses. The caller holds the run.
    #[inline]
    pub(super) fn commit_by_program(&'static self, start: usize, count: usize) -> Option<bool> {
        let function = self.commit_fn.load(Ordering::Relaxed);
        if function.is_null() {
            return Some(true);
        }
        // SAFETY: only `set_up` stores a function, of this type.
        self.call_program(unsafe { mem::transmute::<*mut c_void, CommitFn>(function) }, start, count)
    }

    #[cold]
    fn call_program(&'static self, function: CommitFn, start: usize, count: usize) -> Option<bool> {
        let arg = self.commit_arg.load(Ordering::Relaxed);
        let zero = self.zero.load(Ordering::Relaxed);
        if self.accessible.load(Ordering::Relaxed) {
            return Some(zero);
        }
        let mut all_zero = true;
        let done = self.each_group(start, count, |group, bits| {
            // What was handed out once stays marked, since such a region is pinned and has no huge pages.
            let mut missing = bits & !self.group(group).dirty();
            while missing != 0 {
                let (from, length) = first_stretch(missing);
                missing &= !mask(from, length);
                let first = Slice { region: self, index: group * GROUP_SLICES + from as usize };
                let (memory, size) = (first.start().cast(), (length as usize) << SLICE_SHIFT);
                let mut is_zero = false;
                // SAFETY: the slices lie in the region, and the program said that this makes them accessible.
                if !unsafe { function(true, memory, size, &raw mut is_zero, arg) } {
                    return false;
                }
                all_zero &= is_zero || zero;
            }
            true
        });
        done.then_some(all_zero)
    }
}

/// The first bit that is set, and how many are from there on.
const fn first_stretch(bits: u64) -> (u32, u32) {
    let from = bits.trailing_zeros();
    (from, (bits >> from).trailing_ones())
}

/// Commits entries of a table, of which so many are `reserved`. A range that starts where the one before did
/// grows in place, so what is accessible stays one piece.
///
/// # Safety
/// The table lies in a region, starts and ends on system pages, and has these entries.
unsafe fn commit_table<T>(table: *mut T, entries: Range<usize>, reserved: usize) -> bool {
    let start = entries.start * size_of::<T>() / TABLE_ALIGN * TABLE_ALIGN;
    let [end, reserved] =
        [entries.end, reserved].map(|count| (count * size_of::<T>()).next_multiple_of(TABLE_ALIGN));
    // SAFETY: the caller vouches for the range.
    unsafe { entries.is_empty() || os::commit(table.byte_add(start).cast(), end - start, reserved - start) }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use super::super::allocate;
    use super::super::region::Traits;
    use super::super::supply::reserve;
    use super::*;
    use crate::geometry::SYSTEM_PAGE_MIN;

    /// A region that no other test uses.
    fn region_of_its_own() -> &'static Region {
        assert!(allocate(1, SLICE_SIZE).is_some(), "so that it is not the first");
        reserve(64 << 20, false, Traits { exclusive: true, ..Traits::default() }).expect("address space")
    }

    #[test]
    fn what_another_thread_made_accessible_in_the_meantime_stays_so() {
        let region = region_of_its_own();
        assert!(region.commit(2));
        let committed = region.committed.load(Ordering::Relaxed);
        assert!(region.commit(committed / 2), "less than what is accessible");
        assert_eq!(region.committed.load(Ordering::Relaxed), committed);
    }

    /// Whether nothing can be read at `p`.
    fn is_inaccessible(p: *const u8) -> bool {
        let mut ends = [0; 2];
        // SAFETY: the descriptors are this function's own. What cannot be read is refused.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            let written = libc::write(ends[1], p.cast(), 1);
            ends.into_iter().for_each(|end| assert_eq!(libc::close(end), 0));
            written < 0
        }
    }

    /// Whether a page is inaccessible still after a thread that was about to make its slices accessible did so.
    fn stays_inaccessible(region: &'static Region) -> bool {
        let is_about = AtomicBool::new(false);
        let from = region.committed.load(Ordering::Relaxed);
        let page = Slice { region, index: from }.start();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(begin());
                is_about.store(true, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
                assert!(region.commit_range(from, from + GROUP_SLICES));
                COMMITTING.end();
            });
            while !is_about.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            // SAFETY: nobody uses the slice.
            assert!(region.commit(from + 1) && unsafe { os::protect(page, SYSTEM_PAGE_MIN) });
        });
        let stays = is_inaccessible(page);
        // SAFETY: as above.
        assert!(unsafe { os::commit(page, SYSTEM_PAGE_MIN, SYSTEM_PAGE_MIN) });
        stays
    }

    #[test]
    fn what_is_inaccessible_stays_so_if_another_thread_is_about_to_make_the_same_memory_accessible() {
        let region = region_of_its_own();
        // Patience ends sooner if the other thread does not run for so long.
        assert!((0..5).any(|_| stays_inaccessible(region)));
    }
}
