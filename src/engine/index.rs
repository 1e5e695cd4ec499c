//! From ids to numbers: which row or contact has an id, which class its members.
//!
//! * Look-up is O(1), touches one cache line of the table and compares about one key; only numbers and a byte of each
//!   hash are stored, the keys stay where they are.
//! * Sharded by hash: a clone is O(1), and an insertion after it copies at most the list of shards and one of them.
//! * Shards are split in two one after another as entries come (linear hashing, Litwin 1980): an insertion does one
//!   shard's work at most.
//! * After loading, tables are filled to about 75 %, 7.1 bytes an id, and one entry in twenty is not the first that its
//!   hash leads to; while they grow, to between 56 % and 88 %. Removal gives no memory back.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::DefaultHashBuilder;
use smallvec::SmallVec;

use super::kernel::{Part, prefetch_line, same_bytes};
use super::shared::Shared;
use super::sparse::hasher;

/// Entries per shard for which an index is laid out at most, half of them at least, and beyond which in the mean it
/// splits. Shards differ by chance, with a deviation of 30 to 40: far less than what is left free.
const SHARD: usize = if cfg!(test) { 10 } else { 1650 };

/// Bytes of ids that are hashed and compared without a call.
const SHORT: usize = 16;

/// Ids that are looked up at once; what many more wait for would drive each other out.
pub(super) const AT_ONCE: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// By the lower bits of a hash's coarse place: one bit more for the first shards, which have been split, and for the
    /// last, which are their other halves.
    shards: Shared<Shard>,
    /// As many bits of a coarse place as any shard goes by.
    mask: usize,
    len: usize,
    hasher: DefaultHashBuilder,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Index {
    /// An index laid out for this many entries; it takes more.
    fn with_capacity(entries: usize) -> Self {
        let count = shards_of(entries);
        let shards = (0..count).map(|_| Shard::with_capacity(entries.div_ceil(count))).collect();
        Self { shards, mask: 2 * count - 1, len: 0, hasher: hasher() }
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
        if self.shards.len() == 1 || self.shards.len() == shards_of(self.len) {
            return;
        }
        let old = std::mem::replace(self, Self::with_capacity(self.len));
        for number in old.shards.iter().flat_map(Shard::numbers) {
            self.insert(text(number), number, &text);
        }
    }

    /// The number whose text is `id`; `text` gives the text of a number.
    ///
    /// Short ids, nearly always, are found with as few instructions as can be: how much of what comes next a processor
    /// does while it waits for memory depends on that.
    #[inline]
    pub(super) fn get<'t>(&self, id: &str, text: impl Fn(u32) -> &'t str) -> Option<u32> {
        if id.len() <= SHORT {
            let hash = self.hash(id);
            let number = self.shards[self.shard(hash)].first(hash);
            if number.is_some_and(|number| is_same(text(number), id)) {
                return number;
            }
        }
        self.get_any(id, text)
    }

    /// The same for any text and any entry.
    #[inline(never)]
    fn get_any<'t>(&self, id: &str, text: impl Fn(u32) -> &'t str) -> Option<u32> {
        self.find(self.hash(id), |number| is_same(text(number), id))
    }

    /// The same for many ids, each of which `found` is called for in turn. What they wait for is fetched for all at once,
    /// step by step: the entries, then, by `fetch`, what is known of a number.
    pub(super) fn get_many<'t>(
        &self,
        ids: &[&str],
        text: impl Fn(u32) -> &'t str,
        fetch: impl Fn(u32),
        mut found: impl FnMut(Option<u32>),
    ) {
        let hashes: SmallVec<[u64; AT_ONCE]> = ids.iter().map(|id| self.hash(id)).collect();
        hashes.iter().for_each(|hash| self.prefetch(*hash));
        let first = |hash: &u64| self.shards[self.shard(*hash)].first(*hash);
        let firsts: SmallVec<[Option<u32>; AT_ONCE]> = hashes.iter().map(first).collect();
        firsts.iter().flatten().for_each(|number| fetch(*number));
        for (id, first) in ids.iter().zip(firsts) {
            let is_it = |number: &u32| is_same(text(*number), id);
            found(first.filter(is_it).or_else(|| self.get_any(id, &text)));
        }
    }

    /// Adds a number whose text is not yet there.
    pub(super) fn insert<'t>(&mut self, id: &str, number: u32, text: impl Fn(u32) -> &'t str) {
        self.insert_hashed(self.hash(id), number, text);
    }

    /// The same, given the hash of its text.
    pub(super) fn insert_hashed<'t>(&mut self, hash: u64, number: u32, text: impl Fn(u32) -> &'t str) {
        let hasher = self.hasher.clone();
        self.add(hash, number, |number| hash_text(&hasher, text(number)));
    }

    /// Takes the number of `id` out; nothing happens if it is not there.
    pub(super) fn remove<'t>(&mut self, id: &str, text: impl Fn(u32) -> &'t str) {
        self.take(self.hash(id), |number| text(number) == id);
    }

    /// The hash of a text by which it is known here.
    #[inline]
    pub(super) fn hash(&self, text: &str) -> u64 {
        hash_text(&self.hasher, text)
    }

    /// Has the entries fetched ahead among which one with this hash is.
    pub(super) fn prefetch(&self, hash: u64) {
        let shard = &self.shards[self.shard(hash)];
        if let Some(bucket) = shard.buckets.get(shard.home(hash)) {
            prefetch_line(bucket);
        }
    }

    /// The number with this hash for which `fits` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
        self.shards[self.shard(hash)].find(hash, fits)
    }

    /// Adds a number that is not yet there; `hash_of` gives the hash of one that is.
    pub(super) fn add(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        let shard = self.shard(hash);
        self.shards.to_mut()[shard].add(hash, number, &hash_of);
        self.len += 1;
        if self.len > self.shards.len() * SHARD {
            self.split_next(hash_of);
        }
    }

    /// Takes the number with this hash out for which `fits` holds; nothing happens if there is none.
    pub(super) fn take(&mut self, hash: u64, fits: impl Fn(u32) -> bool) {
        let shard = self.shard(hash);
        if let Some(number) = self.shards[shard].find(hash, fits) {
            self.shards.to_mut()[shard].remove(hash, number);
            self.len -= 1;
        }
    }

    /// Splits the next shard in two, of which one comes last.
    fn split_next(&mut self, hash_of: impl Fn(u32) -> u64) {
        let base = self.mask / 2 + 1;
        let next = self.shards.len() - base;
        let entries = self.shards[next].numbers().map(|number| (hash_of(number), number));
        let (upper, lower): (Vec<_>, Vec<_>) = entries.partition(|(hash, _)| coarse(*hash) & base != 0);
        let shards = self.shards.to_mut();
        shards[next] = Shard::of(&lower, lower.len());
        shards.push(Shard::of(&upper, upper.len()));
        if self.shards.len() > self.mask {
            self.mask = 2 * self.shards.len() - 1;
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> usize {
        match coarse(hash) & self.mask {
            place if place < self.shards.len() => place,
            place => place & (self.mask / 2),
        }
    }
}

/// How many shards so many entries are laid out in: a power of two.
fn shards_of(entries: usize) -> usize {
    entries.div_ceil(SHARD).next_power_of_two()
}

/// What chooses a hash's shard. In a shard the eight highest bits count, and the lowest 32.
#[inline]
fn coarse(hash: u64) -> usize {
    (hash >> 32) as usize
}

/// A table of numbers by hash: an entry is in the bucket of its hash or, if that was full, in one behind it.
#[derive(Clone, Debug)]
struct Shard {
    buckets: Part<[Bucket]>,
    len: usize,
}

impl Shard {
    /// An empty one that is filled to about 75 % by so many.
    fn with_capacity(entries: usize) -> Self {
        let buckets = (entries * 4).div_ceil(3 * PLACES);
        Self { buckets: std::iter::repeat_n(Bucket::default(), buckets).collect(), len: 0 }
    }

    /// One of these entries, laid out for so many.
    fn of(entries: &[(u64, u32)], capacity: usize) -> Self {
        let mut shard = Self::with_capacity(capacity.max(entries.len()));
        entries.iter().for_each(|(hash, number)| shard.put(*hash, *number));
        shard
    }

    /// Whether there is no room for one more: beyond 88 % many an entry would be far from its bucket.
    fn is_full(&self) -> bool {
        self.len >= self.buckets.len() * PLACES * 7 / 8
    }

    /// The bucket of a hash, by its lowest 32 bits.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (((hash & 0xFFFF_FFFF) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    /// The first entry in the bucket of a hash that is like it; nearly always the one that is looked for.
    #[inline]
    fn first(&self, hash: u64) -> Option<u32> {
        let bucket = self.buckets.get(self.home(hash))?;
        bucket.numbers.get(bucket.first(mark(hash))).copied()
    }

    #[inline]
    fn find(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
        match self.first(hash) {
            Some(number) if fits(number) => Some(number),
            _ => self.find_any(hash, fits),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_any(&self, hash: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            if let Some(place) = bucket.places(mark(hash)).find(|place| fits(bucket.numbers[*place])) {
                return Some(bucket.numbers[place]);
            }
            if bucket.passed() == 0 {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    fn add(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if self.is_full() {
            let entries: Vec<_> = self.numbers().map(|number| (hash_of(number), number)).collect();
            *self = Self::of(&entries, self.len * 4 / 3 + 1);
        }
        self.put(hash, number);
    }

    /// Puts an entry where there is room for it.
    fn put(&mut self, hash: u64, number: u32) {
        let mut at = self.home(hash);
        let buckets = Part::own(&mut self.buckets);
        while !buckets[at].put(mark(hash), number) {
            buckets[at].pass(true);
            at = if at + 1 == buckets.len() { 0 } else { at + 1 };
        }
        self.len += 1;
    }

    /// Takes an entry out that is there.
    fn remove(&mut self, hash: u64, number: u32) {
        let mut at = self.home(hash);
        let buckets = Part::own(&mut self.buckets);
        while !buckets[at].remove(mark(hash), number) {
            buckets[at].pass(false);
            at = if at + 1 == buckets.len() { 0 } else { at + 1 };
        }
        self.len -= 1;
    }

    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().flat_map(Bucket::numbers)
    }
}

/// Entries of a bucket.
const PLACES: usize = 12;

/// The lowest bit of each byte that is an entry's mark.
const LOW: u128 = 0x0101_0101_0101_0101_0101_0101;

/// The byte of a hash that tells entries of a bucket apart: not zero, which marks a free place.
#[inline]
fn mark(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// As many entries as a cache line holds.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket {
    /// The marks of the entries, in the twelve lowest bytes; in the four others, how many entries of this bucket or one
    /// before it had to go behind it.
    marks: u128,
    numbers: [u32; PLACES],
}

impl Bucket {
    /// The first place with a mark, all compared at once; one that is none if there is no such place.
    #[inline]
    fn first(&self, mark: u8) -> usize {
        same_bytes(self.marks, mark).trailing_zeros() as usize
    }

    /// The places with a mark.
    fn places(&self, mark: u8) -> impl Iterator<Item = usize> {
        const REST: u128 = LOW * 0x7F;
        let differ = self.marks ^ (LOW * u128::from(mark));
        // The highest bit of each byte that is zero.
        let mut left = !(((differ & REST) + REST) | differ) & (LOW << 7);
        std::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize / 8)?;
            left &= left - 1;
            Some(place)
        })
    }

    #[inline]
    fn passed(&self) -> u32 {
        (self.marks >> (8 * PLACES)) as u32
    }

    /// Notes that an entry goes behind this bucket, or has gone from there.
    fn pass(&mut self, is_there: bool) {
        let one = 1 << (8 * PLACES);
        self.marks = if is_there { self.marks + one } else { self.marks - one };
    }

    /// Adds an entry; `false` if there is no place for it.
    fn put(&mut self, mark: u8, number: u32) -> bool {
        let place = self.places(0).next();
        if let Some(place) = place {
            self.marks |= u128::from(mark) << (8 * place);
            self.numbers[place] = number;
        }
        place.is_some()
    }

    /// Takes an entry out; `false` if it is not here.
    fn remove(&mut self, mark: u8, number: u32) -> bool {
        let place = self.places(mark).find(|place| self.numbers[*place] == number);
        if let Some(place) = place {
            self.marks &= !(0xFF << (8 * place));
        }
        place.is_some()
    }

    fn numbers(&self) -> impl Iterator<Item = u32> {
        let used = (0..PLACES).filter(|place| self.marks >> (8 * place) & 0xFF != 0);
        used.map(|place| self.numbers[place])
    }
}

/// Whether two texts are the same: short ones by their ends, which overlap, without the call that `==` is. It is asked
/// of every id that is looked up, and of every read mark that is loaded.
#[inline]
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    one.len() == other.len()
        && match one.len() {
            4..8 => ends::<4>(one) == ends(other),
            8..16 => ends::<8>(one) == ends(other),
            16..=32 => ends::<16>(one) == ends(other),
            0 => true,
            1 => ends::<1>(one) == ends(other),
            2..4 => ends::<2>(one) == ends(other),
            _ => one == other,
        }
}

#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

pub(super) fn hash(key: impl Hash) -> u64 {
    hasher().hash_one(key)
}

/// The hash of a text's bytes alone, for nothing is behind them.
#[inline]
fn hash_text(hasher: &DefaultHashBuilder, text: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::LEAP;

    #[test]
    fn texts_of_any_length_are_the_same_or_differ_in_any_byte() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &"x".repeat(length + 1)));
            for at in 0..length {
                let mut other = text.clone();
                other.replace_range(at..=at, "y");
                assert!(!is_same(&text, &other), "byte {at} of {length}");
            }
        }
    }

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
        assert_eq!(index.len(), index.shards.iter().map(|shard| shard.numbers().count()).sum::<usize>());
    }

    #[test]
    fn shards_split_one_at_a_time_and_stay_small() {
        let count = if LEAP == 1 { 2_000 } else { 200 };
        let texts: Vec<String> = (0..count).map(|number| format!("id{number}")).collect();
        let mut index = Index::default();
        for (number, text) in texts.iter().enumerate() {
            let old = index.clone();
            index.insert(text, number as u32, |number| &texts[number as usize]);
            assert!(index.shards.len() <= old.shards.len() + 1);
            let is_kept =
                |shard: &&Shard| index.shards.iter().any(|other| Part::is_same(&other.buckets, &shard.buckets));
            assert!(old.shards.iter().filter(|shard| !is_kept(shard)).count() <= 2, "at {number}");
        }
        assert_eq!(index.shards.len(), count / 10);
        // Twice as many in a shard that is not yet split, and what chance adds.
        assert!(index.shards.iter().all(|shard| shard.len < 6 * SHARD));
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
        assert_eq!((index.shards.len(), index.mask), (64, 127));
        assert_holds(&index, &texts, |_| true);
    }
}
