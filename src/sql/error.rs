//! Why a question has no SQL.

use std::fmt;

use crate::error::{Error, OneLine};

/// A question that the database of this dialect cannot be asked exactly, and why. There is no weaker statement in its
/// place; ask an engine, or ask for less.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NotExpressible {
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    TooManyParameters { found: usize, limit: usize },
    TooManyLists { found: usize, limit: usize },
    Nul,
    Value,
    NoNameKey,
    SavedById,
    ReservedAlias(String),
    NoRowSecurity,
    Role(String),
}

impl NotExpressible {
    pub(crate) fn too_many_parameters(found: usize, limit: usize) -> Self {
        Reason::TooManyParameters { found, limit }.into()
    }

    pub(crate) fn too_many_lists(found: usize, limit: usize) -> Self {
        Reason::TooManyLists { found, limit }.into()
    }

    pub(crate) fn nul() -> Self {
        Reason::Nul.into()
    }

    pub(crate) fn value() -> Self {
        Reason::Value.into()
    }

    pub(crate) fn no_name_key() -> Self {
        Reason::NoNameKey.into()
    }

    pub(crate) fn saved_by_id() -> Self {
        Reason::SavedById.into()
    }

    pub(crate) fn reserved_alias(alias: &str) -> Self {
        Reason::ReservedAlias(alias.to_owned()).into()
    }

    pub(crate) fn no_row_security() -> Self {
        Reason::NoRowSecurity.into()
    }

    pub(crate) fn role(role: &str) -> Self {
        Reason::Role(role.to_owned()).into()
    }

    /// Whether shorter lists in the question, or fewer questions at once, would be expressible.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.reason, Reason::TooManyParameters { .. } | Reason::TooManyLists { .. })
    }
}

impl From<Reason> for NotExpressible {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

impl fmt::Display for NotExpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::TooManyParameters { found, limit } => write!(f, "{found} parameters, at most {limit} can be bound"),
            Reason::TooManyLists { found, limit } => write!(f, "{found} lists in one statement, at most {limit}"),
            Reason::Nul => f.write_str("a text with U+0000, which PostgreSQL cannot hold"),
            Reason::Value => f.write_str("a value that is neither text nor a number of 64 bits"),
            Reason::NoNameKey => f.write_str("the schema names no column with lower-cased names to order by"),
            Reason::SavedById => f.write_str("a saved filter given by id alone, without its rule"),
            Reason::ReservedAlias(alias) => write!(f, "alias `{}`, whose name is reserved", OneLine(alias)),
            Reason::NoRowSecurity => f.write_str("row-level security, which SQLite does not have"),
            Reason::Role(role) => write!(f, "`{}` as the name of a role", role.escape_debug()),
        }
    }
}

/// Why a question gave no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The question is wrong in itself. An engine refuses it alike, but for a saved filter that the viewer may not use:
    /// that is unknown to the engine, while here, where the filter is given, what is wrong with it is told first.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The question is right, and the dialect or schema has no SQL for it.
    #[error("not expressible: {0}")]
    NotExpressible(#[from] NotExpressible),
}
