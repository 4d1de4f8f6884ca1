//! What a measured process may know about its surroundings.

use std::env;
use std::fmt::Write as _;
use std::process::Command;

/// Everything else is dropped, above all what configures an allocator and what `cargo run` adds.
const ALLOWED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// Holds the padding that varies where the stack of the process starts.
const PAD: &str = "BENCH_SUITE_PAD";
/// TCMalloc has a cache for each core if the system tells it when a thread was moved, and glibc claims that for itself unless it
/// is told not to, as TCMalloc's documentation asks. Everyone is given it; no other allocator of the suite uses either.
const CORE_CACHES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.pthread.rseq=0");

/// Gives `command` the short list of variables, what one of the allocators needs, and `pad_bytes` of padding.
pub(crate) fn isolate(command: &mut Command, pad_bytes: usize) {
    command
        .env_clear()
        .envs(ALLOWED.iter().filter_map(|name| env::var_os(name).map(|value| (name, value))))
        .env(CORE_CACHES.0, CORE_CACHES.1)
        .env(PAD, "x".repeat(pad_bytes));
}

/// What a shell is told to give a command the same; the command follows.
pub(crate) fn isolated_in_shell(pad_bytes: usize) -> String {
    let mut line = "env -i".to_owned();
    for name in ALLOWED {
        let _ = write!(line, r#" ${{{name}+"{name}=${name}"}}"#);
    }
    let (name, value) = CORE_CACHES;
    let _ = write!(line, r#" {name}={value} {PAD}="$(printf %{pad_bytes}s | tr ' ' x)""#);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pad_is_as_long_as_asked_for() {
        for bytes in [0, 16, 4096] {
            let mut command = Command::new("true");
            isolate(&mut command, bytes);
            let pad = command.get_envs().find(|(name, _)| *name == PAD).and_then(|(_, value)| value);
            assert_eq!(pad.map(|pad| pad.len()), Some(bytes));
        }
    }
}
