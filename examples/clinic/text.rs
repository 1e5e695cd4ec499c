//! The report as tables to read.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use visibly::{
    AccessChange, AccessEffect, Badge, ConversationId, ConversationKind, Grant, Inbox, KeptOut, Member, ShownContact,
    TeammateId,
};

use crate::report::{AuditLine, ConversationReport, Person, Preview, Report, TeammateReport};
use crate::table::{Cell, plain, table};

/// How many names a cell lists before it counts the rest.
const MOST_NAMES: usize = 24;

/// How much of a contact's name the widest table shows.
const NAME_WIDTH: usize = 20;

/// Every section, one after the other.
pub(crate) fn render(report: &Report) -> String {
    let sections = [
        title(report),
        who_sees_what(report),
        shut_out_admins(report),
        inboxes(report),
        beside_all(report),
        kept_out(report),
        hidden_contacts(report),
        previews(report),
        audit(report),
    ];
    sections.join("\n")
}

fn title(report: &Report) -> String {
    let organization = &report.organization;
    let membership = if organization.contact_membership { "on" } else { "off" };
    format!(
        "{}: {}, {} active; {}; contact membership {membership}\n",
        plain(organization.name.as_str()),
        count(report.teammates.len(), "teammate"),
        active(report),
        count(report.conversations.len(), "conversation"),
    )
}

fn active(report: &Report) -> usize {
    report.teammates.iter().filter(|teammate| !teammate.suspended).count()
}

/// An underlined title, and a sentence that says what the table tells.
fn heading(title: &str, note: &str) -> String {
    let title = plain(title);
    format!("{title}\n{}\n{note}\n\n", "=".repeat(title.chars().count()))
}

// Who sees which conversation.

fn who_sees_what(report: &Report) -> String {
    let row = |conversation: &ConversationReport| -> [Cell; 4] {
        [
            conversation.id.as_str().into(),
            place(conversation).into(),
            conversation.contacts.iter().map(short_name).collect::<Vec<_>>().into(),
            reasons(conversation, active(report)).into(),
        ]
    };
    let rows = report.conversations.iter().map(row).collect();
    heading("Who sees which conversation, and why", "One line for each grant, with those whom it lets in.")
        + &table(["conversation", "endpoint", "with", "seen by"], rows)
}

fn place(conversation: &ConversationReport) -> String {
    match (&conversation.endpoint, conversation.kind) {
        (Some(endpoint), _) => endpoint.to_string(),
        (None, ConversationKind::Note) => "(note)".to_owned(),
        (None, _) => "(team conversation)".to_owned(),
    }
}

/// One line a grant: the endpoint's owner, its additional members, the conversation's own.
fn reasons(conversation: &ConversationReport, active: usize) -> Vec<String> {
    let mut groups: Vec<(&Grant, Vec<&TeammateId>)> = Vec::new();
    for seen in &conversation.audience {
        for grant in &seen.grants {
            match groups.iter_mut().find(|(known, _)| *known == grant) {
                Some((_, viewers)) => viewers.push(&seen.viewer),
                None => groups.push((grant, vec![&seen.viewer])),
            }
        }
    }
    groups.sort_by_key(|(grant, _)| rank(grant));
    match groups.is_empty() {
        true => vec!["nobody".to_owned()],
        false => groups.into_iter().map(|(grant, viewers)| reason(grant, &viewers, active)).collect(),
    }
}

fn rank(grant: &Grant) -> usize {
    match grant {
        Grant::EndpointOwner(_) => 0,
        Grant::EndpointMember(_) => 1,
        _ => 2,
    }
}

fn reason(grant: &Grant, viewers: &[&TeammateId], active: usize) -> String {
    let what = match grant {
        Grant::EndpointOwner(member) => format!("{member} owns endpoint"),
        Grant::EndpointMember(member) => format!("{member} added to endpoint"),
        Grant::ConversationMember(member) => format!("{member} added to conversation"),
        other => other.to_string(),
    };
    match grant.member() {
        Some(Member::Teammate(_)) => what,
        _ => format!("{what}: {}", crowd(viewers, active)),
    }
}

/// Teammates by id, or all of them in a word.
fn crowd(viewers: &[&TeammateId], active: usize) -> String {
    match viewers.len() == active && active > 1 {
        true => "everyone".to_owned(),
        false => listed(viewers),
    }
}

fn shut_out_admins(report: &Report) -> String {
    let admins = report.teammates.iter().filter(|teammate| teammate.admin && !teammate.suspended);
    let row = |admin: &TeammateReport| -> [Cell; 3] {
        let closed =
            report.conversations.iter().filter(|conversation| conversation.admins_shut_out.contains(&admin.id));
        let closed: Vec<_> = closed.map(|conversation| &conversation.id).collect();
        [admin.name.as_str().into(), admin.found_by_search.into(), counted(&closed).into()]
    };
    heading("What admins are shut out of", "Being admin opens every contact, but no conversation.")
        + &table(["admin", "sees", "shut out of"], admins.map(row).collect())
}

// Inboxes.

fn inboxes(report: &Report) -> String {
    let rows = report.teammates.iter().map(inbox_row).collect();
    let head = ["teammate", "id", "all", "mine", "chats", "starred", "archived", "teams", "saved filters"];
    heading("Inboxes", "How many conversations, and how many of them unread: total/unread.") + &table(head, rows)
}

fn inbox_row(teammate: &TeammateReport) -> [Cell; 9] {
    let badge_of = |inbox: &Inbox| {
        let found = teammate.inboxes.iter().find(|entry| entry.inbox == *inbox);
        Cell::from(found.map_or_else(|| "-".to_owned(), |entry| badge(entry.badge)))
    };
    let named = |name: fn(&Inbox) -> Option<&str>| -> Vec<String> {
        let entries = teammate.inboxes.iter();
        entries.filter_map(|entry| Some(format!("{} {}", name(&entry.inbox)?, badge(entry.badge)))).collect()
    };
    let filters = match teammate.suspended {
        true => vec!["suspended, sees nothing".to_owned()],
        false => named(filter_name),
    };
    [
        title_of(teammate).into(),
        teammate.id.as_str().into(),
        badge_of(&Inbox::All),
        badge_of(&Inbox::AssignedToMe),
        badge_of(&Inbox::TeamConversations),
        badge_of(&Inbox::Starred),
        badge_of(&Inbox::Archived),
        named(team_name).into(),
        filters.into(),
    ]
}

fn title_of(teammate: &TeammateReport) -> String {
    match teammate.admin {
        true => format!("{} (admin)", teammate.name),
        false => teammate.name.to_string(),
    }
}

fn team_name(inbox: &Inbox) -> Option<&str> {
    match inbox {
        Inbox::AssignedToTeam(id) => Some(id.as_str()),
        _ => None,
    }
}

fn filter_name(inbox: &Inbox) -> Option<&str> {
    match inbox {
        Inbox::Saved(id) => Some(id.as_str()),
        _ => None,
    }
}

fn badge(badge: Badge) -> String {
    format!("{}/{}", badge.total, badge.unread)
}

// What search finds beyond the inbox `all`.

fn beside_all(report: &Report) -> String {
    let row = |teammate: &TeammateReport| -> [Cell; 6] {
        let kept_out = |reason| teammate.kept_out_of_all.iter().filter(|entry| entry.reason == reason).count();
        [
            teammate.id.as_str().into(),
            teammate.found_by_search.into(),
            (teammate.found_by_search - teammate.kept_out_of_all.len()).into(),
            kept_out(KeptOut::Assigned).into(),
            kept_out(KeptOut::Archived).into(),
            kept_out(KeptOut::WrongKind).into(),
        ]
    };
    let rows = report.teammates.iter().filter(|teammate| !teammate.suspended).map(row).collect();
    let head = ["teammate", "search finds", "in `all`", "out: assigned", "out: archived", "out: team conversation"];
    heading("What search finds, and what of it is in `all`", "Assigning and archiving tidy `all`; they hide nothing.")
        + &table(head, rows)
}

fn kept_out(report: &Report) -> String {
    let mut entries: HashMap<&ConversationId, (KeptOut, Vec<&TeammateId>)> = HashMap::new();
    for teammate in &report.teammates {
        for entry in &teammate.kept_out_of_all {
            entries.entry(&entry.conversation).or_insert((entry.reason, Vec::new())).1.push(&teammate.id);
        }
    }
    let row = |conversation: &ConversationReport| -> Option<[Cell; 3]> {
        let (reason, viewers) = entries.get(&conversation.id)?;
        let why = why_out(conversation, *reason);
        Some([conversation.id.as_str().into(), why.into(), crowd(viewers, active(report)).into()])
    };
    let rows = report.conversations.iter().filter_map(row).collect();
    heading("Out of `all`, though search finds it", "Whoever is named sees it, and finds it elsewhere than in `all`.")
        + &table(["conversation", "because", "for"], rows)
}

fn why_out(conversation: &ConversationReport, reason: KeptOut) -> String {
    match (reason, &conversation.assignee) {
        (KeptOut::Assigned, Some(Member::Team(id))) => format!("assigned to team `{id}`"),
        (KeptOut::Assigned, Some(Member::Teammate(id))) => format!("assigned to `{id}`"),
        (KeptOut::WrongKind, _) => "a team conversation".to_owned(),
        _ => reason.to_string(),
    }
}

fn hidden_contacts(report: &Report) -> String {
    let mut views: BTreeMap<(&str, String), Vec<&TeammateId>> = BTreeMap::new();
    for teammate in &report.teammates {
        for view in &teammate.partly_hidden {
            let shown = view.contacts.iter().map(shown_name).collect::<Vec<_>>().join(" + ");
            views.entry((view.conversation.as_str(), shown)).or_default().push(&teammate.id);
        }
    }
    let row = |((id, shown), viewers): ((&str, String), Vec<&TeammateId>)| -> [Cell; 3] {
        [id.into(), shown.into(), listed(&viewers).into()]
    };
    heading("Contacts hidden from who sees the conversation", "Shown as these viewers see it: no name, no tags, no id.")
        + &table(["conversation", "shown as with", "to"], views.into_iter().map(row).collect())
}

fn shown_name(contact: &ShownContact<Person>) -> String {
    match contact {
        ShownContact::Shown(person) => name(person),
        ShownContact::Hidden => "(hidden)".to_owned(),
    }
}

fn name(person: &Person) -> String {
    person.name.clone().unwrap_or_else(|| person.id.to_string())
}

fn short_name(person: &Person) -> String {
    let name = name(person);
    match name.char_indices().nth(NAME_WIDTH) {
        Some(_) => name.chars().take(NAME_WIDTH - 1).chain(['…']).collect(),
        None => name,
    }
}

// Previews.

fn previews(report: &Report) -> String {
    report.previews.iter().map(preview).collect::<Vec<_>>().join("\n")
}

fn preview(preview: &Preview) -> String {
    let mut groups: BTreeMap<(&TeammateId, &str, AccessEffect), Vec<&str>> = BTreeMap::new();
    for AccessChange { viewer, subject, effect } in &preview.effects {
        groups.entry((viewer, subject.kind(), *effect)).or_default().push(subject.id());
    }
    let closed = preview.effects.iter().filter(|line| line.effect == AccessEffect::Lost).count();
    let opened = preview.effects.len() - closed;
    let row = |((viewer, kind, effect), ids): ((&TeammateId, &str, AccessEffect), Vec<&str>)| -> [Cell; 3] {
        let verb = if effect == AccessEffect::Gained { "gains" } else { "loses" };
        [viewer.as_str().into(), format!("{verb} {}", count(ids.len(), kind)).into(), listed(&ids).into()]
    };
    let note = format!("{opened} would open, {closed} would close; nothing is applied.");
    heading(&format!("If {}", preview.title), &note)
        + &table(["teammate", "effect", "which"], groups.into_iter().map(row).collect())
}

// Audit.

fn audit(report: &Report) -> String {
    let row = |line: &AuditLine| -> [Cell; 3] {
        [line.finding.kind.as_str().into(), line.finding.subject.id().into(), line.meaning.as_str().into()]
    };
    heading("Audit", &format!("{}.", count(report.audit.len(), "finding")))
        + &table(["finding", "subject", "what it means"], report.audit.iter().map(row).collect())
}

// Words.

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The first few, and how many more.
fn listed<T: Display>(items: &[T]) -> String {
    let mut shown: Vec<String> = items.iter().take(MOST_NAMES).map(T::to_string).collect();
    if items.len() > MOST_NAMES {
        shown.push(format!("and {} more", items.len() - MOST_NAMES));
    }
    shown.join(", ")
}

fn counted<T: Display>(items: &[T]) -> String {
    match items.is_empty() {
        true => "none".to_owned(),
        false => format!("{}: {}", items.len(), listed(items)),
    }
}
