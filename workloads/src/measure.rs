//! The measured part of a row: a clock, the kernel's memory figures and its accounting.

use std::io;
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::phases::{Phase, PhaseLog};
use crate::proc_status::{self, Resident};
use crate::protocol::{Counts, PhaseMemory};
use crate::usage::Usage;

/// Stands between a port and its report.
///
/// A port sets up what is not measured, calls [`start`](Meter::start), does the work, calls
/// [`stop`](Meter::stop) and frees what can still be freed.
#[derive(Debug, Default)]
pub struct Meter {
    started: Option<Instant>,
    stopped: Option<Stopped>,
    at_stop: Option<fn()>,
    phases: Option<PhaseLog>,
}

/// What is known at the end of the measured part.
#[derive(Debug, Clone, Copy)]
struct Stopped {
    elapsed: Duration,
    resident: Resident,
    usage: Usage,
    counts: Counts,
}

impl Meter {
    /// A meter that has someone look at the process as soon as the measured part has ended.
    pub fn with_look(look: fn()) -> Self {
        Self { at_stop: Some(look), ..Self::default() }
    }

    /// The same, and writes down in `log` when which phase begins.
    pub fn with_phases(self, log: PhaseLog) -> Self {
        Self { phases: Some(log), ..self }
    }

    /// To be called before the row sets anything up.
    pub(crate) fn begin(&mut self) {
        self.mark(Phase::Begin);
    }

    /// Begins the measured part.
    pub fn start(&mut self) {
        self.mark(Phase::Start);
        self.started = Some(Instant::now());
    }

    /// Ends the measured part. The counts of `A` up to here are part of the result.
    ///
    /// # Panics
    /// If the measured part was not started.
    pub fn stop<A: Api>(&mut self) {
        let elapsed = self.started.expect("a port starts the meter before it stops it").elapsed();
        self.mark(Phase::Stop);
        self.stopped = Some(Stopped {
            elapsed,
            resident: proc_status::resident().unwrap_or_default(),
            usage: Usage::of_process(),
            counts: A::take_counts(),
        });
        if let Some(look) = self.at_stop {
            look();
        }
    }

    /// Wall time of the measured part.
    ///
    /// # Panics
    /// If there was no measured part.
    pub fn elapsed(&self) -> Duration {
        self.stopped().elapsed
    }

    /// Processor time of the process up to the end of the measured part.
    ///
    /// # Panics
    /// If there was no measured part.
    pub fn cpu_time(&self) -> Duration {
        let usage = self.stopped().usage;
        Duration::from_micros(usage.user_us + usage.sys_us)
    }

    /// What the port asked for up to the end of the measured part.
    ///
    /// # Panics
    /// If there was no measured part.
    pub fn counts(&self) -> Counts {
        self.stopped().counts
    }

    /// All figures; to be called when the row has freed what it can.
    ///
    /// # Panics
    /// If there was no measured part.
    pub fn finish(&mut self) -> Measured {
        let Stopped { elapsed, resident, usage, .. } = *self.stopped();
        let drained = proc_status::resident().unwrap_or_default().now;
        self.mark(Phase::Drained);
        Measured { elapsed, peak_rss: resident.peak, run_end_rss: resident.now, drained_rss: drained, usage }
    }

    /// If phases are written down, waits to see what becomes of the memory of an idle process.
    /// To be called when the row has finished.
    ///
    /// # Errors
    /// A phase could not be written down.
    pub(crate) fn settle(&mut self) -> io::Result<Option<PhaseMemory>> {
        let peak = self.stopped().resident.peak;
        let Some(mut log) = self.phases.take() else { return Ok(None) };
        log.settle();
        log.memory(peak).map(Some)
    }

    fn mark(&mut self, phase: Phase) {
        if let Some(log) = &mut self.phases {
            log.mark(phase);
        }
    }

    fn stopped(&self) -> &Stopped {
        self.stopped.as_ref().expect("a port stops the meter before it returns")
    }
}

/// The figures of a row that has ended; memory in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Wall time of the measured part.
    pub elapsed: Duration,
    /// The most that was ever resident, up to the end of the measured part.
    pub peak_rss: u64,
    /// What was resident at the end of the measured part.
    pub run_end_rss: u64,
    /// What was resident when everything that can be freed was.
    pub drained_rss: u64,
    /// What the process had used at the end of the measured part.
    pub usage: Usage,
}

/// A duration in the unit of reports.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::api::Global;

    #[test]
    fn the_look_is_taken_at_the_end_of_the_measured_part() {
        static LOOKS: AtomicU32 = AtomicU32::new(0);
        let mut meter = Meter::with_look(|| {
            LOOKS.fetch_add(1, Ordering::Relaxed);
        });
        meter.start();
        assert_eq!(LOOKS.load(Ordering::Relaxed), 0);
        meter.stop::<Global>();
        assert_eq!(LOOKS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn every_figure_is_taken() {
        let mut meter = Meter::default();
        meter.start();
        let block = std::hint::black_box(vec![1_u8; 1 << 20]);
        meter.stop::<Global>();
        drop(block);
        let measured = meter.finish();
        assert!(!measured.elapsed.is_zero() && measured.peak_rss >= measured.run_end_rss);
        assert!(measured.run_end_rss > 1 << 20 && measured.drained_rss > 0);
        assert!(measured.usage.minor_faults > 0);
    }
}
