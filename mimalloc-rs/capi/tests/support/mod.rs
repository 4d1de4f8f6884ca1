//! Builds the library, and programs in C and C++ with it.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod preload;
pub(crate) mod sandbox;
pub(crate) mod trace;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// How a program comes by the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// `libmimalloc_rs.so`.
    Shared,
    /// `libmimalloc_rs.a`.
    Static,
    /// Not at build time: the program loads it itself, or is started with it.
    None,
}

/// The directory with the built libraries.
pub(crate) fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // What is shipped is tested, optimisation across crates included.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("lies in the target directory");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--quiet", "--package", "mimalloc-c", "--target-dir"]).arg(target);
        succeed(&mut cargo);
        let directory = target.join("release");
        // Programs ask for the library by the name inside it.
        let name = directory.join("libmimalloc_rs.so.0");
        if !name.exists() {
            // Another test may do the same at this moment.
            let _ = std::os::unix::fs::symlink("libmimalloc_rs.so", &name);
        }
        assert!(name.exists(), "no {}", name.display());
        directory
    })
}

/// The directory with libraries that define no names but those with a prefix.
pub(crate) fn plain_library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--quiet", "--package", "mimalloc-c", "--no-default-features"]);
        succeed(cargo.arg("--target-dir").arg(&target));
        target.join("release")
    })
}

/// The shared library itself.
pub(crate) fn shared_library() -> PathBuf {
    library().join("libmimalloc_rs.so")
}

/// A path in this package.
pub(crate) fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compiles `source` and gives the program.
pub(crate) fn compile(source: &Path, linkage: Linkage) -> PathBuf {
    compile_with(source, linkage, &[])
}

/// Compiles with more arguments.
pub(crate) fn compile_with(source: &Path, linkage: Linkage, more: &[&str]) -> PathBuf {
    let directory = library();
    let stem = source.file_stem().expect("sources have names").to_string_lossy();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{stem}-{linkage:?}"));
    let mut compiler = match source.extension().and_then(|extension| extension.to_str()) {
        Some("cpp") => {
            let mut compiler = Command::new("c++");
            compiler.args(["-std=c++17", "-Wno-pessimizing-move"]);
            compiler
        }
        _ => {
            let mut compiler = Command::new("cc");
            compiler.arg("-std=c99");
            compiler
        }
    };
    compiler.args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pedantic", "-D_GNU_SOURCE"]);
    // The compiler would otherwise optimise away what a test is about.
    compiler.args(["-fno-builtin", "-Wno-alloc-size-larger-than", "-Wno-type-limits", "-Wno-use-after-free"]);
    compiler.arg("-I").arg(in_package("include")).arg("-I").arg(in_package("tests/c"));
    compiler.arg(source).arg("-o").arg(&program).args(more);
    match linkage {
        Linkage::Shared => {
            compiler.arg("-L").arg(directory).arg("-lmimalloc_rs");
            compiler.arg(format!("-Wl,-rpath,{}", directory.display()));
        }
        Linkage::Static => {
            compiler.arg(directory.join("libmimalloc_rs.a"));
        }
        Linkage::None => {}
    }
    compiler.args(["-lpthread", "-ldl", "-lm"]);
    succeed(&mut compiler);
    program
}

/// Runs a command that must end well, and gives its output.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
