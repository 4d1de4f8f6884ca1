//! Walking a plan with a mock executor: order, failures, and resuming at any point.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use bench_suite::again::Again;
use bench_suite::config::Field;
use bench_suite::exec::mock::{MockExecutor, failure, success};
use bench_suite::journal::{self, Journal};
use bench_suite::plan::{Params, Plan, Profile};
use bench_suite::sample::Sample;
use bench_suite::session::{End, walk};
use bench_suite::status::Status;
use bench_suite::workers::Launch;
use workloads::rows::{Preset, Size};

fn plan() -> Plan {
    let strings = |items: &[&str]| items.iter().map(|s| (*s).to_owned()).collect();
    Plan {
        field: Field::Workers,
        reference: "mi".to_owned(),
        allocators: strings(&["mi", "jx", "sn", "mc"]),
        workloads: strings(&["cfrac", "larson", "sh6bench"]),
        passes: 4,
        params: Params { preset: Preset::Seed2019, size: Size::Check, threads: 2, levelled: true },
        seed: 42,
        timeout_ms: 1000,
        profile: Profile::Worker,
        command: None,
    }
}

fn launches(plan: &Plan) -> BTreeMap<String, Launch> {
    plan.allocators
        .iter()
        .map(|id| {
            let launch = Launch {
                allocator: id.clone(),
                worker_id: id.clone(),
                program: format!("worker-{id}").into(),
                layouts: vec![format!("worker-{id}.1").into(), format!("worker-{id}.2").into()],
                preload: None,
                wrapper: Vec::new(),
            };
            (id.clone(), launch)
        })
        .collect()
}

/// One session that goes on with what is in `folder`.
fn session(folder: &Path, executor: &mut MockExecutor) -> End {
    let plan = plan();
    let done = journal::load_and_mend(folder).unwrap();
    let mut journal = Journal::open(folder, folder.to_path_buf()).unwrap();
    let again = &mut Again::if_stolen();
    walk(&plan, &launches(&plan), &done, executor, again, &mut journal, &mut |_| {}).unwrap()
}

/// The samples without what depends on the clock.
fn timeless(folder: &Path) -> Vec<Sample> {
    let mut samples = journal::load(folder).unwrap();
    for sample in &mut samples {
        sample.started_utc.clear();
    }
    samples
}

/// An executor where one cell fails twice, that is stopped after `limit` executions.
fn troubled(limit: usize) -> MockExecutor {
    MockExecutor::new(move |job, before| {
        if before == limit {
            return None;
        }
        let bad = job.row == "larson" && job.launch.allocator == "sn";
        Some(if bad { failure(Status::Exit(3)) } else { success(job) })
    })
}

#[test]
fn workers_are_started_in_the_planned_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut executor = MockExecutor::healthy();
    assert_eq!(session(folder.path(), &mut executor), End::Complete);
    let plan = plan();
    let planned: Vec<_> = (0..plan.passes)
        .flat_map(|pass| plan.blocks(pass))
        .flat_map(|block| block.order.into_iter().map(move |allocator| (block.workload.clone(), allocator)))
        .collect();
    assert_eq!(executor.asked, planned);
    let samples = journal::load(folder.path()).unwrap();
    for sample in &samples {
        let block = &plan.blocks(sample.pass)[sample.block];
        assert_eq!(block.workload, sample.workload);
        assert_eq!(block.order[sample.position], sample.allocator);
        assert_eq!(block.env_pad_bytes, sample.env_pad_bytes);
        assert_eq!(sample.layout, sample.pass % 3);
    }
}

#[test]
fn what_is_written_of_a_sample_is_what_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let started = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&started);
    let mut executor = MockExecutor::new(move |job, _| {
        seen.borrow_mut().push((job.launch.program.clone(), job.env_pad_bytes, job.timeout));
        Some(success(job))
    });
    session(folder.path(), &mut executor);
    let samples = journal::load(folder.path()).unwrap();
    let programs = |sample: &Sample| match sample.layout {
        0 => format!("worker-{}", sample.allocator),
        layout => format!("worker-{}.{layout}", sample.allocator),
    };
    let told: Vec<_> = samples
        .iter()
        .map(|sample| (programs(sample).into(), sample.env_pad_bytes, plan().timeout_of(&sample.workload)))
        .collect();
    assert_eq!(*started.borrow(), told);
}

#[test]
fn every_allocator_runs_once_between_two_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut executor = MockExecutor::healthy();
    session(folder.path(), &mut executor);
    for block in executor.asked.chunks(4) {
        let mut allocators: Vec<_> = block.iter().map(|(_, allocator)| allocator.as_str()).collect();
        allocators.sort_unstable();
        assert_eq!(allocators, ["jx", "mc", "mi", "sn"]);
        assert!(block.iter().all(|(workload, _)| *workload == block[0].0));
    }
}

#[test]
fn stopping_anywhere_and_resuming_gives_the_same_samples() {
    let whole = tempfile::tempdir().unwrap();
    assert_eq!(session(whole.path(), &mut troubled(usize::MAX)), End::Complete);
    let expected = timeless(whole.path());
    for stop_after in 0..expected.len() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(session(folder.path(), &mut troubled(stop_after)), End::Interrupted);
        assert_eq!(timeless(folder.path()), expected[..stop_after]);
        assert_eq!(session(folder.path(), &mut troubled(usize::MAX)), End::Complete);
        assert_eq!(timeless(folder.path()), expected, "stopped after {stop_after}");
    }
}

#[test]
fn torn_line_is_measured_again() {
    let whole = tempfile::tempdir().unwrap();
    session(whole.path(), &mut troubled(usize::MAX));
    let bytes = std::fs::read(whole.path().join(journal::FILE)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(journal::FILE), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(session(folder.path(), &mut troubled(usize::MAX)), End::Complete);
    assert_eq!(timeless(folder.path()), timeless(whole.path()));
}

#[test]
fn cell_that_failed_twice_is_left_and_failures_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut executor = troubled(usize::MAX);
    session(folder.path(), &mut executor);
    let tried =
        executor.asked.iter().filter(|asked| **asked == ("larson".to_owned(), "sn".to_owned())).count();
    assert_eq!(tried, 2);
    assert_eq!(executor.asked.len(), 4 * 3 * 4 - 2);
    let log = std::fs::read_to_string(folder.path().join("larson-sn-pass1.txt")).unwrap();
    assert!(log.contains("status: exit(3)") && log.contains("repeat: env -i "), "{log}");
    assert!(log.contains(" worker-sn run --row larson"), "{log}");
}

#[test]
fn what_others_disturbed_is_taken_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut executor = MockExecutor::new(|job, before| {
        let mut execution = success(job);
        execution.noise.steal_us = Some(if before == 5 { execution.total_ns / 1000 } else { 0 });
        Some(execution)
    });
    assert_eq!(session(folder.path(), &mut executor), End::Complete);
    let samples = journal::load(folder.path()).unwrap();
    assert_eq!(executor.asked.len(), samples.len() + 1);
    assert_eq!(executor.asked[5], executor.asked[6]);
    for (at, sample) in samples.iter().enumerate() {
        assert_eq!(sample.discarded.len(), usize::from(at == 5));
        assert_eq!(sample.noise.steal_us, Some(0), "the one that counts was not disturbed");
    }
    let (discarded, report) = (&samples[5].discarded[0], samples[5].report.as_ref().unwrap());
    assert_eq!((discarded.score_ns, &discarded.checksum), (report.score_ns, &report.checksum));
}
