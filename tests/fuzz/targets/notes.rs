//! See `mandate_tests::properties::notes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mandate_tests::properties::notes(bytes));
