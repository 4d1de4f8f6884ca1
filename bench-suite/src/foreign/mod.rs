//! Real programs under preloaded allocators: which can be, how they are run and measured, and how it is
//! proven that the allocator served them.
//!
//! A [`Program`](program::Program) of the [`catalogue`], prepared once per run, or an [`adhoc`] command is a
//! [`Task`](program::Task). A [`Stage`](launch::Stage) runs a task under a [`Preload`](launch::Preload):
//! [`prove`](launch::Stage::prove) once, then [`execute`](launch::Stage::execute) for each sample.

pub mod adhoc;
pub mod catalogue;
mod companion;
mod execute;
pub mod executor;
pub mod inspect;
pub mod launch;
pub mod program;
mod proof;

#[cfg(test)]
mod tests;
