//! The user's wish to stop, and the process that has to end with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// Set once by Ctrl-C or a termination signal; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicBool,
    /// Leader of the process group that runs now. Held locked while signalling, so that
    /// a group is never signalled after its leader was reaped and its number reused.
    running: Mutex<Option<Pid>>,
}

impl Cancel {
    /// A cancel that the process's signals request. To be called once.
    pub fn on_signals() -> Result<Self> {
        let cancel = Self::default();
        let handle = cancel.clone();
        ctrlc::set_handler(move || handle.request()).context("cannot listen for Ctrl-C")?;
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
    pub(super) fn watch(&self, leader: Pid) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(leader);
        // A request just before had nothing to kill yet.
        if self.requested() {
            self.kill_running();
        }
    }

    /// To be called before the leader is reaped.
    pub(super) fn unwatch(&self) {
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
