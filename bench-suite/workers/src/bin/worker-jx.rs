//! The worker of jemalloc.

use std::ffi::{CStr, c_char, c_uint};
use std::ptr;

use tikv_jemalloc_sys::mallctl;
use tikv_jemallocator::Jemalloc;
use workers::proof::{Probe, Proof};

workers::worker! { id: "jx", allocator: Jemalloc = Jemalloc, prove: prove }

fn prove(probe: &Probe<'_>) -> Result<Proof, String> {
    let evidence = probe.owned("mallctl arenas.lookup", |block| arena_of(block).is_some())?;
    Ok(Proof { version: format!("jemalloc {}", version()?), evidence })
}

fn arena_of(block: *const u8) -> Option<c_uint> {
    let (mut block, mut arena) = (block, 0);
    let mut size = size_of::<c_uint>();
    // SAFETY: the name ends in a zero byte; sizes are those of the variables; the address that is
    // asked for is not read from.
    let error = unsafe {
        mallctl(
            c"arenas.lookup".as_ptr(),
            (&raw mut arena).cast(),
            &raw mut size,
            (&raw mut block).cast(),
            size_of_val(&block),
        )
    };
    (error == 0).then_some(arena)
}

fn version() -> Result<String, String> {
    let mut version: *const c_char = ptr::null();
    let mut size = size_of_val(&version);
    // SAFETY: the name ends in a zero byte, the size is that of the variable, nothing is set.
    let error =
        unsafe { mallctl(c"version".as_ptr(), (&raw mut version).cast(), &raw mut size, ptr::null_mut(), 0) };
    if error != 0 || version.is_null() {
        return Err(format!("mallctl version: error {error}"));
    }
    // SAFETY: the version is a static string.
    let version = unsafe { CStr::from_ptr(version) }.to_string_lossy();
    // The rest, after a dash, is the commit.
    Ok(version.split('-').next().unwrap_or_default().to_owned())
}
