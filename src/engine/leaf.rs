//! One bit for each slot of a group of blocks: who or what has which attribute.
//!
//! * A page looks at one block's share of a leaf, a badge at all of it.
//! * A number that does not occur in a group has no leaf there; a leaf goes with its last bit, or with the block that had
//!   it. What is done to all leaves has the next ones fetched ahead.
//!
//! Nothing here knows what an attribute is.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::kernel::{Part, and, and_not, is_clear, or, prefetch_line};
use super::moves::Rearranged;
use super::spine::{BLOCK, Mask, NO_SLOTS, WORDS};
use crate::work::count_blocks;

/// Blocks of a group: enough that a badge seldom goes from leaf to leaf, few enough that a leaf is soon copied.
pub(super) const LANES: usize = if cfg!(test) { 2 } else { 32 };
/// Words of a leaf.
pub(super) const SPAN: usize = LANES * WORDS;
/// Slots of a group.
pub(super) const GROUP: usize = LANES * BLOCK;

/// One bit for each slot of a group.
pub(super) type Leaf = [u64; SPAN];

pub(super) const NO_LEAF: Leaf = [0; SPAN];
pub(super) const WHOLE_LEAF: Leaf = [u64::MAX; SPAN];

/// One block's share of a leaf; lanes are counted modulo their number.
#[inline(always)]
pub(super) fn lane_of(leaf: &Leaf, lane: usize) -> &Mask {
    &leaf.as_chunks::<WORDS>().0[lane % LANES]
}

pub(super) fn lane_mut(leaf: &mut Leaf, lane: usize) -> &mut Mask {
    &mut leaf.as_chunks_mut::<WORDS>().0[lane % LANES]
}

/// The group of a slot, and the place in it.
#[inline(always)]
pub(super) fn split_group(slot: u32) -> (usize, u32) {
    ((slot / GROUP as u32) as usize, slot % GROUP as u32)
}

/// The place of a slot in its group.
pub(super) fn place_in_group(slot: u32) -> u32 {
    split_group(slot).1
}

/// The group of a block, and the block's lane in it.
#[inline(always)]
pub(super) fn lane(block: u32) -> (usize, usize) {
    (block as usize / LANES, block as usize % LANES)
}

#[inline(always)]
pub(super) fn set(leaf: &mut Leaf, at: u32) {
    leaf[at as usize / 64 % SPAN] |= 1 << (at % 64);
}

#[inline(always)]
pub(super) fn clear(leaf: &mut Leaf, at: u32) {
    leaf[at as usize / 64 % SPAN] &= !(1 << (at % 64));
}

/// Whether the bit of a place in a group is set.
#[inline(always)]
pub(super) fn is_set(leaf: &Leaf, at: u32) -> bool {
    leaf[at as usize / 64 % SPAN] >> (at % 64) & 1 != 0
}

/// Whether a slot's bit is set in leaves by group.
#[inline(always)]
pub(super) fn is_marked(leaves: &[&Leaf], slot: u32) -> bool {
    let (group, at) = split_group(slot);
    is_set(leaves[group], at)
}

/// How many leaves ahead memory is fetched where one block's share of all of them is looked at.
const AHEAD: usize = 8;

/// Leaves by a small number, such as a tag's or a group's. A number that does not occur in the group has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves(Vec<Option<Part<Leaf>>>);

impl Leaves {
    /// The leaf of a number; all clear if the number does not occur.
    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> &Leaf {
        self.0.get(number as usize).and_then(Option::as_deref).unwrap_or(&NO_LEAF)
    }

    /// By number.
    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[Option<Part<Leaf>>] {
        &self.0
    }

    /// The leaves of numbers that occur, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Leaf)> {
        (0..).zip(&self.0).filter_map(|(number, leaf)| Some((number, &**leaf.as_ref()?)))
    }

    /// Sets the leaves of consecutive numbers, of which none has occurred so far.
    pub(super) fn load(&mut self, first: u32, leaves: &[Leaf]) {
        let Some(last) = leaves.iter().rposition(|leaf| !is_clear(leaf)) else {
            return;
        };
        self.make_room(first + last as u32);
        for (number, leaf) in (first..).zip(leaves).filter(|(_, leaf)| !is_clear(leaf)) {
            self.0[number as usize] = Some(Part::new(*leaf));
        }
    }

    fn make(&mut self, number: u32) -> &mut Leaf {
        self.make_room(number);
        Part::own(self.0[number as usize].get_or_insert_with(|| Part::new(NO_LEAF)))
    }

    fn make_room(&mut self, number: u32) {
        let len = number as usize + 1;
        if self.0.len() < len {
            self.0.reserve_exact(len - self.0.len());
            self.0.resize(len, None);
        }
    }

    /// Has a block's share of a leaf fetched, and what says whether a snapshot has the leaf too.
    #[inline(always)]
    pub(super) fn fetch(&self, number: usize, lane: usize) {
        if let Some(Some(leaf)) = self.0.get(number) {
            let share = lane_of(leaf, lane);
            prefetch_line(&leaf[0]);
            // Leaves start anywhere in a line, so that a share is in two.
            prefetch_line(&share[0]);
            prefetch_line(&share[WORDS - 1]);
        }
    }

    /// Takes bits of a block, those of `places`, out of every leaf that has any. Leaves without a bit stay, for the bits
    /// may soon be those of another block; see [`Leaves::drop_clear`].
    pub(super) fn take_shares(&mut self, lane: usize, places: &Mask) -> Shares {
        count_blocks(self.0.len());
        let mut taken = Shares::default();
        for number in 0..self.0.len() {
            self.fetch(number + AHEAD, lane);
            let is_found = |leaf: &&mut Part<Leaf>| !is_clear(&and(lane_of(leaf, lane), places));
            let Some(leaf) = self.0[number].as_mut().filter(is_found) else {
                continue;
            };
            let leaf = Part::own(leaf);
            taken.shares.push((number as u32, take_share(leaf, lane, places)));
            if is_leaf_clear(leaf, lane) {
                taken.clear.push(number as u32);
            }
        }
        taken
    }

    /// Sets bits of a block, those of `places`, to what `carry` makes of shares that were taken.
    pub(super) fn put_shares(
        &mut self,
        lane: usize,
        Shares { shares, .. }: &Shares,
        places: &Mask,
        carry: impl Fn(&Mask) -> Mask,
    ) {
        if let Some((last, _)) = shares.last() {
            self.make_room(*last);
        }
        count_blocks(self.0.len());
        let mut shares = shares.iter().peekable();
        for number in 0..self.0.len() {
            self.fetch(number + AHEAD, lane);
            let share = shares.next_if(|(of, _)| *of as usize == number).map_or(NO_SLOTS, |(_, share)| carry(share));
            let old = self.0[number].as_deref().map_or(&NO_SLOTS, |leaf| lane_of(leaf, lane));
            let new = or(&and_not(old, places), &share);
            if new != *old {
                *lane_mut(self.make(number as u32), lane) = new;
                self.drop_if_clear(number, lane);
            }
        }
    }

    /// Gives the leaves up that have no bit since shares were taken out of them.
    pub(super) fn drop_clear(&mut self, lane: usize, taken: &Shares) {
        taken.clear.iter().for_each(|number| self.drop_if_clear(*number as usize, lane));
        while self.0.pop_if(|last| last.is_none()).is_some() {}
    }

    pub(super) fn set(&mut self, number: u32, at: u32) {
        set(self.make(number), at);
    }

    /// Clears a slot's bit; the leaf goes with its last bit.
    pub(super) fn clear(&mut self, number: u32, at: u32) {
        let Some(place) = self.0.get_mut(number as usize) else {
            return;
        };
        let Some(leaf) = place.as_mut().filter(|leaf| is_set(leaf, at)) else {
            return;
        };
        clear(Part::own(leaf), at);
        self.drop_if_clear(number as usize, at as usize / BLOCK);
    }

    /// Clears a slot's bit in every leaf.
    pub(super) fn clear_all(&mut self, at: u32) {
        for number in 0..self.0.len() as u32 {
            self.fetch(number as usize + AHEAD, at as usize / BLOCK);
            self.clear(number, at);
        }
    }

    /// Has the bits of a block's slots follow their rows in every leaf; a leaf goes with its last bit.
    pub(super) fn rearrange(&mut self, lane: usize, rearranged: &Rearranged) {
        count_blocks(self.0.len());
        for number in 0..self.0.len() {
            self.fetch(number + AHEAD, lane);
            let is_altered = |leaf: &&mut Part<Leaf>| !is_clear(&and(lane_of(leaf, lane), rearranged.altered()));
            if let Some(leaf) = self.0[number].as_mut().filter(is_altered) {
                let share = lane_mut(Part::own(leaf), lane);
                *share = rearranged.apply(share);
                self.drop_if_clear(number, lane);
            }
        }
    }

    /// Gives a leaf up if it has no bit left, since some of a block have been taken.
    fn drop_if_clear(&mut self, number: usize, lane: usize) {
        let place = &mut self.0[number];
        if place.as_ref().is_some_and(|leaf| is_leaf_clear(leaf, lane)) {
            *place = None;
        }
    }

    /// The numbers whose leaves have a slot's bit set.
    pub(super) fn numbers_at(&self, at: u32) -> impl Iterator<Item = u32> {
        let is_found = move |(number, leaf): &(usize, &Option<Part<Leaf>>)| {
            self.fetch(number + AHEAD, at as usize / BLOCK);
            leaf.as_ref().is_some_and(|leaf| is_set(leaf, at))
        };
        self.0.iter().enumerate().filter(is_found).map(|(number, _)| number as u32)
    }
}

/// What the slots of one block had in leaves.
#[derive(Default)]
pub(super) struct Shares {
    /// By number, ascending.
    shares: Vec<(u32, Mask)>,
    /// The numbers of those leaves that had no other bits.
    clear: Vec<u32>,
}

/// Takes bits of a block, those of `places`, out of a leaf.
pub(super) fn take_share(leaf: &mut Leaf, lane: usize, places: &Mask) -> Mask {
    let share = lane_mut(leaf, lane);
    let taken = and(share, places);
    *share = and_not(share, places);
    taken
}

/// Sets bits of a block, those of `places`, to those of a mask of them.
pub(super) fn put_share(leaf: &mut Leaf, lane: usize, places: &Mask, mask: &Mask) {
    let share = lane_mut(leaf, lane);
    *share = or(&and_not(share, places), mask);
}

/// Whether a leaf has no bit left. The share of the block that lost some is looked at first, which is at hand and mostly
/// tells.
pub(super) fn is_leaf_clear(leaf: &Leaf, lane: usize) -> bool {
    is_clear(lane_of(leaf, lane)) && leaf.as_chunks::<WORDS>().0.iter().all(is_clear)
}
