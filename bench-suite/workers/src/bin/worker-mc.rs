//! The worker of the system's `malloc`, and of whatever is preloaded over it.

use std::alloc::System;

workers::worker! { id: "mc", allocator: System = System, prove: workers::library::prove }
