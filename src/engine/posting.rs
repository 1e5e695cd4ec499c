//! Posting lists: for one value, the ascending rows that carry it.
//!
//! * Insertion and removal are O(log n + 1024); iteration is by slices, in row order.
//! * A clone is O(n / 512) and shares every chunk.

use std::sync::Arc;

use super::kernel::{prefetch, prefetch_line};

/// Most rows that a chunk holds; a full one is split in two.
pub(super) const CHUNK: usize = if cfg!(test) { 8 } else { 1024 };

#[derive(Clone, Debug, Default)]
pub(super) struct PostingList {
    chunks: Vec<Arc<Vec<u32>>>,
    len: usize,
}

impl PostingList {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows in ascending order, a chunk at a time.
    pub(super) fn slices(&self) -> impl DoubleEndedIterator<Item = &[u32]> {
        self.chunks.iter().map(|chunk| &chunk[..])
    }

    /// The same, each slice being on its way from memory when its turn comes.
    #[inline(always)]
    pub(super) fn for_each_slice(&self, mut each: impl FnMut(&[u32])) {
        for (at, chunk) in self.chunks.iter().enumerate() {
            if let Some(later) = self.chunks.get(at + 4) {
                prefetch_line(&**later);
            }
            if let Some(next) = self.chunks.get(at + 2) {
                prefetch(&next[..]);
            }
            each(chunk);
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.slices().flatten().copied()
    }

    /// Adds a row; nothing happens if it is there.
    pub(super) fn insert(&mut self, row: u32) {
        let at = self.chunk_of(row).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Arc::new(vec![row]));
            self.len = 1;
            return;
        };
        let Err(place) = chunk.binary_search(&row) else {
            return;
        };
        self.len += 1;
        if chunk.len() < CHUNK {
            Arc::make_mut(chunk).insert(place, row);
        } else if place == CHUNK {
            self.chunks.insert(at + 1, Arc::new(vec![row]));
        } else {
            let chunk = Arc::make_mut(chunk);
            let mut upper = chunk.split_off(CHUNK / 2);
            match place.checked_sub(CHUNK / 2) {
                Some(place) => upper.insert(place, row),
                None => chunk.insert(place, row),
            }
            self.chunks.insert(at + 1, Arc::new(upper));
        }
    }

    /// Adds a chunk of rows, ascending and behind all others, while facts are loaded.
    pub(super) fn append(&mut self, rows: Vec<u32>) {
        if !rows.is_empty() {
            self.len += rows.len();
            self.chunks.push(Arc::new(rows));
        }
    }

    /// Takes a row out; nothing happens if it is not there.
    pub(super) fn remove(&mut self, row: u32) {
        let at = self.chunk_of(row);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return;
        };
        let Ok(place) = chunk.binary_search(&row) else {
            return;
        };
        self.len -= 1;
        let chunk = Arc::make_mut(chunk);
        chunk.remove(place);
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
    }

    /// Gives spare memory back.
    pub(super) fn shrink(&mut self) {
        for chunk in &mut self.chunks {
            Arc::make_mut(chunk).shrink_to_fit();
        }
    }

    /// The first chunk whose last row is not below `row`; the number of chunks if there is none.
    fn chunk_of(&self, row: u32) -> usize {
        // Rows mostly come in order, and then the other chunks are not looked at.
        if self.chunks.last().and_then(|chunk| chunk.last()).is_some_and(|last| *last < row) {
            return self.chunks.len();
        }
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| *last < row))
    }
}
