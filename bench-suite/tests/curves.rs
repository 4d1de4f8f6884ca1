//! Memory over time with fake workers: the pass after all others.

mod common;

use std::fs;

use common::{Done, Place, csv_rows};

#[test]
fn memory_over_time_is_taken_once_per_cell_after_the_passes() {
    let place = Place::new();
    let arguments = ["run", "-a", "mc", "-w", "larson", "--passes", "2"];
    let done = place.with_workers(&arguments).expect(0);
    assert!(done.stderr.contains("then: memory over time, about "), "{done:#?}");
    assert_eq!((place.times_started("mi", "larson"), place.times_started("mc", "larson")), (3, 3));
    let run = place.only_run();
    assert_eq!(fs::read_to_string(run.join("samples.jsonl")).unwrap().lines().count(), 4);
    assert_eq!(fs::read_to_string(run.join("curves.jsonl")).unwrap().lines().count(), 2);
    let rows = csv_rows(&run.join("retention.csv"));
    let columns = "workload,allocator,begin_bytes,peak_bytes,run_end_bytes,drained_bytes,settled_100ms_bytes,settled_1s_bytes";
    assert!(fs::read_to_string(run.join("retention.csv")).unwrap().starts_with(columns));
    assert!(rows.len() == 2 && rows.iter().all(|row| row["settled_1s_bytes"] == "8000000"), "{rows:?}");
    let points = csv_rows(&run.join("curves.csv"));
    let first = &points[0];
    // What was seen from outside is much later than the times that the fake worker makes up.
    assert_eq!(points.len(), 12);
    assert_eq!((first["ms_since_begin"].as_str(), first["rss_bytes"].as_str()), ("0.0", "3000000"));
    for chart in ["curves.png", "retention.svg", "curve-larson.png"] {
        assert!(run.join("charts").join(chart).exists(), "{chart}");
    }
    let report = fs::read_to_string(run.join("report.md")).unwrap();
    assert!(
        report.contains("## Memory over time") && report.contains("(charts/curve-larson.svg)"),
        "{report}"
    );
}

#[test]
fn a_missing_folder_for_temporary_files_is_named_with_what_to_do() {
    let place = Place::new();
    let mut run = place.command(&["run", "-q", "-a", "mi", "-w", "larson", "-n", "1"]);
    run.arg("--worker-dir").arg(place.workers()).env("TMPDIR", "/nonexistent");
    Done::from(run.output().unwrap())
        .complains(1, "cannot create anything in /nonexistent; make room, or set TMPDIR: ");
}

#[test]
fn crash_while_memory_is_looked_at_is_a_failure_that_costs_no_figures() {
    let place = Place::new();
    place.worker("mc", r#"[ -z "$phases" ] || { echo 'lost a page' >&2; kill -SEGV $$; }"#);
    let done = place.with_workers(&["run", "-a", "mc", "-w", "larson", "--passes", "1"]).expect(5);
    let line = "larson under mc: signal(SIGSEGV): while its memory was looked at: lost a page\n";
    assert!(done.stderr.contains(line), "{done:#?}");
    let run = place.only_run();
    let report = fs::read_to_string(run.join("report.md")).unwrap();
    let line = "| glibc malloc 1.2 | signal(SIGSEGV) while its memory was looked at | larson |\n";
    assert!(report.contains("## Failed\n") && report.contains(line), "{report}");
    assert!(!report.contains("completed every workload"), "{report}");
    let log = fs::read_to_string(run.join("logs/larson-mc-memory.txt")).unwrap();
    assert!(log.contains("status: signal(SIGSEGV)") && log.contains("--phases"), "{log}");
    assert!(run.join("workers/worker-mc").exists(), "failures are looked into with it");
    let rows = csv_rows(&run.join("summary.csv"));
    assert!(rows.iter().any(|row| row["allocator"] == "mc" && !row["median"].is_empty()));
}

#[test]
fn wrong_result_while_memory_is_looked_at_is_a_failure_as_in_any_other_pass() {
    let place = Place::new();
    place.worker("mc", r#"[ -z "$phases" ] || checksum='"other"'"#);
    let done = place.with_workers(&["run", "-a", "mc", "-w", "larson", "--passes", "1"]).expect(5);
    let line =
        "larson under mc: wrong-output: while its memory was looked at: checksum other, expected c0ffee\n";
    assert!(done.stderr.contains(line), "{done:#?}");
    let run = place.only_run();
    let is_told = || {
        let report = fs::read_to_string(run.join("report.md")).unwrap();
        report.contains("| wrong-output while its memory was looked at | larson |\n")
    };
    assert!(is_told());
    for table in ["curves.csv", "retention.csv"] {
        let rows = csv_rows(&run.join(table));
        assert!(!rows.is_empty() && rows.iter().all(|row| row["allocator"] == "mi"), "{table}: {rows:?}");
    }
    let rows = csv_rows(&run.join("summary.csv"));
    assert!(rows.iter().any(|row| row["allocator"] == "mc" && !row["median"].is_empty()));
    fs::remove_file(run.join("report.md")).unwrap();
    place.plain(&["report"]).expect(0);
    assert!(is_told());
}

#[test]
fn timeout_while_memory_is_looked_at_is_forgiven_with_a_warning() {
    let place = Place::new();
    place.worker("mc", r#"[ -z "$phases" ] || exec sleep 300"#);
    let arguments = ["run", "-a", "mc", "-w", "larson", "--passes", "1", "--timeout", "10s"];
    let done = place.with_workers(&arguments).expect(0);
    let line = "warning: larson under mc: timeout while its memory was looked at, well otherwise\n";
    assert!(done.stderr.contains(line), "{done:#?}");
}

#[test]
fn memory_over_time_can_be_left_away() {
    let place = Place::new();
    place.with_workers(&["run", "--no-curves", "-a", "mi", "-w", "larson", "--passes", "1"]).expect(0);
    assert_eq!(place.times_started("mi", "larson"), 1);
    let run = place.only_run();
    assert!(!run.join("curves.jsonl").exists() && !run.join("retention.csv").exists());
    assert!(!fs::read_to_string(run.join("report.md")).unwrap().contains("Memory over time"));
}

#[test]
fn interrupted_while_memory_is_looked_at_goes_on_there() {
    let place = Place::new();
    let marker = place.path("stopped");
    let stop = format!(
        r#"if [ -n "$phases" ] && [ ! -e {0} ]; then touch {0}; kill -INT $PPID; sleep 300; fi"#,
        marker.display()
    );
    place.worker("mc", &stop);
    place.with_workers(&["run", "-a", "mc", "-w", "larson", "--passes", "1"]).expect(130);
    let run = place.only_run();
    assert_eq!(fs::read_to_string(run.join("samples.jsonl")).unwrap().lines().count(), 2);
    assert!(!run.join("report.md").exists());
    place.plain(&["run", "--resume"]).expect(0);
    assert_eq!(fs::read_to_string(run.join("samples.jsonl")).unwrap().lines().count(), 2);
    assert_eq!(fs::read_to_string(run.join("curves.jsonl")).unwrap().lines().count(), 2);
    assert!(run.join("charts/curves.svg").exists());
    assert_eq!(place.times_started("mi", "larson"), 2);
}

#[test]
fn quick_run_that_goes_on_takes_no_memory_over_time_either() {
    let place = Place::new();
    let marker = place.path("stopped");
    let stop = format!("if [ ! -e {0} ]; then touch {0}; kill -INT $PPID; sleep 300; fi", marker.display());
    place.worker("mc", &stop);
    place.with_workers(&["run", "--quick", "-a", "mc", "-w", "larson", "--passes", "1"]).expect(130);
    place.plain(&["run", "--resume"]).expect(0);
    assert_eq!((place.times_started("mi", "larson"), place.times_started("mc", "larson")), (1, 2));
    assert!(place.only_run().join("report.md").exists());
}
