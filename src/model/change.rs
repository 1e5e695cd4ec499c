//! What a caller may ask to be changed (SPEC 6).

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::contact::{Contact, ContactCategory, Invitation};
use super::conversation::Conversation;
use super::filter::Filter;
use super::null_is_default;
use super::organization::{Endpoint, Member, Team, Teammate};
use super::text::{ContactId, ConversationId, EndpointId, FilterId, Tag, TeamId, TeammateId, Text, Timestamp};

/// One change to the facts of an organization (SPEC 6).
///
/// [`Engine::apply`](crate::Engine::apply) checks it, then applies it whole or not at all;
/// [`Engine::authorize`](crate::Engine::authorize) says who may make it. In serde `{"archive": {"id": ID}}` and so on.
/// A change that alters nothing (reading twice, taking out a member who is none) is applied all the same. No change
/// alters the name of the organization or of a team, the value or label of an endpoint, or which contacts a
/// conversation has.
///
/// # Examples
/// ```
/// use visibly::{Change, Member};
///
/// let change = Change::assign("intake", Member::team("front-desk"));
/// let same = serde_json::from_str(r#"{"assign": {"id": "intake", "to": {"team": "front-desk"}}}"#)?;
/// assert_eq!(change, same);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// Turns contact membership on or off (SPEC 4.1, 4.2).
    SetContactMembership(bool),
    /// Adds a teammate at the end of the organization's order.
    AddTeammate(Teammate),
    /// Changes a teammate's name or flags. The last active admin stays one (SPEC 6.6).
    UpdateTeammate(TeammateUpdate),
    /// Removes a teammate; what it leaves goes to another teammate or a team (SPEC 6.5).
    RemoveTeammate {
        /// Who leaves.
        id: TeammateId,
        /// Who takes over.
        transfer_to: Member,
    },
    /// Adds a team.
    AddTeam(Team),
    /// Replaces a team's teammates.
    SetTeam {
        /// The team.
        id: TeamId,
        /// All its teammates from now on.
        teammates: Vec<TeammateId>,
    },
    /// Removes a team that nothing belongs or goes to (SPEC 6.6).
    RemoveTeam {
        /// The team.
        id: TeamId,
    },
    /// Adds an endpoint (SPEC 2.3).
    AddEndpoint(Endpoint),
    /// Replaces an endpoint's owner and additional members (SPEC 2.3).
    SetEndpointAccess {
        /// The endpoint.
        id: EndpointId,
        /// Its owner from now on.
        owner: Member,
        /// Its additional members from now on.
        additional_members: Vec<Member>,
    },
    /// Says where new conversations on an endpoint go (SPEC 2.3).
    SetAutoAssign {
        /// The endpoint.
        id: EndpointId,
        /// A team, a teammate, or nobody.
        #[serde(default)]
        to: Option<Member>,
    },
    /// Removes an endpoint that has no conversations (SPEC 6.6).
    RemoveEndpoint {
        /// The endpoint.
        id: EndpointId,
    },
    /// Adds a contact.
    AddContact(Contact),
    /// Changes a contact's name, category or invitation.
    UpdateContact(ContactUpdate),
    /// Replaces a contact's members (SPEC 4.2).
    SetContactMembers {
        /// The contact.
        id: ContactId,
        /// Its members from now on; nobody but admins if empty.
        members: Vec<Member>,
    },
    /// Adds tags to contacts and removes others; what is both added and removed is removed (SPEC 6.6).
    TagContacts {
        /// The contacts.
        ids: Vec<ContactId>,
        /// The tags to add.
        #[serde(default, with = "null_is_default")]
        add: Vec<Tag>,
        /// The tags to remove.
        #[serde(default, with = "null_is_default")]
        remove: Vec<Tag>,
    },
    /// Removes a contact that is attached to no conversation (SPEC 6.6).
    RemoveContact {
        /// The contact.
        id: ContactId,
    },
    /// Starts a conversation, which must be unarchived, and read and starred by nobody (SPEC 6.1).
    StartConversation(Conversation),
    /// A message came or went: nobody has read the conversation any more. One that is archived, or assigned to who cannot
    /// see it, comes back unarchived, assigned to whom its endpoint assigns to, or to nobody (SPEC 6.2). What a teammate
    /// has written is new to that teammate too, unless [`Change::MarkRead`] follows.
    ReceiveMessage {
        /// The conversation.
        id: ConversationId,
        /// When; an earlier time than the last activity leaves that as it is.
        at: Timestamp,
    },
    /// Assigns a conversation, or takes an assignment away (SPEC 6.3).
    Assign {
        /// The conversation.
        id: ConversationId,
        /// A team, a teammate, or nobody.
        #[serde(default)]
        to: Option<Member>,
        /// Whether a recipient who cannot see the conversation becomes a member of it.
        #[serde(default, with = "null_is_default")]
        grant_access: bool,
    },
    /// Archives a conversation and unassigns it (SPEC 6.4).
    Archive {
        /// The conversation.
        id: ConversationId,
    },
    /// Brings an archived conversation back, unassigned; does nothing to another (SPEC 6.4).
    Unarchive {
        /// The conversation.
        id: ConversationId,
    },
    /// Adds tags to conversations and removes others; what is both added and removed is removed (SPEC 6.6).
    TagConversations {
        /// The conversations.
        ids: Vec<ConversationId>,
        /// The tags to add.
        #[serde(default, with = "null_is_default")]
        add: Vec<Tag>,
        /// The tags to remove.
        #[serde(default, with = "null_is_default")]
        remove: Vec<Tag>,
    },
    /// Lets a member into one conversation (SPEC 3.1, 3.2).
    AddConversationMember {
        /// The conversation.
        id: ConversationId,
        /// Who is let in.
        member: Member,
    },
    /// Takes a member out of one conversation (SPEC 3.4).
    RemoveConversationMember {
        /// The conversation.
        id: ConversationId,
        /// Who is taken out.
        member: Member,
    },
    /// A teammate has read a conversation (SPEC 5.9).
    MarkRead {
        /// The conversation.
        id: ConversationId,
        /// Who has read it.
        by: TeammateId,
    },
    /// A teammate wants to read a conversation again (SPEC 5.9).
    MarkUnread {
        /// The conversation.
        id: ConversationId,
        /// Who wants to.
        by: TeammateId,
    },
    /// A teammate stars a conversation.
    Star {
        /// The conversation.
        id: ConversationId,
        /// Who stars it.
        by: TeammateId,
    },
    /// A teammate takes its star away.
    Unstar {
        /// The conversation.
        id: ConversationId,
        /// Whose star it is.
        by: TeammateId,
    },
    /// Removes a conversation for good.
    RemoveConversation {
        /// The conversation.
        id: ConversationId,
    },
    /// Adds a saved filter, or replaces the one with this id in its place (SPEC 6.6).
    PutFilter(Filter),
    /// Removes a saved filter.
    RemoveFilter {
        /// The filter.
        id: FilterId,
    },
}

impl Change {
    /// Assigns a conversation to a team or teammate, who must already see it.
    #[must_use]
    pub fn assign(id: impl Into<ConversationId>, to: impl Into<Member>) -> Self {
        Self::Assign { id: id.into(), to: Some(to.into()), grant_access: false }
    }

    /// Assigns a conversation to a team or teammate and lets them in if need be.
    #[must_use]
    pub fn assign_with_access(id: impl Into<ConversationId>, to: impl Into<Member>) -> Self {
        Self::Assign { id: id.into(), to: Some(to.into()), grant_access: true }
    }

    /// Takes a conversation's assignment away.
    #[must_use]
    pub fn unassign(id: impl Into<ConversationId>) -> Self {
        Self::Assign { id: id.into(), to: None, grant_access: false }
    }

    /// A message came or went at this time; see [`Change::ReceiveMessage`].
    #[must_use]
    pub fn receive_message(id: impl Into<ConversationId>, at: impl Into<Timestamp>) -> Self {
        Self::ReceiveMessage { id: id.into(), at: at.into() }
    }

    /// Archives a conversation.
    #[must_use]
    pub fn archive(id: impl Into<ConversationId>) -> Self {
        Self::Archive { id: id.into() }
    }

    /// Brings an archived conversation back.
    #[must_use]
    pub fn unarchive(id: impl Into<ConversationId>) -> Self {
        Self::Unarchive { id: id.into() }
    }

    /// Lets a member into one conversation.
    #[must_use]
    pub fn add_conversation_member(id: impl Into<ConversationId>, member: impl Into<Member>) -> Self {
        Self::AddConversationMember { id: id.into(), member: member.into() }
    }

    /// Takes a member out of one conversation.
    #[must_use]
    pub fn remove_conversation_member(id: impl Into<ConversationId>, member: impl Into<Member>) -> Self {
        Self::RemoveConversationMember { id: id.into(), member: member.into() }
    }

    /// A teammate has read a conversation.
    #[must_use]
    pub fn mark_read(id: impl Into<ConversationId>, by: impl Into<TeammateId>) -> Self {
        Self::MarkRead { id: id.into(), by: by.into() }
    }

    /// A teammate wants to read a conversation again.
    #[must_use]
    pub fn mark_unread(id: impl Into<ConversationId>, by: impl Into<TeammateId>) -> Self {
        Self::MarkUnread { id: id.into(), by: by.into() }
    }

    /// A teammate stars a conversation.
    #[must_use]
    pub fn star(id: impl Into<ConversationId>, by: impl Into<TeammateId>) -> Self {
        Self::Star { id: id.into(), by: by.into() }
    }

    /// A teammate takes its star away.
    #[must_use]
    pub fn unstar(id: impl Into<ConversationId>, by: impl Into<TeammateId>) -> Self {
        Self::Unstar { id: id.into(), by: by.into() }
    }
}

/// New values for a teammate; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TeammateUpdate {
    /// The teammate.
    pub id: TeammateId,
    /// The name from now on.
    #[serde(default)]
    pub name: Option<Text>,
    /// Whether an admin from now on.
    #[serde(default)]
    pub admin: Option<bool>,
    /// Whether suspended from now on.
    #[serde(default)]
    pub suspended: Option<bool>,
}

impl TeammateUpdate {
    /// An update of this teammate that leaves everything as it is.
    #[must_use]
    pub fn new(id: impl Into<TeammateId>) -> Self {
        Self { id: id.into(), name: None, admin: None, suspended: None }
    }

    /// The same, with a new name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same, making the teammate an admin or no admin.
    #[must_use]
    pub fn admin(mut self, admin: bool) -> Self {
        self.admin = Some(admin);
        self
    }

    /// The same, suspending the teammate or bringing it back.
    #[must_use]
    pub fn suspended(mut self, suspended: bool) -> Self {
        self.suspended = Some(suspended);
        self
    }
}

/// New values for a contact; what is `None` stays as it is.
///
/// In JSON a name that stays is absent, and one that goes is `null`. In formats such as postcard, where no field can be
/// absent, the name is a list: empty if it stays, otherwise of one entry, the new name or none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ContactUpdate {
    /// The contact.
    pub id: ContactId,
    /// The name from now on; `Some(None)`, in JSON `null`, takes it away.
    #[serde(default, deserialize_with = "present_name")]
    pub name: Option<Option<Text>>,
    // Not `default`, here and below: an absent one is `None` all the same, and a list that is too short, such as one
    // without a name that stays, is refused rather than read with each value in the place of another.
    /// The category from now on.
    pub category: Option<ContactCategory>,
    /// The state of the invitation from now on.
    pub invitation: Option<Invitation>,
}

impl ContactUpdate {
    /// An update of this contact that leaves everything as it is.
    #[must_use]
    pub fn new(id: impl Into<ContactId>) -> Self {
        Self { id: id.into(), name: None, category: None, invitation: None }
    }

    /// The same, with a new name, or none.
    #[must_use]
    pub fn name(mut self, name: Option<Text>) -> Self {
        self.name = Some(name);
        self
    }

    /// The same, with a new category.
    #[must_use]
    pub fn category(mut self, category: ContactCategory) -> Self {
        self.category = Some(category);
        self
    }

    /// The same, with a new state of the invitation.
    #[must_use]
    pub fn invitation(mut self, invitation: Invitation) -> Self {
        self.invitation = Some(invitation);
        self
    }
}

impl Serialize for ContactUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, name, category, invitation } = self;
        let is_list = !serializer.is_human_readable();
        let length = if is_list || name.is_some() { 4 } else { 3 };
        let mut fields = serializer.serialize_struct("ContactUpdate", length)?;
        fields.serialize_field("id", id)?;
        match name {
            name if is_list => fields.serialize_field("name", name.as_slice())?,
            Some(name) => fields.serialize_field("name", name)?,
            None => fields.skip_field("name")?,
        }
        fields.serialize_field("category", category)?;
        fields.serialize_field("invitation", invitation)?;
        fields.end()
    }
}

/// Reads a name that is there: in JSON `null` becomes `Some(None)`; one that is absent keeps its default, `None`.
fn present_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Text>>, D::Error> {
    if deserializer.is_human_readable() {
        return Option::<Text>::deserialize(deserializer).map(Some);
    }
    let mut names = Vec::<Option<Text>>::deserialize(deserializer)?;
    match (names.pop(), names.len()) {
        (name, 0) => Ok(name),
        (_, more) => Err(D::Error::invalid_length(more + 1, &"a list of one name at most")),
    }
}
