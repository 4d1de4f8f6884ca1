//! Workers as the harness sees them: arguments in, exit code and one line out.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use workloads::heap_map::{HeapMap, Holding};
use workloads::operations::OPERATIONS;
use workloads::phases::{Mark, Phase};
use workloads::planted::{EXTRA_BYTES, PLANTED};
use workloads::protocol::{PROTOCOL, Report};
use workloads::registry::{NATIVE, ROWS};

const MI: &str = env!("CARGO_BIN_EXE_worker-mi");
const MC: &str = env!("CARGO_BIN_EXE_worker-mc");
const COUNT: &str = env!("CARGO_BIN_EXE_worker-count");

fn run(worker: &str, arguments: &str) -> Output {
    Command::new(worker).args(arguments.split_whitespace()).output().expect("the worker starts")
}

fn report(worker: &str, arguments: &str) -> Report {
    let output = run(worker, arguments);
    assert!(output.status.success(), "{arguments}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("a report is text");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("a report is JSON")
}

/// The exit code and the only line of standard error.
fn complaint(worker: &str, arguments: &str) -> (Option<i32>, String) {
    let output = run(worker, arguments);
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("a complaint is text");
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text)
}

#[test]
fn every_row_has_the_same_result_under_both_allocators() {
    for row in ROWS.iter().chain(OPERATIONS) {
        for preset in ["seed2019", "current"] {
            let arguments = format!("run --row {} --preset {preset} --size check --threads 2", row);
            let (mi, mc) = (report(MI, &arguments), report(MC, &arguments));
            assert!(mi.checksum.is_some() && mi.checksum == mc.checksum, "{arguments}");
            assert_eq!(mi.operations, mc.operations, "{arguments}");
            assert_eq!((mi.protocol, mi.row.as_str(), mi.threads), (PROTOCOL, *row, 2));
            assert_eq!((mi.allocator.as_str(), mc.allocator.as_str()), ("mi", "mc"));
            assert!(mi.run_ns > 0 && mi.score_ns == mi.run_ns && mi.counts.is_none());
            assert!(mi.peak_rss_bytes > 0 && Some(mi.peak_rss_bytes) >= mi.run_end_rss_bytes);
            assert!(!mi.figure.is_empty() && !mi.proof.is_empty() && !mi.allocator_version.is_empty());
        }
    }
}

/// The rows in which a block is freed by another thread than the one that allocated it.
const HAND_OVER: [&str; 11] = [
    "larson",
    "larson-sized",
    "sh8bench",
    "cache-scratch1",
    "cache-scratchN",
    "mstress",
    "rptest",
    "xmalloc-test",
    "mleak",
    "hand-over",
    "exchange",
];

#[test]
fn counts_come_with_stats_and_change_nothing_else() {
    for row in ROWS.iter().chain(OPERATIONS) {
        let arguments = format!("run --row {row} --check --threads 2");
        let on_crates = NATIVE.contains(row);
        let with = report(if on_crates { COUNT } else { MC }, &format!("{arguments} --stats"));
        let counts = with.counts.expect("counts were asked for");
        assert!(
            counts.allocations > 0 && counts.bytes > 0 && counts.frees <= counts.allocations,
            "{counts:?}"
        );
        assert_eq!(with.checksum, report(MC, &arguments).checksum, "{row}");
        // Whether a thread drops what another one made depends on the crates and on the moment.
        let hands_over = counts.cross_thread_frees > 0;
        assert!(on_crates || hands_over == HAND_OVER.contains(row), "{row}: {counts:?}");
    }
}

#[test]
fn what_crates_ask_for_is_counted_in_one_worker_only() {
    let (code, text) = complaint(MC, "run --row json --check --stats");
    assert!(code == Some(2) && text.contains("worker-count"), "{text}");
    // Ports are counted from their beginning, and so is all that the process does besides.
    let of = |worker| report(worker, "run --row larson --check --threads 2 --stats").counts.expect("counts");
    let (ports, process) = (of(MC), of(COUNT));
    let more = process.allocations - ports.allocations;
    assert!(more < 100 && process.cross_thread_frees >= ports.cross_thread_frees, "{ports:?} {process:?}");
}

#[test]
fn the_heap_is_shown_where_the_allocator_can() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("map.json");
    let arguments = format!("run --row larson --check --threads 2 --heapmap {}", file.display());
    let with = report(MI, &arguments);
    assert_eq!(with.checksum, report(MI, "run --row larson --check --threads 2").checksum);
    let text = std::fs::read_to_string(&file).expect("the worker wrote a map");
    let map: HeapMap = serde_json::from_str(&text).expect("a map is JSON");
    let blocks = |holding| match holding {
        Holding::Page { block_size, used, .. } => block_size * used,
        _ => 0,
    };
    let used: u64 = map.spans.iter().map(|span| blocks(span.holding)).sum();
    // Two sets of 5000 blocks of 8 to 999 bytes are live, in classes that are at most a third larger.
    let live = 10_000 * 500;
    assert!((live * 95 / 100..live * 4 / 3).contains(&used), "{used}");
    assert!(map.spans.iter().any(|span| span.holding == Holding::Kept), "where the threads are known");

    let (code, text) = complaint(MC, &arguments);
    assert!(code == Some(2) && text.contains("cannot show its heap"), "{text}");
    let (code, text) = complaint(MI, "run --row cfrac --check --heapmap /nonexistent/map");
    assert!(code == Some(1) && text.contains("/nonexistent/map"), "{text}");
}

#[test]
fn phases_are_noted_only_when_asked_for() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("phases");
    let plain = report(MC, "run --row sh6bench --check --threads 2");
    assert!(plain.memory.is_none() && !file.exists());

    let with = report(MC, &format!("run --row sh6bench --check --threads 2 --phases {}", file.display()));
    assert_eq!(with.checksum, plain.checksum);
    let text = std::fs::read_to_string(&file).expect("the worker wrote its phases");
    let marks: Vec<Mark> =
        text.lines().map(|line| serde_json::from_str(line).expect("a mark is JSON")).collect();
    assert!(marks.iter().map(|mark| mark.phase).eq(Phase::ALL), "{text}");
    assert!(marks.is_sorted_by_key(|mark| mark.at_ns), "{text}");
    let at = |phase: Phase| marks[phase as usize];
    assert!(at(Phase::Settled1s).at_ns >= at(Phase::Drained).at_ns + 1_000_000_000, "it waits for a second");
    let memory = with.memory.expect("phases were asked for");
    assert_eq!(memory.begin, at(Phase::Begin).rss_bytes);
    assert_eq!((memory.peak, memory.run_end), (with.peak_rss_bytes, at(Phase::Stop).rss_bytes));
    assert_eq!(memory.settled_1s, at(Phase::Settled1s).rss_bytes);
    assert!(memory.begin > 0 && memory.begin < memory.peak, "{memory:?}");

    let (code, text) = complaint(MC, "run --row cfrac --check --phases /nonexistent/phases");
    assert!(code == Some(1) && text.contains("/nonexistent/phases"), "{text}");
}

#[test]
fn rows_are_listed() {
    let output = run(MI, "rows");
    let text = String::from_utf8(output.stdout).expect("a list is text");
    assert!(text.lines().eq(ROWS.iter().chain(OPERATIONS).copied()), "{text}");
}

#[test]
fn a_malloc_that_nobody_expects_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("own.c"), folder.path().join("own.so"));
    let malloc = "#include <stddef.h>\nvoid *__libc_malloc(size_t);\nvoid *malloc(size_t size) { return __libc_malloc(size); }\n";
    std::fs::write(&source, malloc).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.expect("Rust links with cc").success());
    let preloaded = |more: &[&str]| {
        let mut worker = Command::new(MC);
        worker.env("LD_PRELOAD", &library).args(["run", "--row", "mleak", "--check"]).args(more);
        worker.output().expect("the worker starts")
    };
    let output = preloaded(&[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(4) && output.stdout.is_empty(), "{output:?}");
    assert!(text.contains("own.so") && text.contains("--expect-library"), "{text}");
    assert!(preloaded(&["--expect-library", library.to_str().unwrap()]).status.success());
}

#[test]
fn mistakes_end_with_code_two() {
    for (arguments, words) in [
        ("run --row nonsense --check", "'nonsense'"),
        ("run --row cfrac --size big", "big"),
        ("run", "--row"),
        ("larson", "larson"),
        ("run --row larson --check --threads 101", "100"),
        ("run --row alloc-testN --preset seed2019 --check --threads 80", "80"),
        ("run --row sh6bench --check --threads 300", "512"),
    ] {
        let (code, text) = complaint(MI, arguments);
        assert!(code == Some(2) && text.contains(words), "{arguments}: {code:?} {text}");
    }
}

#[test]
fn builds_with_assertions_are_not_timed() {
    if cfg!(debug_assertions) {
        let (code, text) = complaint(MI, "run --row cfrac --size quick");
        assert!(code == Some(2) && text.contains("--profile worker"), "{code:?} {text}");
    }
}

#[test]
fn another_library_than_expected_is_an_identity_failure() {
    for (worker, library, words) in [
        (MC, "/etc/passwd", "not loaded"),
        (MC, "/nonexistent.so", "No such file"),
        (MC, MC, "malloc is in"),
        (MI, "/etc/passwd", "worker-mc"),
    ] {
        let (code, text) = complaint(worker, &format!("run --row cfrac --check --expect-library {library}"));
        assert!(
            code == Some(4) && text.contains("identity-failed: ") && text.contains(words),
            "{code:?} {text}"
        );
    }
}

#[test]
fn planted_rows_fail_in_their_ways() {
    let plain = |row: &str| format!("run --row {row} --check");
    let crashed = run(MC, &plain("planted-crash"));
    assert_eq!(crashed.status.code(), None, "{crashed:?}");
    let (code, text) = complaint(MC, &plain("planted-exit"));
    assert!(code == Some(1) && text.contains("on purpose"), "{text}");
    let wrong = |worker| report(worker, &plain("planted-wrong")).checksum;
    assert_ne!(wrong(MC), wrong(MI));
    let peak = |row| report(MC, &plain(row)).peak_rss_bytes;
    let extra = peak("planted-memory").abs_diff(peak("planted-wrong"));
    assert!(extra.abs_diff(EXTRA_BYTES as u64) < 1 << 20, "{extra}");
    assert!(PLANTED.iter().all(|planted| !ROWS.contains(planted)));
}

#[test]
fn running_out_of_memory_is_one_clear_line() {
    // Enough address space to start, and not enough for another 20 MiB.
    let line = format!("ulimit -v 30000; exec {MC} run --row planted-memory --check");
    let output = Command::new("sh").args(["-c", &line]).output().expect("there is a shell");
    let text = String::from_utf8(output.stderr).expect("a complaint is text");
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.starts_with("out of memory: ") && text.contains(&EXTRA_BYTES.to_string()), "{text}");
}

#[test]
fn versions_that_are_written_down_are_those_built() {
    let manifest = include_str!("../Cargo.toml");
    for (package, source) in [
        ("snmalloc-rs", include_str!("../src/bin/worker-sn.rs")),
        ("rpmalloc", include_str!("../src/bin/worker-rp.rs")),
        ("tcmalloc-better", include_str!("../src/bin/worker-tcg.rs")),
    ] {
        let line =
            manifest.lines().find(|line| line.starts_with(&format!("{package} = "))).expect("a dependency");
        let (_, version) = line.split_once("\"=").expect("an exact version");
        let (version, _) = version.split_once('"').expect("the version ends");
        assert!(source.contains(&format!(" {version}")), "{package} {version}");
    }
}

#[test]
fn the_hanging_row_hangs() {
    let mut child: Child = Command::new(MC)
        .args(["run", "--row", "planted-hang", "--check"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the worker starts");
    thread::sleep(Duration::from_millis(500));
    let still_there = child.try_wait().expect("the worker can be asked about").is_none();
    child.kill().expect("the worker can be ended");
    child.wait().expect("the worker has ended");
    assert!(still_there);
}

/// Whether `state` of a process, read from such a file of it, is soon as wanted.
fn is_soon(pid: &str, file: &str, state: impl Fn(&str) -> bool) -> bool {
    let path = format!("/proc/{pid}/{file}");
    let started = Instant::now();
    while !state(&fs::read_to_string(&path).unwrap_or_default()) {
        if started.elapsed() > Duration::from_secs(20) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn worker_leaves_no_core_and_ends_with_whoever_started_it() {
    let script = r#""$0" run --row planted-hang --check >/dev/null 2>&1 & echo $!; wait"#;
    let mut shell =
        Command::new("sh").args(["-c", script, MC]).stdout(Stdio::piped()).spawn().expect("there is a shell");
    let mut pid = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    let pid = pid.trim();
    let core = |limits: &str| limits.lines().find(|line| line.starts_with("Max core")).map(str::to_owned);
    let is_none = |limits: &str| {
        core(limits).is_some_and(|line| line.split_whitespace().filter(|word| *word == "0").count() == 2)
    };
    let leaves_no_core = is_soon(pid, "limits", is_none);
    shell.kill().unwrap();
    shell.wait().unwrap();
    // Whoever is to reap it may not do so.
    let ended = is_soon(pid, "cmdline", str::is_empty);
    if !ended {
        Command::new("sh").args(["-c", "kill -KILL $0", pid]).status().unwrap();
    }
    assert!(leaves_no_core && ended, "{pid}: {leaves_no_core} {ended}");
}
