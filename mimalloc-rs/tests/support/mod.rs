//! What several test programs need: blocks that know what they contain, children, and the process's own size.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod block;
pub(crate) mod process;
