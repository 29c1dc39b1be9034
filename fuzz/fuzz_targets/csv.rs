//! `fuzz/run csv`

#![no_main]

#[allow(dead_code, reason = "each target takes one of them")]
#[path = "../readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::csv(bytes));
