//! Linux, by way of libc.

mod clock;
mod errno;
mod memory;
mod process;
mod stderr;
mod thread_exit;
mod usage;

pub(crate) use clock::{coarse_ms, now_ns, thread_ns};
pub(crate) use errno::KeptErrno;
pub(crate) use memory::*;
pub(crate) use process::*;
pub(crate) use stderr::{give_up, keep_stderr, write_to_stderr};
pub(crate) use thread_exit::{arm_thread_exit, on_thread_exit};
pub(crate) use usage::{elapsed, resident, usage};
