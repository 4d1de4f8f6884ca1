//! The model checker's atomics, made to try all orders of accesses.
//!
//! The checker only tries another order at the last access that conflicts with a thread's next one, and a load by
//! any thread hides the loads before it: an exchange is never tried before the first of two loads.
//! Here every access takes a turn first, in an exchange that conflicts with all other turns and orders no data.
//!
//! It also takes sequentially consistent accesses for mere acquire and release; fences around them make up for it.

use loom::sync::atomic::{self, Ordering, fence};

/// The part of an ordering that a load can have.
fn of_load(order: Ordering) -> Ordering {
    match order {
        Ordering::AcqRel => Ordering::Acquire,
        Ordering::Release => Ordering::Relaxed,
        order => order,
    }
}

/// Makes an access with this ordering, between fences if it is a sequentially consistent one.
fn ordered<T>(order: Ordering, access: impl FnOnce() -> T) -> T {
    let fence = || {
        if order == Ordering::SeqCst {
            fence(order);
        }
    };
    fence();
    let result = access();
    fence();
    result
}

macro_rules! wrap {
    ($name:ident, $integer:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            value: atomic::$name,
            turn: atomic::AtomicU32,
        }

        #[allow(dead_code, reason = "each width needs its own half")]
        impl $name {
            pub(crate) fn new(value: $integer) -> Self {
                Self { value: atomic::$name::new(value), turn: atomic::AtomicU32::new(0) }
            }

            fn after_turn(&self) -> &atomic::$name {
                self.turn.fetch_add(1, Ordering::Relaxed);
                &self.value
            }

            pub(crate) fn load(&self, order: Ordering) -> $integer {
                let value = self.after_turn();
                ordered(order, || value.load(of_load(order)))
            }

            pub(crate) fn store(&self, value: $integer, order: Ordering) {
                self.after_turn().store(value, order);
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                old: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                let value = self.after_turn();
                ordered(success, || value.compare_exchange_weak(old, new, success, of_load(failure)))
            }

            pub(crate) fn compare_exchange(
                &self,
                old: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                self.after_turn().compare_exchange(old, new, success, failure)
            }

            pub(crate) fn swap(&self, value: $integer, order: Ordering) -> $integer {
                let place = self.after_turn();
                ordered(order, || place.swap(value, order))
            }

            pub(crate) fn fetch_or(&self, bits: $integer, order: Ordering) -> $integer {
                let value = self.after_turn();
                ordered(order, || value.fetch_or(bits, order))
            }

            pub(crate) fn fetch_and(&self, bits: $integer, order: Ordering) -> $integer {
                let value = self.after_turn();
                ordered(order, || value.fetch_and(bits, order))
            }
        }
    };
}

wrap!(AtomicU32, u32);
wrap!(AtomicU64, u64);
