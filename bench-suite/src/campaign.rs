//! One run from its first folder to its last file: prepare workers, walk the plan,
//! digest, write. Starting and resuming differ only in how they begin.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::config::Allocator;
use crate::curve;
use crate::digest::{Digest, digest};
use crate::exec::{Cancel, RealExecutor};
use crate::fingerprint::{Commit, Machine, Toolchain};
use crate::journal::{self, Journal};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::record::{RunRecord, SCHEMA_VERSION, utc_now};
use crate::results::{Results, RunFolder};
use crate::session::{End, walk};
use crate::workers::{self, Launch, Source};
use crate::{export, report};

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
    /// Draw charts and write the report at the end.
    pub with_report: bool,
}

/// How a run ended.
#[derive(Debug)]
pub enum Finish {
    /// Everything that can run did.
    Complete(RunFolder, Box<Digest>),
    /// The user stopped it; it can be resumed if there is a folder.
    Interrupted(Option<RunFolder>),
}

/// Starts a new run.
pub fn start(
    plan: Plan,
    allocators: &[Allocator],
    source: &Source,
    out: Option<PathBuf>,
    surroundings: &Surroundings,
) -> Result<Finish> {
    let root = surroundings.root.as_deref();
    let commit = Commit::read(root);
    let folder = surroundings.results.create(out.as_deref(), &commit)?;
    let mut say = |line: &str| note(surroundings, line);
    let cancel = &surroundings.cancel;
    let prepared = workers::prepare(allocators, source, &folder.workers(), &folder.logs(), cancel, &mut say);
    if prepared.is_err() || cancel.requested() {
        folder.discard();
        return prepared.map(|_| Finish::Interrupted(None));
    }
    let mut launches = BTreeMap::new();
    let mut records = Vec::new();
    for prepared in prepared? {
        if let Some(launch) = prepared.launch {
            launches.insert(launch.allocator.clone(), launch);
        }
        records.push(prepared.record);
    }
    let record = RunRecord {
        schema_version: SCHEMA_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: folder.name(),
        started_utc: utc_now(),
        finished_utc: None,
        commit,
        plan,
        machine: Machine::read(),
        toolchain: Toolchain::read(root),
        allocators: records,
    };
    record.store(folder.path())?;
    drive(folder, record, &launches, surroundings)
}

/// Goes on with an unfinished run.
pub fn resume(folder: RunFolder, record: RunRecord, surroundings: &Surroundings) -> Result<Finish> {
    if let Some(difference) = record.machine.difference(&Machine::read()) {
        bail!("cannot resume {}: {difference}; start a new run", record.run_id);
    }
    let launches = workers::relaunch(&record.allocators, &folder.workers())?;
    drive(folder, record, &launches, surroundings)
}

/// Writes everything that is made from the samples of the run in `folder`.
pub fn rewrite(folder: &RunFolder, record: &RunRecord, with_report: bool) -> Result<Digest> {
    let digest = digest(record, journal::load(folder.path())?);
    export::write_all(&digest, folder.path())?;
    if with_report && digest.has_figures() {
        report::write_all(&digest.summary, &curve::load(folder.path())?, folder.path())
            .context("cannot draw the charts")?;
    }
    Ok(digest)
}

fn drive(
    folder: RunFolder,
    mut record: RunRecord,
    launches: &BTreeMap<String, Launch>,
    surroundings: &Surroundings,
) -> Result<Finish> {
    let done = journal::load_and_mend(folder.path())?;
    let mut journal = Journal::open(folder.path(), folder.logs())?;
    let mut executor = RealExecutor::new(surroundings.cancel.clone());
    let mut progress = Progress::new(surroundings.quiet);
    note(surroundings, &format!("machine: {}", record.machine.line()));
    let plan = &record.plan;
    let walked = walk(plan, launches, &done, &mut executor, &mut journal, &mut |step| {
        progress.show(step, plan.passes)
    });
    progress.finish();
    if walked? == End::Interrupted {
        return Ok(Finish::Interrupted(Some(folder)));
    }
    record.finished_utc = Some(utc_now());
    record.store(folder.path())?;
    surroundings.results.note_latest(&folder)?;
    let digest = rewrite(&folder, &record, surroundings.with_report)?;
    if digest.failures.is_empty() {
        // Failed cells can only be looked into with the binaries they failed with.
        folder.remove_workers()?;
    }
    Ok(Finish::Complete(folder, Box::new(digest)))
}

fn note(surroundings: &Surroundings, line: &str) {
    if !surroundings.quiet {
        eprintln!("{line}");
    }
}
