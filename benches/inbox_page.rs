//! What are the newest 50 of an inbox?
//!
//! Data, seed and shares: `support`. `all` and `assigned_to_me`, for every viewer in turn: row numbers of a prepared
//! inbox; the same from the inbox as a value; the page with ids, tags and contacts looked at; the second page by its
//! cursor. Baseline: `policy`, at S, which has no pages and lists everything. Checked first for every fifth viewer.
//!
//! `cargo bench --bench inbox_page`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use criterion::Criterion;
use support::{PAGE, World, in_turn, look, run};
use visibly::{Conversation, Inbox, Member, PageRequest, TeammateId, policy};

mod support;

fn main() {
    let world = World::asked();
    for viewer in world.viewers().into_iter().step_by(5) {
        let me = &viewer.teammate().id;
        world.check(viewer, &Inbox::All, |found| !found.archived && found.assignee.is_none());
        world.check(viewer, &Inbox::AssignedToMe, |found| is_mine(found, me));
    }
    run(|criterion| {
        ask(criterion, "all", &world, &Inbox::All);
        ask(criterion, "assigned_to_me", &world, &Inbox::AssignedToMe);
    });
}

fn is_mine(found: &Conversation, me: &TeammateId) -> bool {
    !found.archived && matches!(&found.assignee, Some(Member::Teammate(id)) if id == me)
}

fn ask(criterion: &mut Criterion, name: &str, world: &World, inbox: &Inbox) {
    let mut group = criterion.benchmark_group(format!("inbox_page/{name}"));
    let viewers = world.viewers();
    let prepared: Vec<_> = viewers.iter().map(|viewer| viewer.prepare(inbox).unwrap()).collect();
    let first = PageRequest::first(PAGE);
    let mut rows = Vec::with_capacity(PAGE);
    let mut next = in_turn(&prepared);
    group.bench_function("rows", |b| {
        b.iter(|| {
            rows.clear();
            next().newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
    let mut next = in_turn(&viewers);
    group.bench_function("from_value", |b| {
        b.iter(|| {
            rows.clear();
            next().prepare(black_box(inbox)).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
    let mut next = in_turn(&prepared);
    group
        .bench_function("shown", |b| b.iter(|| next().page(&first).unwrap().rows.into_iter().map(look).sum::<usize>()));
    let ends = prepared.iter().filter_map(|inbox| Some((inbox, inbox.page(&first).unwrap().next?)));
    let seconds: Vec<_> = ends.map(|(inbox, cursor)| (inbox, PageRequest::first(PAGE).after(cursor))).collect();
    if !seconds.is_empty() {
        let mut next = in_turn(&seconds);
        group.bench_function("second_page", |b| {
            b.iter(|| {
                let (inbox, page) = next();
                inbox.page(page).unwrap().rows.len()
            })
        });
    }
    if let Some(facts) = &world.oracle {
        let mut next = in_turn(&viewers);
        group.bench_function("policy", |b| {
            b.iter(|| policy::filter_inbox(facts, &next().teammate().id, inbox).unwrap().len())
        });
    }
}
