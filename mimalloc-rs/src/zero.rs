//! Memory that is to read as zero, of which some may be so already.

use crate::geometry::SYSTEM_PAGE_MIN;

/// Bytes that are looked at together.
const STEP: usize = 256;

/// Makes `bytes` zero, but does not write to system pages that are: of a table in which little was written, little is in memory.
pub(crate) fn make_zero(mut bytes: &mut [u8]) {
    while !bytes.is_empty() {
        let clean = leading_pages(bytes, is_zero);
        bytes = &mut bytes[clean..];
        let used = leading_pages(bytes, |page| !is_zero(page));
        bytes[..used].fill(0);
        bytes = &mut bytes[used..];
    }
}

/// Bytes of the system pages from the start on that are as wanted.
fn leading_pages(bytes: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> usize {
    bytes.chunks(SYSTEM_PAGE_MIN).take_while(|page| is_wanted(page)).map(<[u8]>::len).sum()
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (steps, rest) = bytes.as_chunks::<STEP>();
    let is_clear = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all | byte) == 0;
    steps.iter().all(|step| is_clear(step)) && is_clear(rest)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn a_byte_anywhere_is_seen_and_made_zero() {
        let mut bytes = vec![0; 3 * SYSTEM_PAGE_MIN + 100];
        for at in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
            assert!(is_zero(&bytes));
            bytes[at] = 1;
            assert!(!is_zero(&bytes), "{at}");
            make_zero(&mut bytes);
        }
        bytes.fill(7);
        make_zero(&mut bytes);
        assert!(is_zero(&bytes));
    }
}
