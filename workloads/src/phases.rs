//! The phases of a row: what a worker notes with `--phases FILE`, so that a memory curve taken from
//! outside can be read.
//!
//! Each phase is one JSON line, a [`Mark`], written as soon as the phase begins. Noting one takes no
//! memory from the heap: it must not change the curve it explains.

use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::proc_status;
use crate::protocol::PhaseMemory;

/// What begins or ends at a [`Mark`], in the order in which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// The row begins to set up.
    #[serde(rename = "begin")]
    Begin,
    /// The measured part begins.
    #[serde(rename = "start")]
    Start,
    /// The measured part has ended.
    #[serde(rename = "stop")]
    Stop,
    /// Everything is freed that can be.
    #[serde(rename = "drained")]
    Drained,
    /// The process did nothing for a tenth of a second.
    #[serde(rename = "settled_100ms")]
    Settled100ms,
    /// The process did nothing for a second.
    #[serde(rename = "settled_1s")]
    Settled1s,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 6] =
        [Self::Begin, Self::Start, Self::Stop, Self::Drained, Self::Settled100ms, Self::Settled1s];
}

/// One phase of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// What begins.
    pub phase: Phase,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`, which all processes share.
    pub at_ns: u64,
    /// VmRSS at that moment.
    pub rss_bytes: u64,
}

/// Writes marks as they come.
#[derive(Debug)]
pub struct PhaseLog {
    file: File,
    /// VmRSS by phase.
    rss: [u64; Phase::ALL.len()],
    failure: Option<io::Error>,
}

impl PhaseLog {
    /// A log that goes into `file`.
    pub fn new(file: File) -> Self {
        Self { file, rss: [0; Phase::ALL.len()], failure: None }
    }

    /// Notes that `phase` begins now.
    #[cold]
    pub(crate) fn mark(&mut self, phase: Phase) {
        let rss_bytes = proc_status::resident().unwrap_or_default().now;
        let mark = Mark { phase, at_ns: monotonic_ns(), rss_bytes };
        self.rss[phase as usize] = rss_bytes;
        if let Err(error) = self.write(&mark) {
            self.failure.get_or_insert(error);
        }
    }

    fn write(&mut self, mark: &Mark) -> io::Result<()> {
        let mut buffer = [0_u8; 128];
        let mut line = io::Cursor::new(&mut buffer[..]);
        serde_json::to_writer(&mut line, mark)?;
        line.write_all(b"\n")?;
        let length = usize::try_from(line.position()).expect("a line is no longer than its buffer");
        self.file.write_all(&buffer[..length])
    }

    /// Lets the process be idle for a second and notes what remains resident meanwhile.
    pub(crate) fn settle(&mut self) {
        thread::sleep(Duration::from_millis(100));
        self.mark(Phase::Settled100ms);
        thread::sleep(Duration::from_millis(900));
        self.mark(Phase::Settled1s);
    }

    /// The memory at all marks.
    ///
    /// # Errors
    /// A mark could not be written.
    pub(crate) fn memory(self, peak: u64) -> io::Result<PhaseMemory> {
        let rss = |phase: Phase| self.rss[phase as usize];
        let memory = PhaseMemory {
            begin: rss(Phase::Begin),
            run_end: rss(Phase::Stop),
            peak,
            drained: rss(Phase::Drained),
            settled_100ms: rss(Phase::Settled100ms),
            settled_1s: rss(Phase::Settled1s),
        };
        self.failure.map_or(Ok(memory), Err)
    }
}

fn monotonic_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the structure is live; the kernel overwrites it, and all zeroes is valid as well.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
