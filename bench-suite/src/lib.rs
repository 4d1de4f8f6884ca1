//! The benchmark harness: plan → workers → execution → samples → statistics → charts, report, gate.

pub mod config;
pub mod error;
pub mod noise;
pub mod plan;
pub mod sample;
pub mod select;
pub mod stats;
pub mod status;
pub mod summary;
