//! The append-only record of samples: one line each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::jsonl::{self, Appender};
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
    file: Appender,
    logs: PathBuf,
}

impl Journal {
    /// Opens or creates the file in `folder`; explanations go to `logs`. Nobody else can open it until the journal
    /// is gone.
    pub fn open(folder: &Path, logs: PathBuf) -> Result<Self> {
        let file = Appender::open(folder.join(FILE))?;
        ensure!(
            file.is_ours_alone(),
            "the run in {} is being measured by another bench-suite: let it end, or stop it first",
            folder.display()
        );
        Ok(Self { file, logs })
    }
}

impl Sink for Journal {
    fn record(&mut self, sample: &Sample, explanation: Option<&str>) -> Result<()> {
        self.file.append(sample)?;
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
    jsonl::load(&folder.join(FILE))
}

/// Like [`load`], and cuts the torn line off so that appending can go on.
pub fn load_and_mend(folder: &Path) -> Result<Vec<Sample>> {
    jsonl::load_and_mend(&folder.join(FILE))
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
    fn one_process_at_a_time_measures_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(folder.path(), folder.path().into());
        let first = open().unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("by another bench-suite"), "{error}");
        drop(first);
        open().unwrap();
    }

    #[test]
    fn damage_in_the_middle_is_named_by_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{}\n").unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(
            error.starts_with("line 1 of ") && error.ends_with("; restore that file, or start a new run")
        );
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
    fn no_file_means_no_samples_and_one_that_cannot_be_read_does_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap().is_empty());
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let error = load_and_mend(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot read "), "{error}");
    }
}
