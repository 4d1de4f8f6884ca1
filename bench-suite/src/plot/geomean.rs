//! Geometric means that can be compared with each other.

/// The geometric mean of each allocator over one common set of workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    /// One mean per allocator; absent for those that completed too little to be compared.
    pub of_allocator: Vec<Option<f64>>,
    /// How many workloads each allocator completed.
    pub completed: Vec<usize>,
    /// Workloads that every compared allocator completed: what the means are over.
    pub over: usize,
    /// Workloads there are.
    pub of: usize,
}

/// Means of `ratios[workload][allocator]`.
///
/// An allocator that completed less than half of the workloads is not compared; otherwise its
/// failures would take the workloads from all the others. Means of different sets of workloads
/// cannot be compared, so all means are over what every compared allocator completed.
pub fn geometric_means(ratios: &[Vec<Option<f64>>]) -> Means {
    let allocators = ratios.iter().map(Vec::len).max().unwrap_or(0);
    let at = |row: &Vec<Option<f64>>, allocator: usize| {
        row.get(allocator).copied().flatten().filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    };
    let completed: Vec<usize> = (0..allocators)
        .map(|allocator| ratios.iter().filter(|row| at(row, allocator).is_some()).count())
        .collect();
    let compared: Vec<usize> = (0..allocators)
        .filter(|&allocator| completed[allocator] > 0 && completed[allocator] * 2 >= ratios.len())
        .collect();
    let common: Vec<&Vec<Option<f64>>> = ratios
        .iter()
        .filter(|row| !compared.is_empty() && compared.iter().all(|&a| at(row, a).is_some()))
        .collect();

    let mut of_allocator = vec![None; allocators];
    for &allocator in compared.iter().filter(|_| !common.is_empty()) {
        let logs: f64 = common.iter().filter_map(|row| at(row, allocator)).map(f64::ln).sum();
        of_allocator[allocator] = Some((logs / common.len() as f64).exp());
    }
    Means { of_allocator, completed, over: common.len(), of: ratios.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(mean: Option<f64>, expected: f64) -> bool {
        mean.is_some_and(|mean| (mean - expected).abs() < 1e-12)
    }

    #[test]
    fn opposite_ratios_cancel() {
        let means = geometric_means(&[vec![Some(1.0), Some(2.0)], vec![Some(1.0), Some(0.5)]]);
        assert!(close(means.of_allocator[0], 1.0) && close(means.of_allocator[1], 1.0));
        assert_eq!((means.over, means.of), (2, 2));
    }

    #[test]
    fn a_workload_that_one_missed_counts_for_nobody() {
        let means = geometric_means(&[
            vec![Some(1.0), Some(2.0), Some(3.0)],
            vec![Some(1.0), Some(8.0), Some(3.0)],
            vec![Some(1.0), None, Some(100.0)],
        ]);
        assert!(close(means.of_allocator[1], 4.0));
        assert!(close(means.of_allocator[2], 3.0));
        assert_eq!((means.over, means.of, means.completed), (2, 3, vec![3, 2, 3]));
    }

    #[test]
    fn who_completed_less_than_half_does_not_spoil_the_rest() {
        let row = |ratio| vec![Some(1.0), Some(ratio), None];
        let mut ratios = vec![row(2.0), row(2.0), row(2.0)];
        ratios[0][2] = Some(7.0);
        let means = geometric_means(&ratios);
        assert!(close(means.of_allocator[1], 2.0));
        assert_eq!(means.of_allocator[2], None);
        assert_eq!(means.over, 3);
    }

    #[test]
    fn nonsense_is_not_completed() {
        let means = geometric_means(&[
            vec![Some(1.0), Some(f64::NAN)],
            vec![Some(1.0), Some(0.0)],
            vec![Some(1.0), Some(f64::INFINITY)],
        ]);
        assert_eq!(means.of_allocator, vec![Some(1.0), None]);
        assert_eq!(geometric_means(&[]).of_allocator, vec![]);
    }

    #[test]
    fn without_a_common_workload_there_is_no_mean() {
        let means = geometric_means(&[vec![Some(1.0), None], vec![None, Some(1.0)]]);
        assert_eq!((means.of_allocator, means.over), (vec![None, None], 0));
        let means = geometric_means(&[vec![None, None], vec![None, None]]);
        assert_eq!((means.of_allocator, means.over), (vec![None, None], 0));
    }
}
