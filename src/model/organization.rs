//! The organization: its teammates, teams and endpoints, and who stands for whom (SPEC 1 and 2).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::{EndpointId, OrganizationId, TeamId, TeammateId, Text};
use super::words::words;
use super::{as_some, null_is_default};
use crate::error::OneLine;

/// The organization, one team, or one teammate, where any of them may stand (SPEC 1.1).
///
/// A member *covers* teammates: the organization every active one, a team its active ones, a teammate itself while
/// active. In serde `"organization"`, `{"team": id}` or `{"teammate": id}`. Made from an id by `From`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// Every active teammate, those who join later included.
    Organization,
    /// The active teammates of one team.
    Team(TeamId),
    /// One teammate, while active.
    Teammate(TeammateId),
}

impl Member {
    /// The team with this id.
    #[must_use]
    pub fn team(id: impl Into<TeamId>) -> Self {
        Self::Team(id.into())
    }

    /// The teammate with this id.
    #[must_use]
    pub fn teammate(id: impl Into<TeammateId>) -> Self {
        Self::Teammate(id.into())
    }
}

impl From<TeamId> for Member {
    fn from(id: TeamId) -> Self {
        Self::Team(id)
    }
}

impl From<TeammateId> for Member {
    fn from(id: TeammateId) -> Self {
        Self::Teammate(id)
    }
}

impl From<&TeamId> for Member {
    fn from(id: &TeamId) -> Self {
        Self::Team(id.clone())
    }
}

impl From<&TeammateId> for Member {
    fn from(id: &TeammateId) -> Self {
        Self::Teammate(id.clone())
    }
}

/// `organization`, ``team `ID` `` or ``teammate `ID` ``, on one line whatever the id.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization => f.write_str("organization"),
            Self::Team(id) => write!(f, "team `{}`", OneLine(id.as_str())),
            Self::Teammate(id) => write!(f, "teammate `{}`", OneLine(id.as_str())),
        }
    }
}

/// One person who works in the organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Teammate {
    /// Its id.
    pub id: TeammateId,
    /// Its name, for people to read.
    pub name: Text,
    /// May change settings, people, teams and endpoints, and sees every contact; opens no conversation (SPEC 3.3).
    #[serde(default, with = "null_is_default")]
    pub admin: bool,
    /// Covered by nothing and sees nothing, while what it owns stays (SPEC 1.2).
    #[serde(default, with = "null_is_default")]
    pub suspended: bool,
}

impl Teammate {
    /// An active teammate who is not an admin.
    #[must_use]
    pub fn new(id: impl Into<TeammateId>, name: impl Into<Text>) -> Self {
        Self { id: id.into(), name: name.into(), admin: false, suspended: false }
    }

    /// The same, as an admin.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// The same, suspended.
    #[must_use]
    pub fn suspended(mut self) -> Self {
        self.suspended = true;
        self
    }
}

/// A named group of teammates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name, for people to read.
    pub name: Text,
    /// Its teammates, the suspended included. A repeated id counts once; an empty list is a team that covers nobody.
    pub teammates: Vec<TeammateId>,
}

impl Team {
    /// A team of these teammates.
    #[must_use]
    pub fn new<T: Into<TeammateId>>(
        id: impl Into<TeamId>,
        name: impl Into<Text>,
        teammates: impl IntoIterator<Item = T>,
    ) -> Self {
        Self { id: id.into(), name: name.into(), teammates: teammates.into_iter().map(Into::into).collect() }
    }
}

/// What an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointKind {
    /// A link that patients open to write in the app.
    SpruceLink,
    /// A phone number, for calls and texts.
    PhoneNumber,
    /// A fax number.
    FaxNumber,
    /// An email address.
    EmailAddress,
}

impl EndpointKind {
    /// The channel that conversations on such an endpoint use.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::SpruceLink => Channel::Secure,
            Self::PhoneNumber => Channel::Phone,
            Self::FaxNumber => Channel::Fax,
            Self::EmailAddress => Channel::Email,
        }
    }
}

words!(EndpointKind, "a kind of endpoint", "spruce_link", {
    SpruceLink = "spruce_link",
    PhoneNumber = "phone_number",
    FaxNumber = "fax_number",
    EmailAddress = "email_address",
});

/// How a patient conversation travels; team conversations and notes have no channel (SPEC 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Over a Spruce Link.
    Secure,
    /// Over a phone number.
    Phone,
    /// Over a fax number.
    Fax,
    /// Over an email address.
    Email,
}

words!(Channel, "a channel", "secure", { Secure = "secure", Phone = "phone", Fax = "fax", Email = "email" });

/// A line that patients reach the organization on (SPEC 2).
///
/// [`SpruceLink`], [`PhoneNumber`], [`FaxNumber`] and [`EmailAddress`] make one; all follow the same rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// What it is.
    pub kind: EndpointKind,
    /// The number, address or link, for people to read.
    #[serde(default)]
    pub value: Option<Text>,
    /// What the organization calls it.
    #[serde(default)]
    pub label: Option<Text>,
    /// Its one owner, the organization unless said otherwise (SPEC 2.1).
    #[serde(default = "organization", serialize_with = "as_some", deserialize_with = "null_is_organization")]
    pub owner: Member,
    /// Who else has access (SPEC 2.2). A repeated member counts once.
    #[serde(default, with = "null_is_default")]
    pub additional_members: Vec<Member>,
    /// The team or teammate that new conversations go to (SPEC 2.3). The organization is refused on loading.
    #[serde(default)]
    pub auto_assign: Option<Member>,
}

impl Endpoint {
    /// An endpoint of this kind that belongs to the organization and assigns to nobody.
    #[must_use]
    pub fn new(id: impl Into<EndpointId>, kind: EndpointKind) -> Self {
        Self {
            id: id.into(),
            kind,
            value: None,
            label: None,
            owner: Member::Organization,
            additional_members: Vec::new(),
            auto_assign: None,
        }
    }
}

fn organization() -> Member {
    Member::Organization
}

fn null_is_organization<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Member, D::Error> {
    Option::<Member>::deserialize(deserializer).map(|owner| owner.unwrap_or(Member::Organization))
}

/// Makes the four named endpoint types: each is an [`Endpoint`] of its kind, built in words.
macro_rules! endpoint_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A builder over [`Endpoint`]; give it to [`Organization::endpoint`] or turn it into an `Endpoint` by `into`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Endpoint);

        impl $name {
            /// Belongs to the organization, so that every active teammate has access, and assigns to nobody.
            #[must_use]
            pub fn new(id: impl Into<EndpointId>) -> Self {
                Self(Endpoint::new(id, EndpointKind::$name))
            }

            /// The same, with the number, address or link itself.
            #[must_use]
            pub fn value(mut self, value: impl Into<Text>) -> Self {
                self.0.value = Some(value.into());
                self
            }

            /// The same, with a label for people to read.
            #[must_use]
            pub fn label(mut self, label: impl Into<Text>) -> Self {
                self.0.label = Some(label.into());
                self
            }

            /// The same, owned by `owner` in place of the organization (SPEC 2.1).
            #[must_use]
            pub fn owned_by(mut self, owner: impl Into<Member>) -> Self {
                self.0.owner = owner.into();
                self
            }

            /// The same, with access for `member` too (SPEC 2.2).
            #[must_use]
            pub fn shared_with(mut self, member: impl Into<Member>) -> Self {
                self.0.additional_members.push(member.into());
                self
            }

            /// The same; new conversations go to `recipient`, a team or a teammate (SPEC 2.3).
            #[must_use]
            pub fn auto_assign_to(mut self, recipient: impl Into<Member>) -> Self {
                self.0.auto_assign = Some(recipient.into());
                self
            }
        }

        impl From<$name> for Endpoint {
            fn from(endpoint: $name) -> Self {
                endpoint.0
            }
        }

        impl AsRef<Endpoint> for $name {
            fn as_ref(&self) -> &Endpoint {
                &self.0
            }
        }
    };
}

endpoint_type!(
    /// A link that patients open to write in the app.
    SpruceLink
);
endpoint_type!(
    /// A phone number, for calls and texts.
    PhoneNumber
);
endpoint_type!(
    /// A fax number.
    FaxNumber
);
endpoint_type!(
    /// An email address.
    EmailAddress
);

/// One organization: settings, people, teams and endpoints, in the order in which they are shown.
///
/// A plain list of facts; ids and references are checked by [`Facts::load`](crate::Facts::load).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, for people to read.
    pub name: Text,
    /// Whether contacts are hidden from teammates whom their members do not cover, admins apart (SPEC 4.1, 4.2).
    #[serde(default, with = "null_is_default")]
    pub contact_membership: bool,
    /// Its teammates; audiences are listed in this order (SPEC 7.2).
    pub teammates: Vec<Teammate>,
    /// Its teams.
    #[serde(default, with = "null_is_default")]
    pub teams: Vec<Team>,
    /// Its endpoints.
    #[serde(default, with = "null_is_default")]
    pub endpoints: Vec<Endpoint>,
}

impl Organization {
    /// An organization without anybody, contact membership off.
    #[must_use]
    pub fn new(id: impl Into<OrganizationId>, name: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            contact_membership: false,
            teammates: Vec::new(),
            teams: Vec::new(),
            endpoints: Vec::new(),
        }
    }

    /// The same, with contact membership on (SPEC 4.2).
    #[must_use]
    pub fn with_contact_membership(mut self) -> Self {
        self.contact_membership = true;
        self
    }

    /// The same, with one more teammate.
    #[must_use]
    pub fn teammate(mut self, teammate: Teammate) -> Self {
        self.teammates.push(teammate);
        self
    }

    /// The same, with one more team.
    #[must_use]
    pub fn team(mut self, team: Team) -> Self {
        self.teams.push(team);
        self
    }

    /// The same, with one more endpoint.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoints.push(endpoint.into());
        self
    }
}
