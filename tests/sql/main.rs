//! What the SQL answers, against the engine and the rules, on a real SQLite and a real PostgreSQL.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where these would"
)]

#[path = "../../examples/support/postgres_server.rs"]
mod postgres_server;

mod agreement;
mod database;
mod limits;
mod postgres;
mod row_security;
mod schema;
mod world;

use agreement::{Worlds, agree};
use database::{Database, reference_schema, sqlite, with_reference_tables};

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
