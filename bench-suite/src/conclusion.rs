//! Everything that is made from the samples of a run: its digests, tables, charts and report.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::curve::{self, Curve};
use crate::digest::{Digest, digest};
use crate::record::RunRecord;
use crate::results::{Results, RunFolder};
use crate::sample::{Sample, expected_checksums};
use crate::session::is_done;
use crate::status::Status;
use crate::{export, journal, report, usage};

/// What is made from the samples of a run, one digest per reference.
#[derive(Debug)]
pub struct Digests {
    /// Of the run's plan.
    pub main: Box<Digest>,
    /// Of the programs of the system, if they were measured besides.
    pub programs: Option<Box<Digest>>,
}

impl Digests {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&*self.main).chain(self.programs.as_deref())
    }

    /// Whether a cell failed of what is installed.
    pub fn any_failed(&self) -> bool {
        let mut failures = self.iter().flat_map(|digest| &digest.failures);
        failures.any(|cell| cell.status != Status::NotInstalled)
    }
}

/// Sub-folder with what is made of the programs of the system, where they are measured besides.
pub const PROGRAMS: &str = "real";

/// Writes everything that is made from the samples of the run in `folder` once more.
///
/// # Errors
/// Without all samples of a finished run, before anything is written: what is there was made from more.
pub fn rewrite(folder: &RunFolder, record: &RunRecord, results: &Results) -> Result<Digests> {
    let samples = journal::load(folder.path())?;
    refuse_lack_of_samples(folder, record, &samples, results)?;
    write(folder, record, samples, true)
}

/// Fails if a finished run lacks a sample that it took, or an unfinished run has none at all.
fn refuse_lack_of_samples(
    folder: &RunFolder,
    record: &RunRecord,
    samples: &[Sample],
    results: &Results,
) -> Result<()> {
    if record.finished_utc.is_none() && samples.is_empty() {
        let command = results.command("run --resume", folder);
        return Err(usage!("nothing of {} is measured yet; go on with: {command}", record.run_id));
    }
    if record.finished_utc.is_some() && !record.parts().iter().all(|part| has_all_samples(part, samples)) {
        return Err(usage!(
            "cannot write the report of {} anew: not all of its samples are in {}; get that file as it was, or read what is there",
            record.run_id,
            folder.path().join(journal::FILE).display()
        ));
    }
    Ok(())
}

/// Whether every cell of `part` that could be measured was, as often as it is when nothing stops the run.
fn has_all_samples(part: &RunRecord, samples: &[Sample]) -> bool {
    let mut cells: BTreeMap<(&str, &str), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        cells.entry((&sample.workload, &sample.allocator)).or_default().push(sample);
    }
    let available = part.allocators.iter().filter(|allocator| allocator.status == Status::Ok);
    available.map(|allocator| allocator.config.id.as_str()).all(|allocator| {
        part.plan.workloads.iter().all(|workload| {
            let own = cells.get(&(workload.as_str(), allocator)).map(Vec::as_slice).unwrap_or_default();
            is_done(&part.plan, own.iter().copied())
        })
    })
}

/// Writes everything that is made from `samples`, those of the run in `folder`.
pub(crate) fn write(
    folder: &RunFolder,
    record: &RunRecord,
    samples: Vec<Sample>,
    with_report: bool,
) -> Result<Digests> {
    let curves = curve::load(folder.path())?;
    let mut parts = record.parts().into_iter();
    let main = parts.next().expect("a run has a plan");
    let main = write_part(&main, samples.clone(), &curves, folder.path(), with_report)?;
    let programs = parts.next().map(|part| {
        let path = folder.path().join(PROGRAMS);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        write_part(&part, samples, &curves, &path, with_report)
    });
    Ok(Digests { main: Box::new(main), programs: programs.transpose()?.map(Box::new) })
}

fn write_part(
    part: &RunRecord,
    samples: Vec<Sample>,
    curves: &[Curve],
    path: &Path,
    with_report: bool,
) -> Result<Digest> {
    let of_part = |curve: &&Curve| part.plan.workloads.contains(&curve.workload);
    let mut curves: Vec<Curve> = curves.iter().filter(of_part).cloned().collect();
    curve::mark_wrong_checksums(&mut curves, &expected_checksums(&samples, &part.plan.reference));
    let digest = digest(part, samples).with_failures_of(&curves);
    export::write_all(&digest, &curves, path)?;
    if with_report && digest.has_figures() {
        report::write_all(&digest.summary, &curves, path).context("cannot draw the charts")?;
    }
    Ok(digest)
}
