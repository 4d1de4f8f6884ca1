//! `run`: from flags to a plan, and measuring what it has.

use anyhow::{Context, Result};
use clap::Args;
use workloads::rows::{Preset, Size};

use super::closing::show;
use super::dry_run::{describe, headline};
use super::options::{
    AllocatorArgs, LevelArgs, OutputArgs, SelectArgs, Selected, WorkerArgs, parse_passes,
    refuse_without_reference, size_parser,
};
use super::{Setup, print_out};
use crate::campaign::{self, Finish, Wanted};
use crate::cancel::Cancel;
use crate::config::{Config, Field, RunDefaults};
use crate::curve;
use crate::error::Outcome;
use crate::fingerprint::cores;
use crate::plan::{Params, Plan, Profile, in_millis};
use crate::record::RunRecord;
use crate::results::{Results, RunFolder};
use crate::tell::tell;
use crate::usage;

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
            timeout_ms: in_millis(timeout).max(1),
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
        timeout_ms: in_millis(defaults.timeout(size)),
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
