//! That a preloaded allocator really serves a program: the loader is asked to which library it bound every
//! use of `malloc`, in every process of the run. That the library is in the program's memory is looked at besides.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::foreign::execute::judge;
use crate::foreign::launch::{Failure, LOADER_LOG, Preload, Purpose, Stage, Terms};
use crate::foreign::program::Task;
use crate::status::Status;

/// How the loader writes that it bound what is looked for.
const BOUND: &str = "symbol `malloc'";

impl Stage<'_> {
    /// Runs `task` once, unmeasured, to prove that `preload` serves it; `None` when the user stopped it. The
    /// inner error is how the run or the proof failed.
    ///
    /// # Errors
    /// What the harness cannot do; never what the program did.
    pub fn prove(
        &self,
        task: &dyn Task,
        preload: &Preload,
        terms: Terms,
    ) -> Result<Option<Result<String, (Status, String)>>> {
        let Some(run) = self.run(task, preload, terms, Purpose::Proof)? else { return Ok(None) };
        let (launched, _) = match judge(task, &run) {
            Ok(good) => good,
            Err(failure) => return Ok(Some(Err(failure))),
        };
        let evidence = examine(&loader_logs(run.place.root())?, &preload.library);
        // What the loader says is enough; a program may end before anyone can look into its memory.
        let seen = if launched.mapped == Some(true) { "; seen in its memory map" } else { "" };
        Ok(Some(evidence.map(|evidence| evidence + seen)))
    }
}

/// What the loader wrote, one text for each process.
fn loader_logs(folder: &Path) -> Result<Vec<String>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        if entry.file_name().to_string_lossy().starts_with(LOADER_LOG) {
            let bytes =
                fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            logs.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(logs)
}

/// Who uses `malloc`, and whose it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Binding<'a> {
    user: &'a str,
    owner: &'a str,
}

impl<'a> Binding<'a> {
    /// Reads a line such as ``9: binding file /bin/x [0] to /lib/y.so [0]: normal symbol `malloc' [V]``.
    fn read(line: &'a str) -> Option<Self> {
        let (files, symbol) = line.split_once("binding file ")?.1.rsplit_once("]: ")?;
        if !symbol.contains(BOUND) {
            return None;
        }
        let (files, _namespace) = files.rsplit_once(" [")?;
        let (user, owner) = files.split_once("] to ")?;
        Some(Self { user: user.rsplit_once(" [")?.0, owner })
    }
}

/// Whether all users of `malloc` were given that of `library`.
fn examine(logs: &[String], library: &Path) -> Result<String, Failure> {
    let failed = |reason: String| Err((Status::IdentityFailed, reason));
    let mut users = BTreeSet::new();
    let mut processes = 0;
    for log in logs {
        // A library that passes calls on may look for the malloc behind itself.
        let bindings: BTreeSet<Binding<'_>> = log
            .lines()
            .filter_map(Binding::read)
            .filter(|binding| !same_file(binding.user, library))
            .collect();
        // An executable at a fixed address that takes the address of malloc lends its own entry to all others; that
        // leads to wherever its calls are bound.
        let is_served = |file: &str| {
            let mut own = bindings.iter().filter(|binding| binding.user == file);
            own.any(|binding| same_file(binding.owner, library))
        };
        if let Some(Binding { user, owner }) =
            bindings.iter().find(|binding| !same_file(binding.owner, library) && !is_served(binding.owner))
        {
            return failed(format!("malloc of {user} is that of {owner}, not of {}", library.display()));
        }
        processes += usize::from(!bindings.is_empty());
        users.extend(bindings.into_iter().map(|binding| binding.user));
    }
    if users.is_empty() {
        return failed(format!("no use of malloc was bound to {}", library.display()));
    }
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let plural = if processes == 1 { "" } else { "es" };
    Ok(format!("malloc of {} files in {processes} process{plural} bound to {name}", users.len()))
}

/// Whether two paths lead to one file; folders of libraries are often links to each other.
fn same_file(path: &str, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino())).ok();
    Path::new(path) == other || identity(Path::new(path)).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "/lib/my allocator.so";

    fn line(user: &str, owner: &str, symbol: &str) -> String {
        format!("     7:\tbinding file {user} [0] to {owner} [0]: normal symbol `{symbol}' [GLIBC_2.2.5]\n")
    }

    fn verdict(logs: &[String]) -> Result<String, Failure> {
        examine(logs, Path::new(LIBRARY))
    }

    #[test]
    fn all_users_are_counted_once() {
        let one = line("/bin/x", LIBRARY, "malloc").repeat(2) + &line("/lib/libc.so", LIBRARY, "malloc");
        let other = line("/bin/y", LIBRARY, "malloc") + &line("/bin/y", "/lib/libc.so", "malloc_trim");
        let idle = line("/bin/z", "/lib/libc.so", "puts");
        assert_eq!(
            verdict(&[one, other, idle]).unwrap(),
            "malloc of 3 files in 2 processes bound to my allocator.so"
        );
    }

    #[test]
    fn one_user_that_goes_elsewhere_is_named() {
        let good = line("/bin/x", LIBRARY, "malloc");
        let bad = line("/lib/librustc.so", "/bin/rustc", "malloc");
        let (status, reason) = verdict(&[good, bad]).unwrap_err();
        assert_eq!(status, Status::IdentityFailed);
        assert!(reason.contains("malloc of /lib/librustc.so is that of /bin/rustc"), "{reason}");
    }

    #[test]
    fn entry_of_an_executable_counts_when_it_leads_to_the_library() {
        let borrowed = line("/lib/libexpat.so", "/bin/python3", "malloc");
        assert!(verdict(std::slice::from_ref(&borrowed)).is_err());
        let served = line("/bin/python3", LIBRARY, "malloc");
        assert!(verdict(&[borrowed.clone() + &served]).is_ok());
        // What another process is served with says nothing about this one.
        assert!(verdict(&[borrowed, served]).is_err());
    }

    #[test]
    fn nothing_bound_proves_nothing() {
        assert!(verdict(&[]).is_err());
        assert!(verdict(&[line("/bin/x", LIBRARY, "free")]).is_err());
        // What the library itself asks for says nothing about the program.
        assert!(verdict(&[line(LIBRARY, LIBRARY, "malloc")]).is_err());
        let wrapper = line(LIBRARY, "/lib/libc.so", "malloc") + &line("/bin/x", LIBRARY, "malloc");
        assert!(verdict(&[wrapper]).is_ok());
    }
}
