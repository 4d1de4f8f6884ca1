//! The command line of a worker.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use lexopt::prelude::*;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use workloads::registry::Params;
use workloads::rows::{Preset, Size};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: worker-ID run --row ROW [options]   run one row, print one line of JSON
       worker-ID rows                      list the rows

  --preset seed2019|current               whose parameters (current)
  --size check|quick|calibrated|full      how much work (calibrated)
  --check                                 the same as --size check
  --threads N                             what the row scales to (1)
  --ops N                                 replaces the amount of work, in the row's own unit
  --expect-library PATH                   fail unless this preloaded library serves malloc
  --stats                                 count allocations; slows the row down (rows on crates: worker-count)
  --heapmap FILE                          write what the heap holds at the end of the measured part
  --phases FILE                           write when each phase of the row begins, and wait for a second after it";

/// What a worker is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Rows,
    Run(Run),
}

/// One row, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) row: String,
    pub(crate) params: Params,
    pub(crate) stats: bool,
    pub(crate) expected_library: Option<PathBuf>,
    pub(crate) heap_map: Option<PathBuf>,
    pub(crate) phases: Option<PathBuf>,
}

/// Reads the command line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    match parser.next()? {
        None | Some(Long("help") | Short('h')) => Ok(Command::Help),
        Some(Value(command)) if command == "rows" => match parser.next()? {
            None => Ok(Command::Rows),
            Some(argument) => Err(argument.unexpected()),
        },
        Some(Value(command)) if command == "run" => parse_run(parser),
        Some(argument) => Err(argument.unexpected()),
    }
}

fn parse_run(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut row = None;
    let mut params = Params { preset: Preset::Current, size: Size::Calibrated, threads: 1, ops: None };
    let mut stats = false;
    let mut expected_library = None;
    let mut heap_map = None;
    let mut phases = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("row") => row = Some(parser.value()?.string()?),
            Long("preset") => params.preset = parser.value()?.parse_with(named)?,
            Long("size") => params.size = parser.value()?.parse_with(named)?,
            Long("check") => params.size = Size::Check,
            Long("threads") => params.threads = parser.value()?.parse::<NonZeroUsize>()?.get(),
            Long("ops") => params.ops = Some(parser.value()?.parse::<NonZeroU64>()?.get()),
            Long("expect-library") => expected_library = Some(parser.value()?.into()),
            Long("stats") => stats = true,
            Long("heapmap") => heap_map = Some(parser.value()?.into()),
            Long("phases") => phases = Some(parser.value()?.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    let row = row.ok_or("no row is given: add --row ROW")?;
    Ok(Command::Run(Run { row, params, stats, expected_library, heap_map, phases }))
}

/// A preset or size by the name it has in reports.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, ValueError> {
    T::deserialize(name.into_deserializer())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words = std::iter::once("worker").chain(line.split_whitespace());
        parse(lexopt::Parser::from_iter(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_read() {
        let line = "run --row larson --preset seed2019 --size full --threads 7 --expect-library /x.so --stats --ops 9 --heapmap /m --phases /p";
        let params = Params { preset: Preset::Seed2019, size: Size::Full, threads: 7, ops: Some(9) };
        let expected = Run {
            row: "larson".into(),
            params,
            stats: true,
            expected_library: Some("/x.so".into()),
            heap_map: Some("/m".into()),
            phases: Some("/p".into()),
        };
        assert_eq!(parsed(line), Ok(Command::Run(expected)));
        assert_eq!(parsed("rows"), Ok(Command::Rows));
        assert_eq!(parsed(""), Ok(Command::Help));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, words) in [
            ("run", "--row"),
            ("run --row x --size huge", "huge"),
            ("run --row x --preset new", "seed2019"),
            ("run --row x --threads 0", "0"),
            ("run --row x --ops many", "many"),
            ("run --row x --fast", "--fast"),
            ("walk", "walk"),
            ("rows --row x", "--row"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(words) && !error.contains('\n'), "{line}: {error}");
        }
    }
}
