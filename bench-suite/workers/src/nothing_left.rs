//! Nothing of a process is left behind, whatever happens to it or to the harness.

use std::io;

/// Has the kernel kill this process when the thread that started it ends.
///
/// # Errors
/// The kernel refuses.
pub fn end_with_parent() -> io::Result<()> {
    // SAFETY: sets a property of this process.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
}

/// A process that crashes is not to spend time on writing its memory to a file.
///
/// # Errors
/// The kernel refuses.
pub fn leave_no_core() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is readable.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) })
}

fn checked(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
