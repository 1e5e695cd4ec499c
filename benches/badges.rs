//! How many are in each of a sidebar's twelve inboxes, and how many of those are unread?
//!
//! Data, seed and shares: `support`. The sidebar: `all`, `assigned_to_me` and ten rules over assignees, contact tags,
//! conversation tags and an endpoint, for every viewer in turn; in one pass, and one inbox after the other. Baseline:
//! `policy`, at S. Checked first for every fifth viewer.
//!
//! `cargo bench --bench badges`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use support::{World, in_turn, run, sidebar};
use visibly::{Badge, Inbox, policy};

mod support;

fn main() {
    let world = World::asked();
    let inboxes = sidebar(world.shape);
    let viewers = world.viewers();
    check(&world, &inboxes);
    run(|criterion| {
        let mut group = criterion.benchmark_group("badges");
        let mut next = in_turn(&viewers);
        group.bench_function("12_at_once", |b| b.iter(|| next().badges(&inboxes).unwrap()));
        let mut next = in_turn(&viewers);
        group.bench_function("12_one_by_one", |b| {
            b.iter(|| {
                let viewer = next();
                inboxes.iter().map(|inbox| viewer.badge(inbox).unwrap().total).sum::<usize>()
            })
        });
        if let Some(facts) = &world.oracle {
            let mut next = in_turn(&viewers);
            group.bench_function("policy", |b| {
                b.iter(|| policy::badges(facts, &next().teammate().id, &inboxes).unwrap())
            });
        }
    });
}

fn check(world: &World, inboxes: &[Inbox]) {
    for viewer in world.viewers().into_iter().step_by(5) {
        let found = viewer.badges(inboxes).unwrap();
        let one_by_one: Vec<Badge> = inboxes.iter().map(|inbox| viewer.badge(inbox).unwrap()).collect();
        assert_eq!(found, one_by_one);
        world.check(viewer, &inboxes[0], |found| !found.archived && found.assignee.is_none());
        world.check(viewer, &inboxes[3], |found| !found.archived);
        world.check(viewer, &inboxes[4], |found| !found.archived && found.assignee.is_some());
        inboxes.iter().for_each(|inbox| world.check_with_oracle(viewer, inbox));
    }
}
