//! Allocators of this program, none of which is its global one, as operations ask them.

use std::alloc::GlobalAlloc;
use std::hint::black_box;
use std::marker::PhantomData;
use std::ptr::NonNull;

use workloads::api::{Api, Request};

/// Where an allocator is to be had.
pub(crate) trait Named: 'static {
    /// What it is called in the suite.
    const NAME: &str;
    type Allocator: GlobalAlloc;
    const ALLOCATOR: Self::Allocator;
}

/// Names allocators of the build.
macro_rules! allocators {
    ($($(#[$attribute:meta])* $name:ident = $id:literal: $allocator:ty = $value:expr;)*) => {$(
        $(#[$attribute])*
        pub(crate) struct $name;

        $(#[$attribute])*
        impl Named for $name {
            const NAME: &str = $id;
            type Allocator = $allocator;
            const ALLOCATOR: $allocator = $value;
        }
    )*};
}

allocators! {
    Mi = "mi": mimalloc_rs::MiMalloc = mimalloc_rs::MiMalloc;
    #[cfg(feature = "mi3")]
    Mi3 = "mi3": mimalloc::MiMalloc = mimalloc::MiMalloc;
    #[cfg(feature = "jx")]
    Jx = "jx": tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
    #[cfg(feature = "sn")]
    Sn = "sn": snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;
    #[cfg(feature = "rp")]
    Rp = "rp": rpmalloc::RpMalloc = rpmalloc::RpMalloc;
    #[cfg(feature = "tcg")]
    Tcg = "tcg": tcmalloc_better::TCMalloc = tcmalloc_better::TCMalloc;
    #[cfg(feature = "ra")]
    Ra = "ra": rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;
    Mc = "mc": std::alloc::System = std::alloc::System;
    Bare = "bare": workers::bare::Bare = workers::bare::Bare;
}

/// What is asked of a named allocator.
pub(crate) struct Linked<N>(PhantomData<N>);

fn block(address: *mut u8) -> NonNull<u8> {
    NonNull::new(black_box(address)).expect("there is memory")
}

// SAFETY: what is asked for is what `GlobalAlloc` promises; null never gets out.
unsafe impl<N: Named> Api for Linked<N> {
    #[inline]
    fn alloc(request: Request) -> NonNull<u8> {
        // SAFETY: a request is never of size zero.
        block(unsafe { N::ALLOCATOR.alloc(request.layout()) })
    }

    #[inline]
    fn alloc_zeroed(request: Request) -> NonNull<u8> {
        // SAFETY: a request is never of size zero.
        block(unsafe { N::ALLOCATOR.alloc_zeroed(request.layout()) })
    }

    #[inline]
    unsafe fn free(block: NonNull<u8>, request: Request) {
        // SAFETY: the caller hands back a live block with the request it was made for.
        unsafe { N::ALLOCATOR.dealloc(black_box(block.as_ptr()), request.layout()) }
    }

    #[inline]
    unsafe fn realloc(old: NonNull<u8>, request: Request, size: usize) -> NonNull<u8> {
        // SAFETY: the caller hands over a live block with its request, and a size that can be asked for.
        block(unsafe { N::ALLOCATOR.realloc(black_box(old.as_ptr()), request.layout(), size) })
    }
}
