//! Numbers in as few bits as the largest of them takes.
//!
//! * Reading and writing one is O(1); the first that needs more bits lays all out anew.
//! * [`Narrow`] is a column of them: as [`Column`](super::column::Column), with a width for each block.
//!
//! Nothing here knows what the numbers mean.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::Range;
use std::sync::Arc;

use super::column::{BLOCK, differing};
use super::kernel::prefetch_line;
use super::shared::Shared;
use super::short::width;

/// A vector of small numbers. Bits behind the last are zero.
#[derive(Clone, Debug, Default)]
struct Packed {
    words: Vec<u64>,
    width: u32,
    len: u32,
}

impl Packed {
    fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    fn get(&self, at: usize) -> u32 {
        (bits(&self.words, at * self.width as usize) & ((1 << self.width) - 1)) as u32
    }

    /// These numbers, in no more memory than they take.
    fn of(numbers: &[u32]) -> Self {
        let mut packed = Self::default();
        packed.widen(numbers.iter().fold(0, |all, number| all | number));
        packed.words.reserve_exact((numbers.len() * packed.width as usize).div_ceil(64));
        numbers.iter().for_each(|number| packed.push(*number));
        packed
    }

    #[inline]
    fn prefetch(&self, at: usize) {
        if let Some(word) = self.words.get(at * self.width as usize / 64) {
            prefetch_line(word);
        }
    }

    fn set(&mut self, at: usize, number: u32) {
        self.widen(number);
        let (bit, width) = (at * self.width as usize, self.width);
        let mask = (1_u128 << width) - 1;
        let (word, shift) = (bit / 64, bit % 64);
        for (word, half) in self.words[word..].iter_mut().take(2).zip([0, 64]) {
            *word &= !((mask << shift >> half) as u64);
            *word |= (u128::from(number) << shift >> half) as u64;
        }
    }

    fn push(&mut self, number: u32) {
        self.widen(number);
        let (number, shift) = (u64::from(number), self.len() * self.width as usize % 64);
        if shift > 0
            && let Some(last) = self.words.last_mut()
        {
            *last |= number << shift;
        }
        let left = if shift == 0 { 0 } else { 64 - shift };
        if self.width as usize > left {
            if self.words.len() == self.words.capacity() {
                self.words.reserve_exact(self.words.len() / 8 + 2);
            }
            self.words.push(number >> left);
        }
        self.len += 1;
    }

    /// Gives spare memory back.
    fn shrink(&mut self) {
        self.words.shrink_to_fit();
    }

    /// Makes numbers wide enough for this one.
    fn widen(&mut self, number: u32) {
        let width = width(number);
        if width > self.width {
            let mut wide = Self { words: Vec::new(), width, len: 0 };
            wide.words.reserve_exact((self.len() * width as usize).div_ceil(64));
            (0..self.len()).for_each(|at| wide.push(self.get(at)));
            *self = wide;
        }
    }
}

/// 64 bits from any place; zero beyond the end.
#[inline]
fn bits(words: &[u64], from: usize) -> u64 {
    let (word, shift) = (from / 64, from % 64);
    let low = words.get(word).copied().unwrap_or_default();
    let high = words.get(word + 1).copied().unwrap_or_default();
    // In two steps, for a shift by 64 is none.
    low >> shift | high << 1 << (63 - shift)
}

/// A column of numbers most of which are small.
#[derive(Clone, Debug, Default)]
pub(super) struct Narrow {
    blocks: Shared<Arc<Packed>>,
}

impl Narrow {
    #[inline]
    pub(super) fn get(&self, row: u32) -> u32 {
        self.blocks[row as usize / BLOCK].get(row as usize % BLOCK)
    }

    /// Has a row's number fetched.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.blocks[row as usize / BLOCK].prefetch(row as usize % BLOCK);
    }

    pub(super) fn set(&mut self, row: u32, number: u32) {
        if self.get(row) != number {
            Arc::make_mut(&mut self.blocks.to_mut()[row as usize / BLOCK]).set(row as usize % BLOCK, number);
        }
    }

    /// A column of these.
    pub(super) fn of(numbers: &[u32]) -> Self {
        Self { blocks: numbers.chunks(BLOCK).map(|block| Arc::new(Packed::of(block))).collect() }
    }

    pub(super) fn push(&mut self, number: u32) {
        let blocks = self.blocks.to_mut();
        if blocks.last().is_none_or(|last| last.len() == BLOCK) {
            blocks.push(Arc::default());
        }
        if let Some(last) = blocks.last_mut() {
            Arc::make_mut(last).push(number);
        }
    }

    /// The blocks in which two columns may differ, as [`Column::differing`](super::column::Column::differing).
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<u32>> + 'a {
        differing(&self.blocks, &other.blocks, BLOCK)
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        self.blocks.to_mut().iter_mut().for_each(|block| Arc::make_mut(block).shrink());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(packed: &Packed) -> Vec<u32> {
        (0..packed.len()).map(|at| packed.get(at)).collect()
    }

    /// Numbers of up to so many bits, in no order.
    fn mixed(count: u32, bits: u32) -> Vec<u32> {
        (0..count).map(|at| at.wrapping_mul(2_654_435_761) >> (32 - bits)).collect()
    }

    #[test]
    fn every_width_holds_its_numbers() {
        for bits in 1..=32 {
            let mut packed = Packed::default();
            mixed(300, bits).into_iter().for_each(|number| packed.push(number));
            assert_eq!(numbers(&packed), mixed(300, bits), "{bits} bits");
            (0..300).rev().zip(mixed(300, bits)).for_each(|(at, number)| packed.set(at, number));
            assert!(numbers(&packed).into_iter().rev().eq(mixed(300, bits)), "{bits} bits");
            packed.set(150, u32::MAX);
            packed.set(299, 0);
            assert_eq!((packed.get(149), packed.get(150), packed.get(299)), (mixed(300, bits)[150], u32::MAX, 0));
        }
    }

    #[test]
    fn a_column_shares_what_is_not_written() {
        let mut column = Narrow::default();
        mixed(100, 12).into_iter().for_each(|number| column.push(number));
        let snapshot = column.clone();
        column.set(40, u32::MAX);
        assert!((0..100).all(|row| snapshot.get(row) == mixed(100, 12)[row as usize]));
        assert!((0..100).filter(|row| *row != 40).all(|row| column.get(row) == snapshot.get(row)));
        assert_eq!(column.get(40), u32::MAX);
        let copied = column.blocks.iter().zip(&*snapshot.blocks).filter(|(one, two)| !Arc::ptr_eq(one, two));
        assert_eq!(copied.count(), 1);
    }
}
