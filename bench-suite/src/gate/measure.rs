//! Taking the figures of a gate: from workers that count, from callgrind, from a quick run.

use std::time::Duration;

use anyhow::Result;
use workloads::registry::{NATIVE, ROWS};
use workloads::rows::Size;

use super::{COMPARED, Check, Figures, Peak, RowRatio, SUBJECT, YARDSTICK};
use crate::digest::{Digest, digest};
use crate::exec::{Execution, Executor, Job};
use crate::fingerprint::output_line;
use crate::plan::Params;
use crate::record::RunRecord;
use crate::sample::{Sample, mark_wrong_checksums};
use crate::status::Status;
use crate::summary::{Metric, SummaryRow};
use crate::workers::Launch;

/// Single-threaded workloads whose instructions are counted.
const COUNTED_ROWS: [&str; 3] = ["cfrac", "alloc-test1", "cache-scratch1"];
/// Longest time of one worker, also under callgrind, which is some fifty times slower.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The version of valgrind, if it is installed.
pub fn valgrind_version() -> Option<String> {
    output_line("valgrind", &["--version"], None)
}

/// What each workload asks of the allocator, where its worker can count that, and what it results in. Each is run
/// twice; what differs between the two is left out. `None` when the user stopped it.
pub fn checks(executor: &mut dyn Executor, launch: &Launch, figures: &mut Figures) -> Result<Option<()>> {
    for row in ROWS {
        // What crates ask for is counted in no worker whose allocator is measured.
        let stats = !NATIVE.contains(row);
        let Some(one) = run(executor, launch, row, figures.params, stats)? else { return Ok(None) };
        let Some(other) = run(executor, launch, row, figures.params, stats)? else { return Ok(None) };
        match check_of(one, stats).and_then(|one| Ok(common(&one, &check_of(other, stats)?))) {
            Ok(check) => {
                figures.checks.insert((*row).to_owned(), check);
            }
            Err(why) => {
                figures.failures.insert((*row).to_owned(), why);
            }
        }
    }
    Ok(Some(()))
}

/// Instructions of the single-threaded workloads. `None` when the user stopped it.
pub fn instructions(
    executor: &mut dyn Executor,
    launch: &Launch,
    figures: &mut Figures,
) -> Result<Option<()>> {
    let wrapper = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let launch = Launch { wrapper: wrapper.map(str::to_owned).to_vec(), ..launch.clone() };
    for row in COUNTED_ROWS {
        let Some(execution) = run(executor, &launch, row, figures.params, false)? else { return Ok(None) };
        match collected(&execution.stderr) {
            Some(count) if execution.status == Status::Ok => {
                figures.instructions.insert(row.to_owned(), count);
            }
            _ => {
                figures.failures.insert(row.to_owned(), format!("under callgrind: {}", why(&execution)));
            }
        }
    }
    Ok(Some(()))
}

/// Peaks, and ratios to the yardstick, from a run.
pub fn from_run(record: &RunRecord, samples: Vec<Sample>, figures: &mut Figures) {
    let digest = of_both(record, samples);
    // What has no sample did not fail.
    for cell in digest.failures.iter().filter(|cell| cell.status != Status::NotRun) {
        let failures = match cell.allocator.as_str() {
            SUBJECT => &mut figures.failures,
            _ => &mut figures.yardstick_failures,
        };
        failures.insert(cell.workload.clone(), format!("{}: {}", cell.status, cell.reason));
    }
    for row in &digest.summary.rows {
        if let (Metric::PeakRss, SUBJECT, Some(median)) = (row.metric, row.allocator.as_str(), row.median) {
            let peaks = || peaks(&digest.samples, &row.workload);
            let peak = Peak {
                lowest_bytes: peaks().min().unwrap_or(0),
                median_bytes: median as u64,
                highest_bytes: peaks().max().unwrap_or(0),
            };
            figures.peak_rss.insert(row.workload.clone(), peak);
        }
    }
    for (metric, name) in COMPARED {
        let rows =
            digest.summary.rows.iter().filter(|row| row.metric == metric && row.allocator == YARDSTICK);
        // The digest has yardstick divided by subject.
        let of_subject = |row: &SummaryRow| {
            let (ratio, low, high) = (row.ratio_to_ref?.recip(), row.ci_high?.recip(), row.ci_low?.recip());
            Some(RowRatio { ratio, low, high })
        };
        let ratios = rows.filter_map(|row| Some((row.workload.clone(), of_subject(row)?)));
        figures.ratios.insert(name.to_owned(), ratios.collect());
    }
}

/// The digest of a run as if it had been one of subject and yardstick alone, so that what others fail or are
/// corrected by changes nothing. Which output is right is still up to all that ran.
fn of_both(record: &RunRecord, mut samples: Vec<Sample>) -> Digest {
    let is_judged = |id: &str| [SUBJECT, YARDSTICK].contains(&id);
    mark_wrong_checksums(&mut samples, &record.plan.reference);
    samples.retain(|sample| is_judged(&sample.allocator));
    let mut record = record.clone();
    record.allocators.retain(|allocator| is_judged(&allocator.config.id));
    record.plan.allocators.retain(|id| is_judged(id));
    record.plan.reference = SUBJECT.to_owned();
    digest(&record, samples)
}

/// The subject's peaks in all passes, in bytes.
fn peaks(samples: &[Sample], workload: &str) -> impl Iterator<Item = u64> {
    let own = samples.iter().filter(move |s| s.allocator == SUBJECT && s.workload == workload);
    own.filter_map(Sample::usable).map(|report| report.peak_rss_bytes)
}

fn run(
    executor: &mut dyn Executor,
    launch: &Launch,
    row: &str,
    params: Params,
    stats: bool,
) -> Result<Option<Execution>> {
    let params = Params { size: Size::Check, levelled: false, ..params };
    executor.execute(&Job {
        launch,
        row,
        params,
        stats,
        heap_map: None,
        phases: None,
        env_pad_bytes: 0,
        timeout: TIMEOUT,
    })
}

fn why(execution: &Execution) -> String {
    format!(
        "{}: {}",
        execution.status,
        execution.reason.as_deref().unwrap_or("it did not say what was counted")
    )
}

/// The result of an execution and its counts, if there have to be any, or why they are missing.
fn check_of(execution: Execution, stats: bool) -> Result<Check, String> {
    let report = execution.report.as_ref().filter(|_| execution.status == Status::Ok);
    let Some(report) = report.filter(|report| report.counts.is_some() || !stats) else {
        return Err(why(&execution));
    };
    Ok(Check {
        checksum: report.checksum.clone(),
        allocations: report.counts.map(|counts| counts.allocations),
        frees: report.counts.map(|counts| counts.frees),
        bytes: report.counts.map(|counts| counts.bytes),
        cross_thread_frees: report.counts.map(|counts| counts.cross_thread_frees),
    })
}

fn common(one: &Check, other: &Check) -> Check {
    fn same<T: PartialEq + Clone>(one: &Option<T>, other: &Option<T>) -> Option<T> {
        one.clone().filter(|_| one == other)
    }
    Check {
        checksum: same(&one.checksum, &other.checksum),
        allocations: same(&one.allocations, &other.allocations),
        frees: same(&one.frees, &other.frees),
        bytes: same(&one.bytes, &other.bytes),
        cross_thread_frees: same(&one.cross_thread_frees, &other.cross_thread_frees),
    }
}

/// The total from a line such as `==7== Collected : 123456`.
fn collected(stderr: &str) -> Option<u64> {
    let line = stderr.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use workloads::protocol::Counts;
    use workloads::rows::Preset;

    use super::super::{PEAK_RSS, TIME};
    use super::*;
    use crate::digest::tests::record;
    use crate::exec::mock::{MockExecutor, failure, success};
    use crate::sample::tests::sample;
    use crate::workers::tests::launch;

    fn figures() -> Figures {
        let params = Params { preset: Preset::Seed2019, size: Size::Quick, threads: 2, levelled: true };
        Figures::nothing(params, String::new(), None)
    }

    fn is_rust(id: &str) -> bool {
        NATIVE.contains(&id)
    }

    #[test]
    fn counts_that_do_not_repeat_are_left_out() {
        let mut executor = MockExecutor::new(|job, before| {
            assert_eq!((job.stats, job.params.size), (!is_rust(job.row), Size::Check));
            let mut execution = success(job);
            let cross_thread_frees = before as u64;
            let counts = Counts { allocations: 5, frees: 4, bytes: 80, cross_thread_frees };
            execution.report.as_mut().unwrap().counts = job.stats.then_some(counts);
            Some(execution)
        });
        let mut figures = figures();
        checks(&mut executor, &launch("mi"), &mut figures).unwrap().unwrap();
        assert_eq!(figures.checks.len(), ROWS.len());
        let check = &figures.checks["json"];
        assert!(check.checksum.is_some() && check.allocations.is_none());
        let check = &figures.checks["cfrac"];
        assert_eq!((check.allocations, check.frees, check.bytes), (Some(5), Some(4), Some(80)));
        assert_eq!(check.cross_thread_frees, None);
    }

    #[test]
    fn peaks_are_those_of_the_subject_in_all_passes() {
        let peak = |pass, workload, allocator, mebibytes: u64| {
            let mut sample = sample(pass, workload, allocator, 1);
            sample.report.as_mut().unwrap().peak_rss_bytes = mebibytes << 20;
            sample
        };
        let mut failed = peak(2, "larson", SUBJECT, 50);
        failed.status = Status::Timeout;
        let samples = [
            peak(0, "larson", SUBJECT, 12),
            peak(1, "larson", SUBJECT, 38),
            failed,
            peak(0, "larson", YARDSTICK, 60),
            peak(0, "cfrac", SUBJECT, 70),
        ];
        assert_eq!(peaks(&samples, "larson").collect::<Vec<_>>(), [12 << 20, 38 << 20]);
        assert_eq!(peaks(&samples, "json").count(), 0);
    }

    #[test]
    fn a_peak_is_kept_with_the_least_and_the_greatest_of_all_passes() {
        let mut run = record(3);
        run.allocators[1].config.id = YARDSTICK.to_owned();
        let of_pass = |(pass, mebibytes): (usize, u64)| {
            let mut own = sample(pass, "larson", SUBJECT, 500);
            own.report.as_mut().unwrap().peak_rss_bytes = mebibytes << 20;
            [own, sample(pass, "larson", YARDSTICK, 1000)]
        };
        let mut figures = figures();
        from_run(&run, [38, 12, 20].into_iter().enumerate().flat_map(of_pass).collect(), &mut figures);
        let expected = Peak { lowest_bytes: 12 << 20, median_bytes: 20 << 20, highest_bytes: 38 << 20 };
        assert_eq!(figures.peak_rss["larson"], expected);
    }

    #[test]
    fn who_has_the_wrong_checksum_is_decided_by_all_that_ran() {
        let mut run = record(3);
        run.allocators[1].config.id = YARDSTICK.to_owned();
        let of_pass = |pass| {
            [SUBJECT, YARDSTICK, "sn"].map(|id| {
                let mut sample = sample(pass, "larson", id, 500);
                let checksum = if id == SUBJECT { "wrong" } else { "right" };
                sample.report.as_mut().unwrap().checksum = Some(checksum.to_owned());
                sample
            })
        };
        let mut figures = figures();
        from_run(&run, (0..3).flat_map(of_pass).collect(), &mut figures);
        let why = "wrong-output: checksum wrong, expected right";
        assert_eq!(figures.failures.get("larson").map(String::as_str), Some(why));
        assert!(figures.yardstick_failures.is_empty(), "{figures:?}");
    }

    #[test]
    fn ratios_are_those_of_subject_to_yardstick_from_the_least_to_the_greatest() {
        let mut run = record(3);
        (run.plan.allocators, run.plan.workloads) =
            (vec![SUBJECT.to_owned(), YARDSTICK.to_owned()], vec!["larson".to_owned()]);
        run.allocators[1].config.id = YARDSTICK.to_owned();
        let of_pass = |(pass, ns): (usize, u64)| {
            [sample(pass, "larson", SUBJECT, ns), sample(pass, "larson", YARDSTICK, 1000)]
        };
        let samples = [600, 500, 900].into_iter().enumerate().flat_map(of_pass).collect();
        let mut figures = figures();
        from_run(&run, samples, &mut figures);
        let RowRatio { ratio, low, high } = figures.ratios[TIME]["larson"];
        assert_eq!([ratio, low, high].map(|ratio| (ratio * 1000.0).round()), [600.0, 500.0, 900.0]);
        assert_eq!(figures.ratios[PEAK_RSS]["larson"].ratio, 1.0);
    }

    #[test]
    fn cells_without_samples_were_not_measured_and_did_not_fail() {
        let mut run = record(3);
        run.allocators[1].config.id = YARDSTICK.to_owned();
        let samples = (0..3)
            .flat_map(|pass| [sample(pass, "larson", SUBJECT, 500), sample(pass, "larson", YARDSTICK, 1000)]);
        let mut figures = figures();
        from_run(&run, samples.collect(), &mut figures);
        assert!(figures.failures.is_empty() && figures.yardstick_failures.is_empty(), "{figures:?}");
        let measured: Vec<_> = figures.peak_rss.keys().map(String::as_str).collect();
        assert_eq!((run.plan.workloads.len(), measured), (2, vec!["larson"]));
    }

    #[test]
    fn failing_worker_is_a_failure_of_its_row() {
        let mut executor = MockExecutor::new(|job, _| {
            let mut execution = success(job);
            execution.report.as_mut().unwrap().counts = Some(Counts::default());
            Some(if job.row == "larson" { failure(Status::from_signal(11)) } else { execution })
        });
        let mut figures = figures();
        checks(&mut executor, &launch("mi"), &mut figures).unwrap().unwrap();
        assert_eq!(figures.checks.len(), ROWS.len() - 1);
        assert_eq!(figures.failures["larson"], "signal(SIGSEGV): planted signal(SIGSEGV)");
    }

    #[test]
    fn a_worker_that_does_not_say_what_it_counted_is_a_failure() {
        let mut figures = figures();
        checks(&mut MockExecutor::healthy(), &launch("mi"), &mut figures).unwrap().unwrap();
        assert_eq!(figures.failures["cfrac"], "ok: it did not say what was counted");
        assert!(figures.checks.keys().all(|row| is_rust(row)), "{figures:?}");
    }

    #[test]
    fn instructions_of_a_worker_that_failed_do_not_count() {
        let mut executor = MockExecutor::new(|_, _| {
            let stderr = "==7== Collected : 4321\n".to_owned();
            Some(Execution { stderr, ..failure(Status::from_signal(11)) })
        });
        let mut figures = figures();
        instructions(&mut executor, &launch("mi"), &mut figures).unwrap().unwrap();
        assert!(figures.instructions.is_empty(), "{figures:?}");
        assert_eq!(figures.failures["cfrac"], "under callgrind: signal(SIGSEGV): planted signal(SIGSEGV)");
    }

    #[test]
    fn instructions_come_from_callgrinds_closing_lines() {
        let mut executor = MockExecutor::new(|job, _| {
            assert_eq!(job.launch.wrapper[0], "valgrind");
            Some(Execution {
                stderr: "==7== Events : Ir\n==7== Collected : 4321\n".to_owned(),
                ..success(job)
            })
        });
        let mut figures = figures();
        instructions(&mut executor, &launch("mi"), &mut figures).unwrap().unwrap();
        assert_eq!(figures.instructions.values().collect::<Vec<_>>(), [&4321; 3]);
        assert_eq!(collected("nothing"), None);
    }
}
