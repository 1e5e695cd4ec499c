//! Random organizations, changes and questions.
//!
//! * Everything is read off lists of numbers, the smallest of which mean the simplest facts. proptest shrinks the
//!   numbers and the lists, and whatever it tries is a valid organization again.
//! * Ids come from small pools, so that references collide and what was removed is added again under its old id. One
//!   id serves a team and a teammate, another a contact and an endpoint; pools are not in the order of their ids.
//! * A history is made by applying its changes one after the other, so that most of them fit the facts they meet.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use visibly::{
    ArchiveScope, AssigneePick, Change, Channel, Contact, ContactCategory, ContactId, ContactList, ContactUpdate,
    Conversation, ConversationId, ConversationKind, Dataset, Endpoint, EndpointId, EndpointKind, Facts, Filter,
    FilterId, Inbox, Invitation, Member, Organization, Pick, Rule, Tag, TagSet, Team, TeamId, Teammate, TeammateId,
    TeammateUpdate, Text, Timestamp,
};

/// At least 256 cases, more if `PROPTEST_CASES` says so.
pub(crate) fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(256), ..config }
}

/// An id that is in no pool and names nothing.
pub(crate) const GHOST: &str = "ghost";

const TAGS: [&str; 4] = ["vip", "VIP", "billing", "später"];
const NAMES: [&str; 10] = ["", "ann", "Ann", "ANN", "bob", "Bob", "Zoë", "ÄNN", "änn", "İpek"];
const TIMES: [i64; 8] = [0, 10, 10, 10, 20, 20, 30, -5];
const ENDPOINT_KINDS: [EndpointKind; 4] =
    [EndpointKind::PhoneNumber, EndpointKind::SpruceLink, EndpointKind::FaxNumber, EndpointKind::EmailAddress];
const CHANNELS: [Channel; 4] = [Channel::Phone, Channel::Secure, Channel::Fax, Channel::Email];
const KINDS: [ConversationKind; 3] = [ConversationKind::Patient, ConversationKind::Team, ConversationKind::Note];
const CATEGORIES: [ContactCategory; 4] =
    [ContactCategory::Patient, ContactCategory::Professional, ContactCategory::Clinic, ContactCategory::Unsaved];
const INVITATIONS: [Invitation; 3] = [Invitation::NotInvited, Invitation::Invited, Invitation::HasAccount];
const SCOPES: [ArchiveScope; 3] = [ArchiveScope::Exclude, ArchiveScope::Include, ArchiveScope::Only];

/// Ids by kind: those of a pool, or those that exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    pub(crate) teammates: Vec<TeammateId>,
    pub(crate) teams: Vec<TeamId>,
    pub(crate) endpoints: Vec<EndpointId>,
    pub(crate) contacts: Vec<ContactId>,
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) filters: Vec<FilterId>,
}

impl Ids {
    /// The pools of small organizations: a few more of each kind than such an organization starts with.
    pub(crate) fn small() -> Self {
        Self {
            teammates: ids(&["eve", "ana", "gus", "ben", "fay", "cyd", "dee", "hal"]),
            teams: ids(&["night", "ana", "desk", "empty", "all"]),
            endpoints: ids(&["main", "link", "fax", "mail", "e10", "e2", "zz"]),
            contacts: ids(&["p2", "main", "p10", "p1", "Q", "é", "p3", "p4"]),
            conversations: ids(&[
                "v2", "v10", "v1", "V9", "é", "v3", "note", "v30", "a", "team", "v4", "b", "v5", "~", "w", "x",
            ]),
            filters: ids(&["f1", "f0", "f3", "f2", "f4", "f5"]),
        }
    }

    /// The pools of a middle-sized organization.
    pub(crate) fn middle() -> Self {
        Self {
            teammates: counted("t", 24),
            teams: counted("g", 8),
            endpoints: counted("e", 12),
            contacts: counted("p", 130),
            conversations: counted("v", 340),
            filters: counted("f", 14),
        }
    }

    /// What exists.
    pub(crate) fn of(facts: &Facts) -> Self {
        Self {
            teammates: facts.teammates().map(|one| one.id.clone()).collect(),
            teams: facts.teams().map(|one| one.id.clone()).collect(),
            endpoints: facts.endpoints().map(|one| one.id.clone()).collect(),
            contacts: facts.contacts().map(|one| one.id.clone()).collect(),
            conversations: facts.conversations().map(|one| one.id.clone()).collect(),
            filters: facts.filters().map(|one| one.id.clone()).collect(),
        }
    }
}

fn ids<T: From<&'static str>>(names: &[&'static str]) -> Vec<T> {
    names.iter().map(|name| T::from(name)).collect()
}

fn counted<T: From<String>>(letter: &str, count: usize) -> Vec<T> {
    (0..count).map(|number| T::from(format!("{letter}{number}"))).collect()
}

/// Numbers to decide by; 0 for ever once they have run out.
pub(crate) struct Draw(std::vec::IntoIter<u16>);

impl Draw {
    pub(crate) fn new(numbers: Vec<u16>) -> Self {
        Self(numbers.into_iter())
    }

    fn next(&mut self) -> u16 {
        self.0.next().unwrap_or(0)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.next()) % limit.max(1)
    }

    /// True in about `percent` of cases, false for the simplest.
    fn chance(&mut self, percent: u16) -> bool {
        self.next() % 100 >= 100 - percent
    }

    fn one<T: Clone>(&mut self, values: &[T]) -> T {
        let index = self.below(values.len());
        values[index].clone()
    }

    /// Up to `most` values, repeats included.
    fn some<T>(&mut self, most: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| draw(self)).collect()
    }

    fn maybe<T>(&mut self, percent: u16, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(percent).then(|| draw(self))
    }

    fn text(&mut self) -> Text {
        self.one(&NAMES).into()
    }

    fn tag(&mut self) -> Tag {
        self.one(&TAGS).into()
    }

    fn tags(&mut self) -> Vec<Tag> {
        self.some(3, Self::tag)
    }

    fn time(&mut self) -> Timestamp {
        self.one(&TIMES).into()
    }
}

/// Where references come from: what exists, and in `stray` of a hundred cases anything else.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'i> {
    pub(crate) existing: &'i Ids,
    pub(crate) pool: &'i Ids,
    pub(crate) stray: u16,
}

impl Scope<'_> {
    fn id<T: Clone + From<&'static str>>(self, draw: &mut Draw, existing: &[T], pool: &[T]) -> T {
        match draw.chance(self.stray) || existing.is_empty() {
            false => draw.one(existing),
            true => match draw.below(8) {
                0 => T::from(GHOST),
                1 => T::from(""),
                _ => draw.one(pool),
            },
        }
    }

    /// An id for something new: one of the pool that does not exist, if there is any.
    fn fresh<T: Clone + PartialEq + From<&'static str>>(self, draw: &mut Draw, existing: &[T], pool: &[T]) -> T {
        let free: Vec<T> = pool.iter().filter(|id| !existing.contains(id)).cloned().collect();
        self.id(draw, &free, pool)
    }

    fn teammate(self, draw: &mut Draw) -> TeammateId {
        self.id(draw, &self.existing.teammates, &self.pool.teammates)
    }

    fn team(self, draw: &mut Draw) -> TeamId {
        self.id(draw, &self.existing.teams, &self.pool.teams)
    }

    fn endpoint(self, draw: &mut Draw) -> EndpointId {
        self.id(draw, &self.existing.endpoints, &self.pool.endpoints)
    }

    fn contact(self, draw: &mut Draw) -> ContactId {
        self.id(draw, &self.existing.contacts, &self.pool.contacts)
    }

    fn conversation(self, draw: &mut Draw) -> ConversationId {
        self.id(draw, &self.existing.conversations, &self.pool.conversations)
    }

    fn filter(self, draw: &mut Draw) -> FilterId {
        self.id(draw, &self.existing.filters, &self.pool.filters)
    }

    fn member(self, draw: &mut Draw) -> Member {
        match draw.below(5) {
            0 => Member::Organization,
            _ => self.team_or_teammate(draw),
        }
    }

    fn members(self, draw: &mut Draw, most: usize) -> Vec<Member> {
        draw.some(most, |draw| self.member(draw))
    }

    /// Somebody to assign to; the organization only where strays are let in.
    fn recipient(self, draw: &mut Draw) -> Member {
        match draw.chance(self.stray) && draw.chance(30) {
            true => Member::Organization,
            false => self.team_or_teammate(draw),
        }
    }

    fn team_or_teammate(self, draw: &mut Draw) -> Member {
        match draw.below(5) >= 3 && !self.existing.teams.is_empty() {
            true => Member::Team(self.team(draw)),
            false => Member::Teammate(self.teammate(draw)),
        }
    }

    fn new_teammate(self, draw: &mut Draw, id: TeammateId) -> Teammate {
        let mut teammate = Teammate::new(id, draw.text());
        teammate.admin = draw.chance(35);
        teammate.suspended = draw.chance(20);
        teammate
    }

    fn new_team(self, draw: &mut Draw, id: TeamId) -> Team {
        Team::new(id, draw.text(), draw.some(4, |draw| self.teammate(draw)))
    }

    fn new_endpoint(self, draw: &mut Draw, id: EndpointId) -> Endpoint {
        let mut endpoint = Endpoint::new(id, draw.one(&ENDPOINT_KINDS));
        endpoint.owner = self.member(draw);
        endpoint.additional_members = self.members(draw, 2);
        endpoint.auto_assign = draw.maybe(45, |draw| self.recipient(draw));
        endpoint.label = draw.maybe(20, Draw::text);
        endpoint
    }

    fn new_contact(self, draw: &mut Draw, id: ContactId) -> Contact {
        let mut contact = Contact::new(id).category(draw.one(&CATEGORIES)).invitation(draw.one(&INVITATIONS));
        contact.name = draw.maybe(75, Draw::text);
        if draw.chance(65) {
            contact.members = self.members(draw, 2);
        }
        contact.tags = draw.tags();
        contact
    }

    /// A conversation that has just started: nobody has read, starred or archived it.
    fn new_conversation(self, draw: &mut Draw, id: ConversationId) -> Conversation {
        let kind = draw.below(5);
        let mut conversation = match kind {
            3 => Conversation::team(id, draw.time()),
            4 => Conversation::note(id, draw.time()),
            _ if self.existing.endpoints.is_empty() => Conversation::note(id, draw.time()),
            _ => Conversation::patient(id, self.endpoint(draw), draw.time()),
        };
        conversation.members = self.members(draw, if conversation.endpoint.is_some() { 1 } else { 3 });
        if !self.existing.contacts.is_empty() {
            conversation.contacts = draw.some(3, |draw| self.contact(draw));
        }
        conversation.assignee = draw.maybe(40, |draw| self.recipient(draw));
        conversation.tags = draw.tags();
        conversation
    }

    fn old_conversation(self, draw: &mut Draw, id: ConversationId) -> Conversation {
        let mut conversation = self.new_conversation(draw, id);
        conversation.archived = draw.chance(30);
        conversation.read_by = draw.some(3, |draw| self.teammate(draw));
        conversation.starred_by = draw.some(2, |draw| self.teammate(draw));
        conversation
    }

    /// References in the rule and the shares are strays more often than others: they need not exist.
    fn new_filter(self, draw: &mut Draw, id: FilterId, stray: u16) -> Filter {
        let loose = Scope { stray, ..self };
        let owner = self.teammate(draw);
        let mut filter = match draw.chance(25) {
            true => Filter::contacts(id, draw.text(), owner, loose.contact_rule(draw, 2)),
            false => Filter::conversations(id, draw.text(), owner, loose.rule(draw, 2)),
        };
        filter.archived = draw.one(&SCOPES);
        filter.shared_with = loose.members(draw, 2);
        filter
    }

    /// A rule over every leaf, nested up to `depth` deep.
    pub(crate) fn rule(self, draw: &mut Draw, depth: usize) -> Rule {
        match draw.below(24) {
            0 => Rule::Unread,
            1 => Rule::Starred,
            2 => Rule::ActiveSince(draw.time()),
            3 => Rule::ActiveBefore(draw.time()),
            4 | 5 => Rule::ConversationTags(tag_set(draw)),
            6 | 7 => Rule::Assignee(draw.some(2, |draw| self.assignee_pick(draw))),
            8 => Rule::Endpoints(pick(draw, 2, |draw| self.endpoint(draw))),
            9 => Rule::Channels(pick(draw, 2, |draw| draw.one(&CHANNELS))),
            10 => Rule::Kinds(pick(draw, 2, |draw| draw.one(&KINDS))),
            11..=15 => self.contact_leaf(draw),
            16..=18 if depth > 0 => Rule::All(draw.some(3, |draw| self.rule(draw, depth - 1))),
            19..=21 if depth > 0 => Rule::Any(draw.some(3, |draw| self.rule(draw, depth - 1))),
            22 | 23 if depth > 0 => Rule::not(self.rule(draw, depth - 1)),
            _ => self.contact_leaf(draw),
        }
    }

    /// A rule that a contact list can ask.
    pub(crate) fn contact_rule(self, draw: &mut Draw, depth: usize) -> Rule {
        match draw.below(8) {
            5 if depth > 0 => Rule::All(draw.some(3, |draw| self.contact_rule(draw, depth - 1))),
            6 if depth > 0 => Rule::Any(draw.some(3, |draw| self.contact_rule(draw, depth - 1))),
            7 if depth > 0 => Rule::not(self.contact_rule(draw, depth - 1)),
            _ => self.contact_leaf(draw),
        }
    }

    fn contact_leaf(self, draw: &mut Draw) -> Rule {
        match draw.below(6) {
            0..=2 => Rule::ContactTags(tag_set(draw)),
            3 => Rule::Contacts(pick(draw, 2, |draw| self.contact(draw))),
            4 => Rule::ContactCategories(pick(draw, 2, |draw| draw.one(&CATEGORIES))),
            _ => Rule::Invitations(pick(draw, 2, |draw| draw.one(&INVITATIONS))),
        }
    }

    fn assignee_pick(self, draw: &mut Draw) -> AssigneePick {
        match draw.below(6) {
            0 => AssigneePick::Nobody,
            1 => AssigneePick::Me,
            2 => AssigneePick::MyTeams,
            3 => AssigneePick::Anyone,
            4 => AssigneePick::Team(self.team(draw)),
            _ => AssigneePick::Teammate(self.teammate(draw)),
        }
    }

    pub(crate) fn inbox(self, draw: &mut Draw) -> Inbox {
        match draw.below(16) {
            0 => Inbox::All,
            1 => Inbox::Everything,
            2 => Inbox::AssignedToMe,
            3 => Inbox::TeamConversations,
            4 => Inbox::Starred,
            5 => Inbox::Archived,
            6 => Inbox::AssignedToTeam(self.team(draw)),
            7 => Inbox::Saved(self.filter(draw)),
            _ => Inbox::Rule { archived: draw.one(&SCOPES), rule: self.rule(draw, 3) },
        }
    }

    pub(crate) fn contact_list(self, draw: &mut Draw) -> ContactList {
        match draw.below(14) {
            0 => ContactList::All,
            1 => ContactList::Unsaved,
            2 => ContactList::Patients,
            3 => ContactList::PatientsInvited,
            4 => ContactList::PatientsWithApp,
            5 => ContactList::Professionals,
            6 => ContactList::Clinics,
            7 => ContactList::Saved(self.filter(draw)),
            8 => ContactList::Rule(self.rule(draw, 2)),
            _ => ContactList::Rule(self.contact_rule(draw, 3)),
        }
    }

    /// One change of a kind from `kinds`, which mostly fits the facts.
    pub(crate) fn change(self, draw: &mut Draw, facts: &Facts, kinds: &[Kind]) -> Change {
        let Self { existing, pool, stray } = self;
        match draw.one(kinds) {
            Kind::SetContactMembership => Change::SetContactMembership(draw.chance(50)),
            Kind::AddTeammate => {
                let id = self.fresh(draw, &existing.teammates, &pool.teammates);
                Change::AddTeammate(self.new_teammate(draw, id))
            }
            Kind::UpdateTeammate => {
                let mut update = TeammateUpdate::new(self.teammate(draw));
                update.suspended = draw.maybe(60, |draw| draw.chance(50));
                update.admin = draw.maybe(40, |draw| draw.chance(50));
                update.name = draw.maybe(20, Draw::text);
                Change::UpdateTeammate(update)
            }
            Kind::RemoveTeammate => {
                Change::RemoveTeammate { id: self.teammate(draw), transfer_to: self.recipient(draw) }
            }
            Kind::AddTeam => {
                let id = self.fresh(draw, &existing.teams, &pool.teams);
                Change::AddTeam(self.new_team(draw, id))
            }
            Kind::SetTeam => {
                Change::SetTeam { id: self.team(draw), teammates: draw.some(4, |draw| self.teammate(draw)) }
            }
            Kind::RemoveTeam => {
                let held = |member: &Member, team: &TeamId| matches!(member, Member::Team(id) if id == team);
                let free = unused(&existing.teams, |id| {
                    facts.endpoints().any(|one| {
                        held(&one.owner, id) || one.auto_assign.as_ref().is_some_and(|member| held(member, id))
                    }) || facts.conversations().any(|one| one.assignee.as_ref().is_some_and(|member| held(member, id)))
                });
                Change::RemoveTeam { id: self.unused_or_any(draw, &free, &existing.teams, &pool.teams) }
            }
            Kind::AddEndpoint => {
                let id = self.fresh(draw, &existing.endpoints, &pool.endpoints);
                Change::AddEndpoint(self.new_endpoint(draw, id))
            }
            Kind::SetEndpointAccess => Change::SetEndpointAccess {
                id: self.endpoint(draw),
                owner: self.member(draw),
                additional_members: self.members(draw, 2),
            },
            Kind::SetAutoAssign => {
                Change::SetAutoAssign { id: self.endpoint(draw), to: draw.maybe(75, |draw| self.recipient(draw)) }
            }
            Kind::RemoveEndpoint => {
                let free = unused(&existing.endpoints, |id| {
                    facts.conversations().any(|one| one.endpoint.as_ref() == Some(id))
                });
                Change::RemoveEndpoint { id: self.unused_or_any(draw, &free, &existing.endpoints, &pool.endpoints) }
            }
            Kind::AddContact => {
                let id = self.fresh(draw, &existing.contacts, &pool.contacts);
                let mut contact = self.new_contact(draw, id);
                contact.tags.extend(draw.maybe(stray / 2, |_| Tag::from(" ")));
                Change::AddContact(contact)
            }
            Kind::UpdateContact => {
                let mut update = ContactUpdate::new(self.contact(draw));
                update.name = draw.maybe(50, |draw| draw.maybe(75, Draw::text));
                update.category = draw.maybe(40, |draw| draw.one(&CATEGORIES));
                update.invitation = draw.maybe(40, |draw| draw.one(&INVITATIONS));
                Change::UpdateContact(update)
            }
            Kind::SetContactMembers => {
                Change::SetContactMembers { id: self.contact(draw), members: self.members(draw, 3) }
            }
            Kind::TagContacts => Change::TagContacts {
                ids: draw.some(3, |draw| self.contact(draw)),
                add: self.tags_or_stray(draw),
                remove: self.tags_or_stray(draw),
            },
            Kind::RemoveContact => {
                let free = unused(&existing.contacts, |id| facts.conversations().any(|one| one.contacts.contains(id)));
                Change::RemoveContact { id: self.unused_or_any(draw, &free, &existing.contacts, &pool.contacts) }
            }
            Kind::StartConversation => {
                let id = self.fresh(draw, &existing.conversations, &pool.conversations);
                Change::StartConversation(match draw.chance(stray / 2) {
                    true => self.old_conversation(draw, id),
                    false => self.new_conversation(draw, id),
                })
            }
            Kind::ReceiveMessage => Change::ReceiveMessage { id: self.conversation(draw), at: draw.time() },
            Kind::Assign => Change::Assign {
                id: self.conversation(draw),
                to: draw.maybe(80, |draw| self.recipient(draw)),
                grant_access: draw.chance(40),
            },
            Kind::AssignWithoutGrant => Change::Assign {
                id: self.conversation(draw),
                to: draw.maybe(80, |draw| self.recipient(draw)),
                grant_access: false,
            },
            Kind::Archive => Change::Archive { id: self.conversation(draw) },
            Kind::Unarchive => Change::Unarchive { id: self.conversation(draw) },
            Kind::TagConversations => Change::TagConversations {
                ids: draw.some(3, |draw| self.conversation(draw)),
                add: self.tags_or_stray(draw),
                remove: self.tags_or_stray(draw),
            },
            Kind::AddConversationMember => {
                Change::AddConversationMember { id: self.conversation(draw), member: self.member(draw) }
            }
            Kind::RemoveConversationMember => {
                let id = self.conversation(draw);
                let present = facts.conversation(&id).map_or(&[][..], |one| &one.members[..]);
                let member = match present.is_empty() || draw.chance(30) {
                    true => self.member(draw),
                    false => draw.one(present),
                };
                Change::RemoveConversationMember { id, member }
            }
            Kind::MarkRead => Change::MarkRead { id: self.conversation(draw), by: self.teammate(draw) },
            Kind::MarkUnread => Change::MarkUnread { id: self.conversation(draw), by: self.teammate(draw) },
            Kind::Star => Change::Star { id: self.conversation(draw), by: self.teammate(draw) },
            Kind::Unstar => Change::Unstar { id: self.conversation(draw), by: self.teammate(draw) },
            Kind::RemoveConversation => Change::RemoveConversation { id: self.conversation(draw) },
            Kind::PutFilter => {
                let id = match draw.chance(50) {
                    true => self.filter(draw),
                    false => self.fresh(draw, &existing.filters, &pool.filters),
                };
                Change::PutFilter(self.new_filter(draw, id, stray / 2))
            }
            Kind::RemoveFilter => Change::RemoveFilter { id: self.filter(draw) },
        }
    }

    /// Mostly something that can be removed, else anything.
    fn unused_or_any<T: Clone + From<&'static str>>(self, draw: &mut Draw, free: &[T], all: &[T], pool: &[T]) -> T {
        match free.is_empty() || draw.chance(30) {
            true => self.id(draw, all, pool),
            false => draw.one(free),
        }
    }

    fn tags_or_stray(self, draw: &mut Draw) -> Vec<Tag> {
        let mut tags = draw.tags();
        tags.extend(draw.maybe(self.stray / 4, |_| Tag::from("")));
        tags
    }
}

fn unused<T: Clone>(ids: &[T], is_used: impl Fn(&T) -> bool) -> Vec<T> {
    ids.iter().filter(|id| !is_used(id)).cloned().collect()
}

fn tag_set(draw: &mut Draw) -> TagSet {
    match draw.below(3) {
        0 => TagSet::Any(draw.some(2, Draw::tag)),
        1 => TagSet::All(draw.some(2, Draw::tag)),
        _ => TagSet::None(draw.some(2, Draw::tag)),
    }
}

fn pick<T>(draw: &mut Draw, most: usize, value: impl FnMut(&mut Draw) -> T) -> Pick<T> {
    match draw.below(2) {
        0 => Pick::Any(draw.some(most, value)),
        _ => Pick::None(draw.some(most, value)),
    }
}

/// The kinds of changes, to be listed as often as they shall come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    SetContactMembership,
    AddTeammate,
    UpdateTeammate,
    RemoveTeammate,
    AddTeam,
    SetTeam,
    RemoveTeam,
    AddEndpoint,
    SetEndpointAccess,
    SetAutoAssign,
    RemoveEndpoint,
    AddContact,
    UpdateContact,
    SetContactMembers,
    TagContacts,
    RemoveContact,
    StartConversation,
    ReceiveMessage,
    Assign,
    AssignWithoutGrant,
    Archive,
    Unarchive,
    TagConversations,
    AddConversationMember,
    RemoveConversationMember,
    MarkRead,
    MarkUnread,
    Star,
    Unstar,
    RemoveConversation,
    PutFilter,
    RemoveFilter,
}

/// Every kind of change, the frequent ones of a service's day more often.
pub(crate) const EVERY_KIND: &[Kind] = &[
    Kind::MarkRead,
    Kind::MarkRead,
    Kind::MarkUnread,
    Kind::Star,
    Kind::Unstar,
    Kind::Archive,
    Kind::Archive,
    Kind::Unarchive,
    Kind::ReceiveMessage,
    Kind::ReceiveMessage,
    Kind::Assign,
    Kind::Assign,
    Kind::TagConversations,
    Kind::AddConversationMember,
    Kind::RemoveConversationMember,
    Kind::StartConversation,
    Kind::StartConversation,
    Kind::RemoveConversation,
    Kind::RemoveConversation,
    Kind::TagContacts,
    Kind::UpdateContact,
    Kind::SetContactMembers,
    Kind::AddContact,
    Kind::RemoveContact,
    Kind::SetContactMembership,
    Kind::UpdateTeammate,
    Kind::UpdateTeammate,
    Kind::AddTeammate,
    Kind::RemoveTeammate,
    Kind::AddTeam,
    Kind::SetTeam,
    Kind::SetTeam,
    Kind::RemoveTeam,
    Kind::AddEndpoint,
    Kind::SetEndpointAccess,
    Kind::SetEndpointAccess,
    Kind::SetAutoAssign,
    Kind::RemoveEndpoint,
    Kind::PutFilter,
    Kind::PutFilter,
    Kind::RemoveFilter,
];

/// What moves a conversation between inboxes and changes what counts as read, over and over.
pub(crate) const INBOX_KINDS: &[Kind] = &[
    Kind::MarkRead,
    Kind::MarkUnread,
    Kind::Star,
    Kind::Unstar,
    Kind::Archive,
    Kind::Unarchive,
    Kind::ReceiveMessage,
    Kind::ReceiveMessage,
    Kind::Assign,
    Kind::Assign,
    Kind::TagConversations,
    Kind::StartConversation,
    Kind::RemoveConversation,
    Kind::UpdateTeammate,
];

/// What changes who is who, who has access to what, and what the same ids stand for.
pub(crate) const ACCESS_KINDS: &[Kind] = &[
    Kind::SetTeam,
    Kind::UpdateTeammate,
    Kind::SetEndpointAccess,
    Kind::AddConversationMember,
    Kind::RemoveConversationMember,
    Kind::SetContactMembership,
    Kind::SetContactMembers,
    Kind::AddTeammate,
    Kind::RemoveTeammate,
    Kind::AddTeam,
    Kind::RemoveTeam,
    Kind::AddEndpoint,
    Kind::RemoveEndpoint,
    Kind::AddContact,
    Kind::RemoveContact,
    Kind::StartConversation,
    Kind::RemoveConversation,
    Kind::Assign,
    Kind::TagContacts,
];

/// What organizes and never changes who sees what (SPEC 3.5).
pub(crate) const ORGANIZING_KINDS: &[Kind] = &[
    Kind::MarkRead,
    Kind::MarkUnread,
    Kind::Star,
    Kind::Unstar,
    Kind::Archive,
    Kind::Unarchive,
    Kind::ReceiveMessage,
    Kind::AssignWithoutGrant,
    Kind::TagConversations,
    Kind::TagContacts,
    Kind::UpdateContact,
    Kind::SetAutoAssign,
    Kind::PutFilter,
    Kind::RemoveFilter,
];

/// What changes a contact and not who may find it.
pub(crate) const CONTACT_KINDS: &[Kind] = &[Kind::UpdateContact, Kind::TagContacts];

/// The numbers that an organization is made of, a list for each thing in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketch {
    pub(crate) contact_membership: bool,
    pub(crate) teammates: Vec<Vec<u16>>,
    pub(crate) teams: Vec<Vec<u16>>,
    pub(crate) endpoints: Vec<Vec<u16>>,
    pub(crate) contacts: Vec<Vec<u16>>,
    pub(crate) conversations: Vec<Vec<u16>>,
    pub(crate) filters: Vec<Vec<u16>>,
}

impl Sketch {
    /// The organization that the numbers mean, with ids from `pool`. It always loads.
    pub(crate) fn dataset(self, pool: &Ids) -> Dataset {
        let mut dataset = Dataset::new(Organization::new("oak", "Oak Street"));
        dataset.organization.contact_membership = self.contact_membership;
        let mut existing = Ids::default();
        macro_rules! build {
            ($kind:ident, $into:expr, |$scope:ident, $draw:ident, $id:ident| $make:expr) => {
                let ids = pool.$kind.iter().take(self.$kind.len()).cloned();
                for ($id, numbers) in ids.zip(self.$kind) {
                    let $draw = &mut Draw::new(numbers);
                    let $scope = Scope { existing: &existing, pool, stray: 0 };
                    $into.push($make);
                }
                existing.$kind = $into.iter().map(|one| one.id.clone()).collect();
            };
        }
        build!(teammates, dataset.organization.teammates, |scope, draw, id| scope.new_teammate(draw, id));
        build!(teams, dataset.organization.teams, |scope, draw, id| scope.new_team(draw, id));
        build!(endpoints, dataset.organization.endpoints, |scope, draw, id| scope.new_endpoint(draw, id));
        build!(contacts, dataset.contacts, |scope, draw, id| scope.new_contact(draw, id));
        build!(conversations, dataset.conversations, |scope, draw, id| scope.old_conversation(draw, id));
        build!(filters, dataset.filters, |scope, draw, id| scope.new_filter(draw, id, 15));
        dataset
    }
}

fn numbers(count: usize) -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), count)
}

fn sketches() -> impl Strategy<Value = Sketch> {
    let people = (any::<bool>(), vec(numbers(3), 1..=7), vec(numbers(6), 0..=4), vec(numbers(14), 0..=6));
    let things = (vec(numbers(17), 0..=6), vec(numbers(30), 0..=14), vec(numbers(24), 0..=5));
    (people, things).prop_map(|(people, things)| {
        let (contact_membership, teammates, teams, endpoints) = people;
        let (contacts, conversations, filters) = things;
        Sketch { contact_membership, teammates, teams, endpoints, contacts, conversations, filters }
    })
}

/// An organization whose `Debug` is its JSON, names and tags included.
#[derive(Clone)]
pub(crate) struct World(pub(crate) Dataset);

impl World {
    pub(crate) fn facts(&self) -> Facts {
        Facts::load(self.0.clone()).expect("every generated organization loads")
    }

    pub(crate) fn engine(&self) -> visibly::Engine {
        visibly::Engine::new(self.0.clone()).expect("every generated organization loads")
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&json(&self.0))
    }
}

/// A value as JSON, for failures in which `Debug` would hide texts.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("every value of the model is JSON")
}

/// Any small organization.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    sketches().prop_map(|sketch| World(sketch.dataset(&Ids::small())))
}

/// Any small organization with contact membership on.
pub(crate) fn worlds_with_membership() -> impl Strategy<Value = World> {
    sketches().prop_map(|sketch| World(Sketch { contact_membership: true, ..sketch }.dataset(&Ids::small())))
}

/// An organization and what happens to it, some of it refused. `Debug` is JSON.
#[derive(Clone)]
pub(crate) struct History {
    pub(crate) world: World,
    pub(crate) changes: Vec<Change>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.world)?;
        self.changes.iter().try_for_each(|change| writeln!(f, "then {}", json(change)))
    }
}

/// Up to `most` changes of these kinds, each drawn with the facts in view that those before it have left.
pub(crate) fn histories(most: usize, kinds: &'static [Kind]) -> impl Strategy<Value = History> {
    wayward_histories(most, kinds, 6)
}

/// The same, with references gone astray in `stray` of a hundred cases.
pub(crate) fn wayward_histories(most: usize, kinds: &'static [Kind], stray: u16) -> impl Strategy<Value = History> {
    (worlds(), vec(numbers(40), 0..=most)).prop_map(move |(world, steps)| history(world, steps, kinds, stray))
}

/// Changes of these kinds to an organization with contact membership on.
pub(crate) fn histories_with_membership(most: usize, kinds: &'static [Kind]) -> impl Strategy<Value = History> {
    (worlds_with_membership(), vec(numbers(40), 0..=most))
        .prop_map(move |(world, steps)| history(world, steps, kinds, 6))
}

fn history(world: World, steps: Vec<Vec<u16>>, kinds: &[Kind], stray: u16) -> History {
    let pool = Ids::small();
    let mut facts = world.facts();
    let mut changes = Vec::with_capacity(steps.len());
    for step in steps {
        let existing = Ids::of(&facts);
        let scope = Scope { existing: &existing, pool: &pool, stray };
        let change = scope.change(&mut Draw::new(step), &facts, kinds);
        drop(facts.apply(&change));
        changes.push(change);
    }
    History { world, changes }
}

/// Questions to an organization that may or may not know what they name. `Debug` is JSON.
#[derive(Clone)]
pub(crate) struct Questions {
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) lists: Vec<ContactList>,
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inboxes {} lists {}", json(&self.inboxes), json(&self.lists))
    }
}

/// Up to `most` inboxes and as many contact lists, over ids of the pools and unknown ones.
pub(crate) fn questions(most: usize) -> impl Strategy<Value = Questions> {
    (vec(numbers(30), 0..=most), vec(numbers(20), 0..=most)).prop_map(|(inboxes, lists)| {
        let pool = Ids::small();
        let scope = Scope { existing: &pool, pool: &pool, stray: 3 };
        Questions {
            inboxes: inboxes.into_iter().map(|numbers| scope.inbox(&mut Draw::new(numbers))).collect(),
            lists: lists.into_iter().map(|numbers| scope.contact_list(&mut Draw::new(numbers))).collect(),
        }
    })
}

/// A rule over ids of the pools and unknown ones. `Debug` is JSON.
#[derive(Clone)]
pub(crate) struct AnyRule(pub(crate) Rule);

impl fmt::Debug for AnyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&json(&self.0))
    }
}

/// Any rule for an inbox.
pub(crate) fn rules() -> impl Strategy<Value = AnyRule> {
    numbers(40).prop_map(|numbers| {
        let pool = Ids::small();
        AnyRule(Scope { existing: &pool, pool: &pool, stray: 3 }.rule(&mut Draw::new(numbers), 3))
    })
}
