//! Which library is preloaded: what its file name alone does not tell.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::DT_SONAME;
use object::read::elf::ElfFile64;
use object::{Endianness, ReadCache};
use serde::{Deserialize, Serialize};

use crate::fingerprint::output_line;

/// What a library calls itself and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name that programs ask for it by, if it has one.
    pub soname: Option<String>,
    /// Size of the file.
    pub bytes: u64,
    /// Debian package and its version, if it is from one.
    pub package: Option<String>,
}

impl Identity {
    /// Looks at the file `path`, which was built, or else is the system's and may be from a package.
    pub(super) fn of(path: &Path, is_built: bool) -> Result<Self> {
        let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let package = if is_built { None } else { package(path) };
        Ok(Self { soname: soname(path), bytes: metadata.len(), package })
    }
}

fn soname(path: &Path) -> Option<String> {
    let file = ReadCache::new(File::open(path).ok()?);
    let elf = ElfFile64::<Endianness, _>::parse(&file).ok()?;
    let dynamic = elf.elf_dynamic_table().ok()?;
    let named = dynamic.iter().find(|entry| entry.tag == DT_SONAME)?;
    dynamic.string(named).ok().map(|name| String::from_utf8_lossy(name).into_owned())
}

/// Such as `libjemalloc2 5.3.0-1`.
fn package(path: &Path) -> Option<String> {
    // Packages from before /lib became a link have their files there.
    let unmerged = path.strip_prefix("/usr").ok().map(|below| Path::new("/").join(below));
    let owner = [Some(path), unmerged.as_deref()].into_iter().flatten().find_map(|path| {
        let line = output_line("dpkg-query", &["--search", path.to_str()?], None)?;
        Some(line.split_once(": ")?.0.to_owned())
    })?;
    output_line("dpkg-query", &["--show", "--showformat", "${Package} ${Version}", &owner], None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::find_library;

    #[test]
    fn system_library_is_known_by_its_name_its_size_and_its_package() {
        let libc = find_library(&["libc.so.6".to_owned()]).expect("a Linux system has a libc");
        let identity = Identity::of(&libc, false).unwrap();
        assert_eq!(identity.soname.as_deref(), Some("libc.so.6"));
        assert_eq!(identity.bytes, fs::metadata(&libc).unwrap().len());
        if which::which("dpkg-query").is_ok() {
            let package = identity.package.expect("the C library is from a package");
            assert!(package.starts_with("libc6 ") && package.contains('.'), "{package}");
        }
        assert_eq!(Identity::of(&libc, true).unwrap().package, None);
    }

    #[test]
    fn file_that_is_no_library_has_a_size_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "text").unwrap();
        let expected = Identity { soname: None, bytes: 4, package: None };
        assert_eq!(Identity::of(file.path(), false).unwrap(), expected);
        let error = Identity::of(Path::new("/nonexistent.so"), false).unwrap_err().to_string();
        assert!(error.contains("/nonexistent.so"), "{error}");
    }
}
