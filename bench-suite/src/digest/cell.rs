//! The samples of one workload under one allocator, judged together.

use workloads::protocol::Report;

use crate::record::RunRecord;
use crate::sample::Sample;
use crate::stats::pace::{Paced, PacedSeries};
use crate::stats::ratio::Series;
use crate::status::Status;
use crate::summary::Metric;
use crate::workers::AllocatorRecord;

/// The judged samples of one workload under one allocator.
pub(super) struct Cell<'a> {
    pub(super) workload: &'a str,
    pub(super) allocator: &'a str,
    pub(super) status: Status,
    pub(super) reason: Option<&'a str>,
    /// The reports by pass.
    pub(super) reports: Vec<Option<&'a Report>>,
    /// The time of the fixed computation by pass, where it was taken.
    pub(super) paces: Vec<Option<f64>>,
}

impl<'a> Cell<'a> {
    /// Judges the samples of one cell.
    pub(super) fn new(
        record: &RunRecord,
        workload: &'a str,
        allocator: &'a AllocatorRecord,
        samples: &'a [Sample],
    ) -> Self {
        let id = allocator.config.id.as_str();
        let own: Vec<&Sample> =
            samples.iter().filter(|s| s.workload == workload && s.allocator == id).collect();
        let (status, reason) = if allocator.status == Status::Ok {
            verdict(&own)
        } else {
            (allocator.status.clone(), allocator.reason.as_deref())
        };
        let mut reports = vec![None; record.plan.passes];
        let mut paces = vec![None; record.plan.passes];
        if status == Status::Ok {
            for sample in own {
                if let (Some(report), Some(pace)) = (reports.get_mut(sample.pass), paces.get_mut(sample.pass))
                {
                    *report = sample.usable();
                    *pace = report.and(sample.noise.pace_ns).map(|ns| ns as f64);
                }
            }
        }
        Self { workload, allocator: id, status, reason, reports, paces }
    }

    /// Whether the time is per operation, because the row ran for a fixed time.
    pub(super) fn is_rate(&self) -> bool {
        self.reports.iter().flatten().any(|report| report.score_ns != report.run_ns)
    }

    /// The values of one metric by pass, each with the pace of the machine; `None` if that is unknown for any.
    pub(super) fn paced(&self, metric: Metric) -> Option<PacedSeries> {
        let measured = self.series(metric).into_iter().zip(&self.paces);
        let paced = |(value, pace): (Option<f64>, &Option<f64>)| match (value, *pace) {
            (Some(value), Some(pace)) => Some(Some(Paced { value, pace })),
            (Some(_), None) => None,
            (None, _) => Some(None),
        };
        measured.map(paced).collect()
    }

    /// The values of one metric by pass.
    pub(super) fn series(&self, metric: Metric) -> Series {
        self.reports.iter().map(|report| report.and_then(|report| value(report, metric))).collect()
    }
}

/// What the samples of one cell amount to. One failure that the machine may be to blame
/// for is forgiven if the cell did well otherwise; any other failure is a finding.
fn verdict<'a>(samples: &[&'a Sample]) -> (Status, Option<&'a str>) {
    let failed: Vec<&Sample> = samples.iter().copied().filter(|s| s.status != Status::Ok).collect();
    let finding = failed.iter().find(|s| !s.status.may_be_the_machine());
    let unforgiven = || failed.first().filter(|_| failed.len() > 1 || failed.len() == samples.len());
    match finding.or_else(unforgiven) {
        Some(sample) => (sample.status.clone(), sample.reason.as_deref()),
        None if samples.is_empty() => (Status::NotRun, Some("the run ended before")),
        None => (Status::Ok, None),
    }
}

/// The figure of one execution, if it is known.
fn value(report: &Report, metric: Metric) -> Option<f64> {
    let value = match metric {
        Metric::Time | Metric::RawTime => report.score_ns,
        Metric::PeakRss => report.peak_rss_bytes,
        Metric::DrainedRss => report.drained_rss_bytes?,
        Metric::CpuTime => report.usage.user_us + report.usage.sys_us,
        Metric::MinorFaults => report.usage.minor_faults,
    };
    Some(value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::tests::{report, sample};

    #[test]
    fn every_metric_has_its_own_figure() {
        let mut report = report("mi", "larson", 100);
        (report.run_ns, report.peak_rss_bytes, report.drained_rss_bytes) = (200, 300, Some(400));
        let usage = &mut report.usage;
        (usage.user_us, usage.sys_us, usage.minor_faults, usage.major_faults) = (1000, 500, 600, 700);
        let metrics = [
            (Metric::Time, 100.0),
            (Metric::RawTime, 100.0),
            (Metric::PeakRss, 300.0),
            (Metric::DrainedRss, 400.0),
            (Metric::CpuTime, 1500.0),
            (Metric::MinorFaults, 600.0),
        ];
        for (metric, expected) in metrics {
            assert_eq!(value(&report, metric), Some(expected), "{metric:?}");
        }
    }

    #[test]
    fn a_cell_whose_only_sample_ran_out_of_time_has_failed() {
        let (good, mut late) = (sample(0, "larson", "mi", 5), sample(1, "larson", "mi", 5));
        (late.status, late.report) = (Status::Timeout, None);
        assert_eq!(verdict(&[&late]).0, Status::Timeout);
        assert_eq!(verdict(&[&good, &late]).0, Status::Ok);
    }
}
