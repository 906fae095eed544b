//! Target `protocol_frames`: see `formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgkeep_fuzz::formats::run("protocol_frames", data));
