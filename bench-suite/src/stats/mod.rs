//! The statistics of a run: plain numbers in, plain numbers out, no files.

pub mod bootstrap;
pub mod pace;
pub mod ratio;

pub use bootstrap::{Interval, median};
