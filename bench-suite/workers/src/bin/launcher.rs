//! Runs one program and writes down what it took. Small itself, and started before each sample, because a
//! process inherits the greatest size of the one that started it.
//!
//! `launcher --result FILE [--env NAME=VALUE]… [--stdout FILE] [--look-for LIBRARY] -- PROGRAM ARGUMENT…`
//!
//! Variables for the loader are given with `--env`, so that they do not concern the launcher itself. Exits with 0
//! when the result is written, however the program ended; with 1 when it could not be run.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use workers::nothing_left::{end_with_parent, leave_no_core};
use workloads::launched::{Ending, Launched};
use workloads::usage::Usage;

fn main() -> ExitCode {
    match parse(lexopt::Parser::from_env()).and_then(|order| order.carry_out()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("launcher: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// What to run, and how.
struct Order {
    result: PathBuf,
    environment: Vec<(OsString, OsString)>,
    stdout: Option<PathBuf>,
    look_for: Option<PathBuf>,
    words: Vec<OsString>,
}

fn parse(mut parser: lexopt::Parser) -> Result<Order, String> {
    let mut result = None;
    let mut order = Order {
        result: PathBuf::new(),
        environment: Vec::new(),
        stdout: None,
        look_for: None,
        words: Vec::new(),
    };
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Long("result") => result = Some(parser.value()?.into()),
                Long("env") => order.environment.push(pair(&parser.value()?)?),
                Long("stdout") => order.stdout = Some(parser.value()?.into()),
                Long("look-for") => order.look_for = Some(parser.value()?.into()),
                Value(program) => {
                    order.words.push(program);
                    order.words.extend(parser.raw_args()?);
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(())
    };
    read().map_err(|error| error.to_string())?;
    order.result = result.ok_or("no --result FILE is given")?;
    if order.words.is_empty() {
        return Err("no program is given".to_owned());
    }
    Ok(order)
}

fn pair(assignment: &OsStr) -> Result<(OsString, OsString), String> {
    let bytes = assignment.as_bytes();
    let split = bytes.iter().position(|&byte| byte == b'=').ok_or("--env wants NAME=VALUE")?;
    let part = |bytes| OsStr::from_bytes(bytes).to_owned();
    Ok((part(&bytes[..split]), part(&bytes[split + 1..])))
}

impl Order {
    fn carry_out(&self) -> Result<(), String> {
        // Whatever happens to the harness, nothing that it started is left behind.
        end_with_parent().map_err(|error| format!("cannot tie itself to the harness: {error}"))?;
        adopt_orphans().map_err(|error| format!("cannot adopt orphans: {error}"))?;
        leave_no_core().map_err(|error| format!("cannot forbid core files: {error}"))?;
        let mut command = self.command()?;
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", self.program()))?;
        let pid = libc::pid_t::try_from(child.id()).expect("the kernel numbers processes in a pid_t");
        let mapped = self.look_for.as_deref().map(|library| look_for(library, pid));
        let status = wait_for(pid).map_err(|error| format!("cannot wait for {}: {error}", self.program()))?;
        let launched = sum_up(status, started.elapsed(), mapped);
        let line = serde_json::to_string(&launched).expect("a result has only plain values");
        fs::write(&self.result, line + "\n")
            .map_err(|error| format!("cannot write {}: {error}", self.result.display()))
    }

    fn program(&self) -> std::path::Display<'_> {
        Path::new(&self.words[0]).display()
    }

    fn command(&self) -> Result<Command, String> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(path) = &self.stdout {
            let file = File::create(path)
                .map_err(|error| format!("cannot write the output to {}: {error}", path.display()))?;
            command.stdout(file);
        }
        // SAFETY: the hook makes one system call and touches no memory of the parent.
        unsafe { command.pre_exec(end_with_parent) };
        Ok(command)
    }
}

/// Makes this process the parent of descendants whose own parent has ended, so that they count.
fn adopt_orphans() -> io::Result<()> {
    // SAFETY: sets a property of this process.
    checked(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }).map(drop)
}

fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Whether `library` is in the memory of process `pid` at some time before its end.
fn look_for(library: &Path, pid: libc::pid_t) -> bool {
    let map = format!("/proc/{pid}/maps");
    let wanted = library.as_os_str().as_bytes();
    loop {
        // Empty when the process has ended, but has not been reaped.
        let text = fs::read(&map).unwrap_or_default();
        if text.split(|&byte| byte == b'\n').any(|line| line.ends_with(wanted)) {
            return true;
        }
        if text.is_empty() {
            return false;
        }
        // Some programs are over in a millisecond; nothing is measured when this is asked.
        thread::yield_now();
    }
}

/// Reaps everything until process `pid` has ended.
fn wait_for(pid: libc::pid_t) -> io::Result<ExitStatus> {
    loop {
        let mut status = 0;
        // SAFETY: the status is writable.
        match checked(unsafe { libc::waitpid(-1, &raw mut status, 0) }) {
            Ok(ended) if ended == pid => return Ok(ExitStatus::from_raw(status)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn sum_up(status: ExitStatus, wall: Duration, mapped: Option<bool>) -> Launched {
    let (usage, peak_rss_bytes) = Usage::of_children();
    Launched {
        ending: match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exit(code),
            (None, signal) => Ending::Signal(signal.unwrap_or(0)),
        },
        wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        usage,
        peak_rss_bytes,
        mapped,
    }
}
