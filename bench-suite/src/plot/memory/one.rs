//! One workload on a sheet of its own.

use plotters_backend::DrawingBackend;

use super::{Lines, panel};
use crate::plot::canvas::{Area, Canvas};
use crate::plot::furniture::{Origin, Sheet};
use crate::plot::legend;
use crate::summary::RunInfo;

/// Space between the legend and the plot.
const AFTER_LEGEND: f64 = 14.0;

/// Memory over time of one workload.
pub struct OneCurve<'a> {
    run: &'a RunInfo,
    lines: Lines<'a>,
}

impl<'a> OneCurve<'a> {
    /// The chart of `lines`.
    pub fn new(run: &'a RunInfo, lines: Lines<'a>) -> Self {
        Self { run, lines }
    }
}

impl Sheet for OneCurve<'_> {
    fn title(&self) -> String {
        format!("Memory over time: {}", self.lines.workload)
    }

    fn subtitle(&self) -> Vec<String> {
        let explained = [
            "Resident memory (RSS) of one execution under each allocator, in a pass that is not timed; lower is better. \
             In the legend: the peak."
                .to_owned(),
            self.lines.explanation(),
        ];
        explained.into_iter().chain(self.lines.cut()).collect()
    }

    fn description(&self) -> String {
        self.lines.description()
    }

    fn origin(&self) -> Origin<'_> {
        self.run.into()
    }

    fn draw_chart<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area) {
        let entries = self.lines.legend(area.width);
        let rest = legend::draw_entries(canvas, area, &entries, |canvas, swatch, allocator| {
            panel::swatch(canvas, swatch, allocator, self.lines.reference);
        });
        let plot = Area { y: rest.y + AFTER_LEGEND, height: rest.height - AFTER_LEGEND - 8.0, ..rest };
        panel::draw(canvas, plot, &self.lines, &panel::LARGE);
    }
}
