//! The engine: one organization's facts at one revision, kept current by changes and asked in bulk.
//!
//! * [`Engine`] answers questions about everyone and takes changes; [`Viewer`] answers those of one teammate.
//! * A clone is a snapshot: later changes of either do not touch the other.
//! * Every answer goes through the same visibility code as [`policy`](crate::policy).
//!
//! It holds no sockets, files or clocks, and knows nothing of where facts are stored. Threads are `scan`'s alone, and
//! rayon's.

mod access;
mod advancing;
mod assigned;
mod bits;
mod carry;
mod check;
mod column;
mod contacts;
mod counts;
mod cursor;
mod details;
#[cfg(test)]
#[cfg(not(miri))]
mod growth;
mod index;
mod insight;
mod kernel;
mod leaf;
mod load;
mod marks;
mod moves;
mod open;
mod open_set;
mod packed;
mod page;
mod posting;
mod query;
mod reads;
mod revision;
mod room;
mod rule;
mod scan;
mod shared;
mod short;
mod sparse;
mod spine;
mod state;
#[cfg(test)]
mod tests;
mod viewer;
mod visible;

use std::sync::Arc;

pub(crate) use advancing::Advancing;
pub use cursor::{Cursor, CursorKey};
pub use insight::Audience;
pub use page::{ContactRow, ConversationRow, Page, PageRequest, RowId};
pub use revision::Revision;
pub use viewer::{PreparedInbox, Viewer};

use crate::change::AccessChange;
use crate::error::{Error, ErrorCode};
use crate::model::{
    Change, Contact, ContactId, Conversation, ConversationId, Dataset, Directory, Endpoint, EndpointId, Filter,
    FilterId, Member, Organization, OrganizationId, Team, TeamId, Teammate, TeammateId, Text, World, load_directory,
};
use crate::policy::{self, Action, Decision, Finding, Resource};
use load::Loading;
use state::State;

/// One organization's facts at one revision: ask it who can see what, and what is in an inbox; apply changes to it.
///
/// `Send` and `Sync`. Cloning it gives a snapshot that later changes don't touch. That copies no facts, in a
/// microsecond, so that each request may take one; a change copies once what it touches and a snapshot holds on to.
///
/// # Examples
/// ```
/// use visibly::{Change, Conversation, Dataset, Engine, Member, Organization, PhoneNumber, Teammate};
///
/// let oak = Organization::new("oak", "Oak Street")
///     .teammate(Teammate::new("ana", "Ana").admin())
///     .teammate(Teammate::new("ben", "Ben"))
///     .endpoint(PhoneNumber::new("main"));
/// let mut engine = Engine::new(Dataset::new(oak).conversation(Conversation::patient("intake", "main", 10)))?;
///
/// let before = engine.clone();
/// engine.apply(&Change::assign("intake", Member::teammate("ben")))?;
/// assert_eq!(engine.revision().get(), 1);
/// assert_eq!(before.revision().get(), 0);
/// # Ok::<(), visibly::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    state: State,
    revision: Revision,
    cursor_key: CursorKey,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("organization", &self.state.directory.id)
            .field("revision", &self.revision)
            .field("conversations", &self.state.count)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Checks a dataset and makes an engine of it, at revision 0.
    ///
    /// # Errors
    /// As [`Facts::load`](crate::Facts::load).
    ///
    /// # Complexity
    /// O(size of the dataset), and putting conversations and contacts in order.
    pub fn new(dataset: Dataset) -> Result<Self, Error> {
        let Dataset { organization, contacts, conversations, filters } = dataset;
        let mut builder = EngineBuilder::new(load_directory(organization, filters)?);
        builder.loading.all(contacts, conversations)?;
        Ok(builder.build())
    }

    /// Builds an engine piece by piece, without a [`Dataset`] that holds everything at once.
    ///
    /// # Errors
    /// As [`Facts::load`](crate::Facts::load), for the organization.
    ///
    /// # Complexity
    /// O(size of the organization).
    pub fn builder(organization: Organization) -> Result<EngineBuilder, Error> {
        Ok(EngineBuilder::new(load_directory(organization, Vec::new())?))
    }

    /// The same engine with another key for cursors, for example one that all replicas share.
    #[must_use]
    pub fn with_cursor_key(mut self, key: CursorKey) -> Self {
        self.cursor_key = key;
        self
    }

    /// The row number of a conversation at this revision; `None` if there is none. O(1).
    #[must_use]
    pub fn row(&self, id: &ConversationId) -> Option<RowId> {
        self.state.row(id).map(RowId)
    }

    /// The conversation of a row number; `None` if it is none's. O(1).
    #[must_use]
    pub fn id_of(&self, row: RowId) -> Option<&ConversationId> {
        self.state.id(row.0)
    }

    /// How many changes have been applied since loading, plus the revision that it was loaded at. O(1).
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Id of the organization. O(1).
    #[must_use]
    pub fn organization_id(&self) -> &OrganizationId {
        &self.state.directory.id
    }

    /// Name of the organization. O(1).
    #[must_use]
    pub fn organization_name(&self) -> &Text {
        &self.state.directory.name
    }

    /// Settings, teammates, teams and endpoints, in their order. O(their size).
    #[must_use]
    pub fn organization(&self) -> Organization {
        self.state.directory.to_organization()
    }

    /// Whether contact membership is on (SPEC 4.1). O(1).
    #[must_use]
    pub fn contact_membership(&self) -> bool {
        self.state.directory.contact_membership
    }

    /// The teammate with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn teammate(&self, id: &TeammateId) -> Option<&Teammate> {
        self.state.directory.teammates.get(id)
    }

    /// The team with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn team(&self, id: &TeamId) -> Option<&Team> {
        self.state.directory.teams.get(id)
    }

    /// The endpoint with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<&Endpoint> {
        self.state.directory.endpoints.get(id).map(Arc::as_ref)
    }

    /// The saved filter with this id; `None` if there is none. O(1).
    #[must_use]
    pub fn filter(&self, id: &FilterId) -> Option<&Filter> {
        self.state.directory.filters.get(id).map(Arc::as_ref)
    }

    /// Every teammate, suspended ones included, in the organization's order.
    pub fn teammates(&self) -> impl ExactSizeIterator<Item = &Teammate> {
        self.state.directory.teammates.values()
    }

    /// Every team, in the organization's order.
    pub fn teams(&self) -> impl ExactSizeIterator<Item = &Team> {
        self.state.directory.teams.values()
    }

    /// Every endpoint, in the organization's order.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.state.directory.endpoints.values().map(Arc::as_ref)
    }

    /// Every saved filter, in the dataset's order.
    pub fn filters(&self) -> impl ExactSizeIterator<Item = &Filter> {
        self.state.directory.filters.values().map(Arc::as_ref)
    }

    /// One conversation's facts, whoever may see it; `None` if there is none. O(size of the conversation + teammates),
    /// for who has read it is kept by teammate.
    #[must_use]
    pub fn conversation(&self, id: &ConversationId) -> Option<Conversation> {
        self.state.conversation(self.state.row(id)?)
    }

    /// One contact's facts, whoever may view it; `None` if there is none. O(size of the contact).
    #[must_use]
    pub fn contact(&self, id: &ContactId) -> Option<Contact> {
        self.state.contact(self.state.contacts.number(id)?)
    }

    /// How many conversations there are. O(1).
    #[must_use]
    pub fn conversation_count(&self) -> usize {
        self.state.count
    }

    /// How many contacts there are. O(1).
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.state.contacts.count()
    }

    /// The ids of all conversations, in any order.
    pub fn conversation_ids(&self) -> impl Iterator<Item = &ConversationId> {
        self.state.rows().filter_map(|row| self.state.id(row))
    }

    /// Every conversation that is assigned to a team or teammate, archived or not, in any order: for a team these are in
    /// the way of its removal (SPEC 6.6). Nothing for one that is unknown. It speaks of conversations that only others
    /// see.
    ///
    /// O(what is assigned to it).
    #[must_use]
    pub fn assigned_to(&self, member: &Member) -> Vec<ConversationId> {
        World::assigned_to(&self.state, member)
    }

    /// The ids of all contacts, in any order.
    pub fn contact_ids(&self) -> impl Iterator<Item = &ContactId> {
        self.state.contacts.numbers().filter_map(|number| self.state.contacts.id(number))
    }

    /// The facts as a dataset; an engine made of it answers everything alike, but starts at revision 0, and with row
    /// numbers of its own. O(size of the facts + open conversations × teammates / 64).
    #[must_use]
    pub fn to_dataset(&self) -> Dataset {
        self.state.to_dataset()
    }

    /// Binds a teammate, once, to ask its questions.
    ///
    /// # Errors
    /// `unknown_teammate` for who is not in this organization, `viewer_suspended` for who is suspended (SPEC 1.2, 1.3).
    ///
    /// # Complexity
    /// O(1).
    pub fn viewer(&self, id: &TeammateId) -> Result<Viewer<'_>, Error> {
        let found = self.state.directory.teammates.get_full(id);
        let teammate = policy::bound(found.map(|(_, _, teammate)| teammate), id)?;
        let number = found.and_then(|(place, _, _)| self.state.people.number_at(place));
        let number = number.ok_or_else(|| Error::new(ErrorCode::UnknownTeammate, id))?;
        Ok(Viewer::new(self, teammate, number))
    }

    /// Whether a viewer sees a contact or conversation, has access to an endpoint, or may use a filter.
    ///
    /// Unknown and suspended viewers and unknown resources are answered `false` (SPEC 1.2, 1.3).
    ///
    /// O(1) for a conversation or contact; O(members × team size) for an endpoint or filter.
    #[must_use]
    pub fn can_view<'r>(&self, viewer: &TeammateId, resource: impl Into<Resource<'r>>) -> bool {
        self.viewer(viewer).is_ok_and(|viewer| viewer.can_view(resource))
    }

    /// Whether a viewer may do something (SPEC 6.7). Unknown and suspended viewers may do nothing.
    ///
    /// As [`Viewer::can`].
    #[must_use]
    pub fn can(&self, viewer: &TeammateId, action: Action<'_>) -> bool {
        policy::may(&self.state, viewer, action)
    }

    /// Whether a viewer sees a resource, with every grant that applies, or why not (SPEC 7.1).
    ///
    /// The denial is for logs and admins: it tells what is hidden from what does not exist. O(members × team size).
    pub fn decide<'r>(&self, viewer: &TeammateId, resource: impl Into<Resource<'r>>) -> Decision {
        policy::access::decide(&self.state, viewer, resource.into())
    }

    /// Whether `actor` may make a change (SPEC 6.7); it says nothing about whether the change is valid.
    ///
    /// A change to something unknown is answered "no", but for what admins may do to teammates, teams, endpoints and a
    /// contact's members: whether there is such a thing is then for the check of the change to say.
    ///
    /// O(what the change names × members × team size).
    #[must_use]
    pub fn authorize(&self, actor: &TeammateId, change: &Change) -> bool {
        policy::authorize_in(&self.state, actor, change)
    }

    /// Checks a change and applies it whole; the revision rises by one and is returned.
    ///
    /// It asks for no actor: ask [`Engine::authorize`] first where a person makes the change.
    ///
    /// # Errors
    /// Why the change was refused; nothing has changed then, the revision included. The reason may tell of what is
    /// hidden from the actor, such as that an id is taken or a contact in use: log it, and tell a client only that the
    /// change was refused.
    ///
    /// # Complexity
    /// O(what it changes) for a conversation or contact, never by how many there are: microseconds. A change to who covers
    /// or who has access: O(classes × (members + teammates)), a class being conversations alike in line and own members.
    /// One that removes a teammate or team also costs by what was assigned to it and, where classes come to be alike,
    /// by the conversations of the smaller one, or by all contacts. Blocks that a clone shares are copied once.
    pub fn apply(&mut self, change: &Change) -> Result<Revision, Error> {
        self.state.apply(change)?;
        self.revision = self.revision.after(1);
        Ok(self.revision)
    }

    /// Checks and applies changes in order, all of them or none; the revision rises by one for each.
    ///
    /// # Errors
    /// Why the first refused change was refused, with its [position](Error::position); nothing has changed then, the
    /// revision included.
    ///
    /// # Complexity
    /// What each change costs by [`Engine::apply`], on a clone; who covers and who has access is made anew once for all.
    pub fn apply_all(&mut self, changes: &[Change]) -> Result<Revision, Error> {
        *self = self.after(changes)?;
        Ok(self.revision)
    }

    /// The engine that changes lead to.
    fn after(&self, changes: &[Change]) -> Result<Self, Error> {
        let mut ahead = Advancing::from(self);
        for (position, change) in changes.iter().enumerate() {
            ahead.apply(change).map_err(|error| error.at(position))?;
        }
        Ok(ahead.arrive())
    }

    /// Every teammate who sees a resource, in the organization's order (SPEC 7.2). It speaks of everyone, so show it
    /// to those whom you trust with that.
    ///
    /// # Errors
    /// `unknown_contact` and so on if there is no such resource.
    ///
    /// # Complexity
    /// O(those who see it); O(teammates + all whom the members cover) for an endpoint or filter.
    pub fn audience<'r>(&self, resource: impl Into<Resource<'r>>) -> Result<Vec<TeammateId>, Error> {
        insight::audience(&self.state, resource.into())
    }

    /// Every teammate who sees the conversation of a row number, without copying an id; `None` if it is none's.
    ///
    /// It speaks of everyone. O(1).
    #[must_use]
    pub fn audience_of(&self, row: RowId) -> Option<Audience<'_>> {
        insight::audience_of(&self.state, row.0)
    }

    /// What changes would open or close of what there is, with nothing applied (SPEC 7.4): not of what they start or
    /// remove. It speaks of everyone.
    ///
    /// Costs what the changes cost, the blocks and classes that they leave different, the conversations of classes
    /// whose audience they change, and all contacts if they change whom some of these are open to.
    ///
    /// # Errors
    /// As [`Engine::apply_all`].
    pub fn preview(&self, changes: &[Change]) -> Result<Vec<AccessChange>, Error> {
        Ok(insight::compare(&self.state, &self.after(changes)?.state))
    }

    /// Verifies everything that the engine keeps twice. For tests and fuzzing; says what disagrees.
    ///
    /// # Errors
    /// A sentence that names the part at fault.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), String> {
        self.state.check()
    }

    /// Every doubtful state of the organization (SPEC 7.5); empty for one in good order. It speaks of everyone.
    ///
    /// O(conversations × their contacts + pairs of their classes and those of their contacts × teammates).
    #[must_use]
    pub fn audit(&self) -> Vec<Finding> {
        insight::audit(&self.state)
    }
}

/// Builds an [`Engine`] from facts that come one by one, each checked as it comes.
///
/// Contacts go before the conversations that they are attached to.
pub struct EngineBuilder {
    loading: Loading,
    revision: Revision,
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("organization", &self.loading.state.directory.id)
            .field("revision", &self.revision)
            .field("conversations", &self.loading.state.count)
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    fn new(directory: Directory) -> Self {
        Self { loading: Loading::new(directory), revision: Revision::default() }
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// As [`Facts::load`](crate::Facts::load); the builder is then as it was.
    pub fn contact(&mut self, contact: Contact) -> Result<&mut Self, Error> {
        self.loading.contact(contact)?;
        Ok(self)
    }

    /// Adds a conversation, whose contacts have been added before.
    ///
    /// # Errors
    /// As [`Facts::load`](crate::Facts::load); the builder is then as it was.
    pub fn conversation(&mut self, conversation: Conversation) -> Result<&mut Self, Error> {
        self.loading.conversation(conversation)?;
        Ok(self)
    }

    /// Adds a saved filter.
    ///
    /// # Errors
    /// As [`Facts::load`](crate::Facts::load); the builder is then as it was.
    pub fn filter(&mut self, mut filter: Filter) -> Result<&mut Self, Error> {
        let directory = Arc::make_mut(&mut self.loading.state.directory);
        directory.check_filter(&mut filter)?;
        match directory.filters.contains_key(&filter.id) {
            true => Err(Error::new(ErrorCode::DuplicateId, &filter.id).of("filter")),
            false => {
                directory.filters.insert(filter.id.clone(), Arc::new(filter));
                Ok(self)
            }
        }
    }

    /// Starts the engine's revisions here, where the facts come from a journal (0 unless said otherwise).
    pub fn revision(&mut self, revision: Revision) -> &mut Self {
        self.revision = revision;
        self
    }

    /// The engine. O(n × log n) for its conversations and its contacts, for they are put in order here.
    #[must_use]
    pub fn build(self) -> Engine {
        Engine { state: self.loading.finish(), revision: self.revision, cursor_key: CursorKey::default() }
    }
}
