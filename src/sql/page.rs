//! Which part of a list is asked for.

use crate::error::{Error, ErrorCode};
use crate::model::{ContactId, ConversationId, Timestamp};

/// A part of a list: at most so many entries, from the start or after a border.
///
/// Ask for one entry more than a page shows to learn whether another page follows. The border of the next part is
/// made of the last row shown; it stays good when that row changes or goes.
///
/// # Examples
/// ```
/// use visibly::sql::{ActivityBorder, Part};
///
/// let first = Part::first(50);
/// let next = Part::first(50).after(ActivityBorder::new(1_700_000_000_000, "c17"));
/// # let _: [Part<ActivityBorder>; 2] = [first, next];
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part<B> {
    size: Option<usize>,
    after: Option<B>,
}

impl<B> Part<B> {
    /// The first `size` entries. A size of 0 is refused with `empty_page`.
    #[must_use]
    pub fn first(size: usize) -> Self {
        Self { size: Some(size), after: None }
    }

    /// The whole list.
    #[must_use]
    pub fn all() -> Self {
        Self { size: None, after: None }
    }

    /// The same number of entries, of those that come after the border.
    #[must_use]
    pub fn after(mut self, border: B) -> Self {
        self.after = Some(border);
        self
    }

    pub(crate) fn border(&self) -> Option<&B> {
        self.after.as_ref()
    }

    /// What `LIMIT` takes; `None` for no limit.
    pub(crate) fn limit(&self) -> Result<Option<u64>, Error> {
        match self.size {
            Some(0) => Err(Error::new(ErrorCode::EmptyPage, "")),
            size => Ok(size.map(|size| size as u64)),
        }
    }
}

/// A place in an inbox: latest activity first, then by id (SPEC 5.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActivityBorder {
    pub(crate) last_activity: Timestamp,
    pub(crate) id: ConversationId,
}

impl ActivityBorder {
    /// The place of a conversation with this last activity and id.
    #[must_use]
    pub fn new(last_activity: impl Into<Timestamp>, id: impl Into<ConversationId>) -> Self {
        Self { last_activity: last_activity.into(), id: id.into() }
    }
}

/// A place in a contact list: by lower-cased name, then by id; without a name last (SPEC 5.10).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NameBorder {
    pub(crate) name_key: Option<String>,
    pub(crate) id: ContactId,
}

impl NameBorder {
    /// The place of a contact with this name key, as the list's row has it, and id.
    #[must_use]
    pub fn new(name_key: Option<impl Into<String>>, id: impl Into<ContactId>) -> Self {
        Self { name_key: name_key.map(Into::into), id: id.into() }
    }
}

/// Without the name.
impl std::fmt::Debug for NameBorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameBorder").field("id", &self.id).finish_non_exhaustive()
    }
}
