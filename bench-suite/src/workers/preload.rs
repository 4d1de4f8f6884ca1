//! Finding shared libraries that take the place of the system's `malloc`.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::usage;

/// Where scripts/install-programs.sh puts libraries that no Debian package has, in the user's folder for caches.
const FETCHED: &str = "bench-suite/lib";

/// Where the loader's libraries usually are.
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/local/lib",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
];

/// The first of `candidates` that exists, with links resolved; bare file names are looked
/// up among the fetched libraries and in the usual folders.
pub fn find_library(candidates: &[String]) -> Option<PathBuf> {
    let found = candidates.iter().find_map(|name| {
        if name.contains('/') {
            return Some(PathBuf::from(name)).filter(|path| path.is_file());
        }
        let usual = FOLDERS.iter().map(PathBuf::from);
        fetched_folder().into_iter().chain(usual).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    found?.canonicalize().ok()
}

fn fetched_folder() -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let caches = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
    let caches = caches.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    Some(caches?.join(FETCHED))
}

/// The full path of a library named by the user, if it can be preloaded at all.
pub fn check_shared_library(path: &Path) -> Result<PathBuf> {
    let full = path.canonicalize().map_err(|error| {
        usage!("--preload: cannot open {}: {error}; give the path of a library", path.display())
    })?;
    let mut header = [0; 20];
    let readable = File::open(&full).and_then(|mut file| file.read_exact(&mut header));
    if readable.is_err() || !is_x86_64_shared_object(&header) {
        return Err(usage!(
            "--preload: {} is not a shared library for x86-64; give a .so file",
            path.display()
        ));
    }
    Ok(full)
}

/// Reads class, type and machine of an ELF header.
fn is_x86_64_shared_object(header: &[u8; 20]) -> bool {
    const CLASS_64: u8 = 2;
    const TYPE_SHARED: [u8; 2] = [3, 0];
    const MACHINE_X86_64: [u8; 2] = [62, 0];
    header.starts_with(b"\x7fELF")
        && header[4] == CLASS_64
        && header[16..18] == TYPE_SHARED
        && header[18..20] == MACHINE_X86_64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_library_is_accepted_and_a_text_is_not() {
        let libc = find_library(&["libc.so.6".to_owned()]).expect("a Linux system has a libc");
        assert!(check_shared_library(&libc).is_ok());
        let error = check_shared_library(Path::new("/proc/cpuinfo")).unwrap_err().to_string();
        assert!(error.contains("is not a shared library"), "{error}");
        let error = check_shared_library(Path::new("/nonexistent.so")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent.so"), "{error}");
    }

    #[test]
    fn first_existing_candidate_wins() {
        let candidates = ["libnothing-at-all.so.9".to_owned(), "libc.so.6".to_owned()];
        assert!(find_library(&candidates).unwrap().ends_with("libc.so.6"));
        assert_eq!(find_library(&candidates[..1]), None);
    }
}
