//! The thread's slot: one word that points to its theap.
//!
//! On x86-64 Linux the word is defined in assembly with the initial-exec model, on any toolchain and in
//! shared libraries too: one load from the thread register, no call, and its first value is the
//! address of the unborn theap, so nobody asks whether a thread is new. Elsewhere it is a `thread_local!`.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod imp {
    use core::arch::{asm, global_asm};

    use crate::theap::{Theap, UNBORN};

    global_asm!(
        ".pushsection .tdata.mimalloc_rs_theap_v0,\"awT\",@progbits",
        ".p2align 3",
        ".globl mimalloc_rs_theap_v0",
        ".hidden mimalloc_rs_theap_v0",
        ".type mimalloc_rs_theap_v0,@object",
        "mimalloc_rs_theap_v0:",
        ".quad {unborn}",
        ".size mimalloc_rs_theap_v0,8",
        ".popsection",
        unborn = sym UNBORN,
    );

    /// Where the word lies, relative to the thread register: the same for all threads.
    #[inline(always)]
    fn offset() -> usize {
        let offset;
        // SAFETY: reads an address constant that the loader fills in before any code runs.
        unsafe {
            asm!(
                "mov {offset}, qword ptr [rip + mimalloc_rs_theap_v0@GOTTPOFF]",
                offset = out(reg) offset,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        offset
    }

    #[inline(always)]
    pub(crate) fn get() -> *mut Theap {
        let theap;
        // SAFETY: the word exists in every thread's static block.
        unsafe {
            asm!(
                "mov {theap}, qword ptr fs:[{offset}]",
                offset = in(reg) offset(),
                theap = lateout(reg) theap,
                options(readonly, nostack, preserves_flags),
            );
        }
        theap
    }

    pub(crate) fn set(theap: *mut Theap) {
        // SAFETY: as for reading.
        unsafe {
            asm!(
                "mov qword ptr fs:[{offset}], {theap}",
                offset = in(reg) offset(),
                theap = in(reg) theap,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod imp {
    extern crate std;

    use core::cell::Cell;

    use crate::theap::{Theap, UNBORN};

    std::thread_local! {
        static THEAP: Cell<*mut Theap> = const { Cell::new(UNBORN.as_ptr()) };
    }

    #[inline(always)]
    pub(crate) fn get() -> *mut Theap {
        THEAP.with(Cell::get)
    }

    pub(crate) fn set(theap: *mut Theap) {
        THEAP.with(|slot| slot.set(theap));
    }
}

pub(crate) use imp::{get, set};
