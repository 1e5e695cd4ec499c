//! A PostgreSQL server of the tests' own.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use postgres::{Client, Config, NoTls};

use crate::postgres_server::{NoServer, Server};

/// An empty database of a test's own on the server that tests share while any of them runs.
pub(crate) struct Database {
    pub(crate) config: Config,
    _server: Arc<Server>,
}

impl Database {
    /// A connection as this role.
    pub(crate) fn connect(&self, role: &str) -> Client {
        self.config.clone().user(role).connect(NoTls).unwrap()
    }

    /// A connection as superuser.
    pub(crate) fn superuser(&self) -> Client {
        self.config.connect(NoTls).unwrap()
    }
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
    let mut config = server.database(&format!("sql_{}", NUMBER.fetch_add(1, Ordering::Relaxed))).unwrap();
    // Thousands of different statements on a few rows each: compiling them takes longer than running them.
    config.options("-c jit=off");
    Some(Database { config, _server: server })
}

fn skipped<T>(test: &str, reason: &NoServer) -> Option<T> {
    let is_required = std::env::var("VISIBLY_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
    assert!(!is_required, "{test}: {reason}");
    // Past the test harness, which shows what a passing test prints to nobody.
    let _ = writeln!(
        std::io::stderr(),
        "skipped {test}: {reason}\n  to run it: sudo apt-get install postgresql && cargo test --features sql --test sql {test}"
    );
    None
}
