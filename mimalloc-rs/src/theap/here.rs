//! What a thread finds next to its thread register: the theap it allocates from by default, and the words of that theap
//! which the fast paths need, its id and its active lists.
//!
//! Only the lists of the thread's own theap ever lie here. Those of first-class heaps stay with their theaps, whatever the
//! default is. While one is the default, the lists here are empty, and every allocation takes the way of those that find no
//! block. Such a heap may end while its thread does, and its theap may be somebody else's when the thread frees for the
//! last time. So what a thread needs to free, and to end, is found from its own theap, which is named here as well.
//!
//! On x86-64 Linux this block is defined in assembly with the initial-exec model, on any toolchain and in
//! shared libraries too: its words are addressed from the thread register, without a call, and it begins as that of the
//! unborn theap, so nobody asks whether a thread is new. Elsewhere it is a `thread_local!`.
//!
//! A thread touches its own block only.

use core::ptr;

use super::{NO_ID, OF_HEAP, Theap, UNBORN};
use crate::address::in_register;
use crate::geometry::CLASSES;
use crate::page::Block;

/// The block of a thread.
#[repr(C)]
struct Here {
    theap: *mut Theap,
    id: u32,
    own: *mut Theap,
    active: [*mut Block; CLASSES],
}

// Libraries that a running program loads get such blocks from what the C library sets aside for them: glibc has 1.5 KiB, unless
// the user wants more.
const _: () = assert!(size_of::<Here>() <= 384);

/// The active list of a class, of the calling thread's default theap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List(imp::Place);

impl List {
    #[inline(always)]
    pub(crate) fn of(class: usize) -> Self {
        debug_assert!(class < CLASSES);
        Self(imp::Place::of(class))
    }

    /// Null if the list is empty.
    #[inline(always)]
    pub(crate) fn first(self) -> *mut Block {
        self.0.get()
    }

    #[inline(always)]
    pub(crate) fn set_first(self, block: *mut Block) {
        self.0.set(block);
    }
}

/// The theap that the calling thread allocates from by default; one of the two that own nothing before its first allocation and
/// after its end.
#[inline(always)]
pub(crate) fn theap() -> *mut Theap {
    imp::theap()
}

/// Whether that is its id.
#[inline(always)]
pub(crate) fn is_id(id: u32) -> bool {
    imp::is_id(id)
}

/// The calling thread's own theap, its part of the main heap; as for [`theap`].
#[inline(always)]
pub(crate) fn own() -> *mut Theap {
    imp::own()
}

/// Makes `theap` the calling thread's own, from which it allocates by default.
///
/// # Safety
/// It is a theap of the main heap that nobody else uses, or one of those that own nothing.
pub(crate) unsafe fn settle(theap: *mut Theap) {
    // SAFETY: as the caller says.
    unsafe { switch_to(theap) };
    imp::set_own(theap);
}

/// Has the calling thread allocate from `theap` by default.
///
/// # Safety
/// The thread uses the theap, or it is one of those that own nothing.
pub(crate) unsafe fn switch_to(theap: *mut Theap) {
    let own = imp::own();
    // SAFETY: the thread uses its own theap. The one before may be somebody else's by now, and is not looked at.
    unsafe {
        let (from_here, to_here) = (lie_here(imp::id()), lie_here(Theap::id(theap)));
        for class in 0..CLASSES {
            if from_here {
                (*own).parked[class] = List::of(class).first();
            }
            List::of(class).set_first(if to_here { (*theap).parked[class] } else { ptr::null_mut() });
        }
        imp::set(theap, Theap::id(theap));
    }
}

/// Whether the active lists of the default theap lie here, if it has this id.
fn lie_here(id: u32) -> bool {
    id & OF_HEAP == 0 && id != NO_ID
}

/// # Safety
/// As for all of [`Theap`].
impl Theap {
    /// The active list of a class: its first block, null if there is none.
    pub(crate) unsafe fn active(theap: *mut Theap, class: usize) -> *mut Block {
        // SAFETY: the caller uses the theap.
        unsafe {
            if theap == imp::theap() && lie_here(imp::id()) {
                return List::of(class).first();
            }
            (*theap).parked[class]
        }
    }

    pub(super) unsafe fn set_active(theap: *mut Theap, class: usize, list: *mut Block) {
        // SAFETY: the caller uses the theap.
        unsafe {
            if theap == imp::theap() && lie_here(imp::id()) {
                return List::of(class).set_first(list);
            }
            (*theap).parked[class] = list;
        }
    }

    /// Where a theap that is not the thread's default, or that of a first-class heap, has the active list of a class. Those
    /// that own nothing may be passed here.
    #[inline(always)]
    pub(crate) unsafe fn parked(theap: *mut Theap, class: usize) -> *mut *mut Block {
        // SAFETY: the caller uses the theap, and the class is one of its classes.
        unsafe { in_register((&raw mut (*theap).parked).cast::<*mut Block>().add(class)) }
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod imp {
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
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod imp {
    extern crate std;

    use core::cell::UnsafeCell;
    use core::ptr;

    use super::{Block, CLASSES, Here, NO_ID, Theap, UNBORN};

    std::thread_local! {
        static HERE: UnsafeCell<Here> = const {
            UnsafeCell::new(Here {
                theap: UNBORN.as_ptr(),
                id: NO_ID,
                own: UNBORN.as_ptr(),
                active: [ptr::null_mut(); CLASSES],
            })
        };
    }

    #[inline(always)]
    fn here() -> *mut Here {
        HERE.with(UnsafeCell::get)
    }

    #[inline(always)]
    pub(super) fn theap() -> *mut Theap {
        // SAFETY: the block is the thread's, and no reference to it is ever made.
        unsafe { (*here()).theap }
    }

    #[inline(always)]
    pub(super) fn id() -> u32 {
        // SAFETY: as above.
        unsafe { (*here()).id }
    }

    #[inline(always)]
    pub(super) fn is_id(it: u32) -> bool {
        it == id()
    }

    #[inline(always)]
    pub(super) fn own() -> *mut Theap {
        // SAFETY: as above.
        unsafe { (*here()).own }
    }

    pub(super) fn set_own(theap: *mut Theap) {
        // SAFETY: as above.
        unsafe { (*here()).own = theap };
    }

    pub(super) fn set(theap: *mut Theap, id: u32) {
        // SAFETY: as above.
        unsafe {
            (*here()).theap = theap;
            (*here()).id = id;
        }
    }

    /// One of the lists.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Place(*mut *mut Block);

    impl Place {
        #[inline(always)]
        pub(super) fn of(class: usize) -> Self {
            // SAFETY: as above; the block has a word for each class.
            Self(unsafe { (&raw mut (*here()).active).cast::<*mut Block>().add(class) })
        }

        #[inline(always)]
        pub(super) fn get(self) -> *mut Block {
            // SAFETY: as above.
            unsafe { *self.0 }
        }

        #[inline(always)]
        pub(super) fn set(self, block: *mut Block) {
            // SAFETY: as above.
            unsafe { *self.0 = block };
        }
    }
}
