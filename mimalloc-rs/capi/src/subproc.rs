//! Sub-processes.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use mi::SubProcess;

use crate::heap::MiHeap;

/// `mi_subproc_id_t`; none with a null pointer.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct MiSubprocId {
    ptr: *mut c_void,
}

impl From<Option<SubProcess>> for MiSubprocId {
    fn from(sub_process: Option<SubProcess>) -> Self {
        Self { ptr: sub_process.map_or(ptr::null_mut(), |sub_process| sub_process.into_raw().as_ptr()) }
    }
}

/// # Safety
/// `id` is none or that of a live sub-process.
unsafe fn sub_process(id: MiSubprocId) -> Option<SubProcess> {
    // SAFETY: as the caller says.
    NonNull::new(id.ptr).map(|p| unsafe { SubProcess::from_raw(p) })
}

/// The sub-process; none means the main one, as in versions 1 and 2.
///
/// # Safety
/// `id` is none or that of a live sub-process.
pub(crate) unsafe fn named(id: MiSubprocId) -> SubProcess {
    // SAFETY: as the caller says.
    unsafe { sub_process(id) }.unwrap_or_else(SubProcess::main)
}

#[unsafe(no_mangle)]
extern "C" fn mi_subproc_main() -> MiSubprocId {
    Some(SubProcess::main()).into()
}

#[unsafe(no_mangle)]
extern "C" fn mi_subproc_current() -> MiSubprocId {
    Some(SubProcess::current()).into()
}

#[unsafe(no_mangle)]
extern "C" fn mi_subproc_new() -> MiSubprocId {
    SubProcess::new().into()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_destroy(id: MiSubprocId) {
    // SAFETY: C callers pass none or a sub-process that nobody uses any more.
    unsafe {
        if let Some(sub_process) = sub_process(id) {
            sub_process.destroy();
        }
    }
}

/// Blocks may be in use, so everything stays as it is.
#[unsafe(no_mangle)]
extern "C" fn mi_subproc_delete(id: MiSubprocId) {
    let _ = id;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_add_current_thread(id: MiSubprocId) {
    // SAFETY: C callers pass none or a live sub-process.
    if let Some(sub_process) = unsafe { sub_process(id) } {
        // Without memory the thread stays where it is, and fails to allocate there.
        let _ = sub_process.add_current_thread();
    }
}

/// `mi_heap_visit_fun`.
type Visitor = unsafe extern "C" fn(*mut MiHeap, *mut c_void) -> bool;

#[unsafe(no_mangle)]
unsafe extern "C" fn mi_subproc_visit_heaps(
    id: MiSubprocId,
    visitor: Option<Visitor>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: C callers pass none or a live sub-process, and a visitor for their argument.
    unsafe {
        let (Some(sub_process), Some(visitor)) = (sub_process(id), visitor) else { return false };
        sub_process.heaps().all(|heap| visitor(heap.as_ptr().cast(), arg))
    }
}
