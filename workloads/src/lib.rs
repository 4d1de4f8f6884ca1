//! The classic allocator benchmarks as Rust ports: one file each, one trait.
//!
//! This library holds the workloads and how a worker process reports on them. It
//! knows no allocator, draws nothing and has no command line.

pub mod protocol;
pub mod rows;
