//! What changes did to the facts, fact by fact, for stores that keep facts in tables of their own.

use crate::engine::Engine;
use crate::model::{
    Change, Contact, ContactId, Conversation, ConversationId, Endpoint, EndpointId, Filter, FilterId, Member, Team,
    TeamId, Teammate, TeammateId,
};

/// One fact that a change altered: its new value, or `None` where it was removed.
///
/// Carried out in order, a list of these turns the facts before some changes into those after them. A teammate, team,
/// endpoint or filter that is put takes the place of the one with its id, or comes last.
#[derive(Clone, Debug, PartialEq)]
pub enum Touched {
    /// Whether contact membership is on.
    ContactMembership(bool),
    /// A teammate.
    Teammate(TeammateId, Option<Teammate>),
    /// A team.
    Team(TeamId, Option<Team>),
    /// An endpoint.
    Endpoint(EndpointId, Option<Endpoint>),
    /// A saved filter.
    Filter(FilterId, Option<Filter>),
    /// A contact.
    Contact(ContactId, Option<Contact>),
    /// A conversation.
    Conversation(ConversationId, Option<Conversation>),
}

/// What `change` altered between two engines, one before and one after it.
///
/// O(what the change names) for contacts and conversations, O(size of the facts) where a teammate or team is removed;
/// O(teammates, teams, endpoints and filters) for a change to any of them.
pub(crate) fn between(before: &Engine, after: &Engine, change: &Change) -> Vec<Touched> {
    let reach = Reach::of(change, before);
    let mut touched = Vec::new();
    if reach.directory {
        compare_directories(before, after, &mut touched);
    }
    for id in reach.contacts {
        let (old, new) = (before.contact(&id), after.contact(&id));
        push_if_new(&mut touched, old, new, |contact| Touched::Contact(id, contact));
    }
    for id in reach.conversations {
        let (old, new) = (before.conversation(&id), after.conversation(&id));
        push_if_new(&mut touched, old, new, |conversation| Touched::Conversation(id, conversation));
    }
    touched
}

fn push_if_new<T: PartialEq>(
    touched: &mut Vec<Touched>,
    old: Option<T>,
    new: Option<T>,
    fact: impl FnOnce(Option<T>) -> Touched,
) {
    if old != new {
        touched.push(fact(new));
    }
}

/// The facts that a change can alter; some of them it may leave alone.
#[derive(Default)]
struct Reach {
    directory: bool,
    contacts: Vec<ContactId>,
    conversations: Vec<ConversationId>,
}

impl Reach {
    fn of(change: &Change, before: &Engine) -> Self {
        match change {
            Change::RemoveTeammate { id, .. } => Self::mentions(before, &Member::Teammate(id.clone())),
            Change::RemoveTeam { id } => Self::mentions(before, &Member::Team(id.clone())),
            Change::SetContactMembership(_)
            | Change::AddTeammate(_)
            | Change::UpdateTeammate(_)
            | Change::AddTeam(_)
            | Change::SetTeam { .. }
            | Change::AddEndpoint(_)
            | Change::SetEndpointAccess { .. }
            | Change::SetAutoAssign { .. }
            | Change::RemoveEndpoint { .. }
            | Change::PutFilter(_)
            | Change::RemoveFilter { .. } => Self { directory: true, ..Self::default() },
            Change::AddContact(contact) => Self::contacts([&contact.id]),
            Change::UpdateContact(update) => Self::contacts([&update.id]),
            Change::SetContactMembers { id, .. } | Change::RemoveContact { id } => Self::contacts([id]),
            Change::TagContacts { ids, .. } => Self::contacts(ids),
            Change::StartConversation(conversation) => Self::conversations([&conversation.id]),
            Change::TagConversations { ids, .. } => Self::conversations(ids),
            Change::ReceiveMessage { id, .. }
            | Change::Assign { id, .. }
            | Change::Archive { id }
            | Change::Unarchive { id }
            | Change::AddConversationMember { id, .. }
            | Change::RemoveConversationMember { id, .. }
            | Change::MarkRead { id, .. }
            | Change::MarkUnread { id, .. }
            | Change::Star { id, .. }
            | Change::Unstar { id, .. }
            | Change::RemoveConversation { id } => Self::conversations([id]),
        }
    }

    fn contacts<'c>(ids: impl IntoIterator<Item = &'c ContactId>) -> Self {
        Self { contacts: distinct(ids), ..Self::default() }
    }

    fn conversations<'c>(ids: impl IntoIterator<Item = &'c ConversationId>) -> Self {
        Self { conversations: distinct(ids), ..Self::default() }
    }

    /// Everything that names a member who goes.
    fn mentions(before: &Engine, member: &Member) -> Self {
        let contacts = before.contact_ids().filter(|id| {
            let contact = before.contact(id);
            contact.is_some_and(|contact| contact.members.contains(member))
        });
        let conversations = before.conversation_ids().filter(|id| {
            let conversation = before.conversation(id);
            conversation.is_some_and(|conversation| is_mentioned(member, &conversation))
        });
        Self { directory: true, contacts: contacts.cloned().collect(), conversations: conversations.cloned().collect() }
    }
}

fn distinct<'i, T: Clone + Eq + std::hash::Hash + 'i>(ids: impl IntoIterator<Item = &'i T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.into_iter().cloned().collect();
    crate::model::dedup(&mut ids);
    ids
}

fn is_mentioned(member: &Member, conversation: &Conversation) -> bool {
    let marked = match member {
        Member::Teammate(id) => conversation.read_by.contains(id) || conversation.starred_by.contains(id),
        _ => false,
    };
    marked || conversation.assignee.as_ref() == Some(member) || conversation.members.contains(member)
}

fn compare_directories(before: &Engine, after: &Engine, touched: &mut Vec<Touched>) {
    if before.contact_membership() != after.contact_membership() {
        touched.push(Touched::ContactMembership(after.contact_membership()));
    }
    let gone = before.teammates().filter(|old| after.teammate(&old.id).is_none());
    touched.extend(gone.map(|old| Touched::Teammate(old.id.clone(), None)));
    let put = after.teammates().filter(|new| before.teammate(&new.id) != Some(new));
    touched.extend(put.map(|new| Touched::Teammate(new.id.clone(), Some(new.clone()))));

    let gone = before.teams().filter(|old| after.team(&old.id).is_none());
    touched.extend(gone.map(|old| Touched::Team(old.id.clone(), None)));
    let put = after.teams().filter(|new| before.team(&new.id) != Some(new));
    touched.extend(put.map(|new| Touched::Team(new.id.clone(), Some(new.clone()))));

    let gone = before.endpoints().filter(|old| after.endpoint(&old.id).is_none());
    touched.extend(gone.map(|old| Touched::Endpoint(old.id.clone(), None)));
    let put = after.endpoints().filter(|new| before.endpoint(&new.id) != Some(new));
    touched.extend(put.map(|new| Touched::Endpoint(new.id.clone(), Some(new.clone()))));

    let gone = before.filters().filter(|old| after.filter(&old.id).is_none());
    touched.extend(gone.map(|old| Touched::Filter(old.id.clone(), None)));
    let put = after.filters().filter(|new| before.filter(&new.id) != Some(new));
    touched.extend(put.map(|new| Touched::Filter(new.id.clone(), Some(new.clone()))));
}
