//! The worker of the yardstick.

use workers::bare::{self, Bare};
use workers::proof::{Probe, Proof};

workers::worker! { id: "bare", allocator: Bare = Bare, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let evidence = probe.owned("bare::owns", bare::owns)?;
    Ok(Proof { version: concat!("bench-suite ", env!("CARGO_PKG_VERSION")).to_owned(), evidence })
}
