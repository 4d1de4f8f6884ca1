//! Statistics as JSON.

use core::fmt::{self, Write};

use super::fields::Number;
use super::{
    BINS, CHUNK_BINS, Count, MIMALLOC_BINS, MIMALLOC_VERSION, STAT_VERSION, Stats, mimalloc_bin,
    mimalloc_bin_size,
};
use crate::geometry::SLICE_SHIFT;
use crate::process::ProcessInfo;
use crate::size_class::{self, CLASS};

/// What mimalloc calls the kinds of chunk.
const CHUNK_NAMES: [&str; CHUNK_BINS] = ["S", "X", "M", "L", "H", " "];

impl Stats {
    /// Writes the numbers, and those of the process, as a JSON object with the keys that mimalloc's has.
    ///
    /// Times are in milliseconds, memory in bytes. Size classes stand where [mimalloc's bins](mimalloc_bin) do. An error of `out` ends it.
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
        for (name, counts) in [("malloc_bins", &self.malloc_bins), ("page_bins", &self.page_bins)] {
            write_bins(name, &in_bins(counts), write_sizes, out)?;
            writeln!(out, ",")?;
        }
        let kind = |kind: usize, out: &mut dyn Write| write!(out, "\"bin\": \"{}\"", CHUNK_NAMES[kind]);
        write_bins("chunk_bins", &self.chunk_bins, kind, out)?;
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

/// Our size classes in mimalloc's bins. Those between them stay empty.
fn in_bins(counts: &[Count; BINS]) -> [Count; MIMALLOC_BINS] {
    let mut bins = [Count::default(); MIMALLOC_BINS];
    for (class, &count) in counts.iter().enumerate() {
        bins[mimalloc_bin(size_class::block_size(class))] = count;
    }
    bins
}

/// Bytes of a bin's blocks, and of the pages that hold them: none where no page does.
fn write_sizes(bin: usize, out: &mut dyn Write) -> fmt::Result {
    let block_size = mimalloc_bin_size(bin);
    let facts = CLASS.iter().find(|facts| mimalloc_bin(facts.block_size as usize) == bin);
    let page_size = facts.map_or(0, |facts| usize::from(facts.slices) << SLICE_SHIFT);
    write!(out, "\"block_size\": {block_size}, \"page_size\": {page_size}")
}

/// An array of counts, each with what `which` says about its place.
fn write_bins<const N: usize>(
    name: &str,
    bins: &[Count; N],
    which: impl Fn(usize, &mut dyn Write) -> fmt::Result,
    out: &mut dyn Write,
) -> fmt::Result {
    write!(out, "  \"{name}\": [")?;
    for (index, &count) in bins.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\n    {{{}, ", Members(count))?;
        which(index, out)?;
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
        let page_size = i64::from(CLASS[BINS - 1].slices) << SLICE_SHIFT;
        for (pointer, value) in [
            ("/stat_version", 5),
            ("/mimalloc_version", 30302),
            ("/process/elapsed_msecs", 1234),
            ("/process/page_faults", 6),
            ("/process/commit_peak", 0),
            ("/committed/total", 3),
            ("/committed/current", -1),
            ("/mmap_calls", 7),
            ("/malloc_bins/48/peak", 5),
            ("/malloc_bins/48/block_size", 65_536),
            ("/malloc_bins/48/page_size", page_size),
            ("/page_bins/0/total", 0),
            ("/page_bins/1/total", i64::MAX),
            ("/page_bins/1/block_size", 8),
            ("/page_bins/1/page_size", 65_536),
            ("/page_bins/3/block_size", 24),
            ("/page_bins/3/page_size", 0),
            ("/page_bins/73/total", 0),
            ("/_segments_reserved/total", 0),
            ("/chunk_bins/5/total", 0),
        ] {
            assert_eq!(json.pointer(pointer), Some(&Value::from(value)), "{pointer}");
        }
        for (name, bins) in
            [("malloc_bins", MIMALLOC_BINS), ("page_bins", MIMALLOC_BINS), ("chunk_bins", CHUNK_BINS)]
        {
            assert_eq!(json[name].as_array().map(std::vec::Vec::len), Some(bins), "{name}");
        }
        assert_eq!(json["chunk_bins"][2]["bin"], "M");
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
