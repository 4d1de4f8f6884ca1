//! Made-up results in, files out: what every picture and the report must show.

use std::fs;
use std::path::Path;

use super::write_all;
use crate::config::Group;
use crate::plot::bars::Bars;
use crate::plot::figure::{Figure, to_png, to_svg};
use crate::plot::heatmap::Heatmap;
use crate::plot::matrix::Matrix;
use crate::plot::overview::Overview;
use crate::plot::sample;
use crate::summary::{Metric, RelativePace, Summary};

/// All pictures of a run as SVG, each with the name it is written under.
pub(super) fn pictures(summary: &Summary) -> Vec<(&'static str, String)> {
    let run = &summary.run;
    let time = Matrix::new(summary, Metric::Time);
    let rss = Matrix::new(summary, Metric::PeakRss);
    let svg = |figure: &dyn Fn() -> anyhow::Result<String>| figure().expect("drawing into memory works");
    let mut pictures = vec![
        ("overview", svg(&|| to_svg(&Overview::new(run, time.clone(), rss.clone())))),
        ("heatmap-time", svg(&|| to_svg(&Heatmap::new(run, time.clone())))),
        ("heatmap-rss", svg(&|| to_svg(&Heatmap::new(run, rss.clone())))),
    ];
    for (name, matrix, group) in [
        ("time-programs", &time, Group::Programs),
        ("time-stress", &time, Group::Stress),
        ("rss-programs", &rss, Group::Programs),
        ("rss-stress", &rss, Group::Stress),
    ] {
        pictures.extend(Bars::new(run, matrix, group).map(|bars| (name, svg(&|| to_svg(&bars)))));
    }
    pictures
}

fn picture(summary: &Summary, name: &str) -> String {
    let pictures = pictures(summary);
    pictures.into_iter().find(|(stem, _)| *stem == name).expect("the picture is drawn").1
}

/// The texts that are drawn, without title, description and marks.
fn texts(svg: &str) -> Vec<&str> {
    let starts = svg.split("<text ").skip(1);
    starts
        .filter_map(|rest| rest.split_once('>'))
        .filter_map(|(_, text)| text.split_once("</text>"))
        .map(|(text, _)| text.trim())
        .collect()
}

#[test]
fn bars_say_what_they_show() {
    let svg = picture(&sample::summary(), "time-stress");
    let texts = texts(&svg);
    for expected in [
        "Time relative to mimalloc-rs 0.1.0: stress loops",
        "larson",
        "mi 2.31 s",
        "mimalloc-rs 0.1.0 (mi)",
        "jemalloc (preload)",
        "slower",
        "1×",
        "1.72",
        "made-up data: nothing in this picture was measured",
    ] {
        assert!(texts.contains(&expected), "{expected} is missing in {texts:?}");
    }
    let all = texts.join("\n");
    for expected in
        ["lower is better", "n = 7 passes", "95 % bootstrap interval", "geometric mean of 6 workloads"]
    {
        assert!(all.contains(expected), "{expected} is missing");
    }
    for fact in
        ["run made-up-data", "commit 0000000", "2000-01-01", "seed 42", "preset current", "rustc 1.95.0"]
    {
        assert!(all.contains(fact), "{fact} is missing in the footer");
    }
}

#[test]
fn every_bar_has_its_number_and_every_failure_its_reason() {
    let complete = picture(&sample::summary(), "time-stress");
    let numbers = |svg: &str| {
        let drawn = texts(svg);
        drawn.iter().filter(|text| text.contains('.') && text.parse::<f64>().is_ok()).count()
    };
    // Ten bars for each of six workloads and eleven means in the legend.
    assert_eq!(numbers(&complete), 10 * 6 + 11);

    let rough = picture(&sample::rough_summary(), "time-stress");
    let drawn = texts(&rough);
    let failed = |text: &str| drawn.iter().filter(|drawn| **drawn == text).count();
    assert_eq!(failed("× build-failed"), 6);
    assert_eq!(failed("× timeout"), 1);
    assert_eq!(failed("× signal(SIGSEGV)"), 2);
    assert!(rough.contains("range of the passes"), "three passes make no confidence interval");
}

#[test]
fn bars_beyond_the_axis_are_torn_and_numbered() {
    let mut summary = sample::summary();
    let within = texts(&picture(&summary, "time-programs")).join(" ");
    assert!(!within.contains("Torn bars"));
    summary
        .rows
        .iter_mut()
        .filter(|row| row.workload == "cfrac" && row.allocator == "mc")
        .for_each(|row| row.ratio_to_ref = Some(321.0));
    let svg = picture(&summary, "time-programs");
    assert!(texts(&svg).contains(&"321") && texts(&svg).join(" ").contains("Torn bars"));
}

#[test]
fn heatmaps_show_every_cell() {
    let svg = picture(&sample::rough_summary(), "heatmap-rss");
    let drawn = texts(&svg);
    let count = |text: &str| drawn.iter().filter(|drawn| **drawn == text).count();
    assert_eq!(count("build-failed"), 9);
    assert_eq!(count("wrong-output"), 1);
    assert_eq!(count("0 of 9 ran"), 1);
    for expected in ["geo. mean", "5 of 9", "≥ 4×", "less memory", "cache-scratchN", "mi 3.10 MiB"] {
        assert!(drawn.contains(&expected), "{expected} is missing");
    }
}

#[test]
fn overview_counts_what_was_not_completed() {
    let svg = picture(&sample::rough_summary(), "overview");
    let drawn = texts(&svg);
    assert_eq!(drawn.iter().filter(|text| **text == "8 of 9").count(), 4);
    assert!(drawn.contains(&"Peak memory (RSS)"));
}

#[test]
fn overview_draws_the_intervals_of_the_means() {
    let mut summary = sample::summary();
    let with = picture(&summary, "overview");
    assert!(
        texts(&with)
            .contains(&"Whisker through the large dot, where wider than it: 95 % bootstrap interval.")
    );
    let means = summary.means.iter_mut().flat_map(|means| &mut means.of_allocator);
    means.for_each(|mean| mean.ci_low = None);
    // Ten allocators have a line and two caps, each on a white edge, in both panels.
    let marks = |svg: &str| svg.matches("<rect").count() + svg.matches("<line").count();
    assert_eq!(marks(&with) - marks(&picture(&summary, "overview")), 10 * 3 * 2 * 2);
}

#[test]
fn the_report_shows_the_pace_that_each_allocator_found_if_it_is_known() {
    let mut summary = sample::summary();
    let mut lines = || {
        let directory = tempfile::tempdir().expect("a temporary directory");
        write_all(&summary, &[], directory.path()).expect("the report is written");
        let report = fs::read_to_string(directory.path().join("report.md")).expect("the report");
        let jx = summary.allocators.iter_mut().find(|one| one.id == "jx").expect("jx is there");
        jx.pace = Some(RelativePace { ratio: 1.017, standard_error: 0.0045, blocks: 186 });
        let is_of_pace = |line: &&str| line.contains("relative pace") || line.contains("| 186 |");
        report.lines().filter(is_of_pace).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(lines().is_empty());
    let known = lines();
    assert_eq!(known[1..], ["| jx | 1.017 | 0.0045 | 186 |"], "{known:?}");
}

#[test]
fn every_picture_and_the_report_show_the_means_of_the_summary() {
    let mut summary = sample::summary();
    for means in &mut summary.means {
        let place = if means.group.is_none() { 0.0 } else { 0.01 };
        let jx = means.of_allocator.iter_mut().find(|mean| mean.allocator == "jx").expect("jx is there");
        (jx.ratio_to_ref, jx.ci_low, jx.ci_high) = (Some(3.33 + place), Some(3.11), Some(3.55));
    }
    for (name, svg) in pictures(&summary) {
        let expected = if name == "overview" || name.starts_with("heatmap") { "3.33" } else { "3.34" };
        assert!(texts(&svg).contains(&expected), "{name}");
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_all(&summary, &[], directory.path()).expect("the report is written");
    let report = fs::read_to_string(directory.path().join("report.md")).expect("the report");
    assert!(report.contains("**3.33** |") && report.contains("**3.33 [3.11, 3.55]** |"));
}

#[test]
fn pictures_describe_themselves_to_those_who_cannot_see_them() {
    let mut summary = sample::rough_summary();
    summary.allocators[3].label = "<jemalloc> & co".to_owned();
    for (name, svg) in pictures(&summary) {
        let (_, description) = svg.split_once("<desc>").expect("a description");
        let (description, _) = description.split_once("</desc>").expect("an end");
        assert!(description.contains("lower is better") && description.contains("build-failed"), "{name}");
        assert!(description.contains("&lt;jemalloc&gt; &amp; co"), "{name}");
    }
}

#[test]
fn nonsense_is_drawn_as_a_failure_and_never_panics() {
    let nonsense = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e308, f64::MIN_POSITIVE];
    for value in nonsense {
        let mut summary = sample::summary();
        for (at, row) in summary.rows.iter_mut().enumerate() {
            match at % 5 {
                0 => row.ratio_to_ref = Some(value),
                1 => row.ci_low = Some(value),
                2 => row.ci_high = Some(value),
                3 => row.median = Some(value),
                _ => (row.median, row.ratio_to_ref, row.ci_low, row.ci_high) = (None, None, None, None),
            }
        }
        let means = summary.means.iter_mut().flat_map(|means| &mut means.of_allocator);
        for (at, mean) in means.enumerate() {
            match at % 3 {
                0 => mean.ratio_to_ref = Some(value),
                1 => mean.ci_low = Some(value),
                _ => mean.ci_high = Some(value),
            }
        }
        for (name, svg) in pictures(&summary) {
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name} with {value}");
            let ratio_is_usable = value.is_finite() && value > 0.0;
            assert!(ratio_is_usable || name == "overview" || svg.contains("no ratio"), "{name} with {value}");
        }
    }
}

#[test]
fn odd_runs_are_drawn() {
    let mut only_failures = sample::summary();
    for row in &mut only_failures.rows {
        (row.status, row.ratio_to_ref, row.median) = ("build-failed".to_owned(), None, None);
    }
    let mut long_words = sample::summary();
    long_words.run.machine = "a machine with a very long description ".repeat(20);
    long_words.run.warnings = vec!["noise ".repeat(100); 9];
    long_words.allocators.iter_mut().for_each(|allocator| allocator.label = "name ".repeat(60));
    long_words.allocators[2].colour = "not a colour".to_owned();
    let mut alone = sample::summary();
    alone.allocators.truncate(1);
    let mut no_reference = sample::summary();
    no_reference.allocators.remove(0);
    no_reference.rows.retain(|row| row.allocator != "mi");
    let mut many = sample::summary();
    for copy in 0..12 {
        let again = many.rows.iter().filter(|row| row.workload == "larson").cloned();
        let renamed = again.map(|row| crate::summary::SummaryRow { workload: format!("own-{copy}"), ..row });
        let renamed: Vec<_> = renamed.collect();
        many.rows.extend(renamed);
    }
    for (summary, expected) in [(only_failures, 7), (long_words, 7), (alone, 3), (no_reference, 7), (many, 7)]
    {
        assert_eq!(pictures(&summary).len(), expected);
    }
}

#[test]
fn png_holds_the_picture_at_twice_the_size() {
    let summary = sample::summary();
    let overview = Overview::new(
        &summary.run,
        Matrix::new(&summary, Metric::Time),
        Matrix::new(&summary, Metric::PeakRss),
    );
    let file = to_png(&overview).expect("drawing into memory works");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().expect("a PNG header");
    let (width, height) = overview.size();
    assert_eq!((reader.info().width, reader.info().height), (2 * width, 2 * height));

    let mut pixels = vec![0; reader.output_buffer_size().expect("a size that fits")];
    reader.next_frame(&mut pixels).expect("a PNG image");
    let share = |wanted: [u8; 3]| {
        let found = pixels.chunks_exact(3).filter(|pixel| **pixel == wanted).count();
        found as f64 / f64::from(4 * width * height)
    };
    assert!((0.5..0.95).contains(&share([255, 255, 255])), "paper is most of it, not all");
    assert!(share([0xD5, 0x5E, 0x00]) > 0.0001, "the reference has its mark");
    let title = pixels.chunks_exact(3).take(2 * width as usize * 90).filter(|pixel| pixel[0] < 0x30).count();
    assert!(title > 2000, "the title is written: {title}");
}

#[test]
fn the_same_summary_gives_the_same_files() {
    let mut shuffled = sample::rough_summary();
    shuffled.rows.reverse();
    assert_eq!(pictures(&sample::rough_summary()), pictures(&shuffled));
}

#[test]
fn everything_is_written_and_returned() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut summary = sample::rough_summary();
    // One small picture pair fewer to draw per group is enough to see the rest.
    summary.rows.retain(|row| row.workload == "cfrac" || row.workload == "larson");
    let files = write_all(&summary, &[], directory.path()).expect("the report is written");
    let mut names: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(directory.path()).expect("inside").display().to_string())
        .collect();
    names.sort();
    let stems = [
        "heatmap-rss",
        "heatmap-time",
        "overview",
        "rss-programs",
        "rss-stress",
        "time-programs",
        "time-stress",
    ];
    let mut expected: Vec<String> =
        stems.iter().flat_map(|stem| ["png", "svg"].map(|kind| format!("charts/{stem}.{kind}"))).collect();
    expected.push("report.md".to_owned());
    assert_eq!(names, expected);
    assert!(files.iter().all(|file| fs::metadata(file).is_ok_and(|file| file.len() > 0)));

    let report = fs::read_to_string(directory.path().join("report.md")).expect("the report");
    let at = |text: &str| report.find(text).unwrap_or_else(|| panic!("{text} is missing in {report}"));
    assert!(at("## Failed") < at("## Time"), "what failed comes first");
    assert!(at("| larson | 2.31 s | 1.21 |") < at("## How to read this"));
    for expected in [
        "(charts/time-stress.png)",
        "× build-failed",
        "> **Warning:** CPU steal",
        "rusty\\_alloc 0.3.0",
        "were discarded and taken again, within bounds",
        "no pass in which both it and mi have a figure above zero",
    ] {
        at(expected);
    }
}

#[test]
fn groups_that_did_not_run_have_no_chart() {
    let mut summary = sample::summary();
    summary.rows.retain(|row| row.workload == "cfrac");
    let names: Vec<&str> = pictures(&summary).into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"time-programs") && !names.contains(&"time-stress"));
}

#[test]
fn an_empty_summary_and_a_bad_directory_are_clear_errors() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let error =
        |summary: &Summary, at: &Path| format!("{:#}", write_all(summary, &[], at).expect_err("must fail"));

    let mut empty = sample::summary();
    empty.rows.clear();
    assert!(error(&empty, directory.path()).contains("no sample was taken"));
    assert!(fs::read_dir(directory.path()).expect("readable").next().is_none(), "nothing is written");

    let mut nameless = sample::summary();
    nameless.allocators.clear();
    assert!(error(&nameless, directory.path()).contains("names no allocators"));

    let file = directory.path().join("file");
    fs::write(&file, "").expect("writable");
    assert!(error(&sample::summary(), &file).contains("cannot create"));
}
