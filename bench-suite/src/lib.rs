//! The benchmark harness: plan → workers → execution → samples → statistics → charts, report, gate.

pub mod summary;
