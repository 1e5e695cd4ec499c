//! Questions of one viewer: what a service asks while it serves a teammate.

use std::cell::LazyCell;
use std::sync::Arc;

use super::Engine;
use super::cursor::{Binding, Cursor, Paged, Position, digest};
use super::page::{ContactRow, ConversationRow, Page, PageRequest, RowId};
use super::query::{Listed, Plan, badges, room_for};
use super::rule::View;
use super::state::State;
use super::visible;
use crate::error::{Error, ErrorCode};
use crate::model::{ContactId, ContactList, ConversationId, Filter, Inbox, Teammate, dedup};
use crate::policy::{
    self, Action, Badge, Decision, KeptOut, Opened, OpenedContacts, Resource, ShownContact, archive_obstacle,
    assignment_obstacle, kind_obstacle,
};

/// One active teammate's view of an engine; [`Engine::viewer`] makes it.
///
/// Every answer is for this viewer and safe to show them, [`Viewer::decide`]'s denials, the rules of
/// [`Viewer::filters`] and row numbers apart. It borrows the engine, so that all answers of one viewer are of one
/// revision.
#[derive(Clone, Copy)]
pub struct Viewer<'e> {
    engine: &'e Engine,
    teammate: &'e Teammate,
    view: View<'e>,
}

impl std::fmt::Debug for Viewer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Viewer").field("id", &self.teammate.id).field("revision", &self.engine.revision()).finish()
    }
}

impl<'e> Viewer<'e> {
    /// The view of an active teammate, who has this number.
    pub(super) fn new(engine: &'e Engine, teammate: &'e Teammate, number: u32) -> Self {
        Self { engine, teammate, view: View::new(&engine.state, teammate, number) }
    }

    fn state(&self) -> &'e State {
        &self.engine.state
    }

    /// The teammate who asks. O(1).
    #[must_use]
    pub fn teammate(&self) -> &'e Teammate {
        self.teammate
    }

    /// Whether the viewer sees a contact or conversation, has access to an endpoint, or may use a filter.
    ///
    /// What is unknown is answered `false`, as what is hidden. O(1) for contacts and conversations; O(members × team
    /// size) for endpoints and filters.
    #[must_use]
    pub fn can_view<'r>(&self, resource: impl Into<Resource<'r>>) -> bool {
        match resource.into() {
            Resource::Conversation(id) => self.row(id).is_some(),
            Resource::Contact(id) => self.contact_number(id).is_some(),
            resource => self.can(resource.into()),
        }
    }

    /// Whether the viewer sees a conversation named by its row number; `false` for a number that is none's.
    ///
    /// O(1): two loads and a bit test.
    #[must_use]
    #[inline]
    pub fn can_view_row(&self, row: RowId) -> bool {
        self.view.sees_class(self.state().class.get(row.0))
    }

    /// Whether the viewer may do something (SPEC 6.7); with what is unknown, nobody may do anything.
    ///
    /// With what is hidden neither, but for admins: they may manage every endpoint, edit every filter, and let somebody
    /// into a conversation that nobody sees.
    ///
    /// O(members × team size); O(teammates × members) where a conversation may turn out to have no audience.
    #[must_use]
    pub fn can(&self, action: Action<'_>) -> bool {
        policy::may(self.state(), &self.teammate.id, action)
    }

    /// Whether the viewer sees a resource, with every grant that applies, or why not (SPEC 7.1).
    ///
    /// The denial is for logs and admins: it tells what is hidden from what does not exist. O(members × team size).
    pub fn decide<'r>(&self, resource: impl Into<Resource<'r>>) -> Decision {
        policy::access::decide(self.state(), &self.teammate.id, resource.into())
    }

    /// The inboxes to choose from: `all`, `assigned_to_me`, `team_conversations`, `starred`, `archived`, then the viewer's
    /// teams, then the usable filters over conversations, each in the organization's order. Each of them opens.
    ///
    /// O(teams × their size + filters × their shares × team size).
    #[must_use]
    pub fn inboxes(&self) -> Vec<Inbox> {
        policy::placement_inboxes(&self.state().directory, self.teammate).collect()
    }

    /// The saved filters that the viewer may use, over conversations and over contacts, in the organization's order.
    ///
    /// A filter is shown whole: its rule may name ids of contacts that are hidden from the viewer.
    /// O(filters × their shares × team size).
    pub fn filters(&self) -> impl Iterator<Item = &'e Filter> + use<'e> {
        let Self { engine, teammate, .. } = *self;
        let directory = &engine.state.directory;
        directory.filters.values().map(Arc::as_ref).filter(move |filter| policy::may_use(directory, filter, teammate))
    }

    /// One page of an inbox, latest activity first, then by id (SPEC 5.8).
    ///
    /// Pages follow each other by cursor without skipping or repeating a conversation that did not change in
    /// between. An inbox with nothing in it is an empty page.
    ///
    /// # Errors
    /// `unknown_team`, `not_in_team`, `unknown_filter`, `wrong_list` or `rule_too_deep` for the inbox; `empty_page`
    /// or `invalid_cursor` for the request.
    ///
    /// # Complexity
    /// As [`Viewer::prepare`], and O(conversations walked until the page is full), archived ones not among them unless
    /// the inbox lists them. Of `starred`, all that the viewer has starred are looked at.
    ///
    /// Where archived ones are listed, both orders are merged until the page is full; or, once that has looked at twice as
    /// many as this costs, all that the viewer sees are looked at, or all there are, at a glance of some nanoseconds at
    /// each, and the page's are sorted. So a page that a rule leaves nearly empty costs a few times that glance at most.
    ///
    /// Where a rule asks for times, as a whole or as a part of an `all`, walks, merges and the lists of assignees leave out
    /// what comes before and after, but for O(log conversations) to find where these times begin and end.
    ///
    /// Where all of a rule's matches are stars, or open conversations of contacts that it names, and these are fewer than
    /// what else would be looked at, each of them is.
    ///
    /// Where the page before ended is found in O(log conversations) by walks and merges; what is looked at one by one is
    /// compared with it.
    ///
    /// # Examples
    /// ```
    /// # use visibly::{Conversation, Dataset, Engine, Inbox, Organization, PageRequest, PhoneNumber, Teammate};
    /// # let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana")).endpoint(PhoneNumber::new("main"));
    /// # let clinic = Dataset::new(oak)
    /// #     .conversation(Conversation::patient("v1", "main", 10))
    /// #     .conversation(Conversation::patient("v2", "main", 20));
    /// # let engine = Engine::new(clinic)?;
    /// let ana = engine.viewer(&"ana".into())?;
    /// let first = ana.filter_inbox(&Inbox::All, &PageRequest::first(1))?;
    /// assert_eq!(first.rows[0].id().as_str(), "v2");
    /// let next = PageRequest::first(1).after(first.next.unwrap());
    /// assert_eq!(ana.filter_inbox(&Inbox::All, &next)?.rows[0].id().as_str(), "v1");
    /// # Ok::<(), visibly::Error>(())
    /// ```
    pub fn filter_inbox(&self, inbox: &Inbox, page: &PageRequest) -> Result<Page<ConversationRow<'e>>, Error> {
        self.prepare(inbox)?.page(page)
    }

    /// Resolves an inbox once, to ask for it again and again at this revision.
    ///
    /// # Errors
    /// As [`Viewer::filter_inbox`], for the inbox.
    ///
    /// # Complexity
    /// O(classes / 64 + size of the rule); a leaf over endpoints, channels or kinds, O(classes). To open a team's inbox
    /// O(team size), a saved filter O(its shares × team size).
    pub fn prepare<'i>(&self, inbox: &'i Inbox) -> Result<PreparedInbox<'e, 'i>, Error> {
        let opened = self.open(inbox)?;
        let mut prepared = PreparedInbox { viewer: *self, inbox, plan: Plan::default(), leaves: Listed::NONE };
        prepared.plan.fill(&self.view, &opened);
        prepared.plan.list_leaves(&self.view, &mut prepared.leaves);
        Ok(prepared)
    }

    /// How many an inbox holds, and how many of those are unread to the viewer (SPEC 5.9).
    ///
    /// # Errors
    /// As [`Viewer::filter_inbox`], for the inbox.
    ///
    /// # Complexity
    /// As [`Viewer::prepare`], and O(classes + open conversations / 64 × size of the rule); those of an assignee, and
    /// the viewer's stars, and those of few contacts or stars that a rule asks for, one by one. Archived conversations are
    /// counted by class, or, where a rule asks about them, one by one: those of the times that it asks for, or all that the
    /// viewer sees, or at a glance at every conversation, whichever are the fewest looks.
    pub fn badge(&self, inbox: &Inbox) -> Result<Badge, Error> {
        Ok(self.prepare(inbox)?.badge())
    }

    /// The badges of several inboxes, in their order, counted in one pass.
    ///
    /// # Errors
    /// As [`Viewer::badge`], for the first inbox that cannot be opened.
    ///
    /// # Complexity
    /// As [`Viewer::badge`] for each, the viewer's conversations being marked once for 64 of them.
    pub fn badges<'i>(&self, inboxes: impl IntoIterator<Item = &'i Inbox>) -> Result<Vec<Badge>, Error> {
        let inboxes = inboxes.into_iter();
        let mut plans: Vec<Plan> = Vec::with_capacity(inboxes.size_hint().0);
        for inbox in inboxes {
            let opened = self.open(inbox)?;
            plans.push(Plan::default());
            plans.last_mut().into_iter().for_each(|plan| plan.fill(&self.view, &opened));
        }
        Ok(badges(&self.view, &plans))
    }

    /// The row numbers of every conversation that the viewer sees, archived or not, each once, in no order of activity.
    ///
    /// How many there are is known before the first: O(classes). To go through them is O(conversations seen), without a
    /// list of them; `for_each`, `fold`, `filter(..).count()` and the like are several times as fast as a `for` loop.
    ///
    /// # Examples
    /// ```
    /// # use visibly::{Conversation, Dataset, Engine, Organization, PhoneNumber, Teammate};
    /// # let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana")).endpoint(PhoneNumber::new("main"));
    /// # let clinic = Dataset::new(oak)
    /// #     .conversation(Conversation::patient("v1", "main", 10))
    /// #     .conversation(Conversation::patient("v2", "main", 20).archived());
    /// # let engine = Engine::new(clinic)?;
    /// let visible = engine.viewer(&"ana".into())?.visible();
    /// assert_eq!(visible.len(), 2);
    /// let mut export = String::new();
    /// visible.filter_map(|row| engine.id_of(row)).for_each(|id| export += id.as_str());
    /// # assert_eq!(export, "v1v2");
    /// # Ok::<(), visibly::Error>(())
    /// ```
    pub fn visible(&self) -> impl ExactSizeIterator<Item = RowId> + use<'e> {
        visible::iter(self.view)
    }

    /// Appends the row numbers that [`Viewer::visible`] goes through, in its order.
    ///
    /// O(conversations seen): the lists of the classes are copied one after the other.
    pub fn visible_rows(&self, rows: &mut Vec<RowId>) {
        visible::copy(self.view, rows);
    }

    /// Those of `candidates` that the viewer sees, in the given order, each once (SPEC 5.5).
    ///
    /// The candidates are what a text search found; unknown ids drop out as hidden ones do. Why one was found is not
    /// asked: where your search looks at what contacts are called, let it find only by contacts that the viewer is
    /// [shown](Self::shown_contacts), or a hidden contact's name would tell which conversation is theirs. O(candidates).
    #[must_use]
    pub fn search<'c>(&self, candidates: impl IntoIterator<Item = &'c ConversationId>) -> Vec<ConversationRow<'e>> {
        let mut rows = Vec::new();
        self.state().for_each_row(candidates, |row| rows.extend(Some(row).filter(|row| self.view.sees(*row))));
        dedup(&mut rows);
        ConversationRow::all(self.view, &rows)
    }

    /// One conversation as a list shows it; `None` if it is unknown or hidden. O(1).
    #[must_use]
    pub fn conversation(&self, id: &ConversationId) -> Option<ConversationRow<'e>> {
        ConversationRow::new(self.view, self.row(id)?)
    }

    /// The conversation of a row number as a list shows it; `None` if it is none's or hidden. O(1).
    #[must_use]
    pub fn conversation_row(&self, row: RowId) -> Option<ConversationRow<'e>> {
        self.can_view_row(row).then(|| ConversationRow::new(self.view, row.0)).flatten()
    }

    /// One contact as a list shows it; `None` if it is unknown or hidden. O(1).
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<ContactRow<'e>> {
        ContactRow::new(self.state(), self.contact_number(id)?)
    }

    /// One page of a contact list: by lower-cased name, then by id; those without a name last (SPEC 5.10).
    ///
    /// A cursor is refused once the contact that its page ended with is renamed, removed or hidden, for its place in
    /// the order is gone; the cursor itself carries no name.
    ///
    /// # Errors
    /// `unknown_filter`, `wrong_list` or `rule_too_deep` for the list; `empty_page` or `invalid_cursor` for the
    /// request.
    ///
    /// # Complexity
    /// O(contacts walked until the page is full × size of the rule).
    pub fn contacts(&self, list: &ContactList, page: &PageRequest) -> Result<Page<ContactRow<'e>>, Error> {
        let opened = policy::open_contacts(&self.state().directory, self.teammate, list)?;
        let limit = page.limit()?;
        let binding = LazyCell::new(|| self.binding(list));
        let start = page.cursor().map(|cursor| self.contact_position(&binding, cursor)).transpose()?;
        let rows = match start {
            None => self.listed_contacts(&opened, self.state().contacts.listed(), limit),
            Some(start) => self.listed_contacts(&opened, self.state().contacts.listed_after(start), limit),
        };
        let key = self.engine.cursor_key;
        Ok(cut(rows, limit, |row| binding.seal(Position { order: digest(key, row.name()), id: row.id().as_str() })))
    }

    /// The contact that a page ended with, if it still has its name and the viewer still finds it.
    fn contact_position(&self, binding: &Binding, cursor: &Cursor) -> Result<u32, Error> {
        let key = self.engine.cursor_key;
        let end = binding.unseal(cursor, |end| {
            let row = self.contact(&ContactId::from(end.id))?;
            (digest(key, row.name()) == end.order).then(|| row.number())
        })?;
        end.ok_or_else(|| Error::new(ErrorCode::InvalidCursor, ""))
    }

    /// One more than `limit` contacts of a list, to tell whether more follow.
    fn listed_contacts(
        &self,
        opened: &OpenedContacts<'_>,
        numbers: impl Iterator<Item = u32>,
        limit: usize,
    ) -> Vec<ContactRow<'e>> {
        let state = self.state();
        let node = match opened {
            OpenedContacts::Rule(rule) => Some(self.view.compile(rule)),
            OpenedContacts::Named(_) => None,
        };
        let is_in = |number: &u32| {
            self.view.finds(*number)
                && match (opened, &node) {
                    (_, Some(node)) => self.view.matches_contact(node, *number),
                    (OpenedContacts::Named(list), None) => {
                        policy::is_listed(list, state.contacts.category(*number), state.contacts.invitation(*number))
                    }
                    (OpenedContacts::Rule(_), None) => false,
                }
        };
        let rows = numbers.filter(is_in).filter_map(|number| ContactRow::new(state, number));
        rows.take(limit.saturating_add(1)).collect()
    }

    /// The conversation's contacts as the viewer may see them, in its order (SPEC 4.3).
    ///
    /// Empty if the conversation is unknown or hidden. O(its contacts).
    #[must_use]
    pub fn shown_contacts(&self, conversation: &ConversationId) -> Vec<ShownContact<ContactRow<'e>>> {
        self.conversation(conversation).map_or_else(Vec::new, |row| row.contacts().collect())
    }

    /// Which inboxes hold a conversation (SPEC 7.3): `all`, `assigned_to_me`, `team_conversations`, `starred`,
    /// `archived`, then the viewer's teams, then the usable filters, each in the organization's order.
    ///
    /// Empty if the conversation is unknown or hidden. As [`Viewer::inboxes`], and for each usable filter as
    /// [`Viewer::keeps_out`].
    #[must_use]
    pub fn placement(&self, conversation: &ConversationId) -> Vec<Inbox> {
        let Some(row) = self.row(conversation) else {
            return Vec::new();
        };
        let holds = |inbox: &Inbox| self.open(inbox).is_ok_and(|opened| self.obstacle(&opened, row).is_none());
        self.inboxes().into_iter().filter(holds).collect()
    }

    /// The first condition that keeps a conversation out of an inbox, `None` if it is in (SPEC 7.3).
    ///
    /// What is unknown is not visible, as what is hidden.
    ///
    /// # Errors
    /// As [`Viewer::badge`]; the inbox is looked at before the conversation.
    ///
    /// # Complexity
    /// As [`Viewer::prepare`], and O(size of the rule × contacts of the conversation).
    pub fn keeps_out(&self, conversation: &ConversationId, inbox: &Inbox) -> Result<Option<KeptOut>, Error> {
        let opened = self.open(inbox)?;
        Ok(match self.row(conversation) {
            Some(row) => self.obstacle(&opened, row),
            None => Some(KeptOut::NotVisible),
        })
    }

    /// What keeps a visible conversation out.
    fn obstacle(&self, opened: &Opened<'_>, row: u32) -> Option<KeptOut> {
        let state = self.state();
        kind_obstacle(opened, state.class_of(row).kind)
            .or_else(|| archive_obstacle(opened, state.is_archived(row)))
            .or_else(|| assignment_obstacle(opened, state.assignments.of_row(row)))
            .or_else(|| match opened {
                Opened::Starred if !state.is_starred(row, self.view.viewer) => Some(KeptOut::NotStarred),
                Opened::Rule { rule, .. } if !self.view.matches(&self.view.compile(rule), row) => Some(KeptOut::Rule),
                _ => None,
            })
    }

    fn open<'i>(&self, inbox: &'i Inbox) -> Result<Opened<'i>, Error>
    where
        'e: 'i,
    {
        policy::open(&self.state().directory, self.teammate, inbox)
    }

    /// The row of a conversation that the viewer sees.
    #[inline]
    fn row(&self, id: &ConversationId) -> Option<u32> {
        self.state().row(id).filter(|row| self.view.sees(*row))
    }

    /// The number of a contact that the viewer finds.
    fn contact_number(&self, id: &ContactId) -> Option<u32> {
        self.state().contacts.number(id).filter(|number| self.view.finds(*number))
    }

    fn binding(&self, list: &impl Paged) -> Binding {
        Binding::new(self.engine.cursor_key, &self.state().directory.id, &self.teammate.id, list)
    }
}

/// An inbox resolved for one viewer at one revision; [`Viewer::prepare`] makes it.
pub struct PreparedInbox<'e, 'i> {
    viewer: Viewer<'e>,
    inbox: &'i Inbox,
    plan: Plan,
    leaves: Listed<'e>,
}

/// Without the plan, which tells a tag of what is hidden from one that nothing has.
impl std::fmt::Debug for PreparedInbox<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreparedInbox").field("viewer", &self.viewer).field("inbox", self.inbox).finish_non_exhaustive()
    }
}

impl<'e, 'i> PreparedInbox<'e, 'i>
where
    'e: 'i,
{
    /// One page, as [`Viewer::filter_inbox`].
    ///
    /// # Errors
    /// `empty_page` or `invalid_cursor` for the request.
    pub fn page(&self, page: &PageRequest) -> Result<Page<ConversationRow<'e>>, Error> {
        let limit = page.limit()?;
        let one_more = limit.saturating_add(1);
        let binding = LazyCell::new(|| self.viewer.binding(self.inbox));
        let mut rows = Vec::with_capacity(room_for(one_more));
        match page.cursor() {
            None => self.list(None, one_more, &mut rows),
            Some(cursor) => binding.unseal(cursor, |end| {
                let is_passed = |row| self.is_passed(row, end);
                self.list(Some(&is_passed), one_more, &mut rows);
            })?,
        }
        Ok(cut(ConversationRow::all(self.viewer.view, &rows), limit, |row| {
            binding.seal(Position { order: row.last_activity().as_millis(), id: row.id().as_str() })
        }))
    }

    fn list(&self, is_passed: Option<&dyn Fn(u32) -> bool>, limit: usize, rows: &mut Vec<u32>) {
        self.plan.list(&self.viewer.view, &self.leaves, is_passed, limit, rows);
    }

    /// Whether a row comes no later in the list than where a page ended.
    fn is_passed(&self, row: u32, end: Position<'_>) -> bool {
        let state = self.viewer.state();
        let newer = state.details.at(row).cmp(&end.order).reverse();
        newer.then_with(|| state.id(row).map(ConversationId::as_str).cmp(&Some(end.id))).is_le()
    }

    /// Appends the row numbers of the newest conversations, until `rows` holds `limit`.
    ///
    /// Cost as [`Viewer::filter_inbox`], less what rows and cursors take.
    #[inline]
    pub fn newest(&self, limit: usize, rows: &mut Vec<RowId>) {
        let mut found = std::mem::take(rows).into_iter().map(|row| row.0).collect();
        self.list(None, limit, &mut found);
        *rows = found.into_iter().map(RowId).collect();
    }

    /// How many, and how many of them unread, as [`Viewer::badge`].
    #[must_use]
    pub fn badge(&self) -> Badge {
        badges(&self.viewer.view, std::slice::from_ref(&self.plan)).pop().unwrap_or_default()
    }
}

/// The page of up to `limit` rows out of one more, with a cursor if that one is there.
fn cut<R>(mut rows: Vec<R>, limit: usize, seal: impl FnOnce(&R) -> Cursor) -> Page<R> {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(seal);
    Page { rows, next }
}
