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
        let usage = os::usage();
        let resident = os::resident();
        Self {
            elapsed: os::elapsed(),
            user: usage.user,
            system: usage.system,
            current_rss: resident,
            // The kernel counts some pages late, and not in both numbers alike.
            peak_rss: usage.peak_rss.max(resident),
            current_commit: usize::try_from(commit.current).unwrap_or(0),
            peak_commit: usize::try_from(commit.peak).unwrap_or(0),
            page_faults: usage.page_faults,
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
    fn the_peak_is_never_below_what_is_resident() {
        let mut blocks = std::vec![];
        for _ in 0..300 {
            // A little at a time: what there is more of is counted late.
            blocks.push(std::vec![1_u8; 200_000]);
            let info = ProcessInfo::current();
            assert!(info.peak_rss >= info.current_rss, "{info:?}");
        }
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
