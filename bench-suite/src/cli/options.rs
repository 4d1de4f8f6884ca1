//! Flags that several commands share: what is selected and how workers are asked.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use workloads::rows::{Preset, Size};

use super::Setup;
use crate::campaign::Surroundings;
use crate::cancel::Cancel;
use crate::config::{Allocator, Config, Field, Measured};
use crate::plan::{MOST_PASSES, Profile};
use crate::record::Afterwards;
use crate::select::{self, Filter};
use crate::usage;
use crate::workers::{Source, check_shared_library};

/// Which allocators.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct AllocatorArgs {
    /// Keep allocators that match (repeatable)
    #[arg(short, long = "alloc", value_name = "GLOB")]
    alloc: Vec<String>,
    /// Drop allocators that match (repeatable)
    #[arg(short = 'A', long, value_name = "GLOB")]
    not_alloc: Vec<String>,
    /// Also measure this shared library in place of the system's malloc (repeatable)
    #[arg(long, value_name = "NAME=PATH", value_parser = parse_preload)]
    preload: Vec<(String, PathBuf)>,
}

impl AllocatorArgs {
    /// As if these had been named with `--alloc`.
    pub(super) fn kept(ids: &[&str]) -> Self {
        Self { alloc: ids.iter().map(|id| (*id).to_owned()).collect(), ..Self::default() }
    }

    /// Whether they are narrowed or extended.
    pub(super) fn is_given(&self) -> bool {
        !(self.alloc.is_empty() && self.not_alloc.is_empty() && self.preload.is_empty())
    }

    /// The selected allocators of a field in display order. The reference is among them unless it is
    /// dropped by name, because without it there is nothing to compare with.
    pub(super) fn selected(&self, config: &Config, field: Field) -> Result<Vec<Allocator>> {
        let mut keep = self.alloc.clone();
        if keep.is_empty() {
            let usual = |allocator: &&Allocator| match allocator.measured {
                Measured::Always => true,
                Measured::Programs => field == Field::Programs,
                Measured::Named => false,
            };
            keep.extend(config.allocators.iter().filter(usual).map(|allocator| allocator.id.clone()));
        } else {
            keep.push(config.reference(field).to_owned());
            keep.extend(self.preload.iter().map(|(name, _)| name.clone()));
        }
        let filter = Filter { noun: "allocator", keep: &keep, drop: &self.not_alloc };
        let ids = filter.apply(config.allocators.iter().map(|allocator| allocator.id.as_str()))?;
        Ok(config.field(field).into_iter().filter(|allocator| ids.contains(&allocator.id)).collect())
    }

    /// The first of the globs that matches none of the selected allocators.
    pub(super) fn unused(&self, selected: &[Allocator]) -> Option<&str> {
        let matches = |text: &str| selected.iter().any(|allocator| select::matches_glob(text, &allocator.id));
        self.alloc.iter().map(String::as_str).find(|text| !matches(text))
    }

    /// Makes the libraries named on the command line known.
    pub(super) fn add_preloads(&self, config: &mut Config) -> Result<()> {
        for (name, path) in &self.preload {
            config.add_preload(name, check_shared_library(path)?)?;
        }
        Ok(())
    }
}

/// Which cells.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SelectArgs {
    #[command(flatten)]
    pub(super) allocators: AllocatorArgs,
    /// Keep workloads that match (repeatable)
    #[arg(short, long = "workload", value_name = "GLOB")]
    pub(super) workload: Vec<String>,
    /// Drop workloads that match (repeatable)
    #[arg(short = 'W', long, value_name = "GLOB")]
    pub(super) not_workload: Vec<String>,
    /// Keep workloads with one of these tags or of these groups (repeatable)
    #[arg(short, long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
}

impl SelectArgs {
    /// Whether the workloads are narrowed.
    pub(super) fn touches_workloads(&self) -> bool {
        !(self.workload.is_empty() && self.not_workload.is_empty() && self.tag.is_empty())
    }

    /// What is selected of a field, if anything is that can be compared.
    pub(super) fn part(&self, config: &Config, field: Field) -> Result<Option<Selected>> {
        let mut workloads = select::workloads(&self.workload, &self.not_workload, &self.tag)?;
        workloads.retain(|id| select::field_of(id) == field);
        if workloads.is_empty() {
            return Ok(None);
        }
        let allocators = self.allocators.selected(config, field)?;
        // Naming allocators that only workers can have leaves nothing for programs to be compared under.
        let compared = self.allocators.alloc.is_empty() || allocators.len() > 1 || field == Field::Workers;
        Ok((compared && !allocators.is_empty()).then_some(Selected { workloads, allocators }))
    }
}

/// Fails if there is nothing to compare `allocators` with.
pub(super) fn refuse_without_reference(
    config: &Config,
    field: Field,
    allocators: &[Allocator],
) -> Result<()> {
    let reference = config.reference(field);
    if allocators.iter().any(|allocator| allocator.id == reference) {
        return Ok(());
    }
    Err(match field {
        Field::Workers => usage!("the others are compared with '{reference}': do not drop it with -A"),
        Field::Programs => usage!(
            "programs are compared with themselves under '{reference}': do not drop it with -A, or select no programs"
        ),
    })
}

/// Workloads and the allocators they run under, in display order.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub(super) workloads: Vec<String>,
    pub(super) allocators: Vec<Allocator>,
}

/// What becomes of a measurement.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct OutputArgs {
    /// Folder of the results, new or empty [default: results/runs/TIME-COMMIT]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Draw no charts, write no report and take no memory curves
    #[arg(long)]
    pub(super) no_report: bool,
    /// Take no curves of memory over time, which need one more pass and a second per cell
    #[arg(long)]
    pub(super) no_curves: bool,
    /// Show nothing but the table
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl OutputArgs {
    /// What the flags say of a campaign.
    pub(super) fn surroundings(&self, setup: &Setup, cancel: &Cancel) -> Surroundings {
        Surroundings {
            results: setup.results.clone(),
            root: setup.root.clone(),
            cancel: cancel.clone(),
            quiet: self.quiet,
            afterwards: Afterwards { curves: !(self.no_report || self.no_curves), report: !self.no_report },
        }
    }
}

/// What is done so that samples do not depend on those before them.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct LevelArgs {
    /// Touch no memory before each sample where the machine's host takes free memory back: quicker, but then times depend
    /// on what ran before
    #[arg(long)]
    pub(super) no_levelling: bool,
}

impl LevelArgs {
    /// Whether each sample finds the same free memory.
    pub(super) fn levelled(self) -> bool {
        !self.no_levelling
    }
}

/// How workers are made and asked.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct WorkerArgs {
    /// Which era's parameters [default: current]
    #[arg(long, value_parser = preset_parser())]
    pub(super) preset: Option<Preset>,
    /// Threads of the rows that scale [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) threads: Option<usize>,
    /// Longest time of one sample, such as 90s or 5m [default: depends on the size]
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    pub(super) timeout: Option<Duration>,
    /// How workers are built: with link-time optimisation (worker) or without [default: worker]
    #[arg(long, value_parser = profile_parser())]
    pub(super) profile: Option<Profile>,
    /// Take what is built (worker-mi, worker-mc, libmimalloc_rs.so, …) from this folder instead
    #[arg(long, value_name = "DIR")]
    pub(super) worker_dir: Option<PathBuf>,
}

impl WorkerArgs {
    /// Where workers come from.
    pub(super) fn source(&self) -> Result<Source> {
        Source::new(self.worker_dir.as_deref(), self.profile.unwrap_or(Profile::Worker))
    }
}

fn preset_parser() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(["seed2019", "current"])
        .map(|name| if name == "current" { Preset::Current } else { Preset::Seed2019 })
}

/// Parser of the sizes that are worth measuring.
pub(super) fn size_parser() -> impl TypedValueParser<Value = Size> {
    PossibleValuesParser::new(["quick", "calibrated", "full"]).map(|name| match name.as_str() {
        "quick" => Size::Quick,
        "full" => Size::Full,
        _ => Size::Calibrated,
    })
}

fn profile_parser() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(["worker", "worker-nolto"])
        .map(|name| if name == "worker" { Profile::Worker } else { Profile::WorkerNolto })
}

/// Parser of counts.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

/// Parser of numbers of passes.
pub(super) fn parse_passes(text: &str) -> Result<usize, String> {
    let count = at_least_one(text)?;
    if count > MOST_PASSES { Err(format!("must be at most {MOST_PASSES}")) } else { Ok(count) }
}

pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be longer than nothing".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(format!("{error}; write it like 90s or 5m")),
    }
}

fn parse_preload(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("write it as NAME=PATH")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err("the name may have letters, digits, - and _ only".to_owned());
    }
    Ok((name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preloads_are_a_plain_name_and_a_path() {
        assert_eq!(parse_preload("x=/lib/x.so"), Ok(("x".to_owned(), "/lib/x.so".into())));
        assert!(parse_preload("/lib/x.so").is_err());
        assert!(parse_preload("=x").is_err());
        assert!(parse_preload("a/b=x").is_err());
    }

    fn ids(args: &AllocatorArgs, field: Field) -> Vec<String> {
        let allocators = args.selected(&Config::embedded().unwrap(), field).unwrap();
        allocators.into_iter().map(|allocator| allocator.id).collect()
    }

    #[test]
    fn reference_stays_unless_it_is_dropped() {
        let mut args = AllocatorArgs::kept(&["jx"]);
        assert_eq!(ids(&args, Field::Workers), ["mi", "jx"]);
        args.not_alloc.push("mi".to_owned());
        assert_eq!(ids(&args, Field::Workers), ["jx"]);
    }

    #[test]
    fn nothing_is_compared_without_the_reference() {
        let config = Config::embedded().unwrap();
        for (field, reference, other) in [(Field::Workers, "mi", "mi-so"), (Field::Programs, "mi-so", "mi")] {
            let refused = |dropped: &str| {
                let args = AllocatorArgs { not_alloc: vec![dropped.to_owned()], ..AllocatorArgs::default() };
                refuse_without_reference(&config, field, &args.selected(&config, field).unwrap())
            };
            refused(other).unwrap();
            let error = refused(reference).unwrap_err();
            assert_eq!(crate::error::exit_code(&error), 2);
            assert!(error.to_string().contains(&format!("'{reference}': do not drop it with -A")), "{error}");
        }
    }

    #[test]
    fn what_is_measured_on_request_has_to_be_named() {
        let usual = ids(&AllocatorArgs::kept(&[]), Field::Workers);
        assert!(usual.contains(&"mi-so".to_owned()));
        assert!(["mi-secure", "bare"].iter().all(|id| !usual.contains(&(*id).to_owned())));
        assert_eq!(ids(&AllocatorArgs::kept(&["mi-secure"]), Field::Workers), ["mi", "mi-secure"]);
        assert_eq!(ids(&AllocatorArgs::kept(&["*"]), Field::Workers).len(), usual.len() + 4);
    }

    #[test]
    fn programs_have_the_allocators_that_can_be_preloaded_and_a_reference_of_their_own() {
        assert_eq!(
            ids(&AllocatorArgs::kept(&[]), Field::Programs),
            ["mi-so", "mc", "mi3-so", "mi2-so", "je", "tc"]
        );
        let config = Config::embedded().unwrap();
        let select = SelectArgs { allocators: AllocatorArgs::kept(&["jx"]), ..SelectArgs::default() };
        assert!(select.part(&config, Field::Programs).unwrap().is_none());
        assert!(select.part(&config, Field::Workers).unwrap().is_some());
    }
}
