//! Resident memory over time: taken in a pass of its own, because whoever looks at a process every
//! other millisecond competes with it.

mod pass;
mod sampler;
mod thin;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use workloads::phases::{Mark, Phase};
use workloads::protocol::PhaseMemory;

pub use pass::{Pass, estimate};
pub use sampler::{Reading, Sampler, Scope};
pub use thin::thinned;

use crate::jsonl;
use crate::sample::Expected;
use crate::status::Status;

/// Name of the file inside a run's folder.
pub const FILE: &str = "curves.jsonl";

/// Most points that are kept of a curve.
const MOST_POINTS: usize = 2000;

/// The resident memory of one execution of one workload under one allocator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Workload id.
    pub workload: String,
    /// Allocator id.
    pub allocator: String,
    /// How the execution ended.
    pub status: Status,
    /// Why it failed, in one line.
    pub reason: Option<String>,
    /// What was resident when, from the row's begin until it had settled. Without phases, from the
    /// first look at the process to the last one.
    pub points: Vec<Point>,
    /// When which phase began; empty for a program that does not tell.
    pub phases: Vec<PhaseAt>,
    /// What was resident in each phase, as the worker saw it.
    pub memory: Option<PhaseMemory>,
    /// What its work amounted to. Earlier versions did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// A point of a curve; in files a pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, u64)", into = "(f64, u64)")]
pub struct Point {
    /// Milliseconds since the row's begin.
    pub ms: f64,
    /// What was resident.
    pub bytes: u64,
}

impl From<(f64, u64)> for Point {
    fn from((ms, bytes): (f64, u64)) -> Self {
        Self { ms, bytes }
    }
}

impl From<Point> for (f64, u64) {
    fn from(point: Point) -> Self {
        (point.ms, point.bytes)
    }
}

/// When a phase began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseAt {
    /// The phase.
    pub phase: Phase,
    /// Milliseconds since the row's begin.
    pub ms: f64,
}

/// The points and phases of a curve, from what was seen from outside and what the worker wrote down.
///
/// What a worker notes is an exact reading at a moment that matters, so it becomes a point as well.
pub fn assemble(readings: &[Reading], marks: &[Mark]) -> (Vec<Point>, Vec<PhaseAt>) {
    let noted = |phase: Phase| marks.iter().find(|mark| mark.phase == phase).map(|mark| mark.at_ns);
    let Some(begin) = noted(Phase::Begin).or_else(|| readings.first().map(|reading| reading.at_ns)) else {
        return (Vec::new(), Vec::new());
    };
    let end = noted(Phase::Settled1s).unwrap_or(u64::MAX);
    let mut seen: Vec<Reading> = marks
        .iter()
        .map(|mark| Reading { at_ns: mark.at_ns, bytes: mark.rss_bytes })
        .chain(readings.iter().copied())
        .filter(|reading| (begin..=end).contains(&reading.at_ns) && reading.bytes > 0)
        .collect();
    seen.sort_by_key(|reading| reading.at_ns);
    let points: Vec<Point> = seen
        .into_iter()
        .map(|reading| Point { ms: milliseconds(reading.at_ns - begin), bytes: reading.bytes })
        .collect();
    let phases = marks
        .iter()
        .map(|mark| PhaseAt { phase: mark.phase, ms: milliseconds(mark.at_ns.saturating_sub(begin)) })
        .collect();
    (thinned(&thin::without_plateaus(&points), MOST_POINTS), phases)
}

impl Curve {
    /// When `phase` began, in milliseconds since the row's begin.
    pub fn began(&self, phase: Phase) -> Option<f64> {
        self.phases.iter().find(|at| at.phase == phase).map(|at| at.ms)
    }

    /// When the row had freed everything; of a program without phases, when it ended.
    pub fn run_end(&self) -> Option<f64> {
        self.began(Phase::Drained).or_else(|| self.points.last().map(|point| point.ms))
    }

    /// The most that was resident.
    pub fn peak(&self) -> Option<u64> {
        let seen = self.points.iter().map(|point| point.bytes).max();
        self.memory.map(|memory| memory.peak).max(seen)
    }

    /// Whether it failed in a way that the machine is not to blame for.
    pub fn is_finding(&self) -> bool {
        self.status != Status::Ok && !self.status.may_be_the_machine()
    }

    /// The points, if the execution counts.
    pub fn usable(&self) -> Option<&[Point]> {
        (self.status == Status::Ok && !self.points.is_empty()).then_some(&self.points)
    }
}

/// Marks curves of executions whose work did not amount to what is `expected` of their workload, as samples are marked: it may be
/// just then that an allocator gives out what is in use.
pub fn mark_wrong_checksums(curves: &mut [Curve], expected: &BTreeMap<String, Expected>) {
    for curve in curves.iter_mut().filter(|curve| curve.status == Status::Ok) {
        let (Some(found), Some(expected)) = (&curve.checksum, expected.get(&curve.workload)) else {
            continue;
        };
        if *found != expected.checksum {
            curve.reason = Some(expected.missed_by(found, ""));
            curve.status = Status::WrongOutput;
        }
    }
}

/// Where what explains a failure is kept among the `logs` of a run.
pub fn log(curve: &Curve, logs: &Path) -> PathBuf {
    logs.join(format!("{}-{}-memory.txt", curve.workload, curve.allocator))
}

/// The curves of the run in `folder`; none if none were taken.
pub fn load(folder: &Path) -> Result<Vec<Curve>> {
    jsonl::load(&folder.join(FILE))
}

/// Like [`load`], and cuts off what a crash left of a line, so that appending can go on.
pub fn load_and_mend(folder: &Path) -> Result<Vec<Curve>> {
    jsonl::load_and_mend(&folder.join(FILE))
}

/// To the microsecond: a curve has no finer one, and its file stays small.
fn milliseconds(nanoseconds: u64) -> f64 {
    (nanoseconds / 1000) as f64 / 1000.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn mark(phase: Phase, at_ms: u64, rss_bytes: u64) -> Mark {
        Mark { phase, at_ns: at_ms * 1_000_000, rss_bytes }
    }

    fn reading(at_ms: u64, bytes: u64) -> Reading {
        Reading { at_ns: at_ms * 1_000_000, bytes }
    }

    #[test]
    fn a_curve_reaches_from_begin_to_settled_and_has_the_marks_as_points() {
        let readings =
            [reading(1, 100), reading(4, 400), reading(8, 900), reading(1100, 50), reading(1200, 9)];
        let marks =
            [mark(Phase::Begin, 3, 300), mark(Phase::Stop, 7, 1000), mark(Phase::Settled1s, 1150, 60)];
        let (points, phases) = assemble(&readings, &marks);
        let expected = [(0.0, 300), (1.0, 400), (4.0, 1000), (5.0, 900), (1097.0, 50), (1147.0, 60)];
        assert_eq!(points, expected.map(Point::from));
        assert_eq!(phases[1], PhaseAt { phase: Phase::Stop, ms: 4.0 });
    }

    #[test]
    fn without_marks_it_begins_with_the_first_reading() {
        let (points, phases) = assemble(&[reading(5, 1), reading(7, 2)], &[]);
        assert_eq!((points, phases), (vec![(0.0, 1).into(), (2.0, 2).into()], Vec::new()));
        assert_eq!(assemble(&[], &[]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn checksums_are_compared_where_there_are_any_and_nothing_worse_is_known() {
        let curve = |status, checksum: Option<&str>| Curve {
            workload: "larson".to_owned(),
            allocator: "mc".to_owned(),
            status,
            reason: None,
            points: Vec::new(),
            phases: Vec::new(),
            memory: None,
            checksum: checksum.map(str::to_owned),
        };
        let marked = |status, checksum, workload: &str| {
            let mut curves = [curve(status, checksum)];
            let expected = Expected { checksum: "right".to_owned(), varies: false };
            mark_wrong_checksums(&mut curves, &[(workload.to_owned(), expected)].into());
            let [Curve { status, reason, .. }] = curves;
            (status, reason)
        };
        let reason = "checksum wrong, expected right".to_owned();
        assert_eq!(marked(Status::Ok, Some("wrong"), "larson"), (Status::WrongOutput, Some(reason)));
        assert_eq!(marked(Status::Ok, Some("right"), "larson"), (Status::Ok, None));
        assert_eq!(marked(Status::Ok, Some("wrong"), "cfrac"), (Status::Ok, None));
        assert_eq!(marked(Status::Ok, None, "larson"), (Status::Ok, None));
        assert_eq!(marked(Status::Timeout, Some("wrong"), "larson"), (Status::Timeout, None));
    }

    #[test]
    fn a_peak_between_two_looks_is_the_one_that_the_worker_noted() {
        let (settled_100ms, settled_1s) = (0, 0);
        let memory = PhaseMemory { begin: 0, run_end: 500, peak: 900, drained: 0, settled_100ms, settled_1s };
        let mut curve = Curve {
            workload: "larson".to_owned(),
            allocator: "mc".to_owned(),
            status: Status::Ok,
            reason: None,
            points: vec![Point { ms: 0.0, bytes: 100 }, Point { ms: 2.0, bytes: 700 }],
            phases: Vec::new(),
            memory: Some(memory),
            checksum: None,
        };
        assert_eq!(curve.peak(), Some(900));
        curve.memory = None;
        assert_eq!(curve.peak(), Some(700));
        assert!(curve.usable().is_some());
        curve.status = Status::Timeout;
        assert_eq!(curve.usable(), None, "what was seen of a run that failed is no curve");
    }

    #[test]
    fn points_are_pairs_in_files() {
        let text = serde_json::to_string(&Point { ms: 1.5, bytes: 7 }).unwrap();
        assert_eq!(text, "[1.5,7]");
        assert_eq!(serde_json::from_str::<Point>(&text).unwrap(), Point { ms: 1.5, bytes: 7 });
    }
}
