//! Waiting for a child with a time limit while keeping the end of what it writes.
//!
//! One `poll` serves the child's end and both pipes; no thread of the harness wakes up
//! in between.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::process::Observer;

/// How much of each stream is kept.
const KEEP_BYTES: usize = 64 * 1024;

/// The end of a stream.
#[derive(Debug)]
pub(super) struct Tail<R> {
    source: Option<R>,
    bytes: Vec<u8>,
}

impl<R: Read + AsFd> Tail<R> {
    /// Follows `source`, which is made non-blocking.
    pub(super) fn new(source: R) -> Result<Self> {
        let flags = fcntl_getfl(&source).context("cannot read the flags of a pipe")?;
        fcntl_setfl(&source, flags | OFlags::NONBLOCK).context("cannot make a pipe non-blocking")?;
        Ok(Self { source: Some(source), bytes: Vec::new() })
    }

    /// Reads what is there now.
    pub(super) fn pull(&mut self) -> Result<()> {
        let mut chunk = [0; 8192];
        while let Some(source) = &mut self.source {
            match source.read(&mut chunk) {
                Ok(0) => self.source = None,
                Ok(count) => {
                    self.bytes.extend_from_slice(&chunk[..count]);
                    let excess = self.bytes.len().saturating_sub(KEEP_BYTES);
                    self.bytes.drain(..excess);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read the output of a worker"),
            }
        }
        Ok(())
    }

    /// What was kept, as text that is safe to show: without what would command a terminal.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.chars().filter(|&c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
    }
}

/// A descriptor that becomes readable when process `pid` ends.
pub(super) fn end_of(pid: Pid) -> Result<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty()).context("cannot watch a worker; this needs Linux 5.3 or newer")
}

/// Waits until `end` is readable, pulling from both streams and letting the observer look.
/// `false` when `limit` came first.
pub(super) fn wait<A: Read + AsFd, B: Read + AsFd>(
    end: &OwnedFd,
    limit: Option<Duration>,
    stdout: &mut Tail<A>,
    stderr: &mut Tail<B>,
    mut look: Option<(&mut dyn Observer, Pid)>,
) -> Result<bool> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut next_look = Instant::now();
    loop {
        let now = Instant::now();
        if let Some((observer, leader)) = &mut look
            && next_look <= now
        {
            observer.look(*leader);
            next_look = now + observer.interval();
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Ok(false);
        }
        let until_look = look.as_ref().map(|_| next_look);
        let wake = deadline.into_iter().chain(until_look).min();
        let left = wake.map(|wake| wake.saturating_duration_since(Instant::now()));
        let mut watched = vec![PollFd::new(end, PollFlags::IN)];
        watched.extend(stdout.source.iter().map(|source| PollFd::new(source, PollFlags::IN)));
        watched.extend(stderr.source.iter().map(|source| PollFd::new(source, PollFlags::IN)));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for a worker"),
        }
        let ended = !watched[0].revents().is_empty();
        stdout.pull()?;
        stderr.pull()?;
        if ended {
            return Ok(true);
        }
    }
}
