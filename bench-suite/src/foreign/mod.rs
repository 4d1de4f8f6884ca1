//! Real programs under preloaded allocators: which can be, how they are run and measured, and how it is
//! proven that the allocator served them.

pub mod inspect;
