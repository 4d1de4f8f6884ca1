//! How fast the machine computes while a worker runs.
//!
//! A virtual machine shares its cores with others, and what these do is in none of the counters a guest
//! can read: a core whose other hardware thread is busy takes up to twice as long for the same work, for
//! tenths of a second or for minutes. So a thread of the harness looks every few milliseconds on which core the
//! worker runs, takes that core for the length of a short, fixed computation, and notes how long it took.
//! The computation stays in registers: no allocator can change how long it takes by what it does to
//! caches. What the readings are used for is in [`crate::stats::pace`].

use std::fs;
use std::hint::black_box;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Time between two readings; looking for the core and reading take about a fiftieth of it from the worker.
const PERIOD: Duration = Duration::from_millis(5);
/// Rounds of the computation that a reading times.
const ROUNDS: u64 = 10_000;
/// Rounds before it, which bring the code into the core's caches.
const WARM_UP: u64 = ROUNDS / 10;
/// Fewer readings say nothing about a worker.
const MIN_READINGS: usize = 5;

/// A watch on the pace of the cores that one process runs on.
#[derive(Debug)]
pub(crate) struct PaceWatch {
    stop: Sender<()>,
    thread: JoinHandle<Pace>,
}

/// What a watch found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The time in nanoseconds that the computation takes at the mean of the speeds that were found; `None` if there were too few
    /// readings.
    pub(crate) ns: Option<u64>,
    /// Time of the cores that watching took.
    pub(crate) watch_ns: u64,
}

impl PaceWatch {
    /// Begins to take readings beside process `pid`; `None` where they would not mean what they should.
    pub(crate) fn start(pid: Pid) -> Option<Self> {
        if shares_cores_with_itself() {
            return None;
        }
        let (stop, stopped) = mpsc::channel();
        let readings = move || {
            let mut readings = Vec::new();
            for turn in 0.. {
                if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                // A worker that waits or has just ended is on no core.
                let Some(core) = core_of_task(pid, turn) else { continue };
                let mut cores = CpuSet::new();
                cores.set(core);
                if sched_setaffinity(None, &cores).is_ok() {
                    readings.push(reading());
                }
            }
            let taken = clock_gettime(ClockId::ThreadCPUTime);
            let watch_ns = Duration::try_from(taken).map_or(0, |taken| taken.as_nanos() as u64);
            Pace { ns: mean_speed(&readings), watch_ns }
        };
        let thread = thread::Builder::new().name("pace".to_owned()).spawn(readings).ok()?;
        Some(Self { stop, thread })
    }

    /// Ends the watch.
    pub(crate) fn finish(self) -> Option<Pace> {
        drop(self.stop);
        self.thread.join().ok()
    }
}

/// The harmonic mean in nanoseconds: work done is speed summed over time, and a reading that was
/// interrupted counts as a moment without speed.
fn mean_speed(readings: &[Duration]) -> Option<u64> {
    let speeds: f64 = readings.iter().map(|reading| 1.0 / (reading.as_nanos().max(1) as f64)).sum();
    (readings.len() >= MIN_READINGS).then(|| (readings.len() as f64 / speeds).round() as u64)
}

/// Times the computation once.
fn reading() -> Duration {
    black_box(compute(black_box(WARM_UP)));
    let start = Instant::now();
    black_box(compute(black_box(ROUNDS)));
    start.elapsed()
}

/// Four chains of integer arithmetic, which together fill a core enough to feel another thread on it.
#[inline(never)]
fn compute(rounds: u64) -> u64 {
    let (mut a, mut b, mut c, mut d) = (1_u64, 2_u64, 3_u64, 4_u64);
    for round in 0..rounds {
        a = a.wrapping_mul(3).wrapping_add(round);
        b = (b ^ round).wrapping_add(b >> 3);
        c = c.wrapping_add((c << 1) ^ round);
        d = d.wrapping_add(d >> 5).wrapping_add(round);
    }
    a ^ b ^ c ^ d
}

/// The core of the first thread of `pid` that runs, beginning with the `turn`th, counted around.
fn core_of_task(pid: Pid, turn: usize) -> Option<usize> {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).ok()?;
    let mut tasks: Vec<_> = tasks.flatten().collect();
    let first = turn.checked_rem(tasks.len())?;
    tasks.rotate_left(first);
    tasks.iter().find_map(|task| core(&fs::read_to_string(task.path().join("stat")).ok()?))
}

/// Field `processor` of a thread's `stat` file, if its `state` is running. They are the 37th and the first after the
/// name, which may itself contain anything.
fn core(stat: &str) -> Option<usize> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? != "R" {
        return None;
    }
    fields.nth(35)?.parse().ok()
}

/// Whether two hardware threads of one core are visible. Then a worker's own threads slow each other
/// down, more or less depending on the allocator, and the pace is no longer a matter of the machine.
fn shares_cores_with_itself() -> bool {
    let siblings = |core: usize| {
        fs::read_to_string(format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")).ok()
    };
    (0..crate::fingerprint::cores()).filter_map(siblings).any(|list| list.contains([',', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_is_found_behind_any_name() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        assert_eq!(core(&format!("7 (a ) b) R {}", fields.join(" "))), Some(39));
        assert_eq!(core(&format!("7 (a ) b) S {}", fields.join(" "))), None);
        assert_eq!(core("7 (short) R 1"), None);
    }

    #[test]
    fn the_thread_that_asks_runs_and_ended_processes_do_not() {
        let own = rustix::process::getpid();
        assert!((0..9).all(|turn| core_of_task(own, turn).is_some()));
        assert_eq!(core_of_task(Pid::from_raw(i32::MAX).unwrap(), 0), None);
    }

    #[test]
    fn speeds_are_averaged_and_an_interruption_is_one_slow_reading() {
        let us = |us: &[u64]| us.iter().map(|us| Duration::from_micros(*us)).collect::<Vec<_>>();
        assert_eq!(mean_speed(&us(&[30, 30, 60, 60, 60])), Some(42_857));
        assert!(mean_speed(&us(&[30, 30, 30, 30, 30_000])).unwrap() < 38_000);
        assert_eq!(mean_speed(&us(&[30; 4])), None);
    }

    #[test]
    fn a_watch_on_a_busy_process_reads_its_pace() {
        let Some(watch) = PaceWatch::start(rustix::process::getpid()) else { return };
        let begin = Instant::now();
        while begin.elapsed() < 80 * PERIOD {
            black_box(compute(black_box(ROUNDS)));
        }
        let Pace { ns, watch_ns } = watch.finish().unwrap();
        let pace = ns.expect("eighty periods give more than five readings");
        assert!((1_000..100_000_000).contains(&pace), "{pace} ns");
        assert!(
            (MIN_READINGS as u64 * pace..begin.elapsed().as_nanos() as u64).contains(&watch_ns),
            "{watch_ns} ns"
        );
    }
}
