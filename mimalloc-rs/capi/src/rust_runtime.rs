//! What takes the place of Rust's standard library where the library is shipped without it, so that loading it
//! neither loads nor binds an unwinder that most programs have no use for.

use core::arch::global_asm;
use core::panic::PanicInfo;

/// Nothing here panics; a bounds check that failed would end the process.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it has no preconditions.
    unsafe { libc::abort() }
}

// What an unwinder asks at each frame of ours that an exception of the program passes: there is nothing to do
// (`_URC_CONTINUE_UNWIND`), for none of them owns anything while it calls the program. Weak, for programs that link the
// static library and have Rust's own; hidden, for it is nobody else's.
global_asm!(
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality, @function",
    "rust_eh_personality:",
    "mov eax, 8",
    "ret",
);
