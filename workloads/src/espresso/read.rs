//! Reading PLA text: `.i`, `.o`, then a row for each line with its input and its output part.

use std::fmt;

use super::cover::Cover;
use super::space::Space;
use crate::api::Api;

/// Why a text is not a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The numbers of inputs and outputs do not come first.
    NoNumbers,
    /// A row has too few or too many characters, or other ones than there are.
    BadRow,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Malformed::NoNumbers => "the PLA does not begin with its numbers of inputs and outputs",
            Malformed::BadRow => "a row of the PLA is malformed",
        })
    }
}

/// Sets that a cover has room for before it is read.
const ROOM: usize = 10;

/// The numbers of inputs and outputs.
pub(super) fn numbers(text: &str) -> Result<(usize, usize), Malformed> {
    let number = |key| {
        let line =
            text.lines().take_while(|line| line.starts_with('.')).find_map(|line| line.strip_prefix(key));
        line.and_then(|number| number.trim().parse().ok()).filter(|number| (1..=512).contains(number))
    };
    number(".i").zip(number(".o")).ok_or(Malformed::NoNumbers)
}

/// A function as it is read.
pub(super) struct Function<'p, A: Api> {
    /// Where outputs are one.
    pub(super) ones: Cover<'p, A>,
    /// Where outputs may be anything.
    pub(super) anything: Cover<'p, A>,
}

/// Reads the rows.
pub(super) fn rows<'p, A: Api>(space: &'p Space<A>, text: &str) -> Result<Function<'p, A>, Malformed> {
    // The third one is for outputs that are stated to be zero, which this kind of text does not do.
    let [mut ones, mut anything, _zeros] = [(); 3].map(|()| space.cover(ROOM));
    for line in text.lines().filter(|line| !line.starts_with('.')) {
        let (input, output) = line.split_once(' ').ok_or(Malformed::BadRow)?;
        if input.len() != space.inputs || output.len() != space.outputs() {
            return Err(Malformed::BadRow);
        }
        let (on, free) = (space.scratch(0), space.scratch(1));
        on.clear();
        for (variable, value) in input.bytes().enumerate() {
            let bits = match value {
                b'0' => [true, false],
                b'1' => [false, true],
                b'-' => [true, true],
                _ => return Err(Malformed::BadRow),
            };
            space.bits(variable).zip(bits).filter(|(_, set)| *set).for_each(|(bit, _)| on.insert(bit));
        }
        free.take(on);
        let (mut some_on, mut some_free) = (false, false);
        for (bit, value) in space.bits(space.inputs).zip(output.bytes()) {
            match value {
                b'0' => {}
                b'1' => {
                    on.insert(bit);
                    some_on = true;
                }
                b'-' => {
                    free.insert(bit);
                    some_free = true;
                }
                _ => return Err(Malformed::BadRow),
            }
        }
        if some_on {
            ones.push(on);
        }
        if some_free {
            anything.push(free);
        }
    }
    Ok(Function { ones, anything })
}
