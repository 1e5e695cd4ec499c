//! Random histories that two replicas write in turns, against an engine that applies the same changes.

use proptest::prelude::*;
use visibly::store::{Journal, Replica, ReplicaError, ReplicaId};
use visibly::{Change, Dataset, Engine, Revision};

use crate::scratch::Scratch;
use crate::sqlite_store::SqliteStore;
use crate::worlds::{EVERY_KIND, histories, json};

/// Few cases, for each writes a file.
const CASES: u32 = 64;

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
