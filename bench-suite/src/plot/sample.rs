//! Made-up results: for looking at the charts without measuring, and for testing them.
//!
//! No number in here was measured. The run calls itself made up, and every picture shows that.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::config::{Allocator, Config};
use crate::digest::means::{self, Entry};
use crate::summary::{AllocatorInfo, Means, Metric, RunInfo, Summary, SummaryRow};

/// The workloads of the made-up run.
pub const ROWS: [&str; 9] = [
    "cfrac",
    "alloc-test1",
    "alloc-testN",
    "larson",
    "larson-sized",
    "sh6bench",
    "sh8bench",
    "cache-scratch1",
    "cache-scratchN",
];

/// Id, label, and the made-up ratios of time and of peak memory in the order of [`ROWS`].
type Made = (&'static str, &'static str, [f64; 9], [f64; 9]);

const MADE_UP: &[Made] = &[
    ("mi", "mimalloc-rs 0.1.0", [1.0; 9], [1.0; 9]),
    (
        "mi3",
        "mimalloc C v3.1.5",
        [1.03, 1.08, 1.11, 1.21, 1.18, 1.07, 1.31, 1.00, 0.99],
        [1.02, 1.06, 1.12, 1.34, 1.31, 1.09, 1.15, 1.04, 1.07],
    ),
    (
        "mi2",
        "mimalloc C v2.2.4",
        [1.02, 1.05, 1.09, 1.16, 1.13, 1.04, 1.22, 1.01, 1.00],
        [1.01, 1.03, 1.08, 1.26, 1.25, 1.05, 1.10, 1.03, 1.05],
    ),
    (
        "jx",
        "jemalloc 5.3.1",
        [1.06, 1.19, 1.24, 1.38, 1.35, 1.81, 1.62, 1.01, 1.02],
        [1.31, 0.97, 1.05, 0.88, 0.91, 0.74, 0.82, 1.42, 1.51],
    ),
    (
        "sn",
        "snmalloc-rs 0.7.6",
        [1.01, 1.04, 1.02, 0.95, 0.93, 1.12, 0.97, 1.00, 1.01],
        [1.12, 1.15, 1.21, 1.48, 1.44, 0.96, 1.03, 1.18, 1.22],
    ),
    (
        "rp",
        "rpmalloc-rs 0.2.2",
        [1.00, 1.10, 1.13, 1.04, 1.06, 1.33, 1.41, 1.02, 1.01],
        [1.24, 1.41, 1.52, 1.93, 1.88, 1.21, 1.33, 1.35, 1.37],
    ),
    (
        "tcg",
        "tcmalloc-better 0.1.19",
        [1.04, 0.98, 1.07, 1.29, 1.27, 0.91, 1.14, 1.01, 1.38],
        [2.84, 1.22, 1.35, 1.12, 1.10, 1.18, 1.26, 3.61, 3.72],
    ),
    (
        "ra",
        "rusty_alloc 0.3.0",
        [1.09, 1.14, 1.22, 1.47, 1.44, 1.28, 1.56, 1.00, 1.03],
        [1.05, 1.09, 1.17, 1.29, 1.27, 1.11, 1.19, 1.06, 1.08],
    ),
    (
        "mc",
        "glibc malloc 2.36",
        [1.17, 1.46, 1.52, 2.31, 2.25, 3.12, 6.34, 1.03, 1.02],
        [0.92, 0.94, 1.02, 1.09, 1.07, 0.71, 0.78, 0.89, 0.93],
    ),
    (
        "je",
        "jemalloc (preload)",
        [1.10, 1.27, 1.33, 1.51, 1.49, 1.97, 1.80, 1.02, 1.03],
        [1.36, 0.99, 1.08, 0.90, 0.92, 0.77, 0.84, 1.46, 1.55],
    ),
    (
        "tc",
        "gperftools (preload)",
        [1.05, 1.03, 1.18, 1.72, 1.66, 1.02, 2.44, 1.98, 7.91],
        [2.10, 1.18, 1.29, 1.24, 1.21, 1.13, 1.22, 2.66, 2.71],
    ),
];

/// Made-up absolute medians of the reference: milliseconds and MiB.
const REFERENCE: [(f64, f64); 9] = [
    (1184.0, 2.9),
    (912.0, 14.2),
    (1043.0, 15.1),
    (2310.0, 81.4),
    (2275.0, 83.9),
    (488.0, 174.3),
    (731.0, 96.0),
    (1302.0, 3.1),
    (655.0, 3.3),
];

/// A complete run of all allocators without failures.
pub fn summary() -> Summary {
    // Resampling takes a moment, and tests ask often.
    static COMPLETE: LazyLock<Summary> = LazyLock::new(complete);
    COMPLETE.clone()
}

fn complete() -> Summary {
    let configured = Config::embedded().expect("the embedded configuration is valid").allocators;
    let allocators = MADE_UP.iter().map(|(id, label, ..)| {
        let known = configured.iter().find(|known| known.id == *id);
        let Allocator { id, colour, pattern, .. } = known.expect("the allocator is configured").clone();
        AllocatorInfo { id, label: (*label).to_owned(), colour, pattern, library: None, pace: None }
    });
    let mut cells = Vec::new();
    for (at, row) in ROWS.into_iter().enumerate() {
        for (position, (id, _, time, rss)) in MADE_UP.iter().enumerate() {
            let (milliseconds, mebibytes) = REFERENCE[at];
            // Intervals of varied width, the same every time.
            let spread = 1.0 + 0.006 * (1 + (3 * at + 5 * position) % 7) as f64;
            let cell = |metric, unit: &str, reference: f64, ratio: f64, spread: f64| SummaryRow {
                workload: row.to_owned(),
                allocator: (*id).to_owned(),
                metric,
                unit: unit.to_owned(),
                n: 7,
                median: Some(reference * ratio),
                ratio_to_ref: Some(ratio),
                ci_low: Some(if position == 0 { 1.0 } else { ratio / spread }),
                ci_high: Some(if position == 0 { 1.0 } else { ratio * spread }),
                status: "ok".to_owned(),
            };
            cells.push(cell(Metric::Time, "ns", milliseconds * 1e6, time[at], spread));
            cells.push(cell(Metric::PeakRss, "bytes", mebibytes * 1_048_576.0, rss[at], spread.sqrt()));
        }
    }
    let mut summary = Summary {
        run: RunInfo {
            run_id: "made-up-data".to_owned(),
            started_utc: "2000-01-01T12:00:00Z".to_owned(),
            commit: "0000000".to_owned(),
            passes: 7,
            seed: 42,
            preset: "current".to_owned(),
            size: "calibrated".to_owned(),
            profile: "worker".to_owned(),
            machine: "no machine: these numbers were made up to look at the charts, not measured".to_owned(),
            rustc: "rustc 1.95.0".to_owned(),
            warnings: vec!["made-up data: nothing in this picture was measured".to_owned()],
        },
        allocators: allocators.collect(),
        reference: "mi".to_owned(),
        rows: cells,
        means: Vec::new(),
    };
    summary.means = means(&summary);
    summary
}

/// The same run gone wrong in every way a picture has to show: allocators and cells that failed,
/// intervals and ratios far off the axis, three passes only, a noisy machine.
pub fn rough_summary() -> Summary {
    let mut summary = summary();
    summary.run.passes = 3;
    summary.run.warnings.push("3 passes only: whiskers are ranges, not confidence intervals".to_owned());
    summary.run.warnings.push("CPU steal of 9.1 % during the run: repeat it on a quiet machine".to_owned());
    for row in &mut summary.rows {
        row.n = 3;
        let failure = match (row.allocator.as_str(), row.workload.as_str()) {
            ("sn", _) => "build-failed",
            ("rp", "sh8bench") => "timeout",
            ("ra", "larson" | "larson-sized") => "signal(SIGSEGV)",
            ("je", "cfrac") => "wrong-output",
            _ => "ok",
        };
        if failure != "ok" {
            (row.median, row.ratio_to_ref, row.ci_low, row.ci_high) = (None, None, None, None);
            row.status = failure.to_owned();
        }
        match (row.allocator.as_str(), row.workload.as_str()) {
            ("tcg", "alloc-test1") => (row.ci_low, row.ci_high) = (Some(0.4), Some(9.0)),
            ("mi2", "cache-scratchN") => (row.ratio_to_ref, row.ci_low) = (Some(0.11), Some(0.09)),
            ("mc", "sh6bench") => (row.ratio_to_ref, row.ci_high) = (Some(1432.0), Some(1500.0)),
            _ => {}
        }
    }
    summary.means = means(&summary);
    summary
}

/// The means that the digest would take if the ratios of the passes were spread evenly over the
/// intervals of the rows.
fn means(summary: &Summary) -> Vec<Means> {
    let workloads = ROWS;
    let allocators: Vec<&str> = summary.allocators.iter().map(|allocator| allocator.id.as_str()).collect();
    let cells: HashMap<_, _> = summary
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| ((row.metric, row.workload.as_str(), row.allocator.as_str()), (at, row)))
        .collect();
    means::means(&workloads, &allocators, summary.run.seed, |metric, workload, allocator| {
        let cell = cells.get(&(metric, workload, allocator));
        Entry {
            completed: cell.is_some_and(|(_, row)| row.status == "ok"),
            log_ratios: cell.map(|(at, row)| passes(row, *at).into()).unwrap_or_default(),
        }
    })
}

/// Logarithms of ratios by pass. `shift` moves them, so that not all cells are at their worst in
/// the same pass.
fn passes(row: &SummaryRow, shift: usize) -> Vec<Option<f64>> {
    let middle = (row.n - 1) as f64 / 2.0;
    let ratio_in = |pass: usize| {
        let place = ((pass + shift) % row.n) as f64 / middle - 1.0;
        let (ratio, low, high) = (row.ratio_to_ref?.ln(), row.ci_low?.ln(), row.ci_high?.ln());
        Some(if place < 0.0 { ratio - place * (low - ratio) } else { ratio + place * (high - ratio) })
    };
    (0..row.n).map(ratio_in).collect()
}
