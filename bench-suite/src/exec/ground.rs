//! The same free memory before each sample.
//!
//! A virtual machine may tell its host every two seconds which memory is free, and the host takes it back ("free page
//! reporting"). Memory that a process left a moment ago is still there, and a huge page of it is made in a tenth of a
//! millisecond; one that the host has to find again takes fifty times as long. The host takes places of whole huge pages only,
//! but small pages are cut from such places too, and what is left of one is without memory until somebody touches it: some
//! small pages take twenty times as long as others. So a sample would depend on the samples before it: what allocators they
//! had, and how long ago they ended. On such a machine the harness touches some memory in pages of both kinds and frees it before
//! each sample. Each finds that much then, as it would where no host takes any.

use std::{fs, io};

use memmap2::{Advice, MmapOptions};

use crate::fingerprint::{kilobytes, reports_free_pages};

/// What is touched in huge pages: more than the largest row needs, under any allocator.
const HUGE: u64 = 1 << 30;
/// What is touched in small pages. It comes from the same remains as those of the sample, which need no more under most allocators.
const SMALL: u64 = 128 << 20;
/// No more than this share of what is available.
const SHARE: u64 = 4;

/// Sees to it, where it is necessary. Where it does not work, samples are what they would be without.
pub(crate) fn level() {
    if !reports_free_pages() {
        return;
    }
    let most = available() / SHARE;
    // Small pages last, so that what is cut for them was touched in any case.
    for (wanted, pages) in [(HUGE, Advice::HugePage), (SMALL, Advice::NoHugePage)] {
        if let Ok(size) = usize::try_from(wanted.min(most)) {
            let _ = touch(size, pages);
        }
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

/// Has `size` bytes of memory for a moment, in such `pages`.
fn touch(size: usize, pages: Advice) -> io::Result<()> {
    let memory = MmapOptions::new().len(size).no_reserve_swap().map_anon()?;
    // Where there is one kind only, it is that.
    let _ = memory.advise(pages);
    memory.advise(Advice::PopulateWrite)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    /// Set where a test has a process of its own.
    const ALONE: &str = "BENCH_SUITE_TEST_ALONE";

    /// Kilobytes of the given kind that this process has.
    fn status(kind: &str) -> u64 {
        kilobytes(&fs::read_to_string("/proc/self/status").unwrap(), kind)
    }

    #[test]
    fn memory_is_touched_and_free_again() {
        const SIZE: u64 = 256 << 20;
        // Other tests have memory of their own in this process.
        if env::var_os(ALONE).is_none() {
            return pass_alone("memory_is_touched_and_free_again");
        }
        for (times, pages) in [(1, Advice::NoHugePage), (2, Advice::HugePage)] {
            touch((times * SIZE) as usize, pages).unwrap();
            assert!(status("VmHWM") > times * SIZE / 1024, "the most it had");
            assert!(status("VmRSS") < SIZE / 1024);
        }
    }

    /// Runs a test of this module in a process where there is no other.
    fn pass_alone(test: &str) {
        let (_crate, module) = module_path!().split_once("::").unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        let done = command.args(["--exact", &format!("{module}::{test}")]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }
}
