//! A pointer and a small number in one word.
//!
//! Rust's `dealloc` wants the size of the block, C's `free` does not: a port whose original
//! keeps bare pointers would need a second array for the sizes and so another memory
//! profile. User addresses on x86-64 Linux fit in 48 bits, so the 16 bits above hold the size or
//! its class.

use std::ptr::NonNull;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: usize = (1 << ADDRESS_BITS) - 1;

/// A block's address with a 16-bit tag in the unused top bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tagged(NonNull<u8>);

impl Tagged {
    /// Joins a block and its tag.
    ///
    /// # Panics
    /// If the address needs more than 48 bits.
    #[inline]
    pub(crate) fn new(block: NonNull<u8>, tag: u16) -> Tagged {
        assert!(block.addr().get() & !ADDRESS_MASK == 0, "a user address has at most 48 bits");
        Tagged(block.map_addr(|address| address | usize::from(tag) << ADDRESS_BITS))
    }

    /// The block and its tag.
    #[inline]
    pub(crate) fn split(self) -> (NonNull<u8>, u16) {
        // The shift leaves the 16 bits a tag has.
        let tag = (self.0.addr().get() >> ADDRESS_BITS) as u16;
        // SAFETY: `new` put the address of a block, which is not null, into the low bits.
        let block = unsafe { NonNull::new_unchecked(self.0.as_ptr().map_addr(|word| word & ADDRESS_MASK)) };
        (block, tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZero;

    #[test]
    fn block_and_tag_come_back_unchanged() {
        let mut byte = 7_u8;
        let block = NonNull::from(&mut byte);
        for tag in [0, 1, 709, u16::MAX] {
            let (back, back_tag) = Tagged::new(block, tag).split();
            // SAFETY: the address and provenance are those of `byte`.
            assert_eq!((unsafe { back.read() }, back_tag), (7, tag));
        }
    }

    #[test]
    #[should_panic(expected = "48 bits")]
    fn wide_addresses_are_refused() {
        let address = NonZero::new(1 << 50).expect("not zero");
        let _ = Tagged::new(NonNull::without_provenance(address), 1);
    }
}
