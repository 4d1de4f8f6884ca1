//! Visiting areas and blocks.

use core::ffi::{c_int, c_void};
use core::ptr;

use mi::Area;

use crate::heap::{MiHeap, borrow, or_main};
use crate::subproc::{MiSubprocId, named};
use crate::theap::{MiTheap, theap_from};

/// `mi_heap_area_t`.
#[repr(C)]
struct MiHeapArea {
    blocks: *mut u8,
    reserved: usize,
    committed: usize,
    used: usize,
    block_size: usize,
    full_block_size: usize,
    reserved1: *mut c_void,
}

/// `mi_block_visit_fun`.
type Visitor = unsafe extern "C" fn(*const MiHeap, *const MiHeapArea, *mut u8, usize, *mut c_void) -> bool;

/// Who is called, and with which of its arguments.
#[derive(Clone, Copy)]
struct Visit {
    blocks: bool,
    visitor: Option<Visitor>,
    arg: *mut c_void,
}

impl Visit {
    /// # Safety
    /// Nobody else uses the heap, and the visitor can be called with its argument.
    unsafe fn run(self, heap: *const MiHeap, abandoned_only: bool) -> bool {
        let Some(visitor) = self.visitor else { return false };
        let heap: *const MiHeap = or_main(heap).as_ptr().cast();
        let call = |area: &Area, block: Option<ptr::NonNull<u8>>| {
            let shown = MiHeapArea {
                blocks: area.start,
                reserved: area.reserved,
                committed: area.committed,
                used: area.used,
                block_size: area.block_size,
                full_block_size: area.full_block_size,
                reserved1: ptr::null_mut(),
            };
            let block = block.map_or(ptr::null_mut(), ptr::NonNull::as_ptr);
            // SAFETY: as the caller says.
            unsafe { visitor(heap, &raw const shown, block, area.block_size, self.arg) }
        };
        // SAFETY: as the caller says.
        unsafe {
            let heap = borrow(heap);
            if abandoned_only {
                heap.visit_abandoned(self.blocks, call)
            } else {
                heap.visit(self.blocks, call)
            }
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_visit_blocks(
    heap: *mut MiHeap,
    blocks: bool,
    visitor: Option<Visitor>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: C callers leave the heap alone meanwhile, here and below.
    unsafe { Visit { blocks, visitor, arg }.run(heap, false) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_heap_visit_abandoned_blocks(
    heap: *mut MiHeap,
    blocks: bool,
    visitor: Option<Visitor>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as for `mi_heap_visit_blocks`.
    unsafe { Visit { blocks, visitor, arg }.run(heap, true) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_theap_visit_blocks(
    theap: *const MiTheap,
    blocks: bool,
    visitor: Option<Visitor>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as for `mi_heap_visit_blocks`.
    unsafe {
        let Some(theap) = theap_from(theap.cast_mut()) else { return false };
        Visit { blocks, visitor, arg }.run(theap.heap().as_ptr().cast(), false)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_abandoned_visit_blocks(
    subproc: MiSubprocId,
    tag: c_int,
    blocks: bool,
    visitor: Option<Visitor>,
    arg: *mut c_void,
) -> bool {
    let _ = tag;
    // SAFETY: C callers pass none or a live sub-process, and leave its heaps alone meanwhile.
    unsafe {
        named(subproc).heaps().all(|heap| Visit { blocks, visitor, arg }.run(heap.as_ptr().cast(), true))
    }
}

/// Most bytes at the end of a page that are no block's: in hardened builds it may end in a guard.
const GUARD_MAX: usize = 4096;

/// Pages that still have blocks never used before are not worth leaving.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_unsafe_heap_page_is_under_utilized(
    heap: *mut MiHeap,
    p: *mut u8,
    percent: usize,
) -> bool {
    // SAFETY: C callers pass a live block, whose page nobody else uses.
    let Some(area) = (unsafe { Area::of(p) }) else { return false };
    // SAFETY: C callers pass null or a live heap.
    if !heap.is_null() && !unsafe { borrow(heap) }.contains(p) {
        return false;
    }
    let capacity = area.committed / area.full_block_size;
    let extended = area.reserved - area.committed < area.full_block_size + GUARD_MAX;
    extended && area.used < capacity && area.used * 100 / capacity <= percent
}
