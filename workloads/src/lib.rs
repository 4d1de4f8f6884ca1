//! The classic allocator benchmarks as Rust ports: one file each, one trait.
//!
//! This library holds the workloads and how a worker process reports on them. It
//! knows no allocator, draws nothing and has no command line.
//!
//! A port asks for memory through [`api::Api`] only, keeps the data structures the
//! original keeps on the heap on the heap, and leaves to statics what is static
//! there. Beside the rows that are measured in every run there are single [`operations`]. With the feature `native`
//! there are also the rows that run on well-known crates, which ask the global allocator. [`registry`] finds a row's port by its id, [`execute::execute`] runs it and makes the
//! [`protocol::Report`].

pub mod api;
pub mod counted;
pub mod execute;
pub mod heap_map;
pub mod launched;
pub mod measure;
pub mod phases;
pub mod planted;
pub mod protocol;
pub mod registry;
pub mod rows;
pub mod usage;

mod fatal;
mod glibc_rand;
mod proc_status;
#[cfg(test)]
mod strict;
mod table;
mod tagged;
mod threads;
mod uniform;
mod window;

pub mod alloc_test;
pub mod barnes;
pub mod cache_scratch;
pub mod cfrac;
pub mod espresso;
pub mod glibc_simple;
pub mod glibc_thread;
pub mod larson;
pub mod lran2;
pub mod malloc_large;
pub mod mleak;
pub mod mstress;
#[cfg(feature = "native")]
pub mod native;
pub mod operations;
pub mod rptest;
pub mod sh6bench;
pub mod sh8bench;
pub mod xmalloc_test;
