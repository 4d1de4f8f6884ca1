//! The proof of both workers that carry the C library mimalloc.

use std::ffi::{c_int, c_void};

use crate::proof::{Probe, Proof};

// The library behind the crate `mimalloc`, which has no functions for these.
unsafe extern "C" {
    safe fn mi_version() -> c_int;
    // Only looks the address up.
    safe fn mi_is_in_heap_region(block: *const c_void) -> bool;
}

/// Asks the library for its version, which has to be of this series, and whose the block is.
///
/// # Errors
/// Says what the library answered instead.
pub fn prove(probe: &Probe<'_>, series: c_int) -> Result<Proof, String> {
    // One digit for the series, two each for what follows.
    let number = mi_version();
    let (major, minor, patch) = (number / 10_000, number / 100 % 100, number % 100);
    let version = format!("mimalloc {major}.{minor}.{patch}");
    if major != series {
        return Err(format!(
            "this is {version}, not {series}.x: build with one of the features mi2 and mi3, not both"
        ));
    }
    let evidence = probe.owned("mi_is_in_heap_region", |block| mi_is_in_heap_region(block.cast()))?;
    Ok(Proof { version, evidence })
}
