//! What a rule matches (SPEC 5.7), as a condition: one arm a leaf, as in `policy`.
//!
//! Every leaf is true or false, never `NULL`, so that `NOT` is the opposite of a rule and nothing else.

use std::collections::BTreeSet;

use sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};

use super::Questions;
use super::access::ContactKey;
use super::expr::{Nested, all_of, bound, col, count_distinct, exists, flag, known, one_of, select, word};
use super::schema::Contacts;
use crate::model::{AssigneePick, Channel, EndpointKind, Pick, Rule, Tag, TagSet, Timestamp};

/// What a rule is asked about: the row of a table under an alias.
#[derive(Clone, Copy)]
pub(crate) enum Candidate<'a> {
    Conversation(&'a str),
    Contact(&'a str),
}

impl Questions<'_> {
    /// Whether the row matches the rule, over the contacts that the viewer may view (SPEC 4.4). For a row that the
    /// viewer sees; a rule about conversations asked of a contact matches nothing.
    pub(crate) fn matches(&self, candidate: Candidate<'_>, rule: &Rule) -> Expr {
        self.nested(candidate, rule).condition
    }

    fn nested(&self, candidate: Candidate<'_>, rule: &Rule) -> Nested {
        match rule {
            Rule::All(rules) => Nested::all_of(rules.iter().map(|rule| self.nested(candidate, rule))),
            Rule::Any(rules) => Nested::any_of(rules.iter().map(|rule| self.nested(candidate, rule))),
            Rule::Not(rule) => self.nested(candidate, rule).not(),
            Rule::Assignee(choices) => match candidate {
                Candidate::Conversation(alias) => {
                    Nested::any_of(choices.iter().map(|choice| self.is_assigned(alias, choice).into()))
                }
                Candidate::Contact(_) => flag(false).into(),
            },
            leaf => self.leaf_matches(candidate, leaf).into(),
        }
    }

    fn leaf_matches(&self, candidate: Candidate<'_>, leaf: &Rule) -> Expr {
        match leaf {
            Rule::ContactTags(set) => tags_match(set, |tags| self.contact_tags(candidate, tags)),
            Rule::Contacts(pick) => self.contacts_pick(candidate, pick, |names| &names.id, |id| bound(id)),
            Rule::ContactCategories(pick) => {
                self.contacts_pick(candidate, pick, |names| &names.category, |it| word(it.as_str()))
            }
            Rule::Invitations(pick) => {
                self.contacts_pick(candidate, pick, |names| &names.invitation, |it| word(it.as_str()))
            }
            leaf => match candidate {
                Candidate::Conversation(alias) => self.conversation_matches(alias, leaf),
                Candidate::Contact(_) => flag(false),
            },
        }
    }

    fn conversation_matches(&self, alias: &str, leaf: &Rule) -> Expr {
        let schema = self.schema();
        let names = &schema.conversations;
        match leaf {
            Rule::ConversationTags(set) => tags_match(set, |tags| self.conversation_tags(alias, tags)),
            Rule::Endpoints(pick) => {
                let endpoint = col(alias, &names.endpoint_id);
                picks(pick, |ids| known(endpoint.clone(), one_of(endpoint.clone(), ids.iter().map(bound).collect())))
            }
            Rule::Channels(pick) => picks(pick, |channels| self.is_on(alias, channels)),
            Rule::Kinds(pick) => picks(pick, |kinds| {
                one_of(col(alias, &names.kind), kinds.iter().map(|kind| word(kind.as_str())).collect())
            }),
            Rule::Unread => self.is_read(alias).not(),
            Rule::Starred => self.is_starred(alias),
            Rule::ActiveSince(time) => col(alias, &names.last_activity).gte(millis(*time)),
            Rule::ActiveBefore(time) => col(alias, &names.last_activity).lt(millis(*time)),
            // The remaining cases are handled by the callers.
            _ => flag(false),
        }
    }

    /// Whether the viewer has read the conversation since its last message (SPEC 5.9).
    pub(crate) fn is_read(&self, alias: &str) -> Expr {
        let reads = &self.schema().conversation_reads;
        let is_it = all_of([
            reads.its(&reads.organization_id).eq(self.organization()),
            reads.its(&reads.conversation_id).eq(col(alias, &self.schema().conversations.id)),
            reads.its(&reads.teammate_id).eq(self.viewer()),
        ]);
        exists(reads.within(self.schema()), is_it)
    }

    /// Whether the viewer has starred the conversation.
    pub(crate) fn is_starred(&self, alias: &str) -> Expr {
        let stars = &self.schema().conversation_stars;
        let is_it = all_of([
            stars.its(&stars.organization_id).eq(self.organization()),
            stars.its(&stars.conversation_id).eq(col(alias, &self.schema().conversations.id)),
            stars.its(&stars.teammate_id).eq(self.viewer()),
        ]);
        exists(stars.within(self.schema()), is_it)
    }

    /// One way in which the conversation may be assigned.
    pub(crate) fn is_assigned(&self, alias: &str, choice: &AssigneePick) -> Expr {
        let names = &self.schema().conversations;
        let (kind, id) = (col(alias, &names.assignee_kind), col(alias, &names.assignee_id));
        let is_to = |what: &'static str, who: Expr| {
            all_of([kind.clone().is_not_null(), id.clone().is_not_null(), kind.clone().eq(word(what)), who])
        };
        match choice {
            AssigneePick::Nobody => kind.is_null(),
            AssigneePick::Anyone => kind.is_not_null(),
            AssigneePick::Me => is_to("teammate", id.clone().eq(self.viewer())),
            AssigneePick::MyTeams => is_to("team", id.clone().in_subquery(self.teams_of_viewer())),
            AssigneePick::Team(team) => is_to("team", id.clone().eq(bound(team))),
            AssigneePick::Teammate(teammate) => is_to("teammate", id.clone().eq(bound(teammate))),
        }
    }

    /// Whether the conversation runs over an endpoint of one of these channels.
    fn is_on(&self, alias: &str, channels: &[Channel]) -> Expr {
        let endpoints = &self.schema().endpoints;
        let kinds = channels.iter().map(|channel| word(endpoint_kind(*channel).as_str())).collect();
        let condition = all_of([
            endpoints.its(&endpoints.organization_id).eq(self.organization()),
            one_of(endpoints.its(&endpoints.kind), kinds),
        ]);
        let endpoint = col(alias, &self.schema().conversations.endpoint_id);
        let on_them = select(endpoints.its(&endpoints.id), endpoints.within(self.schema()), condition);
        known(endpoint.clone(), endpoint.in_subquery(on_them))
    }

    /// The tags of `wanted` that the conversation carries.
    fn conversation_tags(&self, alias: &str, wanted: Vec<Expr>) -> Tagged {
        let tags = &self.schema().conversation_tags;
        let condition = all_of([
            tags.its(&tags.organization_id).eq(self.organization()),
            tags.its(&tags.conversation_id).eq(col(alias, &self.schema().conversations.id)),
            one_of(tags.its(&tags.tag), wanted),
        ]);
        let rows = Query::select().from(tags.within(self.schema())).and_where(condition).take();
        Tagged { rows, tag: tags.its(&tags.tag) }
    }

    /// The tags of `wanted` that the contact carries, or that the viewable contacts of the conversation carry.
    fn contact_tags(&self, candidate: Candidate<'_>, wanted: Vec<Expr>) -> Tagged {
        let (tags, contacts) = (&self.schema().contact_tags, &self.schema().contacts);
        let contact = match candidate {
            Candidate::Contact(alias) => alias,
            Candidate::Conversation(_) => Contacts::ALIAS,
        };
        let carried = all_of([
            tags.its(&tags.organization_id).eq(self.organization()),
            tags.its(&tags.contact_id).eq(col(contact, &contacts.id)),
            one_of(tags.its(&tags.tag), wanted),
        ]);
        let rows = match candidate {
            Candidate::Contact(_) => Query::select().from(tags.within(self.schema())).and_where(carried).take(),
            Candidate::Conversation(alias) => {
                self.viewable_contacts(alias).join(JoinType::InnerJoin, tags.within(self.schema()), carried).take()
            }
        };
        Tagged { rows, tag: tags.its(&tags.tag) }
    }

    /// Whether the contact, or a viewable contact of the conversation, has one of the listed values in a column.
    fn contacts_pick<T>(
        &self,
        candidate: Candidate<'_>,
        pick: &Pick<T>,
        column: impl FnOnce(&Contacts) -> &super::Name,
        value: impl Fn(&T) -> Expr,
    ) -> Expr {
        let column = column(&self.schema().contacts);
        let fits = |alias: &str| one_of(col(alias, column), pick.values().iter().map(value).collect());
        picks(pick, |_| match candidate {
            Candidate::Contact(alias) => fits(alias),
            Candidate::Conversation(alias) => {
                let contacts = self.viewable_contacts(alias).and_where(fits(Contacts::ALIAS)).take();
                some_row(contacts)
            }
        })
    }

    /// `FROM` and `WHERE` for the contacts of a conversation that the viewer may view (SPEC 4.3).
    fn viewable_contacts(&self, alias: &str) -> SelectStatement {
        let (attached, contacts) = (&self.schema().conversation_contacts, &self.schema().contacts);
        let is_it = all_of([
            contacts.its(&contacts.organization_id).eq(self.organization()),
            contacts.its(&contacts.id).eq(attached.its(&attached.contact_id)),
        ]);
        let condition = all_of([
            attached.its(&attached.organization_id).eq(self.organization()),
            attached.its(&attached.conversation_id).eq(col(alias, &self.schema().conversations.id)),
            self.finds(ContactKey::under(Contacts::ALIAS, contacts)),
        ]);
        Query::select()
            .from(attached.within(self.schema()))
            .join(JoinType::InnerJoin, contacts.within(self.schema()), is_it)
            .and_where(condition)
            .take()
    }
}

/// Rows of tags: which of those asked for something carries, repeats included.
struct Tagged {
    rows: SelectStatement,
    tag: Expr,
}

impl Tagged {
    fn any(self) -> Expr {
        some_row(self.rows)
    }

    /// Whether all of `count` distinct tags are there.
    fn all(mut self, count: usize) -> Expr {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let found = self.rows.expr(count_distinct(self.tag)).take();
        Expr::SubQuery(None, Box::new(found.into())).eq(Expr::val(count))
    }
}

fn some_row(mut rows: SelectStatement) -> Expr {
    Expr::exists(rows.expr(Expr::Constant(1i64.into())).take())
}

fn tags_match(set: &TagSet, tagged: impl Fn(Vec<Expr>) -> Tagged) -> Expr {
    match set {
        _ if set.tags().is_empty() => flag(!matches!(set, TagSet::Any(_))),
        TagSet::Any(tags) => tagged(distinct(tags)).any(),
        TagSet::None(tags) => tagged(distinct(tags)).any().not(),
        TagSet::All(tags) => {
            let wanted = distinct(tags);
            let count = wanted.len();
            tagged(wanted).all(count)
        }
    }
}

/// The tags without repeats, bound.
fn distinct(tags: &[Tag]) -> Vec<Expr> {
    tags.iter().collect::<BTreeSet<_>>().into_iter().map(bound).collect()
}

/// `fits` says whether one of the values does.
fn picks<T>(pick: &Pick<T>, fits: impl FnOnce(&[T]) -> Expr) -> Expr {
    match pick {
        Pick::Any(values) if values.is_empty() => flag(false),
        Pick::None(values) if values.is_empty() => flag(true),
        Pick::Any(values) => fits(values),
        Pick::None(values) => fits(values).not(),
    }
}

pub(crate) fn millis(time: Timestamp) -> Expr {
    Expr::val(time.as_millis())
}

/// The kind of endpoint that the channel runs over.
const fn endpoint_kind(channel: Channel) -> EndpointKind {
    match channel {
        Channel::Secure => EndpointKind::SpruceLink,
        Channel::Phone => EndpointKind::PhoneNumber,
        Channel::Fax => EndpointKind::FaxNumber,
        Channel::Email => EndpointKind::EmailAddress,
    }
}
