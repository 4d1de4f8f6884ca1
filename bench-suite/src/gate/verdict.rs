//! What is said of one figure.

use std::fmt;

/// What became of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as expected or better.
    Passed,
    /// It is worse than allowed.
    Failed,
    /// It could not be judged.
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// One figure, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What became of it.
    pub verdict: Verdict,
    /// Which figure, such as `peak rss cfrac`.
    pub figure: String,
    /// Found and expected, or why it could not be judged.
    pub text: String,
}

impl Judgement {
    pub(super) fn new(passed: bool, figure: String, text: String) -> Self {
        let verdict = if passed { Verdict::Passed } else { Verdict::Failed };
        Self { verdict, figure, text }
    }

    pub(super) fn skipped(figure: String, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, figure, text: text.into() }
    }
}
