//! The C compiler on the sources of Lua, several files at a time; a process for each step of each file.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, MetadataCommand};
use workloads::rows::Size;

use crate::foreign::catalogue::contents_below;
use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool, write_input};
use crate::plan::Params;
use crate::status::Status;
use crate::workers::source_root;

/// The crate that ships the sources, and the feature by which cargo knows of it.
const CRATE: &str = "lua-src";
const FEATURE: &str = "bench-suite/lua-sources";
const FOLDER: &str = "lua-5.4.7";
/// Every file of the library.
const ALL: &[&str] = &[
    "lapi", "lauxlib", "lbaselib", "lcode", "lcorolib", "lctype", "ldblib", "ldebug", "ldo", "ldump",
    "lfunc", "lgc", "linit", "liolib", "llex", "lmathlib", "lmem", "loadlib", "lobject", "lopcodes",
    "loslib", "lparser", "lstate", "lstring", "lstrlib", "ltable", "ltablib", "ltm", "lundump", "lutf8lib",
    "lvm", "lzio",
];

/// Compiling Lua.
#[derive(Debug)]
pub(super) struct Lua;

impl Program for Lua {
    fn id(&self) -> &'static str {
        "lua"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["gcc", "make", "libc6-dev"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let compiler = tool("gcc", "gcc")?.path;
        let make = tool("make", "make")?.path;
        let sources = sources()?;
        let (optimisation, files) = match params.size {
            Size::Check => ("-O0", &["lctype", "lzio"][..]),
            Size::Quick => ("-O0", &["lapi", "lgc", "lstate", "ltm"][..]),
            Size::Calibrated => ("-O2", &["lapi", "lfunc", "lgc", "lstate"][..]),
            Size::Full => ("-O2", ALL),
        };
        let makefile = folder.join("Makefile");
        write_input(&makefile, rules(&compiler, optimisation, &sources, files))?;
        let command = CommandLine::new(make)
            .args(["--silent", "--jobs", &params.threads.to_string(), "--file"])
            .args([makefile]);
        let expected = files.len() as u64;
        Ok(Plain::new(self.id(), params.threads, command, move |finished| {
            let objects = contents_below(finished.work, "o", expected)?;
            Ok(Checked::elapsed(finished, expected).with_digest_of(&objects))
        }))
    }
}

fn rules(compiler: &Path, optimisation: &str, sources: &Path, files: &[&str]) -> String {
    let objects: Vec<String> = files.iter().map(|file| format!("{file}.o")).collect();
    let mut text = format!("all: {}\n", objects.join(" "));
    let (compiler, sources) = (compiler.display(), sources.display());
    for file in files {
        let command = format!("{compiler} {optimisation} -DLUA_USE_LINUX -c {sources}/{file}.c -o {file}.o");
        writeln!(text, "{file}.o:\n\t{command}").expect("a string takes all text");
    }
    text
}

/// Where cargo keeps the sources; it fetches them when they are not there yet.
fn sources() -> Result<PathBuf, Unready> {
    let unavailable = |reason| Unready { status: Status::NotInstalled, reason };
    let root = source_root().map_err(|error| unavailable(error.to_string()))?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(CargoOpt::SomeFeatures(vec![FEATURE.to_owned()]))
        .other_options(["--locked".to_owned()])
        .exec()
        .map_err(|error| unavailable(format!("cargo does not find the crate {CRATE}: {error}")))?;
    let package = metadata.packages.iter().find(|package| *package.name == CRATE);
    let folder = package.and_then(|package| package.manifest_path.parent()).map(|folder| folder.join(FOLDER));
    folder
        .filter(|folder| folder.is_dir())
        .map(Into::into)
        .ok_or_else(|| unavailable(format!("the crate {CRATE} has no {FOLDER}; run cargo fetch")))
}
