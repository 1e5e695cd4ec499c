//! Work as a number: in unit tests, how many teammates were looked at as members of a team or as covered by somebody.
//! Elsewhere nothing. Each thread counts for itself.

#[cfg(test)]
pub(crate) use counters::{count_looks, looks_of};

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count_looks(_: usize) {}

#[cfg(test)]
mod counters {
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
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
}
