//! What a process took from the system, as the kernel counts it.

use std::mem::MaybeUninit;

use serde::{Deserialize, Serialize};

/// The part of `getrusage` that reports have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// User time in microseconds.
    pub user_us: u64,
    /// System time in microseconds.
    pub sys_us: u64,
    /// Page faults served without reading from a disk.
    pub minor_faults: u64,
    /// Page faults that read from a disk.
    pub major_faults: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary context switches.
    pub involuntary_switches: u64,
}

impl Usage {
    /// Of the calling process so far.
    ///
    /// ```
    /// use workloads::usage::Usage;
    ///
    /// assert!(Usage::of_process().minor_faults > 0);
    /// ```
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(&rusage(libc::RUSAGE_SELF))
    }

    /// Of its descendants that have ended, in sum; with it the greatest size in bytes that one of them had.
    #[must_use]
    pub fn of_children() -> (Self, u64) {
        let usage = rusage(libc::RUSAGE_CHILDREN);
        (Self::of(&usage), usage.ru_maxrss.unsigned_abs() * 1024)
    }

    fn of(usage: &libc::rusage) -> Self {
        Self {
            user_us: microseconds(usage.ru_utime),
            sys_us: microseconds(usage.ru_stime),
            minor_faults: usage.ru_minflt.unsigned_abs(),
            major_faults: usage.ru_majflt.unsigned_abs(),
            voluntary_switches: usage.ru_nvcsw.unsigned_abs(),
            involuntary_switches: usage.ru_nivcsw.unsigned_abs(),
        }
    }
}

/// Of the calling process or of its children. Cannot fail for these two.
fn rusage(whose: libc::c_int) -> libc::rusage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the structure is live; the kernel overwrites it, and all zeroes is valid as well.
    unsafe {
        libc::getrusage(whose, usage.as_mut_ptr());
        usage.assume_init()
    }
}

fn microseconds(time: libc::timeval) -> u64 {
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_usec.unsigned_abs()
}
