//! Address space, the memory behind it, and who may touch it.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::errno::KeptErrno;
use super::process::read_start;
use crate::options::{self, Opt};
use crate::os::LargePages;

/// Reserves `size` bytes whose start is a multiple of `align`, a power of two of at least the system's
/// page size. `None` when the system refuses.
pub(crate) fn reserve(size: usize, align: usize) -> Option<*mut u8> {
    let _errno = KeptErrno::save();
    let padded = size.checked_add(align)?;
    // Writable, all of it would come into memory when the program locks its own (`mlockall`), lie in the dump when it
    // crashes, and be charged under strict accounting.
    let start = map_nothing(padded)?;
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
    let start = map_nothing(size)?;
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
    let start = map_at(ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, kind)?;
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

/// Address space, where the system chooses.
fn map_nothing(size: usize) -> Option<*mut u8> {
    map_at(ptr::null_mut(), size, libc::PROT_NONE, libc::MAP_NORESERVE)
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

/// Has accesses to `size` bytes at `start` fail, at no cost in mappings. False where the kernel (before 6.13) cannot.
///
/// # Safety
/// The range lies in a reservation of the caller's, starts and ends on system pages, and holds nothing anyone will use.
pub(crate) unsafe fn install_guard(start: *mut u8, size: usize) -> bool {
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    // SAFETY: as the caller says.
    unsafe { advise(start, size, MADV_GUARD_INSTALL) }
}

/// Undoes [`install_guard`]. False where the kernel cannot.
///
/// # Safety
/// As there.
pub(crate) unsafe fn remove_guard(start: *mut u8, size: usize) -> bool {
    const MADV_GUARD_REMOVE: libc::c_int = 103;
    // SAFETY: as the caller says; what is in the range stays.
    unsafe { advise(start, size, MADV_GUARD_REMOVE) }
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

/// Puts memory behind `size` bytes at `start` that have none, as writing to them would, in one call. False where the kernel
/// (before 5.14) cannot, or has none.
///
/// # Safety
/// The range lies in a reservation of the caller's, and starts and ends on system pages.
pub(crate) unsafe fn populate(start: *mut u8, size: usize) -> bool {
    // SAFETY: as the caller says; what is in the range stays.
    unsafe { advise(start, size, libc::MADV_POPULATE_WRITE) }
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
    let advice = if allow { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
    // SAFETY: as the caller says; what is in the range stays.
    unsafe { advise(start, size, advice) };
}

/// Gives the memory behind `size` bytes at `start` back. True when the range now reads as zero.
///
/// # Safety
/// The range lies in a reservation of the caller's, starts and ends on system pages, and holds nothing
/// anyone will read.
pub(crate) unsafe fn purge(start: *mut u8, size: usize) -> bool {
    // SAFETY: as the caller says.
    unsafe { advise(start, size, libc::MADV_DONTNEED) }
}

/// Lets the system take the memory behind `size` bytes at `start` when it needs some.
///
/// # Safety
/// As for [`purge`].
pub(crate) unsafe fn offer(start: *mut u8, size: usize) {
    // SAFETY: as the caller says.
    unsafe { advise(start, size, libc::MADV_FREE) };
}

/// Tells the system something about `size` bytes at `start`. False if it cannot do that.
///
/// # Safety
/// The range lies in a reservation of the caller's, starts and ends on system pages, and holds nothing anyone will use, if the
/// advice takes that away.
unsafe fn advise(start: *mut u8, size: usize, advice: libc::c_int) -> bool {
    let _errno = KeptErrno::save();
    // SAFETY: the caller vouches for the range.
    unsafe { libc::madvise(start.cast(), size, advice) == 0 }
}

/// Has the system use no transparent huge pages in this process.
pub(crate) fn forbid_huge_pages() {
    let _errno = KeptErrno::save();
    // SAFETY: changes nothing but that.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::SYSTEM_PAGE_MIN;

    /// What `errno` is after `call`, if it was zero before.
    fn errno_after(call: impl FnOnce()) -> i32 {
        // SAFETY: the location is the calling thread's own.
        unsafe {
            *libc::__errno_location() = 0;
            call();
            *libc::__errno_location()
        }
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
