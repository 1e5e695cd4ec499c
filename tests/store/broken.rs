//! Stores that break the contract, each in one way, on top of the memory store. The kit finds every one of them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use visibly::store::{
    Append, AppendError, Batch, CreateError, Entry, Journal, MemoryStore, ReplayError, Source, SubmissionId,
    kit::{self, Kit},
};
use visibly::{Change, Engine, OrganizationId, Revision};

/// One way to break the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    /// The last change of a longer list is not written.
    DropsAChange,
    /// An append is acknowledged and, now and then, not written.
    LosesAnAppend,
    /// The first two entries of a replay come in each other's place.
    ReordersReplay,
    /// The changes of a list are written the other way round.
    ReordersAnAppend,
    /// The expected revision is not looked at.
    IgnoresExpectedRevision,
    /// Only an older expected revision is a conflict.
    TakesLaterRevisions,
    /// A conflict names the expected revision.
    NamesAnotherRevision,
    /// A conflict is answered, and the change written all the same.
    WritesOnConflict,
    /// Submissions are not looked at.
    ForgetsSubmissions,
    /// A list is appended change by change, and fails after the first one that is hard to store.
    WritesHalfAList,
    /// A replay ends after so many entries.
    CutsReplayShort,
    /// Replay begins with the revision asked for.
    ReplaysOneTooMany,
    /// A compacted journal is replayed from its oldest entry.
    HidesCompaction,
    /// A journal without entries is replayed from wherever one asks.
    HidesWholeCompaction,
    /// All facts come in one batch.
    OneBatch,
    /// Conversations come before contacts.
    ReordersBatches,
    /// Facts come in the order of their ids.
    SortsFilters,
    /// Reading goes on after a break.
    NeverStops,
    /// Ids that differ in case are one.
    FoldsCase,
    /// Texts are cut to this many bytes.
    CutsIds,
    /// A second create replaces the first.
    Recreates,
    /// Facts are read piece by piece while others write.
    MixesRevisions,
    /// An organization that is not there has an empty journal.
    ReplaysNobody,
    /// An append to an organization that is not there is a conflict.
    ConflictsWithNobody,
    /// A revision yet to come has no entries behind it.
    ReplaysWhatIsToCome,
    /// The expected revision is looked at before the submission.
    ConflictsFirst,
    /// A create fails once it has written.
    CreatesAndFails,
    /// Entries are gone before the facts that hold them are there, and then it fails.
    ForgetsTooEarly,
}

use Flaw::*;

/// What the memory store cannot answer, for it never fails.
#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct Failed;

impl From<Infallible> for Failed {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[derive(Clone)]
struct Broken {
    flaw: Flaw,
    store: MemoryStore,
    /// Renewed by [`Flaw::Recreates`] and [`Flaw::ForgetsTooEarly`].
    renewed: Arc<Mutex<HashMap<OrganizationId, MemoryStore>>>,
    appends: Arc<Mutex<u64>>,
    /// Whether this handle fails where it would write.
    fails: bool,
}

impl Broken {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, store: MemoryStore::new(), renewed: Arc::default(), appends: Arc::default(), fails: false }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn store(&self, organization: &OrganizationId) -> MemoryStore {
        self.renewed.lock().unwrap().get(organization).unwrap_or(&self.store).clone()
    }

    fn id(&self, organization: &OrganizationId) -> OrganizationId {
        let id = organization.as_str();
        match self.flaw {
            FoldsCase => id.to_lowercase().into(),
            CutsIds => id.chars().take(63).collect::<String>().into(),
            _ => organization.clone(),
        }
    }

    fn put(&mut self, engine: &Engine) -> Result<(), CreateError<Infallible>> {
        match self.flaw {
            Recreates => {
                let mut store = MemoryStore::new();
                store.create(engine)?;
                self.renewed.lock().unwrap().insert(engine.organization_id().clone(), store);
                Ok(())
            }
            FoldsCase | CutsIds => {
                let mut dataset = engine.to_dataset();
                dataset.organization.id = self.id(engine.organization_id());
                self.store.create(&Engine::new(dataset).unwrap())
            }
            _ => self.store.create(engine),
        }
    }

    fn write(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Infallible>> {
        let organization = self.id(append.organization);
        let mut append = *append;
        append.organization = &organization;
        let mut store = self.store(&organization);
        let current = store.revision(&organization)?.unwrap_or_default();
        match self.flaw {
            DropsAChange if append.changes.len() > 1 => {
                append.changes = &append.changes[..append.changes.len() - 1];
                store.append(&append).map(|revision| revision.after(1))
            }
            LosesAnAppend => {
                *self.appends.lock().unwrap() += 1;
                match *self.appends.lock().unwrap() % 10 {
                    9 if current == append.expected => Ok(append.revision()),
                    _ => store.append(&append),
                }
            }
            ReordersAnAppend => {
                let changes: Vec<Change> = append.changes.iter().rev().cloned().collect();
                append.changes = &changes;
                store.append(&append)
            }
            IgnoresExpectedRevision => {
                append.expected = current;
                store.append(&append)
            }
            TakesLaterRevisions => {
                append.expected = append.expected.min(current);
                store.append(&append)
            }
            NamesAnotherRevision => match store.append(&append) {
                Err(AppendError::Conflict(_)) => Err(AppendError::Conflict(append.expected)),
                other => other,
            },
            WritesOnConflict => match store.append(&append) {
                Err(AppendError::Conflict(current)) => {
                    append.expected = current;
                    store.append(&append)?;
                    Err(AppendError::Conflict(current))
                }
                other => other,
            },
            ConflictsWithNobody => match store.append(&append) {
                Err(AppendError::UnknownOrganization(_)) => Err(AppendError::Conflict(current)),
                other => other,
            },
            ConflictsFirst if append.expected != current => Err(AppendError::Conflict(current)),
            ForgetsSubmissions => {
                let mut appends = self.appends.lock().unwrap();
                *appends += 1;
                append.submission.number = *appends << 32;
                store.append(&append)
            }
            _ => store.append(&append),
        }
    }

    fn append_one_by_one(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Failed>> {
        let mut revision = append.expected;
        for (number, change) in append.changes.iter().enumerate() {
            let mut one = *append;
            one.expected = revision;
            one.changes = std::slice::from_ref(change);
            one.submission.number = append.submission.number * 1_000 + number as u64;
            revision = self.store.append(&one).map_err(of_append)?;
            if format!("{change:?}").contains("\\0") {
                return Err(AppendError::Store(Failed));
            }
        }
        Ok(revision)
    }
}

fn of_create(error: CreateError<Infallible>) -> CreateError<Failed> {
    match error {
        CreateError::Exists(id) => CreateError::Exists(id),
        _ => CreateError::Store(Failed),
    }
}

fn of_append(error: AppendError<Infallible>) -> AppendError<Failed> {
    match error {
        AppendError::UnknownOrganization(id) => AppendError::UnknownOrganization(id),
        AppendError::Repeated(revision) => AppendError::Repeated(revision),
        AppendError::Conflict(current) => AppendError::Conflict(current),
        _ => AppendError::Store(Failed),
    }
}

fn of_replay(error: ReplayError<Infallible>) -> ReplayError<Failed> {
    match error {
        ReplayError::UnknownOrganization(id) => ReplayError::UnknownOrganization(id),
        ReplayError::NotKept { oldest, current } => ReplayError::NotKept { oldest, current },
        _ => ReplayError::Store(Failed),
    }
}

impl Source for Broken {
    type Error = Failed;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Failed> {
        let organization = &self.id(organization);
        let mut batches = Vec::new();
        let mut revision = self.store(organization).read(organization, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
        match self.flaw {
            OneBatch => batches = joined(batches),
            ReordersBatches => batches.reverse(),
            SortsFilters => batches.iter_mut().for_each(sort),
            MixesRevisions => revision = self.store.revision(organization)?,
            _ => {}
        }
        for batch in batches {
            if take(batch).is_break() && !self.has(NeverStops) {
                break;
            }
        }
        Ok(revision)
    }
}

fn joined(batches: Vec<Batch>) -> Vec<Batch> {
    let mut all = Vec::new();
    let mut rest = Vec::new();
    for batch in batches {
        match batch {
            Batch::Conversations(conversations) => all.extend(conversations),
            other => rest.push(other),
        }
    }
    rest.push(Batch::Conversations(all));
    rest
}

fn sort(batch: &mut Batch) {
    if let Batch::Filters(filters) = batch {
        filters.sort_by(|a, b| a.id.cmp(&b.id));
    }
}

impl Journal for Broken {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<Failed>> {
        match self.fails {
            true if self.has(CreatesAndFails) => {
                self.put(engine).map_err(of_create)?;
                Err(CreateError::Store(Failed))
            }
            true => Err(CreateError::Store(Failed)),
            false => self.put(engine).map_err(of_create),
        }
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Failed>> {
        match self.flaw {
            _ if self.fails => Err(AppendError::Store(Failed)),
            WritesHalfAList => self.append_one_by_one(append),
            _ => self.write(append).map_err(of_append),
        }
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>, Failed> {
        let organization = &self.id(organization);
        Ok(self.store(organization).revision(organization)?)
    }

    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<Failed>> {
        let organization = &self.id(organization);
        let mut store = self.store(organization);
        let mut entries = Vec::new();
        let mut collect = |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        };
        let from = match self.flaw {
            ReplaysOneTooMany => Revision::new(after.get().saturating_sub(1)),
            _ => after,
        };
        match store.replay(organization, from, &mut collect) {
            Err(ReplayError::NotKept { oldest, .. }) if self.has(HidesCompaction) => {
                store.replay(organization, oldest, &mut collect).map_err(of_replay)?;
            }
            Err(ReplayError::NotKept { oldest, current }) if self.has(HidesWholeCompaction) && oldest == current => {}
            Err(ReplayError::NotKept { current, .. }) if self.has(ReplaysWhatIsToCome) && after > current => {}
            Err(ReplayError::UnknownOrganization(_)) if self.has(ReplaysNobody) => {}
            result => result.map_err(of_replay)?,
        }
        match self.flaw {
            ReordersReplay if entries.len() > 1 => entries.swap(0, 1),
            CutsReplayShort => entries.truncate(1_000),
            _ => {}
        }
        for entry in entries {
            if take(entry).is_break() && !self.has(NeverStops) {
                break;
            }
        }
        Ok(())
    }

    fn find(&mut self, organization: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>, Failed> {
        let organization = &self.id(organization);
        Ok(self.store(organization).find(organization, submission)?)
    }

    fn compact(&mut self, engine: &Engine) -> Result<(), Failed> {
        if self.fails {
            let (id, mut emptied) = (engine.organization_id(), MemoryStore::new());
            emptied.create(&Engine::load(&mut self.store(id), id).unwrap()).unwrap();
            self.renewed.lock().unwrap().insert(id.clone(), emptied);
            return Err(Failed);
        }
        Ok(self.store(engine.organization_id()).compact(engine)?)
    }
}

#[test]
fn the_kit_finds_every_broken_store() {
    let flaws = [
        (DropsAChange, "order of changes", "at Some(Revision(2)), not at revision 3"),
        (LosesAnAppend, "order of changes", "at Some(Revision(15)), not at revision 18"),
        (ReordersReplay, "order of changes", "change 0 came as revision 2"),
        (ReordersAnAppend, "order of changes", "change 1 is not the one"),
        (IgnoresExpectedRevision, "conflicts", "an older revision were taken"),
        (TakesLaterRevisions, "conflicts", "a later revision were taken"),
        (NamesAnotherRevision, "conflicts", "named revision 0, not 2"),
        (WritesOnConflict, "conflicts", "at Some(Revision(3)), not at revision 2"),
        (ForgetsSubmissions, "repeated submissions", "was found at None"),
        (WritesHalfAList, "what cannot be held", "failed too late, the store is at revision 2, not 3"),
        (CutsReplayShort, "replay", "replay after 0 did not give"),
        (ReplaysOneTooMany, "replay", "replay after 1 did not give"),
        (HidesCompaction, "compaction", "compacted entries was not refused"),
        (HidesWholeCompaction, "compaction", "after a whole compaction"),
        (OneBatch, "100,000 conversations", "a batch held 100000 facts"),
        (ReordersBatches, "order of facts", "batches did not come as"),
        (SortsFilters, "order of facts", "filters were not read in their order"),
        (NeverStops, "stopping early", "reading went on for 3 batches"),
        (FoldsCase, "organizations apart", "`kit-apart` exists"),
        (CutsIds, "long ids", "in place of the one asked for"),
        (Recreates, "create", "replaced an organization"),
        (ReplaysNobody, "create", "replay of an unknown organization"),
        (ConflictsWithNobody, "create", "append to an unknown organization"),
        (ReplaysWhatIsToCome, "replay", "a revision yet to come was not refused"),
        (ConflictsFirst, "repeated submissions", "was not answered with its revision"),
        (MixesRevisions, "readers beside writers", "mixed revisions"),
    ];
    let missed: Vec<String> = flaws.into_iter().filter_map(|(flaw, case, reason)| missed(flaw, case, reason)).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn the_kit_finds_every_store_that_leaves_something_where_it_fails() {
    for (flaw, reason) in [
        (ForgetsTooEarly, "after a compaction that failed, the store is at revision 0, not 4"),
        (CreatesAndFails, "a create that failed left something"),
    ] {
        let store = Broken::new(flaw);
        let kit = Kit::new(|| store.clone()).failing(|step| Broken { fails: step == 0, ..store.clone() });
        assert_eq!(kit.check_case("failure midway").unwrap_err().reason, reason);
    }
}

#[test]
fn a_whole_run_names_every_case_that_failed() {
    let store = Broken::new(DropsAChange);
    let failures = kit::check(|| store.clone()).unwrap_err();
    let cases: Vec<&str> = failures.iter().map(|failure| failure.case).collect();
    assert!(cases.contains(&"order of changes") && cases.contains(&"changes of every kind"), "{cases:?}");
    assert!(!cases.contains(&"create"), "{failures}");
}

/// What the kit should have said of a broken store and did not.
fn missed(flaw: Flaw, case: &'static str, reason: &str) -> Option<String> {
    let store = Broken::new(flaw);
    match Kit::new(|| store.clone()).check_case(case) {
        Ok(()) => Some(format!("{flaw:?} passed `{case}`")),
        Err(failure) if failure.reason.contains(reason) => None,
        Err(failure) => Some(format!("{flaw:?} failed for another reason: {failure}")),
    }
}
