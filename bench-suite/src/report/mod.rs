//! The written report and the charts of a run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::summary::Summary;

/// Writes everything that is drawn or told about `summary` into `dir`.
pub fn write_all(_summary: &Summary, _dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(Vec::new())
}
