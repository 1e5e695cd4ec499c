//! The law of what a store is told that changes altered: all of it, and nothing else.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use visibly::store::{
    Append, AppendError, Batch, CreateError, Entry, Journal, MemoryStore, ReplayError, Replica, ReplicaId, Source,
    SubmissionId, Touched,
};
use visibly::{Change, Contact, Conversation, Dataset, Engine, Organization, OrganizationId, Revision, Teammate};

use crate::worlds::{EVERY_KIND, World, config, histories, json};

/// A memory store that keeps what it is told.
#[derive(Clone, Default)]
struct Told {
    store: MemoryStore,
    touched: Arc<Mutex<Vec<Touched>>>,
}

impl Told {
    /// What it was told since it was asked last.
    fn told(&self) -> Vec<Touched> {
        std::mem::take(&mut *self.touched.lock().unwrap())
    }
}

impl Source for Told {
    type Error = Infallible;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>, Infallible> {
        self.store.read(organization, take)
    }
}

impl Journal for Told {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<Infallible>> {
        self.store.create(engine)
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<Infallible>> {
        self.touched.lock().unwrap().extend_from_slice(append.touched);
        self.store.append(append)
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>, Infallible> {
        self.store.revision(organization)
    }

    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<Infallible>> {
        self.store.replay(organization, after, take)
    }

    fn find(
        &mut self,
        organization: &OrganizationId,
        submission: SubmissionId,
    ) -> Result<Option<Revision>, Infallible> {
        self.store.find(organization, submission)
    }

    fn compact(&mut self, engine: &Engine) -> Result<(), Infallible> {
        self.store.compact(engine)
    }
}

fn opened(world: &World) -> (Told, Replica<Told>) {
    let mut store = Told::default();
    store.create(&world.engine()).unwrap();
    let replica = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(1)).unwrap();
    (store, replica)
}

/// What differs between all facts before and all facts after, kind by kind, in their order.
fn difference(before: &Dataset, after: &Dataset) -> Vec<Touched> {
    let (old, new) = (&before.organization, &after.organization);
    let mut touched = Vec::new();
    if old.contact_membership != new.contact_membership {
        touched.push(Touched::ContactMembership(new.contact_membership));
    }
    touched.extend(differing(&old.teammates, &new.teammates, |one| &one.id, Touched::Teammate));
    touched.extend(differing(&old.teams, &new.teams, |one| &one.id, Touched::Team));
    touched.extend(differing(&old.endpoints, &new.endpoints, |one| &one.id, Touched::Endpoint));
    touched.extend(differing(&before.filters, &after.filters, |one| &one.id, Touched::Filter));
    touched.extend(differing(&before.contacts, &after.contacts, |one| &one.id, Touched::Contact));
    touched.extend(differing(&before.conversations, &after.conversations, |one| &one.id, Touched::Conversation));
    touched
}

fn differing<T: Clone + PartialEq, I: Clone + PartialEq>(
    before: &[T],
    after: &[T],
    id: impl Fn(&T) -> &I,
    fact: impl Fn(I, Option<T>) -> Touched,
) -> Vec<Touched> {
    let in_after = |old: &T| after.iter().find(|new| id(new) == id(old)).cloned();
    let altered = before.iter().map(|old| (old, in_after(old))).filter(|(old, new)| new.as_ref() != Some(*old));
    let added = after.iter().filter(|new| !before.iter().any(|old| id(old) == id(new)));
    let altered = altered.map(|(old, new)| fact(id(old).clone(), new));
    altered.chain(added.map(|new| fact(id(new).clone(), Some(new.clone())))).collect()
}

/// Contacts and conversations, which have no order, by id.
fn sorted(mut touched: Vec<Touched>) -> Vec<Touched> {
    touched.sort_by_key(|one| match one {
        Touched::Contact(id, _) => (1, id.to_string()),
        Touched::Conversation(id, _) => (2, id.to_string()),
        _ => (0, String::new()),
    });
    touched
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_store_is_told_exactly_what_differs_between_all_facts_before_and_after(history in histories(25, EVERY_KIND)) {
        let (store, mut replica) = opened(&history.world);
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for change in &history.changes {
            let before = replica.engine().to_dataset();
            if replica.submit_as_service(change).is_ok() {
                let touched = store.told();
                let expected = difference(&before, &replica.engine().to_dataset());
                prop_assert_eq!(sorted(touched.clone()), sorted(expected), "{}", json(change));
                taken.push(change.clone());
                told.extend(touched);
            }
        }
        // As one list, change by change just so.
        let (store, mut replica) = opened(&history.world);
        let submission = replica.new_submission();
        replica.submit_once_as_service(submission, &taken).unwrap();
        prop_assert_eq!(store.told(), told);
    }
}

#[test]
fn a_fact_that_a_change_names_twice_is_told_once() {
    let oak = Organization::new("oak", "Oak Street").teammate(Teammate::new("ana", "Ana").admin());
    let facts = Dataset::new(oak).contact(Contact::new("p1")).conversation(Conversation::note("n1", 1));
    let mut store = Told::default();
    store.create(&Engine::new(facts).unwrap()).unwrap();
    let mut replica = Replica::open(store.clone(), &"oak".into(), ReplicaId::new(1)).unwrap();
    let (add, remove) = (vec!["vip".into()], Vec::new());
    let changes = [
        Change::TagContacts { ids: vec!["p1".into(); 3], add: add.clone(), remove: remove.clone() },
        Change::TagConversations { ids: vec!["n1".into(); 3], add, remove },
    ];
    for change in changes {
        replica.submit_as_service(&change).unwrap();
        assert_eq!(store.told().len(), 1, "{}", json(&change));
    }
}
