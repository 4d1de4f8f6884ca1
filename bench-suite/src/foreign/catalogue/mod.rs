//! The programs that come with the harness, one file each.

mod compileall;
mod gs;
mod lean;
mod lua;
mod rbstress;
mod redis;
mod rocksdb;
mod rustc;
mod z3;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exec::environment::isolate;
use crate::foreign::launch::last_words;
use crate::foreign::program::{CommandLine, Program, Unready};

/// All programs, in the order of tables and charts.
pub const PROGRAMS: &[&dyn Program] = &[
    &lean::Lean,
    &rustc::Rustc,
    &redis::Redis,
    &z3::Z3,
    &lua::Lua,
    &gs::Ghostscript,
    &rocksdb::Rocksdb,
    &rbstress::RbStress { scaled: false },
    &rbstress::RbStress { scaled: true },
    &compileall::CompileAll,
];

/// The program named `id`.
pub fn find(id: &str) -> Option<&'static dyn Program> {
    PROGRAMS.iter().copied().find(|program| program.id() == id)
}

/// What a program prints that helps to prepare another run.
fn ask(command: &CommandLine) -> Result<String, Unready> {
    let mut process = Command::new(&command.program);
    isolate(&mut process, 0);
    process.args(&command.arguments).envs(command.environment.iter().map(|(name, value)| (name, value)));
    let program = command.program.display();
    let output = process
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Unready::failed(format!("cannot start {program}: {error}")))?;
    if !output.status.success() {
        let words =
            last_words(&String::from_utf8_lossy(&output.stderr), &String::from_utf8_lossy(&output.stdout));
        return Err(Unready::failed(format!("{program} failed: {words}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// All files below `folder` whose name ends in `.extension`, in a fixed order.
fn files_below(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|found| found == extension) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies the files below `from` whose name ends in `.extension`, and whose place in it is `wanted`, to the same
/// places below `to`, and counts them.
fn copy_below(
    from: &Path,
    to: &Path,
    extension: &str,
    wanted: impl Fn(&Path) -> bool,
) -> Result<u64, String> {
    let mut copied = 0;
    let mut copy = || -> io::Result<()> {
        for file in files_below(from, extension)? {
            let place = file.strip_prefix(from).expect("it was found below the folder");
            if file.is_file() && wanted(place) {
                let copy = to.join(place);
                fs::create_dir_all(copy.parent().expect("it is below the folder"))?;
                fs::copy(&file, copy)?;
                copied += 1;
            }
        }
        Ok(())
    };
    copy().map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
    Ok(copied)
}

/// The contents of `expected` files below `folder` that end in `.extension`, one after the other.
fn contents_below(folder: &Path, extension: &str, expected: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("its output cannot be read: {error}");
    let files = files_below(folder, extension).map_err(unreadable)?;
    if files.len() as u64 != expected {
        return Err(format!("it made {} files that end in .{extension}, not {expected}", files.len()));
    }
    let mut contents = Vec::new();
    for file in files {
        contents.extend(fs::read(file).map_err(unreadable)?);
    }
    Ok(contents)
}

#[cfg(test)]
mod tests;
