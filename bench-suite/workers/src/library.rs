//! Which shared library serves `malloc`: the proof of the worker that takes what it is given.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::proof::{Probe, Proof};

/// Proves who owns `malloc`: the expected library if there is one, else the C library.
///
/// # Errors
/// Says which library owns `malloc` instead.
pub fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let owner = owner_of(c"malloc")?;
    let Some(expected) = probe.expected_library() else {
        let libc = owner_of(c"gnu_get_libc_version")?;
        if owner != libc {
            return Err(format!(
                "malloc is in {}, not in {}; if it should be, say so with --expect-library",
                owner.display(),
                libc.display()
            ));
        }
        return Ok(Proof {
            version: libc_version(),
            evidence: format!("dladdr: malloc is in {}", owner.display()),
        });
    };
    let real = |path: &Path| fs::canonicalize(path);
    let wanted = real(expected).map_err(|error| format!("{}: {error}", expected.display()))?;
    if !is_mapped(&wanted)? {
        return Err(format!("{} is not loaded; was it named in LD_PRELOAD?", wanted.display()));
    }
    if real(&owner).ok().as_ref() != Some(&wanted) {
        return Err(format!("malloc is in {}, not in {}", owner.display(), wanted.display()));
    }
    let version = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Proof { version, evidence: format!("dladdr and /proc/self/maps: malloc is in {}", wanted.display()) })
}

/// The file of the library whose `function` this process calls.
fn owner_of(function: &CStr) -> Result<PathBuf, String> {
    let name = function.to_string_lossy();
    // SAFETY: the name ends in a zero byte.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, function.as_ptr()) };
    if function.is_null() {
        return Err(format!("there is no {name} in this process"));
    }
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: any address may be asked for; the structure is written if the answer is not zero.
    let found = unsafe { libc::dladdr(function, info.as_mut_ptr()) };
    if found == 0 {
        return Err(format!("{name} is in no shared library"));
    }
    // SAFETY: written, as the result says; the name is the loader's own and stays.
    let name = unsafe { CStr::from_ptr(info.assume_init().dli_fname) };
    Ok(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

fn is_mapped(library: &Path) -> Result<bool, String> {
    let maps = fs::read("/proc/self/maps").map_err(|error| format!("/proc/self/maps: {error}"))?;
    let path = library.as_os_str().as_bytes();
    // A line is an address range, rights, offset, device, inode, blanks and the path.
    Ok(maps
        .split(|&byte| byte == b'\n')
        .any(|line| line.ends_with(path) && line[..line.len() - path.len()].ends_with(b" ")))
}

fn libc_version() -> String {
    // SAFETY: the version is a static string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    format!("glibc {}", version.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libc_owns_malloc_here() {
        let proof = prove(&Probe::new(None)).expect("there is a libc");
        assert!(proof.evidence.contains("libc.so.6") && proof.version.starts_with("glibc 2."), "{proof:?}");
        let owner = owner_of(c"malloc").expect("there is a libc");
        assert!(prove(&Probe::new(Some(&owner))).is_ok());
    }

    #[test]
    fn other_libraries_do_not() {
        let not_loaded = prove(&Probe::new(Some(Path::new("/etc/passwd"))));
        assert!(not_loaded.expect_err("no library").contains("not loaded"));
        let missing = prove(&Probe::new(Some(Path::new("/nonexistent.so"))));
        assert!(missing.expect_err("no file").contains("/nonexistent.so"));
        let program = std::env::current_exe().expect("this is a program");
        assert!(prove(&Probe::new(Some(&program))).expect_err("no allocator").contains("malloc is in"));
    }
}
