//! The executor that starts workers: one fresh process per sample, with an empty environment
//! but for a short list.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;
use workloads::protocol::{PROTOCOL, Report};

use super::ended::{last_words, signalled, too_slow};
use super::environment::isolate;
use super::ground;
use super::preload::Links;
use super::process::{self, Course, Ended};
use super::{Execution, Executor, Job, Observer};
use crate::cancel::Cancel;
use crate::plan::{preset_name, size_name};
use crate::status::Status;

/// The exit code by which a worker says that another allocator served it.
const IDENTITY_EXIT: i32 = 4;

/// Starts real processes.
#[derive(Debug)]
pub struct RealExecutor {
    cancel: Cancel,
    links: Links,
}

impl RealExecutor {
    /// An executor that stops when `cancel` says so.
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel, links: Links::default() }
    }
}

impl Executor for RealExecutor {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Execution>> {
        self.run(job, None)
    }

    fn observe(&mut self, job: &Job<'_>, observer: &mut dyn Observer) -> Result<Option<Execution>> {
        self.run(job, Some(observer))
    }
}

impl RealExecutor {
    fn run(&mut self, job: &Job<'_>, observer: Option<&mut dyn Observer>) -> Result<Option<Execution>> {
        if job.params.levelled {
            ground::level(job.params.size);
        }
        let preload = job.launch.preload.as_deref().map(|library| self.links.path(library)).transpose()?;
        let command = &mut command(job, preload.as_deref());
        let ended = match process::run(command, job.timeout, &self.cancel, observer)? {
            Course::Stopped => return Ok(None),
            Course::NotStarted(error) => return Ok(Some(not_started(job, &error))),
            Course::Ended(ended) => ended,
        };
        let verdict = if ended.in_time { judge(job, &ended) } else { Err(too_slow(job.timeout)) };
        let Ended { total_ns, noise, stderr, .. } = ended;
        Ok(Some(match verdict {
            Ok(report) => {
                Execution { status: Status::Ok, reason: None, total_ns, noise, report: Some(report), stderr }
            }
            Err((status, reason)) => {
                Execution { status, reason: Some(reason), total_ns, noise, report: None, stderr }
            }
        }))
    }
}

/// The worker with its arguments, and what runs it.
pub(super) fn words(job: &Job<'_>) -> Vec<OsString> {
    let params = job.params;
    let mut words: Vec<OsString> = job.launch.wrapper.iter().map(OsString::from).collect();
    words.push(job.launch.program.clone().into());
    let asked =
        ["run", "--row", job.row, "--preset", preset_name(params.preset), "--size", size_name(params.size)];
    words.extend(asked.map(OsString::from));
    words.extend(["--threads".into(), params.threads.to_string().into()]);
    if job.stats {
        words.push("--stats".into());
    }
    let library = job.launch.preload.as_deref();
    let files = [("--expect-library", library), ("--heapmap", job.heap_map), ("--phases", job.phases)];
    for (flag, file) in files {
        words.extend(
            file.into_iter().flat_map(|file| [OsStr::new(flag), file.as_os_str()]).map(OsString::from),
        );
    }
    words
}

/// The same to be started, with the library preloaded that is at the path `preload`.
fn command(job: &Job<'_>, preload: Option<&Path>) -> Command {
    let mut words = words(job).into_iter();
    let mut command = Command::new(words.next().expect("the worker itself is always there"));
    command.args(words);
    isolate(&mut command, job.env_pad_bytes);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    command
}

fn not_started(job: &Job<'_>, error: &std::io::Error) -> Execution {
    let reason = format!("cannot start {}: {error}", job.launch.program.display());
    Execution::not_run(Status::NotStarted, reason)
}

fn judge(job: &Job<'_>, ended: &Ended) -> Result<Report, (Status, String)> {
    let Ended { exit, stdout, stderr, kernel_oom, .. } = ended;
    let last_words = last_words(&[stderr]).to_owned();
    if let Some(signal) = exit.signal() {
        let failed_allocation = stderr.lines().find(|line| is_failed_allocation(line));
        return Err(match failed_allocation {
            Some(line) if signal == Signal::ABORT.as_raw() => (Status::Oom, line.to_owned()),
            _ => (signalled(signal, *kernel_oom), last_words),
        });
    }
    match exit.code() {
        Some(0) => read_report(job, stdout),
        Some(IDENTITY_EXIT) => Err((Status::IdentityFailed, last_words)),
        Some(1) if last_words.contains("out of memory") => Err((Status::Oom, last_words)),
        code => Err((Status::Exit(code.unwrap_or(-1)), last_words)),
    }
}

/// Whether the standard library says so before it aborts because a collection got no memory.
fn is_failed_allocation(line: &str) -> bool {
    line.starts_with("memory allocation of ") && line.ends_with(" bytes failed")
}

fn read_report(job: &Job<'_>, stdout: &str) -> Result<Report, (Status, String)> {
    let wrong = |reason: String| (Status::WrongOutput, reason);
    let json: serde_json::Value = serde_json::from_str(stdout.trim())
        .map_err(|error| wrong(format!("its report is not JSON: {error}")))?;
    let protocol = json.get("protocol").and_then(serde_json::Value::as_u64);
    if protocol != Some(u64::from(PROTOCOL)) {
        let found = protocol.map_or("none".to_owned(), |number| number.to_string());
        return Err(wrong(format!(
            "it speaks protocol {found}, this harness {PROTOCOL}; build both from one tree"
        )));
    }
    let report: Report =
        serde_json::from_value(json).map_err(|error| wrong(format!("its report cannot be read: {error}")))?;
    if report.allocator != job.launch.worker_id {
        let reason = format!("it names itself '{}' instead of '{}'", report.allocator, job.launch.worker_id);
        return Err((Status::IdentityFailed, reason));
    }
    if report.row != job.row {
        return Err(wrong(format!("it ran '{}' instead of '{}'", report.row, job.row)));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use workloads::rows::{Preset, Size};

    use super::*;
    use crate::noise::Noise;
    use crate::plan::Params;
    use crate::workers::tests::launch;

    #[test]
    fn killed_is_out_of_memory_only_if_the_kernel_says_so() {
        let launch = launch("mi");
        let job = Job {
            launch: &launch,
            row: "larson",
            params: Params { preset: Preset::Current, size: Size::Check, threads: 1, levelled: false },
            stats: false,
            heap_map: None,
            phases: None,
            env_pad_bytes: 0,
            timeout: std::time::Duration::from_secs(1),
        };
        let status = |signal: Signal, kernel_oom| {
            let ended = Ended {
                exit: ExitStatus::from_raw(signal.as_raw()),
                in_time: true,
                total_ns: 1,
                noise: Noise::default(),
                kernel_oom,
                stdout: String::new(),
                stderr: String::new(),
            };
            judge(&job, &ended).unwrap_err().0
        };
        assert_eq!(status(Signal::KILL, true), Status::Oom);
        assert_eq!(status(Signal::KILL, false), Status::from_signal(9));
        assert_eq!(status(Signal::SEGV, true), Status::from_signal(11));
    }
}
