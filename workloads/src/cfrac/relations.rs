//! The squares found so far: records on the heap, in a list and in the table of the elimination.

use std::ptr::NonNull;

use super::big::Big;
use super::functions::power;
use crate::api::{Api, Request};

/// Exponents of -1 and of the primes of the factor base.
pub(super) struct Exponents<A: Api> {
    bytes: NonNull<u8>,
    length: usize,
    api: std::marker::PhantomData<A>,
}

impl<A: Api> Exponents<A> {
    /// Room for the sign and `primes` primes.
    pub(super) fn new(primes: usize) -> Exponents<A> {
        let length = primes + 1;
        let bytes = A::alloc_zeroed(Request::bytes(length));
        Exponents { bytes, length, api: std::marker::PhantomData }
    }

    /// All exponents; the first is that of -1.
    #[inline]
    pub(super) fn all(&mut self) -> &mut [u8] {
        // SAFETY: the block has that many bytes, zeroed when it was made.
        unsafe { NonNull::slice_from_raw_parts(self.bytes, self.length).as_mut() }
    }

    /// The highest place with an odd exponent.
    pub(super) fn highest_odd(&mut self) -> Option<usize> {
        self.all().iter().rposition(|exponent| exponent & 1 == 1)
    }
}

impl<A: Api> Drop for Exponents<A> {
    fn drop(&mut self) {
        // SAFETY: `new` made the block for this request, and it is freed only here.
        unsafe { A::free(self.bytes, Request::bytes(self.length)) };
    }
}

/// `x^2 = r^2 * t * product of the primes with odd exponents`, modulo n.
pub(super) struct Relation<A: Api> {
    pub(super) x: Big<A>,
    pub(super) t: Big<A>,
}

/// What all relations of a search have in common.
pub(super) struct Modulus<'a, A: Api> {
    pub(super) n: &'a Big<A>,
    pub(super) primes: &'a [u32],
}

impl<A: Api> Modulus<'_, A> {
    /// Multiplies a stored relation into this one, if there is one, and brings the exponents
    /// back to 0 and 1 by moving squares into `t`.
    pub(super) fn combine(
        &self,
        relation: Relation<A>,
        exponents: &mut Exponents<A>,
        with: Option<&Record<A>>,
    ) -> Relation<A> {
        let Relation { mut x, mut t } = relation;
        if let Some(with) = with {
            x = with.x.clone() * x % self.n.clone();
            t = with.t.clone() * t % self.n.clone();
            t = with.r.clone() * t % self.n.clone();
            with.add_parities(exponents);
        }
        Relation { x, t: self.normalise(t, exponents) }
    }

    /// Moves the squares in the exponents into `factor`.
    fn normalise(&self, mut factor: Big<A>, exponents: &mut Exponents<A>) -> Big<A> {
        let (sign, exponents) = exponents.all().split_first_mut().expect("there is a sign");
        *sign &= 1;
        for (exponent, &prime) in exponents.iter_mut().zip(self.primes) {
            if *exponent > 2 {
                let half = Big::from_unsigned(u32::from(*exponent >> 1));
                factor = factor * power(Big::from_unsigned(prime), half) % self.n.clone();
                *exponent &= 1;
            } else if *exponent == 2 {
                factor = factor * Big::from_unsigned(prime) % self.n.clone();
                *exponent = 0;
            }
        }
        factor
    }

    /// Makes a record of a relation.
    pub(super) fn record(
        &self,
        relation: Relation<A>,
        exponents: &mut Exponents<A>,
        next: Link<A>,
    ) -> NonNull<Record<A>> {
        let node = A::alloc(Request::array::<Record<A>>(1)).cast::<Record<A>>();
        let parities = A::alloc_zeroed(Request::bytes(exponents.length.div_ceil(8)));
        let r = self.normalise(Big::one(), exponents);
        for (place, exponent) in exponents.all().iter().enumerate() {
            // SAFETY: there is a bit for every exponent.
            unsafe { *parities.add(place / 8).as_ptr() |= (exponent & 1) << (place % 8) };
        }
        let Relation { x, t } = relation;
        // SAFETY: the block was made for one record.
        unsafe { node.write(Record { next, x, t, r, parities }) };
        node
    }
}

/// Perhaps a record.
pub(super) type Link<A> = Option<NonNull<Record<A>>>;

/// A relation on the heap: five pointers, and one bit for every exponent elsewhere.
#[repr(C)]
pub(super) struct Record<A: Api> {
    pub(super) next: Link<A>,
    x: Big<A>,
    pub(super) t: Big<A>,
    r: Big<A>,
    parities: NonNull<u8>,
}

impl<A: Api> Record<A> {
    fn add_parities(&self, exponents: &mut Exponents<A>) {
        for (place, exponent) in exponents.all().iter_mut().enumerate() {
            // SAFETY: there is a bit for every exponent.
            *exponent += unsafe { self.parities.add(place / 8).read() } >> (place % 8) & 1;
        }
    }

    /// Frees a record with all that belongs to it.
    ///
    /// # Safety
    /// The record came from [`Modulus::record`] with exponents of this `length`, and nothing refers
    /// to it any more.
    unsafe fn free(record: NonNull<Record<A>>, length: usize) {
        // SAFETY: the record is live; moving it out leaves a block that is freed once.
        unsafe {
            let Record { parities, .. } = record.read();
            A::free(parities, Request::bytes(length.div_ceil(8)));
            A::free(record.cast(), Request::array::<Record<A>>(1));
        }
    }
}

/// The relations with a large prime in `t`: a list, the newest first.
pub(super) struct Partials<A: Api> {
    newest: Link<A>,
    length: usize,
}

impl<A: Api> Partials<A> {
    /// An empty list for exponents of `primes` primes.
    pub(super) fn new(primes: usize) -> Partials<A> {
        Partials { newest: None, length: primes + 1 }
    }

    /// The record with this large prime, if there is one.
    pub(super) fn find(&self, t: &Big<A>) -> Option<&Record<A>> {
        let mut link = self.newest;
        while let Some(record) = link {
            // SAFETY: records in the list live as long as the list.
            let record = unsafe { record.as_ref() };
            if record.t == *t {
                return Some(record);
            }
            link = record.next;
        }
        None
    }

    /// Stores a relation.
    pub(super) fn push(
        &mut self,
        modulus: &Modulus<'_, A>,
        relation: Relation<A>,
        exponents: &mut Exponents<A>,
    ) {
        self.newest = Some(modulus.record(relation, exponents, self.newest));
    }
}

impl<A: Api> Drop for Partials<A> {
    fn drop(&mut self) {
        while let Some(record) = self.newest {
            // SAFETY: the list owns its records and forgets this one; all have the same length.
            unsafe {
                self.newest = record.as_ref().next;
                Record::free(record, self.length);
            }
        }
    }
}

/// For every exponent a relation in which it is the highest odd one; an array of pointers.
pub(super) struct Elimination<A: Api> {
    table: NonNull<Link<A>>,
    places: usize,
}

impl<A: Api> Elimination<A> {
    /// An empty table for exponents of `primes` primes.
    pub(super) fn new(primes: usize) -> Elimination<A> {
        let places = primes + 2;
        let table = A::alloc(Request::array::<Link<A>>(places)).cast::<Link<A>>();
        for place in 0..places {
            // SAFETY: the array has that many places.
            unsafe { table.add(place).write(None) };
        }
        Elimination { table, places }
    }

    fn links(&self) -> &[Link<A>] {
        // SAFETY: `new` wrote all places.
        unsafe { NonNull::slice_from_raw_parts(self.table, self.places).as_ref() }
    }

    /// The relation of a place.
    pub(super) fn at(&self, place: usize) -> Option<&Record<A>> {
        // SAFETY: records in the table live as long as the table.
        self.links()[place].map(|record| unsafe { record.as_ref() })
    }

    /// Stores a relation at an empty place.
    pub(super) fn put(
        &mut self,
        place: usize,
        modulus: &Modulus<'_, A>,
        relation: Relation<A>,
        exponents: &mut Exponents<A>,
    ) {
        assert!(self.links()[place].is_none(), "a place is filled once");
        let record = modulus.record(relation, exponents, None);
        // SAFETY: the place is inside of the array, as was checked above.
        unsafe { self.table.add(place).write(Some(record)) };
    }
}

impl<A: Api> Drop for Elimination<A> {
    fn drop(&mut self) {
        for record in self.links().iter().flatten() {
            // SAFETY: the table owns its records; their exponents have one place less than it.
            unsafe { Record::free(*record, self.places - 1) };
        }
        // SAFETY: `new` made the table for this request, and it is freed only here.
        unsafe { A::free(self.table.cast(), Request::array::<Link<A>>(self.places)) };
    }
}
