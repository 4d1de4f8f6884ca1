//! What a reader must know about a run besides its figures: names, circumstances, warnings.

use super::cell::Cell;
use crate::foreign::adhoc::exit_code;
use crate::plan::{passes_in_words, preset_name, size_name};
use crate::record::RunRecord;
use crate::sample::Sample;
use crate::stats::bootstrap::MIN_OBSERVATIONS;
use crate::status::Status;
use crate::summary::{AllocatorInfo, LibraryInfo, RunInfo, UNKNOWN_PROFILE};
use crate::workers::AllocatorRecord;

/// Share of disturbed samples from which on a run is called noisy.
const NOISY_SHARE: f64 = 0.2;
/// Discarded executions for each sample from which on a run says how many there were.
const TOLD_SHARE: f64 = 0.01;

/// Name, with the version where it is known, and looks of an allocator.
pub(super) fn allocator_info(allocator: &AllocatorRecord, cells: &[Cell<'_>]) -> AllocatorInfo {
    let config = &allocator.config;
    let stated = cells
        .iter()
        .filter(|cell| cell.allocator == config.id)
        .find_map(|cell| cell.reports.iter().flatten().next())
        .map_or("", |report| report.allocator_version.as_str());
    let label = label(&config.label, stated);
    let library = allocator.library_place().zip(allocator.library_hash.clone());
    let identity = allocator.library_identity.clone();
    let library = library.map(|(place, hash)| LibraryInfo { place, hash, identity });
    let (id, colour) = (config.id.clone(), config.colour.clone());
    AllocatorInfo { id, label, colour, pattern: config.pattern, library, pace: None }
}

/// The configured name with the version in what the worker stated, such as `jemalloc 5.3.1`, and with what it remarks after that.
///
/// The file name of a preloaded library has no version: its number counts interfaces.
fn label(configured: &str, stated: &str) -> String {
    let (stated, remark) = stated.split_at(stated.find(',').unwrap_or(stated.len()));
    let words: Vec<&str> = stated.split_whitespace().collect();
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let Some(at) = words.iter().position(is_version) else { return configured.to_owned() };
    let (name, version) = (words[..at].join(" "), words[at]);
    // A binding states its own version, which says nothing of the library it is named after.
    let name = if name.starts_with(configured) { &name } else { configured };
    match name.rsplit_once(" v") {
        Some((name, series)) if version.split('.').next() == Some(series) => {
            format!("{name} v{version}{remark}")
        }
        _ => format!("{name} {version}{remark}"),
    }
}

/// The circumstances of a run.
pub(super) fn run_info(
    record: &RunRecord,
    samples: &[Sample],
    cells: &[Cell<'_>],
    pace: Option<String>,
) -> RunInfo {
    let plan = &record.plan;
    let passes = if record.finished_utc.is_some() { plan.passes } else { completed_passes(samples, cells) };
    RunInfo {
        run_id: record.run_id.clone(),
        started_utc: record.started_utc.clone(),
        commit: record.commit.name(),
        passes,
        seed: plan.seed,
        preset: preset_name(plan.params.preset).to_owned(),
        size: size_name(plan.params.size).to_owned(),
        profile: profile(record).to_owned(),
        machine: record.machine.line(),
        rustc: record.toolchain.rustc.clone(),
        warnings: pace.into_iter().chain(warnings(record, passes, samples, cells)).collect(),
    }
}

/// How the workers were built, if that is known.
fn profile(record: &RunRecord) -> &'static str {
    if record.workers_from_folder { UNKNOWN_PROFILE } else { record.plan.profile.name() }
}

/// Passes of an unfinished run in which every cell had its turn. One that failed too often has none.
fn completed_passes(samples: &[Sample], cells: &[Cell<'_>]) -> usize {
    let begun = samples.iter().map(|sample| sample.pass + 1).max().unwrap_or(0);
    let had_its_turn = |cell: &Cell<'_>| {
        let mut own = samples.iter().filter(|s| s.workload == cell.workload && s.allocator == cell.allocator);
        own.any(|sample| sample.pass + 1 == begun)
    };
    let mut expected = cells.iter().filter(|cell| matches!(cell.status, Status::Ok | Status::NotRun));
    if expected.all(had_its_turn) { begun } else { begun.saturating_sub(1) }
}

fn warnings(record: &RunRecord, passes: usize, samples: &[Sample], cells: &[Cell<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    if record.finished_utc.is_none() {
        warnings.push("the run is not finished".to_owned());
    }
    if record.machine.reports_free_pages && !record.plan.params.levelled {
        warnings.push("free memory was not levelled: times depend on what ran before".to_owned());
    }
    if record.workers_from_folder {
        let warning = "the workers were built before and taken from a folder: what they were built from, and how, is not known; \
                       commit and compiler are those found when the run began";
        warnings.push(warning.to_owned());
    }
    warnings.extend(flags_warning(record));
    warnings.extend(compilers_warning(record));
    warnings.extend(exit_warning(record, cells));
    let disturbed = samples.iter().filter(|sample| sample.noise.disturbed(sample.total_ns)).count();
    if disturbed as f64 > NOISY_SHARE * samples.len() as f64 {
        let percent = 100 * disturbed / samples.len();
        warnings.push(format!("noisy machine: {percent} % of the samples waited for others"));
    }
    let discarded: usize = samples.iter().map(|sample| sample.discarded.len()).sum();
    if discarded as f64 > TOLD_SHARE * samples.len() as f64 {
        let executions = samples.len() + discarded;
        let hit = samples.iter().filter(|sample| sample.noise.is_stolen(sample.total_ns)).count();
        warnings.push(format!(
            "{discarded} of {executions} executions do not count: others had their cores, so they were taken again; \
             {hit} of the {} that count were hit, too",
            samples.len()
        ));
    }
    if passes < MIN_OBSERVATIONS {
        warnings
            .push(format!("only {}: intervals are ranges from least to greatest", passes_in_words(passes)));
    }
    let reference = &record.plan.reference;
    for cell in cells.iter().filter(|cell| cell.allocator == reference && cell.status != Status::Ok) {
        warnings.push(format!("{}: no ratios, because {reference} has {}", cell.workload, cell.status));
    }
    for sample in samples.iter().filter(|sample| sample.status != Status::Ok) {
        let forgiven = cells.iter().any(|cell| {
            cell.workload == sample.workload
                && cell.allocator == sample.allocator
                && cell.status == Status::Ok
        });
        if forgiven {
            let Sample { workload, allocator, status, pass, .. } = sample;
            warnings
                .push(format!("{workload} under {allocator}: {status} in pass {}, well otherwise", pass + 1));
        }
    }
    warnings
}

/// That the environment had flags for the compiler, which take the place of the project's own.
fn flags_warning(record: &RunRecord) -> Option<String> {
    let names = record.toolchain.set_flags();
    let are = if names.len() == 1 { "was" } else { "were" };
    (!names.is_empty()).then(|| {
        format!(
            "{} {are} set: what is built so lacks the flags that treat all allocators alike; measure again without",
            names.join(" and ")
        )
    })
}

/// That the environment had compilers for C, or flags for them, which build the allocators that need one.
fn compilers_warning(record: &RunRecord) -> Option<String> {
    let names: Vec<&str> = record.toolchain.c_environment.keys().map(String::as_str).collect();
    let is_built = |allocator: &&AllocatorRecord| {
        let needs = &allocator.config.needs;
        allocator.status == Status::Ok && needs.iter().any(|tool| ["cc", "c++"].contains(&tool.as_str()))
    };
    let built: Vec<&str> =
        record.allocators.iter().filter(is_built).map(|allocator| allocator.config.id.as_str()).collect();
    (!names.is_empty() && !built.is_empty()).then(|| {
        format!(
            "{} {} set: allocators in C and C++ ({}) are built with that, and the others are not; measure again without",
            names.join(" and "),
            if names.len() == 1 { "was" } else { "were" },
            built.join(", ")
        )
    })
}

/// That a user's command never ends well, which it may be meant to do.
fn exit_warning(record: &RunRecord, cells: &[Cell<'_>]) -> Option<String> {
    let name = record.plan.command.as_ref().and(record.plan.workloads.first())?;
    let mut reports = cells.iter().flat_map(|cell| cell.reports.iter().flatten());
    let code = reports.find_map(|report| exit_code(report.checksum.as_deref()?))?;
    (code != 0).then(|| {
        format!("{name} ends with exit code {code} under every allocator that has figures; if it should not, they say nothing")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_the_version_once_and_what_is_remarked() {
        let cases = [
            ("mimalloc-rs", "mimalloc-rs 0.1.0", "mimalloc-rs 0.1.0"),
            ("mimalloc C v3", "mimalloc 3.1.5", "mimalloc C v3.1.5"),
            ("mimalloc C v3", "mimalloc 2.2.4", "mimalloc C v3 2.2.4"),
            ("jemalloc", "jemalloc 5.3.1", "jemalloc 5.3.1"),
            ("tcmalloc", "tcmalloc-better 0.1.19", "tcmalloc-better 0.1.19"),
            ("tcmalloc", "tcmalloc-better 0.1.19, with less", "tcmalloc-better 0.1.19, with less"),
            ("glibc malloc", "glibc 2.36", "glibc malloc 2.36"),
            ("jemalloc (preload)", "libjemalloc.so.2", "jemalloc (preload)"),
            ("jemalloc", "1.0", "jemalloc 1.0"),
            ("jemalloc", "", "jemalloc"),
        ];
        for (configured, stated, expected) in cases {
            assert_eq!(label(configured, stated), expected, "{configured} and {stated}");
        }
    }
}
