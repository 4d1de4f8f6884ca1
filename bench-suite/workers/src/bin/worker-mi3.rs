//! The worker of the C library mimalloc, version 3.

use mimalloc::MiMalloc;

workers::worker! { id: "mi3", allocator: MiMalloc = MiMalloc, prove: |probe| workers::mimalloc_c::prove(probe, 3) }
