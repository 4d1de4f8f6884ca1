//! Statistics as a table.

use core::fmt::{self, Write};

use super::amount::{Bytes, Pieces};
use super::{Count, Counter, Stats};
use crate::process::ProcessInfo;

impl fmt::Display for Stats {
    /// A table in the manner of mimalloc's. Size classes without a block or page are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_table(self, f)
    }
}

impl Stats {
    /// Writes the table, and below it what the process has used. An error of `out` ends it.
    ///
    /// ```
    /// use mimalloc_rs::process::ProcessInfo;
    /// use mimalloc_rs::stats::Stats;
    ///
    /// let mut text = String::new();
    /// Stats::empty().write_table(&ProcessInfo::current(), &mut text)?;
    /// assert!(text.contains("elapsed:"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    pub fn write_table(&self, process: &ProcessInfo, out: &mut dyn Write) -> fmt::Result {
        write_table(self, out)?;
        writeln!(out, "{process}")
    }
}

fn write_table(stats: &Stats, out: &mut dyn Write) -> fmt::Result {
    let mut table = Table { out };
    table.heading("heap stats")?;
    table.blocks(stats)?;
    table.bytes("normal", stats.malloc_normal)?;
    table.bytes("huge", stats.malloc_huge)?;
    table.bytes("requested", stats.malloc_requested)?;
    table.line()?;
    table.bytes("reserved", stats.reserved)?;
    table.bytes("committed", stats.committed)?;
    table.bytes("touched", stats.page_committed)?;
    table.total_bytes("reset", stats.reset)?;
    table.total_bytes("purged", stats.purged)?;
    table.pieces("pages", stats.pages)?;
    table.pieces("-abandoned", stats.pages_abandoned)?;
    for (label, counter) in [
        ("-reclaima", stats.pages_reclaim_on_alloc),
        ("-reclaimf", stats.pages_reclaim_on_free),
        ("-reabandon", stats.pages_reabandon_full),
        ("-extended", stats.pages_extended),
        ("-retire", stats.pages_retire),
        ("arenas", stats.arena_count),
        ("-rollback", stats.arena_rollback_count),
        ("-purges", stats.arena_purges),
        ("mmaps", stats.mmap_calls),
        ("commits", stats.commit_calls),
        ("resets", stats.reset_calls),
        ("purges", stats.purge_calls),
        ("guarded", stats.malloc_guarded_count),
    ] {
        table.total(label, counter)?;
    }
    table.pieces("heaps", stats.heaps)?;
    table.pieces("theaps", stats.theaps)?;
    table.pieces("threads", stats.threads)?;
    table.mean("searches", stats.page_searches, stats.page_searches_count)
}

struct Table<'a> {
    out: &'a mut dyn Write,
}

impl Table<'_> {
    fn heading(&mut self, title: &str) -> fmt::Result {
        writeln!(
            self.out,
            "{title:>10}: {:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "peak    ", "total    ", "freed    ", "current    ", "unit    ", "count    "
        )
    }

    fn line(&mut self) -> fmt::Result {
        writeln!(self.out)
    }

    fn count<N: fmt::Display>(&mut self, label: &str, count: Count, shown: impl Fn(i64) -> N) -> fmt::Result {
        let [peak, total, freed, current] =
            [count.peak, count.total, count.freed(), count.current].map(shown);
        write!(self.out, "{label:>10}: {peak:12}{total:12}{freed:12}{current:12}")
    }

    fn bytes(&mut self, label: &str, count: Count) -> fmt::Result {
        self.count(label, count, Bytes)?;
        self.line()
    }

    fn pieces(&mut self, label: &str, count: Count) -> fmt::Result {
        self.count(label, count, Pieces)?;
        self.line()
    }

    fn total_bytes(&mut self, label: &str, counter: Counter) -> fmt::Result {
        writeln!(self.out, "{label:>10}: {:12}{:12}", "", Bytes(counter.total))
    }

    fn total(&mut self, label: &str, counter: Counter) -> fmt::Result {
        writeln!(self.out, "{label:>10}: {:12}", Pieces(counter.total))
    }

    fn mean(&mut self, label: &str, sum: Counter, count: Counter) -> fmt::Result {
        let mean = if count.total == 0 { 0.0 } else { sum.total as f64 / count.total as f64 };
        writeln!(self.out, "{label:>10}: {mean:>8.1} avg")
    }

    /// The size classes, in bytes, and whether all blocks were freed.
    fn blocks(&mut self, stats: &Stats) -> fmt::Result {
        let mut is_clean = true;
        let mut has_any = false;
        for bin in stats.bins().filter(|bin| bin.blocks.total > 0 || bin.pages.total > 0) {
            let size = bin.block_size as i64;
            self.count("bin", bin.blocks, |blocks| Bytes(blocks.saturating_mul(size)))?;
            writeln!(self.out, "{:12}{:12}", Bytes(size), Pieces(bin.blocks.total))?;
            is_clean &= bin.blocks.current == 0;
            has_any = true;
        }
        match (has_any, is_clean) {
            (false, _) => Ok(()),
            (true, true) => writeln!(self.out, "{:>10}  all blocks were freed", ""),
            (true, false) => writeln!(self.out, "{:>10}  not all blocks were freed", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;
    use crate::size_class;

    fn sample() -> Stats {
        let mut stats = Stats::empty();
        let class = size_class::of(64);
        stats.malloc_bins[class] = Count { total: 1000, peak: 32, current: 0 };
        stats.page_bins[class] = Count { total: 2, peak: 1, current: 1 };
        stats.malloc_bins[44] = Count { total: 3, peak: 2, current: 1 };
        stats.malloc_normal = Count { total: 64_000 + 3 * 65_536, peak: 131_072 + 2048, current: 65_536 };
        stats.reserved = Count { total: 256 << 30, peak: 256 << 30, current: 256 << 30 };
        stats.purged = Counter { total: 1 << 20 };
        stats.pages = Count { total: 3, peak: 2, current: 2 };
        stats.arena_count = Counter { total: 1 };
        stats.threads = Count { total: 5, peak: 4, current: 1 };
        stats.page_searches = Counter { total: 5 };
        stats.page_searches_count = Counter { total: 2 };
        stats
    }

    #[test]
    fn the_table_shows_all_there_is() {
        let mut text = String::new();
        sample().write_table(&ProcessInfo::default(), &mut text).unwrap();
        let trimmed: std::vec::Vec<_> = text.lines().map(str::trim_end).collect();
        let expected = include_str!("table.txt");
        assert_eq!(trimmed, expected.lines().collect::<std::vec::Vec<_>>(), "{text}");
    }

    #[test]
    fn nothing_is_a_table_without_bins() {
        let text = std::format!("{}", Stats::empty());
        assert!(!text.contains("bin") && !text.contains("freed\n"), "{text}");
        assert!(text.contains("searches:      0.0 avg"), "{text}");
    }

    #[test]
    fn freed_blocks_are_noted() {
        let mut stats = Stats::empty();
        stats.malloc_bins[3] = Count { total: 9, peak: 9, current: 0 };
        assert!(std::format!("{stats}").contains("  all blocks were freed"));
    }
}
