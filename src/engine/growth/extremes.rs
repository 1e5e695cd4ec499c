//! More than usual of something, beside the ordinary case of its kind.

use super::*;

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
