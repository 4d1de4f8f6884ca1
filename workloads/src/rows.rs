//! The rows of the suite: which workload, at which thread count, in which group, and why.

use serde::{Deserialize, Serialize};

/// The two sets of the mimalloc paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Programs that do work besides allocating.
    Programs,
    /// Loops that stress one trait of an allocator.
    Stress,
}

/// Which era's parameters a row takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Parameters of the suite as it was in mid-2019.
    Seed2019,
    /// Parameters of the suite as it is now.
    Current,
}

/// How much of a preset's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Enough to prove that the row works; tens of milliseconds.
    Check,
    /// About a fifth of a second on the reference allocator.
    Quick,
    /// About one second on the reference allocator; the default.
    Calibrated,
    /// The preset's exact parameters.
    Full,
}

/// One line of the result table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name used on the command line, in files and charts.
    pub id: &'static str,
    /// Which chart the row belongs to.
    pub group: Group,
    /// Whether the row creates threads at all.
    pub threaded: bool,
    /// What the row models and what it stresses in an allocator.
    pub about: &'static str,
    /// How to read a high number in this row.
    pub reading: &'static str,
}

/// All rows, in the order of tables and charts.
pub const ROWS: &[Row] = &[
    Row { id: "cfrac", group: Group::Programs, threaded: false, about: "", reading: "" },
    Row { id: "alloc-test1", group: Group::Programs, threaded: false, about: "", reading: "" },
    Row { id: "alloc-testN", group: Group::Programs, threaded: true, about: "", reading: "" },
    Row { id: "larson", group: Group::Stress, threaded: true, about: "", reading: "" },
    Row { id: "larson-sized", group: Group::Stress, threaded: true, about: "", reading: "" },
    Row { id: "sh6bench", group: Group::Stress, threaded: true, about: "", reading: "" },
    Row { id: "sh8bench", group: Group::Stress, threaded: true, about: "", reading: "" },
    Row { id: "cache-scratch1", group: Group::Stress, threaded: false, about: "", reading: "" },
    Row { id: "cache-scratchN", group: Group::Stress, threaded: true, about: "", reading: "" },
];
