//! `run`: measure the selected cells and show the table.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use workloads::rows::{Preset, Size};

use super::options::{
    AllocatorArgs, LevelArgs, OutputArgs, SelectArgs, Selected, WorkerArgs, parse_passes,
    refuse_without_reference, size_parser,
};
use super::{Setup, print_out};
use crate::campaign::{self, Finish, Wanted};
use crate::catalogue::{Group, Workload, find};
use crate::conclusion::{Digests, PROGRAMS};
use crate::config::{Config, Kind, RunDefaults};
use crate::curve;
use crate::digest::{Digest, FailedCell};
use crate::error::Outcome;
use crate::exec::{Cancel, Job, command_line};
use crate::fingerprint::cores;
use crate::plan::{Field, Params, Plan, Profile, passes_in_words};
use crate::record::RunRecord;
use crate::results::{Results, RunFolder};
use crate::status::Status;
use crate::table::{self, Style};
use crate::tell::tell;
use crate::usage;
use crate::workers::{Launch, find_library};

/// Flags of `run`.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RunArgs {
    /// Every allocator and workload that the filters leave (the default)
    #[arg(long)]
    all: bool,
    /// A first impression: size quick, 3 passes, no curves of memory over time
    #[arg(long, conflicts_with = "size")]
    quick: bool,
    /// How often every cell is measured [default: 7]
    #[arg(short = 'n', long, value_name = "N", value_parser = parse_passes)]
    passes: Option<usize>,
    #[command(flatten)]
    select: SelectArgs,
    /// How much work one sample does [default: calibrated]
    #[arg(long, value_parser = size_parser())]
    size: Option<Size>,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    level: LevelArgs,
    /// Seed of order and resampling [default: always the same]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Show plan, order and commands, measure nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on with this unfinished run [default: the newest]
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["dry_run", "worker_dir", "out"])]
    resume: Option<Option<String>>,
    #[command(flatten)]
    output: OutputArgs,
}

impl RunArgs {
    /// A quick run of some allocators, as `gate` needs it; with as many passes as any quick run has, unless told.
    pub(super) fn quick_of(
        allocators: &[&str],
        worker: WorkerArgs,
        level: LevelArgs,
        passes: Option<usize>,
    ) -> Self {
        let select = SelectArgs { allocators: AllocatorArgs::kept(allocators), ..SelectArgs::default() };
        let output = OutputArgs { no_report: true, ..OutputArgs::default() };
        Self { quick: true, select, worker, level, passes, output, ..Self::default() }
    }

    /// The plan that the flags describe; what they leave open is taken from `base`.
    fn plan(&self, defaults: &RunDefaults, base: &Plan, selected: Selected) -> Wanted {
        let size = if self.quick { Size::Quick } else { self.size.unwrap_or(base.params.size) };
        let worker = &self.worker;
        let allocators = if self.select.allocators.is_given() {
            selected.allocators.iter().map(|allocator| allocator.id.clone()).collect()
        } else {
            base.allocators.clone()
        };
        let workloads =
            if self.select.touches_workloads() { selected.workloads } else { base.workloads.clone() };
        let timeout = match worker.timeout {
            Some(timeout) => timeout,
            None if size == base.params.size => base.timeout(),
            None => defaults.timeout(size),
        };
        let plan = Plan {
            field: base.field,
            reference: base.reference.clone(),
            allocators,
            workloads,
            passes: self.passes.unwrap_or(base.passes),
            params: Params {
                preset: worker.preset.unwrap_or(base.params.preset),
                size,
                threads: worker.threads.unwrap_or(base.params.threads),
                levelled: base.params.levelled && self.level.levelled(),
            },
            seed: self.seed.unwrap_or(base.seed),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1),
            profile: worker.profile.unwrap_or(base.profile),
            command: base.command.clone(),
        };
        Wanted { plan, allocators: selected.allocators }
    }

    /// What the flags select of each field, and a plan for it; `base` gives the plan to start from.
    fn wanted(
        &self,
        config: &Config,
        base: impl Fn(Field, &Selected) -> Option<Plan>,
    ) -> Result<Vec<Wanted>> {
        let mut wanted = Vec::new();
        for field in [Field::Workers, Field::Programs] {
            let Some(selected) = self.select.part(config, field)? else { continue };
            let Some(base) = base(field, &selected) else { continue };
            refuse_without_reference(config, field, &selected.allocators)?;
            wanted.push(self.plan(&config.run, &base, selected));
        }
        Ok(wanted)
    }
}

/// Does what `run` was asked for.
pub(super) fn run(args: RunArgs, setup: Setup) -> Result<Outcome> {
    let quiet = args.output.quiet;
    let results = setup.results.clone();
    let cancel = Cancel::on_signals()?;
    match measure(args, setup, &cancel)? {
        Some(finish) => show(finish, &results, quiet),
        None => Ok(Outcome::Done),
    }
}

/// Shows how a run ended.
pub(super) fn show(finish: Finish, results: &Results, quiet: bool) -> Result<Outcome> {
    match finish {
        Finish::Interrupted(folder) => {
            let advice = match folder {
                Some(folder) => format!("go on with: {}", results.command("run --resume", &folder)),
                None => "nothing was measured yet".to_owned(),
            };
            tell(format_args!("bench-suite: interrupted; {advice}"));
            Ok(Outcome::Interrupted)
        }
        Finish::Complete(folder, digests) => {
            for digest in digests.iter() {
                print_out(&table::render(&digest.summary, Style::detect()))?;
            }
            if !quiet {
                tell(closing(&folder, &digests).trim_end());
            }
            Ok(outcome(&digests))
        }
    }
}

/// Measures what the flags describe; `None` for a dry run, which is printed instead.
pub(super) fn measure(args: RunArgs, mut setup: Setup, cancel: &Cancel) -> Result<Option<Finish>> {
    args.select.allocators.add_preloads(&mut setup.config)?;
    let mut surroundings = args.output.surroundings(&setup, cancel);
    surroundings.afterwards.curves &= !args.quick;
    if let Some(wanted) = &args.resume {
        let (folder, record) = unfinished(&setup.results, wanted.as_deref())?;
        refuse_changes(&args, &setup.config, &record)?;
        return campaign::resume(folder, record, &surroundings).map(Some);
    }
    let mut wanted = args
        .wanted(&setup.config, |field, selected| Some(defaults(&setup.config, &args, field, selected)))?
        .into_iter();
    let Some(main) = wanted.next() else {
        return Err(usage!("the filters leave nothing to compare; see 'bench-suite list'"));
    };
    let programs = wanted.next();
    if args.dry_run {
        for part in std::iter::once(&main).chain(&programs) {
            print_out(&describe(part, &args.worker)?)?;
        }
        return Ok(None);
    }
    let source = args.worker.source()?;
    if !surroundings.quiet {
        let plans = || std::iter::once(&main).chain(&programs).map(|part| &part.plan);
        plans().for_each(|plan| tell(headline(plan).trim_end()));
        if surroundings.afterwards.curves {
            let time = plans().map(curve::estimate).sum();
            tell(format_args!("then: memory over time, about {}", indicatif::HumanDuration(time)));
        }
    }
    campaign::start(main, programs, &source, args.output.out.clone(), &surroundings).map(Some)
}

/// Fails if the flags ask for something else than the run was begun with.
fn refuse_changes(args: &RunArgs, config: &Config, record: &RunRecord) -> Result<()> {
    let begun = |field| record.parts().into_iter().map(|part| part.plan).find(|plan| plan.field == field);
    let refusal = |what: &str| {
        usage!(
            "cannot resume {}: its '{what}' is another one; leave the flag away or start a new run",
            record.run_id
        )
    };
    let all_wanted = args.wanted(config, |field, _| begun(field))?;
    for wanted in &all_wanted {
        let begun = begun(wanted.plan.field).context("what is wanted was begun")?;
        if let Some(what) = begun.difference(&wanted.plan) {
            return Err(refusal(&what));
        }
    }
    let is_wanted = |field| all_wanted.iter().any(|wanted| wanted.plan.field == field);
    if record.parts().into_iter().all(|part| is_wanted(part.plan.field)) {
        Ok(())
    } else {
        Err(refusal("workloads"))
    }
}

/// The plan of a run without any flag.
fn defaults(config: &Config, args: &RunArgs, field: Field, selected: &Selected) -> Plan {
    let defaults = &config.run;
    let size = Size::Calibrated;
    Plan {
        field,
        reference: config.reference(field).to_owned(),
        allocators: selected.allocators.iter().map(|allocator| allocator.id.clone()).collect(),
        workloads: selected.workloads.clone(),
        passes: if args.quick { defaults.quick_passes } else { defaults.passes },
        params: Params { preset: Preset::default(), size, threads: cores(), levelled: true },
        seed: defaults.seed,
        timeout_ms: u64::try_from(defaults.timeout(size).as_millis()).unwrap_or(u64::MAX),
        profile: Profile::Worker,
        command: None,
    }
}

fn unfinished(results: &Results, wanted: Option<&str>) -> Result<(RunFolder, RunRecord)> {
    let Some(name) = wanted else {
        return results
            .newest(|record| record.finished_utc.is_none())
            .ok_or_else(|| usage!("there is no unfinished run to resume"));
    };
    let folder = results.find(name)?;
    let record = RunRecord::load(folder.path())?;
    if record.finished_utc.is_some() {
        let command = results.command("report", &folder);
        return Err(usage!("run '{name}' is finished; write its report with: {command}; or start a new run"));
    }
    Ok((folder, record))
}

fn headline(plan: &Plan) -> String {
    format!(
        "plan: {} workloads × {} allocators × {}, about {}; seed {}\n",
        plan.workloads.len(),
        plan.allocators.len(),
        passes_in_words(plan.passes),
        indicatif::HumanDuration(plan.estimate()),
        plan.seed
    )
}

/// What `--dry-run` prints.
fn describe(Wanted { plan, allocators }: &Wanted, worker: &WorkerArgs) -> Result<String> {
    let mut text = headline(plan);
    let first = plan.blocks(0).into_iter().next().context("a plan has at least one workload")?;
    writeln!(text, "first block: {} under {}", first.workload, first.order.join(", "))?;
    for id in &first.order {
        let allocator =
            allocators.iter().find(|a| a.id == *id).context("a plan has only known allocators")?;
        let folder = worker.worker_dir.clone().unwrap_or_default();
        let preload = match (allocator.kind, allocator.built_library()) {
            (Kind::Linked, _) => None,
            (Kind::Preload, Some((_, file))) => Some(folder.join(file)),
            (Kind::Preload, None) => {
                find_library(&allocator.library).or_else(|| allocator.library.first().map(PathBuf::from))
            }
        };
        let launch = Launch {
            allocator: id.clone(),
            worker_id: allocator.worker_id().to_owned(),
            program: folder.join(&allocator.bin),
            layouts: Vec::new(),
            preload,
            wrapper: Vec::new(),
        };
        let job = Job {
            launch: &launch,
            row: &first.workload,
            params: plan.params,
            stats: false,
            heap_map: None,
            phases: None,
            env_pad_bytes: first.env_pad_bytes,
            timeout: plan.timeout_of(&first.workload),
        };
        writeln!(text, "  {}", command_line(plan, &job))?;
    }
    Ok(text)
}

fn closing(folder: &RunFolder, digests: &Digests) -> String {
    let mut lines: Vec<String> = Vec::new();
    for digest in digests.iter() {
        let warnings = digest.summary.run.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        for line in warnings.chain(digest.failures.iter().map(|cell| failure_line(cell, &digest.failures))) {
            // What keeps an allocator from running at all is the same for all of its cells.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let real = match &digests.programs {
        Some(_) => format!("; those of real programs in its folder {PROGRAMS}"),
        None => String::new(),
    };
    lines.concat() + &format!("results: {}{real}\n", folder.path().display())
}

/// A line for a cell that has no figures; for what is not there, the line is the same for all cells it concerns.
fn failure_line(cell: &FailedCell, all: &[FailedCell]) -> String {
    let FailedCell { workload, allocator, status, reason } = cell;
    // An allocator that is missing is so for every workload, a program for every allocator.
    let elsewhere = |other: &FailedCell| other.workload != *workload && other.reason == *reason;
    match status {
        Status::BuildFailed => format!("{allocator}: {status}: {reason}\n"),
        Status::NotInstalled if all.iter().any(elsewhere) || find(workload).is_none_or(is_port) => {
            format!("{allocator}: {status}: {reason}\n")
        }
        Status::NotInstalled => format!("{workload}: {status}: {reason}\n"),
        _ => format!("{workload} under {allocator}: {status}: {reason}\n"),
    }
}

fn is_port(workload: &Workload) -> bool {
    workload.group != Group::Real
}

fn outcome(digests: &Digests) -> Outcome {
    if digests.any_failed() {
        Outcome::CellsFailed
    } else if !digests.iter().any(Digest::has_figures) {
        Outcome::NothingJudged
    } else {
        Outcome::Done
    }
}
