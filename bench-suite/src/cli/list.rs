//! `list`: what there is, what it is for, and why something is not available.

use anyhow::Result;

use super::{Setup, print_out};
use crate::catalogue;
use crate::config::{Group, Kind, Measured, Threads, Workload};
use crate::error::Outcome;
use crate::foreign;
use crate::foreign::program::Program;
use crate::workers::missing;

/// Columns that prose may take.
const PROSE_WIDTH: usize = 96;

/// Prints both lists.
pub(super) fn list(setup: &Setup) -> Result<Outcome> {
    let mut text = String::from("allocators\n");
    for allocator in &setup.config.allocators {
        let kind = match allocator.kind {
            Kind::Linked => "linked",
            Kind::Preload => "preload",
        };
        let state = match missing(allocator) {
            Some(reason) => format!("not available: {reason}"),
            None if allocator.id == setup.config.run.reference => "available, the reference".to_owned(),
            None if allocator.measured == Measured::Named => {
                "available, measured when named with -a".to_owned()
            }
            None if allocator.measured == Measured::Programs => {
                "available, measured with real programs, or when named with -a".to_owned()
            }
            None => "available".to_owned(),
        };
        text += &format!("  {:<9} {:<22} {kind:<8} {state}\n", allocator.id, allocator.label);
    }
    text += "\nworkloads\n";
    for workload in catalogue::workloads() {
        text += &described(workload);
    }
    print_out(&text)?;
    Ok(Outcome::Done)
}

/// One workload in words.
fn described(workload: &Workload) -> String {
    let group = match workload.group {
        Group::Programs => "program",
        Group::Stress | Group::Modern => "stress test",
        Group::Rust => "Rust program",
        Group::Operations => "single operation, measured when named or with -t operations",
        Group::Real => "real program",
    };
    let threads = match workload.threads {
        Threads::One => "one thread",
        Threads::Fixed => "a fixed number of threads",
        Threads::Scaled => "threads",
    };
    let mut text = format!("  {} ({group}, {threads}; {})\n", workload.id, workload.tags.join(", "));
    for prose in [&workload.about, &workload.reading] {
        text += &wrapped(prose);
    }
    let presets = match &workload.seed2019 {
        Some(seed2019) => format!("Preset current: {}; seed2019: {seed2019}.", workload.current),
        None => format!("Every preset: {}.", workload.current),
    };
    let packages = foreign::catalogue::find(&workload.id).map(Program::packages).unwrap_or_default();
    let needs = match packages {
        [] => String::new(),
        packages => format!(" Debian: {}.", packages.join(" ")),
    };
    text + &wrapped(&(presets + &needs))
}

/// `prose` in indented lines.
fn wrapped(prose: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in prose.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() >= PROSE_WIDTH {
            text += &format!("      {line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text + &format!("      {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_without_losing_words() {
        let prose = "word ".repeat(60);
        let text = wrapped(&prose);
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= PROSE_WIDTH + 6));
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
