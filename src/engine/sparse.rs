//! Sparse values: what few rows have, found by row.
//!
//! * Look-up, insertion and removal are O(1); a clone is O(rows / 4096) and shares every shard.
//! * A row without a value costs nothing but its share of an empty shard.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};

pub(super) use crate::model::hasher;

/// Rows per shard, as many as a column's block holds.
const SHARD: usize = super::column::BLOCK;

type Shard<T> = HashMap<u32, T, DefaultHashBuilder>;

#[derive(Clone, Debug)]
pub(super) struct Sparse<T> {
    shards: Vec<Option<Arc<Shard<T>>>>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { shards: Vec::new() }
    }
}

impl<T: Clone> Sparse<T> {
    #[inline]
    pub(super) fn get(&self, row: u32) -> Option<&T> {
        self.shards.get(row as usize / SHARD)?.as_ref()?.get(&row)
    }

    pub(super) fn insert(&mut self, row: u32, value: T) {
        self.shard(row).insert(row, value);
    }

    pub(super) fn remove(&mut self, row: u32) -> Option<T> {
        let slot = self.shards.get_mut(row as usize / SHARD)?;
        let shard = slot.as_mut()?;
        if !shard.contains_key(&row) {
            return None;
        }
        let shard = Arc::make_mut(shard);
        let value = shard.remove(&row);
        if shard.is_empty() {
            *slot = None;
        }
        value
    }

    /// The value of a row, made first if it has none.
    pub(super) fn entry(&mut self, row: u32) -> &mut T
    where
        T: Default,
    {
        self.shard(row).entry(row).or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.shards.iter().flatten().flat_map(|shard| shard.iter().map(|(row, value)| (*row, value)))
    }

    fn shard(&mut self, row: u32) -> &mut Shard<T> {
        let shard = row as usize / SHARD;
        if self.shards.len() <= shard {
            self.shards.resize(shard + 1, None);
        }
        Arc::make_mut(self.shards[shard].get_or_insert_with(|| Arc::new(Shard::with_hasher(hasher()))))
    }
}
