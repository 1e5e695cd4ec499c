//! The rules of the specification read aloud: plain functions over [`Facts`], one decision at a time.
//!
//! * Every function takes the facts, the id of who asks where one viewer does, and what is asked about, and keeps no
//!   state.
//! * Clear rather than fast: a list costs a look at every conversation. An [`Engine`](crate::Engine) answers the same
//!   questions in bulk; these functions are the meaning that it is tested against.
//! * Where costs below say nothing of members, whether one viewer sees one thing counts as one step. It takes O(members
//!   × team size), as [`can_view`] says.
//! * Doubt denies: an unknown or suspended viewer sees nothing, and a reference to what does not exist opens nothing.
//!
//! Numbers such as SPEC 3.1 are those of the rules in full, `tests/conformance/SPEC.md` in the repository.
//!
//! # Examples
//! ```
//! use visibly::{Conversation, ConversationId, Dataset, Facts, Member, Organization, SpruceLink, Teammate, policy};
//!
//! let oak = Organization::new("oak", "Oak Street")
//!     .teammate(Teammate::new("ana", "Ana").admin())
//!     .teammate(Teammate::new("ben", "Ben"))
//!     .endpoint(SpruceLink::new("ben-link").owned_by(Member::teammate("ben")));
//! let facts = Facts::load(Dataset::new(oak).conversation(Conversation::patient("therapy", "ben-link", 0)))?;
//!
//! let therapy = ConversationId::from("therapy");
//! assert!(policy::can_view(&facts, &"ben".into(), &therapy));
//! assert!(!policy::can_view(&facts, &"ana".into(), &therapy)); // being admin opens no conversation
//! # Ok::<(), visibly::Error>(())
//! ```

pub(crate) mod access;
mod action;
mod authorize;
mod contacts;
mod decision;
mod inbox;
mod insight;
mod rule;

pub(crate) use action::may;
pub use action::{Action, ContactAction, ConversationAction, EndpointAction, FilterAction};
pub(crate) use authorize::authorize as authorize_in;
pub use contacts::contacts;
pub(crate) use contacts::{OpenedContacts, is_listed, open_contacts};
pub use decision::{Decision, Denial, Grant, Resource, Subject};
pub use inbox::{
    Badge, KeptOut, ShownContact, badge, badges, filter_inbox, keeps_out, placement, search, shown_contacts,
};
pub(crate) use inbox::{
    Opened, archive_obstacle, archive_scope, assignment_obstacle, bound, kind_obstacle, may_use, open,
    placement_inboxes,
};
pub use insight::{Finding, FindingKind, audience, audit};
pub(crate) use insight::{assignee_finding, audience_in, audit_directory, leaf_names_missing};

use crate::model::{Change, Facts, TeammateId};

/// Whether a viewer sees a contact or conversation, has access to an endpoint, or may use a filter.
///
/// Unknown viewers and resources are answered `false`. O(members × team size).
#[must_use]
pub fn can_view<'r>(facts: &Facts, viewer: &TeammateId, resource: impl Into<Resource<'r>>) -> bool {
    can(facts, viewer, resource.into().into())
}

/// Whether a viewer may do something (SPEC 6.7). Nobody may do anything with what does not exist.
///
/// O(members × team size); O(teammates × members) where a conversation may turn out to have no audience.
#[must_use]
pub fn can(facts: &Facts, viewer: &TeammateId, action: Action<'_>) -> bool {
    action::may(facts, viewer, action)
}

/// Whether a viewer sees a resource, with every grant that applies, or why not (SPEC 7.1).
///
/// O(members × team size).
pub fn decide<'r>(facts: &Facts, viewer: &TeammateId, resource: impl Into<Resource<'r>>) -> Decision {
    access::decide(facts, viewer, resource.into())
}

/// Whether `actor` may make a change (SPEC 6.7); it says nothing about whether the change is valid.
///
/// A change to something unknown is answered "no", but for what admins may do to teammates, teams, endpoints and a
/// contact's members: whether there is such a thing is then for the check of the change to say. An actor who is unknown
/// or suspended may make none. Cost as [`can`], for each thing that the change names.
#[must_use]
pub fn authorize(facts: &Facts, actor: &TeammateId, change: &Change) -> bool {
    authorize::authorize(facts, actor, change)
}
