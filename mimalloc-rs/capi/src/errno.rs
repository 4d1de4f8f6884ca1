//! C's error number of the calling thread.

/// Sets it.
#[cold]
#[inline(never)]
pub(crate) fn set(code: i32) {
    // SAFETY: the location is the calling thread's own, and valid for as long as it lives.
    unsafe { *libc::__errno_location() = code };
}

/// The block, after saying `ENOMEM` if there is none: what the standards ask of `malloc` and its like.
#[inline(always)]
pub(crate) fn or_no_memory(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        set(libc::ENOMEM);
    }
    block
}
