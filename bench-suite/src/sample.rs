//! One execution of one cell: a line of `samples.jsonl`, from which everything else is made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use workloads::protocol::Report;

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
    /// Executions before this one that do not count, because others on the host had disturbed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<Discarded>,
    /// What the worker said, when it could be read.
    pub report: Option<Report>,
}

/// An execution that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// Wall time from spawning to the end of the process.
    pub total_ns: u64,
    /// What it would have counted with.
    pub score_ns: u64,
    /// Time the hypervisor gave to others meanwhile, summed over all cores.
    pub steal_us: u64,
}

impl Sample {
    /// The report, if the sample counts as a measurement.
    pub fn usable(&self) -> Option<&Report> {
        self.report.as_ref().filter(|_| self.status == Status::Ok)
    }
}

/// Marks samples whose checksum is not the one that most allocators agree on.
///
/// Each allocator has one vote per workload, its most frequent checksum; on a tie the
/// reference decides. A workload without checksums is left alone.
pub fn mark_wrong_checksums(samples: &mut [Sample], reference: &str) {
    let mut votes: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, usize>>> = BTreeMap::new();
    for sample in samples.iter() {
        if let Some(checksum) = sample.usable().and_then(|report| report.checksum.as_deref()) {
            let by_allocator = votes.entry(&sample.workload).or_default();
            *by_allocator.entry(&sample.allocator).or_default().entry(checksum).or_default() += 1;
        }
    }
    let expected: BTreeMap<String, String> = votes
        .into_iter()
        .filter_map(|(workload, by_allocator)| {
            Some((workload.to_owned(), elected(&by_allocator, reference)?.to_owned()))
        })
        .collect();
    for sample in samples {
        let (Some(report), Some(expected)) = (sample.usable(), expected.get(&sample.workload)) else {
            continue;
        };
        let found = report.checksum.as_deref().unwrap_or("none");
        if found != expected {
            sample.reason = Some(format!("checksum {found}, the other allocators have {expected}"));
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
            run_end_rss_bytes: 9 << 20,
            drained_rss_bytes: 5 << 20,
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
    fn rows_without_checksums_are_left_alone_but_a_missing_one_is_wrong() {
        assert!(wrong(vec![with_checksum("mi", None), with_checksum("jx", None)]).is_empty());
        assert_eq!(wrong(vec![with_checksum("mi", Some("x")), with_checksum("jx", None)]), ["jx"]);
    }
}
