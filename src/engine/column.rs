//! Columns: one value per row, kept in blocks that snapshots share.
//!
//! * Reading and writing a row is O(1); so is cloning a column, which shares every block.
//! * A write to a block that a snapshot shares copies that block, 4,096 values or fewer large ones, and the list of
//!   blocks, once.
//!
//! Nothing here knows what a row is.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::Range;

use super::kernel::{Part, prefetch_value};
use super::shared::Shared;

/// Values per block, unless a column says otherwise: large enough that a clone is cheap, small enough that a copy is.
pub(super) const BLOCK: usize = if cfg!(test) { 16 } else { 4096 };

/// Length of the first block at the start; it doubles up to a whole block.
pub(super) const FIRST: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Column<T, const N: usize = BLOCK> {
    blocks: Shared<Part<[T]>>,
    len: usize,
}

impl<T, const N: usize> Default for Column<T, N> {
    fn default() -> Self {
        Self { blocks: Shared::default(), len: 0 }
    }
}

impl<T: Clone, const N: usize> Column<T, N> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, row: u32) -> &T {
        &self.blocks[row as usize / N][row as usize % N]
    }

    /// The values in order, a block at a time.
    pub(super) fn slices(&self) -> impl Iterator<Item = &[T]> {
        let starts = (0..self.len).step_by(N);
        self.blocks.iter().zip(starts).map(|(block, start)| &block[..block.len().min(self.len - start)])
    }

    /// Has a row's value fetched that will be read.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        prefetch_value(self.get(row));
    }

    /// The value of a row; `None` beyond the last.
    #[inline]
    pub(super) fn try_get(&self, row: u32) -> Option<&T> {
        match (row as usize) < self.len {
            true => Some(self.get(row)),
            false => None,
        }
    }

    pub(super) fn get_mut(&mut self, row: u32) -> &mut T {
        let block = Part::own(&mut self.blocks.to_mut()[row as usize / N]);
        &mut block[row as usize % N]
    }

    /// The values of a block, to be written to.
    pub(super) fn block_mut(&mut self, number: usize) -> &mut [T] {
        let block = Part::own(&mut self.blocks.to_mut()[number]);
        let len = block.len().min(self.len - number * N);
        &mut block[..len]
    }

    pub(super) fn set(&mut self, row: u32, value: T) {
        *self.get_mut(row) = value;
    }

    pub(super) fn push(&mut self, value: T) {
        let (block, place) = (self.len / N, self.len % N);
        let blocks = self.blocks.to_mut();
        match blocks.get_mut(block) {
            Some(block) if place < block.len() => Part::own(block)[place] = value,
            Some(block) => *block = grown(block, value),
            None => blocks.push(std::iter::repeat_n(value, if block == 0 { FIRST.min(N) } else { N }).collect()),
        }
        self.len += 1;
    }

    /// Adds up to a block of values at once, behind whole blocks; room that is left is filled up with the last.
    pub(super) fn append(&mut self, mut values: Vec<T>) {
        let Some(last) = values.last().cloned() else {
            return;
        };
        let room = if self.blocks.is_empty() { values.len().next_power_of_two().clamp(FIRST.min(N), N) } else { N };
        self.len += values.len();
        values.resize(room, last);
        self.blocks.to_mut().push(Part::from(values));
    }

    /// Takes the last row's value off; its place stays allocated. O(1), and copies nothing.
    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = self.get(last as u32).clone();
        self.len = last;
        Some(value)
    }

    /// The blocks in which two columns may differ, as ranges of rows; shared blocks are left out.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<u32>> + 'a {
        differing(&self.blocks, &other.blocks, N)
    }
}

/// A block that may be shared.
pub(super) trait Same {
    /// Whether two blocks are one, of which neither has been written to.
    fn is_same(&self, other: &Self) -> bool;
}

impl<T: ?Sized> Same for Part<T> {
    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }
}

/// The same of lists of blocks of `size` values.
pub(super) fn differing<'a, B: Same>(
    one: &'a Shared<B>,
    other: &'a Shared<B>,
    size: usize,
) -> impl Iterator<Item = Range<u32>> + 'a {
    let is_shared = |block: usize| match (one.get(block), other.get(block)) {
        (Some(one), Some(other)) => one.is_same(other),
        _ => false,
    };
    let blocks = if one.is_same(other) { 0 } else { one.len().max(other.len()) };
    (0..blocks)
        .filter(move |block| !is_shared(*block))
        .map(move |block| (block * size) as u32..((block + 1) * size) as u32)
}

/// The first block at twice its length, filled up with `value`, so that a small organization stays small.
fn grown<T: Clone>(block: &[T], value: T) -> Part<[T]> {
    let filled = std::iter::repeat_n(value, block.len());
    block.iter().cloned().chain(filled).collect()
}
