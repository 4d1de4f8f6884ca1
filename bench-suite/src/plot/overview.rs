//! One small picture for a README: mean time and mean peak memory of every allocator, and behind
//! each mean the workloads it was made of.
//!
//! The interval of a mean says how sure the mean is. The spread over the workloads, which is much
//! wider, is what keeps a reader from taking the mean for the whole story.

use std::cmp::Ordering;

use plotters_backend::DrawingBackend;

use super::canvas::{Area, Canvas, Lettering};
use super::colour::{BAND, GRID, INK, MUTED, PAPER, Rgb};
use super::figure::Figure;
use super::furniture::{Furniture, SMALL};
use super::legend;
use super::matrix::{Matrix, Ratio};
use super::numbers;
use super::scale::Scale;
use super::wording;
use crate::summary::RunInfo;

const WIDTH: u32 = 900;
const LINE: f64 = 27.0;
/// Room for the names of the allocators.
const NAMES: f64 = 186.0;
/// Room for the number and the count of completed workloads beside each panel.
const NUMBERS: f64 = 92.0;
/// Room for the title of a panel and the labels of its axis.
const PANEL_HEAD: f64 = 46.0;
/// Space between the last allocator and the footer.
const AFTER_ROWS: f64 = 14.0;

/// Thickness of a whisker, and length of its caps.
const WHISKER: f64 = 1.5;
const WHISKER_CAP: f64 = 8.0;

const LABEL: Lettering = Lettering::new(15.0, INK);
const NUMBER: Lettering = Lettering::new(15.0, INK).bold().right();
const COUNT: Lettering = Lettering::new(12.0, MUTED);
const TICK: Lettering = Lettering::new(12.0, MUTED).centred();

/// Means of time and peak memory.
pub struct Overview<'a> {
    run: &'a RunInfo,
    panels: [Panel<'a>; 2],
    /// Allocators by mean time; those without one come last.
    order: Vec<usize>,
}

struct Panel<'a> {
    matrix: Matrix<'a>,
    scale: Scale,
}

impl<'a> Panel<'a> {
    fn new(matrix: Matrix<'a>) -> Self {
        let ratios = || matrix.ratios().map(|ratio| ratio.value);
        let means = (0..matrix.allocators.len()).filter_map(|at| matrix.mean(at)).flat_map(|mean| {
            let (low, high) = mean.interval.unwrap_or((mean.value, mean.value));
            [low, mean.value, high]
        });
        let scale = Scale::limits(ratios()).narrowed_to(ratios()).widened_to(means);
        Self { scale, matrix }
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, area: Area, order: &[usize]) {
        let words = wording::metric(self.matrix.metric);
        let plot = Area {
            y: area.y + PANEL_HEAD,
            width: area.width - NUMBERS,
            height: LINE * order.len() as f64,
            ..area
        };
        let inset = 10.0;
        let x = |ratio: f64| plot.x + inset + self.scale.share(ratio) * (plot.width - 2.0 * inset);
        canvas.text((plot.x + inset, area.y + 16.0), words.title, &LABEL.bold());
        let least = 40.0 / plot.width;
        for (ratio, label) in self.scale.marks(least) {
            canvas.upright(x(ratio), plot.y, plot.bottom(), 1.0, GRID);
            let lettering = if ratio == 1.0 { Lettering { colour: INK, ..TICK }.bold() } else { TICK };
            canvas.text((x(ratio), plot.y - 7.0), label, &lettering);
        }
        canvas.upright(x(1.0), plot.y, plot.bottom(), 2.0, INK);

        for (line, &at) in order.iter().enumerate() {
            let y = plot.y + (line as f64 + 0.5) * LINE;
            let allocator = self.matrix.allocators[at];
            let colour = legend::colour_of(allocator);
            if allocator.id != self.matrix.reference {
                let pale = colour.mix(PAPER, 0.5);
                for ratio in self.matrix.workloads.iter().filter_map(|workload| workload.cells[at].ratio()) {
                    draw_mark(canvas, (x(ratio), y), 3.0, pale, self.scale.beyond(ratio));
                }
            }
            let baseline = y + NUMBER.half_height();
            let number = plot.right() + 40.0;
            let text = match self.matrix.mean(at) {
                Some(mean) => {
                    let beyond = self.scale.beyond(mean.value);
                    self.draw_whisker(canvas, x, y, &mean);
                    draw_mark(canvas, (x(mean.value), y), 7.5, PAPER, beyond);
                    draw_mark(canvas, (x(mean.value), y), 6.0, colour, beyond);
                    numbers::ratio(mean.value)
                }
                None => "–".to_owned(),
            };
            canvas.text((number, baseline), &text, &NUMBER);
            let (completed, of) = (self.matrix.completed(at), self.matrix.workloads.len());
            if completed < of {
                canvas.text((number + 6.0, baseline), &format!("{completed} of {of}"), &COUNT);
            }
        }
    }

    /// The interval of a mean: a line on a white edge, with a cap at each end that is on the axis.
    fn draw_whisker<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        x: impl Fn(f64) -> f64,
        y: f64,
        mean: &Ratio,
    ) {
        let Some((low, high)) = mean.interval.filter(|_| self.scale.beyond(mean.value).is_eq()) else {
            return;
        };
        for (edge, colour) in [(1.5, PAPER), (0.0, INK)] {
            let half = (WHISKER_CAP + edge) / 2.0;
            for end in [low, high].into_iter().filter(|end| self.scale.beyond(*end).is_eq()) {
                canvas.upright(x(end), y - half, y + half, WHISKER + edge, colour);
            }
            canvas.level(y, x(low), x(high), WHISKER + edge, colour);
        }
    }
}

/// A dot; where the axis ends before the value, an arrowhead that points there.
fn draw_mark<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    (x, y): (f64, f64),
    radius: f64,
    colour: Rgb,
    beyond: Ordering,
) {
    let reach = match beyond {
        Ordering::Equal => return canvas.disc((x, y), radius, colour),
        Ordering::Less => -radius,
        Ordering::Greater => radius,
    };
    canvas.polygon(&[(x - reach, y - radius), (x + reach, y), (x - reach, y + radius)], colour);
}

impl<'a> Overview<'a> {
    /// The overview of a run from the matrices of its two main metrics.
    pub fn new(run: &'a RunInfo, time: Matrix<'a>, rss: Matrix<'a>) -> Self {
        let panels = [Panel::new(time), Panel::new(rss)];
        let mean = |at: usize| panels[0].matrix.mean(at).map_or(f64::INFINITY, |mean| mean.value);
        let mut order: Vec<usize> = (0..panels[0].matrix.allocators.len()).collect();
        order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
        Self { run, panels, order }
    }

    fn furniture(&self) -> Furniture<'a> {
        Furniture {
            width: WIDTH,
            style: SMALL,
            title: self.title(),
            subtitle: self.subtitle(),
            origin: self.run.into(),
        }
    }

    fn subtitle(&self) -> Vec<String> {
        let [time, rss] = &self.panels;
        let over = match (time.matrix.mean_over(), rss.matrix.mean_over()) {
            (time_over, rss_over) if time_over == rss_over => wording::mean_over(&time.matrix),
            (time, rss) => format!("geometric means of {time} (time) and {rss} (memory) workloads"),
        };
        vec![
            format!("Large dot: {over}. Small dots: the workloads."),
            format!(
                "Whisker through the large dot, where wider than it: {}.",
                wording::interval(&time.matrix)
            ),
            format!("Logarithmic, lower (further left) is better; {}.", wording::passes(&time.matrix)),
        ]
    }
}

impl Figure for Overview<'_> {
    fn size(&self) -> (u32, u32) {
        let furniture = self.furniture();
        let rows = PANEL_HEAD + LINE * self.order.len() as f64;
        (WIDTH, (furniture.above() + rows + AFTER_ROWS + furniture.below()).ceil() as u32)
    }

    fn title(&self) -> String {
        format!("Time and peak memory relative to {}", self.panels[0].matrix.reference_label())
    }

    fn description(&self) -> String {
        self.panels.iter().map(|panel| wording::description(&panel.matrix)).collect::<Vec<_>>().join(" ")
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let area = self.furniture().draw(canvas, self.size().1);
        for (line, &at) in self.order.iter().enumerate() {
            let y = area.y + PANEL_HEAD + line as f64 * LINE;
            if line % 2 == 0 {
                canvas.fill(Area { y, height: LINE, ..area }, BAND);
            }
            let allocator = self.panels[0].matrix.allocators[at];
            let is_reference = allocator.id == self.panels[0].matrix.reference;
            let lettering = if is_reference { LABEL.bold() } else { LABEL };
            let label = lettering.fitted(&allocator.label, NAMES - 16.0);
            canvas.text((area.x + 8.0, y + LINE / 2.0 + lettering.half_height()), &label, &lettering);
        }
        let width = (area.width - NAMES) / 2.0;
        for (at, panel) in self.panels.iter().enumerate() {
            let x = area.x + NAMES + at as f64 * width;
            panel.draw(canvas, Area { x, width, ..area }, &self.order);
        }
    }
}
