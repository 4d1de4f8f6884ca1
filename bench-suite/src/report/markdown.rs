//! The report as Markdown: what failed first, then the numbers, then how to read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Image, MemoryImages};
use crate::curve::Curve;
use crate::digest::LOOKED_AT;
use crate::plan::passes_in_words;
use crate::plot::matrix::{Cell, Failure, Matrix, NO_RATIO, Ratio, failures};
use crate::plot::{numbers, wording};
use crate::summary::{LibraryInfo, RelativePace, Summary, UNKNOWN_PROFILE};
use crate::workers::LIBRARY_PROFILE;

/// As many digits of a hash as tell files apart; `run.json` has all.
const HASH_SHOWN: usize = 16;

/// The text of `report.md`.
pub(super) fn report(
    summary: &Summary,
    matrices: &[Matrix],
    curves: &[Curve],
    images: &[Image],
    memory_images: &MemoryImages,
) -> String {
    let mut parts = vec![head(summary), failed(summary, matrices, curves)];
    if let Some((overview, rest)) = images.split_first() {
        parts.push(image(overview));
        parts.extend(matrices.iter().map(table));
        parts.push(format!("## Charts\n\n{}", rest.iter().map(image).collect::<Vec<_>>().join("\n\n")));
    }
    parts.extend(memory(memory_images));
    parts.extend(matrices.iter().map(intervals));
    parts.extend(paces(summary));
    parts.extend(libraries(summary));
    parts.push(reading(summary, matrices));
    parts.join("\n\n") + "\n"
}

fn head(summary: &Summary) -> String {
    let run = &summary.run;
    let reference = summary.allocators.iter().find(|allocator| allocator.id == summary.reference);
    let reference = reference.map_or(&summary.reference, |allocator| &allocator.label);
    let mut text = format!("# Allocators compared with {}\n\n", escaped(reference));
    for warning in &run.warnings {
        let _ = writeln!(text, "> **Warning:** {}\n", escaped(warning));
    }
    let _ = write!(
        text,
        "Run `{}`, started {}, commit `{}`: {} of preset {}, size {}, seed {}, {}.\n\n{}\n\nIn every pass each workload ran once under every allocator, in shuffled order, each time \
         in a fresh process. Executions that others on the host disturbed were discarded and taken again, within bounds \
         (`discarded` in `samples.csv`). Ratios are paired: each is the median over the passes of an allocator's figure \
         divided by that of {} in the same pass.",
        run.run_id,
        run.started_utc,
        run.commit,
        passes_in_words(run.passes),
        run.preset,
        run.size,
        run.seed,
        profiles(summary),
        escaped(&wording::machine_line(run)),
        escaped(&summary.reference),
    );
    text
}

/// How what is measured was built.
fn profiles(summary: &Summary) -> String {
    let of_workers = format!("workers built with profile `{}`", summary.run.profile);
    let is_built = |library: &LibraryInfo| library.is_built() && summary.run.profile != UNKNOWN_PROFILE;
    let built =
        summary.allocators.iter().filter(|allocator| allocator.library.as_ref().is_some_and(is_built));
    let built: Vec<String> = built.map(|allocator| escaped(&allocator.id)).collect();
    if built.is_empty() {
        return of_workers;
    }
    format!("{of_workers}, what is preloaded as {} with `{LIBRARY_PROFILE}`", built.join(" and "))
}

fn failed(summary: &Summary, matrices: &[Matrix], curves: &[Curve]) -> String {
    let matrices: Vec<&Matrix> = matrices.iter().collect();
    let failures = failures(&matrices);
    let later = failed_later(summary, &failures, curves);
    if failures.is_empty() && later.is_empty() {
        return "Every allocator completed every workload.".to_owned();
    }
    let mut text = "## Failed\n\n| allocator | reason | workloads |\n|---|---|---|".to_owned();
    let mut line = |allocator: &str, reason: &str, workloads: &[&str]| {
        let workloads = escaped(&workloads.join(", "));
        let _ = write!(text, "\n| {} | {} | {workloads} |", escaped(allocator), escaped(reason));
    };
    for Failure { allocator, reason, workloads } in &failures {
        line(allocator, reason, workloads);
    }
    for ((allocator, reason), workloads) in &later {
        line(allocator, reason, workloads);
    }
    text
}

/// The workloads that failed in no sample, but while their memory was looked at, by allocator and reason.
fn failed_later<'a>(
    summary: &'a Summary,
    failures: &[Failure<'_>],
    curves: &'a [Curve],
) -> BTreeMap<(&'a str, String), Vec<&'a str>> {
    let mut later: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for curve in curves.iter().filter(|curve| curve.is_finding()) {
        let allocator = summary.allocators.iter().find(|allocator| allocator.id == curve.allocator);
        let label = allocator.map_or(&*curve.allocator, |allocator| &*allocator.label);
        let is_known = |failure: &Failure<'_>| {
            failure.allocator == label && failure.workloads.contains(&curve.workload.as_str())
        };
        if !failures.iter().any(is_known) {
            later.entry((label, format!("{} {LOOKED_AT}", curve.status))).or_default().push(&curve.workload);
        }
    }
    later
}

fn image(image: &Image) -> String {
    let title = escaped(&image.title);
    format!("[![{title}]({stem}.png)]({stem}.svg)", stem = image.stem)
}

/// Memory over time, if it was looked at.
fn memory(images: &MemoryImages) -> Option<String> {
    if images.shown.is_empty() {
        return None;
    }
    let shown: Vec<String> = images.shown.iter().map(image).collect();
    let linked: Vec<String> = images
        .linked
        .iter()
        .map(|(name, image)| format!("[{}]({}.svg)", escaped(name), image.stem))
        .collect();
    let mut text = "## Memory over time\n\n\
                    After the measured passes each cell ran once more, with its resident memory looked at every two \
                    milliseconds; none of the times above are from there. All points are in `curves.csv`."
        .to_owned();
    if images.with_retention {
        text += "\n\nWhen a worker had freed everything, it did nothing for a second: memory that an allocator gives \
                 back only when it is called again counts as kept, and so does memory that the kernel may take back but \
                 has not yet (`MADV_FREE`). Figures: `retention.csv`.";
    }
    let _ = write!(text, "\n\n{}\n\nLarger: {}.", shown.join("\n\n"), linked.join(", "));
    Some(text)
}

fn columns(matrix: &Matrix) -> String {
    let ids: Vec<String> = matrix.allocators.iter().map(|allocator| escaped(&allocator.id)).collect();
    format!("| workload | {} |\n|---|{}", ids.join(" | "), "---:|".repeat(ids.len()))
}

/// The ratios of one metric, one line per workload.
fn table(matrix: &Matrix) -> String {
    let words = wording::metric(matrix.metric);
    let mut text = format!("## {}\n\n{}", words.title, columns(matrix));
    let reference = matrix.reference_at();
    for workload in &matrix.workloads {
        let _ = write!(text, "\n| {} |", escaped(&workload.id));
        for (at, cell) in workload.cells.iter().enumerate() {
            let content = match cell {
                Cell::Measured(_) if Some(at) == reference => escaped(&workload.reference),
                Cell::Measured(ratio)
                    if ratio.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0) =>
                {
                    format!("{} ~", numbers::ratio(ratio.value))
                }
                Cell::Measured(ratio) => numbers::ratio(ratio.value),
                Cell::NoRatio => NO_RATIO.to_owned(),
                Cell::Failed(reason) => format!("× {}", escaped(reason)),
            };
            let _ = write!(text, " {content} |");
        }
    }
    let _ = write!(text, "\n{}", mean_heading(matrix));
    for at in 0..matrix.allocators.len() {
        let mean = matrix.mean(at).map_or_else(|| "–".to_owned(), |mean| numbers::ratio(mean.value));
        let _ = write!(text, " **{mean}** |");
    }
    text
}

/// The same with intervals, folded away.
fn intervals(matrix: &Matrix) -> String {
    let words = wording::metric(matrix.metric);
    let mut text = format!(
        "<details><summary>{}: ratios with intervals and passes</summary>\n\n{}",
        words.title,
        columns(matrix)
    );
    for workload in &matrix.workloads {
        let _ = write!(text, "\n| {} |", escaped(&workload.id));
        for cell in &workload.cells {
            let content = match cell {
                Cell::Measured(ratio) if ratio.interval.is_some() => {
                    format!("{} n={}", with_interval(ratio), ratio.passes)
                }
                Cell::Measured(ratio) => numbers::ratio(ratio.value),
                Cell::NoRatio => NO_RATIO.to_owned(),
                Cell::Failed(reason) => format!("× {}", escaped(reason)),
            };
            let _ = write!(text, " {content} |");
        }
    }
    let _ = write!(text, "\n{}", mean_heading(matrix));
    for at in 0..matrix.allocators.len() {
        let mean = matrix.mean(at).map_or_else(|| "–".to_owned(), |mean| with_interval(&mean));
        let _ = write!(text, " **{mean}** |");
    }
    text + "\n\n</details>"
}

/// The first cell of a line of means.
fn mean_heading(matrix: &Matrix) -> String {
    format!("| **mean ({} of {})** |", matrix.mean_over(), matrix.workloads.len())
}

fn with_interval(ratio: &Ratio) -> String {
    let value = numbers::ratio(ratio.value);
    match ratio.interval {
        Some((low, high)) => format!("{value} [{}, {}]", numbers::ratio(low), numbers::ratio(high)),
        None => value,
    }
}

/// Whether the machine was as fast for one allocator as for another, if times are corrected for its pace.
fn paces(summary: &Summary) -> Option<String> {
    let known = summary.allocators.iter().filter_map(|allocator| Some((allocator, allocator.pace?)));
    let lines: String = known
        .map(|(allocator, pace)| {
            let RelativePace { ratio, standard_error, blocks } = pace;
            format!("\n| {} | {ratio:.3} | {standard_error:.4} | {blocks} |", escaped(&allocator.id))
        })
        .collect();
    (!lines.is_empty()).then(|| {
        format!(
            "## The machine's pace under each allocator\n\nTimes are corrected for the pace of the machine, as if no allocator had \
             a part in it. Here is the time of the fixed computation beside each allocator's samples, relative to all that ran the same \
             workload in the same pass. One that is several standard errors off 1.000 was corrected otherwise than the rest: up for \
             less than 1, down for more; compare its `raw_time`.\n\n\
             | allocator | relative pace | standard error | blocks |\n|---|---:|---:|---:|{lines}"
        )
    })
}

/// Which libraries were preloaded, if any: their names alone count interfaces, not versions.
fn libraries(summary: &Summary) -> Option<String> {
    let preloaded =
        summary.allocators.iter().filter_map(|allocator| Some((allocator, allocator.library.as_ref()?)));
    let unknown = || "–".to_owned();
    let lines: String = preloaded
        .map(|(allocator, LibraryInfo { place, hash, identity })| {
            let of = |text: Option<&String>| text.map_or_else(unknown, |text| escaped(text));
            let size = identity.as_ref().map(|identity| numbers::absolute(identity.bytes as f64, "bytes"));
            format!(
                "\n| {} | {} | {} | {} | {} | {} |",
                escaped(&allocator.id),
                escaped(place),
                of(identity.as_ref().and_then(|identity| identity.soname.as_ref())),
                of(identity.as_ref().and_then(|identity| identity.package.as_ref())),
                size.unwrap_or_else(unknown),
                hash.get(..HASH_SHOWN).unwrap_or(hash)
            )
        })
        .collect();
    (!lines.is_empty()).then(|| {
        format!(
            "## Preloaded libraries\n\n| allocator | file | soname | package | size | BLAKE3 |\n|---|---|---|---|---:|---|{lines}"
        )
    })
}

fn reading(summary: &Summary, matrices: &[Matrix]) -> String {
    let reference = escaped(&summary.reference);
    let interval = matrices.first().map_or_else(|| "not known".to_owned(), wording::interval);
    let allocators: Vec<String> = summary
        .allocators
        .iter()
        .map(|allocator| format!("`{}` {}", allocator.id, escaped(&allocator.label)))
        .collect();
    format!(
        "## How to read this\n\n\
         - Allocators: {}.\n\
         - {reference} is 1.00 everywhere; its column shows the absolute median instead. 1.25 is a quarter more time \
         or memory than {reference}, 0.80 a fifth less. Lower is better.\n\
         - Brackets and whiskers: {interval}. `~`: it contains 1, so no difference has been shown.\n\
         - The mean is geometric and only over workloads that every compared allocator completed; an allocator that \
         completed less than half of those that any completed is not compared. It depends on the choice of workloads: look at the rows \
         that resemble your program before the mean.\n\
         - `×`: the cell failed; the word says how. A failed cell is never counted as fast or slow. `no ratio`: it did \
         well, but there is no pass in which both it and {reference} have a figure above zero.",
        allocators.join(", ")
    )
}

/// Text that Markdown shows as it is, also within a table.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\' => plain.extend(['\\', c]),
            '\n' | '\r' => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::sample;

    #[test]
    fn libraries_that_were_built_are_told_with_their_own_profile() {
        let mut summary = sample::summary();
        let library =
            |place: &str| Some(LibraryInfo { place: place.to_owned(), hash: String::new(), identity: None });
        summary.allocators[0].library = library("/usr/lib/libjemalloc.so.2");
        assert_eq!(profiles(&summary), "workers built with profile `worker`");
        summary.allocators[1].library = library("libmimalloc_rs.so");
        let both = format!(
            "workers built with profile `worker`, what is preloaded as {} with `release`",
            summary.allocators[1].id
        );
        assert_eq!(profiles(&summary), both);
        summary.run.profile = UNKNOWN_PROFILE.to_owned();
        assert_eq!(profiles(&summary), "workers built with profile `unknown`");
    }

    #[test]
    fn a_difference_is_marked_as_not_shown_only_where_its_interval_has_one_in_it() {
        let samples = crate::digest::tests::samples(7);
        let mut summary = crate::digest::digest(&crate::digest::tests::record(7), samples).summary;
        let found = [("cfrac", "jx", 0.8), ("cfrac", "sn", 1.05), ("larson", "jx", 1.25)];
        for (workload, allocator, ratio) in found {
            let is_meant = |row: &&mut crate::summary::SummaryRow| {
                row.metric == crate::summary::Metric::Time
                    && row.workload == workload
                    && row.allocator == allocator
            };
            let row = summary.rows.iter_mut().find(is_meant).unwrap();
            (row.ratio_to_ref, row.ci_low, row.ci_high) = (Some(ratio), Some(ratio - 0.1), Some(ratio + 0.1));
        }
        let matrix = Matrix::new(&summary, crate::summary::Metric::Time);
        let table = table(&matrix);
        for cell in ["| 0.80 |", "| 1.05 ~ |", "| 1.25 |"] {
            assert!(table.contains(cell), "{cell}: {table}");
        }
        let intervals = intervals(&matrix);
        assert!(intervals.contains("| 0.80 [0.70, 0.90] n=7 |"), "{intervals}");
    }
}
