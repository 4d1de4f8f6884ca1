//! Arenas that the program asks for: memory reserved ahead, or memory of its own.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::region::{CommitFn, Region, Traits};
use super::supply::{Managed, REGION_UNIT, manage, reserve};
use crate::ErrorKind;
use crate::geometry::SLICE_SIZE;
use crate::os;

/// A stretch of address space that heaps take memory from. An arena lives as long as the process.
///
/// ```
/// use mimalloc_rs::{Arena, Heap, Reserve};
///
/// let arena = Arena::reserve(64 << 20, Reserve { exclusive: true, ..Reserve::default() }).expect("64 MiB");
/// let heap = Heap::new_in(arena, false).expect("memory for one more heap");
/// let p = heap.here().expect("memory for this thread's part").malloc(1000);
/// assert!(arena.contains(p));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Arena {
    region: &'static Region,
}

impl PartialEq for Arena {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.region, other.region)
    }
}

/// How to reserve an arena.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reserve {
    /// Of large system pages, if the system has any; they stay in memory.
    pub large: bool,
    /// Only for heaps that are made for this arena.
    pub exclusive: bool,
}

/// What the program says about memory it hands over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manage {
    /// Whether it can be touched; otherwise it is made accessible in steps.
    pub committed: bool,
    /// Whether it must not be given back to the system.
    pub pinned: bool,
    /// Whether it reads as zero.
    pub zero: bool,
    /// Only for heaps that are made for this arena.
    pub exclusive: bool,
    /// Called to make memory accessible, with this argument, instead of asking the system. Memory that was made
    /// accessible this way stays so.
    pub commit: Option<(CommitFn, *mut c_void)>,
}

impl Arena {
    /// Least bytes of an arena.
    pub const MIN_SIZE: usize = 32 << 20;
    /// Arenas start at a multiple of this many bytes.
    pub const MIN_ALIGN: usize = SLICE_SIZE;

    /// Reserves `size` bytes, rounded up, and no less than [`MIN_SIZE`](Self::MIN_SIZE). Where there are no large
    /// system pages, ordinary ones will do.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] when the system refuses the address space, or there are too many arenas.
    pub fn reserve(size: usize, how: Reserve) -> Result<Self, ErrorKind> {
        let size = size.max(Self::MIN_SIZE);
        let traits = Traits { exclusive: how.exclusive, ..Traits::default() };
        let large = if how.large { reserve(size, true, Traits { pinned: true, ..traits }) } else { None };
        let region = large.or_else(|| reserve(size, false, traits));
        region.map(|region| Self { region }).ok_or(ErrorKind::OutOfMemory)
    }

    /// Makes an arena of `size` bytes at `start`. `None` when less than [`MIN_SIZE`](Self::MIN_SIZE) is left after
    /// aligning them, some lie in an arena already, as blocks do, or there are too many arenas.
    ///
    /// ```
    /// use std::alloc::{GlobalAlloc, Layout, System};
    /// use mimalloc_rs::{Arena, Manage};
    ///
    /// let layout = Layout::from_size_align(64 << 20, Arena::MIN_ALIGN).expect("a valid layout");
    /// // SAFETY: the memory is zero, can be touched, and is never given back.
    /// let arena = unsafe {
    ///     let start = System.alloc_zeroed(layout);
    ///     Arena::manage(start, layout.size(), Manage { committed: true, zero: true, ..Manage::default() })
    /// };
    /// assert_eq!(arena.map(|arena| arena.area().1), Some(64 << 20));
    /// ```
    ///
    /// # Safety
    /// The memory is as `how` says, and nobody else's for the life of the process.
    #[must_use]
    pub unsafe fn manage(start: *mut u8, size: usize, how: Manage) -> Option<Self> {
        let before = start.addr().wrapping_neg() & (SLICE_SIZE - 1);
        let size = size.checked_sub(before)? / REGION_UNIT * REGION_UNIT;
        start.addr().checked_add(before)?.checked_add(size)?;
        if start.is_null() || size < Self::MIN_SIZE || is_known(start.addr() + before, size) {
            return None;
        }
        let traits = Traits {
            on_demand: false,
            exclusive: how.exclusive,
            pinned: how.pinned || how.commit.is_some(),
            may_be_huge: false,
            foreign: true,
            commit: how.commit,
        };
        // SAFETY: as the caller says; the aligned part lies in the memory.
        let region = unsafe {
            let start = start.add(before);
            manage(&Managed { start, size, accessible: how.committed, zero: how.zero, traits })
        };
        region.map(|region| Self { region })
    }

    /// Reserves up to `pages` pages of 1 GiB each, on NUMA node `node` if one is given, and says how many it got. Stops
    /// when the system has none left, after `timeout_ms` milliseconds, or when there are too many arenas: each page is one.
    ///
    /// ```
    /// use mimalloc_rs::Arena;
    ///
    /// let got = Arena::reserve_huge_pages(2, None, Some(1000));
    /// assert!(got <= 2);
    /// ```
    pub fn reserve_huge_pages(pages: usize, node: Option<u32>, timeout_ms: Option<u64>) -> usize {
        let began = os::coarse_ms();
        for done in 0..pages {
            if timeout_ms.is_some_and(|limit| os::coarse_ms() - began > limit) {
                return done;
            }
            let Some(start) = os::reserve_large(HUGE_PAGE, os::LargePages::Huge { node }) else {
                return done;
            };
            let traits = Traits { pinned: true, ..Traits::default() };
            let managed = Managed { start, size: HUGE_PAGE, accessible: true, zero: true, traits };
            // SAFETY: the page was reserved above, and nobody else knows of it.
            unsafe {
                if manage(&managed).is_none() {
                    os::release(start, HUGE_PAGE);
                    return done;
                }
            }
        }
        pages
    }

    /// All arenas, those that the allocator made by itself included.
    ///
    /// ```
    /// use mimalloc_rs::Arena;
    ///
    /// let reserved: usize = Arena::all().map(|arena| arena.area().1).sum();
    /// println!("{} MiB of address space", reserved >> 20);
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        super::regions().iter().map(|region| Self { region })
    }

    /// Where its memory starts, and how many bytes it is.
    #[must_use]
    pub fn area(self) -> (*mut u8, usize) {
        self.region.area()
    }

    /// Bytes from its start that were handed out at some time.
    #[must_use]
    pub fn reached(self) -> usize {
        self.region.reached()
    }

    /// Whether `p` points into its memory. Any pointer may be passed.
    #[must_use]
    pub fn contains<T>(self, p: *const T) -> bool {
        self.region.slice_of(p.cast()).is_some()
    }

    /// The arena as a pointer for [`from_raw`](Self::from_raw).
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        NonNull::from(self.region).cast()
    }

    /// The arena that [`into_raw`](Self::into_raw) named; `None` for any other pointer.
    #[must_use]
    pub fn from_raw(p: *const c_void) -> Option<Self> {
        super::regions().iter().find(|region| ptr::eq(*region, p.cast())).map(|region| Self { region })
    }

    pub(crate) fn region(self) -> &'static Region {
        self.region
    }
}

/// Whether some of these bytes lie in a region.
fn is_known(start: usize, size: usize) -> bool {
    super::regions().iter().any(|region| {
        let (known, known_size) = region.area();
        start < known.addr() + known_size && known.addr() < start + size
    })
}

/// Bytes of a huge page.
const HUGE_PAGE: usize = 1 << 30;
