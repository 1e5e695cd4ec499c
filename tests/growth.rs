//! What must not grow with the number of conversations, where it shows as memory: what a change allocates, what an
//! engine holds, what a snapshot costs.
//!
//! Bytes are counted on each thread for itself, so that tests run side by side and are the same every time; nothing is
//! timed. What shows as conversations looked at is counted by the engine's own unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![allow(unsafe_code, reason = "an allocator that counts is one")]

use counting::{asked, held, held_now, peak, start_peak};
use visibly::store::{Journal, MemoryStore, Replica, ReplicaId};
use visibly::{
    Change, Contact, Conversation, Dataset, Endpoint, Engine, Filter, Inbox, Member, Organization, PhoneNumber, Pick,
    Rule, SpruceLink, TagSet, Team, Teammate, TeammateUpdate,
};

#[path = "../benches/support/counting.rs"]
mod counting;

fn apply(engine: &mut Engine, change: &Change) -> usize {
    let (bytes, outcome) = asked(|| engine.apply(change));
    outcome.unwrap();
    bytes
}

const TEAMMATES: usize = 20;
const TEAMS: usize = 5;
const ENDPOINTS: usize = 30;
const HOUR: i64 = 3_600_000;

fn teammate(i: usize) -> Member {
    Member::teammate(format!("t{}", i % TEAMMATES))
}

fn organization() -> Organization {
    let mut oak = Organization::new("oak", "Oak");
    for i in 0..TEAMMATES {
        let teammate = Teammate::new(format!("t{i}"), "Teammate");
        oak = oak.teammate(if i == 0 { teammate.admin() } else { teammate });
    }
    for i in 0..TEAMS {
        oak = oak.team(Team::new(format!("g{i}"), "Team", (i..i + 4).map(|one| format!("t{one}"))));
    }
    for i in 0..ENDPOINTS {
        oak = match i % 3 {
            0 => oak.endpoint(PhoneNumber::new(format!("e{i}"))),
            1 => oak.endpoint(PhoneNumber::new(format!("e{i}")).owned_by(Member::team(format!("g{}", i % TEAMS)))),
            _ => oak.endpoint(SpruceLink::new(format!("e{i}")).owned_by(teammate(i))),
        };
    }
    oak
}

/// So many conversations of the same classes; one in thirteen open, a contact for every ten.
fn clinic(conversations: usize) -> Dataset {
    let mut dataset = Dataset::new(organization());
    for i in 0..conversations / 10 {
        let members = if i % 4 == 0 { vec![teammate(i)] } else { vec![Member::Organization] };
        dataset = dataset.contact(Contact::new(format!("c{i}")).members(members).tag(format!("tag{}", i % 10)));
    }
    for i in 0..conversations {
        dataset = dataset.conversation(conversation(i, conversations));
    }
    dataset
}

fn conversation(i: usize, of: usize) -> Conversation {
    let mut conversation = Conversation::patient(format!("v{i}"), format!("e{}", i % ENDPOINTS), i as i64 * HOUR);
    conversation.contacts = vec![format!("c{}", i % (of / 10)).into()];
    conversation.tags = vec![format!("tag{}", i % 7).into()];
    if i.is_multiple_of(11) {
        conversation.members = vec![teammate(i)];
    }
    if i.is_multiple_of(7) {
        conversation.members = vec![Member::Organization];
        conversation.assignee = Some(teammate(i));
    }
    conversation.archived = !i.is_multiple_of(13);
    conversation
}

fn engine(conversations: usize) -> Engine {
    Engine::new(clinic(conversations)).unwrap()
}

/// Every change to the directory, one after the other.
fn directory_changes() -> Vec<Change> {
    let update = |id: &str| TeammateUpdate::new(id);
    let mine = Filter::conversations("mine", "Mine", "t3", Rule::ContactTags(TagSet::any(["tag3"])));
    vec![
        Change::SetTeam { id: "g1".into(), teammates: vec!["t7".into(), "t8".into()] },
        Change::SetEndpointAccess {
            id: "e0".into(),
            owner: Member::team("g1"),
            additional_members: vec![Member::teammate("t9")],
        },
        Change::UpdateTeammate(update("t5").suspended(true)),
        Change::UpdateTeammate(update("t5").suspended(false)),
        Change::UpdateTeammate(update("t6").admin(true)),
        Change::SetContactMembership(true),
        Change::UpdateTeammate(update("t6").admin(false)),
        Change::SetTeam { id: "g2".into(), teammates: vec![] },
        Change::SetContactMembership(false),
        Change::AddTeammate(Teammate::new("new", "New")),
        Change::AddTeam(Team::new("new", "New", ["new"])),
        Change::SetAutoAssign { id: "e0".into(), to: Some(Member::team("g1")) },
        Change::SetAutoAssign { id: "e0".into(), to: None },
        Change::AddEndpoint(Endpoint::from(PhoneNumber::new("new"))),
        Change::RemoveEndpoint { id: "new".into() },
        Change::RemoveTeam { id: "new".into() },
        Change::RemoveTeammate { id: "new".into(), transfer_to: Member::team("g3") },
        Change::PutFilter(mine),
        Change::RemoveFilter { id: "mine".into() },
    ]
}

#[test]
fn changes_to_the_directory_allocate_nothing_per_conversation() {
    let (mut small, mut large) = (engine(6_000), engine(60_000));
    for change in directory_changes() {
        let (few, many) = (apply(&mut small, &change), apply(&mut large, &change));
        assert!(few.abs_diff(many) <= 512, "{few} and {many} bytes: {change:?}");
    }
    large.check().unwrap();
}

/// Classes whose audience changes are copied then, with four bytes for each of up to 1,024 open conversations.
#[test]
fn changes_to_the_directory_beside_a_snapshot_copy_no_more_than_classes() {
    let (mut small, mut large) = (engine(6_000), engine(60_000));
    for change in directory_changes() {
        let snapshots = (small.clone(), large.clone());
        let (few, many) = (apply(&mut small, &change), apply(&mut large, &change));
        assert!(many <= few + 4 * 54_000 / 13, "{few} and {many} bytes: {change:?}");
        drop(snapshots);
    }
}

#[test]
fn a_change_to_the_directory_beside_a_snapshot_copies_no_rules_of_filters() {
    let copied = |leaves: usize| {
        let rule = Rule::Any((0..leaves).map(|i| Rule::ContactTags(TagSet::any([format!("tag{i}")]))).collect());
        let filters = (0..100).map(|i| Filter::conversations(format!("f{i}"), "Filter", "t1", rule.clone()));
        let mut engine = Engine::new(filters.fold(clinic(100), Dataset::filter)).unwrap();
        let copies = directory_changes().into_iter().map(|change| {
            let snapshot = engine.clone();
            let bytes = apply(&mut engine, &change);
            drop(snapshot);
            bytes
        });
        copies.collect::<Vec<usize>>()
    };
    for ((many, few), change) in copied(1_000).into_iter().zip(copied(1)).zip(directory_changes()) {
        assert!(many <= few + 1_000, "{change:?}: {few}, {many}");
    }
}

fn retag(contact: &str, tag: &str) -> Change {
    Change::TagContacts { ids: vec![contact.into()], add: vec![tag.into()], remove: vec![] }
}

/// A contact with so many open conversations among many others.
fn clinic_with_busy_contact(conversations: usize, busy: usize) -> Engine {
    let mut dataset = clinic(conversations).contact(Contact::new("busy").tag("tag1"));
    for i in 0..busy {
        let at = (i * conversations / busy) as i64 * HOUR + 1;
        dataset = dataset.conversation(Conversation::patient(format!("b{i}"), "e0", at).contact("busy"));
    }
    Engine::new(dataset).unwrap()
}

#[test]
fn changing_a_contact_allocates_by_its_own_conversations() {
    let changes = [
        retag("busy", "tag3"),
        retag("busy", "new"),
        Change::SetContactMembers { id: "busy".into(), members: vec![teammate(1)] },
        Change::SetContactMembers { id: "busy".into(), members: vec![Member::Organization] },
        Change::UpdateContact(visibly::ContactUpdate::new("busy").name(Some("Busy".into()))),
    ];
    for change in changes {
        let of = |conversations, busy| apply(&mut clinic_with_busy_contact(conversations, busy), &change);
        let (few_of_few, few_of_many, many) = (of(3_000, 10), of(60_000, 10), of(60_000, 2_000));
        assert!(few_of_many <= few_of_few + 512, "{few_of_few}, {few_of_many} bytes: {change:?}");
        assert!(many <= few_of_many + 2_000 * 16, "{few_of_many}, {many} bytes: {change:?}");
    }
}

/// A message to the next conversation, and something else that a clinic does, each time another thing.
fn day(step: usize, conversations: usize) -> Vec<Change> {
    let i = step * 7_919 % conversations;
    let (id, by) = (format!("v{i}"), format!("t{}", step % TEAMMATES));
    let at = (conversations + step) as i64 * HOUR;
    let mut changes = vec![Change::receive_message(&*id, at)];
    match (step + step / conversations) % 10 {
        0 => changes.push(Change::archive(&*id)),
        1 => changes.push(Change::unarchive(&*id)),
        2 => changes.push(Change::assign_with_access(&*id, Member::teammate(by))),
        3 => changes.push(Change::unassign(&*id)),
        4 => changes.push(Change::star(&*id, "t0")),
        5 => changes.push(Change::Unstar { id: id.into(), by: "t0".into() }),
        6 => changes.push(Change::mark_read(&*id, "t0")),
        7 => {
            let [add, remove] = [3, 5].map(|prime| vec![format!("tag{}", step / prime % 7).into()]);
            changes.push(Change::TagConversations { ids: vec![id.into()], add, remove });
        }
        8 => changes.push(retag(&format!("c{}", i % (conversations / 10)), &format!("tag{}", step % 9))),
        _ => changes.push(Change::receive_message(format!("v{}", step % conversations), at - HOUR * 50)),
    }
    changes
}

struct Moved {
    engine: Engine,
    /// Bytes held after it all, and at most meanwhile.
    held: f64,
    peak: f64,
    /// The most that one change has asked for.
    most: usize,
}

fn moved(conversations: usize, changes: impl Iterator<Item = Change>) -> Moved {
    let before = held_now();
    let mut engine = engine(conversations);
    start_peak();
    let mut most = 0;
    for change in changes {
        most = most.max(apply(&mut engine, &change));
    }
    let bytes = |now: isize| (now - before) as f64;
    Moved { held: bytes(held_now()), peak: bytes(peak()), engine, most }
}

fn days(conversations: usize, rounds: usize) -> impl Iterator<Item = Change> {
    (0..conversations * rounds).flat_map(move |step| day(step, conversations))
}

/// Bytes of an engine built anew, with texts of its own.
fn fresh(engine: &Engine) -> f64 {
    let json = serde_json::to_string(&engine.to_dataset()).unwrap();
    held(|| Engine::new(serde_json::from_str(&json).unwrap()).unwrap()).0
}

#[test]
fn conversations_that_move_for_long_keep_memory_near_a_fresh_build() {
    let moved = moved(20_000, days(20_000, 20));
    moved.engine.check().unwrap();
    let fresh = fresh(&moved.engine);
    assert!(moved.held <= 1.5 * fresh, "{} bytes held, {fresh} fresh", moved.held);
    assert!(moved.peak <= 1.5 * fresh, "{} bytes at most, {fresh} fresh", moved.peak);
}

/// Numbers of tags are never given up, so that one that is gone leaves its text and its number behind.
#[test]
fn tags_that_are_gone_leave_no_more_than_their_names_behind() {
    let tag = |step: usize| vec![format!("u{step}").into()];
    let retag = |step: usize| {
        let id = format!("v{}", step * 7_919 % 20_000).into();
        Change::TagConversations { ids: vec![id], add: tag(step), remove: tag(step.wrapping_sub(20_000)) }
    };
    let moved = moved(20_000, (0..60_000).map(retag));
    let (fresh, gone) = (fresh(&moved.engine), 40_000.0);
    assert!(moved.held <= 1.5 * fresh + gone * 96.0, "{} bytes held, {fresh} fresh", moved.held);
}

/// Bytes that a change of one conversation may ask for. The largest single piece is a table of what few contacts
/// have, for 4,096 of them, when it doubles for the last time.
const BOUND: usize = 400_000;

#[test]
fn no_single_change_allocates_by_the_number_of_conversations() {
    for conversations in [5_000, 50_000] {
        let start = |i| {
            let mut new = conversation(conversations + i, conversations);
            new.archived = false;
            Change::StartConversation(new)
        };
        let changes = days(conversations, 3).chain((0..10_000).map(start));
        let most = moved(conversations, changes).most;
        assert!(most <= BOUND, "{most} bytes of {conversations} conversations");
    }
}

#[test]
fn a_snapshot_costs_little_and_the_first_message_after_it_no_more_in_a_larger_engine() {
    for conversations in [20_000, 80_000, 200_000] {
        let mut engine = engine(conversations);
        let (clone, snapshot) = asked(|| engine.clone());
        // The order of blocks, four bytes for up to 512 conversations each, and little else.
        assert!(clone <= conversations / 64, "{clone} bytes for a clone of {conversations} conversations");
        let at = (conversations * 2) as i64 * HOUR;
        let first = apply(&mut engine, &Change::receive_message("v10", at));
        assert!(first <= AFTER_SNAPSHOT, "{first} bytes for a message to {conversations} conversations");
        drop(snapshot);
    }
}

/// Of thousands of contacts each has members of its own.
#[test]
fn a_contact_beside_a_snapshot_copies_few_of_the_classes_of_contacts() {
    let costs = |contacts: usize| {
        let mut dataset = Dataset::new(organization());
        let own = |i: usize| [i % 19, i / 19 % 19, i / 361].map(|place| teammate(place + 1));
        dataset.contacts.extend((0..contacts).map(|i| Contact::new(format!("c{i}")).members(own(i))));
        let mut engine = Engine::new(dataset).unwrap();
        let snapshot = engine.clone();
        let cost = apply(&mut engine, &Change::SetContactMembers { id: "c7".into(), members: vec![teammate(3)] });
        drop(snapshot);
        cost
    };
    let (few, many) = (costs(600), costs(6_000));
    assert!(many <= few + 16_384, "{few} and {many} bytes");
}

#[test]
fn a_mark_on_an_archived_conversation_beside_a_snapshot_copies_no_thousands_of_marks() {
    let costs = |conversations: usize| {
        let mut dataset = clinic(conversations);
        for conversation in dataset.conversations.iter_mut().filter(|conversation| conversation.archived) {
            conversation.read_by = (0..TEAMMATES).map(|i| format!("t{i}").into()).collect();
        }
        let mut engine = Engine::new(dataset).unwrap();
        let snapshot = engine.clone();
        let unread = apply(&mut engine, &Change::MarkUnread { id: "v1".into(), by: "t3".into() });
        let read = apply(&mut engine, &Change::mark_read("v1", "t3"));
        drop(snapshot);
        (unread, read)
    };
    for (unread, read) in [costs(6_000), costs(60_000)] {
        assert!(unread <= 4_096 && read <= 512, "{unread} bytes, then {read}");
    }
}

/// What comes with a list but once, such as blocks that the facts before it hold on to, is left out.
#[test]
fn a_change_in_a_list_that_a_replica_submits_allocates_nothing_per_conversation() {
    let costs = |conversations: usize| {
        let mut store = MemoryStore::new();
        store.create(&engine(conversations)).unwrap();
        let mut replica = Replica::open(store, &"oak".into(), ReplicaId::new(1)).unwrap();
        let mut submit = |count: usize| {
            let marks = (0..count).map(|i| match i.is_multiple_of(2) {
                true => Change::mark_read("v39", "t0"),
                false => Change::MarkUnread { id: "v39".into(), by: "t0".into() },
            });
            let (bytes, outcome) = asked(|| replica.submit_all(&"t0".into(), &marks.collect::<Vec<_>>()));
            outcome.unwrap();
            bytes
        };
        let (few, many) = (submit(100), submit(600));
        many.saturating_sub(few) / 500
    };
    let (small, large) = (costs(6_000), costs(60_000));
    assert!(small <= 8_192 && large <= small + 512, "{small} and {large} bytes for a change");
}

#[test]
fn a_replica_that_asks_for_news_and_hears_none_allocates_next_to_nothing() {
    let mut store = MemoryStore::new();
    store.create(&engine(6_000)).unwrap();
    let mut replica = Replica::open(store, &"oak".into(), ReplicaId::new(1)).unwrap();
    let (bytes, outcome) = asked(|| replica.catch_up());
    outcome.unwrap();
    assert!(bytes <= 256, "{bytes} bytes");
}

#[test]
fn a_submission_that_is_repeated_copies_nothing_of_what_came_after_it() {
    let costs = |later: usize| {
        let mut store = MemoryStore::new();
        store.create(&engine(1_000)).unwrap();
        let mut replica = Replica::open(store, &"oak".into(), ReplicaId::new(1)).unwrap();
        let (first, by) = (replica.new_submission(), "t0".into());
        let mark = [Change::mark_read("v39", "t0")];
        replica.submit_once(first, &by, &mark).unwrap();
        for _ in 0..later {
            replica.submit(&by, &mark[0]).unwrap();
        }
        asked(|| replica.submit_once(first, &by, &mark).unwrap()).0
    };
    assert_eq!(costs(10), costs(1_000));
}

#[test]
fn thousands_of_members_take_memory_by_their_number() {
    let costs = |count: usize| {
        let id = |i: usize| format!("n{i}");
        let mut oak = Organization::new("oak", "Oak");
        oak = (0..count).fold(oak, |oak, i| oak.teammate(Teammate::new(id(i), "")));
        oak = (0..count).fold(oak, |oak, i| oak.team(Team::new(id(i), "", [id(count - 1 - i % 3)])));
        let mut room = Conversation::team("room", 1);
        room.members = (0..count).flat_map(|i| [Member::teammate(id(i)), Member::team(id(i))]).collect();
        let mut engine = Engine::new(Dataset::new(oak).conversation(room)).unwrap();
        apply(&mut engine, &Change::RemoveConversationMember { id: "room".into(), member: Member::team("n1") })
    };
    let (few, many) = (costs(1_000), costs(8_000));
    assert!(many <= 10 * few, "{few} and {many} bytes");
}

/// A plan of each is kept, but what is visible for them is not marked for all at once.
#[test]
fn badges_of_hundreds_of_inboxes_mark_what_is_visible_for_some_at_a_time() {
    let engine = engine(1_000);
    let viewer = engine.viewer(&"t0".into()).unwrap();
    let lines = |count: usize| (0..count).map(|i| [i % ENDPOINTS, i / ENDPOINTS].map(|line| format!("e{line}")));
    let costs = |count: usize| {
        let inboxes: Vec<Inbox> = lines(count).map(|lines| Inbox::rule(Rule::Endpoints(Pick::any(lines)))).collect();
        let before = held_now();
        start_peak();
        viewer.badges(&inboxes).unwrap();
        peak() - before
    };
    let (few, many) = (costs(60), costs(660));
    assert!(many <= few + 600 * 1_024, "{few} and {many} bytes at most");
}

#[test]
fn a_rule_of_many_leaves_over_lines_takes_one_set_of_classes() {
    let conversation = |i: usize| {
        let members = (0..12).filter(|bit| i >> bit & 1 != 0).map(teammate);
        members.fold(Conversation::patient(format!("v{i}"), "e0", 1_000), Conversation::member)
    };
    let classes = (0..1 << 12).map(conversation).fold(Dataset::new(organization()), Dataset::conversation);
    let engine = Engine::new(classes).unwrap();
    let viewer = engine.viewer(&"t0".into()).unwrap();
    let line = |i: usize| Rule::Endpoints(Pick::any([format!("e{}", i % ENDPOINTS)]));
    for join in [Rule::Any, Rule::All] {
        let costs = |leaves: usize| {
            let inbox = Inbox::rule(join((0..leaves).map(line).collect()));
            let before = held_now();
            start_peak();
            let prepared = viewer.prepare(&inbox).unwrap();
            drop(prepared);
            peak() - before
        };
        let (few, many) = (costs(2), costs(1_000));
        assert!(many <= few + 4_096, "{few} and {many} bytes");
    }
}

/// A list that claims four thousand million rules took a mebibyte at once, and so did each list in it.
#[test]
fn lists_of_rules_that_claim_any_number_take_memory_by_what_is_there() {
    let claims = b"\x81\xa3all\xdd\xff\xff\xff\xff".repeat(127);
    let before = held_now();
    start_peak();
    assert!(rmp_serde::from_slice::<Rule>(&claims).is_err());
    assert!(peak() - before < 1 << 17, "{} bytes for {}", peak() - before, claims.len());
}

/// Bytes that the first message after a snapshot may ask for: a block of each column, and two groups of marks.
const AFTER_SNAPSHOT: usize = 256_000;
