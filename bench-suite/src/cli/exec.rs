//! `exec`: the user's own program under every allocator that can be preloaded into it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use workloads::rows::{Preset, Size};

use super::Setup;
use super::closing::show;
use super::options::{
    AllocatorArgs, LevelArgs, OutputArgs, WorkerArgs, parse_passes, refuse_without_reference,
};
use crate::campaign::{self, Wanted};
use crate::cancel::Cancel;
use crate::catalogue;
use crate::config::Field;
use crate::error::Outcome;
use crate::fingerprint::cores;
use crate::foreign::adhoc::{AdHoc, environment_hash};
use crate::plan::{OwnCommand, Params, Plan, Profile, in_millis};
use crate::usage;
use crate::workers;

/// What is said when something cannot be preloaded.
const RUST_ADVICE: &str = "A program in Rust is measured under preloads when it has no #[global_allocator]: Rust's default is \
the system's malloc. To measure allocators that are linked into it, make it a row: see bench-suite/WORKLOADS.md.";

/// Flags of `exec`.
#[derive(Debug, Clone, Args)]
#[command(after_help = RUST_ADVICE)]
pub(super) struct ExecArgs {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<String>,
    /// How often it runs under each allocator [default: 7]
    #[arg(short = 'n', long, value_name = "N", value_parser = parse_passes)]
    passes: Option<usize>,
    #[command(flatten)]
    allocators: AllocatorArgs,
    /// Its name in tables and charts [default: that of the program]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its standard output has to be the same under every allocator
    #[arg(long)]
    compare_output: bool,
    /// Longest time of one run, such as 90s or 5m; the first under each allocator, a trial, has a minute more [default: 30m]
    #[arg(long, value_name = "TIME", value_parser = super::options::parse_timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Take what is built (launcher, libmimalloc_rs.so) from this folder instead
    #[arg(long, value_name = "DIR")]
    worker_dir: Option<PathBuf>,
}

/// Does what `exec` was asked for.
pub(super) fn exec(args: ExecArgs, mut setup: Setup) -> Result<Outcome> {
    let name = name(&args)?;
    let folder = env::current_dir().context("cannot tell the current folder")?;
    let command = OwnCommand {
        words: args.command,
        folder,
        compare_output: args.compare_output,
        program_hash: None,
        environment_hash: None,
    };
    // What cannot be measured is refused before anything is built.
    let command = located(&name, command)?;
    args.allocators.add_preloads(&mut setup.config)?;
    let allocators = args.allocators.selected(&setup.config, Field::Programs)?;
    if let Some(text) = args.allocators.unused(&allocators) {
        return Err(usage!("'{text}' is no allocator with a library for programs; see 'bench-suite list'"));
    }
    refuse_without_reference(&setup.config, Field::Programs, &allocators)?;
    let timeout = args.timeout.unwrap_or(setup.config.run.timeout(Size::Full));
    let plan = Plan {
        field: Field::Programs,
        reference: setup.config.reference(Field::Programs).to_owned(),
        allocators: allocators.iter().map(|allocator| allocator.id.clone()).collect(),
        workloads: vec![name],
        passes: args.passes.unwrap_or(setup.config.run.passes),
        params: Params {
            preset: Preset::default(),
            size: Size::Full,
            threads: cores(),
            levelled: args.level.levelled(),
        },
        seed: setup.config.run.seed,
        timeout_ms: in_millis(timeout),
        profile: Profile::Worker,
        command: Some(command),
    };
    let worker = WorkerArgs { worker_dir: args.worker_dir, ..WorkerArgs::default() };
    let surroundings = args.output.surroundings(&setup, &Cancel::on_signals()?);
    let wanted = Wanted { plan, allocators };
    let finish = campaign::start(wanted, None, &worker.source()?, args.output.out, &surroundings)?;
    show(finish, &setup.results, args.output.quiet)
}

/// The same command with the absolute path of its program: a run may go on from another folder, and with another `PATH`,
/// but not with another program. Links are not followed, because some programs do what they are called.
fn located(name: &str, mut command: OwnCommand) -> Result<OwnCommand> {
    let own = AdHoc::of_user(name, &command).map_err(|refusal| usage!("{refusal}"))?;
    let path = &own.inspected().path;
    let program = path.to_str();
    let program = program.ok_or_else(|| usage!("{} is not valid UTF-8; rename it", path.display()))?;
    command.words[0] = program.to_owned();
    command.program_hash = Some(workers::hash(path)?);
    command.environment_hash = Some(environment_hash());
    Ok(command)
}

/// The name of the workload: given, or that of the program.
fn name(args: &ExecArgs) -> Result<String> {
    let program = args.command.first().map_or("", String::as_str);
    let own = Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned());
    let name = args.name.clone().or(own).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(usage!(
            "'{name}' is no name for files; give one with --name, of letters, digits, - _ . and +"
        ));
    }
    if catalogue::find(&name).is_some() && args.name.is_some() {
        return Err(usage!("--name {name}: the suite has a workload of that name; choose another"));
    }
    Ok(if catalogue::find(&name).is_some() { format!("own-{name}") } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program_of(words: &[&str]) -> Result<String> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let command = OwnCommand {
            words,
            folder: "/".into(),
            compare_output: false,
            program_hash: None,
            environment_hash: None,
        };
        Ok(located("own", command)?.words.remove(0))
    }

    #[test]
    fn programs_are_found_again_from_any_folder() {
        let here = env::current_dir().unwrap();
        let from_here = "../".repeat(here.components().count() - 1) + "bin/sh";
        for named in ["sh", "/bin/sh", &from_here] {
            let program = program_of(&[named, "-c", "true"]).unwrap();
            assert!(program.starts_with('/') && Path::new(&program).is_file(), "{named} is {program}");
        }
        assert_eq!(program_of(&["/bin/sh"]).unwrap(), "/bin/sh");
        let error = program_of(&["surely-no-such-program"]).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
    }
}
