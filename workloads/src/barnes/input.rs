//! The parameters as the original has them: lines of text, each of which stays on the heap.
//!
//! They are the only small blocks there are. The port has the values as constants where they are used.

use crate::api::Api;
use crate::table::Table;

/// What the C library reads files through.
const BUFFER: usize = 4_096;

const LINES: usize = 12;

/// The parameter file for so many bodies.
pub(super) fn text(bodies: usize) -> String {
    format!("\n{bodies}\n123\n\n0.025\n0.05\n1.0\n2.0\n5.0\n0.075\n0.25\n1\n")
}

/// The blocks that reading the parameters leaves behind.
pub(super) struct Input<A: Api> {
    _buffer: Table<A, u8>,
    _lines: [Table<A, u8>; LINES],
}

impl<A: Api> Input<A> {
    /// Reads a [`text`].
    pub(super) fn read(text: &str) -> Input<A> {
        let mut buffer = Table::new(BUFFER);
        text.bytes().for_each(|byte| {
            buffer.push(byte);
        });
        let mut lines = buffer.split_inclusive(|&byte| byte == b'\n');
        let lines = std::array::from_fn(|_| Table::of(lines.next().unwrap_or_default()));
        Input { _buffer: buffer, _lines: lines }
    }
}
