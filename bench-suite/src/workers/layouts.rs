//! One worker, linked several times with its functions in different orders.
//!
//! Where functions come to lie decides which of their jumps and loads share an entry in the processor's predictors, and
//! whether a loop straddles a line or a page; static data moves along, and its place within a page counts too. That is
//! chance, has nothing to do with the allocator, and is the same in every execution of one binary, so more passes do not
//! average it out: it looks like a difference between allocators. With another order in each pass it is part of the
//! spread that intervals show. See T. Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!",
//! ASPLOS 2009.
//!
//! The script `assets/link-layouts.sh` stands in for the linker and puts the orders beside the worker. Functions stay near to where
//! they were: scattered ones would touch more pages, and a third more memory in rows that have little.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Orders of each worker, that of the linker's own choice included.
pub(super) const LAYOUTS: usize = 8;
/// Tells the script how many.
pub(super) const VARIABLE: &str = "BENCH_LAYOUTS";
const SCRIPT: &str = "bench-suite/assets/link-layouts.sh";

/// Flags by which rustc links with the script.
pub(super) fn linker(root: &Path) -> String {
    format!("-Clinker={}", root.join(SCRIPT).display())
}

/// At most `wanted` other orders of the worker `binary`: none if they are not there, or were not linked with it.
pub(super) fn of(binary: &Path, wanted: usize) -> Result<Vec<PathBuf>> {
    let file = binary.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let place = |order| binary.with_file_name("layouts").join(format!("{file}.{order}"));
    let Ok(twin) = fs::read(place(0)) else { return Ok(Vec::new()) };
    let itself = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    if twin != itself {
        return Ok(Vec::new());
    }
    Ok((1..=wanted).map(place).take_while(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::env;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// Functions of the worker that is linked here.
    const FUNCTIONS: usize = 500;

    /// A folder with a worker of so many functions that the script has linked. The linker writes the order it is given
    /// into what it makes, and fails at arguments that `refused` is in.
    fn linked(functions: usize, refused: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("worker/deps")).unwrap();
        let tool = |name: &str, text: &str| {
            fs::write(at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(at(name), Permissions::from_mode(0o755)).unwrap();
        };
        let cc = r#"case "$*" in *REFUSED*) exit 1; esac
            order=/dev/null
            while [ $# -gt 0 ]; do
                case $1 in -o) out=$2;; *file=*) order=${1#*file=}; order=${order%%,*}; esac
                shift
            done
            cat "$order" >"$out""#;
        tool("cc", &cc.replace("REFUSED", refused));
        tool("nm", &format!("seq -f '0 t function_%.0f' {functions}; echo 0 d table"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(SCRIPT);
        let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
        let out = at("worker/deps/worker_xy-0123");
        let mut linker = Command::new(script);
        linker.args(["a.o", "-o"]).arg(&out).env("PATH", path).env(VARIABLE, LAYOUTS.to_string());
        assert!(linker.status().unwrap().success());
        fs::copy(out, at("worker/worker-xy")).unwrap();
        folder
    }

    fn orders(folder: &Path, wanted: usize) -> Vec<String> {
        let found = of(&folder.join("worker/worker-xy"), wanted).unwrap();
        found.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn functions_of_each_order_are_near_to_where_they_were() {
        let folder = linked(FUNCTIONS, "nothing");
        let found = orders(folder.path(), 100);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), LAYOUTS - 1, "all differ");
        for order in &found {
            let number = |name: &str| name.strip_prefix("function_").unwrap().parse::<usize>().unwrap();
            let numbers: Vec<_> = order.lines().map(number).collect();
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), FUNCTIONS);
            assert!(numbers.iter().zip(1..).all(|(number, place)| number.abs_diff(place) <= 64));
        }
        assert_eq!(orders(folder.path(), 2).len(), 2);
        assert_eq!(orders(linked(FUNCTIONS, "nothing").path(), 100), found, "the same at each time");
    }

    #[test]
    fn a_linker_that_cannot_do_it_leaves_the_worker_alone() {
        assert!(orders(linked(FUNCTIONS, "symbol-ordering").path(), 100).is_empty());
        assert!(orders(linked(0, "nothing").path(), 100).is_empty(), "nm says nothing");
    }

    #[test]
    fn orders_of_another_build_are_not_taken() {
        let folder = linked(FUNCTIONS, "nothing");
        fs::write(folder.path().join("worker/worker-xy"), "built anew").unwrap();
        assert!(orders(folder.path(), 100).is_empty());
    }
}
