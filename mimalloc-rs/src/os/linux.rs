//! Linux, by way of libc.

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use super::LargePages;
use crate::options::{self, Opt};

/// Restores `errno` when it goes out of scope.
pub(crate) struct KeptErrno(i32);

impl KeptErrno {
    pub(crate) fn save() -> Self {
        // SAFETY: the location is the calling thread's own and always there.
        Self(unsafe { *libc::__errno_location() })
    }
}

impl Drop for KeptErrno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

/// Reserves `size` bytes whose start is a multiple of `align`, a power of two of at least the system's
/// page size. `None` when the system refuses.
pub(crate) fn reserve(size: usize, align: usize) -> Option<*mut u8> {
    let _errno = KeptErrno::save();
    let padded = size.checked_add(align)?;
    // Writable, all of it would come into memory when the program locks its own (`mlockall`), lie in the dump when it
    // crashes, and be charged under strict accounting.
    let start = map(padded, libc::PROT_NONE)?;
    let before = start.addr().wrapping_neg() & (align - 1);
    // SAFETY: `before` is below `align`, so both trimmed parts lie in the mapping made above.
    unsafe {
        let aligned = start.add(before);
        if before > 0 {
            libc::munmap(start.cast(), before);
        }
        if align > before {
            libc::munmap(aligned.add(size).cast(), align - before);
        }
        advise_reserved(aligned, size);
        Some(aligned)
    }
}

/// Reserves `size` bytes at `start`, if nothing is mapped there and the system allows.
pub(crate) fn reserve_at(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    let got = map_at(start, size, libc::PROT_NONE, libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE);
    let is_there = got == Some(start);
    // SAFETY: what was mapped above is nobody else's.
    unsafe {
        match got {
            Some(start) if is_there => advise_reserved(start, size),
            // Before Linux 4.17 the place is no more than a wish.
            Some(elsewhere) => {
                libc::munmap(elsewhere.cast(), size);
            }
            None => {}
        }
    }
    is_there
}

/// Where the system would map `size` bytes.
pub(crate) fn next_place(size: usize) -> Option<*mut u8> {
    let _errno = KeptErrno::save();
    let start = map(size, libc::PROT_NONE)?;
    // SAFETY: this was mapped above, and nobody knows of it.
    unsafe { libc::munmap(start.cast(), size) };
    Some(start)
}

/// What is the same for all that is reserved.
///
/// # Safety
/// The range is a reservation of the caller's.
unsafe fn advise_reserved(start: *mut u8, size: usize) {
    // SAFETY: as the caller says; what is in the range stays.
    unsafe {
        // Debuggers that write a dump write what is inaccessible as well.
        libc::madvise(start.cast(), size, libc::MADV_DONTDUMP);
        // Huge pages behind a small heap would multiply its footprint.
        if options::get(Opt::AllowThp) < 2 {
            libc::madvise(start.cast(), size, libc::MADV_NOHUGEPAGE);
        }
    }
}

/// Reserves `size` bytes of large pages, which stay in memory. `None` when the system has not enough of them.
pub(crate) fn reserve_large(size: usize, pages: LargePages) -> Option<*mut u8> {
    let _errno = KeptErrno::save();
    let kind = match pages {
        LargePages::Default => libc::MAP_HUGETLB,
        LargePages::Huge { .. } => libc::MAP_HUGETLB | libc::MAP_HUGE_1GB,
    };
    let start = map_with(size, libc::PROT_READ | libc::PROT_WRITE, kind)?;
    if let LargePages::Huge { node: Some(node) } = pages
        && node < u64::BITS
    {
        const MPOL_PREFERRED: libc::c_int = 1;
        let mask = 1u64 << node;
        // SAFETY: the range was mapped above, and the mask has this many bits. Where the system has no nodes, the call
        // does nothing.
        unsafe {
            libc::syscall(
                libc::SYS_mbind,
                start,
                size,
                MPOL_PREFERRED,
                &raw const mask,
                u64::from(u64::BITS),
                0,
            );
        }
    }
    Some(start)
}

fn map(size: usize, protection: i32) -> Option<*mut u8> {
    map_with(size, protection, libc::MAP_NORESERVE)
}

fn map_with(size: usize, protection: i32, kind: i32) -> Option<*mut u8> {
    map_at(ptr::null_mut(), size, protection, kind)
}

/// The place is the system's choice, or `wanted` is free, by what `kind` says.
fn map_at(wanted: *mut u8, size: usize, protection: i32, kind: i32) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | kind;
    // SAFETY: asks for a new mapping, which takes the place of no other.
    let start = unsafe { libc::mmap(wanted.cast(), size, protection, flags, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start.cast())
}

/// Ends the reservation of `size` bytes at `start`.
///
/// # Safety
/// The range is a reservation or a part of one, starts and ends on system pages, and nobody uses it any more.
pub(crate) unsafe fn release(start: *mut u8, size: usize) {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range.
    unsafe { libc::munmap(start.cast(), size) };
}

/// Makes `size` bytes at `start` readable and writable. What is reserved there goes on for `reserved` bytes. False when the system
/// refuses.
///
/// # Safety
/// All of it is a reservation of the caller's, or a part of one.
#[must_use]
pub(crate) unsafe fn commit(start: *mut u8, size: usize, reserved: usize) -> bool {
    let _errno = KeptErrno::save();
    let make_accessible = |dumped| {
        // SAFETY: the caller vouches for the range; making it accessible invalidates nothing.
        unsafe {
            libc::madvise(start.cast(), dumped, libc::MADV_DODUMP);
            libc::mprotect(start.cast(), size, libc::PROT_READ | libc::PROT_WRITE) == 0
        }
    };
    // Between the two steps the range is a mapping of its own, and there may be as many as a process can have. So debuggers
    // rather dump what is inaccessible.
    make_accessible(size) || make_accessible(reserved)
}

/// Whether the system charges for accessible memory before it is touched, as it does where it forbids overcommitment; and is taken
/// to where it does not say. It is asked once.
pub(crate) fn charges_untouched() -> bool {
    const UNKNOWN: u32 = 2;
    static ANSWER: AtomicU32 = AtomicU32::new(UNKNOWN);
    if ANSWER.load(Ordering::Relaxed) == UNKNOWN {
        ANSWER.store((overcommit_policy() == b'2').into(), Ordering::Relaxed);
    }
    ANSWER.load(Ordering::Relaxed) == 1
}

/// The digit by which the kernel names its policy; 2 forbids it.
fn overcommit_policy() -> u8 {
    read_start(c"/proc/sys/vm/overcommit_memory", &mut [0]).first().copied().unwrap_or(b'2')
}

/// The start of a file, as much as `buffer` holds; nothing if it cannot be read. In a thread that is to be cancelled, the
/// C library's functions would end it here, and `malloc` must not.
pub(crate) fn read_start<'a>(path: &CStr, buffer: &'a mut [u8]) -> &'a [u8] {
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

/// Has accesses to `size` bytes at `start` fail, at no cost in mappings. False where the kernel (before 6.13) cannot.
///
/// # Safety
/// The range lies in a reservation of the caller's, starts and ends on system pages, and holds nothing anyone will use.
pub(crate) unsafe fn install_guard(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    // SAFETY: the caller vouches for the range.
    unsafe { libc::madvise(start.cast(), size, MADV_GUARD_INSTALL) == 0 }
}

/// Undoes [`install_guard`]. False where the kernel cannot.
///
/// # Safety
/// As there.
pub(crate) unsafe fn remove_guard(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    const MADV_GUARD_REMOVE: libc::c_int = 103;
    // SAFETY: the caller vouches for the range.
    unsafe { libc::madvise(start.cast(), size, MADV_GUARD_REMOVE) == 0 }
}

/// Makes `size` bytes at `start` inaccessible. False if the system refuses.
///
/// # Safety
/// As for [`install_guard`].
pub(crate) unsafe fn protect(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range.
    unsafe { libc::mprotect(start.cast(), size, libc::PROT_NONE) == 0 }
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

/// Puts memory behind `size` bytes at `start` that have none, as writing to them would, in one call. False where the kernel
/// (before 5.14) cannot, or has none.
///
/// # Safety
/// The range lies in a reservation of the caller's, and starts and ends on system pages.
pub(crate) unsafe fn populate(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range; what is in it stays.
    unsafe { libc::madvise(start.cast(), size, libc::MADV_POPULATE_WRITE) == 0 }
}

/// Whether there is memory behind the system page at `page`. Not for where memory is allocated: many a program that shuts
/// itself in dies of this call.
///
/// # Safety
/// It is one, in a reservation of the caller's.
#[cfg(test)]
pub(crate) unsafe fn is_resident(page: *mut u8) -> bool {
    let mut state = 0_u8;
    // SAFETY: the caller vouches for the page, and there is room for what is said of it.
    unsafe { libc::mincore(page.cast(), 1, &raw mut state) == 0 && state & 1 != 0 }
}

/// Says whether huge pages may stand behind `size` bytes at `start` that have no memory yet.
///
/// # Safety
/// As for [`populate`].
pub(crate) unsafe fn allow_huge_pages(start: *mut u8, size: usize, allow: bool) {
    let _errno = KeptErrno::save();
    let advice = if allow { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
    // SAFETY: the caller vouches for the range; what is in it stays.
    unsafe { libc::madvise(start.cast(), size, advice) };
}

/// Gives the memory behind `size` bytes at `start` back. True when the range now reads as zero.
///
/// # Safety
/// The range lies in a reservation of the caller's, starts and ends on system pages, and holds nothing
/// anyone will read.
pub(crate) unsafe fn purge(start: *mut u8, size: usize) -> bool {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range.
    unsafe { libc::madvise(start.cast(), size, libc::MADV_DONTNEED) == 0 }
}

/// Lets the system take the memory behind `size` bytes at `start` when it needs some.
///
/// # Safety
/// As for [`purge`].
pub(crate) unsafe fn offer(start: *mut u8, size: usize) {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range.
    unsafe { libc::madvise(start.cast(), size, libc::MADV_FREE) };
}

/// Has the system use no transparent huge pages in this process.
pub(crate) fn forbid_huge_pages() {
    let _errno = KeptErrno::save();
    // SAFETY: changes nothing but that.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

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

/// Milliseconds of a monotonic clock that is read without a system call.
pub(crate) fn coarse_ms() -> u64 {
    read_ns(libc::CLOCK_MONOTONIC_COARSE) / 1_000_000
}

/// Nanoseconds of the same clock, more exactly.
pub(crate) fn now_ns() -> u64 {
    read_ns(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds that the calling thread has run.
pub(crate) fn thread_ns() -> u64 {
    read_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is valid for writing.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The key whose destructor tells of a thread's end, plus one; zero while there is none.
static EXIT_KEY: AtomicU32 = AtomicU32::new(0);
/// Instead of the key: none is made any more.
const UNLOADED: u32 = u32::MAX;

/// Has `hook` called at the end of every thread that calls [`arm_thread_exit`]. Calling it again has no effect.
pub(crate) fn on_thread_exit(hook: unsafe extern "C" fn(*mut c_void)) {
    if EXIT_KEY.load(Ordering::Acquire) != 0 {
        return;
    }
    let mut key = 0;
    // SAFETY: `key` is valid for writing, and `hook` is there until the key is deleted.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(hook)) } != 0 {
        return;
    }
    if EXIT_KEY.compare_exchange(0, key + 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: this key was made above and never used.
        unsafe { libc::pthread_key_delete(key) };
    }
}

/// The key, if there is one.
fn exit_key(word: u32) -> Option<libc::pthread_key_t> {
    if word == UNLOADED { None } else { word.checked_sub(1) }
}

/// Has the exit hook called with `value` when the calling thread ends.
pub(crate) fn arm_thread_exit(value: *mut c_void) {
    if let Some(key) = exit_key(EXIT_KEY.load(Ordering::Acquire)) {
        // SAFETY: the key exists until this code is unloaded.
        unsafe { libc::pthread_setspecific(key, value) };
    }
}

/// Takes the hook back when the library that holds this code is unloaded, as a plugin may be: threads that end later must not
/// call into it. At the end of a process it does no harm.
extern "C" fn forget_thread_exit() {
    if let Some(key) = exit_key(EXIT_KEY.swap(UNLOADED, Ordering::AcqRel)) {
        // SAFETY: the key was made by `on_thread_exit`, and nobody finds it any more.
        unsafe { libc::pthread_key_delete(key) };
    }
}

/// Has the loader call it.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_UNLOADING: extern "C" fn() = forget_thread_exit;

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

/// Writes to standard error. May change `errno`; nothing can be done about a failure. As for [`read_start`].
pub(crate) fn write_to_stderr(bytes: &[u8]) {
    // SAFETY: the bytes are valid for reading.
    unsafe { libc::syscall(libc::SYS_write, STDERR.get(), bytes.as_ptr(), bytes.len()) };
}

/// Ends the process after a line on standard error: the allocator's own state cannot be trusted any more.
#[cold]
pub(crate) fn give_up(line: &str) -> ! {
    write_to_stderr(line.as_bytes());
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::SYSTEM_PAGE_MIN;

    /// What `errno` is after `call`, if it was zero before.
    fn errno_after(call: impl FnOnce()) -> i32 {
        // SAFETY: the location is the calling thread's own.
        unsafe { *libc::__errno_location() = 0 };
        call();
        KeptErrno::save().0
    }

    #[test]
    fn what_the_system_refuses_does_not_show_in_errno() {
        const NOT_THERE: usize = 1 << 60;
        assert_eq!(errno_after(|| assert!(reserve(NOT_THERE, SYSTEM_PAGE_MIN).is_none())), 0);
        assert_eq!(errno_after(|| assert!(reserve_large(NOT_THERE, LargePages::Default).is_none())), 0);
        let huge = LargePages::Huge { node: Some(0) };
        assert_eq!(errno_after(|| assert!(reserve_large(NOT_THERE, huge).is_none())), 0);
        let no_page = ptr::without_provenance_mut(1);
        // SAFETY: the system refuses an address inside a page.
        assert_eq!(errno_after(|| assert!(unsafe { !protect(no_page, SYSTEM_PAGE_MIN) })), 0);
        // SAFETY: as above.
        assert_eq!(errno_after(|| unsafe { release(no_page, SYSTEM_PAGE_MIN) }), 0);
    }
}
