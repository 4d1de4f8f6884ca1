//! The process: who runs it, what it reads, how it ends.

use core::ffi::CStr;

use super::errno::KeptErrno;

/// Lets another thread run.
pub(crate) fn yield_now() {
    // SAFETY: touches no memory, and always succeeds.
    unsafe { libc::sched_yield() };
}

/// Whether the program runs with more rights than who started it has, as set-user-ID programs and those with capabilities do.
pub(crate) fn has_more_rights_than_user() -> bool {
    let _errno = KeptErrno::save();
    // SAFETY: reads what the kernel has told the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// A number that no other process of its namespace has while this one lives.
pub(crate) fn process_id() -> u32 {
    // SAFETY: tells a number.
    unsafe { libc::getpid() }.cast_unsigned()
}

/// A number that no other thread of its process has while this one lives.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: tells a number.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// A number nobody can guess, as far as the system has any.
#[cfg(any(feature = "debug", feature = "secure"))]
pub(crate) fn random() -> usize {
    let _errno = KeptErrno::save();
    let mut number = 0usize;
    // SAFETY: `number` is valid for writing. AT_RANDOM names 16 bytes that live as long as the process.
    unsafe {
        // The C library's function would end a thread that is to be cancelled.
        let got =
            libc::syscall(libc::SYS_getrandom, &raw mut number, size_of::<usize>(), libc::GRND_NONBLOCK);
        if got != size_of::<usize>() as libc::c_long {
            let seed = libc::getauxval(libc::AT_RANDOM) as *const usize;
            number = if seed.is_null() { (&raw const number).addr() } else { seed.read_unaligned() };
        }
    }
    number
}

/// The start of a file, as much as `buffer` holds; nothing if it cannot be read. In a thread that is to be cancelled, the
/// C library's functions would end it here, and `malloc` must not.
pub(super) fn read_start<'a>(path: &CStr, buffer: &'a mut [u8]) -> &'a [u8] {
    let _errno = KeptErrno::save();
    // SAFETY: the path is a C string, the buffer valid for writing, and the descriptor is this function's own.
    let length = unsafe {
        let how = libc::O_RDONLY | libc::O_CLOEXEC;
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), how);
        if file < 0 {
            return &[];
        }
        let length = libc::syscall(libc::SYS_read, file, buffer.as_mut_ptr(), buffer.len());
        libc::syscall(libc::SYS_close, file);
        length
    };
    &buffer[..usize::try_from(length).unwrap_or(0)]
}

/// Ends the process, as a fault would.
pub(crate) fn abort() -> ! {
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}
