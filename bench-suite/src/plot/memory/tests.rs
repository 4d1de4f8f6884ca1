use workloads::phases::Phase;

use super::sample::curves;
use super::{AllCurves, Lines, OneCurve, height_at, split};
use crate::curve::{Curve, PhaseAt, Point};
use crate::plot::figure::{Figure, to_svg};
use crate::plot::retention::Retention;
use crate::plot::sample;
use crate::report::layout_tests::check_layout;
use crate::status::Status;
use crate::summary::Summary;

fn svg(figure: &impl Figure) -> String {
    to_svg(figure).expect("drawing into memory works")
}

/// All pictures of memory over time as SVG, each with a name.
fn pictures(summary: &Summary, curves: &[Curve]) -> Vec<(String, String)> {
    let lines = Lines::of_run(summary, curves);
    let mut pictures = Vec::new();
    pictures.extend(AllCurves::new(&summary.run, &lines).map(|all| ("curves".to_owned(), svg(&all))));
    pictures.extend(Retention::new(summary, curves).map(|all| ("retention".to_owned(), svg(&all))));
    for lines in lines {
        let name = format!("curve-{}", lines.workload);
        pictures.push((name, svg(&OneCurve::new(&summary.run, lines))));
    }
    pictures
}

fn picture(summary: &Summary, curves: &[Curve], name: &str) -> String {
    let pictures = pictures(summary, curves);
    pictures.into_iter().find(|(stem, _)| stem == name).expect("the picture is drawn").1
}

fn has_text(svg: &str, text: &str) -> bool {
    svg.contains(&format!("\n{text}\n"))
}

#[test]
fn a_chart_of_one_workload_says_what_it_shows() {
    let summary = sample::summary();
    let svg = picture(&summary, &curves(&summary), "curve-larson");
    for text in [
        "Memory over time: larson",
        "measured part of mi",
        "since the beginning",
        "since all was freed",
        "81.4 MiB",
        "mimalloc-rs 0.1.0 (mi)",
        "100 MiB",
        "made-up data: nothing in this picture was measured",
    ] {
        assert!(has_text(&svg, text), "{text} is missing");
    }
    assert!(svg.contains("lower is better") && !svg.contains("Cut on the right"));
}

#[test]
fn very_slow_allocators_are_cut_and_failed_ones_named() {
    let summary = sample::rough_summary();
    let curves = curves(&summary);
    let svg = picture(&summary, &curves, "curve-cache-scratchN");
    assert!(has_text(&svg, "Cut on the right: tc goes on until 6.22 s."), "{svg}");
    assert!(has_text(&svg, "snmalloc-rs 0.7.6: build-failed"));
    let sh8bench = picture(&summary, &curves, "curve-sh8bench");
    assert!(has_text(&sh8bench, "rpmalloc-rs 0.2.2: timeout"));
    let without: Vec<Curve> = curves.into_iter().filter(|curve| curve.allocator != "jx").collect();
    assert!(has_text(&picture(&summary, &without, "curve-larson"), "jemalloc 5.3.1: not taken"));
}

#[test]
fn retention_has_a_number_for_every_cell_or_a_reason() {
    let summary = sample::rough_summary();
    let curves = curves(&summary);
    let svg = picture(&summary, &curves, "retention");
    let numbers = svg.lines().filter(|line| line.ends_with('×') && line.len() > 2).count();
    let missing = |reason: &str| svg.lines().filter(|line| *line == reason).count();
    assert_eq!((missing("build-failed"), missing("timeout"), missing("wrong-output")), (9, 1, 1));
    assert_eq!(numbers + 9 + 1 + 1 + missing("signal(SIGSEGV)"), 9 * 11);
    let larson = curves.iter().find(|curve| curve.workload == "larson" && curve.allocator == "mi");
    let memory = larson.and_then(|curve| curve.memory).expect("the sample has it");
    let kept = (memory.settled_1s - memory.begin) as f64 / 1_048_576.0;
    assert!(has_text(&svg, &format!("+{kept:.2}")), "{kept}");
}

#[test]
fn texts_keep_their_places() {
    for mut summary in [sample::summary(), sample::rough_summary()] {
        let mut curves = curves(&summary);
        for (name, svg) in pictures(&summary, &curves) {
            check_layout(&name, &svg);
            assert!(!svg.contains('…'), "{name} cuts a text");
        }
        for allocator in &mut summary.allocators {
            allocator.label = format!("{} with a long name of its own", allocator.label);
        }
        let long = "a-workload-of-a-user-with-a-long-name-that-no-panel-has-room-for";
        let rows = summary.rows.iter_mut().map(|row| &mut row.workload);
        let all = rows.chain(curves.iter_mut().map(|curve| &mut curve.workload));
        all.filter(|workload| *workload == "larson").for_each(|workload| long.clone_into(workload));
        let pictures = pictures(&summary, &curves);
        assert!(pictures.iter().any(|(name, _)| name.contains(long)));
        pictures.iter().for_each(|(name, svg)| check_layout(name, svg));
    }
}

#[test]
fn any_number_of_workloads_and_allocators_fits() {
    for workloads in [1, 2, 5, 9] {
        let mut summary = sample::summary();
        summary.rows.retain(|row| sample::ROWS[..workloads].contains(&row.workload.as_str()));
        summary.allocators.truncate(workloads);
        let curves = curves(&summary);
        let pictures = pictures(&summary, &curves);
        assert_eq!(pictures.len(), workloads + 2);
        pictures.iter().for_each(|(name, svg)| check_layout(name, svg));
    }
}

#[test]
fn a_program_without_phases_has_a_curve_and_keeps_nothing() {
    let summary = sample::summary();
    let mut curves = curves(&summary);
    for curve in &mut curves {
        curve.phases.clear();
        curve.memory = None;
    }
    let pictures = pictures(&summary, &curves);
    assert!(pictures.iter().all(|(name, _)| name != "retention"));
    let larson = picture(&summary, &curves, "curve-larson");
    assert!(has_text(&larson, "since the beginning") && !larson.contains("since all was freed"));
    assert!(!larson.contains("measured part of") && larson.contains("From the start of the program"));
}

#[test]
fn odd_curves_are_drawn() {
    let summary = sample::summary();
    let whole = curves(&summary);
    let change = |change: &dyn Fn(&mut Curve)| {
        let mut curves = whole.clone();
        curves.iter_mut().for_each(change);
        pictures(&summary, &curves)
    };
    let expected = whole.len() / summary.allocators.len() + 2;
    let of_nothing = |curve: &mut Curve| curve.points = vec![Point { ms: 0.0, bytes: 0 }];
    let at_once = |curve: &mut Curve| curve.phases.iter_mut().for_each(|at| at.ms = 0.0);
    let huge = |curve: &mut Curve| curve.points.push(Point { ms: 1e12, bytes: u64::MAX });
    let backwards = |curve: &mut Curve| curve.phases.iter_mut().for_each(|at| at.ms = 1e6 - at.ms);
    for pictures in [change(&of_nothing), change(&at_once), change(&huge), change(&backwards)] {
        assert_eq!(pictures.len(), expected);
        assert!(pictures.iter().all(|(_, svg)| !svg.contains("NaN") && !svg.contains("inf")));
    }
    assert!(change(&|curve| curve.status = Status::Oom).is_empty());
    assert!(pictures(&summary, &[]).is_empty());
    let mut shuffled = whole.clone();
    shuffled.reverse();
    assert_eq!(pictures(&summary, &shuffled), pictures(&summary, &whole));
}

#[test]
fn a_line_is_cut_where_asked_even_between_its_points() {
    let points = [(0.0, 10), (10.0, 20), (20.0, 20)].map(Point::from);
    assert_eq!(height_at(&points, 5.0), Some(15));
    assert_eq!((height_at(&points, 0.0), height_at(&points, 20.0)), (Some(10), Some(20)));
    assert_eq!((height_at(&points, -1.0), height_at(&points, 20.1)), (None, None));
    let (before, after) = split(&points, 15.0);
    assert_eq!(before, [(0.0, 10), (10.0, 20), (15.0, 20)].map(Point::from));
    assert_eq!(after, [(0.0, 20), (5.0, 20)].map(Point::from));
    assert_eq!(split(&points, 99.0), (points.to_vec(), Vec::new()));
}

#[test]
fn a_run_ends_when_all_is_freed_or_with_the_last_point() {
    let summary = sample::summary();
    let mut curve = curves(&summary).swap_remove(0);
    curve.phases = vec![PhaseAt { phase: Phase::Drained, ms: 7.0 }];
    assert_eq!(curve.run_end(), Some(7.0));
    curve.phases.clear();
    assert_eq!(curve.run_end(), curve.points.last().map(|point| point.ms));
}
