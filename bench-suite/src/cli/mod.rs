//! The command line: arguments in, one outcome out.

mod closing;
mod doctor;
mod dry_run;
mod exec;
mod gate;
mod heapmap;
mod list;
mod options;
mod report;
mod run;
mod scratch;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::error::Outcome;
use crate::results::Results;
use crate::tell::tell;
use crate::usage;
use crate::workers::source_root;

const EXAMPLES: &str = "\
Examples:
  bench-suite --all                    measure everything that is available here
  bench-suite --quick -a mi -a 'mi*'   a first impression of a few allocators
  bench-suite exec -- ./program x y    your own program under each allocator that can be preloaded
  bench-suite list                     allocators and workloads, and what they are for";

/// Runs the classic allocator benchmarks under many allocators, interleaved and paired.
#[derive(Debug, Parser)]
#[command(name = "bench-suite", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where runs, baseline and the name of the latest run are kept
    #[arg(long, global = true, value_name = "DIR")]
    results: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure, summarise and draw (implied when the first argument is a flag)
    Run(run::RunArgs),
    /// Show allocators and workloads, and why something is not available
    List,
    /// Report what this machine can measure, with advice
    Doctor,
    /// Run each cell once at the smallest size and check its output and identity
    Verify(verify::VerifyArgs),
    /// Write summary and charts of a run anew from its samples
    Report(report::ReportArgs),
    /// Measure a program of your own under each allocator that can be preloaded
    Exec(exec::ExecArgs),
    /// Draw what the heap of our allocator holds at the end of a workload
    Heapmap(heapmap::HeapmapArgs),
    /// Judge a run against results/baseline.json
    Gate(gate::GateArgs),
}

/// What every command may need.
struct Setup {
    config: Config,
    results: Results,
    root: Option<PathBuf>,
}

/// Runs the command that `arguments` (with the program's name first) ask for.
pub fn main(arguments: impl Iterator<Item = OsString>) -> Result<Outcome> {
    let arguments: Vec<OsString> = arguments.collect();
    if arguments.len() < 2 {
        tell(format_args!("bench-suite: say what to measure\n\n{EXAMPLES}\n\nMore: bench-suite --help"));
        return Ok(Outcome::HelpShown);
    }
    let arguments = imply_run(arguments);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(usage!("{}", without_frills(&error))),
        Err(help) => {
            print_out(&help.render().to_string())?;
            return Ok(Outcome::Done);
        }
    };
    let root = source_root().ok();
    let results = cli.results.map_or_else(|| Results::usual(root.as_deref()), Results::at);
    let setup = Setup { config: Config::embedded()?, results, root };
    match cli.command {
        Command::Run(args) => run::run(args, setup),
        Command::List => list::list(&setup),
        Command::Doctor => doctor::doctor(&setup),
        Command::Verify(args) => verify::verify(args, setup),
        Command::Report(args) => report::report(&args, &setup),
        Command::Exec(args) => exec::exec(args, setup),
        Command::Heapmap(args) => heapmap::heapmap(args, setup),
        Command::Gate(args) => gate::gate(&args, setup),
    }
}

/// Puts `run` before flags that have no command in front of them.
fn imply_run(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = match &*arguments[1].to_string_lossy() {
        "--results" => 3,
        flag if flag.starts_with("--results=") => 2,
        _ => 1,
    };
    let is_own_flag = |word: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|flag| word == flag);
    if arguments.get(first).is_none_or(|word| word.to_string_lossy().starts_with('-') && !is_own_flag(word)) {
        arguments.insert(1, "run".into());
    }
    arguments
}

/// The message and the tip of a parse error, without the usage text.
fn without_frills(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let kept: Vec<&str> =
        lines.filter(|line| !line.is_empty() && !line.starts_with("For more information")).collect();
    kept.join("; ").trim_start_matches("error: ").to_owned()
}

/// Writes to standard output. A reader that has seen enough, such as `head`, is no error.
fn print_out(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_implied_where_flags_have_no_command() {
        let implied = |line: &str| {
            let words = imply_run(line.split(' ').map(OsString::from).collect());
            words.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for line in
            ["b list", "b --version", "b --results x list", "b --results=x list", "b --results=x --help"]
        {
            assert_eq!(implied(line), line);
        }
        assert_eq!(implied("b --all"), "b run --all");
        for flags in ["--results x", "--results x --all", "--results=x", "--results=x --all"] {
            assert_eq!(implied(&format!("b {flags}")), format!("b run {flags}"));
        }
    }
}
