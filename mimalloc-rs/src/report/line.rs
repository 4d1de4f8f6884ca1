//! One line of output, in a buffer on the stack.

use core::ffi::CStr;
use core::fmt;

/// Bytes of a line, with the zero that ends it.
const SIZE: usize = 512;
/// Ends a message that did not fit.
const CUT: &str = "...";

/// Text of at most 511 bytes.
#[derive(Debug)]
pub(crate) struct Line {
    bytes: [u8; SIZE],
    len: usize,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; SIZE], len: 0 }
    }

    /// A message with its prefix, the thread it comes from, and a newline; cut with dots if it is too long.
    pub(super) fn message(prefix: &str, thread: Option<u32>, text: fmt::Arguments<'_>) -> Self {
        let mut message = Message { line: Self::new(), is_cut: false };
        // Formatting fails only if an argument's own formatting does; what is there by then is still of use.
        let _ = match thread {
            Some(id) => fmt::write(&mut message, format_args!("{prefix}thread {id}: {text}")),
            None => fmt::write(&mut message, format_args!("{prefix}{text}")),
        };
        let Message { mut line, is_cut } = message;
        line.push(if is_cut { CUT } else { "" });
        if !line.as_bytes().ends_with(b"\n") {
            line.push("\n");
        }
        line
    }

    /// Adds as much of `text` as fits and says how many bytes that were.
    pub(super) fn push(&mut self, text: &str) -> usize {
        self.push_below(SIZE, text)
    }

    /// Adds as much of `text` as leaves room for a zero below `end`.
    fn push_below(&mut self, end: usize, text: &str) -> usize {
        let fits = text.floor_char_boundary((end - 1).saturating_sub(self.len));
        self.bytes[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        fits
    }

    /// Adds a byte of a text that comes byte by byte; there must be room.
    pub(super) fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == SIZE - 1
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The line as C sees it: a zero in the text ends it.
    pub(super) fn as_c_str(&mut self) -> &CStr {
        self.bytes[self.len] = 0;
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// A line that keeps room for its end.
struct Message {
    line: Line,
    is_cut: bool,
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !self.is_cut {
            self.is_cut = self.line.push_below(SIZE - CUT.len() - 1, text) < text.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(line: &Line) -> &str {
        str::from_utf8(line.as_bytes()).unwrap()
    }

    fn message(text: &str) -> Line {
        Line::message("mimalloc: error: ", None, format_args!("{text}"))
    }

    #[test]
    fn a_message_has_prefix_thread_and_newline() {
        assert_eq!(text(&message("lost")), "mimalloc: error: lost\n");
        assert_eq!(text(&message("lost\n")), "mimalloc: error: lost\n");
        let other = Line::message("mimalloc: ", Some(7), format_args!("lost"));
        assert_eq!(text(&other), "mimalloc: thread 7: lost\n");
    }

    #[test]
    fn a_long_message_is_cut_and_marked() {
        let mut line = message(&"ä".repeat(400));
        assert!(text(&line).ends_with("ä...\n"));
        assert!((508..SIZE).contains(&line.as_bytes().len()));
        assert_eq!(line.as_c_str().count_bytes(), line.as_bytes().len());
    }

    proptest! {
        #[test]
        fn every_text_becomes_a_line(start in ".{0,300}", rest in ".{0,300}") {
            let mut line = Line::message("", None, format_args!("{start}{rest}"));
            let said = text(&line).strip_suffix('\n').expect("a line ends");
            let whole = start + &rest;
            prop_assert!(said == whole || whole.starts_with(said.strip_suffix("...").expect("cut is marked")));
            prop_assert!(line.as_c_str().count_bytes() < SIZE);
        }
    }
}
