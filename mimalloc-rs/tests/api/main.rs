//! The public functions one by one: what they do ordinarily, at the edges, and when there is no memory.

mod aligned;
mod allocator;
mod bytes;
mod handles;
mod plain;
mod refusal;
mod resize;

#[path = "../support/mod.rs"]
mod support;

/// Whether a block holds exactly what was asked for.
const EXACT: bool = cfg!(feature = "debug");
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// The largest block that shares a page, and the unit of those that do not.
const SLICE: usize = 64 * KIB;

/// All block sizes that share a page: 8 bytes, steps of 16 up to 128, then four per doubling.
fn classes() -> Vec<usize> {
    let doublings = (7..16).flat_map(|shift| (5..=8).map(move |quarter| (quarter << shift) / 4));
    [8].into_iter().chain((16..=128).step_by(16)).chain(doublings).collect()
}

/// Sizes where something changes: at every class, and around runs of slices.
fn edges() -> Vec<usize> {
    let runs = [SLICE, 2 * SLICE, 512 * KIB, MIB, 4 * MIB];
    let guarded = runs.map(|size| size - 4 * KIB);
    let sizes = classes().into_iter().chain(runs).chain(guarded);
    [0].into_iter().chain(sizes.flat_map(|size| [size - 1, size, size + 1])).collect()
}
