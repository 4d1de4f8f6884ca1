//! The files a run leaves for other programs.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::curve::Curve;
use crate::digest::Digest;
use crate::record::{replace, write_json};
use crate::sample::Sample;
use crate::status::Status;
use crate::summary::{Means, Metric};

/// Writes `summary.json`, `summary.csv`, `geomean.csv` and `samples.csv` into `folder`, and if there are
/// curves, `curves.csv` and `retention.csv`.
pub fn write_all(digest: &Digest, curves: &[Curve], folder: &Path) -> Result<()> {
    write_json(&folder.join("summary.json"), &digest.summary)?;
    write_csv(&folder.join("summary.csv"), digest.summary.rows.iter())?;
    write_csv(&folder.join("geomean.csv"), digest.summary.means.iter().flat_map(mean_lines))?;
    write_csv(&folder.join("samples.csv"), digest.samples.iter().map(SampleLine::from))?;
    if !curves.is_empty() {
        write_csv(&folder.join("curves.csv"), curves.iter().flat_map(point_lines))?;
        write_csv(&folder.join("retention.csv"), curves.iter().filter_map(retention_line))?;
    }
    Ok(())
}

fn write_csv(path: &Path, lines: impl Iterator<Item = impl Serialize>) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.serialize(line).with_context(|| format!("cannot form a line of {}", path.display()))?;
    }
    let content = writer.into_inner().context("cannot finish a CSV file")?;
    replace(path, &content)
}

/// A line of `geomean.csv`.
#[derive(Serialize)]
struct MeanLine<'a> {
    allocator: &'a str,
    metric: Metric,
    /// `all`, or a group of workloads.
    group: &'static str,
    /// Workloads the mean is over.
    workloads: usize,
    /// Workloads there are.
    of: usize,
    /// Workloads this allocator completed.
    completed: usize,
    ratio_to_ref: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
}

fn mean_lines(means: &Means) -> impl Iterator<Item = MeanLine<'_>> {
    let group = match means.group {
        None => "all",
        Some(group) => group.name(),
    };
    means.of_allocator.iter().map(move |mean| MeanLine {
        allocator: &mean.allocator,
        metric: means.metric,
        group,
        workloads: means.over,
        of: means.of,
        completed: mean.completed,
        ratio_to_ref: mean.ratio_to_ref,
        ci_low: mean.ci_low,
        ci_high: mean.ci_high,
    })
}

/// A line of `curves.csv`.
#[derive(Serialize)]
struct PointLine<'a> {
    workload: &'a str,
    allocator: &'a str,
    ms_since_begin: f64,
    rss_bytes: u64,
}

fn point_lines(curve: &Curve) -> impl Iterator<Item = PointLine<'_>> {
    curve.usable().unwrap_or_default().iter().map(|point| PointLine {
        workload: &curve.workload,
        allocator: &curve.allocator,
        ms_since_begin: point.ms,
        rss_bytes: point.bytes,
    })
}

/// A line of `retention.csv`: what was resident in each phase.
#[derive(Serialize)]
struct RetentionLine<'a> {
    workload: &'a str,
    allocator: &'a str,
    begin_bytes: u64,
    peak_bytes: u64,
    run_end_bytes: u64,
    drained_bytes: u64,
    settled_100ms_bytes: u64,
    settled_1s_bytes: u64,
}

fn retention_line(curve: &Curve) -> Option<RetentionLine<'_>> {
    let memory = curve.memory.filter(|_| curve.status == Status::Ok)?;
    Some(RetentionLine {
        workload: &curve.workload,
        allocator: &curve.allocator,
        begin_bytes: memory.begin,
        peak_bytes: memory.peak,
        run_end_bytes: memory.run_end,
        drained_bytes: memory.drained,
        settled_100ms_bytes: memory.settled_100ms,
        settled_1s_bytes: memory.settled_1s,
    })
}

/// A line of `samples.csv`: a sample without its nesting.
#[derive(Serialize)]
struct SampleLine<'a> {
    pass: usize,
    block: usize,
    position: usize,
    workload: &'a str,
    allocator: &'a str,
    status: String,
    reason: Option<&'a str>,
    started_utc: &'a str,
    env_pad_bytes: usize,
    layout: usize,
    total_ns: u64,
    score_ns: Option<u64>,
    run_ns: Option<u64>,
    operations: Option<u64>,
    peak_rss_bytes: Option<u64>,
    run_end_rss_bytes: Option<u64>,
    drained_rss_bytes: Option<u64>,
    user_us: Option<u64>,
    sys_us: Option<u64>,
    minor_faults: Option<u64>,
    major_faults: Option<u64>,
    voluntary_switches: Option<u64>,
    involuntary_switches: Option<u64>,
    checksum: Option<&'a str>,
    allocator_version: Option<&'a str>,
    steal_us: Option<u64>,
    cpu_pressure_us: Option<u64>,
    queue_wait_ns: Option<u64>,
    pace_ns: Option<u64>,
    watch_ns: Option<u64>,
    discarded: usize,
}

impl<'a> From<&'a Sample> for SampleLine<'a> {
    fn from(sample: &'a Sample) -> Self {
        let report = sample.report.as_ref();
        let usage = report.map(|report| report.usage);
        Self {
            pass: sample.pass,
            block: sample.block,
            position: sample.position,
            workload: &sample.workload,
            allocator: &sample.allocator,
            status: sample.status.to_string(),
            reason: sample.reason.as_deref(),
            started_utc: &sample.started_utc,
            env_pad_bytes: sample.env_pad_bytes,
            layout: sample.layout,
            total_ns: sample.total_ns,
            score_ns: report.map(|r| r.score_ns),
            run_ns: report.map(|r| r.run_ns),
            operations: report.map(|r| r.operations),
            peak_rss_bytes: report.map(|r| r.peak_rss_bytes),
            run_end_rss_bytes: report.and_then(|r| r.run_end_rss_bytes),
            drained_rss_bytes: report.and_then(|r| r.drained_rss_bytes),
            user_us: usage.map(|usage| usage.user_us),
            sys_us: usage.map(|usage| usage.sys_us),
            minor_faults: usage.map(|usage| usage.minor_faults),
            major_faults: usage.map(|usage| usage.major_faults),
            voluntary_switches: usage.map(|usage| usage.voluntary_switches),
            involuntary_switches: usage.map(|usage| usage.involuntary_switches),
            checksum: report.and_then(|r| r.checksum.as_deref()),
            allocator_version: report.map(|r| r.allocator_version.as_str()),
            steal_us: sample.noise.steal_us,
            cpu_pressure_us: sample.noise.cpu_pressure_us,
            queue_wait_ns: sample.noise.queue_wait_ns,
            pace_ns: sample.noise.pace_ns,
            watch_ns: sample.noise.watch_ns,
            discarded: sample.discarded.len(),
        }
    }
}
