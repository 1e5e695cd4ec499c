//! Which conversations does a contact take part in, and which have I starred?
//!
//! Data, seed and shares: `support`. A rule over the first contact of one of 16 conversations, for open ones and for all,
//! and a rule over stars, for every viewer in turn: the newest 50, and the badge. Baseline: `policy`, at S. Checked first
//! for every fifth viewer.
//!
//! `cargo bench --bench contact_filter`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use criterion::Criterion;
use support::{PAGE, World, in_turn, run};
use visibly::{ArchiveScope, ContactId, Conversation, Inbox, Pick, Rule, TeammateId, Viewer, policy};

mod support;

type Holds = Box<dyn Fn(&Conversation, &TeammateId) -> bool>;

/// An inbox, and what is in it of what a viewer sees.
struct Asked {
    inbox: Inbox,
    holds: Holds,
}

impl Asked {
    fn new(rule: Rule, archived: ArchiveScope, holds: impl Fn(&Conversation, &TeammateId) -> bool + 'static) -> Self {
        let is_in = move |found: &Conversation| archived == ArchiveScope::Include || !found.archived;
        Self {
            inbox: Inbox::Rule { rule, archived },
            holds: Box::new(move |found, me| is_in(found) && holds(found, me)),
        }
    }

    fn of_contact(contact: &ContactId, archived: ArchiveScope) -> Self {
        let rule = Rule::Contacts(Pick::any([contact.clone()]));
        let contact = contact.clone();
        Self::new(rule, archived, move |found, _| found.contacts.contains(&contact))
    }
}

fn main() {
    let world = World::asked();
    let some = world.facts.conversations.iter().step_by(world.facts.conversations.len() / 16);
    let contacts: Vec<ContactId> = some.filter_map(|found| found.contacts.first().cloned()).collect();
    let of_contacts =
        |archived| contacts.iter().map(|contact| Asked::of_contact(contact, archived)).collect::<Vec<_>>();
    let starred = Asked::new(Rule::Starred, ArchiveScope::Exclude, |found, me| found.starred_by.contains(me));
    run(|criterion| {
        ask(criterion, "open", &world, &of_contacts(ArchiveScope::Exclude));
        ask(criterion, "all", &world, &of_contacts(ArchiveScope::Include));
        ask(criterion, "starred", &world, &[starred]);
    });
}

fn ask(criterion: &mut Criterion, name: &str, world: &World, asked: &[Asked]) {
    let viewers = world.viewers();
    for (viewer, asked) in viewers.iter().step_by(5).zip(asked.iter().cycle()) {
        let me = &viewer.teammate().id;
        world.check(*viewer, &asked.inbox, |found| (asked.holds)(found, me));
    }
    let both: Vec<(Viewer<'_>, &Inbox)> =
        viewers.iter().copied().zip(asked.iter().cycle().map(|asked| &asked.inbox)).collect();
    let mut group = criterion.benchmark_group(format!("contact_filter/{name}"));
    let mut rows = Vec::with_capacity(PAGE);
    let mut next = in_turn(&both);
    group.bench_function("rows", |b| {
        b.iter(|| {
            let (viewer, inbox) = next();
            rows.clear();
            viewer.prepare(black_box(inbox)).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
    let mut next = in_turn(&both);
    group.bench_function("badge", |b| {
        b.iter(|| {
            let (viewer, inbox) = next();
            viewer.badge(black_box(inbox)).unwrap()
        })
    });
    if let Some(facts) = &world.oracle {
        let mut next = in_turn(&both);
        group.bench_function("policy", |b| {
            b.iter(|| {
                let (viewer, inbox) = next();
                policy::filter_inbox(facts, &viewer.teammate().id, inbox).unwrap().len()
            })
        });
    }
}
