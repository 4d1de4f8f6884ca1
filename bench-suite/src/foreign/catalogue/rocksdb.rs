//! The storage engine rocksdb, filled by its own benchmark program.

use std::path::Path;

use workloads::rows::Size;

use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool};
use crate::plan::Params;

/// The engine rocksdb.
#[derive(Debug)]
pub(super) struct Rocksdb;

impl Program for Rocksdb {
    fn id(&self) -> &'static str {
        "rocksdb"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["rocksdb-tools"]
    }

    fn prepare(&self, params: Params, _folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let program = tool("db_bench", "rocksdb-tools")?.path;
        let writes: u64 = match params.size {
            Size::Check => 2_000,
            Size::Quick => 25_000,
            Size::Calibrated => 100_000,
            Size::Full => 1_000_000,
        };
        // The folder is relative to the fresh one that it runs in.
        let command = CommandLine::new(program)
            .args(["--benchmarks=fillrandom", "--seed=1", "--db=db"])
            .args([format!("--num={writes}")]);
        Ok(Plain::new(self.id(), 1, command, move |finished| {
            let line = finished.stdout.lines().find(|line| line.starts_with("fillrandom"));
            let line = line.ok_or("it does not say what it did")?;
            if !line.contains(&format!(" {writes} operations;")) {
                return Err(format!("it did not make {writes} writes: {line}"));
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            Ok(Checked::elapsed(finished, writes).with_figure(words.join(" ")))
        }))
    }
}
