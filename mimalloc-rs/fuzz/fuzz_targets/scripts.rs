//! Runs whatever bytes the fuzzer makes as a script of operations on blocks and heaps.

#![no_main]

#[path = "../../tests/support/script.rs"]
mod script;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| script::run(bytes));
