//! What C callers are told: numbers where they want them, and text.

use core::ffi::c_void;
use core::fmt::Write;

use mi::hooks::{OutputFn, OutputWriter};
use mi::stats::MIMALLOC_VERSION;

/// Stores `value` where a C caller wants it, if anywhere.
///
/// # Safety
/// `place` is null or valid for writing.
pub(crate) unsafe fn tell<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: the caller vouches for the place.
        unsafe { place.write(value) };
    }
}

/// Where a C caller wants text to go; without a function, to the default output.
///
/// # Safety
/// The function can be called with the argument while the writer is in use.
pub(crate) unsafe fn writer(out: Option<OutputFn>, arg: *mut c_void) -> OutputWriter {
    match out {
        // SAFETY: as the caller says.
        Some(out) => unsafe { OutputWriter::to(out, arg) },
        None => OutputWriter::registered(),
    }
}

/// Says what this is.
pub(crate) fn print_version(out: &mut OutputWriter) {
    let [major, minor, patch] =
        [MIMALLOC_VERSION / 10000, MIMALLOC_VERSION / 100 % 100, MIMALLOC_VERSION % 100];
    let version = env!("CARGO_PKG_VERSION");
    // The writer takes everything.
    let _ = writeln!(out, "mimalloc-rs {version}, with the interface of mimalloc {major}.{minor}.{patch}");
}
