//! Random inputs on stable Rust, where `cargo fuzz` is missing: `soak [SECONDS [SEED]]`, a minute and seed 1 unless said.
//!
//! One thread. The same seed gives the same inputs in the same order. The first input that panics is printed in hex
//! and ends the run with exit code 1; written to a file, it is run again by the binary `changes` or `json`.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use visibly_fuzz::{Random, changes, json};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (Ok(seconds), Ok(seed)) = (numbers.next().unwrap_or(Ok(60)), numbers.next().unwrap_or(Ok(1))) else {
        eprintln!("soak [SECONDS [SEED]]");
        return ExitCode::from(2);
    };
    println!("seed {seed}, {seconds} s");
    soak(Instant::now() + Duration::from_secs(seconds), Random::new(seed))
}

fn soak(end: Instant, mut random: Random) -> ExitCode {
    let mut runs = [0_u64; 2];
    while Instant::now() < end {
        let (name, run, bytes) = input(&mut random);
        runs[usize::from(name == "json")] += 1;
        if catch_unwind(|| run(&bytes)).is_err() {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("FAULT of `{name}` after {runs:?} inputs of changes and json:\n{hex}");
            return ExitCode::FAILURE;
        }
    }
    println!("{} inputs of changes and {} of json, no fault", runs[0], runs[1]);
    ExitCode::SUCCESS
}

type Run = fn(&[u8]);

/// As many of either; of texts most are almost right, for few random ones are.
fn input(random: &mut Random) -> (&'static str, Run, Vec<u8>) {
    let length = random.below(3_000);
    let bytes = random.bytes(length);
    match random.below(2) {
        0 => ("changes", changes::run, bytes),
        _ => ("json", json::run, json::almost(&bytes)),
    }
}
