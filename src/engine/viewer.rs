//! Questions of one viewer: what a service asks while it serves a teammate.

use super::Engine;
use super::cursor::{Binding, Position, digest};
use super::page::{ContactRow, ConversationRow, Page, PageRequest};
use crate::error::{Error, ErrorCode};
use crate::model::{ContactId, ContactList, ConversationId, Inbox, Teammate};
use crate::policy::{self, Action, Badge, Decision, KeptOut, Resource, ShownContact};

/// One active teammate's view of an engine; [`Engine::viewer`] makes it.
///
/// Every answer is for this viewer and safe to show them, [`Viewer::decide`]'s denials apart. It borrows the engine,
/// so that all answers of one viewer are of one revision.
#[derive(Clone, Copy)]
pub struct Viewer<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) teammate: &'e Teammate,
}

impl std::fmt::Debug for Viewer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Viewer").field("id", &self.teammate.id).field("revision", &self.engine.revision()).finish()
    }
}

impl<'e> Viewer<'e> {
    /// The teammate who asks. O(1).
    #[must_use]
    pub fn teammate(&self) -> &'e Teammate {
        self.teammate
    }

    /// Whether the viewer sees a contact or conversation, has access to an endpoint, or may use a filter.
    ///
    /// What is unknown is answered `false`, as what is hidden.
    #[must_use]
    pub fn can_view<'r>(&self, resource: impl Into<Resource<'r>>) -> bool {
        policy::can_view(&self.engine.facts, &self.teammate.id, resource)
    }

    /// Whether the viewer may do something (SPEC 6.7); with what is unknown, nobody may do anything.
    #[must_use]
    pub fn can(&self, action: Action<'_>) -> bool {
        policy::can(&self.engine.facts, &self.teammate.id, action)
    }

    /// Whether the viewer sees a resource, with every grant that applies, or why not (SPEC 7.1).
    ///
    /// The denial is for logs and admins: it tells what is hidden from what does not exist.
    pub fn decide<'r>(&self, resource: impl Into<Resource<'r>>) -> Decision {
        policy::decide(&self.engine.facts, &self.teammate.id, resource)
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
        let limit = page.limit()?;
        let binding = self.binding(inbox);
        let rows = self.rows(policy::filter_inbox(&self.engine.facts, &self.teammate.id, inbox)?.iter());
        let start = match page.cursor() {
            None => 0,
            Some(cursor) => binding.unseal(cursor, |end| {
                rows.partition_point(|row| {
                    let newer = row.last_activity().as_millis().cmp(&end.order);
                    newer.reverse().then_with(|| row.id().as_str().cmp(end.id)).is_le()
                })
            })?,
        };
        Ok(cut(rows, start, limit, |row| {
            binding.seal(Position { order: row.last_activity().as_millis(), id: row.id().as_str() })
        }))
    }

    /// How many an inbox holds, and how many of those are unread to the viewer (SPEC 5.9).
    ///
    /// # Errors
    /// As [`Viewer::filter_inbox`], for the inbox.
    pub fn badge(&self, inbox: &Inbox) -> Result<Badge, Error> {
        policy::badge(&self.engine.facts, &self.teammate.id, inbox)
    }

    /// The badges of several inboxes, in their order.
    ///
    /// # Errors
    /// As [`Viewer::badge`], for the first inbox that cannot be opened.
    pub fn badges<'i>(&self, inboxes: impl IntoIterator<Item = &'i Inbox>) -> Result<Vec<Badge>, Error> {
        inboxes.into_iter().map(|inbox| self.badge(inbox)).collect()
    }

    /// Those of `candidates` that the viewer sees, in the given order, each once (SPEC 5.5).
    ///
    /// The candidates are what a text search found; unknown ids drop out as hidden ones do.
    pub fn search<'c>(&self, candidates: impl IntoIterator<Item = &'c ConversationId>) -> Vec<ConversationRow<'e>> {
        let found = policy::search(&self.engine.facts, &self.teammate.id, candidates).unwrap_or_default();
        self.rows(found.iter())
    }

    /// One conversation as a list shows it; `None` if it is unknown or hidden.
    #[must_use]
    pub fn conversation(&self, id: &ConversationId) -> Option<ConversationRow<'e>> {
        self.can_view(id).then(|| self.rows([id]).pop()).flatten()
    }

    /// One contact as a list shows it; `None` if it is unknown or hidden.
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<ContactRow<'e>> {
        let contact = self.engine.facts.contact(id).filter(|_| self.can_view(id))?;
        Some(ContactRow { contact })
    }

    /// One page of a contact list: by lower-cased name, then by id; those without a name last (SPEC 5.10).
    ///
    /// A cursor is refused once the contact that its page ended with is renamed, removed or hidden, for its place in
    /// the order is gone; the cursor itself carries no name.
    ///
    /// # Errors
    /// `unknown_filter`, `wrong_list` or `rule_too_deep` for the list; `empty_page` or `invalid_cursor` for the
    /// request.
    pub fn contacts(&self, list: &ContactList, page: &PageRequest) -> Result<Page<ContactRow<'e>>, Error> {
        let limit = page.limit()?;
        let binding = self.binding(list);
        let key = self.engine.cursor_key;
        let ids = policy::contacts(&self.engine.facts, &self.teammate.id, list)?;
        let rows: Vec<_> = ids.iter().filter_map(|id| self.contact(id)).collect();
        let start = match page.cursor() {
            None => 0,
            Some(cursor) => {
                let end = binding.unseal(cursor, |end| {
                    let end_row = self.contact(&ContactId::from(end.id))?;
                    (digest(key, end_row.name()) == end.order).then_some(end_row)
                })?;
                let end = end.ok_or_else(|| Error::new(ErrorCode::InvalidCursor, ""))?;
                let end = crate::policy::list_order(end.contact);
                rows.partition_point(|row| crate::policy::list_order(row.contact) <= end)
            }
        };
        Ok(cut(rows, start, limit, |row| {
            binding.seal(Position { order: digest(key, row.name()), id: row.id().as_str() })
        }))
    }

    /// The conversation's contacts as the viewer may see them, in its order (SPEC 4.3).
    ///
    /// Empty if the conversation is unknown or hidden.
    #[must_use]
    pub fn shown_contacts(&self, conversation: &ConversationId) -> Vec<ShownContact<ContactRow<'e>>> {
        self.conversation(conversation).map_or_else(Vec::new, |row| row.contacts().collect())
    }

    /// Which inboxes hold a conversation (SPEC 7.3): `all`, `assigned_to_me`, `team_conversations`, `starred`,
    /// `archived`, then the viewer's teams, then the usable filters, each in the organization's order.
    ///
    /// Empty if the conversation is unknown or hidden.
    #[must_use]
    pub fn placement(&self, conversation: &ConversationId) -> Vec<Inbox> {
        policy::placement(&self.engine.facts, &self.teammate.id, conversation).unwrap_or_default()
    }

    /// The first condition that keeps a conversation out of an inbox, `None` if it is in (SPEC 7.3).
    ///
    /// What is unknown is not visible, as what is hidden.
    ///
    /// # Errors
    /// As [`Viewer::badge`]; the inbox is looked at before the conversation.
    pub fn keeps_out(&self, conversation: &ConversationId, inbox: &Inbox) -> Result<Option<KeptOut>, Error> {
        policy::keeps_out(&self.engine.facts, &self.teammate.id, conversation, inbox)
    }

    fn rows<'c>(&self, ids: impl IntoIterator<Item = &'c ConversationId>) -> Vec<ConversationRow<'e>> {
        let facts = &*self.engine.facts;
        let found = ids.into_iter().filter_map(|id| facts.conversation(id));
        found.map(|conversation| ConversationRow { facts, viewer: self.teammate, conversation }).collect()
    }

    fn binding<'a, L>(&self, list: &'a L) -> Binding<'a, L>
    where
        'e: 'a,
    {
        let organization = self.engine.facts.id();
        Binding { key: self.engine.cursor_key, organization, viewer: &self.teammate.id, list }
    }
}

/// The page of `limit` rows from `start`, with a cursor if more follow.
fn cut<R: Copy>(rows: Vec<R>, start: usize, limit: usize, seal: impl FnOnce(&R) -> super::Cursor) -> Page<R> {
    let end = start.saturating_add(limit).min(rows.len());
    let page: Vec<R> = rows.get(start..end).unwrap_or_default().to_vec();
    let next = page.last().filter(|_| end < rows.len()).map(seal);
    Page { rows: page, next }
}
