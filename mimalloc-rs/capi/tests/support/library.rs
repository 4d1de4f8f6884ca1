//! The shared library under test.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names another library to preload, to see whether a failure is ours or the test's.
const OTHER: &str = "MIMALLOC_TEST_LIBRARY";

/// The library's path, without links in it. Built with the release profile by the first who asks.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let path = match env::var_os(OTHER) {
            Some(path) => PathBuf::from(path),
            None => built(),
        };
        path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    })
}

/// Whether it is ours: what other allocators leave open is not asked of them.
pub(crate) fn is_ours() -> bool {
    env::var_os(OTHER).is_none()
}

fn built() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "mimalloc-c", "--message-format", "short"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be started, it started this test");
    assert!(
        output.status.success(),
        "the library was not built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    target().join("release/libmimalloc_rs.so")
}

/// The folder cargo builds into: the one this test lies in.
fn target() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("cargo puts it into the target folder").to_owned()
}
