//! The worker of Google's TCMalloc.

use std::ffi::{c_int, c_void};

use tcmalloc_better::TCMalloc;
use workers::proof::{Probe, Proof};

workers::worker! { id: "tcg", allocator: TCMalloc = TCMalloc, prove: prove }

// The library behind the crate, which has no functions for these.
unsafe extern "C" {
    // Only looks the address up.
    safe fn MallocExtension_Internal_GetOwnership(block: *const c_void) -> c_int;
    safe fn MallocExtension_Internal_GetPerCpuCachesActive() -> bool;
}

/// The answer for a block of its own.
const OWNED: c_int = 1;

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let owns = |block: *const u8| MallocExtension_Internal_GetOwnership(block.cast()) == OWNED;
    let evidence = probe.owned("GetOwnership", owns)?;
    // It falls back to them where the system or the C library denies it the others, and is much slower then.
    let mode = if MallocExtension_Internal_GetPerCpuCachesActive() { "" } else { ", per-thread caches" };
    Ok(Proof { version: format!("tcmalloc-better 0.1.19{mode}"), evidence })
}
