//! What people are told on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line. A reader that has seen enough, such as `head`, is no reason to stop: what is told is also on disk, or
/// in the exit code.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
