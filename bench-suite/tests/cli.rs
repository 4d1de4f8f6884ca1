//! What the harness says when it is asked wrongly: one line, the right exit code.

mod common;

use std::fs;

use common::{HEALTHY, Place};
use workloads::registry::ROWS;

#[test]
fn nothing_asked_shows_examples() {
    let done = std::process::Command::new(assert_cmd::cargo::cargo_bin!("bench-suite")).output().unwrap();
    let done = common::Done::from(done).expect(2);
    assert_eq!(done.stderr.lines().filter(|line| line.starts_with("  bench-suite ")).count(), 4);
}

#[test]
fn help_and_version_are_answers() {
    let place = Place::new();
    assert!(place.plain(&["--help"]).expect(0).stdout.contains("Examples:"));
    assert!(place.plain(&["run", "--help"]).expect(0).stdout.contains("--passes"));
    assert!(place.plain(&["--version"]).expect(0).stdout.starts_with("bench-suite "));
}

#[test]
fn flags_without_a_command_mean_run() {
    let place = Place::new();
    let done = place.with_workers(&["--all", "--dry-run", "-w", "cfrac"]).expect(0);
    assert!(done.stdout.starts_with("plan: 1 workloads"), "{done:#?}");
}

#[test]
fn misspelt_names_suggest_the_nearest() {
    let place = Place::new();
    place
        .with_workers(&["run", "-w", "larsn"])
        .complains(2, "unknown workload 'larsn'; did you mean 'larson'?");
    place.with_workers(&["run", "-a", "mi4"]).complains(2, "unknown allocator 'mi4'; did you mean 'mi");
    place.with_workers(&["run", "-a", "[x"]).complains(2, "'[x' is not a glob");
    place.with_workers(&["run", "--pases", "3"]).complains(2, "--passes");
    place.with_workers(&["run", "--size", "ful"]).complains(2, "full");
    place.plain(&["rum"]).complains(2, "run");
}

#[test]
fn bad_values_are_named() {
    let place = Place::new();
    place.with_workers(&["run", "--passes", "0"]).complains(2, "must be at least 1");
    let countless = u64::MAX.to_string();
    place.with_workers(&["run", "--passes", &countless, "--dry-run"]).complains(2, "must be at most 100000");
    place.with_workers(&["run", "--threads", "many"]).complains(2, "not a whole number");
    place.with_workers(&["run", "--timeout", "0s"]).complains(2, "longer than nothing");
    place.with_workers(&["run", "--timeout", "soon"]).complains(2, "90s");
    place.with_workers(&["run", "-w", "cfrac", "-W", "cfrac"]).complains(2, "leave no workload");
    place.with_workers(&["run", "--quick", "--size", "full"]).complains(2, "--size");
}

#[test]
fn comparing_takes_the_reference_and_verifying_does_not() {
    let place = Place::new();
    place.with_workers(&["run", "-A", "mi", "-w", "cfrac"]).complains(2, "compared with 'mi'");
    assert!(!place.results().exists());
    place.with_workers(&["verify", "-a", "mc", "-A", "mi", "-w", "cfrac"]).expect(0);
}

#[test]
fn libraries_that_cannot_be_preloaded_are_refused() {
    let place = Place::new();
    place.with_workers(&["run", "--preload", "x=/nonexistent/lib.so"]).complains(2, "/nonexistent/lib.so");
    fs::write(place.path("text.so"), "not a library at all, though it has the name").unwrap();
    place.with_workers(&["run", "--preload", "x=text.so"]).complains(2, "text.so is not a shared library");
    place.with_workers(&["run", "--preload", "nonsense"]).complains(2, "NAME=PATH");
}

#[test]
fn folders_that_cannot_be_used_are_refused_untouched() {
    let place = Place::new();
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/precious"), "x").unwrap();
    place.with_workers(&["run", "-w", "cfrac", "-q", "--out", "full"]).complains(2, "never overwritten");
    assert_eq!(fs::read_dir(place.path("full")).unwrap().count(), 1);
    place.with_workers(&["run", "-w", "cfrac", "-q", "--out", "/proc/nothing"]).complains(2, "/proc/nothing");
    place.plain(&["run", "-w", "cfrac", "-q", "--worker-dir", "/nonexistent"]).complains(2, "/nonexistent");
}

#[test]
fn dry_run_measures_nothing() {
    let place = Place::new();
    let done = place.with_workers(&["run", "-a", "mc", "-w", "cfrac", "--dry-run"]).expect(0);
    assert!(
        done.stdout.contains("first block: cfrac under ")
            && done.stdout.contains("worker-mc run --row cfrac")
    );
    assert_eq!(place.times_started("mc", "cfrac"), 0);
    assert!(!place.results().exists());
}

#[test]
fn unknown_newer_and_finished_runs_are_refused() {
    let place = Place::new();
    place.plain(&["report", "nope"]).complains(2, "there is no run 'nope'");
    place.plain(&["report"]).complains(2, "no finished run yet");
    place.plain(&["run", "--resume"]).complains(2, "no unfinished run");
    place.with_workers(&["run", "--no-report", "-a", "mi", "-w", "cfrac", "--passes", "1"]).expect(0);
    let run = place.only_run();
    let name = run.file_name().unwrap().to_str().unwrap().to_owned();
    place.plain(&["run", "--resume", &name]).complains(2, "is finished");
    let record = fs::read_to_string(run.join("run.json")).unwrap();
    let newer = record.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
    fs::write(run.join("run.json"), &newer).unwrap();
    place.plain(&["report", &name]).complains(1, "has schema 2, this bench-suite reads up to 1");
    assert_eq!(fs::read_to_string(run.join("run.json")).unwrap(), newer);
    let countless = record.replacen("\"passes\": 1", "\"passes\": 10000000000000000000", 1);
    fs::write(run.join("run.json"), countless).unwrap();
    place.plain(&["report", &name]).complains(1, "or start a new run: its passes are 10000000000000000000");
    fs::write(run.join("run.json"), "{").unwrap();
    place
        .plain(&["report", &name])
        .complains(1, "run.json is damaged; restore that file, or start a new run");
}

#[test]
fn resuming_something_else_is_refused_by_the_field() {
    let place = Place::new();
    place.worker("mi", "kill -INT $PPID; sleep 300");
    place.with_workers(&["run", "-a", "mi", "-w", "cfrac", "--passes", "2"]).expect(130);
    place.plain(&["run", "--resume", "--passes", "3"]).complains(2, "its 'passes' is another one");
    place.plain(&["run", "--resume", "-w", "larson"]).complains(2, "its 'workloads' is another one");
    place.plain(&["run", "--resume", "-w", "z3"]).complains(2, "its 'workloads' is another one");
    let copy = place.only_run().join("workers/worker-mi");
    fs::write(&copy, "changed").unwrap();
    place.plain(&["run", "--resume", "-q"]).complains(1, "binary_hash of 'mi' differs");
}

#[test]
fn list_shows_what_is_missing_and_how_to_get_it() {
    let place = Place::new();
    let done = place.plain(&["list"]).expect(0);
    for id in ["mi3", "tcg", "je", "mi-so", "mi-secure", "cfrac", "cache-scratchN"] {
        assert!(done.stdout.contains(id), "{id} is missing in {done:#?}");
    }
    let mut without_tools = place.command(&["list"]);
    without_tools.env("PATH", place.path("nothing"));
    let done = common::Done::from(without_tools.output().unwrap()).expect(0);
    let line = |id: &str| done.stdout.lines().find(|line| line.starts_with(&format!("  {id} "))).unwrap();
    let advice = "not available: c++ not found; install it with: apt-get install g++";
    assert!(line("tcg").contains(advice) && line("mi").contains(" available"), "{done:#?}");
}

#[test]
fn doctor_has_a_verdict_per_metric() {
    let place = Place::new();
    let done = place.plain(&["doctor"]).expect(0);
    for metric in ["time", "peak RSS", "minor faults", "allocation counts", "instructions"] {
        assert!(done.stdout.lines().any(|line| line.trim_start().starts_with(metric)), "{metric}: {done:#?}");
    }
}

#[test]
fn closed_pipes_are_no_panic() {
    let place = Place::new();
    let workers = place.workers();
    let few = ["-a", "sn", "-w", "larson", "--worker-dir", workers.to_str().unwrap()];
    let run = [&["run", "--no-report", "-n", "1"][..], &few].concat();
    let verify = [&["verify"][..], &few].concat();
    for (arguments, code) in [(vec!["list"], 0), (vec!["rum"], 2), (vec!["gate"], 4), (run, 0), (verify, 0)] {
        let mut command = place.command(&arguments);
        let status = command.stdout(closed_pipe()).stderr(closed_pipe()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

/// A pipe that nobody reads from any more.
fn closed_pipe() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn verify_counts_cells_and_names_problems() {
    let place = Place::new();
    let done = place.with_workers(&["verify", "-a", "mc", "-a", "sn"]).expect(0);
    assert!(done.stdout.contains("skipped sn: "), "{done:#?}");
    assert_eq!(done.stdout.lines().last(), Some(&*format!("{} passed, 0 failed", 2 * ROWS.len())));
    place.worker("sn", r#"[ "$row" = cfrac ] && kill -ABRT $$; [ "$row" = larson ] && checksum='"x"'"#);
    let done = place.with_workers(&["verify", "-a", "mc", "-a", "sn"]).expect(5);
    assert!(done.stdout.contains("failed cfrac under sn: signal(SIGABRT)"), "{done:#?}");
    assert!(done.stdout.contains("failed larson under sn: wrong-output: checksum x"), "{done:#?}");
    assert_eq!(done.stdout.lines().last(), Some(&*format!("{} passed, 2 failed", 3 * ROWS.len() - 2)));
    place.worker("sn", HEALTHY);
    place.with_workers(&["verify", "-a", "mc", "-a", "sn"]).expect(0);
}
