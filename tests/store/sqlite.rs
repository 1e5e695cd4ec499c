//! The SQLite store.

use std::path::PathBuf;

use visibly::store::kit::Kit;
use visibly::store::{Journal, LoadError, Replica, ReplicaError, ReplicaId};
use visibly::{Change, Engine};

use crate::scratch::Scratch;
use crate::small;
use crate::sqlite_store::{SqliteError, SqliteStore, migrate};

fn path(scratch: &Scratch) -> PathBuf {
    scratch.path().join("clinics.sqlite")
}

#[test]
fn the_sqlite_store_keeps_the_contract() {
    let scratch = Scratch::new("sqlite-kit");
    let open = || SqliteStore::open(path(&scratch)).unwrap();
    Kit::new(open).failing(|step| failing(open(), step)).check().unwrap();
}

/// A store of which one statement is interrupted, after so many times 20 steps of SQLite's machine.
fn failing(store: SqliteStore, step: u32) -> SqliteStore {
    let mut left = i64::from(step) + 1;
    let interrupt = move || {
        left -= 1;
        left == 0
    };
    store.connection().progress_handler(20, Some(interrupt));
    store
}

#[test]
fn a_file_is_brought_up_to_date_from_every_version() {
    for version in 0..=3 {
        let scratch = Scratch::new("sqlite-migrate");
        let mut connection = rusqlite::Connection::open(path(&scratch)).unwrap();
        migrate(&mut connection, version).unwrap();
        drop(connection);
        let store = SqliteStore::open(path(&scratch)).unwrap();
        let count = |sql: &str| store.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM schema_migrations"), 3);
        assert_eq!(count("SELECT count(*) FROM journal"), 0);
    }
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let scratch = Scratch::new("sqlite-later");
    let store = SqliteStore::open(path(&scratch)).unwrap();
    store.connection().execute("INSERT INTO schema_migrations VALUES (4)", []).unwrap();
    drop(store);
    assert!(matches!(SqliteStore::open(path(&scratch)), Err(SqliteError::LaterSchema(4))));
}

#[test]
fn a_journal_without_its_end_or_with_unreadable_entries_is_a_failure() {
    let scratch = Scratch::new("sqlite-damage");
    let mut store = SqliteStore::open(path(&scratch)).unwrap();
    store.create(&small::clinic("oak")).unwrap();
    let open = |number| {
        Replica::open(SqliteStore::open(path(&scratch)).unwrap(), &"oak".into(), ReplicaId::new(number)).unwrap()
    };
    let (mut here, mut there) = (open(1), open(2));
    for number in 0..4 {
        here.submit_as_service(&Change::archive(format!("c{number}"))).unwrap();
    }
    store.connection().execute("DELETE FROM journal WHERE revision > 2", []).unwrap();
    let cut = there.catch_up();
    assert!(matches!(cut, Err(ReplicaError::Store(SqliteError::CutShort { .. }))), "{cut:?}");
    assert_eq!(there.revision().get(), 0);

    let named = r#"UPDATE journal SET change = '{"archive": {"id": "c0", "Nora Quist": 1}}'"#;
    store.connection().execute(named, []).unwrap();
    let told = format!("{0} {0:?}", there.catch_up().unwrap_err());
    assert!(told.contains("Json") && !told.contains("Nora"), "{told}");
}

#[test]
fn an_entry_of_a_list_that_belongs_to_nothing_hides_none_of_those_behind_it() {
    let tables = [
        ("contact_members", "contact_id", "member_kind, member_id", "'team', 'x'"),
        ("contact_tags", "contact_id", "tag", "'x'"),
        ("conversation_contacts", "conversation_id", "contact_id", "'x'"),
        ("conversation_members", "conversation_id", "member_kind, member_id", "'team', 'x'"),
        ("conversation_tags", "conversation_id", "tag", "'x'"),
        ("conversation_reads", "conversation_id", "teammate_id", "'x'"),
        ("conversation_stars", "conversation_id", "teammate_id", "'x'"),
    ];
    for (table, key, columns, values) in tables {
        let scratch = Scratch::new("sqlite-stray");
        let mut store = SqliteStore::open(path(&scratch)).unwrap();
        store.create(&small::clinic("oak")).unwrap();
        // As whoever edits the file without SQLite's foreign keys, which are off unless asked for.
        store.connection().pragma_update(None, "foreign_keys", false).unwrap();
        for owner in ["a", "c3x", "zz"] {
            let insert = format!(
                "INSERT INTO {table} (organization_id, {key}, position, {columns}) VALUES ('oak', '{owner}', 0, {values})"
            );
            store.connection().execute(&insert, []).unwrap();
            let loaded = Engine::load(&mut store, &"oak".into());
            assert!(matches!(loaded, Err(LoadError::Store(SqliteError::Stray(of))) if of == table), "{loaded:?}");
            store.connection().execute(&format!("DELETE FROM {table} WHERE {key} = '{owner}'"), []).unwrap();
        }
        assert!(Engine::load(&mut store, &"oak".into()).is_ok());
    }
}

#[test]
fn every_key_starts_with_the_organization() {
    let scratch = Scratch::new("sqlite-keys");
    let store = SqliteStore::open(path(&scratch)).unwrap();
    let mut keys = store
        .connection()
        .prepare(
            "SELECT tables.name, columns.name FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
             WHERE columns.pk = 1 AND tables.schema = 'main' AND tables.name <> 'schema_migrations'",
        )
        .unwrap();
    let keys: Vec<(String, String)> =
        keys.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert_eq!(keys.len(), 18, "{keys:?}");
    assert!(keys.iter().all(|(_, first)| first == "organization_id"), "{keys:?}");
}
