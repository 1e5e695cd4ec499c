//! A column of numbers nearly all of which fit into 16 bits, such as those of classes.
//!
//! * Reading and writing one is O(1), as in a [`Column`]; a larger one is kept apart, found by row. The largest of all,
//!   which stands for "none", takes no more than a small one.
//!
//! Nothing here knows what the numbers mean.

use std::ops::Range;

use super::column::Column;
use super::sparse::Sparse;

/// Says that a number is kept apart, or is [`u32::MAX`].
const APART: u16 = u16::MAX;

#[derive(Clone, Debug, Default)]
pub(super) struct Halved {
    short: Column<u16>,
    apart: Sparse<u32>,
}

impl Halved {
    #[inline]
    pub(super) fn get(&self, row: u32) -> u32 {
        self.whole(row, *self.short.get(row))
    }

    /// The number of a row; `None` beyond the last.
    #[inline]
    pub(super) fn try_get(&self, row: u32) -> Option<u32> {
        self.short.try_get(row).map(|short| self.whole(row, *short))
    }

    #[inline]
    fn whole(&self, row: u32, short: u16) -> u32 {
        match short {
            APART => self.apart(row),
            number => number.into(),
        }
    }

    #[cold]
    fn apart(&self, row: u32) -> u32 {
        self.apart.get(row).copied().unwrap_or(u32::MAX)
    }

    /// Has a row's number fetched.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.short.prefetch(row);
    }

    pub(super) fn set(&mut self, row: u32, number: u32) {
        let short = self.shortened(row, number);
        self.short.set(row, short);
    }

    pub(super) fn push(&mut self, number: u32) {
        let short = self.shortened(self.short.len() as u32, number);
        self.short.push(short);
    }

    /// Adds up to a block of numbers at once, as [`Column::append`].
    pub(super) fn append(&mut self, numbers: &[u32]) {
        let rows = self.short.len() as u32..;
        let short = rows.zip(numbers).map(|(row, number)| self.shortened(row, *number)).collect();
        self.short.append(short);
    }

    /// What the column holds of a row's number; what it has no room for is kept apart.
    fn shortened(&mut self, row: u32, number: u32) -> u16 {
        let short = u16::try_from(number).unwrap_or(APART);
        match short == APART && number != u32::MAX {
            true => self.apart.insert(row, number),
            false => drop(self.apart.remove(row)),
        }
        short
    }

    /// The blocks in which two columns may differ, as [`Column::differing`].
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<u32>> + 'a {
        self.short.differing(&other.short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_as_it_was_set() {
        let numbers = [0, 1, 65_534, 65_535, 65_536, 1 << 31, u32::MAX - 1, u32::MAX];
        let mut column = Halved::default();
        let mut expected: Vec<u32> = (0..32).map(|row| numbers[row % 8]).collect();
        column.append(&expected[..16]);
        expected[16..].iter().for_each(|number| column.push(*number));
        let snapshot = (column.clone(), expected.clone());
        for step in 0..300 {
            column.set(step * 7 % 32, numbers[step as usize / 3 % 8]);
            expected[step as usize * 7 % 32] = numbers[step as usize / 3 % 8];
            for (column, expected) in [(&column, &expected), (&snapshot.0, &snapshot.1)] {
                assert!((0..32).all(|row| column.get(row) == expected[row as usize]), "step {step}");
            }
        }
        (0..32).for_each(|row| column.set(row, u32::MAX));
        assert!((0..32).all(|row| column.get(row) == u32::MAX) && column.apart.iter().count() == 0);
    }

    #[test]
    fn what_differs_apart_is_told() {
        let mut column = Halved::default();
        (0..64).for_each(|_| column.push(70_000));
        let snapshot = column.clone();
        column.set(20, 70_001);
        assert!(column.differing(&snapshot).any(|rows| rows.contains(&20)));
    }
}
