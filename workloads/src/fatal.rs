//! The end of a worker that cannot go on, without a heap.

use std::fmt;
use std::io::Write;

/// Writes one line to standard error and ends the process with code 1. Nothing here
/// allocates: the allocator may be what failed.
#[cold]
#[inline(never)]
pub(crate) fn fatal(reason: fmt::Arguments<'_>) -> ! {
    let mut line = [0_u8; 256];
    let mut rest = &mut line[..];
    // A line that does not fit is cut; there is nobody else to tell.
    let _ = writeln!(rest, "{reason}");
    let unused = rest.len();
    let used = line.len() - unused;
    // SAFETY: the buffer is live and its first `used` bytes are written.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), used);
        libc::_exit(1)
    }
}
