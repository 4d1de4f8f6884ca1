//! Atomics. The files that hold lock-free words take theirs from here and from [`crate::orders`] only, so that
//! `tests/models` can build the same files with a model checker's atomics.

pub(crate) use crate::orders::{Orders, Strict};
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
