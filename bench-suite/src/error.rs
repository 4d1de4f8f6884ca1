//! What a command can end with, and the process exit code of each ending.

use std::fmt;
use std::process::ExitCode;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for was done and nothing was found.
    Done,
    /// A gated figure got worse.
    Regression,
    /// There was nothing to judge.
    NothingJudged,
    /// Some cells failed; the others are measured.
    CellsFailed,
    /// The user stopped it; what was done is kept.
    Interrupted,
    /// Nothing was asked for; the user was told what can be.
    HelpShown,
}

impl Outcome {
    /// The number a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Regression => 3,
            Self::NothingJudged => 4,
            Self::CellsFailed => 5,
            Self::Interrupted => 130,
            Self::HelpShown => 2,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// A mistake in what was asked, as opposed to a failure while doing it.
#[derive(Debug)]
pub struct UsageError(String);

impl UsageError {
    /// Wraps the sentence shown to the user; it says what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Builds a [`UsageError`] inside an [`anyhow::Error`] from a format string.
#[macro_export]
macro_rules! usage {
    ($($arg:tt)*) => { ::anyhow::Error::new($crate::error::UsageError::new(format!($($arg)*))) };
}

/// Exit code of an error: 2 for a mistake in what was asked, 1 for everything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() { 2 } else { 1 }
}

/// The error and its causes on one line.
pub fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}")
        .split('\n')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
