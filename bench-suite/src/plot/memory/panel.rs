//! One pair of axes: on the left the row as it runs, on the right the second after it.

use plotters_backend::DrawingBackend;
use workloads::phases::Phase;

use super::{Lines, SETTLING_MS, height_at, split};
use crate::config::Pattern;
use crate::curve::{Curve, Point, thinned};
use crate::plot::canvas::{Area, Canvas, Lettering};
use crate::plot::colour::{BAND, GRID, INK, MUTED, PAPER, Rgb};
use crate::plot::legend::{self, dashes};
use crate::plot::linear::Linear;
use crate::plot::numbers;
use crate::summary::AllocatorInfo;

/// What differs between a panel that has a sheet for itself and one among many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// Size of the labels of the axes.
    label: f64,
    /// Room for the labels on the left.
    left: f64,
    /// Most marks of the axes besides 0: upwards, along the run, along the second after it.
    marks: (usize, usize, usize),
    /// Thickness of lines; the reference's is twice that.
    line: f64,
    /// Half the height of the tick at the end of the measured part.
    tick: f64,
    /// Share of the width that the second after the run has.
    settling: f64,
    /// Whether everything is explained in words.
    pub(super) words: bool,
    /// Most points of a line.
    points: usize,
}

/// A sheet for itself.
pub(super) const LARGE: Detail = Detail {
    label: 17.0,
    left: 92.0,
    marks: (6, 7, 2),
    line: 2.0,
    tick: 7.0,
    settling: 0.2,
    words: true,
    points: 2000,
};
/// One among many.
pub(super) const SMALL: Detail = Detail {
    label: 13.0,
    left: 62.0,
    marks: (4, 3, 1),
    line: 1.5,
    tick: 3.5,
    settling: 0.22,
    words: false,
    points: 160,
};

/// Space between the two parts.
const GUTTER: f64 = 22.0;
/// Room for the words above a plot.
const HEAD: f64 = 30.0;

/// Where the axes of one part are.
#[derive(Clone, Copy)]
struct Part {
    plot: Area,
    along: Linear,
    up: Linear,
}

impl Part {
    fn x(&self, ms: f64) -> f64 {
        self.plot.x + self.along.share(ms) * self.plot.width
    }

    fn y(&self, bytes: f64) -> f64 {
        self.plot.bottom() - self.up.share(bytes) * self.plot.height
    }

    fn at(&self, point: &Point) -> (f64, f64) {
        (self.x(point.ms), self.y(point.bytes as f64))
    }
}

/// Draws a workload into `area`.
pub(super) fn draw<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, lines: &Lines, detail: &Detail) {
    let head = if detail.words { HEAD } else { 0.0 };
    let foot = detail.label * if detail.words { 3.4 } else { 1.7 };
    let whole = Area {
        x: area.x + detail.left,
        y: area.y + head,
        width: area.width - detail.left - detail.label,
        height: area.height - head - foot,
    };
    let (aside, gutter) =
        if lines.has_settling() { (detail.settling * whole.width, GUTTER) } else { (0.0, 0.0) };
    let up = lines.height_axis();
    let run =
        Part { plot: Area { width: whole.width - aside - gutter, ..whole }, along: lines.run_axis(), up };
    let after = lines.has_settling().then(|| Part {
        plot: Area { x: run.plot.right() + gutter, width: aside, ..whole },
        along: Linear::milliseconds(SETTLING_MS),
        up,
    });
    draw_phases(canvas, &run, lines, detail);
    draw_axes(canvas, &run, detail, detail.marks.1);
    draw_heights(canvas, &run, detail);
    if let Some(after) = &after {
        draw_axes(canvas, after, detail, detail.marks.2);
    }
    if detail.words {
        let parts = [(Some(&run), "since the beginning"), (after.as_ref(), "since all was freed")];
        for (part, words) in parts {
            let Some(Part { plot, .. }) = part else { continue };
            let below = Lettering::new(detail.label, MUTED).centred();
            canvas.text((plot.x + plot.width / 2.0, plot.bottom() + 2.9 * detail.label), words, &below);
        }
    }
    for (allocator, curve) in lines.drawn() {
        let is_reference = allocator.id == lines.reference;
        let pen = Pen {
            colour: legend::colour_of(allocator),
            pattern: allocator.pattern,
            thickness: if is_reference { 2.0 * detail.line } else { detail.line },
            on_edge: is_reference,
        };
        draw_line(canvas, (&run, after.as_ref()), curve, &pen, detail);
    }
}

/// The reference's phases: what is not measured is shaded, and the parts are named where there is room.
fn draw_phases<B: DrawingBackend>(canvas: &mut Canvas<B>, run: &Part, lines: &Lines, detail: &Detail) {
    let Some(curve) = lines.reference_curve() else { return };
    let began = |phase| curve.began(phase).map(|ms| run.x(ms));
    let (Some(begin), Some(start), Some(stop), Some(drained)) =
        (began(Phase::Begin), began(Phase::Start), began(Phase::Stop), began(Phase::Drained))
    else {
        return;
    };
    let plot = run.plot;
    for (from, to) in [(begin, start), (stop, drained)] {
        canvas.fill(Area { x: from, width: to - from, ..plot }, BAND.mix(GRID, 0.6));
    }
    for x in [start, stop, drained] {
        canvas.upright(x, plot.y, plot.bottom(), 1.0, MUTED.mix(PAPER, 0.4));
    }
    if !detail.words {
        return;
    }
    let lettering = Lettering::new(detail.label, MUTED).centred();
    let measured = format!("measured part of {}", lines.reference);
    for (from, to, words) in
        [(begin, start, "set-up"), (start, stop, measured.as_str()), (stop, drained, "freeing")]
    {
        let y = plot.y - 6.0;
        canvas.level(y, from, to, 2.0, MUTED);
        for x in [from, to] {
            canvas.upright(x, y - 4.0, y + 4.0, 2.0, MUTED);
        }
        if lettering.width(words) <= to - from {
            canvas.text(((from + to) / 2.0, y - 9.0), words, &lettering);
        }
    }
}

fn draw_axes<B: DrawingBackend>(canvas: &mut Canvas<B>, part: &Part, detail: &Detail, most: usize) {
    let plot = part.plot;
    for (bytes, _) in part.up.marks(detail.marks.0) {
        canvas.level(part.y(bytes), plot.x, plot.right(), 1.0, GRID);
    }
    let lettering = Lettering::new(detail.label, MUTED).centred();
    let baseline = plot.bottom() + 1.45 * detail.label;
    for (ms, label) in part.along.marks(most) {
        let x = part.x(ms);
        canvas.upright(x, plot.bottom(), plot.bottom() + 5.0, 1.0, MUTED);
        // The next part begins with a label as well.
        let middle = x.min(plot.right() - lettering.width(&label) / 2.0);
        canvas.text((middle, baseline), &label, &lettering);
    }
    canvas.level(plot.bottom(), plot.x, plot.right(), 1.5, MUTED);
}

fn draw_heights<B: DrawingBackend>(canvas: &mut Canvas<B>, part: &Part, detail: &Detail) {
    let lettering = Lettering::new(detail.label, MUTED).right();
    for (bytes, label) in part.up.marks(detail.marks.0) {
        canvas.text((part.plot.x - 9.0, part.y(bytes) + lettering.half_height()), &label, &lettering);
    }
}

/// How one line is drawn.
struct Pen {
    colour: Rgb,
    pattern: Pattern,
    thickness: f64,
    /// With white around it, so that it stands out.
    on_edge: bool,
}

impl Pen {
    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>, corners: &[(f64, f64)]) {
        if self.on_edge {
            canvas.path(corners, &[], self.thickness + 2.0, PAPER);
        }
        canvas.path(corners, dashes(self.pattern), self.thickness, self.colour);
    }
}

fn draw_line<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    (run, after): (&Part, Option<&Part>),
    curve: &Curve,
    pen: &Pen,
    detail: &Detail,
) {
    let (during, settling) = split(&curve.points, curve.run_end().unwrap_or(f64::INFINITY));
    for (part, points) in [(Some(run), during), (after, settling)] {
        let Some(part) = part else { continue };
        let (points, _) = split(&points, part.along.top());
        let corners: Vec<_> = thinned(&points, detail.points).iter().map(|point| part.at(point)).collect();
        pen.draw(canvas, &corners);
    }
    let stop = curve.began(Phase::Stop).filter(|stop| *stop <= run.along.top());
    if let Some((stop, bytes)) = stop.and_then(|stop| Some((stop, height_at(&curve.points, stop)?))) {
        let (x, y) = (run.x(stop), run.y(bytes as f64));
        let half = detail.tick;
        canvas.upright(x, y - half - 1.0, y + half + 1.0, detail.line + 3.0, PAPER);
        canvas.upright(x, y - half, y + half, detail.line + 1.0, pen.colour);
    }
}

/// A line as the legend shows it.
pub(super) fn swatch<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    area: Area,
    allocator: &AllocatorInfo,
    reference: &str,
) {
    let middle = area.y + area.height / 2.0;
    let thickness = LARGE.line * if allocator.id == reference { 2.0 } else { 1.0 };
    let corners = [(area.x, middle), (area.right(), middle)];
    canvas.path(&corners, dashes(allocator.pattern), thickness, legend::colour_of(allocator));
}

/// The name of a small panel, with the reference's peak.
pub(super) fn heading<B: DrawingBackend>(canvas: &mut Canvas<B>, area: Area, lines: &Lines) {
    let name = Lettering::new(16.0, INK).bold();
    let aside = Lettering::new(13.0, MUTED).right();
    let baseline = area.y + name.size;
    let peak = lines.reference_curve().and_then(Curve::peak);
    let peak = peak.map_or_else(String::new, |peak| {
        format!("{} peak {}", lines.reference, numbers::absolute(peak as f64, "bytes"))
    });
    let room = area.width - aside.width(&peak) - SMALL.label - 8.0;
    let name = name.squeezed(lines.workload, room, 11.0);
    canvas.text((area.x, baseline), &name.fitted(lines.workload, room), &name);
    canvas.text((area.right() - SMALL.label, baseline), &peak, &aside);
}
