//! The proof of both workers that carry mimalloc-rs.

use mimalloc_rs::MiMalloc;
use mimalloc_rs::options::{Effect, Opt};

use crate::proof::{Probe, Proof};

/// Asks the allocator whose the block is, and whether it was built with its hardening as it should be.
///
/// # Errors
/// Says what the allocator answered instead.
pub fn prove(probe: &Probe<'_>, secure: bool) -> Result<Proof, String> {
    // This option is part of the hardening, and the allocator says whether it has it.
    let hardened = Opt::GuardedSampleRate.effect() == Effect::Works;
    if hardened != secure {
        return Err(format!(
            "hardened: {hardened}, should be {secure}: build worker-mi without the feature mi-secure and worker-mi-secure with it"
        ));
    }
    let evidence = probe.owned("MiMalloc::owns", |block| MiMalloc.owns(block))?;
    // All crates of the workspace have one version.
    let version = format!("mimalloc-rs {}{}", env!("CARGO_PKG_VERSION"), if secure { " secure" } else { "" });
    Ok(Proof { version, evidence: format!("{evidence}; hardened: {hardened}") })
}
