//! glibc's tuning interface, which must not reach glibc's own heap.

use core::ffi::c_int;
use core::fmt::{self, Write};
use core::ptr;

use libc::FILE;
use mi::MiMalloc;
use mi::stats::{Stats, purged};

use crate::stats;

/// Gives back all free memory, whatever padding is asked for; 1 if there was some. The size of the process would not tell: other
/// threads may take as much meanwhile.
#[unsafe(no_mangle)]
extern "C" fn malloc_trim(pad: usize) -> c_int {
    let _ = pad;
    let before = purged();
    MiMalloc.collect(true);
    c_int::from(purged() > before)
}

/// Accepts every parameter, and ignores it: none of glibc's exists here.
#[unsafe(no_mangle)]
extern "C" fn mallopt(parameter: c_int, value: c_int) -> c_int {
    let _ = (parameter, value);
    1
}

/// Prints our statistics.
#[unsafe(no_mangle)]
extern "C" fn malloc_stats() {
    stats::mi_stats_print(ptr::null_mut());
}

/// What of glibc's numbers has a meaning here: all memory, what is in use, what is free, and blocks of their own.
#[unsafe(no_mangle)]
extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let stats = Stats::process();
    let bytes = |count: i64| usize::try_from(count).unwrap_or(0);
    let (held, large) = (bytes(stats.committed.current), bytes(stats.malloc_huge.current));
    let used = bytes(stats.malloc_normal.current);
    libc::mallinfo2 {
        arena: held.saturating_sub(large),
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: large,
        usmblks: 0,
        fsmblks: 0,
        uordblks: used,
        fordblks: held.saturating_sub(large + used),
        keepcost: 0,
    }
}

/// As [`mallinfo2`], in numbers that are too small for much memory; they stop at the largest.
#[unsafe(no_mangle)]
extern "C" fn mallinfo() -> libc::mallinfo {
    let info = mallinfo2();
    let number = |bytes: usize| c_int::try_from(bytes).unwrap_or(c_int::MAX);
    libc::mallinfo {
        arena: number(info.arena),
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: number(info.hblkhd),
        usmblks: 0,
        fsmblks: 0,
        uordblks: number(info.uordblks),
        fordblks: number(info.fordblks),
        keepcost: 0,
    }
}

/// Text for a stream of C's.
struct Stream(*mut FILE);

impl Write for Stream {
    /// What cannot be written is noted in the stream itself.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: who made this value vouches for the stream.
        unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), self.0) };
        Ok(())
    }
}

/// The numbers of [`mallinfo2`], in those of glibc's elements that have them. All are taken before the stream, which may
/// want a block for its buffer, is written to.
#[unsafe(no_mangle)]
unsafe extern "C" fn malloc_info(options: c_int, stream: *mut FILE) -> c_int {
    if options != 0 {
        return libc::EINVAL;
    }
    let info = mallinfo2();
    // C callers pass an open stream. It takes everything.
    let mut stream = Stream(stream);
    let _ = writeln!(stream, "<malloc version=\"1\">");
    for (kind, count, size) in [
        ("fast", info.smblks, info.fsmblks),
        ("rest", info.ordblks, info.fordblks),
        ("mmap", info.hblks, info.hblkhd),
    ] {
        let _ = writeln!(stream, "<total type=\"{kind}\" count=\"{count}\" size=\"{size}\"/>");
    }
    let _ = writeln!(stream, "<system type=\"current\" size=\"{}\"/>\n</malloc>", info.arena);
    0
}
