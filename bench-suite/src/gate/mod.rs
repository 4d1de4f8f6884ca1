//! The gate: figures that are expected to stay as they are, and the judgement when they do not.
//!
//! What a workload asks for and results in, and instructions, are the same in every run and are compared as they are.
//! Ratios to the yardstick are not: a row fails if the whole interval of its ratio (with few passes, every single one) lies beyond the upper
//! end of the baseline's interval by more than a tolerance that is wide enough for shared machines, so that passes which others disturbed
//! fail nothing, and a row that needs several times as much as it did does. Smaller losses on many rows show in the means, which have
//! narrower limits; and whatever the baseline has, no row may take several times as long as the yardstick.

pub mod judge;
pub mod measure;
pub mod rows;
pub mod stored;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::files::{parse, refuse_unwritable, write_json};
use crate::fingerprint::Machine;
use crate::plan::Params;
use crate::summary::Metric;

/// The allocator that is gated.
pub const SUBJECT: &str = "mi";
/// The allocator whose speed and size are the yardstick.
pub const YARDSTICK: &str = "mi3";

/// Name of the time in baselines.
pub const TIME: &str = "time";
/// Name of the peak memory in baselines.
pub const PEAK_RSS: &str = "peak_rss";
/// The metrics whose ratios are judged, and their names in baselines.
pub const COMPARED: [(Metric, &str); 2] = [(Metric::Time, TIME), (Metric::PeakRss, PEAK_RSS)];

/// Everything that can be judged, as measured at one time. What is absent was not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// What the workers were asked for; `size` is that of peaks and means.
    #[serde(flatten)]
    pub params: Params,
    /// Compiler of the workers.
    pub rustc: String,
    /// Version of valgrind, if there is one.
    pub valgrind: Option<String>,
    /// What each workload asks of the allocator, at size check.
    pub checks: BTreeMap<String, Check>,
    /// Instructions that single-threaded workloads take, at size check.
    pub instructions: BTreeMap<String, u64>,
    /// Peak memory of the subject per workload.
    pub peak_rss: BTreeMap<String, Peak>,
    /// Geometric mean of the ratio of subject to yardstick, by metric. Only a baseline has them: what is judged is the
    /// mean over its workloads of [`Figures::ratios`].
    pub means: BTreeMap<String, Mean>,
    /// The ratios of subject to yardstick, by metric and workload; earlier versions did not note them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ratios: BTreeMap<String, BTreeMap<String, RowRatio>>,
    /// Why there are no figures of a workload under the subject; never part of a baseline.
    #[serde(skip)]
    pub failures: BTreeMap<String, String>,
    /// The same of the yardstick.
    #[serde(skip)]
    pub yardstick_failures: BTreeMap<String, String>,
}

impl Figures {
    /// None yet, with what they are to be taken with.
    pub fn nothing(params: Params, rustc: String, valgrind: Option<String>) -> Self {
        Self {
            params,
            rustc,
            valgrind,
            checks: BTreeMap::new(),
            instructions: BTreeMap::new(),
            peak_rss: BTreeMap::new(),
            means: BTreeMap::new(),
            ratios: BTreeMap::new(),
            failures: BTreeMap::new(),
            yardstick_failures: BTreeMap::new(),
        }
    }

    /// The geometric mean over `workloads` of the ratios of a metric, or why it cannot be had.
    pub fn mean(&self, metric: &str, workloads: &BTreeSet<String>) -> Result<f64, String> {
        let ratios = self.ratios.get(metric).ok_or(NOT_MEASURED)?;
        let mut sum = 0.0;
        for workload in workloads {
            sum += ratios.get(workload).ok_or_else(|| self.why_no_ratio(workload))?.ratio.ln();
        }
        Ok((sum / workloads.len() as f64).exp())
    }

    /// That these were not taken as `other` were.
    fn other_params(&self, other: &Self) -> String {
        format!("taken with {:?}, the baseline with {:?}", self.params, other.params)
    }

    fn why_no_ratio(&self, workload: &str) -> String {
        let why = |id, failures: &BTreeMap<String, String>| {
            failures.get(workload).map(|why| format!("no ratio of {workload}: '{id}' has {why}"))
        };
        why(SUBJECT, &self.failures).or_else(|| why(YARDSTICK, &self.yardstick_failures)).unwrap_or_else(
            || {
                format!(
                    "no ratio of {workload}: the run does not compare '{SUBJECT}' with '{YARDSTICK}' in it"
                )
            },
        )
    }
}

/// Said where instructions cannot be counted.
pub const NO_VALGRIND: &str = "valgrind is not installed; install it with: apt-get install valgrind";
/// How a baseline gets what it lacks.
const RENEW: &str = "renew it with: bench-suite gate --update";
/// Said of a figure that was not taken.
const NOT_MEASURED: &str = "not measured; measure it with: bench-suite gate --measure";

/// Figures of one workload that do not depend on the allocator or on time. Absent fields
/// are not compared, because the workload does not repeat them exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What the work amounts to.
    pub checksum: Option<String>,
    /// Blocks allocated.
    pub allocations: Option<u64>,
    /// Blocks freed.
    pub frees: Option<u64>,
    /// Bytes requested.
    pub bytes: Option<u64>,
    /// Frees by another thread than the allocating one.
    pub cross_thread_frees: Option<u64>,
}

/// Peak memory of one workload over the passes of a run. Where threads leave blocks to each other, who runs when
/// decides how many lie waiting, and these are far apart: a thread that the machine holds back adds to the peak, and
/// nothing that is not the allocator's takes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// The lowest of all passes; this is judged. Baselines need none.
    #[serde(default)]
    pub lowest_bytes: u64,
    /// Median of the passes, to be read.
    pub median_bytes: u64,
    /// The highest of all passes; the limit is taken from this.
    pub highest_bytes: u64,
}

/// A geometric mean over workloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Subject divided by yardstick; below 1 the subject is better.
    pub ratio: f64,
    /// Workloads it is taken over.
    pub workloads: BTreeSet<String>,
}

/// What was measured of one workload under the subject, divided by the same under the yardstick.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RowRatio {
    /// Median over the passes; below 1 the subject is better.
    pub ratio: f64,
    /// Lower end of its interval; of a few passes, the least of them.
    pub low: f64,
    /// Upper end of its interval; of a few passes, the greatest of them.
    pub high: f64,
}

/// The figures that are expected, and how far from them is still right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of the file.
    pub schema_version: u32,
    /// When the figures were taken.
    pub recorded_utc: String,
    /// Commit they were taken at.
    pub commit: String,
    /// Machine they were taken on.
    pub machine: String,
    /// How far from the figures is still right.
    pub tolerance: Tolerance,
    /// The figures.
    pub figures: Figures,
}

/// How much worse than the baseline is still right, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Of instructions.
    pub instructions_percent: f64,
    /// Of a workload's highest peak memory; a mebibyte is always allowed.
    pub peak_rss_percent: f64,
    /// Of the mean ratio of times.
    pub mean_time_percent: f64,
    /// Of the mean ratio of peak memory.
    pub mean_peak_rss_percent: f64,
    /// Of a single workload's ratio of times, beyond its interval in the baseline.
    #[serde(default = "time_ratio_percent")]
    pub time_ratio_percent: f64,
    /// Of a single workload's ratio of peak memory, beyond its interval in the baseline.
    #[serde(default = "peak_rss_ratio_percent")]
    pub peak_rss_ratio_percent: f64,
    /// How much more than the yardstick's time a single workload may take whatever the baseline has, so that baselines
    /// that are renewed one after the other do not creep.
    #[serde(default = "row_time_percent")]
    pub row_time_percent: f64,
}

/// What a quick run on a shared machine may be off by without anybody's fault, generously. Memory varies less than time.
fn time_ratio_percent() -> f64 {
    50.0
}

fn peak_rss_ratio_percent() -> f64 {
    25.0
}

fn row_time_percent() -> f64 {
    200.0
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            instructions_percent: 1.0,
            peak_rss_percent: 10.0,
            mean_time_percent: 10.0,
            mean_peak_rss_percent: 5.0,
            time_ratio_percent: time_ratio_percent(),
            peak_rss_ratio_percent: peak_rss_ratio_percent(),
            row_time_percent: row_time_percent(),
        }
    }
}

impl Baseline {
    /// Reads a baseline; `None` if there is none.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let advice = "restore it, or delete it and write a new one with: bench-suite gate --update";
        parse(path, &text, advice).map(Some)
    }

    /// What is to be said of ratios if `machine` has another processor than the one the baseline is of.
    pub fn other_processor(&self, machine: &Machine) -> Option<String> {
        machine.has_other_processor(&self.machine).then(|| {
            format!(
                "warning: the processor is '{}', the baseline is of '{}': ratios of time differ between processors, so one that \
                 fails may be no regression, and one that passes may hide one; for a baseline of this machine: \
                 bench-suite gate --update --baseline FILE",
                machine.cpu_model, self.machine
            )
        })
    }

    /// Fails if a baseline cannot be written there.
    pub fn prepare(path: &Path) -> Result<()> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        refuse_unwritable(path)
    }

    /// Writes the baseline.
    pub fn store(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_that_cannot_be_read_is_not_one_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Baseline::load(&folder.path().join("baseline.json")).unwrap().is_none());
        let error = Baseline::load(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot read "), "{error}");
    }
}
