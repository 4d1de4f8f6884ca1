//! The functions to minimise: truth tables as PLA text, generated so that every machine has the
//! same bytes.

use std::fmt::Write;

/// A function with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pla {
    /// The product of two numbers of that many bits.
    Mul(u32),
    /// The control unit of a small processor: eleven operations on two operands, and don't-cares.
    Control,
    /// The sum of two numbers of that many bits and a carry.
    #[cfg(test)]
    Add(u32),
    /// The square of a number of that many bits.
    #[cfg(test)]
    Sqr(u32),
    /// The number of ones among that many inputs.
    #[cfg(test)]
    Ones(u32),
    /// Whether 3 to 6 of nine inputs are ones.
    #[cfg(test)]
    Sym9,
}

impl Pla {
    /// The text of the function.
    pub(super) fn text(self) -> String {
        match self {
            Pla::Mul(n) => table(2 * n, 2 * n, |x| (x >> n) * (x & mask(n))),
            Pla::Control => control(),
            #[cfg(test)]
            Pla::Add(n) => table(2 * n + 1, n + 1, |x| (x >> (n + 1)) + (x >> 1 & mask(n)) + (x & 1)),
            #[cfg(test)]
            Pla::Sqr(n) => table(n, 2 * n, |x| x * x),
            #[cfg(test)]
            Pla::Ones(n) => table(n, n.ilog2() + 1, u32::count_ones),
            #[cfg(test)]
            Pla::Sym9 => table(9, 1, |x| u32::from((3..=6).contains(&x.count_ones()))),
        }
    }
}

const fn mask(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// One row for each input value with an output that is not zero.
fn table(inputs: u32, outputs: u32, function: impl Fn(u32) -> u32) -> String {
    let mut rows = Rows::default();
    for input in 0..1 << inputs {
        let output = function(input);
        if output != 0 {
            rows.bits(input, inputs).part(" ").bits(output, outputs).part("\n");
        }
    }
    rows.into_text(inputs, outputs)
}

/// The number of the operations there are; the other codes are don't-cares.
const OPERATIONS: u32 = 11;

fn control() -> String {
    let mut rows = Rows::default();
    for op in 0..OPERATIONS {
        for a in 0..16 {
            for b in 0..16 {
                rows.bits(op, 4).bits(a, 4).bits(b, 4).bits(key(op), 4).part(" ");
                let groups = [
                    (a & b, 4, [0, 1, 6].contains(&op)),
                    (a | b, 4, [1, 2, 7].contains(&op)),
                    (a ^ b, 4, [2, 3, 8].contains(&op)),
                    (a, 4, [3, 4, 9].contains(&op)),
                    (b, 4, [4, 5, 10].contains(&op)),
                    (a + 1, 5, [5, 6].contains(&op)),
                    (u32::from(a > b) << 2 | u32::from(a == b) << 1 | u32::from(a < b), 3, op >= 5),
                    (if op % 2 == 1 { a.count_ones() & 1 } else { b & 1 }, 1, true),
                    (1 << op, OPERATIONS, true),
                ];
                for (value, width, present) in groups {
                    rows.bits(if present { value } else { 0 }, width);
                }
                rows.part("\n");
            }
        }
    }
    let undefined = "-".repeat(40);
    for op in OPERATIONS..16 {
        rows.bits(op, 4).part("------------ ").part(&undefined).part("\n");
    }
    for op in 0..OPERATIONS {
        for other in (0..16).filter(|&other| other != key(op) && (other + op) % 3 == 0) {
            rows.bits(op, 4).part("--------").bits(other, 4).part(" ").part(&undefined).part("\n");
        }
    }
    rows.into_text(16, 40)
}

/// The last four inputs that belong to an operation.
const fn key(op: u32) -> u32 {
    5 * op % 16
}

#[derive(Default)]
struct Rows(String);

impl Rows {
    fn part(&mut self, part: &str) -> &mut Rows {
        self.0.push_str(part);
        self
    }

    fn bits(&mut self, value: u32, width: u32) -> &mut Rows {
        for bit in (0..width).rev() {
            self.0.push(if value >> bit & 1 == 1 { '1' } else { '0' });
        }
        self
    }

    fn into_text(self, inputs: u32, outputs: u32) -> String {
        let rows = self.0.lines().count();
        let mut text = String::with_capacity(self.0.len() + 64);
        let written = write!(text, ".i {inputs}\n.o {outputs}\n.p {rows}\n{}.e\n", self.0);
        written.expect("a string takes all that is written to it");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn hash(pla: Pla) -> String {
        Sha256::digest(pla.text()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn every_text_has_the_bytes_the_results_are_known_for() {
        let known = [
            (Pla::Ones(5), "aba30133cd4804cc"),
            (Pla::Ones(7), "6c99f9f66c6b026e"),
            (Pla::Ones(8), "21813b7ce8f06d8d"),
            (Pla::Sym9, "b978c5f75c3ec566"),
            (Pla::Add(4), "e8dd39e55b93099c"),
            (Pla::Add(5), "ac8cd7265f8d4e3b"),
            (Pla::Mul(3), "baf71e64491dab6c"),
            (Pla::Mul(4), "2af0b1a99968b45a"),
            (Pla::Mul(5), "4b06627eb83af969"),
            (Pla::Sqr(6), "c96ef9b34cff27a2"),
            (Pla::Sqr(8), "bbaf9b1700923f4b"),
            (Pla::Control, "3fc781216080fae0d6f52d9f07a56fd8f7155fecc85a46c77d8bacdf54d5e61b"),
        ];
        for (pla, expected) in known {
            assert!(hash(pla).starts_with(expected), "{pla:?}: {}", hash(pla));
        }
    }
}
