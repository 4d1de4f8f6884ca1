//! The Rust compiler. It stands in for the prover lean, whose third version nobody packages any more: it is a
//! big compiler, too, that builds its own library with several threads in one process.

use std::fs;
use std::path::{Path, PathBuf};

use workloads::rows::Size;

use crate::foreign::catalogue::ask;
use crate::foreign::inspect::{Refusal, inspect_file};
use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, write_input};
use crate::plan::Params;
use crate::status::Status;

/// A small program; it also is the module that bigger ones have many of.
const PROGRAM: &str = "\
use std::collections::BTreeMap;
pub fn main() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for word in std::env::args().skip(1) {
        *seen.entry(word.to_uppercase()).or_default() += 1;
    }
    let lines: Vec<String> = seen.iter().map(|(word, count)| format!(\"{word} {count}\")).collect();
    println!(\"{}\", lines.join(\"; \"));
}
";
/// Modules of the calibrated size.
const MODULES: usize = 10;

/// The Rust compiler.
#[derive(Debug)]
pub(super) struct Rustc;

impl Program for Rustc {
    fn id(&self) -> &'static str {
        "rustc"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["rustc", "libstd-rust-dev", "rust-src"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let Compiler { program, sysroot } = compiler()?;
        let source = folder.join("program.rs");
        let units = format!("codegen-units={}", params.threads);
        let command = CommandLine::new(program).args(["--edition", "2021", "-C", &units]);
        let command = match params.size {
            Size::Check => {
                write_input(&source, PROGRAM)?;
                command.args(["--emit", "metadata"]).args([&source])
            }
            Size::Quick => {
                write_input(&source, PROGRAM)?;
                command.args(["--emit", "obj"]).args([&source])
            }
            Size::Calibrated => {
                let module = |number| format!("pub mod module_{number} {{\n{PROGRAM}}}\n");
                write_input(&source, (0..MODULES).map(module).collect::<String>())?;
                command.args(["--crate-type", "rlib"]).args([&source])
            }
            Size::Full => {
                let core = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs");
                if !core.is_file() {
                    return Err(Unready::missing(&core.display().to_string(), "rust-src"));
                }
                command
                    .args(["--crate-name", "core", "--crate-type", "rlib", "--cap-lints", "allow"])
                    .args(["-C", "opt-level=0"])
                    .args([core])
                    .env("RUSTC_BOOTSTRAP", "1")
            }
        };
        let task = Plain::new(self.id(), params.threads, command, |finished| {
            let unreadable = |error| format!("its output cannot be read: {error}");
            let made = fs::read_dir(finished.work).map_err(unreadable)?.next().ok_or("it made no file")?;
            let bytes = fs::read(made.map_err(unreadable)?.path()).map_err(unreadable)?;
            Ok(Checked::elapsed(finished, 1).with_digest_of(&bytes))
        });
        // Paths get into what is made, and these differ when an unfinished run goes on.
        let inputs = folder.to_path_buf();
        Ok(task.with(move |work, command| {
            for (path, name) in [(&*inputs, "inputs"), (work, "work")] {
                let mut mapping = path.as_os_str().to_owned();
                mapping.push(format!("={name}"));
                command.arguments.extend(["--remap-path-prefix".into(), mapping]);
            }
            Ok(())
        }))
    }
}

struct Compiler {
    program: PathBuf,
    sysroot: PathBuf,
}

/// The first compiler on `PATH` that uses the system's `malloc`. What rustup puts there only starts another
/// program, and that one brings its own.
fn compiler() -> Result<Compiler, Unready> {
    let mut refusal = None;
    for path in which::which_all("rustc").into_iter().flatten() {
        let Ok(sysroot) = ask(&CommandLine::new(path).args(["--print", "sysroot"])) else { continue };
        let sysroot = PathBuf::from(sysroot);
        match inspect_file(&sysroot.join("bin/rustc")) {
            Ok(inspected) => return Ok(Compiler { program: inspected.path, sysroot }),
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    Err(match refusal {
        None | Some(Refusal::NotFound(_)) => Unready::missing("rustc", "rustc"),
        Some(refusal) => Unready {
            status: Status::NotInstalled,
            reason: format!("{refusal}, such as Debian's: apt-get install rustc"),
        },
    })
}
