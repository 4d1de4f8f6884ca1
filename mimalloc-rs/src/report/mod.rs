//! What goes wrong, and what goes on, told to whoever listens.
//!
//! A message is one line. It is formatted into a buffer on the stack and goes to the registered output
//! function, or to standard error while there is none. Nothing here allocates, waits or changes `errno`.

mod early;
mod guard;
mod line;
mod output;
mod policy;

use core::fmt;

pub use output::OutputWriter;
pub(crate) use output::{Output, replay_to_registered};

use crate::hooks;
use crate::os::KeptErrno;
use line::Line;
use policy::{Kind, Limits, Policy};

/// The kinds of error the allocator reports; the values are those of C's `errno`.
///
/// ```
/// use mimalloc_rs::ErrorKind;
///
/// assert_eq!(ErrorKind::InvalidPointer.to_string(), "invalid pointer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl ErrorKind {
    /// The kind's `errno` value.
    ///
    /// ```
    /// use mimalloc_rs::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::from_code(ErrorKind::Corrupted.code()), Some(ErrorKind::Corrupted));
    /// ```
    #[must_use]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The kind with this `errno` value; `None` for values no error of the allocator has.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            libc::EAGAIN => Self::DoubleFree,
            libc::EFAULT => Self::Corrupted,
            libc::ENOMEM => Self::OutOfMemory,
            libc::EOVERFLOW => Self::TooLarge,
            libc::EINVAL => Self::InvalidPointer,
            _ => return None,
        })
    }
}

impl From<ErrorKind> for Kind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::DoubleFree | ErrorKind::Corrupted | ErrorKind::InvalidPointer => Self::Misuse,
            ErrorKind::OutOfMemory | ErrorKind::TooLarge => Self::Error,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoubleFree => "double free",
            Self::Corrupted => "corrupted heap",
            Self::OutOfMemory => "out of memory",
            Self::TooLarge => "size too large",
            Self::InvalidPointer => "invalid pointer",
        })
    }
}

impl core::error::Error for ErrorKind {}

static LIMITS: Limits = Limits::new();

/// Reports an error: the message goes to the output if errors of the kind are shown, then the registered
/// error function is called in any case.
#[cold]
#[inline(never)]
pub(crate) fn error(kind: ErrorKind, message: fmt::Arguments<'_>) {
    let _errno = KeptErrno::save();
    say(kind.into(), message);
    hooks::call_error(kind);
}

/// Tells of something that should not be so and does no harm.
#[cold]
#[inline(never)]
pub(crate) fn warning(message: fmt::Arguments<'_>) {
    let _errno = KeptErrno::save();
    say(Kind::Warning, message);
}

/// A warning that is shown unless the user wants none at all: somebody's wish was not understood.
#[cold]
#[inline(never)]
pub(crate) fn misunderstood(message: fmt::Arguments<'_>) {
    let _errno = KeptErrno::save();
    say(Kind::Misunderstood, message);
}

/// Tells what the allocator does, to those who asked.
#[cold]
#[inline(never)]
pub(crate) fn verbose(message: fmt::Arguments<'_>) {
    let _errno = KeptErrno::save();
    say(Kind::Verbose, message);
}

/// Tells every little thing, to those who asked twice.
#[cold]
#[inline(never)]
pub(crate) fn trace(message: fmt::Arguments<'_>) {
    let _errno = KeptErrno::save();
    say(Kind::Trace, message);
}

fn say(kind: Kind, message: fmt::Arguments<'_>) {
    if LIMITS.allow(kind, &Policy::current()) {
        output::emit(&mut Line::message(kind.prefix(), guard::other_thread(), message));
    }
}
