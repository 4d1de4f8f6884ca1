//! The worker of snmalloc.

use snmalloc_rs::SnMalloc;
use workers::proof::{Probe, Proof};

workers::worker! { id: "sn", allocator: SnMalloc = SnMalloc, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    // Blocks that are not its own have no size.
    let evidence =
        probe.owned("usable_size > 0", |block| ALLOCATOR.usable_size(block).is_some_and(|size| size > 0))?;
    Ok(Proof { version: "snmalloc-rs 0.7.6".to_owned(), evidence })
}
