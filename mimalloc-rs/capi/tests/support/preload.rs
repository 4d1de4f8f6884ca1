//! The library that tests preload.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names another library to preload, to see whether a failure is ours or the test's.
const OTHER: &str = "TEST_PRELOAD_LIBRARY";

/// The library's path, without links in it.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let path = env::var_os(OTHER).map_or_else(super::shared_library, PathBuf::from);
        path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    })
}

/// Whether it is ours: what other allocators leave open is not asked of them.
pub(crate) fn is_ours() -> bool {
    env::var_os(OTHER).is_none()
}
