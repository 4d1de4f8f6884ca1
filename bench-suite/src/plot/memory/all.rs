//! All workloads on one sheet, a small panel each.

use plotters_backend::DrawingBackend;

use super::{Lines, panel};
use crate::plot::canvas::{Area, Canvas};
use crate::plot::figure::Figure;
use crate::plot::furniture::{Furniture, SHEET};
use crate::plot::legend::{self, Entry};
use crate::summary::RunInfo;

const WIDTH: u32 = 1600;
const MOST_COLUMNS: usize = 4;
/// Height of a panel with its name.
const PANEL: f64 = 236.0;
const HEADING: f64 = 26.0;
/// Space between panels.
const GAP: (f64, f64) = (18.0, 22.0);
/// Space between the legend and the first panel.
const AFTER_LEGEND: f64 = 20.0;

/// Memory over time of every workload.
pub struct AllCurves<'a> {
    run: &'a RunInfo,
    panels: &'a [Lines<'a>],
}

impl<'a> AllCurves<'a> {
    /// The sheet of all `panels`; nothing if there are none.
    pub fn new(run: &'a RunInfo, panels: &'a [Lines<'a>]) -> Option<Self> {
        (!panels.is_empty()).then_some(Self { run, panels })
    }

    /// The allocators by name; the peaks are in the panels.
    fn legend(&self) -> Vec<Entry<'a>> {
        let first = &self.panels[0];
        let room = f64::from(WIDTH) - 2.0 * SHEET.margin;
        let name = |allocator| legend::name_of(allocator, first.reference);
        let lines = first.lines.iter();
        lines.map(|line| Entry::new(line.allocator, String::new(), &name(line.allocator), room)).collect()
    }

    fn columns(&self) -> usize {
        // Up to three lines of three, panels can be larger.
        let columns = if self.panels.len() <= 9 { MOST_COLUMNS - 1 } else { MOST_COLUMNS };
        self.panels.len().clamp(1, columns)
    }

    fn furniture(&self) -> Furniture<'a> {
        Furniture {
            width: WIDTH,
            style: SHEET,
            title: self.title(),
            subtitle: vec![
                "Resident memory (RSS) of one execution under each allocator, in a pass that is not timed; lower is \
                 better. Every panel has axes of its own; lines up to its right edge go on."
                    .to_owned(),
                self.panels[0].explanation(),
            ],
            origin: self.run.into(),
        }
    }
}

impl Figure for AllCurves<'_> {
    fn size(&self) -> (u32, u32) {
        let furniture = self.furniture();
        let room = f64::from(WIDTH) - 2.0 * SHEET.margin;
        let lines = self.panels.len().div_ceil(self.columns()) as f64;
        let content = legend::height(&self.legend(), room) + AFTER_LEGEND + lines * (PANEL + GAP.1);
        (WIDTH, (furniture.above() + content + furniture.below()).ceil() as u32)
    }

    fn title(&self) -> String {
        "Memory over time: all workloads".to_owned()
    }

    fn description(&self) -> String {
        self.panels.iter().map(Lines::description).collect::<Vec<_>>().join(" ")
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let area = self.furniture().draw(canvas, self.size().1);
        let rest = legend::draw_entries(canvas, area, &self.legend(), |canvas, swatch, allocator| {
            panel::swatch(canvas, swatch, allocator, self.panels[0].reference);
        });
        let columns = self.columns();
        let width = (area.width - GAP.0 * (columns - 1) as f64) / columns as f64;
        for (at, lines) in self.panels.iter().enumerate() {
            let (column, line) = (at % columns, at / columns);
            let place = Area {
                x: area.x + column as f64 * (width + GAP.0),
                y: rest.y + AFTER_LEGEND + line as f64 * (PANEL + GAP.1),
                width,
                height: PANEL,
            };
            panel::heading(canvas, place, lines);
            let plot = Area { y: place.y + HEADING, height: place.height - HEADING, ..place };
            panel::draw(canvas, plot, lines, &panel::SMALL);
        }
    }
}
