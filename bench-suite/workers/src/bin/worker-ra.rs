//! The worker of rusty_alloc.

use rusty_alloc_api::{RustyAlloc, VERSION};
use workers::proof::{Probe, Proof};

workers::worker! { id: "ra", allocator: RustyAlloc = RustyAlloc, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let evidence = probe.owned("is_in_heap_region", rusty_alloc::alloc::is_in_heap_region)?;
    Ok(Proof { version: format!("rusty_alloc {VERSION}"), evidence })
}
