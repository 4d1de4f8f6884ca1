//! Preloaded libraries, and the programs that get them, with fake workers and a fake launcher.

mod common;

use std::fs;

use common::{Place, as_told, csv_rows, program};

#[test]
fn preloaded_library_is_set_and_expected() {
    let place = Place::new();
    place.worker("mc", &format!("echo \"$LD_PRELOAD\" >> {}", place.path("preloads").display()));
    let library = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/usr/lib/libc.so.6"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap())
        .unwrap();
    let preload = format!("own={library}");
    let arguments =
        ["run", "--no-curves", "-a", "own", "-w", "larson", "--passes", "1", "--preload", preload.as_str()];
    place.with_workers(&arguments).expect(0);
    let library = fs::canonicalize(library).unwrap();
    let preloads = fs::read_to_string(place.path("preloads")).unwrap();
    assert!(
        !preloads.is_empty() && preloads.lines().all(|line| line == library.to_str().unwrap()),
        "{preloads}"
    );
    let rows = csv_rows(&place.only_run().join("summary.csv"));
    assert!(rows.iter().any(|r| r["allocator"] == "own" && r["status"] == "ok"));
    let read = |name: &str| fs::read_to_string(place.only_run().join(name)).unwrap();
    let record: serde_json::Value = serde_json::from_str(&read("run.json")).unwrap();
    let own =
        record["allocators"].as_array().unwrap().iter().find(|one| one["config"]["id"] == "own").unwrap();
    assert_eq!(own["library_identity"]["soname"], "libc.so.6");
    assert_eq!(own["library_identity"]["bytes"], fs::metadata(&library).unwrap().len());
    let report = read("report.md");
    let line = format!("\n| own | {} | libc.so.6 | ", library.display());
    let hash = &own["library_hash"].as_str().unwrap()[..16];
    let told = report.split_once("## Preloaded libraries\n").unwrap().1;
    assert!(
        told.contains(&line.replace('_', "\\_")) && told.contains(&format!(" MiB | {hash} |\n")),
        "{report}"
    );
}

#[test]
fn library_in_a_folder_with_a_space_is_preloaded_by_a_link() {
    let place = Place::new();
    let (seen, own) = (place.path("seen"), "my results: 1");
    let note = r#"echo "$LD_PRELOAD $(readlink -f "$LD_PRELOAD")" >>"#;
    place.worker("mc", &format!("{note} {}", seen.display()));
    fs::write(place.workers().join("libmimalloc_rs.so"), "as if it were a library").unwrap();
    let run = ["run", "--no-report", "-a", "mi-so", "-w", "larson", "--passes", "1", "--out", own];
    place.with_workers(&run).expect(0);
    let seen = fs::read_to_string(seen).unwrap();
    let (link, library) = seen.lines().next().unwrap().split_once(' ').unwrap();
    assert!(library.ends_with("/my results: 1/workers/libmimalloc_rs.so"), "{seen}");
    assert!(link.ends_with("/libmimalloc_rs.so") && !fs::exists(link).unwrap(), "{seen}");
}

#[test]
fn temporary_folder_that_is_no_better_is_refused_with_the_cause() {
    let place = Place::new();
    fs::write(place.workers().join("libmimalloc_rs.so"), "as if it were a library").unwrap();
    fs::create_dir(place.path("a b")).unwrap();
    let run = ["run", "-q", "-a", "mi-so", "-w", "larson", "--passes", "1", "--out", "a b/run"];
    let mut run = place.command(&run);
    run.arg("--worker-dir").arg(place.workers()).env("TMPDIR", place.path("a b"));
    common::Done::from(run.output().unwrap()).complains(1, "set TMPDIR to a folder without");
}

#[test]
fn own_program_that_has_changed_is_another_run() {
    let place = Place::new();
    let own = place.path("own");
    program(&own, "#!/bin/sh\n");
    program(&place.workers().join("launcher"), "#!/bin/sh\nkill -INT $PPID; sleep 300\n");
    fs::write(place.workers().join("libmimalloc_rs.so"), "as if it were a library").unwrap();
    let (results, workers) = (place.results(), place.workers());
    let (results, workers, program_file) = (results.display(), workers.display(), own.display());
    let line =
        format!("exec -q -a mi-so --no-report --results {results} --worker-dir {workers} {program_file}");
    as_told(&line).expect(130);
    place.plain(&["run", "-q", "--resume"]).expect(130);
    program(&own, "#!/bin/sh\n# otherwise\n");
    place
        .plain(&["run", "-q", "--resume"])
        .complains(1, &format!("{program_file} has changed; start a new run"));
}

#[test]
fn stopping_while_a_program_is_made_ready_is_no_failure_of_it() {
    let place = Place::new();
    program(&place.workers().join("launcher"), "#!/bin/sh\nexit 1\n");
    fs::write(place.workers().join("libmimalloc_rs.so"), "as if it were a library").unwrap();
    let tools = place.path("own-tools");
    fs::create_dir(&tools).unwrap();
    let anything = ["/bin/true", "/usr/bin/true"].into_iter().find(|path| fs::exists(path).unwrap()).unwrap();
    for tool in ["gcc", "make"] {
        fs::copy(anything, tools.join(tool)).unwrap();
    }
    let cargo = tools.join("cargo");
    program(&cargo, "#!/bin/sh\nkill -INT $PPID\nexit 1\n");
    let mut run = place.command(&["run", "--no-report", "-a", "mc", "-w", "lua", "--passes", "1"]);
    run.arg("--worker-dir").arg(place.workers()).env("PATH", &tools).env("CARGO", cargo);
    common::Done::from(run.output().unwrap()).expect(130);
    let samples = fs::read_to_string(place.only_run().join("samples.jsonl")).unwrap();
    assert_eq!(samples, "");
}

#[test]
fn programs_that_are_not_there_are_nothing_to_judge() {
    let place = Place::new();
    program(&place.workers().join("launcher"), "#!/bin/sh\nexit 1\n");
    fs::write(place.workers().join("libmimalloc_rs.so"), "as if it were a library").unwrap();
    let mut run = place.command(&["run", "--no-report", "-a", "mc", "-w", "z3", "--passes", "1"]);
    run.arg("--worker-dir").arg(place.workers()).env("PATH", "/nonexistent");
    let done = common::Done::from(run.output().unwrap()).expect(4);
    assert!(done.stderr.contains("z3: not-installed: z3 not found"), "{done:#?}");
}
