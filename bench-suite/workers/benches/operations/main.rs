//! The cost of single operations under criterion, with all allocators in one program.
//!
//! `cargo bench -p workers --features mi3,jx,sn,rp,tcg,ra`; each feature adds its allocator. Operations are the
//! groups, so that what is compared is measured in a row; `-- pair` runs the groups with that name. The system's allocator
//! and the yardstick are there in every build. The suite measures the same operations by turns, each allocator in
//! processes of its own: `bench-suite --all -t operations`.

mod linked;

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use linked::{Linked, Named};
use workloads::operations::{Batch, Exchange, Grow, HandOver, Operation, Pair, Replacement, Resize, Zeroed};

/// Measures an operation under each allocator of the build.
fn compare<O: Operation>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    measure::<O, linked::Mi>(&mut group);
    #[cfg(feature = "mi3")]
    measure::<O, linked::Mi3>(&mut group);
    #[cfg(feature = "jx")]
    measure::<O, linked::Jx>(&mut group);
    #[cfg(feature = "sn")]
    measure::<O, linked::Sn>(&mut group);
    #[cfg(feature = "rp")]
    measure::<O, linked::Rp>(&mut group);
    #[cfg(feature = "tcg")]
    measure::<O, linked::Tcg>(&mut group);
    #[cfg(feature = "ra")]
    measure::<O, linked::Ra>(&mut group);
    measure::<O, linked::Mc>(&mut group);
    measure::<O, linked::Bare>(&mut group);
    group.finish();
}

fn measure<O: Operation, N: Named>(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.bench_function(N::NAME, |bencher| {
        let mut operation = O::prepare::<Linked<N>>();
        bencher.iter_custom(|times| {
            let start = Instant::now();
            operation.repeat::<Linked<N>>(times);
            start.elapsed()
        });
        operation.finish::<Linked<N>>();
    });
}

fn operations(criterion: &mut Criterion) {
    compare::<Pair<8, 8>>(criterion, "pair of 8");
    compare::<Pair<16, 8>>(criterion, "pair of 16");
    compare::<Pair<32, 8>>(criterion, "pair of 32");
    compare::<Pair<64, 8>>(criterion, "pair of 64");
    compare::<Pair<128, 8>>(criterion, "pair of 128");
    compare::<Pair<256, 8>>(criterion, "pair of 256");
    compare::<Pair<512, 8>>(criterion, "pair of 512");
    compare::<Pair<1024, 8>>(criterion, "pair of 1024");
    compare::<Pair<100, 64>>(criterion, "pair aligned to 64");
    compare::<Pair<100, 4096>>(criterion, "pair aligned to 4096");
    compare::<Batch<true>>(criterion, "batch, last in first out");
    compare::<Batch<false>>(criterion, "batch, first in first out");
    compare::<Replacement>(criterion, "replacement");
    compare::<Grow>(criterion, "doubling to 1 MiB");
    compare::<Resize>(criterion, "resize in place");
    compare::<Zeroed>(criterion, "zeroed 64 KiB");
    compare::<HandOver>(criterion, "hand-over");
    compare::<Exchange>(criterion, "exchange");
}

criterion_group!(benches, operations);
criterion_main!(benches);
