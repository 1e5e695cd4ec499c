//! Which conversations does a viewer see, archived ones and all?
//!
//! Data, seed and shares: `support`; a viewer sees about two in five. Row numbers in no order, for every viewer in turn,
//! as a list and gone through without one; the badge of `everything`, which counts them and the unread. Baseline:
//! `policy`, at S, which also puts them in order. Checked first for every fifth viewer.
//!
//! `cargo bench --bench visible`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::collections::HashSet;
use std::hint::black_box;

use support::{World, in_turn, run};
use visibly::{Inbox, Viewer, policy};

mod support;

fn main() {
    let world = World::asked();
    let viewers = world.viewers();
    viewers.iter().step_by(5).for_each(|viewer| check(&world, *viewer));
    run(|criterion| {
        let mut group = criterion.benchmark_group("visible");
        let mut rows = Vec::new();
        let mut next = in_turn(&viewers);
        group.bench_function("rows", |b| {
            b.iter(|| {
                rows.clear();
                next().visible_rows(&mut rows);
                black_box(rows.len())
            })
        });
        let mut next = in_turn(&viewers);
        group.bench_function("gone through", |b| b.iter(|| next().visible().max()));
        let mut next = in_turn(&viewers);
        group.bench_function("badge", |b| b.iter(|| next().badge(&Inbox::Everything).unwrap()));
        if let Some(facts) = &world.oracle {
            let mut next = in_turn(&viewers);
            group.bench_function("policy", |b| {
                b.iter(|| policy::filter_inbox(facts, &next().teammate().id, &Inbox::Everything).unwrap().len())
            });
        }
    });
}

fn check(world: &World, viewer: Viewer<'_>) {
    let mut rows = Vec::new();
    viewer.visible_rows(&mut rows);
    assert!(viewer.visible().eq(rows.iter().copied()));
    assert_eq!(viewer.visible().max(), rows.iter().copied().max());
    let found: HashSet<_> = rows.iter().map(|row| world.engine.id_of(*row).unwrap()).collect();
    let expected = world.scan(&viewer.teammate().id, |_| true);
    assert_eq!(found.len(), rows.len());
    assert_eq!(found, expected.iter().map(|found| &found.id).collect());
    world.check(viewer, &Inbox::Everything, |_| true);
}
