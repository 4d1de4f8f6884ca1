//! Programs made for the purpose, run by the real launcher under an allocator made for the purpose.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::adhoc::AdHoc;
use super::launch::{Preload, Stage, Terms};
use super::program::Task;
use crate::cancel::Cancel;
use crate::exec::Execution;
use crate::exec::preload::Links;
use crate::status::Status;
use crate::workers::find_library;

pub(super) const TERMS: Terms = Terms { limit: Duration::from_secs(120), env_pad_bytes: 16 };

/// An allocator that never gives memory out again; enough to be told from the system's.
const ALLOCATOR: &str = r"
#include <stddef.h>
#include <stdatomic.h>
#include <string.h>
#define HEADER 16
static char heap[256 << 20] __attribute__((aligned(4096)));
static atomic_size_t used = HEADER;
static void *take(size_t align, size_t size) {
    if (align < HEADER) align = HEADER;
    size_t start = atomic_fetch_add(&used, size + align + HEADER);
    if (start + size + align + HEADER > sizeof heap) return NULL;
    size_t place = (start + HEADER + align - 1) / align * align;
    memcpy(heap + place - HEADER, &size, sizeof size);
    return heap + place;
}
size_t malloc_usable_size(void *p) { size_t n = 0; if (p) memcpy(&n, (char *)p - HEADER, sizeof n); return n; }
void *malloc(size_t n) { return take(HEADER, n); }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { return take(HEADER, n * m); }
void *realloc(void *p, size_t n) {
    void *q = take(HEADER, n);
    size_t old = malloc_usable_size(p);
    if (p && q) memcpy(q, p, old < n ? old : n);
    return q;
}
void *memalign(size_t a, size_t n) { return take(a, n); }
void *aligned_alloc(size_t a, size_t n) { return take(a, n); }
int posix_memalign(void **p, size_t a, size_t n) { *p = take(a, n); return *p ? 0 : 12; }
";

/// The launcher, built for the tests. Cargo gives a test only the programs of its own package.
pub(super) fn launcher() -> &'static Path {
    static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
    LAUNCHER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).expect("tests are in target/PROFILE/deps");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--locked",
                "--package",
                "workers",
                "--bin",
                "launcher",
                "--target-dir",
            ])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        target.join("debug/launcher")
    })
}

/// A folder with what the tests make, and to run in.
pub(super) struct Place {
    folder: TempDir,
    cancel: Cancel,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cancel: Cancel::default() }
    }

    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn stage(&self) -> Stage<'_> {
        Stage { launcher: launcher(), scratch: self.folder.path(), cancel: &self.cancel }
    }

    fn compiled(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let (text, path) = (self.path("source.c"), self.path(name));
        fs::write(&text, source).unwrap();
        let done = Command::new("cc").args(flags).arg(&text).arg("-o").arg(&path).status().unwrap();
        assert!(done.success());
        path
    }

    /// A library from C.
    fn library(&self, name: &str, source: &str) -> Preload {
        let flags = ["-shared", "-fPIC", "-O1", "-fno-builtin"];
        preload("own", self.compiled(name, source, &flags).canonicalize().unwrap())
    }

    pub(super) fn own_allocator(&self) -> Preload {
        self.library("libown.so", ALLOCATOR)
    }

    fn task(&self, program: impl Into<OsString>, arguments: &[&str], compare_output: bool) -> AdHoc {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let folder = self.folder.path().to_path_buf();
        AdHoc::new("task", &program.into(), &arguments, folder, Vec::new(), compare_output).unwrap()
    }

    fn execute(&self, task: &dyn Task, preload: &Preload) -> Execution {
        self.stage().execute(task, preload, TERMS, "proven").unwrap().unwrap()
    }

    fn prove(&self, task: &dyn Task, preload: &Preload) -> Result<String, (Status, String)> {
        self.stage().prove(task, preload, TERMS).unwrap().unwrap()
    }
}

pub(super) fn glibc() -> Preload {
    preload("mc", find_library(&["libc.so.6".to_owned()]).unwrap())
}

fn preload(allocator: &str, library: PathBuf) -> Preload {
    Preload { allocator: allocator.into(), path: library.clone(), library }
}

const TOUCH: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    size_t size = (size_t)atoi(argv[1]) << 20;
    char *block = malloc(size);
    if (!block) return 9;
    memset(block, 1, size);
    printf("touched %d\n", block[size - 1]);
    return argc > 2 ? atoi(argv[2]) : 0;
}
"#;

#[test]
fn peak_is_the_programs_own_however_big_the_harness_has_been() {
    let harness = std::hint::black_box(vec![1_u8; 300 << 20]);
    drop(harness);
    let place = Place::new();
    let touch = place.compiled("touch", TOUCH, &[]);
    for (megabytes, least, most) in [(1, 1, 12), (64, 64, 80)] {
        let task = place.task(&touch, &[&megabytes.to_string()], false);
        let execution = place.execute(&task, &glibc());
        let report = execution.report.expect("it does well");
        let peak = report.peak_rss_bytes >> 20;
        assert!((least..=most).contains(&peak), "{megabytes} MiB: {peak} MiB");
        assert!(report.usage.minor_faults > megabytes * 200 && report.run_ns > 0);
        assert_eq!((&*report.allocator, &*report.row, &*report.proof), ("mc", "task", "proven"));
    }
}

#[test]
fn peak_is_that_of_the_largest_process_also_of_orphans() {
    let place = Place::new();
    let touch = place.compiled("touch", TOUCH, &[]);
    // The shell in the middle ends before the program it started.
    let script = format!(
        "sh -c '{0} 48 >done &'; while ! [ -s done ]; do sleep 0.01; done; sleep 0.1",
        touch.display()
    );
    let report = place.execute(&place.task("sh", &["-c", &script], false), &glibc()).report.unwrap();
    assert!((48..=64).contains(&(report.peak_rss_bytes >> 20)), "{report:?}");
}

#[test]
fn endings_and_outputs_are_told_apart() {
    let place = Place::new();
    let run = |script: &str, compare| place.execute(&place.task("sh", &["-c", script], compare), &glibc());
    let checksum = |script, compare| run(script, compare).report.unwrap().checksum.unwrap();
    assert_eq!(checksum("exit 3", false), "exit 3");
    assert_eq!(checksum("echo a", false), checksum("echo b", false));
    assert_eq!(checksum("echo a", true), checksum("echo a", true));
    assert_ne!(checksum("echo a", true), checksum("echo b", true));
    let crashed = run("echo early; echo late >&2; kill -SEGV $$", false);
    assert_eq!((crashed.status, crashed.reason.as_deref()), (Status::from_signal(11), Some("late")));
    assert!(crashed.report.is_none());
    let terms = Terms { limit: Duration::from_millis(200), ..TERMS };
    let long =
        place.stage().execute(&place.task("sleep", &["3600"], false), &glibc(), terms, "").unwrap().unwrap();
    assert_eq!(long.status, Status::Timeout);
}

#[test]
fn nothing_is_left_behind() {
    let place = Place::new();
    place.execute(&place.task("sh", &["-c", "sleep 3600 & echo started"], false), &glibc());
    let terms = Terms { limit: Duration::from_millis(200), ..TERMS };
    place
        .stage()
        .execute(&place.task("sh", &["-c", "sleep 3600; true"], false), &glibc(), terms, "")
        .unwrap();
    assert!(all_end(place.folder()));
    // Not even the folders of the runs.
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

/// Whether all processes that run in `folder` or a folder in it end soon. They have been killed, but the kernel
/// may still be taking them down.
pub(super) fn all_end(folder: &Path) -> bool {
    let runs_there = |process: fs::DirEntry| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    let started = Instant::now();
    while fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(runs_there) {
        if started.elapsed() > Duration::from_secs(20) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn preload_is_proven_in_every_process() {
    let place = Place::new();
    let (own, touch) = (place.own_allocator(), place.compiled("touch", TOUCH, &[]));
    let alone = place.task(&touch, &["1"], false);
    let proof = place.prove(&alone, &own).unwrap();
    assert!(proof.contains("in 1 process bound to libown.so"), "{proof}");
    let proof = place.prove(&alone, &glibc()).unwrap();
    assert!(proof.contains("bound to libc.so.6"), "{proof}");
    let script = format!("{0} 1; {0} 2", touch.display());
    let proof = place.prove(&place.task("sh", &["-c", &script], false), &own).unwrap();
    assert!(proof.contains("in 3 processes"), "{proof}");
    // Long enough to be looked at however busy the machine is.
    let proof = place.prove(&place.task("sleep", &["3"], false), &own).unwrap();
    assert!(proof.ends_with("; seen in its memory map"), "{proof}");
}

#[test]
fn library_whose_path_the_loader_does_not_take_is_preloaded_and_proven() {
    let place = Place::new();
    let mut links = Links::default();
    for folder in ["a b", "a:b", "$ORIGIN"] {
        fs::create_dir(place.path(folder)).unwrap();
        let own = place.library(&format!("{folder}/libown.so"), ALLOCATOR);
        let task = place.task("sleep", &["1"], false);
        let (status, _) = place.prove(&task, &own).unwrap_err();
        assert_eq!(status, Status::IdentityFailed, "{folder}");
        let linked = Preload { path: links.path(&own.library).unwrap(), ..own };
        let proof = place.prove(&task, &linked).unwrap();
        assert!(proof.contains("bound to libown.so") && proof.ends_with("memory map"), "{proof}");
        assert_eq!(place.execute(&task, &linked).status, Status::Ok);
    }
}

#[test]
fn preload_that_does_not_serve_every_process_is_no_proof() {
    let place = Place::new();
    let (own, touch) = (place.own_allocator(), place.compiled("touch", TOUCH, &[]));
    let identity_failed = |result: Result<String, (Status, String)>, part: &str| {
        let (status, reason) = result.unwrap_err();
        assert_eq!(status, Status::IdentityFailed);
        assert!(reason.contains(part), "{reason}");
    };
    let script = format!("unset LD_PRELOAD; {} 1", touch.display());
    identity_failed(place.prove(&place.task("sh", &["-c", &script], false), &own), "is that of");
    let idle = place.library("libidle.so", "int nothing_to_do_with_memory;");
    identity_failed(place.prove(&place.task(&touch, &["1"], false), &idle), "is that of");
}

#[test]
fn library_that_cannot_be_loaded_fails_every_run() {
    let place = Place::new();
    let text = place.path("libtext.so");
    fs::write(&text, "no library").unwrap();
    let execution = place.execute(&place.task("true", &[], false), &preload("own", text));
    assert_eq!(execution.status, Status::IdentityFailed);
    assert!(execution.reason.unwrap().contains("cannot be preloaded"));
}

#[test]
fn stopping_counts_for_nothing() {
    let place = Place::new();
    let task = place.task("sleep", &["3600"], false);
    let stopped = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            place.cancel.request();
        });
        place.stage().execute(&task, &glibc(), TERMS, "").unwrap()
    });
    assert!(stopped.is_none());
    assert!(all_end(place.folder()));
}
