//! What the process has used.

use core::time::Duration;

use super::process::read_start;
use crate::os::Usage;

/// Time, memory and page faults so far.
pub(crate) fn usage() -> Usage {
    // SAFETY: the struct is plain numbers, for which zero is fine, and valid for writing.
    let usage = unsafe {
        let mut usage: libc::rusage = core::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        peak_rss: usize::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024),
        page_faults: usage.ru_majflt.max(0).cast_unsigned(),
    }
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u32::try_from(time.tv_usec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), micros * 1000)
}

/// Bytes of memory the process occupies.
pub(crate) fn resident() -> usize {
    let mut text = [0; 128];
    let pages = second_number(read_start(c"/proc/self/statm", &mut text)).unwrap_or(0);
    // SAFETY: tells a number.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.saturating_mul(usize::try_from(page_size).unwrap_or(0))
}

/// The second number in a line of them.
fn second_number(text: &[u8]) -> Option<usize> {
    number(text.split(|&byte| byte == b' ').nth(1)?)
}

/// Time since the process started.
pub(crate) fn elapsed() -> Duration {
    let mut text = [0; 1024];
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing; the other call tells a number.
    let ticks_per_second = unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now);
        libc::sysconf(libc::_SC_CLK_TCK)
    };
    let now = Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0));
    let start =
        start_ticks(read_start(c"/proc/self/stat", &mut text)).zip(u64::try_from(ticks_per_second).ok());
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
    fn the_start_is_found_behind_any_command() {
        let stat = b"7 (a) b (c) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n";
        assert_eq!(start_ticks(stat), Some(4242));
        assert_eq!(start_ticks(b"7 (a R 1 2"), None);
        assert_eq!(second_number(b"10 20 30\n"), Some(20));
        assert_eq!(second_number(b""), None);
    }

    #[test]
    fn a_missing_file_reads_as_nothing() {
        assert_eq!(read_start(c"/proc/self/no such file", &mut [0; 8]), b"");
        assert_eq!(read_start(c"/proc/self/comm", &mut [0; 1]).len(), 1);
    }
}
