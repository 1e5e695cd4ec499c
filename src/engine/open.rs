//! The conversations that are not archived, in order, with a mask for every attribute that filters ask for.
//!
//! Each block of the spine has, over its 512 slots, one bit per conversation for: unassigned, with a restricted
//! contact, each contact tag, each conversation tag, and each teammate who has read it. A filter is then a fused pass
//! of ANDs and ORs, 512 conversations at a time.
//!
//! * A conversation that enters sets a bit per attribute; one that leaves clears its live bit in the spine and leaves
//!   the others behind, for a slot is used once. Laying a block out anew drops them.
//! * A clone is O(blocks); a write copies the one block that a snapshot shares.
//!
//! Nothing here knows who may see what.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;
use std::sync::Arc;

use super::spine::{BLOCK, Mask, Move, NO_SLOTS, Spine, clear, is_set, set, split};

/// Masks by a small number, such as a tag's: found by an index, one mask for each number that occurs.
#[derive(Clone, Debug, Default)]
pub(super) struct Masks {
    index: Vec<u32>,
    masks: Vec<Mask>,
}

const ABSENT: u32 = u32::MAX;

impl Masks {
    /// The mask of a number; all clear if the number does not occur.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &Mask {
        let place = self.index.get(number as usize).copied().unwrap_or(ABSENT);
        self.masks.get(place as usize).unwrap_or(&NO_SLOTS)
    }

    pub(super) fn set(&mut self, number: u32, at: u32) {
        let number = number as usize;
        if self.index.len() <= number {
            self.index.resize(number + 1, ABSENT);
        }
        if self.index[number] == ABSENT {
            self.index[number] = self.masks.len() as u32;
            self.masks.push(NO_SLOTS);
        }
        set(&mut self.masks[self.index[number] as usize], at);
    }

    pub(super) fn clear(&mut self, number: u32, at: u32) {
        let place = self.index.get(number as usize).copied().unwrap_or(ABSENT);
        if let Some(mask) = self.masks.get_mut(place as usize) {
            clear(mask, at);
        }
    }

    /// Clears a slot's bit in every mask.
    pub(super) fn clear_all(&mut self, at: u32) {
        self.masks.iter_mut().for_each(|mask| clear(mask, at));
    }

    /// The numbers whose masks have a slot's bit set.
    pub(super) fn numbers_at(&self, at: u32) -> impl Iterator<Item = u32> {
        let found = self
            .index
            .iter()
            .enumerate()
            .filter(move |(_, place)| self.masks.get(**place as usize).is_some_and(|mask| is_set(mask, at)));
        found.map(|(number, _)| number as u32)
    }

    fn occurring(&self) -> impl Iterator<Item = (u32, &Mask)> {
        let found = self.index.iter().enumerate();
        found.filter_map(|(number, place)| Some((number as u32, self.masks.get(*place as usize)?)))
    }
}

/// The attributes of one block's conversations.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    /// The class of each slot's conversation.
    pub(super) class: Vec<u32>,
    pub(super) unassigned: Mask,
    /// With a contact that is not open to the whole organization.
    pub(super) restricted: Mask,
    pub(super) contact_tags: Masks,
    pub(super) conversation_tags: Masks,
    /// By teammate: who has read it since its last message.
    pub(super) reads: Masks,
}

impl Attributes {
    fn set_class(&mut self, at: u32, class: u32) {
        let at = at as usize;
        if self.class.len() <= at {
            self.class.resize(at + 1, 0);
        }
        self.class[at] = class;
    }
}

/// What a conversation brings along when it enters.
pub(super) struct Entry<'a> {
    pub(super) row: u32,
    pub(super) class: u32,
    pub(super) is_assigned: bool,
    pub(super) is_restricted: bool,
    pub(super) contact_tags: &'a [u32],
    pub(super) conversation_tags: &'a [u32],
}

#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    pub(super) spine: Spine,
    attributes: Vec<Arc<Attributes>>,
}

impl Open {
    #[inline]
    pub(super) fn attributes(&self, block: u32) -> &Attributes {
        &self.attributes[block as usize]
    }

    /// The attributes of a slot's block, and the slot's place in it.
    pub(super) fn attributes_mut(&mut self, slot: u32) -> (&mut Attributes, u32) {
        let (block, at) = split(slot);
        (Arc::make_mut(&mut self.attributes[block as usize]), at)
    }

    /// Lays out rows that come in ascending order while facts are loaded.
    pub(super) fn load(&mut self, rows: &[u32], placed: impl FnMut(u32, u32)) {
        self.spine.load(rows, placed);
        self.attributes.resize_with(self.spine.block_limit(), Arc::default);
    }

    /// Sets the attributes of a conversation that has just got this slot.
    pub(super) fn describe(&mut self, slot: u32, entry: &Entry<'_>) {
        let (attributes, at) = self.attributes_mut(slot);
        attributes.set_class(at, entry.class);
        if !entry.is_assigned {
            set(&mut attributes.unassigned, at);
        }
        if entry.is_restricted {
            set(&mut attributes.restricted, at);
        }
        entry.contact_tags.iter().for_each(|tag| attributes.contact_tags.set(*tag, at));
        entry.conversation_tags.iter().for_each(|tag| attributes.conversation_tags.set(*tag, at));
    }

    /// Adds a conversation, unread by all; the rows that move to make room are noted in `moves`.
    pub(super) fn insert(
        &mut self,
        entry: &Entry<'_>,
        compare: impl Fn(u32, u32) -> Ordering,
        moves: &mut Vec<Move>,
    ) -> u32 {
        let first_move = moves.len();
        let before = self.spine.block_limit();
        let slot = self.spine.insert(entry.row, compare, moves);
        self.follow(before, &moves[first_move..]);
        self.renew_if_first(slot);
        self.describe(slot, entry);
        slot
    }

    /// Takes a conversation out; the rows that move to close the gap are noted in `moves`.
    pub(super) fn remove(&mut self, slot: u32, moves: &mut Vec<Move>) {
        let first_move = moves.len();
        let before = self.spine.block_limit();
        self.spine.remove(slot, moves);
        self.follow(before, &moves[first_move..]);
    }

    /// A block number may have been another block's before: its first slot starts with fresh attributes.
    fn renew_if_first(&mut self, slot: u32) {
        let (block, at) = split(slot);
        if at == 0 && self.spine.block(block).rows.len() == 1 {
            self.attributes[block as usize] = Arc::default();
        }
    }

    /// Carries the attributes of moved rows over to their new slots.
    fn follow(&mut self, blocks_before: usize, moves: &[Move]) {
        if self.spine.block_limit() > blocks_before {
            self.attributes.resize_with(self.spine.block_limit(), Arc::default);
        }
        if moves.is_empty() {
            return;
        }
        let mut fresh: Vec<(u32, Attributes)> = Vec::new();
        for (from, moves) in by_block(moves) {
            let old = Arc::clone(&self.attributes[from as usize]);
            let targets = Targets::new(moves, &mut fresh);
            targets.carry(&old, moves, &mut fresh);
        }
        for (block, attributes) in fresh {
            self.attributes[block as usize] = Arc::new(attributes);
        }
    }
}

/// Moves grouped by the block that they leave.
fn by_block(moves: &[Move]) -> impl Iterator<Item = (u32, &[Move])> {
    let groups = moves.chunk_by(|one, two| split(one.from).0 == split(two.from).0);
    groups.filter_map(|group| Some((split(group.first()?.from).0, group)))
}

/// Where each slot of one block goes: the number of a fresh block in a list, and the place in it.
struct Targets([(u16, u16); BLOCK]);

impl Targets {
    const STAYS: (u16, u16) = (u16::MAX, 0);

    fn new(moves: &[Move], fresh: &mut Vec<(u32, Attributes)>) -> Self {
        let mut targets = [Self::STAYS; BLOCK];
        for one in moves {
            let (block, at) = split(one.to);
            let place = fresh.iter().position(|(number, _)| *number == block).unwrap_or_else(|| {
                fresh.push((block, Attributes::default()));
                fresh.len() - 1
            });
            targets[split(one.from).1 as usize] = (place as u16, at as u16);
        }
        Self(targets)
    }

    fn carry(&self, old: &Attributes, moves: &[Move], fresh: &mut [(u32, Attributes)]) {
        for one in moves {
            let at = split(one.from).1;
            if let Some((attributes, to)) = self.target(at, fresh) {
                attributes.set_class(to, old.class[at as usize]);
            }
        }
        self.carry_mask(&old.unassigned, fresh, |new| &mut new.unassigned);
        self.carry_mask(&old.restricted, fresh, |new| &mut new.restricted);
        self.carry_masks(&old.contact_tags, fresh, |new| &mut new.contact_tags);
        self.carry_masks(&old.conversation_tags, fresh, |new| &mut new.conversation_tags);
        self.carry_masks(&old.reads, fresh, |new| &mut new.reads);
    }

    fn carry_mask(&self, old: &Mask, fresh: &mut [(u32, Attributes)], field: fn(&mut Attributes) -> &mut Mask) {
        for at in super::bits::ones(old) {
            if let Some((attributes, to)) = self.target(at, fresh) {
                set(field(attributes), to);
            }
        }
    }

    fn carry_masks(&self, old: &Masks, fresh: &mut [(u32, Attributes)], field: fn(&mut Attributes) -> &mut Masks) {
        for (number, mask) in old.occurring() {
            for at in super::bits::ones(mask) {
                if let Some((attributes, to)) = self.target(at, fresh) {
                    field(attributes).set(number, to);
                }
            }
        }
    }

    fn target<'f>(&self, at: u32, fresh: &'f mut [(u32, Attributes)]) -> Option<(&'f mut Attributes, u32)> {
        let (place, to) = self.0[at as usize];
        fresh.get_mut(usize::from(place)).map(|(_, attributes)| (attributes, u32::from(to)))
    }
}

/// The slots of one class's open conversations: a list while they are few, masks by block once they are many.
#[derive(Clone, Debug)]
pub(super) enum OpenSet {
    Few(Vec<u32>),
    Many { masks: Vec<Mask>, len: usize },
}

/// Slots beyond which a list becomes masks, and below a quarter of which masks become a list.
const FEW: usize = if cfg!(test) { 16 } else { 1024 };

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

    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            Self::Few(slots) if slots.len() < FEW => slots.push(slot),
            Self::Few(slots) => {
                let slots = std::mem::take(slots);
                *self = Self::Many { masks: Vec::new(), len: 0 };
                slots.into_iter().chain([slot]).for_each(|slot| self.insert(slot));
            }
            Self::Many { masks, len } => {
                let (block, at) = split(slot);
                if masks.len() <= block as usize {
                    masks.resize(block as usize + 1, NO_SLOTS);
                }
                set(&mut masks[block as usize], at);
                *len += 1;
            }
        }
    }

    /// Gives the conversation of one slot another.
    pub(super) fn replace(&mut self, from: u32, to: u32) {
        match self {
            Self::Few(slots) => {
                if let Some(slot) = slots.iter_mut().find(|slot| **slot == from) {
                    *slot = to;
                }
            }
            Self::Many { .. } => {
                self.insert(to);
                self.remove(from);
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        match self {
            Self::Few(slots) => {
                if let Some(at) = slots.iter().position(|other| *other == slot) {
                    slots.swap_remove(at);
                }
            }
            Self::Many { masks, len } => {
                let (block, at) = split(slot);
                clear(&mut masks[block as usize], at);
                *len -= 1;
                if *len < FEW / 4 {
                    *self = Self::Few(self.iter().collect());
                }
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (few, many): (&[u32], &[Mask]) = match self {
            Self::Few(slots) => (slots, &[]),
            Self::Many { masks, .. } => (&[], masks),
        };
        let many = many
            .iter()
            .enumerate()
            .flat_map(|(block, mask)| super::bits::ones(mask).map(move |at| (block * BLOCK) as u32 + at));
        few.iter().copied().chain(many)
    }

    /// Sets the bit of every slot in masks by block.
    pub(super) fn mark(&self, marks: &mut [Mask]) {
        match self {
            Self::Few(slots) => {
                for slot in slots {
                    let (block, at) = split(*slot);
                    set(&mut marks[block as usize], at);
                }
            }
            Self::Many { masks, .. } => {
                for (mark, mask) in marks.iter_mut().zip(masks) {
                    mark.iter_mut().zip(mask).for_each(|(mark, word)| *mark |= word);
                }
            }
        }
    }
}
