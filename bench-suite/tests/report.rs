//! What `report` makes anew of a run that was measured, and when it refuses to.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Place, as_told};

const BOTH: [&str; 6] = ["run", "--no-report", "-a", "mc", "-w", "larson*"];

/// The content of all files directly in a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

#[test]
fn report_writes_the_same_summary_again() {
    let place = Place::new();
    place.with_workers(&[&BOTH[..], &["--passes", "7"]].concat()).expect(0);
    let path = place.only_run().join("summary.csv");
    let first = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let name = place.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    place.plain(&["report", &name]).expect(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
}

#[test]
fn report_without_samples_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.with_workers(&[&BOTH[..], &["--passes", "1"]].concat()).expect(0);
    let run = place.only_run();
    let samples = run.join("samples.jsonl");
    let of_another = fs::read_to_string(&samples).unwrap().replace("larson", "cfrac");
    fs::write(&samples, of_another).unwrap();
    let refused = || refused_and_unchanged(&place, &run);
    refused();
    fs::remove_file(&samples).unwrap();
    refused();
}

/// Asserts that the report of the run is not written anew.
#[track_caller]
fn refused_and_unchanged(place: &Place, run: &Path) {
    let before = contents(run);
    place.plain(&["report"]).complains(2, "not all of its samples are in ");
    assert_eq!(contents(run), before);
}

#[test]
fn report_of_a_part_of_the_samples_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.worker("jx", r#"[ "$row" = larson ] && exit 9"#);
    place.with_workers(&[&BOTH[..], &["-a", "jx", "-a", "sn", "--passes", "4"]].concat()).expect(5);
    let run = place.only_run();
    let samples = run.join("samples.jsonl");
    let all = fs::read_to_string(&samples).unwrap();
    let lines: Vec<&str> = all.split_inclusive('\n').collect();
    for kept in [1, lines.len() / 2, lines.len() - 1] {
        fs::write(&samples, lines[..kept].concat()).unwrap();
        refused_and_unchanged(&place, &run);
    }
    fs::write(&samples, &all[..all.len() - 1]).unwrap();
    refused_and_unchanged(&place, &run);
    let failed_once = lines.iter().position(|line| line.contains("exit(9)")).unwrap();
    fs::write(&samples, [&lines[..failed_once], &lines[failed_once + 1..]].concat().concat()).unwrap();
    refused_and_unchanged(&place, &run);
    // Neither an allocator that is not there nor a cell that was given up lacks any.
    fs::write(&samples, &all).unwrap();
    place.plain(&["report"]).expect(0);
}

#[test]
fn report_of_a_run_that_has_no_sample_yet_says_how_to_go_on() {
    let place = Place::new();
    let marker = place.path("stopped");
    let stop = format!("if [ ! -e {0} ]; then touch {0}; kill -INT $PPID; sleep 300; fi", marker.display());
    place.worker("mi", &stop);
    place.with_workers(&["run", "--no-report", "-a", "mi", "-w", "cfrac", "-n", "1"]).expect(130);
    let run = place.only_run();
    let before = contents(&run);
    let done = place.plain(&["report", run.to_str().unwrap()]).expect(2);
    assert_eq!(contents(&run), before);
    let (_, command) =
        done.stderr.split_once("is measured yet; go on with: bench-suite ").expect(&done.stderr);
    as_told(command).expect(0);
    assert!(run.join("summary.csv").exists());
}

#[test]
fn measured_run_whose_end_cannot_be_stored_says_how_to_go_on() {
    let place = Place::new();
    let runs = place.results().join("runs").display().to_string();
    place.worker(
        "mi",
        &format!("for run in {runs}/*; do mv $run/run.json {runs}/../; mkdir $run/run.json; done"),
    );
    let run = ["run", "-q", "--no-report", "--no-curves", "-a", "mi", "-w", "larson", "-n", "1"];
    let done = place.with_workers(&run).expect(1);
    let (_, command) = done
        .stderr
        .split_once("everything is measured; make room and go on with: bench-suite ")
        .expect(&done.stderr);
    let command = command.split_once(": cannot write ").expect(command).0;
    let record = place.only_run().join("run.json");
    fs::remove_dir(&record).unwrap();
    fs::rename(place.results().join("run.json"), record).unwrap();
    as_told(command).expect(0);
    assert_eq!(place.times_started("mi", "larson"), 1);
    assert!(place.only_run().join("summary.csv").exists());
}

#[test]
fn measured_run_that_cannot_be_drawn_says_how_to_get_its_report() {
    let place = Place::new();
    let obstacle = format!("for run in {}/runs/*; do : > $run/charts; done", place.results().display());
    place.worker("mi", &obstacle);
    let done = place.with_workers(&["run", "--no-curves", "-a", "mi", "-w", "larson", "-n", "1"]).expect(1);
    let run = place.only_run();
    let name = run.file_name().unwrap().to_str().unwrap();
    let (_, advice) = done.stderr.split_once("everything is measured; ").expect(&done.stderr);
    let (_, command) = advice.split_once("with: bench-suite ").unwrap();
    let command = command.split_once(": ").unwrap().0;
    place.plain(&["run", "--resume", name]).complains(2, &format!("with: bench-suite {command};"));
    fs::remove_file(run.join("charts")).unwrap();
    as_told(command).expect(0);
    assert!(run.join("report.md").exists());
}
