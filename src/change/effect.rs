//! What a checked change does to the facts.

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashSet};

use crate::model::{
    Contact, ContactId, ContactUpdate, Conversation, ConversationId, Directory, Endpoint, EndpointId, Facts, Filter,
    FilterId, IndexMap, Member, Tag, Team, TeamId, Teammate, TeammateId, Timestamp, dedup,
};

/// One step of a checked change. It always succeeds; what it names exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Directory(DirectoryEffect),
    AddContact(Contact),
    UpdateContact(ContactUpdate),
    SetContactMembers(ContactId, Vec<Member>),
    /// All contacts of one change in one effect, for they may be attached to the same conversations.
    TagContacts {
        ids: Vec<ContactId>,
        add: Vec<Tag>,
        remove: Vec<Tag>,
    },
    RemoveContact(ContactId),
    StartConversation(Conversation),
    /// Last activity becomes the later of its own and this; nobody has read it any more. One that `returns` is
    /// unarchived and assigned to whom that says, or to nobody.
    Message {
        id: ConversationId,
        at: Timestamp,
        returns: Option<Option<Member>>,
    },
    /// Whether it is archived and to whom it is assigned.
    Place {
        id: ConversationId,
        archived: bool,
        assignee: Option<Member>,
    },
    TagConversation {
        id: ConversationId,
        add: Arc<[Tag]>,
        remove: Arc<[Tag]>,
    },
    AddMember(ConversationId, Member),
    RemoveMember(ConversationId, Member),
    SetRead {
        id: ConversationId,
        by: TeammateId,
        read: bool,
    },
    SetStar {
        id: ConversationId,
        by: TeammateId,
        starred: bool,
    },
    RemoveConversation(ConversationId),
}

/// One step that alters the directory, whatever else follows from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DirectoryEffect {
    SetContactMembership(bool),
    PutTeammate(Teammate),
    /// Ends its memberships, shares, stars and read marks too.
    RemoveTeammate(TeammateId),
    PutTeam(Team),
    /// Ends its memberships and shares too.
    RemoveTeam(TeamId),
    PutEndpoint(Endpoint),
    RemoveEndpoint(EndpointId),
    PutFilter(Filter),
    RemoveFilter(FilterId),
    /// Ends every filter of an owner, at once: to remove one moves those behind it.
    RemoveFiltersOf(TeammateId),
}

impl Directory {
    /// Alters the directory; a value that is put takes the place of the one with its id, or comes last.
    pub(crate) fn alter(&mut self, effect: DirectoryEffect) {
        match effect {
            DirectoryEffect::SetContactMembership(on) => self.contact_membership = on,
            DirectoryEffect::PutTeammate(teammate) => put(&mut self.teammates, teammate.id.clone(), teammate),
            DirectoryEffect::RemoveTeammate(id) => {
                self.teammates.shift_remove(&id);
                self.forget(&Member::Teammate(id));
            }
            DirectoryEffect::PutTeam(team) => put(&mut self.teams, team.id.clone(), team),
            DirectoryEffect::RemoveTeam(id) => {
                self.teams.shift_remove(&id);
                self.forget(&Member::Team(id));
            }
            DirectoryEffect::PutEndpoint(endpoint) => {
                put(&mut self.endpoints, endpoint.id.clone(), Arc::new(endpoint));
            }
            DirectoryEffect::RemoveEndpoint(id) => drop(self.endpoints.shift_remove(&id)),
            DirectoryEffect::PutFilter(filter) => put(&mut self.filters, filter.id.clone(), Arc::new(filter)),
            DirectoryEffect::RemoveFilter(id) => drop(self.filters.shift_remove(&id)),
            DirectoryEffect::RemoveFiltersOf(owner) => self.filters.retain(|_, filter| filter.owner != owner),
        }
    }
}

fn put<K: Eq + std::hash::Hash, V>(map: &mut IndexMap<K, V>, id: K, value: V) {
    map.insert(id, value);
}

impl Facts {
    /// Carries one effect out.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Directory(effect) => self.alter_directory(effect),
            Effect::AddContact(contact) => put(&mut self.contacts, contact.id.clone(), contact),
            Effect::UpdateContact(update) => {
                if let Some(contact) = self.contacts.get_mut(&update.id) {
                    update.carry_out(contact);
                }
            }
            Effect::SetContactMembers(id, members) => {
                if let Some(contact) = self.contacts.get_mut(&id) {
                    contact.members = members;
                }
            }
            Effect::TagContacts { ids, add, remove } => {
                for id in &ids {
                    if let Some(contact) = self.contacts.get_mut(id) {
                        retag(&mut contact.tags, &add, &remove);
                    }
                }
            }
            Effect::RemoveContact(id) => drop(self.contacts.shift_remove(&id)),
            Effect::StartConversation(conversation) => {
                put(&mut self.conversations, conversation.id.clone(), conversation);
            }
            Effect::RemoveConversation(id) => drop(self.conversations.shift_remove(&id)),
            Effect::Message { id, at, returns } => self.alter(&id, |conversation| {
                conversation.last_activity = conversation.last_activity.max(at);
                conversation.read_by.clear();
                if let Some(assignee) = returns {
                    conversation.archived = false;
                    conversation.assignee = assignee;
                }
            }),
            Effect::Place { id, archived, assignee } => self.alter(&id, |conversation| {
                conversation.archived = archived;
                conversation.assignee = assignee;
            }),
            Effect::TagConversation { id, add, remove } => {
                self.alter(&id, |conversation| retag(&mut conversation.tags, &add, &remove));
            }
            Effect::AddMember(id, member) => self.alter(&id, |conversation| include(&mut conversation.members, member)),
            Effect::RemoveMember(id, member) => {
                self.alter(&id, |conversation| conversation.members.retain(|other| *other != member));
            }
            Effect::SetRead { id, by, read } => {
                self.alter(&id, |conversation| mark(&mut conversation.read_by, by, read))
            }
            Effect::SetStar { id, by, starred } => {
                self.alter(&id, |conversation| mark(&mut conversation.starred_by, by, starred));
            }
        }
    }

    fn alter(&mut self, id: &ConversationId, change: impl FnOnce(&mut Conversation)) {
        if let Some(conversation) = self.conversations.get_mut(id) {
            change(conversation);
        }
    }

    fn alter_directory(&mut self, effect: DirectoryEffect) {
        match &effect {
            DirectoryEffect::RemoveTeammate(id) => {
                for conversation in self.conversations.values_mut() {
                    mark(&mut conversation.read_by, id.clone(), false);
                    mark(&mut conversation.starred_by, id.clone(), false);
                }
                self.forget(&Member::Teammate(id.clone()));
            }
            DirectoryEffect::RemoveTeam(id) => self.forget(&Member::Team(id.clone())),
            _ => {}
        }
        self.directory.alter(effect);
    }

    /// Ends the memberships of contacts and conversations.
    fn forget(&mut self, member: &Member) {
        for contact in self.contacts.values_mut() {
            contact.members.retain(|other| other != member);
        }
        for conversation in self.conversations.values_mut() {
            conversation.members.retain(|other| other != member);
        }
    }
}

impl ContactUpdate {
    fn carry_out(self, contact: &mut Contact) {
        if let Some(name) = self.name {
            contact.name = name;
        }
        contact.category = self.category.unwrap_or(contact.category);
        contact.invitation = self.invitation.unwrap_or(contact.invitation);
    }
}

/// Adds, then removes: what is both is removed (SPEC 6.6).
fn retag(tags: &mut Vec<Tag>, add: &[Tag], remove: &[Tag]) {
    let is_removed = among(remove);
    tags.extend(add.iter().cloned());
    dedup(tags);
    tags.retain(|tag| !is_removed(tag));
}

/// Whether a tag is among some, of which there may be thousands.
pub(crate) fn among(tags: &[Tag]) -> impl Fn(&Tag) -> bool + use<'_> {
    const FEW: usize = 8;
    let many: Option<HashSet<&Tag, DefaultHashBuilder>> = (tags.len() > FEW).then(|| tags.iter().collect());
    move |tag| many.as_ref().map_or_else(|| tags.contains(tag), |many| many.contains(tag))
}

fn include<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if !values.contains(&value) {
        values.push(value);
    }
}

fn mark(teammates: &mut Vec<TeammateId>, by: TeammateId, marked: bool) {
    match marked {
        true => include(teammates, by),
        false => teammates.retain(|other| *other != by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SPEC 6.6.
    #[test]
    fn what_is_added_and_removed_is_removed_however_many_tags_there_are() {
        for count in [0, 1, 8, 9, 100] {
            let tags = |range: std::ops::Range<usize>| -> Vec<Tag> {
                range.map(|number| Tag::from(number.to_string())).collect()
            };
            let (mut tags_of, add) = (tags(0..count), tags(count / 2..count * 2));
            let remove = tags(count..count * 3 / 2);
            retag(&mut tags_of, &add, &remove);
            let expected: Vec<Tag> = tags(0..count).into_iter().chain(tags(count * 3 / 2..count * 2)).collect();
            assert_eq!(tags_of, expected);
        }
    }
}
