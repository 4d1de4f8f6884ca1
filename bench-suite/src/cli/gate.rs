//! `gate`: judge a run, or what is measured now, against the baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use workloads::registry::ROWS;
use workloads::rows::{Preset, Size};

use super::options::{LevelArgs, WorkerArgs};
use super::run::{self, RunArgs};
use super::scratch::Scratch;
use super::{Setup, print_out};
use crate::campaign::Finish;
use crate::cancel::Cancel;
use crate::error::Outcome;
use crate::exec::RealExecutor;
use crate::files::{SCHEMA_VERSION, utc_now};
use crate::fingerprint::{Commit, Machine, Toolchain, cores};
use crate::gate::judge::judge;
use crate::gate::stored::{Fit, PROFILE, StoredRun};
use crate::gate::verdict::{Judgement, Verdict};
use crate::gate::{Baseline, COMPARED, Figures, Mean, NO_VALGRIND, SUBJECT, Tolerance, YARDSTICK, measure};
use crate::plan::Params;
use crate::tell::tell;

/// When a gate fails.
const RULE: &str = "Checksums, counts and instructions are compared with the baseline's as they are. A row fails if every pass of a quick \
run lies beyond the upper end of the interval that its ratio to mi3 has in the baseline, by more than the tolerance in that file (half of it in time, a \
quarter in peak memory); the means over all rows have narrower limits, and no row may take more than three times as long as \
mi3. Exit code 3 tells a regression, 4 that nothing was judged.";

/// Flags of `gate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = RULE)]
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
    /// The quick run touches no memory before its samples (see 'run'), nor does any that is judged by this baseline
    #[arg(long, requires = "update")]
    no_levelling: bool,
    /// Take the workers from this folder instead of building them
    #[arg(long, value_name = "DIR")]
    worker_dir: Option<PathBuf>,
}

/// Passes of the quick run of a new baseline, enough to show how far peaks are apart.
const BASELINE_PASSES: usize = 9;

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
    let fit = Fit { params: figures.params, passes: setup.config.run.quick_passes, machine: Machine::read() };
    let stored = StoredRun::find(args.run.as_deref(), &setup.results, &fit)?;
    let machine = stored.as_ref().map_or(&fit.machine, |stored| &stored.record.machine);
    let has_ratios = args.measure || stored.is_some();
    if let Some(warning) = baseline.other_processor(machine).filter(|_| has_ratios) {
        tell(warning);
    }
    if args.measure {
        let Some(taken) = take(args, setup, figures, stored, None)? else { return Ok(interrupted()) };
        figures = taken;
    } else if let Some(stored) = stored {
        stored.add_to(&mut figures);
    } else if let Some((folder, record)) = setup.results.newest(|_| true) {
        let why = fit.refusal(&record).unwrap_or_else(|| "its samples are gone".to_owned());
        tell(format_args!("bench-suite: run {} is not judged: {why}", folder.name()));
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
    let defaults = Params { preset: Preset::default(), size: Size::Quick, threads: cores(), levelled: true };
    let params =
        Params { levelled: !args.no_levelling, ..old.as_ref().map_or(defaults, |old| old.figures.params) };
    let commit = Commit::read(setup.root.as_deref()).name();
    let figures = empty(params, &setup);
    // A baseline that lacks figures would pass whatever becomes of them.
    if figures.valgrind.is_none() {
        bail!("{STAYS} instructions cannot be counted: {NO_VALGRIND}");
    }
    Baseline::prepare(&path)?;
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
    COMPARED.iter().map(|(_, name)| mean(name)).collect()
}

/// Adds to `figures` what can be measured; `None` when the user stopped it. A stored run
/// takes the place of a quick run if it was made with the same binaries or named by the user.
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
    let configured = |id: &str| {
        let found = setup.config.allocators.iter().find(|allocator| allocator.id == id);
        found.cloned().with_context(|| format!("bench.toml has no allocator '{id}'"))
    };
    let source = worker.source()?;
    let prepare = |id| Scratch::prepare(&[configured(id)?], &source, setup.root.as_deref(), &cancel);
    let subject = prepare(SUBJECT)?;
    if cancel.requested() {
        return Ok(None);
    }
    let Some(launch) = subject.launches.get(SUBJECT) else {
        let reason = subject.records.first().and_then(|record| record.reason.clone()).unwrap_or_default();
        bail!("'{SUBJECT}' is not available: {reason}");
    };
    let yardstick = prepare(YARDSTICK)?;
    if cancel.requested() {
        return Ok(None);
    }
    let workers = [&subject.records[..], &yardstick.records].concat();
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
    match stored.filter(|stored| args.run.is_some() || stored.is_of(&workers)) {
        Some(stored) => stored.add_to(&mut figures),
        None => {
            let level = LevelArgs { no_levelling: !params.levelled };
            let finish = run::measure(
                RunArgs::quick_of(&[SUBJECT, YARDSTICK], worker, level, passes),
                setup,
                &cancel,
            )?;
            let Some(Finish::Complete(folder, _)) = finish else { return Ok(None) };
            StoredRun::load(folder.path())?.add_to(&mut figures);
        }
    }
    Ok(Some(figures))
}

fn empty(params: Params, setup: &Setup) -> Figures {
    let rustc = Toolchain::read(setup.root.as_deref()).rustc;
    Figures::nothing(params, rustc, measure::valgrind_version())
}

fn interrupted() -> Outcome {
    tell("bench-suite: interrupted");
    Outcome::Interrupted
}
