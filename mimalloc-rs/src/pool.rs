//! Records that outlive whoever uses them: numbered, never unmapped, and used again.

use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::arena;
use crate::geometry::SLICE_SIZE;
use crate::stack::IndexStack;
use crate::sync::{AtomicU32, AtomicU64};

/// A type whose values lie in a [`Pool`].
///
/// # Safety
/// A value may be made of zeros, and `link` is only touched atomically.
pub(crate) unsafe trait Pooled {
    /// Bytes set aside for a value; a power of two, at least its size and alignment.
    const PLACE: usize;
    /// The value's link in the list of those that are not in use. Nothing else of the value is looked at: its user may be writing it.
    ///
    /// # Safety
    /// The value was given out by a pool, so that it stays where it is.
    unsafe fn link<'a>(value: *mut Self) -> &'a AtomicU32;
}

/// Values of one type in up to `CHUNKS` slices; see the [module](self).
#[derive(Debug)]
pub(crate) struct Pool<T, const CHUNKS: usize> {
    /// Slices that hold values, in order of their numbers.
    chunks: [AtomicPtr<u8>; CHUNKS],
    /// The number of the next value that was never used.
    next: AtomicU32,
    /// Values that are not in use.
    idle: IndexStack,
    values: PhantomData<fn() -> T>,
}

impl<T: Pooled + 'static, const CHUNKS: usize> Pool<T, CHUNKS> {
    const PER_CHUNK: usize = SLICE_SIZE / T::PLACE;

    /// A pool without any value.
    pub(crate) const fn new() -> Self {
        const { assert!(size_of::<T>() <= T::PLACE && align_of::<T>() <= T::PLACE) };
        Self {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            next: AtomicU32::new(0),
            idle: IndexStack::new(AtomicU64::new(0)),
            values: PhantomData,
        }
    }

    /// A value for the caller, and its number: zeros, or what its last user left. `None` when the
    /// system refuses memory, or too many are in use.
    pub(crate) fn acquire(&self) -> Option<(u32, *mut T)> {
        // SAFETY: numbers in the stack were given out.
        if let Some(number) = self.idle.pop(|number| unsafe { T::link(self.place(number)) }) {
            return Some((number, self.place(number)));
        }
        let mut number = self.next.load(Ordering::Relaxed);
        loop {
            self.ensure_chunk(number as usize / Self::PER_CHUNK)?;
            match self.next.compare_exchange_weak(number, number + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some((number, self.place(number))),
                Err(seen) => number = seen,
            }
        }
    }

    /// Takes a value back.
    ///
    /// # Safety
    /// It was acquired under this number, and its user does not touch it any more.
    pub(crate) unsafe fn release(&self, number: u32) {
        // SAFETY: the number was given out.
        self.idle.push(number, unsafe { T::link(self.place(number)) });
    }

    /// Where the value with this number lies. The number must have been given out.
    #[inline]
    pub(crate) fn place(&self, number: u32) -> *mut T {
        let number = number as usize;
        let chunk = self.chunks[number / Self::PER_CHUNK].load(Ordering::Acquire);
        // SAFETY: the number was given out, so its chunk is there and has this many places.
        unsafe { chunk.add(number % Self::PER_CHUNK * T::PLACE).cast() }
    }

    /// The same for a number that was read where nothing orders it behind the value's being given out. `None` if that is not seen
    /// yet.
    #[inline]
    pub(crate) fn find(&self, number: u32) -> Option<*mut T> {
        (number < self.next.load(Ordering::Acquire)).then(|| self.place(number))
    }

    /// All values that were ever given out, those not in use included.
    pub(crate) fn all(&self) -> impl Iterator<Item = *mut T> + '_ {
        (0..self.next.load(Ordering::Acquire)).map(|number| self.place(number))
    }

    fn ensure_chunk(&self, chunk: usize) -> Option<()> {
        let slot = self.chunks.get(chunk)?;
        if !slot.load(Ordering::Acquire).is_null() {
            return Some(());
        }
        let run = arena::allocate(1, SLICE_SIZE)?;
        run.first.owner().set(arena::OWNER_NOT_A_PAGE);
        let start = run.first.start();
        // SAFETY: the slice was taken above, and nobody knows of it yet.
        unsafe {
            if !run.zero {
                start.write_bytes(0, SLICE_SIZE);
            }
            if slot.compare_exchange(ptr::null_mut(), start, Ordering::AcqRel, Ordering::Acquire).is_err() {
                arena::release(run.first, 1);
            }
        }
        Some(())
    }
}
