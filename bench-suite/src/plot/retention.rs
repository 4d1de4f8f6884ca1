//! What stays of a workload: memory that is still resident a second after everything was freed.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{self, GRID, INK, MUTED, Rgb};
use super::figure::Figure;
use super::furniture::{Furniture, SHEET};
use super::heatmap::EMPTY;
use super::legend;
use super::matrix;
use super::memory;
use super::numbers;
use crate::config::Pattern;
use crate::curve::Curve;
use crate::summary::{AllocatorInfo, RunInfo, Summary};

const WIDTH: u32 = 1600;
/// Height of a line of cells.
const LINE: f64 = 44.0;
/// Room for the names of the workloads and what they need.
const NAMES: f64 = 236.0;
/// Room for the key of the colours.
const KEY: f64 = 64.0;
/// Room for the names of the allocators.
const HEAD: f64 = 62.0;
const MIB: f64 = 1_048_576.0;

/// Memory kept after freeing, workload by allocator.
pub struct Retention<'a> {
    run: &'a RunInfo,
    reference: &'a str,
    allocators: Vec<&'a AllocatorInfo>,
    rows: Vec<Row<'a>>,
}

/// One workload.
struct Row<'a> {
    workload: &'a str,
    /// By how much the reference grew, in words.
    growth: String,
    cells: Vec<Cell>,
}

/// One workload under one allocator.
enum Cell {
    /// What is resident more than before the row in bytes, how many times as much that is, and the
    /// share it is of what the row made the reference grow by.
    Kept { above: f64, ratio: f64, share: f64 },
    /// It is not known, for this reason.
    Unknown(String),
}

impl Cell {
    fn of(curve: Result<&Curve, String>, growth: f64) -> Self {
        let memory = curve.map(|curve| curve.memory.filter(|memory| memory.begin > 0));
        match memory {
            Err(reason) => Self::Unknown(reason),
            Ok(None) => Self::Unknown("not told".to_owned()),
            Ok(Some(memory)) => {
                let (before, after) = (memory.begin as f64, memory.settled_1s as f64);
                let above = after - before;
                Self::Kept { above, ratio: after / before, share: above / growth }
            }
        }
    }
}

impl<'a> Retention<'a> {
    /// The chart of a run; nothing if no worker told what it keeps.
    pub fn new(summary: &'a Summary, curves: &'a [Curve]) -> Option<Self> {
        let find = |workload: &str, allocator: &str| memory::find(summary, curves, workload, allocator);
        let growth = |workload: &str, allocator: &str| {
            let memory = find(workload, allocator).ok()?.memory?;
            Some(memory.peak.saturating_sub(memory.begin).max(1) as f64)
        };
        let row = |workload: &'a str| {
            // Where there is no reference, the shares are those of the thriftiest.
            let reference = growth(workload, &summary.reference);
            let others = summary.allocators.iter().filter_map(|other| growth(workload, &other.id));
            let need = reference.or(others.min_by(f64::total_cmp)).unwrap_or(1.0);
            let told = reference.map_or_else(String::new, |growth| {
                format!("{} grew by {}", summary.reference, numbers::absolute(growth, "bytes"))
            });
            let cells = summary.allocators.iter();
            let cells = cells.map(|allocator| Cell::of(find(workload, &allocator.id), need)).collect();
            Row { workload, growth: told, cells }
        };
        let known = |row: &Row| row.cells.iter().any(|cell| matches!(cell, Cell::Kept { .. }));
        let rows: Vec<Row> = matrix::workloads_of(summary)
            .into_iter()
            .map(|(workload, _)| row(workload))
            .filter(known)
            .collect();
        let allocators = summary.allocators.iter().collect();
        let (run, reference) = (&summary.run, summary.reference.as_str());
        (!rows.is_empty()).then_some(Self { run, reference, allocators, rows })
    }

    fn furniture(&self) -> Furniture<'a> {
        Furniture {
            width: WIDTH,
            style: SHEET,
            title: self.title(),
            subtitle: vec![
                "Resident memory (RSS) one second after everything was freed, the process idle meanwhile, against that \
                 before the row began; lower is better."
                    .to_owned(),
                format!(
                    "In each cell: MiB more than before, and below how many times as much as before. Colour: its share \
                     of what the row made {} grow by.",
                    self.reference
                ),
            ],
            origin: self.run.into(),
        }
    }

    fn draw_head<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, allocator: &AllocatorInfo, area: Area) {
        let middle = area.x + area.width / 2.0;
        let room = area.width - 6.0;
        let bold = Lettering::new(16.0, INK).bold().centred();
        canvas.text((middle, area.y + 14.0), &bold.fitted(&allocator.id, room), &bold);
        let small = Lettering::new(13.0, MUTED).centred();
        let (name, version) = halves(&allocator.label);
        for (text, y) in [(name, 31.0), (version, 47.0)] {
            let small = small.squeezed(text, room, 9.0);
            canvas.text((middle, area.y + y), &small.fitted(text, room), &small);
        }
        let mark = Area { y: area.y + 53.0, height: 4.0, ..area };
        canvas.fill(Area { x: mark.x + 4.0, width: mark.width - 8.0, ..mark }, legend::colour_of(allocator));
    }
}

impl Figure for Retention<'_> {
    fn size(&self) -> (u32, u32) {
        let furniture = self.furniture();
        let content = HEAD + LINE * self.rows.len() as f64 + 14.0 + KEY;
        (WIDTH, (furniture.above() + content + furniture.below()).ceil() as u32)
    }

    fn title(&self) -> String {
        "Memory kept a second after everything was freed".to_owned()
    }

    fn description(&self) -> String {
        let of_row = |row: &Row| {
            let cells = row.cells.iter().zip(&self.allocators).map(|(cell, allocator)| match cell {
                Cell::Kept { above, ratio, .. } => {
                    format!("{} {} MiB, {}×", allocator.label, signed(*above), numbers::ratio(*ratio))
                }
                Cell::Unknown(reason) => format!("{} {reason}", allocator.label),
            });
            format!("{}: {}.", row.workload, cells.collect::<Vec<_>>().join("; "))
        };
        let rows: Vec<String> = self.rows.iter().map(of_row).collect();
        format!("More than before the row, lower is better. {}", rows.join(" "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let area = self.furniture().draw(canvas, self.size().1);
        let width = ((area.width - NAMES) / self.allocators.len() as f64).min(150.0);
        let grid = Area {
            x: area.x + NAMES,
            y: area.y + HEAD,
            width: width * self.allocators.len() as f64,
            height: LINE * self.rows.len() as f64,
        };
        canvas.fill(grid, GRID);
        for (column, allocator) in self.allocators.iter().enumerate() {
            let x = grid.x + column as f64 * width;
            self.draw_head(canvas, allocator, Area { x, width, y: area.y, height: HEAD });
        }
        let name = Lettering::new(16.0, INK).bold().right();
        let growth = Lettering::new(13.0, MUTED).right();
        for (line, row) in self.rows.iter().enumerate() {
            let y = grid.y + line as f64 * LINE;
            let name = name.squeezed(row.workload, NAMES - 14.0, 11.0);
            canvas.text((grid.x - 10.0, y + 18.0), &name.fitted(row.workload, NAMES - 14.0), &name);
            canvas.text((grid.x - 10.0, y + 35.0), &growth.fitted(&row.growth, NAMES - 14.0), &growth);
            for (column, cell) in row.cells.iter().enumerate() {
                let x = grid.x + column as f64 * width;
                draw_cell(canvas, Area { x, y, width, height: LINE }, cell);
            }
        }
        let key = Area { y: grid.bottom() + 14.0, height: KEY, ..area };
        draw_key(canvas, key);
    }
}

fn draw_cell<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, cell: &Cell) {
    let inner = Area { x: area.x + 0.5, y: area.y + 0.5, width: area.width - 1.0, height: area.height - 1.0 };
    let middle = inner.x + inner.width / 2.0;
    match cell {
        Cell::Kept { above, ratio, share } => {
            let ground = colour::share(*share);
            canvas.fill(inner, ground);
            let number = Lettering::new(18.0, ground.ink_on()).bold().centred();
            let times = Lettering::new(13.0, ground.ink_on()).centred();
            canvas.text((middle, area.y + 19.5), &number.fitted(&signed(*above), inner.width), &number);
            canvas.text((middle, area.y + 36.0), &format!("{}×", numbers::ratio(*ratio)), &times);
        }
        Cell::Unknown(reason) => {
            canvas.fill(inner, EMPTY);
            canvas.hatch(inner, Pattern::Rising, 12.0, 1.0, Rgb(0xD4, 0xD4, 0xD4));
            let lettering = Lettering::new(14.0, INK).centred();
            let lettering = lettering.squeezed(reason, inner.width - 12.0, 10.0);
            let text = lettering.fitted(reason, inner.width - 10.0);
            let width = lettering.width(&text) + 8.0;
            let height = lettering.size * 1.3;
            let y = inner.y + (inner.height - height) / 2.0;
            canvas.fill(Area { x: middle - width / 2.0, y, width, height }, EMPTY);
            canvas.text((middle, inner.y + inner.height / 2.0 + lettering.half_height()), &text, &lettering);
        }
    }
}

/// The colours and what they stand for.
fn draw_key<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area) {
    const STEPS: u32 = 16;
    const STEP: f64 = 34.0;
    let lettering = Lettering::new(17.0, MUTED);
    let width = STEP * f64::from(STEPS + 1);
    let bar = Area { x: area.x + (area.width - width) / 2.0, y: area.y + 4.0, width, height: 20.0 };
    for step in 0..=STEPS {
        let share = f64::from(step) / f64::from(STEPS);
        let cell = Area { x: bar.x + f64::from(step) * STEP, width: STEP, ..bar };
        canvas.fill(cell, colour::share(share));
        if step % 4 == 0 {
            let most = if step == STEPS { "≥ " } else { "" };
            let label = format!("{most}{:.0} %", 100.0 * share);
            canvas.text((cell.x + STEP / 2.0, bar.bottom() + 22.0), &label, &lettering.centred());
        }
    }
    canvas.outline(bar, 1.0, GRID);
    let baseline = bar.y + bar.height / 2.0 + lettering.half_height();
    canvas.text((bar.x - 14.0, baseline), "all given back", &lettering.right());
    canvas.text((bar.right() + 14.0, baseline), "all kept", &lettering);
}

/// A difference of bytes in MiB, always with a sign.
fn signed(bytes: f64) -> String {
    let mebibytes = bytes / MIB;
    let digits = match mebibytes.abs() {
        size if size < 9.995 => format!("{size:.2}"),
        size if size < 99.95 => format!("{size:.1}"),
        size => format!("{size:.0}"),
    };
    match digits.as_str() {
        "0.00" => digits,
        _ if mebibytes < 0.0 => format!("−{digits}"),
        _ => format!("+{digits}"),
    }
}

/// A label in two lines: what follows the last space is the version, or what kind it is.
fn halves(label: &str) -> (&str, &str) {
    label.rsplit_once(' ').unwrap_or((label, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_and_three_digits() {
        let cases = [(0.001, "0.00"), (12.34, "+12.3"), (-0.5, "−0.50"), (9.999, "+10.0"), (1234.5, "+1234")];
        for (mebibytes, expected) in cases {
            assert_eq!(signed(mebibytes * MIB), expected);
        }
    }
}
