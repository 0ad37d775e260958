//! See `mandate_tests::properties::requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mandate_tests::properties::requests(bytes));
