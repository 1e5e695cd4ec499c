//! Rules that only few conversations can match: the viewer's stars, and the conversations of contacts that a rule names.
//!
//! These are looked at in place of all that the viewer sees. Each has to match the whole rule still, for a contact may be
//! hidden from the viewer.

use super::{Origin, Plan};
use crate::engine::posting::PostingList;
use crate::engine::rule::{Node, View, Wanted};
use crate::model::ArchiveScope;

/// Conversations that are few whatever there is.
const FEW: usize = if cfg!(test) { 2 } else { 256 };

/// One in so many is few.
const SHARE: usize = 64;

/// Conversations of contacts from which on a page of archived ones is found sooner in their order than by a glance at
/// what is kept of every row: where one in `all / MANY` matches, 50 take as long.
const MANY: usize = if cfg!(test) { 12 } else { 4096 };

impl Plan {
    /// Has few conversations looked at, if the rest of the rule can match no others.
    pub(super) fn look_among_few(&mut self, view: &View<'_>) {
        if self.origin != Origin::Spines {
            return;
        }
        let conjuncts = match self.rest.as_deref() {
            None => &[],
            Some(Node::All(nodes)) => &nodes[..],
            Some(node) => std::slice::from_ref(node),
        };
        let among = conjuncts.iter().find_map(|node| match node {
            Node::Starred if self.are_stars_few(view) => Some(Origin::Starred),
            Node::Contacts(named) if self.are_contacts_few(view, named) => Some(Origin::OfContacts(named.clone())),
            _ => None,
        });
        if let Some(origin) = among {
            self.origin = origin;
        }
    }

    /// How many conversations are few, of those in the archive scope.
    fn few(&self, view: &View<'_>) -> usize {
        let all = match self.scope {
            ArchiveScope::Exclude => view.state.open.spine.len(),
            ArchiveScope::Include | ArchiveScope::Only => view.state.count,
        };
        FEW.max(all / SHARE)
    }

    fn are_stars_few(&self, view: &View<'_>) -> bool {
        view.state.starred.get(view.viewer).map_or(0, PostingList::len) <= self.few(view)
    }

    /// Open conversations are listed by contact; of archived ones it is known how many there are, and what the viewer
    /// sees may be so little that it is sooner looked at.
    fn are_contacts_few(&self, view: &View<'_>, named: &Wanted) -> bool {
        let contacts = &view.state.contacts;
        match self.scope {
            ArchiveScope::Exclude => {
                let few = self.few(view);
                named.iter().flat_map(|contact| contacts.open_rows(*contact)).take(few + 1).count() <= few
            }
            ArchiveScope::Include | ArchiveScope::Only => {
                named.iter().map(|contact| contacts.uses(*contact) as usize).sum::<usize>() <= MANY
                    && self.seen(view).saturating_mul(SHARE) >= view.state.count
            }
        }
    }

    /// The conversations of contacts, those in the archive scope among them, each once.
    pub(super) fn of_contacts(&self, view: &View<'_>, named: &Wanted) -> Vec<u32> {
        if self.scope != ArchiveScope::Exclude {
            return view.state.details.rows_of(named);
        }
        let mut rows: Vec<u32> = named.iter().flat_map(|contact| view.state.contacts.open_rows(*contact)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
