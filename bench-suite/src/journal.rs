//! The append-only record of samples. What is on disk survives anything that happens
//! later: each sample is one line, handed to the system before the next one starts.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sample::Sample;

/// Name of the file inside a run's folder.
pub const FILE: &str = "samples.jsonl";

/// Takes samples as they are made.
pub trait Sink {
    /// Keeps a sample; for a failed one also what explains it.
    fn record(&mut self, sample: &Sample, explanation: Option<&str>) -> Result<()>;
}

/// Keeps samples in memory.
impl Sink for Vec<Sample> {
    fn record(&mut self, sample: &Sample, _explanation: Option<&str>) -> Result<()> {
        self.push(sample.clone());
        Ok(())
    }
}

/// A samples file that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    logs: PathBuf,
}

impl Journal {
    /// Opens or creates the file in `folder`; explanations go to `logs`.
    pub fn open(folder: &Path, logs: PathBuf) -> Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file, path, logs })
    }
}

impl Sink for Journal {
    fn record(&mut self, sample: &Sample, explanation: Option<&str>) -> Result<()> {
        let mut line = serde_json::to_string(sample).context("cannot form JSON")?;
        line.push('\n');
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| {
            format!("cannot write {}; make room and go on with --resume", self.path.display())
        })?;
        if let Some(text) = explanation {
            let name = format!("{}-{}-pass{}.txt", sample.workload, sample.allocator, sample.pass + 1);
            let path = self.logs.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The samples of the run in `folder`. A torn last line, left by a crash, is not among them.
pub fn load(folder: &Path) -> Result<Vec<Sample>> {
    Ok(parse(folder)?.0)
}

/// Like [`load`], and cuts the torn line off so that appending can go on.
pub fn load_and_mend(folder: &Path) -> Result<Vec<Sample>> {
    let (samples, whole_bytes) = parse(folder)?;
    let path = folder.join(FILE);
    if path.exists() {
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.set_len(whole_bytes))
            .with_context(|| format!("cannot cut a torn line off {}", path.display()))?;
    }
    Ok(samples)
}

/// The samples, and how many bytes of the file they fill.
fn parse(folder: &Path) -> Result<(Vec<Sample>, u64)> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut samples = Vec::new();
    let mut whole_bytes = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let sample = serde_json::from_slice(line)
            .with_context(|| format!("line {} of {} is damaged", index + 1, path.display()))?;
        samples.push(sample);
        whole_bytes += line.len() as u64;
    }
    Ok((samples, whole_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::tests::sample;

    #[test]
    fn samples_come_back_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let samples = [sample(0, "cfrac", "mi", 5), sample(0, "cfrac", "jx", 6)];
        let mut journal = Journal::open(folder.path(), folder.path().into()).unwrap();
        for sample in &samples {
            journal.record(sample, None).unwrap();
        }
        let whole = fs::read(folder.path().join(FILE)).unwrap();
        let mut torn = whole.clone();
        torn.extend_from_slice(&whole[..40]);
        fs::write(folder.path().join(FILE), torn).unwrap();
        assert_eq!(load(folder.path()).unwrap(), samples);
        assert_eq!(load_and_mend(folder.path()).unwrap(), samples);
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), whole);
    }

    #[test]
    fn damage_in_the_middle_is_named_by_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{}\n").unwrap();
        assert!(load(folder.path()).unwrap_err().to_string().starts_with("line 1 of "));
    }

    #[test]
    fn full_disk_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE)).unwrap();
        let mut journal = Journal::open(folder.path(), folder.path().into()).unwrap();
        let error = journal.record(&sample(0, "cfrac", "mi", 5), None).unwrap_err();
        let line = crate::error::one_line(&error);
        assert!(line.contains("make room") && line.contains("No space left"), "{line}");
    }

    #[test]
    fn no_file_means_no_samples() {
        assert!(load(tempfile::tempdir().unwrap().path()).unwrap().is_empty());
    }
}
