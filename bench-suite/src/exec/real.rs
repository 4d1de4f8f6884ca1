//! The executor that starts workers: one fresh process per sample, in its own process
//! group, with an empty environment but for a short list.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use workloads::protocol::{PROTOCOL, Report};

use super::capture::{Tail, end_of, wait};
use super::{Cancel, Execution, Executor, Job};
use crate::noise::{Counters, queue_wait_ns};
use crate::plan::{preset_name, size_name};
use crate::status::Status;

/// What a worker may know about its surroundings. Everything else is dropped, above all
/// what configures an allocator and what `cargo run` adds.
const ALLOWED_ENV: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Holds the padding that varies where a worker's stack starts.
const PAD_ENV: &str = "BENCH_SUITE_PAD";
/// The exit code by which a worker says that another allocator served it.
const IDENTITY_EXIT: i32 = 4;

/// Starts real processes.
#[derive(Debug)]
pub struct RealExecutor {
    cancel: Cancel,
}

impl RealExecutor {
    /// An executor that stops when `cancel` says so.
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel }
    }
}

impl Executor for RealExecutor {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Execution>> {
        if self.cancel.requested() {
            return Ok(None);
        }
        let before = Counters::now();
        let started = Instant::now();
        let mut child = match command(job).spawn() {
            Ok(child) => child,
            Err(error) => return Ok(Some(not_started(job, &error))),
        };
        let pid = Pid::from_child(&child);
        self.cancel.watch(pid);
        let watched = watch(&mut child, pid, job.timeout, started);
        // Until the leader is reaped the group's number cannot belong to anything else, and
        // what the leader left behind must not disturb the next sample.
        let _ = kill_process_group(pid, Signal::KILL);
        self.cancel.unwatch();
        let exit = child.wait().context("cannot wait for a worker")?;
        let Watched { in_time, total_ns, queue_wait_ns, stdout, stderr } = watched?;
        if self.cancel.requested() {
            return Ok(None);
        }
        let after = Counters::now();
        let verdict = if in_time {
            judge(job, exit, &stdout, &stderr, before.oom_until(&after))
        } else {
            let limit = humantime::format_duration(job.timeout);
            Err((Status::Timeout, format!("not finished after {limit}; allow more with --timeout")))
        };
        let noise = before.until(&after, queue_wait_ns);
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

/// What is known of a process between its end and its reaping.
struct Watched {
    in_time: bool,
    total_ns: u64,
    queue_wait_ns: Option<u64>,
    stdout: String,
    stderr: String,
}

/// Follows a process until it ends, or until `limit` when it is killed. It is not reaped.
fn watch(child: &mut Child, pid: Pid, limit: Duration, started: Instant) -> Result<Watched> {
    let mut stdout = Tail::new(child.stdout.take().expect("the output was requested as a pipe"))?;
    let mut stderr = Tail::new(child.stderr.take().expect("the errors were requested as a pipe"))?;
    let end = end_of(pid)?;
    let in_time = wait(&end, Some(limit), &mut stdout, &mut stderr)?;
    let total_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let queue_wait_ns = queue_wait_ns(child.id());
    if !in_time {
        kill_process_group(pid, Signal::KILL).context("cannot end a worker that takes too long")?;
        wait(&end, None, &mut stdout, &mut stderr)?;
    }
    stdout.pull()?;
    stderr.pull()?;
    Ok(Watched { in_time, total_ns, queue_wait_ns, stdout: stdout.text(), stderr: stderr.text() })
}

/// Arguments of the worker for a job.
fn arguments(job: &Job<'_>) -> Vec<String> {
    let params = job.params;
    let mut arguments: Vec<String> =
        ["run", "--row", job.row, "--preset", preset_name(params.preset), "--size", size_name(params.size)]
            .map(str::to_owned)
            .to_vec();
    arguments.extend(["--threads".to_owned(), params.threads.to_string()]);
    if let Some(library) = &job.launch.preload {
        arguments.extend(["--expect-library".to_owned(), library.display().to_string()]);
    }
    if job.stats {
        arguments.push("--stats".to_owned());
    }
    if let Some(file) = job.heap_map {
        arguments.extend(["--heapmap".to_owned(), file.display().to_string()]);
    }
    arguments
}

fn command(job: &Job<'_>) -> Command {
    let mut words = job.launch.wrapper.iter().map(OsString::from).chain([job.launch.program.clone().into()]);
    let mut command = Command::new(words.next().expect("the worker itself is always there"));
    command
        .args(words)
        .args(arguments(job))
        .env_clear()
        .envs(ALLOWED_ENV.iter().filter_map(|name| env::var_os(name).map(|value| (name, value))))
        .env(PAD_ENV, "x".repeat(job.env_pad_bytes))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(library) = &job.launch.preload {
        command.env("LD_PRELOAD", library);
    }
    command
}

/// The command that repeats a job by hand, for logs and `--dry-run`.
pub fn command_line(job: &Job<'_>) -> String {
    let preload = job.launch.preload.iter().map(|library| format!("LD_PRELOAD={} ", library.display()));
    let wrapper = job.launch.wrapper.iter().map(|word| format!("{word} "));
    let program = job.launch.program.display().to_string();
    preload.chain(wrapper).chain([program, " ".to_owned(), arguments(job).join(" ")]).collect()
}

fn not_started(job: &Job<'_>, error: &std::io::Error) -> Execution {
    Execution {
        status: Status::NotStarted,
        reason: Some(format!("cannot start {}: {error}", job.launch.program.display())),
        total_ns: 0,
        noise: crate::noise::Noise::default(),
        report: None,
        stderr: String::new(),
    }
}

fn judge(
    job: &Job<'_>,
    exit: ExitStatus,
    stdout: &str,
    stderr: &str,
    kernel_oom: bool,
) -> Result<Report, (Status, String)> {
    let last_words =
        stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message").to_owned();
    if let Some(signal) = exit.signal() {
        let status = Status::from_signal(signal);
        let oom = kernel_oom && status == Status::from_signal(Signal::KILL.as_raw());
        return Err((if oom { Status::Oom } else { status }, last_words));
    }
    match exit.code() {
        Some(0) => read_report(job, stdout),
        Some(IDENTITY_EXIT) => Err((Status::IdentityFailed, last_words)),
        Some(1) if last_words.contains("out of memory") => Err((Status::Oom, last_words)),
        code => Err((Status::Exit(code.unwrap_or(-1)), last_words)),
    }
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
