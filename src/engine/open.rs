//! The conversations that are not archived, in order, with a mask for every attribute that filters ask for.
//!
//! ```text
//! spine:  blocks of 512 slots, in order of activity        group 0 = blocks 0 to 31, group 1 = blocks 32 to 63, …
//! group:  one leaf of 16,384 bits for each of: unassigned, with a restricted contact, each contact tag,
//!         each conversation tag, each teammate who has read it;   and of each slot the class, and the only contact
//! ```
//!
//! A page looks at one block's share of a few leaves, a badge at whole leaves, 16,384 conversations at a time.
//!
//! * A conversation that enters sets a bit per attribute; one that leaves clears its live bit in the spine and leaves
//!   the others behind, until the slot is another's. A block that is given up has its share of every leaf taken out,
//!   O(tags + teammates), once for many conversations that left it.
//! * Where some move within a block or to another, so do their bits: O(tags), and O(teammates) if any may have been read.
//! * A clone is O(groups); a write copies one group's lists, those of its leaves and those by slot, and the leaves that it
//!   changes, if a snapshot shares them.
//!
//! Nothing here knows who may see what.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;

use super::bits::ones;
use super::kernel::{Part, and, is_clear, or, prefetch_line};
use super::leaf::{
    GROUP, LANES, Leaf, Leaves, NO_LEAF, SPAN, Shares, clear, is_set, lane, lane_mut, lane_of, put_share, set,
    split_group, take_share,
};
use super::moves::{Rearranged, Run, carried, places};
use super::open_set::FEW;
use super::spine::{ALL_SLOTS, BLOCK, Mask, Move, Place, Spine, split};

/// In place of the only contact of a conversation that has none, or several; numbers of contacts are smaller.
pub(super) const NOBODY: u32 = u32::MAX;
pub(super) const SEVERAL: u32 = NOBODY - 1;

#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The class of each slot's conversation.
    class: Vec<u32>,
    /// The only contact that each has, as most do, so that what is asked of contacts need not be asked of the row.
    contact: Vec<u32>,
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
            contact: Vec::new(),
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

    /// Sets what a slot's conversation has of itself: its class, its only contact, and whether it is assigned.
    pub(super) fn enter(&mut self, at: u32, (class, contact): (u32, u32), is_assigned: bool) {
        self.set_class(at, class);
        put_at(&mut self.contact, at, contact);
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
        put_at(&mut self.class, at, class);
    }

    /// Takes what slots of a block have, those of `places`, out of the masks; [`Group::drop_clear`] is to follow.
    fn take(&mut self, lane: usize, places: &Mask) -> Taken {
        let take = |leaf: &mut Leaf| take_share(leaf, lane, places);
        Taken {
            unassigned: take(&mut self.unassigned),
            restricted: take(&mut self.restricted),
            read: take(&mut self.read),
            leaves: self.leaves_mut().map(|leaves| leaves.take_shares(lane, places)),
        }
    }

    /// Sets what slots of a block have, those of `places`, to what `carry` makes of what was taken.
    fn put(&mut self, lane: usize, taken: &Taken, places: &Mask, carry: impl Fn(&Mask) -> Mask) {
        let put = |leaf: &mut Leaf, share: &Mask| put_share(leaf, lane, places, &carry(share));
        put(&mut self.unassigned, &taken.unassigned);
        put(&mut self.restricted, &taken.restricted);
        put(&mut self.read, &taken.read);
        for (leaves, shares) in self.leaves_mut().into_iter().zip(&taken.leaves) {
            leaves.put_shares(lane, shares, places, &carry);
        }
    }

    fn drop_clear(&mut self, lane: usize, taken: &Taken) {
        for (leaves, shares) in self.leaves_mut().into_iter().zip(&taken.leaves) {
            leaves.drop_clear(lane, shares);
        }
    }

    /// Has what slots of a block have follow their rows.
    fn rearrange(&mut self, lane: usize, rearranged: &Rearranged) {
        for leaf in [&mut self.unassigned, &mut self.restricted] {
            let share = lane_mut(leaf, lane);
            *share = rearranged.apply(share);
        }
        self.contact_tags.rearrange(lane, rearranged);
        self.conversation_tags.rearrange(lane, rearranged);
        if !is_clear(&and(lane_of(&self.read, lane), rearranged.altered())) {
            let share = lane_mut(&mut self.read, lane);
            *share = rearranged.apply(share);
            self.reads_mut().rearrange(lane, rearranged);
        }
    }

    fn leaves_mut(&mut self) -> [&mut Leaves; 3] {
        [&mut self.contact_tags, &mut self.conversation_tags, Part::own(&mut self.reads)]
    }
}

/// Sets a slot's value, in a list that grows by blocks.
fn put_at(values: &mut Vec<u32>, at: u32, value: u32) {
    let at = at as usize;
    if values.len() <= at {
        values.resize((at + 1).next_multiple_of(BLOCK), 0);
    }
    values[at] = value;
}

/// What the slots of one block had in masks.
struct Taken {
    unassigned: Mask,
    restricted: Mask,
    read: Mask,
    leaves: [Shares; 3],
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

    /// The only contact of a slot; [`NOBODY`], or [`SEVERAL`].
    #[inline]
    pub(super) fn contact(self, at: u32) -> u32 {
        self.group.contact[self.lane * BLOCK + at as usize]
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
        for (teammate, leaf) in self.group(slot).0.reads.iter() {
            ones(leaf).for_each(|at| readers[at as usize].push(teammate));
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
        squares.iter().for_each(|(square, leaves)| reads.load(square * 64, leaves));
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
            true => self.rearrange(split(slot).0, &moves[first_move..], Some(slot)),
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

    /// Has the attributes of moved rows follow them to their new slots.
    fn follow(&mut self, moves: &[Move]) {
        self.make_room();
        for moves in moves.chunk_by(|one, two| split(one.from).0 == split(two.from).0) {
            let Some(first) = moves.first() else {
                continue;
            };
            match (split(first.from).0, split(first.to).0) {
                (from, to) if from == to => self.rearrange(from, moves, None),
                (from, _) => self.carry(from, moves),
            }
        }
    }

    /// The same of rows that have moved within a block, to make a slot one's own that may have been another's.
    fn rearrange(&mut self, block: u32, moves: &[Move], made: Option<u32>) {
        self.move_values(moves);
        let (rearranged, (group, lane)) = (Rearranged::new(moves, made), lane(block));
        let settled = lane_mut(Part::own(&mut self.settled[group]), lane);
        *settled = rearranged.apply(settled);
        Part::own(&mut self.groups[group]).rearrange(lane, &rearranged);
    }

    fn move_values(&mut self, moves: &[Move]) {
        for one in moves {
            let (group, at) = split_group(one.from);
            let Group { class, contact, .. } = &*self.groups[group];
            let (class, contact) = (class[at as usize], contact[at as usize]);
            let (group, at) = self.group_mut(one.to);
            group.set_class(at, class);
            put_at(&mut group.contact, at, contact);
        }
    }

    /// Carries the attributes of the rows over that move out of a block, mask by mask. One that is given up may be used
    /// again, and then starts without attributes.
    fn carry(&mut self, block: u32, moves: &[Move]) {
        self.move_values(moves);
        let (from, from_lane) = lane(block);
        let left = match self.spine.is_released(block) {
            true => ALL_SLOTS,
            false => places(moves.iter().map(|one| one.from)),
        };
        let settled = take_share(Part::own(&mut self.settled[from]), from_lane, &left);
        let taken = Part::own(&mut self.groups[from]).take(from_lane, &left);
        for moves in moves.chunk_by(|one, two| split(one.to).0 == split(two.to).0) {
            let (runs, places) = (Run::all(moves), places(moves.iter().map(|one| one.to)));
            let Some((to, to_lane)) = moves.first().map(|first| lane(split(first.to).0)) else {
                continue;
            };
            put_share(Part::own(&mut self.settled[to]), to_lane, &places, &carried(&runs, &settled));
            Part::own(&mut self.groups[to]).put(to_lane, &taken, &places, |mask| carried(&runs, mask));
        }
        Part::own(&mut self.groups[from]).drop_clear(from_lane, &taken);
    }
}
