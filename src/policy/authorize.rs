//! Who may make a change (SPEC 6.7).

use super::access::{self, covers, finds, has_access, sees};
use super::action::{is_lost_to, may_add_members, may_share};
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
        (self.actor.admin || is_own) && self.finds_all_named(&filter.rule)
    }

    fn finds_all_named(&self, rule: &Rule) -> bool {
        rule.leaves().all(|leaf| match leaf {
            Rule::Contacts(pick) => pick.values().iter().all(|id| self.finds(id)),
            _ => true,
        })
    }

    fn edits_filter(&self, id: &FilterId) -> bool {
        let filter = self.directory.filters.get(id);
        filter.is_some_and(|filter| self.actor.admin || filter.owner == self.actor.id)
    }
}
