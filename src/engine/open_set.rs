//! The open conversations of one class, by slot.
//!
//! * An ascending list while they are few, which costs by how many they are; a leaf for each group once they are many,
//!   O(1) for each that comes or goes.
//! * A clone copies the list, or the pointers to the leaves.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::bits::ones;
use super::kernel::{Part, or, prefetch};
use super::leaf::{GROUP, Leaf, Leaves, split_group};
use super::room::{give_back, make_room};
use super::spine::BLOCK;
use crate::work::{count_blocks, count_rows};

/// The slots of one class's open conversations: an ascending list while they are few, leaves by group once they are many.
#[derive(Clone, Debug)]
pub(super) enum OpenSet {
    Few(Vec<u32>),
    Many { leaves: Leaves, len: usize },
}

/// Slots up to which a class's set is a list however few there are in all.
pub(super) const FEW: usize = if cfg!(test) { 16 } else { 96 };

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
                leaves.set(group as u32, at);
                *len += 1;
            }
        }
    }

    fn many(slots: &[u32]) -> Self {
        let mut leaves = Leaves::default();
        for slot in slots {
            let (group, at) = split_group(*slot);
            leaves.set(group as u32, at);
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
                leaves.set(group as u32, at);
                let (group, at) = split_group(from);
                leaves.clear(group as u32, at);
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
                let (group, at) = split_group(slot);
                leaves.clear(group as u32, at);
                *len -= 1;
                if *len < few / 4 * 3 {
                    *self = Self::Few(self.iter().collect());
                }
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (few, many): (&[u32], _) = match self {
            Self::Few(slots) => (slots, None),
            Self::Many { leaves, .. } => (&[], Some(leaves)),
        };
        let many = many.into_iter().flat_map(Leaves::iter);
        let many = many.flat_map(|(group, leaf)| ones(leaf).map(move |at| group * GROUP as u32 + at));
        few.iter().copied().chain(many)
    }

    pub(super) fn is_many(&self) -> bool {
        matches!(self, Self::Many { .. })
    }

    /// Its leaves by group, if they are many.
    pub(super) fn leaves(&self) -> Option<&[Option<Part<Leaf>>]> {
        match self {
            Self::Many { leaves, .. } => Some(leaves.as_slice()),
            Self::Few(_) => None,
        }
    }

    /// Has the slots fetched ahead.
    #[inline(always)]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Few(slots) => prefetch(&slots[..]),
            Self::Many { leaves, .. } => leaves.as_slice().iter().flatten().for_each(|leaf| prefetch(&leaf[..])),
        }
    }

    /// Has fetched where a slot is noted.
    #[inline]
    pub(super) fn prefetch_slot(&self, slot: u32) {
        match self {
            Self::Few(slots) => prefetch(&slots[..]),
            Self::Many { leaves, .. } => {
                let (group, at) = split_group(slot);
                leaves.fetch(group, at as usize / BLOCK);
            }
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
                count_blocks(leaves.as_slice().len());
                for (mark, leaf) in marks.iter_mut().zip(leaves.as_slice()) {
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
}
