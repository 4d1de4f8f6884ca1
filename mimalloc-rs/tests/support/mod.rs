//! What several test programs need: blocks that know what they contain, heaps, children, the errors that calls cause, and
//! operations read from bytes.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod block;
pub(crate) mod errors;
pub(crate) mod heap;
pub(crate) mod process;
pub(crate) mod script;
