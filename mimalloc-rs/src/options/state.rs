//! The values the options have now.
//!
//! An option has up to three values, each in a word of its own: from the program, from the environment, and a
//! default the program chose. The first there is counts. Every word is written in one piece, and threads that
//! read the environment at the same time write the same, so that nobody waits for anybody.

use core::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::environment::Settings;
use super::opt::Opt;
use super::table::TABLE;

/// A word without a value; the one number no option can have.
const UNSET: i64 = i64::MIN;

/// The words of all options.
#[derive(Debug)]
pub(super) struct State {
    is_read: AtomicBool,
    program: [AtomicI64; TABLE.len()],
    environment: [AtomicI64; TABLE.len()],
    default: [AtomicI64; TABLE.len()],
}

impl State {
    pub(super) const fn new() -> Self {
        const fn unset() -> [AtomicI64; TABLE.len()] {
            [const { AtomicI64::new(UNSET) }; TABLE.len()]
        }
        Self { is_read: AtomicBool::new(false), program: unset(), environment: unset(), default: unset() }
    }

    /// Whether the environment was read.
    #[inline]
    pub(super) fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }

    /// Takes over what the environment says. True for one caller only.
    pub(super) fn take_over(&self, settings: &Settings) -> bool {
        for (word, setting) in self.environment.iter().zip(settings) {
            if let Some(value) = setting {
                store(word, *value);
            }
        }
        !self.is_read.swap(true, Ordering::AcqRel)
    }

    #[inline]
    pub(super) fn get(&self, opt: Opt) -> i64 {
        let at = opt as usize;
        self.explicit(opt).or_else(|| load(&self.default[at])).unwrap_or(opt.default())
    }

    /// The value that the program or the environment gave.
    #[inline]
    pub(super) fn explicit(&self, opt: Opt) -> Option<i64> {
        let at = opt as usize;
        load(&self.program[at]).or_else(|| load(&self.environment[at]))
    }

    pub(super) fn set(&self, opt: Opt, value: i64) {
        store(&self.program[opt as usize], value);
        // The two ends of the window of guarded sizes drag each other along.
        match opt {
            Opt::GuardedMin if value > self.get(Opt::GuardedMax) => {
                store(&self.program[Opt::GuardedMax as usize], value);
            }
            Opt::GuardedMax if value < self.get(Opt::GuardedMin) => {
                store(&self.program[Opt::GuardedMin as usize], value);
            }
            _ => {}
        }
    }

    pub(super) fn set_default(&self, opt: Opt, value: i64) {
        store(&self.default[opt as usize], value);
    }
}

#[inline]
fn load(word: &AtomicI64) -> Option<i64> {
    Some(word.load(Ordering::Relaxed)).filter(|&value| value != UNSET)
}

fn store(word: &AtomicI64, value: i64) {
    word.store(value.max(UNSET + 1), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_environment(opt: Opt, value: i64) -> State {
        let state = State::new();
        let mut settings = [None; TABLE.len()];
        settings[opt as usize] = Some(value);
        assert!(state.take_over(&settings));
        state
    }

    #[test]
    fn program_comes_before_environment_before_default() {
        let state = with_environment(Opt::MaxErrors, 5);
        assert_eq!((state.get(Opt::MaxErrors), state.get(Opt::MaxWarnings)), (5, 32));
        state.set_default(Opt::MaxErrors, 6);
        state.set_default(Opt::MaxWarnings, 6);
        assert_eq!((state.get(Opt::MaxErrors), state.get(Opt::MaxWarnings)), (5, 6));
        state.set(Opt::MaxErrors, 7);
        state.set(Opt::MaxWarnings, 7);
        assert_eq!((state.get(Opt::MaxErrors), state.get(Opt::MaxWarnings)), (7, 7));
        state.set_default(Opt::MaxErrors, 8);
        assert_eq!(state.get(Opt::MaxErrors), 7);
    }

    #[test]
    fn only_a_default_is_not_explicit() {
        let state = with_environment(Opt::Verbose, 0);
        state.set_default(Opt::ShowErrors, 0);
        state.set(Opt::ShowStats, 0);
        assert_eq!(state.explicit(Opt::Verbose), Some(0));
        assert_eq!(state.explicit(Opt::ShowErrors), None);
        assert_eq!(state.explicit(Opt::ShowStats), Some(0));
    }

    #[test]
    fn the_environment_is_taken_over_by_one() {
        let state = State::new();
        assert!(!state.is_read());
        assert!(state.take_over(&[None; TABLE.len()]));
        assert!(state.is_read());
        assert!(!state.take_over(&[None; TABLE.len()]));
    }

    #[test]
    fn the_ends_of_the_guarded_window_drag_each_other() {
        let state = State::new();
        state.set(Opt::GuardedMax, 100);
        assert_eq!((state.get(Opt::GuardedMin), state.get(Opt::GuardedMax)), (0, 100));
        state.set(Opt::GuardedMin, 200);
        assert_eq!((state.get(Opt::GuardedMin), state.get(Opt::GuardedMax)), (200, 200));
        state.set(Opt::GuardedMax, 50);
        assert_eq!((state.get(Opt::GuardedMin), state.get(Opt::GuardedMax)), (50, 50));
    }

    #[test]
    fn the_extreme_numbers_are_values_too() {
        let state = State::new();
        state.set(Opt::OsTag, i64::MAX);
        assert_eq!(state.get(Opt::OsTag), i64::MAX);
        state.set(Opt::OsTag, i64::MIN);
        assert_eq!(state.get(Opt::OsTag), i64::MIN + 1);
    }
}
