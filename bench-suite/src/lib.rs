//! The benchmark harness: plan → workers → execution → samples → statistics → charts, report, gate.

pub mod campaign;
pub mod cli;
pub mod config;
pub mod digest;
pub mod error;
pub mod exec;
pub mod export;
pub mod fingerprint;
pub mod gate;
pub mod heap;
pub mod journal;
pub mod noise;
pub mod plan;
pub mod plot;
pub mod progress;
pub mod record;
pub mod report;
pub mod results;
pub mod sample;
pub mod select;
pub mod session;
pub mod stats;
pub mod status;
pub mod summary;
pub mod table;
pub mod workers;
