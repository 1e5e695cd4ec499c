//! What a viewer may do with one thing (SPEC 6.7), for a user interface to offer.

use serde::{Deserialize, Serialize};

use super::access::{self, endpoint_of, finds, has_access, sees};
use super::decision::Resource;
use super::inbox::may_use;
use crate::model::{
    ContactId, ConversationId, Directory, EndpointId, FilterId, Head, Teammate, TeammateId, World, words,
};

/// Something that a viewer wants to do, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action<'a> {
    /// Something with a conversation.
    Conversation(ConversationAction, &'a ConversationId),
    /// Something with a contact.
    Contact(ContactAction, &'a ContactId),
    /// Something with an endpoint.
    Endpoint(EndpointAction, &'a EndpointId),
    /// Something with a saved filter.
    Filter(FilterAction, &'a FilterId),
    /// Change settings, teammates, teams and endpoints: admins.
    Administer,
}

/// Seeing a resource: viewing a contact or conversation, using an endpoint or filter.
impl<'a> From<Resource<'a>> for Action<'a> {
    fn from(resource: Resource<'a>) -> Self {
        match resource {
            Resource::Contact(id) => Self::Contact(ContactAction::View, id),
            Resource::Conversation(id) => Self::Conversation(ConversationAction::View, id),
            Resource::Endpoint(id) => Self::Endpoint(EndpointAction::Use, id),
            Resource::Filter(id) => Self::Filter(FilterAction::Use, id),
        }
    }
}

/// What one can do with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationAction {
    /// See it.
    View,
    /// Write in it: whoever sees it.
    Reply,
    /// Assign it: whoever sees it.
    Assign,
    /// Archive it or bring it back: whoever sees it.
    Archive,
    /// Tag it: whoever sees it.
    Tag,
    /// Let others in: whoever sees it and, for a patient conversation, has access to its endpoint; any admin where
    /// nobody sees it. Taking somebody out is not always the same: ask [`Engine::authorize`](crate::Engine::authorize).
    ManageMembers,
}

words!(ConversationAction, "something to do with a conversation", "manage_members", {
    View = "view",
    Reply = "reply",
    Assign = "assign",
    Archive = "archive",
    Tag = "tag",
    ManageMembers = "manage_members",
});

/// What one can do with a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactAction {
    /// Come upon it in lists and search.
    Find,
    /// See it: whoever can find it.
    View,
    /// Change it: whoever can find it.
    Edit,
    /// Change its members: admins.
    ManageMembers,
}

words!(ContactAction, "something to do with a contact", "manage_members", {
    Find = "find",
    View = "view",
    Edit = "edit",
    ManageMembers = "manage_members",
});

/// What one can do with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointAction {
    /// Call, text and write from it: whoever has access (SPEC 2.2).
    Use,
    /// Change its owner and members: admins (SPEC 2.4).
    Manage,
}

words!(EndpointAction, "something to do with an endpoint", "manage", { Use = "use", Manage = "manage" });

/// What one can do with a saved filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterAction {
    /// Open it: its owner and whoever a share covers (SPEC 5.6).
    Use,
    /// Change it: its owner and admins (SPEC 5.6), to a rule that names no contact hidden from them (SPEC 6.7).
    Edit,
}

words!(FilterAction, "something to do with a filter", "edit", { Use = "use", Edit = "edit" });

/// Whether the viewer may do it; nobody may do anything with what does not exist.
pub(crate) fn may<W: World>(world: &W, viewer: &TeammateId, action: Action<'_>) -> bool {
    let directory = world.directory();
    let Ok(viewer) = access::viewer(directory, viewer) else {
        return false;
    };
    match action {
        Action::Conversation(action, id) => {
            world.head(id).is_some_and(|head| may_with_conversation(directory, viewer, action, head))
        }
        Action::Contact(action, id) => world.contact_members(id).is_some_and(|members| match action {
            ContactAction::Find | ContactAction::View | ContactAction::Edit => finds(directory, members, viewer),
            ContactAction::ManageMembers => viewer.admin,
        }),
        Action::Endpoint(action, id) => directory.endpoints.get(id).is_some_and(|endpoint| match action {
            EndpointAction::Use => has_access(directory, endpoint, viewer),
            EndpointAction::Manage => viewer.admin,
        }),
        Action::Filter(action, id) => directory.filters.get(id).is_some_and(|filter| match action {
            FilterAction::Use => may_use(directory, filter, viewer),
            FilterAction::Edit => filter.owner == viewer.id || viewer.admin,
        }),
        Action::Administer => viewer.admin,
    }
}

fn may_with_conversation(directory: &Directory, viewer: &Teammate, action: ConversationAction, head: Head<'_>) -> bool {
    match action {
        ConversationAction::View
        | ConversationAction::Reply
        | ConversationAction::Assign
        | ConversationAction::Archive
        | ConversationAction::Tag => sees(directory, head, viewer),
        ConversationAction::ManageMembers => may_add_members(directory, viewer, head),
    }
}

/// SPEC 6.7, letting others in: whoever sees it and, for a patient conversation, has access to its endpoint.
pub(crate) fn may_share(directory: &Directory, viewer: &Teammate, head: Head<'_>) -> bool {
    let has_endpoint =
        |head| endpoint_of(directory, head).is_some_and(|endpoint| has_access(directory, endpoint, viewer));
    sees(directory, head, viewer) && (head.endpoint.is_none() || has_endpoint(head))
}

/// SPEC 6.7, a new member: whoever may let others in; any admin where the conversation has no audience.
pub(crate) fn may_add_members(directory: &Directory, viewer: &Teammate, head: Head<'_>) -> bool {
    may_share(directory, viewer, head) || is_lost_to(directory, viewer, head)
}

/// Whether nobody sees the conversation and the viewer is an admin, who may then rescue or remove it (SPEC 6.7).
pub(crate) fn is_lost_to(directory: &Directory, viewer: &Teammate, head: Head<'_>) -> bool {
    viewer.admin && access::has_no_audience(directory, head)
}
