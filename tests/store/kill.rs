//! Processes that are killed (signal 9) in the middle of a stream of appends: what they were told is kept, and nothing
//! is there by halves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use postgres::{Config, NoTls};
use visibly::store::{Entry, Journal, Replica, ReplicaError, ReplicaId, SubmissionId};
use visibly::{Change, Conversation, Dataset, Engine, Member};

use crate::postgres::database;
use crate::postgres_store::PostgresStore;
use crate::scratch::Scratch;
use crate::small;
use crate::sqlite_store::SqliteStore;

/// Says to this binary, started anew, that it is a writer: the store, then the number of the writer.
const WRITER: &str = "VISIBLY_TEST_WRITER";

#[test]
fn fifty_kills_of_writers_lose_nothing_on_sqlite() {
    let scratch = Scratch::new("sqlite-kill");
    let path = scratch.path().join("clinics.sqlite");
    let open = || SqliteStore::open(&path).unwrap();
    kill_writers(&format!("sqlite {}", path.display()), 25, open);
}

#[test]
fn twenty_kills_of_writers_lose_nothing_on_postgres() {
    let Some(database) = database("kill::twenty_kills_of_writers_lose_nothing_on_postgres") else { return };
    let Some(postgres::config::Host::Unix(socket)) = database.config.get_hosts().first() else {
        panic!("the server listens on a socket")
    };
    let store = format!("postgres {} {}", socket.display(), database.config.get_dbname().unwrap());
    kill_writers(&store, 10, || {
        let mut store = PostgresStore::open(&database.config).unwrap();
        wait_for_the_dead(&mut store);
        store
    });
}

/// How often a backend is cut off in [`appends_whose_backends_are_cut_off_take_effect_once`].
const CUTS: usize = 60;

#[test]
fn appends_whose_backends_are_cut_off_take_effect_once() {
    let Some(database) = database("kill::appends_whose_backends_are_cut_off_take_effect_once") else { return };
    let mut replayed = small::clinic("oak");
    let mut store = PostgresStore::open(&database.config).unwrap();
    store.create(&replayed).unwrap();
    let mut config = database.config.clone();
    config.application_name("cut off");
    let kept: Vec<_> = thread::scope(|scope| {
        let writers = [0, 1, 2].map(|number| {
            scope.spawn({
                let config = &config;
                move || write_until_told(config, number)
            })
        });
        cut_off(&database.config);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let mut found = BTreeMap::new();
    follow(&mut store, &mut replayed, &mut found);
    assert!(found.into_iter().eq(kept), "each list is there once, where its writer was told");
}

/// Ends statements and connections in turns, whatever these are at.
fn cut_off(config: &Config) {
    let mut client = config.connect(NoTls).unwrap();
    for end in ["pg_cancel_backend", "pg_terminate_backend"].iter().cycle().take(CUTS) {
        let any = format!(
            "SELECT {end}(pid) FROM pg_stat_activity WHERE application_name = 'cut off' AND state <> 'idle'
             ORDER BY random() LIMIT 1"
        );
        client.execute(&any, &[]).unwrap();
        thread::sleep(Duration::from_millis(7));
    }
}

/// Submits each of its lists under one id until it is told of it.
fn write_until_told(config: &Config, number: usize) -> Vec<((usize, u64), u64)> {
    let id = ReplicaId::new(number as u128);
    let lists = (0..25).map(|list| {
        let (submission, changes) = (SubmissionId { replica: id, number: list }, pair(&number.to_string(), list));
        let told = loop {
            let Ok(store) = PostgresStore::open(config) else { continue };
            let Ok(mut replica) = Replica::open(store, &"oak".into(), id) else { continue };
            match replica.submit_once_as_service(submission, &changes) {
                Ok(revision) => break revision.get(),
                Err(ReplicaError::Unsettled { .. } | ReplicaError::Store(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        };
        ((number, list), told)
    });
    lists.collect()
}

/// The server may be at the last append of a process that is gone already.
fn wait_for_the_dead(store: &mut PostgresStore) {
    let others = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    while store.client().unwrap().query_one(others, &[]).unwrap().get::<_, i64>(0) > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Not a test of its own: what a killed process runs.
#[test]
fn writer() {
    let Ok(writer) = std::env::var(WRITER) else { return };
    let words: Vec<&str> = writer.split(' ').collect();
    match words[..] {
        ["sqlite", path, number] => write_for_ever(SqliteStore::open(path).unwrap(), number),
        ["postgres", socket, database, number] => {
            let mut config = postgres::Config::new();
            config.host_path(Path::new(socket)).user("postgres").dbname(database);
            write_for_ever(PostgresStore::open(&config).unwrap(), number);
        }
        _ => panic!("no such writer: {writer}"),
    }
}

/// Appends lists of changes that belong together, and says so after each.
fn write_for_ever(store: impl Journal, number: &str) {
    let id = ReplicaId::new(number.parse().unwrap());
    let mut replica = Replica::open(store, &"oak".into(), id).unwrap();
    for list in 0_u64.. {
        let revision = replica.submit_all(&"ana".into(), &pair(number, list)).unwrap();
        println!("\nkept {list} {revision}");
        std::io::stdout().flush().unwrap();
    }
}

/// Two conversations that come together, in place of the two before them.
fn pair(writer: &str, list: u64) -> Vec<Change> {
    let id = |list: u64, part: &str| format!("{writer}-{list}-{part}");
    let start =
        |part: &str| Conversation::patient(id(list, part), "main", 1).tag("a").tag("b").member(Member::Organization);
    let end = |part: &str| Change::RemoveConversation { id: id(list - 1, part).into() };
    let mut changes = vec![Change::StartConversation(start("one")), Change::StartConversation(start("two"))];
    if list > 0 {
        changes.extend([end("one"), end("two")]);
    }
    changes
}

struct Writer {
    number: usize,
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Writer {
    fn start(store: &str, number: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["kill::writer", "--exact", "--nocapture"]).env(WRITER, format!("{store} {number}"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { number, process, said }
    }

    /// Waits until it has written so many lists.
    fn heard(&mut self, lists: usize) -> Vec<(u64, u64)> {
        let kept = self.said.by_ref().lines().filter_map(|line| parse(&line.unwrap()));
        kept.take(lists).collect()
    }

    /// Kills it and returns the rest of what it said.
    fn kill(mut self) -> Vec<(u64, u64)> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.said.lines().filter_map(|line| parse(&line.unwrap())).collect()
    }
}

fn parse(line: &str) -> Option<(u64, u64)> {
    let (list, revision) = line.strip_prefix("kept ")?.split_once(' ')?;
    Some((list.parse().ok()?, revision.parse().ok()?))
}

/// Two writers a round, killed one after the other at different moments.
fn kill_writers<J: Journal>(store: &str, rounds: usize, open: impl Fn() -> J) {
    let mut replayed = small::clinic("oak");
    open().create(&replayed).unwrap();
    let mut found = BTreeMap::new();
    for round in 0..rounds {
        let mut kept = Vec::new();
        let mut writers = [Writer::start(store, 2 * round), Writer::start(store, 2 * round + 1)];
        for writer in &mut writers {
            let heard = writer.heard(1 + round % 3);
            assert!(!heard.is_empty(), "writer {} ended before it was killed", writer.number);
            kept.extend(heard.into_iter().map(|(list, revision)| ((writer.number, list), revision)));
        }
        for writer in writers {
            std::thread::sleep(Duration::from_micros(731 * (round as u64 % 11)));
            let number = writer.number;
            kept.extend(writer.kill().into_iter().map(|(list, revision)| ((number, list), revision)));
        }
        follow(&mut open(), &mut replayed, &mut found);
        for (list, revision) in &kept {
            assert_eq!(found.get(list), Some(revision), "writer {} was told of list {}", list.0, list.1);
        }
    }
}

/// Takes the journal's new entries, and compares the tables with what they led to.
fn follow<J: Journal>(store: &mut J, replayed: &mut Engine, found: &mut BTreeMap<(usize, u64), u64>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut take = |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    };
    let before = replayed.revision().get();
    store.replay(&"oak".into(), replayed.revision(), &mut take).unwrap();
    assert!(entries.iter().map(|entry| entry.revision.get()).eq((before + 1..).take(entries.len())), "a gap");

    for list in entries.chunk_by(|a, b| a.submission == b.submission) {
        let submission = list[0].submission;
        let writer = submission.replica.get();
        let whole = pair(&writer.to_string(), submission.number);
        assert!(list.iter().map(|entry| &entry.change).eq(&whole), "half a list");
        let twice = found.insert((writer as usize, submission.number), list[list.len() - 1].revision.get());
        assert!(twice.is_none(), "a list is there twice");
        replayed.apply_all(&whole).unwrap();
    }
    let loaded = Engine::load(store, &"oak".into()).unwrap();
    assert_eq!(loaded.revision(), replayed.revision());
    assert!(sorted(&loaded) == sorted(replayed), "the tables are not what the journal led to");
}

fn sorted(engine: &Engine) -> Dataset {
    let mut dataset = engine.to_dataset();
    dataset.conversations.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    dataset
}
