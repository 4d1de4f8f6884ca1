//! What else happened on the machine during a sample, read from the kernel's counters.

use std::fs;

use serde::{Deserialize, Serialize};

/// Differences over one sample; absent where the kernel does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// Time the hypervisor gave to others, summed over all cores.
    pub steal_us: Option<u64>,
    /// Time in which some task waited for a core.
    pub cpu_pressure_us: Option<u64>,
    /// Time the worker's main thread waited for a core.
    pub queue_wait_ns: Option<u64>,
    /// What a fixed computation took on the worker's cores, at the mean of the speeds found.
    #[serde(default)]
    pub pace_ns: Option<u64>,
    /// Time of the cores that it took in all: for so much of its waiting the worker may have waited for the harness.
    #[serde(default)]
    pub watch_ns: Option<u64>,
}

/// Share of a sample that may be lost to others before the sample counts as disturbed.
const DISTURBED_SHARE: f64 = 0.02;

impl Noise {
    /// Whether others, on this machine or on its host, took so much time that the sample's own time is doubtful.
    pub fn disturbed(&self, total_ns: u64) -> bool {
        let waited = self.queue_wait_ns.unwrap_or(0).saturating_sub(self.watch_ns.unwrap_or(0));
        self.is_stolen(total_ns) || is_much(waited, total_ns)
    }

    /// The same of others on the host alone.
    pub fn is_stolen(&self, total_ns: u64) -> bool {
        is_much(self.steal_us.unwrap_or(0).saturating_mul(1000), total_ns)
    }
}

fn is_much(lost_ns: u64, total_ns: u64) -> bool {
    lost_ns as f64 > DISTURBED_SHARE * total_ns as f64
}

/// The kernel's counters at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    steal_us: Option<u64>,
    cpu_pressure_us: Option<u64>,
    oom_kills: Option<u64>,
}

impl Counters {
    /// Reads them now.
    pub fn now() -> Self {
        Self {
            steal_us: read("/proc/stat").and_then(|text| steal_us(&text)),
            cpu_pressure_us: read("/proc/pressure/cpu").and_then(|text| pressure_us(&text)),
            oom_kills: read("/proc/vmstat").and_then(|text| field(&text, "oom_kill ")),
        }
    }

    /// What happened on the machine since `self` was read.
    pub fn until(&self, later: &Self) -> Noise {
        Noise {
            steal_us: difference(self.steal_us, later.steal_us),
            cpu_pressure_us: difference(self.cpu_pressure_us, later.cpu_pressure_us),
            ..Noise::default()
        }
    }

    /// Whether the kernel killed something for lack of memory since `self` was read.
    pub fn oom_until(&self, later: &Self) -> bool {
        difference(self.oom_kills, later.oom_kills).is_some_and(|kills| kills > 0)
    }
}

/// Time the main thread of process `pid` waited for a core; readable until it is reaped.
pub fn queue_wait_ns(pid: u32) -> Option<u64> {
    read(&format!("/proc/{pid}/schedstat"))?.split_whitespace().nth(1)?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn difference(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

fn field(text: &str, prefix: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(prefix))?.trim().parse().ok()
}

fn steal_us(stat: &str) -> Option<u64> {
    let ticks: u64 = stat.lines().next()?.split_whitespace().nth(8)?.parse().ok()?;
    Some(ticks * 1_000_000 / rustix::param::clock_ticks_per_second())
}

fn pressure_us(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    some.split_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_in_the_kernels_texts() {
        assert_eq!(steal_us("cpu  1 2 3 4 5 6 7 50 0 0\ncpu0 1"), Some(500_000));
        assert_eq!(pressure_us("some avg10=0.00 avg60=0.00 avg300=0.00 total=42\nfull total=1\n"), Some(42));
        assert_eq!(field("oom_kill 3\n", "oom_kill "), Some(3));
        assert_eq!(steal_us(""), None);
    }

    #[test]
    fn what_happened_is_the_growth_of_each_counter() {
        let at = |steal, pressure, kills| Counters {
            steal_us: Some(steal),
            cpu_pressure_us: Some(pressure),
            oom_kills: Some(kills),
        };
        let (before, later) = (at(100, 1000, 7), at(103, 1050, 8));
        let noise = before.until(&later);
        assert_eq!((noise.steal_us, noise.cpu_pressure_us), (Some(3), Some(50)));
        assert!(before.oom_until(&later) && !before.oom_until(&before));
        let silent = Counters { steal_us: None, oom_kills: None, ..before };
        assert_eq!(silent.until(&later).steal_us, None);
        assert!(!silent.oom_until(&later));
    }

    #[test]
    fn own_process_can_be_asked_for_its_waiting_time() {
        assert!(queue_wait_ns(std::process::id()).is_some());
    }

    #[test]
    fn long_waits_disturb() {
        let noise = Noise { queue_wait_ns: Some(30), ..Noise::default() };
        assert!(noise.disturbed(1000));
        assert!(!noise.disturbed(10_000));
        assert!(!Noise::default().disturbed(1000));
        let for_us = Noise { watch_ns: Some(20), ..noise };
        assert!(!for_us.disturbed(1000), "what the harness itself takes is taken from all alike");
        let stolen = Noise { steal_us: Some(1), ..Noise::default() };
        assert!(stolen.disturbed(1000) && stolen.is_stolen(1000) && !noise.is_stolen(1000));
    }
}
