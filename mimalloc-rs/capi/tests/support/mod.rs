//! What tests with a preloaded library share: the library, a place to run commands in, and the loader's word for it.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod library;
pub(crate) mod sandbox;
pub(crate) mod trace;
