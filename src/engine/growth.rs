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

mod directory;
mod extremes;

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

/// Work per row that was delivered, or per page that was empty.
fn per_row((work, listed): (Work, usize)) -> f64 {
    work.total() as f64 / listed.max(1) as f64
}

fn assert_within(times: f64, extreme: f64, ordinary: f64, what: &str) {
    assert!(extreme <= times * ordinary, "{what}: {extreme} beside {ordinary}");
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

fn of_few(i: usize) -> Conversation {
    let endpoint = if i.is_multiple_of(1_000) { "few".to_owned() } else { format!("e{}", 5 + i % 5) };
    Conversation::patient(format!("v{i}"), endpoint, i as i64)
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
        // Once so many have been asked for theirs, contacts are, at a glance at each of a hundred.
        let glances = if seen.len() >= 13 { 13 } else { 0 };
        assert_eq!(badge(&engine, "t19", &whole(tagged("tag3"))), Work { blocks: 1, rows: seen.len() + glances });
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

/// So many conversations, a half of them archived; `c99` is a contact of six of them, and `t6` has starred ten.
fn with_few_among(conversations: usize) -> Engine {
    engine((0..conversations).map(|i| {
        let mut conversation = ordinary(i);
        conversation.archived = i.is_multiple_of(2);
        if i < 60 && i.is_multiple_of(10) {
            conversation.contacts.extend(["c98".into(), "c99".into()]);
        }
        if i % 5 == 0 && i < 50 {
            conversation.starred_by = vec!["t6".into()];
        }
        conversation
    }))
}

/// What a contact has to do with, and what is starred, is found by these: not by all that the viewer sees. For archived
/// ones of a contact there is no list; a glance at eight rows side by side counts as a look at one.
#[test]
fn rules_over_a_contact_or_stars_cost_by_their_conversations() {
    let (small, large) = (with_few_among(2_000), with_few_among(20_000));
    let contacts = || Rule::Contacts(Pick::any(["c98", "c99"]));
    let starred_alone = |archived| Inbox::Rule { rule: Rule::Starred, archived };
    let narrowed = Rule::all([contacts(), Rule::Starred, tagged("tag3")]);
    for inbox in [
        Inbox::rule(contacts()),
        Inbox::rule(Rule::Starred),
        Inbox::rule(narrowed),
        starred_alone(ArchiveScope::Include),
        starred_alone(ArchiveScope::Only),
    ] {
        let (work, listed) = page(&large, "t6", &inbox);
        assert_eq!((work, listed), page(&small, "t6", &inbox), "{inbox:?}");
        assert!(work.rows <= 10, "{inbox:?}: {work:?}");
        assert_eq!(badge(&large, "t6", &inbox), badge(&small, "t6", &inbox), "{inbox:?}");
        assert!(badge(&large, "t6", &inbox).rows <= 10, "{inbox:?}");
    }
    let (work, listed) = page(&large, "t6", &whole(contacts()));
    assert!(listed > 0 && (20_000 / 8..20_000 / 7).contains(&work.rows), "{work:?}");
    assert_eq!(badge(&large, "t6", &whole(contacts())).rows, work.rows);
    // Of a contact with 200 of them a page is full while both orders are merged for as long as two glances take.
    let (work, listed) = page(&large, "t6", &whole(Rule::Contacts(Pick::any(["c3"]))));
    assert!(listed == PAGE && work.rows <= 2 * 20_000 / 8, "{work:?}");
}

fn in_scope(archived: ArchiveScope, rules: &[Rule]) -> Inbox {
    Inbox::Rule { rule: Rule::all(rules.iter().cloned()), archived }
}

/// Of what is older and newer a few are looked at, to find where the times begin that a rule asks for.
#[test]
fn rules_over_times_cost_by_the_conversations_of_these() {
    for conversations in [4_000, 20_000] {
        let engine = with_few_among(conversations);
        let time = |i: usize| ((i * 100) as i64).into();
        let since = |i: usize| Rule::ActiveSince(time(i));
        let before = |i: usize| Rule::not(since(i));
        let halfway = conversations / 2;
        // What is told by fewer than there are in between.
        let me = Rule::Assignee(vec![AssigneePick::Me]);
        let mine = Inbox::rule(Rule::all([me, since(conversations - 400), before(conversations - 100)]));
        assert!(page(&engine, "t6", &mine).0.rows <= 20 && badge(&engine, "t6", &mine).rows <= 20, "{mine:?}");
        for scope in [ArchiveScope::Only, ArchiveScope::Include] {
            let starred = in_scope(scope, &[Rule::Starred, before(halfway)]);
            assert!(page(&engine, "t6", &starred).0.rows <= 60, "{:?}", page(&engine, "t6", &starred));
            assert!(badge(&engine, "t6", &starred).rows <= 60, "{:?}", badge(&engine, "t6", &starred));
        }
        let windows = [
            [since(conversations - 20), Rule::All(vec![])],
            [before(20), Rule::All(vec![])],
            [since(halfway), before(halfway + 20)],
            [since(halfway + 20), before(halfway)],
        ];
        for window in &windows {
            for scope in [ArchiveScope::Only, ArchiveScope::Include] {
                let [one, other] = [Rule::not(tagged("tag3")), Rule::Unread];
                let inbox = in_scope(scope, &[window.as_slice(), &[one, other]].concat());
                let (work, listed) = page(&engine, "t6", &inbox);
                assert!(listed <= 20 && work.rows <= 150, "{work:?} {inbox:?}");
                let work = badge(&engine, "t6", &inbox);
                assert!(work.rows <= 150, "{work:?} {inbox:?}");
            }
            let inbox = in_scope(ArchiveScope::Exclude, window);
            let (work, _) = page(&engine, "t6", &inbox);
            assert!(work.rows <= 60 && work.blocks <= 4, "{work:?} {inbox:?}");
            let [work, usual] = [badge(&engine, "t6", &inbox), badge(&engine, "t6", &Inbox::All)];
            assert!(work.rows <= usual.rows + 60 && work.blocks <= usual.blocks + 4, "{work:?} {usual:?} {inbox:?}");
        }
    }
}

/// A list that a rule leaves nearly empty merges for as long as a glance at every row takes, which then tells what is in.
/// Contacts are asked once so many conversations have been asked for theirs.
#[test]
fn rules_that_little_of_the_archive_matches_cost_two_glances_at_every_row() {
    let conversations = 20_000;
    let engine = engine((0..conversations).map(|i| {
        let mut conversation = ordinary(i);
        conversation.archived = i % 10 > 0;
        if i < 3 {
            conversation.tags.push("rare".into());
        }
        conversation
    }));
    let glance = conversations / 8;
    let rare = Rule::ConversationTags(TagSet::any(["rare"]));
    for rules in
        [&[rare.clone()][..], &[tagged("tag3"), tagged("tag4"), rare.clone()], &[Rule::not(rare.clone()), rare]]
    {
        for scope in [ArchiveScope::Only, ArchiveScope::Include] {
            let inbox = in_scope(scope, rules);
            let (work, listed) = page(&engine, "t6", &inbox);
            assert!(listed <= 3 && work.rows <= 2 * glance + 50, "{work:?} {inbox:?}");
            let work = badge(&engine, "t6", &inbox);
            assert!(work.rows <= glance + 50, "{work:?} {inbox:?}");
        }
    }
}

/// SPEC 5.7. For each part of a rule it was kept which contacts fit, a bit for each contact, however many parts there were.
#[test]
fn a_rule_of_many_parts_over_contact_tags_keeps_no_contacts_for_each() {
    let engine = engine((0..4_000).map(|i| {
        let mut conversation = ordinary(i);
        conversation.archived = true;
        conversation
    }));
    let of = |parts: usize| whole(Rule::any((0..parts).map(|_| tagged("tag3"))));
    let [few, many] = [2, 1_000].map(|parts| badge(&engine, "t6", &of(parts)).rows);
    // A glance at each of a hundred contacts, for each of two parts.
    assert_eq!(few, many + 2 * 13);
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
