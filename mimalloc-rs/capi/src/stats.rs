//! Statistics as numbers, as JSON and as text.

use core::ffi::{c_char, c_void};
use core::fmt::{self, Write};
use core::ptr;

use mi::SubProcess;
use mi::hooks::OutputFn;
use mi::process::ProcessInfo;
use mi::raw::ThreadHeap;
use mi::stats::{Count, Stats, mimalloc_bin_size};

use crate::heap::{MiHeap, borrow};
use crate::stats_t::{MiStats, add};
use crate::subproc::{MiSubprocId, named};
use crate::told::writer;

/// # Safety
/// `heap` is null or a live heap.
unsafe fn of_heap(heap: *const MiHeap) -> Stats {
    // SAFETY: as the caller says.
    let heap = unsafe { borrow(heap) };
    Stats::of(&heap)
}

/// The heaps of a sub-process. Those that have ended are not known.
fn heaps_of(sub_process: SubProcess) -> Count {
    let current = sub_process.heaps().count() as i64;
    Count { total: current, peak: current, current }
}

/// The numbers of the process stand for those of its main part. Others are known by their heaps.
///
/// # Safety
/// As for [`named`].
unsafe fn of_sub_process(id: MiSubprocId) -> Stats {
    // SAFETY: as the caller says; the heaps of a live sub-process live.
    unsafe {
        let named = named(id);
        if named == SubProcess::main() {
            return Stats::process();
        }
        let mut sum = Stats::empty();
        for heap in named.heaps() {
            add(&mut sum, &of_heap(heap.as_ptr().cast()));
        }
        sum.heaps = heaps_of(named);
        sum
    }
}

/// What the process has, and no heap: memory, arenas, threads. Its main part stands for it, others have heaps only.
///
/// # Safety
/// As for [`named`].
unsafe fn of_no_heap(id: MiSubprocId) -> Stats {
    // SAFETY: as the caller says.
    let named = unsafe { named(id) };
    if named == SubProcess::main() {
        return Stats::apart_from_heaps();
    }
    let mut stats = Stats::empty();
    stats.heaps = heaps_of(named);
    stats
}

/// # Safety
/// `stats` is null or starts with a size and a version, and is as large as that says.
unsafe fn fill(stats: *mut MiStats, numbers: impl FnOnce() -> Stats) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        let known = MiStats::is_known(stats);
        if known {
            stats.write((&numbers()).into());
        }
        known
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_stats_get(stats: *mut MiStats) -> bool {
    // SAFETY: C callers pass null or a `mi_stats_t` of any version, here and below.
    unsafe { fill(stats, Stats::process) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_stats_get(heap: *mut MiHeap, stats: *mut MiStats) -> bool {
    // SAFETY: as for `mi_stats_get`.
    unsafe { fill(stats, || of_heap(heap)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_stats_get(id: MiSubprocId, stats: *mut MiStats) -> bool {
    // SAFETY: as for `mi_stats_get`.
    unsafe { fill(stats, || of_sub_process(id)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_stats_get_exclusive(id: MiSubprocId, stats: *mut MiStats) -> bool {
    // SAFETY: as for `mi_stats_get`.
    unsafe { fill(stats, || of_no_heap(id)) }
}

/// Text in a buffer of C's; without one its length is found.
struct Buffer {
    start: *mut u8,
    room: usize,
    /// Of all that was written, whether it fitted or not.
    len: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.len + text.len() <= self.room {
            // SAFETY: the buffer has room from `len` on, and is ours while this value lives.
            unsafe { self.start.add(self.len).copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        }
        self.len += text.len();
        Ok(())
    }
}

/// # Safety
/// `buffer` is null or has `room` bytes.
unsafe fn json(stats: &Stats, room: usize, buffer: *mut c_char) -> *mut u8 {
    let process = ProcessInfo::current();
    let write = |start: *mut u8, room: usize| {
        let mut buffer = Buffer { start, room, len: 0 };
        // The buffer takes everything.
        let _ = stats.write_json(&process, &mut buffer);
        buffer.len
    };
    let len = write(ptr::null_mut(), 0);
    let start = if buffer.is_null() {
        ThreadHeap::current().malloc(len + 1)
    } else if room > len {
        buffer.cast()
    } else {
        ptr::null_mut()
    };
    if !start.is_null() {
        write(start, len);
        // SAFETY: there is one byte more than the text has.
        unsafe { start.add(len).write(0) };
    }
    start
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_stats_get_json(room: usize, buffer: *mut c_char) -> *mut u8 {
    // SAFETY: C callers pass null or a buffer of that size, here and below.
    unsafe { json(&Stats::process(), room, buffer) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_stats_get_json(heap: *mut MiHeap, room: usize, buffer: *mut c_char) -> *mut u8 {
    // SAFETY: as for `mi_stats_get_json`.
    unsafe { json(&of_heap(heap), room, buffer) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_stats_get_json(id: MiSubprocId, room: usize, buffer: *mut c_char) -> *mut u8 {
    // SAFETY: as for `mi_stats_get_json`.
    unsafe { json(&of_sub_process(id), room, buffer) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_stats_as_json(stats: *const MiStats, room: usize, buffer: *mut c_char) -> *mut u8 {
    // SAFETY: C callers pass null or a `mi_stats_t` of any version, and as for `mi_stats_get_json`.
    unsafe {
        if !MiStats::is_known(stats) {
            return ptr::null_mut();
        }
        json(&Stats::from(&*stats), room, buffer)
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_stats_get_bin_size(bin: usize) -> usize {
    mimalloc_bin_size(bin)
}

/// # Safety
/// `out` is null or can be called with `arg`.
unsafe fn print(stats: &Stats, out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller says.
    let mut out = unsafe { writer(out, arg) };
    // The writer takes everything.
    let _ = stats.write_table(&ProcessInfo::current(), &mut out);
}

/// Once a `FILE*`, which is not ours to write to: the text goes where messages go.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn mi_stats_print(out: *mut c_void) {
    let _ = out;
    // SAFETY: there is no function to call.
    unsafe { print(&Stats::process(), None, ptr::null_mut()) }
}

/// The same for the calling thread, in version 1.0.
#[unsafe(no_mangle)]
extern "C" fn mi_thread_stats_print(out: *mut c_void) {
    let _ = out;
    // SAFETY: there is no function to call.
    unsafe { mi_thread_stats_print_out(None, ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: C callers pass null or a function for their argument, here and below.
    unsafe { print(&Stats::process(), out, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_thread_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_stats_print_out`.
    unsafe { print(&Stats::of_thread(ThreadHeap::current()), out, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_stats_print_out(heap: *mut MiHeap, out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_stats_print_out`.
    unsafe { print(&of_heap(heap), out, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_stats_print_out(id: MiSubprocId, out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as for `mi_stats_print_out`.
    unsafe { print(&of_sub_process(id), out, arg) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_heap_stats_print_out(
    id: MiSubprocId,
    out: Option<OutputFn>,
    arg: *mut c_void,
) {
    // SAFETY: as for `mi_stats_print_out`; C callers pass none or a live sub-process, whose heaps live.
    unsafe {
        for (number, heap) in named(id).heaps().enumerate() {
            // The writer takes everything.
            let _ = writeln!(writer(out, arg), "heap {number}");
            print(&of_heap(heap.as_ptr().cast()), out, arg);
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_stats_merge() {}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_stats_merge_to_subproc(heap: *mut MiHeap) {
    let _ = heap;
}

/// Numbers describe what is there, which does not go away.
#[unsafe(no_mangle)]
extern "C" fn mi_stats_reset() {}
