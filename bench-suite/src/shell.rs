//! Command lines that can be pasted into a shell.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A word as a shell takes it for one. What is no UTF-8 cannot be written into a text, and is shown as well as it can be.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().as_bytes();
    // No word of a command has a zero byte in it, which is all that cannot be quoted.
    let quoted = shlex::bytes::try_quote(word).unwrap_or(word.into());
    String::from_utf8_lossy(&quoted).into_owned()
}
