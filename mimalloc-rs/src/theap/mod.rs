//! A theap, a thread's part of a heap: per size class an active list to allocate from, a current page, and a queue of pages.
//!
//! # The three places a class allocates from
//!
//! 1. The *active list* holds blocks that nobody counts: its pages treat them as used. Allocating is a pop, and
//!    touches no page record.
//! 2. The *current page* refills the active list: with what this thread has freed into it, with what others have freed
//!    into it, or with blocks never used before.
//! 3. The *queue* holds the thread's other pages, oldest first. When the current page has nothing left it goes to
//!    the end, and the queue's head takes its place: pages rest while they wait and gather free blocks. A page
//!    that comes up without any for a second time is given up, so nothing is scanned again and again. If the current page could give only a few
//!    blocks, it goes to the end as well, in favour of a head that has more.
//!
//! # A full page belongs to nobody
//!
//! A page that stays without free blocks is of no use to its thread, so the thread gives it up. If that thread is the first to
//! free a block into it, it has the page again. Another one lists the page for those that look for one, and leaves marked there
//! what it frees from then on: a thread that consumes what others produce would only collect pages that they have to
//! replace.
//! The same rule makes thread exit simple: a dying thread gives up its pages, and those with free blocks
//! are listed for others to take.
//!
//! # First-class heaps
//!
//! A heap that can be destroyed keeps its pages together, so theirs are different rules: every page stands in the
//! roll of a theap of that heap and is owned by it until the heap ends; none is given up or adopted.
//! The theap itself changes hands: when its thread ends, the next thread that uses the heap takes it over.

mod absence;
mod bonds;
pub(crate) mod here;
mod keep;
mod outbox;
mod queue;
mod refill;
mod roll;
mod round;
mod spare;
mod tally;
mod teardown;
mod tie;

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::AtomicPtr;

use self::bonds::Bonds;
use self::outbox::Outbox;
use self::queue::Queue;
use self::round::Round;
use self::spare::Spare;
pub(crate) use self::tally::{PAST, PAST_OF_MAIN, Tally};
use self::teardown::TearDown;
pub(crate) use self::tie::Tie;
use crate::arena::Region;
use crate::arena::ring::{INTERIOR, SAID};
use crate::gauge::Gauge;
use crate::geometry::{CLASSES, REFILLS_PER_TICK, RING_SLICES, SLICE_SIZE, THEAP_CHUNKS, THEAP_SIZE};
#[cfg(feature = "secure")]
use crate::guarded::Sampling;
use crate::heap::Record;
use crate::os;
use crate::page::{self, Block, Page};
use crate::pool::{Pool, Pooled};
use crate::stack::IndexStack;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Owner words below this are not theaps; see [`crate::arena::ring`].
const FIRST_ID: u32 = SAID | 16;
/// Set in the ids of theaps that belong to a first-class heap.
pub(crate) const OF_HEAP: u32 = 1 << 18;
/// The id of theaps that own nothing. No page has it as its owner.
const NO_ID: u32 = SAID | (OF_HEAP - 1);

const MOST: usize = THEAP_CHUNKS * (SLICE_SIZE / THEAP_SIZE);
const _: () = assert!(FIRST_ID as usize + MOST <= NO_ID as usize);
const _: () =
    assert!(OF_HEAP < INTERIOR && (INTERIOR as usize) < RING_SLICES, "ids have no bits above the ring's");

/// Theaps in use.
pub(crate) static LIVE: Gauge = Gauge::new();
/// All theaps of the process.
pub(crate) static POOL: Pool<Theap, THEAP_CHUNKS> = Pool::new();

/// See the [module](self). Only the thread that uses it touches it, except for the last group; any thread may read `heap` and
/// `tally`.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Theap {
    /// What this theap writes into the owner words of its pages.
    pub(crate) id: u32,
    /// Refills until the next look at what is due.
    tick: u32,
    /// Active lists, per class, while they do not lie with the thread; see [`here`].
    parked: [*mut Block; CLASSES],
    /// The page that refills the active list; [`page::EMPTY`] if there is none.
    current: [*mut Page; CLASSES],
    queues: [Queue; CLASSES],
    /// In a theap of the main heap: slices of its pages and large blocks that ended.
    spare: Spare,
    /// In a theap of the main heap: blocks of others that its thread frees.
    outbox: Outbox,
    /// The heap this is a part of; null in theaps that own nothing. Its user writes it, or who makes the theap, with release: any
    /// thread that asks for statistics reads it, with acquire, and sees a record as it was made.
    heap: AtomicPtr<Record>,
    /// The thread's part of the main heap: this very theap, if it is one of the main heap.
    thread: *mut Theap,
    /// In a theap of the main heap: those of other heaps that its thread holds.
    bonds: Bonds,
    /// In a theap of a first-class heap: all its pages and runs.
    roll: *mut Page,
    /// In a theap of the main heap: how often its thread was offered to free what it put off, and whether it is
    /// doing so.
    heartbeat: u64,
    deferring: Cell<bool>,
    /// How far it has come in looking for pages that others emptied. What leaves a queue is passed over.
    round: Round,
    tally: Tally,
    tear_down: TearDown,
    /// When the theap's thread first allocated, if this is the thread's own.
    born_ms: u64,
    /// Which allocations are guarded, in builds that do that.
    #[cfg(feature = "secure")]
    sampling: Sampling,

    /// Heap and thread of a theap of a first-class heap.
    pub(crate) tie: Tie,
    /// Runs of the roll that other threads freed, by number.
    returned: IndexStack,
    /// When the user of a theap of a first-class heap last came through a slow path; written by the user.
    seen_ms: AtomicU64,
    /// The next theap of the same first-class heap; written before the theap is in its list.
    pub(crate) sibling: *mut Theap,
    /// Slices of the runs in `returned` that have their memory, or of those that will be there in a moment.
    returned_whole: AtomicU32,
    /// Link in the pool of theaps without a thread.
    pool_next: AtomicU32,
}

const _: () = assert!(size_of::<Theap>() <= THEAP_SIZE);

// SAFETY: a theap of zeros is one that was never given out: of no heap, tied to none, with an empty tally, and nothing returned.
// The rest is written before it is read.
unsafe impl Pooled for Theap {
    const PLACE: usize = THEAP_SIZE;

    unsafe fn link<'a>(theap: *mut Self) -> &'a AtomicU32 {
        // SAFETY: theaps of the pool are never unmapped, and the link is only touched atomically.
        unsafe { &(*theap).pool_next }
    }
}

/// A theap that has nothing and gets nothing: what a thread has before its first allocation and after its end.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct NoTheap(Theap);

// SAFETY: these theaps are only read: every list in them is empty, so every path that would write goes
// through `refill` or the slow side of free, which tell them by their id.
unsafe impl Sync for NoTheap {}

impl NoTheap {
    pub(crate) const fn as_ptr(&'static self) -> *mut Theap {
        (&raw const self.0).cast_mut()
    }
}

/// The theap of threads that have not allocated yet.
pub(crate) static UNBORN: NoTheap = NoTheap(Theap::empty(NO_ID, ptr::null(), UNBORN.as_ptr()));
/// The theap of threads that are ending: they free without a theap of their own.
pub(crate) static LATE: NoTheap = NoTheap(Theap::empty(NO_ID, ptr::null(), LATE.as_ptr()));

/// The operations take a raw pointer: the lists they work on reach into memory that the program
/// writes, and the theap may be found again through its thread.
///
/// # Safety
/// Throughout, `theap` is used by the calling thread, and not one of the two that own nothing, unless said
/// otherwise.
impl Theap {
    /// A theap that nobody allocates from. It has no current pages, not even the one without blocks: that would be an address for
    /// each class, which whoever loads the library would have to write.
    const fn empty(id: u32, heap: *const Record, thread: *mut Theap) -> Self {
        Self {
            id,
            tick: REFILLS_PER_TICK,
            round: Round::START,
            parked: [ptr::null_mut(); CLASSES],
            current: [ptr::null_mut(); CLASSES],
            queues: [Queue::EMPTY; CLASSES],
            spare: Spare::EMPTY,
            outbox: Outbox::EMPTY,
            heap: AtomicPtr::new(heap.cast_mut()),
            thread,
            bonds: Bonds::EMPTY,
            roll: ptr::null_mut(),
            heartbeat: 0,
            deferring: Cell::new(false),
            tally: Tally::ZERO,
            tear_down: TearDown::NONE,
            born_ms: 0,
            #[cfg(feature = "secure")]
            sampling: Sampling::NEW,
            tie: Tie::new(AtomicU64::new(0)),
            returned: IndexStack::new(AtomicU64::new(0)),
            seen_ms: AtomicU64::new(0),
            sibling: ptr::null_mut(),
            returned_whole: AtomicU32::new(0),
            pool_next: AtomicU32::new(0),
        }
    }

    /// A theap of the main heap for the calling thread.
    pub(crate) fn for_thread(main: &'static Record) -> Option<*mut Theap> {
        let (number, theap) = POOL.acquire()?;
        // SAFETY: the pool gave the theap to this thread only.
        unsafe {
            Self::reset(theap, number + FIRST_ID, main, theap);
            (*theap).born_ms = os::coarse_ms();
        }
        Some(theap)
    }

    /// A theap of the first-class heap `heap`, with this serial number, for the thread whose own theap is `thread`.
    pub(crate) unsafe fn for_heap(
        heap: &'static Record,
        serial: u64,
        thread: *mut Theap,
    ) -> Option<*mut Theap> {
        let (number, theap) = POOL.acquire()?;
        // SAFETY: the pool gave the theap to this thread only.
        unsafe {
            Self::reset(theap, (number + FIRST_ID) | OF_HEAP, heap, thread);
            (*theap).tie.set(serial, Self::holder(thread));
        }
        Some(theap)
    }

    /// Makes a theap new, but for the words that threads look at which knew it in another life.
    unsafe fn reset(theap: *mut Theap, id: u32, heap: *const Record, thread: *mut Theap) {
        LIVE.add(1);
        // SAFETY: the caller uses the theap; what is overwritten needs no drop.
        unsafe {
            // A thread's theap goes on counting for the main heap.
            if (*theap).id != id || id & OF_HEAP != 0 {
                let past = if (*theap).id & OF_HEAP == 0 { &PAST_OF_MAIN } else { &PAST };
                past.keep(&(*theap).tally);
                (*theap).tally = Tally::ZERO;
            }
            (*theap).tally.on_new_user();
            (*theap).id = id;
            (*theap).tick = REFILLS_PER_TICK;
            (*theap).parked = [ptr::null_mut(); CLASSES];
            (*theap).current = [page::EMPTY.as_ptr(); CLASSES];
            (*theap).queues = [Queue::EMPTY; CLASSES];
            (*theap).round = Round::START;
            (*theap).spare = Spare::EMPTY;
            (*theap).outbox = Outbox::EMPTY;
            (*theap).heap.store(heap.cast_mut(), Ordering::Release);
            (*theap).thread = thread;
            (*theap).bonds = Bonds::EMPTY;
            (*theap).roll = ptr::null_mut();
            (*theap).heartbeat = 0;
            (*theap).deferring = Cell::new(false);
            (*theap).tear_down = TearDown::NONE;
            #[cfg(feature = "secure")]
            {
                (*theap).sampling = Sampling::NEW;
            }
            (*theap).sibling = ptr::null_mut();
        }
    }

    /// Makes the theap, which nobody uses any more and which was collected, an unused one of another heap that has no arena of its
    /// own.
    pub(crate) unsafe fn join(theap: *mut Theap, heap: &'static Record, serial: u64) {
        // SAFETY: the caller uses the theap; its tie is cut.
        unsafe {
            (*theap).heap.store(ptr::from_ref(heap).cast_mut(), Ordering::Release);
            Self::withdraw_bequests(theap);
            (*theap).tie.set(serial, 0);
        }
    }

    /// Takes back a theap that owns no page and no block.
    pub(crate) unsafe fn retire(theap: *mut Theap) {
        LIVE.sub(1);
        // SAFETY: the theap is the caller's until it is released.
        unsafe {
            if Self::is_of_heap(theap) {
                (*theap).heap.store(ptr::null_mut(), Ordering::Release);
            }
            POOL.release(Self::number((*theap).id));
        }
    }

    fn number(id: u32) -> u32 {
        (id & !OF_HEAP) - FIRST_ID
    }

    /// The theap of a first-class heap with this id, which is one: the owner word of a page says so.
    #[inline]
    pub(crate) fn of_id(id: u32) -> *mut Theap {
        POOL.place(Self::number(id))
    }

    /// The same for a word that was read for any address; `None` if it is no such id.
    #[inline]
    pub(crate) fn of_seen(owner: u32) -> Option<*mut Theap> {
        POOL.find(owner.wrapping_sub(OF_HEAP | FIRST_ID))
    }

    /// The same for an id that the owner word or record of another thread's page showed; see [`Pool::find`].
    pub(crate) fn find(id: u32) -> Option<*mut Theap> {
        POOL.find(Self::number(id))
    }

    /// Whether this is one of the two theaps that own nothing. Those may be passed here.
    #[inline]
    pub(crate) unsafe fn is_none(theap: *mut Theap) -> bool {
        // SAFETY: all theaps can be read by their thread.
        unsafe { (*theap).id == NO_ID }
    }

    /// What the theap has done, as it was at some moment just before. The theap may be anybody's, or one that was never
    /// used.
    pub(crate) unsafe fn tally(theap: *mut Theap) -> Tally {
        // SAFETY: theaps are never unmapped. Numbers that their user is writing are read whole, each as it was
        // before or after: they are aligned words.
        unsafe { (&raw const (*theap).tally).read_volatile() }
    }

    /// Which allocations are guarded.
    #[cfg(feature = "secure")]
    #[inline(always)]
    pub(crate) unsafe fn sampling(theap: *mut Theap) -> *mut Sampling {
        // SAFETY: the caller uses the theap.
        unsafe { &raw mut (*theap).sampling }
    }

    /// When the theap's thread, whose own theap this is, first allocated.
    pub(crate) unsafe fn born_ms(theap: *mut Theap) -> u64 {
        // SAFETY: the caller owns the theap.
        unsafe { (*theap).born_ms }
    }

    /// What the theap writes into the owner words of its pages. Those that own nothing may be passed here.
    pub(crate) unsafe fn id(theap: *mut Theap) -> u32 {
        // SAFETY: as for `is_none`.
        unsafe { (*theap).id }
    }

    /// Whether the theap is one of a first-class heap. Those that own nothing may be passed here.
    #[inline]
    pub(crate) unsafe fn is_of_heap(theap: *mut Theap) -> bool {
        // SAFETY: as for `is_none`.
        unsafe { (*theap).id & OF_HEAP != 0 }
    }

    /// The heap this is a part of; null for those that own nothing, which may be passed here. The theap may be anybody's.
    #[inline]
    pub(crate) unsafe fn heap(theap: *mut Theap) -> *const Record {
        // SAFETY: theaps are never unmapped, and this is only touched atomically.
        unsafe { (*theap).heap.load(Ordering::Acquire) }
    }

    /// The only arena the theap may take memory from, if there is one. Those that own nothing may be passed here.
    #[inline]
    pub(crate) unsafe fn arena(theap: *mut Theap) -> Option<&'static Region> {
        // SAFETY: as for `is_none`; records are never unmapped.
        unsafe { Self::heap(theap).as_ref()?.arena() }
    }

    /// The calling thread's part of the main heap. Those that own nothing may be passed here: it is they themselves.
    #[inline]
    pub(crate) unsafe fn thread(theap: *mut Theap) -> *mut Theap {
        // SAFETY: as for `is_none`.
        unsafe { (*theap).thread }
    }

    /// The number of the thread whose own theap is `thread`, which no other thread alive has; never zero.
    #[inline]
    unsafe fn holder(thread: *mut Theap) -> u32 {
        // SAFETY: the caller uses the theap.
        unsafe { (*thread).id - FIRST_ID + 1 }
    }

    /// Whether the thread whose own theap is `thread` holds `theap`, which may be anybody's theap of a first-class
    /// heap. Threads without a theap hold none.
    #[inline]
    pub(crate) unsafe fn is_held_by(theap: *mut Theap, thread: *mut Theap) -> bool {
        // SAFETY: theaps are never unmapped, and the tie is only touched atomically.
        unsafe { (*theap).tie.holder() == Self::holder(thread) }
    }

    /// The theap of heap `serial` that the thread, whose own theap is given, holds.
    #[inline]
    pub(crate) unsafe fn bond(thread: *mut Theap, serial: u64) -> Option<*mut Theap> {
        // SAFETY: the caller uses the theap.
        unsafe { (*thread).bonds.find(serial) }
    }

    /// Makes the thread, whose own theap is given, the user of `theap`. False if another thread has it, or there is no
    /// memory.
    pub(crate) unsafe fn take_over(theap: *mut Theap, serial: u64, thread: *mut Theap) -> bool {
        // SAFETY: theaps are never unmapped; once bound, this one is the caller's.
        unsafe {
            if !(*theap).tie.bind(serial, Self::holder(thread)) {
                return false;
            }
            (*theap).thread = thread;
            Self::enter_bond(thread, serial, theap)
        }
    }

    /// Whether the thread, whose own theap is given, can hold one more of another heap, as far as memory goes.
    pub(crate) unsafe fn make_room_for_bond(thread: *mut Theap) -> bool {
        // SAFETY: the caller uses the theap.
        unsafe { Bonds::make_room(&raw mut (*thread).bonds) }
    }

    /// Notes that the thread, whose own theap is given, holds `theap`. If there is no memory for the note, it
    /// does not hold it any more.
    pub(crate) unsafe fn enter_bond(thread: *mut Theap, serial: u64, theap: *mut Theap) -> bool {
        // SAFETY: the caller uses both.
        unsafe {
            let noted = Bonds::insert(&raw mut (*thread).bonds, serial, theap);
            if !noted {
                (*theap).tie.unbind(serial, Self::holder(thread));
            }
            noted
        }
    }

    /// Ends the thread whose own theap is given, as far as other heaps' theaps are concerned.
    pub(crate) unsafe fn dissolve_bonds(thread: *mut Theap) {
        // SAFETY: the caller uses the theap.
        unsafe {
            let holder = Self::holder(thread);
            (*thread).bonds.dissolve(holder);
        }
    }
}
