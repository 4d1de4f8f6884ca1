//! The nested `cargo build` that makes one worker binary, or a library for one to preload.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::Message;

use super::layouts;
use crate::plan::Profile;

/// Root of the workspace this program was built from.
pub fn source_root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().filter(|root| root.join("Cargo.toml").is_file()).map(Path::to_path_buf).with_context(|| {
        format!(
            "the sources this program was built from are gone ({}); build it again, or give --worker-dir with built workers",
            manifest.display()
        )
    })
}

/// The first of `needs` that is not on the search path, as a sentence with advice.
pub(super) fn missing_tool(needs: &[String]) -> Option<String> {
    let tool = needs.iter().find(|tool| which::which(tool).is_err())?;
    let package = match tool.as_str() {
        "cc" => "gcc",
        "c++" => "g++",
        other => other,
    };
    Some(format!("{tool} not found; install it with: apt-get install {package}"))
}

/// Profile of libraries, as they are shipped: those of the workers abort where a library throws a C++ exception.
pub const LIBRARY_PROFILE: &str = "release";

/// What one build makes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Product<'a> {
    /// A worker binary.
    Worker { bin: &'a str, feature: Option<&'a str> },
    /// A shared library of this file name.
    Library { package: &'a str, file: &'a str },
}

impl Product<'_> {
    /// The file that is made.
    pub(super) fn file(&self) -> &str {
        match self {
            Self::Worker { bin, .. } => bin,
            Self::Library { file, .. } => file,
        }
    }

    /// What cargo is to do, and with what flags for the last step; `profile` is that of the workers.
    fn arguments(&self, profile: Profile, root: &Path) -> Vec<String> {
        let common = ["--locked", "--color", "never", "--message-format", "json-render-diagnostics"];
        let linker = layouts::linker(root);
        let (command, what, flags) = match self {
            Self::Worker { bin, feature } => {
                let mut what = vec!["--package", "workers", "--bin", bin, "--profile", profile.name()];
                what.extend(feature.iter().flat_map(|feature| ["--features", feature]));
                ("rustc", what, vec!["--", &linker])
            }
            Self::Library { package, .. } => {
                ("build", vec!["--package", package, "--lib", "--profile", LIBRARY_PROFILE], Vec::new())
            }
        };
        let words = [command].into_iter().chain(common).chain(what).chain(flags);
        words.map(str::to_owned).collect()
    }
}

/// Builds `product`. The inner error is the first line of what the build complained about.
pub(super) fn build(
    root: &Path,
    profile: Profile,
    product: Product<'_>,
    logs: &Path,
) -> Result<Result<PathBuf, String>> {
    let log_path = logs.join(format!("build-{}.txt", product.file()));
    let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .current_dir(root)
        .args(product.arguments(profile, root))
        .env(layouts::VARIABLE, layouts::LAYOUTS.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    for (name, _) in env::vars_os().filter(|(name, _)| set_by_cargo_run(name)) {
        command.env_remove(name);
    }
    let mut child = command.spawn().with_context(|| {
        format!(
            "cannot start '{}' to build the workers; install Rust, or give --worker-dir with built workers",
            cargo.display()
        )
    })?;
    let messages = child.stdout.take().expect("the output was requested as a pipe");
    let mut made = None;
    for message in Message::parse_stream(BufReader::new(messages)) {
        if let Message::CompilerArtifact(artifact) = message.context("cannot read the output of cargo")? {
            let named = artifact.filenames.into_iter().find(|path| path.file_name() == Some(product.file()));
            made = named.or(made);
        }
    }
    let status = child.wait().context("cannot wait for cargo")?;
    Ok(match made {
        Some(path) if status.success() => Ok(path.into_std_path_buf()),
        _ => Err(first_error(&log_path)),
    })
}

/// Variables that `cargo run` sets for the program it starts. A nested build that
/// inherits them builds with other inputs than one started from a shell.
fn set_by_cargo_run(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    matches!(name, "LD_LIBRARY_PATH" | "OUT_DIR" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE")
        || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "RUST_RECURSION_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn first_error(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("error")).or_else(|| text.lines().last());
    format!("{} (log: {})", line.unwrap_or("cargo said nothing"), log.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_cargo_run_are_removed() {
        assert!(set_by_cargo_run(OsStr::new("CARGO_PKG_NAME")));
        assert!(set_by_cargo_run(OsStr::new("LD_LIBRARY_PATH")));
        assert!(!set_by_cargo_run(OsStr::new("CARGO_HOME")));
        assert!(!set_by_cargo_run(OsStr::new("CARGO_TARGET_DIR")));
        assert!(!set_by_cargo_run(OsStr::new("RUSTUP_TOOLCHAIN")));
    }

    #[test]
    fn first_error_line_is_the_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "   Compiling x\nerror: linker `cc` not found\nerror: aborting\n").unwrap();
        assert!(first_error(file.path()).starts_with("error: linker `cc` not found (log: "));
    }

    #[test]
    fn missing_tool_is_named_with_its_package() {
        let needs = ["sh".to_owned(), "surely-no-such-tool".to_owned()];
        assert!(missing_tool(&needs).unwrap().contains("apt-get install surely-no-such-tool"));
        assert_eq!(missing_tool(&needs[..1]), None);
    }
}
