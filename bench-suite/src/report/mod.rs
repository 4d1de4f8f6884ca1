//! The written result of a run: charts and a short report, made from its summary and its curves of memory.

#[cfg(test)]
pub(crate) mod layout_tests;
mod markdown;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use crate::config::Group;
use crate::curve::Curve;
use crate::plot::bars::Bars;
use crate::plot::figure::{self, Figure};
use crate::plot::heatmap::Heatmap;
use crate::plot::matrix::Matrix;
use crate::plot::memory::{AllCurves, Lines, OneCurve};
use crate::plot::overview::Overview;
use crate::plot::retention::Retention;
use crate::summary::{Metric, Summary};

/// A picture in the report: path without extension, relative to the run, and what it shows.
struct Image {
    stem: String,
    title: String,
}

/// Writes `charts/` and `report.md` into `directory` and returns the files.
///
/// Charts that would be empty are left out: of a group without workloads, or all bars when there
/// is nothing besides the reference.
pub fn write_all(summary: &Summary, curves: &[Curve], directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    check(summary)?;
    let charts = directory.join(CHARTS);
    fs::create_dir_all(&charts).with_context(|| format!("cannot create {}", charts.display()))?;

    let mut output = Output { charts: &charts, files: Vec::new(), images: Vec::new() };
    let time = Matrix::new(summary, Metric::Time);
    let rss = Matrix::new(summary, Metric::PeakRss);
    output.add("overview", &Overview::new(&summary.run, time.clone(), rss.clone()))?;
    for (metric, matrix) in [("time", &time), ("rss", &rss)] {
        for group in Group::ALL {
            if let Some(bars) = Bars::new(&summary.run, matrix, group) {
                output.add(&format!("{metric}-{}", group.name()), &bars)?;
            }
        }
    }
    for (metric, matrix) in [("time", &time), ("rss", &rss)] {
        output.add(&format!("heatmap-{metric}"), &Heatmap::new(&summary.run, matrix.clone()))?;
    }

    let images = std::mem::take(&mut output.images);
    let memory = add_memory(summary, curves, &mut output)?;

    let mut files = output.files;
    let report = directory.join("report.md");
    let text = markdown::report(summary, &[time, rss], curves, &images, &memory);
    fs::write(&report, text).with_context(|| format!("cannot write {}", report.display()))?;
    files.push(report);
    Ok(files)
}

/// The pictures of memory over time.
struct MemoryImages {
    /// Those that the report shows.
    shown: Vec<Image>,
    /// Whether what stays after freeing is among them.
    with_retention: bool,
    /// Those it links to, each with its workload.
    linked: Vec<(String, Image)>,
}

fn add_memory(summary: &Summary, curves: &[Curve], output: &mut Output) -> anyhow::Result<MemoryImages> {
    let run = &summary.run;
    let workloads = Lines::of_run(summary, curves);
    if let Some(all) = AllCurves::new(run, &workloads) {
        output.add("curves", &all)?;
    }
    let retention = Retention::new(summary, curves);
    if let Some(retention) = &retention {
        output.add("retention", retention)?;
    }
    let shown = std::mem::take(&mut output.images);
    let names: Vec<String> = workloads.iter().map(|lines| lines.workload.to_owned()).collect();
    let charts: Vec<_> = workloads.into_iter().map(|lines| OneCurve::new(run, lines)).collect();
    let stem = |name: &String| format!("curve-{}", file_name(name));
    let save = |(name, chart): (&String, &OneCurve)| figure::save(chart, output.charts, &stem(name));
    let files: Vec<_> = names.par_iter().zip(&charts).map(save).collect::<anyhow::Result<_>>()?;
    output.files.extend(files.into_iter().flatten());
    let linked = names.into_iter().zip(&charts).map(|(name, chart)| {
        let image = Image { stem: format!("{CHARTS}/{}", stem(&name)), title: chart.title() };
        (name, image)
    });
    Ok(MemoryImages { shown, with_retention: retention.is_some(), linked: linked.collect() })
}

/// A workload's name as part of a file's; programs of the user may be named in any way.
fn file_name(workload: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    workload.chars().map(|c| if harmless(c) { c } else { '-' }).collect()
}

/// Folder of the pictures within a run's folder.
const CHARTS: &str = "charts";

struct Output<'a> {
    charts: &'a Path,
    files: Vec<PathBuf>,
    images: Vec<Image>,
}

impl Output<'_> {
    fn add(&mut self, stem: &str, figure: &impl Figure) -> anyhow::Result<()> {
        self.files.extend(figure::save(figure, self.charts, stem)?);
        self.images.push(Image { stem: format!("{CHARTS}/{stem}"), title: figure.title() });
        Ok(())
    }
}

fn check(summary: &Summary) -> anyhow::Result<()> {
    let run = &summary.run.run_id;
    if summary.rows.is_empty() {
        bail!("run {run} has no results to report: no sample was taken; run the suite again");
    }
    if summary.allocators.is_empty() {
        bail!("run {run} names no allocators: its summary is damaged; make it again from the samples");
    }
    Ok(())
}
