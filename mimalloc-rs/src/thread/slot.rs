//! The thread's slot: one word that points to its heap.
//!
//! On x86-64 Linux the word is defined in assembly with the initial-exec model, on any toolchain and in
//! shared libraries too: one load from the thread register, no call, and its first value is the
//! address of the unborn heap, so nobody asks whether a thread is new. Elsewhere it is a `thread_local!`.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod imp {
    use core::arch::{asm, global_asm};

    use crate::heap::{Heap, UNBORN};

    global_asm!(
        ".pushsection .tdata.mimalloc_rs_heap_v0,\"awT\",@progbits",
        ".p2align 3",
        ".globl mimalloc_rs_heap_v0",
        ".hidden mimalloc_rs_heap_v0",
        ".type mimalloc_rs_heap_v0,@object",
        "mimalloc_rs_heap_v0:",
        ".quad {unborn}",
        ".size mimalloc_rs_heap_v0,8",
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
                "mov {offset}, qword ptr [rip + mimalloc_rs_heap_v0@GOTTPOFF]",
                offset = out(reg) offset,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        offset
    }

    #[inline(always)]
    pub(crate) fn get() -> *mut Heap {
        let heap;
        // SAFETY: the word exists in every thread's static block.
        unsafe {
            asm!(
                "mov {heap}, qword ptr fs:[{offset}]",
                offset = in(reg) offset(),
                heap = lateout(reg) heap,
                options(readonly, nostack, preserves_flags),
            );
        }
        heap
    }

    pub(crate) fn set(heap: *mut Heap) {
        // SAFETY: as for reading.
        unsafe {
            asm!(
                "mov qword ptr fs:[{offset}], {heap}",
                offset = in(reg) offset(),
                heap = in(reg) heap,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod imp {
    extern crate std;

    use core::cell::Cell;

    use crate::heap::{Heap, UNBORN};

    std::thread_local! {
        static HEAP: Cell<*mut Heap> = const { Cell::new(UNBORN.as_ptr()) };
    }

    #[inline(always)]
    pub(crate) fn get() -> *mut Heap {
        HEAP.with(Cell::get)
    }

    pub(crate) fn set(heap: *mut Heap) {
        HEAP.with(|slot| slot.set(heap));
    }
}

pub(crate) use imp::{get, set};
