//! The PostgreSQL store, on a server of the tests' own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use postgres::config::Host;
use postgres::{Config, NoTls};
use visibly::store::kit::Kit;
use visibly::store::{Journal, LoadError, Replica, ReplicaError, ReplicaId};
use visibly::{Change, Contact, Engine, ErrorCode};

use crate::postgres_server::{NoServer, Server};
use crate::postgres_store::{Layout, PostgresError, PostgresStore};
use crate::small;

/// The server that tests share while any of them runs, and a database of the test's own.
pub(crate) struct Database {
    pub(crate) config: Config,
    _server: Arc<Server>,
}

/// A database for the test of this name. Without a server the test is skipped, aloud; it fails instead where
/// `VISIBLY_REQUIRE_POSTGRES` is set to 1.
pub(crate) fn database(test: &str) -> Option<Database> {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match shared.upgrade() {
        Some(server) => server,
        None => match Server::start() {
            Ok(server) => Arc::new(server),
            Err(reason @ NoServer::NotInstalled) => return skipped(test, &reason),
            Err(reason) => panic!("{test}: {reason}"),
        },
    };
    *shared = Arc::downgrade(&server);
    let config = server.database(&format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed))).unwrap();
    Some(Database { config, _server: server })
}

fn skipped<T>(test: &str, reason: &NoServer) -> Option<T> {
    let required = std::env::var("VISIBLY_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(!required, "{test}: {reason}");
    // Past the test harness, which shows what a passing test prints to nobody.
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "skipped {test}: {reason}\n  to run it: sudo apt-get install postgresql && cargo test --test store {test}"
    );
    None
}

#[test]
fn the_postgres_store_keeps_the_contract() {
    let Some(database) = database("postgres::the_postgres_store_keeps_the_contract") else { return };
    let open = || PostgresStore::open(&database.config).unwrap();
    Kit::new(open).check().unwrap();
}

#[test]
fn the_postgres_store_that_fails_midway_writes_nothing() {
    let Some(database) = database("postgres::the_postgres_store_that_fails_midway_writes_nothing") else { return };
    let open = || PostgresStore::open(&database.config).unwrap();
    fail_on_request(&mut open());
    Kit::new(open).failing(|step| failing(open(), step)).check_case("failure midway").unwrap();
}

#[test]
fn the_postgres_store_keeps_the_contract_in_partitions() {
    let Some(database) = database("postgres::the_postgres_store_keeps_the_contract_in_partitions") else { return };
    let open = || PostgresStore::open_with(&database.config, Layout::Partitioned(4)).unwrap();
    let mut store = open();
    let parts = "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'";
    assert_eq!(store.client().unwrap().query_one(parts, &[]).unwrap().get::<_, i64>(0), 18 * 4);
    let kit = Kit::new(open);
    // The crowd goes through the same statements as in plain tables, and takes as long as all the rest.
    let cases = Kit::<PostgresStore>::cases().filter(|case| *case != "100,000 conversations");
    cases.for_each(|case| kit.check_case(case).unwrap());
}

/// Makes every table fail where a session asks for it, at a row of its choice.
fn fail_on_request(store: &mut PostgresStore) {
    let client = store.client().unwrap();
    client
        .batch_execute(
            "CREATE FUNCTION fail_on_request() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE rows_left text := current_setting('visibly.rows_left', true);
             BEGIN
                 IF rows_left IS NULL OR rows_left = '' THEN RETURN NULL; END IF;
                 IF rows_left = '0' THEN RAISE EXCEPTION 'failed on request'; END IF;
                 PERFORM set_config('visibly.rows_left', (rows_left::bigint - 1)::text, false);
                 RETURN NULL;
             END $$;
             DO $$ DECLARE of text; BEGIN
                 FOR of IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                     EXECUTE format('CREATE TRIGGER fail AFTER INSERT OR UPDATE OR DELETE ON %I
                                     FOR EACH ROW EXECUTE FUNCTION fail_on_request()', of);
                 END LOOP;
             END $$;",
        )
        .unwrap();
}

/// A store that fails once so many rows are written.
fn failing(mut store: PostgresStore, step: u32) -> PostgresStore {
    store.client().unwrap().batch_execute(&format!("SET visibly.rows_left = {step}")).unwrap();
    store
}

#[test]
fn what_postgres_cannot_hold_is_rejected_by_name() {
    let Some(database) = database("postgres::what_postgres_cannot_hold_is_rejected_by_name") else { return };
    let engine = small::clinic("oak");
    let mut store = PostgresStore::open(&database.config).unwrap();
    store.create(&engine).unwrap();
    let mut replica = Replica::open(store, engine.organization_id(), ReplicaId::new(1)).unwrap();
    let nul = replica.submit_as_service(&Change::AddContact(Contact::new("a\0b")));
    assert!(matches!(nul, Err(ReplicaError::Rejected(PostgresError::Unencodable(_)))), "{nul:?}");
    let noise: String =
        (0..4_000).map(|n: u32| char::from_u32(0x4e00 + n.wrapping_mul(7_919) % 20_000).unwrap()).collect();
    let long = replica.submit_as_service(&Change::AddContact(Contact::new(noise)));
    assert!(matches!(long, Err(ReplicaError::Rejected(PostgresError::TooLong(_)))), "{long:?}");
    assert_eq!(replica.catch_up().unwrap().get(), 0);
    replica.submit_as_service(&Change::archive("c0")).unwrap();
}

#[test]
fn what_a_database_in_another_encoding_cannot_hold_is_rejected_too() {
    let name = "postgres::what_a_database_in_another_encoding_cannot_hold_is_rejected_too";
    let Some(database) = database(name) else { return };
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    database.config.connect(NoTls).unwrap().batch_execute(latin).unwrap();
    let engine = small::clinic("oak");
    let mut store = PostgresStore::open(database.config.clone().dbname("latin")).unwrap();
    store.create(&engine).unwrap();
    let mut replica = Replica::open(store, engine.organization_id(), ReplicaId::new(1)).unwrap();
    replica.submit_as_service(&Change::AddContact(Contact::new("é"))).unwrap();
    let foreign = replica.submit_as_service(&Change::AddContact(Contact::new("a").named("Ἀσπασία")));
    assert!(matches!(foreign, Err(ReplicaError::Rejected(PostgresError::Unencodable(_)))), "{foreign:?}");
}

#[test]
fn writers_take_turns_whatever_isolation_is_the_default() {
    let Some(database) = database("postgres::writers_take_turns_whatever_isolation_is_the_default") else { return };
    let mut config = database.config.clone();
    config.options("-c default_transaction_isolation=serializable");
    Kit::new(|| PostgresStore::open(&config).unwrap()).check_case("many writers").unwrap();
}

#[test]
fn a_store_that_row_level_security_holds_gives_no_part_for_the_whole() {
    let Some(database) = database("postgres::a_store_that_row_level_security_holds_gives_no_part_for_the_whole") else {
        return;
    };
    let mut superuser = database.config.connect(NoTls).unwrap();
    superuser.batch_execute("CREATE ROLE held LOGIN; GRANT ALL ON SCHEMA public TO held").unwrap();
    let mut store = PostgresStore::open(database.config.clone().user("held")).unwrap();
    store.create(&small::clinic("oak")).unwrap();
    let secure = "ALTER TABLE conversations ENABLE ROW LEVEL SECURITY";
    store.client().unwrap().batch_execute(secure).unwrap();
    assert_eq!(
        Engine::load(&mut store, &"oak".into()).unwrap().conversation_ids().count(),
        10,
        "the owner is not held"
    );
    store.client().unwrap().batch_execute("ALTER TABLE conversations FORCE ROW LEVEL SECURITY").unwrap();
    let loaded = Engine::load(&mut store, &"oak".into());
    assert!(matches!(loaded, Err(LoadError::Store(PostgresError::Postgres(_)))), "{loaded:?}");
}

#[test]
fn a_journal_without_its_end_or_with_unreadable_entries_is_a_failure() {
    let name = "postgres::a_journal_without_its_end_or_with_unreadable_entries_is_a_failure";
    let Some(database) = database(name) else { return };
    let mut store = PostgresStore::open(&database.config).unwrap();
    store.create(&small::clinic("oak")).unwrap();
    let open = |number| {
        let store = PostgresStore::open(&database.config).unwrap();
        Replica::open(store, &"oak".into(), ReplicaId::new(number)).unwrap()
    };
    let (mut here, mut there) = (open(1), open(2));
    for number in 0..4 {
        here.submit_as_service(&Change::archive(format!("c{number}"))).unwrap();
    }
    store.client().unwrap().batch_execute("DELETE FROM journal WHERE revision > 2").unwrap();
    let cut = there.catch_up();
    assert!(matches!(cut, Err(ReplicaError::Store(PostgresError::CutShort { .. }))), "{cut:?}");
    assert_eq!(there.revision().get(), 0);

    let named = r#"UPDATE journal SET change = '{"archive": {"id": "c0", "Nora Quist": 1}}'"#;
    store.client().unwrap().batch_execute(named).unwrap();
    let told = format!("{0} {0:?}", there.catch_up().unwrap_err());
    assert!(told.contains("Json") && !told.contains("Nora"), "{told}");
}

#[test]
fn an_entry_of_a_list_that_belongs_to_nothing_hides_none_of_those_behind_it() {
    let name = "postgres::an_entry_of_a_list_that_belongs_to_nothing_hides_none_of_those_behind_it";
    let Some(database) = database(name) else { return };
    let mut store = PostgresStore::open(&database.config).unwrap();
    store.create(&small::clinic("oak")).unwrap();
    // As a restore that leaves out the checks of foreign keys.
    store.client().unwrap().batch_execute("SET session_replication_role = replica").unwrap();
    for (table, key) in [("conversation_tags", "conversation_id"), ("contact_tags", "contact_id")] {
        let insert = format!("INSERT INTO {table} (organization_id, {key}, position, tag) VALUES ('oak', 'a', 0, 'x')");
        store.client().unwrap().batch_execute(&insert).unwrap();
        let loaded = Engine::load(&mut store, &"oak".into());
        assert!(matches!(loaded, Err(LoadError::Store(PostgresError::Stray(of))) if of == table), "{loaded:?}");
        store.client().unwrap().batch_execute(&format!("DELETE FROM {table}")).unwrap();
    }
    assert!(Engine::load(&mut store, &"oak".into()).is_ok());
    // Whose it is cannot be read at all.
    let nobodys = "ALTER TABLE contact_tags DROP CONSTRAINT contact_tags_pkey, ALTER contact_id DROP NOT NULL;
                   INSERT INTO contact_tags (organization_id, position, tag) VALUES ('oak', 0, 'x');
                   INSERT INTO contacts (organization_id, id, category, invitation)
                   VALUES ('oak', 'p', 'patient', 'invited')";
    store.client().unwrap().batch_execute(nobodys).unwrap();
    let loaded = Engine::load(&mut store, &"oak".into());
    assert!(matches!(loaded, Err(LoadError::Store(PostgresError::Stray("contact_tags")))), "{loaded:?}");
}

#[cfg(unix)]
#[test]
fn nobody_else_gets_at_the_server_of_the_tests() {
    use std::os::unix::fs::MetadataExt;
    let Some(database) = database("postgres::nobody_else_gets_at_the_server_of_the_tests") else { return };
    let [Host::Unix(folder)] = database.config.get_hosts() else { panic!("it listens on a socket") };
    assert_eq!(std::fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_lost_connection_is_opened_anew() {
    let Some(database) = database("postgres::a_lost_connection_is_opened_anew") else { return };
    let engine = small::clinic("oak");
    let mut store = PostgresStore::open(&database.config).unwrap();
    store.create(&engine).unwrap();
    let mut replica = Replica::open(store, engine.organization_id(), ReplicaId::new(1)).unwrap();
    replica.submit_as_service(&Change::archive("c0")).unwrap();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.config.connect(NoTls).unwrap().execute(others, &[]).unwrap();
    // The call that finds out may fail; none after it does, and the change is there once.
    let submission = replica.new_submission();
    let changes = [Change::star("c0", "ana")];
    let outcome = (0..10).find_map(|_| replica.submit_once_as_service(submission, &changes).ok());
    assert_eq!(outcome.map(visibly::Revision::get), Some(2));
    assert_eq!(replica.catch_up().unwrap().get(), 2);
    let refused = replica.submit_as_service(&Change::archive("gone"));
    assert!(matches!(refused, Err(ReplicaError::Refused(error)) if error.code() == ErrorCode::UnknownConversation));
}
