//! The files a run leaves for other programs.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::curve::Curve;
use crate::digest::Digest;
use crate::files::{replace, write_json};
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

#[cfg(test)]
mod tests {
    use workloads::protocol::PhaseMemory;

    use super::*;
    use crate::sample::Discarded;
    use crate::sample::tests::sample;

    /// The columns of one line, by name.
    fn line(of: impl Serialize) -> serde_json::Value {
        serde_json::to_value(of).unwrap()
    }

    #[test]
    fn every_figure_of_a_sample_is_in_the_column_of_its_name() {
        let mut sample = sample(3, "larson", "mi", 501);
        (sample.block, sample.position, sample.layout, sample.total_ns) = (4, 5, 2, 502);
        let noise = &mut sample.noise;
        (noise.steal_us, noise.cpu_pressure_us, noise.queue_wait_ns) = (Some(503), Some(504), Some(505));
        (noise.pace_ns, noise.watch_ns) = (Some(506), Some(507));
        sample.discarded = vec![Discarded { total_ns: 9, score_ns: 8, steal_us: 7, checksum: None }; 2];
        let report = sample.report.as_mut().unwrap();
        (report.run_ns, report.operations, report.peak_rss_bytes) = (508, 509, 510);
        (report.run_end_rss_bytes, report.drained_rss_bytes) = (Some(511), Some(512));
        let usage = &mut report.usage;
        (usage.user_us, usage.sys_us, usage.minor_faults, usage.major_faults) = (513, 514, 515, 516);
        (usage.voluntary_switches, usage.involuntary_switches) = (517, 518);
        let line = line(SampleLine::from(&sample));
        for (column, expected) in [
            ("pass", 3),
            ("block", 4),
            ("position", 5),
            ("layout", 2),
            ("score_ns", 501),
            ("total_ns", 502),
            ("steal_us", 503),
            ("cpu_pressure_us", 504),
            ("queue_wait_ns", 505),
            ("pace_ns", 506),
            ("watch_ns", 507),
            ("run_ns", 508),
            ("operations", 509),
            ("peak_rss_bytes", 510),
            ("run_end_rss_bytes", 511),
            ("drained_rss_bytes", 512),
            ("user_us", 513),
            ("sys_us", 514),
            ("minor_faults", 515),
            ("major_faults", 516),
            ("voluntary_switches", 517),
            ("involuntary_switches", 518),
            ("discarded", 2),
        ] {
            assert_eq!(line[column], expected, "{column}");
        }
    }

    #[test]
    fn retention_has_what_was_kept_at_each_mark_of_a_worker_that_did_well() {
        let memory =
            PhaseMemory { begin: 1, peak: 2, run_end: 3, drained: 4, settled_100ms: 5, settled_1s: 6 };
        let mut curve = Curve {
            workload: "larson".to_owned(),
            allocator: "mi".to_owned(),
            status: Status::Ok,
            reason: None,
            points: Vec::new(),
            phases: Vec::new(),
            memory: Some(memory),
            checksum: None,
        };
        let kept = line(retention_line(&curve).unwrap());
        let columns = ["begin", "peak", "run_end", "drained", "settled_100ms", "settled_1s"];
        assert_eq!(
            columns.map(|column| kept[format!("{column}_bytes")].as_u64().unwrap()),
            [1, 2, 3, 4, 5, 6]
        );
        curve.status = Status::WrongOutput;
        assert!(retention_line(&curve).is_none());
    }

    #[test]
    fn means_say_over_how_many_workloads_they_are() {
        let mut samples = crate::digest::tests::samples(3);
        for sample in samples.iter_mut().filter(|s| s.allocator == "sn" && s.workload == "larson") {
            (sample.status, sample.report) = (Status::Timeout, None);
        }
        let pass = samples.iter_mut().find(|s| s.allocator == "jx" && s.workload == "cfrac").unwrap();
        pass.report.as_mut().unwrap().score_ns *= 2;
        let summary = crate::digest::digest(&crate::digest::tests::record(3), samples).summary;
        let all = summary.means_of(Metric::Time, None).unwrap();
        let jx = line(mean_lines(all).find(|line| line.allocator == "jx").unwrap());
        assert_eq!([&jx["workloads"], &jx["of"], &jx["completed"]], [1, 2, 2]);
        let [low, ratio, high] = ["ci_low", "ratio_to_ref", "ci_high"].map(|name| jx[name].as_f64().unwrap());
        assert!((low - 2.0).abs() < 1e-9 && (ratio - 2.0).abs() < 1e-9 && (high - 4.0).abs() < 1e-9, "{jx}");
    }
}
