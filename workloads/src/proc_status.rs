//! Memory figures from `/proc/self`, read without a heap.

use std::ffi::CStr;
use std::hint::black_box;

/// What the kernel says about this process's resident memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// `VmHWM`: the most there ever was.
    pub(crate) peak: u64,
    /// `VmRSS`: what there is.
    pub(crate) now: u64,
}

/// Reads both figures, or nothing where there is no such file.
pub(crate) fn resident() -> Option<Resident> {
    // Both lines are in the first half of a file of some 1500 bytes.
    let mut buffer = [0_u8; 4096];
    parse(read(c"/proc/self/status", &mut buffer)?)
}

/// Looks at the process's memory as a program does that watches its own size.
pub(crate) fn glance() {
    let mut buffer = [0_u8; 128];
    black_box(read(c"/proc/self/statm", &mut buffer));
}

/// The start of a file, as much as there is room for.
fn read<'a>(path: &CStr, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    // SAFETY: the path ends in a zero byte.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    // SAFETY: the buffer is live and as long as said; the file is open and closed once.
    let length = unsafe {
        let length = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
        libc::close(file);
        length
    };
    buffer.get(..usize::try_from(length).ok()?)
}

fn parse(status: &[u8]) -> Option<Resident> {
    Some(Resident { peak: kibibytes(status, b"VmHWM:")?, now: kibibytes(status, b"VmRSS:")? })
}

fn kibibytes(status: &[u8], name: &[u8]) -> Option<u64> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    let number = str::from_utf8(line).ok()?.trim().strip_suffix("kB")?.trim_end();
    number.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_found() {
        let text = b"Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t     220 kB\nVmRSS:\t 12 kB\nThreads:\t1\n";
        assert_eq!(parse(text), Some(Resident { peak: 220 * 1024, now: 12 * 1024 }));
        assert_eq!(parse(b"Name:\tx\n"), None);
    }

    #[test]
    fn a_big_block_shows() {
        let before = resident().expect("there is a /proc");
        let block = vec![1_u8; 32 << 20];
        let with = resident().expect("there is a /proc");
        drop(std::hint::black_box(block));
        assert!(with.peak >= with.now.max(32 << 20) && before.now > 0);
    }
}
