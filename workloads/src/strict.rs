//! An allocator for tests that insists on hearing the same request when a block is freed.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::api::{Api, Global, Request};

static LIVE: LazyLock<Mutex<HashMap<usize, Request>>> = LazyLock::new(Mutex::default);

fn live<T>(look: impl FnOnce(&mut HashMap<usize, Request>) -> T) -> T {
    // Whoever panicked did so after its change was made.
    look(&mut LIVE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn remember(block: NonNull<u8>, request: Request) -> NonNull<u8> {
    let before = live(|live| live.insert(block.addr().get(), request));
    assert_eq!(before, None, "a block has one owner");
    block
}

/// [`Global`], checked.
pub(crate) struct Strict;

// SAFETY: every block comes from `Global` unchanged.
unsafe impl Api for Strict {
    fn alloc(request: Request) -> NonNull<u8> {
        remember(Global::alloc(request), request)
    }

    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        remember(Global::alloc_zeroed(request), request)
    }

    unsafe fn free(block: NonNull<u8>, request: Request) {
        let known = live(|live| live.remove(&block.addr().get()));
        assert_eq!(known, Some(request), "a block is freed once, for the request it was made for");
        // SAFETY: the block is live, and the request was just compared.
        unsafe { Global::free(block, request) }
    }
}
