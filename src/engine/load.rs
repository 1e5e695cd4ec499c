//! Taking all facts in at once: checked one by one, put in order at the end.
//!
//! * A dataset made in memory mostly shares its ids: a contact's id in a conversation is the contact's own text. Such
//!   an id is known by the address of its text, without a look at the text; so is the class of a conversation without
//!   members of its own, by its endpoint's.
//! * Read marks may be a hundred times the rest. They become bits at once, and leaves at the end.
//! * What is next is fetched from memory while its turn has not come.
//! * Columns and lists of rows are filled a block at a time: a write to what snapshots may share costs more than most
//!   of what is written.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::mem::take;

use super::column::{BLOCK, Column};
use super::index::hash;
use super::kernel::prefetch_line;
use super::marks::ReadMarks;
use super::open::Open;
use super::posting;
use super::state::{Marks, State};
use crate::error::{Error, ErrorCode};
use crate::model::{
    Contact, ContactId, Conversation, ConversationId, ConversationKind, Directory, EndpointId, Head, Tag, TeammateId,
    dedup,
};

/// Conversations between the one whose turn it is and the one whose data is fetched.
const AHEAD: usize = 8;

fn address(text: &str) -> usize {
    text.as_ptr().addr()
}

/// The numbers of texts that the state holds, by address. It holds them as long as this is used, so that no other
/// text can come to have one's address. Open addressing in a power of two places, half of them free at least; free
/// is address 0.
#[derive(Debug, Default)]
struct Addresses {
    places: Vec<(usize, u32)>,
    len: usize,
}

impl Addresses {
    fn with_capacity(entries: usize) -> Self {
        Self { places: vec![(0, 0); (entries * 2).next_power_of_two()], len: 0 }
    }

    /// Where an address is or would be, or one before it. The upper half of the product depends on all bits.
    fn home(&self, address: usize) -> usize {
        let product = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (product >> 32) as usize & (self.places.len() - 1)
    }

    fn get(&self, address: usize) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(address);
        loop {
            match self.places[at] {
                (0, _) => return None,
                (found, number) if found == address => return Some(number),
                _ => at = (at + 1) & (self.places.len() - 1),
            }
        }
    }

    /// Notes a number that is not there.
    fn insert(&mut self, address: usize, number: u32) {
        if self.len * 2 >= self.places.len() {
            let old = std::mem::replace(self, Self::with_capacity((self.len * 2).max(8)));
            old.places.iter().filter(|place| place.0 != 0).for_each(|(address, number)| self.insert(*address, *number));
        }
        let mut at = self.home(address);
        while self.places[at].0 != 0 {
            at = (at + 1) & (self.places.len() - 1);
        }
        self.places[at] = (address, number);
        self.len += 1;
    }

    fn prefetch(&self, address: usize) {
        if !self.places.is_empty() {
            prefetch_line(&self.places[self.home(address)]);
        }
    }
}

/// What is known by address.
#[derive(Debug, Default)]
struct Known {
    teammates: Addresses,
    /// The addresses of teammates by number, for marks mostly come in their order.
    in_order: Vec<usize>,
    contacts: Addresses,
    tags: Addresses,
    /// The classes of patient conversations without own members, by endpoint.
    classes: Addresses,
}

impl Known {
    /// The keys of the directory and the ids of its teammates are the same texts as those of the people.
    fn new(state: &State) -> Self {
        let ids = (0..state.people.len() as u32).filter_map(|number| state.people.id(number));
        let in_order: Vec<usize> = ids.map(|id| address(id.as_str())).collect();
        let mut teammates = Addresses::with_capacity(in_order.len());
        in_order.iter().zip(0..).for_each(|(address, number)| teammates.insert(*address, number));
        Self { teammates, in_order, ..Self::default() }
    }
}

/// A state that facts are being loaded into.
pub(super) struct Loading {
    pub(super) state: State,
    known: Known,
    /// Whether what comes is of one dataset, whose ids may be shared; elsewhere addresses would only take memory.
    shares_ids: bool,
    rows: Rows,
    /// Who has read each conversation that is not archived, by row.
    reads: ReadMarks,
    /// Who has read the conversation at hand, a bit for each teammate.
    readers: Vec<u64>,
    /// The contacts of the conversation at hand.
    contacts: Vec<u32>,
}

/// What is kept of rows until there is a block of it.
#[derive(Debug, Default)]
struct Rows {
    ids: Vec<Option<ConversationId>>,
    class: Vec<u32>,
    at: Vec<i64>,
    of_class: Vec<Vec<u32>>,
    /// All that are not archived.
    open: Vec<u32>,
}

impl Loading {
    pub(super) fn new(directory: Directory) -> Self {
        let state = State::new(directory);
        Self {
            known: Known::new(&state),
            readers: vec![0; state.people.len().div_ceil(64)],
            state,
            shares_ids: false,
            rows: Rows::default(),
            reads: ReadMarks::default(),
            contacts: Vec::new(),
        }
    }

    /// Takes everything in, in order.
    pub(super) fn all(&mut self, contacts: Vec<Contact>, conversations: Vec<Conversation>) -> Result<(), Error> {
        self.state.reserve(contacts.len(), conversations.len());
        self.shares_ids = true;
        self.known.contacts = Addresses::with_capacity(contacts.len());
        let mut contacts = contacts.into_iter();
        while let Some(contact) = contacts.next() {
            if let Some(later) = contacts.as_slice().get(AHEAD) {
                self.state.contacts.prefetch_id(&later.id);
                self.known.contacts.prefetch(address(later.id.as_str()));
            }
            self.contact(contact)?;
        }
        let mut conversations = conversations.into_iter();
        while let Some(conversation) = conversations.next() {
            self.prefetch(conversations.as_slice());
            self.conversation(conversation)?;
        }
        Ok(())
    }

    /// Has fetched what the conversations that come next will ask for.
    fn prefetch(&self, next: &[Conversation]) {
        if let Some(later) = next.get(2 * AHEAD) {
            later.id.as_str().as_bytes().first().into_iter().for_each(prefetch_line);
            later.contacts.first().into_iter().for_each(prefetch_line);
            later.tags.first().into_iter().for_each(prefetch_line);
        }
        if let Some(later) = next.get(AHEAD) {
            self.state.index.prefetch(hash(later.id.as_str()));
            for id in &later.contacts {
                self.known.contacts.prefetch(address(id.as_str()));
                // The counter of who shares it, which goes down soon.
                id.as_str().as_bytes().first().into_iter().for_each(prefetch_line);
            }
        }
    }

    pub(super) fn contact(&mut self, contact: Contact) -> Result<(), Error> {
        let contact = self.state.directory.checked_contact(contact)?;
        if self.state.contacts.number(&contact.id).is_some() {
            return Err(Error::new(ErrorCode::DuplicateId, &contact.id));
        }
        let address = address(contact.id.as_str());
        let tags = contact.tags.iter().map(|tag| self.tag_number(tag)).collect::<Marks>();
        let number = self.state.load_contact(contact, &tags);
        if self.shares_ids {
            self.known.contacts.insert(address, number);
        }
        Ok(())
    }

    pub(super) fn conversation(&mut self, mut conversation: Conversation) -> Result<(), Error> {
        let (read_by, starred_by) = (take(&mut conversation.read_by), take(&mut conversation.starred_by));
        let mut contacts = take(&mut self.contacts);
        contacts.clear();
        let contact_is_known = |id: &ContactId| match self.contact_number(id) {
            Some(number) => {
                contacts.push(number);
                true
            }
            None => false,
        };
        let class = self.class_by_address(&conversation);
        self.state.directory.check_conversation(&mut conversation, class.is_some(), contact_is_known)?;
        let hash = hash(conversation.id.as_str());
        if self.state.index.find(hash, |row| self.rows.text(&self.state.ids, row) == conversation.id.as_str()).is_some()
        {
            return Err(Error::new(ErrorCode::DuplicateId, &conversation.id));
        }
        self.read(read_by)?;
        let stars = self.marks(&starred_by)?;
        let class = class.unwrap_or_else(|| self.class_of(&conversation));
        dedup(&mut contacts);
        self.add(hash, conversation, class, &contacts, stars);
        self.contacts = contacts;
        Ok(())
    }

    fn contact_number(&self, id: &ContactId) -> Option<u32> {
        self.known.contacts.get(address(id.as_str())).or_else(|| self.state.contacts.number(id))
    }

    /// The class of a conversation over an endpoint that was seen before; the class holds that endpoint's id.
    fn class_by_address(&self, conversation: &Conversation) -> Option<u32> {
        let is_plain = conversation.kind == ConversationKind::Patient && conversation.members.is_empty();
        let endpoint = conversation.endpoint.as_ref().filter(|_| is_plain && self.shares_ids)?;
        self.known.classes.get(address(endpoint.as_str()))
    }

    fn class_of(&mut self, conversation: &Conversation) -> u32 {
        let class = self.state.load_class(Head::from(conversation));
        if let Some(held) = self.state.endpoint_of_class(class)
            && self.shares_ids
            && conversation.members.is_empty()
            && conversation.endpoint.as_ref().map(EndpointId::as_str).map(address) == Some(address(held.as_str()))
        {
            self.known.classes.insert(address(held.as_str()), class);
        }
        class
    }

    fn tag_number(&mut self, tag: &Tag) -> u32 {
        if let Some(number) = self.known.tags.get(address(tag.as_str())) {
            return number;
        }
        let number = self.state.tag_number(tag);
        let is_held = self.state.tag(number).is_some_and(|held| address(held.as_str()) == address(tag.as_str()));
        if is_held && self.shares_ids {
            self.known.tags.insert(address(tag.as_str()), number);
        }
        number
    }

    /// Notes who has read the conversation at hand, all of whom must exist.
    fn read(&mut self, read_by: Vec<TeammateId>) -> Result<(), Error> {
        self.readers.fill(0);
        let mut next = 0;
        for id in read_by {
            let number = match self.known.in_order.get(next) {
                Some(address_of_next) if *address_of_next == address(id.as_str()) => next,
                _ => self.teammate(&id)? as usize,
            };
            self.readers[number / 64] |= 1 << (number % 64);
            next = number + 1;
        }
        Ok(())
    }

    fn teammate(&self, id: &TeammateId) -> Result<u32, Error> {
        let known = self.known.teammates.get(address(id.as_str()));
        known.or_else(|| self.state.people.number(id)).ok_or_else(|| Error::new(ErrorCode::UnknownTeammate, id))
    }

    /// The numbers of teammates, all of whom must exist, ascending and each once.
    fn marks(&self, teammates: &[TeammateId]) -> Result<Marks, Error> {
        let mut marks = teammates.iter().map(|id| self.teammate(id)).collect::<Result<Marks, Error>>()?;
        marks.sort_unstable();
        marks.dedup();
        Ok(marks)
    }

    /// Adds a conversation that was checked.
    fn add(&mut self, hash_of_id: u64, conversation: Conversation, class: u32, contacts: &[u32], stars: Marks) {
        let row = (self.state.ids.len() + self.rows.ids.len()) as u32;
        let tags = conversation.tags.iter().map(|tag| self.tag_number(tag)).collect::<Marks>();
        match conversation.archived {
            true => self.state.load_archived_reads(row, class, &self.readers),
            false => {
                self.rows.open.push(row);
                self.reads.push(row, &self.readers);
            }
        }
        self.state.load_details(row, (contacts, &tags), conversation.assignee.as_ref(), stars);
        self.rows.class.push(class);
        self.rows.at.push(conversation.last_activity.as_millis());
        self.rows.ids.push(Some(conversation.id));
        self.list(class, row);
        let Self { state, rows, .. } = self;
        let State { ids, index, .. } = state;
        index.add(hash_of_id, row, |row| hash(rows.text(ids, row)));
        if self.rows.ids.len() == BLOCK {
            self.lay_out_rows();
        }
    }

    /// Lists a row in its class, by chunks.
    fn list(&mut self, class: u32, row: u32) {
        let of_class = &mut self.rows.of_class;
        if of_class.len() <= class as usize {
            of_class.resize_with(class as usize + 1, Vec::new);
        }
        let rows = &mut of_class[class as usize];
        rows.push(row);
        if rows.len() == posting::CHUNK {
            self.state.classes.get_mut(class).rows.append(take(rows));
        }
    }

    /// Makes blocks of columns of what was kept.
    fn lay_out_rows(&mut self) {
        self.state.ids.append(take(&mut self.rows.ids));
        self.state.class.append(take(&mut self.rows.class));
        self.state.at.append(take(&mut self.rows.at));
    }

    /// Puts everything in order.
    pub(super) fn finish(mut self) -> State {
        self.lay_out_rows();
        let Self { mut state, rows, reads, known, .. } = self;
        drop(known);
        for (class, mut rows) in (0..).zip(rows.of_class) {
            rows.shrink_to_fit();
            state.classes.get_mut(class).rows.append(rows);
        }
        state.finish_loading(rows.open);
        for of_group in reads.by_slot(|row| *state.slot.get(row)).chunk_by(|one, two| Open::are_together(one.0, two.0))
        {
            let leaves = reads.leaves(of_group, state.people.len());
            state.open.load_reads(of_group[0].0, &leaves);
        }
        state
    }
}

impl Rows {
    /// The id of a row that is in the column, or behind it here.
    fn text<'t>(&'t self, ids: &'t Column<Option<ConversationId>>, row: u32) -> &'t str {
        let id = match ids.try_get(row) {
            Some(id) => id.as_ref(),
            None => self.ids[row as usize - ids.len()].as_ref(),
        };
        id.map_or("", ConversationId::as_str)
    }
}
