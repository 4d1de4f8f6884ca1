//! What is said where a file may not grow.

mod common;

use std::fs;
use std::process::Command;

use common::{Done, Place};

#[test]
fn files_that_grow_beyond_their_limit_are_an_error_that_says_what_to_do() {
    let place = Place::new();
    let limited = |command: Command, blocks: u64| {
        let mut shell = Command::new("sh");
        let script = format!(r#"ulimit -f {blocks}; exec "$0" "$@""#);
        shell.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
        Done::from(shell.current_dir(place.path(".")).output().unwrap())
    };
    let mut run = place.command(&["run", "-q", "--no-report", "-a", "mi", "-w", "cfrac", "-n", "60"]);
    run.arg("--worker-dir").arg(place.workers());
    limited(run, 32).complains(1, "samples.jsonl; make room and go on with --resume: File too large");
    place.plain(&["run", "--resume", "-q"]).expect(0);
    let samples = fs::read_to_string(place.only_run().join("samples.jsonl")).unwrap();
    assert_eq!(samples.lines().count(), 60);
    limited(place.command(&["report"]), 0).complains(1, "summary.json: File too large");
}
