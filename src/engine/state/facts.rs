//! The facts as values again.

use super::{Marks, Slot, State};
use crate::engine::leaf::place_in_group;
use crate::engine::open::Open;
use crate::model::{Contact, Conversation, Dataset, TeammateId};

impl State {
    /// One conversation's facts; marks in the organization's order.
    pub(in crate::engine) fn conversation(&self, row: u32) -> Option<Conversation> {
        let mut conversation = self.unread_conversation(row)?;
        conversation.read_by = self.teammates(&self.reads(row));
        Some(conversation)
    }

    /// The same but for who has read it.
    fn unread_conversation(&self, row: u32) -> Option<Conversation> {
        let id = self.id(row)?;
        let class = self.class_of(row);
        let mut conversation = Conversation::team(id, self.details.at(row));
        conversation.kind = class.kind;
        conversation.endpoint = class.endpoint.clone();
        conversation.members = class.members.clone();
        conversation.assignee = self.assignments.of_row(row).cloned();
        conversation.archived = self.is_archived(row);
        self.details.contacts(row).for_each(|contact| conversation.contacts.extend(self.contacts.id(contact).cloned()));
        self.details.tags(row).for_each(|tag| conversation.tags.extend(self.tag(tag).cloned()));
        conversation.starred_by = self.teammates(self.stars.get(row).unwrap_or(&Marks::new()));
        Some(conversation)
    }

    fn teammates(&self, marks: &[u32]) -> Vec<TeammateId> {
        marks.iter().filter_map(|number| self.people.id(*number)).cloned().collect()
    }

    pub(in crate::engine) fn contact(&self, number: u32) -> Option<Contact> {
        let mut contact = Contact::new(self.contacts.id(number)?);
        contact.name = self.contacts.name(number).cloned();
        contact.category = self.contacts.category(number);
        contact.invitation = self.contacts.invitation(number);
        contact.members = self.contacts.classes.get(self.contacts.class(number)).members.clone();
        self.contacts.tags(number).for_each(|tag| contact.tags.extend(self.tag(tag).cloned()));
        Some(contact)
    }

    pub(in crate::engine) fn to_dataset(&self) -> Dataset {
        let mut dataset = Dataset::new(self.directory.to_organization());
        dataset.contacts = self.contacts.numbers().filter_map(|number| self.contact(number)).collect();
        dataset.conversations = self.conversations();
        dataset.filters = self.directory.to_filters();
        dataset
    }

    /// Every conversation's facts. Who has read open ones is taken from the leaves of all teammates a group at a time, for
    /// to ask each teammate about each conversation costs by their product.
    fn conversations(&self) -> Vec<Conversation> {
        let (mut all, mut open) = (Vec::new(), Vec::new());
        for row in self.rows() {
            let Some(mut conversation) = self.unread_conversation(row) else { continue };
            match self.slot_of(row) {
                Slot::Open(slot) => open.push((slot, all.len())),
                Slot::Archived(_) => conversation.read_by = self.teammates(&self.archived_reads.get(row)),
            }
            all.push(conversation);
        }
        open.sort_unstable();
        for of_group in open.chunk_by(|one, two| Open::are_together(one.0, two.0)) {
            let readers = of_group.first().map(|(slot, _)| self.open.readers_in_group(*slot)).unwrap_or_default();
            for (slot, place) in of_group {
                let readers = readers.get(place_in_group(*slot) as usize);
                if let Some((conversation, readers)) = all.get_mut(*place).zip(readers) {
                    conversation.read_by = self.teammates(readers);
                }
            }
        }
        all
    }
}
