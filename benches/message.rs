//! What does a change to one conversation cost, and the page after it?
//!
//! Data, seed and shares: `support`. Conversations at random, archived ones among them as they come: a new message; a
//! new message and then the newest 50 of `all`; archive and unarchive; assign to a teammate and to nobody; read and
//! unread. Baseline: the policy has no changes, so what they lead to is compared with an engine made anew of the facts
//! after 1,000 of them, and with `policy` at S.
//!
//! `cargo bench --bench message`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use criterion::Criterion;
use support::{PAGE, Rng, World, conversation, run, sidebar, teammate};
use visibly::{Change, ConversationId, Engine, Facts, Inbox, Member, policy};

mod support;

/// After every other conversation of the data.
const LATER: i64 = 1_700_000_000_000;

fn main() {
    let world = World::asked();
    let mut messages = Messages { rng: Rng::new(3), at: LATER, conversations: world.facts.conversations.len() };
    check(&world, &mut messages);
    run(|criterion| ask(criterion, &world, &mut messages));
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
}

fn check(world: &World, messages: &mut Messages) {
    let mut engine = world.engine.clone();
    for _ in 0..1_000 {
        engine.apply(&messages.next()).unwrap();
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
    group.bench_function("message", |b| {
        b.iter_batched(|| messages.next(), |change| engine.apply(&change).unwrap(), criterion::BatchSize::SmallInput)
    });
    let mut rows = Vec::with_capacity(PAGE);
    let viewer = teammate(1);
    group.bench_function("message_then_all", |b| {
        let ask = |change: Change| {
            engine.apply(&change).unwrap();
            rows.clear();
            engine.viewer(&viewer).unwrap().prepare(&Inbox::All).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        };
        b.iter_batched(|| messages.next(), ask, criterion::BatchSize::SmallInput)
    });
    let to = Member::Teammate(teammate(0));
    let mut pair = |name: &str, changes: &dyn Fn(&ConversationId) -> [Change; 2]| {
        let mut engine = world.engine.clone();
        group.bench_function(name, |b| {
            let apply = |changes: [Change; 2]| changes.map(|change| engine.apply(&change).unwrap());
            b.iter_batched(|| changes(&messages.conversation()), apply, criterion::BatchSize::SmallInput)
        });
    };
    pair("archive_unarchive", &|id| [Change::archive(id), Change::unarchive(id)]);
    pair("assign_unassign", &|id| [Change::assign_with_access(id, to.clone()), Change::unassign(id)]);
    let by = teammate(0);
    pair("read_unread", &|id| [Change::mark_read(id, &by), Change::MarkUnread { id: id.clone(), by: by.clone() }]);
}
