//! The interpreter of Python, compiling its own library, with every object from `malloc`.

use std::path::{Path, PathBuf};

use workloads::rows::Size;

use crate::foreign::catalogue::{ask, contents_below, copy_below};
use crate::foreign::program::{Checked, CommandLine, Plain, Program, Task, Unready, tool};
use crate::plan::Params;

/// What is compiled of the library, at each size.
const CHECK: &[&str] = &["json"];
const QUICK: &[&str] = &["asyncio", "email", "json"];
const CALIBRATED: &[&str] =
    &["asyncio", "concurrent", "ctypes", "email", "http", "json", "logging", "unittest", "urllib", "xml"];
/// What is in the same folder, but is not the library, or large and never needed.
const NOT_LIBRARY: &[&str] = &["dist-packages", "site-packages", "test"];

/// The interpreter of Python.
#[derive(Debug)]
pub(super) struct CompileAll;

impl Program for CompileAll {
    fn id(&self) -> &'static str {
        "compileall"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["python3"]
    }

    fn prepare(&self, params: Params, folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let program = tool("python3", "python3")?.path;
        let question = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
        let library = PathBuf::from(ask(&CommandLine::new(&program).args(["-I", "-c", question]))?);
        let sources = folder.join("library");
        let count = copy_below(&library, &sources, "py", |place| belongs(place, params.size))
            .map_err(Unready::failed)?;
        if count == 0 {
            return Err(Unready::missing(
                &format!("the library in {}", library.display()),
                "libpython3-stdlib",
            ));
        }
        // The path is relative because it gets into what is made.
        let command = CommandLine::new(program)
            .args(["-s", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"])
            .args(["-j", &params.threads.to_string(), "library"])
            .env("PYTHONMALLOC", "malloc")
            .env("PYTHONHASHSEED", "0");
        let task = Plain::new(self.id(), params.threads, command, move |finished| {
            let compiled = contents_below(finished.work, "pyc", count)?;
            Ok(Checked::elapsed(finished, count).with_digest_of(&compiled))
        });
        Ok(task.with(move |work, _| copy_below(&sources, &work.join("library"), "py", |_| true).map(drop)))
    }
}

/// Whether the file at `place` in the library is compiled at `size`.
fn belongs(place: &Path, size: Size) -> bool {
    let top = place.components().next().and_then(|part| part.as_os_str().to_str()).unwrap_or_default();
    match size {
        Size::Check => CHECK.contains(&top),
        Size::Quick => QUICK.contains(&top),
        Size::Calibrated => CALIBRATED.contains(&top),
        Size::Full => !NOT_LIBRARY.contains(&top),
    }
}
