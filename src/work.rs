//! Work as a number: in unit tests, how much an answer or a change looked at. Elsewhere nothing.
//!
//! * A row is a conversation, contact or entry of an engine that was looked at or moved; a block stands for masks that
//!   were combined at once, or for one entry in a list of blocks or classes.
//! * A look is at one teammate, as a member of a team or as covered by somebody.
//!
//! Each thread counts for itself.

#[cfg(test)]
pub(crate) use counters::{Work, count_blocks, count_looks, count_rows, looks_of};

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count_blocks(_: usize) {}

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count_rows(_: usize) {}

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count_looks(_: usize) {}

#[cfg(test)]
mod counters {
    use std::cell::Cell;

    thread_local! {
        static BLOCKS: Cell<usize> = const { Cell::new(0) };
        static ROWS: Cell<usize> = const { Cell::new(0) };
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn count_blocks(count: usize) {
        BLOCKS.set(BLOCKS.get() + count);
    }

    pub(crate) fn count_rows(count: usize) {
        ROWS.set(ROWS.get() + count);
    }

    pub(crate) fn count_looks(count: usize) {
        LOOKS.set(LOOKS.get() + count);
    }

    /// Looks that are taken meanwhile.
    pub(crate) fn looks_of<T>(run: impl FnOnce() -> T) -> usize {
        let before = LOOKS.get();
        drop(run());
        LOOKS.get() - before
    }

    /// Blocks and rows that are looked at meanwhile.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Work {
        pub(crate) blocks: usize,
        pub(crate) rows: usize,
    }

    impl Work {
        pub(crate) fn of<T>(run: impl FnOnce() -> T) -> Self {
            let before = (BLOCKS.get(), ROWS.get());
            drop(run());
            Self { blocks: BLOCKS.get() - before.0, rows: ROWS.get() - before.1 }
        }

        pub(crate) fn total(self) -> usize {
            self.blocks + self.rows
        }
    }
}
