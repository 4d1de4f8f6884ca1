//! What the launcher writes about a program it ran: one JSON line in a file.
//!
//! The harness starts programs it did not write by way of a small process. A process inherits the greatest
//! size of the one that started it, as the kernel counts, and the harness is bigger than many programs.

use serde::{Deserialize, Serialize};

/// One run of a program with its descendants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// How the program itself ended.
    pub ending: Ending,
    /// Wall time from just before the program was started to its end.
    pub wall_ns: u64,
    /// User time of the program and of its descendants that have ended.
    pub user_us: u64,
    /// System time, likewise.
    pub sys_us: u64,
    /// Page faults served without reading from a disk, likewise.
    pub minor_faults: u64,
    /// Page faults that read from a disk, likewise.
    pub major_faults: u64,
    /// Voluntary context switches, likewise.
    pub voluntary_switches: u64,
    /// Involuntary context switches, likewise.
    pub involuntary_switches: u64,
    /// Greatest size of the largest process among them; never below that of the launcher, some 2 MiB.
    pub peak_rss_bytes: u64,
    /// Whether a library was seen in the program's memory; absent when it was not looked for.
    pub mapped: Option<bool>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}
