//! The facts as rows: every conversation a row number, every column a block-wise shared vector.
//!
//! ```text
//! row → id; class; last activity, slot, contacts, tags          columns
//!       assignee, stars                                       sparse; read marks of archived ones in pieces
//! slot → in the open spine: place in the inbox order, with masks for every attribute
//!        in the history spine: place in the order of archived ones, nothing else
//! class → (kind, endpoint, own members), audience, rows, open slots
//! ```
//!
//! * What it costs stands at each part; an effect on one conversation touches its blocks alone, an effect on the
//!   directory the classes alone.
//! * A row has a slot in exactly one spine, is in its class's list, and, if open, in its class's open set, in its
//!   assignee's list and in the lists of its contacts. [`State::check`] verifies it all.
//!
//! It answers no question; that is `query`. It decides about no change; that is `change`, through `World`, whose answers
//! and whose effects are `carry`. Facts are taken in by `loading` and given back by `facts`.

mod facts;
mod loading;

use std::cmp::Ordering;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use smallvec::SmallVec;

use super::access::{Class, Classes, People};
use super::assigned::{Assigned, Assignments};
use super::bits::Bits;
use super::column::Column;
use super::contacts::Contacts;
use super::details::Details;
use super::index::{AT_ONCE, Index};
use super::open::{NOBODY, Open, SEVERAL};
use super::open_set::OpenSet;
use super::packed::{NONE, Narrow};
use super::posting::PostingList;
use super::reads::ArchivedReads;
use super::short::{Numbers, Run};
use super::sparse::{Sparse, hasher};
use super::spine::{Move, Spine, split};
use crate::change::among;
use crate::model::{Contact, Conversation, ConversationId, Directory, Head, Member, Tag, dedup};
use crate::work::count_rows;

/// Marks the slot of an archived conversation, which is one of the history spine.
const ARCHIVED: u32 = 1 << 31;

/// How many rows ahead memory is fetched where many have moved.
const FOLLOWED: usize = 8;

/// Blocks of open conversations that are looked at so often that they are never far from the processor.
const LATEST: usize = 4;

/// Numbers of teammates, ascending.
pub(super) type Marks = SmallVec<[u32; 4]>;

/// Tags by number; numbers are never given up.
pub(super) type Tags = IndexSet<Tag, DefaultHashBuilder>;

#[derive(Clone)]
pub(super) struct State {
    pub(super) directory: Arc<Directory>,
    pub(super) people: Arc<People>,
    pub(super) tags: Arc<Tags>,
    pub(super) contacts: Contacts,
    pub(super) classes: Classes,
    pub(super) open: Open,
    pub(super) history: Spine,
    pub(super) assignments: Assignments,
    pub(super) ids: Column<Option<ConversationId>>,
    pub(super) index: Index,
    /// Rows that are no conversation's, to be used again.
    pub(super) free: Column<u32>,
    pub(super) class: Narrow,
    pub(super) details: Details,
    stars: Sparse<Marks>,
    /// The rows that each teammate has starred, by number.
    pub(super) starred: Sparse<PostingList>,
    /// Read marks of archived conversations, which their classes count; those of open ones are masks.
    pub(super) archived_reads: ArchivedReads,
    pub(super) count: usize,
}

/// A row's slot, by spine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Open(u32),
    Archived(u32),
}

impl Slot {
    /// A slot as details have it.
    #[inline]
    pub(super) fn of(kept: u32) -> Self {
        match kept & ARCHIVED {
            0 => Self::Open(kept),
            _ => Self::Archived(kept & !ARCHIVED),
        }
    }
}

impl State {
    /// An organization without contacts and conversations.
    pub(super) fn new(directory: Directory) -> Self {
        let mut people = People::default();
        directory.teammates.keys().for_each(|id| people.add(id));
        people.regroup(&directory);
        Self {
            directory: Arc::new(directory),
            people: Arc::new(people),
            tags: Arc::new(Tags::with_hasher(hasher())),
            contacts: Contacts::default(),
            classes: Classes::default(),
            open: Open::default(),
            history: Spine::loose(),
            assignments: Assignments::default(),
            ids: Column::default(),
            index: Index::default(),
            free: Column::default(),
            class: Narrow::default(),
            details: Details::default(),
            stars: Sparse::default(),
            starred: Sparse::default(),
            archived_reads: ArchivedReads::default(),
            count: 0,
        }
    }

    // Reading.

    #[inline]
    pub(super) fn row(&self, id: &ConversationId) -> Option<u32> {
        self.index.get(id.as_str(), |row| text(&self.ids, row))
    }

    /// Calls `each` with the rows of those of many ids that are a conversation's, in their order, with what tells who
    /// sees them fetched.
    pub(super) fn for_each_row<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i ConversationId>,
        mut each: impl FnMut(u32),
    ) {
        let mut ids = ids.into_iter().map(ConversationId::as_str);
        let mut some: SmallVec<[&str; AT_ONCE]> = SmallVec::new();
        loop {
            some.clear();
            some.extend(ids.by_ref().take(AT_ONCE));
            if some.is_empty() {
                return;
            }
            let fetch = |row| {
                self.ids.prefetch(row);
                self.class.prefetch(row);
            };
            self.index.get_many(&some, |row| text(&self.ids, row), fetch, |row| row.into_iter().for_each(&mut each));
        }
    }

    /// The id of a row; `None` if no conversation has that row.
    #[inline]
    pub(super) fn id(&self, row: u32) -> Option<&ConversationId> {
        match (row as usize) < self.ids.len() {
            true => self.ids.get(row).as_ref(),
            false => None,
        }
    }

    /// Every row that is a conversation's, in no order.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.ids.len() as u32).filter(|row| self.ids.get(*row).is_some())
    }

    #[inline]
    pub(super) fn class_of(&self, row: u32) -> &Class {
        self.classes.get(self.class.get(row))
    }

    #[inline]
    pub(super) fn slot_of(&self, row: u32) -> Slot {
        Slot::of(self.details.slot(row))
    }

    #[inline]
    pub(super) fn is_archived(&self, row: u32) -> bool {
        self.details.slot(row) & ARCHIVED != 0
    }

    /// Orders two rows as the spines do: ascending by activity, then descending by id, so that the newest first is
    /// the order of inboxes (SPEC 5.8).
    pub(super) fn compare(&self, one: u32, two: u32) -> Ordering {
        compare(&self.details, &self.ids, one, two)
    }

    #[inline]
    pub(super) fn is_read(&self, row: u32, teammate: u32) -> bool {
        self.is_read_at(row, self.slot_of(row), teammate)
    }

    /// The same of a row whose slot is at hand.
    #[inline]
    pub(super) fn is_read_at(&self, row: u32, slot: Slot, teammate: u32) -> bool {
        match slot {
            Slot::Open(slot) => self.open.is_read(slot, teammate),
            Slot::Archived(_) => self.archived_reads.contains(row, teammate),
        }
    }

    /// Has fetched what tells where to find what a list shows of a row.
    #[inline]
    pub(super) fn prefetch_row(&self, row: u32) {
        self.ids.prefetch(row);
        self.details.prefetch(row);
    }

    /// The row of a conversation that a message goes to, with what the message changes fetched, step by step along the
    /// pointers. Changes are carried out part by part, and each would wait for its own.
    pub(super) fn row_of_message(&self, id: &ConversationId) -> Option<u32> {
        let row = self.index.get(id.as_str(), |row| {
            // It is nearly always this one; whether it is, has to be waited for too.
            self.prefetch_columns(row);
            self.assignments.prefetch_row(row);
            self.archived_reads.prefetch(row);
            text(&self.ids, row)
        })?;
        self.prefetch_message(row);
        Some(row)
    }

    fn prefetch_message(&self, row: u32) {
        self.classes.prefetch(self.class.get(row));
        match self.slot_of(row) {
            Slot::Open(slot) => self.open.spine.prefetch(slot),
            Slot::Archived(slot) => {
                self.history.prefetch(slot);
                self.archived_reads.prefetch_marks(row);
            }
        }
        self.prefetch_contacts(row);
    }

    fn prefetch_contacts(&self, row: u32) {
        self.details.contacts(row).for_each(|contact| self.contacts.prefetch_attached(contact));
    }

    /// Has fetched what [`State::is_read_at`] reads last.
    #[inline]
    pub(super) fn prefetch_read(&self, slot: Slot, teammate: u32) {
        if let Slot::Open(slot) = slot {
            self.open.prefetch_read(slot, teammate);
        }
    }

    /// Whether a row is an open one of the last few blocks.
    pub(super) fn is_among_latest(&self, row: u32) -> bool {
        match self.slot_of(row) {
            Slot::Open(slot) => self.open.spine.order().iter().rev().take(LATEST).any(|block| *block == split(slot).0),
            Slot::Archived(_) => false,
        }
    }

    #[inline]
    pub(super) fn is_starred(&self, row: u32, teammate: u32) -> bool {
        self.stars.get(row).is_some_and(|marks| marks.binary_search(&teammate).is_ok())
    }

    fn reads(&self, row: u32) -> Marks {
        match self.slot_of(row) {
            Slot::Open(slot) => self.open.readers(slot).collect(),
            Slot::Archived(_) => self.archived_reads.get(row),
        }
    }

    #[inline]
    pub(super) fn tag(&self, number: u32) -> Option<&Tag> {
        self.tags.get_index(number as usize)
    }

    // Effects on conversations.

    pub(super) fn start(&mut self, conversation: &Conversation) {
        let contacts: Numbers = conversation.contacts.iter().filter_map(|id| self.contacts.number(id)).collect();
        let row = self.add_row(conversation, &contacts);
        if let Some(assignee) = &conversation.assignee {
            self.assignments.assign(row, assignee);
        }
        self.enter(row, false, Marks::new());
        self.list_at_contacts(row, false, true);
    }

    pub(super) fn remove(&mut self, row: u32) {
        self.list_at_contacts(row, !self.is_archived(row), false);
        self.leave(row, false);
        self.assignments.unassign(row);
        for teammate in self.stars.remove(row).unwrap_or_default() {
            self.unlist_star(row, teammate);
        }
        let contacts: Numbers = self.details.contacts(row).collect();
        contacts.iter().for_each(|contact| self.contacts.attach(*contact, false));
        self.details.set_lists(row, &[], &[]);
        let class = self.class.get(row);
        self.classes.get_mut(class).rows.remove(row);
        self.classes.retire_if_empty(class);
        let Self { ids, index, .. } = self;
        index.remove(text(ids, row), |row| text(ids, row));
        self.ids.set(row, None);
        self.class.set(row, NONE);
        self.free.push(row);
        self.count -= 1;
    }

    /// A message came: later activity, read by nobody, and back among the open ones if it `returns`.
    pub(super) fn message(&mut self, row: u32, at: i64, returns: Option<Option<Member>>) {
        let is_newer = at > self.details.at(row);
        if !is_newer && returns.is_none() {
            self.forget_reads(row);
            return;
        }
        let was_archived = self.is_archived(row);
        let archived = was_archived && returns.is_none();
        self.leave(row, false);
        if let Some(assignee) = returns {
            self.reassign(row, assignee.as_ref());
        }
        if is_newer {
            self.details.set_at(row, at);
        }
        self.enter(row, archived, Marks::new());
        self.list_at_contacts(row, !was_archived, !archived);
    }

    fn forget_reads(&mut self, row: u32) {
        match self.slot_of(row) {
            Slot::Open(slot) => {
                let (group, at) = self.open.group_mut(slot);
                group.forget_reads(at);
            }
            Slot::Archived(_) => drop(self.forget_archived_reads(row)),
        }
    }

    pub(super) fn place(&mut self, row: u32, archived: bool, assignee: Option<&Member>) {
        let was_archived = self.is_archived(row);
        if archived == was_archived {
            return self.hand_over(row, assignee);
        }
        let reads = self.leave(row, true);
        self.reassign(row, assignee);
        self.enter(row, archived, reads);
        self.list_at_contacts(row, !was_archived, !archived);
    }

    /// Assigns a row that stays where it is in the order.
    fn hand_over(&mut self, row: u32, assignee: Option<&Member>) {
        self.leave_assigned(row);
        self.reassign(row, assignee);
        self.enter_assigned(row);
        if let Slot::Open(slot) = self.slot_of(row) {
            self.open.set_assigned(slot, assignee.is_some());
        }
    }

    /// Assigns a row that is in no list.
    fn reassign(&mut self, row: u32, assignee: Option<&Member>) {
        self.assignments.unassign(row);
        if let Some(assignee) = assignee {
            self.assignments.assign(row, assignee);
        }
    }

    pub(super) fn set_members(&mut self, row: u32, members: &[Member]) {
        let old = self.class.get(row);
        let class = self.classes.get(old).clone_key();
        let head = Head { kind: class.0, endpoint: class.1.as_ref(), members, assignee: None, archived: false };
        let new = self.classes.class_of(&self.directory, &self.people, head);
        if new != old {
            self.set_class(row, new);
        }
    }

    /// Makes a row one of another class.
    fn set_class(&mut self, row: u32, new: u32) {
        let old = self.class.get(row);
        self.leave_assigned(row);
        self.class.set(row, new);
        self.enter_assigned(row);
        self.classes.get_mut(old).rows.remove(row);
        self.classes.get_mut(new).rows.insert(row);
        match self.slot_of(row) {
            Slot::Open(slot) => {
                self.edit_open(old, slot, |open, few| open.remove(slot, few));
                self.edit_open(new, slot, |open, few| open.insert(slot, few));
                self.open.settle(std::iter::once(slot), self.classes.get(new).open.is_many());
                self.open.set_class(slot, new);
            }
            Slot::Archived(_) => {
                let reads = self.archived_reads.get(row);
                self.classes.get_mut(old).archived_reads.take(&reads);
                self.classes.get_mut(new).archived_reads.add(&reads);
            }
        }
        self.classes.retire_if_empty(old);
    }

    pub(super) fn retag(&mut self, row: u32, add: &[Tag], remove: &[Tag]) {
        let (old, new) = self.retagged(self.details.tags(row).collect(), add, remove);
        self.details.set_tags(row, &new);
        if let Slot::Open(slot) = self.slot_of(row) {
            let (was, is): (Bits, Bits) = (old.iter().copied().collect(), new.iter().copied().collect());
            let (group, at) = self.open.group_mut(slot);
            // What stays is not written to, for a snapshot may have its leaf too.
            old.iter().filter(|tag| !is.contains(**tag)).for_each(|tag| group.conversation_tags.clear(*tag, at));
            new.iter().filter(|tag| !was.contains(**tag)).for_each(|tag| group.conversation_tags.set(*tag, at));
        }
    }

    pub(super) fn set_read(&mut self, row: u32, by: u32, read: bool) {
        match self.slot_of(row) {
            Slot::Open(slot) => {
                let (group, at) = self.open.group_mut(slot);
                match read {
                    true => group.set_read(by, at),
                    false => group.reads_mut().clear(by, at),
                }
            }
            Slot::Archived(_) if read != self.is_read(row, by) => {
                let counts = &mut self.classes.get_mut(self.class.get(row)).archived_reads;
                match read {
                    true => {
                        self.archived_reads.add(row, &[by]);
                        counts.add(&[by]);
                    }
                    false => {
                        self.archived_reads.take(row, &[by]);
                        counts.take(&[by]);
                    }
                }
            }
            Slot::Archived(_) => {}
        }
    }

    /// Notes who has read an archived conversation, which nobody has read so far.
    fn note_archived_reads(&mut self, row: u32, class: u32, reads: &[u32]) {
        if !reads.is_empty() {
            self.classes.get_mut(class).archived_reads.add(reads);
            self.archived_reads.add(row, reads);
        }
    }

    /// Takes the read marks of an archived conversation back; returns them.
    fn forget_archived_reads(&mut self, row: u32) -> Marks {
        let reads = self.archived_reads.clear(row);
        if !reads.is_empty() {
            self.classes.get_mut(self.class.get(row)).archived_reads.take(&reads);
        }
        reads
    }

    pub(super) fn set_star(&mut self, row: u32, by: u32, starred: bool) {
        match starred {
            true => self.star(row, by),
            false => {
                mark(&mut self.stars, row, by, false);
                self.unlist_star(row, by);
            }
        }
    }

    fn star(&mut self, row: u32, by: u32) {
        mark(&mut self.stars, row, by, true);
        self.starred.entry(by).insert(row);
    }

    fn unlist_star(&mut self, row: u32, by: u32) {
        let rows = self.starred.entry(by);
        rows.remove(row);
        if rows.is_empty() {
            self.starred.remove(by);
        }
    }

    // Effects on contacts.

    pub(super) fn add_contact(&mut self, contact: &Contact) {
        let tags = self.tag_numbers(&contact.tags);
        self.contacts.add(&self.directory, &self.people, contact.clone(), &tags);
    }

    pub(super) fn set_contact_members(&mut self, contact: u32, members: &[Member]) {
        let class = self.contacts.classes.enter(&self.directory, &self.people, members);
        self.contacts.set_class(contact, class);
        self.describe_contact_rows(contact);
    }

    /// A conversation is described anew once, however many of its contacts are among them: it looks at each that it has.
    pub(super) fn retag_contacts(&mut self, contacts: &[u32], add: &[Tag], remove: &[Tag]) {
        let mut rows = Vec::new();
        for contact in contacts {
            let (old, new) = self.retagged(self.contacts.tags(*contact).collect(), add, remove);
            self.contacts.set_tags(*contact, &new);
            let first = rows.len();
            rows.extend(self.contacts.open_rows(*contact));
            for row in rows.iter().skip(first) {
                self.open.forget_contacts(self.details.slot(*row), &old);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        self.describe_contacts_of(&rows);
    }

    /// Sets the contact attributes of every open conversation of a contact anew.
    fn describe_contact_rows(&mut self, contact: u32) {
        let rows: Vec<u32> = self.contacts.open_rows(contact).collect();
        self.describe_contacts_of(&rows);
    }

    fn describe_contacts_of(&mut self, rows: &[u32]) {
        for row in rows {
            let slot = self.details.slot(*row);
            self.open.forget_contacts(slot, &[]);
            self.describe(*row, slot);
        }
    }

    // Effects on the directory.

    /// Makes audiences anew after a change to who covers whom, to admins or to contact membership.
    pub(super) fn recompile(&mut self) {
        Arc::make_mut(&mut self.people).regroup(&self.directory);
        self.classes.recompile(&self.directory, &self.people);
        self.contacts.classes.recompile(&self.directory, &self.people);
    }

    /// Takes a team or teammate that is gone out of all own members. Classes that come to be alike become one, or there
    /// would be one more for each who was once let in somewhere.
    pub(super) fn forget(&mut self, member: &Member) {
        for (old, new) in self.classes.forget(member) {
            for row in self.classes.get(old).rows.iter().collect::<Vec<u32>>() {
                count_rows(1);
                self.set_class(row, new);
            }
        }
        self.contacts.forget(member);
    }

    /// Ends the stars of a teammate who is gone. Read marks are left behind: nobody has their number again.
    pub(super) fn forget_stars(&mut self, teammate: u32) {
        for row in self.starred.remove(teammate).iter().flat_map(PostingList::iter) {
            mark(&mut self.stars, row, teammate, false);
        }
    }

    // Rows entering and leaving the spines.

    /// A row for a conversation, with everything but a slot.
    fn add_row(&mut self, conversation: &Conversation, contacts: &[u32]) -> u32 {
        let class = self.classes.class_of(&self.directory, &self.people, Head::from(conversation));
        let tags = self.tag_numbers(&conversation.tags);
        let at = conversation.last_activity.as_millis();
        let row = match self.free.pop() {
            Some(row) => {
                self.ids.set(row, Some(conversation.id.clone()));
                self.class.set(row, class);
                self.details.set_at(row, at);
                self.details.set_lists(row, contacts, &tags);
                row
            }
            None => {
                self.ids.push(Some(conversation.id.clone()));
                self.class.push(class);
                self.details.push(at, contacts, &tags);
                self.ids.len() as u32 - 1
            }
        };
        let Self { ids, index, .. } = self;
        index.insert(conversation.id.as_str(), row, |row| text(ids, row));
        contacts.iter().for_each(|contact| self.contacts.attach(*contact, true));
        self.classes.get_mut(class).rows.insert(row);
        self.count += 1;
        row
    }

    /// Gives a row its place in the order, in its class's open set and its assignee's list.
    fn enter(&mut self, row: u32, archived: bool, reads: Marks) {
        let mut moves = Vec::new();
        if archived {
            let Self { history, details, ids, .. } = self;
            let slot = history.insert(row, |one, two| compare(details, ids, one, two), &mut moves).slot;
            self.details.set_slot(row, slot | ARCHIVED);
            self.follow_archived(&moves);
            self.note_archived_reads(row, self.class.get(row), &reads);
            return self.enter_assigned(row);
        }
        let Self { open, details, ids, .. } = self;
        let slot = open.insert(row, |one, two| compare(details, ids, one, two), &mut moves);
        self.follow(&moves);
        self.describe(row, slot);
        self.details.set_slot(row, slot);
        self.enter_assigned(row);
        self.edit_open(self.class.get(row), slot, |open, few| open.insert(slot, few));
        let (group, at) = self.open.group_mut(slot);
        reads.into_iter().for_each(|number| group.set_read(number, at));
    }

    /// Brings a row's contacts up to date once it is open or is so no longer.
    fn list_at_contacts(&mut self, row: u32, was_open: bool, is_open: bool) {
        if was_open == is_open {
            return;
        }
        let Self { details, contacts, .. } = self;
        details.contacts(row).for_each(|contact| match is_open {
            true => contacts.add_open(contact, row),
            false => contacts.remove_open(contact, row),
        });
    }

    fn enter_assigned(&mut self, row: u32) {
        let (entry, archived) = (self.assigned(row), self.is_archived(row));
        let Self { assignments, details, ids, .. } = self;
        assignments.enter(entry, archived, |one, two| compare(details, ids, one, two));
    }

    fn leave_assigned(&mut self, row: u32) {
        let (entry, archived) = (self.assigned(row), self.is_archived(row));
        let Self { assignments, details, ids, .. } = self;
        assignments.leave(entry, archived, |one, two| compare(details, ids, one, two));
    }

    /// Takes a row out of all that [`State::enter`] put it in; returns its read marks, of an open one if they are wanted.
    fn leave(&mut self, row: u32, keep_reads: bool) -> Marks {
        let mut moves = Vec::new();
        self.leave_assigned(row);
        match self.slot_of(row) {
            Slot::Archived(slot) => {
                let reads = self.forget_archived_reads(row);
                let Self { history, details, ids, .. } = self;
                history.remove(slot, |one, two| compare(details, ids, one, two), &mut moves);
                self.follow_archived(&moves);
                reads
            }
            Slot::Open(slot) => {
                let reads = if keep_reads { self.open.readers(slot).collect() } else { Marks::new() };
                self.edit_open(self.class.get(row), slot, |open, few| open.remove(slot, few));
                let Self { open, details, ids, .. } = self;
                open.remove(slot, |one, two| compare(details, ids, one, two), &mut moves);
                self.follow(&moves);
                reads
            }
        }
    }

    /// Notes the new slots of open rows that moved.
    fn follow(&mut self, moves: &[Move]) {
        for (place, one) in moves.iter().enumerate() {
            self.fetch_followed(moves.get(place..).unwrap_or_default());
            self.details.set_slot(one.row, one.to);
            let entry = self.assigned(one.row);
            let Self { assignments, details, ids, .. } = self;
            assignments.follow(entry, |one, two| compare(details, ids, one, two));
            self.edit_open(self.class.get(one.row), one.to, |open, _| open.replace(one.from, one.to));
        }
    }

    /// Has fetched what notes the new slots of rows that follow the first, a step for each that it waits for.
    fn fetch_followed(&self, moves: &[Move]) {
        if let Some(later) = moves.get(3 * FOLLOWED) {
            self.prefetch_columns(later.row);
            self.assignments.prefetch_row(later.row);
        }
        if let Some(later) = moves.get(2 * FOLLOWED) {
            self.classes.prefetch(self.class.get(later.row));
            self.assignments.prefetch_list_of(later.row);
        }
        if let Some(later) = moves.get(FOLLOWED) {
            self.classes.get(self.class.get(later.row)).open.prefetch_slot(later.from);
            self.assignments.prefetch_of(later.row);
        }
    }

    /// The same of archived ones.
    fn follow_archived(&mut self, moves: &[Move]) {
        for (place, one) in moves.iter().enumerate() {
            moves.get(place + FOLLOWED).into_iter().for_each(|later| self.details.prefetch(later.row));
            self.details.set_slot(one.row, one.to | ARCHIVED);
        }
    }

    /// Changes which slots a class's open conversations have, `slot` being the one at hand; `edit` is told how many are
    /// still kept as a list.
    fn edit_open(&mut self, class: u32, slot: u32, edit: impl FnOnce(&mut OpenSet, usize)) {
        let few = self.open.few();
        let (has_turned, set) = self.classes.edit_open(class, |set| edit(set, few));
        match has_turned {
            true => self.open.settle(set.iter(), set.is_many()),
            false if set.is_many() => self.open.settle(std::iter::once(slot), true),
            false => {}
        }
    }

    /// Has a row's class and details fetched, which is what [`State::assigned`] reads.
    #[inline]
    pub(super) fn prefetch_columns(&self, row: u32) {
        self.class.prefetch(row);
        self.details.prefetch(row);
    }

    fn assigned(&self, row: u32) -> Assigned {
        Assigned { at: self.details.at(row), row, class: self.class.get(row), slot: self.details.slot(row) & !ARCHIVED }
    }

    /// Sets the attributes of an open conversation, which has just got this slot or whose own have been taken from it.
    fn describe(&mut self, row: u32, slot: u32) {
        let Self { open, contacts, details, .. } = self;
        let (group, at) = open.group_mut(slot);
        count_rows(1);
        let only = only_of(details.contacts(row));
        group.enter(at, (self.class.get(row), only), self.assignments.number_of_row(row).is_some());
        details.contacts(row).for_each(|contact| {
            count_rows(1);
            group.enter_contact(at, contacts.is_restricted(contact), contacts.tags(contact));
        });
        details.tags(row).for_each(|tag| group.conversation_tags.set(tag, at));
    }

    // Tags and marks.

    fn tag_numbers(&mut self, tags: &[Tag]) -> Numbers {
        tags.iter().map(|tag| self.tag_number(tag)).collect()
    }

    pub(super) fn tag_number(&mut self, tag: &Tag) -> u32 {
        match self.tags.get_index_of(tag) {
            Some(number) => number as u32,
            None => Arc::make_mut(&mut self.tags).insert_full(tag.clone()).0 as u32,
        }
    }

    /// A list of tags before and after: adds, then removes; what is both is removed (SPEC 6.6).
    fn retagged(&mut self, old: Numbers, add: &[Tag], remove: &[Tag]) -> (Numbers, Numbers) {
        let is_removed = among(remove);
        let mut new = old.to_vec();
        new.extend(add.iter().filter(|tag| !is_removed(tag)).map(|tag| self.tag_number(tag)));
        dedup(&mut new);
        new.retain(|number| !self.tag(*number).is_some_and(&is_removed));
        (old, new.into())
    }
}

fn text(ids: &Column<Option<ConversationId>>, row: u32) -> &str {
    ids.get(row).as_ref().map_or("", ConversationId::as_str)
}

/// A conversation's contact, if it is the only one, as its slot has it.
pub(super) fn only_of(mut contacts: Run<'_>) -> u32 {
    match contacts.len() {
        0 => NOBODY,
        1 => contacts.next().unwrap_or(NOBODY),
        _ => SEVERAL,
    }
}

fn compare(details: &Details, ids: &Column<Option<ConversationId>>, one: u32, two: u32) -> Ordering {
    details.at(one).cmp(&details.at(two)).then_with(|| ids.get(two).cmp(ids.get(one)))
}

fn mark(marks: &mut Sparse<Marks>, row: u32, by: u32, marked: bool) {
    let of_row = marks.entry(row);
    match (of_row.binary_search(&by), marked) {
        (Err(place), true) => of_row.insert(place, by),
        (Ok(place), false) => drop(of_row.remove(place)),
        _ => {}
    }
    if of_row.is_empty() {
        marks.remove(row);
    }
}
