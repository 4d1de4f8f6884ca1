//! What `new` needs of the C++ library, which may be there from the start, come later with a plugin, or not be there at all.

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

// What C++ writes as `try { *result = function(size, align); return true; } catch (...) { return false; }`, with the tables that
// go with it, and what is needed of the C++ library and the loader. Those names are weak: without the C++ library there is no
// handler to call.
global_asm!(
    ".weak __gxx_personality_v0",
    ".weak __cxa_begin_catch",
    ".weak __cxa_end_catch",
    ".weak _ZSt15get_new_handlerv",
    ".weak _ZSt17__throw_bad_allocv",
    ".weak dlsym",
    ".pushsection .data.mimalloc_rs_from_elsewhere,\"aw\",@progbits",
    ".p2align 3",
    ".globl mimalloc_rs_from_elsewhere",
    ".hidden mimalloc_rs_from_elsewhere",
    ".type mimalloc_rs_from_elsewhere,@object",
    "mimalloc_rs_from_elsewhere:",
    "mimalloc_rs_personality: .quad __gxx_personality_v0",
    ".Lmimalloc_rs_begin_catch: .quad __cxa_begin_catch",
    ".Lmimalloc_rs_end_catch: .quad __cxa_end_catch",
    ".quad _ZSt15get_new_handlerv",
    ".quad _ZSt17__throw_bad_allocv",
    ".quad dlsym",
    ".size mimalloc_rs_from_elsewhere, . - mimalloc_rs_from_elsewhere",
    ".popsection",
    ".pushsection .text.mimalloc_rs_call_and_catch,\"ax\",@progbits",
    ".globl mimalloc_rs_call_and_catch",
    ".hidden mimalloc_rs_call_and_catch",
    ".type mimalloc_rs_call_and_catch,@function",
    "mimalloc_rs_call_and_catch:",
    ".cfi_startproc",
    ".cfi_personality 0x9b, mimalloc_rs_personality",
    ".cfi_lsda 0x1b, .Lmimalloc_rs_handlers",
    "push rcx",
    ".cfi_def_cfa_offset 16",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    ".Lmimalloc_rs_try:",
    "call rax",
    ".Lmimalloc_rs_tried:",
    "mov rcx, qword ptr [rsp]",
    "mov qword ptr [rcx], rax",
    "mov eax, 1",
    "jmp .Lmimalloc_rs_done",
    ".Lmimalloc_rs_catch:",
    "mov rdi, rax",
    "call qword ptr [rip + .Lmimalloc_rs_begin_catch]",
    "call qword ptr [rip + .Lmimalloc_rs_end_catch]",
    "xor eax, eax",
    ".Lmimalloc_rs_done:",
    "add rsp, 8",
    ".cfi_def_cfa_offset 8",
    "ret",
    ".cfi_endproc",
    ".size mimalloc_rs_call_and_catch, . - mimalloc_rs_call_and_catch",
    ".popsection",
    // One range of instructions, and one handler that takes every type.
    ".pushsection .gcc_except_table.mimalloc_rs,\"a\",@progbits",
    ".p2align 2",
    ".Lmimalloc_rs_handlers:",
    ".byte 0xff",
    ".byte 0x00",
    ".uleb128 .Lmimalloc_rs_types - .Lmimalloc_rs_ranges",
    ".Lmimalloc_rs_ranges:",
    ".byte 0x01",
    ".uleb128 .Lmimalloc_rs_actions - .Lmimalloc_rs_first_range",
    ".Lmimalloc_rs_first_range:",
    ".uleb128 .Lmimalloc_rs_try - mimalloc_rs_call_and_catch",
    ".uleb128 .Lmimalloc_rs_tried - .Lmimalloc_rs_try",
    ".uleb128 .Lmimalloc_rs_catch - mimalloc_rs_call_and_catch",
    ".uleb128 1",
    ".Lmimalloc_rs_actions:",
    ".byte 1, 0",
    ".p2align 3",
    ".quad 0",
    ".Lmimalloc_rs_types:",
    ".popsection",
);

unsafe extern "C" {
    /// Calls the function, and tells whether it returned instead of throwing; what it returned is in `result` then, and
    /// nothing of use if it returns nothing. Takes what is in [`FromElsewhere`].
    fn mimalloc_rs_call_and_catch(
        function: *const c_void,
        size: usize,
        align: usize,
        result: *mut *mut u8,
    ) -> bool;
    static mimalloc_rs_from_elsewhere: FromElsewhere;
}

/// Addresses that the loader fills in, null for what nobody defined when the program started.
#[repr(C)]
struct FromElsewhere {
    personality: AtomicPtr<c_void>,
    begin_catch: AtomicPtr<c_void>,
    end_catch: AtomicPtr<c_void>,
    get_new_handler: AtomicPtr<c_void>,
    throw_bad_alloc: AtomicPtr<c_void>,
    dlsym: Option<Find>,
}

pub(crate) type Handler = unsafe extern "C-unwind" fn();
type GetHandler = unsafe extern "C-unwind" fn() -> Option<Handler>;
type Throw = unsafe extern "C-unwind" fn() -> !;
type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

impl FromElsewhere {
    fn get() -> &'static Self {
        // SAFETY: it is defined above as it is declared, and written to only through its atomic parts.
        unsafe { &mimalloc_rs_from_elsewhere }
    }

    /// Fills what is null from a C++ library that the program has loaded since it started.
    #[cold]
    #[inline(never)]
    fn look_again(&self) {
        let Some(find) = self.dlsym else { return };
        let Some(library) = loaded_cxx_library(find) else { return };
        for (place, name) in [
            (&self.personality, c"__gxx_personality_v0"),
            (&self.begin_catch, c"__cxa_begin_catch"),
            (&self.end_catch, c"__cxa_end_catch"),
            (&self.get_new_handler, c"_ZSt15get_new_handlerv"),
            (&self.throw_bad_alloc, c"_ZSt17__throw_bad_allocv"),
        ] {
            // SAFETY: the library is open, and the name a string.
            let address = unsafe { find(library.as_ptr(), name.as_ptr()) };
            // What was there from the start stays. Who finds a function that throws finds what catches, too.
            let _ = place.compare_exchange(ptr::null_mut(), address, Ordering::Release, Ordering::Relaxed);
        }
    }

    /// The address in a place, which is looked for once more if it is null.
    fn address(&self, place: &AtomicPtr<c_void>) -> *mut c_void {
        if place.load(Ordering::Acquire).is_null() {
            self.look_again();
        }
        place.load(Ordering::Acquire)
    }

    fn get_new_handler(&self) -> Option<GetHandler> {
        // SAFETY: the address is null or that of `std::get_new_handler`.
        unsafe { mem::transmute::<*mut c_void, Option<GetHandler>>(self.address(&self.get_new_handler)) }
    }

    fn throw_bad_alloc(&self) -> Option<Throw> {
        // SAFETY: the address is null or that of `std::__throw_bad_alloc`.
        unsafe { mem::transmute::<*mut c_void, Option<Throw>>(self.address(&self.throw_bad_alloc)) }
    }
}

/// The names of C++ libraries.
const CXX_LIBRARIES: [&CStr; 2] = [c"libstdc++.so.6", c"libc++.so.1"];

/// Stores the name of the C++ library in `found`, and ends the search, if this is one.
unsafe extern "C" fn note_cxx_library(
    loaded: *mut libc::dl_phdr_info,
    _size: usize,
    found: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes on what is loaded, with a path or null, and the place it was given.
    unsafe {
        let path = (*loaded).dlpi_name;
        let path = if path.is_null() { &[] } else { CStr::from_ptr(path).to_bytes() };
        let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        // The file may have the whole version in its name.
        let name = CXX_LIBRARIES.into_iter().find(|name| file.starts_with(name.to_bytes()));
        found.cast::<Option<&CStr>>().write(name);
        name.is_some().into()
    }
}

/// The name of a C++ library that is loaded by now.
///
/// Each call of `dlopen` and `dlsym`, whether it finds anything or not, ends what `dlerror` had to tell the program. To look
/// at what is loaded leaves that alone. It waits for the loader's lock, as they do; that is fine in a call of `new`, where
/// nothing is held.
fn loaded_cxx_library_name() -> Option<&'static CStr> {
    let mut found: Option<&'static CStr> = None;
    // SAFETY: the function stores what it finds in the place that is passed along, and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(note_cxx_library), (&raw mut found).cast()) };
    found
}

/// A C++ library among all that is loaded. It stays: what is found in it is used from now on.
fn loaded_cxx_library(find: Find) -> Option<NonNull<c_void>> {
    let name = loaded_cxx_library_name()?;
    // Named as the others are, it would have linkers warn in static programs.
    // SAFETY: the name is a string, and what is found has this type.
    let open =
        unsafe { mem::transmute::<*mut c_void, Option<Open>>(find(libc::RTLD_DEFAULT, c"dlopen".as_ptr())) }?;
    // SAFETY: the name is a string. Nothing is loaded that is not.
    NonNull::new(unsafe { open(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) })
}

/// What the function returns; `None` if it throws.
///
/// # Safety
/// The function takes no more than these two arguments, and may be called with them.
pub(crate) unsafe fn call_and_catch(function: *const c_void, size: usize, align: usize) -> Option<*mut u8> {
    let mut result = ptr::null_mut();
    // SAFETY: as the caller says; there is room for the result.
    unsafe { mimalloc_rs_call_and_catch(function, size, align, &raw mut result) }.then_some(result)
}

/// Finds what [`call_and_catch`] takes of the C++ library, for functions that did not come from there.
#[cfg(feature = "override")]
pub(crate) fn make_catchable() {
    let elsewhere = FromElsewhere::get();
    elsewhere.address(&elsewhere.personality);
}

/// What the program has installed to make memory available.
pub(crate) fn new_handler() -> Option<Handler> {
    let get = FromElsewhere::get().get_new_handler()?;
    // SAFETY: `std::get_new_handler` has no preconditions.
    unsafe { get() }
}

/// Throws `std::bad_alloc`; ends the process where nobody could catch it.
pub(crate) fn throw_bad_alloc() -> ! {
    match FromElsewhere::get().throw_bad_alloc() {
        // SAFETY: `std::__throw_bad_alloc` has no preconditions; as for the handler, nothing is skipped.
        Some(throw) => unsafe { throw() },
        // SAFETY: ends the process.
        None => unsafe { libc::abort() },
    }
}
