//! Three replicas of one organization in three processes, on PostgreSQL: `cargo run --example replicas`
//!
//! Each process writes while the others do. One is killed with signal 9 in the middle and started again. In the end,
//! all three replicas are compared with the database: nothing that was acknowledged is lost, nothing is there twice.
//!
//! Starts a throw-away server from installed binaries (Debian: `apt-get install postgresql`). Set `DATABASE_URL` to
//! use an empty database of your own.

#[path = "support/columns.rs"]
mod columns;
#[path = "support/oak.rs"]
mod oak;
#[path = "support/postgres_server.rs"]
mod postgres_server;
#[path = "support/postgres_store.rs"]
mod postgres_store;
#[path = "support/told.rs"]
mod told;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Lines, Write};
use std::ops::ControlFlow;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use postgres::Config;
use postgres_server::{NoServer, Server};
use postgres_store::PostgresStore;
use told::say;
use visibly::store::{Journal, Replica};
use visibly::{Change, Contact, Engine, OrganizationId, Revision, TeammateId};

type Error = Box<dyn std::error::Error>;

/// How many changes each replica makes.
const CHANGES: usize = 40;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["replica", url, name, from] => serve(url, name, from),
        [] => run(),
        _ => {
            eprintln!("usage: replicas");
            return ExitCode::from(2);
        }
    };
    match result {
        Err(error) if error.is::<NoServer>() => {
            eprintln!("{error}\n  to run it: sudo apt-get install postgresql && cargo run --example replicas");
            ExitCode::from(2)
        }
        result => told::end("replicas", result),
    }
}

// One replica, in a process of its own.

/// Writes its changes, from number `from` on, and says so; then, for each revision it is given, catches up with it and
/// tells a fingerprint of its facts.
fn serve(url: &str, name: &str, from: &str) -> Result<(), Error> {
    let store = PostgresStore::open(&url.parse()?)?;
    let mut replica = Replica::open(store, &"oak".into(), oak::new_replica_id())?;
    let ana = TeammateId::from("ana");
    for number in from.parse()?..CHANGES {
        let contact = Contact::new(contact_id(name, number));
        // A change that was kept before this process was killed is there already.
        if replica.engine().contact(&contact.id).is_none() {
            replica.submit(&ana, &Change::AddContact(contact))?;
        }
        say(format!("wrote {number}"))?;
    }
    say("done")?;
    for line in std::io::stdin().lines() {
        let revision = Revision::new(line?.parse()?);
        say(format!("{:x}", fingerprint(replica.reach(revision)?)))?;
    }
    Ok(())
}

fn contact_id(name: &str, number: usize) -> String {
    format!("{name}-{number}")
}

/// Equal facts have equal ones.
fn fingerprint(engine: &Engine) -> u64 {
    let mut dataset = engine.to_dataset();
    dataset.contacts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    dataset.conversations.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut hasher = DefaultHasher::new();
    (dataset, engine.revision()).hash(&mut hasher);
    hasher.finish()
}

// The one who starts, kills and compares them.

struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// How many changes it has said are written.
    wrote: usize,
}

impl Process {
    fn start(url: &str, name: &'static str, from: usize) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["replica", url, name, &from.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        Ok(Self { name, child, input, output, wrote: from })
    }

    fn hear(&mut self) -> Result<String, Error> {
        let line = self.output.next().ok_or_else(|| format!("replica {} ended", self.name))??;
        self.note(&line);
        Ok(line)
    }

    fn note(&mut self, line: &str) {
        let number = line.strip_prefix("wrote ").and_then(|number| number.parse::<usize>().ok());
        self.wrote = number.map_or(self.wrote, |number| number + 1);
    }

    fn hear_until(&mut self, line: &str) -> Result<(), Error> {
        while self.hear()? != line {}
        Ok(())
    }

    /// Kills it; how many changes it had said were written.
    fn kill(mut self) -> Result<usize, Error> {
        self.child.kill()?;
        self.child.wait()?;
        while let Some(Ok(line)) = self.output.next() {
            self.note(&line);
        }
        say(format!("replica {} was killed after it had written {} changes", self.name, self.wrote))?;
        Ok(self.wrote)
    }
}

fn run() -> Result<(), Error> {
    let given = std::env::var("DATABASE_URL").ok();
    let server = match given {
        Some(_) => None,
        None => Some(Server::start()?),
    };
    let url = match (given, &server) {
        (Some(url), _) => url,
        (None, Some(server)) => server.url(),
        (None, None) => return Err("no database".into()),
    };
    let config: Config = url.parse()?;
    let mut store = PostgresStore::open(&config)?;
    store.create(&oak::clinic()?)?;

    let mut one = Process::start(&url, "one", 0)?;
    let mut two = Process::start(&url, "two", 0)?;
    let mut three = Process::start(&url, "three", 0)?;
    two.hear_until(&format!("wrote {}", CHANGES / 4))?;
    let kept = two.kill()?;
    let mut two = Process::start(&url, "two", kept)?;
    for replica in [&mut one, &mut two, &mut three] {
        replica.hear_until("done")?;
    }
    compare(&mut store, [one, two, three])
}

fn compare(store: &mut PostgresStore, mut replicas: [Process; 3]) -> Result<(), Error> {
    let oak = OrganizationId::from("oak");
    let stored = Engine::load(store, &oak)?;
    say(format!("the database is at revision {}, with {} contacts", stored.revision(), stored.contact_count()))?;
    let mut changes = HashSet::new();
    let mut entries = 0;
    store.replay(&oak, Revision::new(0), &mut |entry| {
        entries += 1;
        changes.insert(entry.change);
        ControlFlow::Continue(())
    })?;
    if (changes.len(), entries) != (3 * CHANGES, 3 * CHANGES) {
        return Err(format!("{entries} changes in the journal, {} of them different", changes.len()).into());
    }
    let expected = format!("{:x}", fingerprint(&stored));
    for replica in &mut replicas {
        writeln!(replica.input, "{}", stored.revision())?;
        let found = replica.hear()?;
        say(format!("replica {} has facts {found}, the database {expected}", replica.name))?;
        if found != expected {
            return Err(format!("replica {} differs from the database", replica.name).into());
        }
    }
    for Process { mut child, input, .. } in replicas {
        drop(input);
        child.wait()?;
    }
    say("all three agree with the database")?;
    Ok(())
}
