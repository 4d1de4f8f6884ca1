//! Commands that run in a folder of their own, with a clean environment, and not for ever.

use std::env;
use std::fs::{self, File};
use std::mem;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::preload::library;
use super::trace::{self, Start};

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Every program that was started with a library in front, in no order.
    pub(crate) starts: Vec<Start>,
}

/// A folder that commands work in; it goes when this goes.
#[derive(Debug)]
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        for name in ["work", "home", "tmp", "log"] {
            fs::create_dir(folder.path().join(name)).expect("the folder is new");
        }
        Self { folder }
    }

    /// Where commands start.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A command that starts in [`Sandbox::work`] and knows nothing of who runs the test.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.folder.path().join("home"))
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC");
        command
    }

    /// Runs `command` to its end, with the libraries of `preload` in front of the system's. With any there, the
    /// loader tells which programs were started with the library under test.
    ///
    /// # Errors
    /// Says what was written so far when it takes longer than `patience`.
    pub(crate) fn run(
        &self,
        command: &mut Command,
        preload: &[&Path],
        patience: Duration,
    ) -> Result<Finished, String> {
        let log = tempfile::tempdir_in(self.folder.path().join("log")).expect("the folder is ours");
        let file = |name| log.path().join(name);
        let create = |name| File::create(file(name)).expect("the folder is ours");
        command.stdin(Stdio::null()).stdout(create("stdout")).stderr(create("stderr")).process_group(0);
        if !preload.is_empty() {
            command.env("LD_PRELOAD", env::join_paths(preload).expect("no path has a colon in it"));
            trace::ask(command, &log.path().join(trace::PREFIX));
        }
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let in_time = wait(&child, patience);
        let status = end(child);
        let text = |name| {
            let bytes = fs::read(file(name)).expect("the file was made above");
            // Where the folder is differs from run to run.
            String::from_utf8_lossy(&bytes).replace(&*self.folder.path().to_string_lossy(), "<folder>")
        };
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        if !in_time {
            return Err(format!("no end within {patience:?}\nstdout:\n{stdout}\nstderr:\n{stderr}"));
        }
        let starts = if preload.is_empty() { Vec::new() } else { trace::read(log.path(), library()) };
        Ok(Finished { status, stdout, stderr, starts })
    }
}

/// Whether the child ends before `patience` has run out. It is not reaped.
fn wait(child: &Child, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        // SAFETY: all of its fields may be zero.
        let mut ended: libc::siginfo_t = unsafe { mem::zeroed() };
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the pointer is valid for writing.
        let result = unsafe { libc::waitid(libc::P_PID, child.id(), &raw mut ended, options) };
        assert_eq!(result, 0, "the child is ours to wait for");
        // SAFETY: the call has written the process number, or left the zero.
        if unsafe { ended.si_pid() } != 0 {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Ends what is left of the group that `child` leads, and says how the child itself ended.
fn end(mut child: Child) -> ExitStatus {
    let group = i32::try_from(child.id()).expect("process numbers are that small");
    // SAFETY: only sends a signal. The leader is not reaped yet, so the number is still that of its group.
    unsafe { libc::kill(-group, libc::SIGKILL) };
    child.wait().expect("the child is ours to wait for")
}

/// The distribution's programs first: what replaces them for one user may be a script around them.
fn search_path() -> String {
    format!("/usr/bin:/bin:{}", env::var("PATH").unwrap_or_default())
}
