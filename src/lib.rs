//! Who can see this, and what is in this inbox: access control for clinic messaging, embedded in your service.

pub mod policy;
#[cfg(feature = "sql")]
pub mod sql;

mod change;
mod engine;
mod error;
mod model;

pub use change::{AccessChange, AccessEffect};
pub use engine::{
    ContactRow, ConversationRow, Cursor, CursorKey, Engine, EngineBuilder, Page, PageRequest, Revision, Viewer,
};
pub use error::{Error, ErrorCode};
#[cfg(feature = "json")]
pub use model::JsonError;
pub use model::{
    ArchiveScope, AssigneePick, Change, Channel, Contact, ContactCategory, ContactId, ContactList, ContactUpdate,
    Conversation, ConversationId, ConversationKind, Dataset, EmailAddress, Endpoint, EndpointId, EndpointKind, Facts,
    FaxNumber, Filter, FilterId, Inbox, Invitation, Lists, MAX_RULE_DEPTH, Member, Organization, OrganizationId,
    PhoneNumber, Pick, Rule, SpruceLink, Tag, TagSet, Team, TeamId, Teammate, TeammateId, TeammateUpdate, Text,
    Timestamp,
};
pub use policy::{
    Action, Badge, ContactAction, ConversationAction, Decision, Denial, EndpointAction, FilterAction, Finding,
    FindingKind, Grant, KeptOut, Resource, ShownContact, Subject,
};
