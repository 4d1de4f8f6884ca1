//! Whole runs with fake workers: files, statuses, exit codes, resuming.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use bench_suite::catalogue;
use bench_suite::config::{Group, Workload};
use bench_suite::digest::METRICS;
use common::{Done, HEALTHY, Place, as_told, csv_rows};

const BOTH: [&str; 6] = ["run", "--no-report", "-a", "mc", "-w", "larson*"];

#[test]
fn healthy_run_leaves_all_files_and_a_table() {
    let place = Place::new();
    let done = place.with_workers(&[&BOTH[..], &["--passes", "2", "--threads", "3"]].concat()).expect(0);
    assert!(done.stdout.contains("larson-sized") && done.stdout.contains("geomean (2)"), "{done:#?}");
    let run = place.only_run();
    for file in
        ["run.json", "samples.jsonl", "samples.csv", "summary.csv", "summary.json", "geomean.csv", "logs"]
    {
        assert!(run.join(file).exists(), "{file}");
    }
    assert_eq!(fs::read_to_string(run.join("samples.jsonl")).unwrap().lines().count(), 8);
    let latest = fs::read_to_string(place.results().join("latest")).unwrap();
    assert_eq!(latest.trim(), run.file_name().unwrap().to_str().unwrap());
    let record: serde_json::Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    assert_eq!(record["schema_version"], 1);
    assert_eq!(record["plan"]["threads"], 3);
    assert_eq!(record["workers_from_folder"], true);
    assert_eq!(record["allocators"][0]["binary_hash"].as_str().unwrap().len(), 64);
}

#[test]
fn summary_has_exactly_the_promised_columns_and_a_row_per_cell_and_metric() {
    let place = Place::new();
    place.with_workers(&[&BOTH[..], &["--passes", "2"]].concat()).expect(0);
    let path = place.only_run().join("summary.csv");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.lines().next().unwrap(),
        "workload,allocator,metric,unit,n,median,ratio_to_ref,ci_low,ci_high,status"
    );
    let rows = csv_rows(&path);
    assert_eq!(rows.len(), 2 * 2 * METRICS.len());
    let row = rows
        .iter()
        .find(|r| r["workload"] == "larson" && r["allocator"] == "mc" && r["metric"] == "peak_rss")
        .unwrap();
    assert_eq!(
        (row["unit"].as_str(), row["median"].as_str(), row["n"].as_str()),
        ("bytes", "4194304.0", "2")
    );
    assert_eq!(row["status"], "ok");
}

#[test]
fn means_are_written_for_all_workloads_and_for_each_group() {
    let place = Place::new();
    let is_program = |workload: &&Workload| workload.group == Group::Real && workload.is_usual();
    let programs = catalogue::workloads().iter().filter(is_program);
    let without_programs: Vec<&str> = programs.flat_map(|program| ["-W", &program.id]).collect();
    let run = [&["run", "--no-report", "-a", "mc", "--passes", "1"], &*without_programs].concat();
    place.with_workers(&run).expect(0);
    let rows = csv_rows(&place.only_run().join("geomean.csv"));
    // All workloads and four groups of them, two allocators.
    assert_eq!(rows.len(), METRICS.len() * 5 * 2);
    let time: Vec<_> =
        rows.iter().filter(|row| row["allocator"] == "mc" && row["metric"] == "time").collect();
    let over: Vec<_> = time.iter().map(|row| (row["group"].as_str(), row["workloads"].as_str())).collect();
    let usual = || catalogue::ports().filter(|port| port.is_usual());
    let count = |group| usual().filter(|port| port.group == group).count().to_string();
    let all = usual().count().to_string();
    let groups = [Group::Programs, Group::Stress, Group::Modern, Group::Rust];
    let expected = groups.map(|group| (group.name(), count(group)));
    assert_eq!(over[0], ("all", &*all));
    let expected: Vec<_> = expected.iter().map(|(name, count)| (*name, count.as_str())).collect();
    assert_eq!(over[1..], expected);
    assert!(time.iter().all(|row| row["of"] == row["workloads"] && row["completed"] == row["of"]));
    assert!(time.iter().all(|row| row["ratio_to_ref"] == "1.0" && row["ci_low"] == "1.0"));
}

/// Runs one bad allocator beside healthy ones; gives the code, its status and its reason.
fn with_bad_worker(id: &str, behaviour: &str, more: &[&str]) -> (i32, String, String) {
    let place = Place::new();
    place.worker(id, behaviour);
    let arguments =
        [&["run", "--no-report", "-a", "jx", "-a", "mc", "-w", "larson", "--passes", "3"], more].concat();
    if id != "jx" {
        place.worker("jx", HEALTHY);
    }
    let done = place.with_workers(&arguments);
    let run = place.only_run();
    let rows = csv_rows(&run.join("summary.csv"));
    let time =
        |allocator: &str| rows.iter().find(|r| r["allocator"] == allocator && r["metric"] == "time").unwrap();
    for healthy in ["mi", "jx", "mc"].iter().filter(|healthy| **healthy != id) {
        assert_eq!(time(healthy)["status"], "ok", "{done:#?}");
        assert!(!time(healthy)["median"].is_empty());
    }
    assert!(time(id)["median"].is_empty() && time(id)["ratio_to_ref"].is_empty());
    assert!(done.stderr.contains(&format!("larson under {id}: ")), "{done:#?}");
    let samples = csv_rows(&run.join("samples.csv"));
    let reason = samples.iter().find(|s| s["allocator"] == id).unwrap()["reason"].clone();
    assert!(run.join(format!("logs/larson-{id}-pass1.txt")).exists() || time(id)["status"] == "wrong-output");
    assert!(run.join("workers").join(format!("worker-{id}")).exists(), "failures are looked into with it");
    (done.code, time(id)["status"].clone(), reason)
}

#[test]
fn crash_is_a_signal() {
    let (code, status, _) = with_bad_worker("jx", "kill -SEGV $$", &[]);
    assert_eq!((code, status.as_str()), (5, "signal(SIGSEGV)"));
}

#[test]
fn failing_exit_has_its_last_words() {
    let (code, status, reason) =
        with_bad_worker("jx", "echo first >&2; echo 'lost a block' >&2; exit 7", &[]);
    assert_eq!((code, status.as_str(), reason.as_str()), (5, "exit(7)", "lost a block"));
}

#[test]
fn running_out_of_memory_is_oom() {
    let (code, status, _) = with_bad_worker("jx", "echo 'worker: out of memory' >&2; exit 1", &[]);
    assert_eq!((code, status.as_str()), (5, "oom"));
    let aborted = |words: &str| with_bad_worker("jx", &format!("echo '{words}' >&2; kill -ABRT $$"), &[]);
    let (code, status, reason) = aborted("memory allocation of 64 bytes failed");
    assert_eq!((code, &*status, &*reason), (5, "oom", "memory allocation of 64 bytes failed"));
    assert_eq!(aborted("corrupted heap").1, "signal(SIGABRT)");
}

#[test]
fn hanging_worker_is_killed_with_everything_it_started() {
    let notes = tempfile::tempdir().unwrap();
    let sleeper = notes.path().join("sleeper");
    let behaviour = format!("sleep 300 & echo $! > {}; sleep 300", sleeper.display());
    let (code, status, reason) = with_bad_worker("jx", &behaviour, &["--timeout", "10s"]);
    assert_eq!((code, status.as_str()), (5, "timeout"));
    assert!(reason.contains("--timeout"));
    ends(&sleeper);
}

#[test]
fn what_a_worker_leaves_behind_is_ended_and_not_waited_for() {
    let place = Place::new();
    let sleeper = place.path("sleeper");
    place.worker("mc", &format!("sleep 300 & echo $! > {}", sleeper.display()));
    place.with_workers(&["run", "--no-report", "-a", "mc", "-w", "larson", "--passes", "1"]).expect(0);
    ends(&sleeper);
}

/// Waits for the end of the sleeping process whose number is in `file`: what was killed may take its time.
fn ends(file: &Path) {
    let pid = fs::read_to_string(file).unwrap();
    let words = format!("/proc/{}/cmdline", pid.trim());
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::read_to_string(&words).is_ok_and(|words| words.starts_with("sleep")) {
        assert!(Instant::now() < deadline, "it goes on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn deviating_checksum_is_wrong_output() {
    let (code, status, reason) = with_bad_worker("jx", r#"checksum='"bad"'"#, &[]);
    assert_eq!((code, status.as_str()), (5, "wrong-output"));
    assert_eq!(reason, "checksum bad, expected c0ffee");
}

#[test]
fn garbage_and_foreign_protocols_are_wrong_output() {
    let (code, status, reason) = with_bad_worker("jx", "echo rubbish; exit 0", &[]);
    assert_eq!((code, status.as_str()), (5, "wrong-output"));
    assert!(reason.starts_with("its report is not JSON"), "{reason}");
    let (_, status, reason) = with_bad_worker("jx", r#"echo '{"protocol": 2}'; exit 0"#, &[]);
    assert_eq!(status, "wrong-output");
    assert!(reason.contains("protocol 2"), "{reason}");
    let (_, status, _) = with_bad_worker("jx", "row=other", &[]);
    assert_eq!(status, "wrong-output");
}

#[test]
fn wrong_identity_is_found_by_exit_code_and_by_name() {
    let (code, status, _) = with_bad_worker("jx", "echo 'identity-failed: x' >&2; exit 4", &[]);
    assert_eq!((code, status.as_str()), (5, "identity-failed"));
    let (_, status, reason) = with_bad_worker("jx", "allocator=sn", &[]);
    assert_eq!(status, "identity-failed");
    assert_eq!(reason, "it names itself 'sn' instead of 'jx'");
}

#[test]
fn unstartable_worker_does_not_stop_the_run() {
    let place = Place::new();
    fs::write(place.workers().join("worker-jx"), "not a program").unwrap();
    place.with_workers(&["run", "--no-report", "-a", "jx", "-w", "larson", "--passes", "1"]).expect(5);
    let rows = csv_rows(&place.only_run().join("summary.csv"));
    assert_eq!(rows.iter().find(|r| r["allocator"] == "jx").unwrap()["status"], "not-started");
}

#[test]
fn failing_cell_is_tried_once_more_and_then_left() {
    let place = Place::new();
    place.worker("jx", r#"[ "$row" = larson ] && exit 9"#);
    place.with_workers(&["run", "--no-report", "-a", "jx", "-w", "larson*", "--passes", "5"]).expect(5);
    assert_eq!(place.times_started("jx", "larson"), 2);
    assert_eq!(place.times_started("jx", "larson-sized"), 5);
    assert_eq!(place.times_started("mi", "larson"), 5);
}

#[test]
fn one_timeout_is_forgiven_with_a_warning() {
    let place = Place::new();
    let marker = place.path("was-slow");
    let once = format!("if [ ! -e {0} ]; then touch {0}; exec sleep 300; fi", marker.display());
    place.worker("jx", &once);
    let arguments = ["run", "--no-report", "-a", "jx", "-w", "larson", "--passes", "3", "--timeout", "10s"];
    let done = place.with_workers(&arguments).expect(0);
    assert!(done.stderr.contains("warning: larson under jx: timeout in pass 1, well otherwise"), "{done:#?}");
    let rows = csv_rows(&place.only_run().join("summary.csv"));
    let row = rows.iter().find(|r| r["allocator"] == "jx" && r["metric"] == "time").unwrap();
    assert_eq!((row["n"].as_str(), row["status"].as_str()), ("2", "ok"));
}

#[test]
fn missing_worker_is_not_installed_and_no_failure() {
    let place = Place::new();
    let done =
        place.with_workers(&["run", "--no-report", "-a", "sn", "-w", "larson*", "--passes", "1"]).expect(0);
    // Once when it is looked for, once at the end, whatever the number of workloads.
    assert_eq!(done.stderr.matches("sn: not-installed: there is no ").count(), 2, "{done:#?}");
    let run = place.only_run();
    let rows = csv_rows(&run.join("summary.csv"));
    assert_eq!(rows.iter().find(|r| r["allocator"] == "sn").unwrap()["status"], "not-installed");
    assert!(!run.join("workers").exists(), "copies are kept for failures only");
}

#[test]
fn missing_reference_is_said_before_anything_is_measured() {
    let place = Place::new();
    fs::remove_file(place.workers().join("worker-mi")).unwrap();
    let run = ["run", "-q", "--no-report", "-a", "mc", "-w", "larson", "--passes", "1"];
    place.with_workers(&run).complains(1, "without 'mi' (not-installed): there is no ");
    assert_eq!(place.times_started("mc", "larson"), 0);
    assert_eq!(fs::read_dir(place.results().join("runs")).unwrap().count(), 0);
    place.worker("mi", HEALTHY);
    let run = ["run", "-q", "--no-report", "-a", "mc", "-w", "larson", "-w", "z3", "--passes", "1"];
    place.with_workers(&run).complains(1, "make it available, or drop the programs with -W");
    assert_eq!(place.times_started("mi", "larson"), 0);
}

#[test]
fn broken_references_are_told_before_the_others_are_made_ready() {
    let place = Place::new();
    fs::remove_file(place.workers().join("worker-mi")).unwrap();
    let run = ["run", "--no-report", "-a", "sn", "-a", "mc", "-w", "larson", "-w", "z3", "--passes", "1"];
    let done = place.with_workers(&run).expect(1);
    assert!(done.stderr.contains("without 'mi' (not-installed)"), "{done:#?}");
    assert!(!done.stderr.contains("sn: not-installed"), "it was looked for all the same: {done:#?}");
    place.worker("mi", HEALTHY);
    let done = place.with_workers(&run).expect(1);
    assert!(done.stderr.contains("without 'mi-so' (not-installed)"), "{done:#?}");
    assert!(!done.stderr.contains("sn: not-installed"), "it was looked for all the same: {done:#?}");
}

#[test]
fn flags_of_the_environment_are_noted_and_warned_of() {
    let place = Place::new();
    let mut run = place.command(&["run", "--no-report", "-a", "mi", "-w", "larson", "--passes", "1"]);
    run.arg("--worker-dir").arg(place.workers());
    // Cargo takes also an empty one for the project's flags.
    run.env("RUSTFLAGS", "").env("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=1");
    let done = Done::from(run.output().unwrap()).expect(0);
    assert!(done.stderr.contains("warning: CARGO_ENCODED_RUSTFLAGS and RUSTFLAGS were set: "), "{done:#?}");
    let record = fs::read(place.only_run().join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let flags = serde_json::json!({ "CARGO_ENCODED_RUSTFLAGS": "-Copt-level=1", "RUSTFLAGS": "" });
    assert_eq!(record["toolchain"]["flags"], flags);
}

#[test]
fn compilers_of_the_environment_are_noted_and_warned_of_where_they_build_an_allocator() {
    let place = Place::new();
    place.worker("jx", HEALTHY);
    let mut run = place.command(&["run", "--no-report", "-a", "jx", "-w", "larson", "--passes", "1"]);
    run.arg("--worker-dir").arg(place.workers());
    run.env("CFLAGS", "-O0").env("CXX", "clang++").env("CC", "").env_remove("CXXFLAGS");
    let done = Done::from(run.output().unwrap()).expect(0);
    let warning = "warning: CFLAGS and CXX were set: allocators in C and C++ (jx) are built with that";
    assert!(done.stderr.contains(warning), "{done:#?}");
    let record = fs::read(place.only_run().join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let noted = serde_json::json!({ "CFLAGS": "-O0", "CXX": "clang++" });
    assert_eq!(record["toolchain"]["c_environment"], noted);
}

#[test]
fn workers_see_a_clean_environment() {
    let place = Place::new();
    place.worker("mi", &format!("env > {}", place.path("env").display()));
    let arguments = ["run", "--no-report", "-a", "mi", "-w", "larson", "--passes", "1"];
    let mut command = place.command(&arguments);
    command.arg("--worker-dir").arg(place.workers());
    for name in
        ["MALLOC_CONF", "LD_LIBRARY_PATH", "CARGO_PKG_NAME", "RUST_LOG", "MIMALLOC_VERBOSE", "GLIBC_TUNABLES"]
    {
        command.env(name, "glibc.malloc.check=3");
    }
    assert!(command.output().unwrap().status.success());
    let allowed = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "BENCH_SUITE_PAD", "GLIBC_TUNABLES"];
    let by_the_shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    let seen = fs::read_to_string(place.path("env")).unwrap();
    assert!(seen.contains("GLIBC_TUNABLES=glibc.pthread.rseq=0\n"), "{seen}");
    for line in seen.lines() {
        let name = line.split('=').next().unwrap();
        assert!(allowed.contains(&name) || by_the_shell.contains(&name), "{line}");
    }
}

#[test]
fn what_whoever_started_the_run_has_it_ignore_does_not_interrupt_it() {
    let place = Place::new();
    place.worker("mi", "kill -HUP $PPID");
    let run = ["run", "-q", "-a", "mi", "-w", "cfrac", "--passes", "1", "--no-curves"];
    let mut direct = place.command(&run);
    direct.arg("--worker-dir").arg(place.workers());
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" HUP; exec "$0" "$@""#]).arg(direct.get_program()).args(direct.get_args());
    assert!(shell.current_dir(place.path(".")).output().unwrap().status.success());
    assert_eq!(direct.output().unwrap().status.code(), Some(130));
}

#[test]
fn interrupted_run_says_how_to_go_on_and_does() {
    let place = Place::new();
    // Stops its grandparent, the harness, the first time it runs.
    let marker = place.path("stopped");
    let stop = format!("if [ ! -e {0} ]; then touch {0}; kill -INT $PPID; sleep 300; fi", marker.display());
    place.worker("mc", &stop);
    let done = place.with_workers(&[&BOTH[..], &["--passes", "2"]].concat()).expect(130);
    let run = place.only_run();
    assert!(!run.join("summary.csv").exists());
    let before = fs::read_to_string(run.join("samples.jsonl")).unwrap();
    // The command does it by itself, in any folder.
    let (_, command) = done.stderr.split_once("interrupted; go on with: bench-suite ").expect(&done.stderr);
    as_told(command).expect(0);
    let after = fs::read_to_string(run.join("samples.jsonl")).unwrap();
    assert!(after.starts_with(&before));
    assert_eq!(after.lines().count(), 8);
    // What it was to leave away need not be said again.
    assert!(run.join("summary.csv").exists() && !run.join("report.md").exists());
}
