//! What changes would open or close (SPEC 7.4).

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::{Contact, Conversation, Directory, Facts, TeammateId};
use crate::policy::Subject;
use crate::policy::access::{finds, sees};

/// Whether a viewer would come to see something or cease to (SPEC 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessEffect {
    /// Sees it afterwards and did not before.
    Gained,
    /// Saw it before and does not afterwards.
    Lost,
}

impl AccessEffect {
    /// The word for it in JSON, `gained` or `lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
        }
    }
}

/// As [`AccessEffect::as_str`].
impl fmt::Display for AccessEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of a preview: what a list of changes would open or close (SPEC 7.4).
///
/// Ordered by viewer, contacts before conversations, then by id. In serde
/// `{"viewer": id, "conversation": id, "effect": "gained"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessChange {
    /// Whose access would change.
    pub viewer: TeammateId,
    /// The contact or conversation.
    pub subject: Subject,
    /// Opened or closed.
    pub effect: AccessEffect,
}

impl Serialize for AccessChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AccessChange", 3)?;
        fields.serialize_field("viewer", &self.viewer)?;
        fields.serialize_field(self.subject.kind(), self.subject.id())?;
        fields.serialize_field("effect", &self.effect)?;
        fields.end()
    }
}

pub(super) fn viewers_of_either<'d>(
    before: &'d Directory,
    after: &'d Directory,
) -> impl Iterator<Item = &'d TeammateId> {
    let joined = after.teammates.keys().filter(|id| !before.teammates.contains_key(*id));
    before.teammates.keys().chain(joined)
}

pub(super) fn compare_contacts(before: &Facts, after: &Facts, viewer: &TeammateId, lines: &mut Vec<AccessChange>) {
    let finds = |facts: &Facts, contact: &Contact| {
        facts.teammate(viewer).is_some_and(|teammate| finds(&facts.directory, &contact.members, teammate))
    };
    for old in before.contacts() {
        if let Some(new) = after.contact(&old.id) {
            let subject = || Subject::Contact(old.id.clone());
            lines.extend(access_change(viewer, finds(before, old), finds(after, new), subject));
        }
    }
}

pub(super) fn compare_conversations(before: &Facts, after: &Facts, viewer: &TeammateId, lines: &mut Vec<AccessChange>) {
    let sees = |facts: &Facts, conversation: &Conversation| {
        facts.teammate(viewer).is_some_and(|teammate| sees(&facts.directory, conversation.into(), teammate))
    };
    for old in before.conversations() {
        if let Some(new) = after.conversation(&old.id) {
            let subject = || Subject::Conversation(old.id.clone());
            lines.extend(access_change(viewer, sees(before, old), sees(after, new), subject));
        }
    }
}

pub(crate) fn access_change(
    viewer: &TeammateId,
    before: bool,
    after: bool,
    subject: impl FnOnce() -> Subject,
) -> Option<AccessChange> {
    let effect = match (before, after) {
        (false, true) => AccessEffect::Gained,
        (true, false) => AccessEffect::Lost,
        _ => return None,
    };
    Some(AccessChange { viewer: viewer.clone(), subject: subject(), effect })
}
