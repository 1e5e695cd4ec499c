//! What is in an inbox, and what keeps a conversation out of it (SPEC 5, 7.3).

use std::cmp::Reverse;
use std::fmt;

use hashbrown::{DefaultHashBuilder, HashSet};
use serde::{Deserialize, Serialize};

use super::access::{self, covers, finds};
use super::decision::Denial;
use super::rule::matches_conversation;
use crate::error::{Error, ErrorCode};
use crate::model::{
    ArchiveScope, ContactId, Conversation, ConversationId, ConversationKind, Directory, Facts, Filter, FilterId, Head,
    Inbox, Lists, Member, Rule, TeamId, Teammate, TeammateId,
};

/// How many conversations an inbox holds, and how many of them the viewer has not read (SPEC 5.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Badge {
    /// How many conversations are in the inbox.
    pub total: usize,
    /// How many of them are unread to the viewer.
    pub unread: usize,
}

/// The first condition that keeps a conversation out of an inbox, in the order visibility, kind, archive,
/// assignment, star, rule (SPEC 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptOut {
    /// The viewer does not see it, or it does not exist; which of the two is not told.
    NotVisible,
    /// The inbox lists other kinds of conversations.
    WrongKind,
    /// It is archived and the inbox leaves those out.
    Archived,
    /// It is not archived and the inbox lists nothing else.
    NotArchived,
    /// It is assigned and the inbox lists what is not.
    Assigned,
    /// It is not assigned to whom the inbox belongs.
    NotAssigned,
    /// The viewer has not starred it.
    NotStarred,
    /// The filter's rule does not match.
    Rule,
}

impl fmt::Display for KeptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotVisible => "not visible",
            Self::WrongKind => "wrong kind",
            Self::Archived => "archived",
            Self::NotArchived => "not archived",
            Self::Assigned => "assigned",
            Self::NotAssigned => "not assigned",
            Self::NotStarred => "not starred",
            Self::Rule => "rule does not match",
        })
    }
}

/// One of a conversation's contacts as a viewer may see it (SPEC 4.3). In serde what is shown, or `"hidden"`: where
/// that is an id alone, as of [`shown_contacts`], a contact of this very id reads alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShownContact<T> {
    /// The viewer may view it.
    Shown(T),
    /// The viewer may not: neither id, name, category nor tags.
    Hidden,
}

impl<T> ShownContact<T> {
    /// What is shown; `None` if the contact is hidden.
    #[must_use]
    pub fn shown(self) -> Option<T> {
        match self {
            Self::Shown(contact) => Some(contact),
            Self::Hidden => None,
        }
    }
}

impl<T: Serialize> Serialize for ShownContact<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(contact) => contact.serialize(serializer),
            Self::Hidden => serializer.serialize_str("hidden"),
        }
    }
}

/// The viewer as a teammate who may be answered; asking for the inbox of anybody else is an error (SPEC 1.3).
pub(crate) fn bind<'d>(directory: &'d Directory, id: &TeammateId) -> Result<&'d Teammate, Error> {
    bound(directory.teammates.get(id), id)
}

/// The same for whoever the id was found to be.
pub(crate) fn bound<'d>(teammate: Option<&'d Teammate>, id: &TeammateId) -> Result<&'d Teammate, Error> {
    access::active(teammate).map_err(|denial| match denial {
        Denial::Suspended => Error::new(ErrorCode::ViewerSuspended, id),
        _ => Error::new(ErrorCode::UnknownTeammate, id),
    })
}

/// An inbox that the viewer may open: who is meant and which rule holds is settled.
#[derive(Clone, Debug)]
pub(crate) enum Opened<'a> {
    All,
    AssignedTo(Member),
    TeamConversations,
    Starred,
    Archived,
    Everything,
    Rule { rule: &'a Rule, archived: ArchiveScope },
}

/// Opens an inbox for a viewer, or says why not.
pub(crate) fn open<'a>(directory: &'a Directory, viewer: &Teammate, inbox: &'a Inbox) -> Result<Opened<'a>, Error> {
    Ok(match inbox {
        Inbox::All => Opened::All,
        Inbox::AssignedToMe => Opened::AssignedTo(Member::Teammate(viewer.id.clone())),
        Inbox::AssignedToTeam(id) => Opened::AssignedTo(open_team(directory, viewer, id)?),
        Inbox::TeamConversations => Opened::TeamConversations,
        Inbox::Starred => Opened::Starred,
        Inbox::Archived => Opened::Archived,
        Inbox::Everything => Opened::Everything,
        Inbox::Saved(id) => {
            let filter = open_filter(directory, viewer, id, Lists::Conversations)?;
            Opened::Rule { rule: &filter.rule, archived: filter.archived }
        }
        Inbox::Rule { rule, .. } if rule.is_too_deep() => return Err(Error::new(ErrorCode::RuleTooDeep, "")),
        Inbox::Rule { rule, archived } => Opened::Rule { rule, archived: *archived },
    })
}

/// SPEC 5.3: only the team's own teammates, admins no more than others.
fn open_team(directory: &Directory, viewer: &Teammate, id: &TeamId) -> Result<Member, Error> {
    match directory.team(id)?.teammates.contains(&viewer.id) {
        true => Ok(Member::Team(id.clone())),
        false => Err(Error::new(ErrorCode::NotInTeam, id)),
    }
}

/// SPEC 5.6: a filter that the viewer may not use does not exist for them.
pub(crate) fn open_filter<'d>(
    directory: &'d Directory,
    viewer: &Teammate,
    id: &FilterId,
    lists: Lists,
) -> Result<&'d Filter, Error> {
    let filter = directory.filters.get(id).filter(|filter| may_use(directory, filter, viewer));
    match filter {
        None => Err(Error::new(ErrorCode::UnknownFilter, id)),
        Some(filter) if filter.lists != lists => Err(Error::new(ErrorCode::WrongList, id)),
        Some(filter) => Ok(filter),
    }
}

/// SPEC 5.6: its owner, and whoever a share covers.
pub(crate) fn may_use(directory: &Directory, filter: &Filter, viewer: &Teammate) -> bool {
    !viewer.suspended
        && (filter.owner == viewer.id || filter.shared_with.iter().any(|share| covers(directory, share, viewer)))
}

/// All who may use it.
pub(crate) fn users<'d>(directory: &'d Directory, filter: &'d Filter) -> HashSet<&'d TeammateId, DefaultHashBuilder> {
    let mut users = access::covered_by_any(directory, filter.shared_with.iter());
    users.extend(Some(&filter.owner).filter(|owner| access::is_active(directory, owner)));
    users
}

/// The first condition that keeps a conversation out; `None` if it is in (SPEC 7.3).
fn obstacle(facts: &Facts, viewer: &Teammate, opened: &Opened<'_>, conversation: &Conversation) -> Option<KeptOut> {
    if !access::sees(&facts.directory, Head::from(conversation), viewer) {
        return Some(KeptOut::NotVisible);
    }
    kind_obstacle(opened, conversation.kind)
        .or_else(|| archive_obstacle(opened, conversation.archived))
        .or_else(|| assignment_obstacle(opened, conversation.assignee.as_ref()))
        .or_else(|| match opened {
            Opened::Starred if !conversation.starred_by.contains(&viewer.id) => Some(KeptOut::NotStarred),
            Opened::Rule { rule, .. } if !matches_conversation(facts, viewer, conversation, rule) => {
                Some(KeptOut::Rule)
            }
            _ => None,
        })
}

pub(crate) fn kind_obstacle(opened: &Opened<'_>, kind: ConversationKind) -> Option<KeptOut> {
    let fits = match opened {
        Opened::All => kind != ConversationKind::Team,
        Opened::TeamConversations => kind == ConversationKind::Team,
        _ => true,
    };
    (!fits).then_some(KeptOut::WrongKind)
}

pub(crate) fn archive_obstacle(opened: &Opened<'_>, is_archived: bool) -> Option<KeptOut> {
    match (archive_scope(opened), is_archived) {
        (ArchiveScope::Exclude, true) => Some(KeptOut::Archived),
        (ArchiveScope::Only, false) => Some(KeptOut::NotArchived),
        _ => None,
    }
}

/// What becomes of archived conversations in this inbox.
pub(crate) fn archive_scope(opened: &Opened<'_>) -> ArchiveScope {
    match opened {
        Opened::All | Opened::AssignedTo(_) | Opened::TeamConversations => ArchiveScope::Exclude,
        Opened::Starred | Opened::Everything => ArchiveScope::Include,
        Opened::Archived => ArchiveScope::Only,
        Opened::Rule { archived, .. } => *archived,
    }
}

pub(crate) fn assignment_obstacle(opened: &Opened<'_>, assignee: Option<&Member>) -> Option<KeptOut> {
    match opened {
        Opened::All if assignee.is_some() => Some(KeptOut::Assigned),
        Opened::AssignedTo(member) if assignee != Some(member) => Some(KeptOut::NotAssigned),
        _ => None,
    }
}

/// What an inbox holds for a viewer, latest activity first, then by id (SPEC 5.8).
///
/// # Errors
/// `unknown_teammate` or `viewer_suspended` for the viewer; `unknown_team`, `not_in_team`, `unknown_filter`,
/// `wrong_list` or `rule_too_deep` for the inbox.
///
/// # Complexity
/// O(conversations × size of the rule), and sorting what is in.
pub fn filter_inbox(facts: &Facts, viewer: &TeammateId, inbox: &Inbox) -> Result<Vec<ConversationId>, Error> {
    let viewer = bind(&facts.directory, viewer)?;
    Ok(list(facts, viewer, inbox)?.into_iter().map(|conversation| conversation.id.clone()).collect())
}

fn list<'f>(facts: &'f Facts, viewer: &Teammate, inbox: &Inbox) -> Result<Vec<&'f Conversation>, Error> {
    let opened = open(&facts.directory, viewer, inbox)?;
    let mut list: Vec<_> =
        facts.conversations().filter(|conversation| obstacle(facts, viewer, &opened, conversation).is_none()).collect();
    list.sort_by_key(|conversation| (Reverse(conversation.last_activity), &conversation.id));
    Ok(list)
}

/// How many an inbox holds for a viewer, and how many of those are unread to them (SPEC 5.9).
///
/// Errors and cost as [`filter_inbox`].
///
/// # Errors
/// As [`filter_inbox`].
pub fn badge(facts: &Facts, viewer: &TeammateId, inbox: &Inbox) -> Result<Badge, Error> {
    let viewer = bind(&facts.directory, viewer)?;
    let list = list(facts, viewer, inbox)?;
    let unread = list.iter().filter(|conversation| !conversation.read_by.contains(&viewer.id)).count();
    Ok(Badge { total: list.len(), unread })
}

/// The badges of several inboxes, in their order.
///
/// # Errors
/// As [`badge`], for the first inbox that cannot be opened; for the viewer even if there is no inbox.
pub fn badges<'i>(
    facts: &Facts,
    viewer: &TeammateId,
    inboxes: impl IntoIterator<Item = &'i Inbox>,
) -> Result<Vec<Badge>, Error> {
    bind(&facts.directory, viewer)?;
    inboxes.into_iter().map(|inbox| badge(facts, viewer, inbox)).collect()
}

/// Those of `candidates` that the viewer sees, in the given order, each once; unknown ids drop out (SPEC 5.5).
///
/// # Errors
/// `unknown_teammate` or `viewer_suspended` for the viewer.
///
/// # Complexity
/// O(candidates).
pub fn search<'c>(
    facts: &Facts,
    viewer: &TeammateId,
    candidates: impl IntoIterator<Item = &'c ConversationId>,
) -> Result<Vec<ConversationId>, Error> {
    let viewer = bind(&facts.directory, viewer)?;
    let visible = |id: &&ConversationId| {
        facts.conversation(id).is_some_and(|found| access::sees(&facts.directory, found.into(), viewer))
    };
    let mut found: Vec<ConversationId> = candidates.into_iter().filter(visible).cloned().collect();
    crate::model::dedup(&mut found);
    Ok(found)
}

/// The conversation's contacts as the viewer may see them, in its order; empty if the conversation is unknown, or
/// hidden from the viewer, or the viewer unknown or suspended (SPEC 4.3).
///
/// O(contacts of the conversation).
#[must_use]
pub fn shown_contacts(
    facts: &Facts,
    viewer: &TeammateId,
    conversation: &ConversationId,
) -> Vec<ShownContact<ContactId>> {
    let directory = &facts.directory;
    let (Ok(viewer), Some(conversation)) = (access::viewer(directory, viewer), facts.conversation(conversation)) else {
        return Vec::new();
    };
    if !access::sees(directory, conversation.into(), viewer) {
        return Vec::new();
    }
    let shown =
        |id: &ContactId| match facts.contact(id).is_some_and(|contact| finds(directory, &contact.members, viewer)) {
            true => ShownContact::Shown(id.clone()),
            false => ShownContact::Hidden,
        };
    conversation.contacts.iter().map(shown).collect()
}

/// Which inboxes hold a conversation for a viewer (SPEC 7.3): `all`, `assigned_to_me`, `team_conversations`,
/// `starred`, `archived`, then the viewer's teams in the organization's order, then the usable filters in theirs.
/// Empty if the conversation is unknown or hidden from the viewer.
///
/// # Errors
/// `unknown_teammate` or `viewer_suspended` for the viewer.
///
/// # Complexity
/// O(teams × their size + filters × size of a rule).
pub fn placement(facts: &Facts, viewer: &TeammateId, conversation: &ConversationId) -> Result<Vec<Inbox>, Error> {
    let directory = &facts.directory;
    let viewer = bind(directory, viewer)?;
    let Some(conversation) = facts.conversation(conversation) else {
        return Ok(Vec::new());
    };
    let holds = |inbox: &Inbox| {
        open(directory, viewer, inbox).is_ok_and(|opened| obstacle(facts, viewer, &opened, conversation).is_none())
    };
    Ok(placement_inboxes(directory, viewer).filter(holds).collect())
}

/// Every inbox that a placement speaks of, in its order.
pub(crate) fn placement_inboxes(directory: &Directory, viewer: &Teammate) -> impl Iterator<Item = Inbox> {
    let fixed = [Inbox::All, Inbox::AssignedToMe, Inbox::TeamConversations, Inbox::Starred, Inbox::Archived];
    let teams = directory.teams.values().filter(|team| team.teammates.contains(&viewer.id));
    let filters = directory
        .filters
        .values()
        .filter(|filter| filter.lists == Lists::Conversations && may_use(directory, filter, viewer));
    let teams = teams.map(|team| Inbox::AssignedToTeam(team.id.clone()));
    let filters = filters.map(|filter| Inbox::Saved(filter.id.clone()));
    fixed.into_iter().chain(teams).chain(filters)
}

/// The first condition that keeps a conversation out of an inbox, in the order visibility, kind, archive,
/// assignment, star, rule; `None` if it is in (SPEC 7.3). One that is unknown is not visible.
///
/// # Errors
/// As [`filter_inbox`]; an inbox that the viewer may not open is refused before the conversation is looked at.
///
/// # Complexity
/// O(size of the rule).
pub fn keeps_out(
    facts: &Facts,
    viewer: &TeammateId,
    conversation: &ConversationId,
    inbox: &Inbox,
) -> Result<Option<KeptOut>, Error> {
    let viewer = bind(&facts.directory, viewer)?;
    let opened = open(&facts.directory, viewer, inbox)?;
    Ok(match facts.conversation(conversation) {
        Some(conversation) => obstacle(facts, viewer, &opened, conversation),
        None => Some(KeptOut::NotVisible),
    })
}
