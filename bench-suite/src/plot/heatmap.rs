//! The whole result at a glance: allocator by workload, the ratio in every cell.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{self, GRID, INK, MUTED, Rgb, SATURATED_OCTAVES, STEP_OCTAVES};
use super::furniture::{Origin, Sheet};
use super::matrix::{Cell, Matrix};
use super::numbers;
use super::wording;
use crate::summary::{Pattern, RunInfo};

/// Room for the names of the allocators.
const NAMES: f64 = 232.0;
/// Room for the names of the workloads and what the reference needed.
const HEAD: f64 = 58.0;
/// Room for the key of the colours.
const KEY: f64 = 64.0;
/// Space that sets the means apart from the workloads.
const ASIDE: f64 = 14.0;
/// Ground of a cell without a number.
pub(super) const EMPTY: Rgb = Rgb(0xF1, 0xF1, 0xF1);

/// The heatmap of one metric.
pub struct Heatmap<'a> {
    run: &'a RunInfo,
    matrix: Matrix<'a>,
    title: String,
}

impl<'a> Heatmap<'a> {
    /// The heatmap of all workloads of a run.
    pub fn new(run: &'a RunInfo, matrix: Matrix<'a>) -> Self {
        let words = wording::metric(matrix.metric);
        let title = format!("{} relative to {}: all workloads", words.title, matrix.reference_label());
        Self { run, title, matrix }
    }

    fn draw_key<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area) {
        let words = wording::metric(self.matrix.metric);
        let lettering = Lettering::new(17.0, MUTED);
        let steps = (SATURATED_OCTAVES / STEP_OCTAVES) as i32;
        let box_width = 18.0;
        let total = box_width * f64::from(2 * steps + 1);
        let left = area.x + (area.width - total) / 2.0;
        let bar = Area { x: left, y: area.y + 4.0, width: total, height: 20.0 };
        for step in -steps..=steps {
            let octaves = f64::from(step) * STEP_OCTAVES;
            let cell = Area { x: left + f64::from(step + steps) * box_width, width: box_width, ..bar };
            canvas.fill(cell, colour::diverging(octaves.exp2()));
            let whole = octaves.fract() == 0.0;
            if whole {
                let label = match step {
                    s if s == -steps => "≤ 0.25×".to_owned(),
                    s if s == steps => "≥ 4×".to_owned(),
                    _ => format!("{}×", octaves.exp2()),
                };
                canvas.text((cell.x + box_width / 2.0, bar.bottom() + 22.0), &label, &lettering.centred());
            }
        }
        canvas.outline(bar, 1.0, GRID);
        let baseline = bar.y + bar.height / 2.0 + lettering.half_height();
        canvas.text((bar.x - 14.0, baseline), words.better, &lettering.right());
        canvas.text((bar.right() + 14.0, baseline), words.worse, &lettering);
    }

    fn draw_cell<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area, content: &Cell, strong: bool) {
        let inner =
            Area { x: area.x + 0.5, y: area.y + 0.5, width: area.width - 1.0, height: area.height - 1.0 };
        let middle = |lettering: &Lettering| {
            (inner.x + inner.width / 2.0, inner.y + inner.height / 2.0 + lettering.half_height())
        };
        match content {
            Cell::Measured(ratio) => {
                let ground = colour::diverging(ratio.value);
                canvas.fill(inner, ground);
                let plain = Lettering::new((inner.height * 0.5).clamp(10.0, 21.0), ground.ink_on()).centred();
                let lettering = if strong { plain.bold() } else { plain };
                let text = lettering.fitted(&numbers::ratio(ratio.value), inner.width);
                canvas.text(middle(&lettering), &text, &lettering);
            }
            Cell::Failed(reason) => {
                canvas.fill(inner, EMPTY);
                canvas.hatch(inner, Pattern::Rising, 12.0, 1.0, Rgb(0xD4, 0xD4, 0xD4));
                let lettering = Lettering::new((inner.height * 0.4).clamp(9.0, 16.0), INK).centred();
                let lettering = lettering.squeezed(reason, inner.width - 12.0, 12.0);
                let text = lettering.fitted(reason, inner.width - 10.0);
                let width = lettering.width(&text) + 8.0;
                let height = lettering.size * 1.3;
                let ground = Area {
                    x: inner.x + (inner.width - width) / 2.0,
                    y: inner.y + (inner.height - height) / 2.0,
                    width,
                    height,
                };
                canvas.fill(ground, EMPTY);
                canvas.text(middle(&lettering), &text, &lettering);
            }
        }
    }

    /// The mean of an allocator as a cell of the last column.
    fn mean(&self, allocator: usize) -> Cell {
        match self.matrix.mean(allocator) {
            Some(mean) => Cell::Measured(mean),
            None => {
                let (ran, of) = (self.matrix.completed(allocator), self.matrix.workloads.len());
                Cell::Failed(format!("{ran} of {of} ran"))
            }
        }
    }
}

impl Sheet for Heatmap<'_> {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn subtitle(&self) -> Vec<String> {
        vec![format!(
            "Median ratio to {} within a pass, lower is better, {}; last column: {}.",
            self.matrix.reference,
            wording::passes(&self.matrix),
            wording::mean_over(&self.matrix),
        )]
    }

    fn description(&self) -> String {
        wording::description(&self.matrix)
    }

    fn origin(&self) -> Origin<'_> {
        self.run.into()
    }

    fn draw_chart<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area) {
        let columns = self.matrix.workloads.len() + 1;
        let width = (area.width - NAMES - ASIDE) / columns as f64;
        let lines = self.matrix.allocators.len().max(1) as f64;
        let height = ((area.height - HEAD - KEY) / lines).min(64.0);
        let left = |column: usize| {
            let aside = if column + 1 == columns { ASIDE } else { 0.0 };
            area.x + NAMES + column as f64 * width + aside
        };
        let top = area.y + HEAD;

        let name = Lettering::new(16.0, INK).bold().centred();
        let small = Lettering::new(16.0, MUTED).centred();
        for (column, workload) in self.matrix.workloads.iter().enumerate() {
            let middle = left(column) + width / 2.0;
            let reference = format!("{} {}", self.matrix.reference, workload.reference);
            for (lettering, text, above) in [(name, &workload.id, 32.0), (small, &reference, 10.0)] {
                let lettering = lettering.squeezed(text, width - 6.0, 12.0);
                canvas.text((middle, top - above), &lettering.fitted(text, width - 6.0), &lettering);
            }
        }
        let middle = left(columns - 1) + width / 2.0;
        let name = name.squeezed("geo. mean", width, 8.0);
        canvas.text((middle, top - 32.0), "geo. mean", &name);
        let over = format!("{} of {}", self.matrix.mean_over(), self.matrix.workloads.len());
        canvas.text((middle, top - 10.0), &over, &small);

        // The grid is what the cells leave free of its colour.
        let frame = Area { x: left(0), y: top, width: width * (columns - 1) as f64, height: height * lines };
        for block in [frame, Area { x: left(columns - 1), width, ..frame }] {
            canvas.fill(block, GRID);
        }
        for (line, allocator) in self.matrix.allocators.iter().enumerate() {
            let y = top + line as f64 * height;
            let plain = Lettering::new((height * 0.45).clamp(10.0, 18.0), INK).right();
            let lettering = if allocator.id == self.matrix.reference { plain.bold() } else { plain };
            let label = lettering.fitted(&allocator.label, NAMES - 14.0);
            canvas.text(
                (area.x + NAMES - 12.0, y + height / 2.0 + lettering.half_height()),
                &label,
                &lettering,
            );
            for (column, workload) in self.matrix.workloads.iter().enumerate() {
                let cell = Area { x: left(column), y, width, height };
                self.draw_cell(canvas, cell, &workload.cells[line], false);
            }
            let cell = Area { x: left(columns - 1), y, width, height };
            self.draw_cell(canvas, cell, &self.mean(line), true);
        }
        self.draw_key(canvas, Area { y: frame.bottom() + 14.0, height: KEY, ..area });
    }
}
