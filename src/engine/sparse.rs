//! Sparse values: what few rows have, found by row.
//!
//! ```text
//! shard of 4,096 rows: one bit for each row that has a value │ values before each word │ the values, by row
//! ```
//!
//! * Look-up is O(1), and takes one cache line to find that there is nothing. Insertion and removal move the values
//!   behind it in the shard. A clone is O(1) and shares every shard.
//! * A row without a value costs a bit and a quarter, if any row of its shard has one.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::bits::ones;
use super::kernel::{Part, prefetch_line};
use super::room::{give_back, make_room};
use super::shared::Shared;
pub(super) use crate::model::hasher;

/// Words of bits per shard: as many rows as a column's block holds.
const WORDS: usize = super::column::BLOCK.div_ceil(64);

/// Rows per shard.
const SHARD: usize = WORDS * 64;

#[derive(Clone, Debug)]
struct Shard<T> {
    present: [u64; WORDS],
    /// How many values the words before each have.
    before: [u16; WORDS],
    values: Vec<T>,
}

impl<T> Shard<T> {
    fn new() -> Self {
        Self { present: [0; WORDS], before: [0; WORDS], values: Vec::new() }
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        self.present[at / 64] >> (at % 64) & 1 != 0
    }

    /// Where the value of a row is or belongs.
    #[inline]
    fn place(&self, at: usize) -> usize {
        let lower = self.present[at / 64] & ((1 << (at % 64)) - 1);
        usize::from(self.before[at / 64]) + lower.count_ones() as usize
    }

    fn put(&mut self, at: usize, value: T) {
        let place = self.place(at);
        if self.has(at) {
            self.values[place] = value;
            return;
        }
        make_room(&mut self.values, 1);
        self.values.insert(place, value);
        self.present[at / 64] |= 1 << (at % 64);
        self.before[at / 64 + 1..].iter_mut().for_each(|before| *before += 1);
    }

    /// Takes the value of a row that has one.
    fn take(&mut self, at: usize) -> T {
        self.present[at / 64] &= !(1 << (at % 64));
        self.before[at / 64 + 1..].iter_mut().for_each(|before| *before -= 1);
        let value = self.values.remove(self.place(at));
        give_back(&mut self.values);
        value
    }
}

#[derive(Clone, Debug)]
pub(super) struct Sparse<T> {
    shards: Shared<Option<Part<Shard<T>>>>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { shards: Shared::default() }
    }
}

impl<T: Clone> Sparse<T> {
    /// Has fetched what tells whether a row has a value.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        let (shard, at) = locate(row);
        if let Some(Some(shard)) = self.shards.get(shard) {
            prefetch_line(&shard.present[at / 64]);
        }
    }

    #[inline]
    pub(super) fn get(&self, row: u32) -> Option<&T> {
        let (shard, at) = locate(row);
        let shard = self.shards.get(shard)?.as_ref().filter(|shard| shard.has(at))?;
        shard.values.get(shard.place(at))
    }

    pub(super) fn insert(&mut self, row: u32, value: T) {
        self.shard(row).put(row as usize % SHARD, value);
    }

    pub(super) fn remove(&mut self, row: u32) -> Option<T> {
        let (shard, at) = locate(row);
        if !self.shards.get(shard)?.as_ref().is_some_and(|shard| shard.has(at)) {
            return None;
        }
        let slot = &mut self.shards.to_mut()[shard];
        let shard = slot.as_mut()?;
        let shard = Part::own(shard);
        let value = shard.take(at);
        if shard.values.is_empty() {
            *slot = None;
        }
        Some(value)
    }

    /// The value of a row, made first if it has none.
    pub(super) fn entry(&mut self, row: u32) -> &mut T
    where
        T: Default,
    {
        let at = row as usize % SHARD;
        let shard = self.shard(row);
        if !shard.has(at) {
            shard.put(at, T::default());
        }
        let place = shard.place(at);
        &mut shard.values[place]
    }

    /// The values by row.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let shards = self.shards.iter().enumerate().filter_map(|(number, shard)| Some((number, shard.as_ref()?)));
        shards.flat_map(|(number, shard)| {
            ones(&shard.present).map(move |at| (number * SHARD) as u32 + at).zip(&shard.values)
        })
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        self.shards.to_mut().iter_mut().flatten().for_each(|shard| Part::own(shard).values.shrink_to_fit());
    }

    fn shard(&mut self, row: u32) -> &mut Shard<T> {
        let (shard, _) = locate(row);
        let shards = self.shards.to_mut();
        if shards.len() <= shard {
            shards.resize(shard + 1, None);
        }
        Part::own(shards[shard].get_or_insert_with(|| Part::new(Shard::new())))
    }
}

/// The shard of a row, and its place in it.
#[inline]
fn locate(row: u32) -> (usize, usize) {
    (row as usize / SHARD, row as usize % SHARD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::tests::LEAP;

    #[test]
    fn memory_is_that_of_the_values_that_are_there() {
        let mut sparse = Sparse::<u32>::default();
        let room = |sparse: &Sparse<u32>| sparse.shards[0].as_ref().map_or(0, |shard| shard.values.capacity());
        (0..60).for_each(|row| sparse.insert(row, row));
        assert!(room(&sparse) < 70);
        (0..60).filter(|row| *row != 31).for_each(|row| assert_eq!(sparse.remove(row), Some(row)));
        assert!(room(&sparse) <= 8 && sparse.iter().eq([(31, &31)]));
    }

    #[test]
    fn values_come_and_go_by_row_and_snapshots_keep_theirs() {
        let (mut sparse, mut expected) = (Sparse::<u32>::default(), BTreeMap::new());
        for step in (0..2_000_u32).step_by(LEAP) {
            let row = step.wrapping_mul(2_654_435_761) >> 26;
            let snapshot = (sparse.clone(), expected.clone());
            match step % 3 {
                0 => assert_eq!(sparse.remove(row), expected.remove(&row)),
                1 => {
                    sparse.insert(row, step);
                    expected.insert(row, step);
                }
                _ => {
                    *sparse.entry(row) += step;
                    *expected.entry(row).or_default() += step;
                }
            }
            for (sparse, expected) in [(&sparse, &expected), (&snapshot.0, &snapshot.1)] {
                assert!(sparse.iter().eq(expected.iter().map(|(row, value)| (*row, value))), "step {step}");
                assert!((0..70).all(|row| sparse.get(row) == expected.get(&row)), "step {step}");
            }
        }
        for row in 0..70 {
            sparse.remove(row);
        }
        assert!(sparse.shards.iter().all(Option::is_none));
    }
}
