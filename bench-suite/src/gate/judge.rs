//! Comparing figures with a baseline; pure.

use std::collections::BTreeMap;

use super::rows::{self, name};
use super::verdict::{Judgement, Verdict};
use super::{Baseline, Check, Figures, NO_VALGRIND, NOT_MEASURED, RENEW, TIME};

/// Growth of a peak that is always allowed: what the kernel's own bookkeeping may be off by,
/// generously.
const PEAK_FLOOR_BYTES: u64 = 1 << 20;

/// Judges every figure of the baseline. A mean that cannot be judged is given the verdict `unjudged_mean`: it fails
/// what was measured for its sake, since slowdowns show in nothing else.
pub fn judge(baseline: &Baseline, now: &Figures, unjudged_mean: Verdict) -> Vec<Judgement> {
    let then = &baseline.figures;
    let failures = now.failures.iter();
    let mut judgements: Vec<Judgement> =
        failures.map(|(row, why)| Judgement::new(false, format!("run {row}"), why.clone())).collect();
    judgements.extend(then.checks.iter().map(|(row, expected)| check(row, expected, now.checks.get(row))));
    judgements.extend(instructions(baseline, now));
    let params = (then.params != now.params).then(|| now.other_params(then));
    for (row, expected) in &then.peak_rss {
        let figure = format!("peak rss {row}");
        judgements.push(match (now.peak_rss.get(row), &params) {
            (None, _) => Judgement::skipped(figure, NOT_MEASURED),
            (_, Some(difference)) => Judgement::skipped(figure, difference),
            (Some(found), None) => {
                peak(figure, expected.highest_bytes, found.lowest_bytes, baseline.tolerance.peak_rss_percent)
            }
        });
    }
    for (metric, expected) in &then.means {
        let figure = format!("mean {metric}");
        let tolerance = match metric.as_str() {
            TIME => baseline.tolerance.mean_time_percent,
            _ => baseline.tolerance.mean_peak_rss_percent,
        };
        let found = match &params {
            Some(difference) => Err(difference.clone()),
            None => now.mean(metric, &expected.workloads),
        };
        judgements.push(match found {
            Err(why) => Judgement { verdict: unjudged_mean, figure, text: why },
            Ok(found) => {
                let limit = expected.ratio * (1.0 + tolerance / 100.0);
                Judgement::new(found <= limit, figure, format!("{found:.3}, limit {limit:.3}"))
            }
        });
    }
    judgements.extend(rows::judge(baseline, now));
    judgements.extend(
        not_expected(then, now)
            .map(|figure| Judgement::skipped(figure, format!("not in the baseline; {RENEW}"))),
    );
    judgements
}

/// The names of the figures that were measured, but that the baseline does not have.
fn not_expected<'f>(then: &'f Figures, now: &'f Figures) -> impl Iterator<Item = String> + 'f {
    fn of<'f, E, F>(
        kind: &'f str,
        then: &'f BTreeMap<String, E>,
        now: &'f BTreeMap<String, F>,
    ) -> impl Iterator<Item = String> + 'f {
        now.keys().filter(|name| !then.contains_key(*name)).map(move |name| format!("{kind} {name}"))
    }
    of("output", &then.checks, &now.checks)
        .chain(of("instructions", &then.instructions, &now.instructions))
        .chain(of("peak rss", &then.peak_rss, &now.peak_rss))
        .chain(of("mean", &then.means, &now.ratios))
        .chain(then.ratios.iter().flat_map(|(metric, rows)| {
            let found = now.ratios.get(metric).into_iter().flat_map(BTreeMap::keys);
            found.filter(|row| !rows.contains_key(*row)).map(move |row| name(metric, row))
        }))
}

/// The counts of all rows; one line for all of them where they cannot be compared.
fn instructions(baseline: &Baseline, now: &Figures) -> Vec<Judgement> {
    let expected = &baseline.figures.instructions;
    let tolerance = baseline.tolerance.instructions_percent;
    if let Some(difference) = version_difference(&baseline.figures, now).filter(|_| !expected.is_empty()) {
        let rows: Vec<&str> = expected.keys().map(String::as_str).collect();
        return vec![Judgement::skipped(format!("instructions {}", rows.join(", ")), difference)];
    }
    let judged = expected.iter().map(|(row, expected)| {
        let figure = format!("instructions {row}");
        let Some(found) = now.instructions.get(row) else { return Judgement::skipped(figure, NOT_MEASURED) };
        let passed = *found as f64 <= *expected as f64 * (1.0 + tolerance / 100.0);
        Judgement::new(passed, figure, format!("{found}, baseline {expected}, {tolerance} % allowed"))
    });
    judged.collect()
}

/// Why instructions are not comparable, if they are not: other compilers make other code, other versions of valgrind count otherwise.
fn version_difference(then: &Figures, now: &Figures) -> Option<String> {
    let Some(valgrind) = &now.valgrind else { return Some(NO_VALGRIND.to_owned()) };
    let baseline = then.valgrind.as_deref().unwrap_or("none");
    let tools = [("rustc", &*then.rustc, &*now.rustc), ("valgrind", baseline, valgrind)];
    let differences: Vec<String> = tools
        .into_iter()
        .filter(|(_, then, now)| then != now)
        .map(|(tool, then, now)| format!("{tool} is '{now}', that of the baseline '{then}'"))
        .collect();
    (!differences.is_empty()).then(|| format!("not compared, since {}; {RENEW}", differences.join(" and ")))
}

fn check(row: &str, expected: &Check, found: Option<&Check>) -> Judgement {
    let figure = format!("output {row}");
    let Some(found) = found else { return Judgement::skipped(figure, NOT_MEASURED) };
    let number = |n: Option<u64>| n.map(|n| n.to_string());
    let fields = [
        ("checksum", expected.checksum.clone(), found.checksum.clone()),
        ("allocations", number(expected.allocations), number(found.allocations)),
        ("frees", number(expected.frees), number(found.frees)),
        ("bytes", number(expected.bytes), number(found.bytes)),
        ("cross_thread_frees", number(expected.cross_thread_frees), number(found.cross_thread_frees)),
    ];
    // A count that did not repeat just now depends on the moment, and says nothing; a checksum always does.
    let repeats = |name: &str, found: &Option<String>| found.is_some() || name == "checksum";
    let compared = fields.iter().filter(|(name, expected, found)| expected.is_some() && repeats(name, found));
    let mut differences =
        compared.clone().filter(|(_, expected, found)| expected != found).map(|(name, expected, found)| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            format!("{name} {}, baseline {}", text(found), text(expected))
        });
    match differences.next() {
        Some(difference) => Judgement::new(false, figure, difference),
        None => {
            let names: Vec<_> = compared.map(|(name, ..)| *name).collect();
            Judgement::new(true, figure, format!("same {}", names.join(", ")))
        }
    }
}

fn peak(figure: String, highest: u64, found: u64, tolerance: f64) -> Judgement {
    let share = (highest as f64 * (1.0 + tolerance / 100.0)) as u64;
    let limit = share.max(highest + PEAK_FLOOR_BYTES);
    let bytes = indicatif::BinaryBytes;
    let text = format!("{}, baseline up to {}, limit {}", bytes(found), bytes(highest), bytes(limit));
    Judgement::new(found <= limit, figure, text)
}

#[cfg(test)]
pub(super) mod tests {
    use workloads::rows::{Preset, Size};

    use super::super::{Mean, Peak, RowRatio, Tolerance};
    use super::*;
    use crate::plan::Params;

    fn peaks(lowest: u64) -> Peak {
        Peak { lowest_bytes: lowest << 20, median_bytes: 80 << 20, highest_bytes: 100 << 20 }
    }

    pub(in crate::gate) fn figures() -> Figures {
        let check = Check {
            checksum: Some("abc".to_owned()),
            allocations: Some(10),
            frees: Some(10),
            bytes: Some(640),
            cross_thread_frees: None,
        };
        let params = Params { preset: Preset::Seed2019, size: Size::Quick, threads: 2, levelled: true };
        Figures {
            checks: [("cfrac".to_owned(), check)].into(),
            instructions: [("cfrac".to_owned(), 1_000_000)].into(),
            peak_rss: [("cfrac".to_owned(), peaks(70))].into(),
            means: [("time".to_owned(), Mean { ratio: 1.0, workloads: ["cfrac".to_owned()].into() })].into(),
            ratios: [("time".to_owned(), ratios(&[("cfrac", 1.0)]))].into(),
            ..Figures::nothing(params, "rustc 1".to_owned(), Some("valgrind-3".to_owned()))
        }
    }

    pub(in crate::gate) fn baseline() -> Baseline {
        Baseline {
            schema_version: 1,
            recorded_utc: String::new(),
            commit: String::new(),
            machine: String::new(),
            tolerance: Tolerance::default(),
            figures: figures(),
        }
    }

    fn ratios(of: &[(&str, f64)]) -> BTreeMap<String, RowRatio> {
        let sure = |ratio: f64| RowRatio { ratio, low: ratio, high: ratio };
        of.iter().map(|(workload, ratio)| ((*workload).to_owned(), sure(*ratio))).collect()
    }

    fn judged(change: impl FnOnce(&mut Figures)) -> Vec<Verdict> {
        let mut now = figures();
        change(&mut now);
        judge(&baseline(), &now, Skipped).into_iter().map(|judgement| judgement.verdict).collect()
    }

    use Verdict::{Failed, Passed, Skipped};

    #[test]
    fn same_and_better_figures_pass() {
        assert_eq!(judged(|_| {}), [Passed; 5]);
        let better = |now: &mut Figures| {
            *now.instructions.get_mut("cfrac").unwrap() /= 2;
            now.peak_rss.get_mut("cfrac").unwrap().lowest_bytes /= 2;
            now.ratios.insert("time".to_owned(), ratios(&[("cfrac", 0.5)]));
        };
        assert_eq!(judged(better), [Passed; 5]);
    }

    #[test]
    fn worse_figures_fail_one_by_one() {
        let changed = judged(|now| now.checks.get_mut("cfrac").unwrap().checksum = Some("x".to_owned()));
        assert_eq!(changed, [Failed, Passed, Passed, Passed, Passed]);
        let changed = judged(|now| now.checks.get_mut("cfrac").unwrap().bytes = Some(641));
        assert_eq!(changed, [Failed, Passed, Passed, Passed, Passed]);
        let changed = judged(|now| *now.instructions.get_mut("cfrac").unwrap() = 1_010_001);
        assert_eq!(changed, [Passed, Failed, Passed, Passed, Passed]);
        let changed = judged(|now| now.peak_rss.get_mut("cfrac").unwrap().lowest_bytes = 111 << 20);
        assert_eq!(changed, [Passed, Passed, Failed, Passed, Passed]);
        let slower = |now: &mut Figures| {
            now.ratios.insert("time".to_owned(), ratios(&[("cfrac", 1.11)]));
        };
        let changed = judged(slower);
        assert_eq!(changed, [Passed, Passed, Passed, Failed, Passed]);
    }

    #[test]
    fn every_count_is_compared_and_a_checksum_even_if_it_did_not_repeat() {
        let judged_with = |change: fn(&mut Check)| {
            let mut baseline = baseline();
            baseline.figures.checks.get_mut("cfrac").unwrap().cross_thread_frees = Some(3);
            let mut now = baseline.figures.clone();
            change(now.checks.get_mut("cfrac").unwrap());
            judge(&baseline, &now, Skipped)[0].verdict
        };
        assert_eq!(judged_with(|_| {}), Passed);
        let changes: [fn(&mut Check); 5] = [
            |check| check.allocations = Some(11),
            |check| check.frees = Some(9),
            |check| check.bytes = Some(639),
            |check| check.cross_thread_frees = Some(4),
            |check| check.checksum = None,
        ];
        assert_eq!(changes.map(judged_with), [Failed; 5]);
        assert_eq!(
            judged_with(|check| check.frees = None),
            Passed,
            "a count that did not repeat says nothing"
        );
    }

    #[test]
    fn means_of_time_and_of_memory_have_a_tolerance_each() {
        let verdict = |metric: &str, ratio: f64| {
            let mut baseline = baseline();
            let mean = baseline.figures.means["time"].clone();
            baseline.figures.means = [(metric.to_owned(), mean)].into();
            let now =
                Figures { ratios: [(metric.to_owned(), ratios(&[("cfrac", ratio)]))].into(), ..figures() };
            let judged = judge(&baseline, &now, Skipped);
            judged.iter().find(|one| one.figure == format!("mean {metric}")).unwrap().verdict
        };
        assert_eq!([1.09, 1.11].map(|ratio| verdict("time", ratio)), [Passed, Failed]);
        assert_eq!([1.04, 1.06].map(|ratio| verdict("peak_rss", ratio)), [Passed, Failed]);
    }

    #[test]
    fn workload_that_does_not_run_fails() {
        let crash = |now: &mut Figures| {
            now.failures.insert("cfrac".to_owned(), "signal(SIGSEGV)".to_owned());
            now.peak_rss.clear();
        };
        assert_eq!(judged(crash), [Failed, Passed, Passed, Skipped, Passed, Passed]);
    }

    #[test]
    fn figures_within_tolerance_pass() {
        let near = |now: &mut Figures| {
            now.checks.get_mut("cfrac").unwrap().cross_thread_frees = Some(3);
            *now.instructions.get_mut("cfrac").unwrap() = 1_009_999;
            now.peak_rss.get_mut("cfrac").unwrap().lowest_bytes = 109 << 20;
            now.ratios.insert("time".to_owned(), ratios(&[("cfrac", 1.09)]));
        };
        assert_eq!(judged(near), [Passed; 5]);
    }

    #[test]
    fn a_pass_with_threads_held_back_does_not_fail() {
        let held_back = |now: &mut Figures| {
            let peak = Peak { median_bytes: 150 << 20, highest_bytes: 300 << 20, ..peaks(70) };
            now.peak_rss.insert("cfrac".to_owned(), peak);
        };
        assert_eq!(judged(held_back), [Passed; 5]);
    }

    #[test]
    fn small_peaks_may_grow_by_a_mebibyte() {
        assert_eq!(peak(String::new(), 1 << 20, 2 << 20, 10.0).verdict, Passed);
        assert_eq!(peak(String::new(), 1 << 20, (2 << 20) + 1, 10.0).verdict, Failed);
    }

    #[test]
    fn what_cannot_be_compared_is_skipped_with_a_reason() {
        assert_eq!(judged(|now| now.rustc = "rustc 2".to_owned()), [Passed, Skipped, Passed, Passed, Passed]);
        assert_eq!(judged(|now| now.valgrind = None), [Passed, Skipped, Passed, Passed, Passed]);
        assert_eq!(judged(|now| now.params.threads = 8), [Passed, Passed, Skipped, Skipped, Skipped]);
        let nothing = |now: &mut Figures| {
            now.checks.clear();
            now.instructions.clear();
            now.peak_rss.clear();
            now.ratios.clear();
        };
        assert_eq!(judged(nothing), [Skipped; 5]);
    }

    #[test]
    fn counts_that_other_tools_made_are_named_in_one_line_with_how_to_renew_them() {
        let mut baseline = baseline();
        baseline.figures.instructions.insert("larson".to_owned(), 7);
        let now =
            Figures { rustc: "rustc 2".to_owned(), valgrind: Some("valgrind-4".to_owned()), ..figures() };
        let judged = judge(&baseline, &now, Failed);
        let skipped: Vec<_> = judged.iter().filter(|one| one.verdict == Skipped).collect();
        assert_eq!((skipped.len(), &*skipped[0].figure), (1, "instructions cfrac, larson"));
        assert_eq!(
            skipped[0].text,
            "not compared, since rustc is 'rustc 2', that of the baseline 'rustc 1' and valgrind is 'valgrind-4', that of the \
             baseline 'valgrind-3'; renew it with: bench-suite gate --update"
        );
    }

    #[test]
    fn means_are_over_the_workloads_of_the_baseline_and_no_others() {
        let over = |of: &[(&str, f64)]| {
            let of = ratios(of);
            judged(move |now| drop(now.ratios.insert("time".to_owned(), of)))[3]
        };
        assert_eq!(over(&[("cfrac", 1.0), ("larson", 9.0)]), Passed);
        assert_eq!(over(&[("cfrac", 9.0), ("larson", 0.01)]), Failed);
        assert_eq!(over(&[("cfrac", 1.15), ("larson", 1.0)]), Failed);
        assert_eq!(over(&[("larson", 1.0)]), Skipped);
    }

    #[test]
    fn what_the_baseline_lacks_is_named() {
        let mut baseline = baseline();
        baseline.figures.means.clear();
        baseline.figures.peak_rss.clear();
        baseline.figures.ratios.insert(TIME.to_owned(), ratios(&[("larson", 1.0)]));
        let judged = judge(&baseline, &figures(), Failed);
        let is_new = |one: &&Judgement| one.verdict == Skipped && one.text.starts_with("not in the baseline");
        let names: Vec<_> = judged.iter().filter(is_new).map(|one| one.figure.as_str()).collect();
        assert_eq!(names, ["peak rss cfrac", "mean time", "time ratio cfrac"]);
        assert_eq!(judged.len(), 6);
    }

    #[test]
    fn mean_that_was_to_be_measured_and_was_not_fails_with_a_reason() {
        let mut now = figures();
        now.ratios.insert("time".to_owned(), ratios(&[]));
        now.yardstick_failures.insert("cfrac".to_owned(), "timeout: too long".to_owned());
        let judged = judge(&baseline(), &now, Failed);
        let mean = judged.iter().find(|one| one.figure == "mean time").unwrap();
        assert_eq!(
            (mean.verdict, mean.text.as_str()),
            (Failed, "no ratio of cfrac: 'mi3' has timeout: too long")
        );
    }
}
