//! The means to prove that an allocator served this process.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::path::Path;
use std::ptr::NonNull;

/// Who the allocator is, and how that was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The version the allocator states of itself, or that of its crate.
    pub version: String,
    /// What was asked, and the answer.
    pub evidence: String,
}

/// A size no allocator has a class of its own for.
const SIZE: usize = 100;

/// A block from the global allocator, to ask about.
#[derive(Debug)]
pub struct Probe<'a> {
    block: NonNull<u8>,
    expected_library: Option<&'a Path>,
}

impl<'a> Probe<'a> {
    const LAYOUT: Layout = match Layout::from_size_align(SIZE, 1) {
        Ok(layout) => layout,
        Err(_) => panic!("the layout is a valid one"),
    };

    /// Allocates the block.
    pub fn new(expected_library: Option<&'a Path>) -> Probe<'a> {
        // SAFETY: the layout's size is not zero.
        let block = std::hint::black_box(unsafe { alloc(Self::LAYOUT) });
        let Some(block) = NonNull::new(block) else { handle_alloc_error(Self::LAYOUT) };
        Probe { block, expected_library }
    }

    /// The block.
    pub fn block(&self) -> *mut u8 {
        self.block.as_ptr()
    }

    /// The library that was to be preloaded.
    pub fn expected_library(&self) -> Option<&'a Path> {
        self.expected_library
    }

    /// Checks that an allocator knows the block but no address on the stack.
    ///
    /// # Errors
    /// Says what the allocator answered instead.
    pub fn owned(&self, question: &str, owns: impl Fn(*const u8) -> bool) -> Result<String, String> {
        self.no_library_expected()?;
        let elsewhere = 0_u8;
        match (owns(self.block()), owns(std::hint::black_box(&raw const elsewhere))) {
            (true, false) => Ok(format!("{question}: yes for a block, no for the stack")),
            (true, true) => Err(format!("{question}: yes even for the stack, so this proves nothing")),
            (false, _) => Err(format!("{question}: no; another allocator made the block")),
        }
    }

    /// Checks the size an allocator sees in the block.
    ///
    /// # Errors
    /// Says what the allocator answered instead.
    pub fn sized(&self, question: &str, usable: usize, expected: usize) -> Result<String, String> {
        self.no_library_expected()?;
        if usable == expected {
            Ok(format!("{question}: {usable} bytes for a block of {SIZE}"))
        } else {
            Err(format!("{question}: {usable} bytes for a block of {SIZE}, not {expected}"))
        }
    }

    fn no_library_expected(&self) -> Result<(), String> {
        match self.expected_library {
            None => Ok(()),
            Some(path) => Err(format!(
                "{} was to be preloaded, but this worker carries its own allocator; use worker-mc",
                path.display()
            )),
        }
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        // SAFETY: the block came from the global allocator for this layout, and is freed once.
        unsafe { dealloc(self.block(), Self::LAYOUT) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged() {
        let probe = Probe::new(None);
        let block = probe.block().cast_const();
        assert!(probe.owned("q", |asked| asked == block).is_ok());
        assert!(probe.owned("q", |_| true).is_err());
        assert!(probe.owned("q", |_| false).is_err());
        assert!(probe.sized("q", 112, 112).is_ok());
        assert!(probe.sized("q", 104, 112).is_err());
        let expecting = Probe::new(Some(Path::new("/x.so")));
        assert!(expecting.sized("q", 112, 112).expect_err("it has its own").contains("worker-mc"));
    }
}
