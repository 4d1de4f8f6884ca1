//! The legend of the bar charts: every allocator with its geometric mean, in columns.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{INK, MUTED, PAPER, Rgb};
use super::matrix::Matrix;
use super::numbers;
use crate::config::Pattern;
use crate::summary::AllocatorInfo;

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
pub(super) struct Entry<'a> {
    allocator: &'a AllocatorInfo,
    name: String,
    number: String,
}

impl<'a> Entry<'a> {
    /// An entry with a number in front of the name, in a legend of the width `room`.
    pub(super) fn new(allocator: &'a AllocatorInfo, number: String, name: &str, room: f64) -> Self {
        Self { allocator, number, name: LETTERS.fitted(name, room / 2.0) }
    }

    /// Where the name begins, from the left of the swatch.
    fn name_at(&self) -> f64 {
        let number = if self.number.is_empty() { 0.0 } else { LETTERS.bold().width(&self.number) + 8.0 };
        SWATCH.0 + 8.0 + number
    }

    fn width(&self) -> f64 {
        self.name_at() + LETTERS.width(&self.name)
    }
}

/// The label; the reference's with its id, by which the rest of the chart calls it.
pub(super) fn name_of(allocator: &AllocatorInfo, reference: &str) -> String {
    if allocator.id == reference {
        format!("{} ({})", allocator.label, allocator.id)
    } else {
        allocator.label.clone()
    }
}

/// The dashes and gaps of a line that stands for an allocator; none for an unbroken one.
pub(super) fn dashes(pattern: Pattern) -> &'static [f64] {
    match pattern {
        Pattern::Solid => &[],
        Pattern::Rising => &[9.0, 5.0],
        Pattern::Falling => &[3.0, 4.0],
        Pattern::Crossed => &[12.0, 4.0, 3.0, 4.0],
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

/// Height of the legend in the width `room`.
pub(super) fn height(entries: &[Entry], room: f64) -> f64 {
    entries.len().div_ceil(columns(entries, room).len()) as f64 * LINE
}

/// Draws the legend of a metric at the top of `area`, each allocator with its mean, and returns the space
/// below it.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, matrix: &Matrix) -> Area {
    let entry = |(at, allocator): (usize, &&AllocatorInfo)| {
        let mean = matrix.mean(at).map_or_else(|| "–".to_owned(), |mean| numbers::ratio(mean.value));
        (mean, name_of(allocator, matrix.reference))
    };
    let texts: Vec<_> = matrix.allocators.iter().enumerate().map(entry).collect();
    let entries: Vec<Entry> = matrix
        .allocators
        .iter()
        .zip(texts)
        .map(|(allocator, (mean, name))| Entry::new(allocator, mean, &name, area.width))
        .collect();
    draw_entries(canvas, area, &entries, |canvas, swatch, allocator| {
        if allocator.id == matrix.reference {
            canvas.level(swatch.y + swatch.height / 2.0, swatch.x, swatch.right(), 3.0, INK);
        } else {
            fill(canvas, swatch, allocator);
        }
    })
}

/// Draws a legend at the top of `area`, the swatches by `draw_swatch`, and returns the space below it.
pub(super) fn draw_entries<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    area: Area,
    entries: &[Entry],
    mut draw_swatch: impl FnMut(&mut Canvas<B>, Area, &AllocatorInfo),
) -> Area {
    let columns = columns(entries, area.width);
    for (line, entries) in entries.chunks(columns.len()).enumerate() {
        let middle = area.y + (line as f64 + 0.5) * LINE;
        let baseline = middle + LETTERS.half_height();
        let mut x = area.x;
        for (entry, width) in entries.iter().zip(&columns) {
            let swatch = Area { x, y: middle - SWATCH.1 / 2.0, width: SWATCH.0, height: SWATCH.1 };
            draw_swatch(canvas, swatch, entry.allocator);
            // The number first: its width is known in every font an SVG viewer may choose.
            canvas.text((swatch.right() + 8.0, baseline), &entry.number, &LETTERS.bold());
            canvas.text((x + entry.name_at(), baseline), &entry.name, &LETTERS);
            x += width;
        }
    }
    let height = height(entries, area.width);
    Area { y: area.y + height, height: area.height - height, ..area }
}
