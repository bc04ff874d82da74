#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edgelatch_core_fuzz::trees::attack(data));
