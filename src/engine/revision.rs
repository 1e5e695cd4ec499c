//! Which state of the facts an answer belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many changes lie behind a state of the facts: 0 after loading, unless loading says otherwise;
/// one more for each applied change (SPEC 6).
///
/// It counts everybody's changes: whoever is shown one after another learns that something happened, though not where.
/// So it goes through clients sealed, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The revision that `changes` more changes lead to; at most `u64::MAX`, which nobody reaches by counting.
    #[must_use]
    pub const fn after(self, changes: usize) -> Self {
        Self(self.0.saturating_add(changes as u64))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
