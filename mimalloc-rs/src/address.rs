//! Addresses that stay in a register of their own.
//!
//! Each call of a fast path stores into a word that the next one loads, so tight loops wait for that word. Loops of
//! one size are faster if both instructions name the place by one register instead of a sum of two, presumably because recent
//! cores then hand the value on without going through the cache ("memory renaming"). Compilers put a sum into every access
//! that can hold one. (Sums that begin at the thread register do no harm.)

/// The same pointer, which the compiler does not take apart again.
#[cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(clippy::pointers_in_nomem_asm_block, reason = "nothing follows the pointer there")
)]
#[inline(always)]
pub(crate) fn in_register<T>(p: *mut T) -> *mut T {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut p = p;
        // SAFETY: no instruction is added, so nothing changes.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) p, options(pure, nomem, nostack, preserves_flags));
        }
        p
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    p
}
