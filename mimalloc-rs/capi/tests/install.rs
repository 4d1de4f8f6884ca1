//! The installed library is found by CMake and by pkg-config.

mod support;

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::{in_package, library, succeed};

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn prefix() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let prefix = scratch("installed");
        let mut script = Command::new(in_package("../../scripts/install-capi.sh"));
        script
            .arg(&prefix)
            .env("CARGO_TARGET_DIR", library().parent().expect("lies in the target directory"));
        succeed(&mut script);
        prefix
    })
}

const PROGRAM: &str = "\
#include <mimalloc.h>
#include <stdlib.h>
int main(void) {
  void* p = malloc(100);
  bool is_ours = mi_is_in_heap_region(p);
  free(p);
  return is_ours && mi_version() == MI_MALLOC_VERSION ? 0 : 1;
}
";

/// What fails in it asks for no more of the C++ library than it has to.
const CXX_PROGRAM: &str = "\
#include <cstdint>
#include <new>
int main() {
  volatile std::size_t size = PTRDIFF_MAX;
  try {
    return ::operator new(size) == nullptr;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}
";

const PROJECT: &str = "\
cmake_minimum_required(VERSION 3.13)
project(user C CXX)
find_package(mimalloc 2.0 REQUIRED)
foreach(library mimalloc mimalloc-static)
  add_executable(with-${library} main.c)
  target_link_libraries(with-${library} PRIVATE ${library})
  add_executable(with-${library}-and-cxx main.cpp)
  target_link_libraries(with-${library}-and-cxx PRIVATE ${library} -static-libstdc++ -static-libgcc)
endforeach()
add_executable(all-static main.c)
target_link_libraries(all-static PRIVATE -static mimalloc-static)
add_executable(all-static-cxx main.cpp)
target_link_libraries(all-static-cxx PRIVATE -static mimalloc-static)
";

/// Tells which requests the library meets, and that one without what it needs itself is no error but where it is required.
const ASKING_PROJECT: &str = "\
cmake_minimum_required(VERSION 3.19)
project(asking C)
set(CMAKE_DISABLE_FIND_PACKAGE_Threads TRUE)
find_package(mimalloc QUIET)
if(mimalloc_FOUND)
  message(SEND_ERROR \"it does without threads\")
endif()
set(CMAKE_DISABLE_FIND_PACKAGE_Threads FALSE)
foreach(meets IN ITEMS 1.7 3.3.2 3...4 1.7...3.3.2 3.3.2...<4)
  find_package(mimalloc ${meets} QUIET)
  if(NOT mimalloc_FOUND)
    message(SEND_ERROR \"${meets} is not met\")
  endif()
endforeach()
foreach(meets IN ITEMS 3.4 4 1.7...<3 1.7...<3.3.2 1.7...3.3.1 3.4...5)
  unset(mimalloc_DIR CACHE)
  unset(mimalloc_FOUND)
  find_package(mimalloc ${meets} QUIET)
  if(mimalloc_FOUND)
    message(SEND_ERROR \"${meets} is met\")
  endif()
endforeach()
";

#[test]
fn cmake_asks_for_versions() {
    let (source, build) = (scratch("cmake-asking"), scratch("cmake-asking-build"));
    let _ = fs::remove_dir_all(&build);
    fs::create_dir_all(&source).expect("the directory can be made");
    fs::write(source.join("CMakeLists.txt"), ASKING_PROJECT).expect("it can be written to");
    let mut cmake = Command::new("cmake");
    cmake.arg("-S").arg(&source).arg("-B").arg(&build);
    succeed(cmake.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display())));
}

#[test]
fn cmake_finds_both_targets() {
    let (source, build) = (scratch("cmake-user"), scratch("cmake-user-build"));
    fs::create_dir_all(&source).expect("the directory can be made");
    fs::write(source.join("main.c"), PROGRAM).expect("it can be written to");
    fs::write(source.join("main.cpp"), CXX_PROGRAM).expect("it can be written to");
    fs::write(source.join("CMakeLists.txt"), PROJECT).expect("it can be written to");
    let mut cmake = Command::new("cmake");
    cmake
        .arg("-S")
        .arg(&source)
        .arg("-B")
        .arg(&build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    succeed(&mut cmake);
    succeed(Command::new("cmake").arg("--build").arg(&build));
    for program in [
        "with-mimalloc",
        "with-mimalloc-and-cxx",
        "with-mimalloc-static",
        "with-mimalloc-static-and-cxx",
        "all-static",
        "all-static-cxx",
    ] {
        succeed(&mut Command::new(build.join(program)));
    }
}

/// Compiles the program in the language of `extension` with the flags that pkg-config gives.
fn link_by_pkg_config(extension: &str, for_compiler: &[&str], for_pkg_config: &[&str]) -> PathBuf {
    let mut pkg_config = Command::new("pkg-config");
    pkg_config
        .args(["--cflags", "--libs", "mimalloc"])
        .args(for_pkg_config)
        .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"));
    let flags = String::from_utf8(succeed(&mut pkg_config).stdout).expect("flags are text");
    let name = format!("pkg-config-user-{extension}{}", for_compiler.len());
    let (source, program) = (scratch(&format!("{name}.{extension}")), scratch(&name));
    let (compiler, text) = if extension == "c" { ("cc", PROGRAM) } else { ("c++", CXX_PROGRAM) };
    fs::write(&source, text).expect("the directory can be written to");
    let mut command = Command::new(compiler);
    command.args(for_compiler).arg(&source).arg("-o").arg(&program).args(flags.split_whitespace());
    succeed(&mut command);
    program
}

/// What the documentation tells programs to be linked with that have the C++ library within themselves.
const WITH_CXX_WITHIN: &str = "-Wl,-u,_ZSt17__throw_bad_allocv";

#[test]
fn pkg_config_knows_how_to_link() {
    let within = ["-static-libstdc++", "-static-libgcc", WITH_CXX_WITHIN];
    for (extension, flags) in [("c", &[][..]), ("cpp", &[]), ("cpp", &within)] {
        let program = link_by_pkg_config(extension, flags, &[]);
        succeed(Command::new(program).env("LD_LIBRARY_PATH", prefix().join("lib")));
    }
}

#[test]
fn pkg_config_knows_how_to_link_statically() {
    succeed(&mut Command::new(link_by_pkg_config("c", &["-static"], &["--static"])));
    let flags = ["-static", WITH_CXX_WITHIN];
    succeed(&mut Command::new(link_by_pkg_config("cpp", &flags, &["--static"])));
}

#[test]
fn a_program_with_operators_of_its_own_can_be_linked_statically() {
    let within: [&[&str]; 2] = [&[], &["-static", WITH_CXX_WITHIN]];
    for (more, arrays) in within.into_iter().flat_map(|more| [(more, "-UARRAYS"), (more, "-DARRAYS")]) {
        let program = scratch(&format!("own-operators{arrays}{}", more.len()));
        let mut compiler = Command::new("c++");
        compiler.args(["-std=c++17", "-O1", "-fno-builtin", arrays]).args(more);
        compiler.arg("-I").arg(in_package("tests/c")).arg(in_package("tests/cpp/replaced_operators.cpp"));
        compiler.arg("-o").arg(&program).arg(prefix().join("lib/libmimalloc_rs.a"));
        succeed(compiler.args(["-lpthread", "-ldl", "-lm"]));
        succeed(&mut Command::new(program));
    }
}

/// Stands for cargo, and makes what the script installs where it is told to.
const CARGO: &str = "\
#!/bin/sh
mkdir -p \"$CARGO_TARGET_DIR/release\"
ar cr \"$CARGO_TARGET_DIR/release/libmimalloc_rs.a\"
touch \"$CARGO_TARGET_DIR/release/libmimalloc_rs.so\"
";

#[test]
fn a_relative_target_directory_is_taken_from_where_the_script_starts() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, CARGO).expect("the folder is ours");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let path = env::var("PATH").unwrap_or_default();
    let mut script = Command::new(in_package("../../scripts/install-capi.sh"));
    script
        .arg("prefix")
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", "built/here")
        .env("PATH", format!("{}:{path}", folder.path().display()));
    succeed(&mut script);
    for file in ["built/here/release/libmimalloc_rs.a", "prefix/lib/libmimalloc_rs.so.0"] {
        assert!(folder.path().join(file).exists(), "no {file}");
    }
}

#[test]
fn the_script_says_how_it_is_used() {
    let output =
        Command::new(in_package("../../scripts/install-capi.sh")).output().expect("the script starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage"));
}
