//! The edges of a process's life, and the limits of its memory, in small C programs with the library preloaded.
//!
//! Each program checks itself. It has to pass without the library too: what it checks is what C promises.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::preload::library;
use support::sandbox::{Finished, Sandbox};
use support::trace;

/// On a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder to build and run one program in.
struct Edge {
    sandbox: Sandbox,
}

impl Edge {
    /// Compiles `name.c`.
    fn program(name: &str) -> Self {
        let edge = Self { sandbox: Sandbox::new() };
        edge.compile(name, name, &[]);
        edge
    }

    /// Compiles `name.c` into `name.so` next to the program.
    fn with_library(self, name: &str) -> Self {
        self.compile(name, &format!("{name}.so"), &["-shared", "-fPIC"]);
        self
    }

    fn compile(&self, source: &str, output: &str, flags: &[&str]) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge");
        let mut command = self.sandbox.command("cc");
        command
            .args([
                "-std=gnu11",
                "-O1",
                "-g",
                "-fno-builtin-malloc",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-pthread",
            ])
            .args(flags)
            .args(["-o", output])
            .arg(sources.join(format!("{source}.c")));
        let finished = self.sandbox.run(&mut command, &[], PATIENCE).expect("there is a C compiler");
        assert!(finished.status.success(), "{source}.c: {}", finished.stderr);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.work().join(name)
    }

    /// Runs a program, perhaps with something in front of the system's libraries.
    #[track_caller]
    fn run(&self, command: &mut Command, preload: &[&Path]) -> Finished {
        match self.sandbox.run(command, preload, PATIENCE) {
            Ok(finished) => finished,
            Err(reason) => panic!("{reason}"),
        }
    }

    /// Runs `line` in a shell with the library and without, and expects the same output of both.
    #[track_caller]
    fn passes(&self, line: &str, output: &str) {
        for preload in [&[][..], &[library()]] {
            let finished = self.run(self.sandbox.command("bash").args(["-c", line]), preload);
            finished.says(output);
            if !preload.is_empty() {
                finished.had_library();
            }
        }
    }
}

impl Finished {
    /// It succeeded, and printed this and nothing else.
    #[track_caller]
    fn says(&self, output: &str) {
        assert!(self.status.success() && self.stderr.is_empty(), "{self:#?}");
        assert_eq!(self.stdout, output);
    }

    #[track_caller]
    fn had_library(&self) {
        trace::check(&self.starts, &[]).unwrap_or_else(|reason| panic!("{reason}"));
        assert!(!self.starts.is_empty(), "nothing was started with the library");
    }
}

#[test]
fn before_constructors_and_after_destructors() {
    let edge = Edge::program("constructors").with_library("constructors_library");
    let other = edge.path("constructors_library.so");
    // Constructors run in an order that depends on that of the libraries.
    for preload in [&[&*other][..], &[library(), &*other], &[&*other, library()]] {
        let finished = edge.run(&mut edge.sandbox.command("./constructors"), preload);
        finished.says("500 blocks from the library's constructor\n");
        if preload.contains(&library()) {
            finished.had_library();
        }
    }
}

#[test]
fn libraries_loaded_late() {
    let edge = Edge::program("dlopen").with_library("dlopen_library");
    edge.passes("./dlopen", "loaded and unloaded\n");
}

#[test]
fn ends_of_threads_and_of_the_program() {
    // Sixty threads whose keys come back up to three times, and the main thread.
    Edge::program("exit").passes("./exit", "610 60\natexit\ndestructor\n");
}

#[test]
fn forks_of_a_busy_process() {
    Edge::program("fork").passes("./fork", "forked\n");
}

#[test]
fn spawned_programs() {
    Edge::program("spawn").passes("./spawn", "spawned\n");
}

#[test]
fn thousands_of_short_threads() {
    Edge::program("threads").passes("./threads", "all gone\n");
}

#[test]
fn little_address_space() {
    let edge = Edge::program("limits");
    for limit in [64, 512] {
        edge.passes(&format!("./limits {limit}"), "within the limit\n");
        let line = format!("ulimit -v {} && ./limits within {limit}", limit * 1024);
        edge.passes(&line, "within the limit\n");
    }
    edge.passes("./limits itself 512", "within the limit\n");
}

#[test]
fn programs_in_little_address_space() {
    let edge = Edge { sandbox: Sandbox::new() };
    let sorted = "seq 100000 | sort -r | sort -n | tail -n 1";
    edge.passes(&format!("ulimit -v 524288; {sorted}"), "100000\n");
    edge.passes(&format!("ulimit -v 65536; {sorted}"), "100000\n");
    // Shells under a limit that is set while they run.
    edge.passes("ulimit -v 65536; a=($(seq 20000)); (b=(${a[@]}); echo ${#b[@]})", "20000\n");
}

/// Foreign pointers are reported, one line each, and ignored. The system's own `malloc` ends the process instead.
#[test]
fn pointers_that_were_never_allocated() {
    if !support::preload::is_ours() {
        return;
    }
    let edge = Edge::program("foreign");
    let finished = edge.run(&mut edge.sandbox.command("./foreign"), &[library()]);
    finished.had_library();
    assert!(finished.status.success(), "{finished:#?}");
    assert_eq!(finished.stdout, "9 ignored\n");
    let lines = finished.stderr.lines().filter(|line| line.starts_with("mimalloc: error: ")).count();
    assert!(lines >= 18 && lines == finished.stderr.lines().count(), "{finished:#?}");
}

#[test]
fn static_programs_are_left_alone() {
    let edge = Edge { sandbox: Sandbox::new() };
    edge.compile("static", "static", &["-static"]);
    let finished = edge.run(&mut edge.sandbox.command("./static"), &[library()]);
    finished.says("on its own\n");
    assert!(finished.starts.is_empty(), "{finished:#?}");
}
