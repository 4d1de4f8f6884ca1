//! What is known about a run before its first sample: `run.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::files::{RESTORE, parse, write_json};
use crate::fingerprint::{Commit, Machine, Toolchain};
use crate::plan::{MOST_PASSES, Plan};
use crate::workers::AllocatorRecord;

/// Name of the file inside a run's folder.
pub const FILE: &str = "run.json";

/// A run's plan and surroundings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`](crate::files::SCHEMA_VERSION) of the writer.
    pub schema_version: u32,
    /// Version of the writer.
    pub tool_version: String,
    /// Name of the run.
    pub run_id: String,
    /// Start, RFC 3339, UTC.
    pub started_utc: String,
    /// End of the last pass; absent while unfinished.
    pub finished_utc: Option<String>,
    /// The commit of the sources.
    pub commit: Commit,
    /// What is done.
    pub plan: Plan,
    /// The machine.
    pub machine: Machine,
    /// The compiler.
    pub toolchain: Toolchain,
    /// The allocators in display order.
    pub allocators: Vec<AllocatorRecord>,
    /// What is measured after that, with a reference of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<Part>,
    /// What is done when all passes are.
    #[serde(default)]
    pub afterwards: Afterwards,
    /// Whether the workers were built before and taken from a folder: commit, profile and compiler are not known to be theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub workers_from_folder: bool,
}

/// What a run does after its passes; everything, unless it was asked for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Afterwards {
    /// Take the curves of memory over time.
    pub curves: bool,
    /// Draw charts and write the report.
    pub report: bool,
}

impl Default for Afterwards {
    fn default() -> Self {
        Self { curves: true, report: true }
    }
}

impl Afterwards {
    /// What both say.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { curves: self.curves && other.curves, report: self.report && other.report }
    }
}

/// A plan and the allocators it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What is done.
    pub plan: Plan,
    /// The allocators in display order.
    pub allocators: Vec<AllocatorRecord>,
}

impl RunRecord {
    /// The records of the parts of this run, each as if it were a run of its own.
    pub fn parts(&self) -> Vec<Self> {
        let first = Self { programs: None, ..self.clone() };
        let second =
            self.programs.clone().map(|Part { plan, allocators }| Self { plan, allocators, ..first.clone() });
        std::iter::once(first).chain(second).collect()
    }

    /// Reads the record of the run in `folder`.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record: Self = parse(&path, &text, RESTORE)?;
        let plans = std::iter::once(&record.plan).chain(record.programs.as_ref().map(|part| &part.plan));
        for passes in plans.map(|plan| plan.passes) {
            ensure!(
                (1..=MOST_PASSES).contains(&passes),
                "{} is damaged; {RESTORE}: its passes are {passes}, and there are 1 to {MOST_PASSES} in a run",
                path.display()
            );
        }
        Ok(record)
    }

    /// Writes the record into `folder`, whole or not at all.
    pub fn store(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_and_damaged_records_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, r#"{"schema_version": 99, "something": "new"}"#).unwrap();
        let error = RunRecord::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("schema 99") && error.contains("update bench-suite"), "{error}");
        for damaged in ["", "{", r#"{"schema_version": 1}"#] {
            fs::write(&path, damaged).unwrap();
            let error = RunRecord::load(folder.path()).unwrap_err().to_string();
            assert!(error.ends_with("run.json is damaged; restore that file, or start a new run"), "{error}");
        }
    }

    #[test]
    fn records_of_no_passes_or_of_more_than_can_be_counted_are_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = crate::digest::tests::record(3);
        let (plan, allocators) = (record.plan.clone(), record.allocators.clone());
        record.programs = Some(Part { plan, allocators });
        record.store(folder.path()).unwrap();
        RunRecord::load(folder.path()).unwrap();
        let of = |main, programs| {
            let mut record = record.clone();
            record.plan.passes = main;
            record.programs.as_mut().unwrap().plan.passes = programs;
            record.store(folder.path()).unwrap();
            RunRecord::load(folder.path()).unwrap_err().to_string()
        };
        for error in [of(0, 3), of(usize::MAX, 3), of(3, 0), of(3, usize::MAX)] {
            assert!(error.contains("or start a new run: its passes are"), "{error}");
        }
    }

    #[test]
    fn everything_follows_the_passes_unless_the_record_says_less() {
        let mut record = serde_json::to_value(crate::digest::tests::record(3)).unwrap();
        let read = |record: &serde_json::Value| RunRecord::deserialize(record).unwrap().afterwards;
        record["afterwards"]["curves"] = false.into();
        assert_eq!(read(&record), Afterwards { curves: false, report: true });
        record.as_object_mut().unwrap().remove("afterwards");
        assert_eq!(read(&record), Afterwards { curves: true, report: true });
    }

    #[test]
    fn a_run_that_goes_on_does_afterwards_what_both_commands_ask_for() {
        let of = |curves, report| Afterwards { curves, report };
        assert_eq!(of(true, true).and(of(true, true)), of(true, true));
        assert_eq!(of(true, false).and(of(true, true)), of(true, false));
        assert_eq!(of(true, true).and(of(false, false)), of(false, false));
        assert_eq!(of(false, true).and(of(true, true)), of(false, true));
    }
}
