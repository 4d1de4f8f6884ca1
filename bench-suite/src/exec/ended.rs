//! Why a process ended as it did, as far as its end tells by itself.

use std::time::Duration;

use rustix::process::Signal;

use crate::status::Status;

/// That it took longer than `limit`.
pub(crate) fn too_slow(limit: Duration) -> (Status, String) {
    let limit = humantime::format_duration(limit);
    (Status::Timeout, format!("not finished after {limit}; allow more with --timeout"))
}

/// That it got `signal`; a kill is for lack of memory if the kernel killed something for that meanwhile.
pub(crate) fn signalled(signal: i32, kernel_oom: bool) -> Status {
    if kernel_oom && signal == Signal::KILL.as_raw() { Status::Oom } else { Status::from_signal(signal) }
}

/// The last line that it wrote, as the reason of its end; preferably to the first of `outputs` that has one.
pub(crate) fn last_words<'o>(outputs: &[&'o str]) -> &'o str {
    let last = |output: &&'o str| output.lines().rev().find(|line| !line.trim().is_empty());
    outputs.iter().find_map(last).unwrap_or("no message")
}
