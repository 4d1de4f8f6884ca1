//! Orders of cubes, and the covers that come of sorting.

use std::cmp::Ordering;

use super::array::Array;
use super::cover::Cover;
use super::set::Set;
use super::space::{Space, count_members};
use crate::api::Api;

/// The heaviest first; among equals the one that is larger as a number.
pub(super) fn descending(a: &Set<'_>, b: &Set<'_>) -> Ordering {
    ascending(b, a)
}

/// The lightest first; among equals the one that is smaller as a number.
pub(super) fn ascending(a: &Set<'_>, b: &Set<'_>) -> Ordering {
    a.weight().cmp(&b.weight()).then_with(|| a.compare(*b))
}

/// Compares without the bits in the mask, the larger number first.
pub(super) fn descending_outside(mask: Set<'_>, a: Set<'_>, b: Set<'_>) -> Ordering {
    let pairs = a.data().iter().zip(b.data()).zip(mask.data()).rev();
    let mut orders = pairs.map(|((a, b), mask)| (b.get() | mask.get()).cmp(&(a.get() | mask.get())));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Pointers that are sorted on the stack; more go through a block on the heap, as in the C library.
const SORTED_ON_STACK: usize = 127;

/// Sorts a list.
pub(super) fn sort<A: Api>(list: &mut [Set<'_>], order: impl Fn(&Set<'_>, &Set<'_>) -> Ordering) {
    if list.len() <= SORTED_ON_STACK {
        list.sort_unstable_by(order);
    } else {
        let mut buffer = Array::<A, Set<'_>>::with_room(list.len());
        list.iter().for_each(|&set| buffer.push(set));
        merge_sort(list, &mut buffer, &order);
    }
}

/// Sorts a list by way of a buffer of the same length with the same content.
fn merge_sort<'c>(
    list: &mut [Set<'c>],
    buffer: &mut [Set<'c>],
    order: &impl Fn(&Set<'_>, &Set<'_>) -> Ordering,
) {
    if list.len() < 2 {
        return;
    }
    let middle = list.len() / 2;
    {
        let (left, right) = list.split_at_mut(middle);
        let (left_buffer, right_buffer) = buffer.split_at_mut(middle);
        merge_sort(left_buffer, left, order);
        merge_sort(right_buffer, right, order);
    }
    let (mut left, mut right) = (buffer[..middle].iter().peekable(), buffer[middle..].iter().peekable());
    for place in list {
        let from_left = match (left.peek(), right.peek()) {
            (Some(left), Some(right)) => order(left, right).is_le(),
            (left, _) => left.is_some(),
        };
        let next = if from_left { left.next() } else { right.next() };
        *place = *next.expect("both halves together are as long as the list");
    }
}

/// The sets of a cover, weighted by their number of members and in order.
fn sorted_by_count<'c, A: Api>(
    cover: &'c Cover<'_, A>,
    order: fn(&Set<'_>, &Set<'_>) -> Ordering,
) -> Array<A, Set<'c>> {
    let mut list = cover.list();
    list.iter().for_each(|set| set.set_weight(set.count()));
    sort::<A>(&mut list, order);
    list
}

/// Of equal sets in a row keeps one.
fn keep_different<A: Api>(list: &mut Array<A, Set<'_>>) {
    let mut kept = 0;
    for index in 0..list.len() {
        if index + 1 == list.len() || !list[index].equals(list[index + 1]) {
            list[kept] = list[index];
            kept += 1;
        }
    }
    list.truncate(kept);
}

/// Keeps the sets that do not relate to a kept set of another weight before them as `drop` says.
fn keep_unrelated<A: Api>(list: &mut Array<A, Set<'_>>, drop: impl Fn(Set<'_>, Set<'_>) -> bool) {
    let (mut kept, mut compared, mut weight) = (0, 0, None);
    for index in 0..list.len() {
        let set = list[index];
        if weight != Some(set.weight()) {
            weight = Some(set.weight());
            compared = kept;
        }
        if !list[..compared].iter().any(|&before| drop(set, before)) {
            list[kept] = set;
            kept += 1;
        }
    }
    list.truncate(kept);
}

/// A cover without sets that are in another one.
pub(super) fn without_contained<'p, A: Api>(cover: Cover<'p, A>) -> Cover<'p, A> {
    let mut list = sorted_by_count(&cover, descending);
    keep_different(&mut list);
    keep_unrelated(&mut list, |set, larger| set.is_within(larger));
    Cover::of(cover.headers(), &list, cover.members())
}

/// A cover without sets that contain another one.
pub(super) fn without_containing<'p, A: Api>(cover: Cover<'p, A>) -> Cover<'p, A> {
    let mut list = sorted_by_count(&cover, ascending);
    keep_different(&mut list);
    keep_unrelated(&mut list, |set, smaller| smaller.is_within(set));
    Cover::of(cover.headers(), &list, cover.members())
}

/// A cover without repetitions.
pub(super) fn without_repetitions<'p, A: Api>(cover: Cover<'p, A>) -> Cover<'p, A> {
    let mut list = sorted_by_count(&cover, descending);
    keep_different(&mut list);
    Cover::of(cover.headers(), &list, cover.members())
}

/// Sorts cubes by how common their bits are in the cover; the sums are kept modulo 65536.
pub(super) fn by_commonness<'p, A: Api>(
    space: &'p Space<A>,
    cover: Cover<'p, A>,
    order: fn(&Set<'_>, &Set<'_>) -> Ordering,
) -> Cover<'p, A> {
    let mut counters = Array::<A, u32>::filled(space.size, 0);
    cover.iter().for_each(|cube| count_members(cube, &mut counters));
    cover.iter().for_each(|cube| cube.set_weight(cube.members().map(|bit| counters[bit]).sum()));
    let mut list = cover.list();
    sort::<A>(&mut list, order);
    Cover::of(&space.headers, &list, space.size)
}
