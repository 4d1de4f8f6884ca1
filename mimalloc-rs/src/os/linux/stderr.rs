//! Messages, without allocating.

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::errno::KeptErrno;
use super::process::abort;

/// Where messages go.
static STDERR: Kept = Kept {
    descriptor: AtomicI32::new(libc::STDERR_FILENO),
    device: AtomicU64::new(0),
    inode: AtomicU64::new(0),
};

/// A descriptor of the process's own, and the file it is of: the program may close it, and the next file get its number.
struct Kept {
    descriptor: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Kept {
    fn set(&self, descriptor: libc::c_int) {
        if let Some((device, inode)) = file_of(descriptor) {
            self.device.store(device, Ordering::Relaxed);
            self.inode.store(inode, Ordering::Relaxed);
            self.descriptor.store(descriptor, Ordering::Release);
        }
    }

    /// The descriptor, or standard error's if it is of another file by now.
    fn get(&self) -> libc::c_int {
        let descriptor = self.descriptor.load(Ordering::Acquire);
        let file = (self.device.load(Ordering::Relaxed), self.inode.load(Ordering::Relaxed));
        let is_kept = descriptor != libc::STDERR_FILENO && file_of(descriptor) == Some(file);
        if is_kept { descriptor } else { libc::STDERR_FILENO }
    }
}

/// The numbers that tell a file from all others. May change `errno`.
fn file_of(descriptor: libc::c_int) -> Option<(u64, u64)> {
    // SAFETY: the structure is plain numbers, for which zero is fine, and valid for writing.
    unsafe {
        let mut status: libc::stat = core::mem::zeroed();
        (libc::fstat(descriptor, &raw mut status) == 0).then_some((status.st_dev, status.st_ino))
    }
}

/// Keeps standard error as it is now for messages, whatever the program does with it later.
pub(crate) fn keep_stderr() {
    let _errno = KeptErrno::save();
    // Out of the way of programs that expect certain numbers; where there are not so many, behind the standard streams.
    for least in [64, 3] {
        // SAFETY: makes one more descriptor of an open file.
        let kept = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, least) };
        if kept >= 0 {
            return STDERR.set(kept);
        }
    }
}

/// Writes to standard error. May change `errno`; nothing can be done about a failure. As for [`read_start`](super::read_start).
pub(crate) fn write_to_stderr(bytes: &[u8]) {
    // SAFETY: the bytes are valid for reading.
    unsafe { libc::syscall(libc::SYS_write, STDERR.get(), bytes.as_ptr(), bytes.len()) };
}

/// Ends the process after a line on standard error: the allocator's own state cannot be trusted any more.
#[cold]
pub(crate) fn give_up(line: &str) -> ! {
    write_to_stderr(line.as_bytes());
    abort()
}
