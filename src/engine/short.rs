//! Short lists of small numbers that pages show: the tags of a contact.
//!
//! * A list takes a word: its length, the bits that each number takes, the numbers. Where it starts needs no looking
//!   up, as in [`Lists`](super::lists::Lists), which takes a third of that; one that does not fit is kept apart.
//! * Reading is O(length), giving a row another list O(1).
//! * Order is kept, for it is shown.

use super::column::Column;
use super::lists::Numbers;
use super::packed::{Packed, Run, width};
use super::sparse::Sparse;

/// Bits of a word that hold its list's length, and behind them the bits that each number takes.
const LENGTH: u32 = 3;
const HEAD: u32 = 8;

/// The length that says "kept apart".
const APART: u64 = 7;

#[derive(Clone, Debug, Default)]
pub(super) struct ShortLists {
    words: Column<u64>,
    apart: Sparse<Packed>,
}

impl ShortLists {
    pub(super) fn push(&mut self, numbers: &[u32]) {
        self.words.push(0);
        self.set(self.words.len() as u32 - 1, numbers);
    }

    pub(super) fn set(&mut self, row: u32, numbers: &[u32]) {
        let word = packed(numbers);
        match word {
            None => self.apart.insert(row, numbers.iter().copied().collect()),
            Some(_) => drop(self.apart.remove(row)),
        }
        self.words.set(row, word.unwrap_or(APART));
    }

    /// The numbers in order.
    #[inline]
    pub(super) fn run(&self, row: u32) -> Run<'_> {
        let word = self.words.get(row);
        match word % (1 << LENGTH) {
            APART => self.apart.get(row).map_or(Run::default(), Packed::all),
            length => Run::new(std::slice::from_ref(word), HEAD, (*word >> LENGTH) as u32 % 32, length as u32),
        }
    }

    /// Has fetched what [`ShortLists::run`] looks at.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.words.prefetch(row);
    }

    /// Calls `each` with the numbers in order.
    #[inline]
    pub(super) fn for_each(&self, row: u32, each: impl FnMut(u32)) {
        self.run(row).for_each(each);
    }

    pub(super) fn get(&self, row: u32) -> Numbers {
        self.run(row).collect()
    }

    #[inline]
    pub(super) fn any(&self, row: u32, fits: impl Fn(u32) -> bool) -> bool {
        self.run(row).any(fits)
    }
}

/// A list as a word; `None` if it does not fit into one.
fn packed(numbers: &[u32]) -> Option<u64> {
    let width = numbers.iter().map(|number| width(*number)).max().unwrap_or_default();
    let length = numbers.len() as u64;
    let fits = length < APART && width < 32 && length * u64::from(width) <= u64::from(u64::BITS - HEAD);
    let packed = |rest: u64, number: &u32| rest << width | u64::from(*number);
    fits.then(|| numbers.iter().rev().fold(0, packed) << HEAD | u64::from(width) << LENGTH | length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_list_of_any_row_is_as_it_was_set() {
        let list = |step: u32| {
            let numbers = (0..step * 7 % 10).map(|at| step.wrapping_mul(at + 1).wrapping_mul(2_654_435_761));
            numbers.map(|number| number.checked_shr(step % 33).unwrap_or_default()).collect::<Vec<u32>>()
        };
        let mut lists = ShortLists::default();
        (0..100).for_each(|row| lists.push(&list(row)));
        assert!((0..100).all(|row| lists.get(row)[..] == list(row)));
        let snapshot = lists.clone();
        for step in 100..2_000 {
            lists.set(step % 100, &list(step));
            assert_eq!(lists.get(step % 100)[..], list(step));
        }
        assert!((0..100).all(|row| snapshot.get(row)[..] == list(row) && lists.get(row)[..] == list(row + 1_900)));
        assert!(lists.any(1, |number| number == list(1_901)[0]) && !lists.any(1, |_| false));
        (0..100).for_each(|row| lists.set(row, &[]));
        assert!((0..100).all(|row| lists.get(row).is_empty()) && lists.apart.iter().count() == 0);
    }

    #[test]
    fn what_fits_into_a_word_is_not_kept_apart() {
        for (numbers, fits) in [
            (&[0; 6][..], true),
            (&[0; 7][..], false),
            (&[511; 6][..], true),
            (&[512, 511, 0, 0, 0, 0][..], false),
            (&[u32::MAX >> 1][..], true),
            (&[u32::MAX][..], false),
        ] {
            assert_eq!(packed(numbers).is_some(), fits, "{numbers:?}");
        }
    }
}
