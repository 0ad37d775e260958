//! See `mandate_tests::properties::gateway_toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mandate_tests::properties::gateway_toml(bytes));
