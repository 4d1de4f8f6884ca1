//! The worker of the C library mimalloc, version 2.

use mimalloc::MiMalloc;

workers::worker! { id: "mi2", allocator: MiMalloc = MiMalloc, prove: |probe| workers::mimalloc_c::prove(probe, 2) }
