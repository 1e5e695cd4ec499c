//! What does it take to make an engine?
//!
//! Data, seed and shares: `support`. From a dataset in memory, which it takes over; once more without read marks, which
//! are most of the facts where everyone sees a line; and back to a dataset. Baseline: `Facts::load`, the oracle's facts,
//! which has no index but that of ids. The engine is checked against a scan for every tenth viewer first.
//!
//! `cargo bench --bench build`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use criterion::BatchSize;
use support::{World, run};
use visibly::{Dataset, Engine, Facts, Inbox};

mod support;

fn main() {
    let world = World::asked();
    for viewer in world.viewers().into_iter().step_by(10) {
        world.check(viewer, &Inbox::Everything, |_| true);
    }
    let facts = &world.facts;
    assert!(in_order(world.engine.to_dataset()) == in_order(facts.clone()));
    let mut unread = facts.clone();
    unread.conversations.iter_mut().for_each(|conversation| conversation.read_by.clear());
    let engine = |facts: Dataset| Engine::new(facts).unwrap();
    run(|criterion| {
        let mut group = criterion.benchmark_group("build");
        group.sample_size(10);
        group.bench_function("engine", |b| b.iter_batched(|| facts.clone(), engine, BatchSize::PerIteration));
        group.bench_function("engine_no_marks", |b| b.iter_batched(|| unread.clone(), engine, BatchSize::PerIteration));
        group.bench_function("to_dataset", |b| b.iter_with_large_drop(|| world.engine.to_dataset()));
        let load = |facts: Dataset| Facts::load(facts).unwrap();
        group.bench_function("facts", |b| b.iter_batched(|| facts.clone(), load, BatchSize::PerIteration));
    });
}

/// The facts as the oracle compares them, with readers in one order: the engine keeps who has read, not in which order.
fn in_order(mut facts: Dataset) -> Facts {
    facts.conversations.iter_mut().for_each(|conversation| conversation.read_by.sort_unstable());
    Facts::load(facts).unwrap()
}
