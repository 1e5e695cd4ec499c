//! From ids to numbers: which row or contact has an id.
//!
//! * Look-up is O(1) and compares one text; only numbers are stored, the texts stay in their column.
//! * Sharded by hash, so that a clone is O(shards) and an insertion copies at most one shard that a snapshot shares.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;

use super::sparse::hasher;

/// Entries per shard for which an index is laid out: a table of 2,048 places holds up to 1,792, and shards differ by
/// chance, with a deviation of 40.
const SHARD: usize = 1650;

#[derive(Clone, Debug)]
pub(super) struct Index {
    shards: Vec<Arc<HashTable<u32>>>,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Index {
    /// An index laid out for this many entries; it takes more.
    pub(super) fn with_capacity(entries: usize) -> Self {
        let shards = entries.div_ceil(SHARD).max(1);
        let per_shard = entries.div_ceil(shards);
        Self { shards: (0..shards).map(|_| Arc::new(HashTable::with_capacity(per_shard))).collect() }
    }

    /// Lays itself out anew if it holds many more entries than it was laid out for, after loading.
    pub(super) fn settle<'t>(&mut self, entries: usize, text: impl Fn(u32) -> &'t str) {
        if entries <= self.shards.len() * SHARD {
            return;
        }
        let old = std::mem::replace(self, Self::with_capacity(entries));
        for number in old.shards.iter().flat_map(|shard| shard.iter()) {
            self.insert(text(*number), *number, &text);
        }
    }

    /// The number whose text is `id`; `text` gives the text of a number.
    pub(super) fn get<'t>(&self, id: &str, text: impl Fn(u32) -> &'t str) -> Option<u32> {
        let hash = hash(id);
        self.shards[self.shard(hash)].find(hash, |number| text(*number) == id).copied()
    }

    /// Adds a number whose text is not yet there.
    pub(super) fn insert<'t>(&mut self, id: &str, number: u32, text: impl Fn(u32) -> &'t str) {
        let code = hash(id);
        let shard = self.shard(code);
        let shard = Arc::make_mut(&mut self.shards[shard]);
        shard.insert_unique(code, number, |number| hash(text(*number)));
    }

    /// Takes the number of `id` out.
    pub(super) fn remove<'t>(&mut self, id: &str, text: impl Fn(u32) -> &'t str) {
        let hash = hash(id);
        let shard = self.shard(hash);
        let shard = Arc::make_mut(&mut self.shards[shard]);
        if let Ok(entry) = shard.find_entry(hash, |number| text(*number) == id) {
            entry.remove();
        }
    }

    /// Bits 25 to 56 of the hash pick the shard: the table within uses the seven above them, and the lowest.
    fn shard(&self, hash: u64) -> usize {
        (((hash << 7 >> 32) * self.shards.len() as u64) >> 32) as usize
    }
}

fn hash(id: &str) -> u64 {
    hasher().hash_one(id)
}
