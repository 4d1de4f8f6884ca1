//! The words that charts and the report share, so that both say the same.

use crate::config::Group;
use crate::plan::passes_in_words;

use super::matrix::{Matrix, failures};
use super::numbers;
use crate::stats::bootstrap::MIN_OBSERVATIONS;
use crate::summary::{Metric, RunInfo};

/// How a metric is spoken of.
#[derive(Debug, Clone, Copy)]
pub struct MetricWords {
    /// At the beginning of titles.
    pub title: &'static str,
    /// What less of it is.
    pub better: &'static str,
    /// What more of it is.
    pub worse: &'static str,
}

/// The words of one metric.
pub fn metric(metric: Metric) -> MetricWords {
    let (title, better, worse) = match metric {
        Metric::Time => ("Time", "faster", "slower"),
        Metric::RawTime => ("Time by the clock", "faster", "slower"),
        Metric::PeakRss => ("Peak memory (RSS)", "less memory", "more memory"),
        Metric::DrainedRss => ("Memory kept after freeing", "less memory", "more memory"),
        Metric::CpuTime => ("CPU time", "less CPU time", "more CPU time"),
        Metric::MinorFaults => ("Page faults", "fewer faults", "more faults"),
    };
    MetricWords { title, better, worse }
}

/// The words of one group of workloads.
pub fn group(group: Group) -> &'static str {
    match group {
        Group::Programs => "programs",
        Group::Stress => "stress loops",
        Group::Modern => "newer stress loops",
        Group::Rust => "Rust programs",
        Group::Operations => "single operations",
        Group::Real => "real programs",
    }
}

/// Number of passes behind the ratios of a picture.
pub fn passes(matrix: &Matrix) -> String {
    match matrix.passes() {
        None => "no usable passes".to_owned(),
        Some((least, most)) if least == most => format!("n = {}", passes_in_words(most)),
        Some((least, most)) => format!("n = {least}–{most} passes"),
    }
}

/// What the whiskers are.
pub fn interval(matrix: &Matrix) -> String {
    match matrix.passes() {
        Some((least, _)) if least >= MIN_OBSERVATIONS => "95 % bootstrap interval".to_owned(),
        Some((_, most)) if most >= MIN_OBSERVATIONS => {
            format!("95 % bootstrap interval, range where n < {MIN_OBSERVATIONS}")
        }
        _ => "range of the passes".to_owned(),
    }
}

/// Over which workloads a geometric mean was taken.
pub fn mean_over(matrix: &Matrix) -> String {
    match (matrix.mean_over(), matrix.workloads.len()) {
        (0, _) => "no geometric mean, no workload was completed by every allocator".to_owned(),
        (over, of) if over == of => format!("geometric mean of {over} workloads"),
        (over, of) => {
            format!("geometric mean of the {over} of {of} workloads that every compared allocator completed")
        }
    }
}

/// Which run this is.
pub fn run_line(run: &RunInfo) -> String {
    let date = run.started_utc.split('T').next().unwrap_or_default();
    format!(
        "run {} · commit {} · {date} · {} · seed {} · preset {} · size {} · profile {}",
        run.run_id,
        run.commit,
        passes_in_words(run.passes),
        run.seed,
        run.preset,
        run.size,
        run.profile
    )
}

/// Where it ran.
pub fn machine_line(run: &RunInfo) -> String {
    format!("{} · {}", run.machine, run.rustc)
}

/// A picture in a few sentences: the means and what failed.
pub fn description(matrix: &Matrix) -> String {
    let words = metric(matrix.metric);
    let each: Vec<String> = matrix
        .allocators
        .iter()
        .enumerate()
        .filter(|(_, allocator)| allocator.id != matrix.reference)
        .filter_map(|(at, allocator)| {
            Some(format!("{} {}", allocator.label, numbers::ratio(matrix.mean(at)?.value)))
        })
        .collect();
    let failures: Vec<String> = failures(&[matrix])
        .into_iter()
        .map(|failure| {
            format!("{} in {} ({})", failure.allocator, failure.workloads.join(", "), failure.reason)
        })
        .collect();
    let mut text = format!(
        "{} relative to {}, lower is better; {}: {}.",
        words.title,
        matrix.reference_label(),
        mean_over(matrix),
        if each.is_empty() { "none".to_owned() } else { each.join(", ") },
    );
    if !failures.is_empty() {
        text.push_str(&format!(" Failed: {}.", failures.join("; ")));
    }
    text
}
