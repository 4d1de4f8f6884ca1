//! One execution of one cell: a line of `samples.jsonl`, from which everything else is made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workloads::protocol::Report;

use crate::foreign::adhoc::exit_code;
use crate::noise::Noise;
use crate::status::Status;

/// One execution of one workload under one allocator in a fresh process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Pass, counted from 0.
    pub pass: usize,
    /// Place of the block in its pass.
    pub block: usize,
    /// Place of this execution in its block.
    pub position: usize,
    /// Workload id.
    pub workload: String,
    /// Allocator id.
    pub allocator: String,
    /// Bytes of padding in the worker's environment.
    pub env_pad_bytes: usize,
    /// In which of its orders the worker's functions were; 0 is the linker's own.
    #[serde(default)]
    pub layout: usize,
    /// Start in UTC.
    pub started_utc: String,
    /// How it ended.
    pub status: Status,
    /// Why it failed, in one line.
    pub reason: Option<String>,
    /// Wall time from spawning to the end of the process, in the harness's clock.
    pub total_ns: u64,
    /// What else happened on the machine meanwhile.
    pub noise: Noise,
    /// Executions before this one whose times do not count, because others on the host had disturbed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<Discarded>,
    /// What the worker said, when it could be read.
    pub report: Option<Report>,
}

/// An execution whose times do not count; what it computed does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// Wall time from spawning to the end of the process.
    pub total_ns: u64,
    /// What it would have counted with.
    pub score_ns: u64,
    /// Time the hypervisor gave to others meanwhile, summed over all cores.
    pub steal_us: u64,
    /// What its work amounted to. Earlier versions did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

impl Sample {
    /// The checksums of executions that do not count otherwise.
    fn discarded_checksums(&self) -> impl Iterator<Item = &str> {
        self.discarded.iter().filter_map(|discarded| discarded.checksum.as_deref())
    }

    /// What is wrong with this sample if `expected` is right.
    fn deviation(&self, expected: &Expected) -> Option<String> {
        let own = self.usable().map(|report| (report.checksum.as_deref().unwrap_or("none"), ""));
        let discarded =
            self.discarded_checksums().map(|found| (found, " in an execution that was taken again"));
        let (found, place) =
            own.into_iter().chain(discarded).find(|(found, _)| *found != expected.checksum)?;
        Some(expected.missed_by(found, place))
    }

    /// The report, if the sample counts as a measurement.
    pub fn usable(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| self.status == Status::Ok)
    }
}

/// What the work of a workload amounts to if it is done right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The checksum that most allocators agree on.
    pub checksum: String,
    /// Whether the reference has others, too.
    pub varies: bool,
}

impl Expected {
    /// How it is said that a checksum, found at `place`, is not this one.
    pub(crate) fn missed_by(&self, found: &str, place: &str) -> String {
        let code = exit_code(found);
        if self.varies && code.is_some() && code == exit_code(&self.checksum) {
            return format!(
                "checksum {found}{place}: the output is not the same twice under one allocator; leave --compare-output away"
            );
        }
        format!("checksum {found}{place}, expected {}", self.checksum)
    }
}

/// The checksum of each workload that most allocators agree on.
///
/// Each allocator has one vote per workload, its most frequent checksum; on a tie the
/// reference decides. A workload without checksums has none.
pub fn expected_checksums(samples: &[Sample], reference: &str) -> BTreeMap<String, Expected> {
    let mut votes: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, usize>>> = BTreeMap::new();
    for sample in samples {
        let own = sample.usable().and_then(|report| report.checksum.as_deref());
        for checksum in sample.discarded_checksums().chain(own) {
            let by_allocator = votes.entry(&sample.workload).or_default();
            *by_allocator.entry(&sample.allocator).or_default().entry(checksum).or_default() += 1;
        }
    }
    let elected = votes.into_iter().filter_map(|(workload, by_allocator)| {
        let checksum = elected(&by_allocator, reference)?.to_owned();
        let varies = by_allocator.get(reference).is_some_and(|checksums| checksums.len() > 1);
        Some((workload.to_owned(), Expected { checksum, varies }))
    });
    elected.collect()
}

/// Marks samples whose checksum is not the [expected](expected_checksums) one.
pub fn mark_wrong_checksums(samples: &mut [Sample], reference: &str) {
    let expected = expected_checksums(samples, reference);
    for sample in samples {
        let Some(expected) = expected.get(&sample.workload) else { continue };
        // Another ending says more, unless it may be forgiven.
        let is_open = sample.status == Status::Ok || sample.status.may_be_the_machine();
        if let Some(reason) = sample.deviation(expected).filter(|_| is_open) {
            sample.reason = Some(reason);
            sample.status = Status::WrongOutput;
        }
    }
}

fn elected<'s>(by_allocator: &BTreeMap<&str, BTreeMap<&'s str, usize>>, reference: &str) -> Option<&'s str> {
    let mut tally: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for (allocator, checksums) in by_allocator {
        let vote = checksums.iter().max_by_key(|(_, count)| **count).map(|(checksum, _)| *checksum)?;
        let entry = tally.entry(vote).or_default();
        entry.0 += 1;
        entry.1 |= *allocator == reference;
    }
    tally.into_iter().max_by_key(|(_, rank)| *rank).map(|(checksum, _)| checksum)
}

#[cfg(test)]
pub(crate) mod tests {
    use workloads::usage::Usage;

    use super::*;

    pub(crate) fn report(allocator: &str, row: &str, score_ns: u64) -> Report {
        Report {
            protocol: workloads::protocol::PROTOCOL,
            allocator: allocator.to_owned(),
            allocator_version: "1.0".to_owned(),
            proof: "asked".to_owned(),
            row: row.to_owned(),
            threads: 2,
            run_ns: score_ns,
            operations: 1000,
            score_ns,
            figure: String::new(),
            checksum: Some("c0ffee".to_owned()),
            peak_rss_bytes: 10 << 20,
            run_end_rss_bytes: Some(9 << 20),
            drained_rss_bytes: Some(5 << 20),
            usage: Usage {
                user_us: 800,
                sys_us: 200,
                minor_faults: 300,
                major_faults: 0,
                voluntary_switches: 1,
                involuntary_switches: 2,
            },
            counts: None,
            memory: None,
        }
    }

    pub(crate) fn sample(pass: usize, workload: &str, allocator: &str, score_ns: u64) -> Sample {
        Sample {
            pass,
            block: 0,
            position: 0,
            workload: workload.to_owned(),
            allocator: allocator.to_owned(),
            env_pad_bytes: 0,
            layout: 0,
            started_utc: "2025-01-01T00:00:00Z".to_owned(),
            status: Status::Ok,
            reason: None,
            total_ns: score_ns + 1000,
            noise: Noise::default(),
            discarded: Vec::new(),
            report: Some(report(allocator, workload, score_ns)),
        }
    }

    fn with_checksum(allocator: &str, checksum: Option<&str>) -> Sample {
        let mut sample = sample(0, "cfrac", allocator, 1);
        sample.report.as_mut().unwrap().checksum = checksum.map(str::to_owned);
        sample
    }

    fn wrong(mut samples: Vec<Sample>) -> Vec<String> {
        mark_wrong_checksums(&mut samples, "mi");
        samples.into_iter().filter(|s| s.status == Status::WrongOutput).map(|s| s.allocator).collect()
    }

    #[test]
    fn majority_decides_even_against_the_reference() {
        let samples = vec![
            with_checksum("mi", Some("x")),
            with_checksum("jx", Some("y")),
            with_checksum("sn", Some("y")),
        ];
        assert_eq!(wrong(samples), ["mi"]);
    }

    #[test]
    fn an_allocator_has_one_vote_however_often_it_ran() {
        let mut samples = vec![with_checksum("mi", Some("x")); 3];
        samples.extend(["jx", "sn"].map(|allocator| with_checksum(allocator, Some("y"))));
        assert_eq!(wrong(samples), ["mi"; 3]);
    }

    #[test]
    fn what_failed_for_good_keeps_its_status_whatever_was_discarded_before() {
        let mut crash = with_checksum("jx", None);
        (crash.status, crash.reason, crash.report) =
            (Status::from_signal(11), Some("its last words".to_owned()), None);
        let checksum = Some("y".to_owned());
        crash.discarded = vec![Discarded { total_ns: 9, score_ns: 8, steal_us: 7, checksum }];
        let mut samples = [with_checksum("mi", Some("x")), crash.clone()];
        mark_wrong_checksums(&mut samples, "mi");
        assert_eq!(samples[1], crash);
    }

    #[test]
    fn reference_decides_a_tie() {
        let samples = vec![with_checksum("mi", Some("a")), with_checksum("jx", Some("z"))];
        assert_eq!(wrong(samples), ["jx"]);
    }

    #[test]
    fn one_deviating_pass_is_wrong_for_the_allocator_itself() {
        let mut samples = vec![with_checksum("mi", Some("x")); 3];
        samples.push(with_checksum("mi", Some("y")));
        assert_eq!(wrong(samples), ["mi"]);
    }

    #[test]
    fn checksums_of_executions_that_were_taken_again_vote_and_are_judged() {
        let again = |allocator: &str, first: Option<&str>, then: &str| {
            let mut sample = with_checksum(allocator, Some(then));
            let checksum = first.map(str::to_owned);
            sample.discarded = vec![Discarded { total_ns: 9, score_ns: 8, steal_us: 7, checksum }];
            sample
        };
        let mi = || with_checksum("mi", Some("x"));
        assert_eq!(wrong(vec![mi(), again("jx", Some("y"), "x"), mi()]), ["jx"]);
        assert!(wrong(vec![mi(), again("jx", Some("x"), "x"), again("sn", None, "x")]).is_empty());
        let mut timeout = again("jx", Some("y"), "x");
        (timeout.status, timeout.report) = (Status::Timeout, None);
        assert_eq!(wrong(vec![mi(), timeout]), ["jx"], "a timeout may be forgiven");
        // Two of three executions of jx had x.
        let twice =
            vec![again("jx", Some("x"), "x"), with_checksum("jx", Some("a")), with_checksum("sn", Some("x"))];
        assert_eq!(wrong(twice), ["jx"]);
        let votes =
            vec![again("jx", Some("x"), "x"), again("jx", Some("x"), "z"), with_checksum("mi", Some("x"))];
        assert_eq!(wrong(votes), ["jx"]);
    }

    #[test]
    fn output_that_is_not_the_same_twice_is_told_from_one_that_an_allocator_changes() {
        let reasons = |checksums: [(&str, &str); 4]| {
            let mut samples = checksums.map(|(allocator, checksum)| with_checksum(allocator, Some(checksum)));
            mark_wrong_checksums(&mut samples, "mi");
            samples.map(|sample| sample.reason.unwrap_or_default())
        };
        let [first, second, other, _] = reasons([
            ("mi", "exit 0, output a"),
            ("mi", "exit 0, output b"),
            ("jx", "exit 0, output c"),
            ("jx", "exit 0, output d"),
        ]);
        let told = |reason: &str| {
            reason.ends_with("is not the same twice under one allocator; leave --compare-output away")
        };
        assert!(first.is_empty() != second.is_empty() && told(&(first + &second)) && told(&other), "{other}");
        let [_, _, changed, _] = reasons([
            ("mi", "exit 0, output a"),
            ("mi", "exit 0, output a"),
            ("jx", "exit 0, output b"),
            ("jx", "exit 0, output a"),
        ]);
        assert_eq!(changed, "checksum exit 0, output b, expected exit 0, output a");
        let [_, _, of_suite, _] = reasons([("mi", "a"), ("mi", "b"), ("jx", "c"), ("jx", "d")]);
        assert!(of_suite.starts_with("checksum c, expected "), "only commands have outputs: {of_suite}");
        let [_, ended, _, _] =
            reasons([("mi", "exit 0"), ("mi", "exit 1"), ("mi", "exit 0"), ("jx", "exit 0")]);
        assert_eq!(ended, "checksum exit 1, expected exit 0");
    }

    #[test]
    fn discarded_executions_of_earlier_versions_have_no_checksum() {
        let text = r#"{"total_ns":9,"score_ns":8,"steal_us":7}"#;
        let discarded: Discarded = serde_json::from_str(text).unwrap();
        assert_eq!(discarded.checksum, None);
        assert_eq!(serde_json::to_string(&discarded).unwrap(), text);
    }

    #[test]
    fn rows_without_checksums_are_left_alone_but_a_missing_one_is_wrong() {
        assert!(wrong(vec![with_checksum("mi", None), with_checksum("jx", None)]).is_empty());
        assert_eq!(wrong(vec![with_checksum("mi", Some("x")), with_checksum("jx", None)]), ["jx"]);
    }
}
