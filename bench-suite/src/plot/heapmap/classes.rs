//! The bars: per size class what is in use of what is reserved.

use plotters_backend::DrawingBackend;

use super::{Heapmap, bytes, percent, round, stack};
use crate::heap::{Amount, Kind};
use crate::plot::canvas::{Area, Canvas, Lettering};
use crate::plot::colour::{GRID, INK, MUTED};
use workloads::heap_map::Holding;

/// Room for the heading and the heads of the columns.
const HEAD: f64 = 56.0;
/// Room for the axis and the total.
const FOOT: f64 = 92.0;
/// Room for block sizes and numbers.
const SIZES: f64 = 70.0;
const NUMBERS: f64 = 156.0;
/// Highest lane of a class.
const LANE: f64 = 30.0;

const HEADING: Lettering = Lettering::new(18.0, INK).bold();
const COLUMN: Lettering = Lettering::new(13.0, MUTED);
const TICK: Lettering = Lettering::new(13.0, MUTED).centred();

/// One bar.
struct Class {
    name: String,
    kind: Kind,
    amount: Amount,
}

fn classes(heap: &Heapmap) -> Vec<Class> {
    let pages = heap.sums.classes.iter().map(|(&block_size, &amount)| Class {
        name: round(block_size),
        kind: Kind::of(&Holding::Page { block_size, used: 0, linked: 0, fits: 0 }),
        amount,
    });
    let large = heap.sums.kinds[&Kind::Large];
    let large =
        (large.reserved > 0).then(|| Class { name: "larger".to_owned(), kind: Kind::Large, amount: large });
    pages.chain(large).collect()
}

/// Draws the bars into `area`, and below them the total.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, heap: &Heapmap) {
    let classes = classes(heap);
    let plot = Area {
        x: area.x + SIZES,
        y: area.y + HEAD,
        width: area.width - SIZES - NUMBERS,
        height: area.height - HEAD - FOOT,
    };
    canvas.text((area.x, area.y + 16.0), "Memory by size class", &HEADING);
    canvas.text((plot.x - 10.0, plot.y - 10.0), "block size", &COLUMN.right());
    canvas.text((area.right(), plot.y - 10.0), "in use of reserved", &COLUMN.right());

    let lane = (plot.height / classes.len().max(1) as f64).min(LANE);
    let bottom = plot.y + lane * classes.len() as f64;
    let most = classes.iter().map(|class| class.amount.reserved).max().unwrap_or(0).max(1);
    let x = |amount: u64| plot.x + plot.width * amount as f64 / most as f64;
    for tick in ticks(most) {
        canvas.upright(x(tick), plot.y, bottom, 1.0, GRID);
        canvas.text((x(tick), bottom + 18.0), &round(tick), &TICK);
    }
    let plain = Lettering::new((lane * 0.85).min(14.0), INK).right();
    for (at, class) in classes.iter().enumerate() {
        let top = plot.y + at as f64 * lane;
        let baseline = top + lane / 2.0 + plain.half_height();
        canvas.text((plot.x - 10.0, baseline), &class.name, &plain);
        let gap = lane * 0.12;
        let bar = Area { x: plot.x, y: top + gap, width: 0.0, height: lane - 2.0 * gap };
        let mut from = 0;
        for (part, colour) in stack(class.kind, &class.amount) {
            canvas.fill(Area { x: x(from), width: x(from + part) - x(from), ..bar }, colour);
            from += part;
        }
        let whole = Area { width: x(class.amount.reserved) - plot.x, ..bar };
        canvas.outline(whole, 0.5, super::colour(class.kind));
        let share = percent(1.0 - class.amount.fragmentation());
        let text = format!("{share} of {}", bytes(class.amount.reserved));
        canvas.text((area.right(), baseline), &text, &plain);
    }
    canvas.upright(plot.x, plot.y, bottom, 1.0, MUTED);

    let total = Lettering::new(18.0, INK).bold();
    let (y, total_text) = (area.bottom() - 30.0, heap.total());
    let total = total.squeezed(&total_text, area.width, 12.0);
    canvas.text((area.x, y), &total.fitted(&total_text, area.width), &total);
    let (unused, lettering) = (heap.unused(), Lettering::new(15.0, MUTED));
    canvas.text((area.x, y + 22.0), &lettering.fitted(&unused, area.width), &lettering);
}

/// Where the axis is marked: 0 and up to four round numbers of bytes.
fn ticks(most: u64) -> Vec<u64> {
    let step = (most / 4).max(1).next_power_of_two();
    (0..=most / step).map(|at| at * step).collect()
}
