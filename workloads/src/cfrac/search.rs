//! The search for a factor: the continued fraction of the square root of k * n, trial division of
//! its denominators, and elimination until a square turns up.

use super::base::{self, EarlyAbort, FactorBase};
use super::big::{Big, Decimal};
use super::digits::Digit;
use super::functions::{common_divisor, square_root};
use super::relations::{Elimination, Exponents, Modulus, Partials, Relation};
use crate::api::Api;

/// A factor was found, or the budget ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) n: Decimal,
    /// The factor and its cofactor, in the order of the original's output.
    pub(super) factors: Option<(Decimal, Decimal)>,
    pub(super) statistics: Statistics,
}

/// What the original's `-v` shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) multiplier: u32,
    pub(super) base_length: usize,
    pub(super) iterations: u64,
    pub(super) early_aborts: u64,
    pub(super) partials_stored: u64,
    pub(super) partials_used: u64,
    pub(super) full: u64,
    pub(super) attempts: u64,
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stuck {
    /// The text is not a number.
    NotANumber,
    /// The continued fraction repeats itself before a square was found.
    Cycle,
}

/// The state of the continued fraction.
struct Fraction<'a, A: Api> {
    n: &'a Big<A>,
    g: Big<A>,
    u: Big<A>,
    last_u: Big<A>,
    q: Big<A>,
    /// Kept until the next step replaces it, as in the original.
    rest: Big<A>,
    denominator: Big<A>,
    last_denominator: Big<A>,
    numerator: Big<A>,
    last_numerator: Big<A>,
    odd: bool,
}

impl<'a, A: Api> Fraction<'a, A> {
    fn new(n: &'a Big<A>, number: &Big<A>) -> Fraction<'a, A> {
        let root = square_root(number.clone());
        let g = root.clone() + root.clone();
        Fraction {
            n,
            u: g.clone(),
            last_u: g.clone(),
            g,
            q: Big::zero(),
            rest: Big::zero(),
            denominator: Big::one(),
            last_denominator: number.clone() - root.clone() * root.clone(),
            numerator: Big::one(),
            last_numerator: root,
            odd: false,
        }
    }

    /// One step: `numerator^2 = (-1)^odd * denominator`, modulo n.
    fn step(&mut self) {
        let next = (self.q.clone() * self.numerator.clone() + self.last_numerator.clone()) % self.n.clone();
        self.last_numerator = std::mem::replace(&mut self.numerator, next);
        let next = self.q.clone() * (self.last_u.clone() - self.u.clone()) + self.last_denominator.clone();
        self.last_denominator = std::mem::replace(&mut self.denominator, next);
        self.last_u = self.u.clone();
        self.q = Big::one();
        self.rest = self.u.clone() - self.denominator.clone();
        if self.rest >= self.denominator {
            (self.q, self.rest) = self.u.clone().divide(self.denominator.clone());
        }
        self.u = self.g.clone() - self.rest.clone();
        self.odd = !self.odd;
    }
}

/// How a trial division ended.
enum Trial<A: Api> {
    /// Nothing but primes of the base.
    Full,
    /// One larger prime is left.
    Partial(Big<A>),
    /// More is left.
    Failed,
    /// It looked hopeless.
    Aborted,
}

/// Divides by the primes of the base and leaves the exponents.
fn trial_division<A: Api>(
    mut rest: Big<A>,
    primes: &[u32],
    aborts: &[Option<EarlyAbort<A>>],
    exponents: &mut [u8],
) -> Trial<A> {
    let mut aborts = aborts.iter().flatten();
    let mut next_abort = aborts.next();
    exponents.fill(0);
    while !rest.is_odd() {
        rest = rest.halve();
        exponents[0] += 1;
    }
    for (&prime, exponent) in primes.iter().zip(exponents).skip(1) {
        if let Some(abort) = next_abort.filter(|abort| abort.prime == prime) {
            if rest > abort.bound {
                return Trial::Aborted;
            }
            next_abort = aborts.next();
        }
        // The primes of the base have one digit.
        let prime = prime as Digit;
        while rest.remainder_small(prime) == 0 {
            rest = rest.divide_small(prime);
            *exponent += 1;
        }
    }
    let largest = primes[primes.len() - 1] as Digit;
    if rest.is(1) {
        Trial::Full
    } else if rest.clone().divide_small(largest).is_at_most(largest) {
        Trial::Partial(rest)
    } else {
        Trial::Failed
    }
}

/// Looks for a factor of the number, for as many steps of the fraction as `budget` allows.
pub(super) fn search<A: Api>(text: &str, budget: u64) -> Result<Found, Stuck> {
    let n = &Big::<A>::from_decimal(text).ok_or(Stuck::NotANumber)?;
    let (multiplier, base_length) = base::best_multiplier(n);
    let number = Big::from_unsigned(multiplier) * n.clone();
    let base = FactorBase::new(n, multiplier, Some(base_length));
    let aborts = base::early_aborts(&number, &base);
    let primes = base.primes();
    let modulus = Modulus { n, primes };
    let mut statistics = Statistics { multiplier, base_length: primes.len(), ..Statistics::default() };
    let mut exponents = Exponents::<A>::new(primes.len());
    let mut partials = Partials::new(primes.len());
    let mut elimination = Elimination::new(primes.len());
    let mut fraction = Fraction::new(n, &number);
    let mut factor = None;
    while factor.is_none() && statistics.iterations < budget {
        statistics.iterations += 1;
        fraction.step();
        let denominator = fraction.denominator.clone();
        let trial = trial_division(denominator, primes, &aborts, &mut exponents.all()[1..]);
        exponents.all()[0] = fraction.odd.into();
        if fraction.denominator.is(1) {
            return Err(Stuck::Cycle);
        }
        let x = fraction.numerator.clone();
        let relation = match trial {
            Trial::Failed => continue,
            Trial::Aborted => {
                statistics.early_aborts += 1;
                continue;
            }
            Trial::Full => {
                statistics.full += 1;
                modulus.combine(Relation { x, t: Big::one() }, &mut exponents, None)
            }
            Trial::Partial(t) => {
                let Some(known) = partials.find(&t) else {
                    statistics.partials_stored += 1;
                    partials.push(&modulus, Relation { x, t }, &mut exponents);
                    continue;
                };
                statistics.partials_used += 1;
                modulus.combine(Relation { x, t: Big::one() }, &mut exponents, Some(known))
            }
        };
        let Some(square) = eliminate(&modulus, &mut elimination, relation, &mut exponents) else { continue };
        statistics.attempts += 1;
        factor = split(n, square);
    }
    let factors = factor.map(|factor| (factor.to_decimal(), (n.clone() / factor).to_decimal()));
    Ok(Found { n: n.to_decimal(), factors, statistics })
}

/// Combines a relation with those in the table until all exponents are even, or stores it there.
fn eliminate<A: Api>(
    modulus: &Modulus<'_, A>,
    table: &mut Elimination<A>,
    mut relation: Relation<A>,
    exponents: &mut Exponents<A>,
) -> Option<Relation<A>> {
    while let Some(place) = exponents.highest_odd() {
        let Some(record) = table.at(place) else {
            table.put(place, modulus, relation, exponents);
            return None;
        };
        relation = modulus.combine(relation, exponents, Some(record));
    }
    Some(relation)
}

/// The factor that `x^2 = t^2` modulo n gives, unless it is a trivial one.
fn split<A: Api>(n: &Big<A>, square: Relation<A>) -> Option<Big<A>> {
    let Relation { x, t } = square;
    if x == t || x.clone() + t.clone() == *n {
        return None;
    }
    Some(common_divisor(x + t, n.clone()))
}
