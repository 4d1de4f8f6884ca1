//! Where runs are kept, and how a run is found again.

use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context, Result};

use crate::fingerprint::Commit;
use crate::record::{self, RunRecord};
use crate::shell::quoted;
use crate::{files, usage};

/// The folder with all results.
#[derive(Debug, Clone)]
pub struct Results {
    root: PathBuf,
    /// Whether commands find it without being told.
    usual: bool,
}

/// Sub-folders of a run.
const LOGS: &str = "logs";
const WORKERS: &str = "workers";

impl Results {
    /// Results below `root`, a folder that the user named.
    pub fn at(root: PathBuf) -> Self {
        Self { root, usual: false }
    }

    /// Results where they are unless the user names a folder: in that of the sources.
    pub fn usual(sources: Option<&Path>) -> Self {
        // Without sources they are in the current folder, and not found from another one.
        Self { root: sources.unwrap_or(Path::new("")).join("results"), usual: sources.is_some() }
    }

    /// Creates the folder of a new run and names it: in `out` if given, else by time and
    /// commit. Nothing that exists is touched.
    pub fn create(&self, out: Option<&Path>, commit: &Commit) -> Result<RunFolder> {
        let path = match out {
            Some(out) => {
                if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
                    return Err(usage!("--out {}: not empty; results are never overwritten", out.display()));
                }
                fs::create_dir_all(out)
                    .map_err(|error| usage!("--out {}: cannot create it: {error}", out.display()))?;
                out.to_path_buf()
            }
            None => self.create_by_time(commit)?,
        };
        let folder = RunFolder { path };
        for sub in [LOGS, WORKERS] {
            let sub = folder.path.join(sub);
            fs::create_dir(&sub).with_context(|| format!("cannot create {}", sub.display()))?;
        }
        Ok(folder)
    }

    fn create_by_time(&self, commit: &Commit) -> Result<PathBuf> {
        let runs = self.runs();
        fs::create_dir_all(&runs).with_context(|| format!("cannot create {}", runs.display()))?;
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let name = format!("{time}-{}", commit.name());
        let mut path = runs.join(&name);
        let mut repeat = 1;
        loop {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    repeat += 1;
                    path = runs.join(format!("{name}-{repeat}"));
                }
                Err(error) => return Err(error).with_context(|| format!("cannot create {}", path.display())),
            }
        }
    }

    /// The run named `run`: a folder, or a name below `runs`.
    pub fn find(&self, run: &str) -> Result<RunFolder> {
        [PathBuf::from(run), self.runs().join(run)]
            .into_iter()
            .find(|path| path.join(record::FILE).is_file())
            .map(|path| RunFolder { path })
            .ok_or_else(|| usage!("there is no run '{run}'; runs are in {}", self.runs().display()))
    }

    /// The command line that has `command` go on with the run in `folder`, whatever the current folder is.
    pub fn command(&self, command: &str, folder: &RunFolder) -> String {
        let absolute = |path: &Path| path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let run = if self.has(folder) { PathBuf::from(folder.name()) } else { absolute(&folder.path) };
        let line = format!("bench-suite {command} {}", quoted(run));
        if self.usual { line } else { format!("{line} --results {}", quoted(absolute(&self.root))) }
    }

    /// The newest run that `wanted` accepts. Runs whose record cannot be read are passed over.
    pub fn newest(&self, wanted: impl Fn(&RunRecord) -> bool) -> Option<(RunFolder, RunRecord)> {
        let mut found: Vec<_> = fs::read_dir(self.runs())
            .ok()?
            .flatten()
            .filter_map(|entry| Some((RunRecord::load(&entry.path()).ok()?, entry.path())))
            .filter(|(record, _)| wanted(record))
            .collect();
        found.sort_by(|a, b| (&a.0.started_utc, &a.1).cmp(&(&b.0.started_utc, &b.1)));
        found.pop().map(|(record, path)| (RunFolder { path }, record))
    }

    /// Notes that `folder` is the newest run, if it is one of those kept here.
    pub fn note_latest(&self, folder: &RunFolder) -> Result<()> {
        if !self.has(folder) {
            return Ok(());
        }
        files::replace(&self.root.join("latest"), format!("{}\n", folder.name()).as_bytes())
    }

    /// The limits that `gate` applies.
    pub fn baseline(&self) -> PathBuf {
        self.root.join("baseline.json")
    }

    /// Whether `folder` is one of the runs kept here.
    fn has(&self, folder: &RunFolder) -> bool {
        folder.path.parent() == Some(&self.runs())
    }

    fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }
}

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its last component, which names the run.
    pub fn name(&self) -> String {
        let full = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        full.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Build logs and the last words of failed samples.
    pub fn logs(&self) -> PathBuf {
        self.path.join(LOGS)
    }

    /// Copies of the workers, there while the run is unfinished. The path is absolute: programs start in other folders.
    pub fn workers(&self) -> PathBuf {
        let workers = self.path.join(WORKERS);
        path::absolute(&workers).unwrap_or(workers)
    }

    /// Removes the copies of the workers; their hashes are in the record.
    pub fn remove_workers(&self) -> Result<()> {
        let workers = self.workers();
        fs::remove_dir_all(&workers).with_context(|| format!("cannot remove {}", workers.display()))
    }

    /// Removes the folder of a run that ended before its first sample could be taken, as
    /// far as it was made for the run.
    pub fn discard(&self) {
        // What cannot be removed does no harm: without a record it is not a run.
        let _ = fs::remove_dir_all(self.logs());
        let _ = fs::remove_dir_all(self.workers());
        let _ = fs::remove_dir(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        Commit { sha: "abc".to_owned(), dirty: true }
    }

    #[test]
    fn runs_of_the_same_second_get_different_folders() {
        let root = tempfile::tempdir().unwrap();
        let results = Results::at(root.path().into());
        let names: Vec<_> = (0..3).map(|_| results.create(None, &commit()).unwrap().name()).collect();
        assert!(names.iter().all(|name| name.contains("Z-abc-dirty")), "{names:?}");
        assert_ne!(names[0], names[1]);
        assert_ne!(names[1], names[2]);
    }

    #[test]
    fn folders_with_content_are_never_taken() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("precious"), "x").unwrap();
        let error = Results::at(root.path().into()).create(Some(root.path()), &commit()).unwrap_err();
        assert!(error.to_string().contains("never overwritten"));
    }

    #[test]
    fn commands_name_what_they_would_not_find_by_themselves() {
        let here = std::env::current_dir().unwrap();
        let elsewhere = RunFolder { path: "out/x".into() };
        let usual = Results::usual(Some(Path::new("/src")));
        let own = RunFolder { path: usual.runs().join("x") };
        assert_eq!(usual.command("report", &own), "bench-suite report x");
        let expected = format!("bench-suite report {}/out/x", here.display());
        assert_eq!(usual.command("report", &elsewhere), expected);
        let named = Results::at("results".into());
        let own = RunFolder { path: named.runs().join("x") };
        let expected = format!("bench-suite run --resume x --results {}/results", here.display());
        assert_eq!(named.command("run --resume", &own), expected);
        // Without sources they are where the user was.
        assert_eq!(Results::usual(None).command("run --resume", &own), expected);
    }

    #[test]
    fn commands_can_be_pasted_into_a_shell() {
        let results = Results::at("/my results".into());
        let run = RunFolder { path: "/tom's/x".into() };
        let command = results.command("report", &run);
        assert_eq!(command, r#"bench-suite report "/tom's/x" --results '/my results'"#);
    }

    #[test]
    fn workers_are_found_from_any_folder() {
        let run = RunFolder { path: "out".into() };
        assert_eq!(run.workers(), std::env::current_dir().unwrap().join("out").join(WORKERS));
    }

    #[test]
    fn unknown_runs_are_named() {
        let root = tempfile::tempdir().unwrap();
        let error = Results::at(root.path().into()).find("nope").unwrap_err().to_string();
        assert!(error.starts_with("there is no run 'nope'"), "{error}");
    }
}
