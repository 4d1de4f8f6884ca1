//! Each program in `tests/c` and `tests/cpp`, linked both ways; it checks itself and ends with 0.

mod support;

use std::process::Command;

use support::{Linkage, compile_with, in_package, succeed};

fn run(source: &str, linkage: Linkage) {
    run_with(source, linkage, &[]);
}

fn run_with(source: &str, linkage: Linkage, more: &[&str]) {
    let program = compile_with(&in_package(source), linkage, more);
    let output = succeed(&mut Command::new(program));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(" checks, 0 failed"), "{source} did not get to its end: {said}");
}

macro_rules! programs {
    ($($name:ident: $source:literal;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn with_the_shared_library() {
                run($source, Linkage::Shared);
            }

            #[test]
            fn with_the_static_library() {
                run($source, Linkage::Static);
            }
        }
    )*};
}

programs! {
    basic: "tests/c/basic.c";
    sizes: "tests/c/sizes.c";
    aligned: "tests/c/aligned.c";
    zero: "tests/c/zero.c";
    strings: "tests/c/strings.c";
    posix: "tests/c/posix.c";
    typed: "tests/c/typed.c";
    own_names: "tests/c/own_names.c";
    macros: "tests/c/macros.c";
    threads: "tests/c/threads.c";
    early_and_late: "tests/c/early_and_late.c";
    heap: "tests/c/heap.c";
    theap: "tests/c/theap.c";
    no_theap: "tests/c/no_theap.c";
    visit: "tests/c/visit.c";
    arena: "tests/c/arena.c";
    stats: "tests/c/stats.c";
    options: "tests/c/options.c";
    process: "tests/c/process.c";
    operators: "tests/cpp/operators.cpp";
    new_handler: "tests/cpp/new_handler.cpp";
    containers: "tests/cpp/containers.cpp";
}

/// Also without shared libraries: there a name that is missing brings the C library's `malloc` with it, a second one.
#[test]
fn the_c_librarys_statistics_and_users_are_ours() {
    for source in ["tests/c/libc_statistics.c", "tests/c/libc_users.c"] {
        run(source, Linkage::Shared);
        run(source, Linkage::Static);
        run_with(source, Linkage::Static, &["-static"]);
    }
}

#[test]
fn every_source_is_a_test() {
    let listed = include_str!("programs.rs");
    for directory in ["tests/c", "tests/cpp"] {
        for entry in std::fs::read_dir(in_package(directory)).expect("the directory exists") {
            let name = entry.expect("can be listed").file_name().into_string().expect("names are plain");
            let elsewhere = name.ends_with(".h") || include_str!("loading.rs").contains(&name);
            assert!(elsewhere || listed.contains(&format!("\"{directory}/{name}\"")), "{name} is never run");
        }
    }
}
