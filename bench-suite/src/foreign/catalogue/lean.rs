//! The theorem prover lean, in the version that had its library in itself, compiling that library.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use workloads::rows::Size;

use crate::foreign::catalogue::{ask, files_below};
use crate::foreign::program::{Checked, CommandLine, Finished, Program, Start, Task, Unready, tool};
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
            reason: format!("{reason}; no package has lean 3, put a build of it on PATH, or see the row rustc"),
        };
        let program = tool("lean", "").map_err(|_| absent("lean not found"))?.path;
        let version = ask(&CommandLine::new(&program).args(["--version"]))?;
        if !version.contains("version 3.") {
            return Err(absent(&format!("this is not lean 3: {version}")));
        }
        let program = program.canonicalize().map_err(|error| absent(&format!("lean is gone: {error}")))?;
        let library = program.parent().and_then(Path::parent).map(|root| root.join("lib/lean/library"));
        let library = library.filter(|library| library.is_dir()).ok_or_else(|| absent("lean has no library"))?;
        // What `--make` is asked for; it also makes all that this depends on.
        let goals: &[&str] = match params.size {
            Size::Check => &["init/logic.lean"],
            Size::Quick => &["init/core.lean", "init/data/nat/basic.lean"],
            Size::Calibrated => &["init/data"],
            Size::Full => &[],
        };
        let threads = params.threads.min(MOST_THREADS);
        Ok(Box::new(Library { program, library, goals, threads }))
    }
}

#[derive(Debug)]
struct Library {
    program: PathBuf,
    library: PathBuf,
    goals: &'static [&'static str],
    threads: usize,
}

impl Task for Library {
    fn row(&self) -> &str {
        Lean.id()
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn start(&self, work: &Path) -> Result<Start, String> {
        copy_sources(&self.library, work)
            .map_err(|error| format!("cannot copy {}: {error}", self.library.display()))?;
        let jobs = self.threads.to_string();
        let command = CommandLine::new(&self.program).args(["--make", "-j", &jobs]).args(self.goals);
        Ok(command.env("LEAN_PATH", work).into())
    }

    fn judge(&self, finished: &Finished<'_>) -> Result<Checked, String> {
        let made = files_below(finished.work, "olean").map_err(|error| format!("no output: {error}"))?;
        let goals = self.goals.iter().filter(|goal| goal.ends_with(".lean"));
        if let Some(goal) = goals.into_iter().find(|goal| !finished.work.join(goal).with_extension("olean").exists())
        {
            return Err(format!("it did not make {goal}"));
        }
        if made.is_empty() {
            return Err("it made nothing".to_owned());
        }
        Ok(Checked::elapsed(finished, made.len() as u64))
    }
}

/// Copies what is not made by lean itself.
fn copy_sources(library: &Path, work: &Path) -> io::Result<()> {
    for source in files_below(library, "lean")? {
        let copy = work.join(source.strip_prefix(library).expect("it was found below the library"));
        fs::create_dir_all(copy.parent().expect("it is below the folder"))?;
        fs::copy(&source, copy)?;
    }
    Ok(())
}
