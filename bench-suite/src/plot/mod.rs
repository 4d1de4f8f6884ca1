//! Pictures: of a run, made from its [`summary`](crate::summary) and, where they show memory over time, its
//! [curves](crate::curve), and of what a [`heap`](crate::heap) holds. They depend on nothing else: no clock, no fonts
//! or locale of the machine, so the same figures give the same files.
//!
//! Every chart is one drawing function over a [`canvas`], and every canvas fits both formats.

pub mod bars;
pub mod canvas;
pub mod colour;
pub mod figure;
pub mod font;
mod furniture;
pub mod heapmap;
pub mod heatmap;
mod legend;
mod linear;
pub mod matrix;
pub mod memory;
pub mod numbers;
pub mod overview;
pub mod retention;
pub mod sample;
pub mod scale;
pub mod wording;
