//! The map: a cell per slice in order of address.

use plotters_backend::DrawingBackend;
use workloads::heap_map::{HeapMap, Span};

use super::{colour, stack};
use crate::heap::{Amount, Kind};
use crate::plot::canvas::{Area, Canvas, Lettering};
use crate::plot::colour::{FAILED, INK, MUTED};

/// Cells in a line; the first number that lets all lines fit is taken.
const COLUMNS: [u64; 11] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/// Room for the heading.
const HEAD: f64 = 34.0;
/// Room for the addresses.
const ADDRESSES: f64 = 84.0;
/// Space below the map.
const FOOT: f64 = 14.0;
/// Smallest distance of two addresses.
const ADDRESS_PITCH: f64 = 22.0;
/// Cells below this size have no frame.
const FRAMED: f64 = 8.0;

const HEADING: Lettering = Lettering::new(18.0, INK).bold();
const ADDRESS: Lettering = Lettering::new(14.0, MUTED).right();

/// How cells are laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    columns: u64,
    /// Edge of a cell.
    cell: f64,
    /// Lines there is room for.
    lines: u64,
}

/// A span and the number of its first cell.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    span: &'a Span,
    cell: u64,
    /// Where its piece of contiguous address space begins.
    base: u64,
}

/// Numbers the cells. Where addresses leave a gap, a new line begins.
fn place(map: &HeapMap, columns: u64) -> Vec<Placed<'_>> {
    let (mut cell, mut end, mut base) = (0_u64, None, 0);
    let mut placed = Vec::with_capacity(map.spans.len());
    for span in &map.spans {
        if end != Some(span.address) {
            cell = cell.next_multiple_of(columns);
            base = span.address;
        }
        placed.push(Placed { span, cell, base });
        cell += cells(map, span);
        end = span.address.checked_add(span.bytes);
    }
    placed
}

fn cells(map: &HeapMap, span: &Span) -> u64 {
    span.bytes / map.slice_bytes.max(1)
}

/// The grid with the largest cells that shows all of `map`, or as much as there is room for.
fn grid(map: &HeapMap, area: Area) -> Grid {
    let of = |columns: u64| {
        let cell = area.width / columns as f64;
        Grid { columns, cell, lines: (area.height / cell).floor() as u64 }
    };
    let fits = |grid: &Grid| {
        let last = place(map, grid.columns).last().map_or(0, |last| last.cell + cells(map, last.span));
        last.div_ceil(grid.columns) <= grid.lines
    };
    COLUMNS.into_iter().map(of).find(fits).unwrap_or_else(|| of(COLUMNS[COLUMNS.len() - 1]))
}

/// Draws the map into `area`.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, map: &HeapMap) {
    let room = Area {
        x: area.x + ADDRESSES,
        y: area.y + HEAD,
        width: area.width - ADDRESSES,
        height: area.height - HEAD - FOOT,
    };
    let grid = grid(map, room);
    let placed = place(map, grid.columns);
    let heading = format!(
        "Address space: a cell is {}, a line {}, in order of address",
        super::round(map.slice_bytes),
        super::round(map.slice_bytes * grid.columns)
    );
    canvas.text((area.x, area.y + 16.0), &HEADING.fitted(&heading, area.width), &HEADING);
    let mut labelled: Option<u64> = None;
    for one in &placed {
        let kind = Kind::of(&one.span.holding);
        let amount = Amount::of(one.span.bytes, &one.span.holding);
        let (mut at, end) = (one.cell, one.cell + cells(map, one.span));
        while at < end {
            let line = at / grid.columns;
            if line >= grid.lines {
                let text = "… and more, for which there is no room here";
                canvas.text((room.x, room.bottom() + FOOT - 2.0), text, &Lettering::new(12.0, MUTED));
                return;
            }
            let stop = end.min((line + 1) * grid.columns);
            let top = room.y + line as f64 * grid.cell;
            if at % grid.columns == 0 {
                let far_enough =
                    labelled.is_none_or(|before| (line - before) as f64 * grid.cell >= ADDRESS_PITCH);
                if far_enough {
                    let address = one.span.address - one.base + (at - one.cell) * map.slice_bytes;
                    let baseline = top + grid.cell / 2.0 + ADDRESS.half_height();
                    canvas.text((room.x - 10.0, baseline), &super::round(address), &ADDRESS);
                    labelled = Some(line);
                }
            }
            let strip = Area {
                x: room.x + (at % grid.columns) as f64 * grid.cell,
                y: top,
                width: (stop - at) as f64 * grid.cell,
                height: grid.cell,
            };
            draw_cell(canvas, strip, kind, &amount);
            at = stop;
        }
    }
}

/// A page, or as much of it as lies in one line.
pub(super) fn draw_cell<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, kind: Kind, amount: &Amount) {
    // Whole pixels, so that equal cells look equal.
    let gap = if area.height >= FRAMED { (area.height * 0.05).clamp(0.5, 1.5) } else { 0.0 };
    let cell = Area {
        x: area.x + gap,
        y: area.y + gap,
        width: area.width - 2.0 * gap,
        height: area.height - 2.0 * gap,
    };
    if !kind.has_blocks() {
        canvas.fill(cell, colour(kind));
        if kind == Kind::Vacant && area.height >= FRAMED {
            canvas.outline(cell, 0.5, FAILED);
        }
        return;
    }
    let mut bottom = cell.bottom();
    for (part, colour) in stack(kind, amount) {
        let height = cell.height * part as f64 / amount.reserved.max(1) as f64;
        if height > 0.0 {
            canvas.fill(Area { y: bottom - height, height, ..cell }, colour);
        }
        bottom -= height;
    }
    if area.height >= FRAMED {
        canvas.outline(cell, (area.height * 0.04).clamp(0.5, 1.0), colour(kind));
    }
}

#[cfg(test)]
mod tests {
    use workloads::heap_map::Holding;

    use super::*;

    const ROOM: Area = Area { x: 0.0, y: 0.0, width: 800.0, height: 600.0 };

    fn map(addresses: impl Iterator<Item = u64>) -> HeapMap {
        let span = |at| Span { address: at << 16, bytes: 1 << 16, holding: Holding::Kept };
        HeapMap { slice_bytes: 1 << 16, spans: addresses.map(span).collect() }
    }

    #[test]
    fn all_cells_fit_and_are_as_large_as_can_be() {
        for (slices, columns) in [(0, 16), (1, 16), (192, 16), (193, 24), (10_000, 128)] {
            assert_eq!(grid(&map(0..slices), ROOM).columns, columns, "{slices}");
        }
        assert_eq!(grid(&map(0..1_000_000), ROOM).columns, 512, "what does not fit is cut");
    }

    #[test]
    fn a_gap_begins_a_new_line() {
        let two = map((0..3).chain(100..102));
        let cells: Vec<u64> = place(&two, 16).iter().map(|one| one.cell).collect();
        assert_eq!(cells, [0, 1, 2, 16, 17]);
    }
}
