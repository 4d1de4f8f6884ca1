//! The bundled font: how wide a text is and what its letters look like.
//!
//! Plotters would need a font of the system, and its own glyph drawing leaves out the space in
//! front of letters; so the outlines come from here and layout is the same on every machine.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlinedGlyph, PxScale, point};

/// The families an SVG viewer may choose from; all have similar widths.
pub const FAMILY: &str = "Roboto, Helvetica, Arial, sans-serif";

/// How heavy a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For nearly everything.
    Regular,
    /// For titles and the numbers that matter most.
    Bold,
}

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| bundled(include_bytes!("../../assets/fonts/Roboto-Regular.ttf")));
static BOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| bundled(include_bytes!("../../assets/fonts/Roboto-Bold.ttf")));

fn bundled(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the font files compiled into the program are valid")
}

fn font(weight: Weight) -> &'static FontRef<'static> {
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    }
}

/// Units of the font's own grid that make one em.
fn units_per_em(font: &FontRef<'static>) -> f32 {
    font.units_per_em().expect("the bundled fonts state their grid")
}

fn advances(text: &str, size: f64, weight: Weight) -> impl Iterator<Item = f64> {
    let font = font(weight);
    let em = units_per_em(font);
    text.chars().map(move |c| f64::from(font.h_advance_unscaled(font.glyph_id(c)) / em) * size)
}

/// Width of `text` when `size` is one em.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    advances(text, size, weight).sum()
}

/// `text`, or as much of its beginning as fits into `room`, closed by an ellipsis.
pub fn fitted(text: &str, size: f64, weight: Weight, room: f64) -> String {
    const ELLIPSIS: &str = "…";
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut left = room - width(ELLIPSIS, size, weight);
    if left < 0.0 {
        return String::new();
    }
    let fits = |advance: &f64| {
        left -= advance;
        left >= 0.0
    };
    let letters = advances(text, size, weight).take_while(fits).count();
    let beginning: String = text.chars().take(letters).collect();
    format!("{}{ELLIPSIS}", beginning.trim_end())
}

/// The letters of `text` on a baseline that starts at (0, `baseline`).
pub fn outlines(text: &str, size: f64, weight: Weight, baseline: f64) -> Vec<OutlinedGlyph> {
    let font = font(weight);
    let em = size as f32;
    let scale = PxScale::from(em * font.height_unscaled() / units_per_em(font));
    let mut pen = 0.0;
    let mut letters = Vec::new();
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        let placed = glyph.with_scale_and_position(scale, point(pen, baseline as f32));
        letters.extend(font.outline_glyph(placed));
        pen += font.h_advance_unscaled(glyph) / units_per_em(font) * em;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_tabular_and_bold_is_wider() {
        assert!((width("1.11", 20.0, Weight::Regular) - width("8.08", 20.0, Weight::Regular)).abs() < 1e-6);
        assert!(width("mimalloc", 20.0, Weight::Bold) > width("mimalloc", 20.0, Weight::Regular));
    }

    #[test]
    fn signs_used_by_charts_are_in_the_font() {
        for weight in [Weight::Regular, Weight::Bold] {
            for sign in "×–·…µ≥≤“”−".chars() {
                assert_ne!(font(weight).glyph_id(sign).0, 0, "{sign}");
            }
        }
    }

    #[test]
    fn long_texts_are_shortened_to_the_room() {
        assert_eq!(fitted("short", 16.0, Weight::Regular, 200.0), "short");
        let cut = fitted(&"long ".repeat(100), 16.0, Weight::Regular, 200.0);
        assert!(cut.ends_with('…') && width(&cut, 16.0, Weight::Regular) <= 200.0);
        assert_eq!(fitted("anything", 16.0, Weight::Regular, 0.0), "");
    }
}
