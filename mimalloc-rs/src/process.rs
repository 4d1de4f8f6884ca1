//! What the process has used so far: time, memory, page faults.
//!
//! ```
//! let info = mimalloc_rs::process::ProcessInfo::current();
//! assert!(info.peak_rss >= 4096);
//! ```

use core::fmt;
use core::time::Duration;

use crate::arena;
use crate::hooks::OutputWriter;
use crate::os;
use crate::stats::{self, Count};

/// Keeps standard error as it is now for the allocator's messages, even if the program closes or redirects it later, as
/// many do before they end.
///
/// ```
/// mimalloc_rs::process::keep_stderr();
/// mimalloc_rs::options::print();
/// ```
pub fn keep_stderr() {
    os::keep_stderr();
}

/// Gives all memory back that the allocator has from the system. What blocks held reads as zero; the address space stays
/// reserved.
///
/// # Safety
/// Nobody allocates, frees or uses a block any more.
pub unsafe fn destroy() {
    // SAFETY: as the caller says.
    unsafe { arena::destroy() }
}

/// Times and memory of the process. What the system does not tell is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Since the process started, to a hundredth of a second.
    pub elapsed: Duration,
    /// Processor time of the program.
    pub user: Duration,
    /// Processor time of the system on the program's behalf.
    pub system: Duration,
    /// Bytes of memory the process occupies.
    pub current_rss: usize,
    /// The most bytes it has occupied.
    pub peak_rss: usize,
    /// Bytes that the allocator holds ready for use, resident or not.
    pub current_commit: usize,
    /// The most bytes it has held ready.
    pub peak_commit: usize,
    /// Pages that had to be read from disk.
    pub page_faults: u64,
}

impl ProcessInfo {
    /// The numbers of this moment. Nothing is allocated.
    ///
    /// ```
    /// use mimalloc_rs::process::ProcessInfo;
    ///
    /// println!("{}", ProcessInfo::current());
    /// ```
    #[must_use]
    pub fn current() -> Self {
        Self::with_commit(stats::committed())
    }

    fn with_commit(commit: Count) -> Self {
        let usage = usage();
        let kibibytes = usize::try_from(usage.ru_maxrss).unwrap_or(0);
        Self {
            elapsed: elapsed(),
            user: duration(usage.ru_utime),
            system: duration(usage.ru_stime),
            current_rss: resident(),
            peak_rss: kibibytes.saturating_mul(1024),
            current_commit: usize::try_from(commit.current).unwrap_or(0),
            peak_commit: usize::try_from(commit.peak).unwrap_or(0),
            page_faults: usage.ru_majflt.max(0).cast_unsigned(),
        }
    }
}

/// Prints the numbers of this moment to the [output](crate::hooks::register_output).
///
/// ```
/// mimalloc_rs::process::print();
/// ```
pub fn print() {
    use fmt::Write;
    // The writer takes everything.
    let _ = writeln!(OutputWriter::registered(), "{}", ProcessInfo::current());
}

impl fmt::Display for ProcessInfo {
    /// Two lines in the form of mimalloc's tables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| time.as_secs_f64();
        writeln!(f, "  elapsed: {:9.3} s", seconds(self.elapsed))?;
        write!(
            f,
            "  process: user: {:.3} s, system: {:.3} s, faults: {}, peak rss: {}, rss: {}, commit: {}",
            seconds(self.user),
            seconds(self.system),
            self.page_faults,
            stats::Bytes(self.peak_rss as i64),
            stats::Bytes(self.current_rss as i64),
            stats::Bytes(self.current_commit as i64),
        )
    }
}

fn usage() -> libc::rusage {
    // SAFETY: the struct is plain numbers, for which zero is fine, and valid for writing.
    unsafe {
        let mut usage = core::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    }
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u32::try_from(time.tv_usec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), micros * 1000)
}

/// Bytes of memory the process occupies.
fn resident() -> usize {
    let mut text = [0; 128];
    let pages = second_number(os::read_start(c"/proc/self/statm", &mut text)).unwrap_or(0);
    // SAFETY: tells a number.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.saturating_mul(usize::try_from(page_size).unwrap_or(0))
}

/// The second number in a line of them.
fn second_number(text: &[u8]) -> Option<usize> {
    number(text.split(|&byte| byte == b' ').nth(1)?)
}

/// Time since the process started.
fn elapsed() -> Duration {
    let mut text = [0; 1024];
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing; the other call tells a number.
    let ticks_per_second = unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now);
        libc::sysconf(libc::_SC_CLK_TCK)
    };
    let now = Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0));
    let start =
        start_ticks(os::read_start(c"/proc/self/stat", &mut text)).zip(u64::try_from(ticks_per_second).ok());
    match start {
        Some((start, per_second @ 1..)) => {
            let start = Duration::from_millis((start as u64).saturating_mul(1000) / per_second);
            now.saturating_sub(start)
        }
        _ => Duration::ZERO,
    }
}

/// When the process started, from its `stat` line: the 20th word after the command, which is in parentheses
/// and may have spaces and parentheses in it.
fn start_ticks(stat: &[u8]) -> Option<usize> {
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    number(stat[end + 1..].split(|&byte| byte == b' ').nth(20)?)
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_this_process_are_plausible() {
        let block = std::vec![1_u8; 32 << 20];
        let info = ProcessInfo::with_commit(Count { total: 9, peak: 7, current: 5 });
        // Otherwise an optimised build frees it before.
        core::hint::black_box(&block);
        assert!(info.current_rss >= block.len() && info.peak_rss >= block.len(), "{info:?}");
        assert!(info.user + info.system > Duration::ZERO, "{info:?}");
        assert!(info.elapsed < Duration::from_secs(24 * 3600), "{info:?}");
        assert_eq!((info.current_commit, info.peak_commit), (5, 7));
    }

    #[test]
    fn the_start_is_found_behind_any_command() {
        let stat = b"7 (a) b (c) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n";
        assert_eq!(start_ticks(stat), Some(4242));
        assert_eq!(start_ticks(b"7 (a R 1 2"), None);
        assert_eq!(second_number(b"10 20 30\n"), Some(20));
        assert_eq!(second_number(b""), None);
    }

    #[test]
    fn a_missing_file_reads_as_nothing() {
        assert_eq!(os::read_start(c"/proc/self/no such file", &mut [0; 8]), b"");
        assert_eq!(os::read_start(c"/proc/self/comm", &mut [0; 1]).len(), 1);
    }

    #[test]
    fn the_lines_say_what_was_measured() {
        let info = ProcessInfo {
            elapsed: Duration::from_millis(12_345),
            user: Duration::from_millis(50),
            system: Duration::from_millis(7),
            current_rss: 3 << 20,
            peak_rss: 5 << 20,
            current_commit: 64 << 20,
            peak_commit: 65 << 20,
            page_faults: 2,
        };
        assert_eq!(
            std::format!("{info}"),
            "  elapsed:    12.345 s\n  process: user: 0.050 s, system: 0.007 s, faults: 2, peak rss: 5.0 MiB, \
             rss: 3.0 MiB, commit: 64.0 MiB"
        );
    }
}
