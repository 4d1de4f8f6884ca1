//! A workload as `bench.toml` describes it: what it is for, and with what it is shown.

use serde::{Deserialize, Serialize};

/// Workloads that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Programs that do work besides allocating.
    Programs,
    /// Loops that stress one trait of an allocator.
    Stress,
    /// Loops that newer suites added.
    Modern,
    /// What programs in Rust do with well-known crates.
    Rust,
    /// Single operations, done again and again.
    Operations,
    /// Programs of the system, as they are, under a preloaded allocator.
    Real,
}

impl Group {
    /// All groups, in the order of tables and charts.
    pub const ALL: [Self; 6] =
        [Self::Programs, Self::Stress, Self::Modern, Self::Rust, Self::Operations, Self::Real];

    /// The name used in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Programs => "programs",
            Self::Stress => "stress",
            Self::Modern => "modern",
            Self::Rust => "rust",
            Self::Operations => "operations",
            Self::Real => "real",
        }
    }
}

/// What a workload makes of the number of threads that a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Threads {
    /// Nothing: it has one.
    One,
    /// Nothing: it has a number of its own.
    Fixed,
    /// It has that many, or a multiple.
    Scaled,
}

/// One line of the result table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The name used on the command line, in files and charts.
    pub id: String,
    /// Which chart it belongs to.
    pub group: Group,
    /// Whether it scales with the number of threads.
    pub threads: Threads,
    /// What it can be selected by.
    pub tags: Vec<String>,
    /// Its parameters in preset `current`, in words.
    pub current: String,
    /// Its parameters in preset `seed2019`, where they are others.
    #[serde(default)]
    pub seed2019: Option<String>,
    /// How many times the usual time limit it may take.
    #[serde(default = "usual_patience")]
    pub patience: u32,
    /// A program without which nobody misses the workload: it is left out where that is not on `PATH`, unless it
    /// is selected by name.
    #[serde(default)]
    pub only_with: Option<String>,
    /// What it models, and what it stresses in an allocator.
    pub about: String,
    /// How to read a high number, and whom it concerns.
    pub reading: String,
}

impl Workload {
    /// Whether it is measured here without being named.
    pub fn is_usual(&self) -> bool {
        self.group != Group::Operations
            && self.only_with.as_ref().is_none_or(|program| which::which(program).is_ok())
    }
}

fn usual_patience() -> u32 {
    1
}
