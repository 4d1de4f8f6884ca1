//! First-class heaps: which there are, and which theaps are theirs.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::arena::{self, OWNER_NOT_A_PAGE, OWNER_SINGLETON, Region, Slice};
use crate::free::page_start;
use crate::gauge::Gauge;
use crate::geometry::{RECORD_CHUNKS, RECORD_SIZE};
use crate::os;
use crate::page::Page;
use crate::pool::{Pool, Pooled};
use crate::theap::{OF_HEAP, Theap, here};
use crate::thread;

/// A heap. Written by whoever makes or ends it, except for the list of theaps.
#[derive(Debug)]
pub(crate) struct Record {
    /// Which of all heaps that ever were this is; zero while it is none.
    serial: AtomicU64,
    /// The main heap of its sub-process, which takes over what is left; null in a main heap.
    main: AtomicPtr<Record>,
    /// The arena that all its memory comes from, plus one; zero for any.
    arena: AtomicU32,
    /// Whether to end it means to delete it, even when it is destroyed.
    keeps_blocks: AtomicBool,
    number: AtomicU32,
    /// The process that made it.
    process: AtomicU32,

    /// Its theaps, linked through `sibling`; only grows while the heap lives.
    theaps: AtomicPtr<Theap>,
    link: AtomicU32,
}

/// The heap behind [`crate::MiMalloc`].
pub(crate) static MAIN: Record = Record::new(1);

static RECORDS: Pool<Record, RECORD_CHUNKS> = Pool::new();
/// Heaps besides the first.
pub(crate) static LIVE: Gauge = Gauge::new();
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(2);

// SAFETY: a record of zeros is one of no heap.
unsafe impl Pooled for Record {
    const PLACE: usize = RECORD_SIZE;

    unsafe fn link<'a>(record: *mut Self) -> &'a AtomicU32 {
        // SAFETY: records of the pool are never unmapped, and the link is only touched atomically.
        unsafe { &(*record).link }
    }
}

/// What a new heap is to be like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    /// The main heap of its sub-process; none if it is to be one itself.
    pub(crate) main: Option<&'static Record>,
    /// The only arena to allocate from.
    pub(crate) arena: Option<&'static Region>,
    /// Whether to destroy it means to delete it.
    pub(crate) keeps_blocks: bool,
}

impl Record {
    const fn new(serial: u64) -> Self {
        Self {
            serial: AtomicU64::new(serial),
            main: AtomicPtr::new(ptr::null_mut()),
            arena: AtomicU32::new(0),
            keeps_blocks: AtomicBool::new(false),
            number: AtomicU32::new(0),
            process: AtomicU32::new(0),
            theaps: AtomicPtr::new(ptr::null_mut()),
            link: AtomicU32::new(0),
        }
    }

    /// A new heap; `None` when the system refuses memory, or there are too many.
    pub(crate) fn create(plan: Plan) -> Option<&'static Self> {
        let (number, record) = RECORDS.acquire()?;
        // SAFETY: records are never unmapped, and all their fields are atomic.
        let record: &'static Self = unsafe { &*record };
        let main = plan.main.map_or(ptr::null_mut(), |main| ptr::from_ref(main).cast_mut());
        record.number.store(number, Ordering::Relaxed);
        record.process.store(os::process_id(), Ordering::Relaxed);
        record.main.store(main, Ordering::Relaxed);
        record.arena.store(plan.arena.map_or(0, |arena| arena.number() + 1), Ordering::Relaxed);
        record.keeps_blocks.store(plan.keeps_blocks, Ordering::Relaxed);
        record.theaps.store(ptr::null_mut(), Ordering::Relaxed);
        record.serial.store(NEXT_SERIAL.fetch_add(1, Ordering::Relaxed), Ordering::Release);
        LIVE.add(1);
        Some(record)
    }

    /// All heaps but the first.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        // SAFETY: as in `create`.
        RECORDS.all().map(|record| unsafe { &*record }).filter(|record| record.serial() != 0)
    }

    /// The heap that holds `p`; `None` if that lies in no page. Any pointer may be passed.
    pub(crate) fn of(p: *const u8) -> Option<&'static Self> {
        let (first, owner) = page_start(p)?;
        let is_page = owner != OWNER_NOT_A_PAGE && first.is_held();
        is_page.then(|| Self::of_found((first, owner)))?
    }

    /// The heap of the page or run that [`page_start`] found.
    pub(crate) fn of_found((first, owner): (Slice, u32)) -> Option<&'static Self> {
        let home = match owner {
            // SAFETY: records are never unmapped; the word is written before the run has a block.
            OWNER_SINGLETON => unsafe { Page::origin(first.page()) },
            owner => owner,
        };
        if home & OF_HEAP == 0 {
            return Some(&MAIN);
        }
        // SAFETY: theaps are never unmapped; one that has pages has a heap.
        unsafe { Theap::heap(Theap::find(home)?).as_ref() }
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    /// The only arena the heap allocates from, if it is bound to one.
    pub(crate) fn arena(&self) -> Option<&'static Region> {
        self.arena.load(Ordering::Relaxed).checked_sub(1).map(Region::numbered)
    }

    /// The main heap of the sub-process this belongs to.
    pub(crate) fn main(&'static self) -> &'static Self {
        // SAFETY: records are never unmapped.
        unsafe { self.main.load(Ordering::Relaxed).as_ref() }.unwrap_or(self)
    }

    pub(crate) fn is_main(&self) -> bool {
        self.main.load(Ordering::Relaxed).is_null()
    }

    /// The heap's theaps; none for the first heap, whose theaps are those of the threads.
    pub(crate) fn theaps(&self) -> impl Iterator<Item = *mut Theap> {
        let mut next = self.theaps.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            let theap = next;
            if theap.is_null() {
                return None;
            }
            // SAFETY: theaps are never unmapped; the link was written before the theap was listed.
            next = unsafe { (*theap).sibling };
            Some(theap)
        })
    }

    /// The calling thread's part of the heap, made if there is none.
    #[inline]
    pub(crate) fn theap_here(&'static self) -> Option<*mut Theap> {
        let default = thread::theap();
        // SAFETY: a thread has a default theap at all times.
        unsafe {
            if ptr::eq(Theap::heap(default), self) {
                return Some(default);
            }
            let default = if Theap::is_none(default) { thread::theap_for_alloc()? } else { default };
            let thread = Theap::thread(default);
            if ptr::eq(self, &raw const MAIN) {
                return Some(thread);
            }
            let serial = self.serial();
            Theap::bond(thread, serial).or_else(|| self.bind(thread, serial))
        }
    }

    /// # Safety
    /// `thread` is the calling thread's own theap, without a theap of this heap.
    #[cold]
    unsafe fn bind(&'static self, thread: *mut Theap, serial: u64) -> Option<*mut Theap> {
        // SAFETY: the heap lives, so its theaps are its own.
        unsafe {
            // Without it each try would leave one more theap in the list.
            if !Theap::make_room_for_bond(thread) {
                return None;
            }
            if let Some(theap) = self.theaps().find(|&theap| Theap::take_over(theap, serial, thread)) {
                return Some(theap);
            }
            let theap = Theap::for_heap(self, serial, thread)?;
            self.list(theap);
            Theap::enter_bond(thread, serial, theap).then_some(theap)
        }
    }

    /// # Safety
    /// The caller uses the theap, which is in no heap's list.
    unsafe fn list(&self, theap: *mut Theap) {
        let mut first = self.theaps.load(Ordering::Relaxed);
        loop {
            // SAFETY: as the caller says; others see the theap from the exchange on.
            unsafe { (*theap).sibling = first };
            match self.theaps.compare_exchange_weak(first, theap, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(seen) => first = seen,
            }
        }
    }

    /// Ends the heap; what is still in use lives on in the main heap.
    ///
    /// # Safety
    /// It is not a main heap. Nobody allocates from it, now or later, or frees into it at this moment.
    pub(crate) unsafe fn delete(&'static self) {
        self.leave();
        let main = self.main();
        let first = ptr::eq(main, &raw const MAIN);
        // SAFETY: nobody uses the theaps any more; with their ties cut, threads that end do not either.
        unsafe {
            self.each_cut(|theap| {
                if first {
                    Theap::disperse(theap);
                    Theap::retire(theap);
                } else if Theap::end_unused_pages(theap) {
                    Theap::retire(theap);
                } else if let Some(heir) = main.theap_here() {
                    Theap::bequeath(theap, heir);
                    Theap::retire(theap);
                } else {
                    // No memory for one more theap: then this one serves.
                    Theap::join(theap, main, main.serial());
                    main.list(theap);
                }
            });
            RECORDS.release(self.number.load(Ordering::Relaxed));
        }
    }

    /// Ends the heap with all its blocks.
    ///
    /// # Safety
    /// It is not the first heap. Nobody uses it or any of its blocks, now or later.
    pub(crate) unsafe fn destroy(&'static self) {
        if self.keeps_blocks.load(Ordering::Relaxed) {
            // SAFETY: main heaps are made without this, so it is none. The rest is as the caller says.
            return unsafe { self.delete() };
        }
        self.leave();
        let is_copy = self.process.load(Ordering::Relaxed) != os::process_id();
        // SAFETY: nobody uses theaps or blocks any more.
        unsafe {
            self.each_cut(|theap| {
                Theap::destroy(theap, is_copy);
                Theap::retire(theap);
            });
            RECORDS.release(self.number.load(Ordering::Relaxed));
            Theap::follow_ebb(here::own());
        }
        arena::purge_if_due();
    }

    /// Makes it look as in the child of a fork.
    #[cfg(test)]
    pub(crate) fn look_copied(&self) {
        self.process.store(0, Ordering::Relaxed);
    }

    /// If this is the calling thread's default, the main heap of its sub-process is so from now on; that of the process, if this
    /// is one itself.
    fn leave(&'static self) {
        let default = thread::theap();
        // SAFETY: a thread has a default theap at all times.
        if ptr::eq(unsafe { Theap::heap(default) }, self) {
            thread::set_default(if self.is_main() { None } else { self.main().theap_here() });
        }
    }

    fn each_cut(&self, mut end: impl FnMut(*mut Theap)) {
        self.serial.store(0, Ordering::Relaxed);
        LIVE.sub(1);
        for theap in self.theaps() {
            // SAFETY: theaps are never unmapped.
            unsafe { (*theap).tie.cut() };
            end(theap);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::raw::{self, ThreadHeap};
    use crate::{Heap, SubProcess};

    #[test]
    fn a_heap_that_ends_leaves_its_sub_process_what_is_in_use_and_nothing_else() {
        let apart = SubProcess::new().expect("memory for one more heap");
        let theaps = || ThreadHeap::current().record().main().theaps().count();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(apart.add_current_thread());
                let one_heap = |keeps: bool| {
                    let heap = Heap::new().expect("memory for one more heap");
                    for size in [100, 5_000, 300_000] {
                        let p = heap.here().expect("memory for this thread's part").malloc(size);
                        if !keeps {
                            // SAFETY: the block is live and given up.
                            unsafe { raw::free(p) };
                        }
                    }
                    heap.delete();
                };
                (0..5).for_each(|_| one_heap(false));
                assert_eq!(theaps(), 1, "that of the thread");
                (0..5).for_each(|_| one_heap(true));
                assert_eq!(theaps(), 1, "that of the thread has what is left");
            });
        });
        // SAFETY: its only thread has ended.
        unsafe { apart.destroy() };
    }
}
