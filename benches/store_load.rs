//! What does it take to load a large organization from SQLite into an engine?
//!
//! Data: 1,000,000 conversations (250,000 as a test, or the number in `VISIBLY_LOAD`; with much fewer the two MiB that
//! SQLite's cache takes would be most of what is measured) and a tenth as many contacts; each conversation has one
//! contact, one tag, every fifth a member, every third a reader. Numbers are derived from the conversation's own, so
//! there is no seed. Asked are the peak of memory while loading, against what the loaded engine needs, and the time,
//! against plain `SELECT`s of the same rows. The peak is asserted, with SQLite's own memory counted in; the time is
//! reported.
//!
//! `cargo bench --bench store_load`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on has nothing to report")]
#![allow(unsafe_code, reason = "an allocator that counts is one, and SQLite's high-water mark is a C function")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlite_store::SqliteStore;
use visibly::store::Journal;
use visibly::{Contact, Conversation, Engine, Member, Organization, OrganizationId, PhoneNumber, Team, Teammate};

#[path = "../examples/support/columns.rs"]
mod columns;
#[path = "../examples/support/sqlite_store.rs"]
mod sqlite_store;

/// The peak may be this many times what the engine needs.
const LIMIT: f64 = 1.3;

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(size: usize) {
    let used = USED.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(used, Ordering::Relaxed);
}

// SAFETY: every call is the system allocator's, with the caller's own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Both blocks count, for both may be there at once.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    // `cargo bench` says `--bench`; a run as a test makes do with less.
    let usual = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { 250_000 };
    let conversations = std::env::var("VISIBLY_LOAD").map_or(usual, |number| number.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("visibly-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("clinics.sqlite");
    SqliteStore::open(&file).unwrap().create(&clinic(conversations)).unwrap();
    let holds = report(&mut SqliteStore::open(&file).unwrap(), conversations);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(holds, "loading peaked above {LIMIT} times what the engine needs");
}

fn clinic(conversations: usize) -> Engine {
    let mut organization = Organization::new("oak", "Oak Street");
    for number in 0..50 {
        organization = organization
            .teammate(Teammate::new(format!("t{number}"), "Teammate").admin())
            .endpoint(PhoneNumber::new(format!("e{number}")));
    }
    let team = |number: usize| Team::new(format!("team{number}"), "Team", [format!("t{number}")]);
    organization = (0..10).map(team).fold(organization, Organization::team);
    let mut builder = Engine::builder(organization).unwrap();
    for number in 0..conversations.div_ceil(10) {
        builder.contact(Contact::new(format!("contact-{number}")).named(format!("Patient {number}"))).unwrap();
    }
    for number in 0..conversations {
        builder.conversation(conversation(number)).unwrap();
    }
    builder.build()
}

fn conversation(number: usize) -> Conversation {
    let id = format!("conversation-{}", number * 7_919 % 1_000_003);
    let mut conversation = Conversation::patient(id, format!("e{}", number % 50), number as i64 * 1_000)
        .contact(format!("contact-{}", number / 10))
        .tag(format!("tag{}", number % 40));
    if number.is_multiple_of(5) {
        conversation = conversation.member(Member::team(format!("team{}", number % 10)));
    }
    if number.is_multiple_of(3) {
        conversation = conversation.read_by(format!("t{}", number % 50));
    }
    conversation.archived = !number.is_multiple_of(20);
    conversation
}

fn report(store: &mut SqliteStore, conversations: usize) -> bool {
    let (rows, plain) = timed(|| select_all(store));
    let before = USED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    // SAFETY: the function takes a flag, resets a number and reads it.
    unsafe { rusqlite::ffi::sqlite3_memory_highwater(1) };
    let (engine, loading) = timed(|| Engine::load(store, &OrganizationId::from("oak")).unwrap());
    assert_eq!(engine.conversation_count(), conversations);
    // SAFETY: as above.
    let sqlite = usize::try_from(unsafe { rusqlite::ffi::sqlite3_memory_highwater(0) }).unwrap();
    let peak = PEAK.load(Ordering::Relaxed) - before + sqlite;
    let needed = USED.load(Ordering::Relaxed) - before;
    let ratio = peak as f64 / needed as f64;
    println!("{conversations} conversations, {rows} rows in all");
    println!("memory: engine {} MiB, peak {} MiB ({ratio:.3} times)", needed >> 20, peak >> 20);
    println!("time:   plain SELECT {plain:.2?}, load {loading:.2?} ({:.2} times)", loading.div_duration_f64(plain));
    ratio < LIMIT
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = run();
    (value, start.elapsed())
}

/// Reads every column of every row that a load reads, and keeps nothing.
fn select_all(store: &SqliteStore) -> usize {
    const TABLES: [&str; 8] = [
        "contacts",
        "contact_members",
        "contact_tags",
        "conversations",
        "conversation_contacts",
        "conversation_members",
        "conversation_tags",
        "conversation_reads",
    ];
    let mut count = 0;
    for table in TABLES {
        let sql = format!("SELECT * FROM {table} WHERE organization_id = 'oak'");
        let mut statement = store.connection().prepare(&sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column).unwrap());
            }
            count += 1;
        }
    }
    count
}
