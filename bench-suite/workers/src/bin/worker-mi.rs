//! The worker of mimalloc-rs.

use mimalloc_rs::MiMalloc;

workers::worker! {
    id: "mi",
    allocator: MiMalloc = MiMalloc,
    prove: |probe| workers::ours::prove(probe, false),
    map: workers::ours::MAP,
}
