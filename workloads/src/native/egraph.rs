//! egraph: expressions over 32-bit numbers are rewritten with `egg` until nothing new is found or a limit is
//! reached, and the smallest equal expression is taken out. There is no limit of time, so that the work is fixed.
//!
//! The unit of `--ops` is one expression.

use std::time::Duration;

use egg::{
    Analysis, AstSize, CostFunction, DidMerge, EGraph, Extractor, Id, RecExpr, Rewrite, Runner, Symbol,
    define_language, merge_option, rewrite,
};

use super::start;
use super::text::{Digest, Rng};
use crate::api::Api;
use crate::measure::Meter;
use crate::registry::{Failure, Outcome, Params, Workload};
use crate::rows::Size;

/// Expressions, and nodes at which the search for equal ones ends.
const fn work(size: Size) -> (u64, usize) {
    match size {
        Size::Check => (2, 2_000),
        Size::Quick => (3, 20_000),
        Size::Calibrated => (4, 20_000),
        Size::Full => (45, 20_000),
    }
}

const ITERATIONS: usize = 30;
/// How deep the expressions are.
const DEPTH: usize = 6;
/// Longer than any machine needs.
const NO_LIMIT: Duration = Duration::from_secs(1 << 32);

/// The row.
#[derive(Debug)]
pub struct Egraph;

impl Workload for Egraph {
    fn run<A: Api>(params: &Params, meter: &mut Meter) -> Result<Outcome, Failure> {
        let (count, nodes) = work(params.size);
        let count = params.ops.unwrap_or(count);
        let expressions: Vec<_> = (0..count).map(expression).collect();
        // The first use of the crate's clock takes its time to calibrate it.
        saturate(&expression(0), &rules(), 1);
        start::<A>(meter);
        let rules = rules();
        let done: Vec<_> = expressions.iter().map(|expression| saturate(expression, &rules, nodes)).collect();
        meter.stop::<A>();
        let mut digest = Digest::default();
        for done in &done {
            for number in [done.cost, done.classes, done.nodes, done.iterations] {
                digest.number(number as u64);
            }
            digest.bytes(done.best.as_bytes());
        }
        let sum = |figure: fn(&Done) -> usize| done.iter().map(figure).sum::<usize>();
        Ok(Outcome {
            operations: count,
            timed: false,
            figure: format!(
                "{count} expressions of {} nodes became {}, through {} classes of {} nodes",
                expressions.iter().map(|expression| AstSize.cost_rec(expression)).sum::<usize>(),
                sum(|done| done.cost),
                sum(|done| done.classes),
                sum(|done| done.nodes)
            ),
            checksum: Some(format!("{:016x}", digest.value())),
        })
    }
}

define_language! {
    /// Expressions over numbers that wrap around.
    enum Term {
        Number(i32),
        "+" = Add([Id; 2]),
        "-" = Subtract([Id; 2]),
        "*" = Multiply([Id; 2]),
        "&" = And([Id; 2]),
        "|" = Or([Id; 2]),
        "^" = Xor([Id; 2]),
        "~" = Not([Id; 1]),
        "?" = Choose([Id; 3]),
        Name(Symbol),
    }
}

/// Knows which terms are constant.
#[derive(Debug, Default, Clone, Copy)]
struct Constants;

impl Analysis<Term> for Constants {
    type Data = Option<i32>;

    fn make(graph: &mut EGraph<Term, Self>, term: &Term, _id: Id) -> Option<i32> {
        let of = |id: &Id| graph[*id].data;
        Some(match term {
            Term::Number(number) => *number,
            Term::Add([one, other]) => of(one)?.wrapping_add(of(other)?),
            Term::Subtract([one, other]) => of(one)?.wrapping_sub(of(other)?),
            Term::Multiply([one, other]) => of(one)?.wrapping_mul(of(other)?),
            Term::And([one, other]) => of(one)? & of(other)?,
            Term::Or([one, other]) => of(one)? | of(other)?,
            Term::Xor([one, other]) => of(one)? ^ of(other)?,
            Term::Not([one]) => !of(one)?,
            Term::Choose([condition, one, other]) => {
                if of(condition)? != 0 {
                    of(one)?
                } else {
                    of(other)?
                }
            }
            Term::Name(_) => return None,
        })
    }

    fn merge(&mut self, one: &mut Option<i32>, other: Option<i32>) -> DidMerge {
        merge_option(one, other, |one, other| {
            assert_eq!(*one, other, "a rule has made two different numbers equal");
            DidMerge(false, false)
        })
    }

    fn modify(graph: &mut EGraph<Term, Self>, id: Id) {
        if let Some(number) = graph[id].data {
            let constant = graph.add(Term::Number(number));
            graph.union(id, constant);
        }
    }
}

fn rules() -> Vec<Rewrite<Term, Constants>> {
    vec![
        rewrite!("sum turned"; "(+ ?a ?b)" => "(+ ?b ?a)"),
        rewrite!("sum regrouped"; "(+ (+ ?a ?b) ?c)" => "(+ ?a (+ ?b ?c))"),
        rewrite!("product turned"; "(* ?a ?b)" => "(* ?b ?a)"),
        rewrite!("product regrouped"; "(* (* ?a ?b) ?c)" => "(* ?a (* ?b ?c))"),
        rewrite!("and turned"; "(& ?a ?b)" => "(& ?b ?a)"),
        rewrite!("and regrouped"; "(& (& ?a ?b) ?c)" => "(& ?a (& ?b ?c))"),
        rewrite!("or turned"; "(| ?a ?b)" => "(| ?b ?a)"),
        rewrite!("or regrouped"; "(| (| ?a ?b) ?c)" => "(| ?a (| ?b ?c))"),
        rewrite!("xor turned"; "(^ ?a ?b)" => "(^ ?b ?a)"),
        rewrite!("xor regrouped"; "(^ (^ ?a ?b) ?c)" => "(^ ?a (^ ?b ?c))"),
        rewrite!("product of a sum"; "(* ?a (+ ?b ?c))" => "(+ (* ?a ?b) (* ?a ?c))"),
        rewrite!("sum of products"; "(+ (* ?a ?b) (* ?a ?c))" => "(* ?a (+ ?b ?c))"),
        rewrite!("and of or"; "(& ?a (| ?b ?c))" => "(| (& ?a ?b) (& ?a ?c))"),
        rewrite!("or of ands"; "(| (& ?a ?b) (& ?a ?c))" => "(& ?a (| ?b ?c))"),
        rewrite!("not of and"; "(~ (& ?a ?b))" => "(| (~ ?a) (~ ?b))"),
        rewrite!("not of or"; "(~ (| ?a ?b))" => "(& (~ ?a) (~ ?b))"),
        rewrite!("difference"; "(- ?a ?b)" => "(+ ?a (* -1 ?b))"),
        rewrite!("not as a sum"; "(~ ?a)" => "(+ -1 (* -1 ?a))"),
        rewrite!("doubled"; "(+ ?a ?a)" => "(* 2 ?a)"),
        rewrite!("halves of a sum"; "(+ (^ ?a ?b) (* 2 (& ?a ?b)))" => "(+ ?a ?b)"),
        rewrite!("nothing added"; "(+ ?a 0)" => "?a"),
        rewrite!("once"; "(* ?a 1)" => "?a"),
        rewrite!("no times"; "(* ?a 0)" => "0"),
        rewrite!("cancelled"; "(+ ?a (* -1 ?a))" => "0"),
        rewrite!("subtracted from itself"; "(- ?a ?a)" => "0"),
        rewrite!("and with itself"; "(& ?a ?a)" => "?a"),
        rewrite!("or with itself"; "(| ?a ?a)" => "?a"),
        rewrite!("xor with itself"; "(^ ?a ?a)" => "0"),
        rewrite!("and with its contrary"; "(& ?a (~ ?a))" => "0"),
        rewrite!("or with its contrary"; "(| ?a (~ ?a))" => "-1"),
        rewrite!("twice not"; "(~ (~ ?a))" => "?a"),
        rewrite!("no choice"; "(? ?a ?b ?b)" => "?b"),
        rewrite!("never"; "(? 0 ?a ?b)" => "?b"),
        rewrite!("sum of choices"; "(+ (? ?a ?b ?c) ?d)" => "(? ?a (+ ?b ?d) (+ ?c ?d))"),
    ]
}

/// The expression of this number.
fn expression(number: u64) -> RecExpr<Term> {
    let mut expression = RecExpr::default();
    grow(&mut expression, &mut Rng::new(number), DEPTH);
    expression
}

fn grow(expression: &mut RecExpr<Term>, rng: &mut Rng, depth: usize) -> Id {
    if depth == 0 || rng.one_in(12) {
        let leaf = match rng.below(3) {
            0 => Term::Number(rng.between(0, 4) as i32 - 1),
            _ => Term::Name(Symbol::from(rng.pick(&["a", "b", "c", "d", "e"]))),
        };
        return expression.add(leaf);
    }
    let one = grow(expression, rng, depth - 1);
    let kind = rng.below(10);
    if kind == 0 {
        return expression.add(Term::Not([one]));
    }
    let other = grow(expression, rng, depth - 1);
    let both = [one, other];
    let term = match kind {
        1..=3 => Term::Add(both),
        4 => Term::Subtract(both),
        5 => Term::Multiply(both),
        6 => Term::And(both),
        7 => Term::Or(both),
        8 => Term::Xor(both),
        _ => Term::Choose([one, other, one]),
    };
    expression.add(term)
}

/// What came of one expression.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    best: String,
    cost: usize,
    classes: usize,
    nodes: usize,
    iterations: usize,
}

/// Collects equal expressions, and takes the smallest one out.
fn saturate(expression: &RecExpr<Term>, rules: &[Rewrite<Term, Constants>], nodes: usize) -> Done {
    let runner = Runner::<Term, Constants>::default()
        .with_iter_limit(ITERATIONS)
        .with_node_limit(nodes)
        .with_time_limit(NO_LIMIT)
        .with_expr(expression)
        .run(rules);
    let (cost, best) = Extractor::new(&runner.egraph, AstSize).find_best(runner.roots[0]);
    Done {
        best: best.to_string(),
        cost,
        classes: runner.egraph.number_of_classes(),
        nodes: runner.egraph.total_size(),
        iterations: runner.iterations.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::tests::checksum;

    #[test]
    fn the_result_is_known() {
        assert_eq!(checksum::<Egraph>(1), "eed5cac6aa5e7bdc");
    }

    /// The value of an expression, with a value for every name.
    fn value(expression: &RecExpr<Term>, values: [i32; 5]) -> i32 {
        let mut graph = EGraph::<Term, Constants>::default();
        let named = |name: &Symbol| values[usize::from(name.as_str().as_bytes()[0] - b'a')];
        let terms = expression.as_ref().iter().map(|term| match term {
            Term::Name(name) => Term::Number(named(name)),
            other => other.clone(),
        });
        let root = graph.add_expr(&terms.collect::<Vec<_>>().into());
        graph[root].data.expect("everything is constant")
    }

    #[test]
    fn the_smallest_expression_has_the_same_value() {
        for number in 0..4 {
            let before = expression(number);
            let done = saturate(&before, &rules(), 2_000);
            let after: RecExpr<Term> = done.best.parse().expect("an expression");
            assert!(done.cost < AstSize.cost_rec(&before), "{done:?}");
            let mut rng = Rng::new(number);
            for _ in 0..20 {
                let values = [(); 5].map(|()| rng.next_number() as i32);
                assert_eq!(value(&before, values), value(&after, values), "{before} {after}");
            }
        }
    }

    #[test]
    fn known_expressions_become_small() {
        for (before, after) in [("(+ a (- b a))", "b"), ("(^ (~ (~ a)) a)", "0"), ("(* (+ 1 1) 3)", "6")] {
            let done = saturate(&before.parse().expect("an expression"), &rules(), 2_000);
            assert_eq!(done.best, after);
        }
    }
}
