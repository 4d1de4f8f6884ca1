//! The whole result at a glance: allocator by workload, the ratio in every cell.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{self, GRID, INK, MUTED, Rgb, SATURATED_OCTAVES, STEP_OCTAVES};
use super::figure::Figure;
use super::furniture::{Furniture, SHEET};
use super::matrix::{Cell, Matrix, NO_RATIO};
use super::numbers;
use super::wording;
use crate::config::Pattern;
use crate::summary::RunInfo;

const WIDTH: u32 = 1600;
/// Room for the names of the allocators.
const NAMES: f64 = 232.0;
/// Room for the names of the workloads and what the reference needed, if they stand side by side.
const HEAD: f64 = 58.0;
/// Height of a line of cells.
const LINE: f64 = 44.0;
/// Space between the cells and the key of the colours.
const BEFORE_KEY: f64 = 14.0;
/// Room for the key of the colours.
const KEY: f64 = 64.0;
/// Space that sets the means apart from the workloads.
const ASIDE: f64 = 14.0;
/// Ground of a cell without a number.
pub(super) const EMPTY: Rgb = Rgb(0xF1, 0xF1, 0xF1);

/// The two lines above a column.
const HEADING: [Lettering; 2] = [Lettering::new(16.0, INK).bold(), Lettering::new(15.0, MUTED)];

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

    fn furniture(&self) -> Furniture<'_> {
        let subtitle = format!(
            "Median ratio to {} within a pass, lower is better, {}; last column: {}.",
            self.matrix.reference,
            wording::passes(&self.matrix),
            wording::mean_over(&self.matrix),
        );
        Furniture {
            width: WIDTH,
            style: SHEET,
            title: self.title.clone(),
            subtitle: vec![subtitle],
            origin: self.run.into(),
        }
    }

    /// Workloads, and a column for the means.
    fn columns(&self) -> usize {
        self.matrix.workloads.len() + 1
    }

    fn column_width(&self) -> f64 {
        (f64::from(WIDTH) - 2.0 * SHEET.margin - NAMES - ASIDE) / self.columns() as f64
    }

    /// What stands above a column: the name, and what the reference needed or the mean is over.
    fn heading(&self, column: usize) -> [String; 2] {
        match self.matrix.workloads.get(column) {
            Some(workload) => {
                [workload.id.clone(), format!("{} {}", self.matrix.reference, workload.reference)]
            }
            None => {
                let over = format!("{} of {}", self.matrix.mean_over(), self.matrix.workloads.len());
                ["geo. mean".to_owned(), over]
            }
        }
    }

    /// The height that all headings need if they are too wide to stand side by side.
    fn upward_head(&self) -> Option<f64> {
        let widths = (0..self.columns()).flat_map(|column| {
            self.heading(column).into_iter().zip(HEADING).map(|(text, lettering)| lettering.width(&text))
        });
        let widest = widths.fold(0.0, f64::max);
        (widest > 1.2 * self.column_width()).then_some(widest + 16.0)
    }

    fn draw_heading<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        column: usize,
        area: Area,
        upward: bool,
    ) {
        let middle = area.x + area.width / 2.0;
        let lines = self.heading(column).into_iter().zip(HEADING);
        if upward {
            for ((text, lettering), aside) in lines.zip([-2.0, 16.0]) {
                canvas.text((middle + aside, area.bottom() - 8.0), &text, &lettering.upward());
            }
        } else {
            let room = area.width - 6.0;
            for ((text, lettering), above) in lines.zip([32.0, 10.0]) {
                let lettering = lettering.centred().squeezed(&text, room, 12.0);
                canvas.text((middle, area.bottom() - above), &lettering.fitted(&text, room), &lettering);
            }
        }
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
        match content {
            Cell::Measured(ratio) => {
                let ground = colour::diverging(ratio.value);
                canvas.fill(inner, ground);
                let plain = Lettering::new((inner.height * 0.5).clamp(10.0, 21.0), ground.ink_on()).centred();
                let lettering = if strong { plain.bold() } else { plain };
                let text = lettering.fitted(&numbers::ratio(ratio.value), inner.width);
                canvas.text(middle(inner, &lettering), &text, &lettering);
            }
            Cell::NoRatio => draw_missing(canvas, inner, NO_RATIO),
            Cell::Failed(reason) => draw_missing(canvas, inner, reason),
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

/// Fills a cell that has a word instead of a number.
fn draw_missing<B: DrawingBackend>(canvas: &mut Canvas<B>, cell: Area, word: &str) {
    canvas.fill(cell, EMPTY);
    canvas.hatch(cell, Pattern::Rising, 12.0, 1.0, Rgb(0xD4, 0xD4, 0xD4));
    let lettering = Lettering::new((cell.height * 0.4).clamp(9.0, 16.0), INK).centred();
    let lettering = lettering.squeezed(word, cell.width - 12.0, 12.0);
    let text = lettering.fitted(word, cell.width - 10.0);
    let width = lettering.width(&text) + 8.0;
    let height = lettering.size * 1.3;
    let ground = Area {
        x: cell.x + (cell.width - width) / 2.0,
        y: cell.y + (cell.height - height) / 2.0,
        width,
        height,
    };
    canvas.fill(ground, EMPTY);
    canvas.text(middle(cell, &lettering), &text, &lettering);
}

/// Where centred letters stand in the middle of a cell.
fn middle(cell: Area, lettering: &Lettering) -> (f64, f64) {
    (cell.x + cell.width / 2.0, cell.y + cell.height / 2.0 + lettering.half_height())
}

impl Figure for Heatmap<'_> {
    fn size(&self) -> (u32, u32) {
        let furniture = self.furniture();
        let cells = LINE * self.matrix.allocators.len().max(1) as f64;
        let content = self.upward_head().unwrap_or(HEAD) + cells + BEFORE_KEY + KEY;
        (WIDTH, (furniture.above() + content + furniture.below()).ceil() as u32)
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        wording::description(&self.matrix)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let area = self.furniture().draw(canvas, self.size().1);
        let (columns, width) = (self.columns(), self.column_width());
        let left = |column: usize| {
            let aside = if column + 1 == columns { ASIDE } else { 0.0 };
            area.x + NAMES + column as f64 * width + aside
        };
        let upward_head = self.upward_head();
        let head = Area { height: upward_head.unwrap_or(HEAD), ..area };
        for column in 0..columns {
            let place = Area { x: left(column), width, ..head };
            self.draw_heading(canvas, column, place, upward_head.is_some());
        }

        // The grid is what the cells leave free of its colour.
        let frame = Area {
            x: left(0),
            y: head.bottom(),
            width: width * (columns - 1) as f64,
            height: LINE * self.matrix.allocators.len().max(1) as f64,
        };
        for block in [frame, Area { x: left(columns - 1), width, ..frame }] {
            canvas.fill(block, GRID);
        }
        for (line, allocator) in self.matrix.allocators.iter().enumerate() {
            let y = frame.y + line as f64 * LINE;
            let plain = Lettering::new(18.0, INK).right();
            let lettering = if allocator.id == self.matrix.reference { plain.bold() } else { plain };
            let label = lettering.fitted(&allocator.label, NAMES - 14.0);
            let baseline = y + LINE / 2.0 + lettering.half_height();
            canvas.text((area.x + NAMES - 12.0, baseline), &label, &lettering);
            for (column, workload) in self.matrix.workloads.iter().enumerate() {
                let cell = Area { x: left(column), y, width, height: LINE };
                self.draw_cell(canvas, cell, &workload.cells[line], false);
            }
            let cell = Area { x: left(columns - 1), y, width, height: LINE };
            self.draw_cell(canvas, cell, &self.mean(line), true);
        }
        self.draw_key(canvas, Area { y: frame.bottom() + BEFORE_KEY, height: KEY, ..area });
    }
}
