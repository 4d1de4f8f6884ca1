//! Draws all charts from made-up data, to look at them without measuring anything:
//! `cargo run -p bench-suite --example sample_charts -- DIRECTORY`.

use std::path::Path;

use anyhow::Context;
use bench_suite::plot::memory::sample::curves;
use bench_suite::plot::sample;
use bench_suite::report;

fn main() -> anyhow::Result<()> {
    let argument = std::env::args_os().nth(1).context("usage: sample_charts DIRECTORY")?;
    let directory = Path::new(&argument);
    for (name, summary) in [("complete", sample::summary()), ("rough", sample::rough_summary())] {
        for file in report::write_all(&summary, &curves(&summary), &directory.join(name))? {
            println!("{}", file.display());
        }
    }
    Ok(())
}
