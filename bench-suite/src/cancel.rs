//! The user's wish to stop, and the process that has to end with it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Set once by Ctrl-C or a termination signal; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    requested: Arc<AtomicBool>,
    /// Leader of the process group that runs now. Held locked while signalling, so that
    /// a group is never signalled after its leader was reaped and its number reused.
    running: Mutex<Option<Pid>>,
}

impl Cancel {
    /// A cancel that the process's signals request, but for those that whoever started it has it ignore (as `nohup` does).
    /// To be called once.
    pub fn on_signals() -> Result<Self> {
        let cancel = Self::default();
        let handle = cancel.clone();
        let ignored = ignored(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        let heeded =
            || [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & 1 << (signal - 1) == 0);
        // In the handler itself, so that whoever finds a child ended by the same Ctrl-C finds the request, too.
        for signal in heeded() {
            flag::register(signal, Arc::clone(&cancel.0.requested)).context("cannot listen for Ctrl-C")?;
        }
        let mut signals = Signals::new(heeded()).context("cannot listen for Ctrl-C")?;
        thread::spawn(move || signals.forever().for_each(|_| handle.request()));
        Ok(cancel)
    }

    /// Whether the user wants to stop.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Asks to stop and ends what runs now.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        self.kill_running();
    }

    /// From now on a request kills the process group of `leader`.
    pub(crate) fn watch(&self, leader: Pid) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(leader);
        // A request just before had nothing to kill yet.
        if self.requested() {
            self.kill_running();
        }
    }

    /// To be called before the leader is reaped.
    pub(crate) fn unwatch(&self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn kill_running(&self) {
        let running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leader) = *running {
            // The group may be gone already; there is nothing to do about any other error.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The signals that a process ignores, a bit for each from 1 on, by its `status`.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_are_ignored_are_told_from_others() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n"), 0x1001);
        assert_eq!(ignored(""), 0);
    }
}
