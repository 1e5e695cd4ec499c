//! Posting lists: for one value, the ascending rows that carry it.
//!
//! * Insertion and removal are O(log n + 1024); iteration is in row order.
//! * A row takes two bytes where many are near each other, as those of a line that carries much are, or else four.
//!   What rows that have left took is given back: a chunk has room for half as many again at most, and one that has
//!   become small is joined to another.
//! * A clone is O(n / 512) and shares every chunk.

use std::slice;

use super::kernel::{Part, prefetch, prefetch_line};
use super::room::{has_too_much, make_room};

/// Most rows that a chunk holds; a full one is split in two.
pub(super) const CHUNK: usize = if cfg!(test) { 8 } else { 1024 };

/// What a row of a chunk may be more than its first, to be told by how much.
#[cfg(not(test))]
type Offset = u16;
#[cfg(test)]
type Offset = u8;

/// Some rows, ascending.
#[derive(Clone, Debug)]
enum Chunk {
    /// How much more each is than `first`, which is no more than the least of them.
    Near {
        first: u32,
        offsets: Vec<Offset>,
    },
    Far(Vec<u32>),
}

impl Chunk {
    fn of(rows: Vec<u32>) -> Self {
        let [first, last] = [rows.first(), rows.last()].map(|row| row.copied().unwrap_or_default());
        match offset(first, last) {
            Some(_) => Self::Near { first, offsets: rows.iter().map(|row| (row - first) as Offset).collect() },
            None => Self::Far(exactly(rows)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Near { offsets, .. } => offsets.len(),
            Self::Far(rows) => rows.len(),
        }
    }

    fn last(&self) -> Option<u32> {
        match self {
            Self::Near { first, offsets } => offsets.last().map(|offset| first + u32::from(*offset)),
            Self::Far(rows) => rows.last().copied(),
        }
    }

    #[inline(always)]
    fn iter(&self) -> ChunkRows<'_> {
        match self {
            Self::Near { first, offsets } => ChunkRows { first: *first, offsets: offsets.iter(), rows: [].iter() },
            Self::Far(rows) => ChunkRows { first: 0, offsets: [].iter(), rows: rows.iter() },
        }
    }

    #[inline(always)]
    fn prefetch(&self) {
        match self {
            Self::Near { offsets, .. } => prefetch(&offsets[..]),
            Self::Far(rows) => prefetch(&rows[..]),
        }
    }

    /// The place of a row, or where it would be.
    fn place_of(&self, row: u32) -> Result<usize, usize> {
        match self {
            Self::Near { first, offsets } => match offset(*first, row) {
                Some(offset) => offsets.binary_search(&offset),
                None => Err(if row < *first { 0 } else { offsets.len() }),
            },
            Self::Far(rows) => rows.binary_search(&row),
        }
    }

    fn insert(&mut self, place: usize, row: u32) {
        match self {
            Self::Far(rows) => put(rows, place, row),
            Self::Near { first, offsets } => match offset(*first, row) {
                Some(offset) => put(offsets, place, offset),
                None => {
                    let mut rows: Vec<u32> = self.iter().collect();
                    rows.insert(place, row);
                    *self = Self::of(rows);
                }
            },
        }
    }

    fn remove(&mut self, place: usize) {
        match self {
            Self::Near { offsets, .. } => drop(offsets.remove(place)),
            Self::Far(rows) => drop(rows.remove(place)),
        }
        // Of rows that were far from each other, those that are left may be near.
        if has_too_much(self.len(), self.room()) {
            *self = Self::of(self.iter().collect());
        }
    }

    /// How many rows there is memory for.
    fn room(&self) -> usize {
        match self {
            Self::Near { offsets, .. } => offsets.capacity(),
            Self::Far(rows) => rows.capacity(),
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Near { offsets, .. } => offsets.shrink_to_fit(),
            Self::Far(rows) => rows.shrink_to_fit(),
        }
    }
}

/// Rows of a chunk in ascending order.
#[derive(Clone, Default)]
struct ChunkRows<'c> {
    first: u32,
    offsets: slice::Iter<'c, Offset>,
    rows: slice::Iter<'c, u32>,
}

impl Iterator for ChunkRows<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        match self.offsets.next() {
            Some(offset) => Some(self.first + u32::from(*offset)),
            None => self.rows.next().copied(),
        }
    }

    #[inline(always)]
    fn fold<B, F: FnMut(B, u32) -> B>(self, start: B, mut f: F) -> B {
        let Self { first, offsets, rows } = self;
        let near = offsets.fold(start, |all, offset| f(all, first + u32::from(*offset)));
        rows.fold(near, |all, row| f(all, *row))
    }
}

/// Rows of a list in ascending order.
#[derive(Clone, Default)]
pub(super) struct Rows<'l> {
    chunk: ChunkRows<'l>,
    chunks: &'l [Part<Chunk>],
}

impl Iterator for Rows<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(row) = self.chunk.next() {
                return Some(row);
            }
            let (next, rest) = self.chunks.split_first()?;
            (self.chunk, self.chunks) = (next.iter(), rest);
        }
    }

    /// With each chunk on its way from memory when its turn comes.
    #[inline(always)]
    fn fold<B, F: FnMut(B, u32) -> B>(self, start: B, mut f: F) -> B {
        let mut all = self.chunk.fold(start, &mut f);
        for (at, chunk) in self.chunks.iter().enumerate() {
            fetch_ahead(self.chunks, at);
            all = chunk.iter().fold(all, &mut f);
        }
        all
    }
}

/// Has fetched what comes a little behind a chunk.
#[inline(always)]
fn fetch_ahead(chunks: &[Part<Chunk>], at: usize) {
    if let Some(later) = chunks.get(at + 4) {
        prefetch_line(&**later);
    }
    if let Some(next) = chunks.get(at + 2) {
        next.prefetch();
    }
}

fn put<R>(rows: &mut Vec<R>, place: usize, row: R) {
    make_room(rows, 1);
    rows.insert(place, row);
}

/// Rows without spare memory.
fn exactly(mut rows: Vec<u32>) -> Vec<u32> {
    rows.shrink_to_fit();
    rows
}

fn offset(first: u32, row: u32) -> Option<Offset> {
    row.checked_sub(first).and_then(|offset| offset.try_into().ok())
}

#[derive(Clone, Debug, Default)]
pub(super) struct PostingList {
    chunks: Vec<Part<Chunk>>,
    len: usize,
}

impl PostingList {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows in ascending order.
    #[inline]
    pub(super) fn iter(&self) -> Rows<'_> {
        Rows { chunk: ChunkRows::default(), chunks: &self.chunks }
    }

    /// Copies the rows in ascending order, each chunk being on its way from memory when its turn comes.
    #[inline(always)]
    pub(super) fn copy_to<R>(&self, copy: &mut Vec<R>, made: impl Fn(u32) -> R) {
        for (at, chunk) in self.chunks.iter().enumerate() {
            fetch_ahead(&self.chunks, at);
            // As two lists of known length, for which room is made once.
            let ChunkRows { first, offsets, rows } = chunk.iter();
            copy.extend(offsets.map(|offset| made(first + u32::from(*offset))));
            copy.extend(rows.map(|row| made(*row)));
        }
    }

    /// Adds a row; nothing happens if it is there.
    pub(super) fn insert(&mut self, row: u32) {
        let at = self.chunk_of(row).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.append(vec![row]);
            return;
        };
        let Err(place) = chunk.place_of(row) else {
            return;
        };
        self.len += 1;
        if chunk.len() < CHUNK {
            Part::own(chunk).insert(place, row);
        } else if place == CHUNK {
            self.chunks.insert(at + 1, Part::new(Chunk::of(vec![row])));
        } else {
            let mut lower: Vec<u32> = chunk.iter().collect();
            lower.insert(place, row);
            let upper = lower.split_off(CHUNK / 2);
            *chunk = Part::new(Chunk::of(lower));
            self.chunks.insert(at + 1, Part::new(Chunk::of(upper)));
        }
    }

    /// Adds a chunk of rows, ascending and behind all others, while facts are loaded.
    pub(super) fn append(&mut self, rows: Vec<u32>) {
        if !rows.is_empty() {
            self.len += rows.len();
            self.chunks.push(Part::new(Chunk::of(rows)));
        }
    }

    /// Takes a row out; nothing happens if it is not there.
    pub(super) fn remove(&mut self, row: u32) {
        let at = self.chunk_of(row);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        let Ok(place) = chunk.place_of(row) else {
            return;
        };
        self.len -= 1;
        let chunk = Part::own(chunk);
        chunk.remove(place);
        if chunk.len() < CHUNK / 4 {
            self.join(at);
        }
    }

    /// Makes a small chunk one with a neighbour if both leave room for more, and takes an empty one out.
    fn join(&mut self, at: usize) {
        if self.chunks.get(at).is_some_and(|chunk| chunk.len() == 0) {
            self.chunks.remove(at);
            return;
        }
        for lower in [at.checked_sub(1), Some(at)].into_iter().flatten() {
            if let Some([one, two]) = self.chunks.get(lower..lower + 2)
                && one.len() + two.len() <= CHUNK / 4 * 3
            {
                let joined = Part::new(Chunk::of(one.iter().chain(two.iter()).collect()));
                self.chunks.splice(lower..lower + 2, [joined]);
                return;
            }
        }
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        for chunk in &mut self.chunks {
            Part::own(chunk).shrink();
        }
    }

    /// The first chunk whose last row is not below `row`; the number of chunks if there is none.
    fn chunk_of(&self, row: u32) -> usize {
        let is_below = |chunk: &Part<Chunk>| chunk.last().is_some_and(|last| last < row);
        // Rows mostly come in order, and then the other chunks are not looked at.
        if self.chunks.last().is_some_and(is_below) {
            return self.chunks.len();
        }
        self.chunks.partition_point(is_below)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::tests::LEAP;

    #[test]
    fn rows_near_and_far_are_as_they_were_put_in_and_taken_out() {
        // Rows that fill chunks, rows in heaps far from each other, rows all over the place.
        for (seed, spread) in [(1, 1), (2, 40), (3, 1_000_003)] {
            let (mut list, mut expected) = (PostingList::default(), BTreeSet::new());
            for step in (0..4_000_u32).step_by(LEAP) {
                let drawn = step.wrapping_mul(0x9E37_79B9).rotate_left(13) ^ seed;
                let row = drawn % 300 / 20 * 20 * spread + drawn % 20;
                let is_added = step < 2_000 || drawn >> 9 & 3 == 0;
                let snapshot = (list.clone(), expected.len());
                match is_added {
                    true => (list.insert(row), expected.insert(row)).1,
                    false => (list.remove(row), expected.remove(&row)).1,
                };
                assert_eq!((list.len(), list.is_empty()), (expected.len(), expected.is_empty()), "step {step}");
                assert!(list.iter().eq(expected.iter().copied()), "step {step}");
                let passed = step as usize % 40;
                let (mut behind, mut left) = (list.iter(), expected.iter().copied());
                behind.by_ref().take(passed).chain(left.by_ref().take(passed)).for_each(drop);
                let by_fold = behind.fold(Vec::new(), |all, row| [all, vec![row]].concat());
                assert!(by_fold.into_iter().eq(left), "step {step}");
                assert_eq!((snapshot.0.len(), snapshot.0.iter().count()), (snapshot.1, snapshot.1), "step {step}");
                assert!(list.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())), "step {step}");
                assert!(list.chunks.iter().all(|chunk| chunk.room() <= chunk.len() * 3 / 2 + 2), "step {step}");
            }
            list.shrink();
            let mut copy = Vec::new();
            list.copy_to(&mut copy, |row| row);
            assert!(copy.into_iter().eq(expected), "{spread}");
        }
    }

    #[test]
    fn rows_that_come_in_order_fill_chunks() {
        let mut list = PostingList::default();
        (0..10 * CHUNK as u32).for_each(|row| list.insert(row));
        assert!(list.chunks.iter().all(|chunk| chunk.len() == CHUNK));
        list.append(vec![u32::MAX - 1, u32::MAX]);
        assert_eq!((list.len(), list.chunks.len()), (10 * CHUNK + 2, 11));
        assert!(list.iter().eq((0..10 * CHUNK as u32).chain([u32::MAX - 1, u32::MAX])));
    }

    #[test]
    fn of_many_rows_few_that_are_left_take_as_much_as_few() {
        for spread in [1, 1_000] {
            let mut list = PostingList::default();
            (0..1_000).for_each(|row| list.insert(row * 389 % 1_000 * spread));
            assert!(list.chunks.len() <= 1_000 / (CHUNK / 2) + 1, "{} chunks", list.chunks.len());
            (0..1_000).filter(|row| row % 20 != 7).for_each(|row| list.remove(row * spread));
            assert!(list.iter().eq((7..1_000).step_by(20).map(|row| row * spread)));
            assert!(list.chunks.len() <= 50 / (CHUNK / 4), "{} chunks", list.chunks.len());
            (0..1_000).rev().for_each(|row| list.remove(row * spread));
            assert!(list.chunks.is_empty());
        }
    }

    #[test]
    fn rows_that_come_to_be_near_take_two_bytes_again() {
        let mut list = PostingList::default();
        [0, 1, 2, 3, 100_000, 200_000].into_iter().for_each(|row| list.insert(row));
        [100_000, 200_000, 3].into_iter().for_each(|row| list.remove(row));
        assert!(matches!(&*list.chunks[0], Chunk::Near { offsets, .. } if offsets[..] == [0, 1, 2]));
    }

    #[test]
    fn a_row_takes_two_bytes_where_many_are_near() {
        let is_near = |rows: Vec<u32>| matches!(Chunk::of(rows), Chunk::Near { .. });
        let most = u32::from(Offset::MAX);
        assert!(is_near(vec![7, 8, 7 + most]) && is_near(vec![u32::MAX - 1, u32::MAX]));
        assert!(!is_near(vec![7, 8, 8 + most]));
        let mut chunk = Chunk::of(vec![most, most + 1]);
        chunk.insert(0, 0);
        assert!(matches!(&chunk, Chunk::Far(rows) if rows[..] == [0, most, most + 1]));
    }
}
