//! What the environment says about the options.

use core::ffi::{CStr, c_char};
use core::ptr;

use super::opt::Opt;
use super::table::TABLE;
use super::value::parse;
use crate::os;

/// Entries that are looked at; an environment with more is not one.
const ENTRIES_MAX: usize = 10_000;

/// What the names of all our variables begin with.
const OUR_PREFIX: &str = "MIMALLOC_";
/// Belongs to mimalloc too, but to no option.
const OTHER_SYSTEMS: &str = "MIMALLOC_DISABLE_REDIRECT";

/// What the environment gives to each option, in the order of [`Opt`].
pub(super) type Settings = [Option<i64>; TABLE.len()];

/// What a user should be told about a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding<'a> {
    /// The value is none for this option.
    BadValue(Opt, &'a [u8]),
    /// The option was found under its former name.
    Legacy(Opt, &'static str),
    /// No option has this name.
    Unknown(&'a [u8]),
}

/// Reads all options from `NAME=value` entries; `found` is told what a user should know.
///
/// The first entry with a name counts. Names are compared without regard to case.
pub(super) fn read<'a>(
    entries: impl Iterator<Item = &'a [u8]>,
    mut found: impl FnMut(Finding<'a>),
) -> Settings {
    let mut by_name: [Option<&[u8]>; TABLE.len()] = [None; TABLE.len()];
    let mut by_legacy_name = by_name;
    for entry in entries.filter(|entry| has_prefix(entry, OUR_PREFIX)) {
        let Some(end) = entry.iter().position(|&byte| byte == b'=') else { continue };
        let (name, text) = (&entry[..end], &entry[end + 1..]);
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let mut known = is(OTHER_SYSTEMS);
        for (index, row) in TABLE.iter().enumerate() {
            if is(row.env) {
                by_name[index].get_or_insert(text);
                known = true;
            } else if row.legacy.is_some_and(is) {
                by_legacy_name[index].get_or_insert(text);
                known = true;
            }
        }
        if !known {
            found(Finding::Unknown(name));
        }
    }
    let mut settings = [None; TABLE.len()];
    for (index, row) in TABLE.iter().enumerate() {
        let Some(text) = by_name[index].or(by_legacy_name[index]) else { continue };
        if let (None, Some(legacy)) = (by_name[index], row.legacy) {
            found(Finding::Legacy(row.opt, legacy));
        }
        settings[index] = parse(text, row.unit);
        if settings[index].is_none() {
            found(Finding::BadValue(row.opt, text));
        }
    }
    keep_window(&mut settings);
    settings
}

/// The window of guarded sizes stays one: whoever sets one end beyond the other moves both.
fn keep_window(settings: &mut Settings) {
    let (low, high) = (Opt::GuardedMin as usize, Opt::GuardedMax as usize);
    match (settings[low], settings[high]) {
        (Some(min), None) if min > Opt::GuardedMax.default() => settings[high] = Some(min),
        (None, Some(max)) if max < Opt::GuardedMin.default() => settings[low] = Some(max),
        (Some(min), Some(max)) if min > max => settings[high] = Some(min),
        _ => {}
    }
}

fn has_prefix(entry: &[u8], prefix: &str) -> bool {
    entry.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

unsafe extern "C" {
    /// The environment of the process. It is there before any code of libc runs that reads it.
    static environ: *const *const c_char;
}

/// The entries of the process's environment; `None` while it has none yet. Who starts a program that runs with more rights than
/// its user's does not set them: there are none for it.
///
/// Like `getenv` it must not run while another thread changes the environment. It runs once, at the first
/// allocation of the process at the latest, before there are threads or calls of `setenv`.
pub(super) fn of_process() -> Option<impl Iterator<Item = &'static [u8]>> {
    // SAFETY: the pointer is read as a whole; see above for changes by other threads.
    let mut next = unsafe { ptr::read_volatile(&raw const environ) };
    if next.is_null() {
        return None;
    }
    let entries = core::iter::from_fn(move || {
        // SAFETY: the environment is an array of C strings that ends with null, and the iteration with it.
        unsafe {
            if (*next).is_null() {
                return None;
            }
            let entry = CStr::from_ptr(*next);
            next = next.add(1);
            Some(entry.to_bytes())
        }
    });
    Some(entries.take(if os::has_more_rights_than_user() { 0 } else { ENTRIES_MAX }))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn read_all<'a>(entries: &[&'a str]) -> (Settings, Vec<Finding<'a>>) {
        let mut found = Vec::new();
        let settings = read(entries.iter().map(|entry| entry.as_bytes()), |finding| found.push(finding));
        (settings, found)
    }

    fn settings(entries: &[&str]) -> Vec<(Opt, i64)> {
        let (settings, found) = read_all(entries);
        assert_eq!(found, [], "{entries:?}");
        super::super::all().zip(settings).filter_map(|(opt, value)| Some((opt, value?))).collect()
    }

    #[test]
    fn every_option_is_found_by_its_name() {
        for opt in super::super::all() {
            let entry = std::format!("{}=1", opt.env_name());
            let (values, _) = read_all(&["HOME=/root", &entry]);
            assert_eq!(values[opt as usize], Some(1), "{entry}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_whole() {
        assert_eq!(settings(&["mimalloc_Verbose=2"]), [(Opt::Verbose, 2)]);
        assert_eq!(settings(&["MALLOC_VERBOSE=2", "XMIMALLOC_VERBOSE=2", "MIMALLOC_VERBOSE", "", "="]), []);
    }

    #[test]
    fn the_first_entry_with_a_name_counts() {
        assert_eq!(settings(&["MIMALLOC_MAX_ERRORS=3", "mimalloc_max_errors=4"]), [(Opt::MaxErrors, 3)]);
    }

    #[test]
    fn former_names_serve_with_a_warning_unless_the_present_one_is_there() {
        let (values, found) = read_all(&["MIMALLOC_RESET_DELAY=7"]);
        assert_eq!(values[Opt::PurgeDelay as usize], Some(7));
        assert_eq!(found, [Finding::Legacy(Opt::PurgeDelay, "MIMALLOC_RESET_DELAY")]);
        let both = ["MIMALLOC_RESET_DELAY=7", "MIMALLOC_PURGE_DELAY=8"];
        assert_eq!(settings(&both), [(Opt::PurgeDelay, 8)]);
        let (values, _) = read_all(&["MIMALLOC_RESET_DELAY=7", "mimalloc_reset_delay=9"]);
        assert_eq!(values[Opt::PurgeDelay as usize], Some(7));
    }

    #[test]
    fn what_is_wrong_is_told_and_the_default_stays() {
        let (values, found) = read_all(&["MIMALLOC_VERBOSE=much", "MIMALLOC_LOUD=1"]);
        assert_eq!(values, [None; TABLE.len()]);
        assert_eq!(found, [Finding::Unknown(b"MIMALLOC_LOUD"), Finding::BadValue(Opt::Verbose, b"much")]);
        assert_eq!(settings(&["MIMALLOC_DISABLE_REDIRECT=1"]), []);
    }

    #[test]
    fn the_guarded_window_stays_one() {
        let window = |entries: &[&str]| {
            let (values, _) = read_all(entries);
            (values[Opt::GuardedMin as usize], values[Opt::GuardedMax as usize])
        };
        assert_eq!(window(&["MIMALLOC_GUARDED_MIN=8"]), (Some(8), None));
        assert_eq!(window(&["MIMALLOC_GUARDED_MIN=2000000000"]), (Some(2_000_000_000), Some(2_000_000_000)));
        assert_eq!(window(&["MIMALLOC_GUARDED_MAX=-4"]), (Some(-4), Some(-4)));
        assert_eq!(window(&["MIMALLOC_GUARDED_MAX=8", "MIMALLOC_GUARDED_MIN=9"]), (Some(9), Some(9)));
    }

    #[test]
    fn the_environment_of_the_process_is_found() {
        let name = |entry: &[u8]| entry.starts_with(b"PATH=");
        assert_eq!(
            of_process().is_some_and(|mut entries| entries.any(name)),
            std::env::var_os("PATH").is_some()
        );
    }

    proptest! {
        #[test]
        fn any_environment_is_read_without_panic(
            entries in proptest::collection::vec("(?i:MIMALLOC_)?[A-Z_=]{0,20}(=.{0,80})?", 0..20),
        ) {
            let entries: Vec<_> = entries.iter().map(std::string::String::as_str).collect();
            read_all(&entries);
        }
    }
}
