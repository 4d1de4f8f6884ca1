use super::inputs::Pla;
use super::{complement, list, read, space};
use crate::api::Global;
use crate::counted::Counted;
type A = Counted<Global>;

#[test]
fn off_sets() {
    let known = [
        (Pla::Ones(5), 32),
        (Pla::Ones(7), 127),
        (Pla::Ones(8), 256),
        (Pla::Sym9, 72),
        (Pla::Add(4), 143),
        (Pla::Add(5), 369),
        (Pla::Mul(3), 43),
        (Pla::Mul(4), 245),
        (Pla::Mul(5), 1077),
        (Pla::Sqr(6), 70),
        (Pla::Sqr(8), 349),
        (Pla::Control, 676),
    ];
    for (pla, off) in known {
        let text = pla.text();
        let (i, o) = read::numbers(&text).unwrap();
        let space = space::Space::<A>::new(i, o);
        let (f, d, _) = read::rows(&space, &text).unwrap();
        let r = complement::complement(&space, list::CubeList::of(&space, &[&f, &d]));
        println!("{pla:?} {} want {off}", r.count());
    }
}
