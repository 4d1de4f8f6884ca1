//! Grouped bars: for every workload one bar per allocator, growing from the reference's line at 1.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{BAND, FAILED, GRID, INK, MUTED, PAPER};
use super::furniture::{Origin, SHEET, Sheet};
use super::legend;
use super::matrix::{Cell, Matrix, NO_RATIO, Ratio, Workload};
use super::numbers;
use super::scale::Scale;
use super::wording::{self, MetricWords};
use crate::config::{Group, Pattern};
use crate::summary::{AllocatorInfo, RunInfo};

/// Room for the labels of the axis.
const AXIS: f64 = 76.0;
/// Room for the names of the workloads.
const NAMES: f64 = 58.0;
/// Room for upright numbers beyond both ends of the axis.
const BEYOND: f64 = 44.0;
/// Share of a workload's room that stays free between it and its neighbours.
const GAP: f64 = 0.1;
/// The smallest lane into which an upright number fits.
const NARROWEST_FOR_NUMBERS: f64 = 13.0;

const TICK: Lettering = Lettering::new(17.0, MUTED).right();
const NAME: Lettering = Lettering::new(20.0, INK).bold().centred();
const REFERENCE: Lettering = Lettering::new(17.0, MUTED).centred();
const SIDE: Lettering = Lettering::new(17.0, MUTED).upward();
const VALUE: f64 = 16.0;

/// Grouped bars of one metric and one group of workloads.
pub struct Bars<'a> {
    run: &'a RunInfo,
    matrix: Matrix<'a>,
    scale: Scale,
    words: MetricWords,
    title: String,
}

/// One bar's place: its lane, and the middle of it.
#[derive(Clone, Copy)]
struct Lane {
    x: f64,
    width: f64,
}

impl Lane {
    fn middle(&self) -> f64 {
        self.x + self.width / 2.0
    }

    /// The bar itself, a little narrower than its lane.
    fn bar(&self, y: f64, height: f64) -> Area {
        let gap = (self.width * 0.12).clamp(0.5, 4.0);
        Area { x: self.x + gap / 2.0, y, width: self.width - gap, height }
    }
}

impl<'a> Bars<'a> {
    /// The chart of `group`; nothing if the run has no workload of it or nothing to compare.
    ///
    /// `whole` has all groups: its ratios decide where bars are cut in all charts of the metric.
    pub fn new(run: &'a RunInfo, whole: &Matrix<'a>, group: Group) -> Option<Self> {
        let matrix = whole.of_group(group);
        let others = matrix.allocators.iter().filter(|allocator| allocator.id != matrix.reference).count();
        if matrix.workloads.is_empty() || others == 0 {
            return None;
        }
        let limits = Scale::limits(whole.ratios().map(|ratio| ratio.value));
        let ends = matrix.ratios().flat_map(|ratio| {
            let (low, high) = ratio.interval.unwrap_or((ratio.value, ratio.value));
            [low, ratio.value, high]
        });
        let words = wording::metric(matrix.metric);
        let title =
            format!("{} relative to {}: {}", words.title, matrix.reference_label(), wording::group(group));
        Some(Self { run, scale: limits.narrowed_to(ends), words, title, matrix })
    }

    fn cut(&self, ratio: f64) -> bool {
        self.scale.beyond(ratio).is_ne()
    }

    fn y(&self, plot: Area, ratio: f64) -> f64 {
        let inner = plot.height - 2.0 * BEYOND;
        plot.bottom() - BEYOND - self.scale.share(ratio) * inner
    }

    fn draw_axis<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, plot: Area) {
        let one = self.y(plot, 1.0);
        let least = 24.0 / (plot.height - 2.0 * BEYOND).max(1.0);
        for (ratio, label) in self.scale.marks(least) {
            let y = self.y(plot, ratio);
            let lettering = if ratio == 1.0 { Lettering { colour: INK, ..TICK }.bold() } else { TICK };
            canvas.level(y, plot.x, plot.right(), 1.0, GRID);
            canvas.text((plot.x - 10.0, y + lettering.half_height()), label, &lettering);
        }
        let x = SHEET.margin + SIDE.size * 0.4;
        for (word, y, lettering, room) in [
            (self.words.worse, one - 14.0, SIDE, one - plot.y),
            (self.words.better, one + 14.0, SIDE.right(), plot.bottom() - one),
        ] {
            canvas.text((x, y), &lettering.fitted(word, room - 14.0), &lettering);
        }
    }

    fn draw_workload<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        plot: Area,
        room: Area,
        workload: &Workload,
    ) {
        let shown = || {
            self.matrix.allocators.iter().zip(&workload.cells).filter(|(a, _)| a.id != self.matrix.reference)
        };
        let width = room.width * (1.0 - GAP) / shown().count().max(1) as f64;
        // A few allocators do not become a few broad blocks.
        let width = width.min(64.0);
        let start = room.x + (room.width - width * shown().count() as f64) / 2.0;
        for (at, (allocator, cell)) in shown().enumerate() {
            let lane = Lane { x: start + at as f64 * width, width };
            match cell {
                Cell::Measured(ratio) => self.draw_bar(canvas, plot, lane, allocator, ratio),
                Cell::NoRatio => self.draw_missing(canvas, plot, lane, NO_RATIO),
                Cell::Failed(reason) => self.draw_missing(canvas, plot, lane, &format!("× {reason}")),
            }
        }

        let middle = room.x + room.width / 2.0;
        let reference = format!("{} {}", self.matrix.reference, workload.reference);
        for (lettering, text, below) in [(NAME, &workload.id, 26.0), (REFERENCE, &reference, 50.0)] {
            let lettering = lettering.squeezed(text, room.width - 6.0, 13.0);
            let text = lettering.fitted(text, room.width - 6.0);
            canvas.text((middle, plot.bottom() + below), &text, &lettering);
        }
    }

    fn draw_bar<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        plot: Area,
        lane: Lane,
        allocator: &AllocatorInfo,
        ratio: &Ratio,
    ) {
        let one = self.y(plot, 1.0);
        let end = self.y(plot, ratio.value);
        // A bar of no height would look like a missing one.
        let height = (end - one).abs().max(2.0);
        let bar = lane.bar(if end <= one { one - height } else { one }, height);
        legend::fill(canvas, bar, allocator);
        let cut = self.cut(ratio.value);
        if cut {
            tear(canvas, bar, if ratio.value > 1.0 { bar.y + 13.0 } else { bar.bottom() - 13.0 });
        }

        let (mut top, mut bottom) = (bar.y, bar.bottom());
        if let Some((low, high)) = ratio.interval.filter(|_| !cut) {
            let (from, to) = (self.y(plot, high), self.y(plot, low));
            draw_whisker(canvas, lane.middle(), from, to, bar.width, (!self.cut(high), !self.cut(low)));
            (top, bottom) = (top.min(from), bottom.max(to));
        }
        let upwards = ratio.value >= 1.0;
        self.draw_value(
            canvas,
            lane,
            if upwards { top } else { bottom },
            upwards,
            &numbers::ratio(ratio.value),
            cut,
        );
    }

    fn draw_value<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        lane: Lane,
        end: f64,
        upwards: bool,
        text: &str,
        always: bool,
    ) {
        let plain = Lettering::new(VALUE, INK);
        let lettering = if always { plain.bold() } else { plain };
        if self.numbers_are_level(lane) {
            let baseline = if upwards { end - 6.0 } else { end + 6.0 + 2.0 * lettering.half_height() };
            canvas.text((lane.middle(), baseline), text, &lettering.centred());
        } else if lane.width >= NARROWEST_FOR_NUMBERS || always {
            let size = lettering.size.min(lane.width + 1.0).max(11.0);
            let lettering = Lettering { size, ..lettering }.upward();
            let lettering = if upwards { lettering } else { lettering.right() };
            let start = if upwards { end - 6.0 } else { end + 6.0 };
            canvas.text((lane.middle() + lettering.half_height(), start), text, &lettering);
        }
    }

    /// Whether every number of the chart fits into its lane without being turned.
    fn numbers_are_level(&self, lane: Lane) -> bool {
        let lettering = Lettering::new(VALUE, INK).bold();
        self.matrix.ratios().all(|ratio| lettering.width(&numbers::ratio(ratio.value)) + 3.0 <= lane.width)
    }

    /// A hatched outline with the reason, so that nobody takes what is missing for a zero.
    fn draw_missing<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, plot: Area, lane: Lane, reason: &str) {
        let one = self.y(plot, 1.0);
        let top = self.y(plot, self.scale.high);
        let outline = lane.bar(top, one - top);
        canvas.hatch(outline, Pattern::Rising, 10.0, 1.0, FAILED);
        canvas.outline(outline, 1.0, FAILED);

        let size = VALUE.min(outline.width - 1.0).max(9.0);
        let lettering = Lettering::new(size, INK).upward();
        let text = lettering.fitted(reason, outline.height - 16.0);
        let ground = Area {
            x: outline.x + 1.0,
            y: one - 12.0 - lettering.width(&text),
            width: outline.width - 2.0,
            height: lettering.width(&text) + 8.0,
        };
        canvas.fill(ground, PAPER);
        canvas.text((lane.middle() + lettering.half_height(), one - 8.0), &text, &lettering);
    }
}

impl Sheet for Bars<'_> {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn subtitle(&self) -> Vec<String> {
        let reading = format!(
            "Median ratio to {} within a pass, log scale, lower is better; {}, whiskers: {}.",
            self.matrix.reference,
            wording::passes(&self.matrix),
            wording::interval(&self.matrix),
        );
        let mean = wording::mean_over(&self.matrix);
        let torn = self.matrix.ratios().any(|ratio| self.cut(ratio.value));
        let torn = if torn { " Torn bars go on to their number." } else { "" };
        vec![
            reading,
            format!("Bold: {mean}. Below each workload: median of {}.{torn}", self.matrix.reference),
        ]
    }

    fn description(&self) -> String {
        wording::description(&self.matrix)
    }

    fn origin(&self) -> Origin<'_> {
        self.run.into()
    }

    fn draw_chart<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area) {
        let area =
            legend::draw(canvas, Area { y: area.y + 4.0, height: area.height - 4.0, ..area }, &self.matrix);
        let plot = Area {
            x: area.x + AXIS,
            y: area.y + 10.0,
            width: area.width - AXIS,
            height: area.height - NAMES - 20.0,
        };

        let pitch = plot.width / self.matrix.workloads.len() as f64;
        let room = |at: usize| Area { x: plot.x + at as f64 * pitch, width: pitch, ..plot };
        for at in (0..self.matrix.workloads.len()).step_by(2) {
            canvas.fill(room(at), BAND);
        }
        self.draw_axis(canvas, plot);
        for (at, workload) in self.matrix.workloads.iter().enumerate() {
            self.draw_workload(canvas, plot, room(at), workload);
        }
        canvas.level(self.y(plot, 1.0), plot.x, plot.right(), 2.0, INK);
    }
}

/// An upright line from `top` to `bottom` on a white edge, with a cap at each end that is real.
fn draw_whisker<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    x: f64,
    top: f64,
    bottom: f64,
    room: f64,
    (cap_top, cap_bottom): (bool, bool),
) {
    let cap = (room * 0.5).clamp(4.0, 10.0);
    let caps = || [(cap_top, top), (cap_bottom, bottom)].into_iter().filter(|(real, _)| *real);
    for (edge, colour) in [(2.0, PAPER), (0.0, INK)] {
        for (_, y) in caps() {
            canvas.level(y, x - (cap + edge) / 2.0, x + (cap + edge) / 2.0, 1.5 + edge, colour);
        }
        canvas.upright(x, top, bottom, 1.5 + edge, colour);
    }
}

/// A white zigzag through a bar, at `y`, says that it goes on.
fn tear<B: DrawingBackend>(canvas: &mut Canvas<B>, bar: Area, y: f64) {
    const TEETH: usize = 4;
    let tooth = bar.width / TEETH as f64;
    let edge = |offset: f64| {
        (0..=TEETH)
            .map(move |at| (bar.x + at as f64 * tooth, y + offset + if at % 2 == 0 { 3.0 } else { -3.0 }))
    };
    let corners: Vec<(f64, f64)> =
        edge(-2.5).chain(edge(2.5).collect::<Vec<_>>().into_iter().rev()).collect();
    canvas.polygon(&corners, PAPER);
}
