//! Options: from the environment, or set by the program.
//!
//! ```
//! use mimalloc_rs::options::{self, Opt};
//!
//! options::set(Opt::PurgeDelay, 500);
//! assert_eq!(options::get(Opt::PurgeDelay), 500);
//! ```
//!
//! The environment is read once, when the first option is needed: before the first allocation is done. What
//! the program sets afterwards overrides it. Many options matter only before the memory they speak of is
//! reserved. None of these functions allocates, takes a lock, or fails, but for what a writer or [output](crate::hooks) of the
//! program does.
#![doc = include_str!("environment.md")]

mod environment;
mod opt;
mod state;
mod table;
mod value;

use core::fmt;

use environment::Finding;
pub use opt::{Effect, Opt, Unit, all};
use state::State;

use crate::hooks::OutputWriter;
use crate::report;

static STATE: State = State::new();

/// The options, with the environment's values in place.
#[inline]
fn state() -> &'static State {
    if !STATE.is_read() {
        read_environment();
    }
    &STATE
}

#[cold]
fn read_environment() {
    // Without an environment the values are the defaults for now, and the next caller looks again.
    let Some(entries) = environment::of_process() else { return };
    let settings = environment::read(entries, |_| {});
    if STATE.take_over(&settings)
        && let Some(entries) = environment::of_process()
    {
        // Only now do the options say whether to tell of it.
        environment::read(entries, tell);
    }
}

fn tell(finding: Finding<'_>) {
    match finding {
        Finding::BadValue(opt, text) => report::misunderstood(format_args!(
            "{} does not take `{}`; its value stays {}",
            opt.env_name(),
            text.escape_ascii(),
            get(opt)
        )),
        Finding::Legacy(opt, legacy) => {
            report::warning(format_args!("{legacy} is deprecated; use {}", opt.env_name()));
        }
        Finding::Unknown(name) => report::warning(format_args!("there is no option {}", name.escape_ascii())),
    }
}

/// The value of an option, in its [`Unit`].
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// assert_eq!(options::get(Opt::MaxErrors), 32);
/// ```
#[inline]
#[must_use]
pub fn get(opt: Opt) -> i64 {
    state().get(opt)
}

/// The value of an option, moved into the range from `min` to `max`; the option itself stays as it is.
///
/// With `min` above `max` a value below `min` becomes `min`, and any other `max`.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// assert_eq!(options::get_clamp(Opt::GenericCollect, 1, 1000), 1000);
/// ```
#[inline]
#[must_use]
pub fn get_clamp(opt: Opt, min: i64, max: i64) -> i64 {
    clamp(get(opt), min, max)
}

/// As `Ord::clamp`, which panics when the bounds are the wrong way round.
fn clamp(value: i64, min: i64, max: i64) -> i64 {
    if value < min { min } else { value.min(max) }
}

/// The value of an option as a size: bytes for options in [`Unit::Kibibytes`], the plain number for all
/// others. A negative value is 0, a value too large the largest size.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::set(Opt::MinimalPurgeSize, 64);
/// assert_eq!(options::get_size(Opt::MinimalPurgeSize), 64 * 1024);
/// ```
#[must_use]
pub fn get_size(opt: Opt) -> usize {
    size_of(opt, get(opt))
}

fn size_of(opt: Opt, value: i64) -> usize {
    let value = usize::try_from(value).unwrap_or(0);
    if opt.unit() == Unit::Kibibytes { value.saturating_mul(1024) } else { value }
}

/// Whether the value of an option is another than 0.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// assert!(options::is_enabled(Opt::PurgeDecommits));
/// ```
#[inline]
#[must_use]
pub fn is_enabled(opt: Opt) -> bool {
    get(opt) != 0
}

/// Sets an option, whatever the environment says. The value is in the option's [`Unit`]; `i64::MIN` counts as
/// one more.
///
/// Setting [`Opt::GuardedMin`] above [`Opt::GuardedMax`], or the reverse, sets both.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::set(Opt::GuardedMin, 4096);
/// options::set(Opt::GuardedMax, 1024);
/// assert_eq!(options::get(Opt::GuardedMin), 1024);
/// ```
pub fn set(opt: Opt, value: i64) {
    state().set(opt, value);
}

/// Sets the value an option has if neither the environment nor the program sets it.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::set(Opt::MaxErrors, 5);
/// options::set_default(Opt::MaxErrors, 10);
/// assert_eq!(options::get(Opt::MaxErrors), 5);
/// ```
pub fn set_default(opt: Opt, value: i64) {
    state().set_default(opt, value);
}

/// [Sets](set) an option to 1 or 0.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::set_enabled(Opt::ShowStats, false);
/// assert!(!options::is_enabled(Opt::ShowStats));
/// ```
pub fn set_enabled(opt: Opt, enabled: bool) {
    set(opt, i64::from(enabled));
}

/// [Sets the default](set_default) of an option to 1 or 0.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::set_enabled_default(Opt::ShowErrors, true);
/// ```
pub fn set_enabled_default(opt: Opt, enabled: bool) {
    set_default(opt, i64::from(enabled));
}

/// [Sets](set) an option to 1.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::enable(Opt::ShowErrors);
/// assert_eq!(options::get(Opt::ShowErrors), 1);
/// ```
pub fn enable(opt: Opt) {
    set(opt, 1);
}

/// [Sets](set) an option to 0.
///
/// ```
/// use mimalloc_rs::options::{self, Opt};
///
/// options::disable(Opt::PurgeDecommits);
/// assert_eq!(options::get(Opt::PurgeDecommits), 0);
/// ```
pub fn disable(opt: Opt) {
    set(opt, 0);
}

/// The value that the program or the environment gave an option.
pub(crate) fn explicit(opt: Opt) -> Option<i64> {
    state().explicit(opt)
}

/// Prints all options to the [output](crate::hooks::register_output), in the form of environment variables.
///
/// ```
/// mimalloc_rs::options::print();
/// ```
pub fn print() {
    // The writer takes everything.
    let _ = write_to(&mut OutputWriter::registered());
}

/// Writes all options to `out`, in the form of environment variables. An error of `out` ends it.
///
/// ```
/// let mut text = String::new();
/// mimalloc_rs::options::write_to(&mut text)?;
/// assert!(text.contains("MIMALLOC_SHOW_ERRORS="));
/// # Ok::<(), std::fmt::Error>(())
/// ```
pub fn write_to(out: &mut dyn fmt::Write) -> fmt::Result {
    write_options(state(), out)
}

fn write_options(state: &State, out: &mut dyn fmt::Write) -> fmt::Result {
    for opt in all() {
        let unit = if opt.unit() == Unit::Kibibytes { "KiB" } else { "" };
        let source = if state.explicit(opt).is_some() { "" } else { "  (default)" };
        let effect = if opt.effect() == Effect::Works { "" } else { "  (no effect)" };
        writeln!(out, "{}={}{unit}{source}{effect}", opt.env_name(), state.get(opt))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;
    use crate::stats::Bytes;

    /// The table of the documentation, from the table of the options.
    fn documented() -> String {
        let mut text = String::from("| variable | option | default | here |\n|---|---|---|---|\n");
        for opt in all() {
            let default = match opt.unit() {
                Unit::Kibibytes => format!("{}", Bytes(opt.default() * 1024)),
                Unit::Bytes => format!("{}", Bytes(opt.default())),
                Unit::Milliseconds => format!("{} ms", opt.default()),
                Unit::Percent => format!("{} %", opt.default()),
                _ => format!("{}", opt.default()),
            };
            let formerly = opt.legacy_name().map(|name| format!(" (formerly `{name}`)")).unwrap_or_default();
            let here = match opt.effect() {
                Effect::Works => String::from("works"),
                Effect::Accepted(reason) => format!("no effect: {reason}"),
            };
            let env = opt.env_name();
            text.push_str(&format!(
                "| `{env}`{formerly} | [`{opt:?}`](Opt::{opt:?}) | {default} | {here} |\n"
            ));
        }
        text
    }

    #[test]
    fn the_documentation_lists_all_options_as_they_are() {
        if cfg!(any(feature = "secure", feature = "debug")) {
            return; // The page shows the crate without features.
        }
        let page = include_str!("environment.md");
        let table = documented();
        assert!(page.contains(&table), "options/environment.md should have this table:\n{table}");
    }

    #[test]
    fn sizes_are_bytes_and_never_negative() {
        let state = State::new();
        let size = |opt, value| {
            state.set(opt, value);
            size_of(opt, state.get(opt))
        };
        assert_eq!(size(Opt::ReserveOsMemory, 3), 3072);
        assert_eq!(size(Opt::ReserveOsMemory, -3), 0);
        assert_eq!(size(Opt::ReserveOsMemory, i64::MAX), usize::MAX);
        assert_eq!(size(Opt::GuardedMax, 3), 3);
    }

    #[test]
    fn options_print_as_variables_that_set_them() {
        let state = State::new();
        state.set(Opt::ArenaReserve, 64);
        state.set(Opt::OsTag, -7);
        let mut text = String::new();
        write_options(&state, &mut text).unwrap();
        assert!(text.contains("\nMIMALLOC_ARENA_RESERVE=64KiB\n"), "{text}");
        assert!(text.contains("\nMIMALLOC_OS_TAG=-7  (no effect)\n"), "{text}");
        assert!(text.contains("\nMIMALLOC_PURGE_DELAY=1000  (default)\n"), "{text}");
        let read_back = environment::read(
            text.lines().map(|line| line.split(' ').next().unwrap_or_default().as_bytes()),
            |finding| assert!(matches!(finding, Finding::Legacy(..)), "{finding:?}"),
        );
        for opt in all() {
            assert_eq!(read_back[opt as usize], Some(state.get(opt)), "{opt:?}");
        }
    }

    #[test]
    fn a_clamped_value_is_within_its_bounds() {
        assert_eq!(clamp(5, 1, 3), 3);
        assert_eq!(clamp(-5, 1, 3), 1);
        assert_eq!(clamp(2, 1, 3), 2);
        assert_eq!(clamp(2, 3, 1), 3);
        assert_eq!(clamp(3, 3, 1), 1);
    }
}
