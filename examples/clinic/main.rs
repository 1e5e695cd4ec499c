//! A clinic looked through: who sees what and why, what is in whose inbox, what a change would open, what is doubtful.
//!
//! `cargo run --release --example clinic -- [--json] [--propose CHANGES] [FILE]`
//!
//! FILE holds a dataset; without one, the clinic is Oak Street, in `examples/data`. CHANGES is a file too, of a list of
//! changes to preview. Tables are cut to what can be read; `--json` prints everything as one object. Anything wrong
//! with the arguments or a file is told in one line, and exits with 2.

mod command;
mod report;
mod table;
mod text;
#[path = "../support/told.rs"]
mod told;

use std::process::ExitCode;

fn main() -> ExitCode {
    let output = match command::run(std::env::args_os().skip(1)) {
        Ok(output) => output,
        Err(message) => {
            eprintln!("clinic: {message}");
            return ExitCode::from(2);
        }
    };
    match told::write_to(std::io::stdout().lock(), &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clinic: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
