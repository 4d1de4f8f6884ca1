//! The gate from end to end with fake workers.

mod common;

use std::fs;
use std::sync::LazyLock;

use common::{HEALTHY, Place};
use workloads::registry::ROWS;

const CRASHES_IN_LARSON: &str = r#"[ "$row" = larson ] && kill -SEGV $$"#;

fn place() -> Place {
    let place = Place::new();
    place.worker("mi3", HEALTHY);
    place.fake_valgrind();
    place
}

/// A baseline that healthy workers gave.
static BASELINE: LazyLock<String> = LazyLock::new(|| {
    let place = place();
    place.with_workers(&["gate", "--update"]).expect(0);
    fs::read_to_string(place.results().join("baseline.json")).unwrap()
});

/// A place with a baseline and no run.
fn with_baseline() -> Place {
    let place = place();
    fs::create_dir(place.results()).unwrap();
    fs::write(place.results().join("baseline.json"), &*BASELINE).unwrap();
    place
}

#[test]
fn without_a_baseline_nothing_is_judged() {
    place().plain(&["gate"]).complains(4, "gate --update");
}

#[test]
fn updated_baseline_passes_until_something_gets_worse() {
    let place = place();
    place.with_workers(&["gate", "--update"]).expect(0);

    let done = place.plain(&["gate"]).expect(0);
    assert!(done.stdout.contains("passed  peak rss larson: 4.00 MiB"), "{done:#?}");
    assert!(done.stdout.contains("skipped output cfrac: not measured"), "{done:#?}");
    // Peaks of all rows, both ratios of each, and two means; outputs and the three counts of instructions are in no run.
    let rows = ROWS.len();
    let closing = format!("{} passed, 0 failed, {} skipped", 3 * rows + 2, rows + 3);
    assert_eq!(done.stdout.lines().last(), Some(&*closing));

    let done = place.with_workers(&["gate", "--measure"]).expect(0);
    assert_eq!(done.stdout.lines().last(), Some(&*format!("{} passed, 0 failed, 0 skipped", 4 * rows + 5)));

    // The stored run was made with this very binary, so nothing is run again.
    assert_eq!(fs::read_dir(place.results().join("runs")).unwrap().count(), 1);

    place.worker("mi", r#"[ "$row" = larson ] && checksum='"other"'"#);
    let done = place.with_workers(&["gate", "--measure"]).expect(3);
    assert!(done.stdout.contains("failed  output larson: checksum other, baseline c0ffee"), "{done:#?}");
    // The two allocators differ in larson now, so its ratios and the baseline's means cannot be had.
    assert_eq!(done.stdout.lines().last(), Some(&*format!("{} passed, 3 failed, 2 skipped", 4 * rows)));
    assert_eq!(fs::read_dir(place.results().join("runs")).unwrap().count(), 2);
}

#[test]
fn a_single_row_that_takes_twice_as_long_fails_although_no_mean_shows_it() {
    let place = with_baseline();
    place.worker("mi", r#"[ "$row" = larson ] && score=2000000"#);
    let done = place.with_workers(&["gate", "--measure"]).expect(3);
    let line = "failed  time ratio larson: 1.99 [1.99, 1.99], limit of the lower end 1.50, baseline 1.00 [1.00, 1.00]\n";
    assert!(done.stdout.contains(line) && done.stdout.contains(" 1 failed, "), "{done:#?}");
}

#[test]
fn baseline_of_another_processor_is_judged_with_a_warning() {
    let place = with_baseline();
    let mut baseline: serde_json::Value = serde_json::from_str(&BASELINE).unwrap();
    baseline["machine"] = "Fast CPU, 2 cores".into();
    fs::write(place.results().join("baseline.json"), baseline.to_string()).unwrap();
    let warns = |done: &common::Done| {
        let mut lines = done.stderr.lines().filter(|line| line.starts_with("warning: the processor is "));
        lines.next().is_some_and(|line| line.contains("the baseline is of 'Fast CPU, 2 cores'"))
    };
    assert!(!warns(&place.plain(&["gate"])), "no ratio was judged");
    let done = place.with_workers(&["gate", "--measure"]).expect(0);
    assert!(warns(&done), "{done:#?}");
    fs::write(place.results().join("baseline.json"), &*BASELINE).unwrap();
    assert!(!warns(&place.plain(&["gate"]).expect(0)));
}

#[test]
fn baselines_without_rows_are_judged_by_what_they_have() {
    let place = with_baseline();
    let path = place.results().join("baseline.json");
    let mut baseline: serde_json::Value = serde_json::from_str(&BASELINE).unwrap();
    assert!(baseline["figures"].as_object_mut().unwrap().remove("ratios").is_some());
    fs::write(&path, baseline.to_string()).unwrap();
    place.worker("mi", r#"[ "$row" = larson ] && score=2000000"#);
    let done = place.with_workers(&["gate", "--measure"]).expect(0);
    let line = "skipped ratios of single rows: the baseline has none, so a row fails only beyond 3.00 of the time of the yardstick; \
                renew it with: bench-suite gate --update\n";
    assert!(done.stdout.contains(line) && done.stdout.contains(" 0 failed, 1 skipped"), "{done:#?}");
    place.worker("mi", r#"[ "$row" = larson ] && score=4000000"#);
    let done = place.with_workers(&["gate", "--measure"]).expect(3);
    assert!(done.stdout.contains("failed  time ratio larson: 3.99 [3.99, 3.99], limit 3.00\n"), "{done:#?}");
}

#[test]
fn crashing_subject_fails_and_gives_no_baseline() {
    let place = with_baseline();
    let before = fs::read_to_string(place.results().join("baseline.json")).unwrap();
    place.worker("mi", CRASHES_IN_LARSON);
    let done = place.with_workers(&["gate", "--measure"]).expect(3);
    assert!(done.stdout.contains("failed  run larson: signal(SIGSEGV)"), "{done:#?}");
    let done = place.with_workers(&["gate", "--update"]).expect(1);
    assert!(done.stderr.contains("larson fails under 'mi': signal(SIGSEGV)"), "{done:#?}");
    assert_eq!(fs::read_to_string(place.results().join("baseline.json")).unwrap(), before);
}

#[test]
fn who_is_not_judged_hides_no_slowdown_by_failing() {
    let place = with_baseline();
    place.worker("mi", "score=3000000");
    place.worker("jx", CRASHES_IN_LARSON);
    place.with_workers(&["run", "--quick", "--no-report", "-a", "mi3", "-a", "jx"]).expect(5);
    let done = place.plain(&["gate"]).expect(3);
    assert!(done.stdout.contains("failed  mean time: 2.991, limit 1.099"), "{done:#?}");
}

#[test]
fn means_that_cannot_be_judged_fail_what_is_measured_for_them() {
    let place = with_baseline();
    place.worker("mi3", CRASHES_IN_LARSON);
    let done = place.with_workers(&["gate", "--measure"]).expect(3);
    let line = "failed  mean time: no ratio of larson: 'mi3' has signal(SIGSEGV)";
    assert!(done.stdout.contains(line), "{done:#?}");
    let done = place.plain(&["gate"]).expect(0);
    assert!(done.stdout.contains(&line.replace("failed ", "skipped")), "{done:#?}");
}

#[test]
fn what_could_never_fail_becomes_no_baseline() {
    let place = with_baseline();
    let baseline = || fs::read_to_string(place.results().join("baseline.json")).unwrap();
    let before = baseline();
    let refused = |why: &str| {
        let done = place.with_workers(&["gate", "--update"]).expect(1);
        assert!(
            done.stderr.contains("the baseline stays as it is") && done.stderr.contains(why),
            "{done:#?}"
        );
        assert_eq!(baseline(), before);
    };
    fs::remove_file(place.workers().join("worker-mi3")).unwrap();
    refused("'mi3' has not-installed");
    place.broken_valgrind();
    refused("valgrind is not installed");
}

#[test]
fn a_missing_subject_is_told_before_the_yardstick_is_made_ready() {
    let place = with_baseline();
    for id in ["mi", "mi3"] {
        fs::remove_file(place.workers().join(format!("worker-{id}"))).unwrap();
    }
    let done = place.with_workers(&["gate", "--measure"]).expect(1);
    assert!(done.stderr.contains("'mi' is not available: there is no "), "{done:#?}");
    assert!(!done.stderr.contains("mi3"), "it was looked for all the same: {done:#?}");
}

#[test]
fn run_of_fewer_passes_than_a_quick_one_is_not_taken_for_one() {
    let place = with_baseline();
    place.with_workers(&["run", "--quick", "--no-report", "-n", "1", "-a", "mi3"]).expect(0);
    let done = place.plain(&["gate"]).expect(4);
    assert!(done.stderr.contains("has 1 pass, a quick run 3"), "{done:#?}");
}

#[test]
fn run_without_samples_is_refused_by_name() {
    let place = with_baseline();
    let arguments = ["run", "--quick", "--no-report", "-a", "mi3", "--out", "other"];
    place.with_workers(&arguments).expect(0);
    fs::remove_file(place.path("other/samples.jsonl")).unwrap();
    place
        .plain(&["gate", "other"])
        .complains(2, "run 'other' cannot be judged: other/samples.jsonl has no sample of 'mi'");
}

#[test]
fn runs_that_lack_samples_show_no_regression() {
    let place = with_baseline();
    place.with_workers(&["run", "--quick", "--no-report", "-a", "mi3", "--out", "other"]).expect(0);
    let samples = place.path("other/samples.jsonl");
    let all = fs::read_to_string(&samples).unwrap();
    let others: String =
        all.split_inclusive('\n').filter(|line| !line.contains(r#""workload":"cfrac""#)).collect();
    fs::write(samples, &others).unwrap();
    let done = place.plain(&["gate", "other"]).expect(0);
    assert!(done.stdout.contains("skipped peak rss cfrac: not measured"), "{done:#?}");
    assert!(done.stdout.contains(" 0 failed, "), "{done:#?}");

    place.worker("mi", r#"[ "$row" = larson ] && kill -INT $PPID && sleep 300"#);
    place.with_workers(&["run", "--quick", "--no-report", "-a", "mi3", "--out", "begun"]).expect(130);
    place
        .plain(&["gate", "begun"])
        .complains(2, "run 'begun' cannot be judged: it is not finished; go on with: ");
}

#[test]
fn run_of_another_size_is_skipped_and_nothing_is_judged() {
    let place = with_baseline();
    let arguments = ["run", "--no-report", "-a", "mi3", "--passes", "1", "--out", "other"];
    place.with_workers(&arguments).expect(0);
    let done = place.plain(&["gate", "other"]).expect(4);
    assert!(done.stdout.lines().last().unwrap().starts_with("0 passed, 0 failed, "), "{done:#?}");
}

#[test]
fn newer_and_damaged_baselines_are_refused() {
    let place = place();
    fs::create_dir(place.results()).unwrap();
    let path = place.results().join("baseline.json");
    fs::write(&path, r#"{"schema_version": 9}"#).unwrap();
    place.plain(&["gate"]).complains(1, "has schema 9");
    for damaged in ["", "{", "[]", r#"{"schema_version": 1}"#] {
        fs::write(&path, damaged).unwrap();
        let advice = "baseline.json is damaged; restore it, or delete it and write a new one with: bench-suite gate --update: ";
        place.plain(&["gate"]).complains(1, advice);
    }
}
