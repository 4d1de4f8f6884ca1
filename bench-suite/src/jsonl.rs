//! Files of JSON lines that grow while a run goes on. What is on disk survives anything that happens
//! later: each line is handed to the system before the next one is made.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::RESTORE;

/// A file that is open for appending.
#[derive(Debug)]
pub(crate) struct Appender {
    file: File,
    path: PathBuf,
}

impl Appender {
    /// Opens or creates the file.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file, path })
    }

    /// Takes the file for this process until the appender is gone; `false` if another one has it.
    pub(crate) fn is_ours_alone(&self) -> bool {
        // A file system without locks has no second process to speak of.
        !matches!(self.file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Adds a line.
    pub(crate) fn append(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(value).context("cannot form JSON")?;
        line.push('\n');
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| {
            format!("cannot write {}; make room and go on with --resume", self.path.display())
        })
    }
}

/// What is in the file; nothing if there is none. A torn last line, left by a crash, is not part of it.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    Ok(parse(path)?.0)
}

/// Like [`load`], and cuts the torn line off so that appending can go on.
pub(crate) fn load_and_mend<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let (values, whole_bytes) = parse(path)?;
    if path.exists() {
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|file| file.set_len(whole_bytes))
            .with_context(|| format!("cannot cut a torn line off {}", path.display()))?;
    }
    Ok(values)
}

/// The values, and how many bytes of the file they fill.
fn parse<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, u64)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut values = Vec::new();
    let mut whole_bytes = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let value = serde_json::from_slice(line)
            .with_context(|| format!("line {} of {} is damaged; {RESTORE}", index + 1, path.display()))?;
        values.push(value);
        whole_bytes += line.len() as u64;
    }
    Ok((values, whole_bytes))
}
