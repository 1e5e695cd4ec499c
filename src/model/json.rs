//! JSON in the spelling of the conformance format, with errors that name the path to the fault.

use std::io::Read;

use serde::de::DeserializeOwned;

use super::dataset::Dataset;

/// Why a JSON text is not a dataset: where in the document, and what was found there.
///
/// The message is one line, `PATH: WHAT at line L column C`, for example
/// ``conversations[3]: unknown field `endpiont`, expected one of …``. It quotes names of fields and variants, and the
/// value of a field whose type is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct JsonError {
    path: String,
    source: serde_json::Error,
}

impl JsonError {
    /// The path to the fault, such as `organization.teammates[2].admin`; `.` for the document as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line of the fault, from 1; 0 if the reader failed.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.line()
    }
}

impl Dataset {
    /// Reads one dataset from a JSON text. Available with the feature `json`.
    ///
    /// # Errors
    /// [`JsonError`] if the text is not JSON, has an unknown field or variant, misses a required field, or goes on
    /// after the dataset.
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
    /// assert_eq!(error.path(), "organization.teammates[0].nmae");
    /// assert!(error.to_string().contains("unknown field `nmae`"));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read(serde_json::Deserializer::from_str(text))
    }

    /// The same from a reader, which is best buffered.
    ///
    /// # Errors
    /// As [`Dataset::from_json`], and if reading fails.
    pub fn from_json_reader(reader: impl Read) -> Result<Self, JsonError> {
        read(serde_json::Deserializer::from_reader(reader))
    }
}

fn read<'de, R: serde_json::de::Read<'de>, T: DeserializeOwned>(
    mut json: serde_json::Deserializer<R>,
) -> Result<T, JsonError> {
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| JsonError { path: error.path().to_string(), source: error.into_inner() })?;
    json.end().map_err(|source| JsonError { path: ".".to_owned(), source })?;
    Ok(value)
}
