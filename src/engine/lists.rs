//! Short lists of small numbers, one per row: the tags and contacts of a conversation.
//!
//! * In blocks of 4,096 rows that snapshots share, a list takes half a byte, and for each number as many bits as the
//!   largest of its block. A list of more than six is kept apart, found by row; the place of seven says so.
//! * Reading is O(length); so is adding a row. Giving a row another list is O(what its block holds behind it), which
//!   is moved in words: a microsecond or two.
//! * Order is kept, for it is shown.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use smallvec::SmallVec;

use super::kernel::prefetch_line;
use super::packed::{Packed, Run};
use super::shared::Shared;
use super::sparse::Sparse;

/// Rows per block.
const BLOCK: usize = if cfg!(test) { 64 } else { 4096 };

/// Rows per group, which is one word: where its first list starts, in 16 bits, then the lengths, 3 bits each.
const GROUP: usize = 16;

/// The length that says "kept apart".
const APART: usize = 7;

/// A list to be kept.
pub(super) type Numbers = SmallVec<[u32; 8]>;

#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    blocks: Shared<Arc<Block>>,
    apart: Sparse<Packed>,
    len: u32,
}

#[derive(Clone, Debug, Default)]
struct Block {
    groups: Vec<u64>,
    numbers: Packed,
}

impl Block {
    /// Where a row's list starts among the numbers, and its length.
    #[inline(always)]
    fn find(&self, at: usize) -> (usize, usize) {
        let (start, lengths) = split(self.groups[at / GROUP]);
        let shift = 3 * (at % GROUP);
        (start + sum(lengths & ((1 << shift) - 1)), (lengths >> shift) as usize % 8)
    }

    /// Adds a list behind all others.
    fn push(&mut self, at: usize, numbers: &[u32]) {
        if at.is_multiple_of(GROUP) {
            self.groups.push(self.numbers.len() as u64);
        }
        let length = numbers.len().min(APART);
        self.groups[at / GROUP] |= (length as u64) << (16 + 3 * (at % GROUP));
        let numbers = if length < APART { numbers } else { &[0; APART] };
        numbers.iter().for_each(|number| self.numbers.push(*number));
    }

    fn set(&mut self, at: usize, numbers: Option<&[u32]>) {
        let (start, old) = self.find(at);
        let numbers = numbers.unwrap_or(&[0; APART]);
        self.numbers.splice(start, old, numbers.iter().copied());
        let shift = 16 + 3 * (at % GROUP);
        let group = &mut self.groups[at / GROUP];
        *group = *group & !(7 << shift) | (numbers.len() as u64) << shift;
        for group in &mut self.groups[at / GROUP + 1..] {
            *group = *group - old as u64 + numbers.len() as u64;
        }
    }
}

fn split(group: u64) -> (usize, u64) {
    ((group & 0xFFFF) as usize, group >> 16)
}

/// The sum of 16 lengths of 3 bits each.
#[inline]
fn sum(lengths: u64) -> usize {
    const PAIRS: u64 = 0o0707_0707_0707_0707;
    const FOURS: u64 = 0o0077_0077_0077_0077;
    let pairs = (lengths & PAIRS) + (lengths >> 3 & PAIRS);
    let fours = (pairs & FOURS) + (pairs >> 6 & FOURS);
    // The highest of four sums of twelve bits becomes the sum of all.
    (fours.wrapping_mul(0o0001_0001_0001_0001) >> 36) as usize & 0o7777
}

impl Lists {
    pub(super) fn push(&mut self, numbers: &[u32]) {
        let (block, at) = locate(self.len);
        let blocks = self.blocks.to_mut();
        if at == 0 {
            if let Some(block) = blocks.last_mut().and_then(Arc::get_mut) {
                block.numbers.shrink();
                block.groups.shrink_to_fit();
            }
            blocks.push(Arc::default());
        }
        if numbers.len() >= APART {
            self.apart.insert(self.len, numbers.iter().copied().collect());
        }
        Arc::make_mut(&mut blocks[block]).push(at, numbers);
        self.len += 1;
    }

    pub(super) fn set(&mut self, row: u32, numbers: &[u32]) {
        if self.get(row)[..] == *numbers {
            return;
        }
        let (block, at) = locate(row);
        let was_apart = self.blocks[block].find(at).1 == APART;
        let inline = (numbers.len() < APART).then_some(numbers);
        match inline {
            Some(_) if was_apart => drop(self.apart.remove(row)),
            None => self.apart.insert(row, numbers.iter().copied().collect()),
            _ => {}
        }
        Arc::make_mut(&mut self.blocks.to_mut()[block]).set(at, inline);
    }

    /// The numbers in order.
    #[inline(always)]
    pub(super) fn run(&self, row: u32) -> Run<'_> {
        let (block, at) = locate(row);
        let block = &*self.blocks[block];
        match block.find(at) {
            (_, APART) => self.apart.get(row).map_or(Run::default(), Packed::all),
            (start, length) => block.numbers.run(start, length),
        }
    }

    /// Has fetched what [`Lists::run`] looks at first.
    #[inline]
    pub(super) fn prefetch(&self, row: u32) {
        let (block, at) = locate(row);
        prefetch_line(&self.blocks[block].groups[at / GROUP]);
    }

    /// Calls `each` with the numbers in order.
    #[inline]
    pub(super) fn for_each(&self, row: u32, each: impl FnMut(u32)) {
        self.run(row).for_each(each);
    }

    pub(super) fn get(&self, row: u32) -> Numbers {
        self.run(row).collect()
    }

    #[inline]
    pub(super) fn any(&self, row: u32, fits: impl Fn(u32) -> bool) -> bool {
        self.run(row).any(fits)
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        if let Some(block) = self.blocks.to_mut().last_mut() {
            Arc::make_mut(block).numbers.shrink();
        }
    }
}

fn locate(row: u32) -> (usize, usize) {
    (row as usize / BLOCK, row as usize % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_add_up() {
        let lengths = |of: &[u64]| of.iter().rev().fold(0, |lengths, one| lengths << 3 | one);
        assert_eq!(sum(0), 0);
        assert_eq!(sum(lengths(&[6; 16])), 96);
        assert_eq!(sum(lengths(&[7; 16])), 112);
        assert_eq!(sum(lengths(&[1, 7, 2, 0, 7, 3, 4, 5, 6, 0, 7, 0, 0, 0, 1, 7])), 50);
    }

    #[test]
    fn any_list_of_any_row_is_as_it_was_set() {
        let mut lists = Lists::default();
        let mut expected: Vec<Vec<u32>> = Vec::new();
        let list = |step: u32| (0..step * 7 % 10).map(|at| step * (at + 1) % (1 << (step % 20))).collect::<Vec<u32>>();
        for step in 0..150 {
            lists.push(&list(step));
            expected.push(list(step));
        }
        let snapshot = (lists.clone(), expected.clone());
        for step in 0..1_000 {
            let row = step * 37 % 150;
            lists.set(row, &list(step));
            expected[row as usize] = list(step);
            for (lists, expected) in [(&lists, &expected), (&snapshot.0, &snapshot.1)] {
                assert!((0..150).all(|row| lists.get(row)[..] == expected[row as usize]), "step {step}");
            }
        }
        assert!(lists.any(3, |number| number == expected[3][0]) && !lists.any(3, |number| number == u32::MAX));
        (0..150).for_each(|row| lists.set(row, &[]));
        assert!((0..150).all(|row| lists.get(row).is_empty()) && lists.apart.iter().count() == 0);
        assert!(lists.blocks.iter().all(|block| block.numbers.len() == 0));
    }
}
