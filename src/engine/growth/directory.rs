//! Changes to people, teams and lines, by classes; previews and audits, by what differs.

use super::*;

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
