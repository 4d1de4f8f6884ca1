//! What the launcher writes about a program it ran: one JSON line in a file.
//!
//! The harness starts programs it did not write by way of a small process. A process inherits the greatest
//! size of the one that started it, as the kernel counts, and the harness is bigger than many programs.

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// One run of a program with its descendants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// How the program itself ended.
    pub ending: Ending,
    /// Wall time from just before the program was started to its end.
    pub wall_ns: u64,
    /// What the program and its descendants that have ended used.
    #[serde(flatten)]
    pub usage: Usage,
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
