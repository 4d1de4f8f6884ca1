//! Statistics as JSON.

use core::fmt::{self, Write};

use super::fields::Number;
use super::{BINS, CHUNK_BINS, Count, MIMALLOC_VERSION, STAT_VERSION, Stats};
use crate::process::ProcessInfo;
use crate::size_class;

/// What mimalloc calls the kinds of chunk.
const CHUNK_NAMES: [&str; CHUNK_BINS] = ["small", "other", "medium", "large", "huge", "none"];

impl Stats {
    /// Writes the numbers, and those of the process, as a JSON object with the keys that mimalloc's has.
    ///
    /// Times are in milliseconds, memory in bytes. An error of `out` ends it.
    ///
    /// ```
    /// use mimalloc_rs::process::ProcessInfo;
    /// use mimalloc_rs::stats::Stats;
    ///
    /// let mut text = String::new();
    /// Stats::empty().write_json(&ProcessInfo::current(), &mut text)?;
    /// assert!(text.contains("\"committed\": {\"total\": 0, \"peak\": 0, \"current\": 0}"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    pub fn write_json(&self, process: &ProcessInfo, out: &mut dyn Write) -> fmt::Result {
        writeln!(
            out,
            "{{\n  \"stat_version\": {STAT_VERSION},\n  \"mimalloc_version\": {MIMALLOC_VERSION},"
        )?;
        write_process(process, out)?;
        for (name, number) in self.numbers() {
            match number {
                Number::Count(count) => writeln!(out, "  \"{name}\": {{{}}},", Members(count))?,
                Number::Counter(counter) => writeln!(out, "  \"{name}\": {},", counter.total)?,
            }
        }
        let block_size =
            |out: &mut dyn Write, class| write!(out, "\"block_size\": {}", size_class::block_size(class));
        write_bins::<BINS>("malloc_bins", &self.malloc_bins, block_size, out)?;
        writeln!(out, ",")?;
        write_bins::<BINS>("page_bins", &self.page_bins, block_size, out)?;
        writeln!(out, ",")?;
        let kind = |out: &mut dyn Write, kind: usize| write!(out, "\"bin\": \"{}\"", CHUNK_NAMES[kind]);
        write_bins::<CHUNK_BINS>("chunk_bins", &self.chunk_bins, kind, out)?;
        writeln!(out, "\n}}")
    }
}

fn write_process(process: &ProcessInfo, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "  \"process\": {{")?;
    for (name, value) in [
        ("elapsed_msecs", process.elapsed.as_millis()),
        ("user_msecs", process.user.as_millis()),
        ("system_msecs", process.system.as_millis()),
        ("page_faults", process.page_faults.into()),
        ("rss_current", process.current_rss as u128),
        ("rss_peak", process.peak_rss as u128),
        ("commit_current", process.current_commit as u128),
    ] {
        writeln!(out, "    \"{name}\": {value},")?;
    }
    writeln!(out, "    \"commit_peak\": {}\n  }},", process.peak_commit)
}

/// An array of counts, each with what `which` says about its place.
fn write_bins<const N: usize>(
    name: &str,
    bins: &[Count; N],
    which: impl Fn(&mut dyn Write, usize) -> fmt::Result,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(out, "  \"{name}\": [")?;
    for (index, &count) in bins.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\n    {{{}, ", Members(count))?;
        which(out, index)?;
        write!(out, "}}")?;
    }
    write!(out, "\n  ]")
}

/// The members of a count.
struct Members(Count);

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { total, peak, current } = self.0;
        write!(f, "\"total\": {total}, \"peak\": {peak}, \"current\": {current}")
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::string::String;

    use serde_json::Value;

    use super::*;
    use crate::stats::Counter;

    fn json(stats: &Stats, process: &ProcessInfo) -> Value {
        let mut text = String::new();
        stats.write_json(process, &mut text).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
    }

    #[test]
    fn every_number_is_where_tools_look_for_it() {
        let mut stats = Stats::empty();
        stats.committed = Count { total: 3, peak: 2, current: -1 };
        stats.mmap_calls = Counter { total: 7 };
        stats.malloc_bins[44].peak = 5;
        stats.page_bins[0].total = i64::MAX;
        let process =
            ProcessInfo { elapsed: Duration::from_millis(1234), page_faults: 6, ..ProcessInfo::default() };
        let json = json(&stats, &process);
        for (pointer, value) in [
            ("/stat_version", 5),
            ("/mimalloc_version", 30302),
            ("/process/elapsed_msecs", 1234),
            ("/process/page_faults", 6),
            ("/process/commit_peak", 0),
            ("/committed/total", 3),
            ("/committed/current", -1),
            ("/mmap_calls", 7),
            ("/malloc_bins/44/peak", 5),
            ("/malloc_bins/44/block_size", 65_536),
            ("/page_bins/0/total", i64::MAX),
            ("/page_bins/0/block_size", 8),
            ("/_segments_reserved/total", 0),
            ("/chunk_bins/5/total", 0),
        ] {
            assert_eq!(json.pointer(pointer), Some(&Value::from(value)), "{pointer}");
        }
        assert_eq!(json["malloc_bins"].as_array().map(std::vec::Vec::len), Some(BINS));
        assert_eq!(json["chunk_bins"][2]["bin"], "medium");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_writes_the_same_fields() {
        let mut ours = json(&Stats::empty(), &ProcessInfo::default());
        let derived = serde_json::to_value(Stats::empty()).unwrap();
        let ours = ours.as_object_mut().unwrap();
        for extra in ["stat_version", "mimalloc_version", "process"] {
            ours.remove(extra);
        }
        let names = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<std::vec::Vec<_>>();
        assert_eq!(names(derived.as_object().unwrap()), names(ours));
    }
}
