//! Taking all facts in at once: checked one by one, put in order at the end.
//!
//! * A dataset made in memory mostly shares its ids: a contact's id in a conversation is the contact's own text. Such
//!   an id is known by the address of its text, without a look at the text.
//! * Read marks may be a hundred times the rest. They become numbers at once and bits at the end, a group of open
//!   conversations at a time.

use std::mem::take;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::open::Open;
use super::sparse::hasher;
use super::state::{Marks, State};
use crate::error::{Error, ErrorCode};
use crate::model::{Contact, ContactId, Conversation, Directory, TeammateId, dedup};

/// The numbers of texts that the state holds, by address. It holds them as long as this is used, so that no other
/// text can come to have one's address.
type Addresses = HashMap<usize, u32, DefaultHashBuilder>;

fn address(text: &str) -> usize {
    text.as_ptr().addr()
}

/// A state that facts are being loaded into.
pub(super) struct Loading {
    pub(super) state: State,
    teammates: Addresses,
    contacts: Addresses,
    /// Whether what comes is of one dataset, whose ids may be shared; elsewhere addresses would only take memory.
    pub(super) shares_ids: bool,
    /// Who has read each conversation that is not archived, by row.
    reads: Vec<(u32, Marks)>,
}

impl Loading {
    pub(super) fn new(directory: Directory) -> Self {
        let state = State::new(directory);
        let mut teammates = Addresses::with_hasher(hasher());
        let numbers = state.directory.teammates.keys().filter_map(|id| Some((id, state.people.number(id)?)));
        // The keys of the directory and the ids of its teammates are the same texts as those of the people.
        teammates.extend(numbers.map(|(id, number)| (address(id.as_str()), number)));
        Self { state, teammates, contacts: Addresses::with_hasher(hasher()), shares_ids: false, reads: Vec::new() }
    }

    pub(super) fn contact(&mut self, contact: Contact) -> Result<(), Error> {
        let contact = self.state.directory.checked_contact(contact)?;
        if self.state.contacts.number(&contact.id).is_some() {
            return Err(Error::new(ErrorCode::DuplicateId, &contact.id));
        }
        let address = address(contact.id.as_str());
        let number = self.state.load_contact(contact);
        if self.shares_ids {
            self.contacts.insert(address, number);
        }
        Ok(())
    }

    pub(super) fn conversation(&mut self, mut conversation: Conversation) -> Result<(), Error> {
        let (read_by, starred_by) = (take(&mut conversation.read_by), take(&mut conversation.starred_by));
        let mut contacts = Vec::new();
        let known = |id: &ContactId| match self.contact_number(id) {
            Some(number) => {
                contacts.push(number);
                true
            }
            None => false,
        };
        let conversation = self.state.directory.checked_conversation(conversation, known)?;
        if self.state.row(&conversation.id).is_some() {
            return Err(Error::new(ErrorCode::DuplicateId, &conversation.id));
        }
        dedup(&mut contacts);
        let (reads, stars) = (self.marks(&read_by)?, self.marks(&starred_by)?);
        let row = self.state.load_conversation(&conversation, &contacts, stars);
        match (reads.is_empty(), conversation.archived) {
            (true, _) => {}
            (false, true) => self.state.read_archived(row, &reads),
            (false, false) => self.reads.push((row, reads)),
        }
        Ok(())
    }

    fn contact_number(&self, id: &ContactId) -> Option<u32> {
        let known = self.contacts.get(&address(id.as_str())).copied();
        known.or_else(|| self.state.contacts.number(id))
    }

    /// The numbers of teammates, all of whom must exist, ascending and each once.
    fn marks(&self, teammates: &[TeammateId]) -> Result<Marks, Error> {
        let number = |id: &TeammateId| {
            let known = self.teammates.get(&address(id.as_str())).copied();
            known.or_else(|| self.state.people.number(id)).ok_or_else(|| Error::new(ErrorCode::UnknownTeammate, id))
        };
        let mut marks = Marks::with_capacity(teammates.len());
        for id in teammates {
            marks.push(number(id)?);
        }
        if !marks.is_sorted_by(|one, two| one < two) {
            marks.sort_unstable();
            marks.dedup();
        }
        Ok(marks)
    }

    /// Puts everything in order.
    pub(super) fn finish(self) -> State {
        let Self { mut state, reads, teammates, contacts, .. } = self;
        drop((teammates, contacts));
        state.finish_loading();
        let mut reads: Vec<(u32, Marks)> =
            reads.into_iter().map(|(row, marks)| (*state.slot.get(row), marks)).collect();
        reads.sort_unstable_by_key(|(slot, _)| *slot);
        for of_group in reads.chunk_by(|one, two| Open::are_together(one.0, two.0)) {
            state.open.load_reads(of_group, state.people.len());
        }
        state
    }
}
