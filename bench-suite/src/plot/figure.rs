//! A picture: its size, its words for those who cannot see it, and its way onto the disk.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters_backend::DrawingBackend;

use super::canvas::{Canvas, PIXELS_PER_UNIT};

/// Something that can be drawn on any backend.
pub trait Figure {
    /// Width and height in logical units.
    fn size(&self) -> (u32, u32);

    /// One line that names the picture.
    fn title(&self) -> String;

    /// What the picture shows, in words.
    fn description(&self) -> String;

    /// Draws it. Must depend on nothing but the figure, so that both formats agree.
    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>);
}

/// Writes `stem.svg` and `stem.png` into `directory`.
pub fn save(figure: &impl Figure, directory: &Path, stem: &str) -> anyhow::Result<[PathBuf; 2]> {
    let svg = directory.join(format!("{stem}.svg"));
    let png = directory.join(format!("{stem}.png"));
    fs::write(&svg, to_svg(figure)?).with_context(|| format!("cannot write {}", svg.display()))?;
    fs::write(&png, to_png(figure)?).with_context(|| format!("cannot write {}", png.display()))?;
    Ok([svg, png])
}

/// The figure as an SVG document.
pub fn to_svg(figure: &impl Figure) -> anyhow::Result<String> {
    let mut document = String::new();
    let widths = render(figure, &mut SVGBackend::with_string(&mut document, pixels(figure)))?;

    let (width, height) = figure.size();
    let (title, description) = (escaped(&figure.title()), escaped(&figure.description()));
    // The view box keeps the fine pixels; the size is the logical one.
    let (_, rest) = document.split_once(" viewBox=").context("an SVG document begins with its view box")?;
    let (view_box, marks) = rest.split_once('>').context("an SVG document has an opening tag")?;
    let marks = with_text_widths(marks, &widths);
    Ok(format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox={view_box} role=\"img\">\n\
         <title>{title}</title>\n<desc>{description}</desc>{marks}"
    ))
}

/// Tells viewers how wide each text is, so that it keeps its place in whichever font they choose.
fn with_text_widths(marks: &str, widths: &[f64]) -> String {
    let mut parts = marks.split("<text ");
    let mut document = parts.next().unwrap_or_default().to_owned();
    for (text, width) in parts.zip(widths) {
        let _ = write!(document, "<text textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" {text}");
    }
    document
}

/// The figure as a PNG file.
pub fn to_png(figure: &impl Figure) -> anyhow::Result<Vec<u8>> {
    let (width, height) = pixels(figure);
    let mut sheet = vec![0; width as usize * height as usize * 3];
    render(figure, &mut BitMapBackend::with_buffer(&mut sheet, (width, height)))?;

    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Charts are large even areas: without filters they pack best.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&sheet)?;
    writer.finish()?;
    Ok(file)
}

/// Draws the figure and returns the widths of its texts.
fn render<B: DrawingBackend>(figure: &impl Figure, backend: &mut B) -> anyhow::Result<Vec<f64>> {
    let mut canvas = Canvas::new(backend);
    figure.draw(&mut canvas);
    canvas.finish()
}

fn pixels(figure: &impl Figure) -> (u32, u32) {
    let (width, height) = figure.size();
    let scaled = |units: u32| (f64::from(units) * PIXELS_PER_UNIT) as u32;
    (scaled(width), scaled(height))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
