//! Gives the shared library the name that programs linked with it ask for, and keeps it loaded once it is.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmimalloc_rs.so.0");
    // Without the standard library nothing else asks for the C library; what it does not have is an error.
    println!("cargo:rustc-cdylib-link-arg=-lc");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
    // The hook for the ends of threads points into the library, and so do blocks' owners.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
