//! mimalloc-rs: a memory allocator in the mimalloc design, from scratch in Rust.
//!
//! ```
//! use mimalloc_rs::MiMalloc;
//!
//! #[global_allocator]
//! static GLOBAL: MiMalloc = MiMalloc;
//! ```
//!
//! # The rooms
//!
//! A request passes through them from the top to the bottom; nothing calls upwards.
//!
//! | room | what it answers |
//! |---|---|
//! | [`MiMalloc`] (`global`) | the door: what Rust's allocation interface asks of us |
//! | `alloc`, `free`, `large` | from a request to a block, and back |
//! | `thread` | which heap is mine, from a thread's first allocation to its last free |
//! | `heap` | active lists, current pages and queues of one thread |
//! | `abandoned` | pages with free blocks that nobody owns |
//! | `page` | blocks of one size class; one owner or none |
//! | `arena` | slices of reserved address space, and when their memory goes back |
//! | `size_class`, `geometry` | sizes and limits |
//! | `stack`, `sync` | a lock-free stack; atomics |
//! | `os` | the only place that speaks to the system |
//!
//! The allocator never panics, never allocates for its own use through the global allocator, and takes no lock.
#![no_std]
// The models are built with the lock-free words alone; the rest would be unused there.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(any(loom, test))]
extern crate std;

mod sync;

mod stack;

#[cfg(not(loom))]
mod abandoned;
#[cfg(not(loom))]
mod alloc;
#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod free;
#[cfg(not(loom))]
mod geometry;
#[cfg(not(loom))]
mod global;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
mod os;
#[cfg(not(loom))]
mod page;
#[cfg(not(loom))]
mod size_class;
#[cfg(not(loom))]
mod thread;

#[cfg(not(loom))]
pub use global::MiMalloc;
#[cfg(not(loom))]
pub use size_class::good_size;

#[cfg(all(loom, test))]
mod models;
