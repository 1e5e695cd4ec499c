//! Plain facts: what an organization consists of, as a caller stores it and as serde spells it.
//!
//! * Every type is a value without behaviour: equal facts are equal, and serializing and reading back gives the same.
//! * [`Dataset`] is a list of facts as loaded; [`Facts`] is the same, checked, indexed by id, without repeats.
//! * An optional field that is `null` means the same as one that is absent; an unknown field is an error.
//! * Formats other than JSON are read back too, also those that have neither names nor kinds. So no field is left out
//!   in them, and what is read as an option is written as one.
//!
//! Nothing here decides who sees what; that is `policy`. [`Change`] says what may be changed; `change` does it.

mod change;
mod contact;
mod conversation;
mod dataset;
mod directory;
mod facts;
mod filter;
mod index;
#[cfg(feature = "json")]
mod json;
mod organization;
mod text;
mod words;

pub use change::{Change, ContactUpdate, TeammateUpdate};
pub use contact::{Contact, ContactCategory, Invitation};
pub use conversation::{Conversation, ConversationKind};
pub use dataset::Dataset;
pub use facts::Facts;
pub use filter::{ArchiveScope, AssigneePick, ContactList, Filter, Inbox, Lists, MAX_RULE_DEPTH, Pick, Rule, TagSet};
#[cfg(feature = "json")]
pub use json::JsonError;
pub use organization::{
    Channel, EmailAddress, Endpoint, EndpointKind, FaxNumber, Member, Organization, PhoneNumber, SpruceLink, Team,
    Teammate,
};
pub use text::{
    ContactId, ConversationId, EndpointId, FilterId, OrganizationId, Tag, TeamId, TeammateId, Text, Timestamp,
};

pub(crate) use directory::Directory;
pub(crate) use facts::{Head, World, check_tags, dedup, distinct, load_directory};
pub(crate) use index::{IndexMap, hasher};
#[cfg(test)]
pub(crate) use words::Worded;
pub(crate) use words::words;

use serde::{Serialize, Serializer};

/// A field that `null` leaves at its default value, as if it were absent.
///
/// It is read as what may be `null`, so it is written as that too: formats without names and kinds, which read back by
/// place alone, would else take the field's first byte for the sign that it is there.
pub(crate) mod null_is_default {
    use serde::{Deserialize, Deserializer};

    pub(crate) use super::as_some as serialize;

    pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de> + Default,
    {
        Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

/// Writes a field that may be `null`, and is not.
pub(crate) fn as_some<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(value)
}
