//! Laws of change: whatever happens to an organization, one change after the other.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::json;
use visibly::{
    Change, ConversationId, Engine, Error, ErrorCode, Facts, Inbox, PageRequest, Revision, Timestamp, Viewer,
};

use crate::answers::{
    Asked, access, assert_same_answers, assert_same_answers_to, assert_same_lists, assert_same_value, everything,
    in_order, named_inboxes,
};
use crate::worlds::{
    ACCESS_KINDS, Draw, EVERY_KIND, History, INBOX_KINDS, Ids, Kind, ORGANIZING_KINDS, Scope, Sketch, config,
    histories, questions, wayward_histories,
};

/// Applies the changes to an engine and to plain facts; each is taken or refused by both alike, and after each the
/// lists are compared.
fn run(history: &History) -> Result<(Engine, Facts), TestCaseError> {
    let (mut engine, mut facts) = (history.world.engine(), history.world.facts());
    for change in &history.changes {
        let revision = engine.revision();
        let by_engine = engine.apply(change);
        let by_facts = facts.apply(change);
        prop_assert_eq!(by_engine.clone().map(drop), by_facts.clone(), "{}", json!(change));
        prop_assert_eq!(engine.revision(), revision.after(usize::from(by_engine.is_ok())));
        prop_assert!(by_engine.is_err() || by_engine == Ok(engine.revision()));
        assert_same_lists(&engine, &facts)
            .map_err(|error| TestCaseError::fail(format!("after {}: {error}", json!(change))))?;
    }
    Ok((engine, facts))
}

fn holds_after(history: &History) -> TestCaseResult {
    let (engine, facts) = run(history)?;
    assert_same_answers(&engine, &facts)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn after_any_changes_the_engine_answers_as_policy_does(
        history in histories(25, EVERY_KIND),
        questions in questions(4),
    ) {
        let (engine, facts) = run(&history)?;
        assert_same_answers_to(&engine, &facts, &Asked::about(&facts).with(&questions))?;
    }

    #[test]
    fn after_changes_of_inboxes_the_engine_answers_as_policy_does(history in histories(25, INBOX_KINDS)) {
        holds_after(&history)?;
    }

    #[test]
    fn after_changes_of_access_the_engine_answers_as_policy_does(history in histories(25, ACCESS_KINDS)) {
        holds_after(&history)?;
    }

    #[test]
    fn an_engine_that_was_changed_answers_like_one_rebuilt_from_its_facts(history in histories(25, EVERY_KIND)) {
        let (engine, facts) = run(&history)?;
        let rebuilt = Engine::new(engine.to_dataset()).unwrap();
        prop_assert_eq!(rebuilt.revision(), Revision::new(0));
        assert_same_answers(&rebuilt, &facts)?;
        assert_same_value(&everything(&rebuilt), &everything(&engine))?;
        let reloaded = Facts::load(facts.to_dataset()).unwrap();
        prop_assert!(reloaded == facts, "facts are not as loaded again from their own list");
    }

    #[test]
    fn wild_changes_never_panic_and_a_refused_one_changes_nothing(
        history in wayward_histories(20, EVERY_KIND, 40),
    ) {
        let (mut engine, mut facts) = (history.world.engine(), history.world.facts());
        for change in &history.changes {
            let (before, revision) = (facts.clone(), engine.revision());
            let by_engine = engine.apply(change).map(drop);
            prop_assert_eq!(&by_engine, &facts.apply(change), "{}", json!(change));
            if by_engine.is_err() {
                prop_assert!(facts == before, "refused and changed facts: {}", json!(change));
                prop_assert_eq!(engine.revision(), revision);
                let (now, then) = (in_order(engine.to_dataset()), in_order(before.to_dataset()));
                prop_assert_eq!(json!(now), json!(then), "refused and changed the engine: {}", json!(change));
                assert_same_lists(&engine, &before)?;
            }
        }
        assert_same_answers(&engine, &facts)?;
    }

    #[test]
    fn refused_changes_alone_leave_every_answer_as_it_was(history in wayward_histories(20, EVERY_KIND, 60)) {
        let mut engine = history.world.engine();
        let before = everything(&engine);
        for change in &history.changes {
            if engine.clone().apply(change).is_err() {
                prop_assert!(engine.apply(change).is_err(), "taken the second time: {}", json!(change));
            }
        }
        assert_same_value(&before, &everything(&engine))?;
        prop_assert_eq!(engine.revision(), Revision::new(0));
    }

    #[test]
    fn apply_all_does_what_apply_does_one_by_one_or_nothing(history in wayward_histories(8, EVERY_KIND, 4)) {
        let start = history.world.engine();
        let mut stepwise = start.clone();
        let outcomes: Vec<_> = history.changes.iter().map(|change| stepwise.apply(change)).collect();
        let first_refused = outcomes.iter().position(Result::is_err);

        let mut at_once = start.clone();
        let outcome = at_once.apply_all(&history.changes);
        let mut facts = history.world.facts();
        prop_assert_eq!(outcome.clone().map(drop), facts.apply_all(&history.changes));
        match first_refused {
            None => {
                prop_assert_eq!(outcome, Ok(Revision::new(history.changes.len() as u64)));
                assert_same_value(&everything(&stepwise), &everything(&at_once))?;
                assert_same_answers(&at_once, &facts)?;
            }
            Some(position) => {
                let error = outcome.unwrap_err();
                let alone = outcomes[position].clone().unwrap_err();
                prop_assert_eq!(error.position(), Some(position));
                prop_assert_eq!((error.code(), error.id()), (alone.code(), alone.id()));
                prop_assert_eq!(alone.position(), None);
                prop_assert_eq!(at_once.revision(), Revision::new(0));
                assert_same_value(&everything(&start), &everything(&at_once))?;
                prop_assert!(facts == history.world.facts());
            }
        }
    }

    #[test]
    fn applying_what_was_taken_at_once_gives_the_same_as_one_by_one(history in histories(12, EVERY_KIND)) {
        let mut stepwise = history.world.engine();
        let taken: Vec<Change> =
            history.changes.iter().filter(|change| stepwise.apply(change).is_ok()).cloned().collect();
        let mut at_once = history.world.engine();
        prop_assert_eq!(at_once.apply_all(&taken), Ok(stepwise.revision()));
        assert_same_value(&everything(&stepwise), &everything(&at_once))?;
    }

    #[test]
    fn a_preview_lists_what_applying_to_a_clone_opens_and_closes(history in histories(6, ACCESS_KINDS)) {
        let engine = history.world.engine();
        let mut after = engine.clone();
        let taken: Vec<Change> = history.changes.iter().filter(|change| after.apply(change).is_ok()).cloned().collect();
        let lines = engine.preview(&taken).unwrap();
        let listed: Vec<String> = lines.iter().map(|line| json!(line).to_string()).collect();
        prop_assert_eq!(listed, expected_preview(&engine, &after));
        prop_assert_eq!(engine.revision(), Revision::new(0));
    }

    #[test]
    fn a_snapshot_is_untouched_by_later_changes_of_either_side(
        history in histories(12, EVERY_KIND),
        later in 0_usize..12,
    ) {
        let mut engine = history.world.engine();
        let (first, second) = history.changes.split_at(later.min(history.changes.len()));
        first.iter().for_each(|change| drop(engine.apply(change)));
        let snapshot = engine.clone();
        let mut branch = engine.clone();
        let (then, revision) = (everything(&snapshot), snapshot.revision());
        second.iter().for_each(|change| drop(engine.apply(change)));
        second.iter().rev().for_each(|change| drop(branch.apply(change)));
        assert_same_value(&then, &everything(&snapshot))?;
        prop_assert_eq!(snapshot.revision(), revision);
        for changed in [&engine, &branch] {
            assert_same_answers(changed, &Facts::load(changed.to_dataset()).unwrap())?;
        }
    }

    #[test]
    fn organizing_never_changes_who_sees_what(history in histories(20, ORGANIZING_KINDS)) {
        let mut engine = history.world.engine();
        let before = access(&engine);
        for change in &history.changes {
            drop(engine.apply(change));
            prop_assert_eq!(&access(&engine), &before, "{}", json!(change));
        }
    }

    #[test]
    fn pages_go_on_across_changes_without_skipping_or_repeating_what_stayed(
        history in histories(6, EVERY_KIND),
        size in 1_usize..5,
    ) {
        let start = history.world.engine();
        let mut after = start.clone();
        history.changes.iter().for_each(|change| drop(after.apply(change)));
        for viewer in start.teammates().filter_map(|one| start.viewer(&one.id).ok()) {
            let Ok(later) = after.viewer(&viewer.teammate().id) else { continue };
            for inbox in named_inboxes() {
                assert_pages_go_on(&viewer, &later, &inbox, size)?;
            }
        }
    }

    #[test]
    fn a_removed_boundary_neither_skips_nor_repeats_others(history in histories(0, EVERY_KIND), size in 1_usize..5) {
        let engine = history.world.engine();
        for viewer in engine.teammates().filter_map(|one| engine.viewer(&one.id).ok()) {
            let list = ids(&viewer, &PageRequest::all()).unwrap();
            let page = viewer.filter_inbox(&Inbox::Everything, &PageRequest::first(size)).unwrap();
            let Some(next) = page.next else { continue };
            let mut after = engine.clone();
            after.apply(&Change::RemoveConversation { id: list[size - 1].clone() }).unwrap();
            let later = after.viewer(&viewer.teammate().id).unwrap();
            let rest = ids(&later, &PageRequest::all().after(next)).unwrap();
            prop_assert_eq!(&rest[..], &list[size..]);
        }
    }

    #[test]
    fn a_conversation_and_a_contact_come_back_under_their_ids_as_new(history in histories(8, EVERY_KIND)) {
        let (mut engine, mut facts) = run(&history)?;
        let old = facts.to_dataset();
        for conversation in &old.conversations {
            both(&mut engine, &mut facts, &Change::RemoveConversation { id: conversation.id.clone() })?;
        }
        for contact in &old.contacts {
            both(&mut engine, &mut facts, &Change::RemoveContact { id: contact.id.clone() })?;
        }
        assert_same_answers(&engine, &facts)?;
        for mut contact in old.contacts.into_iter().rev() {
            contact.tags.reverse();
            contact.tags.pop();
            both(&mut engine, &mut facts, &Change::AddContact(contact))?;
        }
        for mut conversation in old.conversations.into_iter().rev() {
            conversation.archived = false;
            conversation.assignee = None;
            conversation.read_by.clear();
            conversation.starred_by.clear();
            conversation.contacts.reverse();
            conversation.tags.pop();
            conversation.last_activity = Timestamp::from_millis(conversation.last_activity.as_millis() % 20);
            both(&mut engine, &mut facts, &Change::StartConversation(conversation))?;
        }
        assert_same_answers(&engine, &facts)?;
    }
}

/// Applies one change to both; they take or refuse it alike.
fn both(engine: &mut Engine, facts: &mut Facts, change: &Change) -> TestCaseResult {
    prop_assert_eq!(engine.apply(change).map(drop), facts.apply(change), "{}", json!(change));
    Ok(())
}

/// The lines of a preview worked out from every `can_view` before and after.
fn expected_preview(before: &Engine, after: &Engine) -> Vec<String> {
    let viewers: HashSet<_> = before.teammates().chain(after.teammates()).map(|one| one.id.clone()).collect();
    let mut lines = Vec::new();
    let mut compare = |viewer: &visibly::TeammateId, order: u8, kind: &str, id: &str, was: bool, is: bool| {
        let effect = if is { "gained" } else { "lost" };
        if was != is {
            let line = json!({"viewer": viewer, kind: id, "effect": effect}).to_string();
            lines.push(((viewer.clone(), order, id.to_owned()), line));
        }
    };
    for viewer in &viewers {
        for id in before.contact_ids().filter(|id| after.contact(id).is_some()) {
            compare(viewer, 0, "contact", id.as_str(), before.can_view(viewer, id), after.can_view(viewer, id));
        }
        for id in before.conversation_ids().filter(|id| after.conversation(id).is_some()) {
            compare(viewer, 1, "conversation", id.as_str(), before.can_view(viewer, id), after.can_view(viewer, id));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn ids(viewer: &Viewer<'_>, request: &PageRequest) -> Result<Vec<ConversationId>, Error> {
    let page = viewer.filter_inbox(&Inbox::Everything, request)?;
    Ok(page.rows.iter().map(|row| row.id().clone()).collect())
}

/// What is in the inbox both before and after, at the same time, is on the pages after the cursor exactly if it was
/// not on the page before it.
fn assert_pages_go_on(before: &Viewer<'_>, after: &Viewer<'_>, inbox: &Inbox, size: usize) -> TestCaseResult {
    let list = before.filter_inbox(inbox, &PageRequest::all()).unwrap().rows;
    let Some(next) = before.filter_inbox(inbox, &PageRequest::first(size)).unwrap().next else {
        return Ok(());
    };
    let now = after.filter_inbox(inbox, &PageRequest::all()).unwrap().rows;
    let rest = after.filter_inbox(inbox, &PageRequest::all().after(next)).unwrap().rows;
    for (index, row) in list.iter().enumerate() {
        let stayed = now.iter().any(|one| one.id() == row.id() && one.last_activity() == row.last_activity());
        let follows = rest.iter().any(|one| one.id() == row.id());
        prop_assert!(!stayed || follows == (index >= size), "{:?} in {}", row.id(), json!(inbox));
    }
    Ok(())
}

/// Numbers from a seed, by xorshift64* (Vigna, 2014): the long run is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u16 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 48) as u16
    }

    fn list(&mut self, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.next()).collect()
    }

    fn lists(&mut self, lists: usize, count: usize) -> Vec<Vec<u16>> {
        (0..lists).map(|_| self.list(count)).collect()
    }

    /// Every `step`th value, from a place of its own each time.
    fn sample<T: Clone>(&mut self, values: &[T], step: usize) -> Vec<T> {
        let start = usize::from(self.next()) % step;
        values.iter().skip(start).step_by(step).cloned().collect()
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn middle_sized(numbers: &mut Numbers) -> visibly::Dataset {
    let sketch = Sketch {
        contact_membership: true,
        teammates: numbers.lists(20, 3),
        teams: numbers.lists(6, 6),
        endpoints: numbers.lists(9, 14),
        contacts: numbers.lists(100, 17),
        conversations: numbers.lists(300, 30),
        filters: numbers.lists(10, 24),
    };
    sketch.dataset(&Ids::middle())
}

/// Changes of every kind, the removals of people and lines rarer than in a short history, which few would survive.
fn long_run_kinds() -> Vec<Kind> {
    [INBOX_KINDS, INBOX_KINDS, ACCESS_KINDS, EVERY_KIND].concat()
}

#[test]
fn a_long_run_of_changes_keeps_the_engine_and_policy_at_one() {
    let seed = setting("VISIBLY_LONG_SEED", 1);
    let mut numbers = Numbers(seed.max(1));
    let dataset = middle_sized(&mut numbers);
    let (mut engine, mut facts) = (Engine::new(dataset.clone()).unwrap(), Facts::load(dataset).unwrap());
    let (pool, kinds) = (Ids::middle(), long_run_kinds());
    let (mut taken, mut refused) = (0, HashSet::<ErrorCode>::new());
    let steps = setting("VISIBLY_LONG_RUN", 2_000);
    for step in 1..=steps {
        let existing = Ids::of(&facts);
        let scope = Scope { existing: &existing, pool: &pool, stray: 2 };
        let change = scope.change(&mut Draw::new(numbers.list(40)), &facts, &kinds);
        let outcome = facts.apply(&change);
        assert_eq!(engine.apply(&change).map(drop), outcome, "seed {seed}, step {step}: {}", json!(change));
        match outcome {
            Ok(()) => taken += 1,
            Err(error) => drop(refused.insert(error.code())),
        }
        if step % 100 == 0 || step == steps {
            let asked = sampled(Asked::about(&facts), &mut numbers);
            assert_same_answers_to(&engine, &facts, &asked)
                .unwrap_or_else(|error| panic!("seed {seed}, after step {step}: {error}"));
        }
    }
    assert_eq!(engine.revision(), Revision::new(taken));
    assert!(taken > steps / 2, "only {taken} of {steps} changes were taken");
    assert!(steps < 2_000 || refused.len() > 8, "refused for too few reasons: {refused:?}");
}

/// A part of the questions, another one each time.
fn sampled(asked: Asked, numbers: &mut Numbers) -> Asked {
    Asked {
        viewers: numbers.sample(&asked.viewers, 4),
        conversations: numbers.sample(&asked.conversations, 7),
        contacts: numbers.sample(&asked.contacts, 5),
        endpoints: asked.endpoints,
        filters: asked.filters,
        inboxes: numbers.sample(&asked.inboxes, 3),
        lists: numbers.sample(&asked.lists, 3),
    }
}
