//! Target `block_map`: see `formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgkeep_fuzz::formats::run("block_map", data));
