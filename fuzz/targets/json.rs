//! Texts from outside: datasets, inboxes, changes, lists, rules, cursors.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visibly_fuzz::json::run(bytes));

#[cfg(not(fuzzing))]
fn main() {
    visibly_fuzz::replay::files(visibly_fuzz::json::run);
}
