//! Contacts: the people outside, and who may find them (SPEC 4).

use serde::{Deserialize, Serialize};

use super::organization::Member;
use super::text::{ContactId, Tag, Text};
use super::words::words;
use super::{as_some, null_is_default};

/// What a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactCategory {
    /// A patient.
    #[default]
    Patient,
    /// A professional outside the organization.
    Professional,
    /// Another clinic, a pharmacy, a laboratory.
    Clinic,
    /// A number or address that nobody has saved yet.
    Unsaved,
}

words!(ContactCategory, "a contact category", "patient", {
    Patient = "patient",
    Professional = "professional",
    Clinic = "clinic",
    Unsaved = "unsaved",
});

/// Whether a contact has been invited to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invitation {
    /// Not yet.
    #[default]
    NotInvited,
    /// Invited, without an account so far.
    Invited,
    /// Uses the app.
    HasAccount,
}

words!(Invitation, "the state of an invitation", "not_invited", {
    NotInvited = "not_invited",
    Invited = "invited",
    HasAccount = "has_account",
});

/// One person or place outside the organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Its name; the empty name is a name (SPEC 5.10).
    #[serde(default)]
    pub name: Option<Text>,
    /// What it is, a patient unless said otherwise.
    #[serde(default, with = "null_is_default")]
    pub category: ContactCategory,
    /// Whether it has been invited to the app.
    #[serde(default, with = "null_is_default")]
    pub invitation: Invitation,
    /// To whom it is open while contact membership is on: the organization unless said otherwise, nobody but admins
    /// if empty (SPEC 4.2). A repeated member counts once.
    #[serde(default = "everyone", serialize_with = "as_some", deserialize_with = "null_is_everyone")]
    pub members: Vec<Member>,
    /// Its tags. A repeated tag counts once.
    #[serde(default, with = "null_is_default")]
    pub tags: Vec<Tag>,
}

impl Contact {
    /// A patient without a name, not invited, open to the organization.
    #[must_use]
    pub fn new(id: impl Into<ContactId>) -> Self {
        Self {
            id: id.into(),
            name: None,
            category: ContactCategory::default(),
            invitation: Invitation::default(),
            members: everyone(),
            tags: Vec::new(),
        }
    }

    /// The same, with a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Text>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same, of another category.
    #[must_use]
    pub fn category(mut self, category: ContactCategory) -> Self {
        self.category = category;
        self
    }

    /// The same, with this state of the invitation.
    #[must_use]
    pub fn invitation(mut self, invitation: Invitation) -> Self {
        self.invitation = invitation;
        self
    }

    /// The same, open to these members alone (and to admins) while contact membership is on.
    #[must_use]
    pub fn members(mut self, members: impl IntoIterator<Item = Member>) -> Self {
        self.members = members.into_iter().collect();
        self
    }

    /// The same, with one more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

fn everyone() -> Vec<Member> {
    vec![Member::Organization]
}

fn null_is_everyone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Member>, D::Error> {
    Option::<Vec<Member>>::deserialize(deserializer).map(|members| members.unwrap_or_else(everyone))
}
