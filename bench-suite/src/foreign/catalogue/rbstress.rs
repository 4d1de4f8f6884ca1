//! The interpreter of Ruby, making strings that are dropped and strings that stay.

use std::path::Path;

use workloads::rows::Size;

use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool, write_input};
use crate::plan::Params;

const SCRIPT: &str = include_str!("rbstress.rb");

/// The interpreter of Ruby, on one thread or on as many as the run has.
#[derive(Debug)]
pub(super) struct RbStress {
    pub(super) scaled: bool,
}

impl Program for RbStress {
    fn id(&self) -> &'static str {
        if self.scaled { "rbstressN" } else { "rbstress1" }
    }

    fn packages(&self) -> &'static [&'static str] {
        &["ruby"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let program = tool("ruby", "ruby")?.path;
        let threads = if self.scaled { params.threads } else { 1 };
        let dropped: usize = match params.size {
            Size::Check => 20_000,
            Size::Quick => 250_000,
            Size::Calibrated => 1_200_000,
            Size::Full => 12_000_000,
        };
        let kept = dropped / 20;
        let script = folder.join("rbstress.rb");
        write_input(&script, SCRIPT)?;
        let command = CommandLine::new(program)
            .args([script])
            .args([threads, dropped, kept].map(|number| number.to_string()));
        Ok(Plain::new(self.id(), threads, command, move |finished| {
            let kept = kept / threads * threads;
            if finished.stdout.lines().next() != Some(&*format!("kept {kept}")) {
                return Err(format!("it says '{}', not 'kept {kept}'", finished.stdout.trim()));
            }
            let operations = (dropped + kept) as u64;
            Ok(Checked::elapsed(finished, operations).with_digest_of(finished.stdout.as_bytes()))
        }))
    }
}
