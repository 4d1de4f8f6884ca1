use super::cost::Cost;
use super::inputs::Pla;
use super::minimise::{Observer, Step};
use super::pass::pass;
use super::reduce::Order;
use crate::api::{Api, Global};
use crate::counted::Counted;
type A = Counted<Global>;

struct Show(bool);
impl Observer for Show {
    fn step(&mut self, step: Step, cost: Cost) {
        if self.0 {
            println!("  {step:?} {}/{}/{}", cost.cubes, cost.inputs, cost.outputs);
        }
    }
}

#[test]
fn table() {
    let known = [
        (Pla::Ones(5), "32 31/140/35 1901"),
        (Pla::Ones(7), "127 127/756/147 17099"),
        (Pla::Ones(8), "256 255/1774/296 46134"),
        (Pla::Sym9, "72 86/516/86 85027"),
        (Pla::Add(4), "143 135/684/135 37409"),
        (Pla::Add(5), "369 291/1716/291 283852"),
        (Pla::Mul(3), "43 32/136/38 5090"),
        (Pla::Mul(4), "245 128/735/156 61420"),
        (Pla::Mul(5), "1077 487/3555/613 475418"),
        (Pla::Sqr(6), "70 49/198/67 14500"),
        (Pla::Sqr(8), "349 187/1069/302 124121"),
        (Pla::Control, "676 431/4579/658 2120019"),
    ];
    let show = std::env::var("SHOW").unwrap_or_default();
    for (pla, want) in known {
        let text = pla.text();
        A::take_counts();
        let got = pass::<A, ()>(&text, &mut Order::default(), &mut (), |_, _| ());
        let counts = A::take_counts();
        let got = got.unwrap();
        println!("{pla:?}: {} {}/{}/{} {} want {want}", got.off, got.cost.cubes, got.cost.inputs, got.cost.outputs, counts.allocations);
        if show == format!("{pla:?}") {
            pass::<A, Show>(&text, &mut Order::default(), &mut Show(true), |_, _| ()).unwrap();
        }
    }
}
