//! See `mandate_tests::properties::values`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mandate_tests::properties::values(bytes));
