//! Rules, saved filters, inboxes and contact lists (SPEC 5).

use std::cell::Cell;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::contact::{ContactCategory, Invitation};
use super::conversation::ConversationKind;
use super::null_is_default;
use super::organization::{Channel, Member};
use super::text::{ContactId, EndpointId, FilterId, Tag, TeamId, TeammateId, Text, Timestamp};
use super::words::words;

/// How deep a rule may be: its leaf counts, and each `all`, `any` and `not` around it. A deeper one is refused, so that
/// none that is kept can exhaust the stack, and each can be read back: a journal of changes that holds one too deep for
/// its reader would be lost. `serde_json` reads up to 127 objects and lists in each other, of which an `all` or `any` is
/// two.
pub const MAX_RULE_DEPTH: usize = 32;

/// How many `all`, `any` and `not` around each other are read; `serde_json` reads no more of its own accord. Not as few
/// as [`MAX_RULE_DEPTH`] allows, so that what is a little too deep is still refused with the id of its filter.
const MAX_READ_DEPTH: usize = 127;

thread_local! {
    /// In how many of them this thread is reading.
    static READ_DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Reads what is in a `not`. Some formats have no limit of their own, and a rule takes them two bytes a level: it would
/// exhaust the stack before anyone could ask how deep it is.
fn within<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Rule>, D::Error> {
    let _level = Level::enter()?;
    Box::deserialize(deserializer)
}

/// Reads what is in an `all` or `any`. Room is made as rules come: for as many as a format claims, which serde takes a
/// mebibyte a list for, it would be that for every list around a list, of ten bytes each.
fn list_within<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Rule>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Rule>, A::Error> {
            let mut rules = Vec::new();
            while let Some(rule) = list.next_element()? {
                rules.push(rule);
            }
            Ok(rules)
        }
    }

    let _level = Level::enter()?;
    deserializer.deserialize_seq(List)
}

/// One level, until it is dropped.
struct Level;

impl Level {
    fn enter<E: serde::de::Error>() -> Result<Self, E> {
        let depth = READ_DEPTH.get();
        if depth == MAX_READ_DEPTH {
            return Err(E::custom("a rule that is nested too deep"));
        }
        READ_DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        READ_DEPTH.set(READ_DEPTH.get() - 1);
    }
}

/// A condition on the tags of one thing.
///
/// `any` of an empty list is false; `all` and `none` of an empty list are true (SPEC 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagSet {
    /// At least one of these.
    Any(Vec<Tag>),
    /// Every one of these.
    All(Vec<Tag>),
    /// Not one of these.
    None(Vec<Tag>),
}

impl TagSet {
    /// At least one of these tags.
    #[must_use]
    pub fn any<T: Into<Tag>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::Any(tags.into_iter().map(Into::into).collect())
    }

    /// Every one of these tags.
    #[must_use]
    pub fn all<T: Into<Tag>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::All(tags.into_iter().map(Into::into).collect())
    }

    /// Not one of these tags.
    #[must_use]
    pub fn none<T: Into<Tag>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::None(tags.into_iter().map(Into::into).collect())
    }

    /// The listed tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        match self {
            Self::Any(tags) | Self::All(tags) | Self::None(tags) => tags,
        }
    }
}

/// A choice from a list: `any` of an empty list is false, `none` of an empty list is true (SPEC 5.7). Ids that no
/// longer exist match nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick<T> {
    /// One of these.
    Any(Vec<T>),
    /// None of these.
    None(Vec<T>),
}

impl<T> Pick<T> {
    /// One of these.
    #[must_use]
    pub fn any<U: Into<T>>(values: impl IntoIterator<Item = U>) -> Self {
        Self::Any(values.into_iter().map(Into::into).collect())
    }

    /// None of these.
    #[must_use]
    pub fn none<U: Into<T>>(values: impl IntoIterator<Item = U>) -> Self {
        Self::None(values.into_iter().map(Into::into).collect())
    }

    /// The listed values.
    #[must_use]
    pub fn values(&self) -> &[T] {
        match self {
            Self::Any(values) | Self::None(values) => values,
        }
    }
}

/// One way in which a conversation may be assigned, for [`Rule::Assignee`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssigneePick {
    /// To nobody.
    Nobody,
    /// To whoever looks at the list (SPEC 5.6).
    Me,
    /// To a team that whoever looks at the list is in.
    MyTeams,
    /// To anyone at all.
    Anyone,
    /// To this team.
    Team(TeamId),
    /// To this teammate.
    Teammate(TeammateId),
}

/// What a filter asks for (SPEC 5.7). A rule only narrows what its viewer sees; it never grants anything.
///
/// A rule over contacts looks at those of the conversation's contacts that the viewer may view, and at nothing else
/// of the others (SPEC 4.4). In serde as written in the variants' names, for example
/// `{"all": ["unread", {"contact_tags": {"any": ["vip"]}}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Every one of these holds; true if there are none.
    All(#[serde(deserialize_with = "list_within")] Vec<Rule>),
    /// At least one of these holds; false if there are none.
    Any(#[serde(deserialize_with = "list_within")] Vec<Rule>),
    /// This does not hold.
    Not(#[serde(deserialize_with = "within")] Box<Rule>),
    /// The union of the tags of the contacts that the viewer may view.
    ContactTags(TagSet),
    /// The conversation's own tags.
    ConversationTags(TagSet),
    /// Any of these ways of being assigned; false if there are none.
    Assignee(Vec<AssigneePick>),
    /// The endpoint; a conversation without one is on none of them.
    Endpoints(Pick<EndpointId>),
    /// The channel; team conversations and notes have none.
    Channels(Pick<Channel>),
    /// The kind of conversation.
    Kinds(Pick<ConversationKind>),
    /// The contacts that the viewer may view: at least one, or none of them, is in the list.
    Contacts(Pick<ContactId>),
    /// The categories of the contacts that the viewer may view.
    ContactCategories(Pick<ContactCategory>),
    /// The invitations of the contacts that the viewer may view.
    Invitations(Pick<Invitation>),
    /// The viewer has not read it since its last message (SPEC 5.9).
    Unread,
    /// The viewer has starred it.
    Starred,
    /// Last activity at this time or later.
    ActiveSince(Timestamp),
    /// Last activity before this time.
    ActiveBefore(Timestamp),
}

impl Rule {
    /// Every one of `rules`.
    #[must_use]
    pub fn all(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::All(rules.into_iter().collect())
    }

    /// At least one of `rules`.
    #[must_use]
    pub fn any(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::Any(rules.into_iter().collect())
    }

    /// Not `rule`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "the leaf is called `not` in the format and is no operator")]
    pub fn not(rule: Rule) -> Self {
        Self::Not(Box::new(rule))
    }

    /// Whether a contact list can ask it: `all`, `any`, `not` over contact tags, categories, invitations and contacts.
    pub(crate) fn fits_contacts(&self) -> bool {
        self.leaves().all(|leaf| {
            matches!(leaf, Self::ContactTags(_) | Self::ContactCategories(_) | Self::Invitations(_) | Self::Contacts(_))
        })
    }

    /// The leaves, left to right. Needs no stack however deep the rule is nested.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Rule> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            while let Some(rule) = open.pop() {
                match rule {
                    Self::All(rules) | Self::Any(rules) => open.extend(rules.iter().rev()),
                    Self::Not(rule) => open.push(rule),
                    leaf => return Some(leaf),
                }
            }
            None
        })
    }

    /// A rule nested one deeper than [`MAX_RULE_DEPTH`].
    pub(crate) fn too_deep() -> Self {
        (0..MAX_RULE_DEPTH).fold(Self::Unread, |rule, _| Self::not(rule))
    }

    /// Whether it is nested deeper than [`MAX_RULE_DEPTH`].
    pub(crate) fn is_too_deep(&self) -> bool {
        self.is_deeper_than(MAX_RULE_DEPTH)
    }

    /// Goes no deeper than `depth` itself, however deep the rule.
    fn is_deeper_than(&self, depth: usize) -> bool {
        let inner = match self {
            Self::All(rules) | Self::Any(rules) => &rules[..],
            Self::Not(rule) => std::slice::from_ref(&**rule),
            _ => &[],
        };
        depth == 0 || inner.iter().any(|rule| rule.is_deeper_than(depth - 1))
    }
}

/// What becomes of archived conversations in a filter's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// Left out.
    #[default]
    Exclude,
    /// Listed like the others.
    Include,
    /// Listed alone.
    Only,
}

words!(ArchiveScope, "an archive scope", "exclude", { Exclude = "exclude", Include = "include", Only = "only" });

/// What a saved filter lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lists {
    /// Conversations: the filter is an inbox.
    Conversations,
    /// Contacts: the filter is a contact list.
    Contacts,
}

words!(Lists, "what a filter lists", "conversations", { Conversations = "conversations", Contacts = "contacts" });

/// A saved filter (SPEC 5.6): usable by its owner and by whoever a share covers; it hides nothing from anyone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// Its id.
    pub id: FilterId,
    /// Its name, for people to read.
    pub name: Text,
    /// The teammate it belongs to.
    pub owner: TeammateId,
    /// Who else may use it. A repeated member counts once.
    #[serde(default, with = "null_is_default")]
    pub shared_with: Vec<Member>,
    /// What it lists.
    pub lists: Lists,
    /// What becomes of archived conversations; a filter over contacts keeps the value and never looks at it.
    #[serde(default, with = "null_is_default")]
    pub archived: ArchiveScope,
    /// What it asks for.
    pub rule: Rule,
}

impl Filter {
    /// A filter over conversations, archived ones excluded, shared with nobody.
    #[must_use]
    pub fn conversations(
        id: impl Into<FilterId>,
        name: impl Into<Text>,
        owner: impl Into<TeammateId>,
        rule: Rule,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            owner: owner.into(),
            shared_with: Vec::new(),
            lists: Lists::Conversations,
            archived: ArchiveScope::Exclude,
            rule,
        }
    }

    /// A filter over contacts, shared with nobody.
    #[must_use]
    pub fn contacts(id: impl Into<FilterId>, name: impl Into<Text>, owner: impl Into<TeammateId>, rule: Rule) -> Self {
        Self { lists: Lists::Contacts, ..Self::conversations(id, name, owner, rule) }
    }

    /// The same, usable by whoever `member` covers too.
    #[must_use]
    pub fn shared_with(mut self, member: impl Into<Member>) -> Self {
        self.shared_with.push(member.into());
        self
    }

    /// The same, with another archive scope.
    #[must_use]
    pub fn archived(mut self, scope: ArchiveScope) -> Self {
        self.archived = scope;
        self
    }
}

/// A list of conversations that a viewer can open (SPEC 5.1 to 5.6).
///
/// In serde a name, `{"assigned_to_team": id}`, `{"saved": id}`, or `{"rule": RULE, "archived": scope}`. It is read in
/// formats that say of a value what it is, as JSON and MessagePack do; others, such as postcard, refuse to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Inbox {
    /// Patient conversations and notes, not archived, not assigned (SPEC 5.1).
    All,
    /// Not archived, assigned to the viewer (SPEC 5.2).
    AssignedToMe,
    /// Not archived, assigned to this team; only its own teammates can open it (SPEC 5.3).
    AssignedToTeam(TeamId),
    /// Team conversations, not archived (SPEC 5.4).
    TeamConversations,
    /// Starred by the viewer, archived or not (SPEC 5.5).
    Starred,
    /// Archived ones (SPEC 5.5).
    Archived,
    /// All that the viewer can see; the scope of search (SPEC 5.5).
    Everything,
    /// What a saved filter lists (SPEC 5.6).
    Saved(FilterId),
    /// What a rule lists that nobody has saved.
    Rule {
        /// What it asks for.
        rule: Rule,
        /// What becomes of archived conversations.
        archived: ArchiveScope,
    },
}

impl Inbox {
    /// The inbox of conversations assigned to this team.
    #[must_use]
    pub fn assigned_to_team(team: impl Into<TeamId>) -> Self {
        Self::AssignedToTeam(team.into())
    }

    /// What this saved filter lists.
    #[must_use]
    pub fn saved(filter: impl Into<FilterId>) -> Self {
        Self::Saved(filter.into())
    }

    /// What `rule` lists, archived conversations excluded.
    #[must_use]
    pub fn rule(rule: Rule) -> Self {
        Self::Rule { rule, archived: ArchiveScope::Exclude }
    }
}

impl Serialize for Inbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self {
            Self::All => "all",
            Self::AssignedToMe => "assigned_to_me",
            Self::TeamConversations => "team_conversations",
            Self::Starred => "starred",
            Self::Archived => "archived",
            Self::Everything => "everything",
            Self::AssignedToTeam(team) => return one_entry(serializer, "assigned_to_team", team),
            Self::Saved(filter) => return one_entry(serializer, "saved", filter),
            Self::Rule { rule, archived } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("rule", rule)?;
                map.serialize_entry("archived", archived)?;
                return map.end();
            }
        };
        serializer.serialize_str(name)
    }
}

fn one_entry<S: Serializer>(serializer: S, key: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, value)?;
    map.end()
}

impl<'de> Deserialize<'de> for Inbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InboxVisitor)
    }
}

struct InboxVisitor;

impl<'de> Visitor<'de> for InboxVisitor {
    type Value = Inbox;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an inbox, or an object with `assigned_to_team`, `saved` or `rule`")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Inbox, E> {
        Ok(match name {
            "all" => Inbox::All,
            "assigned_to_me" => Inbox::AssignedToMe,
            "team_conversations" => Inbox::TeamConversations,
            "starred" => Inbox::Starred,
            "archived" => Inbox::Archived,
            "everything" => Inbox::Everything,
            _ => {
                return Err(E::unknown_variant(
                    name,
                    &["all", "assigned_to_me", "team_conversations", "starred", "archived", "everything"],
                ));
            }
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inbox, A::Error> {
        InboxFields::deserialize(MapAccessDeserializer::new(map))?.into_inbox()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxFields {
    #[serde(default)]
    assigned_to_team: Option<TeamId>,
    #[serde(default)]
    saved: Option<FilterId>,
    #[serde(default)]
    rule: Option<Rule>,
    #[serde(default)]
    archived: Option<ArchiveScope>,
}

impl InboxFields {
    fn into_inbox<E: serde::de::Error>(self) -> Result<Inbox, E> {
        match self {
            Self { assigned_to_team: Some(team), saved: None, rule: None, archived: None } => {
                Ok(Inbox::AssignedToTeam(team))
            }
            Self { assigned_to_team: None, saved: Some(filter), rule: None, archived: None } => {
                Ok(Inbox::Saved(filter))
            }
            Self { assigned_to_team: None, saved: None, rule: Some(rule), archived } => {
                Ok(Inbox::Rule { rule, archived: archived.unwrap_or_default() })
            }
            _ => Err(E::custom("an inbox has one of `assigned_to_team`, `saved` and `rule`, the last with `archived`")),
        }
    }
}

/// A list of contacts that a viewer can open (SPEC 5.10), of those that the viewer can find.
///
/// In serde a name, `{"saved": id}` or `{"rule": RULE}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactList {
    /// Every saved contact: all but category unsaved.
    All,
    /// Patients.
    Patients,
    /// Patients who are invited and have no account yet.
    PatientsInvited,
    /// Patients with an account.
    PatientsWithApp,
    /// Professionals.
    Professionals,
    /// Clinics.
    Clinics,
    /// Numbers and addresses that nobody has saved yet.
    Unsaved,
    /// What a saved filter lists, unsaved contacts included.
    Saved(FilterId),
    /// What a rule lists that nobody has saved, unsaved contacts included.
    Rule(Rule),
}

impl ContactList {
    /// What this saved filter lists.
    #[must_use]
    pub fn saved(filter: impl Into<FilterId>) -> Self {
        Self::Saved(filter.into())
    }
}
