//! A clinic in one SQLite file: `cargo run --example sqlite_service -- [FILE]`
//!
//! The first run makes the file, every later one goes on where the last one ended. One file, no server: for a service
//! of one process, or of a few on one machine.

#[path = "support/columns.rs"]
mod columns;
#[path = "support/oak.rs"]
mod oak;
#[path = "support/sqlite_store.rs"]
mod sqlite_store;
#[path = "support/told.rs"]
mod told;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sqlite_store::SqliteStore;
use told::say;
use visibly::store::{CreateError, Journal, Replica, ReplicaError};
use visibly::{Change, ConversationId, Inbox, OrganizationId, PageRequest, TeammateId};

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let file = match &std::env::args_os().skip(1).collect::<Vec<_>>()[..] {
        [] => std::env::temp_dir().join(format!("clinic-{}.sqlite", std::process::id())),
        [file] if is_file_name(file) => PathBuf::from(file),
        _ => {
            eprintln!("usage: sqlite_service [FILE]");
            return ExitCode::from(2);
        }
    };
    told::end(&format!("sqlite_service: {}", file.display()), run(&file))
}

/// Whether SQLite would take it for a file of that name, and nobody means an option by it.
fn is_file_name(argument: &OsStr) -> bool {
    !argument.is_empty() && !argument.as_encoded_bytes().starts_with(b"-")
}

fn run(file: &Path) -> Result<(), Error> {
    say(format!("the clinic is in {}", file.display()))?;
    serve(file)?;
    serve(file)
}

/// One run of the service, from opening the file to the end of the process.
fn serve(file: &Path) -> Result<(), Error> {
    let oak = OrganizationId::from("oak");
    let mut store = SqliteStore::open(file)?;
    match store.create(&oak::clinic()?) {
        Ok(()) => say("made a new clinic")?,
        Err(CreateError::Exists(id)) => say(format!("opened clinic `{id}`"))?,
        Err(error) => return Err(error.into()),
    }
    let mut replica = Replica::open(store, &oak, oak::new_replica_id())?;
    say(format!("at revision {}", replica.revision()))?;

    let (ana, ben, lee) = (TeammateId::from("ana"), TeammateId::from("ben"), TeammateId::from("dr-lee"));
    let results = ConversationId::from("results");

    // A message from outside is the service's own change; a teammate's is authorized.
    let now = 100 + i64::try_from(replica.revision().get())?;
    replica.submit_as_service(&Change::receive_message("intake", now))?;
    replica.submit(&ben, &Change::mark_read("intake", "ben"))?;
    match replica.submit(&ben, &Change::archive("results")) {
        Err(ReplicaError::Denied(_)) => say("ben may not archive dr. lee's conversation")?,
        other => return Err(format!("ben was not refused: {other:?}").into()),
    }
    let starred = replica.submit(&lee, &Change::star("results", "dr-lee"))?;

    // What is shown comes from the engine, at the revision that was just acknowledged or a later one.
    let engine = replica.at_least(starred)?;
    for viewer in [&ana, &ben, &lee] {
        let page = engine.viewer(viewer)?.filter_inbox(&Inbox::Everything, &PageRequest::first(10))?;
        let ids: Vec<&str> = page.rows.iter().map(|row| row.id().as_str()).collect();
        say(format!("{viewer} sees {ids:?}"))?;
    }
    let seen_by_ben = engine.can_view(&ben, &results);

    // The same facts are in tables, to be asked in SQL.
    let sql = "SELECT count(*) FROM conversation_stars WHERE organization_id = ?1 AND conversation_id = ?2";
    let store = replica.journal();
    let stars: i64 = store.connection().query_row(sql, (oak.as_str(), results.as_str()), |row| row.get(0))?;
    say(format!("the file has {stars} star on `{results}`"))?;
    match (seen_by_ben, stars) {
        (false, 1) => Ok(()),
        _ => Err("the file and the engine disagree".into()),
    }
}
