//! Where changes go: appended on the revision that they were decided on, replayed in order.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::source::Source;
use super::touched::Touched;
use crate::engine::{Engine, Revision};
use crate::error::{OneLine, ParseError};
use crate::model::{Change, OrganizationId};

/// Which replica a submission comes from.
///
/// Unique to one start of one process, for a replica counts its submissions from 0: random, or made of host, process
/// and time of start. The crate holds neither randomness nor clock, so it is the caller's. If two replicas have the
/// same one, the later of two different changes is refused as [`ReplicaError::Reused`](super::ReplicaError::Reused); of
/// two equal ones, such as two messages of the same time, the later may be taken for the earlier, acknowledged and lost.
/// `Display` and serde give 32 hexadecimal digits, which `FromStr` reads.
///
/// # Examples
/// The keys of a hasher are random, so that no dependency is needed for it:
/// ```
/// use std::hash::{BuildHasher, RandomState};
/// use visibly::store::ReplicaId;
///
/// let random = || u128::from(RandomState::new().hash_one(()));
/// let id = ReplicaId::new(random() << 64 | random());
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(u128);

impl ReplicaId {
    /// The replica with this number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplicaId({self})")
    }
}

/// One submission of changes, so that a second attempt is known for what it is. No submission takes effect twice,
/// unless [compaction](Journal::compact) has forgotten it in between.
///
/// `Display` and serde give `REPLICA-NUMBER`, which `FromStr` reads, so that a client can keep it for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubmissionId {
    /// Who submitted.
    pub replica: ReplicaId,
    /// Which of its submissions; each number is used once.
    pub number: u64,
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.replica, self.number)
    }
}

impl FromStr for ReplicaId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        spelled_so(u128::from_str_radix(text, 16).ok().map(Self), text, "the id of a replica")
    }
}

impl FromStr for SubmissionId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let read = |(replica, number): (&str, &str)| {
            Some(Self { replica: replica.parse().ok()?, number: number.parse().ok()? })
        };
        spelled_so(text.rsplit_once('-').and_then(read), text, "the id of a submission")
    }
}

/// What was read, if it is spelled as `Display` spells it: one id has one text.
fn spelled_so<T: fmt::Display>(read: Option<T>, text: &str, expected: &'static str) -> Result<T, ParseError> {
    read.filter(|read| read.to_string() == text).ok_or(ParseError::new(expected))
}

/// Gives an id its text as its serde form.
macro_rules! serde_as_text {
    ($($name:ident),+) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        })+
    };
}

serde_as_text!(ReplicaId, SubmissionId);

/// One change as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The revision that the change led to.
    pub revision: Revision,
    /// The submission that it was part of.
    pub submission: SubmissionId,
    /// The change.
    pub change: Change,
}

/// What is to be appended: one submission's changes, with what they do to the facts.
///
/// A [`Replica`](super::Replica) makes it, so that nothing is appended that has not been decided.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Append<'a> {
    /// Whose changes they are.
    pub organization: &'a OrganizationId,
    /// The revision that they were decided on.
    pub expected: Revision,
    /// Which submission they are.
    pub submission: SubmissionId,
    /// The changes, at least one; the first leads to `expected` + 1.
    pub changes: &'a [Change],
    /// What they do to the facts, in order, for stores that keep facts in tables; others need not look at it.
    pub touched: &'a [Touched],
}

impl<'a> Append<'a> {
    /// Changes decided on `engine`, with what they do to its facts.
    pub(crate) fn new(
        engine: &'a Engine,
        submission: SubmissionId,
        changes: &'a [Change],
        touched: &'a [Touched],
    ) -> Self {
        Self { organization: engine.organization_id(), expected: engine.revision(), submission, changes, touched }
    }

    /// The revision that the last change leads to.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.expected.after(self.changes.len())
    }
}

/// Keeps the facts of organizations, and their changes in order.
///
/// Each call takes effect whole or not at all, also if the process dies in it: what `append` returned is kept, and
/// what it has not returned is there whole or not at all. Several handles, in several processes, may work on one
/// store. Organizations know nothing of each other. [`MemoryStore`](super::MemoryStore)'s is the shortest to read.
#[cfg_attr(
    feature = "store-kit",
    doc = "[`kit::check`](super::kit::check) holds an implementation to what one process can see of this."
)]
pub trait Journal: Source {
    /// Stores a new organization: the engine's facts, at the engine's revision. A clone of the [`Engine`] is a
    /// [`Source`] that gives them in batches.
    ///
    /// # Errors
    /// [`CreateError::Exists`] if the organization is there already; nothing is written then.
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<Self::Error>>;

    /// Appends changes and returns the revision that the last of them led to.
    ///
    /// # Errors
    /// Nothing is written with any of these but the last. In this order: [`AppendError::UnknownOrganization`];
    /// [`AppendError::Repeated`] if the journal holds this submission already; [`AppendError::Conflict`] if the
    /// organization is at another revision than the expected one, be it higher or lower; [`AppendError::Rejected`] if
    /// the store cannot hold the changes; [`AppendError::Store`] if it failed: everything is written then, or nothing.
    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Self::Error>>;

    /// The revision of the last change; `None` if there is no such organization.
    ///
    /// # Errors
    /// If the store fails.
    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>, Self::Error>;

    /// Hands the entries after a revision to `take`, in order, without a gap; none after the last one. Once `take`
    /// breaks, nothing more is read.
    ///
    /// # Errors
    /// [`ReplayError::UnknownOrganization`]; [`ReplayError::NotKept`] if the first of those entries has been
    /// compacted away, or the revision is one that the journal has not reached; [`ReplayError::Store`] if the store
    /// fails, after any number of entries.
    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<Self::Error>>;

    /// The revision that a submission's last change led to; `None` if the journal does not hold it (any more).
    ///
    /// # Errors
    /// If the store fails.
    fn find(
        &mut self,
        organization: &OrganizationId,
        submission: SubmissionId,
    ) -> Result<Option<Revision>, Self::Error>;

    /// Stores the engine's facts as the compacted dataset of its revision, which the journal has reached, and forgets
    /// the entries up to that. A store whose facts are always current forgets the entries alone.
    ///
    /// From then on, [`Source::read`] gives facts of that revision or a later one. A submission that is forgotten is
    /// not known for a repeat any more, so leave the entries of the last hour or so: keep a clone of the engine, and
    /// compact with it an hour later. A repeat of a list that is forgotten in part is answered
    /// [`ReplicaError::Forgotten`](super::ReplicaError::Forgotten).
    ///
    /// # Errors
    /// If the store fails.
    ///
    /// # Examples
    /// ```
    /// use visibly::store::{Journal, MemoryStore, Replica, ReplicaId};
    /// use visibly::{Change, Conversation, Dataset, Engine, Organization, Revision};
    ///
    /// let oak = Dataset::new(Organization::new("oak", "Oak Street")).conversation(Conversation::note("rota", 10));
    /// let mut store = MemoryStore::new();
    /// store.create(&Engine::new(oak)?)?;
    /// let mut replica = Replica::open(store, &"oak".into(), ReplicaId::new(1))?;
    /// replica.submit_as_service(&Change::receive_message("rota", 20))?;
    ///
    /// let an_hour_ago = replica.engine().clone();
    /// let submission = replica.new_submission();
    /// let message = [Change::receive_message("rota", 30)];
    /// replica.submit_once_as_service(submission, &message)?;
    /// replica.journal().compact(&an_hour_ago)?;
    ///
    /// // What came since is still known, so that a second attempt changes nothing.
    /// assert_eq!(replica.submit_once_as_service(submission, &message)?, Revision::new(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn compact(&mut self, engine: &Engine) -> Result<(), Self::Error>;
}

/// Why an organization was not stored; nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError<E> {
    /// It is there already.
    #[error("organization `{}` exists", OneLine(.0.as_str()))]
    Exists(OrganizationId),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] E),
}

/// Why changes were not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError<E> {
    /// The store has no such organization.
    #[error("unknown organization `{}`", OneLine(.0.as_str()))]
    UnknownOrganization(OrganizationId),
    /// The journal holds this submission already; its last change led to this revision.
    #[error("submitted before, as revision {0}")]
    Repeated(Revision),
    /// The organization is at this revision, not the expected one.
    #[error("the organization is at revision {0}")]
    Conflict(Revision),
    /// The store cannot hold what the changes say, such as a text that its encoding does not have.
    #[error("the store cannot hold the changes")]
    Rejected(#[source] E),
    /// The store failed: everything is written, or nothing.
    #[error("the store failed")]
    Store(#[from] E),
}

/// Why changes were not replayed, or not all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError<E> {
    /// The store has no such organization.
    #[error("unknown organization `{}`", OneLine(.0.as_str()))]
    UnknownOrganization(OrganizationId),
    /// The journal can be replayed from any revision from `oldest` to `current`, and this is none of them.
    #[error("the journal keeps what follows revisions {oldest} to {current}")]
    NotKept {
        /// The facts before the first entry that is kept.
        oldest: Revision,
        /// The facts after the last one.
        current: Revision,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] E),
}
