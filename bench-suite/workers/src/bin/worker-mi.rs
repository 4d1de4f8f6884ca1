//! The worker of mimalloc-rs.

use mimalloc_rs::MiMalloc;
use workers::proof::{Probe, Proof};

workers::worker! { id: "mi", allocator: MiMalloc = MiMalloc, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let evidence = probe.owned("MiMalloc::owns", |block| ALLOCATOR.owns(block))?;
    // All crates of the workspace have one version.
    Ok(Proof { version: format!("mimalloc-rs {}", env!("CARGO_PKG_VERSION")), evidence })
}
