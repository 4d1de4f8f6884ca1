//! One run from its first folder to its last file: make ready, walk the plan,
//! digest, write. Starting and resuming differ only in how they begin.

mod ready;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use self::ready::Launches;
use crate::again::Again;
use crate::cancel::Cancel;
use crate::conclusion::{Digests, write};
use crate::config::Allocator;
use crate::curve::{self, Curve, Pass};
use crate::exec::Executor;
use crate::files::{SCHEMA_VERSION, utc_now};
use crate::fingerprint::{Commit, Machine, Toolchain};
use crate::foreign::adhoc::environment_hash;
use crate::foreign::executor::executor;
use crate::journal::{self, Journal};
use crate::jsonl::Appender;
use crate::plan::{OwnCommand, Plan};
use crate::progress::Progress;
use crate::record::{Afterwards, Part, RunRecord};
use crate::results::{Results, RunFolder};
use crate::session::{End, walk};
use crate::tell::tell;
use crate::workers::{self, Source};

/// What a run needs to know besides its plan.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Where runs are kept.
    pub results: Results,
    /// The workspace, if its sources are there.
    pub root: Option<PathBuf>,
    /// Requested when the user wants to stop.
    pub cancel: Cancel,
    /// Show no progress.
    pub quiet: bool,
    /// What the user wants after the passes.
    pub afterwards: Afterwards,
}

/// How a run ended.
#[derive(Debug)]
pub enum Finish {
    /// Everything that can run did.
    Complete(RunFolder, Digests),
    /// The user stopped it; it can be resumed if there is a folder.
    Interrupted(Option<RunFolder>),
}

/// A plan, and the allocators it needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is to be done.
    pub plan: Plan,
    /// Who is compared.
    pub allocators: Vec<Allocator>,
}

/// Starts a new run of `main`, and of `programs` after it.
pub fn start(
    main: Wanted,
    programs: Option<Wanted>,
    source: &Source,
    out: Option<PathBuf>,
    surroundings: &Surroundings,
) -> Result<Finish> {
    let root = surroundings.root.as_deref();
    let commit = Commit::read(root);
    let folder = surroundings.results.create(out.as_deref(), &commit)?;
    let wanted = std::iter::once(main).chain(programs).collect();
    let Some(parts) = ready::prepare(wanted, source, &folder, surroundings)? else {
        return Ok(Finish::Interrupted(None));
    };
    let (parts, launches): (Vec<Part>, Vec<Launches>) = parts.into_iter().unzip();
    let mut parts = parts.into_iter();
    let main = parts.next().context("a run has a plan")?;
    let record = RunRecord {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: folder.name(),
        started_utc: utc_now(),
        finished_utc: None,
        commit,
        plan: main.plan,
        machine: Machine::read(),
        toolchain: Toolchain::read(root),
        allocators: main.allocators,
        programs: parts.next(),
        afterwards: surroundings.afterwards,
        workers_from_folder: matches!(source, Source::Folder(_)),
    };
    record.store(folder.path())?;
    drive(folder, record, &launches, surroundings)
}

/// Goes on with an unfinished run. After the passes it does what it was begun with, or less if that is wanted now.
pub fn resume(folder: RunFolder, record: RunRecord, surroundings: &Surroundings) -> Result<Finish> {
    if let Some(difference) = record.machine.difference(&Machine::read()) {
        bail!("cannot resume {}: {difference}; start a new run", record.run_id);
    }
    let parts = record.parts();
    for command in parts.iter().filter_map(|part| part.plan.command.as_ref()) {
        refuse_changed(command)?;
    }
    for part in &parts {
        ready::refuse_missing_reference(&part.plan, &part.allocators)?;
    }
    let launches = parts.iter().map(|part| workers::relaunch(&part.allocators, &folder.workers()));
    let launches = launches.collect::<Result<Vec<_>>>()?;
    let afterwards = surroundings.afterwards.and(record.afterwards);
    drive(folder, record, &launches, &Surroundings { afterwards, ..surroundings.clone() })
}

/// Fails if the user's program is not the one that the run began with. Of the variables it gets, some differ from one login to the
/// next.
fn refuse_changed(command: &OwnCommand) -> Result<()> {
    if let (Some(program), Some(expected)) = (command.words.first(), &command.program_hash) {
        let found = workers::hash(Path::new(program))?;
        ensure!(found == *expected, "cannot resume: {program} has changed; start a new run");
    }
    if command.environment_hash.as_ref().is_some_and(|expected| *expected != environment_hash()) {
        tell(
            "warning: environment variables are not what they were when the run began; if the program depends on them, \
             start a new run",
        );
    }
    Ok(())
}

fn drive(
    folder: RunFolder,
    mut record: RunRecord,
    launches: &[Launches],
    surroundings: &Surroundings,
) -> Result<Finish> {
    // Opened first: what another process is just writing would look like a torn line.
    let mut journal = Journal::open(folder.path(), folder.logs())?;
    let done = journal::load_and_mend(folder.path())?;
    note(surroundings, &format!("machine: {}", record.machine.line()));
    let parts = record.parts();
    // What is made ready and proven of programs once serves for all that follows.
    let executors = parts.iter().map(|part| executor(&part.plan, &surroundings.cancel));
    let mut executors = executors.collect::<Result<Vec<_>>>()?;
    for ((part, launches), executor) in parts.iter().zip(launches).zip(&mut executors) {
        let plan = &part.plan;
        let mut progress = Progress::new(surroundings.quiet);
        let again = &mut Again::if_stolen();
        let walked = walk(plan, launches, &done, &mut **executor, again, &mut journal, &mut |step| {
            progress.show(step, plan.passes)
        });
        progress.finish();
        if walked? == End::Interrupted {
            return Ok(Finish::Interrupted(Some(folder)));
        }
    }
    if surroundings.afterwards.curves
        && take_curves(&folder, &parts, launches, &mut executors, surroundings)? == End::Interrupted
    {
        return Ok(Finish::Interrupted(Some(folder)));
    }
    let results = &surroundings.results;
    record.finished_utc = Some(utc_now());
    record.store(folder.path()).with_context(|| {
        let command = results.command("run --resume", &folder);
        format!("everything is measured; make room and go on with: {command}")
    })?;
    let written = results
        .note_latest(&folder)
        .and_then(|()| journal::load(folder.path()))
        .and_then(|samples| write(&folder, &record, samples, surroundings.afterwards.report));
    let digests = written.with_context(|| {
        let command = results.command("report", &folder);
        format!("everything is measured; make room and write the report with: {command}")
    })?;
    if !digests.any_failed() {
        // Failed cells can only be looked into with the binaries they failed with.
        folder.remove_workers()?;
    }
    Ok(Finish::Complete(folder, digests))
}

/// Runs every cell once more to see its memory over time.
fn take_curves(
    folder: &RunFolder,
    parts: &[RunRecord],
    launches: &[Launches],
    executors: &mut [Box<dyn Executor>],
    surroundings: &Surroundings,
) -> Result<End> {
    let samples = journal::load(folder.path())?;
    let done = curve::load_and_mend(folder.path())?;
    let mut file = Appender::open(folder.path().join(curve::FILE))?;
    let logs = folder.logs();
    let mut keep = |curve: &Curve, explanation: Option<&str>| {
        if let Some(text) = explanation {
            let path = curve::log(curve, &logs);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        file.append(curve)
    };
    for ((part, launches), executor) in parts.iter().zip(launches).zip(executors) {
        let pass = Pass { plan: &part.plan, launches, samples: &samples, done: &done };
        let mut progress = Progress::new(surroundings.quiet);
        let taken = pass.take(&mut **executor, &mut keep, &mut |step| {
            progress.show_pass("memory", step);
        });
        progress.finish();
        if taken? == End::Interrupted {
            return Ok(End::Interrupted);
        }
    }
    Ok(End::Complete)
}

fn note(surroundings: &Surroundings, line: &str) {
    if !surroundings.quiet {
        tell(line);
    }
}
