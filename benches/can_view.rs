//! Does a viewer see a conversation?
//!
//! Data, seed and shares: `support`. Asked are 4,096 random pairs in turn; about two in five are seen. By row, with the
//! viewer bound; by id, with the viewer bound; by two ids, as a request comes in; and which of all those conversations
//! one viewer sees, as a search. Baseline: `policy`, at S. Every pair is checked against a scan and the oracle first.
//!
//! `cargo bench --bench can_view`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use indexmap::IndexSet;
use support::{Rng, World, conversation, in_turn, run, teammate};
use visibly::{ConversationId, policy};

mod support;

fn main() {
    let world = World::asked();
    let mut rng = Rng::new(1);
    let numbers = world.facts.conversations.len();
    let pairs: Vec<_> = (0..4_096).map(|_| (rng.below(world.shape.teammates), rng.below(numbers))).collect();
    check(&world, &pairs);
    let viewers = world.viewers();
    let by_row: Vec<_> = pairs.iter().map(|(v, c)| (viewers[*v], world.row(*c))).collect();
    let by_id: Vec<_> = pairs.iter().map(|(v, c)| (viewers[*v], conversation(*c))).collect();
    let by_ids: Vec<_> = pairs.iter().map(|(v, c)| (teammate(*v), conversation(*c))).collect();
    let candidates: Vec<_> = pairs.iter().map(|(_, c)| conversation(*c)).collect();
    check_search(&world, &candidates);
    run(|criterion| {
        let mut group = criterion.benchmark_group("can_view");
        let mut next = in_turn(&by_row);
        group.bench_function("row", |b| {
            b.iter(|| {
                let (viewer, row) = next();
                viewer.can_view_row(black_box(*row))
            })
        });
        let mut next = in_turn(&by_id);
        group.bench_function("id", |b| {
            b.iter(|| {
                let (viewer, id) = next();
                viewer.can_view(black_box(id))
            })
        });
        let mut next = in_turn(&by_ids);
        group.bench_function("two_ids", |b| {
            b.iter(|| {
                let (viewer, id) = next();
                world.engine.can_view(viewer, black_box(id))
            })
        });
        let mut next = in_turn(&viewers);
        group.bench_function("search", |b| b.iter(|| next().search(black_box(&candidates)).len()));
        if let Some(facts) = &world.oracle {
            let mut next = in_turn(&by_ids);
            group.bench_function("policy", |b| {
                b.iter(|| {
                    let (viewer, id) = next();
                    policy::can_view(facts, viewer, black_box(id))
                })
            });
        }
    });
}

fn check(world: &World, pairs: &[(usize, usize)]) {
    for (v, c) in pairs {
        let (viewer, conversation) = (teammate(*v), conversation(*c));
        let expected = world.sees(&viewer, &world.facts.conversations[*c]);
        assert_eq!(world.engine.can_view(&viewer, &conversation), expected);
        assert_eq!(world.viewer(*v).can_view_row(world.row(*c)), expected);
        if let Some(facts) = &world.oracle {
            assert_eq!(policy::can_view(facts, &viewer, &conversation), expected);
        }
    }
}

fn check_search(world: &World, candidates: &[ConversationId]) {
    for viewer in world.viewers().iter().take(8) {
        let found: Vec<_> = viewer.search(candidates).iter().map(|row| row.id().clone()).collect();
        let seen: IndexSet<_> = candidates.iter().filter(|id| viewer.can_view(*id)).cloned().collect();
        assert!(found.iter().eq(&seen));
    }
}
