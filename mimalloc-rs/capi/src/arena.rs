//! Arenas, and memory reserved ahead.

use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::ptr;

use mi::hooks::OutputWriter;
use mi::{Arena, CommitFn, Heap, Manage, Reserve};

use crate::heap::{MiHeap, into_c};
use crate::told::tell;

/// `mi_arena_id_t`.
type ArenaId = *mut c_void;

/// The arena's name; null for none.
fn name(arena: Option<Arena>) -> ArenaId {
    arena.map_or(ptr::null_mut(), |arena| arena.into_raw().as_ptr())
}

#[unsafe(no_mangle)]
extern "C" fn mi_reserve_os_memory(size: usize, commit: bool, allow_large: bool) -> c_int {
    // SAFETY: nothing is stored.
    unsafe { mi_reserve_os_memory_ex(size, commit, allow_large, false, ptr::null_mut()) }
}

/// The system commits memory when it is touched.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_reserve_os_memory_ex(
    size: usize,
    commit: bool,
    allow_large: bool,
    exclusive: bool,
    place: *mut ArenaId,
) -> c_int {
    let _ = commit;
    let reserved = Arena::reserve(size, Reserve { large: allow_large, exclusive });
    // SAFETY: C callers pass null or room for a name, here and below.
    unsafe { tell(place, name(reserved.ok())) };
    reserved.map_or_else(|error| error.code(), |_| 0)
}

/// Arenas are not told apart by node.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_manage_os_memory(
    start: *mut u8,
    size: usize,
    committed: bool,
    pinned: bool,
    zero: bool,
    node: c_int,
) -> bool {
    // SAFETY: C callers hand the memory over as they describe it, here and below.
    unsafe { mi_manage_os_memory_ex(start, size, committed, pinned, zero, node, false, ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_manage_os_memory_ex(
    start: *mut u8,
    size: usize,
    committed: bool,
    pinned: bool,
    zero: bool,
    node: c_int,
    exclusive: bool,
    place: *mut ArenaId,
) -> bool {
    let _ = node;
    // SAFETY: as for `mi_manage_os_memory`.
    unsafe { manage(start, size, Manage { committed, pinned, zero, exclusive, commit: None }, place) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_manage_memory(
    start: *mut u8,
    size: usize,
    committed: bool,
    pinned: bool,
    zero: bool,
    node: c_int,
    exclusive: bool,
    commit_fn: Option<CommitFn>,
    commit_arg: *mut c_void,
    place: *mut ArenaId,
) -> bool {
    let _ = node;
    let commit = commit_fn.map(|function| (function, commit_arg));
    // SAFETY: as for `mi_manage_os_memory`.
    unsafe { manage(start, size, Manage { committed, pinned, zero, exclusive, commit }, place) }
}

/// # Safety
/// As for [`Arena::manage`] and [`tell`].
unsafe fn manage(start: *mut u8, size: usize, how: Manage, place: *mut ArenaId) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        let arena = Arena::manage(start, size, how);
        tell(place, name(arena));
        arena.is_some()
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_arena_area(id: ArenaId, size: *mut usize) -> *mut u8 {
    let (start, bytes) = Arena::from_raw(id).map_or((ptr::null_mut(), 0), Arena::area);
    // SAFETY: C callers pass null or room for a size.
    unsafe { tell(size, bytes) };
    start
}

#[unsafe(no_mangle)]
extern "C" fn mi_arena_contains(id: ArenaId, p: *const u8) -> bool {
    Arena::from_raw(id).is_some_and(|arena| arena.contains(p))
}

#[unsafe(no_mangle)]
extern "C" fn mi_arena_min_alignment() -> usize {
    Arena::MIN_ALIGN
}

#[unsafe(no_mangle)]
extern "C" fn mi_arena_min_size() -> usize {
    Arena::MIN_SIZE
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_new_in_arena(id: ArenaId) -> *mut MiHeap {
    mi_heap_new_ex(0, true, id)
}

#[unsafe(no_mangle)]
extern "C" fn mi_heap_new_ex(tag: c_int, allow_destroy: bool, id: ArenaId) -> *mut MiHeap {
    let _ = tag;
    let heap = match Arena::from_raw(id) {
        Some(arena) => Heap::new_in(arena, !allow_destroy),
        None if !id.is_null() => None,
        None if allow_destroy => Heap::new(),
        None => Heap::new_keeping_blocks(),
    };
    into_c(heap.map(Heap::into_raw))
}

/// Reserves huge pages; a node below zero is any, and a timeout of zero none.
fn reserve_huge(pages: usize, node: c_int, timeout_ms: usize) -> usize {
    Arena::reserve_huge_pages(pages, node.try_into().ok(), (timeout_ms > 0).then_some(timeout_ms as u64))
}

/// Fewer pages than asked for are a success; none at all, if there should be some, is not.
fn code(asked: usize, reserved: usize) -> c_int {
    if asked > 0 && reserved == 0 { libc::ENOMEM } else { 0 }
}

/// The system spreads pages over its nodes.
#[unsafe(no_mangle)]
extern "C" fn mi_reserve_huge_os_pages_interleave(pages: usize, nodes: usize, timeout_ms: usize) -> c_int {
    let _ = nodes;
    code(pages, reserve_huge(pages, -1, timeout_ms))
}

#[unsafe(no_mangle)]
extern "C" fn mi_reserve_huge_os_pages_at(pages: usize, node: c_int, timeout_ms: usize) -> c_int {
    code(pages, reserve_huge(pages, node, timeout_ms))
}

/// Each page is an arena of its own, open to all heaps, and the last one is named.
#[unsafe(no_mangle)]
unsafe extern "C" fn mi_reserve_huge_os_pages_at_ex(
    pages: usize,
    node: c_int,
    timeout_ms: usize,
    exclusive: bool,
    place: *mut ArenaId,
) -> c_int {
    let _ = exclusive;
    let reserved = reserve_huge(pages, node, timeout_ms);
    let last = if reserved > 0 { Arena::all().last() } else { None };
    // SAFETY: C callers pass null or room for a name.
    unsafe { tell(place, name(last)) };
    code(pages, reserved)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_reserve_huge_os_pages(pages: usize, max_secs: f64, place: *mut usize) -> c_int {
    // Saturates, and makes zero of what is no number.
    let reserved = reserve_huge(pages, -1, (max_secs * 1000.0) as usize);
    // SAFETY: C callers pass null or room for a number.
    unsafe { tell(place, reserved) };
    code(pages, reserved)
}

#[unsafe(no_mangle)]
extern "C" fn mi_arenas_print() {
    let mut out = OutputWriter::registered();
    for (number, arena) in Arena::all().enumerate() {
        let (start, size) = arena.area();
        let (mib, reached) = (size >> 20, arena.reached() >> 20);
        // The writer takes everything.
        let _ = writeln!(out, "arena {number}: {start:p}, {mib} MiB, the first {reached} MiB were used");
    }
}

#[unsafe(no_mangle)]
extern "C" fn mi_debug_show_arenas() {
    mi_arenas_print();
}
