//! A command that the user wants measured as it is.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::foreign::inspect::{Inspected, Refusal, inspect};
use crate::foreign::program::{Checked, CommandLine, Finished, Start, Task};
use crate::plan::OwnCommand;

/// Beginnings of the names of variables that would not be the same for every allocator.
const NOT_HANDED_OVER: [&str; 13] = [
    "LD_",
    "GLIBC_TUNABLES",
    "MALLOC_",
    "MIMALLOC_",
    "TCMALLOC_",
    "JEMALLOC_",
    "_RJEM_",
    "SNMALLOC_",
    "RPMALLOC_",
    "CARGO",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "TMPDIR",
];

/// A user's command. It is right when it ends in the same way under every allocator.
#[derive(Debug, Clone)]
pub struct AdHoc {
    row: String,
    inspected: Inspected,
    command: CommandLine,
    compare_output: bool,
}

impl AdHoc {
    /// The command `program arguments…`, shown as `row`, run in `folder`, with `environment` added to what
    /// every measured program gets. With `compare_output` its standard output must be the same under every
    /// allocator, too.
    ///
    /// # Errors
    /// Why no allocator can be preloaded into it.
    pub fn new(
        row: &str,
        program: &OsString,
        arguments: &[OsString],
        folder: PathBuf,
        environment: Vec<(OsString, OsString)>,
        compare_output: bool,
    ) -> Result<Self, Refusal> {
        let mut inspected = inspect(program)?;
        if inspected.path.is_relative() {
            inspected.path = std::path::absolute(&inspected.path)
                .map_err(|_| Refusal::NotFound(inspected.path.clone()))?;
        }
        let command = CommandLine {
            program: inspected.path.clone(),
            arguments: arguments.to_vec(),
            environment,
            folder: Some(folder),
        };
        Ok(Self { row: row.to_owned(), inspected, command, compare_output })
    }

    /// A command as a plan has it, with the user's variables but for those that configure an allocator or the
    /// loader, or that `cargo run` adds.
    ///
    /// # Errors
    /// Why no allocator can be preloaded into it.
    pub fn of_user(row: &str, command: &OwnCommand) -> Result<Self, Refusal> {
        let words: Vec<OsString> = command.words.iter().map(OsString::from).collect();
        let (program, arguments) = words.split_first().ok_or_else(|| Refusal::NotFound(PathBuf::new()))?;
        let is_kept = |name: &OsString| {
            let name = name.to_string_lossy();
            !NOT_HANDED_OVER.iter().any(|prefix| name.starts_with(prefix))
        };
        let environment = std::env::vars_os().filter(|(name, _)| is_kept(name)).collect();
        Self::new(row, program, arguments, command.folder.clone(), environment, command.compare_output)
    }

    /// The program and what runs it.
    pub fn inspected(&self) -> &Inspected {
        &self.inspected
    }
}

impl Task for AdHoc {
    fn row(&self) -> &str {
        &self.row
    }

    fn threads(&self) -> usize {
        1
    }

    fn start(&self, _work: &Path) -> Result<Start, String> {
        Ok(Start { command: self.command.clone(), companion: None, whole_output: self.compare_output })
    }

    fn any_exit(&self) -> bool {
        true
    }

    fn judge(&self, finished: &Finished<'_>) -> Result<Checked, String> {
        let mut checksum = format!("exit {}", finished.exit_code);
        if self.compare_output {
            let mut hasher = blake3::Hasher::new();
            File::open(finished.output)
                .and_then(|file| hasher.update_reader(file).map(drop))
                .map_err(|error| format!("its output cannot be read: {error}"))?;
            checksum += &format!(", output {}", &hasher.finalize().to_hex()[..16]);
        }
        Ok(Checked { checksum: Some(checksum), ..Checked::elapsed(finished, 1) })
    }
}
