//! Geometric means that can be compared with each other.

use rayon::prelude::*;

use super::METRICS;
use crate::catalogue::group_of;
use crate::config::Group;
use crate::stats::ratio::{LogRatios, geometric_mean};
use crate::summary::{Mean, Means, Metric};

/// What means are taken of: everything, and what each chart shows.
fn scopes() -> impl Iterator<Item = Option<Group>> {
    std::iter::once(None).chain(Group::ALL.map(Some))
}

/// What a mean takes of one metric, of a workload under an allocator.
pub(crate) struct Entry {
    /// Whether the allocator did it, whatever the reference did.
    pub(crate) completed: bool,
    /// Logarithms of the ratios by pass.
    pub(crate) log_ratios: LogRatios,
}

impl Entry {
    fn has_ratio(&self) -> bool {
        !self.log_ratios.is_empty()
    }
}

/// The means of every metric over all workloads and over each group of them, of the entries for a metric, a workload and
/// an allocator.
pub(crate) fn means(
    workloads: &[&str],
    allocators: &[&str],
    seed: u64,
    entry: impl Fn(Metric, &str, &str) -> Entry + Sync,
) -> Vec<Means> {
    let sets: Vec<(Metric, Option<Group>)> =
        METRICS.iter().flat_map(|(metric, _)| scopes().map(|scope| (*metric, scope))).collect();
    sets.into_par_iter()
        .map(|(metric, scope)| {
            let inside = |workload: &&&str| scope.is_none_or(|group| group_of(workload) == group);
            let cells: Vec<Vec<Entry>> = workloads
                .iter()
                .filter(inside)
                .map(|workload| allocators.iter().map(|id| entry(metric, workload, id)).collect())
                .collect();
            let (over, of_allocator) = compared(&cells, allocators, seed);
            Means { metric, group: scope, over, of: cells.len(), of_allocator }
        })
        .filter(|means| means.of > 0)
        .collect()
}

/// The means of `cells[workload][allocator]`, and over how many workloads they are.
///
/// An allocator that completed less than half of the workloads that anybody completed is not compared;
/// otherwise its failures would take the workloads from all the others. What nobody completed, such as
/// a program that is not installed, says nothing about any of them. Means of different sets of workloads
/// cannot be compared, so all means are over what every compared allocator completed. What the
/// reference failed is nobody else's failure, but has no ratios.
fn compared(cells: &[Vec<Entry>], allocators: &[&str], seed: u64) -> (usize, Vec<Mean>) {
    let completed = |at: usize| cells.iter().filter(|row| row[at].completed).count();
    let counts: Vec<usize> = (0..allocators.len()).map(completed).collect();
    let completable = cells.iter().filter(|row| row.iter().any(|entry| entry.completed)).count();
    let is_compared =
        |at: &usize| 2 * counts[*at] >= completable && cells.iter().any(|row| row[*at].has_ratio());
    let compared: Vec<usize> = (0..allocators.len()).filter(is_compared).collect();
    let has_all = |row: &&Vec<Entry>| !compared.is_empty() && compared.iter().all(|at| row[*at].has_ratio());
    let common: Vec<&Vec<Entry>> = cells.iter().filter(has_all).collect();

    let mean = |(at, id): (usize, &&str)| {
        let series: Vec<&LogRatios> = common.iter().map(|row| &row[at].log_ratios).collect();
        let ratio = compared.contains(&at).then(|| geometric_mean(&series, seed)).flatten();
        Mean {
            allocator: (*id).to_owned(),
            completed: counts[at],
            ratio_to_ref: ratio.map(|ratio| ratio.value),
            ci_low: ratio.map(|ratio| ratio.interval.low),
            ci_high: ratio.map(|ratio| ratio.interval.high),
        }
    };
    (common.len(), allocators.iter().enumerate().map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ratio::Series;

    fn completed(log_ratios: Series) -> Entry {
        Entry { completed: true, log_ratios: log_ratios.into() }
    }

    /// The means and their number of workloads where every pass measured the same ratio, or failed.
    fn of_constant(ratios: &[&[Option<f64>]]) -> (usize, Vec<Mean>) {
        let entry = |ratio: &Option<f64>| Entry {
            completed: ratio.is_some(),
            log_ratios: vec![ratio.map(f64::ln); 3].into(),
        };
        let cells: Vec<Vec<Entry>> = ratios.iter().map(|row| row.iter().map(entry).collect()).collect();
        compared(&cells, &["mi", "jx", "sn"][..ratios[0].len()], 1)
    }

    fn close(mean: &Mean, expected: f64) -> bool {
        mean.ratio_to_ref.is_some_and(|mean| (mean - expected).abs() < 1e-12)
    }

    #[test]
    fn opposite_ratios_cancel() {
        let (over, means) = of_constant(&[&[Some(1.0), Some(2.0)], &[Some(1.0), Some(0.5)]]);
        assert!(close(&means[0], 1.0) && close(&means[1], 1.0));
        assert_eq!((over, means[1].allocator.as_str()), (2, "jx"));
    }

    #[test]
    fn a_workload_that_one_missed_counts_for_nobody() {
        let (over, means) = of_constant(&[
            &[Some(1.0), Some(2.0), Some(3.0)],
            &[Some(1.0), Some(8.0), Some(3.0)],
            &[Some(1.0), None, Some(100.0)],
        ]);
        assert!(close(&means[1], 4.0));
        assert!(close(&means[2], 3.0));
        assert_eq!((over, means[0].completed, means[1].completed), (2, 3, 2));
    }

    #[test]
    fn who_completed_less_than_half_does_not_spoil_the_rest() {
        let (over, means) = of_constant(&[
            &[Some(1.0), Some(2.0), Some(7.0)],
            &[Some(1.0), Some(2.0), None],
            &[Some(1.0), Some(2.0), None],
        ]);
        assert!(close(&means[1], 2.0));
        assert_eq!((means[2].ratio_to_ref, means[2].ci_low, means[2].completed), (None, None, 1));
        assert_eq!(over, 3);
    }

    #[test]
    fn who_completed_half_is_compared() {
        let (over, means) = of_constant(&[&[Some(1.0), Some(2.0)], &[Some(1.0), None]]);
        assert!(close(&means[1], 2.0));
        assert_eq!(over, 1);
    }

    #[test]
    fn what_nobody_completed_takes_nobody_out() {
        let (over, means) = of_constant(&[
            &[Some(1.0), Some(2.0), None],
            &[Some(1.0), Some(2.0), None],
            &[Some(1.0), Some(2.0), Some(7.0)],
            &[None, None, None],
            &[None, None, None],
            &[None, None, None],
            &[None, None, None],
        ]);
        assert!(close(&means[0], 1.0) && close(&means[1], 2.0), "{means:?}");
        assert_eq!((over, means[2].ratio_to_ref), (3, None));
    }

    #[test]
    fn without_a_common_workload_there_is_no_mean() {
        for ratios in [[[Some(1.0), None], [None, Some(1.0)]], [[None, None], [None, None]]] {
            let (over, means) = of_constant(&[&ratios[0], &ratios[1]]);
            assert_eq!(over, 0);
            assert!(means.iter().all(|mean| mean.ratio_to_ref.is_none()));
        }
    }

    #[test]
    fn what_the_reference_failed_is_completed_by_the_others() {
        let failed = || Entry { completed: false, log_ratios: vec![None; 3].into() };
        let without_ratio = || completed(vec![None; 3]);
        let mut cells: Vec<Vec<Entry>> = (0..3).map(|_| vec![failed(), without_ratio()]).collect();
        cells
            .extend((0..2).map(|_| vec![completed(vec![Some(0.0); 3]), completed(vec![Some(2f64.ln()); 3])]));
        let (over, means) = compared(&cells, &["mi", "jx"], 1);
        assert_eq!((over, means[0].completed, means[1].completed), (2, 2, 5));
        assert!(close(&means[1], 2.0), "{means:?}");
    }

    #[test]
    fn the_interval_holds_the_mean_and_follows_the_passes() {
        let rising = (0..7).map(|pass| Some(f64::from(pass) / 10.0)).collect();
        let cells = vec![vec![completed(vec![Some(0.0); 7]), completed(rising)]];
        let (_, means) = compared(&cells, &["mi", "jx"], 1);
        let interval = |mean: &Mean| mean.ci_low.zip(mean.ci_high).expect("there is an interval");
        assert_eq!(interval(&means[0]), (1.0, 1.0));
        let (low, high) = interval(&means[1]);
        assert!(low < 0.3f64.exp() && 0.3f64.exp() < high, "{low} to {high}");
    }

    #[test]
    fn every_group_with_workloads_has_its_own_means() {
        let ratio = |_: Metric, workload: &str, id: &str| {
            let ratio: f64 = if id == "mi" { 1.0 } else { workload.len() as f64 };
            completed(vec![Some(ratio.ln()); 3])
        };
        let of = |workloads: &[&str]| {
            let all = means(workloads, &["mi", "jx"], 1, ratio);
            let time = all.into_iter().filter(|means| means.metric == Metric::Time);
            time.map(|means| (means.group, means.of, means.of_allocator[1].ratio_to_ref))
                .map(|(group, of, ratio)| (group, of, ratio.map(|ratio| (10.0 * ratio).round() / 10.0)))
                .collect::<Vec<_>>()
        };
        let both = [
            (None, 2, Some(5.5)),
            (Some(Group::Programs), 1, Some(5.0)),
            (Some(Group::Stress), 1, Some(6.0)),
        ];
        assert_eq!(of(&["cfrac", "larson"]), both);
        assert_eq!(of(&["larson"]), [(None, 1, Some(6.0)), (Some(Group::Stress), 1, Some(6.0))]);
    }
}
