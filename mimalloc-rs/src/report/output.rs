//! Where lines go: to the registered output function; to standard error while there is none.
//!
//! Standard error is written to without libc's buffers, so it can be used at any time. What was written there
//! before a function is registered is kept for it too.

use core::ffi::c_void;
use core::fmt;

use super::early::Early;
use super::guard::{self, Entry};
use super::line::Line;
use crate::hooks::{self, OutputFn};
use crate::os::write_to_stderr;

/// Messages kept for an output function that is registered later.
static EARLY: Early<{ 16 * 1024 }> = Early::new();

/// Sends a line on its way.
pub(super) fn emit(line: &mut Line) {
    match guard::enter() {
        Entry::Inside(_inside) => match hooks::output() {
            Some(output) => output.call(line),
            None => {
                write_to_stderr(line.as_bytes());
                EARLY.append(line.as_bytes());
            }
        },
        Entry::Again => {}
        Entry::Full => write_to_stderr(line.as_bytes()),
    }
}

/// Passes to an output function what was said before it was registered.
pub(crate) fn replay_to_registered() {
    if let (Entry::Inside(_inside), Some(output)) = (guard::enter(), hooks::output()) {
        EARLY.drain(|line| output.call(line));
    }
}

/// An output function with its argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    function: OutputFn,
    arg: *mut c_void,
}

impl Output {
    /// # Safety
    /// `function` may be called with any C string and `arg`, for as long as this or a copy is used.
    pub(crate) unsafe fn new(function: OutputFn, arg: *mut c_void) -> Self {
        Self { function, arg }
    }

    fn call(self, line: &mut Line) {
        // SAFETY: whoever made this vouched for such calls; the line is a C string.
        unsafe { (self.function)(line.as_c_str().as_ptr(), self.arg) }
    }
}

/// Writes text to an output function, line by line; see [`hooks::register_output`].
///
/// Lines of more than 511 bytes come in pieces. Nothing is allocated, and writing never fails.
///
/// ```
/// use std::fmt::Write;
/// use mimalloc_rs::hooks::OutputWriter;
///
/// writeln!(OutputWriter::registered(), "to wherever messages go")?;
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug)]
pub struct OutputWriter {
    line: Line,
    /// None for whatever is registered when a line is complete.
    output: Option<Output>,
}

impl OutputWriter {
    /// A writer to the registered output function, or to standard error while there is none.
    #[must_use]
    pub fn registered() -> Self {
        Self { line: Line::new(), output: None }
    }

    /// A writer to `function`, which gets `arg` with every call.
    ///
    /// # Safety
    /// `function` may be called with any C string and `arg`, while the writer is in use.
    #[must_use]
    pub unsafe fn to(function: OutputFn, arg: *mut c_void) -> Self {
        // SAFETY: the caller vouches for the same.
        Self { line: Line::new(), output: Some(unsafe { Output::new(function, arg) }) }
    }

    fn flush(&mut self) {
        match self.output {
            _ if self.line.is_empty() => return,
            Some(output) => output.call(&mut self.line),
            None => emit(&mut self.line),
        }
        self.line.clear();
    }
}

impl fmt::Write for OutputWriter {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        while !text.is_empty() {
            let end = text.find('\n').map_or(text.len(), |newline| newline + 1);
            let added = self.line.push(&text[..end]);
            if added < end || text.as_bytes()[added - 1] == b'\n' {
                self.flush();
            }
            text = &text[added..];
        }
        Ok(())
    }
}

impl Drop for OutputWriter {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use core::ffi::{CStr, c_char};
    use core::fmt::Write;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    unsafe extern "C" fn keep(message: *const c_char, arg: *mut c_void) {
        // SAFETY: messages are C strings, and the argument is the vector of the test below.
        unsafe {
            let message = CStr::from_ptr(message).to_str().unwrap().to_string();
            (*arg.cast::<Vec<String>>()).push(message);
        }
    }

    #[test]
    fn a_writer_passes_whole_lines_and_long_ones_in_pieces() {
        let mut lines: Vec<String> = Vec::new();
        // SAFETY: the function takes a vector of strings, which outlives the writer.
        let mut writer = unsafe { OutputWriter::to(keep, (&raw mut lines).cast()) };
        write!(writer, "one {}\ntwo", 1).unwrap();
        write!(writer, " {}\n\n{}", 2, "ä".repeat(256)).unwrap();
        drop(writer);
        let (long, rest) = ("ä".repeat(255), "ä");
        assert_eq!(lines, ["one 1\n", "two 2\n", "\n", long.as_str(), rest]);
    }
}
