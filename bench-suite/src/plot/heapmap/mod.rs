//! A heap as it lies in memory: what each slice holds and how full it is, and which size classes waste how much.

mod classes;
mod key;
pub mod sample;
mod slices;

use plotters_backend::DrawingBackend;
use workloads::heap_map::HeapMap;

use super::canvas::{Area, Canvas};
use super::colour::Rgb;
use super::furniture::{Origin, Sheet};
use super::numbers;
use crate::heap::{Amount, Kind, Sums};

/// Room for the size classes.
const CLASSES: f64 = 500.0;
/// Between the two panels.
const GUTTER: f64 = 44.0;

/// The picture of a heap.
#[derive(Debug)]
pub struct Heapmap<'a> {
    map: &'a HeapMap,
    sums: Sums,
    title: String,
    lines: [String; 2],
}

impl<'a> Heapmap<'a> {
    /// The picture of `map` after `row` ran under `allocator`. `lines` say where it comes from.
    pub fn new(map: &'a HeapMap, allocator: &str, row: &str, lines: [String; 2]) -> Self {
        let title = format!("The heap of {allocator} at the end of {row}");
        Self { sums: Sums::of(map), map, title, lines }
    }

    /// The whole in a sentence.
    pub fn total(&self) -> String {
        let total = self.sums.total;
        format!(
            "{} in use of {} reserved: {} fragmentation",
            bytes(total.used),
            bytes(total.reserved),
            percent(total.fragmentation())
        )
    }

    /// What the unused part is.
    fn unused(&self) -> String {
        let total = self.sums.total;
        format!("not in use: {} free blocks, {} never touched", bytes(total.freed), bytes(total.untouched()))
    }
}

impl Sheet for Heapmap<'_> {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn subtitle(&self) -> Vec<String> {
        vec![
            "Taken when the measured part had ended, before the row freed what it still had. Each cell holds blocks \
             of one size, each frame one page;"
                .to_owned(),
            "it is filled from below: blocks in use, then free blocks (pale), then what was never touched (white)."
                .to_owned(),
        ]
    }

    fn description(&self) -> String {
        format!("{}; {}.", self.total(), self.unused())
    }

    fn origin(&self) -> Origin<'_> {
        Origin { lines: self.lines.clone(), warnings: &[] }
    }

    fn draw_chart<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area) {
        let left = Area { width: area.width - CLASSES - GUTTER, height: area.height - key::HEIGHT, ..area };
        slices::draw(canvas, left, self.map);
        key::draw(canvas, Area { y: left.bottom(), height: key::HEIGHT, ..left }, &self.sums);
        let right = Area { x: left.right() + GUTTER, width: CLASSES, ..area };
        classes::draw(canvas, right, self);
    }
}

fn bytes(amount: u64) -> String {
    numbers::absolute(amount as f64, "bytes")
}

/// A round number of bytes, without decimals it does not have.
fn round(amount: u64) -> String {
    match amount {
        0 => "0".to_owned(),
        1..1024 => format!("{amount} B"),
        1024..0x10_0000 => format!("{} KiB", amount as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{} MiB", amount as f64 / 1_048_576.0),
        _ => format!("{} GiB", amount as f64 / 1_073_741_824.0),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The colour of a kind.
fn colour(kind: Kind) -> Rgb {
    match kind {
        Kind::Tiny => Rgb(0x00, 0x72, 0xB2),
        Kind::Small => Rgb(0x00, 0x87, 0x5F),
        Kind::Middling => Rgb(0xD5, 0x5E, 0x00),
        Kind::Medium => Rgb(0xB0, 0x4A, 0x8C),
        Kind::Large => Rgb(0x5B, 0x3A, 0x9E),
        Kind::Kept => Rgb(0x4D, 0x4D, 0x4D),
        Kind::Free => Rgb(0xC4, 0xC4, 0xC4),
        Kind::Vacant => Rgb(0xFF, 0xFF, 0xFF),
    }
}

/// The parts of `amount` in the order they are stacked, with their colours.
fn stack(kind: Kind, amount: &Amount) -> [(u64, Rgb); 2] {
    let full = colour(kind);
    [(amount.used, full), (amount.freed, full.mix(super::colour::PAPER, 0.66))]
}

#[cfg(test)]
mod tests;
