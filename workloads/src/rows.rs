//! How much of a row is done, and with whose parameters.

use serde::{Deserialize, Serialize};

/// Which era's parameters a row takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Parameters of the suite as it was in mid-2019.
    Seed2019,
    /// Parameters of the suite as it is now.
    #[default]
    Current,
}

/// How much of a preset's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Enough to prove that the row works; tens of milliseconds.
    Check,
    /// About a tenth of a second on the reference allocator, for most rows.
    Quick,
    /// A tenth to half a second on the reference allocator; the default.
    Calibrated,
    /// The preset's exact parameters.
    Full,
}
