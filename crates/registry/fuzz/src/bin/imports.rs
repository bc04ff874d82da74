#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edgelatch_registry_fuzz::imports::attack(data));
