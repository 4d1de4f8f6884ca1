//! Sub-processes: threads and heaps that share no memory with the others.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::{Heap, MAIN, Plan, Record};
use crate::thread;

/// A part of the process whose threads allocate from a main heap of their own.
///
/// ```
/// use mimalloc_rs::{Heap, SubProcess, raw::{self, ThreadHeap}};
///
/// let apart = SubProcess::new().expect("memory for one more heap");
/// std::thread::scope(|threads| {
///     threads.spawn(|| {
///         assert!(apart.add_current_thread());
///         let p = ThreadHeap::current().malloc(100);
///         assert!(!Heap::main().contains(p));
///         // SAFETY: `p` is a live block, given up here.
///         unsafe { raw::free(p) };
///     });
/// });
/// // SAFETY: its only thread has ended.
/// unsafe { apart.destroy() };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SubProcess {
    main: &'static Record,
}

impl PartialEq for SubProcess {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.main, other.main)
    }
}

impl SubProcess {
    /// The one that threads are in which were not added to another.
    #[must_use]
    pub fn main() -> Self {
        Self { main: &MAIN }
    }

    /// The one the calling thread is in.
    #[must_use]
    pub fn current() -> Self {
        Self { main: Heap::current_main() }
    }

    /// A new one without threads. `None` when the system refuses memory, or there are too many heaps.
    #[must_use]
    pub fn new() -> Option<Self> {
        Record::create(Plan::default()).map(|main| Self { main })
    }

    /// From now on the calling thread allocates here, until it ends. False when the system refuses memory.
    #[must_use]
    pub fn add_current_thread(&self) -> bool {
        let theap = self.main.theap_here();
        if theap.is_some() {
            thread::set_default(theap);
        }
        theap.is_some()
    }

    /// Its main heap, as a pointer for [`Heap::from_raw`].
    ///
    /// ```
    /// use mimalloc_rs::SubProcess;
    ///
    /// assert_eq!(SubProcess::main().heaps().next(), Some(SubProcess::main().main_heap()));
    /// ```
    #[must_use]
    pub fn main_heap(&self) -> NonNull<c_void> {
        NonNull::from(self.main).cast()
    }

    /// Its main heap, which comes first, and all that were made by its threads, as pointers for [`Heap::from_raw`].
    ///
    /// ```
    /// use mimalloc_rs::{Heap, SubProcess};
    ///
    /// let heap = Heap::new().expect("memory for one more heap").into_raw();
    /// assert!(SubProcess::current().heaps().any(|other| other == heap));
    /// ```
    pub fn heaps(&self) -> impl Iterator<Item = NonNull<c_void>> {
        let main = self.main;
        let others = Record::all().filter(move |heap| !ptr::eq(*heap, main) && ptr::eq(heap.main(), main));
        core::iter::once(main).chain(others).map(|heap| NonNull::from(heap).cast())
    }

    /// Ends the sub-process with all its heaps and blocks. The first one is left alone.
    ///
    /// # Safety
    /// Its threads have ended, and nobody uses its heaps or their blocks any more.
    pub unsafe fn destroy(self) {
        if self == Self::main() {
            return;
        }
        // SAFETY: as the caller says.
        unsafe {
            for heap in Record::all().filter(|heap| !heap.is_main() && ptr::eq(heap.main(), self.main)) {
                heap.destroy();
            }
            self.main.destroy();
        }
    }

    /// The sub-process as a pointer for [`from_raw`](Self::from_raw).
    #[must_use]
    pub fn into_raw(self) -> NonNull<c_void> {
        NonNull::from(self.main).cast()
    }

    /// The sub-process that [`into_raw`](Self::into_raw) named.
    ///
    /// # Safety
    /// The pointer comes from there, and the sub-process was not destroyed.
    #[must_use]
    pub unsafe fn from_raw(p: NonNull<c_void>) -> Self {
        // SAFETY: records are never unmapped.
        Self { main: unsafe { p.cast().as_ref() } }
    }
}
