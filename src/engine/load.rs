//! Taking all facts in at once: checked one by one, put in order at the end.
//!
//! * Ids are known by their text, never by its address: a short one lies in the value that is moved away.
//! * Of what repeats, the next is guessed: a conversation's class from its endpoint, the next reader from the one before.
//! * Read marks may be a hundred times the rest. They become bits at once, and leaves at the end.
//! * What is next is fetched from memory while its turn has not come.
//! * Columns and lists of rows are filled a block at a time: a write to what snapshots may share costs more than most
//!   of what is written.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::collections::VecDeque;
use std::mem::take;

use super::column::{BLOCK, Column};
use super::details;
use super::index::is_same;
use super::kernel::prefetch_line;
use super::marks::ReadMarks;
use super::open::Open;
use super::posting;
use super::state::{Marks, State};
use crate::error::{Error, ErrorCode};
use crate::model::{
    Contact, ContactId, Conversation, ConversationId, ConversationKind, Directory, Head, TeammateId, dedup,
};

/// Conversations between the one whose turn it is and the one whose data is fetched.
const AHEAD: usize = 8;

/// The same for contacts that are guessed.
const GUESSED: usize = AHEAD / 2;

/// A state that facts are being loaded into.
pub(super) struct Loading {
    pub(super) state: State,
    /// The classes of patient conversations without own members, by the place of their endpoint in the directory.
    plain: Vec<Option<u32>>,
    rows: Rows,
    /// Who has read each conversation that is not archived, by row.
    reads: ReadMarks,
    /// Who has read the conversation at hand, a bit for each teammate.
    readers: Vec<u64>,
    /// Whether any of them is set.
    has_readers: bool,
    /// The contacts of the conversation at hand.
    contacts: Vec<u32>,
    /// Those of conversations that come next, before it is verified that they are the ones.
    guesses: VecDeque<Option<u32>>,
}

/// What is kept of rows until there is a block of it.
#[derive(Debug, Default)]
struct Rows {
    ids: Vec<Option<ConversationId>>,
    class: Vec<u32>,
    details: details::Loading,
    of_class: Vec<Vec<u32>>,
    /// All that are not archived.
    open: Vec<u32>,
}

impl Loading {
    pub(super) fn new(directory: Directory) -> Self {
        let state = State::new(directory);
        Self {
            readers: vec![0; state.people.len().div_ceil(64)],
            has_readers: false,
            plain: vec![None; state.directory.endpoints.len()],
            state,
            rows: Rows::default(),
            reads: ReadMarks::default(),
            contacts: Vec::new(),
            guesses: VecDeque::new(),
        }
    }

    /// Takes everything in, in order.
    pub(super) fn all(&mut self, contacts: Vec<Contact>, conversations: Vec<Conversation>) -> Result<(), Error> {
        self.state.reserve(contacts.len(), conversations.len());
        let mut contacts = contacts.into_iter();
        while let Some(contact) = contacts.next() {
            if let Some(later) = contacts.as_slice().get(AHEAD) {
                self.state.contacts.prefetch_id(&later.id);
            }
            self.contact(contact)?;
        }
        conversations.iter().take(GUESSED).for_each(|first| self.guess(first));
        let mut conversations = conversations.into_iter();
        while let Some(conversation) = conversations.next() {
            self.prefetch(conversations.as_slice());
            self.conversation(conversation)?;
        }
        Ok(())
    }

    /// Has fetched what the conversations that come next will ask for.
    fn prefetch(&mut self, next: &[Conversation]) {
        if let Some(later) = next.get(2 * AHEAD) {
            later.contacts.first().into_iter().for_each(prefetch_line);
            later.tags.first().into_iter().for_each(prefetch_line);
            later.read_by.first().into_iter().for_each(prefetch_line);
        }
        if let Some(later) = next.get(AHEAD) {
            self.state.index.prefetch(self.state.index.hash(later.id.as_str()));
            later.contacts.iter().for_each(|id| self.state.contacts.prefetch_id(id));
        }
        if let Some(later) = next.get(GUESSED - 1) {
            self.guess(later);
        }
    }

    /// Notes which its contacts most likely are, and has those fetched.
    fn guess(&mut self, later: &Conversation) {
        let guesses = later.contacts.iter().map(|id| self.state.contacts.guess(id));
        self.guesses.extend(guesses);
    }

    pub(super) fn contact(&mut self, mut contact: Contact) -> Result<(), Error> {
        self.state.directory.check_contact(&mut contact)?;
        if self.state.contacts.number(&contact.id).is_some() {
            return Err(Error::new(ErrorCode::DuplicateId, &contact.id).of("contact"));
        }
        let tags = contact.tags.iter().map(|tag| self.state.tag_number(tag)).collect::<Marks>();
        self.state.load_contact(contact, &tags);
        Ok(())
    }

    pub(super) fn conversation(&mut self, mut conversation: Conversation) -> Result<(), Error> {
        let (read_by, starred_by) = (take(&mut conversation.read_by), take(&mut conversation.starred_by));
        let mut contacts = take(&mut self.contacts);
        contacts.clear();
        let endpoint = self.plain_endpoint(&conversation);
        let contact_is_known = |id: &ContactId| {
            let guess = self.guesses.pop_front().flatten().filter(|number| self.state.contacts.id(*number) == Some(id));
            let found = guess.or_else(|| self.state.contacts.number(id));
            contacts.extend(found);
            found.is_some()
        };
        self.state.directory.check_conversation(&mut conversation, endpoint.is_some(), contact_is_known)?;
        let named_in = |error: Error| error.named_in("conversation", &conversation.id);
        self.read(read_by).map_err(named_in)?;
        let stars = self.marks(&starred_by).map_err(named_in)?;
        let hash = self.state.index.hash(conversation.id.as_str());
        if self.state.index.find(hash, |row| self.rows.text(&self.state.ids, row) == conversation.id.as_str()).is_some()
        {
            return Err(Error::new(ErrorCode::DuplicateId, &conversation.id).of("conversation"));
        }
        let class = self.class_of(&conversation, endpoint);
        dedup(&mut contacts);
        self.add(hash, conversation, class, &contacts, stars);
        self.contacts = contacts;
        Ok(())
    }

    /// The place of the endpoint of a patient conversation without own members, if there is such an endpoint.
    fn plain_endpoint(&self, conversation: &Conversation) -> Option<usize> {
        let is_plain = conversation.kind == ConversationKind::Patient && conversation.members.is_empty();
        let endpoint = conversation.endpoint.as_ref().filter(|_| is_plain)?;
        self.state.directory.endpoints.get_index_of(endpoint)
    }

    /// The class of a conversation, given what [`Loading::plain_endpoint`] says of it.
    fn class_of(&mut self, conversation: &Conversation, plain_endpoint: Option<usize>) -> u32 {
        let Self { state, plain, .. } = self;
        let mut made = || state.load_class(Head::from(conversation));
        match plain_endpoint.and_then(|endpoint| plain.get_mut(endpoint)) {
            Some(known) => *known.get_or_insert_with(made),
            None => made(),
        }
    }

    /// Notes who has read the conversation at hand, all of whom must exist.
    fn read(&mut self, read_by: Vec<TeammateId>) -> Result<(), Error> {
        if self.has_readers {
            self.readers.fill(0);
        }
        self.has_readers = !read_by.is_empty();
        let mut next = 0;
        for id in read_by {
            let number = match self.state.people.id(next) {
                Some(expected) if is_same(expected.as_str(), id.as_str()) => next,
                _ => self.teammate(&id)?,
            };
            self.readers[number as usize / 64] |= 1 << (number % 64);
            next = number + 1;
        }
        Ok(())
    }

    fn teammate(&self, id: &TeammateId) -> Result<u32, Error> {
        self.state.people.number(id).ok_or_else(|| Error::new(ErrorCode::UnknownTeammate, id))
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
        let tags = conversation.tags.iter().map(|tag| self.state.tag_number(tag)).collect::<Marks>();
        if !conversation.archived {
            self.rows.open.push(row);
        }
        match conversation.archived {
            _ if !self.has_readers => {}
            true => self.state.load_archived_reads(row, class, &self.readers),
            false => self.reads.push(row, &self.readers),
        }
        self.state.load_beside(row, conversation.assignee.as_ref(), stars);
        self.rows.class.push(class);
        let at = conversation.last_activity.as_millis();
        self.state.details.load(&mut self.rows.details, at, contacts, &tags);
        self.rows.ids.push(Some(conversation.id));
        self.list(class, row);
        let Self { state, rows, .. } = self;
        let State { ids, index, .. } = state;
        index.insert_hashed(hash_of_id, row, |row| rows.text(ids, row));
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
        self.state.class.append(&take(&mut self.rows.class));
        self.state.details.append(&mut self.rows.details);
    }

    /// Puts everything in order.
    pub(super) fn finish(mut self) -> State {
        self.lay_out_rows();
        let Self { mut state, rows, reads, .. } = self;
        for (class, rows) in (0..).zip(rows.of_class) {
            state.classes.get_mut(class).rows.append(rows);
        }
        state.finish_loading(rows.open);
        for of_group in
            reads.by_slot(|row| state.details.slot(row)).chunk_by(|one, two| Open::are_together(one.0, two.0))
        {
            let leaves = reads.leaves(of_group);
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
