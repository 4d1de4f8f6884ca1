//! Paths in files that may be published: below the user's home they begin with `~`, so that they name no user.

use std::env;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How it is written.
pub(super) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(shortened).serialize(to)
}

/// What is written.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(from)?;
    Ok(path.map(|path| whole(&path, env::home_dir().as_deref())))
}

/// The same path for readers.
pub(super) fn shortened(path: &Path) -> PathBuf {
    without(path, env::home_dir().as_deref())
}

fn without(path: &Path, home: Option<&Path>) -> PathBuf {
    // A home that is the root is everybody's.
    let below = home.filter(|home| home.parent().is_some()).and_then(|home| path.strip_prefix(home).ok());
    below.map_or_else(|| path.to_owned(), |below| Path::new("~").join(below))
}

fn whole(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_home_is_written_without_it_and_found_again() {
        let home = Some(Path::new("/home/a"));
        for (path, written) in
            [("/home/a/b.so", "~/b.so"), ("/home/ab/c.so", "/home/ab/c.so"), ("x.so", "x.so")]
        {
            assert_eq!(without(Path::new(path), home), Path::new(written));
            assert_eq!(whole(Path::new(written), home), Path::new(path));
        }
        for home in [None, Some(Path::new("/")), Some(Path::new(""))] {
            assert_eq!(without(Path::new("/b.so"), home), Path::new("/b.so"));
        }
    }
}
