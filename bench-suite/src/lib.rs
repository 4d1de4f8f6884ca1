//! The benchmark harness: plan → workers → execution → samples → statistics → charts, report, gate.

pub mod plot;
pub mod report;
pub mod summary;
