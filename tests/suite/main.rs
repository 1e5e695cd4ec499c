//! The contracts of the crate: conformance files, laws over random organizations, JSON and the public surface.
//!
//! `PROPTEST_CASES` raises the number of cases of each law (256 at least), `VISIBLY_LONG_RUN` the length of the long
//! run, `VISIBLY_CONFORMANCE` names more folders of scenario files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall fail"
)]

mod answers;
mod api;
mod blocks;
mod changes;
mod conformance;
mod formats;
mod json;
mod properties;
mod scans;
mod touched;
mod worlds;
