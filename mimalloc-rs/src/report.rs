//! What goes wrong, told to whoever listens.

use core::fmt;

/// The kinds of error the allocator reports; the values are those of C's `errno`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// A block was freed twice.
    DoubleFree = libc::EAGAIN,
    /// The allocator's lists or a block's padding were overwritten.
    Corrupted = libc::EFAULT,
    /// The system gives no more memory.
    OutOfMemory = libc::ENOMEM,
    /// A size beyond every limit.
    TooLarge = libc::EOVERFLOW,
    /// A pointer that is no live block of this allocator.
    InvalidPointer = libc::EINVAL,
}

/// Reports an error: the message goes to the output, then the registered handler is called.
#[cold]
#[inline(never)]
pub(crate) fn error(kind: ErrorKind, message: fmt::Arguments<'_>) {
    if matches!(kind, ErrorKind::OutOfMemory | ErrorKind::TooLarge) {
        return;
    }
    if let Some(text) = message.as_str() {
        crate::os::complain(text);
    }
}
