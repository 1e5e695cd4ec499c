//! What can be wrong with a dataset, a question or a change.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What is wrong, spelled in the conformance format as [`ErrorCode::as_str`] gives it.
///
/// A caller may safely treat a code that it does not know as a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An id is used twice within its kind.
    DuplicateId,
    /// An id is the empty text.
    EmptyId,
    /// A tag is empty or white space alone.
    EmptyTag,
    /// No such teammate.
    UnknownTeammate,
    /// No such team.
    UnknownTeam,
    /// No such endpoint.
    UnknownEndpoint,
    /// No such contact.
    UnknownContact,
    /// No such conversation.
    UnknownConversation,
    /// No such filter, or none that the viewer may use (SPEC 5.6).
    UnknownFilter,
    /// A patient conversation without an endpoint.
    EndpointRequired,
    /// A team conversation or note with an endpoint.
    EndpointNotAllowed,
    /// The organization where only a team or teammate can stand.
    InvalidAssignee,
    /// The viewer is not in the team whose inbox was asked for (SPEC 5.3).
    NotInTeam,
    /// A filter or rule over contacts used for conversations, or the reverse.
    WrongList,
    /// The recipient, or one of a team's active teammates, cannot see the conversation (SPEC 6.1, 6.3).
    AssigneeCannotView,
    /// The recipient covers no active teammate (SPEC 2.3, 6.1, 6.3).
    AssigneeInactive,
    /// The endpoint would assign to somebody without access to it (SPEC 2.3).
    AutoAssignWithoutAccess,
    /// A conversation starts unarchived, read and starred by nobody (SPEC 6.1).
    MustStartOpen,
    /// The last active admin cannot be removed, suspended or demoted (SPEC 6.6).
    LastAdmin,
    /// The team owns an endpoint, is an `auto_assign` or has assigned conversations (SPEC 6.6).
    TeamInUse,
    /// The endpoint has conversations (SPEC 6.6).
    EndpointInUse,
    /// The contact is attached to a conversation (SPEC 6.6).
    ContactInUse,
    /// A teammate cannot hand what it leaves to itself.
    TransferToSelf,
    /// The viewer is suspended (SPEC 1.2).
    ViewerSuspended,
    /// The rule is nested deeper than [`MAX_RULE_DEPTH`](crate::MAX_RULE_DEPTH).
    RuleTooDeep,
    /// A page of no entries was asked for.
    EmptyPage,
    /// The cursor is damaged or forged, or belongs to another viewer, list or organization; or the contact that its page
    /// ended with has no place in the list any more.
    InvalidCursor,
}

impl ErrorCode {
    /// The code's name in the conformance format, such as `unknown_team`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateId => "duplicate_id",
            Self::EmptyId => "empty_id",
            Self::EmptyTag => "empty_tag",
            Self::UnknownTeammate => "unknown_teammate",
            Self::UnknownTeam => "unknown_team",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::UnknownContact => "unknown_contact",
            Self::UnknownConversation => "unknown_conversation",
            Self::UnknownFilter => "unknown_filter",
            Self::EndpointRequired => "endpoint_required",
            Self::EndpointNotAllowed => "endpoint_not_allowed",
            Self::InvalidAssignee => "invalid_assignee",
            Self::NotInTeam => "not_in_team",
            Self::WrongList => "wrong_list",
            Self::AssigneeCannotView => "assignee_cannot_view",
            Self::AssigneeInactive => "assignee_inactive",
            Self::AutoAssignWithoutAccess => "auto_assign_without_access",
            Self::MustStartOpen => "must_start_open",
            Self::LastAdmin => "last_admin",
            Self::TeamInUse => "team_in_use",
            Self::EndpointInUse => "endpoint_in_use",
            Self::ContactInUse => "contact_in_use",
            Self::TransferToSelf => "transfer_to_self",
            Self::ViewerSuspended => "viewer_suspended",
            Self::RuleTooDeep => "rule_too_deep",
            Self::EmptyPage => "empty_page",
            Self::InvalidCursor => "invalid_cursor",
        }
    }

    /// Every code, in order.
    const ALL: [Self; 27] = [
        Self::DuplicateId,
        Self::EmptyId,
        Self::EmptyTag,
        Self::UnknownTeammate,
        Self::UnknownTeam,
        Self::UnknownEndpoint,
        Self::UnknownContact,
        Self::UnknownConversation,
        Self::UnknownFilter,
        Self::EndpointRequired,
        Self::EndpointNotAllowed,
        Self::InvalidAssignee,
        Self::NotInTeam,
        Self::WrongList,
        Self::AssigneeCannotView,
        Self::AssigneeInactive,
        Self::AutoAssignWithoutAccess,
        Self::MustStartOpen,
        Self::LastAdmin,
        Self::TeamInUse,
        Self::EndpointInUse,
        Self::ContactInUse,
        Self::TransferToSelf,
        Self::ViewerSuspended,
        Self::RuleTooDeep,
        Self::EmptyPage,
        Self::InvalidCursor,
    ];

    /// The sentence that goes before the id.
    const fn sentence(self) -> &'static str {
        match self {
            Self::DuplicateId => "id used twice, of",
            Self::EmptyId => "empty id of",
            Self::EmptyTag => "empty tag on",
            Self::UnknownTeammate => "unknown teammate",
            Self::UnknownTeam => "unknown team",
            Self::UnknownEndpoint => "unknown endpoint",
            Self::UnknownContact => "unknown contact",
            Self::UnknownConversation => "unknown conversation",
            Self::UnknownFilter => "unknown filter",
            Self::EndpointRequired => "patient conversation without an endpoint",
            Self::EndpointNotAllowed => "endpoint not allowed on a team conversation or note",
            Self::InvalidAssignee => "the organization cannot be assigned to or take over, in",
            Self::NotInTeam => "the viewer is not in team",
            Self::WrongList => "rule does not fit the list, in",
            Self::AssigneeCannotView => "not everyone assigned to could see conversation",
            Self::AssigneeInactive => "the recipient covers no active teammate, in",
            Self::AutoAssignWithoutAccess => "auto-assign to somebody without access to endpoint",
            Self::MustStartOpen => "a conversation starts unarchived, read and starred by nobody",
            Self::LastAdmin => "the last active admin is",
            Self::TeamInUse => "team in use",
            Self::EndpointInUse => "endpoint in use",
            Self::ContactInUse => "contact in use",
            Self::TransferToSelf => "a leaving teammate cannot take over",
            Self::ViewerSuspended => "the viewer is suspended",
            Self::RuleTooDeep => "rule nested too deep, in",
            Self::EmptyPage => "a page holds at least one entry",
            Self::InvalidCursor => "the cursor is damaged or belongs to another viewer or list",
        }
    }
}

/// As [`ErrorCode::as_str`].
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads what [`ErrorCode::as_str`] gives, as from the answer of a database.
impl FromStr for ErrorCode {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = Self::ALL.into_iter().find(|code| code.as_str() == text);
        code.ok_or(ParseError::new("an error code"))
    }
}

/// As [`ErrorCode::as_str`].
impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that spells no value of the type it was parsed as, such as a kind of conversation. It is not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct ParseError {
    expected: &'static str,
}

impl ParseError {
    /// `expected` says what the text should have been, with its article.
    pub(crate) const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// Why a dataset, a question or a change was refused; nothing has changed.
///
/// The message names what is wrong and the offending id, for example ``unknown team `billing` ``. It never carries a
/// name, a tag or anything else that was written in a conversation.
///
/// # Examples
/// ```
/// use visibly::{Dataset, Engine, ErrorCode, Organization, TeammateId};
///
/// let engine = Engine::new(Dataset::new(Organization::new("oak", "Oak Street")))?;
/// let error = engine.viewer(&TeammateId::from("zoe")).unwrap_err();
/// assert_eq!(error.code(), ErrorCode::UnknownTeammate);
/// assert_eq!(error.id(), "zoe");
/// assert_eq!(error.to_string(), "unknown teammate `zoe`");
/// # Ok::<(), visibly::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    code: ErrorCode,
    id: Box<str>,
    kind: Option<&'static str>,
    holder: Option<Box<str>>,
    position: Option<usize>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, id: impl AsRef<str>) -> Self {
        Self { code, id: id.as_ref().into(), kind: None, holder: None, position: None }
    }

    /// Says what kind of thing has the offending id.
    pub(crate) fn of(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Says what names the id that is unknown. Any other fault is told with the id of what has it.
    pub(crate) fn named_in(mut self, kind: &str, id: impl AsRef<str>) -> Self {
        use ErrorCode::{UnknownContact, UnknownEndpoint, UnknownTeam, UnknownTeammate};
        if matches!(self.code, UnknownTeammate | UnknownTeam | UnknownEndpoint | UnknownContact) {
            self.holder = Some(format!("{kind} `{}`", OneLine(id.as_ref())).into());
        }
        self
    }

    pub(crate) fn at(mut self, position: usize) -> Self {
        self.position = Some(position);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The offending id: the one that is unknown, used twice, or at fault. Where that is the empty one, the kind of
    /// thing that has it, such as `contact`; of a change to the tags of several things, its name, such as
    /// `tag_contacts`. Empty where there is none.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What kind of thing has the offending id, such as `teammate`, where the code does not tell: for `duplicate_id`,
    /// `empty_tag` and `invalid_assignee`, unless the id is the name of a change. `None` elsewhere.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        self.kind
    }

    /// Where an unknown id is named, such as ``conversation `intake` ``, on one line whatever that has for an id. Told
    /// of each team, endpoint, contact, conversation and filter that is loaded or that a change brings, and of a team or
    /// an endpoint that a change alters. `None` elsewhere.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// The index of the refused change, from 0, where changes were given as a list, as to `apply_all`, `preview` or a
    /// replica; `None` elsewhere.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "change {position}: ")?;
        }
        let sentence = self.code.sentence();
        match self.id.is_empty() {
            true => f.write_str(sentence.trim_end_matches(", in")),
            false => {
                let (kind, space) = self.kind.map_or(("", ""), |kind| (kind, " "));
                write!(f, "{sentence} {kind}{space}`{}`", OneLine(&self.id))
            }
        }?;
        match &self.holder {
            Some(holder) => write!(f, ", named in {holder}"),
            None => Ok(()),
        }
    }
}

/// An id as it is, but for control characters and those that break a line or turn its direction: a line of a log stays
/// the line that it is, whoever chose the id.
pub(crate) struct OneLine<'i>(pub(crate) &'i str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = |one: char| matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}');
        let turns = |one: char| marks(one) || matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let steers = |one: char| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}') || turns(one);
        self.0.chars().try_for_each(|one| match steers(one) {
            true => write!(f, "{}", one.escape_default()),
            false => f.write_char(one),
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn every_code_is_read_as_it_is_written() {
        assert_eq!(ErrorCode::ALL.len(), ErrorCode::InvalidCursor as usize + 1, "the last one is another now");
        for (place, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!((code as usize, code.as_str().parse()), (place, Ok(code)));
        }
    }
}
