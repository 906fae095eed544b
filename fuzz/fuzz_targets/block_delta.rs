//! Target `block_delta`: see `formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgkeep_fuzz::formats::run("block_delta", data));
