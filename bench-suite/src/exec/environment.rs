//! What a measured process may know about its surroundings.

use std::env;
use std::process::Command;

/// Everything else is dropped, above all what configures an allocator and what `cargo run` adds.
const ALLOWED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Holds the padding that varies where the stack of the process starts.
const PAD: &str = "BENCH_SUITE_PAD";

/// Gives `command` the short list of variables, and `pad_bytes` of padding.
pub(crate) fn isolate(command: &mut Command, pad_bytes: usize) {
    command
        .env_clear()
        .envs(ALLOWED.iter().filter_map(|name| env::var_os(name).map(|value| (name, value))))
        .env(PAD, "x".repeat(pad_bytes));
}
