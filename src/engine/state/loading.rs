//! What is asked of a state while facts are loaded into it, and putting all of them in order at the end.

use super::{ARCHIVED, FOLLOWED, Marks, State, text};
use crate::engine::bits::ones;
use crate::engine::short::Numbers;
use crate::model::{Contact, Head, Member};

impl State {
    /// Makes room for so many.
    pub(in crate::engine) fn reserve(&mut self, contacts: usize, conversations: usize) {
        self.contacts.reserve(contacts);
        self.index.reserve(conversations);
    }

    /// Takes a checked contact in, whose place in the order [`State::finish_loading`] finds; returns its number.
    pub(in crate::engine) fn load_contact(&mut self, contact: Contact, tags: &[u32]) -> u32 {
        self.contacts.load(&self.directory, &self.people, contact, tags)
    }

    /// The class of conversations like this one.
    pub(in crate::engine) fn load_class(&mut self, head: Head<'_>) -> u32 {
        self.classes.class_of(&self.directory, &self.people, head)
    }

    /// Takes what is kept beside the columns of the next row: its assignee, who has starred it.
    pub(in crate::engine) fn load_beside(&mut self, row: u32, assignee: Option<&Member>, stars: Marks) {
        if let Some(assignee) = assignee {
            self.assignments.assign(row, assignee);
        }
        for teammate in stars {
            self.star(row, teammate);
        }
        self.count += 1;
    }

    /// Takes in who has read an archived conversation of a class, a bit for each teammate.
    pub(in crate::engine) fn load_archived_reads(&mut self, row: u32, class: u32, readers: &[u64]) {
        let reads: Marks = ones(readers).collect();
        self.note_archived_reads(row, class, &reads);
    }

    /// Puts everything that was loaded in order, at once, given the rows that are not archived, ascending.
    pub(in crate::engine) fn finish_loading(&mut self, open: Vec<u32>) {
        self.contacts.sort();
        self.contacts.count_uses(&self.details, self.ids.len() as u32);
        let Self { ids, index, .. } = self;
        index.settle(|row| text(ids, row));
        let mut next_open = open.iter().peekable();
        let is_archived = |row: &u32| next_open.next_if(|open| *open == row).is_none();
        let archived = (0..self.ids.len() as u32).filter(is_archived).collect();
        let (archived, open) = (self.in_order(archived), self.in_order(open));
        let mut slots = vec![0; self.ids.len()];
        let mut place = |row: u32, slot: u32| slots.get_mut(row as usize).into_iter().for_each(|place| *place = slot);
        self.history.load(&archived, |row, slot| place(row, slot | ARCHIVED));
        drop(archived);
        self.open.load(&open, place);
        self.details.set_slots(&slots);
        drop(slots);
        self.load_assigned(&open);
        for (place, row) in open.iter().enumerate() {
            open.get(place + 2 * FOLLOWED).into_iter().for_each(|later| self.prefetch_columns(*later));
            open.get(place + FOLLOWED).into_iter().for_each(|next| self.prefetch_contacts(*next));
            self.describe_loaded(*row);
        }
        self.assignments.shrink();
        self.classes.shrink();
        self.archived_reads.shrink();
    }

    /// The same rows as the spines order them. Sorted are words of the time and the row; a time takes what a row
    /// leaves, 300 years in milliseconds for a million, and rows that are alike in that are compared.
    fn in_order(&self, mut rows: Vec<u32>) -> Vec<u32> {
        let first = rows.iter().map(|row| self.details.at(*row)).min().unwrap_or_default();
        let since = |row: u32| self.details.at(row).wrapping_sub(first) as u64;
        let bits = |number: u64| u64::BITS - number.leading_zeros();
        let row_bits = bits(self.ids.len() as u64);
        let longest = rows.iter().map(|row| since(*row)).max().unwrap_or_default();
        let dropped = (bits(longest) + row_bits).saturating_sub(u64::BITS);
        let key = |row: &u32| since(*row) >> dropped << row_bits | u64::from(*row);
        let mut keys: Vec<u64> = rows.iter().map(key).collect();
        keys.sort_unstable();
        let row_of = |key: u64| (key & ((1 << row_bits) - 1)) as u32;
        for alike in keys.chunk_by_mut(|one, two| one >> row_bits == two >> row_bits).filter(|alike| alike.len() > 1) {
            alike.sort_unstable_by(|one, two| self.compare(row_of(*one), row_of(*two)));
        }
        rows.clear();
        rows.extend(keys.into_iter().map(row_of));
        rows
    }

    /// Fills the lists of assignees, given the open rows in order.
    fn load_assigned(&mut self, open: &[u32]) {
        let mut archived: Vec<u32> = self.assignments.assigned_rows().filter(|row| self.is_archived(*row)).collect();
        archived.sort_unstable();
        for row in archived.iter().chain(open) {
            self.assignments.load(self.assigned(*row), self.is_archived(*row));
        }
    }

    fn describe_loaded(&mut self, row: u32) {
        let slot = self.details.slot(row);
        self.describe(row, slot);
        self.edit_open(self.class.get(row), slot, |open, few| open.insert(slot, few));
        let contacts: Numbers = self.details.contacts(row).collect();
        contacts.iter().for_each(|contact| self.contacts.add_open(*contact, row));
    }
}
