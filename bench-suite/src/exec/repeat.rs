//! The command that repeats an execution by hand, for logs and `--dry-run`: a line for a shell.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::environment::isolated_in_shell;
use super::preload::is_plain;
use super::{Job, real};
use crate::config::{Config, Field};
use crate::plan::{OwnCommand, Plan, preset_name, size_name};
use crate::shell::quoted;

/// The line that repeats `job` of `plan`: a worker by itself, a program by way of the harness, which proves and checks it.
pub(crate) fn command_line(plan: &Plan, job: &Job<'_>) -> String {
    match plan.field {
        Field::Workers => of_worker(job),
        Field::Programs => of_program(plan, job),
    }
}

fn of_worker(job: &Job<'_>) -> String {
    let environment = isolated_in_shell(job.env_pad_bytes);
    let words = joined(real::words(job).iter().map(OsString::as_os_str));
    match job.launch.preload.as_deref() {
        None => format!("{environment} {words}"),
        Some(library) if is_plain(library) => {
            format!("{environment} LD_PRELOAD={} {words}", quoted(library.as_os_str()))
        }
        Some(library) => {
            let library = quoted(library.as_os_str());
            format!(
                r#"d=$(mktemp -d) && ln -s {library} "$d/library.so" && {environment} LD_PRELOAD="$d/library.so" {words}"#
            )
        }
    }
}

fn of_program(plan: &Plan, job: &Job<'_>) -> String {
    let timeout = humantime::format_duration(plan.timeout()).to_string();
    let mut words: Vec<OsString> = vec!["bench-suite".into()];
    let mut add = |more: &[&str]| words.extend(more.iter().map(OsString::from));
    match &plan.command {
        None => {
            let (preset, size) = (preset_name(job.params.preset), size_name(job.params.size));
            let threads = job.params.threads.to_string();
            add(&["run", "-w", job.row, "--preset", preset, "--size", size, "--threads", &threads]);
        }
        Some(command) => {
            add(&["exec", "--name", job.row]);
            add(if command.compare_output { &["--compare-output"] } else { &[] });
        }
    }
    add(&["-a", &job.launch.allocator, "-n", "1", "--timeout", &timeout]);
    // A failure while memory is looked at is not to be had without that.
    add(if job.phases.is_none() { &["--no-report"] } else { &[] });
    add(if job.params.levelled { &[] } else { &["--no-levelling"] });
    let is_known = |config: Config| config.allocators.iter().any(|one| one.id == job.launch.allocator);
    if let Some(library) = job.launch.preload.as_deref().filter(|_| !Config::embedded().is_ok_and(is_known)) {
        let mut named = OsString::from(format!("{}=", job.launch.allocator));
        named.push(library);
        words.extend(["--preload".into(), named]);
    }
    if let Some(folder) = job.launch.program.parent().filter(|folder| *folder != Path::new("")) {
        words.extend(["--worker-dir".into(), folder.into()]);
    }
    let line = joined(words.iter().map(OsString::as_os_str));
    match &plan.command {
        None => line,
        Some(OwnCommand { words, folder, .. }) => {
            let own = joined(words.iter().map(OsStr::new));
            format!("cd {} && {line} -- {own}", quoted(folder.as_os_str()))
        }
    }
}

fn joined<'w>(words: impl Iterator<Item = &'w OsStr>) -> String {
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::plan::tests::plan;
    use crate::workers::{self, Launch};

    fn launch(program: &Path, preload: Option<&Path>) -> Launch {
        let (program, preload) = (program.to_path_buf(), preload.map(Path::to_path_buf));
        Launch { allocator: "own".to_owned(), program, preload, ..workers::tests::launch("mc") }
    }

    fn job<'a>(plan: &Plan, launch: &'a Launch, row: &'a str) -> Job<'a> {
        Job {
            launch,
            row,
            params: plan.params,
            stats: false,
            heap_map: None,
            phases: None,
            env_pad_bytes: 48,
            timeout: Duration::from_secs(9),
        }
    }

    #[test]
    fn the_line_of_a_worker_gives_a_shell_the_same_process() {
        let folder = tempfile::Builder::new().prefix("tom's files ").tempdir().unwrap();
        let (script, out) = (folder.path().join("worker mc"), folder.path().join("out"));
        fs::write(&script, "env; echo \"$@\"; readlink -f \"$LD_PRELOAD\"").unwrap();
        let library = folder.path().join("libown.so");
        fs::write(&library, "no library").unwrap();
        let plan = plan(&["mi", "own"], &["cfrac"], 1);
        let launch = Launch { wrapper: vec!["sh".to_owned()], ..launch(&script, Some(&library)) };
        let line = command_line(&plan, &job(&plan, &launch, "cfrac"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{line} >{}", quoted(out.as_os_str())));
        shell.env("MIMALLOC_VERBOSE", "1").env("LANG", "C").env_remove("TZ");
        assert!(shell.status().unwrap().success(), "{line}");
        let text = fs::read_to_string(out).unwrap();
        let has = |wanted: &str| text.lines().any(|line| line == wanted);
        assert!(has("GLIBC_TUNABLES=glibc.pthread.rseq=0") && has("LANG=C"), "{text}");
        assert!(has(&format!("BENCH_SUITE_PAD={}", "x".repeat(48))), "{text}");
        assert!(!text.contains("MIMALLOC_VERBOSE") && !text.contains("TZ="), "{text}");
        assert!(text.contains("run --row cfrac --preset"), "{text}");
        assert!(text.ends_with(&format!("{}\n", library.canonicalize().unwrap().display())), "{text}");
    }

    #[test]
    fn programs_are_repeated_by_the_harness() {
        let mut plan = plan(&["mi-so", "je", "own"], &["z3"], 3);
        plan.field = Field::Programs;
        let known = Launch {
            allocator: "je".to_owned(),
            ..launch(Path::new("/r/workers/launcher"), Some(Path::new("/je.so")))
        };
        let line = command_line(&plan, &job(&plan, &known, "z3"));
        assert!(line.starts_with("bench-suite run -w z3 --preset "), "{line}");
        assert!(line.contains(" -a je -n 1 ") && line.ends_with(" --worker-dir /r/workers"), "{line}");
        let mut words = ["/bin/my program", "x y"].map(str::to_owned).to_vec();
        plan.command = Some(OwnCommand {
            words: std::mem::take(&mut words),
            folder: "/my files".into(),
            compare_output: true,
            program_hash: None,
            environment_hash: None,
        });
        let given = launch(Path::new("launcher"), Some(Path::new("/a b.so")));
        let line = command_line(&plan, &job(&plan, &given, "own-z3"));
        assert!(
            line.starts_with("cd '/my files' && bench-suite exec --name own-z3 --compare-output -a own"),
            "{line}"
        );
        assert!(line.ends_with(" --preload 'own=/a b.so' -- '/bin/my program' 'x y'"), "{line}");
    }
}
