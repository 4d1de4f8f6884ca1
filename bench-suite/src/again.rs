//! Executions that are taken again because others had their cores.
//!
//! The host of a virtual machine gives a core to another one for tens of milliseconds at a time, and the kernel counts how long
//! ("steal"). A sample in which that happened says more of the neighbours than of the allocator, so it is taken again.
//! What decides is that count, in ticks of 10 ms, as a share of the execution's length: for one of less than half a second a single
//! tick is too much. The figure it would have counted with does not matter, nor does waiting that a worker's own threads may cause.
//! What was discarded is kept with the sample that counts, so that anyone can see what difference it made.

use crate::exec::Execution;
use crate::sample::Discarded;
use crate::status::Status;

/// Most executions that are discarded for one sample; the next one counts as it is.
const MOST_PER_SAMPLE: usize = 2;
/// A run discards one of so many executions at most, lest one on a machine that is never quiet takes three times as long.
const PER_DISCARDED: usize = 4;
/// Some that it may discard before that many were made.
const AT_FIRST: usize = 8;

/// Decides what is taken again.
#[derive(Debug)]
pub struct Again {
    made: usize,
    discarded: usize,
    wanted: bool,
}

impl Again {
    /// Nothing is: where nothing is timed.
    pub fn never() -> Self {
        Self { made: 0, discarded: 0, wanted: false }
    }

    /// Whatever was disturbed by others on the host, within bounds.
    pub fn if_stolen() -> Self {
        Self { wanted: true, ..Self::never() }
    }

    /// To be told of each execution, and how many were discarded for its sample: what to remember it by if it does not count.
    pub fn discard(&mut self, execution: &Execution, before: usize) -> Option<Discarded> {
        self.made += 1;
        let steal_us = execution.noise.steal_us?;
        let is_doubtful = execution.status == Status::Ok && execution.noise.is_stolen(execution.total_ns);
        let is_allowed = before < MOST_PER_SAMPLE && self.discarded < AT_FIRST + self.made / PER_DISCARDED;
        if !(self.wanted && is_doubtful && is_allowed) {
            return None;
        }
        let report = execution.report.as_ref()?;
        self.discarded += 1;
        let (score_ns, checksum) = (report.score_ns, report.checksum.clone());
        Some(Discarded { total_ns: execution.total_ns, score_ns, steal_us, checksum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::mock::failure;
    use crate::noise::Noise;
    use crate::sample::tests::report;

    fn execution(steal_us: u64) -> Execution {
        Execution {
            status: Status::Ok,
            report: Some(report("mi", "cfrac", 90_000_000)),
            total_ns: 100_000_000,
            noise: Noise { steal_us: Some(steal_us), ..Noise::default() },
            ..failure(Status::Ok)
        }
    }

    #[test]
    fn the_share_of_stolen_time_decides_and_nothing_else() {
        let mut again = Again::if_stolen();
        let mut first = execution(10_000);
        first.report.as_mut().unwrap().run_ns = 95_000_000;
        let discarded = again.discard(&first, 0);
        let checksum = Some("c0ffee".to_owned());
        assert_eq!(
            discarded,
            Some(Discarded { total_ns: 100_000_000, score_ns: 90_000_000, steal_us: 10_000, checksum })
        );
        assert_eq!(again.discard(&execution(1_000), 0), None);
        let longer = Execution { total_ns: 600_000_000, ..execution(10_000) };
        assert_eq!(again.discard(&longer, 0), None);
        let mut waited = execution(0);
        waited.noise.queue_wait_ns = Some(50_000_000);
        assert_eq!(again.discard(&waited, 0), None);
        let failed = Execution { status: Status::Exit(3), ..execution(10_000) };
        assert_eq!(again.discard(&failed, 0), None, "what failed counts");
        assert_eq!(Again::never().discard(&execution(10_000), 0), None);
    }

    #[test]
    fn the_third_execution_of_a_sample_counts_as_it_is() {
        let mut again = Again::if_stolen();
        let discarded = [0, 1, 2].map(|before| again.discard(&execution(10_000), before).is_some());
        assert_eq!(discarded, [true, true, false]);
    }

    #[test]
    fn a_run_discards_a_share_of_its_executions_at_most() {
        let mut again = Again::if_stolen();
        let discarded = (0..1000).filter(|_| again.discard(&execution(10_000), 0).is_some()).count();
        assert_eq!(discarded, AT_FIRST + 1000 / PER_DISCARDED);
    }
}
