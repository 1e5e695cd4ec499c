//! What must not grow, and what must stay within reach of the ordinary case: as blocks and rows looked at, not as time.
//!
//! Blocks are so small here that a few thousand conversations are many of them.

use super::rule::View;
use super::spine::BLOCK;
use super::state::State;
use super::{Engine, PageRequest};
use crate::model::{
    AssigneePick, Change, Channel, Contact, ContactCategory, Conversation, ConversationKind, Dataset, Endpoint,
    EndpointKind, Filter, Inbox, Invitation, Member, Organization, Rule, TagSet, Team, Teammate, TeammateUpdate,
};
use crate::store::{Journal, MemoryStore, Replica, ReplicaId};
use crate::work::{Work, looks_of};
use crate::{ArchiveScope, ConversationId, Pick};

const TEAMMATES: usize = 20;
const ENDPOINTS: usize = 10;
const LATER: i64 = 1_000_000_000;
const PAGE: usize = 20;

fn teammate(i: usize) -> String {
    format!("t{}", i % TEAMMATES)
}

/// Five endpoints of everyone, five of one teammate each; `t19` is in no team and has none of their own.
fn clinic() -> Dataset {
    let mut oak = Organization::new("oak", "Oak");
    for i in 0..TEAMMATES {
        oak = oak.teammate(Teammate::new(teammate(i), ""));
    }
    for i in 0..4 {
        oak = oak.team(Team::new(format!("g{i}"), "", (i..i + 4).map(teammate)));
    }
    for i in 0..ENDPOINTS {
        oak = oak.endpoint(endpoint(format!("e{i}"), if i < 5 { Member::Organization } else { member(i) }));
    }
    let mut dataset = Dataset::new(oak);
    for i in 0..100 {
        dataset = dataset.contact(Contact::new(format!("c{i}")).tag(format!("tag{}", i % 10)));
    }
    dataset
}

fn member(i: usize) -> Member {
    Member::teammate(teammate(i))
}

fn endpoint(id: String, owner: Member) -> Endpoint {
    let mut endpoint = Endpoint::new(id, EndpointKind::SpruceLink);
    endpoint.owner = owner;
    endpoint
}

fn ordinary(i: usize) -> Conversation {
    let mut conversation = Conversation::patient(format!("v{i}"), format!("e{}", i % ENDPOINTS), (i * 100) as i64);
    conversation.contacts = vec![format!("c{}", i % 97).into()];
    conversation.tags = vec![format!("tag{}", i % 7).into()];
    if i.is_multiple_of(9) {
        conversation.members = vec![Member::Organization];
        conversation.assignee = Some(member(i / 9));
    }
    if i.is_multiple_of(3) {
        conversation.read_by = vec!["t7".into()];
    }
    conversation
}

fn engine(conversations: impl IntoIterator<Item = Conversation>) -> Engine {
    engine_of(clinic(), conversations)
}

fn engine_of(mut dataset: Dataset, conversations: impl IntoIterator<Item = Conversation>) -> Engine {
    dataset.conversations.extend(conversations);
    let engine = Engine::new(dataset).unwrap();
    engine.check().unwrap();
    engine
}

fn page(engine: &Engine, viewer: &str, inbox: &Inbox) -> (Work, usize) {
    let viewer = engine.viewer(&viewer.into()).unwrap();
    let mut listed = 0;
    let work = Work::of(|| listed = viewer.filter_inbox(inbox, &PageRequest::first(PAGE)).unwrap().rows.len());
    (work, listed)
}

fn badge(engine: &Engine, viewer: &str, inbox: &Inbox) -> Work {
    let viewer = engine.viewer(&viewer.into()).unwrap();
    Work::of(|| viewer.badge(inbox).unwrap())
}

fn apply(engine: &mut Engine, change: &Change) -> Work {
    Work::of(|| engine.apply(change).unwrap())
}

fn tagged(tag: &str) -> Rule {
    Rule::ContactTags(TagSet::any([tag]))
}

fn whole(rule: Rule) -> Inbox {
    Inbox::Rule { rule, archived: ArchiveScope::Include }
}

/// Inboxes over open conversations, and the stars.
fn open_inboxes() -> Vec<Inbox> {
    vec![
        Inbox::All,
        Inbox::AssignedToMe,
        Inbox::assigned_to_team("g3"),
        Inbox::TeamConversations,
        Inbox::Starred,
        Inbox::rule(tagged("tag3")),
        Inbox::rule(Rule::not(tagged("tag3"))),
        Inbox::rule(Rule::Unread),
        Inbox::rule(Rule::any([Rule::Contacts(Pick::any(["c3"])), Rule::Unread])),
        Inbox::rule(Rule::Contacts(Pick::any(["c3"]))),
    ]
}

/// So many archived conversations among 1,200 open ones.
fn with_archive(archived: usize) -> Engine {
    let old = (0..archived).map(|i| {
        let mut conversation = ordinary(i);
        conversation.id = format!("a{i}").into();
        conversation.last_activity = ((i * 120_000 / archived) as i64).into();
        conversation.archived = true;
        conversation
    });
    let open = (0..1_200).map(|i| {
        let mut conversation = ordinary(i);
        if i.is_multiple_of(50) {
            conversation.starred_by = vec!["t6".into(), "t7".into()];
        }
        conversation
    });
    engine(old.chain(open))
}

#[test]
fn pages_and_badges_do_not_grow_with_the_archive() {
    let (small, large) = (with_archive(300), with_archive(30_000));
    for inbox in open_inboxes() {
        let (few, many) = (page(&small, "t6", &inbox), page(&large, "t6", &inbox));
        assert_eq!(few, many, "{inbox:?}");
        let (few, many) = (badge(&small, "t6", &inbox), badge(&large, "t6", &inbox));
        assert_eq!(few, many, "{inbox:?}");
    }
    for inbox in [Inbox::Archived, Inbox::Everything] {
        let [few, many] = [&small, &large].map(|engine| per_row(page(engine, "t6", &inbox)));
        assert_within(2.0, many, few, &format!("{inbox:?}"));
        // Whoever has read a third of it, and who has read nothing.
        for viewer in ["t7", "t6"] {
            assert_eq!(badge(&small, viewer, &inbox), badge(&large, viewer, &inbox), "{viewer} {inbox:?}");
        }
    }
}

/// Team conversations have members of their own, so that there may be as many classes as conversations.
#[test]
fn pages_and_badges_do_not_grow_with_the_classes_of_the_archive() {
    let with_classes = |archived: usize| {
        let mut dataset = with_archive(300).to_dataset();
        dataset.conversations.extend((0..archived).map(|i| {
            let members = [6, 7 + i % 19, 7 + i / 19 % 18, 7 + i / 19 / 18].map(member);
            let apart = Conversation::team(format!("apart{i}"), i as i64).archived();
            members.into_iter().fold(apart, Conversation::member)
        }));
        let engine = Engine::new(dataset).unwrap();
        assert!(engine.state.classes.iter().count() > archived / 2);
        engine
    };
    let (small, large) = (with_classes(300), with_classes(3_000));
    for inbox in open_inboxes() {
        assert_eq!(page(&small, "t6", &inbox), page(&large, "t6", &inbox), "{inbox:?}");
        assert_eq!(badge(&small, "t6", &inbox), badge(&large, "t6", &inbox), "{inbox:?}");
    }
    for inbox in [Inbox::Archived, Inbox::Everything] {
        let [few, many] = [&small, &large].map(|engine| per_row(page(engine, "t6", &inbox)));
        assert_within(2.0, many, few, &format!("{inbox:?}"));
    }
}

/// A badge of the archive looks at every conversation that the viewer sees where a rule asks, else at classes. A page
/// for who sees but a few of it looks at these.
#[test]
fn lists_of_the_archive_look_at_no_more_than_what_the_viewer_sees() {
    for archived in [2_000, 20_000] {
        let mut dataset = clinic();
        dataset.organization.endpoints.push(endpoint("few".to_owned(), Member::teammate("t19")));
        let engine = engine_of(
            dataset,
            (0..archived).map(of_few).map(|mut conversation| {
                conversation.archived = true;
                conversation.read_by = vec!["t7".into()];
                conversation
            }),
        );
        let mut seen = Vec::new();
        engine.viewer(&"t19".into()).unwrap().visible_rows(&mut seen);
        assert_eq!(page(&engine, "t19", &Inbox::Archived).0, Work { blocks: 1, rows: seen.len() });
        assert_eq!(badge(&engine, "t19", &whole(tagged("tag3"))), Work { blocks: 0, rows: seen.len() });
        assert_eq!(badge(&engine, "t19", &Inbox::Archived), Work { blocks: 1, rows: 0 });
    }
}

/// Nor does one that a rule leaves empty look at more than five times what the viewer sees: four before it gives merging
/// up, and one for gathering.
#[test]
fn a_page_of_the_archive_does_not_grow_with_it_for_who_sees_little_of_it() {
    let of_one_in_twenty = |archived: usize| {
        let mut dataset = clinic();
        dataset.organization.endpoints.push(endpoint("few".to_owned(), Member::teammate("t19")));
        let archived = (0..archived).map(|i| {
            let endpoint = if i.is_multiple_of(20) { "few".to_owned() } else { format!("e{}", 5 + i % 5) };
            Conversation::patient(format!("v{i}"), endpoint, i as i64).archived()
        });
        engine_of(dataset, archived)
    };
    let (small, large) = (of_one_in_twenty(20_000), of_one_in_twenty(100_000));
    let nothing = whole(Rule::ContactTags(TagSet::any(["tag3"])));
    for inbox in [Inbox::Archived, Inbox::Everything] {
        assert_eq!(page(&small, "t19", &inbox), page(&large, "t19", &inbox), "{inbox:?}");
        assert!(page(&large, "t19", &inbox).0.rows <= 21 * PAGE, "{inbox:?}");
    }
    let (work, listed) = page(&large, "t19", &nothing);
    assert!(listed == 0 && (5_000..=5 * 5_000 + 1).contains(&work.rows), "{work:?}");
}

/// Changes to a few conversations, open at first.
fn updates() -> Vec<Change> {
    let mut changes = Vec::new();
    for i in (0..1_200).step_by(7) {
        let id = || ConversationId::from(format!("v{i}"));
        let at = LATER + i as i64;
        changes.push(Change::receive_message(id(), at));
        changes.push(Change::assign_with_access(id(), Member::teammate("t4")));
        changes.push(Change::mark_read(id(), "t4"));
        changes.push(Change::star(id(), "t4"));
        changes.push(Change::TagConversations { ids: vec![id()], add: vec!["tag8".into()], remove: vec![] });
        changes.push(Change::unassign(id()));
    }
    changes
}

#[test]
fn updates_do_not_grow_with_the_archive() {
    let (mut small, mut large) = (with_archive(300), with_archive(30_000));
    for change in updates() {
        assert_eq!(apply(&mut small, &change), apply(&mut large, &change), "{change:?}");
    }
}

#[test]
fn assigning_and_letting_in_move_no_conversation() {
    let mut engine = with_archive(3_000);
    for id in ["v9", "v600", "a9", "a600"] {
        let let_in = Change::AddConversationMember { id: id.into(), member: member(11) };
        for change in [Change::assign_with_access(id, member(4)), Change::unassign(id), let_in] {
            assert_eq!(apply(&mut engine, &change), Work::default(), "{change:?}");
        }
    }
    engine.check().unwrap();
}

type Making = fn(String) -> Change;

const ARCHIVE: Making = |id| Change::archive(id);
const UNARCHIVE: Making = |id| Change::unarchive(id);

/// The work of a thousand changes.
fn work_of_many(engine: &mut Engine, change: Making) -> Work {
    let changes = (0..1_000).map(|i| change(format!("v{}", i * 7 % 1_200)));
    Work::of(|| changes.map(|change| engine.apply(&change).unwrap()).count())
}

/// A block is found by halving: in a hundred times as many, with seven looks more.
#[test]
fn moving_to_and_from_the_archive_does_not_grow_with_it() {
    let (mut small, mut large) = (with_archive(300), with_archive(30_000));
    let message: Making = |id| Change::receive_message(id, LATER * 2);
    for (name, change) in [("archive", ARCHIVE), ("unarchive", UNARCHIVE), ("archive", ARCHIVE), ("message", message)] {
        let [few, many] = [&mut small, &mut large].map(|engine| work_of_many(engine, change));
        assert_within(1.1, many.rows as f64, few.rows as f64, name);
        assert!(many.blocks <= few.blocks + 1_000 * 7, "{name}: {few:?} {many:?}");
    }
}

/// Where one that comes in between laid its block out anew, that was a hundred rows each time.
#[test]
fn what_comes_nearly_in_order_moves_few_others() {
    let mut engine = with_archive(30_000);
    let apply_all = |engine: &mut Engine, changes: &[Change]| {
        Work::of(|| changes.iter().map(|change| engine.apply(change).unwrap()).count()).rows
    };
    let id = |step: i64| format!("v{}", step * 7 % 1_200);
    // Of four messages the last is delivered first.
    let messages: Vec<Change> =
        (0..4_000_i64).map(|step| Change::receive_message(id(step), LATER * 2 + (step ^ 3))).collect();
    let work = apply_all(&mut engine, &messages);
    // Its own row and contact, and those after which it should have come.
    assert!(work < 4_000 * 8, "{work}");
    let archivals: Vec<Change> = (0..1_200_i64).map(|step| Change::archive(id(step * 5))).collect();
    let work = apply_all(&mut engine, &archivals);
    assert!(work < 1_200 * 12, "{work}");
    engine.check().unwrap();
}

#[test]
fn changes_to_the_directory_look_at_classes_and_at_no_conversation() {
    let (mut small, mut large) = (with_archive(300), with_archive(30_000));
    let classes = small.state.classes.iter().count() + small.state.contacts.classes.iter().count();
    let access = Change::SetEndpointAccess { id: "e0".into(), owner: member(3), additional_members: vec![member(4)] };
    let changes = [
        Change::SetTeam { id: "g1".into(), teammates: vec!["t9".into()] },
        access,
        Change::UpdateTeammate(TeammateUpdate::new("t5").suspended(true)),
        Change::UpdateTeammate(TeammateUpdate::new("t2").admin(true)),
        Change::SetContactMembership(true),
    ];
    for change in changes {
        let work = Work { blocks: classes, rows: 0 };
        assert_eq!([&mut small, &mut large].map(|engine| apply(engine, &change)), [work; 2], "{change:?}");
    }
}

/// Contacts with so many open conversations each, among so many others.
fn with_contacts(others: usize, sizes: &[usize]) -> Engine {
    let mut dataset = clinic();
    let mut conversations: Vec<Conversation> = (0..others).map(ordinary).collect();
    for size in sizes {
        dataset = dataset.contact(Contact::new(format!("of{size}")));
        conversations.extend((0..*size).map(|i| {
            let at = (i as u64 * others as u64 * 100 / *size as u64) as i64 + 1;
            Conversation::patient(format!("of{size}-{i}"), "e0", at).contact(format!("of{size}"))
        }));
    }
    engine_of(dataset, conversations)
}

#[test]
fn a_change_to_a_contact_costs_by_its_own_conversations() {
    for others in [300, 6_000] {
        let mut engine = with_contacts(others, &[10, 1_000]);
        for size in [10, 1_000] {
            let id = format!("of{size}");
            let tag = Change::TagContacts { ids: vec![(&*id).into()], add: vec!["tag3".into()], remove: vec![] };
            let close = Change::SetContactMembers { id: (&*id).into(), members: vec![member(3)] };
            let reopen = Change::SetContactMembers { id: (&*id).into(), members: vec![Member::Organization] };
            for change in [tag, close, reopen] {
                // Each row, and its one contact.
                assert_eq!(apply(&mut engine, &change), Work { blocks: 0, rows: 2 * size }, "{others} {change:?}");
            }
        }
    }
}

/// SPEC 6.6. Of two thousand contacts in one conversation each was looked at two thousand times.
#[test]
fn tags_of_many_contacts_cost_by_the_conversations_that_they_share() {
    let ids: Vec<String> = (0..100).map(|i| format!("c{i}")).collect();
    let shared = ids.iter().fold(Conversation::patient("shared", "e0", 1), |shared, id| shared.contact(id));
    let mut engine = engine_of(clinic(), [shared, ordinary(1)]);
    let tag = |add: &[&str], remove: &[&str]| Change::TagContacts {
        ids: ids.iter().map(Into::into).collect(),
        add: add.iter().copied().map(Into::into).collect(),
        remove: remove.iter().copied().map(Into::into).collect(),
    };
    for change in [tag(&["tag3", "new"], &[]), tag(&[], &["new", "tag5"]), tag(&["tag5"], &["tag5"])] {
        // Two rows, a hundred contacts and one.
        assert_eq!(apply(&mut engine, &change), Work { blocks: 0, rows: 103 }, "{change:?}");
        engine.check().unwrap();
    }
}

/// Work per row that was delivered, or per page that was empty.
fn per_row((work, listed): (Work, usize)) -> f64 {
    work.total() as f64 / listed.max(1) as f64
}

fn assert_within(times: f64, extreme: f64, ordinary: f64, what: &str) {
    assert!(extreme <= times * ordinary, "{what}: {extreme} beside {ordinary}");
}

fn of_few(i: usize) -> Conversation {
    let endpoint = if i.is_multiple_of(1_000) { "few".to_owned() } else { format!("e{}", 5 + i % 5) };
    Conversation::patient(format!("v{i}"), endpoint, i as i64)
}

#[test]
fn a_viewer_of_a_thousandth_looks_at_no_more_than_ten_times_the_ordinary() {
    let mut dataset = clinic();
    dataset.organization.endpoints.push(endpoint("few".to_owned(), Member::teammate("t19")));
    let engine = engine_of(dataset, (0..20_000).map(of_few));
    let [few, usual] = ["t19", "t6"].map(|viewer| page(&engine, viewer, &Inbox::All));
    assert_within(10.0, per_row(few), per_row(usual), "page");
    let [few, usual] = ["t19", "t6"].map(|viewer| badge(&engine, viewer, &Inbox::All).total() as f64);
    assert_within(10.0, few, usual, "badge");
}

/// What a long walk looks at: the blocks and, once, how much the viewer sees of each class.
fn blocks_and_classes(engine: &Engine) -> usize {
    engine.state.open.spine.order().len() + engine.state.classes.open().count()
}

#[test]
fn a_tag_costs_alike_whether_most_few_or_none_have_it() {
    let engine = engine((0..10_000).map(|i| {
        let tags = [("most", i % 10 > 0), ("three", i < 3), ("usual", i % 14 == 0)];
        let mut conversation = ordinary(i);
        conversation.tags = tags.into_iter().filter(|(_, is_there)| *is_there).map(|(tag, _)| tag.into()).collect();
        conversation
    }));
    let blocks = blocks_and_classes(&engine);
    let inbox = |tag: &str| Inbox::rule(Rule::ConversationTags(TagSet::any([tag])));
    let usual = page(&engine, "t6", &inbox("usual"));
    assert_within(10.0, per_row(page(&engine, "t6", &inbox("most"))), per_row(usual), "most");
    let (three, _) = page(&engine, "t6", &inbox("three"));
    assert!(three.blocks <= blocks && three.rows <= 3, "{three:?}");
    assert_eq!(page(&engine, "t6", &inbox("nothing")).0, Work::default());
    let badges = ["usual", "most", "three"].map(|tag| badge(&engine, "t6", &inbox(tag)));
    assert!(badges.iter().all(|badge| *badge == badges[0]), "{badges:?}");
}

#[test]
fn a_filter_that_matches_nothing_looks_once_at_what_the_viewer_sees() {
    let engine = engine((0..10_000).map(ordinary));
    let blocks = blocks_and_classes(&engine);
    let usual = badge(&engine, "t6", &Inbox::All);
    for rule in [
        Rule::all([tagged("tag1"), tagged("tag2")]),
        Rule::Contacts(Pick::any(["c99"])),
        Rule::not(Rule::any([Rule::Unread, Rule::not(Rule::Unread)])),
        Rule::not(Rule::All(vec![])),
        Rule::Any(vec![]),
    ] {
        let inbox = Inbox::rule(rule);
        let ((page, listed), badge) = (page(&engine, "t6", &inbox), badge(&engine, "t6", &inbox));
        assert_eq!(listed, 0);
        assert!(page.blocks <= blocks && page.rows <= 2 * 10_000, "{page:?} {inbox:?}");
        assert!(badge.blocks <= usual.blocks + blocks && badge.rows <= usual.rows + 10_000, "{badge:?} {inbox:?}");
    }
}

#[test]
fn equal_times_cost_what_different_ones_do() {
    let at_once = |i: usize| {
        let mut conversation = ordinary(i);
        conversation.last_activity = LATER.into();
        conversation
    };
    let [mut equal, mut different] = [engine((0..20_000).map(at_once)), engine((0..20_000).map(ordinary))];
    for inbox in open_inboxes() {
        let [equal, different] = [&equal, &different].map(|engine| page(engine, "t6", &inbox));
        assert_within(10.0, per_row(equal), per_row(different), &format!("{inbox:?}"));
    }
    let message: Making = |id| Change::receive_message(id, LATER);
    let later: Making = |id| Change::receive_message(id, LATER + 1);
    for (name, make) in [("message", message), ("archive", ARCHIVE), ("unarchive", UNARCHIVE), ("later", later)] {
        let mut cost = |engine: &mut Engine| -> f64 {
            (0..2_000).map(|i| apply(engine, &make(format!("v{}", i * 7_919 % 20_000))).total() as f64).sum()
        };
        let [equal, different] = [&mut equal, &mut different].map(&mut cost);
        assert_within(10.0, equal, different, name);
    }
    equal.check().unwrap();
}

#[test]
fn a_thousand_saved_filters_cost_pages_and_messages_nothing() {
    let of = |count: usize| {
        let mut dataset = clinic();
        for i in 0..count {
            let rule = tagged(&format!("tag{}", i % 10));
            dataset = dataset.filter(Filter::conversations(format!("f{i}"), "", "t6", rule));
        }
        engine_of(dataset, (0..2_000).map(ordinary))
    };
    let (mut one, mut many) = (of(1), of(1_000));
    assert_eq!(page(&one, "t6", &Inbox::saved("f0")), page(&many, "t6", &Inbox::saved("f0")));
    assert_eq!(badge(&one, "t6", &Inbox::saved("f0")), badge(&many, "t6", &Inbox::saved("f0")));
    for change in updates() {
        assert_eq!(apply(&mut one, &change), apply(&mut many, &change));
    }
}

#[test]
fn thousands_of_one_person_endpoints_cost_at_most_ten_times_as_much() {
    let of = |count: usize| {
        let mut dataset = clinic();
        let own = |i: usize| endpoint(format!("own{i}"), member(i));
        dataset.organization.endpoints.extend((0..count).map(own));
        let conversation = |i: usize| Conversation::patient(format!("v{i}"), format!("own{}", i % count), i as i64);
        engine_of(dataset, (0..10_000).map(conversation))
    };
    let (mut usual, mut many) = (of(20), of(5_000));
    let [one, other] = [&usual, &many].map(|engine| per_row(page(engine, "t6", &Inbox::All)));
    assert_within(10.0, other, one, "page");
    let [one, other] = [&usual, &many].map(|engine| badge(engine, "t6", &Inbox::All).total() as f64);
    assert_within(10.0, other, one, "badge");
    let [one, other] = [&mut usual, &mut many].map(|engine| {
        (0..1_000).map(|i| apply(engine, &Change::receive_message(format!("v{i}"), LATER)).total() as f64).sum()
    });
    assert_within(10.0, other, one, "message");
}

#[test]
fn a_contact_with_thousands_of_conversations_makes_a_message_cost_what_others_do() {
    let busy = with_contacts(5_000, &[5_000]);
    let mut dataset = busy.to_dataset();
    for (i, conversation) in dataset.conversations.iter_mut().enumerate() {
        conversation.contacts = vec![format!("c{}", i % 97).into()];
    }
    let [busy, quiet] = [busy, Engine::new(dataset).unwrap()].map(|mut engine| {
        let changes = (0..2_000).map(|i| Change::receive_message(format!("of5000-{}", i * 7 % 5_000), LATER + i));
        Work::of(|| changes.map(|change| engine.apply(&change).unwrap()).count()).total() as f64
    });
    assert_within(1.5, busy, quiet, "messages");
}

#[test]
fn a_message_looks_once_at_each_of_many_contacts() {
    let [many, one] = [64, 1].map(|contacts| {
        let mut conversations: Vec<Conversation> = (0..2_000).map(ordinary).collect();
        conversations[2].contacts = (0..contacts).map(|i| format!("c{i}").into()).collect();
        apply(&mut engine(conversations), &Change::receive_message("v2", LATER))
    });
    assert_eq!(many.rows, one.rows + 63);
    assert!(many.blocks <= 2 * one.blocks, "{many:?} {one:?}");
}

#[test]
fn not_of_everything_costs_what_everything_does() {
    let engine = engine((0..10_000).map(ordinary));
    let everything = Rule::any([Rule::Unread, Rule::not(Rule::Unread)]);
    let [all, none] = [everything.clone(), Rule::not(everything)].map(Inbox::rule);
    let [all_badge, none_badge] = [&all, &none].map(|inbox| badge(&engine, "t6", inbox));
    assert_within(10.0, none_badge.total() as f64, all_badge.total() as f64, "badge");
    let (none, _) = page(&engine, "t6", &none);
    // An empty page has looked at the masks of every block and at no row.
    assert_eq!(none.rows, 0);
    assert!(none.blocks <= blocks_and_classes(&engine), "{none:?}");
}

/// Contacts in 200 classes, a fifth of them open to all; the team of `t6` finds them all, `t19` few.
fn with_contact_classes(on: bool, conversations: usize) -> Engine {
    let mut dataset = clinic();
    dataset.organization.contact_membership = on;
    for i in 0..1_000 {
        let class = i % 200;
        let first = if i % 5 == 0 { Member::Organization } else { Member::team("g3") };
        let members = [first, member(class), member(class / TEAMMATES + class + 1)];
        dataset = dataset.contact(Contact::new(format!("m{i}")).members(members).tag(format!("tag{}", i % 11)));
    }
    let conversation = |i: usize| {
        let mut conversation = ordinary(i);
        conversation.contacts = vec![format!("m{}", i % 1_000).into()];
        conversation
    };
    let engine = engine_of(dataset, (0..conversations).map(conversation));
    assert_eq!(engine.state.contacts.classes.iter().count(), 200 + 1);
    engine
}

#[test]
fn contact_membership_costs_pages_badges_and_messages_at_most_three_times_as_much() {
    let (mut off, mut on) = (with_contact_classes(false, 10_000), with_contact_classes(true, 10_000));
    for rule in [tagged("tag3"), Rule::not(tagged("tag3")), Rule::all([tagged("tag3"), Rule::Unread])] {
        let inbox = Inbox::rule(rule);
        let [without, with] = [&off, &on].map(|engine| page(engine, "t6", &inbox));
        assert_within(3.0, per_row(with), per_row(without), &format!("page {inbox:?}"));
        let [without, with] = [&off, &on].map(|engine| badge(engine, "t6", &inbox));
        assert_within(3.0, with.total() as f64, without.total() as f64, &format!("badge {inbox:?}"));
    }
    for i in 0..1_000 {
        let change = Change::receive_message(format!("v{i}"), LATER + i as i64);
        assert_eq!(apply(&mut off, &change), apply(&mut on, &change));
    }
}

#[test]
fn no_single_change_moves_more_rows_however_many_there_are() {
    for conversations in [1_000, 20_000] {
        let mut engine = engine((0..conversations).map(ordinary));
        let mut most = 0;
        for step in 0..30_000 {
            let id = format!("v{}", step * 7_919 % conversations);
            let at = (conversations + step) as i64 * 100;
            let change = match step % 5 {
                0 => Change::archive(id),
                1 => Change::unarchive(id),
                _ => Change::receive_message(id, at),
            };
            let work = Work::of(|| engine.apply(&change));
            most = most.max(work.rows);
        }
        assert!(most <= 2 * BLOCK, "{most} rows of {conversations}");
        engine.check().unwrap();
    }
}

fn compiled(engine: &Engine, viewer: &str, rule: &Rule) -> String {
    let teammate = engine.teammate(&viewer.into()).unwrap();
    let number = engine.state.people.number(&teammate.id).unwrap();
    format!("{:?}", View::new(&engine.state, teammate, number).compile(rule))
}

#[test]
fn a_rule_that_repeats_what_it_names_costs_what_it_does_without() {
    fn leaves(times: usize) -> Vec<Rule> {
        let tags = || (0..times).flat_map(|_| ["tag3", "tag1", "tag2"]);
        let contacts = || (0..times).flat_map(|_| ["c3", "c1"]);
        let many = |picks: &[AssigneePick]| Rule::Assignee((0..times).flat_map(|_| picks.to_vec()).collect());
        vec![
            Rule::ContactTags(TagSet::any(tags())),
            Rule::ContactTags(TagSet::all(tags())),
            Rule::ConversationTags(TagSet::any(tags())),
            Rule::ConversationTags(TagSet::none(tags())),
            Rule::Contacts(Pick::any(contacts())),
            Rule::Endpoints(Pick::any((0..times).flat_map(|_| ["e3", "e1"]))),
            Rule::Channels(Pick::any((0..times).map(|_| Channel::Secure))),
            Rule::Kinds(Pick::none((0..times).map(|_| ConversationKind::Patient))),
            Rule::ContactCategories(Pick::any((0..times).map(|_| ContactCategory::Patient))),
            Rule::Invitations(Pick::any((0..times).map(|_| Invitation::NotInvited))),
            many(&[AssigneePick::Me, AssigneePick::MyTeams, AssigneePick::Teammate("t3".into())]),
        ]
    }
    let engine = with_archive(300);
    for (once, often) in leaves(1).iter().zip(leaves(1_000)) {
        assert_eq!(compiled(&engine, "t1", once), compiled(&engine, "t1", &often));
    }
}

#[test]
fn a_preview_looks_at_what_differs_and_at_nothing_else() {
    let (small, large) = (with_archive(300), with_contacts(3_000, &[30_000]));
    let of = |engine: &Engine, change: &Change| Work::of(|| engine.preview(std::slice::from_ref(change)).unwrap());
    for change in [Change::mark_read("v9", "t4"), Change::star("v9", "t4"), Change::receive_message("v9", LATER)] {
        let [few, many] = [&small, &large].map(|engine| of(engine, &change));
        assert!(few.rows.max(many.rows) <= 2 * BLOCK, "{change:?}: {few:?} {many:?}");
    }
    let renamed = Change::UpdateTeammate(TeammateUpdate::new("t4").name("Another"));
    assert_eq!(of(&large, &renamed), Work::default());
}

/// SPEC 7.4. All audiences are made anew by it; of those that stay as they are nobody is looked at.
#[test]
fn a_preview_of_another_team_looks_at_audiences_that_differ() {
    let engine = with_archive(300);
    let same = Change::SetTeam { id: "g1".into(), teammates: vec!["t1".into()] };
    let other = Change::UpdateTeammate(TeammateUpdate::new("t6").suspended(true));
    let [same, other] = [same, other].map(|change| Work::of(|| engine.preview(&[change]).unwrap()));
    assert_eq!(same, Work { blocks: count_classes(&engine), rows: 0 });
    assert!(other.rows > 500, "{other:?}");
}

#[test]
fn names_and_whom_a_line_assigns_to_look_at_no_class() {
    let mut engine = with_archive(300);
    let assigns = Change::SetAutoAssign { id: "e5".into(), to: Some(member(5)) };
    let renamed = Change::UpdateTeammate(TeammateUpdate::new("t5").name("Another"));
    let line = Change::AddEndpoint(endpoint("new".to_owned(), member(3)));
    for change in [renamed, assigns, line] {
        assert_eq!(apply(&mut engine, &change), Work::default(), "{change:?}");
    }
    engine.check().unwrap();
}

/// Nobody is in one of the classes before: a conversation that a teammate was let into for a while is again what it was.
#[test]
fn whoever_was_let_in_and_has_left_leaves_no_class_behind() {
    let mut engine = with_archive(300);
    let classes = |engine: &Engine| {
        let State { classes, contacts, .. } = &engine.state;
        (classes.iter().count(), contacts.classes.iter().count())
    };
    let before = classes(&engine);
    for i in 0..100 {
        let member = || Member::teammate("new");
        let add = |id: String| Change::AddConversationMember { id: id.into(), member: member() };
        let members = vec![Member::Organization, member()];
        let changes = [
            Change::AddTeammate(Teammate::new("new", "")),
            add(format!("v{i}")),
            add(format!("a{i}")),
            Change::SetContactMembers { id: format!("c{i}").into(), members },
            Change::mark_read(format!("a{i}"), "t4"),
            Change::RemoveTeammate { id: "new".into(), transfer_to: Member::team("g1") },
        ];
        for change in &changes {
            engine.apply(change).unwrap();
        }
    }
    let after = classes(&engine);
    assert!(after.0 <= before.0 + 2 && after.1 <= before.1 + 1, "{before:?} {after:?}");
    engine.check().unwrap();
}

/// What is left of a class that has gone is its number.
#[test]
fn a_class_without_conversations_holds_nothing() {
    let mut engine = engine((0..50).map(ordinary));
    let is_let_in = |change: fn(String, Member) -> Change| (0..50).map(move |i| change(format!("v{i}"), member(i + 3)));
    let add = is_let_in(Change::add_conversation_member);
    let remove = is_let_in(Change::remove_conversation_member);
    add.chain(remove).for_each(|change| drop(engine.apply(&change)));
    engine.check().unwrap();
    let gone = || engine.state.classes.iter().filter(|(_, class)| class.rows.is_empty());
    assert!(gone().count() >= 10);
    assert!(gone().all(|(_, class)| class.members.capacity() == 0 && class.endpoint.is_none()));
}

/// Three classes that are told apart by the place of who leaves, each larger than the one before.
#[test]
fn of_classes_that_come_to_be_alike_all_but_the_largest_move_once() {
    let with = |members: [usize; 3], count: usize| {
        (0..count).map(move |i| {
            let conversation = Conversation::team(format!("v{}-{i}", members[0] * 100 + members[1]), i as i64);
            members.into_iter().map(member).fold(conversation, Conversation::member)
        })
    };
    let conversations = with([9, 1, 2], 50).chain(with([1, 9, 2], 60)).chain(with([1, 2, 9], 70));
    let mut engine = engine(conversations);
    let work = apply(&mut engine, &Change::RemoveTeammate { id: "t9".into(), transfer_to: member(1) });
    assert_eq!(work.rows, 50 + 60);
    engine.check().unwrap();
}

/// Every conversation and contact with members of its own; each of the others names one of ten who leave.
#[test]
fn a_list_of_removals_looks_at_the_classes_that_name_who_leaves() {
    let mut dataset = clinic();
    let own = |i: usize| {
        [19 - i % TEAMMATES, 1 + i / TEAMMATES % 9, i / TEAMMATES / 9].map(|i| Member::teammate(teammate(i)))
    };
    for i in 0..1_000 {
        dataset = dataset.contact(Contact::new(format!("own{i}")).members(own(i)));
        let conversation = Conversation::team(format!("v{i}"), i as i64);
        dataset = dataset.conversation(own(i).into_iter().fold(conversation, Conversation::member));
    }
    let mut engine = engine_of(dataset, []);
    let classes = count_classes(&engine);
    let named = |id: &str| {
        let names = |members: &[Member]| members.contains(&Member::teammate(id));
        let State { classes, contacts, .. } = &engine.state;
        classes.iter().filter(|(_, class)| names(&class.members)).count()
            + contacts.classes.iter().filter(|(_, class)| names(&class.members)).count()
    };
    let leaving: Vec<String> = (10..19).map(teammate).collect();
    let named: usize = leaving.iter().map(|id| named(id)).sum();
    assert!(named < classes / 2, "{named} of {classes}");
    let remove = |id: &String| Change::RemoveTeammate { id: id.as_str().into(), transfer_to: member(19) };
    let work = Work::of(|| engine.apply_all(&leaving.iter().map(remove).collect::<Vec<_>>()).unwrap());
    assert!(work.blocks <= classes + named, "{work:?}");
    engine.check().unwrap();
}

/// SPEC 7.5. Each teammate has a conversation, of a line whose team they all are.
#[test]
fn an_audit_of_who_is_assigned_does_not_go_through_a_team_for_each() {
    let [few, many] = [100, 1_000].map(|teammates| {
        let id = |i: usize| format!("t{i}");
        let mut oak = Organization::new("oak", "Oak");
        oak = (0..teammates).fold(oak, |oak, i| oak.teammate(Teammate::new(id(i), "")));
        oak = oak.team(Team::new("all", "", (0..teammates).map(id)));
        oak = oak.endpoint(endpoint("line".to_owned(), Member::team("all")));
        let assigned =
            |i: usize| Conversation::patient(format!("v{i}"), "line", i as i64).assigned_to(Member::teammate(id(i)));
        let engine =
            Engine::new(Dataset { conversations: (0..teammates).map(assigned).collect(), ..Dataset::new(oak) });
        let engine = engine.unwrap();
        looks_of(|| assert_eq!(engine.audit().len(), 1))
    });
    assert!(many <= 11 * few, "{few} and {many} looks");
}

/// SPEC 7.5. Thirty lines and thirty classes of contacts, each of nearly everyone.
#[test]
fn an_audit_of_contacts_compares_audiences_by_words() {
    const PEOPLE: usize = 640;
    let id = |i: usize| format!("t{i}");
    let mut oak = Organization::new("oak", "Oak").with_contact_membership();
    oak = (0..PEOPLE).fold(oak, |oak, i| oak.teammate(Teammate::new(id(i), "")));
    for i in 0..31 {
        oak = oak.team(Team::new(format!("g{i}"), "", (0..PEOPLE).filter(|one| one % 31 != i).map(id)));
        oak = oak.endpoint(endpoint(format!("e{i}"), Member::team(format!("g{i}"))));
    }
    let mut dataset = Dataset::new(oak);
    for i in 0..30 {
        let members = [i, i + 1].map(|i| Member::team(format!("g{i}")));
        dataset = dataset.contact(Contact::new(format!("c{i}")).members(members));
    }
    dataset.conversations.extend((0..900).map(|i| {
        Conversation::patient(format!("v{i}"), format!("e{}", i % 30), i as i64).contact(format!("c{}", i / 30))
    }));
    let engine = Engine::new(dataset).unwrap();
    let work = Work::of(|| assert_eq!(engine.audit().len(), 1));
    assert!(work.rows <= 900 * PEOPLE / 64, "{work:?}");
}

/// SPEC 7.5. Each conversation lets somebody else in on a line that is open to all, and has a contact of its own.
#[test]
fn an_audit_of_contacts_goes_through_no_audience_that_is_larger_than_the_other() {
    let [few, many] = [100, 1_000].map(|teammates| {
        let id = |i: usize| format!("t{i}");
        let mut oak = Organization::new("oak", "Oak").with_contact_membership();
        oak = (0..teammates).fold(oak, |oak, i| oak.teammate(Teammate::new(id(i), "")));
        let mut dataset = Dataset::new(oak.endpoint(endpoint("line".to_owned(), Member::Organization)));
        for i in 0..teammates {
            let own = || [Member::teammate(id(i))];
            dataset = dataset.contact(Contact::new(format!("c{i}")).members(own()));
            let mut conversation = Conversation::patient(format!("v{i}"), "line", i as i64).contact(format!("c{i}"));
            conversation.members.extend(own());
            dataset = dataset.conversation(conversation);
        }
        let engine = Engine::new(dataset).unwrap();
        looks_of(|| assert_eq!(engine.audit().len(), teammates + 1))
    });
    assert!(many <= 11 * few.max(1), "{few} and {many} looks");
}

/// Classes of conversations and of contacts, whose audiences may have to be made anew.
fn count_classes(engine: &Engine) -> usize {
    engine.state.classes.iter().count() + engine.state.contacts.classes.iter().count()
}

/// Changes to who covers and who has access, most of them to facts that the ones before have brought.
fn changes_to_the_directory() -> Vec<Change> {
    let mut changes = vec![];
    for i in 0..10 {
        let id = || format!("new{i}");
        changes.push(Change::AddTeammate(Teammate::new(id(), "")));
        changes.push(Change::SetTeam { id: "g1".into(), teammates: vec![id().into(), "t1".into()] });
        changes.push(Change::mark_read("v9", id()));
        changes.push(Change::assign_with_access("v9", Member::teammate(id())));
        changes.push(Change::RemoveTeammate { id: format!("t{}", 19 - i).into(), transfer_to: Member::team("g1") });
    }
    changes
}

#[test]
fn a_list_of_changes_to_the_directory_makes_audiences_anew_once() {
    let mut engine = with_archive(300);
    let (classes, changes) = (count_classes(&engine), changes_to_the_directory());
    let mut one_by_one = engine.clone();
    for change in &changes {
        one_by_one.apply(change).unwrap();
    }
    let work = Work::of(|| engine.apply_all(&changes).unwrap());
    assert!(work.blocks <= classes + 20 && work.rows <= 1, "{work:?}");
    engine.check().unwrap();
    assert_eq!(engine.to_dataset(), one_by_one.to_dataset());
    assert_eq!(engine.audience(&ConversationId::from("v9")), one_by_one.audience(&ConversationId::from("v9")));
}

#[test]
fn a_list_that_is_submitted_or_followed_makes_audiences_anew_once() {
    let mut engine = with_archive(300);
    engine.apply(&Change::UpdateTeammate(TeammateUpdate { admin: Some(true), ..TeammateUpdate::new("t9") })).unwrap();
    let classes = count_classes(&engine);
    let mut changes = changes_to_the_directory();
    changes.retain(|change| !matches!(change, Change::MarkRead { .. }));
    let mut store = MemoryStore::new();
    store.create(&engine).unwrap();
    let open = |id| Replica::open(store.clone(), engine.organization_id(), ReplicaId::new(id)).unwrap();
    let [mut here, mut there] = [1, 2].map(open);

    let submitted = Work::of(|| here.submit_all(&"t9".into(), &changes).unwrap());
    let followed = Work::of(|| there.catch_up().unwrap());
    for work in [submitted, followed] {
        assert!(work.blocks <= classes + 20, "{work:?}");
    }
    engine.apply_all(&changes).unwrap();
    let conversation = ConversationId::from("v9");
    for replica in [&here, &there].map(Replica::engine) {
        replica.check().unwrap();
        assert_eq!(replica.to_dataset(), engine.to_dataset());
        assert_eq!(replica.audience(&conversation), engine.audience(&conversation));
    }
}

/// Own members on a line that is open to everyone, and contacts whose members are not enforced: classes in thousands, each
/// seen by all.
#[test]
fn audiences_that_are_alike_are_kept_once() {
    let pair = |i: usize| [member(i), member(i + 1 + i / TEAMMATES)];
    let mut dataset = clinic();
    for i in 0..60 {
        dataset = dataset.contact(Contact::new(format!("apart{i}")).members(pair(i)));
    }
    let own =
        |i: usize| pair(i).into_iter().fold(Conversation::patient(format!("own{i}"), "e0", 0), Conversation::member);
    let mut engine = engine_of(dataset, (1..11).map(ordinary).chain((0..60).map(own)));
    let kept = |engine: &Engine| {
        let State { classes, contacts, .. } = &engine.state;
        let of_conversations = classes.iter().filter(|(_, class)| class.endpoint == Some("e0".into()));
        let of_contacts = contacts.classes.iter();
        let mut kept = [
            of_conversations.map(|(_, class)| class.audience.as_ptr()).collect::<Vec<_>>(),
            of_contacts.map(|(_, class)| class.audience.as_ptr()).collect(),
        ];
        assert!(kept.iter().all(|audiences| audiences.len() > 60));
        kept.each_mut().map(|audiences| {
            audiences.sort_unstable();
            audiences.dedup();
            audiences.len()
        })
    };
    assert_eq!(kept(&engine), [1, 1]);
    let snapshot = engine.clone();
    let suspend = TeammateUpdate::new("t3").suspended(true);
    let changes = [true, false].map(Change::SetContactMembership).into_iter().chain([Change::UpdateTeammate(suspend)]);
    for (change, expected) in changes.zip([60, 1, 1]) {
        engine.apply(&change).unwrap();
        engine.check().unwrap();
        let [lines, contacts] = kept(&engine);
        assert_eq!((lines, contacts >= expected && contacts <= expected + 1), (1, true), "{change:?}: {contacts}");
    }
    assert_eq!(kept(&snapshot), [1, 1]);
}
