//! The conversations that are not archived, in order, with a mask for every attribute that filters ask for.
//!
//! ```text
//! spine:  blocks of 512 slots, in order of activity        group 0 = blocks 0 to 31, group 1 = blocks 32 to 63, …
//! group:  one leaf of 16,384 bits for each of: unassigned, with a restricted contact, each contact tag,
//!         each conversation tag, each teammate who has read it;   and the class of each slot
//! ```
//!
//! A page looks at one block's share of a few leaves, a badge at whole leaves, 16,384 conversations at a time.
//!
//! * A conversation that enters sets a bit per attribute; one that leaves clears its live bit in the spine and leaves
//!   the others behind, until the slot is another's. A block that is given up has its share of every leaf taken out,
//!   O(tags + teammates), once for many conversations that left it.
//! * Where some move by a slot, so do their bits: O(tags), and O(teammates) if any may have been read.
//! * A clone is O(groups); a write copies the lists of one group's leaves, and the leaves that it changes, if a snapshot
//!   shares them.
//!
//! Nothing here knows who may see what.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;

use super::bits::ones;
use super::kernel::{Part, and, and_not, is_clear, or, prefetch, prefetch_line};
use super::room::{give_back, make_room};
use super::spine::{self, BLOCK, Mask, Move, NO_SLOTS, Place, Spine, WORDS, split};
use crate::work::{count_blocks, count_rows};

/// Blocks of a group: enough that a badge seldom goes from leaf to leaf, few enough that a leaf is soon copied.
const LANES: usize = if cfg!(test) { 2 } else { 32 };
/// Words of a leaf.
const SPAN: usize = LANES * WORDS;
/// Slots of a group.
const GROUP: usize = LANES * BLOCK;

/// One bit for each slot of a group.
pub(super) type Leaf = [u64; SPAN];

pub(super) const NO_LEAF: Leaf = [0; SPAN];
pub(super) const WHOLE_LEAF: Leaf = [u64::MAX; SPAN];

/// One block's share of a leaf; lanes are counted modulo their number.
#[inline(always)]
pub(super) fn lane_of(leaf: &Leaf, lane: usize) -> &Mask {
    &leaf.as_chunks::<WORDS>().0[lane % LANES]
}

fn lane_mut(leaf: &mut Leaf, lane: usize) -> &mut Mask {
    &mut leaf.as_chunks_mut::<WORDS>().0[lane % LANES]
}

/// The group of a slot, and the place in it.
#[inline(always)]
fn split_group(slot: u32) -> (usize, u32) {
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
fn set(leaf: &mut Leaf, at: u32) {
    leaf[at as usize / 64 % SPAN] |= 1 << (at % 64);
}

#[inline(always)]
fn clear(leaf: &mut Leaf, at: u32) {
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

/// Leaves by a small number, such as a tag's. A number that does not occur in the group has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves(Vec<Option<Part<Leaf>>>);

impl Leaves {
    /// The leaf of a number; all clear if the number does not occur.
    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> &Leaf {
        self.0.get(number as usize).and_then(Option::as_deref).unwrap_or(&NO_LEAF)
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
    fn fetch(&self, number: usize, lane: usize) {
        if let Some(Some(leaf)) = self.0.get(number) {
            let share = lane_of(leaf, lane);
            prefetch_line(&leaf[0]);
            // Leaves start anywhere in a line, so that a share is in two.
            prefetch_line(&share[0]);
            prefetch_line(&share[WORDS - 1]);
        }
    }

    /// Takes a block's share of every leaf out, where that is any bits. Leaves without a bit stay, for the bits may soon
    /// be those of another block; see [`Leaves::drop_clear`].
    fn take_shares(&mut self, lane: usize) -> Shares {
        count_blocks(self.0.len());
        let mut taken = Shares::default();
        for number in 0..self.0.len() {
            self.fetch(number + AHEAD, lane);
            let Some(leaf) = self.0[number].as_mut().filter(|leaf| !is_clear(lane_of(leaf, lane))) else {
                continue;
            };
            let leaf = Part::own(leaf);
            taken.shares.push((number as u32, std::mem::replace(lane_mut(leaf, lane), NO_SLOTS)));
            if is_leaf_clear(leaf, lane) {
                taken.clear.push(number as u32);
            }
        }
        taken
    }

    /// Adds what `carry` makes of shares that were taken to a block's.
    fn add_shares(&mut self, lane: usize, Shares { shares, .. }: &Shares, carry: impl Fn(&Mask) -> Mask) {
        if let Some((last, _)) = shares.last() {
            self.make_room(*last);
        }
        for (at, (number, share)) in shares.iter().enumerate() {
            if let Some((later, _)) = shares.get(at + AHEAD) {
                self.fetch(*later as usize, lane);
            }
            let share = carry(share);
            if !is_clear(&share) {
                add(self.make(*number), lane, &share);
            }
        }
    }

    /// Gives the leaves up that have no bit since shares were taken out of them.
    fn drop_clear(&mut self, lane: usize, taken: &Shares) {
        for number in &taken.clear {
            let place = &mut self.0[*number as usize];
            if place.as_ref().is_some_and(|leaf| is_leaf_clear(leaf, lane)) {
                *place = None;
            }
        }
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
        let leaf = Part::own(leaf);
        clear(leaf, at);
        if is_leaf_clear(leaf, at as usize / BLOCK) {
            *place = None;
        }
    }

    /// Clears a slot's bit in every leaf.
    pub(super) fn clear_all(&mut self, at: u32) {
        for number in 0..self.0.len() as u32 {
            self.fetch(number as usize + AHEAD, at as usize / BLOCK);
            self.clear(number, at);
        }
    }

    /// Has the bits of a block's slots shifted in every leaf; a leaf goes with its last bit.
    fn shift(&mut self, lane: usize, shift: &Shift) {
        count_blocks(self.0.len());
        for number in 0..self.0.len() {
            self.fetch(number + AHEAD, lane);
            let place = &mut self.0[number];
            let Some(leaf) = place.as_mut().filter(|leaf| shift.alters(lane_of(leaf, lane))) else {
                continue;
            };
            let leaf = Part::own(leaf);
            shift.apply(lane_mut(leaf, lane));
            if is_leaf_clear(leaf, lane) {
                *place = None;
            }
        }
    }

    /// The numbers whose leaves have a slot's bit set.
    fn numbers_at(&self, at: u32) -> impl Iterator<Item = u32> {
        let is_found = move |(number, leaf): &(usize, &Option<Part<Leaf>>)| {
            self.fetch(number + AHEAD, at as usize / BLOCK);
            leaf.as_ref().is_some_and(|leaf| is_set(leaf, at))
        };
        self.0.iter().enumerate().filter(is_found).map(|(number, _)| number as u32)
    }
}

/// The attributes of a group's conversations.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The class of each slot's conversation.
    class: Vec<u32>,
    pub(super) unassigned: Leaf,
    /// With a contact that is not open to the whole organization.
    pub(super) restricted: Leaf,
    pub(super) contact_tags: Leaves,
    pub(super) conversation_tags: Leaves,
    /// What somebody has read, or had before it was unread again.
    read: Leaf,
    /// A part of their own, for they are many, and most changes beside a snapshot alter none.
    reads: Part<Leaves>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            class: Vec::new(),
            unassigned: NO_LEAF,
            restricted: NO_LEAF,
            contact_tags: Leaves::default(),
            conversation_tags: Leaves::default(),
            read: NO_LEAF,
            reads: Part::default(),
        }
    }
}

impl Group {
    /// By teammate: who has read each slot's conversation since its last message.
    pub(super) fn reads(&self) -> &Leaves {
        &self.reads
    }

    /// The same, to be written to.
    pub(super) fn reads_mut(&mut self) -> &mut Leaves {
        Part::own(&mut self.reads)
    }

    /// Notes that somebody has read a slot's conversation.
    pub(super) fn set_read(&mut self, teammate: u32, at: u32) {
        set(&mut self.read, at);
        self.reads_mut().set(teammate, at);
    }

    /// Notes that nobody has.
    pub(super) fn forget_reads(&mut self, at: u32) {
        if is_set(&self.read, at) {
            clear(&mut self.read, at);
            self.reads_mut().clear_all(at);
        }
    }

    /// Sets what a slot's conversation has of itself: its class, and whether it is assigned.
    pub(super) fn enter(&mut self, at: u32, class: u32, is_assigned: bool) {
        self.set_class(at, class);
        if !is_assigned {
            set(&mut self.unassigned, at);
        }
    }

    /// Sets what it has of a contact.
    pub(super) fn enter_contact(&mut self, at: u32, is_restricted: bool, tags: impl Iterator<Item = u32>) {
        if is_restricted {
            set(&mut self.restricted, at);
        }
        tags.for_each(|tag| self.contact_tags.set(tag, at));
    }

    fn set_class(&mut self, at: u32, class: u32) {
        let at = at as usize;
        if self.class.len() <= at {
            self.class.resize((at + 1).next_multiple_of(BLOCK), 0);
        }
        self.class[at] = class;
    }

    /// Takes what a block's slots have out of the masks; [`Group::drop_clear`] is to follow.
    fn take(&mut self, lane: usize) -> Taken {
        let take = |leaf: &mut Leaf| std::mem::replace(lane_mut(leaf, lane), NO_SLOTS);
        Taken {
            unassigned: take(&mut self.unassigned),
            restricted: take(&mut self.restricted),
            read: take(&mut self.read),
            leaves: self.leaves_mut().map(|leaves| leaves.take_shares(lane)),
        }
    }

    /// Adds what `carry` makes of what was taken to what a block's slots have.
    fn add(&mut self, lane: usize, taken: &Taken, carry: impl Fn(&Mask) -> Mask) {
        add(&mut self.unassigned, lane, &carry(&taken.unassigned));
        add(&mut self.restricted, lane, &carry(&taken.restricted));
        add(&mut self.read, lane, &carry(&taken.read));
        for (leaves, shares) in self.leaves_mut().into_iter().zip(&taken.leaves) {
            leaves.add_shares(lane, shares, &carry);
        }
    }

    fn drop_clear(&mut self, lane: usize, taken: &Taken) {
        for (leaves, shares) in self.leaves_mut().into_iter().zip(&taken.leaves) {
            leaves.drop_clear(lane, shares);
        }
    }

    /// Has what slots of one block have shifted.
    fn shift(&mut self, lane: usize, shift: &Shift, moves: &[Move]) {
        for one in moves {
            self.class[place_in_group(one.to) as usize] = self.class[place_in_group(one.from) as usize];
        }
        shift.apply(lane_mut(&mut self.unassigned, lane));
        shift.apply(lane_mut(&mut self.restricted, lane));
        self.contact_tags.shift(lane, shift);
        self.conversation_tags.shift(lane, shift);
        if shift.alters(lane_of(&self.read, lane)) {
            shift.apply(lane_mut(&mut self.read, lane));
            self.reads_mut().shift(lane, shift);
        }
    }

    fn leaves_mut(&mut self) -> [&mut Leaves; 3] {
        [&mut self.contact_tags, &mut self.conversation_tags, Part::own(&mut self.reads)]
    }
}

/// What the slots of one block had in masks.
struct Taken {
    unassigned: Mask,
    restricted: Mask,
    read: Mask,
    leaves: [Shares; 3],
}

/// What the slots of one block had in leaves.
#[derive(Default)]
struct Shares {
    /// By number, ascending.
    shares: Vec<(u32, Mask)>,
    /// The numbers of those leaves that had no other bits.
    clear: Vec<u32>,
}

/// The attributes of one block's conversations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'o> {
    pub(super) group: &'o Group,
    lane: usize,
}

impl<'o> Attributes<'o> {
    /// The block's share of one of its group's leaves.
    #[inline(always)]
    pub(super) fn part(self, leaf: &'o Leaf) -> &'o Mask {
        lane_of(leaf, self.lane)
    }

    /// The class of each slot.
    #[inline(always)]
    pub(super) fn classes(self) -> &'o [u32] {
        let start = self.lane * BLOCK;
        &self.group.class[start..start + BLOCK]
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    pub(super) spine: Spine,
    groups: Vec<Part<Group>>,
    /// By group: the slots whose class keeps its open conversations as leaves. Apart from the groups, for a class that
    /// turns from a list to leaves may alter many.
    settled: Vec<Part<Leaf>>,
}

impl Open {
    #[inline(always)]
    pub(super) fn attributes(&self, block: u32) -> Attributes<'_> {
        let (group, lane) = lane(block);
        Attributes { group: &self.groups[group], lane }
    }

    /// Every group, in the order of block numbers.
    pub(super) fn groups(&self) -> &[Part<Group>] {
        &self.groups
    }

    #[inline]
    pub(super) fn is_read(&self, slot: u32, teammate: u32) -> bool {
        let (group, at) = split_group(slot);
        is_set(self.groups[group].reads().get(teammate), at)
    }

    #[inline]
    pub(super) fn prefetch_read(&self, slot: u32, teammate: u32) {
        let (group, at) = split_group(slot);
        prefetch_line(&self.groups[group].reads().get(teammate)[at as usize / 64 % SPAN]);
    }

    /// Who has read a slot's conversation, ascending.
    pub(super) fn readers(&self, slot: u32) -> impl Iterator<Item = u32> {
        let (group, at) = self.group(slot);
        let is_read = is_set(&group.read, at);
        is_read.then(|| group.reads().numbers_at(at)).into_iter().flatten()
    }

    /// The same of every slot of a slot's group, by its place there. O(teammates × words of a leaf + their marks).
    pub(super) fn readers_in_group(&self, slot: u32) -> Vec<Vec<u32>> {
        let mut readers = vec![Vec::new(); GROUP];
        for (teammate, leaf) in (0..).zip(&self.group(slot).0.reads.0) {
            leaf.iter().flat_map(|leaf| ones(&leaf[..])).for_each(|at| readers[at as usize].push(teammate));
        }
        readers
    }

    /// The group of a slot, and the slot's place in it.
    #[inline]
    pub(super) fn group(&self, slot: u32) -> (&Group, u32) {
        let (group, at) = split_group(slot);
        (&self.groups[group], at)
    }

    /// The same, to be written to.
    #[inline]
    pub(super) fn group_mut(&mut self, slot: u32) -> (&mut Group, u32) {
        let (group, at) = split_group(slot);
        (Part::own(&mut self.groups[group]), at)
    }

    /// How many open conversations of a class are still kept as a list: one in 800 of all, so that only so many classes
    /// have a leaf for each group.
    pub(super) fn few(&self) -> usize {
        FEW.max(self.spine.len() / 800)
    }

    /// Notes whether the class of some slots keeps them as leaves.
    pub(super) fn settle(&mut self, slots: impl Iterator<Item = u32>, settled: bool) {
        for slot in slots {
            let (group, at) = split_group(slot);
            if is_set(&self.settled[group], at) == settled {
                continue;
            }
            let leaf = Part::own(&mut self.settled[group]);
            match settled {
                true => set(leaf, at),
                false => clear(leaf, at),
            }
        }
    }

    /// A block's slots whose class keeps them as leaves, and slots that are nobody's now.
    #[inline(always)]
    pub(super) fn settled_in(&self, block: u32) -> &Mask {
        let (group, lane) = lane(block);
        lane_of(&self.settled[group], lane)
    }

    fn make_room(&mut self) {
        let needed = self.spine.block_limit().div_ceil(LANES);
        if self.groups.len() != needed {
            self.groups.resize_with(needed, Part::default);
            self.settled.resize_with(needed, || Part::new(NO_LEAF));
        }
    }

    /// Lays out rows that come in ascending order while facts are loaded.
    pub(super) fn load(&mut self, rows: &[u32], placed: impl FnMut(u32, u32)) {
        self.spine.load(rows, placed);
        self.make_room();
    }

    /// Whether two slots are of one group.
    pub(super) fn are_together(one: u32, two: u32) -> bool {
        split_group(one).0 == split_group(two).0
    }

    /// Sets who has read the conversations of a slot's group, which nobody has read so far; leaves by square of 64
    /// teammates, ascending.
    pub(super) fn load_reads(&mut self, slot: u32, squares: &[(u32, Vec<Leaf>)]) {
        let group = self.group_mut(slot).0;
        group.read = squares.iter().flat_map(|(_, leaves)| leaves).fold(group.read, |all, leaf| or(&all, leaf));
        let reads = group.reads_mut();
        for (square, leaves) in squares {
            let Some(last) = leaves.iter().rposition(|leaf| !is_clear(leaf)) else {
                continue;
            };
            reads.make_room(square * 64 + last as u32);
            for (number, leaf) in (square * 64..).zip(leaves).filter(|(_, leaf)| !is_clear(leaf)) {
                reads.0[number as usize] = Some(Part::new(*leaf));
            }
        }
    }

    /// Notes another class of a slot's conversation.
    pub(super) fn set_class(&mut self, slot: u32, class: u32) {
        let (group, at) = self.group_mut(slot);
        group.set_class(at, class);
    }

    /// Notes whether a slot's conversation is assigned.
    pub(super) fn set_assigned(&mut self, slot: u32, is_assigned: bool) {
        let (group, at) = self.group_mut(slot);
        match is_assigned {
            true => clear(&mut group.unassigned, at),
            false => set(&mut group.unassigned, at),
        }
    }

    /// Clears what a slot's conversation has from its contacts: before it is described anew.
    pub(super) fn forget_contacts(&mut self, slot: u32, tags: &[u32]) {
        let (group, at) = self.group_mut(slot);
        clear(&mut group.restricted, at);
        tags.iter().for_each(|tag| group.contact_tags.clear(*tag, at));
    }

    /// Adds a conversation, without attributes; the rows that move to make room are noted in `moves`.
    pub(super) fn insert(&mut self, row: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) -> u32 {
        let first_move = moves.len();
        let Place { slot, is_taken_over } = self.spine.insert(row, compare, moves);
        match is_taken_over {
            true => self.shift(slot, &moves[first_move..]),
            false => self.follow(&moves[first_move..]),
        }
        slot
    }

    /// Takes a conversation out; the rows that move to close the gap are noted in `moves`.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32, u32) -> Ordering, moves: &mut Vec<Move>) {
        let first_move = moves.len();
        self.spine.remove(slot, compare, moves);
        let block = split(slot).0;
        match &moves[first_move..] {
            // The block went with its last row.
            [] if self.spine.is_released(block) => self.carry(block, &[]),
            moves => self.follow(moves),
        }
    }

    /// Carries the attributes of moved rows over to their new slots.
    fn follow(&mut self, moves: &[Move]) {
        self.make_room();
        for moves in moves.chunk_by(|one, two| split(one.from).0 == split(two.from).0) {
            let block = moves.first().map(|first| split(first.from).0);
            block.into_iter().for_each(|block| self.carry(block, moves));
        }
    }

    /// Has the attributes of a block's rows follow these that have moved by a slot to make way for one, whose slot may have
    /// been another's.
    fn shift(&mut self, slot: u32, moves: &[Move]) {
        let (shift, (group, lane)) = (Shift::new(slot, moves), lane(split(slot).0));
        shift.apply(lane_mut(Part::own(&mut self.settled[group]), lane));
        Part::own(&mut self.groups[group]).shift(lane, &shift, moves);
    }

    /// Carries the attributes of the rows over that move out of a block which is given up, mask by mask. It may be used
    /// again, and then starts without attributes.
    fn carry(&mut self, block: u32, moves: &[Move]) {
        for one in moves {
            let (group, at) = split_group(one.from);
            let class = self.groups[group].class[at as usize];
            let (group, at) = self.group_mut(one.to);
            group.set_class(at, class);
        }
        let (from, from_lane) = lane(block);
        let settled = *self.settled_in(block);
        if !is_clear(&settled) {
            lane_mut(Part::own(&mut self.settled[from]), from_lane).fill(0);
        }
        let taken = Part::own(&mut self.groups[from]).take(from_lane);
        for runs in Run::all(moves).chunk_by(|one, two| one.to_block == two.to_block) {
            let Some((to, to_lane)) = runs.first().map(|run| lane(run.to_block)) else {
                continue;
            };
            let settled = carried(runs, &settled);
            if !is_clear(&settled) {
                add(Part::own(&mut self.settled[to]), to_lane, &settled);
            }
            Part::own(&mut self.groups[to]).add(to_lane, &taken, |mask| carried(runs, mask));
        }
        Part::own(&mut self.groups[from]).drop_clear(from_lane, &taken);
    }
}

/// Slots of one block whose rows move by one, all to the same side.
struct Shift {
    moved: Mask,
    /// Those and the slots that they move to, whose bits are others' after it, and the one that is made, which has none.
    altered: Mask,
    is_up: bool,
}

impl Shift {
    /// The shift that makes a slot one's own.
    fn new(slot: u32, moves: &[Move]) -> Self {
        let (mut moved, mut altered) = (NO_SLOTS, NO_SLOTS);
        spine::set(&mut altered, split(slot).1);
        for one in moves {
            spine::set(&mut moved, split(one.from).1);
            spine::set(&mut altered, split(one.to).1);
        }
        Self { moved, altered, is_up: moves.first().is_some_and(|one| one.to > one.from) }
    }

    /// Whether a block's share of a leaf is another after it.
    fn alters(&self, share: &Mask) -> bool {
        !is_clear(&and(share, &self.altered))
    }

    fn apply(&self, share: &mut Mask) {
        let moved = and(share, &self.moved);
        let neighbour = |word: Option<usize>| word.and_then(|word| moved.get(word)).copied().unwrap_or(0);
        let shifted = std::array::from_fn(|word| match self.is_up {
            true => moved[word] << 1 | neighbour(word.checked_sub(1)) >> 63,
            false => moved[word] >> 1 | neighbour(word.checked_add(1)) << 63,
        });
        *share = or(&and_not(share, &self.altered), &shifted);
    }
}

/// Adds bits to a block's share of a leaf.
fn add(leaf: &mut Leaf, lane: usize, mask: &Mask) {
    let share = lane_mut(leaf, lane);
    *share = or(share, mask);
}

/// Bits of one word that move together: the slots of `moved`, to consecutive slots of another block.
struct Run {
    word: usize,
    moved: u64,
    /// How far bits have to go right in each of six steps; see [`Run::compress`].
    steps: [u64; 6],
    to_block: u32,
    to: usize,
}

impl Run {
    /// The runs of the moves out of one block, which come in order.
    fn all(moves: &[Move]) -> Vec<Self> {
        let is_next = |one: &Move, two: &Move| {
            split(one.from).1 / 64 == split(two.from).1 / 64
                && split(one.to).0 == split(two.to).0
                && one.to + 1 == two.to
        };
        moves.chunk_by(is_next).filter_map(Self::new).collect()
    }

    fn new(moves: &[Move]) -> Option<Self> {
        let first = moves.first()?;
        let moved = moves.iter().fold(0, |moved, one| moved | 1 << (one.from % 64));
        let (to_block, to) = split(first.to);
        let word = split(first.from).1 as usize / 64;
        Some(Self { word, moved, steps: Self::steps(moved), to_block, to: to as usize })
    }

    /// How the bits of `moved` close ranks: step `i` moves some by `2^i` (Hacker's Delight, 7-4).
    fn steps(mut moved: u64) -> [u64; 6] {
        let mut gaps = !moved << 1;
        std::array::from_fn(|step| {
            let odd = (0..6).fold(gaps, |odd, shift| odd ^ odd << (1 << shift));
            let moving = odd & moved;
            moved = moved ^ moving | moving >> (1 << step);
            gaps &= !odd;
            moving
        })
    }

    /// The bits of `word` at the run's slots, side by side from bit 0.
    fn compress(&self, word: u64) -> u64 {
        self.steps.iter().enumerate().fold(word & self.moved, |word, (step, moving)| {
            let moving = word & moving;
            word ^ moving | moving >> (1 << step)
        })
    }
}

/// A block's mask as it is once its runs have moved to another.
fn carried(runs: &[Run], mask: &Mask) -> Mask {
    let mut carried = [0; WORDS];
    for run in runs {
        // Most marks are few, and then most words have none.
        if mask[run.word] == 0 {
            continue;
        }
        let bits = run.compress(mask[run.word]);
        let (word, shift) = (run.to / 64, run.to % 64);
        carried[word] |= bits << shift;
        if let Some(next) = carried.get_mut(word + 1).filter(|_| shift > 0) {
            *next |= bits >> (64 - shift);
        }
    }
    carried
}

/// The slots of one class's open conversations: an ascending list while they are few, leaves by group once they are many.
#[derive(Clone, Debug)]
pub(super) enum OpenSet {
    Few(Vec<u32>),
    Many { leaves: Vec<Option<Part<Leaf>>>, len: usize },
}

/// Slots up to which a class's set is a list however few there are in all.
const FEW: usize = if cfg!(test) { 16 } else { 96 };

impl Default for OpenSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl OpenSet {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(slots) => slots.len(),
            Self::Many { len, .. } => *len,
        }
    }

    /// Adds a slot; a list of more than `few` becomes leaves.
    pub(super) fn insert(&mut self, slot: u32, few: usize) {
        match self {
            Self::Few(slots) => {
                insert_sorted(slots, slot);
                if slots.len() > few {
                    *self = Self::many(slots);
                }
            }
            Self::Many { leaves, len } => {
                let (group, at) = split_group(slot);
                set(leaf_mut(leaves, group), at);
                *len += 1;
            }
        }
    }

    fn many(slots: &[u32]) -> Self {
        let mut leaves = Vec::new();
        for slot in slots {
            let (group, at) = split_group(*slot);
            set(leaf_mut(&mut leaves, group), at);
        }
        Self::Many { leaves, len: slots.len() }
    }

    /// Gives the conversation of one slot another.
    pub(super) fn replace(&mut self, from: u32, to: u32) {
        match self {
            Self::Few(slots) => {
                remove_sorted(slots, from);
                insert_sorted(slots, to);
            }
            Self::Many { leaves, .. } => {
                let (group, at) = split_group(to);
                set(leaf_mut(leaves, group), at);
                clear_in(leaves, from);
            }
        }
    }

    /// Takes a slot out; leaves of less than three quarters of `few` become a list. At a quarter, four times as many
    /// classes could have leaves, of which each has one for nearly every group.
    pub(super) fn remove(&mut self, slot: u32, few: usize) {
        match self {
            Self::Few(slots) => {
                remove_sorted(slots, slot);
                give_back(slots);
            }
            Self::Many { leaves, len } => {
                clear_in(leaves, slot);
                *len -= 1;
                if *len < few / 4 * 3 {
                    *self = Self::Few(self.iter().collect());
                }
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (few, many): (&[u32], &[Option<Part<Leaf>>]) = match self {
            Self::Few(slots) => (slots, &[]),
            Self::Many { leaves, .. } => (&[], leaves),
        };
        let many = many.iter().enumerate().filter_map(|(group, leaf)| Some((group, leaf.as_ref()?)));
        let many = many.flat_map(|(group, leaf)| ones(&leaf[..]).map(move |at| (group * GROUP) as u32 + at));
        few.iter().copied().chain(many)
    }

    pub(super) fn is_many(&self) -> bool {
        matches!(self, Self::Many { .. })
    }

    /// Its leaves by group, if they are many.
    pub(super) fn leaves(&self) -> Option<&[Option<Part<Leaf>>]> {
        match self {
            Self::Many { leaves, .. } => Some(leaves),
            Self::Few(_) => None,
        }
    }

    /// Has the slots fetched ahead.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Few(slots) => prefetch(&slots[..]),
            Self::Many { leaves, .. } => leaves.iter().flatten().for_each(|leaf| prefetch(&leaf[..])),
        }
    }

    /// Sets the bit of every slot in leaves by group.
    #[inline(always)]
    pub(super) fn mark(&self, marks: &mut [Leaf]) {
        match self {
            Self::Few(slots) => {
                // Groups follow each other as slots do.
                count_rows(slots.len());
                let words = marks.as_flattened_mut();
                for slot in slots {
                    words[*slot as usize / 64] |= 1 << (slot % 64);
                }
            }
            Self::Many { leaves, .. } => {
                count_blocks(leaves.len());
                for (mark, leaf) in marks.iter_mut().zip(leaves) {
                    if let Some(leaf) = leaf {
                        *mark = or(mark, leaf);
                    }
                }
            }
        }
    }
}

/// Adds a slot to ascending ones; it is mostly the last.
fn insert_sorted(slots: &mut Vec<u32>, slot: u32) {
    make_room(slots, 1);
    match slots.last() {
        Some(last) if *last > slot => slots.insert(slots.partition_point(|other| *other < slot), slot),
        _ => slots.push(slot),
    }
}

fn remove_sorted(slots: &mut Vec<u32>, slot: u32) {
    if let Ok(at) = slots.binary_search(&slot) {
        slots.remove(at);
    }
}

/// Whether a leaf has no bit left. The share of the block that lost some is looked at first, which is at hand and mostly
/// tells.
fn is_leaf_clear(leaf: &Leaf, lane: usize) -> bool {
    is_clear(lane_of(leaf, lane)) && leaf.as_chunks::<WORDS>().0.iter().all(is_clear)
}

fn leaf_mut(leaves: &mut Vec<Option<Part<Leaf>>>, group: usize) -> &mut Leaf {
    if leaves.len() <= group {
        leaves.resize(group + 1, None);
    }
    Part::own(leaves[group].get_or_insert_with(|| Part::new(NO_LEAF)))
}

/// Clears a slot's bit in leaves by group; a leaf goes with its last bit.
fn clear_in(leaves: &mut [Option<Part<Leaf>>], slot: u32) {
    let (group, at) = split_group(slot);
    if let Some(leaf) = &mut leaves[group] {
        let leaf = Part::own(leaf);
        clear(leaf, at);
        if is_leaf_clear(leaf, at as usize / BLOCK) {
            leaves[group] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_few_slots_takes_as_much_as_they_however_many_it_had() {
        let mut set = OpenSet::default();
        (0..600).for_each(|slot| set.insert(slot, 1_000));
        assert!(matches!(&set, OpenSet::Few(slots) if slots.capacity() <= 600 + 600 / 8));
        (600..1_000).for_each(|slot| set.insert(slot, 1_000));
        (0..1_000).filter(|slot| slot % 400 != 7).for_each(|slot| set.remove(slot, 1_000));
        assert!(matches!(&set, OpenSet::Few(slots) if slots[..] == [7, 407, 807] && slots.capacity() <= 8));
    }

    #[test]
    fn a_class_that_had_many_slots_has_leaves_for_few_fewer() {
        let mut set = OpenSet::default();
        (0..101).for_each(|slot| set.insert(slot, 100));
        (0..26).for_each(|slot| set.remove(slot, 100));
        assert!(set.is_many() && set.len() == 75);
        set.remove(26, 100);
        assert!(!set.is_many() && set.iter().eq(27..101));
    }

    #[test]
    fn bits_move_with_their_slots_and_the_slot_that_is_made_is_clear() {
        let share: Mask = std::array::from_fn(|word| 0xF0F0_1234_8000_0001_u64.rotate_left(word as u32 * 7));
        let full = BLOCK as u32;
        for (start, end, is_up) in
            [(0, 0, true), (5, 9, true), (5, 9, false), (60, 70, true), (60, 70, false), (1, full - 1, false)]
        {
            let to = |at: u32| if is_up { at + 1 } else { at - 1 };
            let moves: Vec<Move> =
                (start..end).map(|from| Move { row: 0, from: 3 * full + from, to: 3 * full + to(from) }).collect();
            let made = if is_up || start == end { start } else { end - 1 };
            let (shift, mut shifted) = (Shift::new(3 * full + made, &moves), share);
            shift.apply(&mut shifted);
            for at in 0..full {
                let from = (start..end).find(|from| to(*from) == at).unwrap_or(at);
                let expected = at != made && spine::is_set(&share, from);
                assert_eq!(spine::is_set(&shifted, at), expected, "{at} of {start} to {end}");
            }
            assert!(!shift.alters(&NO_SLOTS));
        }
    }

    #[test]
    fn runs_close_ranks() {
        let moved: u64 = 0xF0F0_1234_8000_0001;
        let run = Run { word: 0, moved, steps: Run::steps(moved), to_block: 0, to: 0 };
        for word in [u64::MAX, moved, 0x8000_0000_0000_0001, 0x1234_5678_9ABC_DEF0] {
            let kept = (0..64).filter(|bit| moved >> bit & 1 != 0).map(|bit| word >> bit & 1);
            let expected = kept.enumerate().fold(0, |all, (at, bit)| all | bit << at);
            assert_eq!(run.compress(word), expected, "{word:x}");
        }
    }
}
