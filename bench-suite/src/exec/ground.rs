//! The same free memory before each sample.
//!
//! A virtual machine may tell its host every two seconds which memory is free, and the host takes it back ("free page
//! reporting"). Memory that a process left a moment ago is still there, and a huge page of it is made in a tenth of a
//! millisecond; one that the host has to find again takes fifty times as long. So a sample would depend on the samples
//! before it: what allocators they had, and how long ago they ended. On such a machine the harness touches some memory in
//! huge pages and frees it before each sample. Each finds that much then, as it would where no host takes any.

use std::fs;

use memmap2::{Advice, MmapOptions};

use crate::fingerprint::{kilobytes, reports_free_pages};

/// What is touched: more than the largest row needs, under any allocator.
const WANTED: u64 = 1 << 30;
/// No more than this share of what is available.
const SHARE: u64 = 4;

/// Sees to it, where it is necessary. Where it does not work, samples are what they would be without.
pub(crate) fn level() {
    if !reports_free_pages() {
        return;
    }
    if let Ok(size) = usize::try_from(WANTED.min(available() / SHARE)) {
        touch(size);
    }
}

/// Bytes of memory that this process may still have, in the machine and in its control group.
fn available() -> u64 {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let bytes = |path: &str| text(path).trim().parse::<u64>().ok();
    let in_machine = kilobytes(&text("/proc/meminfo"), "MemAvailable") * 1024;
    // Without a limit the first is the word "max".
    match (bytes("/sys/fs/cgroup/memory.max"), bytes("/sys/fs/cgroup/memory.current")) {
        (Some(most), Some(current)) => in_machine.min(most.saturating_sub(current)),
        _ => in_machine,
    }
}

/// Has `size` bytes of memory for a moment.
fn touch(size: usize) {
    if let Ok(memory) = MmapOptions::new().len(size).no_reserve_swap().map_anon() {
        let _ = memory.advise(Advice::HugePage);
        let _ = memory.advise(Advice::PopulateWrite);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of the given kind that this process has.
    fn status(kind: &str) -> u64 {
        kilobytes(&fs::read_to_string("/proc/self/status").unwrap(), kind)
    }

    #[test]
    fn memory_is_touched_and_free_again() {
        const SIZE: u64 = 256 << 20;
        touch(SIZE as usize);
        assert!(status("VmHWM") > SIZE / 1024, "the most it had");
        assert!(status("VmRSS") < SIZE / 1024);
    }
}
