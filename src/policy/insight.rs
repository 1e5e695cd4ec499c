//! Questions about everyone: audience and audit (SPEC 7.2, 7.5).

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::access::{
    self, all_have_access, all_see, covers_somebody, finds, has_no_audience, seen_by, sees, somebody_has_access,
    with_access,
};
use super::decision::{Resource, Subject};
use super::inbox::users;
use crate::error::{Error, ErrorCode};
use crate::model::{
    AssigneePick, Contact, ContactId, Directory, Endpoint, Facts, Filter, Head, Member, Rule, Teammate, TeammateId,
    World,
};

/// Every teammate who sees a resource, in the organization's order (SPEC 7.2).
///
/// # Errors
/// `unknown_contact` and so on if there is no such resource.
///
/// # Complexity
/// O(teammates + all whom the members cover); of a contact, O(teammates × members × team size).
pub fn audience<'r>(facts: &Facts, resource: impl Into<Resource<'r>>) -> Result<Vec<TeammateId>, Error> {
    audience_in(facts, resource.into())
}

/// The audience of a resource, whatever keeps the facts.
pub(crate) fn audience_in<W: World>(world: &W, resource: Resource<'_>) -> Result<Vec<TeammateId>, Error> {
    let directory = world.directory();
    let seers = |sees: &dyn Fn(&Teammate) -> bool| {
        directory.teammates.values().filter(|one| sees(one)).map(|one| one.id.clone()).collect()
    };
    Ok(match resource {
        Resource::Contact(id) => {
            let members = world.contact_members(id).ok_or_else(|| Error::new(ErrorCode::UnknownContact, id))?;
            seers(&|teammate| finds(directory, members, teammate))
        }
        Resource::Conversation(id) => {
            let head = world.head(id).ok_or_else(|| Error::new(ErrorCode::UnknownConversation, id))?;
            let seen_by = seen_by(directory, head);
            seers(&|teammate| seen_by.contains(&teammate.id))
        }
        Resource::Endpoint(id) => {
            let endpoint = directory.endpoint(id)?;
            let with_access = with_access(directory, endpoint);
            seers(&|teammate| with_access.contains(&teammate.id))
        }
        Resource::Filter(id) => {
            let filter = directory.filters.get(id).ok_or_else(|| Error::new(ErrorCode::UnknownFilter, id))?;
            let users = users(directory, filter);
            seers(&|teammate| users.contains(&teammate.id))
        }
    })
}

/// What an audit can find (SPEC 7.5), in the order of the findings' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// An unarchived conversation is assigned to somebody who cannot see it.
    AssigneeCannotView,
    /// An unarchived conversation is assigned to what covers no active teammate, so it is in nobody's inbox.
    AssigneeInactive,
    /// An endpoint assigns to what covers no active teammate.
    AutoAssignInactive,
    /// An endpoint assigns to somebody without access to it.
    AutoAssignWithoutAccess,
    /// Membership is off, yet the organization is not among the contact's members.
    ContactMembersNotEnforced,
    /// No active teammate sees the conversation.
    ConversationWithoutAudience,
    /// An endpoint is owned by a teammate, yet the organization is an additional member.
    DirectEndpointOpenToOrganization,
    /// No active teammate has access to the endpoint.
    EndpointWithoutAudience,
    /// A filter's rule or share names a teammate, team, endpoint or contact that is gone.
    FilterRefersToMissing,
    /// The organization has no active admin.
    NoActiveAdmin,
    /// Contact membership is on, the contact is not open to the organization, and an active teammate who cannot view
    /// it sees one of its conversations.
    RestrictedContactExposed,
}

impl FindingKind {
    /// The finding's name in the conformance format, such as `no_active_admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AssigneeCannotView => "assignee_cannot_view",
            Self::AssigneeInactive => "assignee_inactive",
            Self::AutoAssignInactive => "auto_assign_inactive",
            Self::AutoAssignWithoutAccess => "auto_assign_without_access",
            Self::ContactMembersNotEnforced => "contact_members_not_enforced",
            Self::ConversationWithoutAudience => "conversation_without_audience",
            Self::DirectEndpointOpenToOrganization => "direct_endpoint_open_to_organization",
            Self::EndpointWithoutAudience => "endpoint_without_audience",
            Self::FilterRefersToMissing => "filter_refers_to_missing",
            Self::NoActiveAdmin => "no_active_admin",
            Self::RestrictedContactExposed => "restricted_contact_exposed",
        }
    }
}

impl std::fmt::Display for FindingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of an audit (SPEC 7.5), ordered by finding, then by the subject's id. Each kind is told once of a subject,
/// which may have several.
///
/// In serde `{"finding": name, "subject": id}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// About what: an endpoint, conversation, contact, filter, or the organization.
    pub subject: Subject,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Finding", 2)?;
        fields.serialize_field("finding", &self.kind)?;
        fields.serialize_field("subject", self.subject.id())?;
        fields.end()
    }
}

/// Every doubtful state of the organization (SPEC 7.5). Empty for one in good order.
///
/// # Complexity
/// O(conversations + endpoints + filters × size of a rule), each looking at all whom its members cover. With contact
/// membership on, also O(teammates × conversations × contacts of each) at worst for every contact that is not open to
/// the organization.
#[must_use]
pub fn audit(facts: &Facts) -> Vec<Finding> {
    let directory = &facts.directory;
    let mut findings = audit_directory(directory, |rule| names_missing(facts, rule));
    for conversation in facts.conversations() {
        let subject = || Subject::Conversation(conversation.id.clone());
        findings.extend(head_findings(directory, conversation.into()).map(|kind| Finding { kind, subject: subject() }));
    }
    for contact in facts.contacts() {
        if let Some(kind) =
            contact_finding(directory, &contact.members, |outsider| is_exposed_to(facts, contact, outsider))
        {
            findings.push(Finding { kind, subject: Subject::Contact(contact.id.clone()) });
        }
    }
    findings.sort();
    findings
}

/// Findings about the organization, its endpoints and its filters.
pub(crate) fn audit_directory(directory: &Directory, is_dangling: impl Fn(&Rule) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !directory.teammates.values().any(access::is_active_admin) {
        let subject = Subject::Organization(directory.id.clone());
        findings.push(Finding { kind: FindingKind::NoActiveAdmin, subject });
    }
    for endpoint in directory.endpoints.values() {
        let subject = || Subject::Endpoint(endpoint.id.clone());
        findings.extend(endpoint_findings(directory, endpoint).map(|kind| Finding { kind, subject: subject() }));
    }
    for filter in
        directory.filters.values().filter(|filter| shares_missing(directory, filter) || is_dangling(&filter.rule))
    {
        let subject = Subject::Filter(filter.id.clone());
        findings.push(Finding { kind: FindingKind::FilterRefersToMissing, subject });
    }
    findings
}

fn endpoint_findings(directory: &Directory, endpoint: &Endpoint) -> impl Iterator<Item = FindingKind> {
    let is_direct = matches!(endpoint.owner, Member::Teammate(_));
    let is_open = endpoint.additional_members.contains(&Member::Organization);
    let has_audience = somebody_has_access(directory, endpoint);
    let assign = endpoint.auto_assign.as_ref();
    let assigns_nobody = assign.is_some_and(|to| !covers_somebody(directory, to));
    let assigns_outsider = assign.is_some_and(|to| !all_have_access(directory, to, endpoint));
    [
        (is_direct && is_open, FindingKind::DirectEndpointOpenToOrganization),
        (!has_audience, FindingKind::EndpointWithoutAudience),
        (assigns_nobody, FindingKind::AutoAssignInactive),
        (assigns_outsider, FindingKind::AutoAssignWithoutAccess),
    ]
    .into_iter()
    .filter_map(|(found, kind)| found.then_some(kind))
}

/// Findings about one conversation.
fn head_findings(directory: &Directory, head: Head<'_>) -> impl Iterator<Item = FindingKind> {
    let deserted = has_no_audience(directory, head).then_some(FindingKind::ConversationWithoutAudience);
    let assignee = head.assignee.filter(|_| !head.archived);
    let of_assignee = assignee.and_then(|to| assignee_finding(directory, to, || all_see(directory, to, head)));
    deserted.into_iter().chain(of_assignee)
}

/// The finding about whom an unarchived conversation is assigned to, if any; `all_see` says whether nobody whom it covers
/// cannot see it.
pub(crate) fn assignee_finding(
    directory: &Directory,
    to: &Member,
    all_see: impl FnOnce() -> bool,
) -> Option<FindingKind> {
    if !covers_somebody(directory, to) {
        return Some(FindingKind::AssigneeInactive);
    }
    (!all_see()).then_some(FindingKind::AssigneeCannotView)
}

/// The finding about one contact, if any; `is_exposed_to` says whether a teammate sees one of its conversations.
pub(crate) fn contact_finding(
    directory: &Directory,
    members: &[Member],
    is_exposed_to: impl Fn(&Teammate) -> bool,
) -> Option<FindingKind> {
    if members.contains(&Member::Organization) {
        return None;
    }
    if !directory.contact_membership {
        return Some(FindingKind::ContactMembersNotEnforced);
    }
    let active = directory.teammates.values().filter(|teammate| !teammate.suspended);
    let mut outsiders = active.filter(|teammate| !finds(directory, members, teammate));
    outsiders.any(is_exposed_to).then_some(FindingKind::RestrictedContactExposed)
}

fn is_exposed_to(facts: &Facts, contact: &Contact, teammate: &Teammate) -> bool {
    let mut conversations = facts.conversations().filter(|conversation| conversation.contacts.contains(&contact.id));
    conversations.any(|conversation| sees(&facts.directory, conversation.into(), teammate))
}

fn shares_missing(directory: &Directory, filter: &Filter) -> bool {
    directory.members(&filter.shared_with).is_err()
}

fn names_missing(facts: &Facts, rule: &Rule) -> bool {
    leaf_names_missing(&facts.directory, rule, |id| facts.contact(id).is_some())
}

/// Whether a rule names a teammate, team, endpoint or contact that is gone.
pub(crate) fn leaf_names_missing(directory: &Directory, rule: &Rule, has_contact: impl Fn(&ContactId) -> bool) -> bool {
    rule.leaves().any(|leaf| match leaf {
        Rule::Assignee(picks) => picks.iter().any(|pick| match pick {
            AssigneePick::Team(id) => directory.team(id).is_err(),
            AssigneePick::Teammate(id) => directory.teammate(id).is_err(),
            _ => false,
        }),
        Rule::Endpoints(pick) => pick.values().iter().any(|id| directory.endpoint(id).is_err()),
        Rule::Contacts(pick) => pick.values().iter().any(|id| !has_contact(id)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conversation, ConversationId, Dataset, EndpointId, FilterId, Organization, PhoneNumber, Team};
    use crate::work::looks_of;

    /// Teams of those who are active and of those who are suspended, with a line each, and what they share.
    fn facts(teammates: usize) -> Facts {
        let id = |number: usize| format!("t{number}");
        let mut oak = Organization::new("oak", "Oak Street");
        for number in 0..teammates {
            let teammate = Teammate::new(id(number), "");
            oak = oak.teammate(if number % 2 == 0 { teammate } else { teammate.suspended() });
        }
        for (team, odd) in [("active", 0), ("suspended", 1)] {
            oak = oak.team(Team::new(team, "", (0..teammates / 2).map(|number| id(number * 2 + odd))));
            oak = oak.endpoint(PhoneNumber::new(team).owned_by(Member::team(team)));
        }
        let mut dataset = Dataset::new(oak).conversation(Conversation::patient("v", "active", 1));
        dataset.filters.push(Filter::conversations("f", "", "t0", Rule::Unread).shared_with(Member::team("active")));
        Facts::load(dataset).unwrap()
    }

    /// SPEC 7.2, 7.5.
    #[test]
    fn audiences_and_audits_look_at_each_of_a_team_a_few_times_however_large_it_is() {
        for teammates in [100, 1_000] {
            let facts = facts(teammates);
            let (line, conversation, filter) =
                (EndpointId::from("active"), ConversationId::from("v"), FilterId::from("f"));
            let resources: [Resource<'_>; 3] = [(&line).into(), (&conversation).into(), (&filter).into()];
            for resource in resources {
                let looks = looks_of(|| assert_eq!(audience(&facts, resource).unwrap().len(), teammates / 2));
                assert_eq!(looks, teammates / 2, "{resource:?}");
            }
            let looks = looks_of(|| assert!(!audit(&facts).is_empty()));
            assert!(looks <= 2 * teammates, "{looks} looks");
        }
    }
}
