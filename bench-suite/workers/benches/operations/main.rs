//! The cost of single operations, by way of the same interface for each allocator.
//!
//! `cargo bench -p workers --features mi3,jx,sn,rp,tcg,ra`; each feature adds its allocator. Operations are the
//! groups, so that what is compared is measured in a row; `-- pair` runs the groups with that name. The system's allocator
//! and the yardstick are there in every build.

mod blocks;
mod handover;
mod one_thread;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Measures an operation under each allocator of the build: calls `operation(group, name, allocator, arguments…)`.
macro_rules! compare {
    ($criterion:expr, $name:expr, $operation:path $(, $argument:expr)*) => {{
        let mut group = $criterion.benchmark_group($name);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
        $operation(&mut group, "mi", &mimalloc_rs::MiMalloc $(, $argument)*);
        #[cfg(feature = "mi3")]
        $operation(&mut group, "mi3", &mimalloc::MiMalloc $(, $argument)*);
        #[cfg(feature = "jx")]
        $operation(&mut group, "jx", &tikv_jemallocator::Jemalloc $(, $argument)*);
        #[cfg(feature = "sn")]
        $operation(&mut group, "sn", &snmalloc_rs::SnMalloc $(, $argument)*);
        #[cfg(feature = "rp")]
        $operation(&mut group, "rp", &rpmalloc::RpMalloc $(, $argument)*);
        #[cfg(feature = "tcg")]
        $operation(&mut group, "tcg", &tcmalloc_better::TCMalloc $(, $argument)*);
        #[cfg(feature = "ra")]
        $operation(&mut group, "ra", &rusty_alloc_api::RustyAlloc $(, $argument)*);
        $operation(&mut group, "mc", &std::alloc::System $(, $argument)*);
        $operation(&mut group, "bare", &workers::bare::Bare $(, $argument)*);
        group.finish();
    }};
}

fn operations(criterion: &mut Criterion) {
    for size in [8, 16, 32, 64, 128, 256, 512, 1024] {
        compare!(criterion, format!("pair of {size}"), one_thread::pair, size, 8);
    }
    for align in [64, 4096] {
        compare!(criterion, format!("pair aligned to {align}"), one_thread::pair, 100, align);
    }
    compare!(criterion, "batch, last in first out", one_thread::batch, one_thread::Order::LastInFirstOut);
    compare!(criterion, "batch, first in first out", one_thread::batch, one_thread::Order::FirstInFirstOut);
    compare!(criterion, "replacement", one_thread::replacement);
    compare!(criterion, "doubling to 1 MiB", one_thread::doubling);
    compare!(criterion, "resize in place", one_thread::resize_in_place);
    compare!(criterion, "zeroed 64 KiB", one_thread::zeroed, 64 << 10);
    compare!(criterion, "hand-over", handover::one_way);
    compare!(criterion, "exchange", handover::both_ways);
}

criterion_group!(benches, operations);
criterion_main!(benches);
