//! One engine kept on a journal that other replicas write to as well.

use std::ops::ControlFlow;

use super::journal::{Append, AppendError, Entry, Journal, ReplayError, ReplicaId, SubmissionId};
use super::source::LoadError;
use super::touched::{self, Touched};
use crate::engine::{Advancing, CursorKey, Engine, Revision};
use crate::error::{Error, OneLine};
use crate::model::{Change, OrganizationId, TeammateId};

/// One organization's engine, kept current by its journal.
///
/// It changes nothing that is not in the journal: a change is authorized, checked, appended and only then applied.
/// Every error leaves its facts as they were or moves them forward to what the journal holds, never elsewhere.
///
/// # Examples
/// ```
/// use visibly::store::{Journal, MemoryStore, Replica, ReplicaId};
/// use visibly::{Change, Conversation, Dataset, Engine, Organization, PhoneNumber, Teammate, TeammateId};
///
/// let oak = Organization::new("oak", "Oak Street")
///     .teammate(Teammate::new("ana", "Ana").admin())
///     .endpoint(PhoneNumber::new("main"));
/// let mut store = MemoryStore::new();
/// store.create(&Engine::new(Dataset::new(oak).conversation(Conversation::patient("v1", "main", 10)))?)?;
///
/// let mut here = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(1))?;
/// let mut there = Replica::open(store, &"oak".into(), ReplicaId::new(2))?;
/// let archived = here.submit(&TeammateId::from("ana"), &Change::archive("v1"))?;
/// assert!(there.at_least(archived).is_err());
/// assert!(there.reach(archived)?.conversation(&"v1".into()).unwrap().archived);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Replica<J> {
    journal: J,
    engine: Engine,
    id: ReplicaId,
    submitted: u64,
    cursor_key: Option<CursorKey>,
}

/// A replica has not seen the revision that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replica is at revision {have}, behind revision {want}")]
pub struct Behind {
    /// Where the replica is.
    pub have: Revision,
    /// What was asked for.
    pub want: Revision,
}

/// Why a replica did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError<E> {
    /// The store has no such organization.
    #[error("unknown organization `{}`", OneLine(.0.as_str()))]
    UnknownOrganization(OrganizationId),
    /// The store gave the facts of another organization; none of them are kept.
    #[error("the store gave organization `{}` in place of the one asked for", OneLine(.0.as_str()))]
    OtherOrganization(OrganizationId),
    /// The actor may not make the change at this position of the list (SPEC 6.7); nothing was written.
    #[error("change {0} is not the actor's to make")]
    Denied(usize),
    /// A change is not valid; nothing was written.
    #[error(transparent)]
    Refused(Error),
    /// Something has changed since the revision that the changes were made of; nothing was written. The replica is
    /// at a later one: make them anew of its facts.
    #[error("made of revision {read}, but the organization is at revision {have}")]
    Stale {
        /// What the changes were made of.
        read: Revision,
        /// Where the replica is.
        have: Revision,
    },
    /// The journal has not got to the revision that was asked for.
    #[error(transparent)]
    Behind(#[from] Behind),
    /// The journal holds another submission under this id; nothing was written. See [`ReplicaId`].
    #[error("another submission was made before under the id {0}")]
    Reused(SubmissionId),
    /// The journal holds the end of a list under this id, and the rest has been compacted away: whether it is this list
    /// cannot be told. Nothing was written now. Do not submit it again, but catch up and look at the facts.
    #[error("submission {0} is no longer in the journal whole, it may have taken effect")]
    Forgotten(SubmissionId),
    /// The journal ends before what this replica has seen of it: the store has lost changes, as by an old backup. The
    /// replica goes on answering from the facts it has. Once others have written as many changes again as were lost, it
    /// cannot tell any more, and applies theirs to facts that the store does not have: where a backup is put back, start
    /// all replicas anew.
    #[error("the journal ends at revision {current}, but revision {have} was seen")]
    Lost {
        /// Where the replica is.
        have: Revision,
        /// Where the journal ends.
        current: Revision,
    },
    /// The store's facts are at fault, or a change in the journal cannot be applied to the facts before it.
    #[error("the stored facts or changes are at fault: {0}")]
    Damaged(Error),
    /// The store broke its contract: batches or entries out of order or missing, or a conflict with no other change.
    #[error("the store broke the order of its journal, after revision {0}")]
    Disordered(Revision),
    /// The store cannot hold what the changes say; nothing was written.
    #[error("the store cannot hold the changes")]
    Rejected(#[source] E),
    /// The store failed while it was read; nothing was written.
    #[error("the store failed")]
    Store(#[source] E),
    /// The store failed while changes were appended, and it could not be seen whether they took effect. Give the
    /// submission to [`Replica::submit_once`] again, or to [`Replica::submit_once_as_service`] where the changes are
    /// the service's own: it takes effect once, then or before.
    #[error("the store failed, submission {submission} may have taken effect")]
    Unsettled {
        /// What to submit again.
        submission: SubmissionId,
        /// The store's error.
        source: E,
    },
}

impl<E> From<LoadError<E>> for ReplicaError<E> {
    fn from(error: LoadError<E>) -> Self {
        match error {
            LoadError::UnknownOrganization(id) => Self::UnknownOrganization(id),
            LoadError::OtherOrganization(id) => Self::OtherOrganization(id),
            LoadError::Damaged(error) => Self::Damaged(error),
            LoadError::Disordered => Self::Disordered(Revision::default()),
            LoadError::Store(error) => Self::Store(error),
        }
    }
}

impl<J: Journal> Replica<J> {
    /// Loads an organization and catches up with its journal.
    ///
    /// # Errors
    /// As [`Replica::catch_up`].
    ///
    /// # Complexity
    /// O(size of the facts + changes since they were compacted).
    pub fn open(mut journal: J, organization: &OrganizationId, id: ReplicaId) -> Result<Self, ReplicaError<J::Error>> {
        let engine = Engine::load(&mut journal, organization)?;
        let mut replica = Self { journal, engine, id, submitted: 0, cursor_key: None };
        replica.catch_up()?;
        Ok(replica)
    }

    /// The same, with a key for cursors that all replicas share.
    #[must_use]
    pub fn with_cursor_key(mut self, key: CursorKey) -> Self {
        self.cursor_key = Some(key);
        self.engine = self.engine.with_cursor_key(key);
        self
    }

    /// The facts as this replica knows them. A clone is a snapshot that readers keep while the replica goes on. O(1).
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The revision that this replica knows. O(1).
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.engine.revision()
    }

    /// The journal, for questions to the store itself.
    pub fn journal(&mut self) -> &mut J {
        &mut self.journal
    }

    /// The facts at this revision or a later one, from what is known without asking the journal. O(1).
    ///
    /// # Errors
    /// [`Behind`] if the replica has not seen the revision; [`Replica::reach`] asks the journal.
    pub fn at_least(&self, want: Revision) -> Result<&Engine, Behind> {
        match self.revision() {
            have if have < want => Err(Behind { have, want }),
            _ => Ok(&self.engine),
        }
    }

    /// The facts at this revision or a later one, after catching up if need be.
    ///
    /// # Errors
    /// [`ReplicaError::Behind`] if the journal has not got there either, and as [`Replica::catch_up`].
    pub fn reach(&mut self, want: Revision) -> Result<&Engine, ReplicaError<J::Error>> {
        if self.revision() < want {
            self.catch_up()?;
        }
        Ok(self.at_least(want)?)
    }

    /// Applies what others have appended and returns the revision then known. Where the journal does not go back
    /// far enough, the facts are loaded anew.
    ///
    /// # Errors
    /// [`ReplicaError::UnknownOrganization`], [`ReplicaError::OtherOrganization`], [`ReplicaError::Store`],
    /// [`ReplicaError::Lost`], [`ReplicaError::Disordered`], [`ReplicaError::Damaged`]; the replica is then as it was.
    ///
    /// # Complexity
    /// O(changes since), and a snapshot of the facts if there are any; who covers and who has access is made anew once
    /// for all of them. As [`Engine::load`] where the facts are loaded anew.
    pub fn catch_up(&mut self) -> Result<Revision, ReplicaError<J::Error>> {
        self.follow(None)?;
        Ok(self.revision())
    }

    /// Authorizes, checks, appends and applies a change that `actor` makes; the revision it led to is returned.
    ///
    /// Where other replicas write meanwhile, the change is decided anew on the facts that they left, as often as need
    /// be: each time, somebody's change has got through. Before it is denied or refused, the replica catches up, so that
    /// this never rests on facts older than the call. The change itself stays as it is: one that replaces a whole list,
    /// such as [`Change::SetTeam`], also replaces what somebody else has put into that list since it was read;
    /// [`Replica::submit_once_at`] refuses to.
    ///
    /// # Errors
    /// [`ReplicaError::Denied`], [`ReplicaError::Refused`], [`ReplicaError::Rejected`], [`ReplicaError::Unsettled`],
    /// [`ReplicaError::Reused`], [`ReplicaError::Forgotten`], and as [`Replica::catch_up`].
    pub fn submit(&mut self, actor: &TeammateId, change: &Change) -> Result<Revision, ReplicaError<J::Error>> {
        self.submit_all(actor, std::slice::from_ref(change))
    }

    /// The same for a list of changes, all of them or none. An empty list changes nothing, and is nobody denied: the
    /// revision that this replica knows is returned.
    ///
    /// # Errors
    /// As [`Replica::submit`].
    pub fn submit_all(&mut self, actor: &TeammateId, changes: &[Change]) -> Result<Revision, ReplicaError<J::Error>> {
        let submission = self.new_submission();
        self.settle(submission, None, Some(actor), changes)
    }

    /// The same for a change that is the service's own, such as a message from outside: nobody is authorized.
    ///
    /// # Errors
    /// As [`Replica::submit`], but for [`ReplicaError::Denied`].
    pub fn submit_as_service(&mut self, change: &Change) -> Result<Revision, ReplicaError<J::Error>> {
        let submission = self.new_submission();
        self.settle(submission, None, None, std::slice::from_ref(change))
    }

    /// An id for one submission, to give to [`Replica::submit_once`].
    #[must_use]
    pub fn new_submission(&mut self) -> SubmissionId {
        let submission = SubmissionId { replica: self.id, number: self.submitted };
        self.submitted += 1;
        submission
    }

    /// Submits changes that may have been submitted before under the same id, here or by another replica: if they
    /// took effect then, the revision that they led to is returned and nothing else happens.
    ///
    /// They are compared with what the journal holds under the id. Two submissions of the same changes under one id
    /// cannot be told apart: they are one, which takes effect once. One that [`Journal::compact`] has forgotten whole
    /// is new to the journal, and takes effect again.
    ///
    /// # Errors
    /// As [`Replica::submit`].
    pub fn submit_once(
        &mut self,
        submission: SubmissionId,
        actor: &TeammateId,
        changes: &[Change],
    ) -> Result<Revision, ReplicaError<J::Error>> {
        self.settle_once(submission, None, Some(actor), changes)
    }

    /// The same for changes that were made of what was read at a revision, such as a team's whole list less one: they
    /// take effect on the facts of that revision, or not at all.
    ///
    /// Anybody's change in between makes them stale, so make them of what this replica knows, and anew if need be.
    ///
    /// # Errors
    /// [`ReplicaError::Stale`]; [`ReplicaError::Behind`] if the journal has not got to that revision; and as
    /// [`Replica::submit`].
    ///
    /// # Examples
    /// ```
    /// use visibly::store::{Journal, MemoryStore, Replica, ReplicaError, ReplicaId};
    /// use visibly::{Change, Dataset, Engine, Organization, Team, TeamId, Teammate, TeammateId};
    ///
    /// let oak = Organization::new("oak", "Oak Street")
    ///     .teammate(Teammate::new("ana", "Ana").admin())
    ///     .teammate(Teammate::new("ben", "Ben"))
    ///     .team(Team::new("desk", "Front desk", ["ana", "ben"]));
    /// let mut store = MemoryStore::new();
    /// store.create(&Engine::new(Dataset::new(oak))?)?;
    /// let mut replica = Replica::open(store, &"oak".into(), ReplicaId::new(1))?;
    ///
    /// let (ana, ben, desk) = (TeammateId::from("ana"), TeammateId::from("ben"), TeamId::from("desk"));
    /// let submission = replica.new_submission();
    /// let left = loop {
    ///     let read = replica.revision();
    ///     let team = replica.engine().team(&desk).unwrap();
    ///     let teammates = team.teammates.iter().filter(|id| **id != ben).cloned().collect();
    ///     let without_ben = Change::SetTeam { id: desk.clone(), teammates };
    ///     match replica.submit_once_at(submission, read, &ana, &[without_ben]) {
    ///         Err(ReplicaError::Stale { .. }) => {}
    ///         settled => break settled?,
    ///     }
    /// };
    /// assert_eq!(replica.at_least(left)?.team(&desk).unwrap().teammates, [ana]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit_once_at(
        &mut self,
        submission: SubmissionId,
        read: Revision,
        actor: &TeammateId,
        changes: &[Change],
    ) -> Result<Revision, ReplicaError<J::Error>> {
        self.settle_once(submission, Some(read), Some(actor), changes)
    }

    /// As [`Replica::submit_once`], for changes that are the service's own: nobody is authorized.
    ///
    /// # Errors
    /// As [`Replica::submit`], but for [`ReplicaError::Denied`].
    pub fn submit_once_as_service(
        &mut self,
        submission: SubmissionId,
        changes: &[Change],
    ) -> Result<Revision, ReplicaError<J::Error>> {
        self.settle_once(submission, None, None, changes)
    }

    fn settle_once(
        &mut self,
        submission: SubmissionId,
        read: Option<Revision>,
        actor: Option<&TeammateId>,
        changes: &[Change],
    ) -> Result<Revision, ReplicaError<J::Error>> {
        match self.find(Watched { submission, changes })? {
            Some(revision) => Ok(revision),
            None => self.settle(submission, read, actor, changes),
        }
    }

    fn settle(
        &mut self,
        submission: SubmissionId,
        read: Option<Revision>,
        actor: Option<&TeammateId>,
        changes: &[Change],
    ) -> Result<Revision, ReplicaError<J::Error>> {
        if changes.is_empty() {
            return Ok(self.revision());
        }
        let watched = Watched { submission, changes };
        let mut has_looked = false;
        loop {
            if let Some(read) = read
                && let Some(revision) = self.goes_by(read, watched)?
            {
                return Ok(revision);
            }
            let (after, touched) = match decide(&self.engine, actor, changes) {
                Ok(decided) => decided,
                Err(refusal) if has_looked => return Err(refusal),
                // What others have written since may be what the changes need, or the changes themselves.
                Err(_) => match self.follow(Some(watched))? {
                    Some(revision) => return Ok(revision),
                    None => {
                        has_looked = true;
                        continue;
                    }
                },
            };
            let append = Append::new(&self.engine, submission, changes, &touched);
            match self.journal.append(&append) {
                Ok(revision) if revision == after.revision() => {
                    self.engine = after;
                    return Ok(revision);
                }
                Ok(_) => return Err(ReplicaError::Disordered(self.revision())),
                Err(AppendError::Repeated(revision)) => return self.repeated(revision, watched),
                Err(AppendError::Conflict(current)) => {
                    if let Some(revision) = self.overtaken(current, watched)? {
                        return Ok(revision);
                    }
                }
                Err(AppendError::UnknownOrganization(id)) => return Err(ReplicaError::UnknownOrganization(id)),
                Err(AppendError::Rejected(error)) => return Err(ReplicaError::Rejected(error)),
                Err(AppendError::Store(source)) => return self.unsettled(source, watched),
            }
        }
    }

    /// Goes to the revision that changes were made of, and no further; the submission's own revision if it is met there.
    fn goes_by(&mut self, read: Revision, watched: Watched<'_>) -> Result<Option<Revision>, ReplicaError<J::Error>> {
        if self.revision() < read
            && let Some(revision) = self.follow(Some(watched))?
        {
            return Ok(Some(revision));
        }
        match self.revision() {
            have if have < read => Err(Behind { have, want: read }.into()),
            have if have > read => Err(ReplicaError::Stale { read, have }),
            _ => Ok(None),
        }
    }

    /// The journal holds the submission: behind what this replica has seen it is another one's.
    fn repeated(&mut self, revision: Revision, watched: Watched<'_>) -> Result<Revision, ReplicaError<J::Error>> {
        match revision <= self.revision() {
            true => Err(ReplicaError::Reused(watched.submission)),
            false => self.recognize(revision, watched),
        }
    }

    /// The journal tells what became of a failed append, if it can be read. What it does not show may still come.
    fn unsettled(&mut self, source: J::Error, watched: Watched<'_>) -> Result<Revision, ReplicaError<J::Error>> {
        match self.follow(Some(watched)) {
            Ok(Some(revision)) => Ok(revision),
            Err(told @ (ReplicaError::Reused(_) | ReplicaError::Forgotten(_))) => Err(told),
            _ => Err(ReplicaError::Unsettled { submission: watched.submission, source }),
        }
    }

    /// The revision that the submission led to, if the journal holds it.
    fn find(&mut self, watched: Watched<'_>) -> Result<Option<Revision>, ReplicaError<J::Error>> {
        let found = self.journal.find(self.engine.organization_id(), watched.submission);
        found.map_err(ReplicaError::Store)?.map(|last| self.recognize(last, watched)).transpose()
    }

    /// Goes to the last revision of a submission that the journal holds, once its changes are seen to be the same: an
    /// id alone proves nothing, for another replica may have it too.
    fn recognize(&mut self, last: Revision, watched: Watched<'_>) -> Result<Revision, ReplicaError<J::Error>> {
        self.compare(last, watched)?;
        self.reach(last).map(|_| last)
    }

    /// Reads the submission that ends at `last` from the journal, wherever this replica is.
    fn compare(&mut self, last: Revision, watched: Watched<'_>) -> Result<(), ReplicaError<J::Error>> {
        let Some(before) = last.get().checked_sub(watched.changes.len() as u64) else {
            return Err(ReplicaError::Reused(watched.submission));
        };
        // One entry more, if it is kept, shows a longer list that ends in the same changes.
        for after in [before.saturating_sub(1), before].map(Revision::new) {
            let mut seen = Seen::new(watched);
            let mut is_same = true;
            let replayed = self.journal.replay(self.engine.organization_id(), after, &mut |entry| {
                // A store that goes on after a break cannot make other changes the same again.
                is_same = is_same && seen.look_at(&entry).is_ok();
                match is_same && entry.revision < last {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            });
            match replayed {
                Ok(()) if is_same && seen.last != Some(last) => return Err(ReplicaError::Disordered(after)),
                Ok(()) if is_same && seen.is_whole() => return Ok(()),
                Ok(()) => return Err(ReplicaError::Reused(watched.submission)),
                Err(ReplayError::NotKept { .. }) => {}
                Err(ReplayError::UnknownOrganization(id)) => return Err(ReplicaError::UnknownOrganization(id)),
                Err(ReplayError::Store(error)) => return Err(ReplicaError::Store(error)),
            }
        }
        Err(ReplicaError::Forgotten(watched.submission))
    }

    /// Follows the journal after a conflict to the revision that it named; the submission's own revision if it is
    /// there. It moves forward or fails, so that whoever decides anew does so on other facts.
    fn overtaken(
        &mut self,
        current: Revision,
        watched: Watched<'_>,
    ) -> Result<Option<Revision>, ReplicaError<J::Error>> {
        let have = self.revision();
        if current < have && self.journal_end()? < have {
            return Err(ReplicaError::Lost { have, current });
        }
        match self.follow(Some(watched))? {
            None if self.revision() <= have || self.revision() < current => Err(ReplicaError::Disordered(have)),
            found => Ok(found),
        }
    }

    fn journal_end(&mut self) -> Result<Revision, ReplicaError<J::Error>> {
        let organization = self.engine.organization_id();
        let end = self.journal.revision(organization).map_err(ReplicaError::Store)?;
        end.ok_or_else(|| ReplicaError::UnknownOrganization(organization.clone()))
    }

    /// Applies the journal's entries since; the last revision of the watched submission if it is among them.
    fn follow(&mut self, watched: Option<Watched<'_>>) -> Result<Option<Revision>, ReplicaError<J::Error>> {
        let Self { journal, engine, .. } = self;
        let mut following = Following { from: engine, ahead: None, seen: watched.map(Seen::new), fault: None };
        let replayed = journal.replay(engine.organization_id(), engine.revision(), &mut |entry| following.take(entry));
        let found = following.seen.as_ref().and_then(|seen| seen.last);
        let half = found.is_some() && following.seen.as_ref().is_some_and(|seen| !seen.is_whole());
        let reached = following.revision();
        match (following.fault, replayed) {
            (None, Ok(())) if half => Err(ReplicaError::Disordered(self.revision())),
            (Some(Fault::Facts(error)), _) => Err(ReplicaError::Damaged(error)),
            (Some(Fault::Order), _) => Err(ReplicaError::Disordered(reached)),
            (Some(Fault::Reused(submission)), Ok(())) => Err(ReplicaError::Reused(submission)),
            (None, Ok(())) => {
                if let Some(ahead) = following.ahead {
                    self.engine = ahead.arrive();
                }
                Ok(found)
            }
            (_, Err(ReplayError::NotKept { current, .. })) => self.load_anew(current, watched),
            (_, Err(ReplayError::UnknownOrganization(id))) => Err(ReplicaError::UnknownOrganization(id)),
            (_, Err(ReplayError::Store(error))) => Err(ReplicaError::Store(error)),
        }
    }

    /// Replaces the facts where the journal was compacted past them; older facts are never taken.
    fn load_anew(
        &mut self,
        current: Revision,
        watched: Option<Watched<'_>>,
    ) -> Result<Option<Revision>, ReplicaError<J::Error>> {
        let have = self.revision();
        if current < have {
            return Err(ReplicaError::Lost { have, current });
        }
        let mut engine = Engine::load(&mut self.journal, self.engine.organization_id())?;
        if engine.revision() <= have {
            return Err(ReplicaError::Disordered(have));
        }
        if let Some(key) = self.cursor_key {
            engine = engine.with_cursor_key(key);
        }
        let before = std::mem::replace(&mut self.engine, engine);
        let followed = self.follow(None).and_then(|_| watched.map_or(Ok(None), |watched| self.find(watched)));
        if followed.is_err() {
            self.engine = before;
        }
        followed
    }
}

/// Authorizes and checks changes one after the other, each on the facts that those before it leave; the engine after
/// them, and what they do to the facts.
fn decide<E>(
    engine: &Engine,
    actor: Option<&TeammateId>,
    changes: &[Change],
) -> Result<(Engine, Vec<Touched>), ReplicaError<E>> {
    let mut after = Advancing::from(engine);
    let mut touched = Vec::new();
    for (position, change) in changes.iter().enumerate() {
        if actor.is_some_and(|actor| !after.facts().authorize(actor, change)) {
            return Err(ReplicaError::Denied(position));
        }
        let altered = touched::apply(&mut after, change).map_err(|error| ReplicaError::Refused(error.at(position)))?;
        touched.extend(altered);
    }
    Ok((after.arrive(), touched))
}

/// A submission to look out for in the journal.
#[derive(Clone, Copy)]
struct Watched<'a> {
    submission: SubmissionId,
    changes: &'a [Change],
}

/// How much of a submission the journal has shown.
struct Seen<'a> {
    watched: Watched<'a>,
    count: usize,
    last: Option<Revision>,
}

impl<'a> Seen<'a> {
    fn new(watched: Watched<'a>) -> Self {
        Self { watched, count: 0, last: None }
    }

    /// Recognizes the watched submission; other changes under its id are somebody else's.
    fn look_at(&mut self, entry: &Entry) -> Result<(), Fault> {
        if entry.submission != self.watched.submission {
            return Ok(());
        }
        if self.watched.changes.get(self.count) != Some(&entry.change) {
            return Err(Fault::Reused(entry.submission));
        }
        self.count += 1;
        self.last = Some(entry.revision);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.count == self.watched.changes.len()
    }
}

/// An engine on its way along the journal.
struct Following<'a> {
    from: &'a Engine,
    /// None until an entry comes: a snapshot costs more than to learn that there is none.
    ahead: Option<Advancing>,
    seen: Option<Seen<'a>>,
    fault: Option<Fault>,
}

enum Fault {
    Facts(Error),
    Order,
    Reused(SubmissionId),
}

impl Following<'_> {
    fn revision(&self) -> Revision {
        self.ahead.as_ref().map_or(self.from, Advancing::facts).revision()
    }

    fn take(&mut self, entry: Entry) -> ControlFlow<()> {
        match self.apply(&entry) {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Fault> {
        if entry.revision != self.revision().after(1) {
            return Err(Fault::Order);
        }
        if let Some(seen) = &mut self.seen {
            seen.look_at(entry)?;
        }
        let ahead = self.ahead.get_or_insert_with(|| Advancing::from(self.from));
        ahead.apply(&entry.change).map_err(Fault::Facts)
    }
}
