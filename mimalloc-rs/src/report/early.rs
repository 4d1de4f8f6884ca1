//! Messages from before an output function was registered, kept for it.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::line::Line;

/// A length no message leads to: the buffer takes nothing more.
const CLOSED: usize = usize::MAX / 2;

/// Bytes that any thread may append to, without waiting.
#[derive(Debug)]
pub(super) struct Early<const SIZE: usize> {
    /// Bytes handed out to writers; beyond `SIZE` when there were more.
    taken: AtomicUsize,
    bytes: [AtomicU8; SIZE],
}

impl<const SIZE: usize> Early<SIZE> {
    pub(super) const fn new() -> Self {
        Self { taken: AtomicUsize::new(0), bytes: [const { AtomicU8::new(0) }; SIZE] }
    }

    /// Adds `text`, as far as there is room.
    pub(super) fn append(&self, text: &[u8]) {
        if self.taken.load(Ordering::Relaxed) >= SIZE {
            return;
        }
        let start = self.taken.fetch_add(text.len(), Ordering::Relaxed);
        for (place, byte) in self.bytes.iter().skip(start).zip(text) {
            place.store(*byte, Ordering::Relaxed);
        }
    }

    /// Passes what was added to `each`, line by line, and closes the buffer; the second time there is
    /// nothing.
    ///
    /// What another thread is just adding may be missing: it went to standard error.
    pub(super) fn drain(&self, mut each: impl FnMut(&mut Line)) {
        let taken = self.taken.swap(CLOSED, Ordering::Relaxed);
        if taken >= CLOSED {
            return;
        }
        let mut line = Line::new();
        for place in self.bytes.iter().take(taken) {
            let byte = place.load(Ordering::Relaxed);
            if byte != 0 {
                line.push_byte(byte);
            }
            if byte == b'\n' || line.is_full() {
                each(&mut line);
                line.clear();
            }
        }
        if !line.is_empty() {
            each(&mut line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn drained<const SIZE: usize>(early: &Early<SIZE>) -> Vec<String> {
        let mut lines = Vec::new();
        early.drain(|line| lines.push(String::from_utf8(line.as_bytes().to_vec()).unwrap()));
        lines
    }

    #[test]
    fn lines_come_out_once_and_in_order() {
        let early = Early::<64>::new();
        early.append(b"one\n");
        early.append(b"two\n");
        assert_eq!(drained(&early), ["one\n", "two\n"]);
        early.append(b"three\n");
        assert_eq!(drained(&early), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let early = Early::<6>::new();
        early.append(b"one\n");
        early.append(b"two\n");
        early.append(b"six\n");
        assert_eq!(drained(&early), ["one\n", "tw"]);
    }

    #[test]
    fn lines_longer_than_the_buffer_of_a_line_come_in_pieces() {
        let early = Early::<1000>::new();
        early.append(&[b'x'; 900]);
        assert_eq!(drained(&early).iter().map(String::len).collect::<Vec<_>>(), [511, 389]);
    }

    #[test]
    fn lines_of_many_threads_stay_whole() {
        let early = Early::<{ 16 * 1024 }>::new();
        std::thread::scope(|scope| {
            for name in ["aaaaaaaaaa\n", "bbbbbbbbbb\n", "cccccccccc\n"] {
                scope.spawn(|| (0..100).for_each(|_| early.append(name.as_bytes())));
            }
        });
        let lines = drained(&early);
        assert_eq!(lines.len(), 300);
        assert!(
            lines
                .iter()
                .all(|line| line.len() == 11 && line.bytes().all(|b| b == line.as_bytes()[0] || b == b'\n'))
        );
    }
}
