//! Which messages are shown.

use core::sync::atomic::{AtomicI64, Ordering};

use crate::options::{self, Opt};

/// Verbosity from which on traces are shown.
const TRACE_FROM: i64 = if cfg!(feature = "debug") { 1 } else { 2 };

/// The kinds of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The program misused its memory. Shown unless the user wants no errors: what follows will be worse.
    Misuse,
    /// Something failed, and the caller is told by other means too.
    Error,
    /// A setting of the user's is not understood. Shown unless the user wants no errors.
    Misunderstood,
    /// Something that does no harm.
    Warning,
    /// What the allocator does.
    Verbose,
    /// All of what the allocator does.
    Trace,
}

impl Kind {
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Misuse | Self::Error => "mimalloc: error: ",
            Self::Misunderstood | Self::Warning => "mimalloc: warning: ",
            Self::Verbose | Self::Trace => "mimalloc: ",
        }
    }
}

/// What the options say about messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// `show_errors`.
    pub(super) errors: bool,
    /// `show_errors` as somebody set it.
    pub(super) errors_explicit: Option<bool>,
    /// `verbose`.
    pub(super) verbose: i64,
    /// `max_errors`.
    pub(super) max_errors: i64,
    /// `max_warnings`.
    pub(super) max_warnings: i64,
}

impl Policy {
    pub(super) fn current() -> Self {
        Self {
            errors: options::is_enabled(Opt::ShowErrors),
            errors_explicit: options::explicit(Opt::ShowErrors).map(|value| value != 0),
            verbose: options::get(Opt::Verbose),
            max_errors: options::get(Opt::MaxErrors),
            max_warnings: options::get(Opt::MaxWarnings),
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Misuse | Kind::Misunderstood => self.errors_explicit != Some(false),
            Kind::Error | Kind::Warning => self.errors,
            Kind::Verbose => self.verbose >= 1,
            Kind::Trace => self.verbose >= TRACE_FROM,
        }
    }
}

/// How many messages of each kind were shown.
#[derive(Debug)]
pub(super) struct Limits {
    errors: AtomicI64,
    warnings: AtomicI64,
}

impl Limits {
    pub(super) const fn new() -> Self {
        Self { errors: AtomicI64::new(0), warnings: AtomicI64::new(0) }
    }

    /// Whether a message is shown. Verbose output has no limits, and counts nothing.
    pub(super) fn allow(&self, kind: Kind, policy: &Policy) -> bool {
        let (shown, most) = match kind {
            Kind::Misuse | Kind::Error => (&self.errors, policy.max_errors),
            Kind::Misunderstood | Kind::Warning => (&self.warnings, policy.max_warnings),
            Kind::Verbose | Kind::Trace => return policy.wants(kind),
        };
        if policy.verbose >= 1 {
            return true;
        }
        policy.wants(kind) && (most < 0 || shown.fetch_add(1, Ordering::Relaxed) < most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Policy =
        Policy { errors: false, errors_explicit: None, verbose: 0, max_errors: 2, max_warnings: 1 };
    const SHOWN: Policy = Policy { errors: true, ..QUIET };
    const SILENCED: Policy = Policy { errors_explicit: Some(false), ..QUIET };
    const VERBOSE: Policy = Policy { verbose: 1, ..SILENCED };
    const TRACING: Policy = Policy { verbose: 2, ..QUIET };

    fn allowed(policy: &Policy) -> [bool; 6] {
        [Kind::Misuse, Kind::Error, Kind::Misunderstood, Kind::Warning, Kind::Verbose, Kind::Trace]
            .map(|kind| Limits::new().allow(kind, policy))
    }

    #[test]
    fn each_kind_is_shown_to_whom_it_concerns() {
        assert_eq!(allowed(&QUIET), [true, false, true, false, false, false]);
        assert_eq!(allowed(&SHOWN), [true, true, true, true, false, false]);
        assert_eq!(allowed(&SILENCED), [false; 6]);
        assert_eq!(allowed(&VERBOSE), [true, true, true, true, true, cfg!(feature = "debug")]);
        assert_eq!(allowed(&TRACING), [true; 6]);
    }

    #[test]
    fn errors_and_warnings_stop_at_their_limits() {
        let limits = Limits::new();
        let shown = |kind, policy| (0..5).filter(|_| limits.allow(kind, policy)).count();
        assert_eq!(shown(Kind::Misuse, &SHOWN), 2);
        assert_eq!(shown(Kind::Error, &SHOWN), 0);
        assert_eq!(shown(Kind::Warning, &SHOWN), 1);
        assert_eq!(shown(Kind::Warning, &Policy { max_warnings: -1, ..SHOWN }), 5);
        assert_eq!(shown(Kind::Error, &VERBOSE), 5);
    }

    #[test]
    fn what_is_not_shown_does_not_count() {
        let limits = Limits::new();
        for policy in [QUIET, VERBOSE] {
            for _ in 0..5 {
                limits.allow(Kind::Error, &policy);
            }
        }
        assert!(limits.allow(Kind::Error, &SHOWN));
    }
}
