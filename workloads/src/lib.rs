//! The classic allocator benchmarks as Rust ports: one file each, one trait.
//!
//! This library holds the workloads and how a worker process reports on them. It
//! knows no allocator, draws nothing and has no command line.
//!
//! A port asks for memory through [`api::Api`] only, keeps the data structures the
//! original keeps on the heap on the heap, and leaves to statics what is static
//! there. With the feature `native` there are also the rows that run on well-known crates, which ask the global
//! allocator. [`registry`] finds a row's port by its id, [`execute::execute`] runs it and makes the
//! [`protocol::Report`].

pub mod api;
pub mod counted;
pub mod execute;
pub mod heap_map;
pub mod measure;
pub mod planted;
pub mod protocol;
pub mod registry;
pub mod rows;

mod fatal;
mod proc_status;
mod tagged;
mod threads;
mod window;

pub mod alloc_test;
pub mod cache_scratch;
pub mod cfrac;
pub mod larson;
pub mod lran2;
#[cfg(feature = "native")]
pub mod native;
pub mod sh6bench;
pub mod sh8bench;
