//! What a worker says about its heap: what lies where, as JSON in a file.
//!
//! A worker is asked with `--heapmap FILE` besides; see [`crate::protocol`]. Sizes are bytes.

use serde::{Deserialize, Serialize};

/// The address space of a heap at the end of the measured part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapMap {
    /// Address space is handed out in pieces of this many bytes.
    pub slice_bytes: u64,
    /// What it holds, in order of address.
    pub spans: Vec<Span>,
}

/// A piece of address space that holds one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where it starts.
    pub address: u64,
    /// How long it is: whole slices.
    pub bytes: u64,
    /// What it holds.
    pub holding: Holding,
}

/// What a [`Span`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Blocks of one size.
    Page {
        /// Bytes of a block.
        block_size: u64,
        /// Blocks in use.
        used: u64,
        /// Blocks that were made so far; the rest of the page was never touched.
        linked: u64,
        /// Blocks that fit.
        fits: u64,
    },
    /// A single block.
    Block,
    /// Records of the allocator, or memory that a thread keeps for its next page.
    Kept,
    /// Nothing, and the memory is still the process's.
    Free,
    /// Nothing, and no memory is behind it.
    Vacant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_survives_the_way_through_a_file() {
        let page = Holding::Page { block_size: 48, used: 7, linked: 85, fits: 1365 };
        let holdings = [page, Holding::Block, Holding::Kept, Holding::Free, Holding::Vacant];
        let span = |(at, holding)| Span { address: (at as u64) << 16, bytes: 1 << 16, holding };
        let map =
            HeapMap { slice_bytes: 1 << 16, spans: holdings.into_iter().enumerate().map(span).collect() };
        let text = serde_json::to_string(&map).expect("a map has only plain values");
        assert!(text.contains(r#""holding":{"page":{"block_size":48,"used":7"#), "{text}");
        assert_eq!(serde_json::from_str::<HeapMap>(&text).expect("it was written just now"), map);
    }
}
