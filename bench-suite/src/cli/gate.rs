//! `gate`: judge a run, or what is measured now, against the baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use workloads::registry::ROWS;
use workloads::rows::{Preset, Size};

use super::options::WorkerArgs;
use super::run::{self, RunArgs};
use super::scratch::Scratch;
use super::{Setup, print_out};
use crate::campaign::Finish;
use crate::error::Outcome;
use crate::exec::{Cancel, RealExecutor};
use crate::fingerprint::{Commit, Machine, Toolchain, cores};
use crate::gate::judge::{Judgement, Verdict, judge};
use crate::gate::{Baseline, Figures, Mean, NO_VALGRIND, SUBJECT, Tolerance, YARDSTICK, measure};
use crate::journal;
use crate::plan::{Params, Profile};
use crate::record::{RunRecord, SCHEMA_VERSION, utc_now};
use crate::results::{Results, RunFolder};
use crate::tell::tell;
use crate::usage;

/// Flags of `gate`.
#[derive(Debug, Clone, Args)]
pub(super) struct GateArgs {
    /// Name or folder of a run [default: the newest quick run]
    run: Option<String>,
    /// Measure now what no run has: allocation counts, instructions, a quick run if needed
    #[arg(long)]
    measure: bool,
    /// Measure everything and write it as the new baseline
    #[arg(long, conflicts_with_all = ["measure", "run"])]
    update: bool,
    /// The baseline [default: results/baseline.json]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Take the workers from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    worker_dir: Option<PathBuf>,
}

/// Passes of the quick run of a new baseline, enough to show how far peaks are apart.
const BASELINE_PASSES: usize = 9;

/// How the workers are built that a baseline is about.
const PROFILE: Profile = Profile::Worker;

/// How it is said that nothing was written.
const STAYS: &str = "the baseline stays as it is, because";

/// Does what `gate` was asked for.
pub(super) fn gate(args: &GateArgs, setup: Setup) -> Result<Outcome> {
    let path = args.baseline.clone().unwrap_or_else(|| setup.results.baseline());
    let baseline = Baseline::load(&path)?;
    if args.update {
        return update(args, setup, baseline, path);
    }
    let Some(baseline) = baseline else {
        tell(format_args!(
            "bench-suite: nothing can be judged: there is no {}; write it with: bench-suite gate --update",
            path.display()
        ));
        return Ok(Outcome::NothingJudged);
    };
    let mut figures = empty(baseline.figures.params, &setup);
    let stored = stored_run(args.run.as_deref(), &setup.results, figures.params)?;
    if args.measure {
        let Some(taken) = take(args, setup, figures, stored, None)? else { return Ok(interrupted()) };
        figures = taken;
    } else if let Some(stored) = stored {
        add_run(stored, &mut figures)?;
    }
    let unjudged_mean = if args.measure { Verdict::Failed } else { Verdict::Skipped };
    conclude(&judge(&baseline, &figures, unjudged_mean))
}

fn conclude(judgements: &[Judgement]) -> Result<Outcome> {
    let count = |verdict| judgements.iter().filter(|judgement| judgement.verdict == verdict).count();
    let (passed, failed, skipped) = (count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Skipped));
    let mut text = String::new();
    for judgement in judgements {
        text += &format!("{:<7} {}: {}\n", judgement.verdict, judgement.figure, judgement.text);
    }
    print_out(&format!("{text}{passed} passed, {failed} failed, {skipped} skipped\n"))?;
    Ok(match (passed, failed) {
        (_, 1..) => Outcome::Regression,
        (0, 0) => Outcome::NothingJudged,
        _ => Outcome::Done,
    })
}

fn update(args: &GateArgs, setup: Setup, old: Option<Baseline>, path: PathBuf) -> Result<Outcome> {
    let defaults = Params { preset: Preset::default(), size: Size::Quick, threads: cores() };
    let params = old.as_ref().map_or(defaults, |old| old.figures.params);
    let commit = Commit::read(setup.root.as_deref()).name();
    let figures = empty(params, &setup);
    // A baseline that lacks figures would pass whatever becomes of them.
    if figures.valgrind.is_none() {
        bail!("{STAYS} instructions cannot be counted: {NO_VALGRIND}");
    }
    let Some(mut figures) = take(args, setup, figures, None, Some(BASELINE_PASSES))? else {
        return Ok(interrupted());
    };
    if let Some((row, why)) = figures.failures.first_key_value() {
        bail!("{STAYS} {row} fails under '{SUBJECT}': {why}");
    }
    figures.means = means(&figures)?;
    let baseline = Baseline {
        schema_version: SCHEMA_VERSION,
        recorded_utc: utc_now(),
        commit,
        machine: Machine::read().line(),
        tolerance: old.map_or_else(Tolerance::default, |old| old.tolerance),
        figures,
    };
    baseline.store(&path)?;
    tell(format_args!("written: {}", path.display()));
    Ok(Outcome::Done)
}

/// The means of a new baseline: over all rows.
fn means(figures: &Figures) -> Result<BTreeMap<String, Mean>> {
    let workloads: BTreeSet<String> = ROWS.iter().map(|row| (*row).to_owned()).collect();
    let mean = |name: &str| match figures.mean(name, &workloads) {
        Ok(ratio) => Ok((name.to_owned(), Mean { ratio, workloads: workloads.clone() })),
        Err(why) => bail!("{STAYS} there is no mean {name}: {why}"),
    };
    measure::MEANS.iter().map(|(_, name)| mean(name)).collect()
}

/// Adds to `figures` what can be measured; `None` when the user stopped it. A stored run
/// takes the place of a quick run if it was made with the same binary or named by the user.
fn take(
    args: &GateArgs,
    setup: Setup,
    mut figures: Figures,
    stored: Option<StoredRun>,
    passes: Option<usize>,
) -> Result<Option<Figures>> {
    let params = figures.params;
    let worker = WorkerArgs {
        preset: Some(params.preset),
        threads: Some(params.threads),
        profile: Some(PROFILE),
        worker_dir: args.worker_dir.clone(),
        ..WorkerArgs::default()
    };
    let cancel = Cancel::on_signals()?;
    let subject = setup.config.allocators.iter().find(|allocator| allocator.id == SUBJECT);
    let subject = subject.with_context(|| format!("bench.toml has no allocator '{SUBJECT}'"))?;
    let source = worker.source()?;
    let scratch = Scratch::prepare(std::slice::from_ref(subject), &source, setup.root.as_deref(), &cancel)?;
    if cancel.requested() {
        return Ok(None);
    }
    let Some(launch) = scratch.launches.get(SUBJECT) else {
        let reason = scratch.records.first().and_then(|record| record.reason.clone()).unwrap_or_default();
        bail!("'{SUBJECT}' is not available: {reason}");
    };
    let mut executor = RealExecutor::new(cancel.clone());
    tell("counting allocations");
    if measure::checks(&mut executor, launch, &mut figures)?.is_none() {
        return Ok(None);
    }
    if figures.valgrind.is_some() {
        tell("counting instructions");
        if measure::instructions(&mut executor, launch, &mut figures)?.is_none() {
            return Ok(None);
        }
    }
    let binary = scratch.records.first().and_then(|record| record.binary_hash.as_ref());
    match stored.filter(|stored| args.run.is_some() || stored.subject_binary() == binary) {
        Some(stored) => add_run(stored, &mut figures)?,
        None => {
            let finish =
                run::measure(RunArgs::quick_of(&[SUBJECT, YARDSTICK], worker, passes), setup, &cancel)?;
            let Some(Finish::Complete(folder, _)) = finish else { return Ok(None) };
            let record = RunRecord::load(folder.path())?;
            add_run(StoredRun { folder, record }, &mut figures)?;
        }
    }
    Ok(Some(figures))
}

/// A run that is there already.
struct StoredRun {
    folder: RunFolder,
    record: RunRecord,
}

impl StoredRun {
    fn subject_binary(&self) -> Option<&String> {
        let subject = self.record.allocators.iter().find(|allocator| allocator.config.id == SUBJECT)?;
        subject.binary_hash.as_ref()
    }
}

/// The run to judge: the named one, or the newest that fits the baseline.
fn stored_run(wanted: Option<&str>, results: &Results, params: Params) -> Result<Option<StoredRun>> {
    let found = match wanted {
        Some(name) => {
            let folder = results.find(name)?;
            let record = RunRecord::load(folder.path())?;
            refuse_other_profile(name, record.plan.profile)?;
            Some((folder, record))
        }
        None => results.newest(|record| {
            let has = |id: &str| record.plan.allocators.iter().any(|other| other == id);
            let every_row = ROWS.iter().all(|row| record.plan.workloads.iter().any(|id| id == row));
            record.finished_utc.is_some()
                && every_row
                && record.plan.params == params
                && record.plan.profile == PROFILE
                && has(SUBJECT)
                && has(YARDSTICK)
        }),
    };
    Ok(found.map(|(folder, record)| StoredRun { folder, record }))
}

/// Fails if the workers of a run were built otherwise than those of a baseline.
fn refuse_other_profile(run: &str, profile: Profile) -> Result<()> {
    if profile == PROFILE {
        return Ok(());
    }
    Err(usage!(
        "run '{run}' has workers of profile {}, the baseline those of {}; name another run",
        profile.name(),
        PROFILE.name()
    ))
}

/// Adds the figures of a stored run.
fn add_run(StoredRun { folder, record }: StoredRun, figures: &mut Figures) -> Result<()> {
    tell(format_args!("judging run {}", record.run_id));
    figures.params = record.plan.params;
    measure::from_run(&record, journal::load(folder.path())?, figures);
    Ok(())
}

fn empty(params: Params, setup: &Setup) -> Figures {
    Figures {
        params,
        rustc: Toolchain::read(setup.root.as_deref()).rustc,
        valgrind: measure::valgrind_version(),
        checks: Default::default(),
        instructions: Default::default(),
        peak_rss: Default::default(),
        means: Default::default(),
        ratios: Default::default(),
        failures: Default::default(),
        yardstick_failures: Default::default(),
    }
}

fn interrupted() -> Outcome {
    tell("bench-suite: interrupted");
    Outcome::Interrupted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::tests::record;
    use crate::error::exit_code;

    #[test]
    fn runs_whose_workers_were_built_otherwise_are_not_judged() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::at(root.path().into());
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let mut run = record(3);
        (run.plan.allocators, run.plan.workloads) = (strings(&[SUBJECT, YARDSTICK]), strings(ROWS));
        let mut store = |profile, started: &str| {
            (run.plan.profile, run.started_utc) = (profile, started.to_owned());
            let folder = results.create(None, &run.commit).unwrap();
            run.store(folder.path()).unwrap();
            folder.name()
        };
        let usual = store(Profile::Worker, "1");
        let newer = store(Profile::WorkerNolto, "2");
        let params = run.plan.params;
        let found = stored_run(None, &results, params).unwrap().expect("one of the two fits");
        assert_eq!(found.folder.name(), usual);
        let error = stored_run(Some(&newer), &results, params).err().expect("it is refused");
        assert_eq!(exit_code(&error), 2);
        assert!(error.to_string().contains("workers of profile worker-nolto"), "{error}");
    }
}
