//! What the SQL answers, against the engine and the rules, on a real SQLite and a real PostgreSQL.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where these would"
)]

#[path = "../support/postgres.rs"]
mod postgres_cluster;

mod agreement;
mod database;
mod world;

use agreement::{Worlds, agree};
use database::{Database, reference_schema, sqlite, with_reference_tables};

#[test]
fn sqlite_agrees_with_the_engine_on_random_rules() {
    let mut worlds = Worlds::new(1, 60, true);
    let mut database = sqlite();
    database.load(&reference_schema(), &worlds.datasets());
    let tally = agree(&mut database, &reference_schema(), &mut worlds, 40);
    println!("{tally:?}");
    assert!(tally.rules >= 2_000 && tally.matched * 4 >= tally.rules, "{tally:?}");
}

#[test]
fn postgres_agrees_with_the_engine_on_random_rules() {
    let Some(cluster) = postgres_cluster::cluster("postgres_agrees_with_the_engine_on_random_rules") else { return };
    let mut worlds = Worlds::new(2, 60, false);
    let mut database = with_reference_tables(cluster.database().1);
    database.load(&reference_schema(), &worlds.datasets());
    let tally = agree(&mut database, &reference_schema(), &mut worlds, 40);
    println!("{tally:?}");
    assert!(tally.rules >= 2_000 && tally.matched * 4 >= tally.rules, "{tally:?}");
}
