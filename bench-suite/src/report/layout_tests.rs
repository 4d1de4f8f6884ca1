//! No text of any picture leaves the sheet or lies on another one.

use super::tests::pictures;
use crate::plot::canvas::PIXELS_PER_UNIT;
use crate::plot::font::{self, Weight};
use crate::plot::sample;
use crate::summary::Summary;

/// A drawn text and the rectangle its letters need, in pixels.
struct Placed<'a> {
    text: &'a str,
    x: (f64, f64),
    y: (f64, f64),
}

impl Placed<'_> {
    fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: (f64, f64), b: (f64, f64)| a.1 <= b.0 || b.1 <= a.0;
        !apart(self.x, other.x) && !apart(self.y, other.y)
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn number(tag: &str, name: &str) -> f64 {
    let value = attribute(tag, name).unwrap_or_else(|| panic!("{name} is missing in {tag}"));
    value.parse().unwrap_or_else(|_| panic!("{name} is not a number in {tag}"))
}

fn placed(svg: &str) -> Vec<Placed<'_>> {
    let elements = svg.split("<text").skip(1).filter_map(|rest| rest.split_once("</text>"));
    elements
        .filter_map(|(element, _)| element.split_once('>'))
        .map(|(tag, text)| {
            let text = text.trim();
            let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let em = number(tag, " font-size");
            let weight = if tag.contains("font-weight=\"bold\"") { Weight::Bold } else { Weight::Regular };
            let width = font::width(&plain, em, weight);
            let stated = number(tag, "textLength");
            assert!((width - stated).abs() < 0.1, "{text} is {width} wide, not {stated}");
            let start = match attribute(tag, "text-anchor") {
                Some("middle") => -width / 2.0,
                Some("end") => -width,
                _ => 0.0,
            };
            // Letters reach from the height of a capital to a little below the baseline.
            let (along, across) = ((start, start + width), (0.05 * em, 0.95 * em));
            let (x, y) = (number(tag, " x"), number(tag, " y"));
            if tag.contains("rotate(270") {
                Placed { text, x: (x + across.0, x + across.1), y: (y - along.1, y - along.0) }
            } else {
                Placed { text, x: (x + along.0, x + along.1), y: (y + across.0, y + across.1) }
            }
        })
        .collect()
}

fn check(summary: &Summary) {
    for (name, svg) in pictures(summary) {
        check_layout(name, &svg);
    }
}

/// Fails if a text leaves the sheet or lies on another one.
pub(crate) fn check_layout(name: &str, svg: &str) {
    let size = attribute(svg, "viewBox").expect("an SVG has a view box");
    let mut size = size.split(' ').skip(2).map(|number| number.parse::<f64>().expect("a number"));
    let (width, height) = size.next().zip(size.next()).expect("width and height");
    let texts = placed(svg);
    assert!(texts.len() > 10, "{name} has texts");
    for (at, text) in texts.iter().enumerate() {
        let edge = 4.0 * PIXELS_PER_UNIT;
        let inside = text.x.0 >= edge && text.x.1 <= width - edge && text.y.0 >= edge && text.y.1 <= height;
        assert!(inside, "{name}: {:?} leaves the sheet at {:?}, {:?}", text.text, text.x, text.y);
        for other in &texts[at + 1..] {
            assert!(!text.overlaps(other), "{name}: {:?} lies on {:?}", text.text, other.text);
        }
    }
}

#[test]
fn texts_of_a_usual_run_keep_their_places_and_are_whole() {
    for summary in [sample::summary(), sample::rough_summary()] {
        check(&summary);
        for (name, svg) in pictures(&summary) {
            assert!(placed(&svg).iter().all(|placed| !placed.text.contains('…')), "{name} cuts a text");
        }
    }
}

#[test]
fn texts_keep_their_places_when_everything_is_long() {
    let mut summary = sample::rough_summary();
    summary.run.machine = "a machine with a very long description ".repeat(20);
    summary.run.warnings = vec!["a warning that explains itself ".repeat(10); 5];
    for allocator in &mut summary.allocators {
        allocator.label = format!("{} with a long name of its own", allocator.label);
    }
    for row in summary.rows.iter_mut().filter(|row| row.workload == "larson") {
        row.workload = "a-workload-of-a-user-with-a-long-name".to_owned();
    }
    check(&summary);
}

#[test]
fn texts_keep_their_places_with_few_allocators() {
    let mut summary = sample::rough_summary();
    summary.allocators.truncate(3);
    check(&summary);
}
