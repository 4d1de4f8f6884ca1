//! Regions that start small and grow where they are.
//!
//! What is reserved counts against the limits of a process (`RLIMIT_AS`, `RLIMIT_MEMLOCK`), whether anybody uses it or not. So a
//! region on demand is reserved in steps. Its tables are made for all the room that was found free behind it, so what is in
//! it is found in one way, however far it has grown.
//!
//! Nobody holds the room. The system puts a mapping at the upper end of the highest gap that is large enough, and a region
//! grows from the lower end of its own, so they meet when the gap is full; then another region is made. Where the system goes
//! upwards (`setarch -L`), it would put the next mapping right behind the region: there all of the room is reserved at
//! once.
//!
//! One thread does so at a time. The others wait, or each would reserve as much.

use core::sync::atomic::AtomicU32;

use super::patience::wait_while;
use super::region::Region;
use super::supply::{REGION_SIZE_MAX, REGION_UNIT};
use super::tables::mark_lines;
use super::task::Task;
use super::{RESERVED, regions};
use crate::geometry::{REGION_PART, SLICE_SHIFT};
use crate::options::{self, Opt};
use crate::os;
use crate::page::MarkLine;
use crate::report;

/// Who has it reserves room, here or for another region.
pub(super) static GROWING: Task = Task::new(AtomicU32::new(0));

/// How much to reserve next, in bytes; a multiple of [`REGION_UNIT`].
pub(super) fn step() -> usize {
    let wanted = options::get_size(Opt::ArenaReserve).clamp(REGION_UNIT, REGION_SIZE_MAX);
    let slices: usize = regions().iter().filter(|region| region.is_on_demand()).map(Region::slices).sum();
    wanted.max((slices << SLICE_SHIFT) / REGION_PART).next_multiple_of(REGION_UNIT)
}

/// Gives up the room of a region that is being set up, for which everything was reserved, but for the first `slices`. Says how many
/// stay.
///
/// # Safety
/// The marks and slices are there for `room` slices, and nobody uses those that go.
pub(super) unsafe fn leave(site: Site, slices: usize, room: usize) -> usize {
    for (start, size) in site.parts(slices, room) {
        // SAFETY: as the caller says.
        unsafe { os::release(start, size) };
    }
    let [_, (behind, size)] = site.parts(slices, room);
    let is_upwards = size > 0 && os::next_place(size / 2) == Some(behind);
    if is_upwards && site.take(slices, room) { room } else { slices }
}

/// Where a region's marks and slices lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) marks: *mut u8,
    pub(super) base: *mut u8,
}

impl Site {
    /// Start and size of the marks and of the memory of the slices `from .. to`.
    fn parts(self, from: usize, to: usize) -> [(*mut u8, usize); 2] {
        let of_marks = [from, to].map(|slices| mark_lines(slices) * size_of::<MarkLine>());
        let of_slices = [from, to].map(|slices| slices << SLICE_SHIFT);
        let part = |start: *mut u8, [from, to]: [usize; 2]| (start.wrapping_add(from), to - from);
        [part(self.marks, of_marks), part(self.base, of_slices)]
    }

    /// Reserves what lies there for the slices `from .. to`, all or nothing.
    fn take(self, from: usize, to: usize) -> bool {
        let [(marks, marks_size), (slices, size)] = self.parts(from, to);
        if marks_size > 0 && !os::reserve_at(marks, marks_size) {
            return false;
        }
        let done = os::reserve_at(slices, size);
        if !done && marks_size > 0 {
            // SAFETY: these were reserved above, and nobody knows of them.
            unsafe { os::release(marks, marks_size) };
        }
        done
    }
}

/// Has one of the regions grow by `needed` bytes, or by what is missing to them at its end, unless more than the `reserved` bytes that
/// the caller has looked through are there by now. False if none can.
#[cold]
pub(super) fn grow(regions: &'static [Region], needed: usize, reserved: u64) -> bool {
    if options::is_enabled(Opt::DisallowOsAlloc)
        || !regions.iter().any(|region| region.is_on_demand() && region.slices() < region.room())
    {
        return false;
    }
    if !GROWING.begin(os::process_id()) {
        // If it takes too long, the other thread is the one that a signal handler interrupts.
        return wait_while(|| GROWING.is_under_way(os::process_id()));
    }
    let is_more = RESERVED.current() != reserved;
    let grown = if is_more { None } else { regions.iter().find_map(|region| region.grow(needed)) };
    GROWING.end();
    if let Some((start, size)) = grown {
        report::verbose(format_args!("reserved {} MiB more of address space at {start:p}", size >> 20));
    }
    is_more || grown.is_some()
}

impl Region {
    /// Reserves more slices behind those that there are, and says where, and how many bytes. For whoever has the task.
    fn grow(&'static self, needed: usize) -> Option<(*mut u8, usize)> {
        if !self.is_on_demand() {
            return None;
        }
        let (from, room) = (self.slices(), self.room());
        let most = (room - from) << SLICE_SHIFT;
        let unused = (from << SLICE_SHIFT) - self.reached();
        let least = needed.saturating_sub(unused).checked_next_multiple_of(REGION_UNIT)?.max(REGION_UNIT);
        if least > most {
            return None;
        }
        let mut size = step().clamp(least, most);
        let site = self.site();
        while !site.take(from, from + (size >> SLICE_SHIFT)) {
            if size == least {
                return None;
            }
            size = (size / 2).next_multiple_of(REGION_UNIT).max(least);
        }
        // SAFETY: the caller has the task, and they were reserved above.
        unsafe { self.add_slices(size >> SLICE_SHIFT) };
        Some((site.base.wrapping_add(from << SLICE_SHIFT), size))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Two stretches of address space that nobody else uses, for the marks and the slices of a region with little room.
    fn site(number: usize) -> Site {
        let marks = core::ptr::without_provenance_mut(((1 << 8) + number) << 36);
        Site { marks, base: marks.wrapping_byte_add(1 << 30) }
    }

    const FIRST: usize = 1 << 10;
    const ROOM: usize = 4 << 10;

    #[test]
    fn room_is_taken_as_a_whole_or_not_at_all() {
        let site = site(1);
        assert!(site.take(0, ROOM));
        let [marks, slices] = site.parts(FIRST, ROOM);
        for (free, in_the_way) in [(marks, slices), (slices, marks)] {
            // SAFETY: it was reserved above, and nobody uses it.
            unsafe { os::release(free.0, free.1) };
            assert!(!site.take(FIRST, ROOM));
            assert!(os::reserve_at(free.0, free.1), "what was free before is so afterwards");
            assert!(!os::reserve_at(in_the_way.0, in_the_way.1), "what was in the way stays");
        }
    }

    #[test]
    fn what_is_left_can_be_taken_again() {
        let site = site(2);
        assert!(site.take(0, ROOM));
        // SAFETY: it was reserved above, and nobody uses it.
        assert_eq!(unsafe { leave(site, FIRST, ROOM) }, FIRST);
        assert!(!site.take(0, FIRST) && site.take(FIRST, ROOM));
        // SAFETY: as above.
        assert_eq!(unsafe { leave(site, ROOM, ROOM) }, ROOM, "a region without room");
    }

    /// Whether `act` comes to yes while another thread reserves room, and not before that is done. Patience ends sooner if that thread
    /// does not run for so long, so it may do so a few times.
    pub(in super::super) fn outlasts_another(act: impl Fn() -> bool) -> bool {
        let attempt = || {
            let is_under_way = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !GROWING.begin(os::process_id()) {
                        thread::yield_now();
                    }
                    is_under_way.store(true, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(10));
                    is_under_way.store(false, Ordering::Relaxed);
                    GROWING.end();
                });
                while !is_under_way.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                act() && !is_under_way.load(Ordering::Relaxed)
            })
        };
        (0..5).any(|_| attempt())
    }

    #[test]
    fn who_finds_another_thread_at_it_waits_and_looks_again() {
        assert!(super::super::allocate(1, 1).is_some());
        let grows = || grow(regions(), usize::MAX, RESERVED.current());
        assert!(outlasts_another(grows));
        assert!((0..5).any(|_| !grows()), "nobody is at it, and it is too much");
    }
}
