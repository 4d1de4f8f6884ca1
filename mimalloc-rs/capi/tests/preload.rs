//! Whole programs with the library in front of the system's `malloc`: they do and say the same as without it.
//!
//! A program that is not installed shows as ignored, with the way to get it. `scripts/install-test-programs.sh`
//! installs all but the large ones; after that, `REQUIRE_TEST_PROGRAMS=1` makes a missing one a failure.

mod support;
#[path = "preload/table.rs"]
mod table;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use support::preload::library;
use support::sandbox::{Finished, Sandbox};
use support::trace;
use table::{Need, PROGRAMS, Program};

/// Set to `1`, a missing program is a failure.
const REQUIRE: &str = "REQUIRE_TEST_PROGRAMS";
/// How long a script may take on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// For a question whether something is installed.
const SHORT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = env::var_os(REQUIRE).is_some_and(|value| value == "1");
    let mut trials = vec![
        Trial::test("every_library_binds_to_ours", every_library_binds_to_ours),
        Trial::test("what_differs_is_found", what_differs_is_found),
    ];
    let mut skipped = 0;
    for program in PROGRAMS {
        let missing = missing(program);
        let ignored = missing.is_some_and(|need| !required || need.large);
        let trial = Trial::test(program.name, move || match missing {
            Some(need) => Err(Failed::from(advice(need))),
            None => runs_the_same(program).map_err(Failed::from),
        });
        if let Some(need) = missing {
            skipped += 1;
            eprintln!("skipped: {}", advice(need));
        }
        trials.push(trial.with_ignored_flag(ignored));
    }
    if skipped > 0 {
        eprintln!("{skipped} of {} programs skipped", PROGRAMS.len());
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What keeps `program` from running on this machine.
fn missing(program: &Program) -> Option<&Need> {
    program.needs.iter().find(|need| {
        let sandbox = Sandbox::new();
        let answer = sandbox.run(sandbox.command("bash").args(["-c", need.question]), &[], SHORT);
        !answer.is_ok_and(|finished| finished.status.success())
    })
}

fn advice(need: &Need) -> String {
    format!("{} is not installed (apt-get install {})", need.name, need.package)
}

/// Runs `program` twice and compares.
fn runs_the_same(program: &Program) -> Result<(), String> {
    let without = run(program, &[]).map_err(|reason| format!("without the library: {reason}"))?;
    if !without.status.success() {
        return Err(format!("it fails without the library too, so this says nothing: {without:#?}"));
    }
    let with = run(program, &[library()])?;
    compare(&without, &with)?;
    trace::check(&with.starts, program.starts)
}

fn run(program: &Program, preload: &[&Path]) -> Result<Finished, String> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preload");
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("bash");
    command.args(["-eu", "-o", "pipefail"]).arg(scripts.join(format!("{}.sh", program.name)));
    sandbox.run(&mut command, preload, PATIENCE)
}

/// The first difference between two runs.
fn compare(without: &Finished, with: &Finished) -> Result<(), String> {
    if without.status != with.status {
        return Err(format!("it ends with {} instead of {}: {with:#?}", with.status, without.status));
    }
    for (stream, without, with) in
        [("stdout", &without.stdout, &with.stdout), ("stderr", &without.stderr, &with.stderr)]
    {
        let (without, with): (Vec<_>, Vec<_>) = (without.lines().collect(), with.lines().collect());
        if let Some(at) = (0..without.len().max(with.len())).find(|&at| without.get(at) != with.get(at)) {
            let (number, without, with) = (at + 1, without.get(at), with.get(at));
            return Err(format!(
                "{stream} differs in line {number}:\n  without: {without:?}\n  with:    {with:?}"
            ));
        }
    }
    Ok(())
}

/// The loader resolves each of the names in every library of a program to the preloaded one.
fn every_library_binds_to_ours() -> Result<(), Failed> {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("sort");
    command.arg("/dev/null").env("LD_DEBUG", "bindings").env("LD_BIND_NOW", "1").env("LD_PRELOAD", library());
    let report = sandbox.run(&mut command, &[], SHORT)?.stderr;
    let path = library().to_str().ok_or("the target folder has a plain name")?;
    for name in ["malloc", "free", "calloc", "realloc"] {
        let symbol = format!("symbol `{name}'");
        let bindings: Vec<_> = report.lines().filter(|line| line.contains(&symbol)).collect();
        // At least those of the program and of the C library.
        if bindings.len() < 2 {
            return Err(format!("{name} is bound {} times in sort", bindings.len()).into());
        }
        if let Some(line) = bindings.iter().find(|line| !line.contains(&format!(" to {path} "))) {
            return Err(format!("not bound to {path}: {line}").into());
        }
    }
    Ok(())
}

/// The comparison itself: an allocator that changes what a program says would be noticed.
fn what_differs_is_found() -> Result<(), Failed> {
    let run = |script: &str| {
        let sandbox = Sandbox::new();
        sandbox.run(sandbox.command("bash").args(["-c", script]), &[library()], SHORT)
    };
    let plain = run("echo a; echo b >&2; cat /dev/null")?;
    compare(&plain, &run("echo a; echo b >&2")?)?;
    trace::check(&plain.starts, &["bash", "cat"])?;
    for (other, word) in [
        ("echo a; echo b >&2; exit 3", "exit status: 3"),
        ("echo a; echo b >&2; kill -SEGV $$", "signal: 11"),
        ("echo c; echo b >&2", "stdout differs in line 1"),
        ("echo a; echo; echo b >&2", "stdout differs in line 2"),
        ("echo a", "stderr differs in line 1"),
    ] {
        match compare(&plain, &run(other)?) {
            Err(reason) if reason.contains(word) => {}
            result => return Err(format!("{other}: {result:?}").into()),
        }
    }
    let escaped = run("LD_PRELOAD= cat /dev/null")?;
    match trace::check(&escaped.starts, &["bash"]) {
        Err(reason) if reason.contains("cat was started without") => {}
        result => return Err(format!("{result:?}").into()),
    }
    match trace::check(&plain.starts, &["bash", "sort"]) {
        Err(reason) if reason.contains("sort was not seen") => {}
        result => return Err(format!("{result:?}").into()),
    }
    let sandbox = Sandbox::new();
    let mut hanging = sandbox.command("bash");
    hanging.args(["-c", "sleep 300 & echo $! > sleeper; echo waiting; wait"]);
    match sandbox.run(&mut hanging, &[library()], Duration::from_secs(5)) {
        Err(reason) if reason.contains("waiting") => {}
        result => return Err(format!("{result:?}").into()),
    }
    let sleeper = std::fs::read_to_string(sandbox.work().join("sleeper"))?;
    let cmdline = format!("/proc/{}/cmdline", sleeper.trim());
    // What was killed may take its time.
    for _ in 0..100 {
        if !std::fs::read_to_string(&cmdline).is_ok_and(|line| line.starts_with("sleep")) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("what a command leaves behind goes on".into())
}
