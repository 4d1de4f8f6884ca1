//! One child process from its start to its end: in a process group of its own, with a time
//! limit, the ends of its output kept, and nothing of the group left behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use super::capture::{Tail, end_of, wait};
use crate::cancel::Cancel;
use crate::noise::{Counters, Noise, queue_wait_ns};
use crate::pace::PaceWatch;

/// Looks at a process while it runs.
pub trait Observer {
    /// Time from one look to the next.
    fn interval(&self) -> Duration;

    /// Looks at the process; it has not been reaped yet, but may have ended.
    fn look(&mut self, leader: Pid);
}

/// How running a process went.
#[derive(Debug)]
pub(crate) enum Course {
    /// There never was a process.
    NotStarted(io::Error),
    /// The user stopped it.
    Stopped,
    /// It ran to its end, or was killed when its time was over.
    Ended(Ended),
}

/// What is known of a process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) exit: ExitStatus,
    /// Whether it ended by itself before the limit.
    pub(crate) in_time: bool,
    /// Wall time from spawning to the end.
    pub(crate) total_ns: u64,
    /// What else happened on the machine.
    pub(crate) noise: Noise,
    /// Whether the kernel killed something for lack of memory meanwhile.
    pub(crate) kernel_oom: bool,
    /// The end of its standard output.
    pub(crate) stdout: String,
    /// The end of its standard error.
    pub(crate) stderr: String,
}

/// Runs `command` with its input closed. It is killed with its whole group when it takes longer than `limit`
/// or `cancel` is requested.
///
/// # Errors
/// What the harness cannot do; never what the process did.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    cancel: &Cancel,
    observer: Option<&mut dyn Observer>,
) -> Result<Course> {
    if cancel.requested() {
        return Ok(Course::Stopped);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let before = Counters::now();
    let started = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Course::NotStarted(error)),
    };
    let pid = Pid::from_child(&child);
    cancel.watch(pid);
    let pace = PaceWatch::start(pid);
    let watched = watch(&mut child, pid, limit, started, observer);
    let pace = pace.and_then(PaceWatch::finish);
    // Until the leader is reaped the group's number cannot belong to anything else, and
    // what the leader left behind must not disturb the next sample.
    let _ = kill_process_group(pid, Signal::KILL);
    cancel.unwatch();
    let exit = child.wait().context("cannot wait for a process")?;
    let Watched { in_time, total_ns, queue_wait_ns, stdout, stderr } = watched?;
    if cancel.requested() {
        return Ok(Course::Stopped);
    }
    let after = Counters::now();
    let noise = Noise {
        queue_wait_ns,
        pace_ns: pace.and_then(|pace| pace.ns),
        watch_ns: pace.map(|pace| pace.watch_ns),
        ..before.until(&after)
    };
    let kernel_oom = before.oom_until(&after);
    Ok(Course::Ended(Ended { exit, in_time, total_ns, noise, kernel_oom, stdout, stderr }))
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
fn watch(
    child: &mut Child,
    pid: Pid,
    limit: Duration,
    started: Instant,
    observer: Option<&mut dyn Observer>,
) -> Result<Watched> {
    let mut stdout = Tail::new(child.stdout.take().expect("the output was requested as a pipe"))?;
    let mut stderr = Tail::new(child.stderr.take().expect("the errors were requested as a pipe"))?;
    let end = end_of(pid)?;
    let look = observer.map(|observer| (observer, pid));
    let in_time = wait(&end, Some(limit), &mut stdout, &mut stderr, look)?;
    let total_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let queue_wait_ns = queue_wait_ns(child.id());
    if !in_time {
        kill_process_group(pid, Signal::KILL).context("cannot end a process that takes too long")?;
        wait(&end, None, &mut stdout, &mut stderr, None)?;
    }
    stdout.pull()?;
    stderr.pull()?;
    Ok(Watched { in_time, total_ns, queue_wait_ns, stdout: stdout.text(), stderr: stderr.text() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str, limit: Duration, observer: Option<&mut dyn Observer>) -> Ended {
        let course = run(Command::new("sh").args(["-c", script]), limit, &Cancel::default(), observer);
        match course.unwrap() {
            Course::Ended(ended) => ended,
            other => panic!("{other:?}"),
        }
    }

    struct Looks(usize);

    impl Observer for Looks {
        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }

        fn look(&mut self, leader: Pid) {
            assert!(std::path::Path::new(&format!("/proc/{}", leader.as_raw_nonzero())).exists());
            self.0 += 1;
        }
    }

    #[test]
    fn output_and_exit_are_kept() {
        let ended = sh("echo out; echo err >&2; exit 3", LONG, None);
        assert_eq!((&*ended.stdout, &*ended.stderr, ended.exit.code()), ("out\n", "err\n", Some(3)));
        assert!(ended.in_time);
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let ended = sh("sleep 60", Duration::from_millis(50), None);
        assert!(!ended.in_time && ended.exit.code().is_none());
    }

    #[test]
    fn what_the_readings_of_the_pace_take_is_known() {
        let noise = sh("n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done", LONG, None).noise;
        if let Some(pace_ns) = noise.pace_ns {
            assert!(noise.watch_ns.unwrap() > pace_ns);
        }
    }

    #[test]
    fn an_observer_looks_again_and_again_also_without_output() {
        let mut looks = Looks(0);
        sh("sleep 0.2", LONG, Some(&mut looks));
        assert!(looks.0 > 1, "{}", looks.0);
    }

    #[test]
    fn missing_programs_and_requests_to_stop_are_told_apart() {
        let missing = run(&mut Command::new("/nonexistent"), LONG, &Cancel::default(), None);
        assert!(matches!(missing.unwrap(), Course::NotStarted(_)));
        let cancel = Cancel::default();
        cancel.request();
        let stopped = run(&mut Command::new("true"), LONG, &cancel, None);
        assert!(matches!(stopped.unwrap(), Course::Stopped));
    }
}
