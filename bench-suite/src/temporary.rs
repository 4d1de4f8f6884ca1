//! Files and folders that go away again.

use std::path::Path;
use std::{env, io};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// A new file in the system's folder for them.
pub(crate) fn file() -> Result<NamedTempFile> {
    create_in(&env::temp_dir(), |parent| NamedTempFile::new_in(parent))
}

/// What `create` creates in `parent`.
///
/// # Errors
/// With advice, if it cannot.
pub(crate) fn create_in<T>(parent: &Path, create: impl FnOnce(&Path) -> io::Result<T>) -> Result<T> {
    let advice = || format!("cannot create anything in {}; make room, or set TMPDIR", parent.display());
    create(parent).with_context(advice)
}
