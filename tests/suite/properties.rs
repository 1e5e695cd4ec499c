//! Laws of one state of the facts: what is answered, whatever the organization.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::json;
use visibly::{
    ArchiveScope, ContactList, ContactRow, ConversationId, ConversationRow, Cursor, CursorKey, Dataset, Engine, Error,
    ErrorCode, Facts, Inbox, KeptOut, Organization, Page, PageRequest, Rule, Teammate, TeammateId, Viewer, policy,
};

use crate::answers::{
    Asked, answers_to, assert_row_shows_the_facts, assert_same_answers, assert_same_answers_to, assert_same_value,
    named_inboxes, named_lists,
};
use crate::worlds::{
    ACCESS_KINDS, AnyRule, CONTACT_KINDS, EVERY_KIND, World, config, histories, histories_with_membership, questions,
    rules, wayward_histories, worlds, worlds_with_membership,
};

/// The active teammates, each bound.
fn viewers(engine: &Engine) -> impl Iterator<Item = Viewer<'_>> {
    engine.teammates().filter_map(|teammate| engine.viewer(&teammate.id).ok())
}

fn row_ids(rows: &[ConversationRow<'_>]) -> Vec<ConversationId> {
    rows.iter().map(|row| row.id().clone()).collect()
}

fn whole(viewer: &Viewer<'_>, inbox: &Inbox) -> Result<Vec<ConversationId>, Error> {
    viewer.filter_inbox(inbox, &PageRequest::all()).map(|page| row_ids(&page.rows))
}

/// Fetches a list page by page, each cursor sent as text and as JSON in turn.
fn paged<R: Clone>(
    size: usize,
    fetch: impl Fn(&PageRequest) -> Result<Page<R>, Error>,
) -> Result<Vec<R>, TestCaseError> {
    let mut request = PageRequest::first(size);
    let mut rows = Vec::new();
    loop {
        let page = fetch(&request).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(page.rows.len() <= size, "a page of {} where {size} were asked for", page.rows.len());
        rows.extend(page.rows.iter().cloned());
        let Some(next) = page.next else {
            return Ok(rows);
        };
        prop_assert_eq!(page.rows.len(), size, "a short page that is not the last");
        let sent = match rows.len() % 2 {
            0 => next.to_string().parse().unwrap(),
            _ => serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap(),
        };
        prop_assert_eq!(&next, &sent);
        request = PageRequest::first(size).after(sent);
    }
}

/// The inboxes that a viewer can open: named ones, its teams, its filters, and those given that open.
fn openable(viewer: &Viewer<'_>, facts: &Facts, more: &[Inbox]) -> Vec<Inbox> {
    let asked = Asked::about(facts).inboxes.into_iter().chain(more.iter().cloned());
    asked.filter(|inbox| viewer.badge(inbox).is_ok()).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_answers_every_question_as_policy_does(world in worlds(), questions in questions(6)) {
        let facts = world.facts();
        assert_same_answers_to(&world.engine(), &facts, &Asked::about(&facts).with(&questions))?;
    }

    #[test]
    fn the_engine_authorizes_and_previews_as_policy_does(history in wayward_histories(12, EVERY_KIND, 15)) {
        let (engine, facts) = (history.world.engine(), history.world.facts());
        for change in &history.changes {
            for actor in Asked::about(&facts).viewers {
                prop_assert_eq!(
                    engine.authorize(&actor, change),
                    policy::authorize(&facts, &actor, change),
                    "{:?} {}", actor, json!(change)
                );
            }
            let one = std::slice::from_ref(change);
            prop_assert_eq!(engine.preview(one), facts.preview(one), "{}", json!(change));
        }
        prop_assert_eq!(engine.preview(&history.changes), facts.preview(&history.changes));
        assert_same_answers(&engine, &facts)?; // asking alters nothing
    }

    #[test]
    fn who_is_no_admin_may_change_nothing_that_names_what_they_cannot_view(
        history in wayward_histories(20, EVERY_KIND, 15),
    ) {
        let engine = history.world.engine();
        for viewer in viewers(&engine).filter(|viewer| !viewer.teammate().admin) {
            for change in &history.changes {
                let is_found = change.resources().into_iter().all(|named| viewer.can_view(named));
                prop_assert!(is_found || !engine.authorize(&viewer.teammate().id, change), "{}", json!(change));
            }
        }
    }

    #[test]
    fn pages_of_every_size_follow_each_other_to_the_whole_list(world in worlds(), questions in questions(2)) {
        let (engine, facts) = (world.engine(), world.facts());
        for viewer in viewers(&engine) {
            let inboxes = named_inboxes().into_iter().chain(questions.inboxes.iter().cloned());
            for inbox in inboxes.filter(|inbox| viewer.badge(inbox).is_ok()) {
                let list = whole(&viewer, &inbox).unwrap();
                for size in 1..=list.len() + 1 {
                    let rows = paged(size, |page| viewer.filter_inbox(&inbox, page))?;
                    prop_assert_eq!(&row_ids(&rows), &list, "{} by {}", json!(inbox), size);
                    for row in &rows {
                        assert_row_shows_the_facts(row, &viewer.teammate().id, &facts)?;
                    }
                }
            }
            let lists = named_lists().into_iter().chain(questions.lists.iter().cloned());
            for list in lists {
                let Ok(page) = viewer.contacts(&list, &PageRequest::all()) else { continue };
                for size in 1..=page.rows.len() + 1 {
                    let rows = paged(size, |page| viewer.contacts(&list, page))?;
                    prop_assert_eq!(json!(rows), json!(page.rows), "{} by {}", json!(list), size);
                }
            }
        }
    }

    #[test]
    fn a_badge_counts_its_list_and_what_is_unread_in_it(world in worlds(), questions in questions(6)) {
        let (engine, facts) = (world.engine(), world.facts());
        for viewer in viewers(&engine) {
            let inboxes = openable(&viewer, &facts, &questions.inboxes);
            let badges = viewer.badges(&inboxes).unwrap();
            prop_assert_eq!(badges.len(), inboxes.len());
            for (inbox, badge) in inboxes.iter().zip(badges) {
                let rows = viewer.filter_inbox(inbox, &PageRequest::all()).unwrap().rows;
                prop_assert_eq!(badge.total, rows.len(), "{}", json!(inbox));
                prop_assert_eq!(badge.unread, rows.iter().filter(|row| !row.is_read()).count(), "{}", json!(inbox));
                prop_assert_eq!(badge, viewer.badge(inbox).unwrap());
            }
        }
    }

    #[test]
    fn search_audience_placement_and_explanations_agree_with_can_view(
        world in worlds(),
        questions in questions(4),
    ) {
        let (engine, facts) = (world.engine(), world.facts());
        let asked = Asked::about(&facts);
        for viewer in viewers(&engine) {
            let me = &viewer.teammate().id;
            let everything = whole(&viewer, &Inbox::Everything).unwrap();
            let found = row_ids(&viewer.search(&asked.candidates()));
            let inboxes = openable(&viewer, &facts, &questions.inboxes);
            for id in &asked.conversations {
                let seen = viewer.can_view(id);
                prop_assert_eq!(engine.can_view(me, id), seen);
                prop_assert_eq!(viewer.decide(id).is_allowed(), seen);
                prop_assert_eq!(found.contains(id), seen);
                prop_assert_eq!(everything.contains(id), seen);
                prop_assert_eq!(engine.audience(id).is_ok_and(|audience| audience.contains(me)), seen);
                prop_assert_eq!(viewer.conversation(id).is_some(), seen);
                prop_assert!(seen || viewer.placement(id).is_empty() && viewer.shown_contacts(id).is_empty());
                for inbox in &inboxes {
                    let kept_out = viewer.keeps_out(id, inbox).unwrap();
                    prop_assert_eq!(kept_out == Some(KeptOut::NotVisible), !seen);
                    prop_assert_eq!(kept_out.is_none(), whole(&viewer, inbox).unwrap().contains(id));
                }
                for inbox in viewer.placement(id) {
                    prop_assert_eq!(viewer.keeps_out(id, &inbox).unwrap(), None, "{}", json!(inbox));
                }
            }
            for id in &asked.contacts {
                let seen = viewer.can_view(id);
                prop_assert_eq!(viewer.contact(id).is_some(), seen);
                prop_assert_eq!(engine.audience(id).is_ok_and(|audience| audience.contains(me)), seen);
            }
        }
    }

    #[test]
    fn the_inboxes_and_filters_to_choose_from_are_those_that_open(world in worlds()) {
        let (engine, facts) = (world.engine(), world.facts());
        for viewer in viewers(&engine) {
            let chosen = viewer.inboxes();
            prop_assert!(viewer.badges(&chosen).is_ok());
            for inbox in Asked::about(&facts).inboxes {
                let is_listed = !matches!(inbox, Inbox::Everything | Inbox::Rule { .. }) && viewer.badge(&inbox).is_ok();
                prop_assert_eq!(chosen.contains(&inbox), is_listed, "{}", json!(inbox));
            }
            let usable = engine.filters().filter(|filter| viewer.can_view(&filter.id));
            prop_assert!(viewer.filters().eq(usable));
        }
    }

    #[test]
    fn lists_are_latest_first_then_by_id(world in worlds()) {
        let engine = world.engine();
        for viewer in viewers(&engine) {
            let rows = viewer.filter_inbox(&Inbox::Everything, &PageRequest::all()).unwrap().rows;
            prop_assert!(rows.is_sorted_by_key(|row| (std::cmp::Reverse(row.last_activity()), row.id().as_str())));
        }
    }

    #[test]
    fn the_order_of_rules_is_irrelevant(world in worlds(), parts in prop::collection::vec(rules(), 0..5)) {
        let engine = world.engine();
        let forward: Vec<Rule> = parts.into_iter().map(|AnyRule(rule)| rule).collect();
        let backward: Vec<Rule> = forward.iter().rev().cloned().collect();
        let twice: Vec<Rule> = forward.iter().chain(&backward).cloned().collect();
        for viewer in viewers(&engine) {
            for join in [Rule::All, Rule::Any] {
                let list = |rules: &Vec<Rule>| whole(&viewer, &with_archived(join(rules.clone()))).unwrap();
                prop_assert_eq!(list(&forward), list(&backward));
                prop_assert_eq!(list(&forward), list(&twice));
            }
        }
    }

    #[test]
    fn rules_obey_the_laws_of_logic(world in worlds(), AnyRule(one) in rules(), AnyRule(other) in rules()) {
        let engine = world.engine();
        let laws = [
            (Rule::not(Rule::not(one.clone())), one.clone()),
            (Rule::all([one.clone()]), one.clone()),
            (Rule::any([one.clone()]), one.clone()),
            (
                Rule::not(Rule::all([one.clone(), other.clone()])),
                Rule::any([Rule::not(one.clone()), Rule::not(other.clone())]),
            ),
            (Rule::all([]), Rule::any([one.clone(), Rule::not(one.clone())])),
            (Rule::any([]), Rule::all([one.clone(), Rule::not(one)])),
        ];
        for viewer in viewers(&engine) {
            for (left, right) in &laws {
                let (left, right) = (with_archived(left.clone()), with_archived(right.clone()));
                prop_assert_eq!(whole(&viewer, &left), whole(&viewer, &right), "{}", json!(left));
                prop_assert_eq!(viewer.badge(&left), viewer.badge(&right), "{}", json!(left));
            }
        }
    }

    #[test]
    fn a_filter_never_widens(world in worlds(), AnyRule(rule) in rules(), AnyRule(other) in rules()) {
        let engine = world.engine();
        let narrower = Rule::all([rule.clone(), other]);
        for viewer in viewers(&engine) {
            let everything = whole(&viewer, &Inbox::Everything).unwrap();
            let wide = whole(&viewer, &with_archived(rule.clone())).unwrap();
            let narrow = whole(&viewer, &with_archived(narrower.clone())).unwrap();
            prop_assert!(wide.iter().all(|id| everything.contains(id)), "{}", json!(rule));
            prop_assert!(narrow.iter().all(|id| wide.contains(id)), "{}", json!(narrower));
            for archived in [ArchiveScope::Exclude, ArchiveScope::Only] {
                let part = whole(&viewer, &Inbox::Rule { rule: rule.clone(), archived }).unwrap();
                prop_assert!(part.iter().all(|id| wide.contains(id)));
            }
        }
    }

    #[test]
    fn a_change_to_a_contact_that_is_hidden_from_a_viewer_changes_no_answer_to_them(
        history in histories_with_membership(3, CONTACT_KINDS),
        questions in questions(5),
    ) {
        let before = history.world.engine();
        let facts = history.world.facts();
        let asked = Asked::about(&facts).with(&questions);
        for change in &history.changes {
            let mut after = before.clone();
            if after.apply(change).is_err() {
                continue;
            }
            for viewer in &asked.viewers {
                let hides_all = touched(change).iter().all(|id| !before.can_view(viewer, id));
                if hides_all {
                    assert_same_value(&answers_to(&before, viewer, &asked), &answers_to(&after, viewer, &asked))?;
                }
            }
        }
    }

    #[test]
    fn a_hidden_contact_counts_as_not_attached(world in worlds_with_membership(), questions in questions(5)) {
        let (engine, facts) = (world.engine(), world.facts());
        for viewer in viewers(&engine) {
            let bare = without_contacts(&world, |id| !viewer.can_view(id));
            let bare = bare.viewer(&viewer.teammate().id).unwrap();
            for inbox in openable(&viewer, &facts, &questions.inboxes) {
                prop_assert_eq!(whole(&viewer, &inbox), whole(&bare, &inbox), "{}", json!(inbox));
                prop_assert_eq!(viewer.badge(&inbox), bare.badge(&inbox), "{}", json!(inbox));
                for id in &Asked::about(&facts).conversations {
                    prop_assert_eq!(viewer.keeps_out(id, &inbox), bare.keeps_out(id, &inbox), "{}", json!(inbox));
                }
            }
        }
    }

    #[test]
    fn nobody_who_is_suspended_or_unknown_is_told_anything(history in histories(10, ACCESS_KINDS)) {
        let mut engine = history.world.engine();
        history.changes.iter().for_each(|change| drop(engine.apply(change)));
        let facts = Facts::load(engine.to_dataset()).unwrap();
        let asked = Asked::about(&facts);
        for id in &asked.viewers {
            let code = match engine.teammate(id) {
                Some(teammate) if !teammate.suspended => continue,
                Some(_) => ErrorCode::ViewerSuspended,
                None => ErrorCode::UnknownTeammate,
            };
            let error = engine.viewer(id).unwrap_err();
            prop_assert_eq!((error.code(), error.id()), (code, id.as_str()));
            prop_assert!(asked.conversations.iter().all(|one| !engine.can_view(id, one)));
            prop_assert!(asked.contacts.iter().all(|one| !engine.can_view(id, one)));
            prop_assert!(asked.conversations.iter().all(|one| !engine.audience(one).is_ok_and(|all| all.contains(id))));
        }
    }

    #[test]
    fn an_engine_built_piece_by_piece_answers_like_one_made_at_once(world in worlds()) {
        let Dataset { organization, contacts, conversations, filters, .. } = world.0.clone();
        let mut builder = Engine::builder(organization).unwrap();
        for filter in filters {
            builder.filter(filter).unwrap();
        }
        for contact in contacts {
            builder.contact(contact).unwrap();
        }
        for conversation in conversations {
            builder.conversation(conversation).unwrap();
        }
        assert_same_answers(&builder.build(), &world.facts())?;
    }

    #[test]
    fn the_order_in_which_facts_are_loaded_changes_no_list(world in worlds()) {
        let mut reversed = world.0.clone();
        reversed.contacts.reverse();
        reversed.conversations.reverse();
        assert_same_lists_in(&world.engine(), &Engine::new(reversed).unwrap())?;
    }

    #[test]
    fn a_cursor_serves_nobody_and_nothing_else(world in worlds(), questions in questions(3)) {
        let engine = world.engine();
        let mut elsewhere = world.0.clone();
        elsewhere.organization.id = "elm".into();
        let others = [
            Engine::new(elsewhere).unwrap(),
            world.engine().with_cursor_key(CursorKey::from([7; 16])),
        ];
        let inboxes: Vec<Inbox> = named_inboxes().into_iter().chain(questions.inboxes).collect();
        for viewer in viewers(&engine) {
            for inbox in inboxes.iter().filter(|inbox| viewer.badge(inbox).is_ok()) {
                let Some(cursor) = viewer.filter_inbox(inbox, &PageRequest::first(1)).unwrap().next else { continue };
                let next = PageRequest::first(1).after(cursor);
                prop_assert!(viewer.filter_inbox(inbox, &next).is_ok());
                for other in inboxes.iter().filter(|other| *other != inbox && viewer.badge(other).is_ok()) {
                    is_invalid(viewer.filter_inbox(other, &next))?;
                }
                for list in named_lists() {
                    is_invalid(viewer.contacts(&list, &next))?;
                }
                for other in viewers(&engine).filter(|other| other.teammate().id != viewer.teammate().id) {
                    if other.badge(inbox).is_ok() {
                        is_invalid(other.filter_inbox(inbox, &next))?;
                    }
                }
                for other in &others {
                    let other = other.viewer(&viewer.teammate().id).unwrap();
                    is_invalid(other.filter_inbox(inbox, &next))?;
                }
            }
        }
    }

    #[test]
    fn a_contact_cursor_serves_nobody_and_nothing_else(world in worlds()) {
        let engine = world.engine();
        for viewer in viewers(&engine) {
            for list in named_lists() {
                let Some(cursor) = viewer.contacts(&list, &PageRequest::first(1)).unwrap().next else { continue };
                let next = PageRequest::first(1).after(cursor);
                prop_assert!(viewer.contacts(&list, &next).is_ok());
                for other in named_lists().iter().filter(|other| **other != list) {
                    is_invalid(viewer.contacts(other, &next))?;
                }
                for other in viewers(&engine).filter(|other| other.teammate().id != viewer.teammate().id) {
                    is_invalid(other.contacts(&list, &next))?;
                }
                is_invalid(viewer.filter_inbox(&Inbox::All, &next))?;
            }
        }
    }

    #[test]
    fn any_text_as_a_cursor_is_refused(world in worlds(), text in any::<String>(), digits in "[0-9a-f]{0,60}") {
        let engine = world.engine();
        for viewer in viewers(&engine) {
            for text in [&text, &digits] {
                let request = PageRequest::first(1).after(Cursor::from(text.clone()));
                is_invalid(viewer.filter_inbox(&Inbox::Everything, &request))?;
                is_invalid(viewer.contacts(&ContactList::All, &request))?;
            }
        }
    }
}

fn with_archived(rule: Rule) -> Inbox {
    Inbox::Rule { rule, archived: ArchiveScope::Include }
}

/// The contacts that a change names.
fn touched(change: &visibly::Change) -> Vec<visibly::ContactId> {
    match change {
        visibly::Change::UpdateContact(update) => vec![update.id.clone()],
        visibly::Change::TagContacts { ids, .. } => ids.clone(),
        _ => Vec::new(),
    }
}

fn without_contacts(world: &World, is_left_out: impl Fn(&visibly::ContactId) -> bool) -> Engine {
    let mut dataset = world.0.clone();
    for conversation in &mut dataset.conversations {
        conversation.contacts.retain(|id| !is_left_out(id));
    }
    Engine::new(dataset).unwrap()
}

fn assert_same_lists_in(one: &Engine, other: &Engine) -> TestCaseResult {
    for viewer in viewers(one) {
        let twin = other.viewer(&viewer.teammate().id).unwrap();
        for inbox in named_inboxes() {
            prop_assert_eq!(whole(&viewer, &inbox), whole(&twin, &inbox), "{}", json!(inbox));
        }
        for list in named_lists() {
            let ids = |viewer: &Viewer<'_>| json!(viewer.contacts(&list, &PageRequest::all()).unwrap().rows);
            prop_assert_eq!(ids(&viewer), ids(&twin), "{}", json!(list));
        }
    }
    Ok(())
}

fn is_invalid<R>(page: Result<Page<R>, Error>) -> TestCaseResult {
    match page {
        Ok(page) => Err(TestCaseError::fail(format!("accepted, with {} rows", page.rows.len()))),
        Err(error) => {
            prop_assert_eq!(error.code(), ErrorCode::InvalidCursor);
            Ok(())
        }
    }
}

fn three_conversations() -> Engine {
    let organization = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana"));
    let conversation = |id: &str, at| visibly::Conversation::note(id, at).member(visibly::Member::Organization);
    let dataset = Dataset::new(organization)
        .conversation(conversation("v1", 30))
        .conversation(conversation("é", 20))
        .conversation(conversation("v3", 10))
        .contact(visibly::Contact::new("p1").named("Ann"))
        .contact(visibly::Contact::new("p2").named("Bob"))
        .contact(visibly::Contact::new("p3"));
    Engine::new(dataset).unwrap()
}

/// Every text that differs from `text` in one character: replaced, left out, put in; and every beginning of it.
fn damaged(text: &str) -> Vec<String> {
    let mut damaged: Vec<String> = (0..text.len()).map(|end| text[..end].to_owned()).collect();
    for (at, digit) in text.char_indices() {
        let (before, after) = (&text[..at], &text[at + 1..]);
        damaged.push(format!("{before}{after}"));
        for other in "0123456789abcdefABCDEF gé+-".chars() {
            if other != digit {
                damaged.push(format!("{before}{other}{after}"));
            }
            damaged.push(format!("{before}{other}{digit}{after}"));
        }
    }
    damaged.retain(|other| other != text);
    damaged
}

#[test]
fn every_damage_of_one_character_to_a_cursor_is_refused() {
    let engine = three_conversations();
    let ana = engine.viewer(&TeammateId::from("ana")).unwrap();
    for size in [1, 2] {
        let next = ana.filter_inbox(&Inbox::Everything, &PageRequest::first(size)).unwrap().next.unwrap();
        for text in damaged(&next.to_string()) {
            let request = PageRequest::first(size).after(Cursor::from(text.clone()));
            let error = ana.filter_inbox(&Inbox::Everything, &request).expect_err(&text);
            assert_eq!(error.code(), ErrorCode::InvalidCursor);
        }
        let next = ana.contacts(&ContactList::All, &PageRequest::first(size)).unwrap().next.unwrap();
        for text in damaged(&next.to_string()) {
            let request = PageRequest::first(size).after(Cursor::from(text.clone()));
            let error = ana.contacts(&ContactList::All, &request).map(rows).expect_err(&text);
            assert_eq!(error.code(), ErrorCode::InvalidCursor);
        }
    }
}

fn rows(page: Page<ContactRow<'_>>) -> usize {
    page.rows.len()
}
