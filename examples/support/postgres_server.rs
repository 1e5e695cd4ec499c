//! A throw-away PostgreSQL server, made from installed binaries in a folder of its own.
//!
//! It listens on a unix socket in that folder alone, which its own user and root alone can enter: a connection is
//! trusted, and a superuser's runs programs. It stops when dropped, and takes its folder along.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::Config;

/// A running server.
pub(crate) struct Server {
    binaries: PathBuf,
    folder: PathBuf,
    /// PostgreSQL refuses to run as root: then it runs as its own user, whose folder it is.
    is_root: bool,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoServer {
    #[error("no PostgreSQL server is installed (looked for `initdb` in $PG_BIN, in /usr/lib/postgresql and on PATH)")]
    NotInstalled,
    #[error("{program} failed: {output}")]
    Failed { program: &'static str, output: String },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Server {
    /// Makes and starts a server.
    pub(crate) fn start() -> Result<Self, NoServer> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let binaries = binaries().ok_or(NoServer::NotInstalled)?;
        let name = format!("visibly-pg-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // A socket's path has to fit into a hundred bytes.
        let folder = std::env::temp_dir().join(name);
        // A folder that is there already may be somebody else's.
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let is_root = std::fs::metadata(&folder)?.uid() == 0;
        let server = Self { binaries, folder, is_root };
        server.make_and_start()?;
        Ok(server)
    }

    /// How to connect to its one database.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).user("postgres").dbname("postgres");
        config
    }

    /// The same as a text, for another process.
    pub(crate) fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.display())
    }

    /// Makes another database and says how to connect to it.
    pub(crate) fn database(&self, name: &str) -> Result<Config, postgres::Error> {
        let mut config = self.config();
        config.connect(postgres::NoTls)?.batch_execute(&format!("CREATE DATABASE {name}"))?;
        config.dbname(name);
        Ok(config)
    }

    fn make_and_start(&self) -> Result<(), NoServer> {
        if self.is_root {
            Command::new("chown").arg("postgres").arg(&self.folder).status()?;
        }
        let data = self.folder.join("data");
        self.run(
            "initdb",
            [
                data.as_os_str(),
                "--auth=trust".as_ref(),
                "--username=postgres".as_ref(),
                "--encoding=UTF8".as_ref(),
                "--no-locale".as_ref(),
                "--no-sync".as_ref(),
            ],
        )?;
        let socket = self.folder.display();
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{socket}' -c max_connections=60 -c shared_buffers=64MB"
        );
        let log = self.folder.join("log");
        self.run(
            "pg_ctl",
            [
                "start".as_ref(),
                "--wait".as_ref(),
                "--silent".as_ref(),
                "--options".as_ref(),
                settings.as_ref(),
                "--log".as_ref(),
                log.as_os_str(),
                "--pgdata".as_ref(),
                data.as_os_str(),
            ],
        )
    }

    fn run<'a>(&self, program: &'static str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<(), NoServer> {
        let mut command = self.command(program);
        // What the server inherits would keep a pipe open for as long as it runs.
        let output = self.folder.join(format!("{program}.output"));
        let file = std::fs::File::create(&output)?;
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        match command.status()?.success() {
            true => Ok(()),
            false => Err(NoServer::Failed { program, output: std::fs::read_to_string(output)? }),
        }
    }

    fn command(&self, program: &str) -> Command {
        let program = self.binaries.join(program);
        if !self.is_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let stop = [
            "stop".as_ref(),
            "--mode=immediate".as_ref(),
            "--wait".as_ref(),
            "--silent".as_ref(),
            "--pgdata".as_ref(),
            data.as_os_str(),
        ];
        if let Err(error) = self.run("pg_ctl", stop) {
            eprintln!("the PostgreSQL server in {} was not stopped: {error}", self.folder.display());
            return;
        }
        // What cannot be removed is the system's to clear.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder with the newest server's programs.
fn binaries() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PG_BIN") {
        return Some(PathBuf::from(folder)).filter(|folder| has_server(folder));
    }
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path().join("bin"))))
        .filter(|(_, folder)| has_server(folder))
        .max();
    newest.map(|(_, folder)| folder).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| has_server(folder))
    })
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).exists())
}
