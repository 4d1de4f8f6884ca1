//! First-class heaps: a part of the program's memory that can end in one go.

mod record;
mod subprocess;
mod visit;

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use crate::arena::Arena;
use crate::raw::ThreadHeap;
use crate::theap::Theap;
pub(crate) use record::{LIVE, MAIN, Plan, Record};
pub use subprocess::SubProcess;
pub use visit::Area;

/// A heap of its own: its blocks share pages with no other, and all of them can be freed at once.
///
/// Any thread may allocate from it, and blocks may be freed by any thread. As `&Heap` it is an
/// [`Allocator`](allocator_api2::alloc::Allocator) for collections, which the borrow keeps from outliving it.
///
/// Dropping a heap deletes it: see [`delete`](Self::delete).
///
/// ```
/// use allocator_api2::vec::Vec;
/// use mimalloc_rs::Heap;
///
/// let heap = Heap::new().expect("memory for one more heap");
/// let mut numbers = Vec::new_in(&heap);
/// numbers.extend(0..1000);
/// assert!(heap.contains(numbers.as_ptr()));
/// std::mem::forget(numbers); // no need to free each by itself:
/// heap.destroy();
/// ```
#[derive(Debug)]
#[repr(transparent)]
pub struct Heap {
    record: &'static Record,
}

impl Heap {
    /// A new heap. `None` when the system refuses memory or there are too many heaps.
    #[must_use]
    pub fn new() -> Option<Self> {
        Self::with(Plan { main: Some(Self::current_main()), ..Plan::default() })
    }

    /// As [`new`](Self::new); to destroy this heap means to delete it.
    ///
    /// ```
    /// use mimalloc_rs::{Heap, raw};
    ///
    /// let heap = Heap::new_keeping_blocks().expect("memory for one more heap");
    /// let p = heap.here().expect("memory for this thread's part").malloc(100);
    /// heap.destroy();
    /// assert!(Heap::main().contains(p));
    /// // SAFETY: `p` is a live block, given up here.
    /// unsafe { raw::free(p) };
    /// ```
    #[must_use]
    pub fn new_keeping_blocks() -> Option<Self> {
        Self::with(Plan { main: Some(Self::current_main()), keeps_blocks: true, ..Plan::default() })
    }

    /// A new heap that takes memory from `arena` only. With `keeps_blocks`, to destroy it means to delete it. `None`
    /// when the system refuses memory or there are too many heaps.
    #[must_use]
    pub fn new_in(arena: Arena, keeps_blocks: bool) -> Option<Self> {
        Self::with(Plan { main: Some(Self::current_main()), arena: Some(arena.region()), keeps_blocks })
    }

    pub(crate) fn with(plan: Plan) -> Option<Self> {
        Record::create(plan).map(|record| Self { record })
    }

    /// The main heap of the calling thread's sub-process.
    pub(crate) fn current_main() -> &'static Record {
        ThreadHeap::current().record().main()
    }

    /// The heap behind [`MiMalloc`](crate::MiMalloc). It never ends.
    #[must_use]
    pub fn main() -> &'static Self {
        static HEAP: Heap = Heap { record: &MAIN };
        &HEAP
    }

    /// The heap that holds `p`, which may be any pointer: `None` if it lies in no heap's page. The heap may end at any
    /// time if another thread owns it, so this is a pointer for [`from_raw`](Self::from_raw).
    #[must_use]
    pub fn of<T>(p: *const T) -> Option<NonNull<c_void>> {
        Record::of(p.cast()).map(|record| NonNull::from(record).cast())
    }

    /// Whether `p` points into a page of this heap. Any pointer may be passed.
    #[must_use]
    pub fn contains<T>(&self, p: *const T) -> bool {
        Record::of(p.cast()).is_some_and(|record| ptr::eq(record, self.record))
    }

    /// The calling thread's part of the heap, to allocate from; `None` when the system refuses memory for it.
    ///
    /// ```
    /// use mimalloc_rs::{Heap, raw};
    ///
    /// let heap = Heap::new().expect("memory for one more heap");
    /// let p = heap.here().expect("memory for this thread's part").malloc(100);
    /// assert!(!p.is_null() && heap.contains(p));
    /// // SAFETY: `p` is a live block, given up here.
    /// unsafe { raw::free(p) };
    /// ```
    #[inline]
    #[must_use]
    pub fn here(&self) -> Option<ThreadHeap<'_>> {
        self.theap().map(ThreadHeap::new)
    }

    pub(crate) fn record(&self) -> &'static Record {
        self.record
    }

    #[inline]
    pub(crate) fn theap(&self) -> Option<*mut Theap> {
        self.record.theap_here()
    }

    /// Ends the heap and frees all its blocks, in time that depends on the number of its pages alone.
    ///
    /// Blocks that were allocated through `&Heap` as an allocator cannot be reached any more by then. A heap that was
    /// made to keep its blocks is deleted instead; a main heap, which [`from_raw`](Self::from_raw) can make a value of,
    /// is left alone.
    pub fn destroy(self) {
        let heap = ManuallyDrop::new(self);
        if heap.is_main() {
            return;
        }
        // SAFETY: the heap was owned, and borrowed by nobody; to touch a block by a raw pointer from now on is
        // the fault of whoever does.
        unsafe { heap.record.destroy() }
    }

    /// Ends the heap; blocks that are still in use live on in the main heap, or that of its [sub-process](SubProcess).
    pub fn delete(self) {
        drop(self);
    }

    /// The heap as a pointer for [`from_raw`](Self::from_raw); it does not end.
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        NonNull::from(ManuallyDrop::new(self).record).cast()
    }

    /// The heap that [`into_raw`](Self::into_raw) or [`of`](Self::of) named.
    ///
    /// ```
    /// use mimalloc_rs::Heap;
    ///
    /// let pointer = Heap::new().expect("memory for one more heap").into_raw();
    /// // SAFETY: the heap has not ended, and this is the only value.
    /// let heap = unsafe { Heap::from_raw(pointer) };
    /// heap.delete();
    /// ```
    ///
    /// # Safety
    /// The heap has not ended, and of all the values made from its pointer only one is dropped or consumed.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(heap: NonNull<c_void>) -> Self {
        // SAFETY: records are never unmapped.
        Self { record: unsafe { heap.cast().as_ref() } }
    }

    /// Whether this is the main heap of the process or of a sub-process.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.record.is_main()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        if !self.is_main() {
            // SAFETY: the heap was owned, and borrowed by nobody.
            unsafe { self.record.delete() }
        }
    }
}
