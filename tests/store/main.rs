//! Stores and replicas: the contract against every implementation, faults, many writers, and processes that die.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the helpers of tests do too"
)]

mod async_code;
mod broken;
mod histories;
mod kill;
mod memory;
mod postgres;
mod replica;
mod scratch;
mod small;
mod sqlite;

#[path = "../../examples/support/columns.rs"]
mod columns;
#[path = "../../examples/support/postgres_server.rs"]
mod postgres_server;
#[path = "../../examples/support/postgres_store.rs"]
mod postgres_store;
#[path = "../../examples/support/served.rs"]
mod served;
#[path = "../../examples/support/sqlite_store.rs"]
mod sqlite_store;
#[path = "../suite/worlds.rs"]
#[allow(dead_code, reason = "what the laws draw beside histories")]
mod worlds;
