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
//! A request passes through them from the top to the bottom.
//!
//! | room | what it answers |
//! |---|---|
//! | [`process`], [`stats`] | numbers about all the others |
//! | [`MiMalloc`] (`global`) | the door for Rust: what its allocation interface asks of us |
//! | [`Heap`] (`heap`), `allocator` | first-class heaps, and the door for collections |
//! | [`raw`] | the door for C: sizes and null |
//! | `alloc`, `free`, `large`, `usable`; `check`, `padding`, `guarded` | from a request to a block, and back, and how many bytes it has; what hardened builds do besides |
//! | `thread` | which theap is mine, from a thread's first allocation to its last free |
//! | `theap` | active lists, current pages and queues of one thread |
//! | `abandoned` | pages with free blocks that nobody owns |
//! | `page` | blocks of one size class; one owner or none |
//! | `pool` | records that outlive their users |
//! | `arena` | slices of reserved address space, and when their memory goes back |
//! | [`hooks`], `report`, [`options`] | what is told to whom, and what the user wants |
//! | `gauge` | counts of the whole process |
//! | `size_class`, `zero`, `geometry` | sizes, memory that is to read as zero, and limits |
//! | `stack`, `sync`, `orders` | a lock-free stack; atomics and their orderings |
//! | `address` | how the fast paths name a place in memory |
//! | `os` | the only place that speaks to the system |
//!
//! Some know of others further up, and no more than is said here:
//!
//! | room | knows of | because |
//! |---|---|---|
//! | `raw`, `thread`, `theap` | `heap` | a heap is also a record that parts of threads belong to |
//! | `allocator` | `global` | one macro writes the doors for collections |
//! | `theap` | `thread`, `large`, `guarded` | what is left goes back the ways that blocks do; a theap says which blocks are guarded |
//! | `arena` | `page` | the tables of a region hold the records and marks of pages |
//! | `os` | `options` | whether there may be huge pages |
//!
//! The allocator never panics, never allocates for its own use through the global allocator, and takes no lock.
#![no_std]

#[cfg(test)]
extern crate std;

mod abandoned;
mod address;
mod alloc;
mod allocator;
mod arena;
#[cfg_attr(not(any(feature = "debug", feature = "secure")), allow(dead_code, reason = "for other builds"))]
mod check;
mod free;
mod gauge;
mod geometry;
mod global;
#[cfg(feature = "secure")]
mod guarded;
mod heap;
pub mod hooks;
mod large;
pub mod options;
mod orders;
mod os;
#[cfg_attr(not(feature = "debug"), allow(dead_code, reason = "for other builds"))]
mod padding;
mod page;
mod pool;
pub mod process;
pub mod raw;
mod report;
mod size_class;
mod stack;
pub mod stats;
mod sync;
mod theap;
mod thread;
mod usable;
mod zero;

pub use arena::{Arena, CommitFn, Manage, Reserve};
pub use global::MiMalloc;
pub use heap::{Area, Heap, SubProcess};
pub use report::ErrorKind;
pub use usable::good_size;
