//! Runs conformance scenario files: `cargo run --release --example conformance -- FILE...`
//!
//! Prints each mismatch and last `N passed, N failed`. Exits with 1 on any mismatch, with 2 if a file cannot be read
//! or is not in the format.

mod runner;
#[path = "../support/told.rs"]
mod told;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE...");
        return ExitCode::from(2);
    }
    let mut report = runner::Report::default();
    let mut is_malformed = false;
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string());
        if let Err(error) = text.and_then(|text| runner::run(&text, &mut report)) {
            eprintln!("{}: {error}", file.display());
            is_malformed = true;
        }
    }
    let total = format!("{} passed, {} failed", report.passed, report.mismatches.len());
    if let Err(error) = report.mismatches.iter().try_for_each(told::say).and_then(|()| told::say(total)) {
        eprintln!("standard output: {error}");
        return ExitCode::FAILURE;
    }
    match (is_malformed, report.mismatches.is_empty()) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}
