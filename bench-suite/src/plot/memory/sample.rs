//! Made-up curves that go with the made-up results of [`crate::plot::sample`].

use workloads::phases::Phase;
use workloads::protocol::PhaseMemory;

use crate::curve::{Curve, PhaseAt, Point};
use crate::plot::sample::ROWS;
use crate::status::Status;
use crate::summary::{Metric, Summary};

const MIB: f64 = 1_048_576.0;
/// Time between two points in milliseconds.
const STEP: f64 = 5.0;

/// One curve for every cell of `summary` that has results; failures otherwise.
pub fn curves(summary: &Summary) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (row, workload) in ROWS.into_iter().enumerate() {
        for (column, allocator) in summary.allocators.iter().enumerate() {
            let cell = |metric| {
                let mut rows = summary.rows.iter();
                rows.find(|r| r.workload == workload && r.allocator == allocator.id && r.metric == metric)
            };
            let (time, rss) = (cell(Metric::Time), cell(Metric::PeakRss));
            let medians = time.and_then(|time| time.median).zip(rss.and_then(|rss| rss.median));
            let Some((nanoseconds, peak)) = medians else {
                let Some(time) = time else { continue };
                curves.push(failed(workload, &allocator.id, &time.status));
                continue;
            };
            curves.push(curve(workload, &allocator.id, nanoseconds / 1e6, peak, row + 3 * column));
        }
    }
    curves
}

fn failed(workload: &str, allocator: &str, status: &str) -> Curve {
    Curve {
        workload: workload.to_owned(),
        allocator: allocator.to_owned(),
        status: status.parse().unwrap_or(Status::Timeout),
        reason: Some("made up".to_owned()),
        points: Vec::new(),
        phases: Vec::new(),
        memory: None,
        checksum: None,
    }
}

/// A rise with teeth, a plateau, a fall when it is freed and a slower one afterwards; `kind` varies it.
fn curve(workload: &str, allocator: &str, measured_ms: f64, peak: f64, kind: usize) -> Curve {
    let varied = |factor: usize, of: usize| ((kind * factor) % of) as f64 / of as f64;
    let begin = MIB * (1.6 + 0.5 * varied(5, 7));
    let peak = peak.max(begin + 0.3 * MIB);
    let start = measured_ms * 0.04 * (1 + kind % 3) as f64;
    let stop = start + measured_ms;
    let drained = stop + measured_ms * 0.02 * (1 + kind % 5) as f64;
    let kept = begin + (peak - begin) * varied(3, 8);
    let settled = begin + (kept - begin) * if kind.is_multiple_of(3) { 0.3 } else { 1.0 };
    let height = |ms: f64| {
        if ms < start {
            begin + (peak - begin) * 0.2 * ms / start
        } else if ms < stop {
            let share = (ms - start) / measured_ms;
            let teeth = 0.08 * (share * (9 + kind % 8) as f64).fract();
            begin + (peak - begin) * ((0.2 + 0.9 * share).min(0.92) - teeth + 0.08 * share)
        } else if ms < drained {
            peak + (kept - peak) * (ms - stop) / (drained - stop)
        } else {
            settled + (kept - settled) * (-(ms - drained) / 150.0).exp()
        }
    };
    let end = drained + 1000.0;
    let steps = (0..).map(|step| f64::from(step) * STEP).take_while(|ms| *ms < end);
    let mut times: Vec<f64> = steps.chain([start, stop, drained, end]).collect();
    times.sort_by(f64::total_cmp);
    let points = times.iter().map(|&ms| Point { ms, bytes: height(ms) as u64 }).collect();
    let phase = |(phase, ms)| PhaseAt { phase, ms };
    let moments = [0.0, start, stop, drained, drained + 100.0, end];
    let bytes = |ms: f64| height(ms) as u64;
    Curve {
        workload: workload.to_owned(),
        allocator: allocator.to_owned(),
        status: Status::Ok,
        reason: None,
        points,
        phases: Phase::ALL.into_iter().zip(moments).map(phase).collect(),
        memory: Some(PhaseMemory {
            begin: bytes(0.0),
            run_end: bytes(stop),
            peak: peak as u64,
            drained: bytes(drained),
            settled_100ms: bytes(drained + 100.0),
            settled_1s: bytes(end),
        }),
        checksum: None,
    }
}
