//! Where an organization's facts come from, piece by piece.

use std::convert::Infallible;
use std::ops::ControlFlow;

use crate::engine::{Engine, EngineBuilder, Revision};
use crate::error::{Error, OneLine};
use crate::model::{Contact, Conversation, Filter, Organization, OrganizationId};

/// How many facts one [`Batch`] holds at most.
pub const MAX_BATCH: usize = 8_192;

/// A piece of one organization's facts, as a [`Source`] hands them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Settings, teammates, teams and endpoints, in their order: the first batch, and the only one of its kind.
    Organization(Organization),
    /// Some saved filters, in their order.
    Filters(Vec<Filter>),
    /// Some contacts, in any order.
    Contacts(Vec<Contact>),
    /// Some conversations, in any order, after all contacts that are attached to them.
    Conversations(Vec<Conversation>),
}

/// Reads the facts of organizations.
///
/// Synchronous, and one call at a time: an implementation owns a connection, a file, a handle.
pub trait Source {
    /// What can go wrong in the store itself. It reaches the caller as it is.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Hands one organization's facts to `take` and returns the revision that they are of; `None`, without a call of
    /// `take`, if there is no such organization.
    ///
    /// All facts are of one revision, whoever writes meanwhile. Batches come in the order of [`Batch`]'s variants and
    /// hold [`MAX_BATCH`] facts at most; there may be none of a kind. Once `take` breaks, nothing more is read.
    ///
    /// # Errors
    /// If the store fails; what was taken until then is to be thrown away.
    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Self::Error>;
}

/// Why an engine could not be loaded from a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The source has no such organization.
    #[error("unknown organization `{}`", OneLine(.0.as_str()))]
    UnknownOrganization(OrganizationId),
    /// The facts are at fault, or came in the wrong order.
    #[error("the stored facts are at fault: {0}")]
    Damaged(Error),
    /// The source gave another organization, as where ids that differ in case are one to it. None of its facts are kept.
    #[error("the source gave organization `{}` in place of the one asked for", OneLine(.0.as_str()))]
    OtherOrganization(OrganizationId),
    /// The source did not begin with the organization, or gave it twice.
    #[error("the source broke the order of batches")]
    Disordered,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] E),
}

impl Engine {
    /// Loads one organization from a source, at the source's revision.
    ///
    /// # Errors
    /// [`LoadError`]; the store's own error comes unchanged in [`LoadError::Store`].
    ///
    /// # Complexity
    /// O(size of the facts) time, and putting conversations and contacts in order; memory for the engine and one batch.
    ///
    /// # Examples
    /// ```
    /// use visibly::store::{Journal, MemoryStore};
    /// use visibly::{Dataset, Engine, Organization, Teammate};
    ///
    /// let oak = Organization::new("oak", "Oak Street").teammate(Teammate::new("ana", "Ana").admin());
    /// let mut store = MemoryStore::new();
    /// store.create(&Engine::new(Dataset::new(oak))?)?;
    /// assert_eq!(Engine::load(&mut store, &"oak".into())?.teammates().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load<S: Source>(source: &mut S, organization: &OrganizationId) -> Result<Self, LoadError<S::Error>> {
        let mut reading = Reading { organization, builder: None, fault: None };
        let revision = source.read(organization, &mut |batch| reading.take(batch)).map_err(LoadError::Store)?;
        let Some(revision) = revision else {
            return Err(LoadError::UnknownOrganization(organization.clone()));
        };
        match reading {
            Reading { fault: Some(Fault::Facts(error)), .. } => Err(LoadError::Damaged(error)),
            Reading { fault: Some(Fault::Other(id)), .. } => Err(LoadError::OtherOrganization(id)),
            Reading { fault: None, builder: Some(mut builder), .. } => {
                builder.revision(revision);
                Ok(builder.build())
            }
            _ => Err(LoadError::Disordered),
        }
    }
}

/// An engine half read.
struct Reading<'i> {
    organization: &'i OrganizationId,
    builder: Option<EngineBuilder>,
    fault: Option<Fault>,
}

enum Fault {
    Facts(Error),
    Other(OrganizationId),
    Order,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Facts(error)
    }
}

impl Reading<'_> {
    fn take(&mut self, batch: Batch) -> ControlFlow<()> {
        match self.add(batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }

    fn add(&mut self, batch: Batch) -> Result<(), Fault> {
        match (&mut self.builder, batch) {
            (None, Batch::Organization(other)) if other.id != *self.organization => return Err(Fault::Other(other.id)),
            (builder @ None, Batch::Organization(organization)) => *builder = Some(Engine::builder(organization)?),
            (None, _) | (Some(_), Batch::Organization(_)) => return Err(Fault::Order),
            (Some(builder), Batch::Filters(filters)) => {
                filters.into_iter().try_for_each(|filter| builder.filter(filter).map(drop))?;
            }
            (Some(builder), Batch::Contacts(contacts)) => {
                contacts.into_iter().try_for_each(|contact| builder.contact(contact).map(drop))?;
            }
            (Some(builder), Batch::Conversations(conversations)) => {
                conversations.into_iter().try_for_each(|conversation| builder.conversation(conversation).map(drop))?;
            }
        }
        Ok(())
    }
}

/// An engine is a source of its own facts: so a store takes them over without a second copy of all.
impl Source for Engine {
    type Error = Infallible;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Infallible> {
        if organization != self.organization_id() {
            return Ok(None);
        }
        // A break is the caller's wish, not a failure.
        let _ = self.hand_on(take);
        Ok(Some(self.revision()))
    }
}

impl Engine {
    fn hand_on(&self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> ControlFlow<()> {
        take(Batch::Organization(self.organization()))?;
        in_batches(self.filters().cloned(), |filters| take(Batch::Filters(filters)))?;
        let contacts = self.contact_ids().filter_map(|id| self.contact(id));
        in_batches(contacts, |contacts| take(Batch::Contacts(contacts)))?;
        let conversations = self.conversation_ids().filter_map(|id| self.conversation(id));
        in_batches(conversations, |conversations| take(Batch::Conversations(conversations)))
    }
}

fn in_batches<T>(
    mut facts: impl Iterator<Item = T>,
    mut take: impl FnMut(Vec<T>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    loop {
        let batch: Vec<T> = facts.by_ref().take(MAX_BATCH).collect();
        if batch.is_empty() {
            return ControlFlow::Continue(());
        }
        take(batch)?;
    }
}
