//! Single workloads beside the yardstick: what shows when one of them gets worse and the mean over all hardly moves.

use super::verdict::Judgement;
use super::{Baseline, Figures, NOT_MEASURED, PEAK_RSS, RENEW, RowRatio, TIME};

/// All rows of the baseline, each against its own ratio there. Of a baseline without ratios, one line that says so, and the
/// rows it has a mean over against what is too much in any case.
pub(super) fn judge(baseline: &Baseline, now: &Figures) -> Vec<Judgement> {
    let then = &baseline.figures;
    if then.params != now.params {
        return vec![Judgement::skipped(ALL.to_owned(), now.other_params(then))];
    }
    if then.ratios.is_empty() {
        let limit = slowest(baseline);
        let text = format!(
            "the baseline has none, so a row fails only beyond {limit:.2} of the time of the yardstick; {RENEW}"
        );
        let mut judgements = vec![Judgement::skipped(ALL.to_owned(), text)];
        judgements.extend(of_old_baseline(baseline, now));
        return judgements;
    }
    if now.ratios.is_empty() {
        return vec![Judgement::skipped(ALL.to_owned(), NOT_MEASURED)];
    }
    let mut judgements = Vec::new();
    for (metric, rows) in &then.ratios {
        for (row, expected) in rows {
            let figure = name(metric, row);
            judgements.push(match now.ratios.get(metric).and_then(|rows| rows.get(row)) {
                Some(found) => judged(baseline, metric, figure, *expected, *found),
                None => Judgement::skipped(figure, now.why_no_ratio(row)),
            });
        }
    }
    judgements
}

/// All ratios in one word, where the same is to be said of each.
const ALL: &str = "ratios of single rows";

/// How the ratio of a row is called.
pub(super) fn name(metric: &str, row: &str) -> String {
    let metric = if metric == PEAK_RSS { "peak rss" } else { metric };
    format!("{metric} ratio {row}")
}

fn judged(
    baseline: &Baseline,
    metric: &str,
    figure: String,
    expected: RowRatio,
    found: RowRatio,
) -> Judgement {
    let percent = match metric {
        TIME => baseline.tolerance.time_ratio_percent,
        _ => baseline.tolerance.peak_rss_ratio_percent,
    };
    let limit = expected.high * (1.0 + percent / 100.0);
    let slowest = slowest(baseline);
    if metric == TIME && found.ratio > slowest {
        let text = format!("{}, limit {slowest:.2} whatever the baseline has", in_words(found));
        return Judgement::new(false, figure, text);
    }
    let text =
        format!("{}, limit of the lower end {limit:.2}, baseline {}", in_words(found), in_words(expected));
    Judgement::new(found.low <= limit, figure, text)
}

/// How many times the yardstick's time is too much in any case.
fn slowest(baseline: &Baseline) -> f64 {
    1.0 + baseline.tolerance.row_time_percent / 100.0
}

fn of_old_baseline<'f>(baseline: &'f Baseline, now: &'f Figures) -> impl Iterator<Item = Judgement> + 'f {
    let slowest = slowest(baseline);
    let rows = baseline.figures.means.get(TIME).into_iter().flat_map(|mean| &mean.workloads);
    let found = rows.filter_map(|row| Some((row, *now.ratios.get(TIME)?.get(row)?)));
    found.map(move |(row, found)| {
        let text = format!("{}, limit {slowest:.2}", in_words(found));
        Judgement::new(found.ratio <= slowest, name(TIME, row), text)
    })
}

fn in_words(RowRatio { ratio, low, high }: RowRatio) -> String {
    format!("{ratio:.2} [{low:.2}, {high:.2}]")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Mean;
    use super::super::judge::tests::{baseline, figures};
    use super::super::verdict::Verdict::{self, Failed, Passed, Skipped};
    use super::*;

    fn ratio(ratio: f64, low: f64, high: f64) -> RowRatio {
        RowRatio { ratio, low, high }
    }

    fn of(metric: &str, row: RowRatio) -> BTreeMap<String, BTreeMap<String, RowRatio>> {
        [(metric.to_owned(), [("cfrac".to_owned(), row)].into())].into()
    }

    /// What becomes of the only row, once it is `found` and the baseline has `expected`.
    fn verdict(metric: &str, expected: RowRatio, found: RowRatio) -> Verdict {
        let mut baseline = baseline();
        (baseline.tolerance.time_ratio_percent, baseline.tolerance.peak_rss_ratio_percent) = (50.0, 25.0);
        baseline.figures.ratios = of(metric, expected);
        let now = Figures { ratios: of(metric, found), ..figures() };
        let judged = judge(&baseline, &now);
        assert_eq!(judged.len(), 1);
        judged[0].verdict
    }

    #[test]
    fn a_row_that_was_ahead_fails_before_it_is_behind_the_yardstick() {
        let expected = ratio(0.6, 0.58, 0.62);
        assert_eq!(verdict(TIME, expected, ratio(0.96, 0.94, 0.99)), Failed);
        assert_eq!(verdict(TIME, expected, ratio(0.96, 0.92, 0.99)), Passed);
        assert_eq!(verdict(PEAK_RSS, expected, ratio(0.79, 0.78, 0.80)), Failed);
        assert_eq!(verdict(PEAK_RSS, expected, ratio(0.79, 0.77, 0.80)), Passed);
        assert_eq!(verdict(TIME, expected, ratio(0.1, 0.1, 0.1)), Passed);
    }

    #[test]
    fn passes_that_others_disturbed_fail_nothing_while_one_is_as_before() {
        assert_eq!(verdict(TIME, ratio(0.6, 0.58, 0.62), ratio(2.9, 0.61, 9.0)), Passed);
    }

    #[test]
    fn what_the_baseline_saw_itself_is_no_regression() {
        assert_eq!(verdict(TIME, ratio(0.6, 0.5, 1.5), ratio(2.2, 2.1, 2.3)), Passed);
        assert_eq!(verdict(TIME, ratio(0.6, 0.5, 1.5), ratio(2.4, 2.3, 2.5)), Failed);
    }

    #[test]
    fn baselines_cannot_creep_beyond_what_is_too_much_in_any_case() {
        assert_eq!(verdict(TIME, ratio(2.9, 2.8, 3.0), ratio(3.0, 2.9, 3.1)), Passed);
        assert_eq!(verdict(TIME, ratio(2.9, 2.8, 3.0), ratio(3.1, 2.9, 3.2)), Failed);
        assert_eq!(verdict(PEAK_RSS, ratio(2.9, 2.8, 3.0), ratio(3.1, 2.9, 3.2)), Passed);
    }

    #[test]
    fn rows_without_a_ratio_are_skipped_with_the_reason() {
        let judged = |change: &dyn Fn(&mut Figures)| {
            let mut now = Figures { ratios: of(TIME, ratio(1.0, 1.0, 1.0)), ..figures() };
            change(&mut now);
            judge(&baseline(), &now).remove(0)
        };
        let missing = judged(&|now| {
            now.yardstick_failures.insert("cfrac".to_owned(), "timeout".to_owned());
            now.ratios.get_mut(TIME).unwrap().clear();
        });
        assert_eq!((missing.verdict, &*missing.figure), (Skipped, "time ratio cfrac"));
        assert_eq!(missing.text, "no ratio of cfrac: 'mi3' has timeout");
        assert_eq!(judged(&|now| now.ratios.clear()).text, NOT_MEASURED);
        assert!(judged(&|now| now.params.threads = 9).text.starts_with("taken with Params"));
    }

    /// A mean over many workloads hardly shows it.
    #[test]
    fn old_baselines_say_that_they_have_no_rows_and_still_find_one_that_takes_several_times_as_long() {
        let many: Vec<String> = (0..26).map(|number| format!("row {number}")).collect();
        let mut baseline = baseline();
        baseline.figures.ratios.clear();
        let mean = Mean { ratio: 1.0, workloads: many.iter().cloned().collect() };
        baseline.figures.means.insert(TIME.to_owned(), mean);
        let with = |slowest: f64| {
            let row = |row: &String| (row.clone(), ratio(0.9, 0.9, 0.9));
            let mut of: BTreeMap<_, _> = many.iter().map(row).collect();
            of.insert("row 7".to_owned(), ratio(slowest, 0.9, slowest));
            let judged = judge(&baseline, &Figures { ratios: [(TIME.to_owned(), of)].into(), ..figures() });
            assert_eq!((judged[0].verdict, judged.len()), (Skipped, 27));
            assert!(
                judged[0].text.contains("beyond 3.00 of the time")
                    && judged[0].text.contains("gate --update")
            );
            let failed = judged.into_iter().filter(|one| one.verdict == Failed);
            failed.map(|one| one.figure).collect::<Vec<_>>()
        };
        assert!(with(2.9).is_empty());
        assert_eq!(with(15.0), ["time ratio row 7"]);
    }
}
