//! The legend: what each colour stands for, and how much of it there is.

use plotters_backend::DrawingBackend;

use super::{bytes, slices};
use crate::heap::{Amount, Kind, Sums};
use crate::plot::canvas::{Area, Canvas, Lettering};
use crate::plot::colour::{INK, MUTED};

/// Room for it.
pub(super) const HEIGHT: f64 = 2.0 * PITCH + 4.0;

const COLUMNS: usize = 4;
const PITCH: f64 = 46.0;
const SWATCH: f64 = 20.0;
const NAME: Lettering = Lettering::new(15.0, INK).bold();
const NUMBERS: Lettering = Lettering::new(14.0, MUTED);

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Tiny => "blocks up to 128 B",
        Kind::Small => "blocks up to 1 KiB",
        Kind::Middling => "blocks up to 8 KiB",
        Kind::Medium => "blocks up to 64 KiB",
        Kind::Large => "large blocks",
        Kind::Kept => "bookkeeping",
        Kind::Free => "free",
        Kind::Vacant => "free, no memory behind",
    }
}

/// How much there is.
pub(super) fn numbers(kind: Kind, amount: &Amount) -> String {
    match (amount.reserved, kind.has_blocks()) {
        (0, _) => "none".to_owned(),
        (reserved, false) => bytes(reserved),
        (reserved, true) => format!("{} of {} in use", bytes(amount.used), bytes(reserved)),
    }
}

/// Draws the legend into `area`.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, sums: &Sums) {
    let width = area.width / COLUMNS as f64;
    for (at, (&kind, amount)) in sums.kinds.iter().enumerate() {
        let x = area.x + (at % COLUMNS) as f64 * width;
        let y = area.y + (at / COLUMNS) as f64 * PITCH + 6.0;
        let swatch = Area { x, y, width: SWATCH, height: SWATCH };
        // A full one, to show the colour.
        slices::draw_cell(canvas, swatch, kind, &Amount { reserved: 1, used: 1, freed: 0 });
        let (text, room) = (x + SWATCH + 8.0, width - SWATCH - 16.0);
        canvas.text((text, y + 13.0), &NAME.fitted(name(kind), room), &NAME);
        let numbers = numbers(kind, amount);
        let lettering = NUMBERS.squeezed(&numbers, room, 11.0);
        canvas.text((text, y + 31.0), &lettering.fitted(&numbers, room), &lettering);
    }
}
