//! `report`: write everything that is made from the samples of a run anew.

use anyhow::Result;
use clap::Args;

use super::{Setup, print_out};
use crate::conclusion::rewrite;
use crate::error::Outcome;
use crate::record::RunRecord;
use crate::table::{self, Style};
use crate::tell::tell;
use crate::usage;

/// Flags of `report`.
#[derive(Debug, Clone, Args)]
pub(super) struct ReportArgs {
    /// Name or folder of a run [default: the newest finished one]
    run: Option<String>,
}

/// Does what `report` was asked for.
pub(super) fn report(args: &ReportArgs, setup: &Setup) -> Result<Outcome> {
    let (folder, record) = match &args.run {
        Some(run) => {
            let folder = setup.results.find(run)?;
            let record = RunRecord::load(folder.path())?;
            (folder, record)
        }
        None => setup
            .results
            .newest(|record| record.finished_utc.is_some())
            .ok_or_else(|| usage!("there is no finished run yet; measure with: bench-suite --all"))?,
    };
    for digest in rewrite(&folder, &record, &setup.results)?.iter() {
        print_out(&table::render(&digest.summary, Style::detect()))?;
    }
    tell(format_args!("written: {}", folder.path().display()));
    Ok(Outcome::Done)
}
