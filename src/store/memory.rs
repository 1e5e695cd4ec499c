//! A journal that lives as long as the process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal::{Append, AppendError, CreateError, Entry, Journal, ReplayError, SubmissionId};
use super::source::{Batch, Source};
use crate::engine::{Engine, Revision};
use crate::model::OrganizationId;

/// Organizations and their changes in memory, the default of a service that embeds the crate and keeps nothing.
///
/// A clone is another handle on the same store, for another thread's replica. The facts are those of the engine that
/// the organization was created or last compacted with, which it shares, so that the store costs the changes since.
#[derive(Clone, Default)]
pub struct MemoryStore {
    organizations: Arc<Mutex<HashMap<OrganizationId, Stored>>>,
}

struct Stored {
    base: Engine,
    /// Those after the base, without a gap. A replay shares them: it hands out as many as are taken, and copies no more.
    entries: Arc<Vec<Entry>>,
    submissions: HashMap<SubmissionId, Revision>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No call leaves an organization half changed, so what a panicking thread left behind is sound.
    fn lock(&self) -> MutexGuard<'_, HashMap<OrganizationId, Stored>> {
        self.organizations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("organizations", &self.lock().len()).finish()
    }
}

impl Stored {
    fn current(&self) -> Revision {
        self.base.revision().after(self.entries.len())
    }

    /// How many entries lead to a revision; `None` if those after it are not all kept, or it has not been reached.
    fn place_of(&self, revision: Revision) -> Option<usize> {
        let place = usize::try_from(revision.get().checked_sub(self.base.revision().get())?).ok()?;
        (place <= self.entries.len()).then_some(place)
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Infallible>> {
        if let Some(revision) = self.submissions.get(&append.submission) {
            return Err(AppendError::Repeated(*revision));
        }
        if self.current() != append.expected {
            return Err(AppendError::Conflict(self.current()));
        }
        for change in append.changes {
            let revision = self.current().after(1);
            Arc::make_mut(&mut self.entries).push(Entry {
                revision,
                submission: append.submission,
                change: change.clone(),
            });
        }
        self.submissions.insert(append.submission, self.current());
        Ok(self.current())
    }

    fn compact(&mut self, engine: &Engine) {
        let Some(place) = self.place_of(engine.revision()) else {
            return;
        };
        self.base = engine.clone();
        self.entries = Arc::new(self.entries.iter().skip(place).cloned().collect());
        self.submissions.retain(|_, revision| *revision > engine.revision());
    }
}

impl Source for MemoryStore {
    type Error = Infallible;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Infallible> {
        let base = self.lock().get(organization).map(|stored| stored.base.clone());
        base.map_or(Ok(None), |mut base| base.read(organization, take))
    }
}

impl Journal for MemoryStore {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<Infallible>> {
        let id = engine.organization_id();
        let mut organizations = self.lock();
        if organizations.contains_key(id) {
            return Err(CreateError::Exists(id.clone()));
        }
        let stored = Stored { base: engine.clone(), entries: Arc::default(), submissions: HashMap::new() };
        organizations.insert(id.clone(), stored);
        Ok(())
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Infallible>> {
        match self.lock().get_mut(append.organization) {
            Some(stored) => stored.append(append),
            None => Err(AppendError::UnknownOrganization(append.organization.clone())),
        }
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>, Infallible> {
        Ok(self.lock().get(organization).map(Stored::current))
    }

    /// The store is not locked meanwhile, so that `take` may use it.
    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<Infallible>> {
        let (entries, place) = match self.lock().get(organization) {
            None => return Err(ReplayError::UnknownOrganization(organization.clone())),
            Some(stored) => match stored.place_of(after) {
                Some(place) => (stored.entries.clone(), place),
                None => {
                    return Err(ReplayError::NotKept { oldest: stored.base.revision(), current: stored.current() });
                }
            },
        };
        // A break is the caller's wish, not a failure.
        let _ = entries.iter().skip(place).cloned().try_for_each(take);
        Ok(())
    }

    fn find(
        &mut self,
        organization: &OrganizationId,
        submission: SubmissionId,
    ) -> Result<Option<Revision>, Infallible> {
        let organizations = self.lock();
        Ok(organizations.get(organization).and_then(|stored| stored.submissions.get(&submission).copied()))
    }

    /// An engine that is not of this store's organization, or ahead of its journal, changes nothing.
    fn compact(&mut self, engine: &Engine) -> Result<(), Infallible> {
        if let Some(stored) = self.lock().get_mut(engine.organization_id()) {
            stored.compact(engine);
        }
        Ok(())
    }
}
