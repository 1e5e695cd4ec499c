//! Conversations (SPEC 3).

use serde::{Deserialize, Serialize};

use super::null_is_default;
use super::organization::Member;
use super::text::{ContactId, ConversationId, EndpointId, Tag, TeammateId, Timestamp};
use super::words::words;

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// With people outside, over exactly one endpoint (SPEC 3.1).
    Patient,
    /// Internal chat (SPEC 3.2).
    Team,
    /// A private note (SPEC 3.2).
    Note,
}

words!(ConversationKind, "a kind of conversation", "patient", { Patient = "patient", Team = "team", Note = "note" });

/// One conversation: where it runs, whom it is with, who else was let in, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// What it is.
    pub kind: ConversationKind,
    /// The endpoint it runs over: required for a patient conversation, not allowed otherwise.
    #[serde(default)]
    pub endpoint: Option<EndpointId>,
    /// The contacts attached, in the order in which they are shown. A repeated id counts once.
    #[serde(default, with = "null_is_default")]
    pub contacts: Vec<ContactId>,
    /// Who was let into this one conversation (SPEC 3.1, 3.2). A repeated member counts once.
    #[serde(default, with = "null_is_default")]
    pub members: Vec<Member>,
    /// The team or teammate it is assigned to; it decides about inboxes, never about access (SPEC 3.5).
    #[serde(default)]
    pub assignee: Option<Member>,
    /// Whether it is archived.
    #[serde(default, with = "null_is_default")]
    pub archived: bool,
    /// Its tags. A repeated tag counts once.
    #[serde(default, with = "null_is_default")]
    pub tags: Vec<Tag>,
    /// When the last message came or went.
    pub last_activity: Timestamp,
    /// Who has read it since its last message (SPEC 5.9).
    #[serde(default, with = "null_is_default")]
    pub read_by: Vec<TeammateId>,
    /// Who has starred it.
    #[serde(default, with = "null_is_default")]
    pub starred_by: Vec<TeammateId>,
}

impl Conversation {
    /// A conversation of any kind, without an endpoint, members and marks: for a store that fills it from its rows.
    ///
    /// [`Conversation::patient`], [`Conversation::team`] and [`Conversation::note`] make those of one kind.
    #[must_use]
    pub fn new(id: impl Into<ConversationId>, kind: ConversationKind, last_activity: impl Into<Timestamp>) -> Self {
        Self {
            id: id.into(),
            kind,
            endpoint: None,
            contacts: Vec::new(),
            members: Vec::new(),
            assignee: None,
            archived: false,
            tags: Vec::new(),
            last_activity: last_activity.into(),
            read_by: Vec::new(),
            starred_by: Vec::new(),
        }
    }

    /// A conversation with people outside, over `endpoint`.
    #[must_use]
    pub fn patient(
        id: impl Into<ConversationId>,
        endpoint: impl Into<EndpointId>,
        last_activity: impl Into<Timestamp>,
    ) -> Self {
        Self { endpoint: Some(endpoint.into()), ..Self::new(id, ConversationKind::Patient, last_activity) }
    }

    /// Internal chat; only its members see it.
    #[must_use]
    pub fn team(id: impl Into<ConversationId>, last_activity: impl Into<Timestamp>) -> Self {
        Self::new(id, ConversationKind::Team, last_activity)
    }

    /// A note; only its members see it.
    #[must_use]
    pub fn note(id: impl Into<ConversationId>, last_activity: impl Into<Timestamp>) -> Self {
        Self::new(id, ConversationKind::Note, last_activity)
    }

    /// The same, with one more contact attached.
    #[must_use]
    pub fn contact(mut self, contact: impl Into<ContactId>) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// The same, with one more member let in.
    #[must_use]
    pub fn member(mut self, member: impl Into<Member>) -> Self {
        self.members.push(member.into());
        self
    }

    /// The same, assigned to a team or teammate.
    #[must_use]
    pub fn assigned_to(mut self, assignee: impl Into<Member>) -> Self {
        self.assignee = Some(assignee.into());
        self
    }

    /// The same, archived.
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.archived = true;
        self
    }

    /// The same, with one more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The same, read by `teammate` since its last message.
    #[must_use]
    pub fn read_by(mut self, teammate: impl Into<TeammateId>) -> Self {
        self.read_by.push(teammate.into());
        self
    }

    /// The same, starred by `teammate`.
    #[must_use]
    pub fn starred_by(mut self, teammate: impl Into<TeammateId>) -> Self {
        self.starred_by.push(teammate.into());
        self
    }
}
