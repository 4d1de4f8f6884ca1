//! How the loader is told of a library. In `LD_PRELOAD` it ends a path at a space or a colon and replaces what a dollar
//! sign begins, and there is no way to write these otherwise. A library with such a path is preloaded by way of a link.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::temporary;

/// What the loader does not take for a part of a path.
const SPECIAL: &[u8] = b" :$";

/// Whether the loader takes this path as it is.
pub(crate) fn is_plain(path: &Path) -> bool {
    !path.as_os_str().as_bytes().iter().any(|byte| SPECIAL.contains(byte))
}

/// The links by which libraries are preloaded, as far as they need one. They go away with this.
#[derive(Debug, Default)]
pub(crate) struct Links {
    folder: Option<TempDir>,
    made: BTreeMap<PathBuf, PathBuf>,
}

impl Links {
    /// A path to `library` that the loader understands.
    ///
    /// # Errors
    /// A link cannot be made, or would have a path of that kind, too.
    pub(crate) fn path(&mut self, library: &Path) -> Result<PathBuf> {
        if is_plain(library) {
            return Ok(library.to_path_buf());
        }
        if let Some(link) = self.made.get(library) {
            return Ok(link.clone());
        }
        if self.folder.is_none() {
            self.folder = Some(folder_in(&env::temp_dir(), library)?);
        }
        let folder = self.folder.as_ref().expect("made just now").path().join(self.made.len().to_string());
        // Its own name, where possible, because the loader complains by it.
        let name = library.file_name().map(Path::new).filter(|name| is_plain(name));
        let link = folder.join(name.unwrap_or(Path::new("library.so")));
        fs::create_dir(&folder)
            .and_then(|()| symlink(library, &link))
            .with_context(|| format!("cannot make a link to {}", library.display()))?;
        self.made.insert(library.to_path_buf(), link.clone());
        Ok(link)
    }
}

/// A new folder for links in `parent`.
fn folder_in(parent: &Path, library: &Path) -> Result<TempDir> {
    ensure!(
        is_plain(parent),
        "cannot preload {}: the loader ends a path at a space or colon, and {} has one as well; set TMPDIR to a \
         folder without, and without a dollar sign",
        library.display(),
        parent.display()
    );
    temporary::create_in(parent, |parent| {
        tempfile::Builder::new().prefix("bench-suite-preload-").tempdir_in(parent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_linked_to_where_the_loader_would_not_find_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut links = Links::default();
        let usual = Path::new("/lib/libusual.so");
        assert_eq!(links.path(usual).unwrap(), usual);
        assert!(links.folder.is_none());
        let mut paths = Vec::new();
        for name in ["a b", "a:b", "$ORIGIN"] {
            let library = folder.path().join(name).join("libx.so");
            fs::create_dir(library.parent().unwrap()).unwrap();
            fs::write(&library, name).unwrap();
            let link = links.path(&library).unwrap();
            assert!(is_plain(&link) && link.ends_with("libx.so"), "{}", link.display());
            assert_eq!(fs::read_to_string(&link).unwrap(), name);
            assert_eq!(links.path(&library).unwrap(), link, "one for each");
            paths.push(link);
        }
        drop(links);
        assert!(paths.iter().all(|link| fs::symlink_metadata(link).is_err()));
    }

    #[test]
    fn a_temporary_folder_that_is_no_better_is_named() {
        let error = folder_in(Path::new("/tmp/my files"), Path::new("/a b.so")).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot preload /a b.so: ") && error.contains("/tmp/my files has one"),
            "{error}"
        );
        assert!(error.contains("set TMPDIR"), "{error}");
    }
}
