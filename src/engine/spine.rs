//! Order kept, not sorted: rows in ascending order of activity, in blocks of up to 512 slots.
//!
//! ```text
//! order:   [ 3, 0, 4, 1 ]                     block numbers, oldest first
//! block 4: rows [ 17, 9, 23, 5 ]  live 1011   slot of row 23 = 4 × 512 + 2; row 9 has left
//! ```
//!
//! * A new latest row is appended, O(1). A row that leaves clears its live bit, O(1).
//! * A row that comes in between makes up to 64 others move by one, as far as a slot that is nobody's: O(64 + log rows).
//!   If it takes more, its block is laid out anew with such slots among the rows, or the half that it belongs to moves to a
//!   block of its own, O(512); in the latest some are left behind them too, where most are to come. The order makes room
//!   for a block by moving four bytes for each one behind.
//! * A block without live rows is dropped, and two neighbours that fit into one come together when a row leaves, so that
//!   memory stays within a constant of the live rows. Where both have many, that takes two steps: in one rows close ranks,
//!   in the next, after some more have left, others join them.
//! * A clone copies the order, and shares every block.
//!
//! It compares rows only through the function it is given, and knows nothing else of them.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::LazyLock;

use super::bits::ones;
use super::kernel::{Part, and_not, prefetch_line};
use super::shared::Chunked;
use crate::work::{count_blocks, count_rows};

/// Words of a mask over one block: a cache line, and two words in unit tests, so that these see many blocks.
pub(super) const WORDS: usize = if cfg!(test) { 2 } else { 8 };
/// Slots of a block.
pub(super) const BLOCK: usize = WORDS * 64;
/// Rows that a block made of others holds at most, so that it has room to grow.
const COMFORTABLE: usize = BLOCK / 8 * 7;

/// Rows that move at most to make way for one.
const NEAR: usize = BLOCK / 8;

/// Rows beyond which two blocks come together in two steps, the second when some more have left.
const AT_ONCE: usize = BLOCK / 2;

/// One bit for each slot of a block, slot 0 in bit 0 of word 0.
pub(super) type Mask = [u64; WORDS];

pub(super) const NO_SLOTS: Mask = [0; WORDS];
pub(super) const ALL_SLOTS: Mask = [u64::MAX; WORDS];

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
    /// A block of these rows in so many heaps of as many, which take so many slots, those behind each that are nobody's
    /// included.
    fn of(rows: &[u32], (heaps, span): (usize, usize)) -> Self {
        let mut block = Self { used: span as u32, count: rows.len() as u32, ..Self::default() };
        for heap in 0..heaps {
            let share = heap * rows.len() / heaps..(heap + 1) * rows.len() / heaps;
            (heap * span / heaps..).zip(&rows[share]).for_each(|(at, row)| block.put(at as u32, *row));
        }
        block
    }

    fn push(&mut self, row: u32) -> u32 {
        let at = self.used;
        self.put(at, row);
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

    fn put(&mut self, at: u32, row: u32) {
        self.rows.as_flattened_mut()[at as usize] = row;
        set(&mut self.live, at);
    }

    /// Has the row of a slot take over another of the block, whose number is given.
    fn take_over(&mut self, number: u32, from: u32, to: u32) -> Move {
        let row = self.rows()[from as usize];
        clear(&mut self.live, from);
        self.put(to, row);
        Move { row, from: number * BLOCK as u32 + from, to: number * BLOCK as u32 + to }
    }

    fn live_slots(&self) -> impl Iterator<Item = u32> {
        ones(&self.live)
    }

    /// Which rows go where, so that so many slots in a row are nobody's at the end of the block or at its start: those
    /// that are nearest to it close ranks, the farthest first.
    fn packing(&self, needed: usize, is_behind: bool) -> Vec<(u32, u32)> {
        let last = BLOCK as u32 - 1;
        let seen_from_end = |at: u32| if is_behind { last - at } else { at };
        let (mut near, mut at) = (Vec::new(), 0);
        while (at as usize) < needed + near.len() && at <= last {
            if is_set(&self.live, seen_from_end(at)) {
                near.push(at);
            }
            at += 1;
        }
        let taken = (0..at).rev();
        near.iter().rev().zip(taken).map(|(from, to)| (seen_from_end(*from), seen_from_end(to))).collect()
    }

    /// The slot behind those rows for which `is_older` holds: for older rows first, then for none. O(log 512).
    fn end_of(&self, is_older: impl Fn(u32) -> bool) -> u32 {
        let (mut start, mut end) = (0, BLOCK as u32);
        while start < end {
            let middle = (start + end) / 2;
            match lowest(&from(&self.live, middle)) {
                Some(at) if at < end && is_older(self.rows()[at as usize]) => start = at + 1,
                _ => end = middle,
            }
        }
        start
    }

    /// The slots behind those rows, live or not. O(1) where it holds for all of them or for none, as of most blocks.
    pub(super) fn slots_behind(&self, is_older: impl Fn(u32) -> bool) -> Mask {
        match (self.first(), self.last()) {
            (Some(first), _) if !is_older(first) => ALL_SLOTS,
            (_, Some(last)) if is_older(last) => NO_SLOTS,
            _ => from(&ALL_SLOTS, self.end_of(is_older)),
        }
    }

    pub(super) fn first(&self) -> Option<u32> {
        lowest(&self.live).map(|at| self.rows()[at as usize])
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

/// The bits of a mask from a place on.
fn from(mask: &Mask, at: u32) -> Mask {
    std::array::from_fn(|word| mask[word] & u64::MAX.checked_shl(at.saturating_sub(word as u32 * 64)).unwrap_or(0))
}

/// The bits of a mask before a place.
fn before(mask: &Mask, at: u32) -> Mask {
    and_not(mask, &from(mask, at))
}

fn lowest(mask: &Mask) -> Option<u32> {
    ones(mask).next()
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
    /// Whether rows may move at little cost, for nothing but the slot is kept of each. Otherwise they keep together as far
    /// as words do, for masks follow their rows word by word, and blocks come together in place.
    is_loose: bool,
}

/// Where slots that are nobody's are left in a block that is laid out.
#[derive(Clone, Copy, Debug)]
enum Gaps {
    /// Behind the rows, for only later ones are expected: while facts are loaded.
    Behind,
    /// Among the rows, for one may come in between again.
    Between,
    /// Among them and behind.
    Both,
}

/// Where a row has been put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) slot: u32,
    /// Whether another row has left the slot, at this or at another time, so that something may still be known by it.
    pub(super) is_taken_over: bool,
}

impl Place {
    fn fresh(slot: u32) -> Self {
        Self { slot, is_taken_over: false }
    }
}

impl Spine {
    /// One of which nothing is known by slot, so that rows may move at little cost.
    pub(super) fn loose() -> Self {
        Self { is_loose: true, ..Self::default() }
    }

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

    /// Whether a block has as many live rows as it counts, all in slots that it knows to be taken.
    pub(super) fn is_sound(&self, number: u32) -> bool {
        let block = self.block(number);
        block.live_slots().count() == block.count as usize && block.live_slots().all(|at| at < block.used)
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
        for rows in rows.chunks(if self.is_loose { COMFORTABLE } else { BLOCK }) {
            let number = self.add_block(Block::of(rows, self.layout(rows.len(), Gaps::Behind)));
            self.order.push(number);
            for (row, at) in rows.iter().zip(self.block(number).live_slots()) {
                placed(*row, number * BLOCK as u32 + at);
            }
        }
        self.len += rows.len();
    }

    /// Adds a row where it belongs. The rows that move to make room are noted in `moves`, each to a slot that was nobody's
    /// or that one before it has left.
    ///
    /// `compare` orders two rows, ascending by activity.
    pub(super) fn insert(&mut self, row: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) -> Place {
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
            return Place::fresh(self.add_newest(row));
        };
        let number = self.order[at];
        let block = self.block(number);
        let comes_last = block.last().is_none_or(|last| compare(last, row).is_lt());
        match comes_last {
            true if (block.used as usize) < BLOCK => Place::fresh(self.append(number, row)),
            // A last block that is mostly gaps is laid out anew, or each would stay behind nearly empty.
            true if self.is_latest(at) && block.count as usize > BLOCK / 2 => Place::fresh(self.add_newest(row)),
            true if self.is_latest(at) && !self.is_loose => self.open_up(at, row, compare, moves),
            _ => match self.make_way(number, row, &compare, moves) {
                Some(slot) => Place { slot, is_taken_over: true },
                None => self.open_up(at, row, compare, moves),
            },
        }
    }

    fn is_latest(&self, at: usize) -> bool {
        at + 1 == self.order.len()
    }

    fn add_newest(&mut self, row: u32) -> u32 {
        let number = self.add_block(Block::of(&[row], (1, 1)));
        self.order.push(number);
        number * BLOCK as u32
    }

    fn append(&mut self, number: u32, row: u32) -> u32 {
        number * BLOCK as u32 + self.block_mut(number).push(row)
    }

    /// Puts a row where it belongs in a block, whose rows move by one between there and the nearest slot that is nobody's.
    /// Returns its slot; `None` if these are many.
    fn make_way(
        &mut self,
        number: u32,
        row: u32,
        compare: impl Fn(u32, u32) -> Ordering,
        moves: &mut Vec<Move>,
    ) -> Option<u32> {
        let place = self.place_in(number, row, compare);
        let block = self.block(number);
        let nobodys = block.live.map(|word| !word);
        let later = lowest(&from(&nobodys, place)).map(|gap| (gap - place, gap));
        let earlier = highest(&before(&nobodys, place)).map(|gap| (place - 1 - gap, gap));
        let (count, gap) = later.into_iter().chain(earlier).min().filter(|(count, _)| *count as usize <= NEAR)?;
        count_rows(count as usize);
        let block = self.block_mut(number);
        let made = match gap < place {
            true => {
                moves.extend((gap + 1..place).map(|at| block.take_over(number, at, at - 1)));
                place - 1
            }
            false => {
                moves.extend((place..gap).rev().map(|at| block.take_over(number, at, at + 1)));
                place
            }
        };
        block.put(made, row);
        block.used = block.used.max(gap + 1);
        block.count += 1;
        Some(number * BLOCK as u32 + made)
    }

    /// The slot of a block before which a row belongs: all live ones from there on are later. O(log 512).
    fn place_in(&self, number: u32, row: u32, compare: impl Fn(u32, u32) -> Ordering) -> u32 {
        self.block(number).end_of(|other| compare(other, row).is_lt())
    }

    /// Makes room for a row in between where there is none: a block is laid out anew where it is, or the half that the row
    /// belongs to moves to one of its own. The latest moves to another, so that nothing is known of the slots behind its
    /// rows.
    fn open_up(&mut self, at: usize, row: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) -> Place {
        let (number, is_latest) = (self.order[at], self.is_latest(at));
        let mut slots = self.live_of(number);
        let place = slots.partition_point(|(other, _)| compare(*other, row).is_lt());
        slots.insert(place, (row, u32::MAX));
        if slots.len() <= COMFORTABLE && (!is_latest || self.is_loose) {
            return Place { slot: self.spread(number, &slots, moves), is_taken_over: true };
        }
        let (older, newer) = slots.split_at(slots.len().div_ceil(2));
        let made = match slots.len() > COMFORTABLE {
            true if place < older.len() => self.move_out(at, older, Gaps::Between, moves),
            true => self.move_out(at + 1, newer, if is_latest { Gaps::Both } else { Gaps::Between }, moves),
            false => self.move_out(at + 1, &slots, Gaps::Both, moves),
        };
        if self.block(number).count == 0 {
            self.order.remove(at);
            self.release(number);
        }
        let is_new = |slot: &&(u32, u32)| slot.0 == row;
        Place::fresh(self.live_of(made).iter().find(is_new).map_or(0, |(_, slot)| *slot))
    }

    /// Moves rows of a block to one of their own, whose place in the order is given, with one that is new. Returns its
    /// number.
    fn move_out(&mut self, at: usize, slots: &[(u32, u32)], gaps: Gaps, moves: &mut Vec<Move>) -> u32 {
        let first_move = moves.len();
        let number = self.lay_out(slots, gaps, moves);
        self.order.insert(at, number);
        for one in &moves[first_move..] {
            let (number, from) = split(one.from);
            let block = self.block_mut(number);
            clear(&mut block.live, from);
            block.count -= 1;
        }
        number
    }

    /// Lays a block out anew where it is; returns the slot of the row that is new.
    fn spread(&mut self, number: u32, slots: &[(u32, u32)], moves: &mut Vec<Move>) -> u32 {
        count_rows(slots.len());
        let rows: Vec<u32> = slots.iter().map(|(row, _)| *row).collect();
        let (start, spread) = (number * BLOCK as u32, Block::of(&rows, self.layout(rows.len(), Gaps::Between)));
        let places: Vec<(u32, u32)> = slots.iter().map(|(_, slot)| *slot).zip(spread.live_slots()).collect();
        let is_new = |(slot, _): &&(u32, u32)| *slot == u32::MAX;
        let made = places.iter().find(is_new).map_or(start, |(_, to)| start + to);
        let moving = || places.iter().filter(|place| !is_new(place)).map(|(slot, to)| (slot - start, *to));
        // In this order each moves to a slot that is nobody's by then.
        let (down, up) = (moving().filter(|(from, to)| to < from), moving().rev().filter(|(from, to)| to > from));
        let block = self.block_mut(number);
        moves.extend(down.chain(up).map(|(from, to)| block.take_over(number, from, to)));
        *block = spread;
        made
    }

    /// The live rows of a block with their slots, in order.
    fn live_of(&self, number: u32) -> Vec<(u32, u32)> {
        let block = self.block(number);
        block.live_slots().map(|at| (block.rows()[at as usize], number * BLOCK as u32 + at)).collect()
    }

    /// A fresh block of these rows; notes the move of each that had a slot.
    fn lay_out(&mut self, slots: &[(u32, u32)], gaps: Gaps, moves: &mut Vec<Move>) -> u32 {
        count_rows(slots.len());
        let rows: Vec<u32> = slots.iter().map(|(row, _)| *row).collect();
        let block = Block::of(&rows, self.layout(rows.len(), gaps));
        let taken: Vec<u32> = block.live_slots().collect();
        let number = self.add_block(block);
        for (at, (row, from)) in taken.iter().zip(slots) {
            if *from != u32::MAX {
                moves.push(Move { row: *row, from: *from, to: number * BLOCK as u32 + at });
            }
        }
        number
    }

    /// How many heaps so many rows of a block are, and how many slots these take.
    fn layout(&self, rows: usize, gaps: Gaps) -> (usize, usize) {
        match gaps {
            _ if self.is_loose => (rows, BLOCK),
            Gaps::Behind => (1, rows),
            Gaps::Between => (WORDS, BLOCK),
            Gaps::Both => {
                let words = rows.div_ceil(COMFORTABLE / WORDS);
                (words, words * 64)
            }
        }
    }

    /// Takes the row of a slot out, and brings its block together with a neighbour if both then fit into one, in one step or
    /// two. The rows that move are noted in `moves`, each to a slot that was nobody's or that one before it has left.
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

    /// Brings the blocks at `place` and behind it together: the rows of one go behind those of the other or before them,
    /// where others close ranks if there is no room. Where many have to move, this is all that is done for now.
    fn merge(&mut self, place: usize, moves: &mut Vec<Move>) {
        if self.is_loose {
            return self.lay_out_as_one(place, moves);
        }
        let (older, newer) = (self.order[place], self.order[place + 1]);
        let [newer_joins, older_joins] =
            [(newer, older, true), (older, newer, false)].map(|(one, other, is_behind)| {
                let needed = self.block(one).count as usize;
                (needed, self.block(other).packing(needed, is_behind))
            });
        let is_behind = newer_joins.0 + newer_joins.1.len() <= older_joins.0 + older_joins.1.len();
        let (one, other, (needed, packing)) =
            if is_behind { (newer, older, newer_joins) } else { (older, newer, older_joins) };
        if !packing.is_empty() {
            count_rows(packing.len());
            let block = self.block_mut(other);
            moves.extend(packing.iter().map(|(from, to)| block.take_over(other, *from, *to)));
            // Or the next row that comes last would be put over one of these.
            block.used = block.used.max(highest(&block.live).map_or(0, |last| last + 1));
        }
        if packing.is_empty() || needed + packing.len() <= AT_ONCE {
            self.join(one, other, is_behind, moves);
            self.order.remove(place + usize::from(is_behind));
        }
    }

    /// Puts the rows of a block behind those of another or before them, where there is room, and gives it up.
    fn join(&mut self, one: u32, other: u32, is_behind: bool, moves: &mut Vec<Move>) {
        let rows = self.live_of(one);
        count_rows(rows.len());
        let live = &self.block(other).live;
        let first = match is_behind {
            true => highest(live).map_or(0, |last| last + 1),
            false => lowest(live).unwrap_or(BLOCK as u32) - rows.len() as u32,
        };
        let block = self.block_mut(other);
        for (at, (row, from)) in (first..).zip(&rows) {
            block.put(at, *row);
            moves.push(Move { row: *row, from: *from, to: other * BLOCK as u32 + at });
        }
        block.used = block.used.max(first + rows.len() as u32);
        block.count += rows.len() as u32;
        self.release(one);
    }

    /// Lays the blocks at `place` and behind it out anew as one, with room in between.
    fn lay_out_as_one(&mut self, place: usize, moves: &mut Vec<Move>) {
        let (one, two) = (self.order[place], self.order[place + 1]);
        let mut slots = self.live_of(one);
        slots.extend(self.live_of(two));
        let number = self.lay_out(&slots, Gaps::Between, moves);
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
    ///
    /// O(log blocks with newer rows + log 512): pages follow each other from the newest on.
    pub(super) fn seek(&self, is_newer: impl Fn(u32) -> bool) -> Option<(usize, Mask)> {
        let is_older = |row: u32| {
            count_rows(1);
            !is_newer(row)
        };
        let starts_older = |number: &u32| self.block(*number).first().is_some_and(is_older);
        let blocks = self.order.len();
        let mut looked_at = 1;
        while looked_at < blocks && !starts_older(&self.order[blocks - looked_at]) {
            looked_at *= 2;
        }
        let start = blocks.saturating_sub(looked_at);
        let place = (start + self.order[start..].partition_point(starts_older)).checked_sub(1)?;
        let number = self.order[place];
        let block = self.block(number);
        Some((place, before(&block.live, block.end_of(is_older))))
    }

    /// The places in the order of the blocks that may have rows which are neither older nor newer. `is_older` holds for
    /// older rows, then for none, and `is_newer` for newer ones. O(log blocks).
    pub(super) fn stretch(&self, is_older: impl Fn(u32) -> bool, is_newer: impl Fn(u32) -> bool) -> Range<usize> {
        let holds = |row: Option<u32>, is_so: &dyn Fn(u32) -> bool| {
            count_rows(1);
            row.is_some_and(is_so)
        };
        let start = self.order.partition_point(|number| holds(self.block(*number).last(), &is_older));
        let end = self.order.partition_point(|number| !holds(self.block(*number).first(), &is_newer));
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::LEAP;
    use crate::work::Work;

    /// Rows by slot as moves leave them, and no row moves to another's slot.
    struct Followed(Vec<Option<u32>>);

    impl Followed {
        fn follow(&mut self, moves: &[Move]) {
            for one in moves {
                let to = one.to as usize;
                self.0.resize(self.0.len().max(to + 1), None);
                assert_eq!(self.0[one.from as usize].take(), Some(one.row));
                assert_eq!(self.0[to].replace(one.row), None);
            }
        }

        fn put(&mut self, slot: u32, row: u32) {
            self.0.resize(self.0.len().max(slot as usize + 1), None);
            assert_eq!(self.0[slot as usize].replace(row), None);
        }

        fn slot(&self, row: u32) -> u32 {
            self.0.iter().position(|one| *one == Some(row)).unwrap() as u32
        }
    }

    fn rows(spine: &Spine) -> Vec<(u32, u32)> {
        spine.order().iter().flat_map(|number| spine.live_of(*number)).collect()
    }

    #[test]
    fn rows_come_and_go_anywhere_and_moves_tell_where_they_are() {
        for mut spine in [Spine::default(), Spine::loose()] {
            let (mut followed, mut expected) = (Followed(Vec::new()), Vec::new());
            let loaded: Vec<u32> = (0..300).map(|row| row * 10).collect();
            spine.load(&loaded, |row, slot| followed.put(slot, row));
            expected.extend(loaded);
            for step in (0..3_000_u32).step_by(LEAP) {
                let (row, mut moves) = (step * 7_919 % 3_301, Vec::new());
                match expected.binary_search(&row) {
                    Ok(place) => {
                        let slot = followed.slot(row);
                        spine.remove(slot, |one, two| one.cmp(&two), &mut moves);
                        followed.0[slot as usize] = None;
                        expected.remove(place);
                        followed.follow(&moves);
                    }
                    Err(place) => {
                        let made = spine.insert(row, |one, two| one.cmp(&two), &mut moves);
                        followed.follow(&moves);
                        followed.put(made.slot, row);
                        expected.insert(place, row);
                    }
                }
                assert!(rows(&spine).iter().map(|(row, _)| row).eq(&expected), "step {step}");
                assert!(rows(&spine).iter().all(|(row, slot)| followed.0[*slot as usize] == Some(*row)), "step {step}");
            }
        }
    }

    /// Where each laid its block out anew, they would be all rows of it.
    #[test]
    fn few_rows_move_to_make_way_for_one() {
        for (mut spine, most) in [(Spine::default(), 48), (Spine::loose(), 6)] {
            // Every second of them first, and then, not in order, the others.
            let mut moved = Vec::new();
            spine.load(&(0..2_000).map(|row| row * 2).collect::<Vec<u32>>(), |_, _| ());
            for row in (0..2_000).map(|step| step * 701 % 2_000 * 2 + 1) {
                spine.insert(row, |one, two| one.cmp(&two), &mut moved);
            }
            assert!(moved.len() < 2_000 * most, "{}", moved.len());
        }
    }

    /// Where each of a block that is newer were looked at, they would be half a block's.
    #[test]
    fn what_is_newer_is_left_out_at_a_few_looks() {
        let (mut spine, mut followed) = (Spine::default(), Followed(Vec::new()));
        let rows = 40 * BLOCK as u32;
        spine.load(&(0..rows).collect::<Vec<u32>>(), |row, slot| followed.put(slot, row));
        // Some one by one, the start of a block, the end of another, and one as a whole.
        let is_kept = |row: u32| row % 5 != 2 && !(500..700).contains(&row) && !(1_000..1_200).contains(&row);
        for row in (0..rows).filter(|row| !is_kept(*row)) {
            let (slot, mut moves) = (followed.slot(row), Vec::new());
            spine.remove(slot, |one, two| one.cmp(&two), &mut moves);
            followed.0[slot as usize] = None;
            followed.follow(&moves);
        }
        for end in 0..=rows {
            let mut found = None;
            let work = Work::of(|| found = spine.seek(|row| row >= end));
            let older = found.into_iter().flat_map(|(place, live)| {
                let (before, at) = (&spine.order()[..place], spine.block(spine.order()[place]));
                let whole = before.iter().flat_map(|number| spine.live_of(*number)).map(|(row, _)| row);
                whole.chain(ones(&live).map(|slot| at.rows()[slot as usize])).collect::<Vec<u32>>()
            });
            assert!(older.eq((0..end).filter(|row| is_kept(*row))), "{end}");
            let newer = (rows - end) / BLOCK as u32;
            assert!(work.rows as u32 <= 2 * newer.max(1).ilog2() + BLOCK.ilog2() + 6, "{end}: {work:?}");
        }
    }

    /// Where both blocks were laid out anew as one, most would be seven eighths of a block.
    #[test]
    fn blocks_that_lose_their_rows_come_together_a_part_at_a_time() {
        let (mut spine, mut followed, mut most) = (Spine::default(), Followed(Vec::new()), 0);
        let rows = 40 * BLOCK as u32;
        spine.load(&(0..rows).collect::<Vec<u32>>(), |row, slot| followed.put(slot, row));
        for left in 1..rows {
            let (slot, mut moves) = (followed.slot((left * 2_741) % rows), Vec::new());
            spine.remove(slot, |one, two| one.cmp(&two), &mut moves);
            followed.0[slot as usize] = None;
            followed.follow(&moves);
            most = most.max(moves.len());
            let held = spine.order().len() * BLOCK;
            assert!(held <= spine.len() * 7 / 2 + 3 * BLOCK, "{held} slots for {} rows", spine.len());
        }
        assert!(most <= AT_ONCE, "{most} rows in one change");
    }

    /// As messages do that are delivered a little late.
    #[test]
    fn rows_that_come_nearly_in_order_move_those_that_should_have_come_later() {
        for mut spine in [Spine::default(), Spine::loose()] {
            let mut moved = Vec::new();
            for row in (0..4_000_u32).map(|step| step ^ 3) {
                spine.insert(row, |one, two| one.cmp(&two), &mut moved);
            }
            assert!(moved.len() < 4_000 * 5, "{}", moved.len());
        }
    }
}
