//! Facts that have been checked: indexed by id, references sound, repeats left out.

use std::sync::Arc;

use hashbrown::HashSet;
use indexmap::IndexSet;
use indexmap::map::Entry;

use super::contact::Contact;
use super::conversation::{Conversation, ConversationKind};
use super::dataset::Dataset;
use super::directory::Directory;
use super::filter::{Filter, Lists, Rule};
use super::index::{IndexMap, hasher, new_map};
use super::organization::{Endpoint, Member, Organization, Team, Teammate};
use super::text::{ContactId, ConversationId, EndpointId, FilterId, OrganizationId, Tag, TeamId, TeammateId, Text};
use crate::error::{Error, ErrorCode};

/// One organization's facts, checked and indexed: what [`policy`](crate::policy) reads.
///
/// * Ids are unique within their kind and not empty; every reference but those in filters' rules and shares is sound.
/// * Everything keeps the order in which it was loaded; a repeat in a list of members, tags or ids is left out.
/// * Look-ups are O(1); the price is a copy of every id for its index.
///
/// The rules are beside it, in [`policy`](crate::policy); it has no revision, which an [`Engine`](crate::Engine) adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub(crate) directory: Directory,
    pub(crate) contacts: IndexMap<ContactId, Contact>,
    pub(crate) conversations: IndexMap<ConversationId, Conversation>,
}

impl Facts {
    /// Checks a dataset and indexes it.
    ///
    /// # Errors
    /// The first fault found: an id that is empty or used twice, an empty tag, a reference to something that does
    /// not exist, an endpoint that is missing or not allowed, the organization as a recipient, a rule deeper than
    /// [`MAX_RULE_DEPTH`](crate::MAX_RULE_DEPTH), or a contact filter whose rule asks about conversations. Any other
    /// doubtful state loads, and is a finding of the audit (SPEC 7.5). [`Dataset::faults`] tells all faults at once.
    ///
    /// # Complexity
    /// O(size of the dataset) time and memory.
    pub fn load(dataset: Dataset) -> Result<Self, Error> {
        Self::take_in(dataset, Err)
    }

    /// Takes everything in, what is at fault too where `on_fault` goes on: what names that is then not at fault as well.
    fn take_in(dataset: Dataset, mut on_fault: impl FnMut(Error) -> Result<(), Error>) -> Result<Self, Error> {
        let Dataset { organization, contacts, conversations, filters } = dataset;
        let mut facts = Self {
            directory: take_in_directory(organization, filters, &mut on_fault)?,
            contacts: new_map(contacts.len()),
            conversations: new_map(conversations.len()),
        };
        for mut contact in contacts {
            facts.directory.check_contact(&mut contact).or_else(&mut on_fault)?;
            insert_new(&mut facts.contacts, contact.id.clone(), contact, "contact").or_else(&mut on_fault)?;
        }
        for mut conversation in conversations {
            let known = |id: &ContactId| facts.contacts.contains_key(id);
            facts.directory.check_conversation(&mut conversation, false, known).or_else(&mut on_fault)?;
            insert_new(&mut facts.conversations, conversation.id.clone(), conversation, "conversation")
                .or_else(&mut on_fault)?;
        }
        Ok(facts)
    }

    /// The same facts as a list, everything in its order. Loading it again gives equal facts.
    ///
    /// O(size of the facts) time and memory.
    #[must_use]
    pub fn to_dataset(&self) -> Dataset {
        Dataset {
            organization: self.organization(),
            contacts: self.contacts.values().cloned().collect(),
            conversations: self.conversations.values().cloned().collect(),
            filters: self.directory.to_filters(),
        }
    }

    /// Settings, teammates, teams and endpoints, in their order. O(their size).
    #[must_use]
    pub fn organization(&self) -> Organization {
        self.directory.to_organization()
    }

    /// Id of the organization. O(1).
    #[must_use]
    pub fn id(&self) -> &OrganizationId {
        &self.directory.id
    }

    /// Name of the organization. O(1).
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.directory.name
    }

    /// Whether contact membership is on (SPEC 4.1). O(1).
    #[must_use]
    pub fn contact_membership(&self) -> bool {
        self.directory.contact_membership
    }

    /// The teammate with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn teammate(&self, id: &TeammateId) -> Option<&Teammate> {
        self.directory.teammates.get(id)
    }

    /// The team with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn team(&self, id: &TeamId) -> Option<&Team> {
        self.directory.teams.get(id)
    }

    /// The endpoint with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<&Endpoint> {
        self.directory.endpoints.get(id).map(Arc::as_ref)
    }

    /// The contact with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<&Contact> {
        self.contacts.get(id)
    }

    /// The conversation with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn conversation(&self, id: &ConversationId) -> Option<&Conversation> {
        self.conversations.get(id)
    }

    /// The saved filter with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn filter(&self, id: &FilterId) -> Option<&Filter> {
        self.directory.filters.get(id).map(Arc::as_ref)
    }

    /// Every teammate, suspended ones included, in the organization's order.
    pub fn teammates(&self) -> impl ExactSizeIterator<Item = &Teammate> {
        self.directory.teammates.values()
    }

    /// Every team, in the organization's order.
    pub fn teams(&self) -> impl ExactSizeIterator<Item = &Team> {
        self.directory.teams.values()
    }

    /// Every endpoint, in the organization's order.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.directory.endpoints.values().map(Arc::as_ref)
    }

    /// Every contact, in the order of loading.
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = &Contact> {
        self.contacts.values()
    }

    /// Every conversation, in the order of loading.
    pub fn conversations(&self) -> impl ExactSizeIterator<Item = &Conversation> {
        self.conversations.values()
    }

    /// Every saved filter, in the dataset's order.
    pub fn filters(&self) -> impl ExactSizeIterator<Item = &Filter> {
        self.directory.filters.values().map(Arc::as_ref)
    }
}

impl Dataset {
    /// Everything for which [`Facts::load`] and [`Engine::new`](crate::Engine::new) would refuse these facts, in the
    /// order in which they find it; empty if they load.
    ///
    /// Of each team, contact and so on the first fault, and that its id is used twice. What names something that is at
    /// fault is not at fault for that.
    ///
    /// # Complexity
    /// O(size of the dataset) time, and memory for a copy of it.
    ///
    /// # Examples
    /// ```
    /// use visibly::{Contact, Conversation, Dataset, Member, Organization};
    ///
    /// let facts = Dataset::new(Organization::new("oak", "Oak Street"))
    ///     .contact(Contact::new("nora").members([Member::team("north")]))
    ///     .conversation(Conversation::note("intake", 1_000).contact("nora").contact("ed"));
    /// let faults: Vec<String> = facts.faults().iter().map(ToString::to_string).collect();
    /// assert_eq!(
    ///     faults,
    ///     ["unknown team `north`, named in contact `nora`", "unknown contact `ed`, named in conversation `intake`"]
    /// );
    /// ```
    #[must_use]
    pub fn faults(&self) -> Vec<Error> {
        let mut faults = Vec::new();
        let noted = |fault| {
            faults.push(fault);
            Ok(())
        };
        // What goes on after each fault ends without one.
        let _ = Facts::take_in(self.copy(), noted);
        // That the empty id is used twice says nothing more than that it is empty.
        faults.retain(|fault| fault.code() != ErrorCode::DuplicateId || !fault.id().is_empty());
        faults
    }

    /// A copy, in which a rule that is nested too deep is another one that is: to clone that one, or to drop the clone,
    /// would take a stack as deep as it.
    fn copy(&self) -> Self {
        let filter = |filter: &Filter| {
            let Filter { id, name, owner, shared_with, lists, archived, rule } = filter;
            Filter {
                id: id.clone(),
                name: name.clone(),
                owner: owner.clone(),
                shared_with: shared_with.clone(),
                lists: *lists,
                archived: *archived,
                rule: if rule.is_too_deep() { Rule::too_deep() } else { rule.clone() },
            }
        };
        Self {
            organization: self.organization.clone(),
            contacts: self.contacts.clone(),
            conversations: self.conversations.clone(),
            filters: self.filters.iter().map(filter).collect(),
        }
    }
}

pub(crate) fn load_directory(organization: Organization, filters: Vec<Filter>) -> Result<Directory, Error> {
    take_in_directory(organization, filters, &mut Err)
}

/// As [`Facts::take_in`].
fn take_in_directory(
    organization: Organization,
    filters: Vec<Filter>,
    mut on_fault: impl FnMut(Error) -> Result<(), Error>,
) -> Result<Directory, Error> {
    let Organization { id, name, contact_membership, teammates, teams, endpoints } = organization;
    check_id(&id, "organization").or_else(&mut on_fault)?;
    let mut directory = Directory {
        id,
        name,
        contact_membership,
        teammates: new_map(teammates.len()),
        teams: new_map(teams.len()),
        endpoints: new_map(endpoints.len()),
        filters: new_map(filters.len()),
    };
    for teammate in teammates {
        directory.check_teammate(&teammate).or_else(&mut on_fault)?;
        insert_new(&mut directory.teammates, teammate.id.clone(), teammate, "teammate").or_else(&mut on_fault)?;
    }
    for mut team in teams {
        directory.check_team(&mut team).or_else(&mut on_fault)?;
        insert_new(&mut directory.teams, team.id.clone(), team, "team").or_else(&mut on_fault)?;
    }
    for mut endpoint in endpoints {
        directory.check_endpoint(&mut endpoint).or_else(&mut on_fault)?;
        insert_new(&mut directory.endpoints, endpoint.id.clone(), Arc::new(endpoint), "endpoint")
            .or_else(&mut on_fault)?;
    }
    for mut filter in filters {
        directory.check_filter(&mut filter).or_else(&mut on_fault)?;
        insert_new(&mut directory.filters, filter.id.clone(), Arc::new(filter), "filter").or_else(&mut on_fault)?;
    }
    Ok(directory)
}

/// Adds `value`, of this kind, under an id that is new.
fn insert_new<K, V>(map: &mut IndexMap<K, V>, id: K, value: V, kind: &'static str) -> Result<(), Error>
where
    K: Eq + std::hash::Hash + AsRef<str>,
{
    match map.entry(id) {
        Entry::Occupied(entry) => Err(Error::new(ErrorCode::DuplicateId, entry.key()).of(kind)),
        Entry::Vacant(entry) => {
            entry.insert(value);
            Ok(())
        }
    }
}

/// Refuses the empty id; `kind` says of what.
fn check_id(id: &impl AsRef<str>, kind: &str) -> Result<(), Error> {
    match id.as_ref().is_empty() {
        true => Err(Error::new(ErrorCode::EmptyId, kind)),
        false => Ok(()),
    }
}

/// Refuses a tag that is empty or white space alone; `on` is the id of what carries it.
pub(crate) fn check_tags(tags: &[Tag], on: &impl AsRef<str>) -> Result<(), Error> {
    match tags.iter().any(|tag| tag.as_str().trim().is_empty()) {
        true => Err(Error::new(ErrorCode::EmptyTag, on)),
        false => Ok(()),
    }
}

/// Leaves out repeats; the first of equal values stays where it is. O(length) time; allocates only where there are
/// more than a few values.
pub(crate) fn dedup<T: Clone + Eq + std::hash::Hash>(values: &mut Vec<T>) {
    const FEW: usize = 8;
    let has_repeats = match values.len() {
        0 | 1 => false,
        2..=FEW => values.iter().enumerate().any(|(at, value)| values.iter().take(at).any(|other| other == value)),
        length => {
            let mut seen = HashSet::with_capacity_and_hasher(length, hasher());
            values.iter().any(|value| !seen.insert(value))
        }
    };
    if has_repeats {
        let distinct: IndexSet<T> = values.drain(..).collect();
        values.extend(distinct);
    }
}

/// Values without their repeats, as [`dedup`] leaves them.
pub(crate) fn distinct<T: Clone + Eq + std::hash::Hash>(values: &[T]) -> impl Iterator<Item = T> {
    let mut values = values.to_vec();
    dedup(&mut values);
    values.into_iter()
}

/// The checks of single facts, used where they are loaded and where a change brings them. Each leaves repeats out of the
/// fact's lists.
impl Directory {
    /// The same facts as a list, everything in its order.
    pub(crate) fn to_organization(&self) -> Organization {
        Organization {
            id: self.id.clone(),
            name: self.name.clone(),
            contact_membership: self.contact_membership,
            teammates: self.teammates.values().cloned().collect(),
            teams: self.teams.values().cloned().collect(),
            endpoints: self.endpoints.values().map(Arc::as_ref).cloned().collect(),
        }
    }

    /// The saved filters, in their order.
    pub(crate) fn to_filters(&self) -> Vec<Filter> {
        self.filters.values().map(Arc::as_ref).cloned().collect()
    }

    pub(crate) fn check_teammate(&self, teammate: &Teammate) -> Result<(), Error> {
        check_id(&teammate.id, "teammate")
    }

    pub(crate) fn check_team(&self, team: &mut Team) -> Result<(), Error> {
        check_id(&team.id, "team")?;
        let known = team.teammates.iter().try_for_each(|id| self.teammate(id).map(drop));
        known.map_err(|error| error.named_in("team", &team.id))?;
        dedup(&mut team.teammates);
        Ok(())
    }

    pub(crate) fn check_endpoint(&self, endpoint: &mut Endpoint) -> Result<(), Error> {
        check_id(&endpoint.id, "endpoint")?;
        self.check_members_of(endpoint).map_err(|error| error.named_in("endpoint", &endpoint.id))?;
        dedup(&mut endpoint.additional_members);
        Ok(())
    }

    fn check_members_of(&self, endpoint: &Endpoint) -> Result<(), Error> {
        self.member(&endpoint.owner)?;
        self.members(&endpoint.additional_members)?;
        endpoint.auto_assign.as_ref().map_or(Ok(()), |recipient| self.recipient(recipient, &endpoint.id, "endpoint"))
    }

    /// References in the rule and the shares are left unchecked: what they name may have gone since.
    pub(crate) fn check_filter(&self, filter: &mut Filter) -> Result<(), Error> {
        check_id(&filter.id, "filter")?;
        self.teammate(&filter.owner).map_err(|error| error.named_in("filter", &filter.id))?;
        if filter.rule.is_too_deep() {
            return Err(Error::new(ErrorCode::RuleTooDeep, &filter.id));
        }
        if filter.lists == Lists::Contacts && !filter.rule.fits_contacts() {
            return Err(Error::new(ErrorCode::WrongList, &filter.id));
        }
        dedup(&mut filter.shared_with);
        Ok(())
    }

    pub(crate) fn check_contact(&self, contact: &mut Contact) -> Result<(), Error> {
        check_id(&contact.id, "contact")?;
        self.members(&contact.members).map_err(|error| error.named_in("contact", &contact.id))?;
        check_tags(&contact.tags, &contact.id).map_err(|error| error.of("contact"))?;
        dedup(&mut contact.members);
        dedup(&mut contact.tags);
        Ok(())
    }

    /// Without a look at the endpoint where it is known to be there.
    pub(crate) fn check_conversation(
        &self,
        conversation: &mut Conversation,
        endpoint_is_known: bool,
        contact_is_known: impl FnMut(&ContactId) -> bool,
    ) -> Result<(), Error> {
        check_id(&conversation.id, "conversation")?;
        self.check_facts_of(conversation, endpoint_is_known, contact_is_known)
            .map_err(|error| error.named_in("conversation", &conversation.id))?;
        dedup(&mut conversation.contacts);
        dedup(&mut conversation.members);
        dedup(&mut conversation.tags);
        dedup(&mut conversation.read_by);
        dedup(&mut conversation.starred_by);
        Ok(())
    }

    fn check_facts_of(
        &self,
        conversation: &Conversation,
        endpoint_is_known: bool,
        mut contact_is_known: impl FnMut(&ContactId) -> bool,
    ) -> Result<(), Error> {
        if !endpoint_is_known {
            self.check_endpoint_of(conversation)?;
        }
        if let Some(unknown) = conversation.contacts.iter().find(|id| !contact_is_known(id)) {
            return Err(Error::new(ErrorCode::UnknownContact, unknown));
        }
        self.members(&conversation.members)?;
        if let Some(assignee) = &conversation.assignee {
            self.recipient(assignee, &conversation.id, "conversation")?;
        }
        check_tags(&conversation.tags, &conversation.id).map_err(|error| error.of("conversation"))?;
        let readers = conversation.read_by.iter().chain(&conversation.starred_by);
        readers.into_iter().try_for_each(|id| self.teammate(id).map(drop))
    }

    /// A patient conversation runs over exactly one endpoint (SPEC 3.1), any other over none (SPEC 3.2).
    fn check_endpoint_of(&self, conversation: &Conversation) -> Result<(), Error> {
        match (conversation.kind, &conversation.endpoint) {
            (ConversationKind::Patient, Some(endpoint)) => self.endpoint(endpoint).map(drop),
            (ConversationKind::Patient, None) => Err(Error::new(ErrorCode::EndpointRequired, &conversation.id)),
            (_, Some(_)) => Err(Error::new(ErrorCode::EndpointNotAllowed, &conversation.id)),
            (_, None) => Ok(()),
        }
    }
}

/// What decides about one conversation's access and inboxes, apart from its tags and contacts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head<'a> {
    pub(crate) kind: ConversationKind,
    pub(crate) endpoint: Option<&'a EndpointId>,
    pub(crate) members: &'a [Member],
    pub(crate) assignee: Option<&'a Member>,
    pub(crate) archived: bool,
}

impl<'a> From<&'a Conversation> for Head<'a> {
    fn from(conversation: &'a Conversation) -> Self {
        Self {
            kind: conversation.kind,
            endpoint: conversation.endpoint.as_ref(),
            members: &conversation.members,
            assignee: conversation.assignee.as_ref(),
            archived: conversation.archived,
        }
    }
}

/// What the rules on changes and on who may make them need to know of the facts, however these are kept.
///
/// [`Facts`] and the engine's rows both answer it, so that each rule of SPEC 6 is written once.
pub(crate) trait World {
    fn directory(&self) -> &Directory;
    fn head(&self, id: &ConversationId) -> Option<Head<'_>>;
    fn contact_members(&self, id: &ContactId) -> Option<&[Member]>;
    /// Whether any conversation, archived or not, runs over the endpoint.
    fn endpoint_is_used(&self, id: &EndpointId) -> bool;
    /// Whether the contact is attached to any conversation.
    fn contact_is_used(&self, id: &ContactId) -> bool;
    /// Whether any conversation, archived or not, is assigned to the member.
    fn is_assigned(&self, member: &Member) -> bool;
    /// Every conversation assigned to the member, archived or not, in any order.
    fn assigned_to(&self, member: &Member) -> Vec<ConversationId>;
}

impl World for Facts {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn head(&self, id: &ConversationId) -> Option<Head<'_>> {
        self.conversations.get(id).map(Head::from)
    }

    fn contact_members(&self, id: &ContactId) -> Option<&[Member]> {
        self.contacts.get(id).map(|contact| &contact.members[..])
    }

    fn endpoint_is_used(&self, id: &EndpointId) -> bool {
        self.conversations().any(|conversation| conversation.endpoint.as_ref() == Some(id))
    }

    fn contact_is_used(&self, id: &ContactId) -> bool {
        self.conversations().any(|conversation| conversation.contacts.contains(id))
    }

    fn is_assigned(&self, member: &Member) -> bool {
        self.conversations().any(|conversation| conversation.assignee.as_ref() == Some(member))
    }

    fn assigned_to(&self, member: &Member) -> Vec<ConversationId> {
        let assigned = self.conversations().filter(|conversation| conversation.assignee.as_ref() == Some(member));
        assigned.map(|conversation| conversation.id.clone()).collect()
    }
}
