//! Who may make a change (SPEC 6.7).

use super::access::{self, covers, finds, has_access, sees};
use super::action::{is_lost_to, may_add_members, may_share};
use super::decision::Resource;
use crate::model::{
    Change, Contact, ContactId, Conversation, ConversationId, ConversationKind, Directory, EndpointId, Filter,
    FilterId, Head, Member, Rule, Teammate, TeammateId, World,
};

/// Whether `actor` may make the change. It says nothing about whether the change is valid.
///
/// A change to something unknown is answered "no", unless being admin is all it takes. An actor who is unknown or
/// suspended may make none.
pub(crate) fn authorize<W: World>(world: &W, actor: &TeammateId, change: &Change) -> bool {
    match access::viewer(world.directory(), actor) {
        Ok(actor) => Authorizer { world, directory: world.directory(), actor }.allows(change),
        Err(_) => false,
    }
}

struct Authorizer<'w, W> {
    world: &'w W,
    directory: &'w Directory,
    actor: &'w Teammate,
}

impl<W: World> Authorizer<'_, W> {
    fn allows(&self, change: &Change) -> bool {
        match change {
            Change::SetContactMembership(_)
            | Change::AddTeammate(_)
            | Change::UpdateTeammate(_)
            | Change::RemoveTeammate { .. }
            | Change::AddTeam(_)
            | Change::SetTeam { .. }
            | Change::RemoveTeam { .. }
            | Change::AddEndpoint(_)
            | Change::SetEndpointAccess { .. }
            | Change::RemoveEndpoint { .. }
            | Change::SetContactMembers { .. } => self.actor.admin,
            Change::SetAutoAssign { id, .. } => self.actor.admin || self.owns_endpoint(id),

            Change::AddContact(contact) => self.may_add_contact(contact),
            Change::UpdateContact(update) => self.finds(&update.id),
            Change::TagContacts { ids, .. } => ids.iter().all(|id| self.finds(id)),
            Change::RemoveContact { id } => self.finds(id),

            Change::StartConversation(conversation) => self.may_start(conversation),
            Change::ReceiveMessage { id, .. } | Change::Archive { id } | Change::Unarchive { id } => self.sees(id),
            Change::Assign { id, grant_access: false, .. } => self.sees(id),
            Change::Assign { id, grant_access: true, .. } => self.with_head(id, may_share),
            Change::TagConversations { ids, .. } => ids.iter().all(|id| self.sees(id)),
            Change::AddConversationMember { id, .. } => self.with_head(id, may_add_members),
            Change::RemoveConversationMember { id, member } => match self.is_actor(member) {
                true => self.sees(id),
                false => self.with_head(id, may_share),
            },
            Change::MarkRead { id, by }
            | Change::MarkUnread { id, by }
            | Change::Star { id, by }
            | Change::Unstar { id, by } => *by == self.actor.id && self.sees(id),
            Change::RemoveConversation { id } => self.with_head(id, |directory, actor, head| {
                actor.admin && (sees(directory, head, actor) || is_lost_to(directory, actor, head))
            }),

            Change::PutFilter(filter) => self.may_put(filter),
            Change::RemoveFilter { id } => self.edits_filter(id),
        }
    }

    fn with_head(&self, id: &ConversationId, may: impl Fn(&Directory, &Teammate, Head<'_>) -> bool) -> bool {
        self.world.head(id).is_some_and(|head| may(self.directory, self.actor, head))
    }

    fn sees(&self, id: &ConversationId) -> bool {
        self.with_head(id, |directory, actor, head| sees(directory, head, actor))
    }

    fn finds(&self, id: &ContactId) -> bool {
        self.world.contact_members(id).is_some_and(|members| finds(self.directory, members, self.actor))
    }

    fn is_actor(&self, member: &Member) -> bool {
        matches!(member, Member::Teammate(id) if *id == self.actor.id)
    }

    /// Whoever is covered by an owner that is not the organization.
    fn owns_endpoint(&self, id: &EndpointId) -> bool {
        let endpoint = self.directory.endpoints.get(id);
        endpoint.is_some_and(|endpoint| {
            endpoint.owner != Member::Organization && covers(self.directory, &endpoint.owner, self.actor)
        })
    }

    /// Anyone, if its members cover the actor or the actor is admin.
    fn may_add_contact(&self, contact: &Contact) -> bool {
        self.actor.admin || contact.members.iter().any(|member| covers(self.directory, member, self.actor))
    }

    /// Whoever can find every contact attached and, for a patient conversation, has access to its endpoint.
    fn may_start(&self, conversation: &Conversation) -> bool {
        conversation.contacts.iter().all(|id| self.finds(id))
            && (conversation.kind != ConversationKind::Patient || self.has_endpoint(conversation.endpoint.as_ref()))
    }

    fn has_endpoint(&self, id: Option<&EndpointId>) -> bool {
        let endpoint = id.and_then(|id| self.directory.endpoints.get(id));
        endpoint.is_some_and(|endpoint| has_access(self.directory, endpoint, self.actor))
    }

    /// Its owner and admins, only admins handing it to another owner; a new one for oneself, or an admin for anyone;
    /// either way only if the actor can find every contact that its rule names.
    fn may_put(&self, filter: &Filter) -> bool {
        let existing = self.directory.filters.get(&filter.id);
        let is_own = filter.owner == self.actor.id && existing.is_none_or(|existing| existing.owner == self.actor.id);
        (self.actor.admin || is_own) && contacts_named(&filter.rule).all(|id| self.finds(id))
    }

    fn edits_filter(&self, id: &FilterId) -> bool {
        let filter = self.directory.filters.get(id);
        filter.is_some_and(|filter| self.actor.admin || filter.owner == self.actor.id)
    }
}

fn contacts_named(rule: &Rule) -> impl Iterator<Item = &ContactId> {
    rule.leaves().flat_map(|leaf| match leaf {
        Rule::Contacts(pick) => pick.values(),
        _ => &[],
    })
}

impl Change {
    /// The contacts, conversations, endpoints and filters that the change names, without the one that it brings; a
    /// filter's rule names contacts. Whoever is no admin may make a valid one only if they can view each of these (SPEC 6.7).
    ///
    /// For a service that tells its teammates what is hidden or does not exist ("not found") from what is not theirs to
    /// do ("forbidden") without telling hidden from unknown. Empty for a change to settings and people. Whether the id
    /// of what a change brings is free cannot be hidden from who may choose it, not even a saved filter's, which to put
    /// is forbidden where it is somebody else's: let the service choose ids. O(length of the change) time and memory.
    ///
    /// # Examples
    /// ```
    /// use visibly::{Change, Conversation, Dataset, Engine, Organization, Teammate, TeammateId};
    ///
    /// let oak = Organization::new("oak", "Oak Street").teammate(Teammate::new("ana", "Dr. Ana Ruiz"));
    /// let engine = Engine::new(Dataset::new(oak).conversation(Conversation::note("rota", 0)))?;
    /// let ana = engine.viewer(&TeammateId::from("ana"))?;
    /// let change = Change::archive("rota");
    /// let may = engine.authorize(&ana.teammate().id, &change);
    /// let is_found = change.resources().into_iter().all(|named| ana.can_view(named));
    /// assert_eq!((may, is_found), (false, false)); // Answered as for a conversation that does not exist.
    /// # Ok::<(), visibly::Error>(())
    /// ```
    #[must_use]
    pub fn resources(&self) -> Vec<Resource<'_>> {
        match self {
            Self::SetContactMembership(_)
            | Self::AddTeammate(_)
            | Self::UpdateTeammate(_)
            | Self::RemoveTeammate { .. }
            | Self::AddTeam(_)
            | Self::SetTeam { .. }
            | Self::RemoveTeam { .. }
            | Self::AddEndpoint(_)
            | Self::AddContact(_) => Vec::new(),
            Self::SetEndpointAccess { id, .. } | Self::SetAutoAssign { id, .. } | Self::RemoveEndpoint { id } => {
                vec![id.into()]
            }
            Self::UpdateContact(update) => vec![(&update.id).into()],
            Self::SetContactMembers { id, .. } | Self::RemoveContact { id } => vec![id.into()],
            Self::TagContacts { ids, .. } => ids.iter().map(Resource::from).collect(),
            Self::StartConversation(conversation) => {
                let endpoint = conversation.endpoint.iter().map(Resource::from);
                endpoint.chain(conversation.contacts.iter().map(Resource::from)).collect()
            }
            Self::ReceiveMessage { id, .. }
            | Self::Assign { id, .. }
            | Self::Archive { id }
            | Self::Unarchive { id }
            | Self::AddConversationMember { id, .. }
            | Self::RemoveConversationMember { id, .. }
            | Self::MarkRead { id, .. }
            | Self::MarkUnread { id, .. }
            | Self::Star { id, .. }
            | Self::Unstar { id, .. }
            | Self::RemoveConversation { id } => vec![id.into()],
            Self::TagConversations { ids, .. } => ids.iter().map(Resource::from).collect(),
            Self::PutFilter(filter) => contacts_named(&filter.rule).map(Resource::from).collect(),
            Self::RemoveFilter { id } => vec![id.into()],
        }
    }
}
