//! Columns: one value per row, kept in blocks that snapshots share.
//!
//! * Reading and writing a row is O(1); cloning a column is O(rows / 4096) and shares every block.
//! * A write to a block that a snapshot shares copies that block, 4,096 values, once.
//!
//! Nothing here knows what a row is.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

/// Values per block: large enough that a clone is cheap, small enough that a copy is.
pub(super) const BLOCK: usize = if cfg!(test) { 16 } else { 4096 };

#[derive(Clone, Debug)]
pub(super) struct Column<T> {
    blocks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Column<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, row: u32) -> &T {
        &self.blocks[row as usize / BLOCK][row as usize % BLOCK]
    }

    pub(super) fn get_mut(&mut self, row: u32) -> &mut T {
        let block = Arc::make_mut(&mut self.blocks[row as usize / BLOCK]);
        &mut block[row as usize % BLOCK]
    }

    pub(super) fn set(&mut self, row: u32, value: T) {
        *self.get_mut(row) = value;
    }

    pub(super) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(BLOCK) {
            self.blocks.push(Arc::new(Vec::new()));
        }
        if let Some(block) = self.blocks.last_mut() {
            let block = Arc::make_mut(block);
            if block.len() == block.capacity() {
                // The first block grows by doubling, so that a small organization stays small; later ones are full soon.
                block.reserve_exact(if self.len < BLOCK { block.len().max(16) } else { BLOCK });
            }
            block.push(value);
        }
        self.len += 1;
    }

    /// The blocks in which two columns may differ, as ranges of rows; shared blocks are left out.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = std::ops::Range<u32>> + 'a {
        let blocks = self.blocks.len().max(other.blocks.len());
        let is_shared = |block: usize| match (self.blocks.get(block), other.blocks.get(block)) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        (0..blocks)
            .filter(move |block| !is_shared(*block))
            .map(|block| (block * BLOCK) as u32..((block + 1) * BLOCK) as u32)
    }
}
