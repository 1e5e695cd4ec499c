//! What are the newest 50 with certain tags?
//!
//! Data, seed and shares: `support`. Contact tags any of three common ones (each on about 7 % of conversations), any of
//! three rare ones (2 % together at L), all of two common ones, none of three; conversation tags any of two. For every
//! viewer in turn, prepared and from the rule. Baseline: `policy`, at S. Checked first for every fifth viewer.
//!
//! `cargo bench --bench tag_filter`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::collections::{HashMap, HashSet};
use std::hint::black_box;

use criterion::Criterion;
use support::{PAGE, World, clinician_tag, conversation_tag, general_tag, in_turn, run};
use visibly::{ContactId, Conversation, Inbox, Rule, Tag, TagSet, policy};

mod support;

fn main() {
    let world = World::asked();
    let common: Vec<Tag> = [2, 9, 17].map(general_tag).into();
    let rare: Vec<Tag> = [0, 1, 2].map(clinician_tag).into();
    let topics: Vec<Tag> = [4, 8].map(conversation_tag).into();
    let asked = [
        ("any_of_3_common", Of::Contacts, TagSet::any(&common)),
        ("any_of_3_rare", Of::Contacts, TagSet::any(&rare)),
        ("all_of_2_common", Of::Contacts, TagSet::all(&common[..2])),
        ("none_of_3_common", Of::Contacts, TagSet::none(&common)),
        ("topic_any_of_2", Of::Conversation, TagSet::any(&topics)),
    ];
    let by_contact: HashMap<_, _> = world.facts.contacts.iter().map(|contact| (&contact.id, &contact.tags)).collect();
    run(|criterion| {
        for (name, of, tags) in asked {
            let inbox = Inbox::rule(match of {
                Of::Contacts => Rule::ContactTags(tags.clone()),
                Of::Conversation => Rule::ConversationTags(tags.clone()),
            });
            check(&world, &inbox, of, &tags, &by_contact);
            ask(criterion, name, &world, &inbox);
        }
    });
}

/// Whose tags are asked about.
#[derive(Clone, Copy)]
enum Of {
    Contacts,
    Conversation,
}

fn check(world: &World, inbox: &Inbox, of: Of, tags: &TagSet, by_contact: &HashMap<&ContactId, &Vec<Tag>>) {
    let tags_of = |found: &Conversation| -> HashSet<Tag> {
        match of {
            Of::Contacts => found.contacts.iter().flat_map(|contact| by_contact[contact]).cloned().collect(),
            Of::Conversation => found.tags.iter().cloned().collect(),
        }
    };
    let holds = |found: &HashSet<Tag>| match tags {
        TagSet::Any(tags) => tags.iter().any(|tag| found.contains(tag)),
        TagSet::All(tags) => tags.iter().all(|tag| found.contains(tag)),
        TagSet::None(tags) => !tags.iter().any(|tag| found.contains(tag)),
    };
    for viewer in world.viewers().into_iter().step_by(5) {
        world.check(viewer, inbox, |found| !found.archived && holds(&tags_of(found)));
    }
}

fn ask(criterion: &mut Criterion, name: &str, world: &World, inbox: &Inbox) {
    let mut group = criterion.benchmark_group(format!("tag_filter/{name}"));
    let viewers = world.viewers();
    let prepared: Vec<_> = viewers.iter().map(|viewer| viewer.prepare(inbox).unwrap()).collect();
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
    group.bench_function("from_rule", |b| {
        b.iter(|| {
            rows.clear();
            next().prepare(black_box(inbox)).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
    if let Some(facts) = &world.oracle {
        let mut next = in_turn(&viewers);
        group.bench_function("policy", |b| {
            b.iter(|| policy::filter_inbox(facts, &next().teammate().id, inbox).unwrap().len())
        });
    }
}
