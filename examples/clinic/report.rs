//! What the example finds out, complete and in ids; `--json` prints it as it is, `text` as tables.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use visibly::{
    AccessChange, Badge, Change, Contact, ContactId, Conversation, ConversationId, ConversationKind, EndpointId,
    Engine, Error, Finding, FindingKind, Grant, Inbox, KeptOut, Member, OrganizationId, PageRequest, ShownContact,
    Subject, Teammate, TeammateId, Text, Viewer,
};

/// Everything about one clinic.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) organization: Summary,
    pub(crate) conversations: Vec<ConversationReport>,
    pub(crate) teammates: Vec<TeammateReport>,
    pub(crate) previews: Vec<Preview>,
    pub(crate) audit: Vec<AuditLine>,
}

#[derive(Serialize)]
pub(crate) struct Summary {
    pub(crate) id: OrganizationId,
    pub(crate) name: Text,
    pub(crate) contact_membership: bool,
}

/// One conversation: who sees it and by which grants, and which admins do not.
#[derive(Serialize)]
pub(crate) struct ConversationReport {
    pub(crate) id: ConversationId,
    pub(crate) kind: ConversationKind,
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) contacts: Vec<Person>,
    pub(crate) assignee: Option<Member>,
    pub(crate) archived: bool,
    pub(crate) audience: Vec<Seen>,
    pub(crate) admins_shut_out: Vec<TeammateId>,
}

/// A contact by id and, if it has one, name.
#[derive(Clone, PartialEq, Serialize)]
pub(crate) struct Person {
    pub(crate) id: ContactId,
    pub(crate) name: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Seen {
    pub(crate) viewer: TeammateId,
    pub(crate) grants: Vec<Grant>,
}

/// One teammate: inboxes, and what differs between them and what the teammate can see. Empty for who is suspended.
#[derive(Serialize)]
pub(crate) struct TeammateReport {
    pub(crate) id: TeammateId,
    pub(crate) name: Text,
    pub(crate) admin: bool,
    pub(crate) suspended: bool,
    pub(crate) found_by_search: usize,
    pub(crate) inboxes: Vec<InboxReport>,
    pub(crate) kept_out_of_all: Vec<KeptOutReport>,
    pub(crate) partly_hidden: Vec<PartlyHidden>,
}

#[derive(Serialize)]
pub(crate) struct InboxReport {
    pub(crate) inbox: Inbox,
    #[serde(flatten)]
    pub(crate) badge: Badge,
}

/// A conversation that the teammate finds by search, but not in the inbox `all`.
#[derive(Serialize)]
pub(crate) struct KeptOutReport {
    pub(crate) conversation: ConversationId,
    pub(crate) reason: KeptOut,
}

/// A conversation as the teammate sees it, at least one of whose contacts is hidden.
#[derive(Serialize)]
pub(crate) struct PartlyHidden {
    pub(crate) conversation: ConversationId,
    pub(crate) contacts: Vec<ShownContact<Person>>,
}

/// Changes that somebody considers.
pub(crate) struct Proposal {
    pub(crate) title: String,
    pub(crate) changes: Vec<Change>,
}

/// What a proposal would open or close.
#[derive(Serialize)]
pub(crate) struct Preview {
    pub(crate) title: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) effects: Vec<AccessChange>,
}

#[derive(Serialize)]
pub(crate) struct AuditLine {
    #[serde(flatten)]
    pub(crate) finding: Finding,
    pub(crate) meaning: String,
}

impl Report {
    /// Asks the engine everything.
    ///
    /// # Errors
    /// If a proposed change would be refused.
    pub(crate) fn new(engine: &Engine, proposals: Vec<Proposal>) -> Result<Self, Error> {
        let organization = engine.organization();
        let conversations = conversations(engine)?;
        Ok(Self {
            audit: audit(engine, &conversations),
            conversations,
            teammates: engine
                .teammates()
                .map(|teammate| teammate_report(engine, teammate))
                .collect::<Result<_, _>>()?,
            previews: proposals.into_iter().map(|proposal| preview(engine, proposal)).collect::<Result<_, _>>()?,
            organization: Summary {
                id: organization.id,
                name: organization.name,
                contact_membership: organization.contact_membership,
            },
        })
    }
}

/// Conversations of one endpoint together, in the organization's order; those without one last.
fn conversations(engine: &Engine) -> Result<Vec<ConversationReport>, Error> {
    let mut found: Vec<Conversation> = engine.conversation_ids().filter_map(|id| engine.conversation(id)).collect();
    let rank = |id: &Option<EndpointId>| engine.endpoints().position(|endpoint| Some(&endpoint.id) == id.as_ref());
    found.sort_by_cached_key(|conversation| {
        let rank = rank(&conversation.endpoint);
        (rank.is_none(), rank, conversation.kind, conversation.id.clone())
    });
    found.into_iter().map(|conversation| conversation_report(engine, conversation)).collect()
}

fn conversation_report(engine: &Engine, conversation: Conversation) -> Result<ConversationReport, Error> {
    let audience = engine.audience(&conversation.id)?;
    let admins = engine.teammates().filter(|teammate| teammate.admin && !teammate.suspended);
    let shut_out = admins.filter(|admin| !audience.contains(&admin.id)).map(|admin| admin.id.clone()).collect();
    let seen = |viewer: TeammateId| Seen { grants: engine.decide(&viewer, &conversation.id).grants().to_vec(), viewer };
    Ok(ConversationReport {
        audience: audience.into_iter().map(seen).collect(),
        admins_shut_out: shut_out,
        contacts: conversation.contacts.iter().filter_map(|id| engine.contact(id)).map(person).collect(),
        id: conversation.id,
        kind: conversation.kind,
        endpoint: conversation.endpoint,
        assignee: conversation.assignee,
        archived: conversation.archived,
    })
}

fn person(contact: Contact) -> Person {
    Person { id: contact.id, name: contact.name.map(|name| name.to_string()) }
}

fn teammate_report(engine: &Engine, teammate: &Teammate) -> Result<TeammateReport, Error> {
    let mut report = TeammateReport {
        id: teammate.id.clone(),
        name: teammate.name.clone(),
        admin: teammate.admin,
        suspended: teammate.suspended,
        found_by_search: 0,
        inboxes: Vec::new(),
        kept_out_of_all: Vec::new(),
        partly_hidden: Vec::new(),
    };
    if !teammate.suspended {
        fill_in(&mut report, engine.viewer(&teammate.id)?)?;
    }
    Ok(report)
}

fn fill_in(report: &mut TeammateReport, viewer: Viewer<'_>) -> Result<(), Error> {
    report.inboxes = inboxes(viewer)?;
    for row in viewer.filter_inbox(&Inbox::Everything, &PageRequest::all())?.rows {
        report.found_by_search += 1;
        if let Some(reason) = viewer.keeps_out(row.id(), &Inbox::All)? {
            report.kept_out_of_all.push(KeptOutReport { conversation: row.id().clone(), reason });
        }
        let contacts: Vec<_> = row.contacts().collect();
        if contacts.contains(&ShownContact::Hidden) {
            let contacts = contacts.into_iter().map(|contact| match contact {
                ShownContact::Shown(row) => {
                    ShownContact::Shown(Person { id: row.id().clone(), name: row.name().map(str::to_owned) })
                }
                ShownContact::Hidden => ShownContact::Hidden,
            });
            report.partly_hidden.push(PartlyHidden { conversation: row.id().clone(), contacts: contacts.collect() });
        }
    }
    Ok(())
}

/// The inboxes in a sidebar.
fn inboxes(viewer: Viewer<'_>) -> Result<Vec<InboxReport>, Error> {
    let inboxes = viewer.inboxes();
    let badges = viewer.badges(&inboxes)?;
    Ok(inboxes.into_iter().zip(badges).map(|(inbox, badge)| InboxReport { inbox, badge }).collect())
}

fn preview(engine: &Engine, Proposal { title, changes }: Proposal) -> Result<Preview, Error> {
    let effects = engine.preview(&changes)?;
    Ok(Preview { title, changes, effects })
}

/// What the engine found, with a sentence on what it means here.
fn audit(engine: &Engine, conversations: &[ConversationReport]) -> Vec<AuditLine> {
    let mut with: HashMap<&ContactId, Vec<&ConversationReport>> = HashMap::new();
    for conversation in conversations {
        conversation.contacts.iter().for_each(|person| with.entry(&person.id).or_default().push(conversation));
    }
    let line = |finding: Finding| {
        let meaning = match &finding.subject {
            Subject::Contact(id) => contact_meaning(engine, finding.kind, id, with.get(id).map_or(&[], |found| found)),
            Subject::Conversation(id) => conversation_meaning(engine, finding.kind, id),
            Subject::Endpoint(id) => endpoint_meaning(engine, finding.kind, id),
            _ => other_meaning(finding.kind),
        };
        AuditLine { finding, meaning }
    };
    engine.audit().into_iter().map(line).collect()
}

fn contact_meaning(engine: &Engine, kind: FindingKind, id: &ContactId, with: &[&ConversationReport]) -> String {
    if kind != FindingKind::RestrictedContactExposed {
        return other_meaning(kind);
    }
    let name =
        engine.contact(id).and_then(|contact| contact.name).map_or_else(|| id.to_string(), |name| name.to_string());
    let insiders: HashSet<TeammateId> = engine.audience(id).unwrap_or_default().into_iter().collect();
    let outsiders = with.iter().flat_map(|conversation| &conversation.audience).map(|seen| &seen.viewer);
    let outsiders: HashSet<_> = outsiders.filter(|viewer| !insiders.contains(*viewer)).collect();
    format!("Not open to {} who see a conversation with {name}, the contact hidden.", teammates(outsiders.len()))
}

fn teammates(number: usize) -> String {
    format!("{number} teammate{}", if number == 1 { "" } else { "s" })
}

fn conversation_meaning(engine: &Engine, kind: FindingKind, id: &ConversationId) -> String {
    let assignee = engine.conversation(id).and_then(|conversation| conversation.assignee);
    match (kind, assignee) {
        (FindingKind::AssigneeCannotView, Some(to)) => {
            format!("Assigned to {to}, {}.", which(&to, "who cannot see it", "not all of whom can see it"))
        }
        (FindingKind::AssigneeInactive, Some(to)) => {
            format!("Assigned to {to}, {}: in no one's inbox.", inactive(&to))
        }
        _ => other_meaning(kind),
    }
}

fn endpoint_meaning(engine: &Engine, kind: FindingKind, id: &EndpointId) -> String {
    let auto_assign = engine.endpoint(id).and_then(|endpoint| endpoint.auto_assign.as_ref());
    match (kind, auto_assign) {
        (FindingKind::AutoAssignInactive, Some(to)) => {
            format!("Assigns to {to}, {}: what comes in stays unassigned.", inactive(to))
        }
        (FindingKind::AutoAssignWithoutAccess, Some(to)) => {
            let gap = which(to, "who has no access", "not all of whom have access");
            format!("Assigns to {to}, {gap}: what comes in stays unassigned.")
        }
        _ => other_meaning(kind),
    }
}

fn inactive(recipient: &Member) -> &'static str {
    which(recipient, "who is suspended", "where nobody is active")
}

fn which(recipient: &Member, one: &'static str, several: &'static str) -> &'static str {
    match recipient {
        Member::Teammate(_) => one,
        Member::Team(_) | Member::Organization => several,
    }
}

fn other_meaning(kind: FindingKind) -> String {
    let sentence = match kind {
        FindingKind::ContactMembersNotEnforced => {
            "Has members of its own, but contact membership is off: everyone finds it."
        }
        FindingKind::ConversationWithoutAudience => "No active teammate sees it; an admin may add a member.",
        FindingKind::DirectEndpointOpenToOrganization => "One teammate's own line, yet everyone has access to it.",
        FindingKind::EndpointWithoutAudience => "No active teammate has access: what comes in reaches nobody.",
        FindingKind::FilterRefersToMissing => "Names somebody or something that is gone, which matches nothing.",
        FindingKind::NoActiveAdmin => "Nobody is left who could change settings, people and lines.",
        _ => "A state that deserves a look.",
    };
    sentence.to_owned()
}
