//! `run`: measure the selected cells and show the table.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use workloads::rows::{Preset, Size};

use super::options::{SelectArgs, WorkerArgs, at_least_one, size_parser};
use super::{Setup, print_out};
use crate::campaign::{self, Finish, Surroundings};
use crate::config::{Allocator, Kind};
use crate::digest::{Digest, FailedCell};
use crate::error::Outcome;
use crate::exec::{Cancel, Job, command_line};
use crate::fingerprint::cores;
use crate::plan::{Params, Plan, Profile, default_timeout};
use crate::record::RunRecord;
use crate::results::{Results, RunFolder};
use crate::status::Status;
use crate::table::{self, Style};
use crate::usage;
use crate::workers::{Launch, find_library};

/// Flags of `run`.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RunArgs {
    /// Every allocator and workload that the filters leave (the default)
    #[arg(long)]
    all: bool,
    /// A first impression: size quick, 3 passes
    #[arg(long, conflicts_with = "size")]
    quick: bool,
    /// How often every cell is measured [default: 7]
    #[arg(short = 'n', long, value_name = "N", value_parser = at_least_one)]
    passes: Option<usize>,
    #[command(flatten)]
    select: SelectArgs,
    /// How much work one sample does [default: calibrated]
    #[arg(long, value_parser = size_parser())]
    size: Option<Size>,
    #[command(flatten)]
    worker: WorkerArgs,
    /// Seed of order and resampling [default: always the same]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Show plan, order and commands, measure nothing
    #[arg(long)]
    dry_run: bool,
    /// Folder of the run, new or empty [default: results/runs/TIME-COMMIT]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with this unfinished run [default: the newest]
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["dry_run", "worker_dir"])]
    resume: Option<Option<String>>,
    /// Draw no charts and write no report
    #[arg(long)]
    no_report: bool,
    /// Show nothing but the table
    #[arg(short, long)]
    quiet: bool,
}

impl RunArgs {
    /// A quick run of some allocators, as `gate` needs it.
    pub(super) fn quick_of(allocators: &[&str], worker: WorkerArgs) -> Self {
        let alloc = allocators.iter().map(|id| (*id).to_owned()).collect();
        let select = SelectArgs { alloc, ..SelectArgs::default() };
        Self { quick: true, select, worker, no_report: true, ..Self::default() }
    }

    /// The plan that the flags describe; what they leave open is taken from `base`.
    fn plan(&self, base: &Plan, allocators: &[Allocator]) -> Result<Plan> {
        let size = if self.quick { Size::Quick } else { self.size.unwrap_or(base.params.size) };
        let worker = &self.worker;
        let allocators = if self.select.touches_allocators() {
            allocators.iter().map(|allocator| allocator.id.clone()).collect()
        } else {
            base.allocators.clone()
        };
        let workloads =
            if self.select.touches_workloads() { self.select.workloads()? } else { base.workloads.clone() };
        let timeout = match worker.timeout {
            Some(timeout) => timeout,
            None if size == base.params.size => base.timeout(),
            None => default_timeout(size),
        };
        Ok(Plan {
            reference: base.reference.clone(),
            allocators,
            workloads,
            passes: self.passes.unwrap_or(base.passes),
            params: Params {
                preset: worker.preset.unwrap_or(base.params.preset),
                size,
                threads: worker.threads.unwrap_or(base.params.threads),
            },
            seed: self.seed.unwrap_or(base.seed),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1),
            profile: worker.profile.unwrap_or(base.profile),
        })
    }
}

/// Does what `run` was asked for.
pub(super) fn run(args: RunArgs, setup: Setup) -> Result<Outcome> {
    let quiet = args.quiet;
    let results = setup.results.clone();
    let cancel = Cancel::on_signals()?;
    let Some(finish) = measure(args, setup, &cancel)? else { return Ok(Outcome::Done) };
    match finish {
        Finish::Interrupted(folder) => {
            let advice = match folder {
                Some(folder) => format!("go on with: {}", resume_command(&folder, &results)),
                None => "nothing was measured yet".to_owned(),
            };
            eprintln!("bench-suite: interrupted; {advice}");
            Ok(Outcome::Interrupted)
        }
        Finish::Complete(folder, digest) => {
            print_out(&table::render(&digest.summary, Style::detect()))?;
            if !quiet {
                eprint!("{}", closing(&folder, &digest));
            }
            Ok(outcome(&digest))
        }
    }
}

/// Measures what the flags describe; `None` for a dry run, which is printed instead.
pub(super) fn measure(args: RunArgs, mut setup: Setup, cancel: &Cancel) -> Result<Option<Finish>> {
    let allocators = args.select.allocators(&mut setup.config)?;
    let surroundings = Surroundings {
        results: setup.results.clone(),
        root: setup.root.clone(),
        cancel: cancel.clone(),
        quiet: args.quiet,
        with_report: !args.no_report,
    };
    if let Some(wanted) = &args.resume {
        let (folder, record) = unfinished(&setup.results, wanted.as_deref())?;
        let plan = args.plan(&record.plan, &allocators)?;
        if let Some(field) = record.plan.difference(&plan) {
            return Err(usage!(
                "cannot resume {}: its '{field}' is another one; leave the flag away or start a new run",
                record.run_id
            ));
        }
        return campaign::resume(folder, record, &surroundings).map(Some);
    }
    let plan = args.plan(&defaults(&setup, &args, &allocators)?, &allocators)?;
    if args.dry_run {
        print_out(&describe(&plan, &allocators, &args.worker)?)?;
        return Ok(None);
    }
    let source = args.worker.source()?;
    if !args.quiet {
        eprint!("{}", headline(&plan));
    }
    campaign::start(plan, &allocators, &source, args.out.clone(), &surroundings).map(Some)
}

/// The plan of a run without any flag.
fn defaults(setup: &Setup, args: &RunArgs, allocators: &[Allocator]) -> Result<Plan> {
    let defaults = &setup.config.run;
    let size = Size::Calibrated;
    Ok(Plan {
        reference: setup.reference(),
        allocators: allocators.iter().map(|allocator| allocator.id.clone()).collect(),
        workloads: args.select.workloads()?,
        passes: if args.quick { defaults.quick_passes } else { defaults.passes },
        params: Params { preset: Preset::default(), size, threads: cores() },
        seed: defaults.seed,
        timeout_ms: u64::try_from(default_timeout(size).as_millis()).unwrap_or(u64::MAX),
        profile: Profile::Worker,
    })
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
        return Err(usage!("run '{name}' is finished; start a new one"));
    }
    Ok((folder, record))
}

fn headline(plan: &Plan) -> String {
    format!(
        "plan: {} workloads × {} allocators × {} passes, about {}; seed {}\n",
        plan.workloads.len(),
        plan.allocators.len(),
        plan.passes,
        indicatif::HumanDuration(plan.estimate()),
        plan.seed
    )
}

/// What `--dry-run` prints.
fn describe(plan: &Plan, allocators: &[Allocator], worker: &WorkerArgs) -> Result<String> {
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
            preload,
            wrapper: Vec::new(),
        };
        let job = Job {
            launch: &launch,
            row: &first.workload,
            params: plan.params,
            stats: false,
            heap_map: None,
            env_pad_bytes: first.env_pad_bytes,
            timeout: plan.timeout(),
        };
        writeln!(text, "  {}", command_line(&job))?;
    }
    Ok(text)
}

fn resume_command(folder: &RunFolder, results: &Results) -> String {
    let name = folder.name();
    match results.find(&name) {
        Ok(_) => format!("bench-suite run --resume {name}"),
        Err(_) => format!("bench-suite run --resume {}", folder.path().display()),
    }
}

fn closing(folder: &RunFolder, digest: &Digest) -> String {
    let mut text = String::new();
    for warning in &digest.summary.run.warnings {
        text += &format!("warning: {warning}\n");
    }
    let mut lines: Vec<String> = Vec::new();
    for line in digest.failures.iter().map(failure_line) {
        // What keeps an allocator from running at all is the same for all of its cells.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    text += &lines.concat();
    text + &format!("results: {}\n", folder.path().display())
}

fn failure_line(cell: &FailedCell) -> String {
    let FailedCell { workload, allocator, status, reason } = cell;
    match status {
        Status::BuildFailed | Status::NotInstalled => format!("{allocator}: {status}: {reason}\n"),
        _ => format!("{workload} under {allocator}: {status}: {reason}\n"),
    }
}

fn outcome(digest: &Digest) -> Outcome {
    if digest.failures.iter().any(|cell| cell.status != Status::NotInstalled) {
        Outcome::CellsFailed
    } else if !digest.has_figures() {
        Outcome::NothingJudged
    } else {
        Outcome::Done
    }
}
