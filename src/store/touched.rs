//! What changes did to the facts, fact by fact, for stores that keep facts in tables of their own.

use crate::engine::{Advancing, Engine};
use crate::error::Error;
use crate::model::{
    Change, Contact, ContactId, ContactUpdate, Conversation, ConversationId, Endpoint, EndpointId, Filter, FilterId,
    Member, Team, TeamId, Teammate, TeammateId, TeammateUpdate, distinct,
};

/// One fact that a change altered: its new value, or `None` where it was removed.
///
/// Carried out in order, a list of these turns the facts before some changes into those after them. A teammate, team,
/// endpoint or filter that is put takes the place of the one with its id, or comes last.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Applies a change and says what it altered.
///
/// O(what the change names), beside applying it. Only where a teammate or team is removed is it O(size of the facts),
/// with a snapshot of them.
pub(crate) fn apply(engine: &mut Advancing, change: &Change) -> Result<Vec<Touched>, Error> {
    let reach = Reach::of(change, engine.facts());
    engine.apply(change)?;
    Ok(reach.altered(engine.facts()))
}

/// The facts that a change can alter, as they are before it; some of them it may leave alone.
enum Reach {
    /// Those that it names.
    Named(Vec<Touched>),
    /// Whatever mentions the member who goes.
    Everything(Box<Engine>, Member),
}

impl Reach {
    fn of(change: &Change, engine: &Engine) -> Self {
        let facts = match change {
            Change::RemoveTeammate { id, .. } => return Self::everything(engine, Member::Teammate(id.clone())),
            Change::RemoveTeam { id } => return Self::everything(engine, Member::Team(id.clone())),
            Change::SetContactMembership(on) => vec![Touched::ContactMembership(*on)],
            Change::AddTeammate(Teammate { id, .. }) | Change::UpdateTeammate(TeammateUpdate { id, .. }) => {
                vec![Touched::Teammate(id.clone(), None)]
            }
            Change::AddTeam(Team { id, .. }) | Change::SetTeam { id, .. } => vec![Touched::Team(id.clone(), None)],
            Change::AddEndpoint(Endpoint { id, .. })
            | Change::SetEndpointAccess { id, .. }
            | Change::SetAutoAssign { id, .. }
            | Change::RemoveEndpoint { id } => vec![Touched::Endpoint(id.clone(), None)],
            Change::PutFilter(Filter { id, .. }) | Change::RemoveFilter { id } => {
                vec![Touched::Filter(id.clone(), None)]
            }
            Change::AddContact(Contact { id, .. })
            | Change::UpdateContact(ContactUpdate { id, .. })
            | Change::SetContactMembers { id, .. }
            | Change::RemoveContact { id } => vec![Touched::Contact(id.clone(), None)],
            Change::TagContacts { ids, .. } => distinct(ids).map(|id| Touched::Contact(id, None)).collect(),
            Change::TagConversations { ids, .. } => distinct(ids).map(|id| Touched::Conversation(id, None)).collect(),
            Change::StartConversation(Conversation { id, .. })
            | Change::ReceiveMessage { id, .. }
            | Change::Assign { id, .. }
            | Change::Archive { id }
            | Change::Unarchive { id }
            | Change::AddConversationMember { id, .. }
            | Change::RemoveConversationMember { id, .. }
            | Change::MarkRead { id, .. }
            | Change::MarkUnread { id, .. }
            | Change::Star { id, .. }
            | Change::Unstar { id, .. }
            | Change::RemoveConversation { id } => vec![Touched::Conversation(id.clone(), None)],
        };
        Self::Named(facts.iter().map(|fact| fact.in_engine(engine)).collect())
    }

    fn everything(engine: &Engine, member: Member) -> Self {
        Self::Everything(Box::new(engine.clone()), member)
    }

    fn altered(self, after: &Engine) -> Vec<Touched> {
        match self {
            Self::Named(facts) => facts.iter().filter_map(|old| old.altered(after)).collect(),
            // Who goes leaves changed facts and removed ones, and brings none.
            Self::Everything(before, member) => {
                directory(&before).chain(mentions(&before, &member)).filter_map(|old| old.altered(after)).collect()
            }
        }
    }
}

impl Touched {
    /// The same fact as this engine has it.
    fn in_engine(&self, engine: &Engine) -> Self {
        match self {
            Self::ContactMembership(_) => Self::ContactMembership(engine.contact_membership()),
            Self::Teammate(id, _) => Self::Teammate(id.clone(), engine.teammate(id).cloned()),
            Self::Team(id, _) => Self::Team(id.clone(), engine.team(id).cloned()),
            Self::Endpoint(id, _) => Self::Endpoint(id.clone(), engine.endpoint(id).cloned()),
            Self::Filter(id, _) => Self::Filter(id.clone(), engine.filter(id).cloned()),
            Self::Contact(id, _) => Self::Contact(id.clone(), engine.contact(id)),
            Self::Conversation(id, _) => Self::Conversation(id.clone(), engine.conversation(id)),
        }
    }

    /// The same fact afterwards, if it is another then.
    fn altered(&self, after: &Engine) -> Option<Self> {
        let new = self.in_engine(after);
        (new != *self).then_some(new)
    }
}

/// Teammates, teams, endpoints and filters.
fn directory(engine: &Engine) -> impl Iterator<Item = Touched> {
    let teammates = engine.teammates().map(|one| Touched::Teammate(one.id.clone(), Some(one.clone())));
    let teams = engine.teams().map(|one| Touched::Team(one.id.clone(), Some(one.clone())));
    let endpoints = engine.endpoints().map(|one| Touched::Endpoint(one.id.clone(), Some(one.clone())));
    let filters = engine.filters().map(|one| Touched::Filter(one.id.clone(), Some(one.clone())));
    teammates.chain(teams).chain(endpoints).chain(filters)
}

/// Contacts and conversations that mention a member.
fn mentions<'e>(engine: &'e Engine, member: &'e Member) -> impl Iterator<Item = Touched> + 'e {
    let contacts = engine.contact_ids().filter_map(|id| engine.contact(id));
    let contacts = contacts.filter(|contact| contact.members.contains(member));
    let conversations = engine.conversation_ids().filter_map(|id| engine.conversation(id));
    let conversations = conversations.filter(|conversation| is_mentioned(member, conversation));
    let contacts = contacts.map(|contact| Touched::Contact(contact.id.clone(), Some(contact)));
    contacts.chain(conversations.map(|one| Touched::Conversation(one.id.clone(), Some(one))))
}

fn is_mentioned(member: &Member, conversation: &Conversation) -> bool {
    let marked = match member {
        Member::Teammate(id) => conversation.read_by.contains(id) || conversation.starred_by.contains(id),
        _ => false,
    };
    marked || conversation.assignee.as_ref() == Some(member) || conversation.members.contains(member)
}
