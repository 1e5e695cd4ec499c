//! From ids to numbers: which row or contact has an id, which class its members.
//!
//! * Look-up is O(1) and compares about one key; only numbers are stored, the keys stay where they are.
//! * Sharded by hash, so that a clone is O(shards) and an insertion copies at most one shard that a snapshot shares.
//! * Shards are split in two one after another as entries come (linear hashing): an insertion does one shard's work at
//!   most, but for moving the pointers to all shards each time that their number has doubled.
//! * After loading, tables are filled to about 80 %, six bytes an id; while they grow, to between 45 % and 87 %.
//!   Removal gives no memory back.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::HashTable;

use super::sparse::hasher;

/// Entries per shard for which an index is laid out, and beyond which in the mean it splits: a table of 2,048 places
/// holds up to 1,792, and shards differ by chance, with a deviation of 40.
const SHARD: usize = if cfg!(test) { 10 } else { 1650 };

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// First the `base` shards of a hash's coarse place, in order; of those below `split`, the upper halves follow.
    shards: Vec<Arc<HashTable<u32>>>,
    base: usize,
    split: usize,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Index {
    /// An index laid out for this many entries; it takes more.
    fn with_capacity(entries: usize) -> Self {
        let base = entries.div_ceil(SHARD).max(1);
        let shards = (0..base).map(|_| Arc::new(HashTable::with_capacity(entries.div_ceil(base)))).collect();
        Self { shards, base, split: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Lays itself out for so many entries, if there are none yet.
    pub(super) fn reserve(&mut self, entries: usize) {
        if self.len == 0 {
            *self = Self::with_capacity(entries);
        }
    }

    /// Lays itself out anew for what it holds, after loading, unless it is so already.
    pub(super) fn settle<'t>(&mut self, text: impl Fn(u32) -> &'t str) {
        let is_laid_out = self.split == 0 && self.base == self.len.div_ceil(SHARD).max(1);
        if self.shards.len() == 1 || is_laid_out {
            return;
        }
        let old = std::mem::replace(self, Self::with_capacity(self.len));
        for number in old.shards.iter().flat_map(|shard| shard.iter()) {
            self.insert(text(*number), *number, &text);
        }
    }

    /// The number whose text is `id`; `text` gives the text of a number.
    pub(super) fn get<'t>(&self, id: &str, text: impl Fn(u32) -> &'t str) -> Option<u32> {
        self.find(hash(id), |number| text(number) == id)
    }

    /// Adds a number whose text is not yet there.
    pub(super) fn insert<'t>(&mut self, id: &str, number: u32, text: impl Fn(u32) -> &'t str) {
        self.add(hash(id), number, |number| hash(text(number)));
    }

    /// Takes the number of `id` out; nothing happens if it is not there.
    pub(super) fn remove<'t>(&mut self, id: &str, text: impl Fn(u32) -> &'t str) {
        self.take(hash(id), |number| text(number) == id);
    }

    /// The number with this hash for which `fits` holds.
    pub(super) fn find(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
        self.shards[self.shard(hash)].find(hash, |number| fits(*number)).copied()
    }

    /// Adds a number that is not yet there; `hash_of` gives the hash of one that is.
    pub(super) fn add(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        let shard = self.shard(hash);
        let shard = Arc::make_mut(&mut self.shards[shard]);
        shard.insert_unique(hash, number, |number| hash_of(*number));
        self.len += 1;
        if self.len > self.shards.len() * SHARD {
            self.split_next(hash_of);
        }
    }

    /// Takes the number with this hash out for which `fits` holds; nothing happens if there is none.
    pub(super) fn take(&mut self, hash: u64, fits: impl Fn(u32) -> bool) {
        let shard = self.shard(hash);
        if self.find(hash, &fits).is_none() {
            return;
        }
        let shard = Arc::make_mut(&mut self.shards[shard]);
        if let Ok(entry) = shard.find_entry(hash, |number| fits(*number)) {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Splits the next shard in two; after the last, each half is a shard of its own.
    fn split_next(&mut self, hash_of: impl Fn(u32) -> u64) {
        let entries = self.shards[self.split].iter().map(|number| (hash_of(*number), *number));
        let (upper, lower): (Vec<_>, Vec<_>) = entries.partition(|(hash, _)| self.is_upper(*hash));
        self.shards[self.split] = Arc::new(table(&lower));
        self.shards.push(Arc::new(table(&upper)));
        self.split += 1;
        if self.split == self.base {
            let (lower, upper) = self.shards.split_at(self.base);
            self.shards = lower.iter().zip(upper).flat_map(|(lower, upper)| [lower, upper]).cloned().collect();
            (self.base, self.split) = (self.shards.len(), 0);
        }
    }

    /// Bits 25 to 56 of the hash as a place among `base`, in units of 2^-32. The table within uses the seven bits above
    /// them, and the lowest.
    fn place(&self, hash: u64) -> u64 {
        (hash << 7 >> 32) * self.base as u64
    }

    fn is_upper(&self, hash: u64) -> bool {
        self.place(hash) >> 31 & 1 != 0
    }

    fn shard(&self, hash: u64) -> usize {
        let coarse = (self.place(hash) >> 32) as usize;
        match coarse < self.split && self.is_upper(hash) {
            true => self.base + coarse,
            false => coarse,
        }
    }
}

/// A table of these with room for more.
fn table(entries: &[(u64, u32)]) -> HashTable<u32> {
    let mut table = HashTable::with_capacity(entries.len() + entries.len() / 4);
    for (code, number) in entries {
        // There is room, so that no entry is hashed anew.
        table.insert_unique(*code, *number, |_| *code);
    }
    table
}

pub(super) fn hash(key: impl Hash) -> u64 {
    hasher().hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(texts: &[String]) -> Index {
        let mut index = Index::default();
        for (number, text) in texts.iter().enumerate() {
            index.insert(text, number as u32, |number| &texts[number as usize]);
            assert_eq!(index.get(text, |number| &texts[number as usize]), Some(number as u32));
        }
        index
    }

    fn assert_holds(index: &Index, texts: &[String], holds: impl Fn(usize) -> bool) {
        for (number, text) in texts.iter().enumerate() {
            let expected = holds(number).then_some(number as u32);
            assert_eq!(index.get(text, |number| &texts[number as usize]), expected, "{text}");
        }
        assert_eq!(index.len(), index.shards.iter().map(|shard| shard.len()).sum::<usize>());
    }

    #[test]
    fn shards_split_one_at_a_time_and_stay_small() {
        let texts: Vec<String> = (0..2_000).map(|number| format!("id{number}")).collect();
        let mut index = Index::default();
        for (number, text) in texts.iter().enumerate() {
            let old = index.clone();
            index.insert(text, number as u32, |number| &texts[number as usize]);
            assert!(index.shards.len() <= old.shards.len() + 1);
            let is_kept = |shard: &&Arc<_>| index.shards.iter().any(|other| Arc::ptr_eq(other, shard));
            assert!(old.shards.iter().filter(|shard| !is_kept(shard)).count() <= 2, "at {number}");
        }
        assert_eq!(index.shards.len(), 200);
        // Twice as many in a shard that is not yet split, and what chance adds.
        assert!(index.shards.iter().all(|shard| shard.len() < 6 * SHARD));
        assert_holds(&index, &texts, |_| true);
    }

    #[test]
    fn what_is_removed_is_not_found_and_room_is_used_again() {
        let texts: Vec<String> = (0..500).map(|number| format!("id{number}")).collect();
        let mut index = filled(&texts);
        let snapshot = index.clone();
        for round in 0..5 {
            for number in (0..500).filter(|number| number % 7 != 0) {
                index.remove(&texts[number], |number| &texts[number as usize]);
                index.remove(&texts[number], |number| &texts[number as usize]);
            }
            assert_holds(&index, &texts, |number| number % 7 == 0);
            for number in (0..500).filter(|number| number % 7 != 0) {
                index.insert(&texts[number], number as u32, |number| &texts[number as usize]);
            }
            assert_holds(&index, &texts, |_| true);
            assert_eq!(index.shards.len(), 50, "round {round}");
        }
        assert_holds(&snapshot, &texts, |_| true);
    }

    #[test]
    fn laid_out_anew_it_holds_the_same() {
        let texts: Vec<String> = (0..333).map(|number| format!("id{number}")).collect();
        let mut index = filled(&texts);
        index.settle(|number| &texts[number as usize]);
        assert_eq!((index.base, index.split), (34, 0));
        assert_holds(&index, &texts, |_| true);
    }
}
