//! Order kept, not sorted: rows in ascending order of activity, in blocks of up to 512 slots.
//!
//! ```text
//! order:   [ 3, 0, 4, 1 ]                     block numbers, oldest first
//! block 4: rows [ 17, 9, 23, 5 ]  live 1011   slot of row 23 = 4 × 512 + 2; row 9 has left
//! ```
//!
//! * A new latest row is appended, O(1). A row that leaves clears its live bit, O(1). A row that comes in between
//!   opens up its block, O(512 + log blocks); so does a merge. The order makes room for a block by moving four bytes for
//!   each one behind.
//! * A block without live rows is dropped, and two neighbours that fit into one are merged when a row leaves, so that
//!   memory stays within a constant of the live rows; each step moves at most 512 rows.
//! * A clone copies the order, and shares every block.
//!
//! It compares rows only through the function it is given, and knows nothing else of them.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;
use std::sync::LazyLock;

use super::kernel::{Part, prefetch_line};
use super::shared::Chunked;
use crate::work::{count_blocks, count_rows};

/// Words of a mask over one block: a cache line, and two words in unit tests, so that these see many blocks.
pub(super) const WORDS: usize = if cfg!(test) { 2 } else { 8 };
/// Slots of a block.
pub(super) const BLOCK: usize = WORDS * 64;
/// Rows that a block made of others holds at most, so that it has room to grow.
const COMFORTABLE: usize = BLOCK / 8 * 7;

/// One bit for each slot of a block, slot 0 in bit 0 of word 0.
pub(super) type Mask = [u64; WORDS];

pub(super) const NO_SLOTS: Mask = [0; WORDS];

/// A row that got another slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) row: u32,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Rows that are packed at once.
pub(super) type Eight = [u32; 8];

/// Eights of a block.
pub(super) const EIGHTS: usize = BLOCK / 8;

#[derive(Clone, Debug)]
pub(super) struct Block {
    /// In eights, so that none has to be made whole to be packed, and in place, so that a walk waits for no pointer to
    /// them; what is behind the last row is of no meaning.
    rows: [Eight; EIGHTS],
    pub(super) live: Mask,
    /// Slots that are or were taken.
    used: u32,
    count: u32,
}

impl Default for Block {
    fn default() -> Self {
        Self { rows: [[0; 8]; EIGHTS], live: NO_SLOTS, used: 0, count: 0 }
    }
}

impl Block {
    fn of(rows: &[u32]) -> Self {
        let mut block = Self::default();
        rows.iter().for_each(|row| {
            block.push(*row);
        });
        block
    }

    fn push(&mut self, row: u32) -> u32 {
        let at = self.used;
        self.rows.as_flattened_mut()[at as usize] = row;
        set(&mut self.live, at);
        self.used += 1;
        self.count += 1;
        at
    }

    /// The row of each slot, and numbers of no meaning behind the last.
    #[inline(always)]
    pub(super) fn rows(&self) -> &[u32] {
        self.rows.as_flattened()
    }

    /// The same, as they are packed.
    #[inline(always)]
    pub(super) fn eights(&self) -> &[Eight; EIGHTS] {
        &self.rows
    }

    fn live_slots(&self) -> impl Iterator<Item = u32> {
        super::bits::ones(&self.live)
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.live_slots().next().map(|at| self.rows()[at as usize])
    }

    pub(super) fn last(&self) -> Option<u32> {
        highest(&self.live).map(|at| self.rows()[at as usize])
    }
}

#[inline]
pub(super) fn set(mask: &mut Mask, at: u32) {
    mask[at as usize / 64 % WORDS] |= 1 << (at % 64);
}

#[inline]
pub(super) fn clear(mask: &mut Mask, at: u32) {
    mask[at as usize / 64 % WORDS] &= !(1 << (at % 64));
}

#[inline]
pub(super) fn is_set(mask: &Mask, at: u32) -> bool {
    mask[at as usize / 64 % WORDS] >> (at % 64) & 1 != 0
}

fn highest(mask: &Mask) -> Option<u32> {
    let word = mask.iter().rposition(|word| *word != 0)?;
    Some(word as u32 * 64 + 63 - mask[word].leading_zeros())
}

/// The block and the place in it of a slot.
#[inline]
pub(super) fn split(slot: u32) -> (u32, u32) {
    (slot / BLOCK as u32, slot % BLOCK as u32)
}

#[derive(Clone, Debug, Default)]
pub(super) struct Spine {
    blocks: Chunked<Part<Block>>,
    order: Vec<u32>,
    free: Vec<u32>,
    len: usize,
}

impl Spine {
    /// How many live rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One more than the largest block number.
    pub(super) fn block_limit(&self) -> usize {
        self.blocks.len()
    }

    /// The block numbers, oldest first.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    #[inline]
    pub(super) fn block(&self, number: u32) -> &Block {
        &self.blocks[number as usize]
    }

    /// Has the block of a slot fetched.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        let block = self.block(split(slot).0);
        prefetch_line(&block.live);
        prefetch_line(&block.count);
    }

    /// Whether a block number is nobody's now.
    pub(super) fn is_released(&self, number: u32) -> bool {
        self.block(number).used == 0
    }

    /// Adds rows in ascending order of activity while facts are loaded, and says which slot each got.
    pub(super) fn load(&mut self, rows: &[u32], mut placed: impl FnMut(u32, u32)) {
        for chunk in rows.chunks(BLOCK) {
            let number = self.add_block(Block::of(chunk));
            self.order.push(number);
            for (at, row) in chunk.iter().enumerate() {
                placed(*row, number * BLOCK as u32 + at as u32);
            }
        }
        self.len += rows.len();
    }

    /// Adds a row where it belongs; the rows that move to make room come first in `moves`.
    ///
    /// Returns its slot. `compare` orders two rows, ascending by activity.
    pub(super) fn insert(&mut self, row: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) -> u32 {
        self.len += 1;
        let is_before = |number: &u32| {
            count_blocks(1);
            self.block(*number).first().is_some_and(|first| compare(first, row).is_lt())
        };
        let at = match self.order.last() {
            Some(last) if is_before(last) => self.order.len(),
            _ => self.order.partition_point(is_before),
        };
        let Some(at) = at.checked_sub(1).or((!self.order.is_empty()).then_some(0)) else {
            return self.add_newest(row);
        };
        let number = self.order[at];
        let block = self.block(number);
        let comes_last = block.last().is_none_or(|last| compare(last, row).is_lt());
        match comes_last {
            true if (block.used as usize) < BLOCK => self.append(number, row),
            // A last block that is mostly gaps is laid out anew, or each would stay behind nearly empty.
            true if at + 1 == self.order.len() && block.count as usize > BLOCK / 2 => self.add_newest(row),
            _ => self.open_up(at, row, compare, moves),
        }
    }

    fn add_newest(&mut self, row: u32) -> u32 {
        let number = self.add_block(Block::of(&[row]));
        self.order.push(number);
        number * BLOCK as u32
    }

    fn append(&mut self, number: u32, row: u32) -> u32 {
        number * BLOCK as u32 + self.block_mut(number).push(row)
    }

    /// Lays a block out anew with one more row in between, as one block or as two halves.
    fn open_up(&mut self, at: usize, row: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) -> u32 {
        let old = self.order[at];
        let mut slots = self.live_of(old);
        let place = slots.partition_point(|(other, _)| compare(*other, row).is_lt());
        slots.insert(place, (row, u32::MAX));
        let half = match slots.len() > COMFORTABLE {
            true => slots.len().div_ceil(2),
            false => slots.len(),
        };
        let mut slot = 0;
        let mut numbers = Vec::new();
        for part in slots.chunks(half) {
            let number = self.lay_out(part, moves);
            numbers.push(number);
            if let Some(found) = part.iter().position(|(other, _)| *other == row) {
                slot = number * BLOCK as u32 + found as u32;
            }
        }
        self.order.splice(at..=at, numbers);
        self.release(old);
        slot
    }

    /// The live rows of a block with their slots, in order.
    fn live_of(&self, number: u32) -> Vec<(u32, u32)> {
        let block = self.block(number);
        block.live_slots().map(|at| (block.rows()[at as usize], number * BLOCK as u32 + at)).collect()
    }

    /// A fresh block of these rows; notes the move of each that had a slot.
    fn lay_out(&mut self, slots: &[(u32, u32)], moves: &mut Vec<Move>) -> u32 {
        count_rows(slots.len());
        let rows: Vec<u32> = slots.iter().map(|(row, _)| *row).collect();
        let number = self.add_block(Block::of(&rows));
        for (at, (row, from)) in slots.iter().enumerate() {
            if *from != u32::MAX {
                moves.push(Move { row: *row, from: *from, to: number * BLOCK as u32 + at as u32 });
            }
        }
        number
    }

    /// Takes the row of a slot out, and merges its block with a neighbour if both then fit into one.
    ///
    /// `compare` orders two rows, ascending by activity.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) {
        let (number, at) = split(slot);
        self.len -= 1;
        let count = self.block(number).count as usize - 1;
        // The block is looked up in the order when little is left of it; the latest is not worth merging, for it is
        // about to grow.
        let is_worth_merging = count * 2 <= BLOCK && count.is_multiple_of(16) && self.order.last() != Some(&number);
        // While the row is still there, or an empty block would not be found.
        let place = (count == 0 || is_worth_merging).then(|| self.place_of(slot, compare));
        let block = self.block_mut(number);
        clear(&mut block.live, at);
        block.count -= 1;
        let Some(place) = place else {
            return;
        };
        if count == 0 {
            self.order.remove(place);
            self.release(number);
            return;
        }
        let fits =
            |other: Option<&u32>| other.is_some_and(|other| self.block(*other).count as usize + count <= COMFORTABLE);
        if fits(place.checked_sub(1).and_then(|place| self.order.get(place))) {
            self.merge(place - 1, moves);
        } else if place + 2 < self.order.len() && fits(self.order.get(place + 1)) {
            self.merge(place, moves);
        }
    }

    /// The place in the order of a live slot's block. O(log blocks).
    fn place_of(&self, slot: u32, compare: impl Fn(u32, u32) -> Ordering) -> usize {
        let (number, at) = split(slot);
        let row = self.block(number).rows()[at as usize];
        let does_not_follow = |other: &u32| {
            count_blocks(1);
            self.block(*other).first().is_some_and(|first| compare(first, row).is_le())
        };
        let place = self.order.partition_point(does_not_follow) - 1;
        debug_assert_eq!(self.order[place], number);
        place
    }

    /// Lays the blocks at `place` and behind it out as one.
    fn merge(&mut self, place: usize, moves: &mut Vec<Move>) {
        let (one, two) = (self.order[place], self.order[place + 1]);
        let mut slots = self.live_of(one);
        slots.extend(self.live_of(two));
        let number = self.lay_out(&slots, moves);
        self.order.splice(place..=place + 1, [number]);
        self.release(one);
        self.release(two);
    }

    fn add_block(&mut self, block: Block) -> u32 {
        match self.free.pop() {
            Some(number) => {
                *self.blocks.get_mut(number as usize) = Part::new(block);
                number
            }
            None => {
                self.blocks.push(Part::new(block));
                self.blocks.len() as u32 - 1
            }
        }
    }

    fn release(&mut self, number: u32) {
        // One for all of them, which is never written to: a number that is used again gets a block of its own.
        static RELEASED: LazyLock<Part<Block>> = LazyLock::new(Part::default);
        *self.blocks.get_mut(number as usize) = RELEASED.clone();
        self.free.push(number);
    }

    fn block_mut(&mut self, number: u32) -> &mut Block {
        Part::own(self.blocks.get_mut(number as usize))
    }

    /// Where a walk from the newest row starts that leaves out every row for which `is_newer` holds: the place in
    /// the order, and the mask of what is left of that block. Holds for newer rows first, then for none.
    pub(super) fn seek(&self, is_newer: impl Fn(u32) -> bool) -> Option<(usize, Mask)> {
        let place =
            self.order.partition_point(|number| self.block(*number).first().is_some_and(|first| !is_newer(first)));
        let place = place.checked_sub(1)?;
        let block = self.block(self.order[place]);
        let mut live = block.live;
        while let Some(at) = highest(&live) {
            if !is_newer(block.rows()[at as usize]) {
                break;
            }
            clear(&mut live, at);
        }
        Some((place, live))
    }
}
