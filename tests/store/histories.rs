//! Random histories that two replicas write in turns, against an engine that applies the same changes.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use visibly::store::{Journal, Replica, ReplicaError, ReplicaId};
use visibly::{Change, Dataset, Engine, Revision};

use crate::postgres::database;
use crate::postgres_store::{Layout, PostgresStore};
use crate::scratch::Scratch;
use crate::sqlite_store::SqliteStore;
use crate::worlds::{EVERY_KIND, History, histories, json};

/// Few cases, for each writes a file.
const CASES: u32 = 64;
/// Fewer, for each opens connections by the dozen.
const LIST_CASES: u32 = 16;

fn submit(replica: &mut Replica<SqliteStore>, change: &Change) -> Result<Revision, (&'static str, String)> {
    replica.submit_as_service(change).map_err(|error| match error {
        ReplicaError::Refused(error) => (error.code().as_str(), error.id().to_owned()),
        other => panic!("{other:?}: {}", json(change)),
    })
}

/// An engine's facts; contacts and conversations, which have no order, by id.
fn facts(engine: &Engine) -> Dataset {
    let mut dataset = engine.to_dataset();
    dataset.contacts.sort_by(|one, two| one.id.cmp(&two.id));
    dataset.conversations.sort_by(|one, two| one.id.cmp(&two.id));
    dataset
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn replicas_that_take_turns_decide_and_store_what_one_engine_does(history in histories(25, EVERY_KIND)) {
        let scratch = Scratch::new("histories");
        let store = || SqliteStore::open(scratch.path().join("clinics.sqlite")).unwrap();
        let open = |number| Replica::open(store(), &"oak".into(), ReplicaId::new(number)).unwrap();
        let mut alone = history.world.engine();
        store().create(&alone).unwrap();
        let mut replicas = [open(1), open(2)];
        for (turn, change) in history.changes.iter().enumerate() {
            let replica = &mut replicas[turn % 2];
            let expected = alone.apply(change).map_err(|error| (error.code().as_str(), error.id().to_owned()));
            prop_assert_eq!(submit(replica, change), expected, "{}", json(change));
            if turn % 9 == 8 {
                let engine = replica.engine().clone();
                replica.journal().compact(&engine).unwrap();
            }
        }
        for replica in replicas.iter_mut().chain([&mut open(3)]) {
            prop_assert_eq!(replica.catch_up().unwrap(), alone.revision());
            prop_assert_eq!(facts(replica.engine()), facts(&alone));
        }
    }
}

/// What of a history is not refused, in lists of one to five.
fn lists(history: &History) -> Vec<Vec<Change>> {
    let (mut engine, mut lists) = (history.world.engine(), vec![Vec::new()]);
    for change in history.changes.iter().filter(|change| engine.apply(change).is_ok()) {
        if lists.last().is_some_and(|list| list.len() > lists.len() % 5) {
            lists.push(Vec::new());
        }
        lists.last_mut().unwrap().push(change.clone());
    }
    lists.retain(|list| !list.is_empty());
    lists
}

/// PostgreSQL's tables take a whole list at once: what becomes of a contact or conversation in the end.
#[test]
fn replicas_that_take_turns_with_lists_store_what_one_engine_does_in_every_layout() {
    let name = "histories::replicas_that_take_turns_with_lists_store_what_one_engine_does_in_every_layout";
    for layout in [Layout::Plain, Layout::Partitioned(3)] {
        let Some(database) = database(name) else { return };
        let store = || PostgresStore::open_with(&database.config, layout).unwrap();
        let open = |number| Replica::open(store(), &"oak".into(), ReplicaId::new(number)).unwrap();
        let run = |history: History| {
            store().client().unwrap().batch_execute("TRUNCATE organizations CASCADE").unwrap();
            let mut alone = history.world.engine();
            store().create(&alone).unwrap();
            let mut replicas = [open(1), open(2)];
            for (turn, list) in lists(&history).iter().enumerate() {
                alone.apply_all(list).unwrap();
                let replica = &mut replicas[turn % 2];
                let submission = replica.new_submission();
                prop_assert_eq!(replica.submit_once_as_service(submission, list).unwrap(), alone.revision());
                let loaded = Engine::load(&mut store(), &"oak".into()).unwrap();
                prop_assert_eq!(facts(&loaded), facts(&alone), "{}", json(list));
            }
            Ok(())
        };
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(LIST_CASES) };
        TestRunner::new(config).run(&histories(25, EVERY_KIND), run).unwrap();
    }
}
