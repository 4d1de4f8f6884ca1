//! The same free memory before each sample.
//!
//! A virtual machine may tell its host every two seconds which memory is free, and the host takes it back ("free page
//! reporting"). Memory that a process left a moment ago is still there, and a huge page of it is made in a tenth of a
//! millisecond; one that the host has to find again takes fifty times as long. The host takes places of whole huge pages only,
//! but small pages are cut from such places too, and what is left of one is without memory until somebody touches it: some
//! small pages take twenty times as long as others. So a sample would depend on the samples before it: what allocators they
//! had, and how long ago they ended. On such a machine the harness touches some memory in pages of both kinds and frees it before
//! each sample. Each finds that much then, as it would where no host takes any.

use std::path::{Path, PathBuf};
use std::{fs, io};

use memmap2::{Advice, MmapOptions};
use workloads::rows::Size;

use crate::fingerprint::{kilobytes, reports_free_pages};

/// What is touched in small pages. It comes from the same remains as those of the sample, which need no more under most allocators.
const SMALL: u64 = 128 << 20;
/// The least size of a page on any machine.
const SMALL_PAGE: usize = 4096;
/// No more than this share of what is available.
const SHARE: u64 = 4;

/// What is touched in huge pages: more than the largest row needs at this size, under any allocator.
fn in_huge_pages(size: Size) -> u64 {
    match size {
        Size::Check | Size::Quick => 512 << 20,
        Size::Calibrated | Size::Full => 1 << 30,
    }
}

/// Sees to it before a sample of this size, where it is necessary. Where it does not work, samples are what they would be without.
pub(crate) fn level(size: Size) {
    if !reports_free_pages() {
        return;
    }
    let most = available() / SHARE;
    // Small pages last, so that what is cut for them was touched in any case.
    for (wanted, pages) in [(in_huge_pages(size), Advice::HugePage), (SMALL, Advice::NoHugePage)] {
        if let Ok(size) = usize::try_from(wanted.min(most)) {
            let _ = touch(size, pages);
        }
    }
}

/// Bytes of memory that this process may still have, in the machine and in its control groups.
fn available() -> u64 {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let in_machine = kilobytes(&text("/proc/meminfo"), "MemAvailable") * 1024;
    in_groups(&text("/proc/self/cgroup"), Path::new("/sys/fs/cgroup")).min(in_machine)
}

/// The same in the control groups that `own` names, which are mounted at `mount`.
fn in_groups(own: &str, mount: &Path) -> u64 {
    let lines = own.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let groups = lines.flat_map(|(controllers, path)| {
        let (folder, limit, current) = match controllers {
            "" => ("", "memory.max", "memory.current"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => return Vec::new(),
        };
        // In a container, the group may be mounted as the root, and not be found at its path.
        let groups = Path::new(path).ancestors().map(|group| group.strip_prefix("/").unwrap_or(group));
        let groups = groups.map(|group| mount.join(folder).join(group));
        groups.map(|group| (group.join(limit), group.join(current))).collect()
    });
    let bytes = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    // Without a limit the first is the word "max", or more than there can be.
    let left = groups.filter_map(|(limit, current)| Some(bytes(limit)?.saturating_sub(bytes(current)?)));
    left.min().unwrap_or(u64::MAX)
}

/// Has `size` bytes of memory for a moment, in such `pages`.
fn touch(size: usize, pages: Advice) -> io::Result<()> {
    let mut memory = MmapOptions::new().len(size).no_reserve_swap().map_anon()?;
    // Where there is one kind only, it is that.
    let _ = memory.advise(pages);
    let populated = memory.advise(Advice::PopulateWrite);
    written_instead(populated, &mut memory)
}

/// Writes to `memory` if it was not `populated` because Linux before 5.14 cannot do that.
fn written_instead(populated: io::Result<()>, memory: &mut [u8]) -> io::Result<()> {
    match populated {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            memory.iter_mut().step_by(SMALL_PAGE).for_each(|byte| *byte = 1);
            Ok(())
        }
        done => done,
    }
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

    #[test]
    fn memory_that_cannot_be_populated_is_written() {
        let populated = |error| Err(io::Error::from(error));
        let mut memory = [0; 2 * SMALL_PAGE + 1];
        written_instead(populated(rustix::io::Errno::INVAL), &mut memory).unwrap();
        assert!(memory.iter().step_by(SMALL_PAGE).all(|&byte| byte == 1));
        memory.fill(0);
        written_instead(Ok(()), &mut memory).unwrap();
        written_instead(populated(rustix::io::Errno::NOMEM), &mut memory).unwrap_err();
        assert!(memory.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn the_tightest_control_group_counts() {
        let folder = tempfile::tempdir().unwrap();
        let group = |path: &str, files: [(&str, &str); 2]| {
            let path = folder.path().join(path);
            fs::create_dir_all(&path).unwrap();
            let _ = files.map(|(name, text)| fs::write(path.join(name), text).unwrap());
        };
        let now = ["memory.max", "memory.current"];
        group("a/b", [(now[0], "max\n"), (now[1], "50\n")]);
        group("a", [(now[0], "1000\n"), (now[1], "400\n")]);
        let before = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
        group("memory/c", [(before[0], "900\n"), (before[1], "700\n")]);
        group("memory", [(before[0], "9223372036854771712\n"), (before[1], "800\n")]);
        let left = |own: &str| in_groups(own, folder.path());
        assert_eq!(left("0::/a/b\n"), 600, "that of the group above");
        assert_eq!(left("5:cpuset:/c\n4:memory:/c\n0::/\n"), 200);
        assert_eq!(left("4:cpu,memory:/elsewhere\n"), 9_223_372_036_854_771_712 - 800);
        assert_eq!(left("0::/\n"), u64::MAX);
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
