//! A whole organization as one value.

use serde::{Deserialize, Serialize};

use super::contact::Contact;
use super::conversation::Conversation;
use super::filter::Filter;
use super::null_is_default;
use super::organization::Organization;

/// Everything that is known of one organization, as a list of facts that nobody has checked yet.
///
/// Built by code or read by serde; [`Engine::new`](crate::Engine::new) and [`Facts::load`](crate::Facts::load) check it
/// and refuse it for the first fault. [`Dataset::faults`] tells all of them, for who brings a clinic's records in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dataset {
    /// Settings, teammates, teams and endpoints.
    pub organization: Organization,
    /// The contacts.
    #[serde(default, with = "null_is_default")]
    pub contacts: Vec<Contact>,
    /// The conversations, in any order.
    #[serde(default, with = "null_is_default")]
    pub conversations: Vec<Conversation>,
    /// The saved filters, in the order in which they are shown.
    #[serde(default, with = "null_is_default")]
    pub filters: Vec<Filter>,
}

impl Dataset {
    /// An organization without contacts, conversations and filters.
    #[must_use]
    pub fn new(organization: Organization) -> Self {
        Self { organization, contacts: Vec::new(), conversations: Vec::new(), filters: Vec::new() }
    }

    /// The same, with one more contact.
    #[must_use]
    pub fn contact(mut self, contact: Contact) -> Self {
        self.contacts.push(contact);
        self
    }

    /// The same, with one more conversation.
    #[must_use]
    pub fn conversation(mut self, conversation: Conversation) -> Self {
        self.conversations.push(conversation);
        self
    }

    /// The same, with one more saved filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}
