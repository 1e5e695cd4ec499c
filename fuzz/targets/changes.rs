//! An organization and what happens to it: the engine against the rules read aloud.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visibly_fuzz::changes::run(bytes));

#[cfg(not(fuzzing))]
fn main() {
    visibly_fuzz::replay::files(visibly_fuzz::changes::run);
}
