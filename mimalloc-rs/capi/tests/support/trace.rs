//! What the dynamic loader reports about programs that are started: the proof that a preloaded library was there.

use std::fs;
use std::path::Path;
use std::process::Command;

/// How the files with the loader's reports are called; the process number follows.
pub(crate) const PREFIX: &str = "loader";

/// A program that was started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Its name, without folders.
    pub(crate) program: String,
    /// Whether the library was loaded and initialised before it began.
    pub(crate) with_library: bool,
}

/// Makes the loader report into files that begin with `prefix`.
pub(crate) fn ask(command: &mut Command, prefix: &Path) {
    command.env("LD_DEBUG", "files").env("LD_DEBUG_OUTPUT", prefix);
}

/// The starts that are reported in `folder`.
pub(crate) fn read(folder: &Path, library: &Path) -> Vec<Start> {
    let library = library.to_str().expect("the target folder has a plain name");
    let mut starts = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is ours") {
        let path = entry.expect("the folder is ours").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
            starts.extend(starts_in(
                &String::from_utf8_lossy(&fs::read(&path).expect("it was listed")),
                library,
            ));
        }
    }
    starts
}

/// A file has the reports of one process; each `exec` in it begins anew.
fn starts_in(report: &str, library: &str) -> Vec<Start> {
    let mut starts = Vec::new();
    let mut with_library = false;
    for line in report.lines() {
        if let Some((_, path)) = line.split_once("calling init: ") {
            with_library |= path == library;
        } else if let Some((_, path)) = line.split_once("initialize program: ") {
            let program = path.rsplit('/').next().unwrap_or(path).to_owned();
            starts.push(Start { program, with_library });
            with_library = false;
        }
    }
    starts
}

/// Complains about a start without the library, and about each of `programs` that was not started at all.
pub(crate) fn check(starts: &[Start], programs: &[&str]) -> Result<(), String> {
    if let Some(start) = starts.iter().find(|start| !start.with_library) {
        return Err(format!("{} was started without the library", start.program));
    }
    match programs.iter().find(|program| starts.iter().all(|start| start.program != **program)) {
        None => Ok(()),
        Some(program) => {
            Err(format!("{program} was not seen with the library; the loader reported {starts:?}"))
        }
    }
}
