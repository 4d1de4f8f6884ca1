//! Children that run one test in a process of its own, and what a process occupies.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Says which test a child is to run.
const CHILD: &str = "TEST_CHILD";
/// A child that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `body` in a process of its own. `test` is the name of the test function that calls this: the
/// child is this program once more, told to run that test alone.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    alone_with(test, &[], body);
}

/// Test functions that each do so.
#[allow(unused_macros, reason = "as for the functions here")]
macro_rules! alone_all {
    ($($name:ident: $body:expr;)*) => {$(
        #[test]
        fn $name() {
            $crate::support::process::alone(stringify!($name), || $body);
        }
    )*};
}
#[allow(unused_imports, reason = "as for the functions here")]
pub(crate) use alone_all;

/// The same as [`alone`] with variables set in the child's environment.
pub(crate) fn alone_with(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    if let Some(output) = in_child(test, environment, Stdio::inherit(), body) {
        passed(test, &output);
    }
}

/// The same, and returns what the child wrote to standard error; nothing in the child itself.
pub(crate) fn said(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    let output = in_child(test, environment, Stdio::piped(), body)?;
    passed(test, &output);
    Some(String::from_utf8(output.stderr).expect("messages are text"))
}

/// The same for a `body` that is expected to end its process by `signal`.
pub(crate) fn killed(test: &str, signal: i32, body: impl FnOnce()) {
    if let Some(Output { status, .. }) = in_child(test, &[], Stdio::inherit(), body) {
        assert_eq!(status.signal(), Some(signal), "{test} ended otherwise: {status}");
    }
}

/// Panics unless the child has run the test, and it passed: without a test of that name a child ends well, too.
fn passed(test: &str, Output { status, stdout, stderr }: &Output) {
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8_lossy(text));
    assert!(status.success(), "{test} failed in its own process: {status}\n{stderr}");
    assert!(stdout.contains(": ok. 1 passed"), "there is no test {test}: {stdout}");
}

/// How the child ended and what it wrote; `None` in the child itself.
fn in_child(test: &str, environment: &[(&str, &str)], stderr: Stdio, body: impl FnOnce()) -> Option<Output> {
    if env::var_os(CHILD).is_some_and(|wanted| wanted == test) {
        body();
        return None;
    }
    let program = env::current_exe().expect("a running program has a path");
    let child = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .expect("this program can be started once more");
    let id = child.id().cast_signed();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    match end.recv_timeout(PATIENCE) {
        Ok(output) => Some(output.expect("the child is ours to wait for")),
        Err(_) => {
            // SAFETY: nothing but a signal to a child that has not ended.
            unsafe { libc::kill(id, libc::SIGKILL) };
            panic!("{test} did not end within {PATIENCE:?}");
        }
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
