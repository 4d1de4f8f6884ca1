//! Colours: parsing, contrast, the diverging scale. Those of the allocators are configured.

/// An opaque colour, one byte per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Background of every picture.
pub const PAPER: Rgb = Rgb(0xFF, 0xFF, 0xFF);
/// Text, and the line at 1.
pub const INK: Rgb = Rgb(0x1A, 0x1A, 0x1A);
/// Text that steps back: subtitles, units, footers.
pub const MUTED: Rgb = Rgb(0x59, 0x59, 0x59);
/// Thin lines of the grid.
pub const GRID: Rgb = Rgb(0xE3, 0xE3, 0xE3);
/// Bands that tie what belongs to one workload together.
pub const BAND: Rgb = Rgb(0xF6, 0xF7, 0xF9);
/// Outline and hatching of what failed.
pub const FAILED: Rgb = Rgb(0x8A, 0x8A, 0x8A);
/// Ground of a warning.
pub const AMBER: Rgb = Rgb(0xFF, 0xE9, 0xB8);
/// Text and edge of a warning.
pub const AMBER_INK: Rgb = Rgb(0x7A, 0x46, 0x00);

/// Less than the reference.
const BLUE: Rgb = Rgb(0x21, 0x66, 0xAC);
/// More than the reference.
const ORANGE: Rgb = Rgb(0xB3, 0x58, 0x06);

impl Rgb {
    /// Reads `#RRGGBB`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self(channel(0)?, channel(2)?, channel(4)?))
    }

    /// The channels as intensities of light, 0 to 1.
    pub fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Relative luminance as the web accessibility guidelines define it.
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Contrast ratio of two colours, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }

    /// The way from `self` (0) to `other` (1).
    pub fn mix(self, other: Self, share: f64) -> Self {
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Self(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }

    /// Black or white, whichever is easier to read on `self`; one of them always is.
    pub fn ink_on(self) -> Self {
        const BLACK: Rgb = Rgb(0, 0, 0);
        if self.contrast(BLACK) >= self.contrast(PAPER) { BLACK } else { PAPER }
    }
}

/// Width of one colour step of [`diverging`] in octaves.
pub const STEP_OCTAVES: f64 = 0.125;
/// Ratios of four and more, or a quarter and less, share the last colour.
pub const SATURATED_OCTAVES: f64 = 2.0;

/// Blue for ratios below 1, white around 1, orange above, in equal steps of the logarithm.
pub fn diverging(ratio: f64) -> Rgb {
    let octaves = ratio.log2().clamp(-SATURATED_OCTAVES, SATURATED_OCTAVES);
    let share = (octaves / STEP_OCTAVES).round() * STEP_OCTAVES / SATURATED_OCTAVES;
    PAPER.mix(if share < 0.0 { BLUE } else { ORANGE }, share.abs())
}

/// From white at none, in equal steps, to orange at all and more.
pub fn share(share: f64) -> Rgb {
    const STEPS: f64 = 16.0;
    PAPER.mix(ORANGE, (share.clamp(0.0, 1.0) * STEPS).round() / STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Allocator, Config};

    /// All allocators, and as many from the command line as have a colour of their own.
    fn configured() -> Vec<Allocator> {
        let mut config = Config::embedded().expect("the embedded configuration is valid");
        for id in ["one", "two", "three", "four"] {
            config.add_preload(id, "library.so".into()).expect("the name is free");
        }
        config.allocators
    }

    /// Lightness and two opponent axes (CIE L*a*b*, D65), in which distance means difference.
    fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let x = 0.412_456 * red + 0.357_576 * green + 0.180_438 * blue;
        let y = 0.212_673 * red + 0.715_152 * green + 0.072_175 * blue;
        let z = 0.019_334 * red + 0.119_192 * green + 0.950_304 * blue;
        let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let (x, y, z) = (f(x / 0.950_47), f(y), f(z / 1.088_83));
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    type Vision = [[f64; 3]; 3];
    const FULL: Vision = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Machado, Oliveira and Fernandes 2009, severity 1.
    const DEUTERANOPIA: Vision = [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ];
    const PROTANOPIA: Vision = [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ];

    fn distance(a: Rgb, b: Rgb, vision: &Vision) -> f64 {
        let seen = |colour: Rgb| {
            let light = colour.linear();
            lab(vision.map(|row| row.iter().zip(light).map(|(m, l)| m * l).sum::<f64>().clamp(0.0, 1.0)))
        };
        seen(a).iter().zip(seen(b)).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn parses_six_hex_digits_and_nothing_else() {
        assert_eq!(Rgb::parse("#D55E00"), Some(Rgb(0xD5, 0x5E, 0x00)));
        for wrong in ["", "#", "D55E00", "#D55E0", "#D55E000", "#D55E0G", "#äöü"] {
            assert_eq!(Rgb::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_has_the_defined_ends() {
        assert!((Rgb(0, 0, 0).contrast(PAPER) - 21.0).abs() < 1e-9);
        assert!((PAPER.contrast(PAPER) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn texts_and_marks_stand_out() {
        for (text, ground) in [(INK, PAPER), (MUTED, PAPER), (INK, BAND), (MUTED, BAND), (AMBER_INK, AMBER)] {
            assert!(text.contrast(ground) >= 4.5, "{text:?} on {ground:?}");
        }
        assert!(FAILED.contrast(PAPER) >= 3.0);
        for Allocator { id, colour, .. } in configured() {
            let colour = Rgb::parse(&colour).expect("the configuration has colours");
            assert!(colour.contrast(PAPER) >= 3.0, "{id} {:.2}", colour.contrast(PAPER));
            assert!(colour.contrast(BAND) >= 2.9, "{id} on a band {:.2}", colour.contrast(BAND));
        }
    }

    #[test]
    fn allocators_can_be_told_apart_without_red_and_green() {
        let configured = configured();
        for (at, one) in configured.iter().enumerate() {
            for other in configured[at + 1..].iter().filter(|other| other.pattern == one.pattern) {
                let [a, b] = [one, other]
                    .map(|allocator| Rgb::parse(&allocator.colour).expect("the configuration has colours"));
                for (vision, least) in [(&FULL, 20.0), (&DEUTERANOPIA, 12.0), (&PROTANOPIA, 12.0)] {
                    let apart = distance(a, b, vision);
                    assert!(apart >= least, "{} and {} are only {apart:.1} apart", one.id, other.id);
                }
            }
        }
    }

    #[test]
    fn diverging_scale_is_white_at_one_symmetrical_and_saturated() {
        assert_eq!(diverging(1.0), PAPER);
        assert_eq!(diverging(1.04), PAPER);
        assert_eq!(diverging(4.0), ORANGE);
        assert_eq!(diverging(1e300), ORANGE);
        assert_eq!(diverging(0.25), BLUE);
        assert_eq!(diverging(f64::MIN_POSITIVE), BLUE);
        assert_ne!(diverging(1.3), PAPER);
    }

    #[test]
    fn numbers_on_the_diverging_scale_are_legible() {
        for step in -40..=40 {
            let ground = diverging((f64::from(step) / 16.0).exp2());
            assert!(ground.contrast(ground.ink_on()) >= 4.5, "{ground:?}");
        }
    }

    #[test]
    fn shares_go_from_white_to_orange_and_stay_there() {
        assert_eq!((share(-1.0), share(0.0)), (PAPER, PAPER));
        assert_eq!((share(1.0), share(7.0)), (ORANGE, ORANGE));
        assert!(share(0.25).luminance() > share(0.5).luminance());
    }
}
