//! Lists of blocks that a clone shares whole.
//!
//! * A clone is O(1), however many blocks there are. The first write after it copies the list, a pointer for each block:
//!   all of them, or, in chunks, only those around the one that is written to.
//! * Reading follows a pointer more than in a list of one's own, in chunks two more.
//! * The blocks themselves are [`Part`]s, which whoever writes to one copies.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::{Deref, Index};

use super::kernel::Part;

/// A list that clones share until one of them is written to.
#[derive(Debug)]
pub(super) struct Shared<T>(Part<Vec<T>>);

impl<T> Shared<T> {
    /// Whether two lists are one, of which neither has been written to.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Part::is_same(&self.0, &other.0)
    }
}

impl<T: Clone> Shared<T> {
    /// The list to be written to.
    pub(super) fn to_mut(&mut self) -> &mut Vec<T> {
        Part::own(&mut self.0)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Part::clone(&self.0))
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Part::default())
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(blocks: I) -> Self {
        Self(Part::new(blocks.into_iter().collect()))
    }
}

/// Entries of a chunk.
const CHUNK: usize = if cfg!(test) { 4 } else { 64 };

/// The same in chunks, where there are many of which a change writes to one.
#[derive(Clone, Debug)]
pub(super) struct Chunked<T> {
    chunks: Shared<Shared<T>>,
    /// Kept, for to add chunks up makes every page a thirtieth longer.
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Shared::default(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.chunks.get(number / CHUNK)?.get(number % CHUNK)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// All of them, to be written to.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.to_mut().iter_mut().flat_map(|chunk| chunk.to_mut().iter_mut())
    }

    pub(super) fn push(&mut self, block: T) {
        let chunks = self.chunks.to_mut();
        if self.len.is_multiple_of(CHUNK) {
            chunks.push(Shared::default());
        }
        chunks[self.len / CHUNK].to_mut().push(block);
        self.len += 1;
    }

    /// One of them, to be written to.
    pub(super) fn get_mut(&mut self, number: usize) -> &mut T {
        &mut self.chunks.to_mut()[number / CHUNK].to_mut()[number % CHUNK]
    }
}

impl<T> Index<usize> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, number: usize) -> &T {
        &self.chunks[number / CHUNK][number % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_copies_the_chunk_that_it_is_in() {
        let mut list = Chunked::default();
        (0..3 * CHUNK).for_each(|number| list.push(number));
        let snapshot = list.clone();
        *list.get_mut(CHUNK + 1) = 0;
        list.push(7);
        assert!(snapshot.iter().copied().eq(0..3 * CHUNK));
        assert_eq!(
            (list.len(), list[CHUNK + 1], list.get(3 * CHUNK), list.get(3 * CHUNK + 1)),
            (13, 0, Some(&7), None)
        );
        let is_same: Vec<bool> = list.chunks.iter().zip(&*snapshot.chunks).map(|(one, two)| one.is_same(two)).collect();
        assert_eq!(is_same, [true, false, true]);
    }
}
