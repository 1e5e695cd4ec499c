//! What the SQL answers, against the engine and the rules, on a real SQLite and a real PostgreSQL.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where these would"
)]

mod agreement;
mod database;
mod limits;
mod postgres;
mod row_security;
mod schema;
mod world;

#[path = "../../examples/support/columns.rs"]
mod columns;
#[path = "../../examples/support/postgres_server.rs"]
mod postgres_server;
#[path = "../../examples/support/postgres_store.rs"]
mod postgres_store;
#[path = "../store/scratch.rs"]
mod scratch;
#[path = "../../examples/support/sqlite_store.rs"]
mod sqlite_store;

use agreement::{Worlds, agree};
use database::{Database, Sqlite, reference_schema, sqlite, with_reference_tables};
use postgres_store::{Layout, PostgresStore};
use scratch::Scratch;
use sqlite_store::SqliteStore;
use visibly::Engine;
use visibly::store::Journal;

#[test]
fn sqlite_agrees_with_the_engine_on_random_rules() {
    let mut worlds = Worlds::new(1, 52, true);
    let mut database = sqlite();
    database.load(&reference_schema(), &worlds.datasets());
    let tally = agree(&mut database, &reference_schema(), &mut worlds, 40);
    assert!(tally.rules >= 2_000 && tally.matched * 4 >= tally.rules, "{tally:?}");
}

#[test]
fn postgres_agrees_with_the_engine_on_random_rules() {
    let Some(server) = postgres::database("postgres_agrees_with_the_engine_on_random_rules") else { return };
    let mut worlds = Worlds::new(2, 52, false);
    let mut database = with_reference_tables(server.superuser());
    database.load(&reference_schema(), &worlds.datasets());
    let tally = agree(&mut database, &reference_schema(), &mut worlds, 40);
    assert!(tally.rules >= 2_000 && tally.matched * 4 >= tally.rules, "{tally:?}");
}

/// What the stores write themselves, here in partitions, is what is asked.
#[test]
fn tables_that_the_stores_have_written_answer_alike() {
    let mut worlds = Worlds::new(6, 10, true);
    let scratch = Scratch::new("sql-stores");
    let file = scratch.path().join("clinics.sqlite");
    create(&mut SqliteStore::open(&file).unwrap(), &worlds);
    agree(&mut Sqlite(rusqlite::Connection::open(&file).unwrap()), &reference_schema(), &mut worlds, 15);

    let Some(server) = postgres::database("tables_that_the_stores_have_written_answer_alike") else { return };
    let mut worlds = Worlds::new(7, 10, false);
    create(&mut PostgresStore::open_with(&server.config, Layout::Partitioned(3)).unwrap(), &worlds);
    agree(&mut server.superuser(), &reference_schema(), &mut worlds, 15);
}

fn create(store: &mut impl Journal, worlds: &Worlds) {
    for dataset in worlds.datasets() {
        store.create(&Engine::new(dataset).unwrap()).unwrap();
    }
}
