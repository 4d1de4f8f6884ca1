//! A place to run the harness in: fake workers, a results folder of its own.
#![allow(dead_code, unreachable_pub, reason = "shared by test files that each use a part of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// What a fake worker does before it prints its report; `$row` is the workload.
pub const HEALTHY: &str = "";

pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A place with fake workers `mi` and `mc`.
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.workers()).unwrap();
        place.worker("mi", HEALTHY);
        place.worker("mc", HEALTHY);
        place
    }

    /// Puts a fake valgrind on the search path that always counts the same.
    pub fn fake_valgrind(&self) {
        fs::create_dir(self.tools()).unwrap();
        let script = r#"#!/bin/sh
if [ "$1" = --version ]; then echo valgrind-0.0; exit 0; fi
while [ "${1#--}" != "$1" ]; do shift; done
"$@"
code=$?
echo "==1== Collected : 1000" >&2
exit $code
"#;
        program(&self.tools().join("valgrind"), script);
    }

    /// Puts a valgrind in front of any other that does nothing but fail.
    pub fn broken_valgrind(&self) {
        fs::create_dir_all(self.tools()).unwrap();
        program(&self.tools().join("valgrind"), "#!/bin/sh\nexit 1\n");
    }

    fn tools(&self) -> PathBuf {
        self.path("tools")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn workers(&self) -> PathBuf {
        self.path("workers")
    }

    pub fn results(&self) -> PathBuf {
        self.path("results")
    }

    /// Puts a fake worker there. Its figures depend on its name and row only, unless it behaves otherwise: it takes
    /// `$score` nanoseconds.
    pub fn worker(&self, id: &str, behaviour: &str) {
        let score = 1_000_000 + 1000 * id.len();
        let script = format!(
            r#"#!/bin/sh
stats=null
checksum='"c0ffee"'
allocator={id}
score={score}
holding='{{"page":{{"block_size":48,"used":683,"linked":1000,"fits":1365}}}}'
while [ $# -gt 0 ]; do
  case "$1" in
    --row) row=$2 ;;
    --threads) threads=$2 ;;
    --heapmap) map=$2 ;;
    --phases) phases=$2 ;;
    --stats) stats='{{"allocations":10,"frees":9,"bytes":640,"cross_thread_frees":0}}' ;;
  esac
  shift
done
echo "$row" >> "{log}"
{behaviour}
[ -z "$map" ] || printf '{{"slice_bytes":65536,"spans":[{{"address":0,"bytes":65536,"holding":%s}}]}}' "$holding" > "$map"
if [ -n "$phases" ]; then
  at=0
  for phase in begin start stop drained settled_100ms settled_1s; do
    at=$((at + 1000000))
    echo "{{\"phase\":\"$phase\",\"at_ns\":$at,\"rss_bytes\":$((at + 2000000))}}" >> "$phases"
  done
  memory=',"memory":{{"begin":3000000,"run_end":5000000,"peak":5500000,"drained":6000000,'
  memory="$memory"'"settled_100ms":7000000,"settled_1s":8000000}}'
fi
printf '{{"protocol":1,"allocator":"%s","allocator_version":"1.2","proof":"fake","row":"%s","threads":%s,' "$allocator" "$row" "$threads"
printf '"run_ns":%s,"operations":5,"score_ns":%s,"figure":"","checksum":%s,"peak_rss_bytes":4194304,' "$score" "$score" "$checksum"
printf '"run_end_rss_bytes":4000000,"drained_rss_bytes":2000000,"user_us":900,"sys_us":100,"minor_faults":50,'
printf '"major_faults":0,"voluntary_switches":0,"involuntary_switches":0,"counts":%s%s}}\n' "$stats" "$memory"
"#,
            log = self.calls(id).display(),
        );
        program(&self.workers().join(format!("worker-{id}")), &script);
    }

    fn calls(&self, id: &str) -> PathBuf {
        self.path(&format!("calls-{id}"))
    }

    /// How often the fake worker `id` was started for `row`, without the executions that do not count because the host of
    /// this machine had its cores meanwhile.
    pub fn times_started(&self, id: &str, row: &str) -> usize {
        let started = fs::read_to_string(self.calls(id)).unwrap_or_default();
        started.lines().filter(|line| *line == row).count() - self.times_discarded(id, row)
    }

    fn times_discarded(&self, id: &str, row: &str) -> usize {
        let runs = fs::read_dir(self.results().join("runs")).into_iter().flatten();
        let samples =
            runs.map(|run| fs::read_to_string(run.unwrap().path().join("samples.jsonl")).unwrap_or_default());
        let discarded = |line: &str| {
            let sample: serde_json::Value = serde_json::from_str(line).unwrap();
            let is_of_cell = sample["allocator"] == id && sample["workload"] == row;
            sample["discarded"].as_array().filter(|_| is_of_cell).map_or(0, Vec::len)
        };
        samples.map(|samples| samples.lines().map(discarded).sum::<usize>()).sum()
    }

    /// The harness with `arguments`, its results here.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bench-suite"));
        command.args(arguments).arg("--results").arg(self.results()).current_dir(self.folder.path());
        // Fake workers need no memory of their own, and a gigabyte before each takes longer than all else.
        let begins = matches!(arguments, ["run" | "exec", ..] | ["gate", "--update", ..]);
        if begins && !arguments.contains(&"--resume") {
            command.arg("--no-levelling");
        }
        let path = format!("{}:{}", self.tools().display(), std::env::var("PATH").unwrap());
        command.env_remove("RUST_BACKTRACE").env("PATH", path);
        command
    }

    /// Runs it with the fake workers.
    pub fn with_workers(&self, arguments: &[&str]) -> Done {
        Done::from(self.command(arguments).arg("--worker-dir").arg(self.workers()).output().unwrap())
    }

    /// Runs it without naming workers.
    pub fn plain(&self, arguments: &[&str]) -> Done {
        Done::from(self.command(arguments).output().unwrap())
    }

    /// The folder of the only run.
    pub fn only_run(&self) -> PathBuf {
        let mut runs: Vec<_> =
            fs::read_dir(self.results().join("runs")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.pop().unwrap()
    }
}

/// Puts a program there.
pub fn program(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the harness with the arguments in `line` and no others, in a folder that has nothing to do with a place.
pub fn as_told(line: &str) -> Done {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bench-suite"));
    Done::from(command.args(line.split_whitespace()).current_dir("/").output().unwrap())
}

/// How a command ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("the harness ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Done {
    /// Asserts the exit code, showing everything if it differs.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts one line on standard error that has `part` in it, and nothing else anywhere.
    #[track_caller]
    pub fn complains(self, code: i32, part: &str) {
        let done = self.expect(code);
        assert_eq!(done.stderr.lines().count(), 1, "{done:#?}");
        assert!(done.stderr.starts_with("bench-suite: ") && done.stderr.contains(part), "{done:#?}");
        assert!(done.stdout.is_empty(), "{done:#?}");
    }
}

/// The lines of a CSV file as name → value.
pub fn csv_rows(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}
