//! Work as a number: in unit tests, how much of an engine an answer or a change looked at. Elsewhere nothing.
//!
//! A row is a conversation, contact or entry that was looked at or moved; a block stands for masks that were combined
//! at once, or for one entry in a list of blocks or classes. Each thread counts for itself.

#[cfg(test)]
pub(super) use counters::{Work, count_blocks, count_rows};

#[cfg(not(test))]
#[inline(always)]
pub(super) fn count_blocks(_: usize) {}

#[cfg(not(test))]
#[inline(always)]
pub(super) fn count_rows(_: usize) {}

#[cfg(test)]
mod counters {
    use std::cell::Cell;

    thread_local! {
        static BLOCKS: Cell<usize> = const { Cell::new(0) };
        static ROWS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::engine) fn count_blocks(count: usize) {
        BLOCKS.set(BLOCKS.get() + count);
    }

    pub(in crate::engine) fn count_rows(count: usize) {
        ROWS.set(ROWS.get() + count);
    }

    /// Blocks and rows that are looked at meanwhile.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(in crate::engine) struct Work {
        pub(in crate::engine) blocks: usize,
        pub(in crate::engine) rows: usize,
    }

    impl Work {
        pub(in crate::engine) fn of<T>(run: impl FnOnce() -> T) -> Self {
            let before = (BLOCKS.get(), ROWS.get());
            drop(run());
            Self { blocks: BLOCKS.get() - before.0, rows: ROWS.get() - before.1 }
        }

        pub(in crate::engine) fn total(self) -> usize {
            self.blocks + self.rows
        }
    }
}
