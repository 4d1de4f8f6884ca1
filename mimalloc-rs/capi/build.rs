//! Gives the shared library the name that programs linked with it ask for, and keeps it loaded once it is.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmimalloc_rs.so.0");
    // Hooks for the ends of threads and for forks point into the library, and so do blocks' owners.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
