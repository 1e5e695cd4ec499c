//! Persistence to plug in: where facts come from, where changes go, and how replicas stay together.
//!
//! * [`Source`] reads an organization's facts in batches; [`Engine::load`](crate::Engine::load) makes an engine of
//!   them without holding them twice.
//! * [`Journal`] appends changes with the revision that they were decided on, and replays them from a revision.
//! * [`Replica`] keeps one engine on a journal: it authorizes, checks, appends, applies, in that order, and catches up.
//! * [`Touched`] says which facts a change altered, for a journal that keeps them in tables; kinds, categories and the
//!   like have `as_str` and `FromStr` for their columns.
//! * [`MemoryStore`] is the journal of a service that keeps nothing. `examples/support` in the repository has SQLite
//!   and PostgreSQL ones to copy, with their schema.
#![cfg_attr(feature = "store-kit", doc = "* [`kit`] holds anyone's journal to the contract that [`Journal`] states.")]
#![cfg_attr(
    not(feature = "store-kit"),
    doc = "* With the feature `store-kit`, `kit` holds anyone's journal to the contract."
)]
//!
//! Everything is synchronous. In async code a replica lives on a thread of its own, or is asked under
//! `spawn_blocking`; `examples/async_service.rs` shows the first, with snapshots that readers take without waiting.
//!
//! # What holds
//! - What [`Replica::submit`] acknowledged is in the journal, once, at the revision that it returned. That
//!   the journal knows the submission's id is not enough: the changes are compared, and where they are no longer there
//!   to be compared, the answer is an error.
//! - A change is decided on the facts that it is applied to: another writer's change in between is a conflict, and the
//!   replica catches up and decides anew, authorization included.
//! - What is made of facts that were read, such as a list that is replaced whole, is written on these facts or refused,
//!   where the caller says at which revision they were ([`Replica::submit_once_at`]).
//! - A caller that hands on the revision it was given reads its own writes on every replica
//!   ([`Replica::at_least`]), and is never shown what a change up to that revision has closed.
//! - A store that fails leaves the replica as it was, or at a later revision of the journal. Where it cannot be known
//!   whether an append took effect, the error carries the [`SubmissionId`] to ask again with, and no submission takes
//!   effect twice that [`Journal::compact`] has not forgotten in between.
//!
//! Nothing here knows of the engine's insides, and nothing of a database.

mod journal;
#[cfg(feature = "store-kit")]
pub mod kit;
mod memory;
mod replica;
mod source;
mod touched;

pub use journal::{Append, AppendError, CreateError, Entry, Journal, ReplayError, ReplicaId, SubmissionId};
pub use memory::MemoryStore;
pub use replica::{Behind, Replica, ReplicaError};
pub use source::{Batch, LoadError, MAX_BATCH, Source};
pub use touched::Touched;
