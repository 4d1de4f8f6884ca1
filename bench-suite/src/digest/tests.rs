//! Made-up samples, and what must become of them.

use super::*;
use crate::config::Config;
use crate::files::SCHEMA_VERSION;
use crate::fingerprint::{Commit, Machine, Toolchain};
use crate::plan::OwnCommand;
use crate::plan::tests::plan;
use crate::record::Afterwards;
use crate::sample::Discarded;
use crate::sample::tests::sample;
use crate::workers::{AllocatorRecord, Identity};

const ALLOCATORS: [&str; 3] = ["mi", "jx", "sn"];
const WORKLOADS: [&str; 2] = ["cfrac", "larson"];

pub(crate) fn record(passes: usize) -> RunRecord {
    let configured = Config::embedded().unwrap().allocators;
    let allocators = ALLOCATORS.iter().map(|id| AllocatorRecord {
        config: configured.iter().find(|allocator| allocator.id == *id).unwrap().clone(),
        status: Status::Ok,
        reason: None,
        binary_hash: None,
        layout_hashes: Vec::new(),
        library: None,
        library_hash: None,
        library_identity: None,
    });
    RunRecord {
        schema_version: SCHEMA_VERSION,
        tool_version: String::new(),
        run_id: "test".to_owned(),
        started_utc: String::new(),
        finished_utc: Some(String::new()),
        commit: Commit { sha: "abc".to_owned(), dirty: true },
        plan: plan(&ALLOCATORS, &WORKLOADS, passes),
        machine: Machine::read(),
        toolchain: Toolchain::default(),
        allocators: allocators.collect(),
        programs: None,
        afterwards: Afterwards::default(),
        workers_from_folder: false,
    }
}

/// Samples where jx takes twice and sn four times as long as mi, whatever the pass does.
pub(crate) fn samples(passes: usize) -> Vec<Sample> {
    let mut samples = Vec::new();
    for pass in 0..passes {
        for workload in WORKLOADS {
            for (index, allocator) in ALLOCATORS.iter().enumerate() {
                samples.push(sample(pass, workload, allocator, (1000 + 100 * pass as u64) << index));
            }
        }
    }
    samples
}

fn time<'d>(digest: &'d Digest, workload: &str, allocator: &str) -> &'d SummaryRow {
    let rows = &digest.summary.rows;
    rows.iter()
        .find(|r| r.metric == Metric::Time && r.workload == workload && r.allocator == allocator)
        .unwrap()
}

/// The mean of time over all workloads and how many these are.
fn mean(digest: &Digest, allocator: &str) -> (Option<f64>, usize) {
    let means = digest.summary.means_of(Metric::Time, None).unwrap();
    (means.of_id(allocator).unwrap().ratio_to_ref, means.over)
}

#[test]
fn ratios_are_paired_by_pass() {
    let digest = digest(&record(7), samples(7));
    let row = time(&digest, "cfrac", "sn");
    assert_eq!((row.n, row.median, row.status.as_str()), (7, Some(5200.0), "ok"));
    // The passes differ widely, the ratio inside each does not.
    assert!((row.ratio_to_ref.unwrap() - 4.0).abs() < 1e-9);
    assert!((row.ci_high.unwrap() - row.ci_low.unwrap()).abs() < 1e-9);
    assert_eq!(time(&digest, "cfrac", "mi").ratio_to_ref, Some(1.0));
    assert!((mean(&digest, "jx").0.unwrap() - 2.0).abs() < 1e-9);
    assert_eq!(digest.summary.rows.len(), 2 * 3 * METRICS.len());
    assert!(digest.failures.is_empty());
}

#[test]
fn failed_cell_has_a_row_without_numbers_and_leaves_the_mean_of_all() {
    let mut samples = samples(3);
    for sample in samples.iter_mut().filter(|s| s.workload == "cfrac" && s.allocator == "sn") {
        sample.report.as_mut().unwrap().checksum = Some("bad".to_owned());
    }
    let digest = digest(&record(3), samples);
    let row = time(&digest, "cfrac", "sn");
    assert_eq!((row.n, row.median, row.ratio_to_ref, row.ci_low), (0, None, None, None));
    assert_eq!(row.status, "wrong-output");
    assert_eq!(digest.failures.len(), 1);
    assert_eq!(mean(&digest, "jx").1, 1);
    assert!((mean(&digest, "sn").0.unwrap() - 4.0).abs() < 1e-9);
}

#[test]
fn allocator_that_is_not_there_does_not_spoil_the_mean_of_the_others() {
    let mut record = record(3);
    record.allocators[2].status = Status::BuildFailed;
    let samples = samples(3).into_iter().filter(|sample| sample.allocator != "sn").collect();
    let digest = digest(&record, samples);
    assert_eq!(time(&digest, "larson", "sn").status, "build-failed");
    assert_eq!(mean(&digest, "jx").1, 2);
    assert_eq!(mean(&digest, "sn").0, None);
}

#[test]
fn failing_reference_leaves_medians_and_a_warning() {
    let mut samples = samples(3);
    for sample in samples.iter_mut().filter(|s| s.workload == "cfrac" && s.allocator == "mi") {
        sample.status = Status::Exit(1);
        sample.report = None;
    }
    let digest = digest(&record(3), samples);
    let row = time(&digest, "cfrac", "jx");
    assert_eq!((row.median, row.ratio_to_ref, row.n), (Some(2200.0), None, 0));
    let warnings = &digest.summary.run.warnings;
    assert!(warnings.contains(&"cfrac: no ratios, because mi has exit(1)".to_owned()), "{warnings:?}");
}

#[test]
fn one_timeout_is_forgiven_and_two_are_not() {
    let with_timeouts = |count: usize| {
        let mut samples = samples(4);
        for sample in samples.iter_mut().filter(|s| s.allocator == "sn").take(2 * count) {
            sample.status = Status::Timeout;
            sample.report = None;
        }
        digest(&record(4), samples)
    };
    let forgiven = with_timeouts(1);
    assert_eq!((time(&forgiven, "cfrac", "sn").status.as_str(), time(&forgiven, "cfrac", "sn").n), ("ok", 3));
    assert!(forgiven.summary.run.warnings.iter().any(|w| w.contains("timeout in pass 1")));
    assert_eq!(time(&with_timeouts(2), "cfrac", "sn").status, "timeout");
}

#[test]
fn unfinished_run_says_so() {
    let mut record = record(3);
    record.finished_utc = None;
    let digest = digest(&record, samples(2).into_iter().filter(|s| s.workload == "cfrac").collect());
    assert_eq!(digest.summary.run.passes, 1);
    assert_eq!(time(&digest, "larson", "mi").status, "not-run");
    assert!(digest.summary.run.warnings.contains(&"the run is not finished".to_owned()));
}

#[test]
fn run_without_levelling_says_so_where_it_matters() {
    let mut record = record(3);
    let mut warns = |levelled, reports_free_pages| {
        record.plan.params.levelled = levelled;
        record.machine.reports_free_pages = reports_free_pages;
        let warnings = digest(&record, samples(3)).summary.run.warnings;
        warnings.iter().any(|warning| warning.starts_with("free memory was not levelled"))
    };
    assert!(warns(false, true));
    assert!(!warns(true, true) && !warns(false, false));
}

#[test]
fn workers_from_a_folder_are_not_said_to_be_of_this_build() {
    let mut record = record(7);
    let mut told = |from_folder| {
        record.workers_from_folder = from_folder;
        let run = digest(&record, samples(7)).summary.run;
        let warns = run.warnings.iter().any(|warning| warning.contains("taken from a folder"));
        (run.profile, warns)
    };
    assert_eq!(told(true), ("unknown".to_owned(), true));
    assert_eq!(told(false), ("worker".to_owned(), false));
}

#[test]
fn unfinished_run_counts_and_warns_of_the_passes_it_has() {
    let mut record = record(7);
    record.finished_utc = None;
    let told = |samples: Vec<Sample>| {
        let run = digest(&record, samples).summary.run;
        let warning = run.warnings.into_iter().find(|warning| warning.starts_with("only "));
        (run.passes, warning.map(|warning| warning.split(':').next().unwrap().to_owned()))
    };
    let mut samples = samples(6);
    assert_eq!(told(samples.clone()), (6, None));
    samples.pop();
    assert_eq!(told(samples), (5, Some("only 5 passes".to_owned())));
}

#[test]
fn waiting_samples_make_a_noisy_run() {
    let mut samples = samples(3);
    for sample in samples.iter_mut().take(4) {
        sample.noise.queue_wait_ns = Some(sample.total_ns);
    }
    let noisy = digest(&record(3), samples.clone()).summary.run.warnings;
    assert!(noisy.iter().any(|warning| warning.contains("noisy machine: 22 %")), "{noisy:?}");
    samples[0].noise.queue_wait_ns = None;
    let calm = digest(&record(3), samples).summary.run.warnings;
    assert!(!calm.iter().any(|warning| warning.contains("noisy")), "{calm:?}");
}

#[test]
fn a_run_says_how_many_executions_do_not_count() {
    let mut samples = samples(3);
    samples[2].discarded = vec![Discarded { total_ns: 9, score_ns: 8, steal_us: 7, checksum: None }; 2];
    samples[2].noise.steal_us = Some(samples[2].total_ns);
    samples[3].noise.queue_wait_ns = Some(samples[3].total_ns);
    let warnings = digest(&record(3), samples).summary.run.warnings;
    let told = |warning: &&String| warning.starts_with("2 of 20 executions do not count");
    let warning = warnings.iter().find(told).unwrap();
    assert!(warning.ends_with("; 1 of the 18 that count were hit, too"), "{warning}");
}

#[test]
fn a_command_that_never_ends_well_is_measured_with_a_warning() {
    let mut record = record(3);
    record.plan.workloads.truncate(1);
    record.plan.command = Some(OwnCommand {
        words: vec!["/bin/cfrac".to_owned()],
        folder: "/".into(),
        compare_output: true,
        program_hash: None,
        environment_hash: None,
    });
    let warns = |checksum: &str| {
        let mut samples = samples(3);
        for report in samples.iter_mut().filter_map(|sample| sample.report.as_mut()) {
            report.checksum = Some(checksum.to_owned());
        }
        let digest = digest(&record, samples);
        assert!(digest.failures.is_empty());
        let told = "cfrac ends with exit code 3 under every allocator that has figures";
        digest.summary.run.warnings.iter().any(|warning| warning.starts_with(told))
    };
    assert!(warns("exit 3") && warns("exit 3, output 00ff"));
    assert!(!warns("exit 0"));
}

#[test]
fn flags_of_the_environment_are_warned_of() {
    let mut record = record(3);
    let mut warns = |flags: &[&str], rustflags: &str| {
        record.toolchain.flags = flags.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        record.toolchain.rustflags = rustflags.to_owned();
        let warnings = digest(&record, samples(3)).summary.run.warnings;
        let warning = warnings.into_iter().find(|warning| warning.contains(" set: what is built"));
        warning.map(|warning| warning.split(" set: ").next().unwrap().to_owned())
    };
    let both = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"];
    assert_eq!(warns(&both, ""), Some("CARGO_ENCODED_RUSTFLAGS and RUSTFLAGS were".to_owned()));
    assert_eq!(warns(&both[..1], ""), Some("CARGO_ENCODED_RUSTFLAGS was".to_owned()));
    // As earlier versions noted it.
    assert_eq!(warns(&[], "-Ctarget-cpu=native"), Some("RUSTFLAGS was".to_owned()));
    assert_eq!(warns(&[], ""), None);
}

#[test]
fn compilers_of_the_environment_are_warned_of_where_an_allocator_is_built_with_them() {
    let warning = |of: &[&str], keep: &str| {
        let mut record = record(3);
        record.toolchain.c_environment = of.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        record.allocators.retain(|allocator| ["mi", keep].contains(&allocator.config.id.as_str()));
        let warnings = digest(&record, samples(3)).summary.run.warnings;
        warnings.into_iter().find(|warning| warning.contains(" set: allocators in C"))
    };
    assert_eq!(
        warning(&["CC", "CFLAGS"], "jx").unwrap(),
        "CC and CFLAGS were set: allocators in C and C++ (jx) are built with that, and the others are not; measure again without"
    );
    assert!(warning(&["CC"], "sn").unwrap().starts_with("CC was set: allocators in C and C++ (sn) "));
    assert_eq!(warning(&["CC", "CFLAGS"], "mi"), None);
    assert_eq!(warning(&[], "jx"), None);
}

#[test]
fn preloaded_libraries_are_described_as_far_as_they_are_known() {
    let mut record = record(1);
    let [mi, jx, sn] = &mut record.allocators[..] else { panic!("there are three") };
    (mi.library, mi.library_hash) = (None, None);
    for allocator in [&mut *jx, sn] {
        allocator.library = Some("/usr/lib/libjemalloc.so.2".into());
        allocator.library_hash = Some("0123456789abcdef".to_owned());
    }
    let (soname, package) = (Some("libjemalloc.so.2".to_owned()), Some("libjemalloc2 5.3.0-1".to_owned()));
    jx.library_identity = Some(Identity { soname, bytes: 5, package });
    let digest = digest(&record, samples(1));
    let libraries: Vec<_> = digest.summary.allocators.iter().map(|one| one.library.as_ref()).collect();
    assert_eq!(libraries[0], None);
    let whole = libraries[1].unwrap();
    assert_eq!((&*whole.place, &*whole.hash), ("/usr/lib/libjemalloc.so.2", "0123456789abcdef"));
    assert_eq!(whole.identity, record.allocators[1].library_identity);
    assert_eq!(libraries[2].unwrap().identity, None);
}

#[test]
fn a_wrong_result_counts_also_when_others_had_disturbed_it() {
    let mut samples = samples(3);
    let checksum = Some("bad".to_owned());
    samples[2].discarded = vec![Discarded { total_ns: 9, score_ns: 8, steal_us: 7, checksum }];
    let digest = digest(&record(3), samples);
    assert_eq!(time(&digest, "cfrac", "sn").status, "wrong-output");
    let reason = "checksum bad in an execution that was taken again, expected c0ffee";
    assert_eq!(digest.failures[0].reason, reason);
}

#[test]
fn labels_have_the_version_that_the_allocator_stated() {
    let digest = digest(&record(1), samples(1));
    assert_eq!(digest.summary.allocators[1].label, "jemalloc 1.0");
    assert_eq!(digest.summary.allocators[1].colour, "#00875F");
}

#[test]
fn memory_that_is_unknown_is_absent_also_where_earlier_versions_wrote_zero() {
    for unknown in [serde_json::Value::Null, 0.into()] {
        let unknowing = samples(3).into_iter().map(|sample| {
            let mut sample = serde_json::to_value(sample).unwrap();
            sample["report"]["drained_rss_bytes"] = unknown.clone();
            serde_json::from_value(sample).unwrap()
        });
        let digest = digest(&record(3), unknowing.collect());
        let drained = digest.summary.rows.iter().filter(|row| row.metric == Metric::DrainedRss);
        assert!(
            drained.clone().count() == 6 && drained.clone().all(|row| row.median.is_none() && row.n == 0)
        );
        assert!(time(&digest, "cfrac", "mi").median.is_some());
    }
}

#[test]
fn rows_of_fixed_time_state_their_unit_whoever_failed() {
    let mut samples = samples(3);
    for sample in samples.iter_mut().filter(|sample| sample.workload == "larson") {
        let report = sample.report.as_mut().unwrap();
        report.run_ns = 10_000_000_000;
        if sample.allocator == "sn" {
            sample.status = Status::Timeout;
        }
    }
    let digest = digest(&record(3), samples);
    assert_eq!(time(&digest, "larson", "jx").unit, RATE_UNIT);
    assert_eq!(time(&digest, "larson", "sn").unit, RATE_UNIT);
    assert_eq!(time(&digest, "cfrac", "jx").unit, "ns");
    assert!(
        digest
            .summary
            .rows
            .iter()
            .all(|row| matches!(row.metric, Metric::Time | Metric::RawTime) || row.unit != RATE_UNIT)
    );
}

/// Samples as above from a machine that is up to twice as slow as at its best, differently for each.
fn unsteady_samples(passes: usize) -> Vec<Sample> {
    let mut samples = samples(passes);
    for (index, sample) in samples.iter_mut().enumerate() {
        let slowness = 1.0 + (index * 7 % 10) as f64 / 10.0;
        let report = sample.report.as_mut().unwrap();
        report.score_ns = ((1_000_000 << (index % 3)) as f64 * slowness) as u64;
        sample.noise.pace_ns = Some((30e3 * slowness) as u64);
    }
    samples
}

#[test]
fn times_are_corrected_for_the_pace_of_the_machine_and_kept_as_measured() {
    let digest = digest(&record(7), unsteady_samples(7));
    let row = time(&digest, "cfrac", "sn");
    assert!(
        (row.ratio_to_ref.unwrap() - 4.0).abs() < 1e-3 && (row.median.unwrap() - 4e6).abs() < 4e3,
        "{row:?}"
    );
    assert!(row.ci_high.unwrap() - row.ci_low.unwrap() < 1e-2, "{row:?}");
    let raw =
        digest.summary.rows.iter().find(|r| r.metric == Metric::RawTime && r.allocator == "sn").unwrap();
    assert!(raw.ci_high.unwrap() - raw.ci_low.unwrap() > 1.0, "{raw:?}");
    let warnings = &digest.summary.run.warnings;
    assert!(warnings[0].contains("its pace varied by a factor of 1."), "{warnings:?}");
}

#[test]
fn a_workload_with_an_unknown_pace_stays_as_measured() {
    let mut samples = unsteady_samples(7);
    samples.iter_mut().find(|sample| sample.workload == "cfrac").unwrap().noise.pace_ns = None;
    let digest = digest(&record(7), samples);
    let spread = |workload| {
        let row = time(&digest, workload, "jx");
        row.ci_high.unwrap() - row.ci_low.unwrap()
    };
    assert!(spread("cfrac") > 0.5 && spread("larson") < 1e-2);
}

#[test]
fn a_steady_machine_corrects_nothing() {
    let mut samples = samples(7);
    for (index, sample) in samples.iter_mut().enumerate() {
        sample.noise.pace_ns = Some(30_000 + 100 * (index * 7 % 10) as u64);
    }
    let digest = digest(&record(7), samples);
    let row = time(&digest, "cfrac", "sn");
    assert_eq!((row.median, row.ratio_to_ref.map(f64::round)), (Some(5200.0), Some(4.0)));
    assert!(digest.summary.run.warnings.iter().all(|warning| !warning.contains("its pace varied")));
}

#[test]
fn nothing_is_said_to_be_corrected_where_there_is_too_little_to_correct_by() {
    let mut samples = unsteady_samples(2);
    samples.iter_mut().filter(|s| s.allocator == "sn").for_each(|s| s.noise.pace_ns = None);
    let digest = digest(&record(2), samples);
    let warnings = &digest.summary.run.warnings;
    assert!(warnings.iter().all(|warning| !warning.contains("its pace varied")), "{warnings:?}");
}

#[test]
fn samples_of_workloads_that_are_not_in_the_plan_are_not_among_its_own() {
    let mut run = record(3);
    run.plan.workloads = vec!["cfrac".to_owned()];
    let digest = digest(&run, samples(3));
    assert_eq!(digest.samples.len(), 3 * ALLOCATORS.len());
    assert!(digest.samples.iter().all(|sample| sample.workload == "cfrac"));
}

#[test]
fn a_crash_in_one_workload_is_not_forgiven_for_another_that_did_well() {
    let mut samples = samples(3);
    let crashed = samples.iter_mut().find(|s| s.allocator == "jx" && s.workload == "larson").unwrap();
    (crashed.status, crashed.report) = (Status::from_signal(11), None);
    let digest = digest(&record(3), samples);
    let warnings = &digest.summary.run.warnings;
    assert!(warnings.iter().all(|warning| !warning.contains("well otherwise")), "{warnings:?}");
    assert_eq!(digest.failures.len(), 1);
}

#[test]
fn an_interval_is_as_wide_as_the_slope_that_it_is_corrected_by_is_unsure() {
    let mut samples = samples(9);
    for (index, sample) in samples.iter_mut().enumerate() {
        let spread =
            |factor: usize, of: usize| (0.3 * ((index * factor % of) as f64 / of as f64 - 0.5)).exp();
        // The machine is always slower for jx, so its ratio depends on the slope.
        let slowness = if sample.allocator == "jx" { 1.4 } else { 1.0 } * spread(37, 101);
        sample.report.as_mut().unwrap().score_ns = (1e6 * slowness * spread(53, 97)) as u64;
        sample.noise.pace_ns = Some((30e3 * slowness) as u64);
    }
    let record = record(9);
    let [jx, mi] = [1, 0].map(|at| Cell::new(&record, "cfrac", &record.allocators[at], &samples));
    let row = time(&digest(&record, samples.clone()), "cfrac", "jx").clone();
    let cells = [jx, mi];
    let paces = Paces::of(&cells, record.plan.seed);
    let [own, base] = cells.each_ref().map(|cell| paces.series(cell, Metric::Time));
    let certain = ratio::of_cell(&ratio::LogRatios::of(&own, &base), record.plan.seed).unwrap().interval;
    let width = (row.ci_high.unwrap() / row.ci_low.unwrap()).ln();
    let if_certain = (certain.high / certain.low).ln();
    assert!(width > 1.2 * if_certain, "{width} and {if_certain} if the slope were certain");
}
