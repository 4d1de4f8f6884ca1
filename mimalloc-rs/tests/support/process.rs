//! Children that run one test in a process of its own, and what a process occupies.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Says which test a child is to run.
const CHILD: &str = "TEST_CHILD";
/// A child that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `body` in a process of its own. `test` is the name of the test function that calls this: the
/// child is this program once more, told to run that test alone.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    alone_with(test, &[], body);
}

/// The same with variables set in the child's environment.
pub(crate) fn alone_with(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    if let Some(status) = in_child(test, environment, body) {
        assert!(status.success(), "{test} failed in its own process: {status}");
    }
}

/// The same for a `body` that is expected to end its process by `signal`.
pub(crate) fn killed(test: &str, signal: i32, body: impl FnOnce()) {
    if let Some(status) = in_child(test, &[], body) {
        assert_eq!(status.signal(), Some(signal), "{test} ended otherwise: {status}");
    }
}

/// How the child ended; `None` in the child itself.
fn in_child(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) -> Option<ExitStatus> {
    if env::var_os(CHILD).is_some_and(|wanted| wanted == test) {
        body();
        return None;
    }
    let program = env::current_exe().expect("a running program has a path");
    let mut child = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .spawn()
        .expect("this program can be started once more");
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours to wait for") {
            return Some(status);
        }
        if Instant::now() > deadline {
            child.kill().expect("the child is ours to end");
            panic!("{test} did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes of this process in memory.
pub(crate) fn resident() -> usize {
    let rollup =
        fs::read_to_string("/proc/self/smaps_rollup").expect("the system tells what a process occupies");
    let kilobytes = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<usize>().ok())
        .expect("the summary has a line for resident memory");
    kilobytes * 1024
}

/// Sets a soft limit for this process and returns the one before.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, bytes: libc::rlim_t) -> libc::rlim_t {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is valid for writing, then for reading.
    unsafe {
        assert_eq!(libc::getrlimit(resource, &raw mut limits), 0);
        let before = limits.rlim_cur;
        limits.rlim_cur = bytes.min(limits.rlim_max);
        assert_eq!(libc::setrlimit(resource, &raw const limits), 0);
        before
    }
}

/// Bytes of address space this process has.
pub(crate) fn mapped() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("the system tells what a process occupies");
    let pages = statm.split_whitespace().next().and_then(|number| number.parse::<usize>().ok());
    // SAFETY: asks for a constant of the system's.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.expect("the first number is the size in pages") * page_size as usize
}
