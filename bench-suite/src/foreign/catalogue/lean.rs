//! The theorem prover lean, in the version that had its library in itself, compiling that library.

use std::path::Path;

use workloads::rows::Size;

use crate::foreign::catalogue::{ask, copy_below, files_below};
use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool};
use crate::plan::Params;
use crate::status::Status;

/// The suite starts no more threads than these.
const MOST_THREADS: usize = 8;

/// The prover lean.
#[derive(Debug)]
pub(super) struct Lean;

impl Program for Lean {
    fn id(&self) -> &'static str {
        "lean"
    }

    fn packages(&self) -> &'static [&'static str] {
        &[]
    }

    fn prepare(&self, params: Params, _folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let absent = |reason: &str| Unready {
            status: Status::NotInstalled,
            reason: format!(
                "{reason}; no package has lean 3, put a build of it on PATH, or see the row rustc"
            ),
        };
        let program = tool("lean", "").map_err(|_| absent("lean not found"))?.path;
        let version = ask(&CommandLine::new(&program).args(["--version"]))?;
        if !version.contains("version 3.") {
            return Err(absent(&format!("this is not lean 3: {version}")));
        }
        let program = program.canonicalize().map_err(|error| absent(&format!("lean is gone: {error}")))?;
        let library = program.parent().and_then(Path::parent).map(|root| root.join("lib/lean/library"));
        let library =
            library.filter(|library| library.is_dir()).ok_or_else(|| absent("lean has no library"))?;
        // What `--make` is asked for; it also makes all that this depends on.
        let goals: &'static [&str] = match params.size {
            Size::Check => &["init/logic.lean"],
            Size::Quick => &["init/core.lean", "init/data/nat/basic.lean"],
            Size::Calibrated => &["init/default.lean"],
            Size::Full => &[],
        };
        let threads = params.threads.min(MOST_THREADS);
        let command = CommandLine::new(program)
            .args(["--make", "-j", &threads.to_string()])
            .args(goals)
            // The folder that the library is copied to.
            .env("LEAN_PATH", ".");
        let task = Plain::new(self.id(), threads, command, move |finished| {
            let made =
                files_below(finished.work, "olean").map_err(|error| format!("no output: {error}"))?.len();
            let is_missing = |goal: &&&str| !finished.work.join(goal).with_extension("olean").is_file();
            if let Some(goal) = goals.iter().find(is_missing) {
                return Err(format!("it did not make {goal}"));
            }
            if made == 0 {
                return Err("it made nothing".to_owned());
            }
            Ok(Checked::elapsed(finished, made as u64))
        });
        Ok(task.with(move |work, _| copy_below(&library, work, "lean", |_| true).map(drop)))
    }
}
