//! Effects of checked changes carried out on rows, and the questions that checking a change asks.
//!
//! Each effect finds its rows by id and calls on `State`, which keeps everything derived up to date; what changes who
//! sees what makes audiences anew once, at the end of the change or of a list of them. A message alone goes straight
//! from its check to its row.

use std::sync::Arc;

use super::state::State;
use crate::change::{DirectoryEffect, Effect, plan, returned_by_message};
use crate::error::{Error, ErrorCode};
use crate::model::{
    Change, ContactId, ConversationId, Directory, EndpointId, Head, Member, TeammateId, Timestamp, World,
};

impl State {
    /// Checks a change and carries it out, whole or not at all.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), Error> {
        if self.apply_but_audiences(change)? {
            self.recompile();
        }
        Ok(())
    }

    /// Checks a change and carries it out; whether audiences are to be made anew.
    pub(super) fn apply_but_audiences(&mut self, change: &Change) -> Result<bool, Error> {
        if let Change::ReceiveMessage { id, at } = change {
            return self.receive(id, *at).map(|()| false);
        }
        let mut is_stale = false;
        for effect in plan(self, change)? {
            is_stale |= self.carry_out(effect);
        }
        Ok(is_stale)
    }

    /// What its plan and effect would do for a message, which nearly every change is: its row is looked up once.
    fn receive(&mut self, id: &ConversationId, at: Timestamp) -> Result<(), Error> {
        let row = self.row_of_message(id).ok_or_else(|| Error::new(ErrorCode::UnknownConversation, id))?;
        let returns = returned_by_message(&self.directory, self.head_of(row));
        self.message(row, at.as_millis(), returns);
        Ok(())
    }

    fn head_of(&self, row: u32) -> Head<'_> {
        self.class_of(row).head(self.assignments.of_row(row), self.is_archived(row))
    }

    /// Carries one effect of a checked change out; whether audiences are to be made anew.
    fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Directory(effect) => return self.alter_directory(effect),
            Effect::AddContact(contact) => self.add_contact(&contact),
            Effect::StartConversation(conversation) => self.start(&conversation),
            Effect::UpdateContact(update) => self.with_contact(&update.id, |state, contact| {
                let category = update.category.unwrap_or(state.contacts.category(contact));
                let invitation = update.invitation.unwrap_or(state.contacts.invitation(contact));
                state.contacts.set_kind(contact, category, invitation);
                if let Some(name) = &update.name {
                    state.contacts.rename(contact, name.clone());
                }
            }),
            Effect::SetContactMembers(id, members) => {
                self.with_contact(&id, |state, contact| state.set_contact_members(contact, &members));
            }
            Effect::TagContacts { ids, add, remove } => {
                let contacts: Vec<u32> = ids.iter().filter_map(|id| self.contacts.number(id)).collect();
                self.retag_contacts(&contacts, &add, &remove);
            }
            Effect::RemoveContact(id) => self.with_contact(&id, |state, contact| state.contacts.remove(contact)),
            // No plan that comes here has one, see `State::apply`; it does what a message does all the same.
            Effect::Message { id, at, returns } => {
                self.with_row(&id, |state, row| state.message(row, at.as_millis(), returns));
            }
            Effect::Place { id, archived, assignee } => {
                self.with_row(&id, |state, row| state.place(row, archived, assignee.as_ref()));
            }
            Effect::TagConversation { id, add, remove } => {
                self.with_row(&id, |state, row| state.retag(row, &add, &remove));
            }
            Effect::AddMember(id, member) => self.with_row(&id, |state, row| {
                let mut members = state.class_of(row).members.clone();
                if !members.contains(&member) {
                    members.push(member);
                    state.set_members(row, &members);
                }
            }),
            Effect::RemoveMember(id, member) => self.with_row(&id, |state, row| {
                let mut members = state.class_of(row).members.clone();
                members.retain(|other| *other != member);
                state.set_members(row, &members);
            }),
            Effect::SetRead { id, by, read } => {
                self.with_mark(&id, &by, |state, row, by| state.set_read(row, by, read))
            }
            Effect::SetStar { id, by, starred } => {
                self.with_mark(&id, &by, |state, row, by| state.set_star(row, by, starred));
            }
            Effect::RemoveConversation(id) => self.with_row(&id, Self::remove),
        }
        false
    }

    fn with_row(&mut self, id: &ConversationId, carry_out: impl FnOnce(&mut Self, u32)) {
        if let Some(row) = self.row(id) {
            carry_out(self, row);
        }
    }

    fn with_mark(&mut self, id: &ConversationId, by: &TeammateId, carry_out: impl FnOnce(&mut Self, u32, u32)) {
        if let (Some(row), Some(by)) = (self.row(id), self.people.number(by)) {
            carry_out(self, row, by);
        }
    }

    fn with_contact(&mut self, id: &ContactId, carry_out: impl FnOnce(&mut Self, u32)) {
        if let Some(contact) = self.contacts.number(id) {
            carry_out(self, contact);
        }
    }

    fn alter_directory(&mut self, effect: DirectoryEffect) -> bool {
        let is_stale = self.alters_audiences(&effect);
        let gone = match &effect {
            DirectoryEffect::RemoveTeammate(id) => Some(Member::Teammate(id.clone())),
            DirectoryEffect::RemoveTeam(id) => Some(Member::Team(id.clone())),
            DirectoryEffect::PutTeammate(teammate) if self.people.number(&teammate.id).is_none() => {
                Arc::make_mut(&mut self.people).add(&teammate.id);
                None
            }
            _ => None,
        };
        Arc::make_mut(&mut self.directory).alter(effect);
        if let Some(member) = &gone {
            self.forget(member);
        }
        if let Some(Member::Teammate(id)) = &gone {
            if let Some(number) = self.people.number(id) {
                self.forget_stars(number);
            }
            Arc::make_mut(&mut self.people).remove(id);
        }
        is_stale
    }

    /// Whether somebody may see more or less by it: not by a new name, by whom a line assigns to, or by a new line, over
    /// which nothing runs.
    fn alters_audiences(&self, effect: &DirectoryEffect) -> bool {
        match effect {
            DirectoryEffect::PutFilter(_) | DirectoryEffect::RemoveFilter(_) | DirectoryEffect::RemoveFiltersOf(_) => {
                false
            }
            DirectoryEffect::PutTeammate(new) => self
                .directory
                .teammates
                .get(&new.id)
                .is_none_or(|old| (old.admin, old.suspended) != (new.admin, new.suspended)),
            DirectoryEffect::PutEndpoint(new) => self
                .directory
                .endpoints
                .get(&new.id)
                .is_some_and(|old| (&old.owner, &old.additional_members) != (&new.owner, &new.additional_members)),
            _ => true,
        }
    }
}

impl World for State {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn head(&self, id: &ConversationId) -> Option<Head<'_>> {
        Some(self.head_of(self.row(id)?))
    }

    fn contact_members(&self, id: &ContactId) -> Option<&[Member]> {
        let number = self.contacts.number(id)?;
        Some(&self.contacts.classes.get(self.contacts.class(number)).members)
    }

    fn endpoint_is_used(&self, id: &EndpointId) -> bool {
        self.classes.iter().any(|(_, class)| class.endpoint.as_ref() == Some(id) && !class.rows.is_empty())
    }

    fn contact_is_used(&self, id: &ContactId) -> bool {
        self.contacts.number(id).is_some_and(|number| self.contacts.uses(number) > 0)
    }

    fn is_assigned(&self, member: &Member) -> bool {
        self.assignments.number(member).is_some_and(|number| self.assignments.rows(number).next().is_some())
    }

    fn assigned_to(&self, member: &Member) -> Vec<ConversationId> {
        let rows = self.assignments.number(member).into_iter().flat_map(|number| self.assignments.rows(number));
        rows.filter_map(|row| self.id(row).cloned()).collect()
    }
}
