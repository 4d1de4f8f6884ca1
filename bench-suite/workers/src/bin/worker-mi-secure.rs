//! The worker of mimalloc-rs with its hardening.

use mimalloc_rs::MiMalloc;

workers::worker! {
    id: "mi-secure",
    allocator: MiMalloc = MiMalloc,
    prove: |probe| workers::ours::prove(probe, true),
    map: workers::ours::MAP,
}
