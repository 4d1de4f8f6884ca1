//! Allocation as C knows it: sizes instead of layouts, null instead of an error.
//!
//! Plain blocks have the alignment C asks for: 16 bytes above 8 bytes of size, 8 up to there. A size of zero yields a
//! block of its own. Blocks may be freed, resized and measured in any thread.
//!
//! ```
//! use mimalloc_rs::raw::{self, ThreadHeap};
//!
//! let p = ThreadHeap::current().malloc(100);
//! // SAFETY: `p` is a live block, given up by the last line.
//! unsafe {
//!     assert!(!p.is_null() && raw::usable_size(p) >= 100);
//!     raw::free(p);
//! }
//! ```
//!
//! # Errors
//!
//! Where null says that there is no block, the [error function](crate::hooks::register_error) was told once: that the
//! size is [too large](crate::ErrorKind::TooLarge) if size and alignment together exceed `isize::MAX` bytes, that the
//! process is [out of memory](crate::ErrorKind::OutOfMemory) otherwise. An alignment that is no power of two yields
//! null without an error, and so do [`ThreadHeap::malloc_at_hand`] and [`expand`]. To resize what is no block is null and an
//! [invalid pointer](crate::ErrorKind::InvalidPointer).

mod request;

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use self::request::Request;
use crate::heap::{Heap, MAIN, Record};
use crate::theap::{Tally, Theap};
use crate::{alloc, arena, free, thread, usable};

/// A thread's part of a heap: where one thread allocates. Mimalloc's word is *theap*.
///
/// It belongs to the thread that asked for it and stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadHeap<'h> {
    theap: *mut Theap,
    heap: PhantomData<&'h Heap>,
}

impl ThreadHeap<'_> {
    pub(crate) const fn new(theap: *mut Theap) -> Self {
        Self { theap, heap: PhantomData }
    }

    /// The one the calling thread allocates from by default. Before the thread's first block it has none yet: the
    /// handle works, but one that is asked for later is faster.
    #[inline(always)]
    #[must_use]
    pub fn current() -> Self {
        Self::new(thread::theap())
    }

    /// A block of at least `size` bytes; null when there is no memory.
    #[inline(always)]
    #[must_use]
    pub fn malloc(self, size: usize) -> *mut u8 {
        // SAFETY: the theap is the calling thread's: the type does not leave it.
        let block = unsafe { alloc::allocate(self.theap, size, 1) };
        if block.is_null() {
            return self.last_resort(Request::plain(size));
        }
        block
    }

    /// A small block if one is at hand, null otherwise: what [`malloc`](Self::malloc) tries first. It calls nothing, so
    /// an entry point that goes on to `malloc` in another function needs no stack frame of its own.
    #[inline(always)]
    #[must_use]
    pub fn malloc_at_hand(self, size: usize) -> *mut u8 {
        // SAFETY: the theap is the calling thread's: the type does not leave it.
        unsafe { alloc::at_hand(self.theap, size, 1) }
    }

    /// As [`malloc`](Self::malloc); every byte of the block reads as zero, those beyond `size` included.
    ///
    /// ```
    /// use mimalloc_rs::raw::{self, ThreadHeap};
    ///
    /// let here = ThreadHeap::current();
    /// let p = here.zalloc(10);
    /// // SAFETY: `p` is a live block until it is given up for `q`, and `q` until it is freed.
    /// unsafe {
    ///     p.write(7);
    ///     let q = here.rezalloc(p, 1000);
    ///     assert_eq!((q.read(), q.add(999).read()), (7, 0));
    ///     raw::free(q);
    /// }
    /// ```
    #[inline]
    #[must_use]
    pub fn zalloc(self, size: usize) -> *mut u8 {
        let block = self.malloc_at_hand(size);
        if !block.is_null() {
            // SAFETY: the block is fresh, and of the class of this size.
            unsafe { block.write_bytes(0, usable::block_size(size, 1)) };
            return block;
        }
        self.allocate(Request { zero: true, ..Request::plain(size) })
    }

    /// A block of at least `size` bytes whose byte at `offset` lies at a multiple of `align`; null when `align` is not
    /// a power of two or there is no memory. `offset` may lie behind the block. All three are in bytes.
    ///
    /// ```
    /// use mimalloc_rs::raw::{self, ThreadHeap};
    ///
    /// // What lies behind a header of 8 bytes starts a cache line.
    /// let p = ThreadHeap::current().malloc_aligned_at(100, 64, 8);
    /// assert!((p.addr() + 8).is_multiple_of(64));
    /// // SAFETY: `p` is a live block, given up here.
    /// unsafe { raw::free(p) };
    /// ```
    #[inline]
    #[must_use]
    pub fn malloc_aligned_at(self, size: usize, align: usize, offset: usize) -> *mut u8 {
        self.allocate_aligned(Request { size, align, offset, zero: false })
    }

    /// As [`malloc_aligned_at`](Self::malloc_aligned_at), zeroed as by [`zalloc`](Self::zalloc).
    #[inline]
    #[must_use]
    pub fn zalloc_aligned_at(self, size: usize, align: usize, offset: usize) -> *mut u8 {
        self.allocate_aligned(Request { size, align, offset, zero: true })
    }

    /// Makes the block at `p` hold `size` bytes, moving it if it must. Null when there is no memory: `p` is still live
    /// then. A null `p` stands for a block of no size. The block moves to this heap if it lies in another. With a
    /// `size` of zero it is exchanged for a block of no size.
    ///
    /// ```
    /// use mimalloc_rs::raw::{self, ThreadHeap};
    ///
    /// let here = ThreadHeap::current();
    /// let p = here.malloc(100);
    /// // SAFETY: `p` is a live block: null gives it back.
    /// unsafe {
    ///     assert!(here.realloc(p, usize::MAX).is_null());
    ///     raw::free(p);
    /// }
    /// ```
    ///
    /// # Safety
    /// `p` is null or a live block of this allocator, which the caller gives up for the result unless that is null.
    #[inline]
    #[must_use]
    pub unsafe fn realloc(self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller says; null leaves the block as it was.
        unsafe {
            let block =
                if p.is_null() { self.malloc_at_hand(size) } else { self.reallocate_at_home(p, size) };
            if block.is_null() { self.reallocate(p, Request::plain(size)) } else { block }
        }
    }

    /// As [`realloc`](Self::realloc); what the block gains over its [usable size](usable_size) reads as zero, if all
    /// that it was and is was allocated zeroed. What it loses within its usable size is still there when it grows.
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    #[inline]
    #[must_use]
    pub unsafe fn rezalloc(self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: as the caller says.
        unsafe { self.reallocate(p, Request { zero: true, ..Request::plain(size) }) }
    }

    /// As [`realloc`](Self::realloc), aligned as by [`malloc_aligned_at`](Self::malloc_aligned_at).
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    #[inline]
    #[must_use]
    pub unsafe fn realloc_aligned_at(self, p: *mut u8, size: usize, align: usize, offset: usize) -> *mut u8 {
        // SAFETY: as the caller says.
        unsafe { self.reallocate_aligned(p, Request { size, align, offset, zero: false }) }
    }

    /// As [`rezalloc`](Self::rezalloc), aligned as by [`malloc_aligned_at`](Self::malloc_aligned_at).
    ///
    /// # Safety
    /// As for [`realloc`](Self::realloc).
    #[inline]
    #[must_use]
    pub unsafe fn rezalloc_aligned_at(self, p: *mut u8, size: usize, align: usize, offset: usize) -> *mut u8 {
        // SAFETY: as the caller says.
        unsafe { self.reallocate_aligned(p, Request { size, align, offset, zero: true }) }
    }

    /// Makes this the one that the calling thread allocates from by default, and returns the one before. That of a
    /// heap that ends is replaced by that of the main heap, or of its [sub-process](crate::SubProcess)'s, in the thread that ends it.
    ///
    /// ```
    /// use mimalloc_rs::{Heap, raw::ThreadHeap};
    ///
    /// let heap = Heap::new().expect("memory for one more heap");
    /// // SAFETY: no other thread knows of the heap.
    /// unsafe { heap.here().expect("memory for this thread's part").set_default() };
    /// assert!(heap.contains(ThreadHeap::current().malloc(100)));
    /// heap.destroy();
    /// ```
    ///
    /// # Safety
    /// The heap does not end while it is this thread's default, unless this thread ends it, and not while a handle of it
    /// that came from [`current`](Self::current) is used.
    pub unsafe fn set_default(self) -> ThreadHeap<'static> {
        let before = ThreadHeap::current();
        // SAFETY: the theap is the calling thread's.
        unsafe {
            if !Theap::is_none(self.theap) {
                thread::set_default(Some(self.theap));
            }
        }
        before
    }

    /// The heap this is a part of, as a pointer for [`Heap::from_raw`](crate::Heap::from_raw).
    #[must_use]
    pub fn heap(self) -> NonNull<c_void> {
        NonNull::from(self.record()).cast()
    }

    /// Has one in `rate` of this thread heap's allocations end right before a guard, in builds with the crate feature
    /// `secure`; no effect in others. With zero none does. `seed` says which allocation comes first; zero leaves that
    /// to chance.
    pub fn set_guarded_rate(self, rate: u32, seed: usize) {
        #[cfg(feature = "secure")]
        self.with_sampling(|sampling| sampling.set_rate(rate, seed));
        let _ = (rate, seed);
    }

    /// Guards blocks of `min` to `max` bytes only; see [`set_guarded_rate`](Self::set_guarded_rate).
    pub fn set_guarded_sizes(self, min: usize, max: usize) {
        #[cfg(feature = "secure")]
        self.with_sampling(|sampling| sampling.set_sizes(min, max));
        let _ = (min, max);
    }

    #[cfg(feature = "secure")]
    fn with_sampling(self, set: impl FnOnce(&mut crate::guarded::Sampling)) {
        // SAFETY: the theap is the calling thread's.
        unsafe {
            if !Theap::is_none(self.theap) {
                set(&mut *Theap::sampling(self.theap));
            }
        }
    }

    /// The same handle as a pointer, which is null for a thread that has not allocated yet.
    #[must_use]
    pub fn into_raw(self) -> *mut c_void {
        // SAFETY: the theap is the calling thread's.
        if unsafe { Theap::is_none(self.theap) } { ptr::null_mut() } else { self.theap.cast() }
    }

    /// The handle that [`into_raw`](Self::into_raw) made a pointer of. Null stands for the calling thread's default.
    ///
    /// # Safety
    /// The pointer comes from there, in this thread, and the heap has not ended since.
    #[must_use]
    pub unsafe fn from_raw(p: *mut c_void) -> Self {
        Self::new(if p.is_null() { thread::theap() } else { p.cast() })
    }

    /// Gives back what this thread's part of the heap keeps without need; see
    /// [`MiMalloc::collect`](crate::MiMalloc::collect).
    pub fn collect(self, force: bool) {
        // SAFETY: the theap is the calling thread's; those that own nothing are left alone.
        unsafe {
            if !Theap::is_none(self.theap) {
                Theap::beat(self.theap, force);
                Theap::collect(self.theap, false);
            }
        }
        if force {
            arena::purge_now();
        } else {
            arena::purge_if_due();
        }
    }

    /// The heap this is a part of. Threads that have not allocated yet have none, and will get the main one.
    pub(crate) fn record(self) -> &'static Record {
        // SAFETY: the theap is the calling thread's; records are never unmapped.
        unsafe { Theap::heap(self.theap).as_ref() }.unwrap_or(&MAIN)
    }

    /// Puts blocks that are kept to allocate from back, where they do not count as in use. Gives the owner word of the pages;
    /// `None` if there can be none.
    pub(crate) fn settle(self) -> Option<u32> {
        // SAFETY: the theap is the calling thread's.
        unsafe {
            if Theap::is_none(self.theap) {
                return None;
            }
            Theap::settle(self.theap);
            Some(Theap::id(self.theap))
        }
    }

    pub(crate) fn tally(self) -> Tally {
        // SAFETY: the theap is the calling thread's.
        unsafe { Theap::tally(self.theap) }
    }
}

/// Ends the calling thread's part in all heaps, as its end would: its pages go to whoever needs them next. Allocating
/// begins a new part. In a [deferred-free function](crate::hooks::register_deferred_free) it does nothing.
///
/// ```
/// # use mimalloc_rs::raw;
/// // SAFETY: this thread has no handle.
/// unsafe { raw::thread_done() };
/// ```
///
/// # Safety
/// No [`ThreadHeap`] of the thread is used any more.
pub unsafe fn thread_done() {
    thread::end();
}

/// Frees a block. Null is nothing to free; a pointer that is no block is reported as
/// [invalid](crate::ErrorKind::InvalidPointer) and left alone, as far as it can be told from one: one into the middle of a
/// block can with the crate features `debug` and `secure` only.
///
/// # Safety
/// `p` is null or a live block of this allocator, which the caller gives up, and nobody ends its heap meanwhile.
#[inline(always)]
pub unsafe fn free(p: *mut u8) {
    // SAFETY: as the caller says.
    unsafe { free::free(p) }
}

/// Bytes that can be used at `p`, at least what was asked for; zero for null and for what is no block of this
/// allocator. With the crate feature `debug`, exactly what was asked for.
///
/// # Safety
/// `p` is null, a live block of this allocator, or no pointer into its memory at all.
#[inline]
#[must_use]
pub unsafe fn usable_size(p: *const u8) -> usize {
    // SAFETY: as the caller says.
    unsafe { usable::usable_size(p) }
}

/// Makes the block at `p` hold `size` bytes where it is: `p` again, or null when that is not possible, which is no
/// error and leaves the block as it was. What it gains has any contents. It never shrinks.
///
/// ```
/// use mimalloc_rs::raw::{self, ThreadHeap};
///
/// let p = ThreadHeap::current().malloc(100);
/// // SAFETY: `p` is a live block, given up by the last line.
/// unsafe {
///     assert_eq!(raw::expand(p, raw::usable_size(p)), p);
///     raw::free(p);
/// }
/// ```
///
/// # Safety
/// `p` is null or a live block of this allocator.
#[must_use]
pub unsafe fn expand(p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        let fits = |found| size <= usable::usable_size_found(found, p) || alloc::resize_found(found, p, size);
        if request::find_block(p).is_some_and(fits) { p } else { ptr::null_mut() }
    }
}
