//! What does a change to one conversation cost, and the page after it?
//!
//! Data, seed and shares: `support`. Conversations at random, archived ones among them as they come: a new message; a
//! new message and then the newest 50 of `all`; a new message where three have read every archived one; a new message that
//! is delivered after up to four later ones; a new message, and one of the last 256 conversations that had any archived;
//! archive and unarchive; assign to a teammate and to nobody; read and unread. Baseline: the policy has no changes, so what they lead to is compared with an engine made anew of the facts
//! after 1,000 of them, and with `policy` at S.
//!
//! `cargo bench --bench message`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use criterion::{BatchSize, Bencher, Criterion};
use support::{PAGE, Rng, World, conversation, run, sidebar, teammate};
use visibly::{Change, ConversationId, Engine, Facts, Inbox, Member, policy};

mod support;

/// After every other conversation of the data.
const LATER: i64 = 1_700_000_000_000;

fn main() {
    let world = World::asked();
    let mut messages = Messages { rng: Rng::new(3), at: LATER, conversations: world.facts.conversations.len() };
    let read = with_read_archive(&world);
    check(&world, &mut messages);
    check(&read, &mut messages);
    check_out_of_order(&world, &mut messages);
    run(|criterion| {
        ask(criterion, &world, &mut messages);
        ask_out_of_order(criterion, &world, &mut messages);
        ask_where_archived_ones_are_read(criterion, &read, &mut messages);
    });
}

/// The same organization, but three of those who see it have read each archived conversation.
fn with_read_archive(world: &World) -> World {
    let (mut facts, mut rng) = (world.facts.clone(), Rng::new(4));
    for conversation in facts.conversations.iter_mut().filter(|conversation| conversation.archived) {
        let row = world.engine.row(&conversation.id).unwrap();
        let audience = world.engine.audience_of(row).unwrap();
        let mut reader = || audience.iter().nth(rng.below(audience.len())).unwrap().clone();
        conversation.read_by = vec![reader(), reader(), reader()];
        conversation.read_by.sort_unstable();
        conversation.read_by.dedup();
    }
    World::of(world.shape, facts)
}

/// Messages to conversations at random, one after the other.
struct Messages {
    rng: Rng,
    at: i64,
    conversations: usize,
}

impl Messages {
    fn conversation(&mut self) -> ConversationId {
        conversation(self.rng.below(self.conversations))
    }

    fn next(&mut self) -> Change {
        self.at += 1;
        Change::receive_message(self.conversation(), self.at)
    }

    /// One with up to four later ones before it.
    fn next_late(&mut self) -> Change {
        self.at += 1_000;
        let late = self.rng.below(5_000);
        Change::receive_message(self.conversation(), self.at - late as i64)
    }

    /// One, and then one of the last 256 conversations that had any archived.
    fn next_and_archive(&mut self, recent: &mut Vec<ConversationId>) -> [Change; 2] {
        self.at += 1;
        let id = self.conversation();
        recent.push(id.clone());
        let place = self.rng.below(recent.len());
        let archived = match recent.len() > 256 {
            true => recent.swap_remove(place),
            false => recent[place].clone(),
        };
        [Change::receive_message(id, self.at), Change::archive(archived)]
    }
}

fn check(world: &World, messages: &mut Messages) {
    check_after(world, (0..1_000).map(|_| messages.next()));
}

fn check_out_of_order(world: &World, messages: &mut Messages) {
    let mut recent = Vec::new();
    check_after(
        world,
        (0..1_000).flat_map(|_| [&[messages.next_late()][..], &messages.next_and_archive(&mut recent)].concat()),
    );
}

/// Asserts that the engine answers after these changes as one that is made anew.
fn check_after(world: &World, changes: impl Iterator<Item = Change>) {
    let mut engine = world.engine.clone();
    for change in changes {
        engine.apply(&change).unwrap();
    }
    let facts = engine.to_dataset();
    let again = Engine::new(facts.clone()).unwrap();
    let oracle = world.shape.is_small().then(|| Facts::load(facts).unwrap());
    for number in (0..world.shape.teammates).step_by(5) {
        let id = teammate(number);
        let (viewer, other) = (engine.viewer(&id).unwrap(), again.viewer(&id).unwrap());
        for inbox in sidebar(world.shape) {
            assert_eq!(viewer.badge(&inbox), other.badge(&inbox));
            if let Some(facts) = &oracle {
                assert_eq!(viewer.badge(&inbox), policy::badge(facts, &id, &inbox));
            }
        }
    }
}

fn ask(criterion: &mut Criterion, world: &World, messages: &mut Messages) {
    let mut group = criterion.benchmark_group("message");
    let mut engine = world.engine.clone();
    group.bench_function("message", |b| apply_each(b, &mut engine, messages));
    let mut rows = Vec::with_capacity(PAGE);
    let viewer = teammate(1);
    group.bench_function("message_then_all", |b| {
        let ask = |change: Change| {
            engine.apply(&change).unwrap();
            rows.clear();
            engine.viewer(&viewer).unwrap().prepare(&Inbox::All).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        };
        b.iter_batched(|| messages.next(), ask, BatchSize::SmallInput)
    });
    let to = Member::Teammate(teammate(0));
    let mut pair = |name: &str, changes: &dyn Fn(&ConversationId) -> [Change; 2]| {
        let mut engine = world.engine.clone();
        group.bench_function(name, |b| {
            let apply = |changes: [Change; 2]| changes.map(|change| engine.apply(&change).unwrap());
            b.iter_batched(|| changes(&messages.conversation()), apply, BatchSize::SmallInput)
        });
    };
    pair("archive_unarchive", &|id| [Change::archive(id), Change::unarchive(id)]);
    pair("assign_unassign", &|id| [Change::assign_with_access(id, to.clone()), Change::unassign(id)]);
    let by = teammate(0);
    pair("read_unread", &|id| [Change::mark_read(id, &by), Change::MarkUnread { id: id.clone(), by: by.clone() }]);
}

fn ask_where_archived_ones_are_read(criterion: &mut Criterion, world: &World, messages: &mut Messages) {
    let mut engine = world.engine.clone();
    let mut group = criterion.benchmark_group("message");
    group.bench_function("message_where_archived_ones_are_read", |b| apply_each(b, &mut engine, messages));
}

fn ask_out_of_order(criterion: &mut Criterion, world: &World, messages: &mut Messages) {
    let mut group = criterion.benchmark_group("message");
    let mut engine = world.engine.clone();
    group.bench_function("message_delivered_late", |b| {
        b.iter_batched(|| messages.next_late(), |change| engine.apply(&change).unwrap(), BatchSize::SmallInput);
    });
    let (mut engine, mut recent) = (world.engine.clone(), Vec::new());
    group.bench_function("message_archive_recent", |b| {
        let apply = |changes: [Change; 2]| changes.map(|change| engine.apply(&change).unwrap());
        b.iter_batched(|| messages.next_and_archive(&mut recent), apply, BatchSize::SmallInput);
    });
}

fn apply_each(bencher: &mut Bencher<'_>, engine: &mut Engine, messages: &mut Messages) {
    bencher.iter_batched(|| messages.next(), |change| engine.apply(&change).unwrap(), BatchSize::SmallInput);
}
