//! Replicas: many on one journal, and on journals that fail at the worst moment.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use visibly::store::{
    Append, AppendError, Batch, Behind, CreateError, Entry, Journal, LoadError, MemoryStore, ReplayError, Replica,
    ReplicaError, ReplicaId, Source, SubmissionId,
};
use visibly::{
    Change, Contact, ContactId, Conversation, CursorKey, Engine, ErrorCode, Inbox, OrganizationId, PageRequest,
    Revision, Teammate, TeammateId, TeammateUpdate,
};

use crate::small;

/// How the next calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
enum Mishap {
    #[default]
    None,
    /// Nothing is written.
    BeforeWriting,
    /// All is written, and the caller is not told.
    AfterWriting,
    /// The same, and nothing can be read either.
    AfterWritingForGood,
    /// Nothing is written yet: it will be, as soon as anything is read or written again.
    Later,
    /// Replay fails after so many entries.
    InReplay(usize),
    /// Replay leaves out the first entry.
    Gap,
    /// All is written, the first change is compacted away, and the caller is not told.
    AfterWritingAndCompacting,
    /// Another change and the same submission come first, and the journal is compacted up to that.
    CompactedBefore,
    /// All is written, a conflict is answered, and replay ends after the first entry.
    HalfAConflict,
    /// Nothing is written, and a conflict with what is there already is answered, once.
    VainConflict,
    /// Two other changes come first, once, and replay ends after one entry.
    ShortConflict,
    /// All is written, and another revision is answered.
    AnotherRevision,
    /// Facts and changes name what does not exist.
    Damage,
    /// Replay goes on after a break.
    PastABreak,
    /// The facts of another organization are read.
    Mixed,
    /// The organization is read twice.
    Twice,
    /// Every change is said to be compacted away, and the facts before all of them are read.
    OldFacts,
    /// A conflict with the first facts is answered, once.
    EarlierConflict,
    /// The organization is there no longer.
    NobodyThere,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the connection is gone")]
struct Gone;

/// What a call would have appended: its expected revision, submission and changes.
type Held = (Revision, SubmissionId, Vec<Change>);

#[derive(Clone, Default)]
struct Faulty {
    store: MemoryStore,
    mishap: Arc<Mutex<Mishap>>,
    held: Arc<Mutex<Option<Held>>>,
}

impl Faulty {
    fn set(&self, mishap: Mishap) {
        *self.mishap.lock().unwrap() = mishap;
    }

    fn mishap(&self) -> Mishap {
        *self.mishap.lock().unwrap()
    }
}

fn never<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Source for Faulty {
    type Error = Gone;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Gone> {
        let mishap = self.mishap();
        Ok(never(self.store.read(organization, &mut |mut batch| {
            if let (Mishap::Damage, Batch::Conversations(conversations)) = (mishap, &mut batch) {
                conversations.push(Conversation::patient("stray", "gone", 1));
            }
            if let (Mishap::Mixed, Batch::Organization(organization)) = (mishap, &mut batch) {
                organization.id = "elm\n".into();
            }
            if let (Mishap::Twice, Batch::Organization(organization)) = (mishap, &batch) {
                take(Batch::Organization(organization.clone()))?;
            }
            take(batch)
        })))
    }
}

impl Journal for Faulty {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<Gone>> {
        self.store.create(engine).map_err(|_| CreateError::Store(Gone))
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Gone>> {
        match self.mishap() {
            Mishap::BeforeWriting => return Err(AppendError::Store(Gone)),
            Mishap::NobodyThere => return Err(AppendError::UnknownOrganization(append.organization.clone())),
            Mishap::Later => {
                let held = (append.expected, append.submission, append.changes.to_vec());
                *self.held.lock().unwrap() = Some(held);
                return Err(AppendError::Store(Gone));
            }
            Mishap::CompactedBefore => {
                let mut server = on(&self.store, 9);
                server.submit(&ana(), &Change::archive("c9")).unwrap();
                let before = server.engine().clone();
                server.submit_once_as_service(append.submission, append.changes).unwrap();
                never(self.store.compact(&before));
            }
            Mishap::VainConflict => {
                self.set(Mishap::None);
                return Err(AppendError::Conflict(append.expected));
            }
            Mishap::EarlierConflict => {
                self.set(Mishap::None);
                return Err(AppendError::Conflict(Revision::default()));
            }
            Mishap::ShortConflict if length(&mut self.store) == 0 => {
                on(&self.store, 9).submit_all(&ana(), &["c9", "c8"].map(Change::archive)).unwrap();
            }
            _ => {}
        }
        let appended = self.store.append(append).map_err(|error| match error {
            AppendError::Conflict(current) => AppendError::Conflict(current),
            AppendError::Repeated(revision) => AppendError::Repeated(revision),
            _ => AppendError::Store(Gone),
        });
        match self.mishap() {
            Mishap::AfterWriting | Mishap::AfterWritingForGood => Err(AppendError::Store(Gone)),
            Mishap::AfterWritingAndCompacting => {
                let mut first = Engine::load(&mut self.store, append.organization).unwrap();
                first.apply(&append.changes[0]).unwrap();
                never(self.store.compact(&first));
                Err(AppendError::Store(Gone))
            }
            Mishap::HalfAConflict => Err(AppendError::Conflict(append.revision())),
            Mishap::AnotherRevision => appended.map(|revision| revision.after(1)),
            _ => appended,
        }
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>, Gone> {
        Ok(never(self.store.revision(organization)))
    }

    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<Gone>> {
        let mishap = self.mishap();
        let mut seen = 0;
        let mut stopped = false;
        if mishap == Mishap::AfterWritingForGood {
            return Err(ReplayError::Store(Gone));
        }
        if mishap == Mishap::OldFacts {
            let current = never(self.store.revision(organization)).unwrap();
            return Err(ReplayError::NotKept { oldest: current, current });
        }
        if mishap == Mishap::NobodyThere {
            return Err(ReplayError::UnknownOrganization(organization.clone()));
        }
        let replayed = self.store.replay(organization, after, &mut |entry| {
            seen += 1;
            match mishap {
                Mishap::InReplay(limit) if seen > limit => {
                    stopped = true;
                    ControlFlow::Break(())
                }
                Mishap::Gap if seen == 1 => ControlFlow::Continue(()),
                Mishap::HalfAConflict | Mishap::ShortConflict if seen > 1 => ControlFlow::Break(()),
                Mishap::Damage => take(Entry { change: Change::archive("gone"), ..entry }),
                Mishap::PastABreak => {
                    let _ = take(entry);
                    ControlFlow::Continue(())
                }
                _ => take(entry),
            }
        });
        match replayed {
            Err(ReplayError::NotKept { oldest, current }) => Err(ReplayError::NotKept { oldest, current }),
            Ok(()) if !stopped => Ok(()),
            _ => Err(ReplayError::Store(Gone)),
        }
    }

    fn find(&mut self, organization: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>, Gone> {
        Ok(never(self.store.find(organization, submission)))
    }

    fn compact(&mut self, engine: &Engine) -> Result<(), Gone> {
        self.store.compact(engine).map_err(|never| match never {})
    }
}

fn faulty() -> (Faulty, Replica<Faulty>) {
    let mut store = Faulty::default();
    store.create(&small::clinic("oak")).unwrap();
    let replica = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(1)).unwrap();
    (store, replica)
}

fn on(store: &MemoryStore, number: u128) -> Replica<MemoryStore> {
    Replica::open(store.clone(), &"oak".into(), ReplicaId::new(number)).unwrap()
}

fn memory() -> MemoryStore {
    let mut store = MemoryStore::new();
    store.create(&small::clinic("oak")).unwrap();
    store
}

fn ana() -> TeammateId {
    "ana".into()
}

fn length(store: &mut impl Journal) -> u64 {
    let mut entries = 0;
    let mut count = |_| {
        entries += 1;
        ControlFlow::Continue(())
    };
    assert!(store.replay(&"oak".into(), Revision::default(), &mut count).is_ok());
    entries
}

/// A change that cannot be made twice.
fn once() -> Change {
    Change::AddContact(Contact::new("eve"))
}

#[test]
fn a_store_that_fails_before_it_writes_leaves_the_replica_as_it_was() {
    let (mut store, mut replica) = faulty();
    store.set(Mishap::BeforeWriting);
    let Err(ReplicaError::Unsettled { submission, source: Gone }) = replica.submit(&ana(), &once()) else {
        panic!("it is not known whether it took effect")
    };
    assert_eq!(replica.revision().get(), 0);
    assert!(replica.engine().contact(&ContactId::from("eve")).is_none());
    store.set(Mishap::None);
    assert_eq!(replica.submit_once(submission, &ana(), &[once()]).unwrap().get(), 1);
    assert_eq!(replica.submit_once(submission, &ana(), &[once()]).unwrap().get(), 1);
    assert_eq!(length(&mut store), 1);
}

#[test]
fn an_append_that_took_effect_unheard_is_recognized_in_the_journal() {
    let (mut store, mut replica) = faulty();
    store.set(Mishap::AfterWriting);
    assert_eq!(replica.submit(&ana(), &once()).unwrap().get(), 1);
    assert!(replica.engine().contact(&ContactId::from("eve")).is_some());
    assert_eq!(length(&mut store), 1);
}

#[test]
fn an_append_whose_outcome_cannot_be_seen_is_settled_later_under_its_id() {
    let (mut store, mut replica) = faulty();
    store.set(Mishap::AfterWritingForGood);
    let Err(ReplicaError::Unsettled { submission, .. }) = replica.submit(&ana(), &once()) else {
        panic!("it is not known whether it took effect")
    };
    assert_eq!(replica.revision().get(), 0);
    store.set(Mishap::None);
    // Another replica may settle it too.
    let mut other = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(2)).unwrap();
    assert_eq!(other.submit_once(submission, &ana(), &[once()]).unwrap().get(), 1);
    assert_eq!(replica.submit_once(submission, &ana(), &[once()]).unwrap().get(), 1);
    assert_eq!(length(&mut store), 1);
    assert_eq!(replica.submit(&ana(), &Change::archive("c0")).unwrap().get(), 2);
}

#[test]
fn an_append_that_takes_effect_after_its_failure_does_so_once() {
    for (order, lands_first) in [("the lost one first", true), ("the second one first", false)] {
        let (mut store, mut replica) = faulty();
        store.set(Mishap::Later);
        let Err(ReplicaError::Unsettled { submission, .. }) = replica.submit(&ana(), &once()) else {
            panic!("it is not known whether it took effect")
        };
        store.set(Mishap::None);
        let (_, of, changes) = store.held.lock().unwrap().take().unwrap();
        assert_eq!(of, submission);
        let mut server = on(&store.store, 9);
        if lands_first {
            server.submit_once_as_service(of, &changes).unwrap();
        }
        assert_eq!(replica.submit_once(submission, &ana(), &[once()]).unwrap().get(), 1, "{order}");
        if !lands_first {
            assert_eq!(server.submit_once_as_service(of, &changes).unwrap().get(), 1);
        }
        assert_eq!(length(&mut store), 1, "{order}");
    }
}

#[test]
fn a_replay_that_fails_midway_leaves_the_replica_as_it_was() {
    let (store, mut replica) = faulty();
    let mut other = on(&store.store, 2);
    for number in 0..5 {
        other.submit(&ana(), &Change::archive(format!("c{number}"))).unwrap();
    }
    for limit in 0..5 {
        store.set(Mishap::InReplay(limit));
        assert!(matches!(replica.catch_up(), Err(ReplicaError::Store(Gone))));
        assert_eq!(replica.revision().get(), 0);
        assert!(!replica.engine().conversation(&"c0".into()).unwrap().archived);
    }
    store.set(Mishap::Gap);
    assert!(matches!(replica.catch_up(), Err(ReplicaError::Disordered(at)) if at.get() == 0));
    store.set(Mishap::None);
    assert_eq!(replica.catch_up().unwrap().get(), 5);
}

#[test]
fn a_change_is_authorized_on_the_facts_that_it_is_applied_to() {
    let store = memory();
    let (mut here, mut there) = (on(&store, 1), on(&store, 2));
    let suspended = Change::UpdateTeammate(TeammateUpdate::new("ben").suspended(true));
    there.submit(&ana(), &suspended).unwrap();
    // Here, ben is still active: the conflict tells.
    assert!(here.engine().authorize(&"ben".into(), &Change::archive("c0")));
    let denied = here.submit(&"ben".into(), &Change::archive("c0"));
    assert!(matches!(denied, Err(ReplicaError::Denied(0))), "{denied:?}");
    assert_eq!(length(&mut store.clone()), 1);
}

#[test]
fn a_change_is_checked_on_the_facts_that_it_is_applied_to() {
    let store = memory();
    let (mut here, mut there) = (on(&store, 1), on(&store, 2));
    there.submit(&ana(), &once()).unwrap();
    let refused = here.submit(&ana(), &once());
    assert!(matches!(refused, Err(ReplicaError::Refused(error)) if error.code() == ErrorCode::DuplicateId));
    assert_eq!(here.revision().get(), 1);
}

#[test]
fn nothing_is_denied_or_refused_for_what_others_have_written_since() {
    let store = memory();
    let (mut here, mut there) = (on(&store, 1), on(&store, 2));
    // Unknown here: a contact, a conversation that a message is for, and the actor.
    there.submit(&ana(), &once()).unwrap();
    let tag = Change::TagContacts { ids: vec!["eve".into()], add: vec!["vip".into()], remove: Vec::new() };
    assert_eq!(here.submit(&ana(), &tag).unwrap().get(), 2);
    there.submit(&ana(), &Change::StartConversation(Conversation::patient("new", "main", 1))).unwrap();
    assert_eq!(here.submit_as_service(&Change::receive_message("new", 2)).unwrap().get(), 4);
    there.submit(&ana(), &Change::AddTeammate(Teammate::new("kim", "Kim"))).unwrap();
    assert_eq!(here.submit(&"kim".into(), &Change::archive("new")).unwrap().get(), 6);
    let denied = there.submit(&"lee".into(), &Change::archive("c0"));
    assert!(matches!(denied, Err(ReplicaError::Denied(0))), "{denied:?}");
    assert_eq!((there.revision().get(), length(&mut store.clone())), (6, 6));
}

#[test]
fn what_cannot_be_decided_on_the_latest_facts_is_not_refused() {
    let (store, mut replica) = faulty();
    on(&store.store, 2).submit(&ana(), &once()).unwrap();
    store.set(Mishap::InReplay(0));
    let undecided = replica.submit(&"lee".into(), &Change::archive("c0"));
    assert!(matches!(undecided, Err(ReplicaError::Store(Gone))), "{undecided:?}");
    store.set(Mishap::None);
    assert!(matches!(replica.submit(&"lee".into(), &Change::archive("c0")), Err(ReplicaError::Denied(0))));
}

#[test]
fn a_list_is_authorized_and_checked_step_by_step_and_whole() {
    let store = memory();
    let mut replica = on(&store, 1);
    let ben: TeammateId = "ben".into();
    let admin = Change::UpdateTeammate(TeammateUpdate::new("zed").admin(false));
    let denied = replica.submit_all(&ben, &[Change::archive("c0"), admin.clone()]);
    assert!(matches!(denied, Err(ReplicaError::Denied(1))));
    let refused = replica.submit_all(&ana(), &[admin, Change::UpdateTeammate(TeammateUpdate::new("ana").admin(false))]);
    assert!(matches!(refused, Err(ReplicaError::Refused(error)) if error.position() == Some(1)));
    let resigned = Change::UpdateTeammate(TeammateUpdate::new("ana").admin(false));
    let denied = replica.submit_all(&ana(), &[resigned, Change::SetContactMembership(true)]);
    assert!(matches!(denied, Err(ReplicaError::Denied(1))), "she is no admin any more: {denied:?}");
    assert_eq!((replica.revision().get(), length(&mut store.clone())), (0, 0));
    assert_eq!(replica.submit_all(&ana(), &[]).unwrap().get(), 0);
    assert_eq!(replica.submit_as_service(&Change::receive_message("c0", 99)).unwrap().get(), 1);
}

#[test]
fn a_revision_that_was_acknowledged_is_reached_before_anything_is_shown() {
    let store = memory();
    let (mut here, mut there) = (on(&store, 1), on(&store, 2));
    let ben: TeammateId = "ben".into();
    assert!(there.engine().can_view(&ben, &visibly::ConversationId::from("c0")));
    let closed = here.submit(&ana(), &Change::UpdateTeammate(TeammateUpdate::new("ben").suspended(true))).unwrap();
    let behind = there.at_least(closed).unwrap_err();
    assert_eq!(behind, Behind { have: Revision::new(0), want: closed });
    assert!(!there.reach(closed).unwrap().can_view(&ben, &visibly::ConversationId::from("c0")));
    assert!(there.at_least(closed).is_ok());
    let ahead = there.reach(closed.after(1));
    assert!(matches!(ahead, Err(ReplicaError::Behind(Behind { have, .. })) if have == closed));
}

#[test]
fn a_replica_behind_a_compaction_loads_anew_and_keeps_its_cursors() {
    let mut store = memory();
    let key = CursorKey::from([7; 16]);
    let mut here = on(&store, 1).with_cursor_key(key);
    let mut there = on(&store, 2).with_cursor_key(key);
    let page = |engine: &Engine| {
        engine.viewer(&ana()).unwrap().filter_inbox(&Inbox::All, &PageRequest::first(2)).unwrap().next.unwrap()
    };
    let cursor = page(there.engine());
    for number in 0..4 {
        here.submit(&ana(), &Change::archive(format!("c{number}"))).unwrap();
    }
    store.compact(here.engine()).unwrap();
    here.submit(&ana(), &Change::archive("c4")).unwrap();
    assert_eq!(there.catch_up().unwrap().get(), 5);
    let next = PageRequest::first(2).after(cursor);
    assert!(there.engine().viewer(&ana()).unwrap().filter_inbox(&Inbox::All, &next).is_ok());
    assert_eq!(there.submit(&ana(), &Change::archive("c5")).unwrap().get(), 6);
}

#[test]
fn a_store_that_went_back_in_time_is_not_followed() {
    let store = memory();
    let mut replica = on(&store, 1);
    replica.submit(&ana(), &Change::archive("c0")).unwrap();
    *replica.journal() = memory();
    assert!(matches!(replica.catch_up(), Err(ReplicaError::Lost { .. })));
    assert!(matches!(replica.submit(&ana(), &Change::archive("c1")), Err(ReplicaError::Lost { .. })));
    assert!(replica.engine().conversation(&"c0".into()).unwrap().archived);
    assert_eq!(replica.revision().get(), 1);
}

#[test]
fn a_replica_id_that_is_used_twice_is_found_out() {
    let store = memory();
    let mut first = on(&store, 1);
    first.submit(&ana(), &Change::archive("c0")).unwrap();
    let mut restarted = on(&store, 1);
    let reused = restarted.submit(&ana(), &Change::archive("c1"));
    assert!(matches!(reused, Err(ReplicaError::Reused(_))), "{reused:?}");
    // A change that is the same as the earlier one's is another all the same.
    let reused = on(&store, 1).submit(&ana(), &Change::archive("c0"));
    assert!(matches!(reused, Err(ReplicaError::Reused(_))), "{reused:?}");
    // At the same time: the other one's change is in the journal under this one's id.
    let (mut one, mut two) = (on(&store, 5), on(&store, 5));
    one.submit(&ana(), &Change::archive("c2")).unwrap();
    let reused = two.submit(&ana(), &Change::archive("c3"));
    assert!(matches!(reused, Err(ReplicaError::Reused(_))), "{reused:?}");
    assert_eq!(length(&mut store.clone()), 2);
    // The same where the journal does not go back to where this one is, and its facts are loaded anew.
    let (mut one, mut two, mut third) = (on(&store, 6), on(&store, 6), on(&store, 7));
    third.submit(&ana(), &Change::archive("c4")).unwrap();
    one.submit(&ana(), &Change::archive("c5")).unwrap();
    store.clone().compact(third.engine()).unwrap();
    let reused = two.submit(&ana(), &Change::star("c6", "ana"));
    assert!(matches!(reused, Err(ReplicaError::Reused(_))), "{reused:?}");
    assert_eq!(two.submit(&ana(), &Change::star("c6", "ana")).unwrap().get(), 5);
}

#[test]
fn a_submission_id_that_is_given_again_with_other_changes_is_found_out() {
    for mishap in [Mishap::None, Mishap::PastABreak] {
        let (store, mut replica) = faulty();
        store.set(mishap);
        let list = ["c0", "c1", "c2"].map(Change::archive);
        let submission = replica.new_submission();
        let mut submit = |changes: &[Change]| replica.submit_once(submission, &ana(), changes);
        assert_eq!(submit(&list).unwrap().get(), 3);
        let other = [&list[..2], &list[1..], &[], &[Change::archive("c3")], &[list.as_slice(), &list].concat()];
        for changes in other {
            let reused = submit(changes);
            assert!(matches!(reused, Err(ReplicaError::Reused(of)) if of == submission), "{mishap:?}: {reused:?}");
        }
        assert_eq!(submit(&list).unwrap().get(), 3);
    }
}

#[test]
fn a_submission_is_recognized_where_the_journal_was_compacted_up_to_it() {
    let (store, mut replica) = faulty();
    store.set(Mishap::CompactedBefore);
    assert_eq!(replica.submit_all(&ana(), &[once(), Change::archive("c0")]).unwrap().get(), 3);
    assert!(replica.engine().contact(&ContactId::from("eve")).is_some());
    assert_eq!(replica.revision().get(), 3);
}

#[test]
fn a_list_that_is_compacted_away_in_part_is_not_taken_for_done() {
    let (store, mut replica) = faulty();
    store.set(Mishap::AfterWritingAndCompacting);
    let list = [once(), Change::archive("c0")];
    let Err(ReplicaError::Forgotten(submission)) = replica.submit_all(&ana(), &list) else {
        panic!("it cannot be seen whether it was this list")
    };
    assert_eq!(replica.revision().get(), 0);
    store.set(Mishap::None);
    let again = replica.submit_once(submission, &ana(), &list);
    assert!(matches!(again, Err(ReplicaError::Forgotten(of)) if of == submission), "{again:?}");
    assert_eq!(replica.catch_up().unwrap().get(), 2);
}

#[test]
fn what_was_made_of_a_revision_takes_effect_on_its_facts_or_not_at_all() {
    let (store, mut here) = faulty();
    let mut there = on(&store.store, 2);
    let at = Revision::new;
    let list = [Change::archive("c1"), Change::star("c1", "ana")];
    // Nobody has been told of a change since.
    there.submit(&ana(), &Change::archive("c0")).unwrap();
    let submission = here.new_submission();
    let stale = here.submit_once_at(submission, at(0), &ana(), &list);
    assert!(matches!(stale, Err(ReplicaError::Stale { read, have }) if (read, have) == (at(0), at(1))), "{stale:?}");
    assert_eq!((length(&mut store.store.clone()), here.revision()), (1, at(1)));
    // What is stale is neither denied nor refused for what it meets.
    let refused = here.submit_once_at(submission, at(0), &"ben".into(), &[Change::archive("gone")]);
    assert!(matches!(refused, Err(ReplicaError::Stale { .. })), "{refused:?}");
    let denied = here.submit_once_at(submission, at(1), &"zoe".into(), &list);
    assert!(matches!(denied, Err(ReplicaError::Denied(0))), "{denied:?}");
    // The journal may be ahead of this replica, not the revision ahead of the journal.
    there.submit(&ana(), &Change::archive("c2")).unwrap();
    let behind = here.submit_once_at(submission, at(3), &ana(), &list);
    assert!(matches!(behind, Err(ReplicaError::Behind(Behind { have, want })) if (have, want) == (at(2), at(3))));
    there.submit(&ana(), &Change::archive("c3")).unwrap();
    // It is made once, and known for what it is when it has made its own revision old.
    store.set(Mishap::AfterWriting);
    assert_eq!(here.submit_once_at(submission, at(3), &ana(), &list).unwrap(), at(5));
    assert_eq!(here.submit_once_at(submission, at(3), &ana(), &list).unwrap(), at(5));
    assert_eq!(length(&mut store.store.clone()), 5);
}

#[test]
fn what_was_made_of_a_revision_and_took_effect_late_is_not_called_stale() {
    let (store, mut here) = faulty();
    store.set(Mishap::Later);
    let (submission, read) = (here.new_submission(), Revision::new(0));
    let unsettled = here.submit_once_at(submission, read, &ana(), &[once()]);
    assert!(matches!(unsettled, Err(ReplicaError::Unsettled { .. })), "{unsettled:?}");
    store.set(Mishap::None);
    let (_, of, changes) = store.held.lock().unwrap().take().unwrap();
    on(&store.store, 9).submit_once_as_service(of, &changes).unwrap();
    assert_eq!(here.submit_once_at(submission, read, &ana(), &[once()]).unwrap().get(), 1);
}

#[test]
fn half_a_submission_in_the_journal_is_a_fault_of_the_store() {
    let (store, mut replica) = faulty();
    store.set(Mishap::HalfAConflict);
    let list = [once(), Change::archive("c0")];
    let submission = replica.new_submission();
    // In what follows a conflict, then under an id that the journal knows.
    for _ in 0..2 {
        let half = replica.submit_once(submission, &ana(), &list);
        assert!(matches!(half, Err(ReplicaError::Disordered(at)) if at.get() == 0), "{half:?}");
        assert_eq!(replica.revision().get(), 0);
    }
    store.set(Mishap::None);
    assert_eq!(replica.submit_once(submission, &ana(), &list).unwrap().get(), 2);
}

#[test]
fn a_conflict_that_the_journal_does_not_bear_out_is_a_fault_of_the_store() {
    for (mishap, reached) in [(Mishap::VainConflict, 0), (Mishap::ShortConflict, 1)] {
        let (store, mut replica) = faulty();
        store.set(mishap);
        let refused = replica.submit(&ana(), &once());
        assert!(matches!(refused, Err(ReplicaError::Disordered(at)) if at.get() == 0), "{mishap:?}: {refused:?}");
        assert_eq!(replica.revision().get(), reached, "{mishap:?}");
        assert!(replica.engine().contact(&"eve".into()).is_none());
        store.set(Mishap::None);
        replica.submit(&ana(), &once()).unwrap();
    }
}

#[test]
fn a_conflict_with_earlier_facts_is_no_loss_where_the_journal_has_gone_on() {
    let (store, mut replica) = faulty();
    replica.submit(&ana(), &Change::archive("c0")).unwrap();
    on(&store.store, 2).submit(&ana(), &Change::archive("c1")).unwrap();
    store.set(Mishap::EarlierConflict);
    assert_eq!(replica.submit(&ana(), &once()).unwrap().get(), 3);
}

#[test]
fn facts_that_are_no_later_than_those_it_has_take_a_replica_nowhere() {
    for has in [0, 1] {
        let (store, mut replica) = faulty();
        on(&store.store, 2).submit(&ana(), &Change::archive("c0")).unwrap();
        if has == 1 {
            replica.catch_up().unwrap();
        }
        store.set(Mishap::OldFacts);
        let followed = replica.catch_up();
        assert!(matches!(followed, Err(ReplicaError::Disordered(at)) if at.get() == has), "{followed:?}");
        assert_eq!(replica.revision().get(), has);
        store.set(Mishap::None);
        assert_eq!(replica.catch_up().unwrap().get(), 1);
    }
}

#[test]
fn facts_that_begin_twice_are_out_of_order() {
    let (store, _) = faulty();
    store.set(Mishap::Twice);
    let loaded = Engine::load(&mut store.clone(), &"oak".into());
    assert!(matches!(loaded, Err(LoadError::Disordered)), "{loaded:?}");
}

#[test]
fn a_change_that_is_acknowledged_at_another_revision_than_it_leads_to_is_not_taken() {
    let (store, mut replica) = faulty();
    store.set(Mishap::AnotherRevision);
    assert!(matches!(replica.submit(&ana(), &once()), Err(ReplicaError::Disordered(at)) if at.get() == 0));
    assert_eq!(replica.revision().get(), 0);
    store.set(Mishap::None);
    assert_eq!(replica.catch_up().unwrap().get(), 1);
}

#[test]
fn a_list_of_nothing_is_settled_without_the_store_and_leaves_no_trace() {
    let (mut store, mut replica) = faulty();
    replica.submit(&ana(), &once()).unwrap();
    store.set(Mishap::BeforeWriting);
    let submission = replica.new_submission();
    assert_eq!(replica.submit_once(submission, &ana(), &[]).unwrap().get(), 1);
    assert_eq!(store.find(&"oak".into(), submission), Ok(None));
    store.set(Mishap::None);
    assert_eq!(replica.submit_once(submission, &ana(), &[Change::archive("c0")]).unwrap().get(), 2);
}

#[test]
fn a_revision_that_a_replica_has_is_shown_though_the_store_is_gone() {
    let (store, mut replica) = faulty();
    let revision = replica.submit(&ana(), &once()).unwrap();
    store.set(Mishap::AfterWritingForGood);
    assert_eq!(replica.reach(revision).unwrap().revision(), revision);
    assert!(replica.reach(revision.after(1)).is_err());
}

#[test]
fn changes_and_facts_that_name_what_does_not_exist_are_damage() {
    let (store, mut replica) = faulty();
    on(&store.store, 2).submit(&ana(), &once()).unwrap();
    store.set(Mishap::Damage);
    let damaged = replica.catch_up();
    let is = |error: &visibly::Error, code| error.code() == code && error.to_string().contains("gone");
    assert!(matches!(&damaged, Err(ReplicaError::Damaged(error)) if is(error, ErrorCode::UnknownConversation)));
    assert_eq!(replica.revision().get(), 0);
    let opened = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(3));
    assert!(matches!(&opened, Err(ReplicaError::Damaged(error)) if is(error, ErrorCode::UnknownEndpoint)));
    store.set(Mishap::None);
    assert_eq!(replica.catch_up().unwrap().get(), 1);
}

#[test]
fn another_organization_than_was_asked_for_is_not_taken_for_it() {
    let (store, mut replica) = faulty();
    store.set(Mishap::Mixed);
    let opened = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(2)).map(drop).unwrap_err();
    assert_eq!(opened.to_string(), r"the store gave organization `elm\n` in place of the one asked for");
    let loaded = Engine::load(&mut store.clone(), &"oak".into());
    assert!(matches!(loaded, Err(LoadError::OtherOrganization(id)) if id == "elm\n"));
    // The same where a replica loads anew.
    let mut other = on(&store.store, 3);
    other.submit(&ana(), &once()).unwrap();
    never(store.store.clone().compact(other.engine()));
    assert!(matches!(replica.catch_up(), Err(ReplicaError::OtherOrganization(_))));
    assert_eq!((replica.revision().get(), replica.engine().organization_id().as_str()), (0, "oak"));
    store.set(Mishap::None);
    assert_eq!(replica.catch_up().unwrap().get(), 1);
}

#[test]
fn an_unknown_organization_is_named() {
    let opened = Replica::open(memory(), &"elm".into(), ReplicaId::new(1));
    assert!(matches!(opened, Err(ReplicaError::UnknownOrganization(id)) if id.as_str() == "elm"));
}

#[test]
fn an_organization_that_is_gone_is_named_and_the_replica_is_left_as_it_was() {
    let (store, mut replica) = faulty();
    let made = SubmissionId { replica: ReplicaId::new(7), number: 1 };
    let changes = [Change::archive("c1")];
    let revision = replica.submit_once(made, &ana(), &changes).unwrap();
    let before = replica.engine().to_dataset();
    store.set(Mishap::NobodyThere);
    let outcomes = [
        replica.submit(&ana(), &Change::unarchive("c1")),
        // What is refused on the facts at hand is looked for in the journal first, and what was made before as well.
        replica.submit(&ana(), &Change::archive("gone")),
        replica.submit_once(made, &ana(), &changes),
        replica.catch_up(),
        replica.reach(revision.after(1)).map(Engine::revision),
    ];
    for outcome in outcomes {
        assert!(matches!(&outcome, Err(ReplicaError::UnknownOrganization(id)) if id.as_str() == "oak"), "{outcome:?}");
    }
    assert_eq!((replica.revision(), replica.engine().to_dataset()), (revision, before));
    store.set(Mishap::None);
    assert_eq!(replica.submit(&ana(), &Change::unarchive("c1")).unwrap(), revision.after(1));
}

#[test]
fn many_writers_lose_no_change_and_apply_none_twice() {
    let store = memory();
    let (writers, changes) = (8, 40);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let mut replica = on(&store, writer);
            scope.spawn(move || {
                for number in 0..changes {
                    let contact = Change::AddContact(Contact::new(format!("{writer}-{number}")));
                    let revision = replica.submit(&ana(), &contact).unwrap();
                    assert_eq!(replica.revision(), revision);
                }
            });
        }
    });
    let replica = on(&store, 99);
    assert_eq!(replica.revision().get(), (writers * changes) as u64);
    assert_eq!(replica.engine().contact_count() as u128, writers * changes);
}

#[test]
fn errors_keep_their_source() {
    let (store, mut replica) = faulty();
    store.set(Mishap::BeforeWriting);
    let error = replica.submit(&ana(), &once()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<Gone>(), Some(&Gone));
}
