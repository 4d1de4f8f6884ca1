//! Looking at blocks byte by byte.

use mimalloc_rs::raw;

/// Bytes that can be used at `p`, a live block.
pub(crate) fn usable(p: *mut u8) -> usize {
    // SAFETY: the callers hold the block.
    unsafe { raw::usable_size(p) }
}

/// Frees `p`, a live block, which may not cause an error.
pub(crate) fn free(p: *mut u8) {
    // SAFETY: the callers hold the block and give it up.
    crate::support::errors::without_error(|| unsafe { raw::free(p) });
}

/// The first `size` bytes of a live block.
pub(crate) fn bytes<'a>(p: *mut u8, size: usize) -> &'a [u8] {
    assert!(!p.is_null());
    // SAFETY: the callers hold the block, have written it or had it zeroed, and look at it at once.
    unsafe { std::slice::from_raw_parts(p, size) }
}

/// Writes to all that can be used of a live block, differently at each place.
pub(crate) fn fill(p: *mut u8, seed: usize) {
    for at in 0..usable(p) {
        // SAFETY: the callers hold the block, which has this many bytes.
        unsafe { p.add(at).write(expected(seed, at)) };
    }
}

/// Panics unless the first `size` bytes are what [`fill`] wrote.
pub(crate) fn check(p: *mut u8, seed: usize, size: usize) {
    let wrong = bytes(p, size).iter().enumerate().position(|(at, &byte)| byte != expected(seed, at));
    assert_eq!(wrong, None, "contents of {size} bytes");
}

/// Panics unless all that can be used of a live block is zero.
pub(crate) fn check_zero(p: *mut u8) {
    let wrong = bytes(p, usable(p)).iter().position(|&byte| byte != 0);
    assert_eq!(wrong, None, "{} bytes are to be zero", usable(p));
}

/// Never zero.
fn expected(seed: usize, at: usize) -> u8 {
    ((seed * 31 + at * 7) % 255 + 1) as u8
}
