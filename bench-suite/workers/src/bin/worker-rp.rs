//! The worker of rpmalloc.

use rpmalloc::RpMalloc;
use rpmalloc_sys::rpmalloc_usable_size;
use workers::proof::{Probe, Proof};

workers::worker! { id: "rp", allocator: RpMalloc = RpMalloc, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    // SAFETY: the block is live, and the only allocator linked in is this one.
    let usable = unsafe { rpmalloc_usable_size(probe.block().cast()) };
    // Its classes are multiples of 16; the C library would have 104.
    let evidence = probe.sized("rpmalloc_usable_size", usable, 112)?;
    Ok(Proof { version: "rpmalloc-rs 0.2.2".to_owned(), evidence })
}
