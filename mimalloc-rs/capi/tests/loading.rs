//! The shared library in programs that were built without it, and in those without the C++ library.

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use support::{Linkage, compile, compile_with, in_package, shared_library, succeed};

fn preloaded(program: &str, arguments: &[&str]) -> Output {
    succeed(Command::new(program).args(arguments).env("LD_PRELOAD", shared_library()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_shell_runs_with_it() {
    let script = r#"
        for i in {1..2000}; do names[$i]="name $i"; done
        echo "${#names[@]} $(echo nested | tr a-z A-Z)"
        grep -c mimalloc_rs /proc/self/maps >&2
    "#;
    let output = preloaded("bash", &["-c", script]);
    assert_eq!(text(&output.stdout), "2000 NESTED\n");
    assert_ne!(text(&output.stderr).trim(), "0", "the library was not loaded");
}

#[test]
fn tools_run_with_it() {
    let output =
        preloaded("sh", &["-c", "seq 100000 | sort -R | sort -n | tail -1; ls -lR /usr/share | wc -l"]);
    assert!(text(&output.stdout).starts_with("100000\n"));
}

#[test]
fn a_compiler_runs_with_it() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-under-preload");
    let source = in_package("tests/cpp/containers.cpp");
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++17", "-c"]).arg(source).arg("-o").arg(program);
    compiler.arg("-I").arg(in_package("include")).arg("-I").arg(in_package("tests/c"));
    succeed(compiler.env("LD_PRELOAD", shared_library()));
}

#[test]
fn a_program_that_allocates_nothing_has_nothing_set_up() {
    let reserves = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("LD_PRELOAD", shared_library()).env("MIMALLOC_VERBOSE", "1");
        let messages = text(&succeed(&mut command).stderr);
        assert!(messages.starts_with("mimalloc-rs "), "it does not say what it is: {messages}");
        messages.contains("of address space")
    };
    assert!(!reserves("true", &[]));
    assert!(reserves("expr", &["1"]));
}

#[test]
fn it_can_be_opened_and_closed() {
    let program = compile(&in_package("tests/c/opened.c"), Linkage::None);
    let output = succeed(Command::new(program).arg(shared_library()));
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

#[test]
fn a_plugin_that_brings_it_can_be_unloaded() {
    let plugin =
        compile_with(&in_package("tests/c/brings_allocator.c"), Linkage::Static, &["-shared", "-fPIC"]);
    let program = compile(&in_package("tests/c/unloads.c"), Linkage::None);
    let output = succeed(Command::new(program).arg(plugin));
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

#[test]
fn it_is_no_place_where_a_thread_is_cancelled() {
    let program = compile(&in_package("tests/c/cancelled.c"), Linkage::None);
    let output = preloaded(program.to_str().expect("a path of ours is text"), &[]);
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
    assert!(!output.stderr.is_empty(), "it has something to say");
}

#[test]
fn a_program_that_shuts_itself_in_goes_on() {
    let program = compile(&in_package("tests/c/sandboxed.c"), Linkage::None);
    let output = preloaded(program.to_str().expect("a path of ours is text"), &[]);
    assert!(
        ["alive\n", "not tested: there are no filters here\n"].contains(&&*text(&output.stdout)),
        "{output:?}"
    );
}

#[test]
fn without_the_cxx_library_new_ends_the_process() {
    let program = compile(&in_package("tests/c/new_without_cxx.c"), Linkage::Shared);
    let output = Command::new(program).output().expect("the program starts");
    assert_eq!(output.status.signal(), Some(6), "{output:?}");
    assert!(text(&output.stdout).contains("up to the last line"), "{output:?}");
}

#[test]
fn new_throws_where_a_plugin_brings_the_cxx_library() {
    let plugin = compile_with(&in_package("tests/cpp/plugin.cpp"), Linkage::None, &["-shared", "-fPIC"]);
    let program = compile(&in_package("tests/c/loads_cxx.c"), Linkage::None);
    let output = succeed(Command::new(program).arg(plugin).env("LD_PRELOAD", shared_library()));
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

#[test]
fn operators_can_be_defined_by_header() {
    let program = compile(&in_package("tests/cpp/by_header.cpp"), Linkage::Shared);
    let output = succeed(&mut Command::new(program));
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

#[test]
fn a_programs_own_malloc_is_what_the_c_library_allocates_by() {
    let source = in_package("tests/c/own_malloc.c");
    let output = succeed(&mut Command::new(compile(&source, Linkage::Shared)));
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
    let program = compile(&source, Linkage::None);
    let output = preloaded(program.to_str().expect("a path of ours is text"), &[]);
    assert!(text(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

#[test]
fn a_programs_own_operators_are_what_all_others_go_by() {
    for (linkage, arrays) in
        [(Linkage::Shared, false), (Linkage::Shared, true), (Linkage::None, false), (Linkage::None, true)]
    {
        let arrays_too = if arrays { "-DARRAYS" } else { "-UARRAYS" };
        // The sized forms are left to others on purpose.
        let more = [arrays_too, "-Wno-sized-deallocation"];
        let program = compile_with(&in_package("tests/cpp/replaced_operators.cpp"), linkage, &more);
        let mut command = Command::new(program);
        if linkage == Linkage::None {
            command.env("LD_PRELOAD", shared_library());
        }
        let output = succeed(&mut command);
        assert!(text(&output.stdout).contains(" checks, 0 failed"), "{linkage:?} {arrays}: {output:?}");
    }
}

/// What `malloc` and `free` do between entry and return when all goes well.
fn straight_path(function: &str) -> Vec<String> {
    let mut objdump = Command::new("objdump");
    objdump.args(["-d", "--no-show-raw-insn", "-M", "intel"]).arg(shared_library());
    let listing = text(&succeed(&mut objdump).stdout);
    let address = symbol_address(function);
    let start =
        listing.find(&format!("\n {address:7x}:\t")).or_else(|| listing.find(&format!("{address:x}:\t")));
    let lines = listing[start.expect("the function is in the listing")..].trim_start().lines();
    let mut path: Vec<String> = Vec::new();
    for line in lines {
        let instruction = line.split('\t').nth(1).unwrap_or_default().trim().to_owned();
        let ends = instruction.starts_with("ret");
        path.push(instruction);
        if ends {
            break;
        }
    }
    path
}

fn symbol_address(function: &str) -> u64 {
    use object::{Object, ObjectSymbol};
    let data = std::fs::read(shared_library()).expect("the library can be read");
    let file = object::File::parse(&*data).expect("the library is an object file");
    let symbol = file.dynamic_symbols().find(|symbol| symbol.name() == Ok(function));
    symbol.expect("the function is exported").address()
}

#[test]
fn malloc_and_free_are_short() {
    for (function, most) in [("malloc", 16), ("free", 30), ("_Znwm", 16), ("mi_malloc", 16)] {
        let path = straight_path(function);
        let told = path.join("\n");
        assert!(path.len() <= most, "{function} has {} instructions:\n{told}", path.len());
        for word in ["call", "push", "sub    rsp", "__tls_get_addr"] {
            assert!(!told.contains(word), "{function} has {word:?}:\n{told}");
        }
        assert!(told.contains("fs:"), "{function} does not use the thread register:\n{told}");
    }
}

#[test]
fn malloc_lies_in_one_cache_line() {
    assert!(symbol_address("malloc").is_multiple_of(64));
}

fn with_option(name: &str, value: &str) -> String {
    let mut program = Command::new("true");
    program.env("LD_PRELOAD", shared_library()).env(name, value);
    text(&succeed(&mut program).stderr)
}

#[test]
fn options_in_the_environment_show_at_start_and_end() {
    assert_eq!(with_option("MIMALLOC_SHOW_STATS", "0"), "");
    assert!(with_option("MIMALLOC_SHOW_STATS", "1").contains("heap stats"));
    assert!(with_option("mimalloc_show_stats", "yes").contains("heap stats"));
    let verbose = with_option("MIMALLOC_VERBOSE", "1");
    assert!(verbose.starts_with("mimalloc-rs 0."), "{verbose}");
    assert!(verbose.contains("heap stats"), "{verbose}");
}

/// A copy of the program that runs as its owner, started by nobody; `None` where the system has no such thing.
fn with_its_owners_rights(program: &Path) -> Option<Output> {
    const NOBODY: &str = "65534";
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let copy = folder.path().join("program");
    std::fs::copy(program, &copy).expect("the folder is ours");
    // What nobody may enter would keep it from being started at all.
    for (path, mode) in [(folder.path(), 0o755), (&copy, 0o4755)] {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("both are ours");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--clear-groups"]).arg(copy).env("MIMALLOC_SHOW_STATS", "1");
    command.output().ok().filter(|output| output.stdout == b"more rights\n")
}

#[test]
fn a_program_with_more_rights_than_its_user_takes_no_options_from_the_environment() {
    // Linked statically: the loader would look for libraries in the system's folders only.
    let program = compile(&in_package("tests/c/more_rights.c"), Linkage::Static);
    let plain = succeed(Command::new(&program).env("MIMALLOC_SHOW_STATS", "1"));
    assert_eq!(text(&plain.stdout), "the same rights\n");
    assert!(text(&plain.stderr).contains("heap stats"), "{plain:?}");
    match with_its_owners_rights(&program) {
        Some(output) => assert_eq!(text(&output.stderr), ""),
        None => println!("not tested: no program gets more rights here"),
    }
}

/// `cat` closes standard error before the library ends.
#[test]
fn statistics_are_written_where_descriptors_are_few() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 32; exec cat /dev/null"]);
    shell.env("LD_PRELOAD", shared_library()).env("MIMALLOC_SHOW_STATS", "1");
    assert!(text(&succeed(&mut shell).stderr).contains("heap stats"));
}

/// Starts `program` with an option set. Gives what it left in a file as well.
fn last_words(program: &Path, linkage: Linkage, option: &str) -> (Output, String) {
    let file = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let mut command = Command::new(program);
    command.arg(file.path()).env(option, "1");
    if linkage == Linkage::None {
        command.env("LD_PRELOAD", shared_library());
    }
    let output = succeed(&mut command);
    (output, std::fs::read_to_string(file.path()).expect("it is there and text"))
}

#[test]
fn the_library_ends_after_the_program() {
    let ways: [(Linkage, &[&str]); 4] = [
        (Linkage::None, &[]),
        (Linkage::Shared, &[]),
        (Linkage::Static, &[]),
        (Linkage::Static, &["-static"]),
    ];
    for (linkage, more) in ways {
        let program = compile_with(&in_package("tests/c/last_words.c"), linkage, more);
        let messages = text(&last_words(&program, linkage, "MIMALLOC_SHOW_STATS").0.stderr);
        let places = ["last function", "very last", "heap stats"].map(|words| messages.find(words));
        assert!(places[0].is_some() && places.is_sorted(), "{linkage:?} {more:?}: {messages}");
        // What is still in buffers is written out before memory goes back.
        let (output, file) = last_words(&program, linkage, "MIMALLOC_DESTROY_ON_EXIT");
        let written = (text(&output.stdout), file);
        assert_eq!(written, ("last words\n".into(), "in a file\n".into()), "{linkage:?} {more:?}");
    }
}

#[test]
fn no_other_library_comes_with_it() {
    let libraries = |preload: &str| {
        let mut program = Command::new("true");
        program.env("LD_TRACE_LOADED_OBJECTS", "1").env("LD_PRELOAD", preload);
        text(&succeed(&mut program).stdout).lines().count()
    };
    let library = shared_library();
    assert_eq!(libraries(library.to_str().expect("a path of ours is text")), libraries("") + 1);
}
