//! Assignments: who has which conversations, in order.
//!
//! * To whom a row is assigned is O(1); only assigned rows take memory.
//! * The open conversations of one assignee are a list in order of activity, each with its class and slot, so that
//!   a viewer's own inbox is read without touching a conversation. Up to 256 are one slice; more are chunks that
//!   snapshots share.
//!   Entering and leaving is O(log n + 256); so is finding where a page starts.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;

use super::kernel::{Part, prefetch, prefetch_line};
use super::posting::PostingList;
use super::shared::Chunked;
use super::sparse::{Sparse, hasher};
use crate::model::Member;

/// One open conversation in its assignee's list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assigned {
    pub(super) at: i64,
    pub(super) row: u32,
    pub(super) class: u32,
    /// Its slot, so that its marks are found without a look at its row.
    pub(super) slot: u32,
}

/// Most entries that a chunk holds; a full one is split in two.
const CHUNK: usize = if cfg!(test) { 8 } else { 256 };

#[derive(Clone, Debug, Default)]
struct List {
    open: OpenList,
    archived: PostingList,
}

/// Open conversations in ascending order of activity. Few assignees have more than one chunk: the newest is held here,
/// one pointer away.
#[derive(Clone, Debug, Default)]
struct OpenList {
    newest: Vec<Assigned>,
    /// Chunks of older ones, none empty; none at all if `newest` is empty.
    older: Vec<Part<Vec<Assigned>>>,
}

/// Open conversations of one assignee, newest first.
#[derive(Clone, Debug)]
pub(super) struct NewestFirst<'a> {
    chunk: std::slice::Iter<'a, Assigned>,
    older: std::slice::Iter<'a, Part<Vec<Assigned>>>,
}

impl<'a> Iterator for NewestFirst<'a> {
    type Item = &'a Assigned;

    #[inline]
    fn next(&mut self) -> Option<&'a Assigned> {
        loop {
            if let Some(one) = self.chunk.next_back() {
                return Some(one);
            }
            self.chunk = self.older.next_back()?.iter();
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Assignments {
    /// Assignees by number; numbers are never given up.
    members: Part<IndexSet<Member, DefaultHashBuilder>>,
    by_row: Sparse<u32>,
    lists: Chunked<Part<List>>,
}

impl Default for Assignments {
    fn default() -> Self {
        Self {
            members: Part::new(IndexSet::with_hasher(hasher())),
            by_row: Sparse::default(),
            lists: Chunked::default(),
        }
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

    /// Has fetched what tells whether a row is assigned.
    #[inline]
    pub(super) fn prefetch_row(&self, row: u32) {
        self.by_row.prefetch(row);
    }

    pub(super) fn of_row(&self, row: u32) -> Option<&Member> {
        self.member(self.number_of_row(row)?)
    }

    /// The open conversations of an assignee, newest first, without those for which `is_passed` holds: it holds for
    /// newer ones, then for none. O(log n) to find the first.
    pub(super) fn newest_first_from(&self, number: u32, is_passed: impl Fn(&Assigned) -> bool) -> NewestFirst<'_> {
        match self.lists.get(number as usize) {
            Some(list) => list.open.newest_first_from(is_passed),
            None => NewestFirst { chunk: [].iter(), older: [].iter() },
        }
    }

    /// Has the newest part of an assignee's open conversations fetched ahead.
    pub(super) fn prefetch(&self, number: u32) {
        if let Some(list) = self.lists.get(number as usize) {
            prefetch(&list.open.newest[..]);
        }
    }

    /// Has fetched which list a row is in, once what tells whether it is assigned has been.
    #[inline]
    pub(super) fn prefetch_list_of(&self, row: u32) {
        if let Some(list) = self.number_of_row(row).and_then(|number| self.lists.get(number as usize)) {
            prefetch_line(&list.open);
        }
    }

    /// Has that list fetched in turn.
    #[inline]
    pub(super) fn prefetch_of(&self, row: u32) {
        self.number_of_row(row).into_iter().for_each(|number| self.prefetch(number));
    }

    /// Every assignee with its open conversations, newest first.
    pub(super) fn open_lists(&self) -> impl Iterator<Item = (&Member, NewestFirst<'_>)> {
        self.members
            .iter()
            .zip(self.lists.iter())
            .map(|(member, list)| (member, list.open.newest_first_from(|_| false)))
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
                self.lists.push(Part::default());
                Part::own(&mut self.members).insert_full(member.clone()).0 as u32
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
        let list = Part::own(self.lists.get_mut(number as usize));
        match archived {
            true => list.archived.insert(entry.row),
            false => list.open.insert(entry, compare),
        }
    }

    /// Takes an assigned row out of its assignee's list; does nothing for one that is not assigned.
    pub(super) fn leave(&mut self, entry: Assigned, archived: bool, compare: impl Fn(u32, u32) -> Ordering) {
        let Some(number) = self.number_of_row(entry.row) else {
            return;
        };
        let list = Part::own(self.lists.get_mut(number as usize));
        match archived {
            true => list.archived.remove(entry.row),
            false => list.open.remove(entry, compare),
        }
    }

    /// Notes that an open row has another slot; does nothing for one that is not assigned.
    pub(super) fn follow(&mut self, entry: Assigned, compare: impl Fn(u32, u32) -> Ordering) {
        if let Some(number) = self.number_of_row(entry.row) {
            let open = &mut Part::own(self.lists.get_mut(number as usize)).open;
            let (chunk, place) = open.find(entry, compare);
            open.chunk_mut(chunk)[place].slot = entry.slot;
        }
    }

    /// Every row that is assigned, in no order.
    pub(super) fn assigned_rows(&self) -> impl Iterator<Item = u32> {
        self.by_row.iter().map(|(row, _)| row)
    }

    /// Adds a row without looking for its place, while facts are loaded.
    pub(super) fn load(&mut self, entry: Assigned, archived: bool) {
        if let Some(number) = self.number_of_row(entry.row) {
            let list = Part::own(self.lists.get_mut(number as usize));
            match archived {
                true => list.archived.insert(entry.row),
                false => list.open.insert_at(list.open.older.len(), list.open.newest.len(), entry),
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        self.by_row.shrink();
        for list in self.lists.iter_mut() {
            let list = Part::own(list);
            list.open.newest.shrink_to_fit();
            list.archived.shrink();
        }
    }
}

impl OpenList {
    /// In ascending order of activity.
    fn iter(&self) -> impl Iterator<Item = &Assigned> {
        self.older.iter().flat_map(|chunk| chunk.iter()).chain(&self.newest)
    }

    fn newest_first_from(&self, is_passed: impl Fn(&Assigned) -> bool) -> NewestFirst<'_> {
        let Self { newest, older } = self;
        if newest.last().is_none_or(|one| !is_passed(one)) {
            return NewestFirst { chunk: newest.iter(), older: older.iter() };
        }
        let is_left = |chunk: &Vec<Assigned>| chunk.first().is_some_and(|first| !is_passed(first));
        let left_of = |chunk: &'_ Vec<Assigned>| chunk.partition_point(|one| !is_passed(one));
        if is_left(newest) {
            return NewestFirst { chunk: newest[..left_of(newest)].iter(), older: older.iter() };
        }
        match older[..older.partition_point(|chunk| is_left(chunk))].split_last() {
            Some((chunk, older)) => NewestFirst { chunk: chunk[..left_of(chunk)].iter(), older: older.iter() },
            None => NewestFirst { chunk: [].iter(), older: [].iter() },
        }
    }

    /// Where an entry is or belongs: the number of its chunk, the newest being behind the older ones, and the place.
    fn find(&self, entry: Assigned, compare: impl Fn(u32, u32) -> Ordering) -> (usize, usize) {
        // A row is not before itself; to find that out by comparing would be to fetch its id.
        let is_before = |one: &Assigned| match one.at.cmp(&entry.at) {
            Ordering::Equal => one.row != entry.row && compare(one.row, entry.row).is_lt(),
            order => order.is_lt(),
        };
        let ends_before = |chunk: &Part<Vec<Assigned>>| chunk.last().is_some_and(is_before);
        let chunk = match self.older.last() {
            Some(last) if !ends_before(last) => self.older.partition_point(ends_before),
            _ => self.older.len(),
        };
        (chunk, self.older.get(chunk).map_or(&self.newest, |chunk| &**chunk).partition_point(is_before))
    }

    fn chunk_mut(&mut self, chunk: usize) -> &mut Vec<Assigned> {
        match self.older.get_mut(chunk) {
            Some(chunk) => Part::own(chunk),
            None => &mut self.newest,
        }
    }

    fn insert(&mut self, entry: Assigned, compare: impl Fn(u32, u32) -> Ordering) {
        let (chunk, place) = self.find(entry, compare);
        self.insert_at(chunk, place, entry);
    }

    fn insert_at(&mut self, chunk: usize, place: usize, entry: Assigned) {
        let entries = self.chunk_mut(chunk);
        if entries.len() < CHUNK {
            entries.insert(place, entry);
            return;
        }
        // What comes in order leaves whole chunks behind.
        let at = if place == CHUNK { CHUNK } else { CHUNK / 2 };
        let mut upper = entries.split_off(at);
        match place.checked_sub(at) {
            Some(place) => upper.insert(place, entry),
            None => entries.insert(place, entry),
        }
        let lower = std::mem::replace(entries, upper);
        self.older.insert(chunk, Part::new(lower));
    }

    fn remove(&mut self, entry: Assigned, compare: impl Fn(u32, u32) -> Ordering) {
        let (chunk, place) = self.find(entry, compare);
        let entries = self.chunk_mut(chunk);
        debug_assert_eq!(entries.get(place).map(|one| one.row), Some(entry.row));
        entries.remove(place);
        if entries.len() < CHUNK / 4 {
            self.join(chunk);
        }
    }

    /// Makes a small chunk one with a neighbour if both leave room for more, and an empty one in any case.
    fn join(&mut self, chunk: usize) {
        let lower = [chunk.checked_sub(1), Some(chunk)].into_iter().flatten().find(|lower| self.can_join(*lower));
        if let Some(lower) = lower {
            let entries = self.older.remove(lower);
            self.chunk_mut(lower).splice(..0, entries.iter().copied());
        }
    }

    /// Whether a chunk and the one behind it can be one.
    fn can_join(&self, lower: usize) -> bool {
        let Some(chunk) = self.older.get(lower) else {
            return false;
        };
        let next = self.older.get(lower + 1).map_or(self.newest.len(), |next| next.len());
        chunk.is_empty() || next == 0 || chunk.len() + next <= CHUNK / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::LEAP;

    fn entry(at: i64, row: u32) -> Assigned {
        Assigned { at, row, class: row % 3, slot: row }
    }

    fn rows(list: &OpenList) -> Vec<u32> {
        list.iter().map(|one| one.row).collect()
    }

    fn assert_sound(list: &OpenList) {
        assert!(list.older.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
        assert!(list.newest.len() <= CHUNK && (!list.newest.is_empty() || list.older.is_empty()));
        let sizes: Vec<usize> = list.older.iter().map(|chunk| chunk.len()).chain([list.newest.len()]).collect();
        assert!(sizes.len() <= 1 + list.iter().count() * 8 / CHUNK, "{sizes:?}");
    }

    #[test]
    fn entries_come_and_go_anywhere_and_pages_start_anywhere() {
        // Times repeat, so that rows decide; each step's number is a permutation of 0..211.
        let entries: Vec<Assigned> = (0..211).map(|step| entry(step * 37 % 211 / 3, step as u32)).collect();
        let mut list = OpenList::default();
        let mut expected: Vec<Assigned> = Vec::new();
        for (step, one) in entries.iter().chain(&entries).enumerate() {
            let place = expected.partition_point(|other| (other.at, other.row) < (one.at, one.row));
            let snapshot = (list.clone(), rows(&list));
            if step < 211 {
                list.insert(*one, |one, two| one.cmp(&two));
                expected.insert(place, *one);
            } else {
                list.remove(*one, |one, two| one.cmp(&two));
                expected.remove(place);
            }
            if !step.is_multiple_of(LEAP) {
                continue;
            }
            assert!(list.iter().map(|one| one.row).eq(expected.iter().map(|one| one.row)), "step {step}");
            assert_eq!(rows(&snapshot.0), snapshot.1);
            assert_sound(&list);
            for passed in [i64::MAX, 69, 40, 20, 1, i64::MIN] {
                let found = list.newest_first_from(|one| one.at >= passed).map(|one| one.row);
                let left = expected.iter().rev().filter(|one| one.at < passed).map(|one| one.row);
                assert!(found.eq(left), "step {step}");
            }
        }
        assert!(list.older.is_empty());
    }

    #[test]
    fn what_comes_in_order_leaves_whole_chunks() {
        let mut list = OpenList::default();
        (0..CHUNK as u32 * 4).for_each(|row| list.insert(entry(1, row), |one, two| one.cmp(&two)));
        assert_eq!(list.older.len(), 3);
        assert!(list.older.iter().all(|chunk| chunk.len() == CHUNK));
    }
}
