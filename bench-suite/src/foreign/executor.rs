//! Which executor a plan needs, and that of programs: each is prepared when it is first asked for, and proven once
//! under each allocator before anything is measured.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::adhoc::AdHoc;
use super::catalogue;
use super::launch::{Preload, Stage, Terms};
use super::program::{Task, Unready};
use crate::cancel::Cancel;
use crate::config::Field;
use crate::exec::preload::Links;
use crate::exec::{Execution, Executor, Job, Observer, RealExecutor, ground};
use crate::plan::{Params, Plan};
use crate::status::Status;
use crate::temporary;

/// What runs the cells of a plan.
///
/// # Errors
/// The plan's own command cannot be run any more, or there is no place for programs.
pub fn executor(plan: &Plan, cancel: &Cancel) -> Result<Box<dyn Executor>> {
    Ok(match plan.field {
        Field::Workers => Box::new(RealExecutor::new(cancel.clone())),
        Field::Programs => {
            let name = plan.workloads.first().map_or("", String::as_str);
            let own = plan.command.as_ref().map(|command| AdHoc::of_user(name, command)).transpose()?;
            Box::new(ProgramExecutor::new(cancel.clone(), own)?)
        }
    })
}

/// A folder in `parent` by its path without links, as programs know it that ask the system where they are.
fn folder_in(parent: &Path) -> Result<TempDir> {
    temporary::create_in(parent, |parent| {
        tempfile::Builder::new().prefix("bench-suite-programs-").tempdir_in(parent.canonicalize()?)
    })
}

/// Why a cell cannot be measured.
type Failure = (Status, String);

/// Runs programs of the system, or the user's own.
#[derive(Debug)]
pub struct ProgramExecutor {
    cancel: Cancel,
    folder: TempDir,
    links: Links,
    own: Option<AdHoc>,
    tasks: BTreeMap<String, Result<Box<dyn Task>, Unready>>,
    proofs: BTreeMap<(String, String), Result<String, Failure>>,
}

impl ProgramExecutor {
    /// An executor of the catalogue and of `own`, which stops when `cancel` says so.
    ///
    /// # Errors
    /// There is no place for the programs' files.
    pub fn new(cancel: Cancel, own: Option<AdHoc>) -> Result<Self> {
        Ok(Self {
            cancel,
            folder: folder_in(&env::temp_dir())?,
            links: Links::default(),
            own,
            tasks: BTreeMap::new(),
            proofs: BTreeMap::new(),
        })
    }

    /// Makes the program ready if it is asked for the first time.
    fn prepare(&mut self, row: &str, params: Params) -> Result<()> {
        if self.tasks.contains_key(row) {
            return Ok(());
        }
        let task: Result<Box<dyn Task>, Unready> = match (&self.own, catalogue::find(row)) {
            (Some(own), _) if own.row() == row => Ok(Box::new(own.clone())),
            (_, Some(program)) => program.prepare(params, &self.inputs(row)?),
            (_, None) => Err(Unready::failed(format!("there is no program '{row}'"))),
        };
        self.tasks.insert(row.to_owned(), task);
        Ok(())
    }

    fn inputs(&self, row: &str) -> Result<PathBuf> {
        let inputs = self.folder.path().join(row);
        std::fs::create_dir(&inputs).with_context(|| format!("cannot create {}", inputs.display()))?;
        Ok(inputs)
    }
}

impl Executor for ProgramExecutor {
    fn execute(&mut self, job: &Job<'_>) -> Result<Option<Execution>> {
        self.run(job, None)
    }

    fn observe(&mut self, job: &Job<'_>, observer: &mut dyn Observer) -> Result<Option<Execution>> {
        self.run(job, Some(observer))
    }
}

impl ProgramExecutor {
    fn run(&mut self, job: &Job<'_>, observer: Option<&mut dyn Observer>) -> Result<Option<Execution>> {
        if self.cancel.requested() {
            return Ok(None);
        }
        self.prepare(job.row, job.params)?;
        // Ctrl-C also ends what was asked to prepare the program, and that says nothing about the program.
        if self.cancel.requested() {
            return Ok(None);
        }
        let task = match &self.tasks[job.row] {
            Ok(task) => &**task,
            Err(Unready { status, reason }) => {
                return Ok(Some(Execution::not_run(status.clone(), reason.clone())));
            }
        };
        let library = job.launch.preload.as_deref().context("an allocator for programs has a library")?;
        let library = library.canonicalize().with_context(|| format!("cannot find {}", library.display()))?;
        let path = self.links.path(&library)?;
        let preload = Preload { allocator: job.launch.allocator.clone(), library, path };
        let stage =
            Stage { launcher: &job.launch.program, scratch: self.folder.path(), cancel: &self.cancel };
        let terms = Terms { limit: job.timeout, env_pad_bytes: job.env_pad_bytes };
        let cell = (job.row.to_owned(), preload.allocator.clone());
        if !self.proofs.contains_key(&cell) {
            // The loader writes a line for everything it binds, which takes its time.
            let patient = Terms { limit: terms.limit.saturating_add(Duration::from_secs(60)), ..terms };
            let Some(proof) = stage.prove(task, &preload, patient)? else { return Ok(None) };
            self.proofs.insert(cell.clone(), proof);
        }
        if job.params.levelled {
            ground::level(job.params.size);
        }
        match &self.proofs[&cell] {
            Ok(proof) => match observer {
                None => stage.execute(task, &preload, terms, proof),
                Some(observer) => stage.observe(task, &preload, terms, proof, observer),
            },
            Err((status, reason)) => Ok(Some(Execution::not_run(status.clone(), reason.clone()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folder_has_no_link_in_its_path() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        symlink(place.path(), &link).unwrap();
        let folder = folder_in(&link).unwrap();
        assert_eq!(folder.path(), folder.path().canonicalize().unwrap());
    }
}
