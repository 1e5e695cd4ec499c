//! Who sees a conversation?
//!
//! Data, seed and shares: `support`. Conversations on the line that everyone sees, on those of one teammate, and at
//! random, 1,024 of each in turn. Baseline: `policy`, at S. 256 of each are checked first.
//!
//! `cargo bench --bench audience`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use support::{Rng, World, conversation, in_turn, run};
use visibly::{Conversation, ConversationId, policy};

mod support;

fn main() {
    let world = World::asked();
    let of = |is_in: &dyn Fn(&Conversation) -> bool| -> Vec<ConversationId> {
        world
            .facts
            .conversations
            .iter()
            .filter(|found| is_in(found))
            .take(1_024)
            .map(|found| found.id.clone())
            .collect()
    };
    let on =
        |found: &Conversation, prefix: &str| found.endpoint.as_ref().is_some_and(|id| id.as_str().starts_with(prefix));
    let mut rng = Rng::new(2);
    let any = (0..1_024).map(|_| conversation(rng.below(world.facts.conversations.len()))).collect();
    let asked =
        [("shared", of(&|found| on(found, "main"))), ("direct", of(&|found| on(found, "link"))), ("random", any)];
    asked.iter().for_each(|(_, ids)| check(&world, &ids[..256.min(ids.len())]));
    run(|criterion| {
        let mut group = criterion.benchmark_group("audience");
        for (name, ids) in &asked {
            let mut next = in_turn(ids);
            group.bench_function(*name, |b| b.iter(|| world.engine.audience(next()).unwrap().len()));
        }
        if let Some(facts) = &world.oracle {
            let mut next = in_turn(&asked[2].1);
            group.bench_function("policy", |b| b.iter(|| policy::audience(facts, next()).unwrap().len()));
        }
    });
}

fn check(world: &World, ids: &[ConversationId]) {
    for id in ids {
        let facts = world.engine.conversation(id).unwrap();
        let teammates = world.facts.organization.teammates.iter().map(|teammate| &teammate.id);
        let expected: Vec<_> = teammates.filter(|viewer| world.sees(viewer, &facts)).cloned().collect();
        assert_eq!(world.engine.audience(id).unwrap(), expected);
        if let Some(facts) = &world.oracle {
            assert_eq!(policy::audience(facts, id).unwrap(), expected);
        }
    }
}
