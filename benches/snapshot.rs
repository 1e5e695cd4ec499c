//! What does a snapshot cost its writer, and a writer its readers?
//!
//! Data, seed and shares: `support`. A clone alone; a clone and the first message after it, which copies what the two no
//! longer share, beside a message without a clone. Last the median page of a reader, who takes the newest snapshot for
//! each, alone and while a second thread applies 10,000 messages a second and publishes a snapshot every millisecond, a
//! second of each in turn; the reader and the writer need a core each. Baseline: the same question without clone or
//! writer. Checked: an old snapshot answers as before while its successors move on; a page is that of its snapshot's
//! revision, alone and beside the writer.
//!
//! `cargo bench --bench snapshot`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup};
use support::{PAGE, Rng, World, conversation, run, teammate};
use visibly::{Change, ConversationId, Engine, Inbox, TeammateId};

mod support;

const LATER: i64 = 1_700_000_000_000;
/// Messages for each snapshot that is published, one a millisecond.
const BATCH: usize = 10;

fn main() {
    let world = World::asked();
    check(&world);
    run(|criterion| {
        let mut group = criterion.benchmark_group("snapshot");
        group.bench_function("clone", |b| b.iter_with_large_drop(|| world.engine.clone()));
        changes(&mut group, &world);
    });
    // `cargo bench` says `--bench`; a run as a test only checks.
    match std::env::args().any(|argument| argument == "--bench") {
        true => readers(&world, 10, Duration::from_secs(1)),
        false => readers(&world, 1, Duration::from_millis(20)),
    }
}

/// Messages to open conversations at random.
struct Messages {
    rng: Rng,
    at: i64,
    open: usize,
}

impl Messages {
    fn new(world: &World) -> Self {
        Self { rng: Rng::new(4), at: LATER, open: world.shape.open }
    }

    fn next(&mut self) -> Change {
        self.at += 1;
        Change::receive_message(self.target(), self.at)
    }

    fn target(&mut self) -> ConversationId {
        conversation(self.rng.below(self.open))
    }
}

fn check(world: &World) {
    let snapshot = world.engine.clone();
    let (mut engine, mut messages) = (world.engine.clone(), Messages::new(world));
    for _ in 0..1_000 {
        engine.apply(&messages.next()).unwrap();
    }
    assert_eq!((snapshot.revision().get(), engine.revision().get()), (0, 1_000));
    for viewer in world.viewers().into_iter().step_by(5) {
        let old = snapshot.viewer(&viewer.teammate().id).unwrap();
        assert_eq!(old.badge(&Inbox::All), viewer.badge(&Inbox::All));
        assert_eq!(world.newest(viewer, &Inbox::All, PAGE), ids(&snapshot, &viewer.teammate().id, PAGE));
        world.check(viewer, &Inbox::All, |found| !found.archived && found.assignee.is_none());
    }
}

fn ids(engine: &Engine, viewer: &TeammateId, limit: usize) -> Vec<ConversationId> {
    let mut rows = Vec::new();
    engine.viewer(viewer).unwrap().prepare(&Inbox::All).unwrap().newest(limit, &mut rows);
    rows.iter().map(|row| engine.id_of(*row).unwrap().clone()).collect()
}

fn changes(group: &mut BenchmarkGroup<'_, WallTime>, world: &World) {
    let mut messages = Messages::new(world);
    let mut engine = world.engine.clone();
    group.bench_function("message", |b| {
        b.iter_batched(|| messages.next(), |change| engine.apply(&change).unwrap(), BatchSize::SmallInput)
    });
    group.bench_function("clone_then_message", |b| {
        let apply = |change: Change| {
            let old = engine.clone();
            engine.apply(&change).unwrap();
            old
        };
        b.iter_batched(|| messages.next(), apply, BatchSize::PerIteration)
    });
}

/// Reads pages alone and beside a writer, a second of each in turn, and says what the median page takes.
fn readers(world: &World, rounds: usize, turn: Duration) {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let mut rate = 0.0;
    for _ in 0..rounds {
        let reader = Reader::new(world);
        reader.read(turn, &mut alone);
        let stop = AtomicBool::new(false);
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| write(&reader.published, &stop, Messages::new(world)));
            reader.read(turn, &mut beside);
            stop.store(true, Ordering::Relaxed);
        });
        let written = reader.published.read().unwrap().revision().get();
        rate += written as f64 / start.elapsed().as_secs_f64() / rounds as f64;
    }
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    println!(
        "median page: alone {alone:.2?}, beside a writer of {rate:.0} changes a second {beside:.2?}, {:.2} times",
        beside.div_duration_f64(alone)
    );
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// One page in so many is checked, between two that are timed.
const CHECKED: usize = 64;

/// A reader of one inbox, who knows what the messages up to any revision make of it.
struct Reader<'w> {
    world: &'w World,
    published: RwLock<Arc<Engine>>,
    viewer: TeammateId,
    /// The conversations of the inbox, newest first at revision 0.
    first: Vec<ConversationId>,
    /// Those that are in it after a message: some had been assigned to a team that does not see them.
    listed: HashSet<ConversationId>,
}

impl<'w> Reader<'w> {
    fn new(world: &'w World) -> Self {
        let viewer = teammate(7);
        let first = ids(&world.engine, &viewer, usize::MAX);
        let mut after = world.engine.clone();
        for number in 0..world.shape.open {
            after.apply(&Change::receive_message(conversation(number), LATER)).unwrap();
        }
        let listed = ids(&after, &viewer, usize::MAX).into_iter().collect();
        Self { world, published: RwLock::new(Arc::new(world.engine.clone())), viewer, first, listed }
    }

    fn read(&self, turn: Duration, times: &mut Vec<Duration>) {
        let mut rows = Vec::with_capacity(PAGE);
        let mut sent = Sent { messages: Messages::new(self.world), targets: Vec::new() };
        let end = Instant::now() + turn;
        while Instant::now() < end {
            let start = Instant::now();
            let snapshot = self.published.read().unwrap().clone();
            rows.clear();
            snapshot.viewer(&self.viewer).unwrap().prepare(&Inbox::All).unwrap().newest(PAGE, &mut rows);
            times.push(start.elapsed());
            if times.len().is_multiple_of(CHECKED) {
                let found: Vec<&ConversationId> = rows.iter().map(|row| snapshot.id_of(*row).unwrap()).collect();
                let revision = usize::try_from(snapshot.revision().get()).unwrap();
                assert_eq!(found, self.expected(sent.up_to(revision)), "at revision {revision}");
            }
        }
    }

    /// The page after these messages: the conversations that they went to, latest first, then the others.
    fn expected<'s>(&'s self, sent: &'s [ConversationId]) -> Vec<&'s ConversationId> {
        let moved = sent.iter().rev().filter(|id| self.listed.contains(*id));
        let (mut seen, mut page) = (HashSet::new(), Vec::new());
        for id in moved.chain(&self.first) {
            if page.len() < PAGE && seen.insert(id) {
                page.push(id);
            }
            if page.len() == PAGE {
                break;
            }
        }
        page
    }
}

/// Where the messages of the writer go, in order.
struct Sent {
    messages: Messages,
    targets: Vec<ConversationId>,
}

impl Sent {
    fn up_to(&mut self, revision: usize) -> &[ConversationId] {
        while self.targets.len() < revision {
            self.targets.push(self.messages.target());
        }
        &self.targets[..revision]
    }
}

/// Applies a batch of messages each millisecond and publishes a snapshot.
fn write(published: &RwLock<Arc<Engine>>, stop: &AtomicBool, mut messages: Messages) {
    let mut engine = Engine::clone(&published.read().unwrap());
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            engine.apply(&messages.next()).unwrap();
        }
        *published.write().unwrap() = Arc::new(engine.clone());
        due += Duration::from_millis(1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
