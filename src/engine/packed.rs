//! A column of small numbers, in as few bits as the largest of a block takes.
//!
//! * Reading and writing one is O(1); the first that needs more bits lays its block out anew.
//! * Cloning is O(1), as that of a [`Column`](super::column::Column); a write to a block that a snapshot shares copies it.
//! * [`NONE`] takes the least room of all numbers; what was never set is it.
//!
//! Nothing here knows what the numbers mean.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::Range;

use super::column::{BLOCK, FIRST, Same, differing};
use super::kernel::{Part, prefetch_line};
use super::shared::Shared;
use super::short::width;

/// The largest number, which stands for "none".
pub(super) const NONE: u32 = u32::MAX;

/// Bytes that are read at once, from any on; so many are behind the last number.
const AT_ONCE: usize = 8;

/// Numbers of a block, and of the first one at the start.
const PER_BLOCK: u32 = BLOCK as u32;
const SMALLEST: u32 = if FIRST < BLOCK { FIRST as u32 } else { PER_BLOCK };

/// Numbers of a block, each as one more than it is, the lowest bits first.
#[derive(Clone, Debug)]
struct Packed {
    bytes: Part<[u8]>,
    width: u32,
    /// As many ones.
    mask: u32,
    room: u32,
}

impl Packed {
    /// Room for so many numbers, each of which is none.
    fn new(room: u32, width: u32) -> Self {
        let bytes = (room * width).div_ceil(8) as usize + AT_ONCE;
        let mask = ((1_u64 << width) - 1) as u32;
        Self { bytes: std::iter::repeat_n(0, bytes).collect(), width, mask, room }
    }

    #[inline]
    fn get(&self, at: u32) -> u32 {
        let bit = at * self.width;
        let byte = (bit / 8) as usize;
        let Some(bytes) = self.bytes.get(byte..byte + AT_ONCE).and_then(<[u8]>::first_chunk) else {
            return NONE;
        };
        let above = u64::from_le_bytes(*bytes) >> (bit % 8);
        (above as u32 & self.mask).wrapping_sub(1)
    }

    #[inline]
    fn prefetch(&self, at: u32) {
        if let Some(byte) = self.bytes.get((at * self.width / 8) as usize) {
            prefetch_line(byte);
        }
    }

    fn set(&mut self, at: u32, number: u32) {
        let code = number.wrapping_add(1);
        if width(code) > self.width {
            *self = self.laid_out(self.room, width(code));
        }
        let (bit, mask) = (at * self.width, u64::from(self.mask));
        if let Some(bytes) = Part::own(&mut self.bytes)[(bit / 8) as usize..].first_chunk_mut() {
            let others = u64::from_le_bytes(*bytes) & !(mask << (bit % 8));
            *bytes = (others | u64::from(code) << (bit % 8)).to_le_bytes();
        }
    }

    /// The same numbers, with room for more of them, or for larger ones.
    fn laid_out(&self, room: u32, width: u32) -> Self {
        let mut wide = Self::new(room, width);
        (0..self.room).for_each(|at| wide.set(at, self.get(at)));
        wide
    }

    /// These numbers, in no more bits than they take.
    fn of(numbers: &[u32], room: u32) -> Self {
        let codes = numbers.iter().fold(0, |all, number| all | number.wrapping_add(1));
        let mut packed = Self::new(room, width(codes));
        (0..).zip(numbers).for_each(|(at, number)| packed.set(at, *number));
        packed
    }
}

impl Same for Packed {
    fn is_same(&self, other: &Self) -> bool {
        Part::is_same(&self.bytes, &other.bytes)
    }
}

/// A column of numbers most of which are small.
#[derive(Clone, Debug, Default)]
pub(super) struct Narrow {
    blocks: Shared<Packed>,
    len: usize,
}

impl Narrow {
    /// The number of a row; [`NONE`] beyond the last.
    #[inline]
    pub(super) fn get(&self, row: u32) -> u32 {
        match self.blocks.get(row as usize / BLOCK) {
            Some(block) => block.get(row % PER_BLOCK),
            None => NONE,
        }
    }

    /// The numbers of some rows of one block, in their order.
    #[inline]
    pub(super) fn get_some(&self, rows: Range<u32>) -> impl Iterator<Item = u32> {
        let block = self.blocks.get(rows.start as usize / BLOCK);
        let start = rows.start - rows.start % PER_BLOCK;
        block.into_iter().flat_map(move |block| rows.clone().map(move |row| block.get(row - start)))
    }

    /// Has a row's number fetched.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.blocks[row as usize / BLOCK].prefetch(row % PER_BLOCK);
    }

    pub(super) fn set(&mut self, row: u32, number: u32) {
        if self.get(row) != number {
            self.blocks.to_mut()[row as usize / BLOCK].set(row % PER_BLOCK, number);
        }
    }

    /// A column of these.
    pub(super) fn of(numbers: &[u32]) -> Self {
        let mut column = Self::default();
        numbers.chunks(BLOCK).for_each(|block| column.append(block));
        column
    }

    pub(super) fn push(&mut self, number: u32) {
        let (block, at) = (self.len / BLOCK, self.len as u32 % PER_BLOCK);
        let blocks = self.blocks.to_mut();
        match blocks.get_mut(block) {
            Some(block) if at < block.room => {}
            Some(block) => *block = block.laid_out(at * 2, block.width),
            None => blocks.push(Packed::new(if block == 0 { SMALLEST } else { PER_BLOCK }, 0)),
        }
        blocks[block].set(at, number);
        self.len += 1;
    }

    /// Adds up to a block of numbers at once, behind whole blocks.
    pub(super) fn append(&mut self, numbers: &[u32]) {
        let is_first = self.len == 0;
        let count = numbers.len() as u32;
        let room = if is_first { count.next_power_of_two().clamp(SMALLEST, PER_BLOCK) } else { PER_BLOCK };
        if !numbers.is_empty() {
            self.blocks.to_mut().push(Packed::of(numbers, room));
            self.len += numbers.len();
        }
    }

    /// The blocks in which two columns may differ, as [`Column::differing`](super::column::Column::differing).
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<u32>> + 'a {
        differing(&self.blocks, &other.blocks, BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(column: &Narrow) -> Vec<u32> {
        (0..column.len as u32).map(|row| column.get(row)).collect()
    }

    /// Numbers of up to so many bits, in no order.
    fn mixed(count: u32, bits: u32) -> Vec<u32> {
        (0..count).map(|at| at.wrapping_mul(2_654_435_761) >> (32 - bits)).collect()
    }

    fn pushed(numbers: &[u32]) -> Narrow {
        let mut column = Narrow::default();
        numbers.iter().for_each(|number| column.push(*number));
        column
    }

    #[test]
    fn every_width_holds_its_numbers() {
        for bits in 1..=32 {
            let expected = mixed(300, bits);
            let mut column = pushed(&expected);
            assert_eq!(numbers(&column), expected, "{bits} bits");
            assert_eq!(numbers(&Narrow::of(&expected)), expected, "{bits} bits");
            (0..300).rev().zip(&expected).for_each(|(row, number)| column.set(row, *number));
            assert!(numbers(&column).iter().rev().eq(&expected), "{bits} bits");
            column.set(150, u32::MAX - 1);
            column.set(299, 0);
            assert_eq!((column.get(149), column.get(150), column.get(299)), (expected[150], u32::MAX - 1, 0));
        }
    }

    #[test]
    fn none_takes_no_room_and_is_found_beyond_the_last() {
        let mut column = pushed(&[NONE; 20]);
        assert!(column.blocks.iter().all(|block| block.bytes.len() == AT_ONCE));
        column.set(3, 5);
        column.set(3, NONE);
        assert_eq!(numbers(&column), [NONE; 20]);
        assert_eq!([20, 31, 32, 1_000, NONE].map(|row| column.get(row)), [NONE; 5]);
    }

    #[test]
    fn a_block_takes_as_many_bits_as_its_largest_number() {
        let bits = |column: &Narrow| (column.blocks[0].bytes.len() - AT_ONCE) * 8 / BLOCK;
        let mut column = pushed(&[450; BLOCK]);
        assert_eq!(bits(&column), 9);
        column.push(100_000);
        assert_eq!(bits(&column), 9, "another block's numbers are its own");
        column.set(0, 511);
        assert_eq!(bits(&column), 10);
    }

    #[test]
    fn what_follows_loaded_numbers_is_beside_them() {
        let mut column = Narrow::of(&mixed(21, 7));
        mixed(40, 9).into_iter().for_each(|number| column.push(number));
        assert!(numbers(&column).into_iter().eq(mixed(21, 7).into_iter().chain(mixed(40, 9))));
    }

    #[test]
    fn a_column_shares_what_is_not_written() {
        let mut column = pushed(&mixed(100, 12));
        let snapshot = column.clone();
        column.set(40, u32::MAX - 1);
        assert_eq!(numbers(&snapshot), mixed(100, 12));
        assert!((0..100).filter(|row| *row != 40).all(|row| column.get(row) == snapshot.get(row)));
        assert_eq!(column.get(40), u32::MAX - 1);
        let differing: Vec<_> = column.differing(&snapshot).collect();
        assert!(matches!(&differing[..], [rows] if rows.contains(&40) && rows.len() == BLOCK));
    }
}
