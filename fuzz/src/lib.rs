//! What is fuzzed, apart from who makes the bytes: `cargo fuzz` with coverage as its guide, or the binary `soak`
//! with nothing but stable Rust.
//!
//! * Every byte string means something: numbers are read off it as the laws in `tests/suite` read them off theirs,
//!   and 0 for ever once it has run out.
//! * A fault is a panic, whose message tells what disagrees.
//!
//! Organizations, changes and questions are those of `tests/suite`, so that both ask the same things.

#![expect(clippy::panic, reason = "a fault is a panic")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a fault is a panic, in what is included too"
)]

#[allow(dead_code, reason = "the laws in `tests/suite` use more of it")]
#[path = "../../tests/suite/answers.rs"]
mod answers;
mod bytes;
pub mod changes;
pub mod json;
#[allow(dead_code, reason = "the laws in `tests/suite` use more of it")]
#[path = "../../tests/suite/worlds.rs"]
mod worlds;

#[cfg(not(fuzzing))]
pub mod replay;

pub use bytes::Random;
