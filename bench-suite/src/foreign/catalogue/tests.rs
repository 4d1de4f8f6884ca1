//! Every program that is installed, once through at the smallest size, under two allocators.

use std::collections::BTreeSet;
use std::env;
use std::fs;

use workloads::rows::{Preset, Size};

use super::PROGRAMS;
use crate::foreign::program::Program;
use crate::foreign::tests::{Place, TERMS, glibc};
use crate::plan::Params;
use crate::status::Status;

fn try_out(program: &dyn Program) {
    let place = Place::new();
    let inputs = place.path("inputs");
    fs::create_dir(&inputs).unwrap();
    let params = Params { preset: Preset::Current, size: Size::Check, threads: 2, levelled: true };
    let task = match program.prepare(params, &inputs) {
        Ok(task) => task,
        Err(unready) => {
            assert_eq!(unready.status, Status::NotInstalled, "{}", unready.reason);
            // No package has lean.
            let required = env::var_os("REQUIRE_TEST_PROGRAMS").is_some() && program.id() != "lean";
            assert!(!required, "{}: {}", program.id(), unready.reason);
            eprintln!("skipped {}: {}", program.id(), unready.reason);
            return;
        }
    };
    assert_eq!(task.row(), program.id());
    let mut checksums = BTreeSet::new();
    for preload in [glibc(), place.own_allocator()] {
        let proof = place.stage().prove(&*task, &preload, TERMS).unwrap().unwrap();
        let proof = proof.unwrap_or_else(|(status, reason)| panic!("{}: {status}: {reason}", program.id()));
        let execution = place.stage().execute(&*task, &preload, TERMS, &proof).unwrap().unwrap();
        let report = execution.report.unwrap_or_else(|| panic!("{}: {:?}", program.id(), execution.reason));
        assert!(
            report.score_ns > 0 && report.operations > 0 && report.peak_rss_bytes > 1 << 20,
            "{report:?}"
        );
        checksums.insert(report.checksum);
    }
    assert_eq!(checksums.len(), 1, "{}: {checksums:?}", program.id());
}

macro_rules! tried_out {
    ($($name:ident: $id:literal),* $(,)?) => {
        $(#[test]
        fn $name() {
            try_out(super::find($id).unwrap());
        })*

        #[test]
        fn every_program_is_tried_out() {
            let ids: Vec<_> = PROGRAMS.iter().map(|program| program.id()).collect();
            assert_eq!(ids, [$($id),*]);
        }
    };
}

tried_out! {
    lean: "lean",
    rustc: "rustc",
    redis: "redis",
    z3: "z3",
    lua: "lua",
    gs: "gs",
    rocksdb: "rocksdb",
    rbstress1: "rbstress1",
    rbstress_n: "rbstressN",
    compileall: "compileall",
}
