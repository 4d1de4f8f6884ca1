//! The thread's block at a fixed distance from the thread register, addressed by a single instruction each.

use core::arch::{asm, global_asm};
use core::mem::offset_of;

use super::{Block, Here, NO_ID, Theap, UNBORN};

global_asm!(
    ".pushsection .tdata.mimalloc_rs_here_v0,\"awT\",@progbits",
    ".p2align 6",
    ".globl mimalloc_rs_here_v0",
    ".hidden mimalloc_rs_here_v0",
    ".type mimalloc_rs_here_v0,@object",
    "mimalloc_rs_here_v0:",
    ".quad {unborn}",
    ".quad {no_id}",
    ".quad {unborn}",
    ".zero {size} - 24",
    ".size mimalloc_rs_here_v0,{size}",
    ".popsection",
    unborn = sym UNBORN,
    no_id = const NO_ID,
    size = const size_of::<Here>(),
);

const _: () = assert!(offset_of!(Here, theap) == 0 && offset_of!(Here, id) == 8);
const _: () = assert!(offset_of!(Here, own) == 16);

/// The instruction that finds where the block lies, relative to the thread register.
macro_rules! find {
    ($register:literal) => {
        concat!("mov {", $register, "}, qword ptr [rip + mimalloc_rs_here_v0@GOTTPOFF]")
    };
}

/// Where the block lies: at the same place for all threads.
///
/// It is one instruction in a linked program, which the compiler cannot know. If it were told that the value stays (`pure`),
/// it would keep it in a register, and in loops with many values alive on the stack. So each use finds it anew.
#[inline(always)]
fn offset() -> usize {
    let offset;
    // SAFETY: reads an address constant that the loader fills in before any code runs.
    unsafe {
        asm!(
            find!("offset"),
            offset = out(reg) offset,
            options(nomem, nostack, preserves_flags),
        );
    }
    offset
}

#[inline(always)]
pub(super) fn theap() -> *mut Theap {
    let theap;
    // SAFETY: the word exists in every thread's static block.
    unsafe {
        asm!(
            find!("theap"),
            "mov {theap}, qword ptr fs:[{theap}]",
            theap = out(reg) theap,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    theap
}

#[inline(always)]
pub(super) fn id() -> u32 {
    let id;
    // SAFETY: as for the theap.
    unsafe {
        asm!(
            find!("id:r"),
            "mov {id:e}, dword ptr fs:[{id:r} + {at}]",
            at = const offset_of!(Here, id),
            id = out(reg) id,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    id
}

/// Compares it where it lies.
#[inline(always)]
pub(super) fn is_id(id: u32) -> bool {
    // SAFETY: as for the theap.
    unsafe {
        asm!(
            find!("offset"),
            "cmp {id:e}, dword ptr fs:[{offset} + {at}]",
            "jne {no}",
            offset = out(reg) _,
            id = in(reg) id,
            at = const offset_of!(Here, id),
            no = label { return false },
            options(readonly, nostack),
        );
    }
    true
}

#[inline(always)]
pub(super) fn own() -> *mut Theap {
    let own;
    // SAFETY: as for the theap.
    unsafe {
        asm!(
            find!("own"),
            "mov {own}, qword ptr fs:[{own} + {at}]",
            at = const offset_of!(Here, own),
            own = out(reg) own,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    own
}

pub(super) fn set_own(theap: *mut Theap) {
    // SAFETY: as for the theap.
    unsafe {
        asm!(
            "mov qword ptr fs:[{offset} + {at}], {theap}",
            offset = in(reg) offset(),
            at = const offset_of!(Here, own),
            theap = in(reg) theap,
            options(nostack, preserves_flags),
        );
    }
}

pub(super) fn set(theap: *mut Theap, id: u32) {
    // SAFETY: as for the theap.
    unsafe {
        asm!(
            "mov qword ptr fs:[{offset}], {theap}",
            "mov dword ptr fs:[{offset} + {at}], {id:e}",
            offset = in(reg) offset(),
            at = const offset_of!(Here, id),
            theap = in(reg) theap,
            id = in(reg) id,
            options(nostack, preserves_flags),
        );
    }
}

/// One of the lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    offset: usize,
    class: usize,
}

impl Place {
    #[inline(always)]
    pub(super) fn of(class: usize) -> Self {
        Self { offset: offset(), class }
    }

    #[inline(always)]
    pub(super) fn get(self) -> *mut Block {
        let block;
        // SAFETY: as for the theap; the block has a word for each class.
        unsafe {
            asm!(
                "mov {block}, qword ptr fs:[{offset} + 8 * {class} + {active}]",
                offset = in(reg) self.offset,
                class = in(reg) self.class,
                active = const offset_of!(Here, active),
                block = lateout(reg) block,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        block
    }

    #[inline(always)]
    pub(super) fn set(self, block: *mut Block) {
        // SAFETY: as above.
        unsafe {
            asm!(
                "mov qword ptr fs:[{offset} + 8 * {class} + {active}], {block}",
                offset = in(reg) self.offset,
                class = in(reg) self.class,
                active = const offset_of!(Here, active),
                block = in(reg) block,
                options(nostack, preserves_flags),
            );
        }
    }
}
