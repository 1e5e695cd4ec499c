//! What is asked about, and what is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::OneLine;
use crate::model::{ContactId, ConversationId, EndpointId, FilterId, Member, OrganizationId};

/// Something that a viewer may or may not see, named by its id. Made from a borrowed id by `From`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// A contact: find, view and edit go together (SPEC 4.2).
    Contact(&'a ContactId),
    /// A conversation (SPEC 3).
    Conversation(&'a ConversationId),
    /// An endpoint: seeing it means access to it (SPEC 2.2).
    Endpoint(&'a EndpointId),
    /// A saved filter: seeing it means that one may use it (SPEC 5.6).
    Filter(&'a FilterId),
}

macro_rules! resource_from {
    ($($variant:ident($id:ident)),*) => {
        $(impl<'a> From<&'a $id> for Resource<'a> {
            fn from(id: &'a $id) -> Self {
                Self::$variant(id)
            }
        })*
    };
}

resource_from!(Contact(ContactId), Conversation(ConversationId), Endpoint(EndpointId), Filter(FilterId));

/// What an answer about everyone is about: the owned form of [`Resource`], and the organization.
///
/// Contacts come before conversations, each by id. In serde `{"conversation": id}` and so on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A contact.
    Contact(ContactId),
    /// A conversation.
    Conversation(ConversationId),
    /// An endpoint.
    Endpoint(EndpointId),
    /// A saved filter.
    Filter(FilterId),
    /// The organization itself.
    Organization(OrganizationId),
}

impl Subject {
    /// The kind without the id, such as `conversation`: the word for it in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contact",
            Self::Conversation(_) => "conversation",
            Self::Endpoint(_) => "endpoint",
            Self::Filter(_) => "filter",
            Self::Organization(_) => "organization",
        }
    }

    /// The id without its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Contact(id) => id.as_str(),
            Self::Conversation(id) => id.as_str(),
            Self::Endpoint(id) => id.as_str(),
            Self::Filter(id) => id.as_str(),
            Self::Organization(id) => id.as_str(),
        }
    }

    /// What a viewer may or may not see, to ask on about a finding or a line of a preview; `None` for the organization.
    #[must_use]
    pub fn resource(&self) -> Option<Resource<'_>> {
        match self {
            Self::Contact(id) => Some(Resource::Contact(id)),
            Self::Conversation(id) => Some(Resource::Conversation(id)),
            Self::Endpoint(id) => Some(Resource::Endpoint(id)),
            Self::Filter(id) => Some(Resource::Filter(id)),
            Self::Organization(_) => None,
        }
    }
}

/// The owned form of what was asked about.
impl From<Resource<'_>> for Subject {
    fn from(resource: Resource<'_>) -> Self {
        match resource {
            Resource::Contact(id) => Self::Contact(id.clone()),
            Resource::Conversation(id) => Self::Conversation(id.clone()),
            Resource::Endpoint(id) => Self::Endpoint(id.clone()),
            Resource::Filter(id) => Self::Filter(id.clone()),
        }
    }
}

/// ``contact `ID` `` and so on, on one line whatever the id.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), OneLine(self.id()))
    }
}

/// One reason that lets a viewer in (SPEC 7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The owner of the endpoint, or of the conversation's endpoint, covers the viewer.
    EndpointOwner(Member),
    /// An additional member of the endpoint, or of the conversation's endpoint, covers the viewer.
    EndpointMember(Member),
    /// A member of the conversation itself covers the viewer.
    ConversationMember(Member),
    /// Contact membership is off, so every contact is open.
    MembershipOff,
    /// The viewer is an admin, to whom every contact is open.
    Admin,
    /// A member of the contact covers the viewer.
    ContactMember(Member),
    /// The saved filter is the viewer's own.
    FilterOwner,
    /// The saved filter is shared with a member that covers the viewer.
    FilterShare(Member),
}

impl Grant {
    /// The member that covers the viewer; `None` where no member is the reason.
    #[must_use]
    pub fn member(&self) -> Option<&Member> {
        match self {
            Self::EndpointOwner(member)
            | Self::EndpointMember(member)
            | Self::ConversationMember(member)
            | Self::ContactMember(member)
            | Self::FilterShare(member) => Some(member),
            Self::MembershipOff | Self::Admin | Self::FilterOwner => None,
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndpointOwner(member) => write!(f, "endpoint owner {member}"),
            Self::EndpointMember(member) => write!(f, "endpoint member {member}"),
            Self::ConversationMember(member) => write!(f, "conversation member {member}"),
            Self::MembershipOff => f.write_str("contact membership off"),
            Self::Admin => f.write_str("admin"),
            Self::ContactMember(member) => write!(f, "contact member {member}"),
            Self::FilterOwner => f.write_str("filter owner"),
            Self::FilterShare(member) => write!(f, "filter shared with {member}"),
        }
    }
}

/// Why a viewer is not let in (SPEC 7.1). For logs and admins: to a viewer, what is hidden and what does not exist
/// must look the same, so show them [`Decision::is_allowed`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// No such teammate in this organization (SPEC 1.3).
    UnknownViewer,
    /// The viewer is suspended (SPEC 1.2).
    Suspended,
    /// No such resource.
    UnknownResource,
    /// Nothing covers the viewer.
    NotAMember,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownViewer => "unknown viewer",
            Self::Suspended => "the viewer is suspended",
            Self::UnknownResource => "no such resource",
            Self::NotAMember => "nothing covers the viewer",
        })
    }
}

/// Whether a viewer sees one resource, and why (SPEC 7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Decision {
    /// Let in, by every grant that applies: the endpoint's owner, its additional members, and of a conversation its own
    /// members; for contacts membership off, or admin and the contact's members; for filters the owner and the shares.
    /// Never empty.
    Allowed(Vec<Grant>),
    /// Not let in.
    Denied(Denial),
}

impl Decision {
    /// Whether the viewer is let in. O(1).
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Every grant that applies, in order; none if denied. O(1).
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        match self {
            Self::Allowed(grants) => grants,
            Self::Denied(_) => &[],
        }
    }

    /// Why not; `None` if allowed. O(1).
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        match self {
            Self::Allowed(_) => None,
            Self::Denied(denial) => Some(*denial),
        }
    }
}
