//! A command that the user wants measured as it is.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::foreign::inspect::{Inspected, Refusal, inspect};
use crate::foreign::program::{Checked, CommandLine, Finished, Start, Task};
use crate::plan::OwnCommand;

/// Beginnings of the names of variables that would not be the same for every allocator, in any case: some allocators take
/// theirs in any.
const NOT_HANDED_OVER: [&str; 17] = [
    "LD_",
    "GLIBC_TUNABLES",
    "MALLOC",
    "MIMALLOC_",
    "TCMALLOC_",
    "JEMALLOC_",
    "_RJEM_",
    "SNMALLOC_",
    "RPMALLOC_",
    "HEAPPROFILE",
    "HEAPCHECK",
    "HEAP_CHECK_",
    "PERFTOOLS_",
    "CARGO",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "TMPDIR",
];

/// Variables of the shell that change without telling anything of the program.
const OF_THE_MOMENT: [&str; 4] = ["_", "SHLVL", "PWD", "OLDPWD"];

/// How the checksum of a user's command begins: with how it ended.
const ENDED: &str = "exit ";

/// The exit code in the checksum of a user's command.
pub(crate) fn exit_code(checksum: &str) -> Option<i32> {
    checksum.strip_prefix(ENDED)?.split(',').next()?.parse().ok()
}

/// Whether a measured command gets the variable of this name.
fn is_handed_over(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    !NOT_HANDED_OVER.iter().any(|prefix| name.starts_with(prefix))
}

/// The variables of this process that a measured command gets.
fn handed_over() -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_handed_over(name)).collect()
}

/// Hash of the variables that a measured command gets, but for some that say nothing of it.
pub fn environment_hash() -> String {
    let mut variables = handed_over();
    variables.retain(|(name, _)| OF_THE_MOMENT.iter().all(|other| name != other));
    variables.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for word in variables.iter().flat_map(|(name, value)| [name, value]) {
        hasher.update(word.as_encoded_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}

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
        Self::new(row, program, arguments, command.folder.clone(), handed_over(), command.compare_output)
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
        let mut checksum = format!("{ENDED}{}", finished.exit_code);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_tell_the_exit_code() {
        assert_eq!(exit_code("exit 3"), Some(3));
        assert_eq!(exit_code("exit 0, output 00ff"), Some(0));
        assert_eq!(exit_code("c0ffee"), None);
    }

    #[test]
    fn what_configures_an_allocator_is_not_handed_over_whatever_its_case() {
        let kept = ["PATH", "HOME", "MY_MALLOC_TEST", "HEAP", "LDFLAGS", "PYTHONMALLOC"];
        let left_out = [
            "MIMALLOC_VERBOSE",
            "mimalloc_verbose",
            "Malloc_Conf",
            "MALLOCSTATS",
            "HEAPPROFILE",
            "ld_preload",
        ];
        assert!(kept.iter().all(|name| is_handed_over(name.as_ref())));
        assert!(!left_out.iter().any(|name| is_handed_over(name.as_ref())));
    }
}
