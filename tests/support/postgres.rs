//! A throw-away PostgreSQL cluster made from installed binaries, on a unix socket alone.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use postgres::{Client, Config, NoTls};

const SUPERUSER: &str = "postgres";

/// One running cluster. It stops, and its files go, when the last test that uses it lets go of it.
pub(crate) struct Cluster {
    binaries: PathBuf,
    directory: PathBuf,
    databases: AtomicUsize,
}

/// The cluster that the running tests of this process share.
///
/// `None`, with a line that says why, if no PostgreSQL is installed; a failure where `VISIBLY_REQUIRE_POSTGRES=1`.
pub(crate) fn cluster(test: &str) -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return Some(cluster);
    }
    let Some(binaries) = binaries() else {
        assert!(std::env::var_os("VISIBLY_REQUIRE_POSTGRES").is_none_or(|it| it != "1"), "no PostgreSQL for `{test}`");
        println!(
            "skipped `{test}`: no PostgreSQL binaries found; to run it: VISIBLY_POSTGRES_BIN=DIRECTORY cargo test"
        );
        return None;
    };
    let cluster = Arc::new(Cluster::start(binaries));
    *shared = Arc::downgrade(&cluster);
    Some(cluster)
}

impl Cluster {
    /// A new empty database, and a connection to it as superuser.
    pub(crate) fn database(&self) -> (String, Client) {
        let name = format!("visibly_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut client = self.connect("postgres", SUPERUSER);
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a new database");
        let client = self.connect(&name, SUPERUSER);
        (name, client)
    }

    pub(crate) fn connect(&self, database: &str, user: &str) -> Client {
        let mut config = Config::new();
        config.host_path(&self.directory).dbname(database).user(user);
        config.connect(NoTls).expect("the cluster answers")
    }

    fn start(binaries: PathBuf) -> Self {
        let directory = std::env::temp_dir().join(format!("visibly-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        if let Some((user, group)) = other_user() {
            chown(&directory, Some(user), Some(group)).expect("the directory can be given to the server's user");
        }
        let cluster = Self { binaries, directory, databases: AtomicUsize::new(0) };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync"]);
        let options = format!("-k {} -c listen_addresses='' -c fsync=off", cluster.directory.display());
        let log = cluster.directory.join("log").display().to_string();
        cluster.run("pg_ctl", &["-D", &data, "-l", &log, "-o", &options, "-w", "start"]);
        cluster
    }

    fn data(&self) -> String {
        self.directory.join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = other_user() {
            command.uid(user).gid(group);
        }
        let status = command.status().expect("PostgreSQL's programs run");
        assert!(status.success(), "{program} failed: {status}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
        std::fs::remove_dir_all(&self.directory).expect("the cluster's files can be removed");
    }
}

/// The newest installed PostgreSQL, or the one in `VISIBLY_POSTGRES_BIN`.
fn binaries() -> Option<PathBuf> {
    let has_server = |directory: &PathBuf| directory.join("initdb").exists() && directory.join("pg_ctl").exists();
    if let Some(given) = std::env::var_os("VISIBLY_POSTGRES_BIN") {
        return Some(PathBuf::from(given)).filter(has_server);
    }
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin")))).max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.map(|(_, directory)| directory).into_iter().chain(std::env::split_paths(&path)).find(has_server)
}

/// The server refuses to run as root; the user and group that it runs as in place of it.
fn other_user() -> Option<(u32, u32)> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find(|line| is_root && line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
