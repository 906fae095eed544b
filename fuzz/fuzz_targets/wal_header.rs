//! Target `wal_header`: see `formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgkeep_fuzz::formats::run("wal_header", data));
