//! Read marks while facts are loaded: by conversation as they come, by teammate as the engine keeps them.
//!
//! * A conversation's readers are the words of a bitmap over teammates that are not zero: at most 12 bytes a reader, a
//!   fifth of a byte where many have read.
//! * They are turned over at the end, 64 conversations by 64 teammates at a time, so that no mark is looked at alone.
//!
//! Nothing here knows which teammates there are.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::open::{Leaf, NO_LEAF, place_in_group};

/// Who has read which conversations.
#[derive(Debug, Default)]
pub(super) struct ReadMarks {
    /// Each conversation's row, and where its words end.
    of_row: Vec<(u32, usize)>,
    /// Which word of a bitmap over teammates, and its bits.
    places: Vec<u32>,
    words: Vec<u64>,
}

/// The words of one conversation: where they are, by its slot.
pub(super) type AtSlot = (u32, std::ops::Range<usize>);

impl ReadMarks {
    /// Notes who has read a conversation, a bit for each teammate.
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

    /// The leaves of all teammates, for conversations whose slots are of one group.
    pub(super) fn leaves(&self, of_group: &[AtSlot], teammates: usize) -> Vec<Leaf> {
        let mut leaves = vec![NO_LEAF; teammates];
        let mut squares = vec![[0; 64]; teammates.div_ceil(64)];
        for slots in of_group.chunk_by(|one, two| one.0 / 64 == two.0 / 64) {
            for (slot, words) in slots {
                for at in words.clone() {
                    squares[self.places[at] as usize][*slot as usize % 64] = self.words[at];
                }
            }
            let word = place_in_group(slots[0].0) as usize / 64;
            for (square, leaves) in squares.iter_mut().zip(leaves.chunks_mut(64)) {
                turn_over(square);
                leaves.iter_mut().zip(&mut *square).for_each(|(leaf, bits)| leaf[word] = std::mem::take(bits));
                square.fill(0);
            }
        }
        leaves
    }
}

/// Makes rows of columns: bit `c` of word `r` becomes bit `r` of word `c` (Hacker's Delight, 7-3).
fn turn_over(square: &mut [u64; 64]) {
    let (mut half, mut low) = (32, u64::MAX >> 32);
    while half > 0 {
        for row in (0..64).filter(|row| row & half == 0) {
            let swapped = (square[row] >> half ^ square[row + half]) & low;
            square[row] ^= swapped << half;
            square[row + half] ^= swapped;
        }
        half /= 2;
        low ^= low << half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        let word = |row: u64| (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut square = std::array::from_fn(|row| word(row as u64));
        turn_over(&mut square);
        for (column, bits) in square.iter().enumerate() {
            assert!((0..64).all(|row| bits >> row & 1 == word(row) >> column & 1), "column {column}");
        }
    }
}
