//! Whether the machine had the same pace for all allocators, which the correction for it takes for granted.

use std::collections::BTreeMap;

use super::cell::Cell;
use crate::summary::RelativePace;

/// The pace that each allocator found, compared with all that ran the same workload in the same pass.
pub(super) fn relative_paces<'a>(cells: &[Cell<'a>]) -> BTreeMap<&'a str, RelativePace> {
    let mut blocks: BTreeMap<(&str, usize), Vec<(&'a str, f64)>> = BTreeMap::new();
    for cell in cells {
        for (pass, pace) in cell.paces.iter().enumerate() {
            if let Some(pace) = pace.filter(|pace| *pace > 0.0) {
                blocks.entry((cell.workload, pass)).or_default().push((cell.allocator, pace.ln()));
            }
        }
    }
    let mut deviations: BTreeMap<&'a str, Vec<f64>> = BTreeMap::new();
    for block in blocks.values().filter(|block| block.len() > 1) {
        let mean = mean(block.iter().map(|(_, pace)| *pace));
        block
            .iter()
            .for_each(|(allocator, pace)| deviations.entry(*allocator).or_default().push(pace - mean));
    }
    let relative =
        |(allocator, deviations): (&'a str, Vec<f64>)| Some((allocator, relative_pace(&deviations)?));
    deviations.into_iter().filter_map(relative).collect()
}

/// Of the logarithms of the ratios in each block.
fn relative_pace(deviations: &[f64]) -> Option<RelativePace> {
    let blocks = deviations.len();
    let mean_deviation = mean(deviations.iter().copied());
    let squares: f64 = deviations.iter().map(|deviation| (deviation - mean_deviation).powi(2)).sum();
    let variance = squares / blocks.checked_sub(1).filter(|free| *free > 0)? as f64;
    Some(RelativePace {
        ratio: mean_deviation.exp(),
        standard_error: (variance / blocks as f64).sqrt(),
        blocks,
    })
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::digest;
    use crate::digest::tests::{record, samples};

    #[test]
    fn an_allocator_that_finds_another_pace_than_the_rest_is_shown_with_it() {
        let mut unsteady = samples(7);
        for sample in &mut unsteady {
            let slowness = if sample.allocator == "sn" { 2000 } else { 1000 };
            sample.noise.pace_ns = Some(slowness * (10 + sample.pass as u64));
        }
        let of = |samples| -> Vec<_> {
            digest(&record(7), samples).summary.allocators.into_iter().map(|one| one.pace).collect()
        };
        let paces: Vec<RelativePace> = of(unsteady).into_iter().flatten().collect();
        let found: Vec<_> = paces.iter().map(|pace| (format!("{:.3}", pace.ratio), pace.blocks)).collect();
        // The geometric mean of 1, 1 and 2 is 1.26.
        assert_eq!(found, [("0.794", 14), ("0.794", 14), ("1.587", 14)].map(|(r, n)| (r.to_owned(), n)));
        assert!(paces.iter().all(|pace| pace.standard_error < 1e-9), "{paces:?}");
        assert_eq!(of(samples(7)), [None; 3]);
    }

    #[test]
    fn a_pace_without_another_to_compare_it_with_says_nothing() {
        let mut samples = samples(4);
        for sample in &mut samples {
            let slowness = if sample.allocator == "sn" { 2000 } else { 1000 };
            let is_alone = sample.pass == 3 && sample.allocator != "sn";
            sample.noise.pace_ns = (!is_alone).then_some(slowness * (10 + sample.pass as u64));
        }
        let record = record(4);
        let cells: Vec<Cell<'_>> = (record.plan.workloads.iter())
            .flat_map(|workload| record.allocators.iter().map(move |allocator| (workload, allocator)))
            .map(|(workload, allocator)| Cell::new(&record, workload, allocator, &samples))
            .collect();
        let of_sn = relative_paces(&cells)["sn"];
        assert_eq!(of_sn.blocks, 6);
        assert!(of_sn.standard_error < 1e-9, "{of_sn:?}");
    }

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        let pace = relative_pace(&[0.1, -0.1, 0.1, -0.1]).unwrap();
        assert!((pace.standard_error - (0.04_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12, "{pace:?}");
        assert_eq!((pace.ratio, pace.blocks), (1.0, 4));
        assert_eq!(relative_pace(&[0.1]), None);
    }
}
