//! A replica asked from async code: on a thread of its own, and under `spawn_blocking`.

use std::sync::{Arc, Mutex};

use visibly::store::{Journal, MemoryStore, Replica, ReplicaError, ReplicaId};
use visibly::{Change, Contact, ConversationId, Revision};

use crate::served::{Served, ServedError};
use crate::small;

fn replica(store: &MemoryStore, number: u128) -> Replica<MemoryStore> {
    Replica::open(store.clone(), &"oak".into(), ReplicaId::new(number)).unwrap()
}

fn memory() -> MemoryStore {
    let mut store = MemoryStore::new();
    store.create(&small::clinic("oak")).unwrap();
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_two_replicas_read_what_they_wrote() {
    let store = memory();
    let replicas = [Served::start(replica(&store, 1)).unwrap(), Served::start(replica(&store, 2)).unwrap()];
    let tasks: Vec<_> = (0..60)
        .map(|number: usize| {
            let (here, there) = (replicas[number % 2].clone(), replicas[(number + 1) % 2].clone());
            tokio::spawn(async move {
                let contact = Contact::new(format!("p{number}"));
                let id = contact.id.clone();
                let revision = here.submit(Some("ana".into()), Change::AddContact(contact)).await.unwrap();
                assert!(here.snapshot().contact(&id).is_some());
                assert!(there.at_least(revision).await.unwrap().contact(&id).is_some());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(replicas[0].at_least(Revision::new(60)).await.unwrap().contact_count(), 60);
    assert!(matches!(replicas[0].at_least(Revision::new(61)).await, Err(ServedError::Behind(_))));
    let denied = replicas[0].submit(Some("nobody".into()), Change::archive("c0")).await;
    assert!(matches!(denied, Err(ServedError::Replica(ReplicaError::Denied(0)))));
}

#[tokio::test]
async fn a_change_whose_sender_goes_away_stands() {
    let store = memory();
    let served = Served::start(replica(&store, 1)).unwrap();
    let before = served.snapshot();
    {
        let submission = served.submit(None, Change::archive("c0"));
        tokio::pin!(submission);
        // Polled once: it is sent, and nobody waits for the answer.
        tokio::select! {
            biased;
            _ = &mut submission => {}
            () = std::future::ready(()) => {}
        }
    }
    let after = served.at_least(Revision::new(1)).await.unwrap();
    assert!(after.conversation(&ConversationId::from("c0")).unwrap().archived);
    assert!(!before.conversation(&ConversationId::from("c0")).unwrap().archived);
}

#[tokio::test]
async fn a_shared_replica_is_asked_where_blocking_is_allowed() {
    let store = memory();
    let shared = Arc::new(Mutex::new(replica(&store, 1)));
    let writing = Arc::clone(&shared);
    let submit = move || writing.lock().unwrap().submit(&"ana".into(), &Change::archive("c0"));
    let revision = tokio::task::spawn_blocking(submit).await.unwrap().unwrap();
    let engine = shared.lock().unwrap().at_least(revision).unwrap().clone();
    assert!(engine.conversation(&ConversationId::from("c0")).unwrap().archived);
}
