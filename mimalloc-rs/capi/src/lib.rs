//! mimalloc-rs as a C library. What the functions promise is written in `include/mimalloc.h`.
//!
//! Every C name is defined here and nowhere else; behind most of them stands one call of the Rust interface. Nothing in this
//! crate allocates through Rust's own allocator, so the library may be that allocator's `malloc`.
//!
//! Who knows of whom, lowest first: `errno`, `told`, `stats_t`, `cxx_library` know of nobody; `heap`, `theap`, `subproc`, `place` say what C's
//! pointers stand for; `family` writes the functions that there are for each kind of heap; then come the functions, in files named
//! after what they do, of which `posix` knows of `basic` and `process` of `stats`; `override_c`, `override_cxx` and `override_libc`
//! give them the names that programs call.

#![cfg_attr(all(panic = "abort", target_arch = "x86_64", target_os = "linux"), no_std)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!(
    "the C library needs Linux on x86-64: how it finds and calls the C++ library is written for that"
);

#[macro_use]
mod family;

mod aligned;
mod arena;
mod basic;
mod cxx;
mod cxx_library;
mod errno;
mod extended;
mod heap;
mod options;
#[cfg(feature = "override")]
mod override_c;
#[cfg(feature = "override")]
mod override_cxx;
#[cfg(feature = "override")]
mod override_libc;
mod place;
mod posix;
mod process;
// Elsewhere a thread finds its theap through the standard library.
#[cfg(all(panic = "abort", target_arch = "x86_64", target_os = "linux"))]
mod rust_runtime;
mod stats;
mod stats_t;
mod subproc;
mod theap;
mod told;
mod visit;
mod zero;
