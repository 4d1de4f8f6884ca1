use workloads::heap_map::HeapMap;

use super::{Heapmap, Kind, key, sample};
use crate::plot::figure::{to_png, to_svg};
use crate::report::layout_tests::check_layout;

fn lines() -> [String; 2] {
    ["made-up data · row larson".to_owned(), "no machine".to_owned()]
}

#[test]
fn numbers_of_the_legend_and_the_total_are_those_of_the_map() {
    let map = sample::map();
    let heap = Heapmap::new(&map, "mimalloc-rs", "larson", lines());
    let svg = to_svg(&heap).expect("drawing into memory works");
    let texts = |text: &str| svg.matches(&format!("\n{text}\n")).count();
    for (&kind, amount) in &heap.sums.kinds {
        assert!(texts(&key::numbers(kind, amount)) >= 1, "{kind:?}");
    }
    // Twelve runs of 3 to 14 slices.
    assert_eq!(key::numbers(Kind::Large, &heap.sums.kinds[&Kind::Large]), "6.38 MiB of 6.38 MiB in use");
    assert_eq!(texts(&heap.total()), 1);
    assert_eq!(texts("The heap of mimalloc-rs at the end of larson"), 1);
    for class in ["16 B", "1.25 KiB", "16 KiB", "larger", "free, no memory behind"] {
        assert_eq!(texts(class), 1, "{class}");
    }
}

#[test]
fn letters_and_cells_are_in_both_formats() {
    let map = sample::map();
    let heap = Heapmap::new(&map, "mimalloc-rs", "larson", lines());
    let png = to_png(&heap).expect("drawing into memory works");
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits into memory")];
    reader.next_frame(&mut pixels).expect("a whole picture");
    let dark = |pixel: &[u8]| pixel.iter().all(|channel| *channel < 0x30);
    // The title is the only thing in the upper left corner.
    let title = pixels.chunks(3).take(3200 * 120).filter(|pixel| dark(pixel)).count();
    assert!(title > 2000, "{title} pixels of letters");
    for kind in Kind::ALL {
        let super::Rgb(red, green, blue) = super::colour(kind);
        let cells = pixels.chunks(3).filter(|pixel| *pixel == [red, green, blue]).count();
        assert!(cells > 1000, "{kind:?} is not there");
    }
}

#[test]
fn no_text_leaves_the_sheet_or_lies_on_another() {
    let map = sample::map();
    let mut many = map.clone();
    for copy in 1..60_u64 {
        many.spans.extend(map.spans.iter().map(|span| {
            let mut span = *span;
            span.address += copy << 41;
            if let workloads::heap_map::Holding::Page { block_size, .. } = &mut span.holding {
                *block_size += copy * 4 % 90;
            }
            span
        }));
    }
    let nothing = HeapMap { slice_bytes: 1 << 16, spans: Vec::new() };
    for (name, map) in [("usual", &map), ("crowded", &many), ("empty", &nothing)] {
        let heap = Heapmap::new(map, "mimalloc-rs", "larson", lines());
        check_layout(name, &to_svg(&heap).expect("drawing into memory works"));
    }
}
