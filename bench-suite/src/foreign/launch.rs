//! Running a task once under a preloaded allocator, by way of the launcher.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;
use workloads::launched::{Ending, Launched};

use crate::cancel::Cancel;
use crate::exec::Observer;
use crate::exec::ended::{self, signalled, too_slow};
use crate::exec::environment::isolate;
use crate::exec::process::{Course, Ended};
use crate::foreign::companion::run_beside;
use crate::foreign::program::{Start, Task};
use crate::noise::Noise;
use crate::status::Status;

/// How often a run is repeated that failed for no reason of its own.
const ATTEMPTS: usize = 3;
/// The folder of a run in the folder for runs.
const PLACE: &str = "run";
/// What the loader says of a library that it leaves out.
const NOT_PRELOADED: &str = "cannot be preloaded";

/// Where tasks are run.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// The program `launcher` of the workers.
    pub launcher: &'a Path,
    /// Where the folder of a run is made, and removed again. No two runs may share it at a time.
    pub scratch: &'a Path,
    /// Requested when the user wants to stop.
    pub cancel: &'a Cancel,
}

/// The library that replaces `malloc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preload {
    /// Allocator id.
    pub allocator: String,
    /// The library's file, with links resolved.
    pub library: PathBuf,
    /// The path by which the loader is told of it.
    pub path: PathBuf,
}

/// How a task is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Longest time before it is killed.
    pub limit: Duration,
    /// Bytes of padding in its environment.
    pub env_pad_bytes: usize,
}

/// What a task is run for.
pub(super) enum Purpose<'o> {
    /// To prove which allocator serves it.
    Proof,
    /// To measure it.
    Sample,
    /// To have its memory looked at while it runs.
    Curve(&'o mut dyn Observer),
}

/// Why a run is no measurement.
pub(super) type Failure = (Status, String);

/// One run, however it went.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) launched: Result<Launched, Failure>,
    pub(super) companion: Option<String>,
    pub(super) total_ns: u64,
    pub(super) noise: Noise,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) place: Place,
}

/// The folders and files of one run; removed when it goes out of scope.
#[derive(Debug)]
pub(super) struct Place(TempDir);

impl Place {
    /// Makes them at the same place for every run, because some programs write down where they ran.
    fn make(parent: &Path) -> Result<Self> {
        let path = parent.join(PLACE);
        if path.exists() {
            // A process that was being taken down may have kept it from being removed in full.
            fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        let folder = tempfile::Builder::new()
            .prefix(PLACE)
            .rand_bytes(0)
            .tempdir_in(parent)
            .with_context(|| format!("cannot create {}", path.display()))?;
        let place = Self(folder);
        for folder in [place.work(), place.temporary()] {
            fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(place)
    }

    /// The folder of the run.
    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Where the program runs.
    pub(super) fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// All that the program wrote to standard output, if that is kept.
    pub(super) fn output(&self) -> PathBuf {
        self.root().join("stdout")
    }

    fn temporary(&self) -> PathBuf {
        self.root().join("tmp")
    }

    fn result(&self) -> PathBuf {
        self.root().join("result.json")
    }
}

/// How the names of the files begin that the loader writes when it is to prove what it did.
pub(super) const LOADER_LOG: &str = "loader";

impl Stage<'_> {
    /// Runs `task` to its end; `None` when the user stopped it. For a proof, the loader writes into the folder
    /// of the run what it did.
    pub(super) fn run(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
        mut purpose: Purpose<'_>,
    ) -> Result<Option<Run>> {
        let mut attempt = 1;
        loop {
            let run = self.run_once(task, preload, terms, &mut purpose)?;
            let again = run.as_ref().is_some_and(|run| task.again(&run.stdout));
            if attempt == ATTEMPTS || !again {
                return Ok(run);
            }
            attempt += 1;
        }
    }

    fn run_once(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
        purpose: &mut Purpose<'_>,
    ) -> Result<Option<Run>> {
        let proving = matches!(purpose, Purpose::Proof);
        let observer: Option<&mut dyn Observer> = match purpose {
            Purpose::Curve(observer) => Some(&mut **observer),
            Purpose::Proof | Purpose::Sample => None,
        };
        let place = Place::make(self.scratch)?;
        let start = task.start(&place.work()).map_err(anyhow::Error::msg)?;
        let mut command = self.command(&start, preload, &place, proving);
        isolate_keeping_arguments(&mut command, &start, &place, terms);
        let (course, companion) =
            run_beside(&mut command, terms.limit, self.cancel, start.companion, observer)?;
        let ended = match course {
            Course::Stopped => return Ok(None),
            Course::NotStarted(error) => {
                anyhow::bail!("cannot start {}: {error}", self.launcher.display())
            }
            Course::Ended(ended) => ended,
        };
        let launched = outcome(&ended, &place.result(), terms.limit);
        let (launched, companion) = match companion {
            Some(Err(reason)) if !explains_itself(&launched, &ended) => {
                (Err((Status::WrongOutput, reason)), None)
            }
            companion => (launched, companion.and_then(Result::ok)),
        };
        let Ended { total_ns, noise, stdout, stderr, .. } = ended;
        Ok(Some(Run { launched, companion, total_ns, noise, stdout, stderr, place }))
    }

    fn command(&self, start: &Start, preload: &Preload, place: &Place, proving: bool) -> Command {
        let mut command = Command::new(self.launcher);
        command.arg("--result").arg(place.result());
        let mut set = |name: &str, value: &OsStr| {
            let mut assignment = OsString::from(format!("{name}="));
            assignment.push(value);
            command.arg("--env").arg(assignment);
        };
        set("LD_PRELOAD", preload.path.as_os_str());
        if proving {
            set("LD_DEBUG", OsStr::new("bindings"));
            set("LD_DEBUG_OUTPUT", place.root().join(LOADER_LOG).as_os_str());
            command.arg("--look-for").arg(&preload.library);
        }
        if start.whole_output {
            command.arg("--stdout").arg(place.output());
        }
        command.arg("--").arg(&start.command.program).args(&start.command.arguments);
        command
    }
}

/// Gives the launcher the surroundings that the program is to have, but for what the loader reads.
fn isolate_keeping_arguments(command: &mut Command, start: &Start, place: &Place, terms: Terms) {
    isolate(command, terms.env_pad_bytes);
    command
        .env("TMPDIR", place.temporary())
        .envs(start.command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(start.command.folder.clone().unwrap_or_else(|| place.work()));
}

/// Whether the end of a program says more than the complaint of its companion. It does not when the program was
/// killed, with the launcher, because of its companion.
fn explains_itself(launched: &Result<Launched, Failure>, ended: &Ended) -> bool {
    match launched {
        Ok(launched) => launched.ending != Ending::Exit(0),
        Err(_) => !ended.in_time || ended.exit.signal().is_none(),
    }
}

/// What became of the program, as far as it can be told without knowing its output.
fn outcome(ended: &Ended, result: &Path, limit: Duration) -> Result<Launched, Failure> {
    if !ended.in_time {
        return Err(too_slow(limit));
    }
    let last_words = last_words(&ended.stderr, &ended.stdout);
    if let Some(signal) = ended.exit.signal() {
        return Err((signalled(signal, ended.kernel_oom), last_words));
    }
    if let Some(line) = ended.stderr.lines().find(|line| line.contains(NOT_PRELOADED)) {
        return Err((Status::IdentityFailed, line.trim().to_owned()));
    }
    if !ended.exit.success() {
        return Err((Status::NotStarted, last_words));
    }
    let read = fs::read_to_string(result).map_err(|error| error.to_string());
    let launched: Launched = read
        .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
        .map_err(|error| (Status::WrongOutput, format!("the launcher's result cannot be read: {error}")))?;
    match launched.ending {
        Ending::Signal(signal) => Err((signalled(signal, ended.kernel_oom), last_words)),
        Ending::Exit(_) => Ok(launched),
    }
}

/// The last line that a program wrote, preferably to standard error.
pub(super) fn last_words(stderr: &str, stdout: &str) -> String {
    ended::last_words(&[stderr, stdout]).trim().to_owned()
}
