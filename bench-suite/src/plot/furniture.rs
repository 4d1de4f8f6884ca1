//! What surrounds every chart: title, warnings, footer.

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{AMBER, AMBER_INK, INK, MUTED};
use super::figure::Figure;
use super::wording;
use crate::summary::RunInfo;

/// What differs between a full sheet and a small one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Space between the edge of the sheet and everything on it.
    pub(super) margin: f64,
    title: f64,
    subtitle: f64,
    footer: f64,
}

/// Size of a full sheet.
const SHEET_SIZE: (u32, u32) = (1600, 900);
/// For full sheets.
pub(super) const SHEET: Style = Style { margin: 40.0, title: 34.0, subtitle: 20.0, footer: 15.0 };
/// For the overview, which is shown at its logical size.
pub(super) const SMALL: Style = Style { margin: 24.0, title: 24.0, subtitle: 15.0, footer: 12.0 };

/// A chart that fills a full sheet. What surrounds it is the same for all of them.
pub trait Sheet {
    /// See [`Figure::title`].
    fn title(&self) -> String;

    /// How to read it, line by line.
    fn subtitle(&self) -> Vec<String>;

    /// See [`Figure::description`].
    fn description(&self) -> String;

    /// Where it comes from.
    fn origin(&self) -> Origin<'_>;

    /// Draws the chart itself.
    fn draw_chart<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area);
}

impl<S: Sheet> Figure for S {
    fn size(&self) -> (u32, u32) {
        SHEET_SIZE
    }

    fn title(&self) -> String {
        Sheet::title(self)
    }

    fn description(&self) -> String {
        Sheet::description(self)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let (width, height) = SHEET_SIZE;
        let furniture = Furniture {
            width,
            style: SHEET,
            title: Sheet::title(self),
            subtitle: self.subtitle(),
            origin: self.origin(),
        };
        let area = furniture.draw(canvas, height);
        self.draw_chart(canvas, area);
    }
}

/// Where a picture comes from.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// Which run this is, and below it where it ran.
    pub lines: [String; 2],
    /// What belongs on top of the picture.
    pub warnings: &'a [String],
}

impl<'a> From<&'a RunInfo> for Origin<'a> {
    fn from(run: &'a RunInfo) -> Self {
        Self { lines: [wording::run_line(run), wording::machine_line(run)], warnings: &run.warnings }
    }
}

/// Lines of warnings a picture shows; the report has them all.
const WARNING_LINES: usize = 2;

/// Everything around a chart.
pub(super) struct Furniture<'a> {
    /// Of the sheet, in logical units.
    pub(super) width: u32,
    /// How large it is written.
    pub(super) style: Style,
    /// What is shown.
    pub(super) title: String,
    /// How to read it, line by line.
    pub(super) subtitle: Vec<String>,
    /// Where it comes from.
    pub(super) origin: Origin<'a>,
}

impl Furniture<'_> {
    fn room(&self) -> f64 {
        f64::from(self.width) - 2.0 * self.style.margin
    }

    fn warning_lettering(&self) -> Lettering {
        Lettering::new(self.style.subtitle * 0.9, AMBER_INK).bold()
    }

    fn warning_height(&self) -> f64 {
        self.warning_lettering().size * 1.7
    }

    fn footer_pitch(&self) -> f64 {
        self.style.footer * 1.4
    }

    /// Baseline of the title.
    fn first_baseline(&self) -> f64 {
        0.6 * self.style.margin + 0.9 * self.style.title
    }

    /// Where the warnings begin.
    fn heading_end(&self) -> f64 {
        self.first_baseline() + self.style.subtitle * (1.4 * self.subtitle.len() as f64 + 0.7)
    }

    /// Height taken from the top of the sheet.
    pub(super) fn above(&self) -> f64 {
        let warnings = self.warning_lines().len() as f64;
        let gap = if warnings > 0.0 { 0.4 * self.style.subtitle } else { 0.0 };
        self.heading_end() + warnings * self.warning_height() + gap
    }

    /// Height taken from the bottom of the sheet.
    pub(super) fn below(&self) -> f64 {
        0.45 * self.style.margin + 2.0 * self.footer_pitch() + 0.4 * self.style.footer
    }

    /// The warnings packed into few lines, the last of which counts those left out.
    fn warning_lines(&self) -> Vec<String> {
        let lettering = self.warning_lettering();
        let room = self.room() - 2.0 * lettering.size;
        let mut lines: Vec<String> = Vec::new();
        for (at, warning) in self.origin.warnings.iter().enumerate() {
            let left = self.origin.warnings.len() - at;
            let joined = lines.last().map(|line| format!("{line}  ·  {warning}"));
            match (joined, lines.len()) {
                (Some(joined), _) if lettering.width(&joined) <= room => {
                    lines.pop();
                    lines.push(joined);
                }
                (_, open) if open < WARNING_LINES => lines.push(lettering.fitted(warning, room)),
                _ => {
                    let rest = format!("  ·  {left} more in report.md");
                    let last = lines.pop().unwrap_or_default();
                    lines.push(lettering.fitted(&last, room - lettering.width(&rest)) + &rest);
                    break;
                }
            }
        }
        lines
    }

    /// Draws it all and returns the space that is left for the chart.
    pub(super) fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, height: u32) -> Area {
        let (x, room) = (self.style.margin, self.room());
        let title = Lettering::new(self.style.title, INK).bold();
        let subtitle = Lettering::new(self.style.subtitle, MUTED);
        let footer = Lettering::new(self.style.footer, MUTED);

        let mut y = self.first_baseline();
        canvas.text((x, y), &title.fitted(&self.title, room), &title);
        for line in &self.subtitle {
            y += self.style.subtitle * 1.4;
            canvas.text((x, y), &subtitle.fitted(line, room), &subtitle);
        }
        self.draw_warnings(canvas);

        y = f64::from(height) - 0.45 * self.style.margin;
        for line in self.origin.lines.iter().rev() {
            canvas.text((x, y), &footer.fitted(line, room), &footer);
            y -= self.footer_pitch();
        }
        let height = f64::from(height) - self.above() - self.below();
        Area { x, y: self.above(), width: room, height }
    }

    fn draw_warnings<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let lines = self.warning_lines();
        if lines.is_empty() {
            return;
        }
        let lettering = self.warning_lettering();
        let pitch = self.warning_height();
        let bar = Area {
            x: self.style.margin,
            y: self.heading_end(),
            width: self.room(),
            height: pitch * lines.len() as f64,
        };
        canvas.fill(bar, AMBER);
        canvas.fill(Area { width: lettering.size * 0.25, ..bar }, AMBER_INK);
        for (at, line) in lines.iter().enumerate() {
            let middle = bar.y + (at as f64 + 0.5) * pitch;
            canvas.text((bar.x + lettering.size, middle + lettering.half_height()), line, &lettering);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::sample;

    fn lines(warnings: &[&str]) -> Vec<String> {
        let mut run = sample::summary().run;
        run.warnings = warnings.iter().map(|warning| (*warning).to_owned()).collect();
        let (title, subtitle) = (String::new(), Vec::new());
        Furniture { width: 900, style: SMALL, title, subtitle, origin: (&run).into() }.warning_lines()
    }

    #[test]
    fn warnings_share_lines_and_what_does_not_fit_is_counted() {
        assert_eq!(lines(&[]), Vec::<String>::new());
        assert_eq!(lines(&["noisy", "hot"]), ["noisy  ·  hot"]);
        let long =
            "a warning that needs most of a line because it explains itself at some length, as it should";
        let packed = lines(&[long, long, long, "noisy"]);
        assert_eq!(packed.len(), WARNING_LINES);
        assert!(packed[1].ends_with("2 more in report.md"), "{packed:?}");
    }
}
