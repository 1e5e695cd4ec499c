//! Who has read which archived conversation.
//!
//! ```text
//! row / 32 → piece: teammate → one bit for each of the 32 rows
//! ```
//!
//! * A mark is found in O(log teammates of the piece). Those of one row are found by a look at all teammates of its
//!   piece, who take eight bytes each: most that one reads others read.
//! * A clone is O(1). A change after it copies one piece, and the pointers to the 128 of its shard: a row may
//!   be read by everyone, so that a copy of thousands of rows' marks would be felt.
//! * A piece without marks takes a pointer, and so does a shard without.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::counts::Counts;
use super::kernel::{Part, prefetch, prefetch_line};
use super::shared::Shared;
use super::state::Marks;

/// Rows of a piece, a bit each.
const PIECE: u32 = u32::BITS;
/// Pieces of a shard.
const PIECES: usize = if cfg!(test) { 2 } else { 128 };

#[derive(Clone, Debug, Default)]
pub(super) struct ArchivedReads {
    shards: Shared<Option<Part<Shard>>>,
}

type Shard = [Counts; PIECES];

impl ArchivedReads {
    /// Has fetched where a row's marks are.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        self.piece(row).into_iter().for_each(prefetch_line);
    }

    /// Has fetched a row's marks, once where they are has been.
    #[inline]
    pub(super) fn prefetch_marks(&self, row: u32) {
        self.piece(row).into_iter().for_each(|marks| prefetch(marks.as_slice()));
    }

    /// Who has read a row, ascending.
    pub(super) fn get(&self, row: u32) -> Marks {
        let bit = bit(row);
        let marks = self.piece(row).map_or(&[][..], Counts::as_slice);
        marks.iter().filter(|(_, rows)| rows & bit != 0).map(|(teammate, _)| *teammate).collect()
    }

    pub(super) fn contains(&self, row: u32, teammate: u32) -> bool {
        self.piece(row).is_some_and(|piece| piece.get(teammate) & bit(row) != 0)
    }

    /// Notes who has read a row; they ascend.
    pub(super) fn add(&mut self, row: u32, teammates: &[u32]) {
        let bit = bit(row);
        self.piece_mut(row).alter(teammates, |rows| *rows |= bit);
    }

    /// Takes the marks of some back, who ascend.
    pub(super) fn take(&mut self, row: u32, teammates: &[u32]) {
        let bit = bit(row);
        self.piece_mut(row).alter(teammates, |rows| *rows &= !bit);
    }

    /// Takes all marks of a row back; they were of these, who ascend.
    pub(super) fn clear(&mut self, row: u32) -> Marks {
        let (bit, mut readers) = (bit(row), Marks::new());
        let marks = self.piece(row).map_or(&[][..], Counts::as_slice);
        // Nothing is written where there are none, for a snapshot may have the piece too.
        if marks.iter().fold(0, |all, (_, rows)| all | rows) & bit != 0 {
            self.piece_mut(row).alter_all(|teammate, rows| {
                if *rows & bit != 0 {
                    readers.push(teammate);
                    *rows &= !bit;
                }
            });
        }
        readers
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        let shards = self.shards.to_mut().iter_mut().flatten();
        shards.flat_map(Part::own).for_each(Counts::shrink);
    }

    fn piece(&self, row: u32) -> Option<&Counts> {
        let (shard, piece) = locate(row);
        Some(&self.shards.get(shard)?.as_ref()?[piece])
    }

    fn piece_mut(&mut self, row: u32) -> &mut Counts {
        let (shard, piece) = locate(row);
        let shards = self.shards.to_mut();
        if shards.len() <= shard {
            shards.resize(shard + 1, None);
        }
        let shard = shards[shard].get_or_insert_with(|| Part::new([const { Counts::NONE }; PIECES]));
        &mut Part::own(shard)[piece]
    }
}

/// The shard of a row, and the piece in it.
fn locate(row: u32) -> (usize, usize) {
    let piece = (row / PIECE) as usize;
    (piece / PIECES, piece % PIECES)
}

/// A row's bit in its piece.
fn bit(row: u32) -> u32 {
    1 << (row % PIECE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::tests::LEAP;

    #[test]
    fn marks_come_and_go_one_by_one_and_as_lists() {
        let mut reads = ArchivedReads::default();
        let mut expected = vec![BTreeSet::new(); 150];
        for step in (0..4_000_u32).step_by(LEAP) {
            let row = step * 7 % 150;
            let list: Vec<u32> = match step % 3 {
                0 => vec![step * 31 % 23 * (1 + step / 1_000)],
                _ => (0..step % 11).map(|at| at * (1 + step % 5)).collect(),
            };
            let (snapshot, before) = (reads.clone(), reads.get(row));
            if step / 500 % 2 == 0 {
                reads.add(row, &list);
                expected[row as usize].extend(list);
            } else if step.is_multiple_of(7) {
                assert_eq!(reads.clear(row), before, "step {step}");
                expected[row as usize].clear();
            } else {
                reads.take(row, &list);
                expected[row as usize].retain(|one| !list.contains(one));
            }
            assert_eq!(snapshot.get(row), before, "step {step}");
            for (row, expected) in expected.iter().enumerate().step_by(LEAP) {
                assert!(reads.get(row as u32).iter().eq(expected), "step {step}");
                assert!((0..70).all(|one| reads.contains(row as u32, one) == expected.contains(&one)), "step {step}");
            }
        }
        (0..150).for_each(|row| drop(reads.clear(row)));
        assert!(reads.shards.iter().flatten().all(|shard| shard.iter().all(|piece| piece.as_slice().is_empty())));
    }

    #[test]
    fn a_change_copies_one_piece() {
        let mut reads = ArchivedReads::default();
        (0..150).for_each(|row| reads.add(row, &[1, 5, 9]));
        let snapshot = reads.clone();
        reads.add(40, &[7]);
        // In the piece of others, and read by nobody.
        assert!(reads.clear(155).is_empty());
        let pieces = |reads: &ArchivedReads| -> Vec<*const (u32, u32)> {
            reads
                .shards
                .iter()
                .flatten()
                .flat_map(|shard| shard.iter().map(|piece| piece.as_slice().as_ptr()))
                .collect()
        };
        let copied = pieces(&reads).into_iter().zip(pieces(&snapshot)).filter(|(one, two)| one != two);
        assert_eq!(copied.count(), 1);
    }
}
