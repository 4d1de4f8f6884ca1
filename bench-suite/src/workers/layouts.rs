//! One worker, linked several times with its functions in different orders.
//!
//! Where functions come to lie decides which of their jumps and loads share an entry in the processor's predictors, and
//! whether a loop straddles a line or a page. That is chance, has nothing to do with the allocator, and is the same in every
//! execution of one binary, so more passes do not average it out: it looks like a difference between
//! allocators. With another order in each pass it is part of the spread that intervals show. See
//! T. Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!", ASPLOS 2009.
//!
//! The script `assets/link-layouts.sh` stands in for the linker and puts the orders beside the worker.

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
    use std::process::Command;

    use super::*;

    /// A folder with a worker that the script has linked. The linker writes its arguments into what it makes,
    /// and fails at those that `refused` is in.
    fn linked(refused: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tools")).unwrap();
        fs::create_dir_all(at("worker/deps")).unwrap();
        let cc = format!(
            "#!/bin/sh\ncase \"$*\" in *{refused}*) exit 1;; esac\nfor a; do [ \"$b\" = -o ] && out=$a; b=$a; done\necho \"$*\" > \"$out\"\n"
        );
        fs::write(at("tools/cc"), cc).unwrap();
        let made = Command::new("chmod").arg("+x").arg(at("tools/cc")).status().unwrap();
        assert!(made.success());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(SCRIPT);
        let path = format!("{}:{}", at("tools").display(), std::env::var("PATH").unwrap());
        let out = at("worker/deps/worker_xy-0123");
        let status = Command::new(script)
            .args(["a.o", "-o"])
            .arg(&out)
            .env("PATH", path)
            .env(VARIABLE, LAYOUTS.to_string())
            .status()
            .unwrap();
        assert!(status.success());
        fs::copy(out, at("worker/worker-xy")).unwrap();
        folder
    }

    fn orders(folder: &Path, wanted: usize) -> Vec<String> {
        let found = of(&folder.join("worker/worker-xy"), wanted).unwrap();
        found.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn each_order_is_linked_with_a_seed_of_its_own() {
        let folder = linked("nothing");
        let found = orders(folder.path(), 100);
        assert_eq!(found.len(), LAYOUTS - 1);
        for (line, seed) in found.iter().zip(1..) {
            assert!(line.trim_end().ends_with(&format!("-Wl,--shuffle-sections=.text.*={seed}")), "{line}");
        }
        assert_eq!(orders(folder.path(), 2).len(), 2);
    }

    #[test]
    fn a_linker_that_cannot_do_it_leaves_the_worker_alone() {
        assert!(orders(linked("shuffle").path(), 100).is_empty());
        assert_eq!(orders(linked("=3").path(), 100).len(), 2);
    }

    #[test]
    fn orders_of_another_build_are_not_taken() {
        let folder = linked("nothing");
        fs::write(folder.path().join("worker/worker-xy"), "built anew").unwrap();
        assert!(orders(folder.path(), 100).is_empty());
    }
}
