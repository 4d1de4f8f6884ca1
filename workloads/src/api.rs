//! How a port asks for memory: one trait, static dispatch, nothing between port and allocator.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

use crate::fatal::fatal;
use crate::protocol::Counts;

/// A request for a block: a size that is not zero, and the alignment its contents need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request(Layout);

impl Request {
    /// A byte buffer. Its alignment is 1, so that the system allocator takes `malloc` for
    /// it however small it is.
    #[inline]
    pub const fn bytes(size: usize) -> Request {
        Request::aligned(size, 1)
    }

    /// `count` values of type `T` side by side.
    #[inline]
    pub const fn array<T>(count: usize) -> Request {
        match count.checked_mul(size_of::<T>()) {
            Some(size) => Request::aligned(size, align_of::<T>()),
            None => panic!("a block cannot be larger than the address space"),
        }
    }

    /// `size` bytes at a multiple of `align`, which is a power of two.
    #[inline]
    pub const fn aligned(size: usize, align: usize) -> Request {
        assert!(size != 0, "a block has at least one byte");
        match Layout::from_size_align(size, align) {
            Ok(layout) => Request(layout),
            Err(_) => panic!("a block cannot be larger than the address space"),
        }
    }

    /// The number of bytes asked for.
    #[inline]
    pub const fn size(self) -> usize {
        self.0.size()
    }

    /// Size and alignment.
    #[inline]
    pub const fn layout(self) -> Layout {
        self.0
    }
}

/// An allocator as a port sees it.
///
/// Every fresh pointer and every pointer about to be freed passes through
/// [`black_box`]: the compiler is allowed to delete a matching pair of calls it can see
/// through, and these calls are the benchmark.
///
/// # Safety
/// `alloc` and `alloc_zeroed` return a block of at least the requested size and alignment
/// that overlaps no other live block, and do not return when there is none.
pub unsafe trait Api: 'static {
    /// Whether the counts below are kept; a port may spend memory on bookkeeping for
    /// [`free_foreign`](Api::free_foreign) only then.
    const COUNTS: bool = false;

    /// Whether the counts are those of the whole process, so that they have what crates ask for.
    const WHOLE_PROCESS: bool = false;

    /// A block whose contents are not initialised.
    fn alloc(request: Request) -> NonNull<u8>;

    /// A block of zeroes.
    fn alloc_zeroed(request: Request) -> NonNull<u8>;

    /// Gives a block back.
    ///
    /// # Safety
    /// `block` came from this `Api` for the same request and was not freed since.
    unsafe fn free(block: NonNull<u8>, request: Request);

    /// [`free`](Api::free) for a block the port knows to be another thread's.
    ///
    /// # Safety
    /// As for [`free`](Api::free).
    #[inline]
    unsafe fn free_foreign(block: NonNull<u8>, request: Request) {
        // SAFETY: the caller keeps the contract of `free`.
        unsafe { Self::free(block, request) }
    }

    /// Makes a block larger or smaller, perhaps at another address; what fits is kept.
    ///
    /// # Safety
    /// `block` came from this `Api` for the request `old` and was not freed since; it is gone
    /// afterwards. `size` is not zero and can be asked for at the old alignment.
    #[inline]
    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        let moved = Self::alloc(Request::aligned(size, old.layout().align()));
        // SAFETY: both blocks have as many bytes as the smaller one, and the old one is freed with its request.
        unsafe {
            moved.copy_from_nonoverlapping(block, size.min(old.size()));
            Self::free(block, old);
        }
        moved
    }

    /// What the calling thread asked for since it last called this.
    fn take_counts() -> Counts {
        Counts::default()
    }

    /// Adds the counts of a thread that ended to those of the caller.
    fn add_counts(_of_another_thread: Counts) {}
}

/// Whatever the binary declares as its `#[global_allocator]`.
#[derive(Debug, Clone, Copy)]
pub struct Global;

// SAFETY: the global allocator's contract is the one asked for; null never gets out.
unsafe impl Api for Global {
    #[inline]
    fn alloc(request: Request) -> NonNull<u8> {
        // SAFETY: a `Request` is never of size zero.
        checked(unsafe { std::alloc::alloc(request.layout()) }, request)
    }

    #[inline]
    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        // SAFETY: a `Request` is never of size zero.
        checked(unsafe { std::alloc::alloc_zeroed(request.layout()) }, request)
    }

    #[inline]
    unsafe fn free(block: NonNull<u8>, request: Request) {
        // SAFETY: the caller hands back a live block with the request it was made for.
        unsafe { std::alloc::dealloc(black_box(block.as_ptr()), request.layout()) }
    }

    #[inline]
    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        let block = black_box(block.as_ptr());
        // SAFETY: the caller hands over a live block with its request, and a size that can be asked for.
        let moved = unsafe { std::alloc::realloc(block, old.layout(), size) };
        checked(moved, Request::aligned(size, old.layout().align()))
    }
}

/// The C library's `malloc`, or whatever is preloaded over it.
#[derive(Debug, Clone, Copy)]
pub struct Libc;

// SAFETY: `malloc` and `calloc` align for every request a port makes (at most 16), and null
// never gets out.
unsafe impl Api for Libc {
    #[inline]
    fn alloc(request: Request) -> NonNull<u8> {
        debug_assert!(request.layout().align() <= 16);
        // SAFETY: any size may be asked for.
        checked(unsafe { libc::malloc(request.size()) }.cast(), request)
    }

    #[inline]
    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        debug_assert!(request.layout().align() <= 16);
        // SAFETY: any size may be asked for.
        checked(unsafe { libc::calloc(1, request.size()) }.cast(), request)
    }

    #[inline]
    unsafe fn free(block: NonNull<u8>, _request: Request) {
        // SAFETY: the caller hands back a live block of this allocator.
        unsafe { libc::free(black_box(block.as_ptr()).cast()) }
    }

    #[inline]
    unsafe fn realloc(block: NonNull<u8>, old: Request, size: usize) -> NonNull<u8> {
        // SAFETY: the caller hands over a live block of this allocator.
        let moved = unsafe { libc::realloc(black_box(block.as_ptr()).cast(), size) };
        checked(moved.cast(), Request::aligned(size, old.layout().align()))
    }
}

#[inline]
fn checked(block: *mut u8, request: Request) -> NonNull<u8> {
    match NonNull::new(black_box(block)) {
        Some(block) => block,
        None => out_of_memory(request.size()),
    }
}

#[cold]
#[inline(never)]
fn out_of_memory(size: usize) -> ! {
    fatal(format_args!("out of memory: the allocator refused a block of {size} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<A: Api>() {
        for size in [1, 7, 8, 46, 4096, 168_524] {
            let request = Request::bytes(size);
            let block = A::alloc_zeroed(request);
            // SAFETY: the block has `size` bytes, zeroed.
            unsafe {
                assert_eq!(block.add(size - 1).read(), 0);
                block.write_bytes(0xa5, size);
                A::free(block, request);
            }
            let block = A::alloc(request);
            // SAFETY: the block has `size` bytes and is freed once.
            unsafe {
                block.write_bytes(1, size);
                A::free_foreign(block, request);
            }
        }
        let block = A::alloc(Request::bytes(3));
        // SAFETY: the block has 3 bytes at first, then 5000, then 2, and is freed once with its last size.
        unsafe {
            block.write_bytes(7, 3);
            let larger = A::realloc(block, Request::bytes(3), 5_000);
            larger.add(3).write_bytes(7, 4_997);
            let smaller = A::realloc(larger, Request::bytes(5_000), 2);
            assert_eq!([smaller.read(), smaller.add(1).read()], [7, 7]);
            A::free(smaller, Request::bytes(2));
        }
    }

    #[test]
    fn every_api_gives_usable_blocks() {
        round_trip::<Global>();
        round_trip::<Libc>();
    }

    #[test]
    #[should_panic(expected = "at least one byte")]
    fn empty_requests_are_refused() {
        let _ = Request::bytes(0);
    }
}
