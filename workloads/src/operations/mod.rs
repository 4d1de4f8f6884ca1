//! Single operations, done again and again: what a call costs by itself, where the other rows show what it costs a
//! program.
//!
//! Each is a row, which the suite measures like any other, and `cargo bench -p workers` runs the same code under criterion.
//! The unit of `--ops` is one time the operation is done. How large a block is, is not known when the code is compiled.

mod batch;
mod growth;
mod handover;
mod pair;
mod replacement;
#[cfg(test)]
mod tests;
mod zeroed;

use std::ptr::NonNull;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Run, digest};
use crate::rows::Size;

pub use batch::Batch;
pub use growth::{Grow, Resize};
pub use handover::{Exchange, HandOver};
pub use pair::Pair;
pub use replacement::Replacement;
pub use zeroed::Zeroed;

/// What is done again and again, and the blocks that are kept in between.
pub trait Operation: Sized {
    /// How often it is done at the calibrated size.
    const TIMES: u64;

    /// Makes what has to be there before the first time.
    fn prepare<A: Api>() -> Self;

    /// Does it `times` times, and returns a sum of what blocks held, the same for every allocator.
    fn repeat<A: Api>(&mut self, times: u64) -> u64;

    /// Frees what was kept. To be called with the allocator that the blocks came from.
    fn finish<A: Api>(self) {}
}

/// The ids of the rows.
pub const OPERATIONS: &[&str] = &[
    "pair-8",
    "pair-32",
    "pair-128",
    "pair-512",
    "pair-1024",
    "aligned-64",
    "aligned-4096",
    "lifo",
    "fifo",
    "replace",
    "grow",
    "resize",
    "zeroed",
    "hand-over",
    "exchange",
];

/// The operation behind one of the [`OPERATIONS`].
pub(crate) fn find<A: Api>(row: &str) -> Option<Run> {
    let run: Run = match row {
        "pair-8" => run::<Pair<8, 8>, A>,
        "pair-32" => run::<Pair<32, 8>, A>,
        "pair-128" => run::<Pair<128, 8>, A>,
        "pair-512" => run::<Pair<512, 8>, A>,
        "pair-1024" => run::<Pair<1024, 8>, A>,
        "aligned-64" => run::<Pair<100, 64>, A>,
        "aligned-4096" => run::<Pair<100, 4096>, A>,
        "lifo" => run::<Batch<true>, A>,
        "fifo" => run::<Batch<false>, A>,
        "replace" => run::<Replacement, A>,
        "grow" => run::<Grow, A>,
        "resize" => run::<Resize, A>,
        "zeroed" => run::<Zeroed, A>,
        "hand-over" => run::<HandOver, A>,
        "exchange" => run::<Exchange, A>,
        _ => return None,
    };
    Some(run)
}

fn run<O: Operation, A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
    let times = params.ops.unwrap_or(match params.size {
        Size::Check => O::TIMES / 100,
        Size::Quick => O::TIMES / 4,
        Size::Calibrated => O::TIMES,
        Size::Full => O::TIMES * 8,
    });
    let mut operation = O::prepare::<A>();
    meter.start();
    let sum = operation.repeat::<A>(times);
    meter.stop::<A>();
    operation.finish::<A>();
    let each = meter.elapsed().as_nanos() as f64 / times as f64;
    Ok(Outcome {
        operations: times,
        timed: false,
        figure: format!("{each:.2} ns each"),
        checksum: Some(digest([times, sum])),
    })
}

/// A block whose first byte is `mark`.
#[inline]
fn make<A: Api>(request: Request, mark: u8) -> NonNull<u8> {
    let block = A::alloc(request);
    // SAFETY: a block has at least one byte, and nobody else knows of this one.
    unsafe { block.write_volatile(mark) };
    block
}

/// Frees a block of [`make`] and returns its mark.
///
/// # Safety
/// `block` came from `A` for this request and was not freed since.
#[inline]
unsafe fn end<A: Api>(block: NonNull<u8>, request: Request) -> u64 {
    // SAFETY: the caller hands over a live block, whose first byte was written when it was made.
    unsafe {
        let mark = block.read_volatile();
        A::free(block, request);
        u64::from(mark)
    }
}
