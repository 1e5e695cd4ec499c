//! Every question that an engine answers, asked of it and of `policy`, and compared.
//!
//! [`assert_same_answers`] is what holds an engine: whatever its rows and bitmaps look like, no answer may differ from
//! the plain rules over the same facts. [`everything`] writes all answers down, to compare two engines or one engine
//! at two times.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};
use visibly::{
    Action, ArchiveScope, AssigneePick, Channel, ContactAction, ContactCategory, ContactId, ContactList,
    ConversationAction, ConversationId, ConversationKind, ConversationRow, Dataset, EndpointAction, EndpointId, Engine,
    Error, Facts, FilterAction, FilterId, Inbox, Invitation, Page, PageRequest, Pick, Resource, RowId, Rule,
    ShownContact, TagSet, TeammateId, Timestamp, Viewer, policy,
};

use crate::worlds::{GHOST, Ids, Questions, json as text};

/// What is asked about: ids that exist and ids that do not, and the lists to open.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) viewers: Vec<TeammateId>,
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) contacts: Vec<ContactId>,
    pub(crate) endpoints: Vec<EndpointId>,
    pub(crate) filters: Vec<FilterId>,
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) lists: Vec<ContactList>,
}

impl Asked {
    /// All that exists, two ids of each kind that do not, every named list, every saved filter, and a rule for each
    /// leaf.
    pub(crate) fn about(facts: &Facts) -> Self {
        let ids = Ids::of(facts);
        let mut inboxes = named_inboxes();
        inboxes.extend(unknown_too(&ids.teams).into_iter().map(Inbox::AssignedToTeam));
        inboxes.extend(unknown_too(&ids.filters).into_iter().map(Inbox::Saved));
        inboxes.extend(probes().into_iter().map(|rule| Inbox::Rule { rule, archived: ArchiveScope::Include }));
        inboxes.push(Inbox::rule(Rule::all([])));
        let mut lists = named_lists();
        lists.extend(unknown_too(&ids.filters).into_iter().map(ContactList::Saved));
        lists.extend(contact_probes().into_iter().map(ContactList::Rule));
        lists.push(ContactList::Rule(Rule::Unread));
        Self {
            viewers: unknown_too(&ids.teammates),
            conversations: unknown_too(&ids.conversations),
            contacts: unknown_too(&ids.contacts),
            endpoints: unknown_too(&ids.endpoints),
            filters: unknown_too(&ids.filters),
            inboxes,
            lists,
        }
    }

    pub(crate) fn with(mut self, questions: &Questions) -> Self {
        self.inboxes.extend(questions.inboxes.iter().cloned());
        self.lists.extend(questions.lists.iter().cloned());
        self
    }

    fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let conversations = self.conversations.iter().map(Resource::from);
        conversations
            .chain(self.contacts.iter().map(Resource::from))
            .chain(self.endpoints.iter().map(Resource::from))
            .chain(self.filters.iter().map(Resource::from))
    }

    fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        let conversations = self.conversations.iter().flat_map(|id| {
            [
                ConversationAction::View,
                ConversationAction::Reply,
                ConversationAction::Assign,
                ConversationAction::Archive,
                ConversationAction::Tag,
                ConversationAction::ManageMembers,
            ]
            .map(|action| Action::Conversation(action, id))
        });
        let contacts = self.contacts.iter().flat_map(|id| {
            [ContactAction::Find, ContactAction::View, ContactAction::Edit, ContactAction::ManageMembers]
                .map(|action| Action::Contact(action, id))
        });
        let endpoints = self
            .endpoints
            .iter()
            .flat_map(|id| [EndpointAction::Use, EndpointAction::Manage].map(|action| Action::Endpoint(action, id)));
        let filters =
            self.filters.iter().flat_map(|id| [FilterAction::Use, FilterAction::Edit].map(|it| Action::Filter(it, id)));
        conversations.chain(contacts).chain(endpoints).chain(filters).chain([Action::Administer])
    }

    /// Every conversation twice, backwards first, so that order and repeats show.
    pub(crate) fn candidates(&self) -> Vec<ConversationId> {
        self.conversations.iter().rev().chain(&self.conversations).cloned().collect()
    }
}

/// The ids, one that was never used, and the empty one.
fn unknown_too<T: Clone + From<&'static str>>(ids: &[T]) -> Vec<T> {
    ids.iter().cloned().chain([T::from(GHOST), T::from("")]).collect()
}

pub(crate) fn named_inboxes() -> Vec<Inbox> {
    vec![Inbox::All, Inbox::AssignedToMe, Inbox::TeamConversations, Inbox::Starred, Inbox::Archived, Inbox::Everything]
}

pub(crate) fn named_lists() -> Vec<ContactList> {
    vec![
        ContactList::All,
        ContactList::Patients,
        ContactList::PatientsInvited,
        ContactList::PatientsWithApp,
        ContactList::Professionals,
        ContactList::Clinics,
        ContactList::Unsaved,
    ]
}

/// One rule a leaf, over ids of the small pools.
fn probes() -> Vec<Rule> {
    let mut rules = vec![
        Rule::Unread,
        Rule::not(Rule::Unread),
        Rule::Starred,
        Rule::ActiveSince(Timestamp::from_millis(20)),
        Rule::ActiveBefore(Timestamp::from_millis(10)),
        Rule::ConversationTags(TagSet::any(["vip"])),
        Rule::ConversationTags(TagSet::all(["VIP", "billing"])),
        Rule::Assignee(vec![AssigneePick::Me, AssigneePick::MyTeams]),
        Rule::Assignee(vec![AssigneePick::Nobody, AssigneePick::Team("ana".into())]),
        Rule::Assignee(vec![AssigneePick::Teammate("ana".into())]),
        Rule::Endpoints(Pick::any(["main", "e2"])),
        Rule::Channels(Pick::none([Channel::Phone])),
        Rule::Kinds(Pick::any([ConversationKind::Note])),
    ];
    rules.extend(contact_probes());
    rules
}

fn contact_probes() -> Vec<Rule> {
    vec![
        Rule::ContactTags(TagSet::any(["vip", "später"])),
        Rule::ContactTags(TagSet::all(["vip", "billing"])),
        Rule::ContactTags(TagSet::none(["VIP"])),
        Rule::Contacts(Pick::any(["main", "p1"])),
        Rule::ContactCategories(Pick::none([ContactCategory::Patient])),
        Rule::Invitations(Pick::any([Invitation::Invited])),
    ]
}

/// Asks the engine and `policy` every question for every viewer, unknown ones included.
pub(crate) fn assert_same_answers(engine: &Engine, facts: &Facts) -> TestCaseResult {
    assert_same_answers_to(engine, facts, &Asked::about(facts))
}

/// Asks the engine and `policy` what is listed.
pub(crate) fn assert_same_answers_to(engine: &Engine, facts: &Facts, asked: &Asked) -> TestCaseResult {
    assert_same_facts(engine, facts)?;
    same(engine.audit(), policy::audit(facts), || "audit".to_owned())?;
    for resource in asked.resources() {
        same(engine.audience(resource), policy::audience(facts, resource), || format!("audience of {resource:?}"))?;
    }
    asked.conversations.iter().try_for_each(|id| assert_same_row(engine, facts, id))?;
    asked.viewers.iter().try_for_each(|viewer| assert_same_for(engine, facts, viewer, asked))
}

/// A conversation's row number leads back to it, and to its audience.
fn assert_same_row(engine: &Engine, facts: &Facts, id: &ConversationId) -> TestCaseResult {
    let question = || format!("row number of {id:?}");
    let row = engine.row(id);
    same(row.and_then(|row| engine.id_of(row)), facts.conversation(id).map(|one| &one.id), question)?;
    let audience = row.and_then(|row| engine.audience_of(row));
    let expected = policy::audience(facts, id).ok();
    let counted = audience.map(|audience| (audience.len(), audience.is_empty()));
    same(counted, expected.as_ref().map(|ids| (ids.len(), ids.is_empty())), question)?;
    same(audience.map(|audience| audience.iter().cloned().collect()), expected, question)
}

/// The first pages of a day: lists and badges of the named inboxes for every viewer. Cheap enough for every step.
pub(crate) fn assert_same_lists(engine: &Engine, facts: &Facts) -> TestCaseResult {
    let mut inboxes = named_inboxes();
    inboxes.extend(facts.teams().map(|team| Inbox::AssignedToTeam(team.id.clone())));
    inboxes.extend(facts.filters().map(|filter| Inbox::Saved(filter.id.clone())));
    for teammate in facts.teammates() {
        let viewer = engine.viewer(&teammate.id);
        for inbox in &inboxes {
            let question = || format!("{} for {}", text(inbox), teammate.id);
            let listed = viewer.clone().and_then(|viewer| ids(viewer.filter_inbox(inbox, &PageRequest::all())));
            same(listed, policy::filter_inbox(facts, &teammate.id, inbox), question)?;
            let counted = viewer.clone().and_then(|viewer| viewer.badge(inbox));
            same(counted, policy::badge(facts, &teammate.id, inbox), || format!("badge of {}", question()))?;
        }
    }
    Ok(())
}

fn same<T: PartialEq + Debug>(engine: T, policy: T, question: impl FnOnce() -> String) -> TestCaseResult {
    if engine == policy {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{}\n  engine {engine:?}\n  policy {policy:?}", question())))
}

fn assert_same_facts(engine: &Engine, facts: &Facts) -> TestCaseResult {
    same(text(&in_order(engine.to_dataset())), text(&in_order(facts.to_dataset())), || "to_dataset".to_owned())?;
    same(engine.organization(), facts.organization(), || "organization".to_owned())?;
    same(engine.organization_id(), facts.id(), || "organization_id".to_owned())?;
    same(engine.contact_membership(), facts.contact_membership(), || "contact_membership".to_owned())?;
    same(engine.conversation_count(), facts.conversations().len(), || "conversation_count".to_owned())?;
    same(engine.contact_count(), facts.contacts().len(), || "contact_count".to_owned())?;
    same(sorted(engine.conversation_ids()), sorted(facts.conversations().map(|one| &one.id)), || {
        "conversation_ids".to_owned()
    })?;
    same(sorted(engine.contact_ids()), sorted(facts.contacts().map(|one| &one.id)), || "contact_ids".to_owned())?;
    same(Vec::from_iter(engine.teammates()), facts.teammates().collect(), || "teammates".to_owned())?;
    same(Vec::from_iter(engine.teams()), facts.teams().collect(), || "teams".to_owned())?;
    same(Vec::from_iter(engine.endpoints()), facts.endpoints().collect(), || "endpoints".to_owned())?;
    same(Vec::from_iter(engine.filters()), facts.filters().collect(), || "filters".to_owned())?;
    let ids = Ids::small();
    for id in unknown_too(&ids.conversations) {
        let found = engine.conversation(&id).map(marks_in_order);
        same(found, facts.conversation(&id).cloned().map(marks_in_order), || format!("{id:?}"))?;
    }
    for id in unknown_too(&ids.contacts) {
        same(engine.contact(&id).as_ref(), facts.contact(&id), || format!("{id:?}"))?;
    }
    for id in unknown_too(&ids.teammates) {
        same(engine.teammate(&id), facts.teammate(&id), || format!("{id:?}"))?;
    }
    for id in unknown_too(&ids.teams) {
        same(engine.team(&id), facts.team(&id), || format!("{id:?}"))?;
    }
    for id in unknown_too(&ids.endpoints) {
        same(engine.endpoint(&id), facts.endpoint(&id), || format!("{id:?}"))?;
    }
    for id in unknown_too(&ids.filters) {
        same(engine.filter(&id), facts.filter(&id), || format!("{id:?}"))?;
    }
    Ok(())
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values
}

/// The dataset with whatever has no order of its own sorted: contacts, conversations, read marks and stars.
pub(crate) fn in_order(mut dataset: Dataset) -> Dataset {
    dataset.contacts.sort_by(|one, other| one.id.cmp(&other.id));
    dataset.conversations.sort_by(|one, other| one.id.cmp(&other.id));
    dataset.conversations = dataset.conversations.into_iter().map(marks_in_order).collect();
    dataset
}

fn marks_in_order(mut conversation: visibly::Conversation) -> visibly::Conversation {
    conversation.read_by.sort();
    conversation.starred_by.sort();
    conversation
}

fn assert_same_for(engine: &Engine, facts: &Facts, id: &TeammateId, asked: &Asked) -> TestCaseResult {
    for resource in asked.resources() {
        let question = || format!("whether {id:?} sees {resource:?}");
        same(engine.can_view(id, resource), policy::can_view(facts, id, resource), question)?;
        same(engine.decide(id, resource), policy::decide(facts, id, resource), question)?;
    }
    for action in asked.actions() {
        same(engine.can(id, action), policy::can(facts, id, action), || format!("whether {id:?} may {action:?}"))?;
    }
    let bound = policy::search(facts, id, []).map(drop);
    let viewer = match engine.viewer(id) {
        Ok(viewer) => viewer,
        Err(error) => return same(Err(error), bound, || format!("viewer {id:?}")),
    };
    same(Ok(()), bound, || format!("viewer {id:?}"))?;
    same(Some(viewer.teammate()), facts.teammate(id), || format!("teammate of viewer {id:?}"))?;
    assert_same_decisions(&viewer, facts, asked)?;
    assert_same_inboxes(&viewer, facts, asked)?;
    assert_same_contact_lists(&viewer, facts, asked)?;
    assert_same_rows(engine, &viewer, facts, asked)?;
    assert_same_single_answers(&viewer, facts, asked)
}

/// The rows that the viewer sees and how many there are to be, the first asked for by itself, the others at once.
fn gone_through(viewer: &Viewer<'_>) -> (usize, Vec<RowId>) {
    let mut visible = viewer.visible();
    let count = visible.len();
    let mut rows: Vec<_> = visible.next().into_iter().collect();
    assert_eq!(rows.len() + visible.len(), count);
    visible.for_each(|row| rows.push(row));
    (count, rows)
}

/// By row number the viewer is answered what they are by id.
fn assert_same_rows(engine: &Engine, viewer: &Viewer<'_>, facts: &Facts, asked: &Asked) -> TestCaseResult {
    let id = &viewer.teammate().id;
    let mut rows = Vec::new();
    viewer.visible_rows(&mut rows);
    same(gone_through(viewer), (rows.len(), rows.clone()), || format!("rows that {id:?} goes through"))?;
    let seen = sorted(rows.iter().map(|row| engine.id_of(*row).cloned()));
    let everything = policy::filter_inbox(facts, id, &Inbox::Everything);
    let everything = everything.map(|all| sorted(all.into_iter().map(Some)));
    same(Ok(seen), everything, || format!("rows that {id:?} sees"))?;
    for conversation in &asked.conversations {
        let Some(row) = engine.row(conversation) else {
            continue;
        };
        let question = || format!("row number of {conversation:?} for {id:?}");
        same(viewer.can_view_row(row), policy::can_view(facts, id, conversation), question)?;
        let shown = viewer.conversation_row(row);
        same(shown, viewer.conversation(conversation), question)?;
        same(shown.map_or(row, |shown| shown.row()), row, question)?;
    }
    Ok(())
}

/// The viewer's own way of asking gives what the engine's does.
fn assert_same_decisions(viewer: &Viewer<'_>, facts: &Facts, asked: &Asked) -> TestCaseResult {
    let id = &viewer.teammate().id;
    for resource in asked.resources() {
        let question = || format!("whether viewer {id:?} sees {resource:?}");
        same(viewer.can_view(resource), policy::can_view(facts, id, resource), question)?;
        same(viewer.decide(resource), policy::decide(facts, id, resource), question)?;
    }
    for action in asked.actions() {
        same(viewer.can(action), policy::can(facts, id, action), || format!("whether viewer {id:?} may {action:?}"))?;
    }
    Ok(())
}

fn assert_same_inboxes(viewer: &Viewer<'_>, facts: &Facts, asked: &Asked) -> TestCaseResult {
    let id = &viewer.teammate().id;
    let mut openable = Vec::new();
    for inbox in &asked.inboxes {
        let question = || format!("inbox {} of {id:?}", text(inbox));
        let page = viewer.filter_inbox(inbox, &PageRequest::all());
        if let Ok(page) = &page {
            same(page.next.is_none(), true, || format!("{} goes on after the whole list", question()))?;
            page.rows.iter().try_for_each(|row| assert_row_shows_the_facts(row, id, facts))?;
            openable.push(inbox.clone());
        }
        let listed = policy::filter_inbox(facts, id, inbox);
        same(ids(page), listed.clone(), question)?;
        for limit in [2, usize::MAX] {
            let first = listed.clone().map(|ids| ids.into_iter().take(limit).map(Some).collect());
            same(newest(viewer, inbox, limit), first, || format!("newest {limit} of {}", question()))?;
        }
        same(viewer.badge(inbox), policy::badge(facts, id, inbox), || format!("badge of {}", question()))?;
        for conversation in &asked.conversations {
            let kept = policy::keeps_out(facts, id, conversation, inbox);
            same(viewer.keeps_out(conversation, inbox), kept, || format!("{conversation:?} in {}", question()))?;
        }
    }
    same(viewer.badges(&openable), policy::badges(facts, id, &openable), || format!("badges of {id:?}"))?;
    same(viewer.badges(&asked.inboxes), policy::badges(facts, id, &asked.inboxes), || format!("all badges of {id:?}"))
}

/// The first of a list, by row numbers; `None` for one that the viewer does not see.
fn newest(viewer: &Viewer<'_>, inbox: &Inbox, limit: usize) -> Result<Vec<Option<ConversationId>>, Error> {
    let mut rows = Vec::new();
    viewer.prepare(inbox)?.newest(limit, &mut rows);
    Ok(rows.iter().map(|row| viewer.conversation_row(*row).map(|shown| shown.id().clone())).collect())
}

fn assert_same_contact_lists(viewer: &Viewer<'_>, facts: &Facts, asked: &Asked) -> TestCaseResult {
    let id = &viewer.teammate().id;
    for list in &asked.lists {
        let listed = viewer.contacts(list, &PageRequest::all());
        let listed = listed.map(|page| page.rows.iter().map(|row| row.id().clone()).collect());
        same(listed, policy::contacts(facts, id, list), || format!("contacts {} of {id:?}", text(list)))?;
    }
    for contact in &asked.contacts {
        let row = viewer.contact(contact);
        let question = || format!("row of {contact:?} for {id:?}");
        same(row.is_some(), policy::can_view(facts, id, contact), question)?;
        if let (Some(row), Some(fact)) = (row, facts.contact(contact)) {
            let shown = json!({
                "id": fact.id, "name": fact.name, "category": fact.category,
                "invitation": fact.invitation, "tags": fact.tags,
            });
            same(json!(row), shown, question)?;
        }
    }
    Ok(())
}

fn assert_same_single_answers(viewer: &Viewer<'_>, facts: &Facts, asked: &Asked) -> TestCaseResult {
    let id = &viewer.teammate().id;
    let candidates = asked.candidates();
    let found: Vec<ConversationId> = viewer.search(&candidates).iter().map(|row| row.id().clone()).collect();
    same(Ok(found), policy::search(facts, id, &candidates), || format!("search of {id:?}"))?;
    for conversation in &asked.conversations {
        let question = || format!("{conversation:?} for {id:?}");
        let shown = viewer.shown_contacts(conversation).into_iter().map(|contact| match contact {
            ShownContact::Shown(row) => ShownContact::Shown(row.id().clone()),
            ShownContact::Hidden => ShownContact::Hidden,
        });
        same(shown.collect(), policy::shown_contacts(facts, id, conversation), question)?;
        same(Ok(viewer.placement(conversation)), policy::placement(facts, id, conversation), question)?;
        let row = viewer.conversation(conversation);
        same(row.is_some(), policy::can_view(facts, id, conversation), question)?;
        row.iter().try_for_each(|row| assert_row_shows_the_facts(row, id, facts))?;
    }
    Ok(())
}

/// Every field of a row is the fact itself, or the viewer's own mark, or a contact that the viewer may view.
pub(crate) fn assert_row_shows_the_facts(row: &ConversationRow<'_>, id: &TeammateId, facts: &Facts) -> TestCaseResult {
    let Some(fact) = facts.conversation(row.id()) else {
        return Err(TestCaseError::fail(format!("{:?} is listed and does not exist", row.id())));
    };
    let contacts = fact.contacts.iter().map(|contact| match facts.contact(contact) {
        Some(shown) if policy::can_view(facts, id, contact) => json!({
            "id": shown.id, "name": shown.name, "category": shown.category,
            "invitation": shown.invitation, "tags": shown.tags,
        }),
        _ => json!("hidden"),
    });
    let expected = json!({
        "id": fact.id, "kind": fact.kind, "endpoint": fact.endpoint, "assignee": fact.assignee,
        "archived": fact.archived, "tags": fact.tags, "last_activity": fact.last_activity,
        "read": fact.read_by.contains(id), "starred": fact.starred_by.contains(id),
        "contacts": contacts.collect::<Vec<_>>(),
    });
    same(json!(row), expected, || format!("row of {:?} for {id:?}", row.id()))
}

fn ids(page: Result<Page<ConversationRow<'_>>, Error>) -> Result<Vec<ConversationId>, Error> {
    page.map(|page| page.rows.iter().map(|row| row.id().clone()).collect())
}

/// All answers of an engine to all viewers, the audit and the facts, as one value.
pub(crate) fn everything(engine: &Engine) -> Value {
    let facts = Facts::load(engine.to_dataset()).expect("an engine's facts load");
    let asked = Asked::about(&facts);
    let viewers: serde_json::Map<String, Value> =
        asked.viewers.iter().map(|id| (id.to_string(), answers_to(engine, id, &asked))).collect();
    json!({
        "facts": in_order(engine.to_dataset()),
        "audit": engine.audit(),
        "audience": asked.resources().map(|resource| answer(engine.audience(resource))).collect::<Vec<_>>(),
        "viewers": viewers,
    })
}

/// All answers to one viewer, the cursors of its pages included; `null` for whom the engine does not serve.
pub(crate) fn answers_to(engine: &Engine, id: &TeammateId, asked: &Asked) -> Value {
    let Ok(viewer) = engine.viewer(id) else {
        return Value::Null;
    };
    let inboxes = asked.inboxes.iter().map(|inbox| {
        json!({
            "inbox": inbox,
            "whole": answer(viewer.filter_inbox(inbox, &PageRequest::all())),
            "page": answer(viewer.filter_inbox(inbox, &PageRequest::first(1))),
            "badge": answer(viewer.badge(inbox)),
            "keeps_out": asked.conversations.iter().map(|one| answer(viewer.keeps_out(one, inbox))).collect::<Vec<_>>(),
        })
    });
    let lists = asked.lists.iter().map(|list| {
        json!({
            "list": list,
            "whole": answer(viewer.contacts(list, &PageRequest::all())),
            "page": answer(viewer.contacts(list, &PageRequest::first(1))),
        })
    });
    json!({
        "inboxes": inboxes.collect::<Vec<_>>(),
        "lists": lists.collect::<Vec<_>>(),
        "search": viewer.search(&asked.candidates()),
        "contacts": asked.contacts.iter().map(|contact| json!(viewer.contact(contact))).collect::<Vec<_>>(),
        "placement": asked.conversations.iter().map(|one| viewer.placement(one)).collect::<Vec<_>>(),
        "decide": asked.resources().map(|resource| viewer.decide(resource)).collect::<Vec<_>>(),
        "can": asked.actions().map(|action| viewer.can(action)).collect::<Vec<_>>(),
    })
}

fn answer(answer: Result<impl serde::Serialize, Error>) -> Value {
    match answer {
        Ok(value) => json!(value),
        Err(error) => json!({"error": error.to_string()}),
    }
}

/// Fails with the first place at which two values differ.
pub(crate) fn assert_same_value(before: &Value, after: &Value) -> TestCaseResult {
    match first_difference(before, after, String::new()) {
        Some(difference) => Err(TestCaseError::fail(difference)),
        None => Ok(()),
    }
}

fn first_difference(before: &Value, after: &Value, path: String) -> Option<String> {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) if old.keys().eq(new.keys()) => {
            let mut fields = old.iter().zip(new.values());
            fields.find_map(|((key, old), new)| first_difference(old, new, format!("{path}.{key}")))
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let mut entries = old.iter().zip(new).enumerate();
            entries.find_map(|(index, (old, new))| first_difference(old, new, format!("{path}[{index}]")))
        }
        _ if before == after => None,
        _ => Some(format!("{path}\n  before {before}\n  after  {after}")),
    }
}

/// Who sees which conversation and contact.
pub(crate) fn access(engine: &Engine) -> Vec<(TeammateId, String, bool)> {
    let viewers: Vec<TeammateId> = engine.teammates().map(|one| one.id.clone()).collect();
    let mut seen = Vec::new();
    for viewer in &viewers {
        for id in engine.conversation_ids() {
            seen.push((viewer.clone(), format!("conversation {id}"), engine.can_view(viewer, id)));
        }
        for id in engine.contact_ids() {
            seen.push((viewer.clone(), format!("contact {id}"), engine.can_view(viewer, id)));
        }
    }
    seen.sort();
    seen
}
