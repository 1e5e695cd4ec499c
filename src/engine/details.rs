//! What is kept of each row side by side, because who asks for one of it asks for the rest: when its last activity was,
//! its slot, its contacts and its tags.
//!
//! ```text
//! row:   last activity, 64 bits │ slot, 32 │ lists, 64
//! lists: how many contacts, 3 │ how many tags, 3 │ the contacts' numbers │ the tags' numbers, in as many bits each as
//!        the largest of the block takes
//! ```
//!
//! * A row takes 20 bytes, in one cache line or two, and reading anything of it is O(1), or O(length of a list).
//! * Lists that do not fit into a row are kept apart, found by row. In a block of numbers so large that they take more
//!   bits than before, all rows are laid out anew, 4,096 at most.
//! * A clone is O(1); a write copies the block that it is in, if a snapshot shares it.
//! * Order is kept, for it is shown.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::bits::Bits;
use super::column::{BLOCK, Column};
use super::shared::Shared;
use super::short::{Numbers, Run, width};
use super::sparse::Sparse;
use crate::work::count_rows;

/// Bits for how many there are of each list, and of both.
const LENGTH: u32 = 3;
const LENGTHS: u32 = 2 * LENGTH;

/// The number of contacts that says "kept apart".
const APART: u64 = 7;

/// How many tags a row has room to count.
const TAGS: usize = 7;

/// Rows that are glanced at, side by side, for what it costs to look at one that is anywhere in memory.
pub(super) const GLANCES: usize = 8;

/// What is kept of one row; of four-byte words, so that it takes no more than they do.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Row {
    at: i64,
    lists: u64,
    slot: u32,
}

/// How many bits a contact's and a tag's number take in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Widths {
    contact: u8,
    tag: u8,
}

impl Widths {
    /// Wide enough for these lists as well.
    fn with(self, contacts: &[u32], tags: &[u32]) -> Self {
        let widest = |numbers: &[u32]| width(numbers.iter().fold(0, |all, number| all | number)) as u8;
        Self { contact: self.contact.max(widest(contacts)), tag: self.tag.max(widest(tags)) }
    }

    /// Two lists in the bits of a row; `None` if they do not fit.
    fn pack(self, contacts: &[u32], tags: &[u32]) -> Option<u64> {
        let bits = contacts.len() * usize::from(self.contact) + tags.len() * usize::from(self.tag);
        let fits = contacts.len() < APART as usize && tags.len() <= TAGS && bits <= (u64::BITS - LENGTHS) as usize;
        let join = |numbers: &[u32], width: u8, behind: u64| {
            numbers.iter().rev().fold(behind, |rest, number| rest << width | u64::from(*number))
        };
        fits.then(|| {
            let numbers = join(contacts, self.contact, join(tags, self.tag, 0));
            numbers << LENGTHS | (tags.len() as u64) << LENGTH | contacts.len() as u64
        })
    }

    #[inline]
    fn contacts(self, lists: u64) -> Run<'static> {
        Run::packed(lists >> LENGTHS, self.contact, lists % (1 << LENGTH))
    }

    #[inline]
    fn tags(self, lists: u64) -> Run<'static> {
        let behind = (lists % (1 << LENGTH)) as u32 * u32::from(self.contact);
        Run::packed(lists >> LENGTHS >> behind, self.tag, lists >> LENGTH & ((1 << LENGTH) - 1))
    }
}

/// One row at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail<'d> {
    row: &'d Row,
    widths: Widths,
}

impl Detail<'_> {
    #[inline]
    pub(super) fn at(self) -> i64 {
        self.row.at
    }

    #[inline]
    pub(super) fn slot(self) -> u32 {
        self.row.slot
    }
}

/// Lists that do not fit into a row: its contacts, then its tags.
#[derive(Clone, Debug)]
struct Apart {
    numbers: Box<[u32]>,
    contacts: usize,
}

impl Apart {
    fn contacts(&self) -> &[u32] {
        &self.numbers[..self.contacts]
    }

    fn tags(&self) -> &[u32] {
        &self.numbers[self.contacts..]
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    rows: Column<Row>,
    /// By block.
    widths: Shared<Widths>,
    apart: Sparse<Apart>,
}

impl Details {
    #[inline]
    pub(super) fn at(&self, row: u32) -> i64 {
        self.rows.get(row).at
    }

    pub(super) fn set_at(&mut self, row: u32, at: i64) {
        self.rows.get_mut(row).at = at;
    }

    #[inline]
    pub(super) fn slot(&self, row: u32) -> u32 {
        self.rows.get(row).slot
    }

    pub(super) fn set_slot(&mut self, row: u32, slot: u32) {
        self.rows.get_mut(row).slot = slot;
    }

    /// What is kept of a row, for who asks for much of it.
    #[inline]
    pub(super) fn get(&self, row: u32) -> Detail<'_> {
        Detail { row: self.rows.get(row), widths: self.widths[row as usize / BLOCK] }
    }

    /// The numbers of its contacts in order.
    #[inline]
    pub(super) fn contacts(&self, row: u32) -> Run<'_> {
        self.contacts_of(row, self.get(row))
    }

    /// The numbers of its tags in order.
    #[inline]
    pub(super) fn tags(&self, row: u32) -> Run<'_> {
        self.tags_of(row, self.get(row))
    }

    /// As [`Details::contacts`] of a row at hand.
    #[inline]
    pub(super) fn contacts_of(&self, row: u32, detail: Detail<'_>) -> Run<'_> {
        self.list(row, detail, Widths::contacts, Apart::contacts)
    }

    /// As [`Details::tags`] of a row at hand.
    #[inline]
    pub(super) fn tags_of(&self, row: u32, detail: Detail<'_>) -> Run<'_> {
        self.list(row, detail, Widths::tags, Apart::tags)
    }

    /// One of a row's lists, wherever they are kept.
    #[inline(always)]
    fn list(
        &self,
        row: u32,
        detail: Detail<'_>,
        packed: impl Fn(Widths, u64) -> Run<'static>,
        apart: impl Fn(&Apart) -> &[u32],
    ) -> Run<'_> {
        let lists = detail.row.lists;
        match is_apart(lists) {
            false => packed(detail.widths, lists),
            true => self.apart(row).map_or(Run::default(), |lists| apart(lists).into()),
        }
    }

    #[cold]
    fn apart(&self, row: u32) -> Option<&Apart> {
        self.apart.get(row)
    }

    /// The rows that any of some contacts is attached to, ascending. O(rows + what is attached to them): a glance at each,
    /// in their order in memory.
    pub(super) fn rows_of(&self, contacts: &[u32]) -> Vec<u32> {
        let (wanted, mut found) = (contacts.iter().copied().collect::<Bits>(), Vec::new());
        for (block, (rows, widths)) in self.rows.slices().zip(self.widths.iter()).enumerate() {
            count_rows(rows.len().div_ceil(GLANCES));
            for (row, one) in ((block * BLOCK) as u32..).zip(rows) {
                let detail = Detail { row: one, widths: *widths };
                if self.contacts_of(row, detail).any(|contact| wanted.contains(contact)) {
                    found.push(row);
                }
            }
        }
        found
    }

    /// Has a row fetched.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.rows.prefetch(row);
    }

    pub(super) fn set_tags(&mut self, row: u32, tags: &[u32]) {
        let contacts: Numbers = self.contacts(row).collect();
        self.set_lists(row, &contacts, tags);
    }

    pub(super) fn set_lists(&mut self, row: u32, contacts: &[u32], tags: &[u32]) {
        let block = row as usize / BLOCK;
        let (old, new) = (self.widths[block], self.widths[block].with(contacts, tags));
        if old != new {
            lay_out(self.rows.block_mut(block), (block * BLOCK) as u32, (old, new), &mut self.apart);
            self.widths.to_mut()[block] = new;
        }
        self.rows.get_mut(row).lists = lists_of(row, (contacts, tags), new, &mut self.apart);
    }

    /// Adds a row, without a slot as yet.
    pub(super) fn push(&mut self, at: i64, contacts: &[u32], tags: &[u32]) {
        let row = self.rows.len() as u32;
        if (row as usize).is_multiple_of(BLOCK) {
            let widths = self.widths.last().copied().unwrap_or_default();
            self.widths.to_mut().push(widths);
        }
        self.rows.push(Row { at, lists: 0, slot: 0 });
        self.set_lists(row, contacts, tags);
    }
}

/// Rows that are being loaded, until there is a block of them.
#[derive(Debug, Default)]
pub(super) struct Loading {
    rows: Vec<Row>,
    widths: Widths,
}

impl Details {
    /// Adds a row to a block that [`Details::append`] takes in, without a slot as yet.
    pub(super) fn load(&mut self, next: &mut Loading, at: i64, contacts: &[u32], tags: &[u32]) {
        let first = self.rows.len() as u32;
        let (old, new) = (next.widths, next.widths.with(contacts, tags));
        if old != new {
            lay_out(&mut next.rows, first, (old, new), &mut self.apart);
            next.widths = new;
        }
        let row = first + next.rows.len() as u32;
        next.rows.push(Row { at, lists: lists_of(row, (contacts, tags), new, &mut self.apart), slot: 0 });
    }

    /// Takes a block that was loaded in.
    pub(super) fn append(&mut self, next: &mut Loading) {
        if !next.rows.is_empty() {
            self.rows.append(std::mem::take(&mut next.rows));
            self.widths.to_mut().push(next.widths);
        }
    }

    /// Gives every row its slot.
    pub(super) fn set_slots(&mut self, slots: &[u32]) {
        for (block, slots) in slots.chunks(BLOCK).enumerate() {
            self.rows.block_mut(block).iter_mut().zip(slots).for_each(|(row, slot)| row.slot = *slot);
        }
    }
}

#[inline]
fn is_apart(lists: u64) -> bool {
    lists % (1 << LENGTH) == APART
}

/// The bits of a row's lists; lists that do not fit are kept apart.
fn lists_of(row: u32, (contacts, tags): (&[u32], &[u32]), widths: Widths, apart: &mut Sparse<Apart>) -> u64 {
    if let Some(lists) = widths.pack(contacts, tags) {
        apart.remove(row);
        return lists;
    }
    apart.insert(row, Apart { numbers: [contacts, tags].concat().into(), contacts: contacts.len() });
    APART
}

/// Lays the lists of a block's rows out anew, from one pair of widths to another.
fn lay_out(rows: &mut [Row], first: u32, (old, new): (Widths, Widths), apart: &mut Sparse<Apart>) {
    for (row, one) in (first..).zip(rows) {
        let lists = one.lists;
        if !is_apart(lists) {
            let (contacts, tags): (Numbers, Numbers) = (old.contacts(lists).collect(), old.tags(lists).collect());
            one.lists = lists_of(row, (&contacts, &tags), new, apart);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::LEAP;

    /// Lists of up to nine numbers, of ever more bits.
    fn lists(step: u32) -> [Vec<u32>; 2] {
        [7, 5].map(|factor| {
            let number = |at| step.wrapping_mul(at + factor).wrapping_mul(2_654_435_761);
            (0..step * factor % 10).map(|at| number(at).checked_shr(32 - step * 32 / 400).unwrap_or_default()).collect()
        })
    }

    fn is_as_expected(details: &Details, expected: &[(i64, u32, [Vec<u32>; 2])]) -> bool {
        (0..).zip(expected).all(|(row, (at, slot, [contacts, tags]))| {
            details.contacts(row).eq(contacts.iter().copied())
                && details.tags(row).eq(tags.iter().copied())
                && (details.at(row), details.slot(row)) == (*at, *slot)
        })
    }

    #[test]
    fn any_row_is_as_it_was_set() {
        let (mut details, mut next, mut expected) = (Details::default(), Loading::default(), Vec::new());
        for row in 0..100 {
            let [contacts, tags] = lists(row);
            match row < 2 * BLOCK as u32 {
                true => details.load(&mut next, i64::from(row), &contacts, &tags),
                false => details.push(i64::from(row), &contacts, &tags),
            }
            if (row as usize + 1).is_multiple_of(BLOCK) {
                details.append(&mut next);
            }
            expected.push((i64::from(row), 0, [contacts, tags]));
        }
        let snapshot = (details.clone(), expected.clone());
        for step in 0..400 {
            let row = step * 37 % 100;
            let [contacts, tags] = lists(step);
            details.set_lists(row, &contacts, &tags);
            details.set_at(row, i64::MIN);
            details.set_slot(row, u32::MAX);
            expected[row as usize] = (i64::MIN, u32::MAX, [contacts, tags]);
            if (step as usize).is_multiple_of(LEAP) {
                assert!(is_as_expected(&details, &expected) && is_as_expected(&snapshot.0, &snapshot.1), "step {step}");
            }
        }
        (0..100).for_each(|row| details.set_lists(row, &[], &[]));
        assert!((0..100).all(|row| details.contacts(row).len() + details.tags(row).len() == 0));
        assert_eq!(details.apart.iter().count(), 0);
    }

    #[test]
    fn what_fits_into_a_row_is_not_kept_apart() {
        for (contacts, tags, fits) in [
            (&[0; 6][..], &[0; 7][..], true),
            (&[0; 7], &[], false),
            (&[0], &[0; 8], false),
            (&[(1 << 18) - 1; 2], &[2047, 0], true),
            (&[(1 << 18) - 1; 2], &[2047, 0, 0], false),
            (&[u32::MAX], &[(1 << 26) - 1], true),
            (&[u32::MAX, 0], &[], false),
            (&[], &[(1 << 29) - 1, 0], true),
            (&[(1 << 29) - 1, 0], &[], true),
        ] {
            assert_eq!(
                Widths::default().with(contacts, tags).pack(contacts, tags).is_some(),
                fits,
                "{contacts:?} {tags:?}"
            );
            let mut details = Details::default();
            details.push(0, contacts, tags);
            assert!(details.contacts(0).eq(contacts.iter().copied()) && details.tags(0).eq(tags.iter().copied()));
        }
    }
}
