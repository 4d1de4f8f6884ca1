//! The proof of both workers that carry mimalloc-rs, and the look at its heap.

use std::alloc::System;
use std::fs;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use allocator_api2::vec::Vec as VecIn;
use mimalloc_rs::MiMalloc;
use mimalloc_rs::options::{Effect, Opt};
use mimalloc_rs::stats::{self, Holding, Span};
use workloads::heap_map;

use crate::MapHeap;
use crate::proof::{Probe, Proof};

/// How these workers show their heap.
pub const MAP: MapHeap = MapHeap { look, seen };

/// What was seen, in memory of the C library, so that it is not part of the picture.
static SEEN: OnceLock<VecIn<Span, System>> = OnceLock::new();

/// How long threads of the row may take to end, which they are about to do.
const PATIENCE: Duration = Duration::from_secs(1);

/// Blocks that a thread keeps to allocate from look like blocks in use until it has ended.
fn wait_for_threads() {
    let begun = Instant::now();
    let alone = || fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    while !alone() && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1));
    }
}

fn look() {
    wait_for_threads();
    let mut spans = VecIn::new_in(System);
    spans.extend(stats::spans());
    // One look is enough: later ones would be of what is left.
    let _ = SEEN.set(spans);
}

fn seen() -> heap_map::HeapMap {
    let spans = SEEN.get().map(VecIn::as_slice).unwrap_or_default();
    heap_map::HeapMap {
        slice_bytes: stats::SLICE as u64,
        spans: spans
            .iter()
            .map(|span| heap_map::Span {
                address: span.address as u64,
                bytes: span.bytes as u64,
                holding: match span.holding {
                    Holding::Page { block_size, used, linked, fits } => heap_map::Holding::Page {
                        block_size: block_size as u64,
                        used: used as u64,
                        linked: linked as u64,
                        fits: fits as u64,
                    },
                    Holding::Block => heap_map::Holding::Block,
                    Holding::Kept => heap_map::Holding::Kept,
                    Holding::Free => heap_map::Holding::Free,
                    Holding::Vacant => heap_map::Holding::Vacant,
                },
            })
            .collect(),
    }
}

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
