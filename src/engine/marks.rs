//! Read marks while facts are loaded: by conversation as they come, by teammate as the engine keeps them.
//!
//! * A conversation's readers are the words of a bitmap over teammates that are not zero: at most 12 bytes a reader, a
//!   fifth of a byte where many have read.
//! * They are turned over at the end, 64 conversations by 64 teammates at a time, so that no mark is looked at alone.
//!
//! Nothing here knows which teammates there are.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::bits::turn_over;
use super::leaf::{Leaf, NO_LEAF, place_in_group};

/// Who has read which conversations.
#[derive(Debug, Default)]
pub(super) struct ReadMarks {
    /// The row of each conversation that somebody has read, and where its words end.
    of_row: Vec<(u32, usize)>,
    /// Which word of a bitmap over teammates, and its bits.
    places: Vec<u32>,
    words: Vec<u64>,
}

/// The words of one conversation: where they are, by its slot.
pub(super) type AtSlot = (u32, std::ops::Range<usize>);

impl ReadMarks {
    /// Notes who has read a conversation that somebody has read, a bit for each teammate.
    pub(super) fn push(&mut self, row: u32, readers: &[u64]) {
        for (place, word) in readers.iter().enumerate().filter(|(_, word)| **word != 0) {
            self.places.push(place as u32);
            self.words.push(*word);
        }
        self.of_row.push((row, self.words.len()));
    }

    /// What there is of each conversation, in ascending order of slots.
    pub(super) fn by_slot(&self, slot: impl Fn(u32) -> u32) -> Vec<AtSlot> {
        let starts = std::iter::once(0).chain(self.of_row.iter().map(|(_, end)| *end));
        let mut found: Vec<AtSlot> =
            starts.zip(&self.of_row).map(|(start, (row, end))| (slot(*row), start..*end)).collect();
        found.sort_unstable_by_key(|(slot, _)| *slot);
        found
    }

    /// By square of 64 teammates of whom somebody has read one of these conversations, whose slots are of one group: the
    /// leaves of its teammates.
    pub(super) fn leaves(&self, of_group: &[AtSlot]) -> Vec<(u32, Vec<Leaf>)> {
        let (used, place_of) = self.squares(of_group);
        let mut leaves: Vec<_> = used.iter().map(|square| (*square, vec![NO_LEAF; 64])).collect();
        let mut squares = vec![[0; 64]; used.len()];
        for slots in of_group.chunk_by(|one, two| one.0 / 64 == two.0 / 64) {
            for (slot, words) in slots {
                for at in words.clone() {
                    squares[place_of[self.places[at] as usize]][*slot as usize % 64] = self.words[at];
                }
            }
            let word = place_in_group(slots[0].0) as usize / 64;
            for (square, (_, leaves)) in squares.iter_mut().zip(&mut leaves) {
                turn_over(square);
                leaves.iter_mut().zip(&mut *square).for_each(|(leaf, bits)| leaf[word] = std::mem::take(bits));
            }
        }
        leaves
    }

    /// The squares of teammates that occur, ascending, and the place of each among them.
    fn squares(&self, of_group: &[AtSlot]) -> (Vec<u32>, Vec<usize>) {
        let mut place_of = Vec::new();
        for place in of_group.iter().flat_map(|(_, words)| &self.places[words.clone()]) {
            if place_of.len() <= *place as usize {
                place_of.resize(*place as usize + 1, usize::MAX);
            }
            place_of[*place as usize] = 0;
        }
        let used: Vec<u32> = (0..).zip(&place_of).filter(|(_, place)| **place == 0).map(|(square, _)| square).collect();
        used.iter().enumerate().for_each(|(place, square)| place_of[*square as usize] = place);
        (used, place_of)
    }
}
