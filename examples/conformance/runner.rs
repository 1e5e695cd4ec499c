//! Runs scenario files in the conformance format against the engine, and against `policy` for every question that
//! it can answer. The example and the tests share it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use visibly::{
    Action, Change, ContactId, ContactList, ConversationId, Cursor, Dataset, Decision, EndpointId, Engine, Error,
    Facts, FilterId, Inbox, Page, PageRequest, Resource, Revision, ShownContact, TeammateId, policy,
};

/// What a run has found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many steps were answered as expected, by each of the two.
    pub(crate) passed: usize,
    /// What was answered otherwise.
    pub(crate) mismatches: Vec<Mismatch>,
}

/// One answer that differs from the expected one.
#[derive(Debug)]
pub(crate) struct Mismatch {
    scenario: String,
    step: Option<usize>,
    answered_by: &'static str,
    question: String,
    expected: String,
    got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, step, answered_by, question, expected, got } = self;
        let step = step.map_or_else(|| "load".to_owned(), |step| format!("step {step}"));
        write!(f, "{scenario}, {step}, {answered_by}: {question}\n  expected {expected}\n  got      {got}")
    }
}

/// Runs every scenario of one file's text.
///
/// # Errors
/// One line that says where the text is not a scenario file.
pub(crate) fn run(text: &str, report: &mut Report) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let file: File =
        serde_path_to_error::deserialize(&mut json).map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
    json.end().map_err(|error| error.to_string())?;
    for scenario in file.scenarios {
        check_form(&scenario)?;
        run_scenario(scenario, report);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    #[serde(default, rename = "rules")]
    _rules: Vec<String>,
    dataset: Dataset,
    steps: Option<Vec<Step>>,
    load_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    ask: Option<Ask>,
    apply: Option<Change>,
    apply_all: Option<Vec<Change>>,
    #[serde(default, deserialize_with = "present")]
    expect: Option<Value>,
    error: Option<String>,
}

/// Tells an expected `null` from an absent expectation.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    CanView(ViewerAndResource),
    Can(Can),
    Grants(ViewerAndResource),
    Denial(ViewerAndResource),
    Inbox { viewer: TeammateId, inbox: Inbox, page_size: Option<usize> },
    Badge { viewer: TeammateId, inbox: Inbox },
    Badges { viewer: TeammateId, inboxes: Vec<Inbox> },
    Search { viewer: TeammateId, candidates: Vec<ConversationId> },
    Contacts { viewer: TeammateId, list: ContactList, page_size: Option<usize> },
    ShownContacts { viewer: TeammateId, conversation: ConversationId },
    Audience(ResourceName),
    Placement { viewer: TeammateId, conversation: ConversationId },
    KeepsOut { viewer: TeammateId, conversation: ConversationId, inbox: Inbox },
    Revision {},
    Authorize { actor: TeammateId, change: Change },
    Preview(Vec<Change>),
    Audit {},
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResourceName {
    Conversation(ConversationId),
    Contact(ContactId),
    Endpoint(EndpointId),
    Filter(FilterId),
}

impl ResourceName {
    fn resource(&self) -> Resource<'_> {
        match self {
            Self::Conversation(id) => id.into(),
            Self::Contact(id) => id.into(),
            Self::Endpoint(id) => id.into(),
            Self::Filter(id) => id.into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewerAndResource {
    viewer: TeammateId,
    conversation: Option<ConversationId>,
    contact: Option<ContactId>,
    endpoint: Option<EndpointId>,
    filter: Option<FilterId>,
}

impl ViewerAndResource {
    fn resource(&self) -> Result<Resource<'_>, String> {
        let named: Vec<Resource<'_>> = [
            self.conversation.as_ref().map(Resource::from),
            self.contact.as_ref().map(Resource::from),
            self.endpoint.as_ref().map(Resource::from),
            self.filter.as_ref().map(Resource::from),
        ]
        .into_iter()
        .flatten()
        .collect();
        match named[..] {
            [resource] => Ok(resource),
            _ => Err("one of `conversation`, `contact`, `endpoint` and `filter` is required".to_owned()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Can {
    viewer: TeammateId,
    action: String,
    conversation: Option<ConversationId>,
    contact: Option<ContactId>,
    endpoint: Option<EndpointId>,
    filter: Option<FilterId>,
}

impl Can {
    fn action(&self) -> Result<Action<'_>, String> {
        let action = match self {
            Self { conversation: Some(id), contact: None, endpoint: None, filter: None, .. } => {
                named(&self.action).map(|action| Action::Conversation(action, id))
            }
            Self { conversation: None, contact: Some(id), endpoint: None, filter: None, .. } => {
                named(&self.action).map(|action| Action::Contact(action, id))
            }
            Self { conversation: None, contact: None, endpoint: Some(id), filter: None, .. } => {
                named(&self.action).map(|action| Action::Endpoint(action, id))
            }
            Self { conversation: None, contact: None, endpoint: None, filter: Some(id), .. } => {
                named(&self.action).map(|action| Action::Filter(action, id))
            }
            Self { conversation: None, contact: None, endpoint: None, filter: None, action, .. } => {
                (action == "administer").then_some(Action::Administer)
            }
            _ => None,
        };
        action.ok_or_else(|| format!("no action `{}` on such a resource", self.action))
    }
}

fn named<A: DeserializeOwned>(action: &str) -> Option<A> {
    serde_json::from_value(json!(action)).ok()
}

/// Refuses a scenario whose steps say nothing, or more than one thing, before anything is run.
fn check_form(scenario: &Scenario) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("scenario `{}`: {what}", scenario.name));
    let steps = match (&scenario.steps, &scenario.load_error) {
        (Some(steps), None) => steps,
        (None, Some(_)) => return Ok(()),
        _ => return wrong("has one of `steps` and `load_error`"),
    };
    for (number, step) in steps.iter().enumerate() {
        let fits = match (&step.ask, &step.apply, &step.apply_all) {
            (Some(_), None, None) => step.expect.is_some() != step.error.is_some(),
            (None, Some(_), None) | (None, None, Some(_)) => step.expect.is_none(),
            _ => false,
        };
        if !fits {
            return wrong(&format!("step {number} is no step of the format"));
        }
        let checked = match &step.ask {
            Some(Ask::CanView(ask) | Ask::Grants(ask) | Ask::Denial(ask)) => ask.resource().map(drop),
            Some(Ask::Can(ask)) => ask.action().map(drop),
            _ => Ok(()),
        };
        if let Err(what) = checked {
            return wrong(&format!("step {number}: {what}"));
        }
    }
    Ok(())
}

type Answer = Result<Value, Error>;

fn run_scenario(scenario: Scenario, report: &mut Report) {
    let mut run = Run { scenario: &scenario.name, step: None, report };
    let loaded = Engine::new(scenario.dataset.clone());
    let facts = Facts::load(scenario.dataset);
    if let Some(code) = scenario.load_error {
        run.compare("engine", || "load".to_owned(), &Err(code.clone()), loaded.map(|_| Value::Null));
        run.compare("policy", || "load".to_owned(), &Err(code), facts.map(|_| Value::Null));
        return;
    }
    let (mut engine, mut facts) = match (loaded, facts) {
        (Ok(engine), Ok(facts)) => (engine, facts),
        (Err(error), _) | (_, Err(error)) => {
            run.compare("engine", || "load".to_owned(), &Ok(Value::Null), Err(error));
            return;
        }
    };
    for (number, step) in scenario.steps.unwrap_or_default().into_iter().enumerate() {
        run.step = Some(number);
        run_step(step, &mut engine, &mut facts, &mut run);
    }
}

fn run_step(step: Step, engine: &mut Engine, facts: &mut Facts, run: &mut Run<'_>) {
    let Step { ask, apply, apply_all, expect, error } = step;
    let expected = match error {
        Some(code) => Err(code),
        None => Ok(expect.unwrap_or_default()),
    };
    let applied = |outcome: Result<Revision, Error>| outcome.map(|_| Value::Null);
    if let Some(ask) = ask {
        run.compare("engine", || format!("{ask:?}"), &expected, ask_engine(engine, &ask));
        if let Some(answer) = ask_policy(facts, &ask) {
            run.compare("policy", || format!("{ask:?}"), &expected, answer);
        }
    } else if let Some(change) = apply {
        run.compare("engine", || format!("{change:?}"), &expected, applied(engine.apply(&change)));
        run.compare("policy", || format!("{change:?}"), &expected, facts.apply(&change).map(|()| Value::Null));
    } else if let Some(changes) = apply_all {
        run.compare("engine", || format!("{changes:?}"), &expected, applied(engine.apply_all(&changes)));
        run.compare("policy", || format!("{changes:?}"), &expected, facts.apply_all(&changes).map(|()| Value::Null));
    }
}

struct Run<'r> {
    scenario: &'r str,
    step: Option<usize>,
    report: &'r mut Report,
}

impl Run<'_> {
    fn compare(
        &mut self,
        answered_by: &'static str,
        question: impl Fn() -> String,
        expected: &Result<Value, String>,
        got: Answer,
    ) {
        let got = got.map_err(|error| error.code().to_string());
        if got == *expected {
            self.report.passed += 1;
            return;
        }
        let show = |answer: &Result<Value, String>| match answer {
            Ok(value) => value.to_string(),
            Err(code) => format!("error {code}"),
        };
        self.report.mismatches.push(Mismatch {
            scenario: self.scenario.to_owned(),
            step: self.step,
            answered_by,
            question: question(),
            expected: show(expected),
            got: show(&got),
        });
    }
}

fn ask_engine(engine: &Engine, ask: &Ask) -> Answer {
    Ok(match ask {
        Ask::CanView(ask) => json!(ask.resource().is_ok_and(|resource| engine.can_view(&ask.viewer, resource))),
        Ask::Can(ask) => json!(ask.action().is_ok_and(|action| engine.can(&ask.viewer, action))),
        Ask::Grants(ask) => decided(ask, |resource| engine.decide(&ask.viewer, resource), grants),
        Ask::Denial(ask) => decided(ask, |resource| engine.decide(&ask.viewer, resource), denial),
        Ask::Inbox { viewer, inbox, page_size } => {
            let viewer = engine.viewer(viewer)?;
            json!(pages(*page_size, |page| viewer.filter_inbox(inbox, page), |row| row.id().clone())?)
        }
        Ask::Badge { viewer, inbox } => json!(engine.viewer(viewer)?.badge(inbox)?),
        Ask::Badges { viewer, inboxes } => json!(engine.viewer(viewer)?.badges(inboxes)?),
        Ask::Search { viewer, candidates } => {
            json!(engine.viewer(viewer)?.search(candidates).iter().map(|row| row.id()).collect::<Vec<_>>())
        }
        Ask::Contacts { viewer, list, page_size } => {
            let viewer = engine.viewer(viewer)?;
            json!(pages(*page_size, |page| viewer.contacts(list, page), |row| row.id().clone())?)
        }
        Ask::ShownContacts { viewer, conversation } => match engine.viewer(viewer) {
            Ok(viewer) => shown_ids(viewer.shown_contacts(conversation), |contact| contact.id().clone()),
            Err(_) => json!([]),
        },
        Ask::Audience(resource) => json!(engine.audience(resource.resource())?),
        Ask::Placement { viewer, conversation } => json!(engine.viewer(viewer)?.placement(conversation)),
        Ask::KeepsOut { viewer, conversation, inbox } => {
            json!(engine.viewer(viewer)?.keeps_out(conversation, inbox)?)
        }
        Ask::Revision {} => json!(engine.revision()),
        Ask::Authorize { actor, change } => json!(engine.authorize(actor, change)),
        Ask::Preview(changes) => json!(engine.preview(changes)?),
        Ask::Audit {} => json!(engine.audit()),
    })
}

/// What `policy` answers; `None` for the revision, which facts alone do not have.
fn ask_policy(facts: &Facts, ask: &Ask) -> Option<Answer> {
    Some(match ask {
        Ask::CanView(ask) => {
            Ok(json!(ask.resource().is_ok_and(|resource| policy::can_view(facts, &ask.viewer, resource))))
        }
        Ask::Can(ask) => Ok(json!(ask.action().is_ok_and(|action| policy::can(facts, &ask.viewer, action)))),
        Ask::Grants(ask) => Ok(decided(ask, |resource| policy::decide(facts, &ask.viewer, resource), grants)),
        Ask::Denial(ask) => Ok(decided(ask, |resource| policy::decide(facts, &ask.viewer, resource), denial)),
        Ask::Inbox { viewer, inbox, .. } => policy::filter_inbox(facts, viewer, inbox).map(|ids| json!(ids)),
        Ask::Badge { viewer, inbox } => policy::badge(facts, viewer, inbox).map(|badge| json!(badge)),
        Ask::Badges { viewer, inboxes } => policy::badges(facts, viewer, inboxes).map(|badges| json!(badges)),
        Ask::Search { viewer, candidates } => policy::search(facts, viewer, candidates).map(|ids| json!(ids)),
        Ask::Contacts { viewer, list, .. } => policy::contacts(facts, viewer, list).map(|ids| json!(ids)),
        Ask::ShownContacts { viewer, conversation } => {
            Ok(shown_ids(policy::shown_contacts(facts, viewer, conversation), |id| id))
        }
        Ask::Audience(resource) => policy::audience(facts, resource.resource()).map(|ids| json!(ids)),
        Ask::Placement { viewer, conversation } => {
            policy::placement(facts, viewer, conversation).map(|inboxes| json!(inboxes))
        }
        Ask::KeepsOut { viewer, conversation, inbox } => {
            policy::keeps_out(facts, viewer, conversation, inbox).map(|condition| json!(condition))
        }
        Ask::Revision {} => return None,
        Ask::Authorize { actor, change } => Ok(json!(policy::authorize(facts, actor, change))),
        Ask::Preview(changes) => facts.preview(changes).map(|lines| json!(lines)),
        Ask::Audit {} => Ok(json!(policy::audit(facts))),
    })
}

fn decided(
    ask: &ViewerAndResource,
    decide: impl Fn(Resource<'_>) -> Decision,
    answer: impl Fn(&Decision) -> Value,
) -> Value {
    ask.resource().map_or(Value::Null, |resource| answer(&decide(resource)))
}

fn grants(decision: &Decision) -> Value {
    json!(decision.grants())
}

fn denial(decision: &Decision) -> Value {
    json!(decision.denial())
}

fn shown_ids<T>(contacts: Vec<ShownContact<T>>, id: impl Fn(T) -> ContactId) -> Value {
    contacts.into_iter().map(|contact| contact.shown().map_or_else(|| json!("hidden"), |one| json!(id(one)))).collect()
}

/// Every id of a list, fetched whole or page by page with each cursor sent as text.
fn pages<R, I>(
    size: Option<usize>,
    fetch: impl Fn(&PageRequest) -> Result<Page<R>, Error>,
    id: impl Fn(&R) -> I,
) -> Result<Vec<I>, Error> {
    let mut request = size.map_or_else(PageRequest::all, PageRequest::first);
    let mut ids = Vec::new();
    loop {
        let page = fetch(&request)?;
        ids.extend(page.rows.iter().map(&id));
        match page.next {
            Some(next) => request = request.after(Cursor::from(next.to_string())),
            None => return Ok(ids),
        }
    }
}
