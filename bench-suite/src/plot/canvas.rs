//! A sheet in logical units over any plotters backend.
//!
//! Both backends get the same pixels at twice the logical size, so an SVG and a PNG of one figure
//! show the same picture. A failing backend is remembered and reported once, by [`Canvas::finish`].

use std::convert::Infallible;

use anyhow::anyhow;
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, FontFamily, FontStyle,
    FontTransform,
};

use super::colour::{PAPER, Rgb};
use super::font::{self, Weight};
use crate::config::Pattern;

/// Pixels per logical unit.
pub const PIXELS_PER_UNIT: f64 = 2.0;

/// Where the given point of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At its beginning.
    Left,
    /// In its middle.
    Centre,
    /// At its end.
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Lettering {
    /// Size of one em.
    pub size: f64,
    /// Regular or bold.
    pub weight: Weight,
    /// Colour of the letters.
    pub colour: Rgb,
    /// Which point of the text is given.
    pub align: Align,
    /// Written from bottom to top instead of left to right.
    pub upward: bool,
}

impl Lettering {
    /// Regular, starting at the given point.
    pub const fn new(size: f64, colour: Rgb) -> Self {
        Self { size, weight: Weight::Regular, colour, align: Align::Left, upward: false }
    }

    /// The same in bold.
    pub const fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }

    /// The same with its middle at the given point.
    pub const fn centred(self) -> Self {
        Self { align: Align::Centre, ..self }
    }

    /// The same with its end at the given point.
    pub const fn right(self) -> Self {
        Self { align: Align::Right, ..self }
    }

    /// The same, written from bottom to top.
    pub const fn upward(self) -> Self {
        Self { upward: true, ..self }
    }

    /// Width of `text` in this lettering.
    pub fn width(&self, text: &str) -> f64 {
        font::width(text, self.size, self.weight)
    }

    /// The same in a smaller size if `text` needs that to fit into `room`, but not below `least`.
    pub fn squeezed(self, text: &str, room: f64, least: f64) -> Self {
        let width = self.width(text);
        if width <= room {
            return self;
        }
        // A little less, lest rounding leaves it too wide by nothing that can be seen.
        let size = 0.999 * self.size * room / width;
        Self { size: size.max(least.min(self.size)), ..self }
    }

    /// `text`, shortened to `room` if need be.
    pub fn fitted(&self, text: &str, room: f64) -> String {
        font::fitted(text, self.size, self.weight, room)
    }

    /// Half the height of a digit: how far below the middle of a line its baseline is.
    pub fn half_height(&self) -> f64 {
        0.355 * self.size
    }
}

/// A rectangle in logical units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Extent to the right.
    pub width: f64,
    /// Extent downwards.
    pub height: f64,
}

impl Area {
    /// Right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// What figures draw on.
pub struct Canvas<'a, B: DrawingBackend> {
    backend: &'a mut B,
    failure: Option<anyhow::Error>,
    text_widths: Vec<f64>,
}

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    /// A blank sheet.
    pub fn new(backend: &'a mut B) -> Self {
        let (width, height) = backend.get_size();
        let mut canvas = Self { backend, failure: None, text_widths: Vec::new() };
        let whole = Area {
            x: 0.0,
            y: 0.0,
            width: f64::from(width) / PIXELS_PER_UNIT,
            height: f64::from(height) / PIXELS_PER_UNIT,
        };
        canvas.fill(whole, PAPER);
        canvas
    }

    /// Hands the picture over, or says what went wrong while drawing. Returns the widths in pixels
    /// of all texts in the order in which they were drawn.
    pub fn finish(mut self) -> anyhow::Result<Vec<f64>> {
        self.attempt(|backend| backend.present());
        self.failure.map_or(Ok(self.text_widths), Err)
    }

    fn attempt<E: std::fmt::Display>(&mut self, draw: impl FnOnce(&mut B) -> Result<(), E>) {
        if self.failure.is_none()
            && let Err(error) = draw(self.backend)
        {
            self.failure = Some(anyhow!("{error}"));
        }
    }

    /// A filled rectangle.
    pub fn fill(&mut self, area: Area, colour: Rgb) {
        let from = pixel((area.x, area.y));
        let to = pixel((area.right(), area.bottom()));
        self.attempt(|backend| backend.draw_rect(from, to, &Stroke { colour, width: 1 }, true));
    }

    /// The four edges of a rectangle, drawn inside of it.
    pub fn outline(&mut self, area: Area, thickness: f64, colour: Rgb) {
        let Area { x, y, width, height } = area;
        self.fill(Area { x, y, width, height: thickness }, colour);
        self.fill(Area { x, y: area.bottom() - thickness, width, height: thickness }, colour);
        self.fill(Area { x, y, width: thickness, height }, colour);
        self.fill(Area { x: area.right() - thickness, y, width: thickness, height }, colour);
    }

    /// A level line from `x1` to `x2` whose middle is at `y`.
    pub fn level(&mut self, y: f64, x1: f64, x2: f64, thickness: f64, colour: Rgb) {
        self.fill(Area { x: x1, y: y - thickness / 2.0, width: x2 - x1, height: thickness }, colour);
    }

    /// An upright line from `y1` down to `y2` whose middle is at `x`.
    pub fn upright(&mut self, x: f64, y1: f64, y2: f64, thickness: f64, colour: Rgb) {
        self.fill(Area { x: x - thickness / 2.0, y: y1, width: thickness, height: y2 - y1 }, colour);
    }

    /// A line in any direction.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), thickness: f64, colour: Rgb) {
        let width = (thickness * PIXELS_PER_UNIT).round() as u32;
        self.attempt(|backend| backend.draw_line(pixel(from), pixel(to), &Stroke { colour, width }));
    }

    /// A line through all of `corners`, broken into dashes and gaps of the given lengths.
    pub fn path(&mut self, corners: &[(f64, f64)], dashes: &[f64], thickness: f64, colour: Rgb) {
        let width = (thickness * PIXELS_PER_UNIT).round() as u32;
        let pieces = if dashes.is_empty() { vec![corners.to_vec()] } else { dashed(corners, dashes) };
        for piece in pieces {
            let mut piece: Vec<_> = piece.into_iter().map(pixel).collect();
            piece.dedup();
            for stretch in gentle(&piece) {
                self.attempt(|backend| backend.draw_path(stretch.to_vec(), &Stroke { colour, width }));
            }
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[(f64, f64)], colour: Rgb) {
        let corners: Vec<_> = corners.iter().copied().map(pixel).collect();
        self.attempt(|backend| backend.fill_polygon(corners, &Stroke { colour, width: 1 }));
    }

    /// A filled disc.
    pub fn disc(&mut self, centre: (f64, f64), radius: f64, colour: Rgb) {
        let radius = (radius * PIXELS_PER_UNIT).round() as u32;
        self.attempt(|backend| {
            backend.draw_circle(pixel(centre), radius, &Stroke { colour, width: 1 }, true)
        });
    }

    /// Diagonal lines inside of `area`, `spacing` apart along its edges.
    pub fn hatch(&mut self, area: Area, pattern: Pattern, spacing: f64, thickness: f64, colour: Rgb) {
        let (rising, falling) = match pattern {
            Pattern::Solid => (false, false),
            Pattern::Rising => (true, false),
            Pattern::Falling => (false, true),
            Pattern::Crossed => (true, true),
        };
        let mut offset = spacing / 2.0;
        while offset < area.width + area.height {
            // From the left or lower edge to the upper or right edge of the rectangle.
            let start = ((offset - area.height).max(0.0), offset.min(area.height));
            let end = (offset.min(area.width), (offset - area.width).max(0.0));
            if rising {
                let at = |(x, y): (f64, f64)| (area.x + x, area.y + y);
                self.line(at(start), at(end), thickness, colour);
            }
            if falling {
                let at = |(x, y): (f64, f64)| (area.right() - x, area.y + y);
                self.line(at(start), at(end), thickness, colour);
            }
            offset += spacing;
        }
    }

    /// One line of text; (`x`, `y`) is on its baseline.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, lettering: &Lettering) {
        if text.is_empty() {
            return;
        }
        self.text_widths.push(lettering.width(text) * PIXELS_PER_UNIT);
        // SVG knows the top of a text as 0.76 em above the baseline.
        let ascent = TOP_EM * lettering.size;
        let top = if lettering.upward { (x - ascent, y) } else { (x, y - ascent) };
        self.attempt(|backend| backend.draw_text(text, &Written(*lettering), pixel(top)));
    }
}

/// How far plotters puts the top of a text above its baseline.
const TOP_EM: f64 = 0.76;
/// Plotters' sizes are larger than the em by this factor.
const EM_TO_SIZE: f64 = 1.24;

/// Cosine of the largest angle by which a line turns without being sharp.
const LEAST_COSINE: f64 = 0.8;

fn pixel((x, y): (f64, f64)) -> BackendCoord {
    ((x * PIXELS_PER_UNIT).round() as i32, (y * PIXELS_PER_UNIT).round() as i32)
}

/// The stretches of a line that have no sharp corner inside: a bitmap's pen makes long spikes of those.
fn gentle(corners: &[BackendCoord]) -> Vec<&[BackendCoord]> {
    let sharp = |at: usize| {
        let way = |from: BackendCoord, to: BackendCoord| (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let (one, other) = (way(corners[at - 1], corners[at]), way(corners[at], corners[at + 1]));
        let lengths = one.0.hypot(one.1) * other.0.hypot(other.1);
        one.0 * other.0 + one.1 * other.1 < LEAST_COSINE * lengths
    };
    let mut stretches = Vec::new();
    let mut start = 0;
    for end in 1..corners.len() {
        if end + 1 == corners.len() || sharp(end) {
            stretches.push(&corners[start..=end]);
            start = end;
        }
    }
    stretches
}

/// The dashes of a line through `corners`; `lengths` are those of dashes and gaps in turn.
fn dashed(corners: &[(f64, f64)], lengths: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut turns = lengths.iter().copied().cycle().zip([true, false].into_iter().cycle());
    let Some((mut left, mut drawn)) = turns.next() else { return pieces };
    pieces.extend(corners.first().map(|first| vec![*first]));
    for ends in corners.windows(2) {
        let (mut from, to) = (ends[0], ends[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                break;
            }
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            match pieces.last_mut() {
                Some(dash) if drawn => dash.push(from),
                _ => pieces.push(vec![from]),
            }
            let Some(next) = turns.next() else { return pieces };
            (left, drawn) = next;
        }
        match pieces.last_mut() {
            Some(dash) if drawn => dash.push(to),
            _ => {}
        }
    }
    pieces
}

fn opaque(Rgb(red, green, blue): Rgb) -> BackendColor {
    BackendColor { alpha: 1.0, rgb: (red, green, blue) }
}

struct Stroke {
    colour: Rgb,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        opaque(self.colour)
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// A [`Lettering`] in pixels, as plotters wants to know it.
struct Written(Lettering);

impl Written {
    fn em(&self) -> f64 {
        self.0.size * PIXELS_PER_UNIT
    }
}

impl BackendTextStyle for Written {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        opaque(self.0.colour)
    }

    fn size(&self) -> f64 {
        self.em() * EM_TO_SIZE
    }

    fn transform(&self) -> FontTransform {
        if self.0.upward { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn style(&self) -> FontStyle {
        match self.0.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }

    fn anchor(&self) -> Pos {
        let h_pos = match self.0.align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        Pos { h_pos, v_pos: VPos::Top }
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(font::FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        let width = font::width(text, self.em(), self.0.weight);
        Ok(((0, 0), (width.round() as i32, self.em().round() as i32)))
    }

    fn draw<E, DrawFunc: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (x, y): BackendCoord,
        mut draw: DrawFunc,
    ) -> Result<Result<(), E>, Infallible> {
        let mut outcome = Ok(());
        for letter in font::outlines(text, self.em(), self.0.weight, TOP_EM * self.em()) {
            let corner = letter.px_bounds().min;
            let (left, top) = (x + corner.x as i32, y + corner.y as i32);
            letter.draw(|dx, dy, coverage| {
                if outcome.is_ok() && coverage > 0.0 {
                    let alpha = f64::from(coverage.min(1.0));
                    let colour = BackendColor { alpha, ..self.color() };
                    outcome = draw(left + dx as i32, top + dy as i32, colour);
                }
            });
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::colour::INK;

    #[test]
    fn what_is_squeezed_is_not_shortened() {
        for room in 60..90 {
            let text = "aligned-64";
            let name = Lettering::new(20.0, INK).bold().squeezed(text, f64::from(room), 8.0);
            assert_eq!(name.fitted(text, f64::from(room)), text, "{room}");
        }
    }

    #[test]
    fn dashes_go_around_corners() {
        let corners = [(0.0, 0.0), (4.0, 0.0), (4.0, 6.0)];
        let expected = [vec![(0.0, 0.0), (3.0, 0.0)], vec![(4.0, 1.0), (4.0, 4.0)]];
        assert_eq!(dashed(&corners, &[3.0, 2.0]), expected);
        let around = [vec![(0.0, 0.0), (4.0, 0.0), (4.0, 1.0)], vec![(4.0, 2.0), (4.0, 6.0)]];
        assert_eq!(dashed(&corners, &[5.0, 1.0]), around);
    }
}
