//! The legend of the bar charts: every allocator with its geometric mean, in columns.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{INK, MUTED, PAPER, Rgb};
use super::matrix::Matrix;
use super::numbers;
use crate::summary::{AllocatorInfo, Pattern};

const LINE: f64 = 28.0;
const MOST_COLUMNS: usize = 7;
/// Between an entry and the next.
const GAP: f64 = 30.0;
const LETTERS: Lettering = Lettering::new(18.0, INK);
const SWATCH: (f64, f64) = (24.0, 16.0);

/// The colour of an allocator; grey if the summary does not name a valid one.
pub(super) fn colour_of(allocator: &AllocatorInfo) -> Rgb {
    Rgb::parse(&allocator.colour).unwrap_or(MUTED)
}

/// Fills `area` in the colour and pattern of an allocator.
pub(super) fn fill<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, allocator: &AllocatorInfo) {
    canvas.fill(area, colour_of(allocator));
    if allocator.pattern != Pattern::Solid {
        canvas.hatch(area, allocator.pattern, 10.0, 1.0, PAPER);
        canvas.outline(area, 1.5, colour_of(allocator));
    }
}

/// One allocator as the legend writes it.
struct Entry<'a> {
    allocator: &'a AllocatorInfo,
    name: String,
    mean: String,
}

impl Entry<'_> {
    fn width(&self) -> f64 {
        SWATCH.0 + 8.0 + LETTERS.width(&self.name) + 8.0 + LETTERS.bold().width(&self.mean)
    }
}

/// The label; the reference's with its id, by which the rest of the chart calls it.
fn name_of(allocator: &AllocatorInfo, matrix: &Matrix) -> String {
    if allocator.id == matrix.reference {
        format!("{} ({})", allocator.label, allocator.id)
    } else {
        allocator.label.clone()
    }
}

/// The widths of as many columns as fit into `room` when filled line by line.
fn columns(entries: &[Entry], room: f64) -> Vec<f64> {
    let widths_of = |columns: usize| -> Vec<f64> {
        let column = |first: usize| entries.iter().skip(first).step_by(columns).map(Entry::width);
        (0..columns).map(|first| column(first).fold(0.0, f64::max) + GAP).collect()
    };
    (2..=MOST_COLUMNS.min(entries.len()).max(1))
        .rev()
        .map(widths_of)
        .find(|widths| widths.iter().sum::<f64>() - GAP <= room)
        .unwrap_or_else(|| vec![room])
}

/// Draws the legend at the top of `area` and returns the space below it.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, matrix: &Matrix) -> Area {
    let entries: Vec<Entry> = matrix
        .allocators
        .iter()
        .enumerate()
        .map(|(at, allocator)| Entry {
            allocator,
            name: LETTERS.fitted(&name_of(allocator, matrix), area.width / 2.0),
            mean: matrix.mean(at).map_or_else(|| "–".to_owned(), |mean| numbers::ratio(mean.value)),
        })
        .collect();
    let columns = columns(&entries, area.width);
    for (line, entries) in entries.chunks(columns.len()).enumerate() {
        let middle = area.y + (line as f64 + 0.5) * LINE;
        let baseline = middle + LETTERS.half_height();
        let mut x = area.x;
        for (entry, width) in entries.iter().zip(&columns) {
            let swatch = Area { x, y: middle - SWATCH.1 / 2.0, width: SWATCH.0, height: SWATCH.1 };
            if entry.allocator.id == matrix.reference {
                canvas.level(middle, swatch.x, swatch.right(), 3.0, INK);
            } else {
                fill(canvas, swatch, entry.allocator);
            }
            // The number first: its width is known in every font an SVG viewer may choose.
            let mean = swatch.right() + 8.0;
            canvas.text((mean, baseline), &entry.mean, &LETTERS.bold());
            let name = mean + LETTERS.bold().width(&entry.mean) + 8.0;
            canvas.text((name, baseline), &entry.name, &LETTERS);
            x += width;
        }
    }
    let height = entries.len().div_ceil(columns.len()) as f64 * LINE;
    Area { y: area.y + height, height: area.height - height, ..area }
}
