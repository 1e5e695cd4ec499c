//! What must not grow, and what must stay within reach of the ordinary case?
//!
//! Data, seed and shares: `support`, always at size S with one thing made extreme, beside the ordinary S in the same run
//! (so the sizes of `VISIBLY_BENCH_SIZE` do not apply). Each case is its own group:
//!
//! * `archive`: 100 times more archived conversations; page, badge, message.
//! * `viewer_of_few`: a viewer who sees 0.1 % of conversations. `tag_share`: tags on 90 %, on three, on none.
//! * `equal_times`: 100,000 conversations of one time, beside as many of different times.
//! * `saved_filters`: 1,000 of them, and one; opening one, and where a conversation is placed.
//! * `endpoints`: 5,000 of one person each. `contact`: one with 50,000 conversations, tagged anew.
//! * `contacts`: a conversation with 64. `not`: of everything.
//! * `membership`: contact membership on with 200 classes of contacts, and off.
//!
//! Baseline: the ordinary case of the same group. Answers are checked against a scan, where S allows `policy` against it.
//!
//! `cargo bench --bench growth`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use support::{PAGE, Shape, World, clinic, conversation, general_tag, run, sidebar, teammate, with_contact_tags};
use visibly::{
    Change, Contact, ContactId, Conversation, Engine, Filter, Inbox, Member, PhoneNumber, Rule, SpruceLink, Tag,
    TagSet, Viewer,
};

mod support;

type Group<'c> = BenchmarkGroup<'c, WallTime>;

const LATER: i64 = 1_700_000_000_000;

fn main() {
    run(|criterion| {
        let ordinary = World::of(Shape::S, clinic(Shape::S));
        archive(criterion, &ordinary);
        viewer_of_few(criterion, &ordinary);
        tag_share(criterion);
        equal_times(criterion);
        saved_filters(criterion);
        endpoints(criterion, &ordinary);
        contact(criterion);
        contacts(criterion);
        not(criterion, &ordinary);
        membership(criterion);
    });
}

fn page(group: &mut Group<'_>, name: &str, viewer: Viewer<'_>, inbox: &Inbox) {
    let mut rows = Vec::with_capacity(PAGE);
    let prepared = viewer.prepare(inbox).unwrap();
    group.bench_function(name, |b| {
        b.iter(|| {
            rows.clear();
            prepared.newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
}

fn messages(group: &mut Group<'_>, name: &str, engine: &Engine, conversations: usize) {
    let (mut engine, mut at) = (engine.clone(), LATER);
    let mut next = || {
        at += 1;
        Change::receive_message(conversation(at.unsigned_abs() as usize * 7 % conversations), at)
    };
    group.bench_function(name, |b| {
        b.iter_batched(&mut next, |change| engine.apply(&change).unwrap(), BatchSize::SmallInput)
    });
}

fn archive(criterion: &mut Criterion, ordinary: &World) {
    let shape = Shape { archived: 100 * Shape::S.archived, ..Shape::S };
    let large = World::of(shape, clinic(shape));
    let inboxes = sidebar(Shape::S);
    let mut group = criterion.benchmark_group("growth/archive");
    for (name, world) in [("1", ordinary), ("100", &large)] {
        let viewer = world.viewer(7);
        world.check(viewer, &Inbox::All, |found| !found.archived && found.assignee.is_none());
        page(&mut group, &format!("page/{name}"), viewer, &Inbox::All);
        page(&mut group, &format!("tag_page/{name}"), viewer, &with_contact_tags(&[general_tag(3)]));
        group.bench_function(format!("badges/{name}"), |b| b.iter(|| viewer.badges(&inboxes).unwrap()));
        messages(&mut group, &format!("message/{name}"), &world.engine, Shape::S.open);
    }
    let badges = |world: &World| world.viewer(7).badges(&inboxes).unwrap();
    assert_eq!(badges(ordinary), badges(&large));
}

/// One more teammate, who has a link of their own that carries ten conversations of ten thousand.
fn viewer_of_few(criterion: &mut Criterion, ordinary: &World) {
    let mut facts = clinic(Shape::S);
    facts.organization.endpoints.retain(|endpoint| !endpoint.owner.eq(&Member::Organization));
    facts.organization.endpoints.iter_mut().for_each(|endpoint| endpoint.additional_members.clear());
    facts.organization.endpoints.push(SpruceLink::new("few").owned_by(Member::Teammate(teammate(49))).into());
    facts.organization.teams.iter_mut().for_each(|team| team.teammates.retain(|id| *id != teammate(49)));
    facts.conversations =
        (0..10_000).map(|i| Conversation::patient(conversation(i), few_or_link(i), i as i64)).collect();
    let world = World::of(Shape::S, facts);
    let (few, many) = (world.viewer(49), world.viewer(0));
    for viewer in [few, many] {
        world.check(viewer, &Inbox::All, |_| true);
    }
    let mut group = criterion.benchmark_group("growth/viewer_of_few");
    page(&mut group, "ordinary", ordinary.viewer(7), &Inbox::All);
    page(&mut group, "sees_all", many, &Inbox::All);
    page(&mut group, "sees_a_thousandth", few, &Inbox::All);
}

fn few_or_link(i: usize) -> &'static str {
    if i.is_multiple_of(1_000) { "few" } else { "link0" }
}

fn tag_share(criterion: &mut Criterion) {
    let mut facts = clinic(Shape::S);
    for (i, conversation) in facts.conversations.iter_mut().enumerate() {
        conversation.tags = Vec::from_iter((i % 10 > 0).then(|| Tag::from("most")));
        conversation.tags.extend((i < 3).then(|| Tag::from("three")));
        conversation.tags.extend((i % 14 == 0).then(|| Tag::from("ordinary")));
    }
    let world = World::of(Shape::S, facts);
    let viewer = world.viewer(7);
    let mut group = criterion.benchmark_group("growth/tag_share");
    for name in ["ordinary", "most", "three", "nothing"] {
        let inbox = Inbox::rule(Rule::ConversationTags(TagSet::any([name])));
        world.check(viewer, &inbox, |found| !found.archived && found.tags.contains(&Tag::from(name)));
        page(&mut group, name, viewer, &inbox);
        group.bench_function(format!("badge/{name}"), |b| b.iter(|| viewer.badge(&inbox).unwrap()));
    }
}

fn equal_times(criterion: &mut Criterion) {
    let shape = Shape { open: 100_000, archived: 0, ..Shape::S };
    let different = World::of(shape, clinic(shape));
    let mut facts = different.facts.clone();
    facts.conversations.iter_mut().for_each(|conversation| conversation.last_activity = LATER.into());
    let equal = World::of(shape, facts);
    let mut group = criterion.benchmark_group("growth/equal_times");
    for (name, world) in [("different", &different), ("equal", &equal)] {
        let viewer = world.viewer(7);
        world.check(viewer, &Inbox::All, |found| found.assignee.is_none());
        page(&mut group, &format!("page/{name}"), viewer, &Inbox::All);
        messages(&mut group, &format!("message/{name}"), &world.engine, shape.open);
    }
    messages_of_one_time(&mut group, &equal.engine, shape.open);
}

/// Messages that all come at the time that every conversation has, so that ids decide where each goes.
fn messages_of_one_time(group: &mut Group<'_>, engine: &Engine, conversations: usize) {
    let (mut engine, mut i) = (engine.clone(), 0);
    let mut next = || {
        i += 7;
        Change::receive_message(conversation(i % conversations), LATER)
    };
    group.bench_function("message/at_that_time", |b| {
        b.iter_batched(&mut next, |change| engine.apply(&change).unwrap(), BatchSize::SmallInput)
    });
}

fn saved_filters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth/saved_filters");
    for count in [1, 1_000] {
        let mut facts = clinic(Shape::S);
        facts.filters = (0..count).map(filter).collect();
        let world = World::of(Shape::S, facts);
        let viewer = world.viewer(7);
        let saved = Inbox::saved("f0");
        world.check_with_oracle(viewer, &saved);
        page(&mut group, &format!("page/{count}"), viewer, &saved);
        group.bench_function(format!("prepare/{count}"), |b| b.iter(|| viewer.prepare(black_box(&saved)).is_ok()));
        messages(&mut group, &format!("message/{count}"), &world.engine, Shape::S.open);
        let placed = world.scan(&viewer.teammate().id, |found| !found.archived)[0].id.clone();
        group.bench_function(format!("placement/{count}"), |b| b.iter(|| viewer.placement(&placed).len()));
    }
}

fn filter(i: usize) -> Filter {
    let rule = Rule::ContactTags(TagSet::any([general_tag(i % support::GENERAL_TAGS)]));
    Filter::conversations(format!("f{i}"), "Filter", teammate(7), rule).shared_with(Member::Organization)
}

fn endpoints(criterion: &mut Criterion, ordinary: &World) {
    let mut facts = clinic(Shape::S);
    for i in 0..5_000 {
        facts.organization.endpoints.push(one_persons(i).into());
    }
    for (i, conversation) in facts.conversations.iter_mut().enumerate() {
        conversation.endpoint = Some(format!("own{}", i % 5_000).into());
    }
    let world = World::of(Shape::S, facts);
    let mut group = criterion.benchmark_group("growth/endpoints");
    for (name, world) in [("ordinary", ordinary), ("5000", &world)] {
        let viewer = world.viewer(7);
        world.check(viewer, &Inbox::All, |found| !found.archived && found.assignee.is_none());
        page(&mut group, &format!("page/{name}"), viewer, &Inbox::All);
        group.bench_function(format!("badge/{name}"), |b| b.iter(|| viewer.badge(&Inbox::All).unwrap()));
        group.bench_function(format!("prepare/{name}"), |b| b.iter(|| viewer.prepare(black_box(&Inbox::All)).is_ok()));
        messages(&mut group, &format!("message/{name}"), &world.engine, Shape::S.open);
    }
}

fn one_persons(i: usize) -> PhoneNumber {
    PhoneNumber::new(format!("own{i}")).owned_by(Member::Teammate(teammate(i % Shape::S.teammates)))
}

/// Tags put on a contact and taken off again: by that contact's conversations, so also told for one of them.
fn contact(criterion: &mut Criterion) {
    let mut facts = clinic(Shape::S);
    facts.contacts.push(Contact::new("busy"));
    facts.contacts.push(Contact::new("quiet"));
    let busy = (0..50_000).map(|i| Conversation::patient(format!("b{i}"), "main", i).contact("busy"));
    facts.conversations.extend(busy);
    facts.conversations.push(Conversation::patient("q", "main", 1).contact("quiet"));
    let world = World::of(Shape { open: 50_800, ..Shape::S }, facts);
    let mut group = criterion.benchmark_group("growth/contact");
    for (name, conversations) in [("quiet", 1), ("busy", 50_000)] {
        let mut engine = world.engine.clone();
        let [on, off] = [true, false].map(|on| tag(name, on));
        let inbox = with_contact_tags(&[Tag::from("new")]);
        engine.apply(&on).unwrap();
        assert_eq!(engine.viewer(&teammate(7)).unwrap().badge(&inbox).unwrap().total, conversations);
        engine.apply(&off).unwrap();
        assert_eq!(engine.viewer(&teammate(7)).unwrap().badge(&inbox).unwrap().total, 0);
        group.sample_size(10);
        group.bench_function(format!("tag/{name}"), |b| {
            b.iter(|| [&on, &off].map(|change| engine.apply(change).unwrap()))
        });
    }
}

fn tag(contact: &str, on: bool) -> Change {
    let tags = vec![Tag::from("new")];
    let (add, remove) = if on { (tags, Vec::new()) } else { (Vec::new(), tags) };
    Change::TagContacts { ids: vec![contact.into()], add, remove }
}

fn contacts(criterion: &mut Criterion) {
    let mut facts = clinic(Shape::S);
    let all: Vec<ContactId> = facts.contacts.iter().take(64).map(|contact| contact.id.clone()).collect();
    facts.conversations[0] = Conversation::patient("many", "main", LATER);
    facts.conversations[0].contacts = all;
    facts.conversations[1] = Conversation::patient("one", "main", LATER).contact("p0");
    let world = World::of(Shape::S, facts);
    let viewer = world.viewer(7);
    world.check_with_oracle(viewer, &with_contact_tags(&[general_tag(3)]));
    let mut group = criterion.benchmark_group("growth/contacts");
    for (name, count) in [("one", 1), ("many", 64)] {
        let (id, mut engine, mut at) = (name.into(), world.engine.clone(), LATER);
        assert_eq!(viewer.shown_contacts(&id).len(), count);
        group.bench_function(format!("shown/{name}"), |b| b.iter(|| viewer.conversation(&id).map(support::look)));
        let mut next = || {
            at += 1;
            Change::receive_message(&id, at)
        };
        group.bench_function(format!("message/{name}"), |b| {
            b.iter_batched(&mut next, |change| engine.apply(&change).unwrap(), BatchSize::SmallInput)
        });
    }
}

fn not(criterion: &mut Criterion, ordinary: &World) {
    let viewer = ordinary.viewer(7);
    let everything = Rule::All(Vec::new());
    let mut group = criterion.benchmark_group("growth/not");
    for (name, rule, is_all) in
        [("everything", everything.clone(), true), ("not_everything", Rule::not(everything), false)]
    {
        let inbox = Inbox::rule(rule);
        ordinary.check(viewer, &inbox, |found| is_all && !found.archived);
        page(&mut group, &format!("page/{name}"), viewer, &inbox);
        group.bench_function(format!("badge/{name}"), |b| b.iter(|| viewer.badge(&inbox).unwrap()));
    }
}

fn membership(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth/membership");
    for on in [false, true] {
        let mut facts = clinic(Shape::S);
        facts.organization.contact_membership = on;
        for (i, contact) in facts.contacts.iter_mut().enumerate() {
            contact.members = members(i % 200);
        }
        let world = World::of(Shape::S, facts);
        let viewer = world.viewer(7);
        let inbox = with_contact_tags(&[3, 9, 17].map(general_tag));
        world.check_with_oracle(viewer, &inbox);
        let name = if on { "on" } else { "off" };
        page(&mut group, &format!("page/{name}"), viewer, &inbox);
        group.bench_function(format!("badge/{name}"), |b| b.iter(|| viewer.badge(&inbox).unwrap()));
        group.bench_function(format!("prepare/{name}"), |b| b.iter(|| viewer.prepare(black_box(&inbox)).is_ok()));
        messages(&mut group, &format!("message/{name}"), &world.engine, Shape::S.open);
    }
}

/// One of 200 different lists of members.
fn members(class: usize) -> Vec<Member> {
    let (first, second) = (class % 50, (class % 50 + 1 + class / 50) % 50);
    vec![Member::Teammate(teammate(first)), Member::Teammate(teammate(second))]
}
