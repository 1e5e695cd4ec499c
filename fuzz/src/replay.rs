//! Running what was found before, on stable Rust.

/// Runs the files named on the command line, as a fuzz target does where libFuzzer is linked in.
pub fn files(run: fn(&[u8])) {
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        run(&bytes);
        println!("{}: holds", path.display());
    }
}
