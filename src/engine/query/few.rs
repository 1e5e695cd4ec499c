//! Rules that few conversations match: the viewer's stars, and the conversations of contacts that a rule names.
//!
//! Where these are fewer than what else would be looked at, they are looked at in place of that. Each has to be in the list
//! still: seen, in the archive scope, and matched by the whole rule.
//!
//! * Stars are listed by teammate, open conversations by contact: a look at each.
//! * Of which archived ones a contact has there is no list; how many there are is known. They are found by a glance at
//!   what is kept of every row, in the order in memory.

use super::Plan;
use crate::engine::open_set::OpenSet;
use crate::engine::posting::PostingList;
use crate::engine::rule::{Node, View};
use crate::model::ArchiveScope;

/// Conversations that are few whatever there is.
const FEW: usize = if cfg!(test) { 2 } else { 64 };

/// Conversations that a walk goes through in the time of a look at one that is anywhere in memory.
const PASSED: usize = 12;

/// Conversations of which a list says which they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Few<'p> {
    Stars,
    /// The open ones of contacts.
    Open(&'p [u32]),
}

impl Few<'_> {
    /// How many there are, if they are `most` at most; contacts that are more themselves are not gone through.
    fn up_to(self, most: usize, view: &View<'_>) -> Option<usize> {
        let View { state, viewer, .. } = view;
        let count = match self {
            Self::Stars => state.starred.get(*viewer).map_or(0, PostingList::len),
            Self::Open(contacts) if contacts.len() > most => return None,
            Self::Open(contacts) => contacts.iter().map(|contact| state.contacts.open_count(*contact)).sum(),
        };
        (count <= most).then_some(count)
    }

    /// Each once.
    pub(super) fn rows(self, view: &View<'_>) -> Vec<u32> {
        match self {
            Self::Stars => stars(view).collect(),
            Self::Open(contacts) => {
                let listed = contacts.iter().flat_map(|contact| view.state.contacts.open_rows(*contact));
                let mut rows: Vec<u32> = listed.collect();
                rows.sort_unstable();
                rows.dedup();
                rows
            }
        }
    }
}

/// What the viewer has starred.
pub(super) fn stars<'e>(view: &View<'e>) -> impl Iterator<Item = u32> + use<'e> {
    view.state.starred.get(view.viewer).into_iter().flat_map(PostingList::iter)
}

/// To how many conversations some contacts are attached.
pub(super) fn uses(view: &View<'_>, contacts: &[u32]) -> usize {
    contacts.iter().map(|contact| view.state.contacts.uses(*contact) as usize).sum()
}

impl Plan {
    /// The fewest conversations that can match, of which `wanted` are listed; `None` if to go through all is expected to be
    /// sooner done.
    pub(super) fn few(&self, view: &View<'_>, wanted: usize) -> Option<Few<'_>> {
        let candidates = || {
            self.conjuncts().iter().filter_map(|node| match node {
                Node::Starred => Some(Few::Stars),
                Node::Contacts(named) if self.scope == ArchiveScope::Exclude => Some(Few::Open(named)),
                _ => None,
            })
        };
        candidates().next()?;
        if let Some(few) = candidates().find(|few| few.up_to(FEW, view).is_some()) {
            return Some(few);
        }
        let (within, passed_at_once) =
            (self.within(view), if self.scope == ArchiveScope::Exclude { PASSED } else { 1 });
        let most = self.seen_in_scope(view).min(within / passed_at_once);
        let counted = candidates().filter_map(|few| Some((few.up_to(most, view)?, few)));
        let (count, few) = counted.min_by_key(|(count, _)| *count)?;
        let passed = self.merged(view, count, wanted).min(within);
        (count.saturating_mul(passed_at_once) <= passed).then_some(few)
    }

    fn seen_in_scope(&self, view: &View<'_>) -> usize {
        match self.scope {
            ArchiveScope::Exclude => self.open_sets(view).map(OpenSet::len).sum(),
            ArchiveScope::Include | ArchiveScope::Only => self.seen(view),
        }
    }
}
