#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edgelatch_registry_fuzz::texts::attack(data));
