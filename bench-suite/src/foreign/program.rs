//! What a program has to say of itself to be measured.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::foreign::companion::Companion;
use crate::foreign::inspect::{Inspected, Refusal, first_binary};
use crate::plan::Params;
use crate::status::Status;

/// One program of the catalogue.
pub trait Program: fmt::Debug + Sync {
    /// The name used on the command line, in files and charts.
    fn id(&self) -> &'static str;

    /// The Debian packages that it and its inputs come from.
    fn packages(&self) -> &'static [&'static str];

    /// Finds the program and makes its inputs in `folder`. Done once per run and not measured.
    ///
    /// # Errors
    /// Why it cannot be measured on this machine.
    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready>;
}

/// A program with its inputs, ready to be run again and again.
pub trait Task: fmt::Debug {
    /// The workload's id.
    fn row(&self) -> &str;

    /// Threads or processes it was told to use.
    fn threads(&self) -> usize;

    /// Makes one run ready in the empty folder `work`, where the program will run.
    ///
    /// # Errors
    /// What the harness could not do.
    fn start(&self, work: &Path) -> Result<Start, String>;

    /// Whether the program ran into something that has nothing to do with it, so that it is run again.
    fn again(&self, _stdout: &str) -> bool {
        false
    }

    /// Whether exit codes other than zero are as good an end.
    fn any_exit(&self) -> bool {
        false
    }

    /// Checks what the program did.
    ///
    /// # Errors
    /// What is wrong with its output.
    fn judge(&self, finished: &Finished<'_>) -> Result<Checked, String>;
}

/// What starts one run.
#[derive(Debug)]
pub struct Start {
    /// The program.
    pub command: CommandLine,
    /// What runs beside it without its allocator, such as the client of a server.
    pub companion: Option<Companion>,
    /// Whether all of the standard output is kept in a file instead of its end only.
    pub whole_output: bool,
}

impl From<CommandLine> for Start {
    fn from(command: CommandLine) -> Self {
        Self { command, companion: None, whole_output: false }
    }
}

/// A program and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables beside the few that every measured process gets.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs if not in the empty folder made for the run.
    pub folder: Option<PathBuf>,
}

impl CommandLine {
    /// `program` without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new(), folder: None }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// A run that has ended by itself.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    /// Exit code of the program.
    pub exit_code: i32,
    /// Wall time of the program.
    pub wall_ns: u64,
    /// The end of what it wrote to standard output.
    pub stdout: &'a str,
    /// The folder that was made for the run.
    pub work: &'a Path,
    /// All of the standard output, if that was asked for.
    pub output: &'a Path,
    /// What the companion found out.
    pub companion: Option<&'a str>,
}

/// A run that did what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Wall time of the part that is measured.
    pub run_ns: u64,
    /// The time-like figure that is compared.
    pub score_ns: u64,
    /// Units of work done.
    pub operations: u64,
    /// The line the program printed about itself, or nothing.
    pub figure: String,
    /// A value that is the same under every allocator, if there is one.
    pub checksum: Option<String>,
}

impl Checked {
    /// A run of `operations` units that is compared by its wall time.
    pub fn elapsed(finished: &Finished<'_>, operations: u64) -> Self {
        let run_ns = finished.wall_ns;
        Self { run_ns, score_ns: run_ns, operations, figure: String::new(), checksum: None }
    }

    /// The same with a checksum over `bytes`.
    #[must_use]
    pub fn with_digest_of(mut self, bytes: &[u8]) -> Self {
        self.checksum = Some(blake3::hash(bytes).to_hex()[..16].to_owned());
        self
    }

    /// The same with a line for people.
    #[must_use]
    pub fn with_figure(mut self, figure: impl Into<String>) -> Self {
        self.figure = figure.into();
        self
    }
}

/// Why a program cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready {
    /// `not-installed`, or `not-started` when something there does not work.
    pub status: Status,
    /// The reason in one line that says what to do.
    pub reason: String,
}

impl Unready {
    /// Something is missing that comes with a Debian package.
    pub fn missing(what: &str, package: &str) -> Self {
        let reason = format!("{what} not found; install it with: apt-get install {package}");
        Self { status: Status::NotInstalled, reason }
    }

    /// Everything is there, but making the inputs failed.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { status: Status::NotStarted, reason: reason.into() }
    }
}

/// The program `name` from the Debian package `package`, if it is on `PATH` and fit for preloads.
pub(super) fn tool(name: &str, package: &str) -> Result<Inspected, Unready> {
    first_binary(name).map_err(|refusal| match refusal {
        Refusal::NotFound(_) => Unready::missing(name, package),
        other => Unready { status: Status::NotInstalled, reason: other.to_string() },
    })
}

/// Writes an input file.
pub(super) fn write_input(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Unready> {
    std::fs::write(path, content)
        .map_err(|error| Unready::failed(format!("cannot write {}: {error}", path.display())))
}

/// How [`Plain`] checks a run.
type Judge = Box<dyn Fn(&Finished<'_>) -> Result<Checked, String>>;

/// Makes the folder of a run ready, and the command line for it.
type Ready = Box<dyn Fn(&Path, &mut CommandLine) -> Result<(), String>>;

/// A task that is the same command line every time, but for where it runs.
pub(super) struct Plain {
    row: &'static str,
    threads: usize,
    command: CommandLine,
    ready: Ready,
    judge: Judge,
}

impl Plain {
    pub(super) fn new(
        row: &'static str,
        threads: usize,
        command: CommandLine,
        judge: impl Fn(&Finished<'_>) -> Result<Checked, String> + 'static,
    ) -> Box<Self> {
        Box::new(Self { row, threads, command, ready: Box::new(|_, _| Ok(())), judge: Box::new(judge) })
    }

    /// Has `ready` make the folder of each run ready.
    pub(super) fn with(
        mut self: Box<Self>,
        ready: impl Fn(&Path, &mut CommandLine) -> Result<(), String> + 'static,
    ) -> Box<Self> {
        self.ready = Box::new(ready);
        self
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plain").field(&self.command).finish()
    }
}

impl Task for Plain {
    fn row(&self) -> &str {
        self.row
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn start(&self, work: &Path) -> Result<Start, String> {
        let mut command = self.command.clone();
        (self.ready)(work, &mut command)?;
        Ok(command.into())
    }

    fn judge(&self, finished: &Finished<'_>) -> Result<Checked, String> {
        (self.judge)(finished)
    }
}
