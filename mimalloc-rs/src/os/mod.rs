//! The only place that speaks to the operating system.
//!
//! One folder per system; each offers the same functions:
//!
//! * `reserve`: address space that is inaccessible, in no core dump, and charged to nobody;
//! * `reserve_at`: the same at a place that may be free;
//! * `next_place`: where it would be;
//! * `reserve_large`: memory of large pages, which exist from the start and can be touched;
//! * `commit`: makes reserved space accessible; it is zero then;
//! * `charges_untouched`: whether accessible memory is charged before it is touched;
//! * `populate`: saves the page faults of a range that is about to be used;
//! * `allow_huge_pages`, `forbid_huge_pages`: whether a range, or the process, may have them;
//! * `purge`: gives the memory behind a range back; it reads as zero afterwards;
//! * `offer`: lets the system take it when it needs some;
//! * `install_guard`, `remove_guard`: has accesses to a range fail, where the system has a cheap way;
//! * `protect`: the same where it has none; `commit` undoes it;
//! * `random`: a number nobody can guess;
//! * `release`: ends a reservation, or a part of it;
//! * `coarse_ms`, `now_ns`: a clock, read cheaply and exactly;
//! * `thread_ns`: how long the thread has run;
//! * `yield_now`: lets another thread run;
//! * `has_more_rights_than_user`: whether who started the process is not to be trusted;
//! * `process_id`, `thread_id`: tell the child of a fork from its parent, and threads apart;
//! * `usage`, `resident`, `elapsed`: what the process has used;
//! * `on_thread_exit`, `arm_thread_exit`: a hook;
//! * `KeptErrno`: what is called when memory is allocated or freed leaves `errno` alone;
//! * `write_to_stderr`, `keep_stderr`, `give_up`: messages, without allocating;
//! * `abort`: the end.

use core::time::Duration;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
compile_error!("mimalloc-rs supports Linux; other systems need a folder in src/os");

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// In bytes.
    pub(crate) peak_rss: usize,
    /// Those for which something was read from disk.
    pub(crate) page_faults: u64,
}

/// Which pages [`reserve_large`] takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LargePages {
    /// The size the system prefers.
    Default,
    /// Of 1 GiB, from this NUMA node if one is given.
    Huge { node: Option<u32> },
}
