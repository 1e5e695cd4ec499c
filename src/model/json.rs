//! JSON in the spelling of the conformance format, with errors that name the path to the fault.
//!
//! Errors say where a fault is and what was expected there; they never quote the document.

use std::fmt;
use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment, Track};

use super::change::Change;
use super::dataset::Dataset;
use super::filter::{ContactList, Inbox};

/// Why a JSON text is not a dataset, a change, an inbox or a contact list: where in the document, and what was expected
/// there.
///
/// The message is one line, `PATH: WHAT at line L column C`, for example
/// `contacts[3].tags: invalid type: string, expected a sequence at line 9 column 40`. Nothing in it is quoted from the
/// document, nor in `Debug`: not a value, for that may be a name or a tag, and not the name of an unknown field, for
/// that may be a person's where somebody wrote an object with names for keys. Line and column lead to either.
#[derive(thiserror::Error)]
pub struct JsonError {
    path: String,
    what: String,
    line: usize,
    column: usize,
    /// The reader's own error, if reading failed.
    #[source]
    reader: Option<io::Error>,
}

impl JsonError {
    /// The path to the fault, such as `organization.teammates[2].admin`; `.` for the document as a whole. For an
    /// unknown field it is the path to the object that has it. Where a field's name should stand and cannot be read, as
    /// where the text is cut short, it ends in `?`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line of the fault, from 1; 0 if the reader failed.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    fn new((path, error): Fault) -> Self {
        let (line, column) = (error.line(), error.column());
        let (path, what) = match error.classify() {
            Category::Data => without_input(&path, &message(&error)),
            Category::Io => (path.to_string(), "reading failed".to_owned()),
            // What is no JSON is told in words of `serde_json` alone.
            Category::Syntax | Category::Eof => (path.to_string(), message(&error)),
        };
        let reader = error.is_io().then(|| error.into());
        Self { path, what, line, column, reader }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        match self.line {
            0 => Ok(()),
            line => write!(f, " at line {line} column {}", self.column),
        }
    }
}

/// The message, without what the reader says.
impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonError({:?})", self.to_string())
    }
}

impl Dataset {
    /// Reads one dataset from a JSON text. Available with the feature `json`.
    ///
    /// # Errors
    /// [`JsonError`] if the text is not JSON, has an unknown field or variant, has a field twice or misses a required
    /// one, has a value of another type, nests a rule too deep to be read, or goes on after the dataset.
    ///
    /// # Complexity
    /// O(length of the text) time and memory.
    ///
    /// # Examples
    /// ```
    /// use visibly::Dataset;
    ///
    /// let text = r#"{"organization": {"id": "oak", "name": "Oak Street", "teammates": [{"id": "ana", "nmae": ""}]}}"#;
    /// let error = Dataset::from_json(text).unwrap_err();
    /// assert_eq!(error.path(), "organization.teammates[0]");
    /// assert!(error.to_string().contains("unknown field, expected one of `id`, `name`"));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        from_text(text)
    }

    /// The same from a reader, which is best buffered.
    ///
    /// # Errors
    /// As [`Dataset::from_json`], and if reading fails; what the reader said is then the error's source.
    pub fn from_json_reader(reader: impl Read) -> Result<Self, JsonError> {
        read(serde_json::Deserializer::from_reader(reader)).map_err(JsonError::new)
    }
}

/// What clients send, read without quoting it. Available with the feature `json`.
impl Change {
    /// Reads one change from a JSON text.
    ///
    /// # Errors
    /// As [`Dataset::from_json`]. O(length of the text) time and memory.
    ///
    /// # Examples
    /// ```
    /// use visibly::Change;
    ///
    /// assert_eq!(Change::from_json(r#"{"archive": {"id": "v1"}}"#)?, Change::archive("v1"));
    /// let error = Change::from_json(r#"{"archive": "Nora, the patient"}"#).unwrap_err();
    /// assert_eq!(error.path(), "archive");
    /// assert!(!error.to_string().contains("Nora"));
    /// # Ok::<(), visibly::JsonError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        from_text(text)
    }

    /// Reads a list of changes, in their order, from a JSON text.
    ///
    /// # Errors
    /// As [`Change::from_json`].
    pub fn list_from_json(text: &str) -> Result<Vec<Self>, JsonError> {
        from_text(text)
    }
}

impl Inbox {
    /// Reads one inbox from a JSON text. Available with the feature `json`.
    ///
    /// # Errors
    /// As [`Dataset::from_json`]. O(length of the text) time and memory.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        from_text(text)
    }
}

impl ContactList {
    /// Reads one contact list from a JSON text. Available with the feature `json`.
    ///
    /// # Errors
    /// As [`Dataset::from_json`]. O(length of the text) time and memory.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        from_text(text)
    }
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    read(serde_json::Deserializer::from_str(text)).map_err(JsonError::new)
}

/// Where reading stopped, and why.
type Fault = (Path, serde_json::Error);

fn read<'de, T, R>(mut json: serde_json::Deserializer<R>) -> Result<T, Fault>
where
    T: DeserializeOwned,
    R: serde_json::de::Read<'de>,
{
    let mut track = Track::new();
    let value = T::deserialize(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    value.and_then(|value| json.end().map(|()| value)).map_err(|error| (track.path(), error))
}

/// What `serde_json` says, without the place, which it puts at the end.
fn message(error: &serde_json::Error) -> String {
    let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

/// Path and message of faulty data, without what they quote of the document.
///
/// Serde writes the fault, then in quotes what it found, then what was expected, in words of this crate. What was
/// found may hold any of these words, so the fault is what comes before the first quote, the expected what comes last.
fn without_input(path: &Path, message: &str) -> (String, String) {
    // These quote the name of one of our fields.
    if message.starts_with("missing field") || message.starts_with("duplicate field") {
        return (path.to_string(), message.to_owned());
    }
    let (found, expected) = message.rsplit_once(", expected ").unzip();
    let fault = found.unwrap_or(message).split(['`', '"']).next().unwrap_or_default().trim_end();
    let path = if fault == "unknown field" { parent(path) } else { path.to_string() };
    (path, expected.map_or_else(|| fault.to_owned(), |expected| format!("{fault}, expected {expected}")))
}

/// The path without the name at its end.
fn parent(path: &Path) -> String {
    let (text, last) = (path.to_string(), path.iter().next_back().map(Segment::to_string));
    let parent = last.and_then(|last| text.strip_suffix(&last)).unwrap_or_default();
    match parent.strip_suffix('.').unwrap_or(parent) {
        "" => ".".to_owned(),
        parent => parent.to_owned(),
    }
}
