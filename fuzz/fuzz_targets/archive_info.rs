//! Target `archive_info`: see `formats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pgkeep_fuzz::formats::run("archive_info", data));
