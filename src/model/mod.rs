//! Plain facts: what an organization consists of, as a caller stores it and as serde spells it.
//!
//! * Every type is a value without behaviour: equal facts are equal, and serializing and reading back gives the same.
//! * [`Dataset`] is a list of facts as loaded; [`Facts`] is the same, checked, indexed by id, without repeats.
//! * An optional field that is `null` means the same as one that is absent; an unknown field is an error.
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

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default value, as if the field were absent.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
