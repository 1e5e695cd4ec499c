//! Assignments: who has which conversations, in order.
//!
//! * To whom a row is assigned is O(1); only assigned rows take memory.
//! * The open conversations of one assignee are a list in ascending order of activity, each with its class, so that
//!   a viewer's own inbox is read without touching a conversation. Entering and leaving is O(log n) to find the
//!   place, and moving what lies behind it.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;

use super::posting::PostingList;
use super::sparse::{Sparse, hasher};
use crate::model::Member;

/// One open conversation in its assignee's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assigned {
    pub(super) at: i64,
    pub(super) row: u32,
    pub(super) class: u32,
}

#[derive(Clone, Debug, Default)]
struct List {
    open: Vec<Assigned>,
    archived: PostingList,
}

#[derive(Clone, Debug)]
pub(super) struct Assignments {
    /// Assignees by number; numbers are never given up.
    members: Arc<IndexSet<Member, DefaultHashBuilder>>,
    by_row: Sparse<u32>,
    lists: Vec<Arc<List>>,
}

impl Default for Assignments {
    fn default() -> Self {
        Self { members: Arc::new(IndexSet::with_hasher(hasher())), by_row: Sparse::default(), lists: Vec::new() }
    }
}

impl Assignments {
    /// The number of an assignee; `None` if nothing was ever assigned to it.
    pub(super) fn number(&self, member: &Member) -> Option<u32> {
        self.members.get_index_of(member).map(|number| number as u32)
    }

    pub(super) fn member(&self, number: u32) -> Option<&Member> {
        self.members.get_index(number as usize)
    }

    pub(super) fn number_of_row(&self, row: u32) -> Option<u32> {
        self.by_row.get(row).copied()
    }

    pub(super) fn of_row(&self, row: u32) -> Option<&Member> {
        self.member(self.number_of_row(row)?)
    }

    /// The open conversations of an assignee, in ascending order of activity.
    pub(super) fn open(&self, number: u32) -> &[Assigned] {
        self.lists.get(number as usize).map_or(&[], |list| &list.open)
    }

    /// Every assignee with its open conversations.
    pub(super) fn open_lists(&self) -> impl Iterator<Item = (&Member, &[Assigned])> {
        self.members.iter().zip(&self.lists).map(|(member, list)| (member, &list.open[..]))
    }

    /// The rows of all conversations of an assignee, archived ones included.
    pub(super) fn rows(&self, number: u32) -> impl Iterator<Item = u32> {
        let list = self.lists.get(number as usize);
        list.into_iter().flat_map(|list| list.open.iter().map(|one| one.row).chain(list.archived.iter()))
    }

    /// Assigns a row that is assigned to nobody. It is in no list before [`Assignments::enter`].
    pub(super) fn assign(&mut self, row: u32, member: &Member) {
        let number = match self.number(member) {
            Some(number) => number,
            None => {
                self.lists.push(Arc::default());
                Arc::make_mut(&mut self.members).insert_full(member.clone()).0 as u32
            }
        };
        self.by_row.insert(row, number);
    }

    /// Assigns a row to nobody. It must have left its list.
    pub(super) fn unassign(&mut self, row: u32) {
        self.by_row.remove(row);
    }

    /// Puts an assigned row into its assignee's list; does nothing for one that is not assigned. `compare` orders
    /// two rows, ascending by activity.
    pub(super) fn enter(&mut self, entry: Assigned, archived: bool, compare: impl Fn(u32, u32) -> Ordering) {
        let Some(number) = self.number_of_row(entry.row) else {
            return;
        };
        let list = Arc::make_mut(&mut self.lists[number as usize]);
        match archived {
            true => list.archived.insert(entry.row),
            false => {
                let place = find(&list.open, entry, compare);
                list.open.insert(place, entry);
            }
        }
    }

    /// Takes an assigned row out of its assignee's list; does nothing for one that is not assigned.
    pub(super) fn leave(&mut self, entry: Assigned, archived: bool, compare: impl Fn(u32, u32) -> Ordering) {
        let Some(number) = self.number_of_row(entry.row) else {
            return;
        };
        let list = Arc::make_mut(&mut self.lists[number as usize]);
        match archived {
            true => list.archived.remove(entry.row),
            false => {
                let place = find(&list.open, entry, compare);
                debug_assert_eq!(list.open.get(place).map(|one| one.row), Some(entry.row));
                list.open.remove(place);
            }
        }
    }

    /// Adds a row without looking for its place, while facts are loaded.
    pub(super) fn load(&mut self, entry: Assigned, archived: bool) {
        if let Some(number) = self.number_of_row(entry.row) {
            let list = Arc::make_mut(&mut self.lists[number as usize]);
            match archived {
                true => list.archived.insert(entry.row),
                false => list.open.push(entry),
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        for list in &mut self.lists {
            let list = Arc::make_mut(list);
            list.open.shrink_to_fit();
            list.archived.shrink();
        }
    }
}

fn find(open: &[Assigned], entry: Assigned, compare: impl Fn(u32, u32) -> Ordering) -> usize {
    open.partition_point(|one| match one.at.cmp(&entry.at) {
        Ordering::Equal => compare(one.row, entry.row).is_lt(),
        order => order.is_lt(),
    })
}
