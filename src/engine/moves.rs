//! Bits that follow their rows, within a block or to another.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::kernel::{and, and_not, or};
use super::spine::{self, Mask, Move, NO_SLOTS, WORDS, split};

/// Rows that move within a block.
pub(super) struct Rearranged {
    moved: Mask,
    altered: Mask,
    how: How,
}

enum How {
    /// All by one slot to the same side, as nearly always.
    ByOne { is_up: bool },
    /// Any others.
    Runs(Vec<Run>),
}

impl Rearranged {
    /// Of these moves, which make a slot one's own that may have been another's.
    pub(super) fn new(moves: &[Move], made: Option<u32>) -> Self {
        let moved = places(moves.iter().map(|one| one.from));
        let altered = or(&moved, &places(moves.iter().map(|one| one.to).chain(made)));
        let is_up = moves.first().is_some_and(|one| one.to > one.from);
        let is_by_one = |one: &Move| if is_up { one.to == one.from + 1 } else { one.to + 1 == one.from };
        let how = match moves.iter().all(is_by_one) {
            true => How::ByOne { is_up },
            false => How::Runs(Run::all(moves)),
        };
        Self { moved, altered, how }
    }

    /// The slots that rows move from or to, and the one that is made, which has no bits.
    pub(super) fn altered(&self) -> &Mask {
        &self.altered
    }

    /// A block's mask as it is afterwards.
    pub(super) fn apply(&self, mask: &Mask) -> Mask {
        let moved = match &self.how {
            How::ByOne { is_up } => shifted(&and(mask, &self.moved), *is_up),
            How::Runs(runs) => carried(runs, mask),
        };
        or(&and_not(mask, &self.altered), &moved)
    }
}

/// Slots of one block as a mask.
pub(super) fn places(slots: impl Iterator<Item = u32>) -> Mask {
    let mut places = NO_SLOTS;
    slots.for_each(|slot| spine::set(&mut places, split(slot).1));
    places
}

/// The bits of a mask, by a slot farther up or down.
fn shifted(mask: &Mask, is_up: bool) -> Mask {
    let neighbour = |word: Option<usize>| word.and_then(|word| mask.get(word)).copied().unwrap_or(0);
    std::array::from_fn(|word| match is_up {
        true => mask[word] << 1 | neighbour(word.checked_sub(1)) >> 63,
        false => mask[word] >> 1 | neighbour(word.checked_add(1)) << 63,
    })
}

/// Bits of one word that move together: the slots of `moved`, to consecutive slots of this block or another.
pub(super) struct Run {
    word: usize,
    moved: u64,
    /// How far bits have to go right in each of six steps; see [`Run::compress`].
    steps: [u64; 6],
    to: usize,
}

impl Run {
    /// The runs of moves out of one block to another, or within it.
    pub(super) fn all(moves: &[Move]) -> Vec<Self> {
        let is_next = |one: &Move, two: &Move| one.from / 64 == two.from / 64 && one.to + 1 == two.to;
        // Within a block they may come from its end.
        let mut moves = moves.to_vec();
        moves.sort_unstable_by_key(|one| one.from);
        moves.chunk_by(is_next).filter_map(Self::new).collect()
    }

    fn new(moves: &[Move]) -> Option<Self> {
        let first = moves.first()?;
        let moved = moves.iter().fold(0, |moved, one| moved | 1 << (one.from % 64));
        let (word, to) = (split(first.from).1 as usize / 64, split(first.to).1 as usize);
        Some(Self { word, moved, steps: Self::steps(moved), to })
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

/// What its runs make of a block's mask, where they move to.
pub(super) fn carried(runs: &[Run], mask: &Mask) -> Mask {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spine::BLOCK;

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
            let rearranged = Rearranged::new(&moves, Some(3 * full + made));
            let shifted = rearranged.apply(&share);
            for at in 0..full {
                let from = (start..end).find(|from| to(*from) == at).unwrap_or(at);
                let expected = at != made && spine::is_set(&share, from);
                assert_eq!(spine::is_set(&shifted, at), expected, "{at} of {start} to {end}");
            }
            let is_altered = |at: u32| at == made || (start..end).any(|from| from == at || to(from) == at);
            assert!((0..full).all(|at| spine::is_set(rearranged.altered(), at) == is_altered(at)));
        }
    }

    #[test]
    fn runs_close_ranks() {
        let moved: u64 = 0xF0F0_1234_8000_0001;
        let run = Run { word: 0, moved, steps: Run::steps(moved), to: 0 };
        for word in [u64::MAX, moved, 0x8000_0000_0000_0001, 0x1234_5678_9ABC_DEF0] {
            let kept = (0..64).filter(|bit| moved >> bit & 1 != 0).map(|bit| word >> bit & 1);
            let expected = kept.enumerate().fold(0, |all, (at, bit)| all | bit << at);
            assert_eq!(run.compress(word), expected, "{word:x}");
        }
    }
}
