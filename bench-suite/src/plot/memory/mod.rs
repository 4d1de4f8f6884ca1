//! Memory over time: for every workload one line per allocator, a sheet for each and one for all.

mod all;
mod one;
mod panel;
pub mod sample;
#[cfg(test)]
mod tests;

use workloads::phases::Phase;

pub use all::AllCurves;
pub use one::OneCurve;

use super::legend::{self, Entry};
use super::linear::Linear;
use super::matrix;
use super::numbers;
use crate::curve::{Curve, Point};
use crate::status::Status;
use crate::summary::{AllocatorInfo, Summary};

/// What is drawn of slow allocators: this many times as long as the one in the middle takes.
const LONGEST: f64 = 3.0;
/// How long a process is idle when it has freed everything.
const SETTLING_MS: f64 = 1000.0;

/// The curves of one workload.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    /// Workload id.
    pub workload: &'a str,
    /// Id of the reference.
    reference: &'a str,
    /// One for each allocator, in display order.
    lines: Vec<Line<'a>>,
}

/// One allocator and its curve, or why it has none.
#[derive(Debug, Clone)]
struct Line<'a> {
    allocator: &'a AllocatorInfo,
    curve: Result<&'a Curve, String>,
}

/// The curve of a cell that ended well; else the reason why there is none, in a word.
pub(super) fn find<'a>(
    summary: &Summary,
    curves: &'a [Curve],
    workload: &str,
    allocator: &str,
) -> Result<&'a Curve, String> {
    let curve = curves.iter().find(|curve| curve.workload == workload && curve.allocator == allocator);
    match curve {
        Some(curve) if curve.usable().is_some() => Ok(curve),
        Some(curve) if curve.status != Status::Ok => Err(curve.status.to_string()),
        _ => {
            let row = summary.rows.iter().find(|row| row.workload == workload && row.allocator == allocator);
            let failed = row.filter(|row| row.status != "ok").map(|row| row.status.clone());
            Err(failed.unwrap_or_else(|| "not taken".to_owned()))
        }
    }
}

impl<'a> Lines<'a> {
    /// The workloads of a run that have curves, in the order of the suite.
    pub fn of_run(summary: &'a Summary, curves: &'a [Curve]) -> Vec<Self> {
        let of_workload = |workload: &'a str| Self {
            workload,
            reference: &summary.reference,
            lines: summary
                .allocators
                .iter()
                .map(|allocator| Line { allocator, curve: find(summary, curves, workload, &allocator.id) })
                .collect(),
        };
        let all = matrix::workloads_of(summary).into_iter().map(|(workload, _)| of_workload(workload));
        all.filter(|lines| lines.drawn().next().is_some()).collect()
    }

    /// What can be drawn, the reference last so that it lies on top.
    fn drawn(&self) -> impl Iterator<Item = (&'a AllocatorInfo, &'a Curve)> + '_ {
        let shown = |reference: bool| {
            self.lines.iter().filter(move |line| (line.allocator.id == self.reference) == reference)
        };
        let with_curve = |line: &Line<'a>| Some((line.allocator, *line.curve.as_ref().ok()?));
        shown(false).chain(shown(true)).filter_map(with_curve)
    }

    fn reference_curve(&self) -> Option<&'a Curve> {
        self.drawn().find(|(allocator, _)| allocator.id == self.reference).map(|(_, curve)| curve)
    }

    /// How long is drawn: until the slowest has freed everything, unless it is very slow.
    fn run_axis(&self) -> Linear {
        Linear::milliseconds(self.run_ms())
    }

    fn run_ms(&self) -> f64 {
        let mut ends: Vec<f64> = self.drawn().filter_map(|(_, curve)| curve.run_end()).collect();
        ends.sort_by(f64::total_cmp);
        let longest = ends.last().copied().unwrap_or(1.0);
        let middle = ends.get(ends.len().saturating_sub(1) / 2).copied().unwrap_or(longest);
        longest.min(LONGEST * middle).max(1.0)
    }

    /// Up to the highest peak.
    fn height_axis(&self) -> Linear {
        let peaks = self.drawn().filter_map(|(_, curve)| curve.peak());
        Linear::bytes(peaks.max().unwrap_or(0) as f64)
    }

    /// Whether the second after the run was looked at too; a program of its own just ends.
    fn has_settling(&self) -> bool {
        self.drawn().any(|(_, curve)| curve.began(Phase::Settled1s).is_some())
    }

    /// What the ticks, the shades and the right part are; programs that tell no phases have none.
    fn explanation(&self) -> String {
        if self.has_settling() {
            format!(
                "Tick on a line: its measured part ends. Shaded: {} is not being measured. Right: the second after \
                 everything was freed, the process idle.",
                self.reference
            )
        } else {
            "From the start of the program to its end; what several of its processes share counts for each."
                .to_owned()
        }
    }

    /// Which allocators go on beyond the drawn end, and until when; nothing if none does.
    fn cut(&self) -> Option<String> {
        let limit = self.run_ms();
        let ends: Vec<String> = self
            .drawn()
            .filter_map(|(allocator, curve)| {
                let end = curve.run_end().filter(|end| *end > limit * 1.0001)?;
                Some(format!("{} goes on until {}", allocator.id, numbers::absolute(end * 1e6, "ns")))
            })
            .collect();
        (!ends.is_empty()).then(|| format!("Cut on the right: {}.", ends.join(", ")))
    }

    /// Every allocator with its peak, or why it has none.
    fn legend(&self, room: f64) -> Vec<Entry<'a>> {
        let entry = |line: &Line<'a>| {
            let name = legend::name_of(line.allocator, self.reference);
            let (number, name) = match &line.curve {
                Ok(curve) => (numbers::absolute(curve.peak().unwrap_or(0) as f64, "bytes"), name),
                Err(reason) => ("×".to_owned(), format!("{name}: {reason}")),
            };
            Entry::new(line.allocator, number, &name, room)
        };
        self.lines.iter().map(entry).collect()
    }

    /// The peaks in words.
    fn description(&self) -> String {
        let each: Vec<String> = self
            .drawn()
            .filter_map(|(allocator, curve)| {
                let peak = numbers::absolute(curve.peak()? as f64, "bytes");
                let kept = curve.memory.map(|memory| numbers::absolute(memory.settled_1s as f64, "bytes"));
                let kept = kept.map_or_else(String::new, |kept| format!(", {kept} a second after freeing"));
                Some(format!("{}: at most {peak}{kept}", allocator.label))
            })
            .collect();
        format!("{}: {}.", self.workload, each.join("; "))
    }
}

/// The line until `end`, and from there on with times counted from it.
fn split(points: &[Point], end: f64) -> (Vec<Point>, Vec<Point>) {
    let Some(bytes) = height_at(points, end) else { return (points.to_vec(), Vec::new()) };
    let before = points.iter().copied().filter(|point| point.ms < end);
    let after = points.iter().filter(|point| point.ms > end);
    let after = after.map(|point| Point { ms: point.ms - end, ..*point });
    (
        before.chain([Point { ms: end, bytes }]).collect(),
        std::iter::once(Point { ms: 0.0, bytes }).chain(after).collect(),
    )
}

/// The height of a line at `ms`; nothing beyond its ends.
fn height_at(points: &[Point], ms: f64) -> Option<u64> {
    let next = points.partition_point(|point| point.ms < ms);
    let after = points.get(next)?;
    let before = next.checked_sub(1).map_or(after, |before| &points[before]);
    if after.ms > ms && next == 0 {
        return None;
    }
    let share = if after.ms > before.ms { (ms - before.ms) / (after.ms - before.ms) } else { 1.0 };
    let (from, to) = (before.bytes as f64, after.bytes as f64);
    Some((from + (to - from) * share).round() as u64)
}
