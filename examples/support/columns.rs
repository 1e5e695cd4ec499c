//! How facts are spelled in columns, shared by the SQLite and the PostgreSQL store.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use serde::de::DeserializeOwned;
use serde::de::value::Error;
use visibly::{Change, Contact, Member};

/// JSON in the database that cannot be read, by its place alone: what `serde_json` says may quote a name or a tag.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("unreadable json, at line {line} column {column}")]
pub(crate) struct UnreadableJson {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for UnreadableJson {
    fn from(error: serde_json::Error) -> Self {
        Self { line: error.line(), column: error.column() }
    }
}

/// A member's two columns.
pub(crate) fn columns(member: &Member) -> (&'static str, &str) {
    match member {
        Member::Organization => ("organization", ""),
        Member::Team(id) => ("team", id.as_str()),
        Member::Teammate(id) => ("teammate", id.as_str()),
    }
}

/// The two columns of a member who may be nobody.
pub(crate) fn optional_columns(member: Option<&Member>) -> (Option<&'static str>, Option<&str>) {
    member.map(columns).unzip()
}

/// The member of two columns.
pub(crate) fn member(kind: &str, id: &str) -> Result<Member, Error> {
    match kind {
        "organization" => Ok(Member::Organization),
        "team" => Ok(Member::team(id)),
        "teammate" => Ok(Member::teammate(id)),
        _ => Err(serde::de::Error::unknown_variant(kind, &["organization", "team", "teammate"])),
    }
}

/// Reads JSON that a store wrote itself.
pub(crate) fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(json)
}

/// A change as the journal keeps it.
pub(crate) fn change_json(change: &Change) -> Result<String, serde_json::Error> {
    serde_json::to_string(change)
}

/// The lower-cased name that contacts are listed by.
pub(crate) fn name_key(contact: &Contact) -> Option<String> {
    contact.name.as_ref().map(|name| name.as_str().to_lowercase())
}
