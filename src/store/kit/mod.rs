//! The contract of [`Journal`] and [`Source`](super::Source) as a function, for the tests of whoever implements them.
//!
//! It writes organizations whose ids begin with `kit-` and looks at what comes back: order, conflicts, replay, repeated
//! submissions, compaction, unusual texts, many writers, readers beside writers, 100,000 conversations.
//!
//! ```
//! use visibly::store::{MemoryStore, kit};
//!
//! let store = MemoryStore::new();
//! kit::check(|| store.clone())?;
//! # Ok::<(), kit::Failures>(())
//! ```

mod cases;
mod world;

use std::fmt;

use super::journal::Journal;

/// What an implementation must hold: ids, and tags, of 200 characters, whatever these are, but for U+0000.
///
/// Longer ones, and texts with U+0000, it may refuse, whole.
pub const MUST_HOLD: usize = 200;

/// Runs the contract against a store, as far as handles in one process can see it.
///
/// What it cannot see: whether what was acknowledged outlives the process and the machine, whether another process is
/// kept out as another handle is, and whether a call that fails midway leaves nothing behind. [`Kit::failing`] adds the
/// last; without it the case `failure_midway` has nothing to do, and passes.
///
/// `open` opens one more handle on one and the same store, which holds none of the kit's organizations yet; it is
/// called from several threads. Unoptimized, it takes some seconds on a store in memory, half a minute or so on a
/// database.
///
/// # Errors
/// Every case that failed, with the reason.
pub fn check<J: Journal>(open: impl Fn() -> J + Sync) -> Result<(), Failures> {
    Kit::new(open).check()
}

/// The contract, with what a caller may add to it.
pub struct Kit<'a, J> {
    open: Box<dyn Fn() -> J + Sync + 'a>,
    failing: Option<Box<dyn Fn(u32) -> J + Sync + 'a>>,
}

impl<J> fmt::Debug for Kit<'_, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("failing", &self.failing.is_some()).finish_non_exhaustive()
    }
}

impl<'a, J: Journal> Kit<'a, J> {
    /// As for [`check`].
    #[must_use]
    pub fn new(open: impl Fn() -> J + Sync + 'a) -> Self {
        Self { open: Box::new(open), failing: None }
    }

    /// Adds the case of a store that fails midway: `failing(step)` opens a handle that fails after so many steps of
    /// its first call that writes, whatever counts as a step there. It is asked to append, to create and to compact, with
    /// one step more each time, until it succeeds; the first append has to fail once at least.
    #[must_use]
    pub fn failing(mut self, failing: impl Fn(u32) -> J + Sync + 'a) -> Self {
        self.failing = Some(Box::new(failing));
        self
    }

    /// Runs every case, each on an organization of its own.
    ///
    /// # Errors
    /// As [`check`].
    pub fn check(&self) -> Result<(), Failures> {
        let failures: Vec<Failure> = Self::cases().filter_map(|case| self.check_case(case).err()).collect();
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Failures(failures)),
        }
    }

    /// The names of all cases, in the order in which [`Kit::check`] runs them.
    pub fn cases() -> impl ExactSizeIterator<Item = &'static str> {
        cases::all::<J>().into_iter().map(|(case, _)| case)
    }

    /// Runs one case; one that does not exist fails.
    ///
    /// # Errors
    /// Why it failed.
    pub fn check_case(&self, case: &'static str) -> Result<(), Failure> {
        let run = cases::all().into_iter().find(|(name, _)| *name == case);
        let outcome = run.map_or_else(|| Err(Fault("there is no such case".to_owned())), |(_, run)| run(self));
        outcome.map_err(|fault| Failure { case, reason: fault.0 })
    }

    fn open(&self) -> J {
        (self.open)()
    }
}

/// One case that an implementation does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What was looked at, such as `conflicts`.
    pub case: &'static str,
    /// What came back, in place of what.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.case, self.reason)
    }
}

/// Every case that an implementation does not hold, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures(Vec<Failure>);

impl Failures {
    /// The cases, in the order in which they ran.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Failure> {
        self.0.iter()
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store does not keep its contract, cases that failed: {}", self.0.len())?;
        self.0.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

impl std::error::Error for Failures {}

/// Why a case failed.
struct Fault(String);

type Outcome = Result<(), Fault>;

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            source = error.source();
        }
        Self(reason)
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    match holds {
        true => Ok(()),
        false => Err(Fault(otherwise())),
    }
}
