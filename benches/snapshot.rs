//! What does a snapshot cost its writer, and a writer its readers?
//!
//! Data, seed and shares: `support`. A clone alone; a clone and the first message after it, which copies what the two no
//! longer share, beside a message without a clone. Then the page of a reader, who takes the newest snapshot for each,
//! alone and while a second thread applies 10,000 messages a second and publishes a snapshot every millisecond; the
//! reader and the writer need a core each. Baseline: the same question without clone or writer. Checked: an old
//! snapshot answers as before while its successors move on.
//!
//! `cargo bench --bench snapshot`

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup};
use support::{PAGE, Rng, World, conversation, run, teammate};
use visibly::{Change, Engine, Inbox};

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
        readers(&mut group, &world);
    });
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
        Change::receive_message(conversation(self.rng.below(self.open)), self.at)
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
        assert_eq!(world.newest(viewer, &Inbox::All, PAGE), ids(&snapshot, viewer.teammate().id.as_str()));
        world.check(viewer, &Inbox::All, |found| !found.archived && found.assignee.is_none());
    }
}

fn ids(engine: &Engine, viewer: &str) -> Vec<visibly::ConversationId> {
    let mut rows = Vec::new();
    engine.viewer(&viewer.into()).unwrap().prepare(&Inbox::All).unwrap().newest(PAGE, &mut rows);
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

fn readers(group: &mut BenchmarkGroup<'_, WallTime>, world: &World) {
    let published = RwLock::new(Arc::new(world.engine.clone()));
    let viewer = teammate(7);
    let mut rows = Vec::with_capacity(PAGE);
    let mut read = || {
        let snapshot = published.read().unwrap().clone();
        rows.clear();
        snapshot.viewer(&viewer).unwrap().prepare(&Inbox::All).unwrap().newest(PAGE, &mut rows);
        black_box(rows.len())
    };
    group.bench_function("page/alone", |b| b.iter(&mut read));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write(&published, &stop, Messages::new(world)));
        group.bench_function("page/with_writer", |b| b.iter(&mut read));
        stop.store(true, Ordering::Relaxed);
    });
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
