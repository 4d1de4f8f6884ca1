//! How files of results are written, whole or not at all, and which versions of them are read.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// Version of all result files. Additions keep it; readers refuse newer ones.
pub const SCHEMA_VERSION: u32 = 1;
/// What to do about a damaged file of a run.
pub(crate) const RESTORE: &str = "restore that file, or start a new run";

/// The current time as it is written into files.
pub fn utc_now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What `text`, the content of `path`, says.
///
/// # Errors
/// If a newer version of this program wrote it, or if it is damaged, with `advice` for that.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str, advice: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let damaged = || format!("{} is damaged; {advice}", path.display());
    let Version { schema_version } = serde_json::from_str(text).with_context(damaged)?;
    if schema_version > SCHEMA_VERSION {
        bail!(
            "{} has schema {schema_version}, this bench-suite reads up to {SCHEMA_VERSION}; update bench-suite",
            path.display()
        );
    }
    serde_json::from_str(text).with_context(damaged)
}

/// Writes `value` as indented JSON by way of a neighbouring file, so that a full disk
/// cannot leave half of it.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).context("cannot form JSON")?;
    text.push('\n');
    replace(path, text.as_bytes())
}

/// Replaces the content of `path`, whole or not at all.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    neighbour(path)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.persist(path)?;
            Ok(())
        })
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Fails if `path` cannot be [replaced](replace), to be known before there is something to write.
pub fn refuse_unwritable(path: &Path) -> Result<()> {
    neighbour(path).map(drop).with_context(|| format!("cannot write {}", path.display()))
}

/// An empty file beside `path`, with the permissions of any new file. It goes away again unless it is persisted.
fn neighbour(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let permissions = Permissions::from_mode(0o666);
    tempfile::Builder::new().permissions(permissions).tempfile_in(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn replacing_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn replacing_takes_no_name_that_another_file_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let (other, usual) = (folder.path().join("x.tmp"), folder.path().join("usual"));
        fs::write(&other, "of someone else").unwrap();
        fs::write(&usual, "").unwrap();
        let path = folder.path().join("x.json");
        refuse_unwritable(&path).unwrap();
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "of someone else");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&usual));
    }
}
