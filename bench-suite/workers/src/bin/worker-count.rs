//! The worker that counts everything the process asks of its allocator, which is the system's. It is slow
//! and takes more memory than that one, and is there for the counts only.

use std::alloc::System;

use workers::counting::{Counting, WholeProcess};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

fn main() {
    workers::work_counted::<WholeProcess>("count", workers::library::prove, None)
}
