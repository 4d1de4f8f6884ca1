//! The table a run ends with: absolute figures of the reference, ratios of the others.

use std::ffi::OsStr;

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

use crate::plan::passes_in_words;
use crate::plot::numbers;
use crate::stats::bootstrap::MIN_OBSERVATIONS;
use crate::summary::{Metric, Summary, SummaryRow};

/// Width when the output is not a terminal.
const DEFAULT_WIDTH: usize = 120;
/// Columns a ratio with its interval takes.
const RATIO_WIDTH: usize = 20;
/// Columns of the workload's name and the reference's figure.
const FIXED_WIDTH: usize = 32;

/// How a table is set.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether failed cells are coloured.
    pub colour: bool,
}

impl Style {
    /// What standard output and the environment call for.
    pub fn detect() -> Self {
        let terminal = Table::new();
        let says = |name, what: fn(&OsStr) -> bool| std::env::var_os(name).is_some_and(|value| what(&value));
        let is_unwanted =
            says("NO_COLOR", |value| !value.is_empty()) || says("TERM", |value| value == "dumb");
        let colour = terminal.is_tty() && !is_unwanted;
        Self { width: terminal.width().map_or(DEFAULT_WIDTH, usize::from), colour }
    }
}

/// The tables of time and of peak memory.
pub fn render(summary: &Summary, style: Style) -> String {
    [(Metric::Time, "time"), (Metric::PeakRss, "peak RSS")]
        .iter()
        .map(|(metric, name)| section(summary, *metric, name, style))
        .collect::<Vec<_>>()
        .join("\n")
}

fn section(summary: &Summary, metric: Metric, name: &str, style: Style) -> String {
    let reference = summary.reference.as_str();
    let others: Vec<&str> =
        summary.allocators.iter().map(|a| a.id.as_str()).filter(|id| *id != reference).collect();
    let passes = summary.run.passes;
    let spread = spread(summary, metric);
    let mut text = format!(
        "{name}: {reference} absolute, others relative to it {spread}; lower is better; {}\n",
        passes_in_words(passes)
    );
    // What does not fit beside each other goes below each other.
    let per_band = (style.width.saturating_sub(FIXED_WIDTH) / RATIO_WIDTH).max(1);
    let bands: Vec<&[&str]> = if others.is_empty() { vec![&[]] } else { others.chunks(per_band).collect() };
    for band in bands {
        text.push_str(&self::band(summary, metric, band, style));
        text.push('\n');
    }
    text
}

/// What the brackets of a section are.
fn spread(summary: &Summary, metric: Metric) -> String {
    let of_others = |row: &&SummaryRow| {
        row.metric == metric && row.allocator != summary.reference && row.ratio_to_ref.is_some()
    };
    let mut rows = summary.rows.iter().filter(of_others).map(|row| row.n);
    let least = rows.clone().min().unwrap_or(summary.run.passes);
    if least >= MIN_OBSERVATIONS {
        "[95 % interval]".to_owned()
    } else if rows.any(|n| n >= MIN_OBSERVATIONS) {
        format!("[95 % interval, or range where n < {MIN_OBSERVATIONS}]")
    } else {
        "[least, greatest]".to_owned()
    }
}

fn band(summary: &Summary, metric: Metric, others: &[&str], style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let heading = |text: &str| {
        if style.colour { Cell::new(text).add_attribute(Attribute::Bold) } else { Cell::new(text) }
    };
    let mut header = vec![heading("workload"), heading(&summary.reference)];
    header.extend(others.iter().map(|id| heading(id)));
    table.set_header(header);
    for workload in workloads(summary) {
        let mut cells = vec![Cell::new(workload)];
        let row_of = |id: &str| {
            summary.rows.iter().find(|r| r.metric == metric && r.workload == workload && r.allocator == id)
        };
        cells.push(row_of(&summary.reference).map_or_else(|| Cell::new("-"), |row| absolute(row, style)));
        cells.extend(
            others.iter().map(|id| row_of(id).map_or_else(|| Cell::new("-"), |row| relative(row, style))),
        );
        table.add_row(cells);
    }
    let means = summary.means_of(metric, None);
    let workloads = means.map_or(0, |means| means.over);
    let mean_of = |id: &str| {
        let mean = means?.of_id(id)?;
        Some(ratio_text(mean.ratio_to_ref?, mean.ci_low?, mean.ci_high?))
    };
    let of_reference = if workloads > 0 { "1.00" } else { "-" };
    let mut cells = vec![heading(&format!("geomean ({workloads})")), Cell::new(of_reference)];
    cells.extend(others.iter().map(|id| Cell::new(mean_of(id).unwrap_or_else(|| "-".to_owned()))));
    table.add_row(cells);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn workloads(summary: &Summary) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in &summary.rows {
        if !names.contains(&row.workload.as_str()) {
            names.push(&row.workload);
        }
    }
    names
}

fn absolute(row: &SummaryRow, style: Style) -> Cell {
    match row.median {
        Some(value) => Cell::new(numbers::absolute(value, &row.unit)),
        None => failed(row, style),
    }
}

fn relative(row: &SummaryRow, style: Style) -> Cell {
    match (row.ratio_to_ref, row.ci_low, row.ci_high) {
        (Some(ratio), Some(low), Some(high)) => Cell::new(ratio_text(ratio, low, high)),
        _ if row.median.is_some() => absolute(row, style),
        _ => failed(row, style),
    }
}

fn failed(row: &SummaryRow, style: Style) -> Cell {
    let cell = Cell::new(&row.status);
    if style.colour { cell.fg(Color::Red) } else { cell }
}

fn ratio_text(ratio: f64, low: f64, high: f64) -> String {
    let [ratio, low, high] = [ratio, low, high].map(numbers::ratio);
    format!("{ratio} [{low}, {high}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_summary() -> Summary {
        let mut samples = crate::digest::tests::samples(3);
        for sample in samples.iter_mut().filter(|s| s.allocator == "sn" && s.workload == "larson") {
            sample.status = crate::status::Status::Timeout;
            sample.report = None;
        }
        crate::digest::digest(&crate::digest::tests::record(3), samples).summary
    }

    #[test]
    fn table_has_the_reference_ratios_failures_and_the_mean() {
        let text = render(&sample_summary(), Style { width: 120, colour: false });
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(line("cfrac")), "cfrac 1.10 µs 2.00 [2.00, 2.00] 4.00 [4.00, 4.00]");
        assert_eq!(words(line("larson")), "larson 1.10 µs 2.00 [2.00, 2.00] timeout");
        assert_eq!(words(line("geomean")), "geomean (1) 1.00 2.00 [2.00, 2.00] 4.00 [4.00, 4.00]");
        assert!(text.contains("peak RSS") && text.contains("10.0 MiB"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn without_the_reference_there_are_absolute_figures() {
        let mut samples = crate::digest::tests::samples(3);
        for sample in samples.iter_mut().filter(|s| s.allocator == "mi" && s.workload == "larson") {
            sample.status = crate::status::Status::Timeout;
            sample.report = None;
        }
        let summary = crate::digest::digest(&crate::digest::tests::record(3), samples).summary;
        let text = render(&summary, Style { width: 120, colour: false });
        let line = text.lines().find(|line| line.trim_start().starts_with("larson")).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["larson", "timeout", "2.20", "µs", "4.40", "µs"]);
    }

    #[test]
    fn ratios_are_written_as_in_the_report() {
        assert_eq!(ratio_text(0.714, 0.7, 0.72), "0.71 [0.70, 0.72]");
        assert_eq!(ratio_text(0.004, 0.001, 12.34), "<0.01 [<0.01, 12.3]");
    }

    #[test]
    fn brackets_are_named_after_all_that_is_in_them() {
        let spread = |passes, missing: usize| {
            let mut samples = crate::digest::tests::samples(passes);
            let of_cell = |s: &&mut crate::sample::Sample| s.workload == "larson" && s.allocator == "sn";
            for sample in samples.iter_mut().filter(of_cell).take(missing) {
                sample.status = crate::status::Status::Timeout;
                sample.report = None;
            }
            let summary = crate::digest::digest(&crate::digest::tests::record(passes), samples).summary;
            let text = render(&summary, Style { width: 120, colour: false });
            let line = text.lines().next().unwrap();
            line[line.find('[').unwrap()..=line.find(']').unwrap()].to_owned()
        };
        assert_eq!(spread(6, 0), "[95 % interval]");
        assert_eq!(spread(5, 0), "[least, greatest]");
        assert_eq!(spread(6, 1), "[95 % interval, or range where n < 6]");
    }

    #[test]
    fn narrow_terminal_gets_bands_and_colour_only_when_asked() {
        let narrow = render(&sample_summary(), Style { width: 60, colour: true });
        assert_eq!(narrow.matches("geomean").count(), 4);
        assert!(narrow.contains('\u{1b}'));
        let wide = render(&sample_summary(), Style { width: 60, colour: false });
        assert!(
            wide.lines().skip(1).all(|line| line.chars().count() <= 60 || line.contains("absolute")),
            "{wide}"
        );
    }
}
