//! Every name in `names.txt` is exported and declared as it says there, and nothing else is exported.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSymbol};
use support::{Linkage, compile, compile_with, in_package, plain_library, shared_library, succeed};

const NAMES: &str = include_str!("names.txt");

/// Names of these kinds.
fn names(kinds: &[&str]) -> impl Iterator<Item = &'static str> {
    let lines = NAMES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        let mut words = line.split(' ');
        let (name, kind) = (words.next()?, words.next()?);
        kinds.contains(&kind).then_some(name)
    })
}

fn exported(library: &Path) -> BTreeSet<String> {
    let data = fs::read(library).expect("the library can be read");
    let file = object::File::parse(&*data).expect("the library is an object file");
    let symbols = file.dynamic_symbols().filter(|symbol| symbol.is_definition());
    symbols.map(|symbol| symbol.name().expect("names are text").to_owned()).collect()
}

#[test]
fn no_name_is_listed_twice() {
    assert!(names(&["function"]).count() > 200);
    assert!(names(&["symbol"]).count() > 50);
    let all: Vec<_> =
        NAMES.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != "#").collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a name is there twice");
}

#[test]
fn all_names_are_exported_and_no_others() {
    let exported = exported(&shared_library());
    let expected: BTreeSet<_> = names(&["function", "symbol"]).map(str::to_owned).collect();
    let missing: Vec<_> = expected.difference(&exported).collect();
    let unknown: Vec<_> = exported.difference(&expected).collect();
    assert!(missing.is_empty(), "not exported: {missing:?}");
    assert!(unknown.is_empty(), "exported without being listed: {unknown:?}");
    for name in names(&["absent"]) {
        assert!(!exported.contains(name), "{name} is not ours to define");
    }
}

#[test]
fn without_the_feature_there_are_no_overrides() {
    let exported = exported(&plain_library().join("libmimalloc_rs.so"));
    let expected: BTreeSet<_> = names(&["function"]).map(str::to_owned).collect();
    assert_eq!(exported, expected);
    // So a program can bring its own operators, even where it is linked into one file.
    let program = compile_with(
        &in_package("tests/cpp/by_header.cpp"),
        Linkage::None,
        &[&plain_library().join("libmimalloc_rs.a").to_string_lossy()],
    );
    let output = succeed(&mut Command::new(program));
    assert!(String::from_utf8_lossy(&output.stdout).contains(" checks, 0 failed"), "{output:?}");
}

/// A source that uses every name, in a file of its own.
fn source(name: &str, body: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, body).expect("the directory can be written to");
    path
}

/// Takes the address of every function, and names everything else.
fn program_with_all_names() -> String {
    let mut text = String::from("#include <mimalloc.h>\n#include <mimalloc-stats.h>\n");
    for name in
        names(&["macro", "constant"]).filter(|name| !name.contains("mi_option_") && !name.contains("MI_CBIN"))
    {
        let _ = writeln!(text, "#ifndef {name}\n#ifndef __cplusplus\n#error {name}\n#endif\n#endif");
    }
    text.push_str("typedef void (*any_function)(void);\nstatic const any_function functions[] = {\n");
    for name in names(&["function", "inline"]) {
        let _ = writeln!(text, "  (any_function){name},");
    }
    text.push_str("};\nstatic const long constants[] = {\n");
    for name in names(&["constant"]) {
        let _ = writeln!(text, "  (long)({name}),");
    }
    text.push_str("};\n");
    for (number, name) in names(&["type"]).enumerate() {
        let _ = writeln!(text, "extern {name}* type_{number};");
    }
    text.push_str(
        "int main(void) {\n  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {\n    \
         if (functions[i] == NULL) return 1;\n  }\n  return constants[0] == 0;\n}\n",
    );
    text
}

#[test]
fn all_names_are_declared_in_c() {
    let path = source("all_names.c", &program_with_all_names());
    for linkage in [Linkage::Shared, Linkage::Static] {
        succeed(&mut Command::new(compile(&path, linkage)));
    }
}

#[test]
fn all_names_are_declared_in_cxx() {
    let mut text = program_with_all_names();
    for (number, name) in names(&["template"]).enumerate() {
        let _ = writeln!(text, "template struct {name}<int>;\nextern {name}<long>* template_{number};");
    }
    for name in names(&["cxx-constant"]) {
        let _ = writeln!(text, "#ifndef {name}\n#error {name}\n#endif");
    }
    let path = source("all_names_cxx.cpp", &text);
    for linkage in [Linkage::Shared, Linkage::Static] {
        succeed(&mut Command::new(compile(&path, linkage)));
    }
}

/// Each header by itself, in every version of both languages that it supports.
#[test]
fn headers_stand_alone() {
    let versions = [
        ("cc", "c", ["c90", "c99", "c11", "c17", "gnu2x"]),
        ("c++", "cpp", ["c++11", "c++14", "c++17", "c++20", "c++23"]),
    ];
    for header in ["mimalloc.h", "mimalloc-stats.h", "mimalloc-override.h", "mimalloc-new-delete.h"] {
        for (compiler, extension, standards) in &versions {
            let text = format!("#include <{header}>\nint nothing;\n");
            let path = source(&format!("{}.{extension}", header.replace('.', "_")), &text);
            for standard in standards {
                let mut command = Command::new(compiler);
                command.arg(format!("-std={standard}")).args(["-Wall", "-Wextra", "-Werror", "-pedantic"]);
                // C had no such type before 1999, but mimalloc's interface does.
                command.arg("-Wno-long-long");
                command.arg("-I").arg(in_package("include")).arg("-fsyntax-only").arg(&path);
                succeed(&mut command);
            }
        }
    }
}
