//! What the programs tell: their lines, and in one more what went wrong.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Writes a line to standard output, see [`write_to`].
pub(crate) fn say(line: impl Display) -> io::Result<()> {
    write_to(io::stdout(), &format!("{line}\n"))
}

/// Writes all of `text`; a reader that has seen enough, such as `head`, is no failure.
pub(crate) fn write_to(mut out: impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// How a program ends: with 1 and a line on standard error if it has failed at what it was `about`.
pub(crate) fn end(about: &str, outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", complaint(about, &*error));
            ExitCode::FAILURE
        }
    }
}

/// What failed, the error and its causes in one line. Of each error its own first line alone: those after it are a
/// database's details, which may quote a row.
pub(crate) fn complaint(about: &str, error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let lines = causes.map(|cause| cause.to_string().lines().next().unwrap_or_default().to_owned());
    let parts: Vec<String> = std::iter::once(about.to_owned()).chain(lines).collect();
    parts.join(": ").replace(char::is_control, " ")
}
