//! Rows that misbehave on purpose, for testing whoever runs workers. They are in no list.

use std::hint::black_box;
use std::time::Duration;

use crate::api::{Api, Request};
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Run};

/// Ids of the planted rows.
pub const PLANTED: &[&str] =
    &["planted-crash", "planted-hang", "planted-exit", "planted-wrong", "planted-memory"];

/// How much more `planted-memory` takes than its work needs.
pub const EXTRA_BYTES: usize = 20 << 20;

/// The planted row of this id.
pub(crate) fn find<A: Api>(row: &str) -> Option<Run> {
    let run: Run = match row {
        "planted-crash" => |_, _| std::process::abort(),
        "planted-hang" => |_, _| loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "planted-exit" => |_, _| Err(Failure::Check("planted: this row fails on purpose".to_owned())),
        "planted-wrong" => wrong::<A>,
        "planted-memory" => memory::<A>,
        _ => return None,
    };
    Some(run)
}

/// A checksum that differs from process to process.
fn wrong<A: Api>(_params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
    Ok(touch::<A>(meter, 1 << 12, format!("planted-{}", std::process::id())))
}

/// A peak that is [`EXTRA_BYTES`] higher than that of a worker that does nothing.
fn memory<A: Api>(_params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
    Ok(touch::<A>(meter, EXTRA_BYTES, "planted-memory".to_owned()))
}

fn touch<A: Api>(meter: &mut Meter, size: usize, checksum: String) -> Outcome {
    let request = Request::bytes(size);
    meter.start();
    let block = black_box(A::alloc(request));
    // SAFETY: the block has `size` bytes and is freed once.
    unsafe {
        block.write_bytes(1, size);
        A::free(block, request);
    }
    meter.stop::<A>();
    Outcome { operations: 1, timed: false, figure: "planted".to_owned(), checksum: Some(checksum) }
}
