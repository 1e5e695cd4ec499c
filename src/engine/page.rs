//! Pages of lists and the rows that they show.

use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};

use super::contacts::Named;
use super::cursor::Cursor;
use super::details::Detail;
use super::rule::{Finds, View};
use super::short::Run;
use super::state::{Slot, State};
use crate::error::{Error, ErrorCode};
use crate::model::{
    ContactCategory, ContactId, ConversationId, ConversationKind, EndpointId, Invitation, Member, Tag, Text, Timestamp,
};
use crate::policy::ShownContact;

/// Number of a conversation inside one engine at one revision; it has no meaning in another.
///
/// The fast way to ask about many conversations: no text is looked up. A number that belongs to no conversation is
/// seen by nobody; that of a conversation that was removed is given to another one later, so ask for it anew after each
/// change. Numbers are handed out across all conversations: keep them from viewers, who would learn how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub(super) u32);

/// Which part of a list is asked for.
///
/// # Examples
/// ```
/// use visibly::PageRequest;
///
/// let first = PageRequest::first(50);
/// let whole = PageRequest::all();
/// # let _ = (first, whole);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    size: Option<usize>,
    after: Option<Cursor>,
}

impl PageRequest {
    /// The first `size` entries. A size of 0 is refused with `empty_page`; one beyond the list gives the list.
    #[must_use]
    pub fn first(size: usize) -> Self {
        Self { size: Some(size), after: None }
    }

    /// The whole list as one page.
    #[must_use]
    pub fn all() -> Self {
        Self { size: None, after: None }
    }

    /// The same number of entries, from where `cursor` ended.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }

    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    pub(crate) fn limit(&self) -> Result<usize, Error> {
        match self.size {
            Some(0) => Err(Error::new(ErrorCode::EmptyPage, "")),
            size => Ok(size.unwrap_or(usize::MAX)),
        }
    }
}

/// One page of a list: its rows in the list's order, and where the next page starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Page<R> {
    /// The rows; empty if nothing is left.
    pub rows: Vec<R>,
    /// The cursor for the next page; `None` if this page ends the list.
    pub next: Option<Cursor>,
}

/// Rows that are fetched from memory at once, six or so cache lines each: a page. Many more would drive each other out.
const AT_ONCE: usize = 64;

/// One conversation as a list shows it to its viewer, borrowed from the engine.
///
/// Contacts that the viewer may not view are [hidden](ShownContact::Hidden). Serializes as an object with the
/// fields `id`, `kind`, `endpoint`, `assignee`, `archived`, `tags`, `last_activity`, `read`, `starred`, `contacts`.
#[derive(Clone, Copy)]
pub struct ConversationRow<'e> {
    // Not the view, which is longer, by what nobody asks of a row.
    state: &'e State,
    finds: Finds<'e>,
    viewer: u32,
    row: u32,
    id: &'e ConversationId,
    detail: Detail<'e>,
}

impl<'e> ConversationRow<'e> {
    /// The row of a conversation that the viewer sees.
    pub(super) fn new(view: View<'e>, row: u32) -> Option<Self> {
        Some(Self::of(view, row, view.state.id(row)?))
    }

    /// Always inlined, so that it is made where it will be: moving it costs a page as much as making it.
    #[inline(always)]
    fn of(View { state, finds, viewer, .. }: View<'e>, row: u32, id: &'e ConversationId) -> Self {
        Self { state, finds, viewer, row, id, detail: state.details.get(row) }
    }

    /// The rows of conversations that the viewer sees, in their order.
    ///
    /// What they show lies all over memory. Of the latest it is at hand, for everyone looks at those. Of others it is
    /// fetched for many of them at once, step by step along the pointers, rather than waited for as they are looked at.
    pub(super) fn all(view: View<'e>, rows: &[u32]) -> Vec<Self> {
        let mut all = Vec::with_capacity(rows.len());
        if rows.last().is_none_or(|row| view.state.is_among_latest(*row)) {
            Self::add(view, rows, &mut all);
            return all;
        }
        for some in rows.chunks(AT_ONCE) {
            some.iter().for_each(|row| view.state.prefetch_row(*row));
            let made = all.len();
            Self::add(view, some, &mut all);
            all.iter().skip(made).for_each(Self::prefetch);
        }
        all
    }

    /// Not inlined, so that nothing else is to be kept in registers meanwhile.
    #[inline(never)]
    fn add(view: View<'e>, rows: &[u32], all: &mut Vec<Self>) {
        for row in rows {
            if let Some(id) = view.state.id(*row) {
                all.push(Self::of(view, *row, id));
            }
        }
    }

    /// Has fetched what comes behind what [`State::prefetch_row`] fetches.
    fn prefetch(&self) {
        self.state.prefetch_read(Slot::of(self.detail.slot()), self.viewer);
        self.state.details.contacts_of(self.row, self.detail).for_each(|contact| self.state.contacts.prefetch(contact));
    }

    /// Its id. O(1).
    #[must_use]
    #[inline]
    pub fn id(&self) -> &'e ConversationId {
        self.id
    }

    /// Its row number at this revision. O(1).
    #[must_use]
    #[inline]
    pub fn row(&self) -> RowId {
        RowId(self.row)
    }

    /// What it is. O(1).
    #[must_use]
    #[inline]
    pub fn kind(&self) -> ConversationKind {
        self.state.class_of(self.row).kind
    }

    /// The endpoint that it runs over; `None` for team conversations and notes. O(1).
    #[must_use]
    #[inline]
    pub fn endpoint(&self) -> Option<&'e EndpointId> {
        self.state.class_of(self.row).endpoint.as_ref()
    }

    /// To whom it is assigned; `None` if to nobody. O(1).
    #[must_use]
    #[inline]
    pub fn assignee(&self) -> Option<&'e Member> {
        self.state.assignments.of_row(self.row)
    }

    /// Whether it is archived. O(1).
    #[must_use]
    #[inline]
    pub fn is_archived(&self) -> bool {
        matches!(Slot::of(self.detail.slot()), Slot::Archived(_))
    }

    /// Its tags, in the order in which they were added.
    #[inline]
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &'e Tag> + use<'e> {
        Tags { state: self.state, numbers: self.state.details.tags_of(self.row, self.detail) }
    }

    /// When the last message came or went. O(1).
    #[must_use]
    #[inline]
    pub fn last_activity(&self) -> Timestamp {
        Timestamp::from_millis(self.detail.at())
    }

    /// Whether the viewer has read it since its last message (SPEC 5.9). O(1), of an archived one O(log teammates).
    #[must_use]
    #[inline]
    pub fn is_read(&self) -> bool {
        self.state.is_read_at(self.row, Slot::of(self.detail.slot()), self.viewer)
    }

    /// Whether the viewer has starred it. O(log of how many have).
    #[must_use]
    #[inline]
    pub fn is_starred(&self) -> bool {
        self.state.is_starred(self.row, self.viewer)
    }

    /// Its contacts in its order, those hidden from the viewer as such (SPEC 4.3).
    #[inline]
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = ShownContact<ContactRow<'e>>> + use<'e> {
        let Self { state, finds, row, detail, .. } = *self;
        state.details.contacts_of(row, detail).map(move |contact| match finds.contains(state, contact) {
            true => ContactRow::new(state, contact).map_or(ShownContact::Hidden, ShownContact::Shown),
            false => ShownContact::Hidden,
        })
    }
}

/// Tags of a list of their numbers.
struct Tags<'e> {
    state: &'e State,
    numbers: Run<'e>,
}

impl<'e> Iterator for Tags<'e> {
    type Item = &'e Tag;

    #[inline]
    fn next(&mut self) -> Option<&'e Tag> {
        self.state.tag(self.numbers.next()?)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'e Tag) -> B>(self, start: B, f: F) -> B {
        let Self { state, numbers } = self;
        numbers.filter_map(|number| state.tag(number)).fold(start, f)
    }
}

/// Every number in a list has a tag, for numbers of tags are never given up.
impl ExactSizeIterator for Tags<'_> {}

/// Equal if they show the same.
impl PartialEq for ConversationRow<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
            && self.kind() == other.kind()
            && self.endpoint() == other.endpoint()
            && self.assignee() == other.assignee()
            && self.is_archived() == other.is_archived()
            && self.tags().eq(other.tags())
            && self.last_activity() == other.last_activity()
            && self.is_read() == other.is_read()
            && self.is_starred() == other.is_starred()
            && self.contacts().eq(other.contacts())
    }
}

impl std::fmt::Debug for ConversationRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ConversationRow").field(self.id()).finish()
    }
}

impl Serialize for ConversationRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ConversationRow", 10)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("kind", &self.kind())?;
        fields.serialize_field("endpoint", &self.endpoint())?;
        fields.serialize_field("assignee", &self.assignee())?;
        fields.serialize_field("archived", &self.is_archived())?;
        fields.serialize_field("tags", &List(|| self.tags()))?;
        fields.serialize_field("last_activity", &self.last_activity())?;
        fields.serialize_field("read", &self.is_read())?;
        fields.serialize_field("starred", &self.is_starred())?;
        fields.serialize_field("contacts", &List(|| self.contacts()))?;
        fields.end()
    }
}

/// One contact as a list shows it to a viewer who may view it, borrowed from the engine.
///
/// Serializes as an object with the fields `id`, `name`, `category`, `invitation`, `tags`.
#[derive(Clone, Copy)]
pub struct ContactRow<'e> {
    state: &'e State,
    contact: u32,
    named: &'e Named,
}

impl<'e> ContactRow<'e> {
    #[inline]
    pub(super) fn new(state: &'e State, contact: u32) -> Option<Self> {
        Some(Self { state, contact, named: state.contacts.named(contact)? })
    }

    pub(super) fn number(&self) -> u32 {
        self.contact
    }

    /// Its id. O(1).
    #[must_use]
    #[inline]
    pub fn id(&self) -> &'e ContactId {
        &self.named.id
    }

    /// Its name, if it has one. O(1).
    #[must_use]
    #[inline]
    pub fn name(&self) -> Option<&'e str> {
        self.named.name.as_ref().map(Text::as_str)
    }

    /// What it is. O(1).
    #[must_use]
    #[inline]
    pub fn category(&self) -> ContactCategory {
        self.state.contacts.category(self.contact)
    }

    /// Whether it has been invited to the app. O(1).
    #[must_use]
    #[inline]
    pub fn invitation(&self) -> Invitation {
        self.state.contacts.invitation(self.contact)
    }

    /// Its tags, in the order in which they were added.
    #[inline]
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &'e Tag> + use<'e> {
        Tags { state: self.state, numbers: self.state.contacts.tags_of(self.contact, self.named) }
    }
}

/// Equal if they show the same.
impl PartialEq for ContactRow<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
            && self.name() == other.name()
            && self.category() == other.category()
            && self.invitation() == other.invitation()
            && self.tags().eq(other.tags())
    }
}

impl std::fmt::Debug for ContactRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ContactRow").field(self.id()).finish()
    }
}

impl Serialize for ContactRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ContactRow", 5)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("name", &self.name())?;
        fields.serialize_field("category", &self.category())?;
        fields.serialize_field("invitation", &self.invitation())?;
        fields.serialize_field("tags", &List(|| self.tags()))?;
        fields.end()
    }
}

/// An iterator as a list.
struct List<F>(F);

impl<T: Serialize, I: ExactSizeIterator<Item = T>, F: Fn() -> I> Serialize for List<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = (self.0)();
        let mut list = serializer.serialize_seq(Some(entries.len()))?;
        for entry in entries {
            list.serialize_element(&entry)?;
        }
        list.end()
    }
}
