//! What is in an inbox: lists newest first, pages, counts, in whichever way looks at the fewest conversations.
//!
//! * *Walk* ([`walk`]): block by block from the newest, until the page is full.
//! * *Gather*: when the viewer sees few conversations, or the inbox is one of an assignee, of the viewer's stars or of
//!   contacts ([`few`]): take those few, test each, sort. O(k log k).
//! * *Merge* ([`archive`]): where archived conversations are listed, both orders as one, or whatever else is to be
//!   expected to look at fewer, and once merging has looked at more.
//! * *Count* ([`badges`](mod@badges)): by whole leaves, for all badges at once.
//!
//! Each inbox becomes a [`Plan`] once; list, page and badge ask the plan. Of one conversation, `keeps_out` and
//! placement ask the conditions of `policy` one by one.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

mod archive;
mod badges;
mod few;
mod walk;

use std::cmp::Ordering;

use smallvec::SmallVec;

pub(super) use badges::badges;
pub(super) use walk::{Listed, room_for};

use super::bits::{Bits, contains};
use super::kernel::{self, and, and_not, is_clear};
use super::leaf::{Leaf, Leaves, is_set};
use super::open::{Attributes, Group};
use super::rule::{Asked, Node, View, Wanted, any_of};
use super::spine::{Block, Mask, NO_SLOTS};
use super::state::Slot;
use crate::model::{ArchiveScope, Member};
use crate::policy::{Opened, archive_scope};
use crate::work::count_rows;
use walk::{Found, Walk};

/// An inbox for one viewer at one revision, with everything resolved.
#[derive(Debug)]
pub(super) struct Plan {
    /// The classes that the viewer sees and the inbox lists.
    classes: Bits,
    scope: ArchiveScope,
    origin: Origin,
    /// What masks settle at once.
    terms: Terms,
    /// What is left of the rule: seldom anything, so that it takes no more than a pointer.
    rest: Option<Box<Node>>,
    /// Whether the masks of `rest` leave nothing open.
    is_exact: bool,
    /// Whether some of that is told by a conversation's only contact.
    asks_contacts: bool,
    window: Window,
}

/// The times of last activity that a rule leaves, where it asks for some: nothing before and behind them is looked at.
/// Of each conversation the rule is asked all the same.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Option<i64>,
    before: Option<i64>,
}

impl Window {
    /// What all parts of a rule leave.
    fn of(conjuncts: &[Node]) -> Self {
        conjuncts.iter().fold(Self::default(), |window, node| match node {
            Node::Since(time) => Self { since: window.since.max(Some(*time)), ..window },
            Node::Before(time) => {
                Self { before: Some(window.before.map_or(*time, |before| before.min(*time))), ..window }
            }
            _ => window,
        })
    }

    /// Whether it leaves all times.
    fn is_everything(self) -> bool {
        self.since.is_none() && self.before.is_none()
    }

    fn is_too_old(self, at: i64) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    fn is_too_new(self, at: i64) -> bool {
        self.before.is_some_and(|before| at >= before)
    }

    fn is_older(self, view: &View<'_>, row: u32) -> bool {
        self.since.is_some() && self.is_too_old(view.state.details.at(row))
    }

    fn is_newer(self, view: &View<'_>, row: u32) -> bool {
        self.before.is_some() && self.is_too_new(view.state.details.at(row))
    }
}

/// Whether bounds look at contacts: not before it is settled what of a block the viewer sees, for each takes a look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contacts {
    Asked,
    LeftOpen,
}

/// The plan of nothing.
impl Default for Plan {
    fn default() -> Self {
        Self {
            classes: Bits::default(),
            scope: ArchiveScope::Exclude,
            origin: Origin::Nothing,
            terms: Terms::default(),
            rest: None,
            is_exact: true,
            asks_contacts: false,
            window: Window::default(),
        }
    }
}

/// Where an inbox's conversations are found.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    /// In the spines, in order.
    Spines,
    /// In the lists of these assignees.
    Assigned(Wanted),
    /// Among the viewer's stars.
    Starred,
    /// Nowhere.
    Nothing,
}

/// The part of a rule that is ANDs over masks and over ORs of masks.
#[derive(Debug, Default)]
struct Terms {
    unassigned: bool,
    assigned: bool,
    unread: bool,
    contact_tags: SmallVec<[Wanted; 1]>,
    conversation_tags: SmallVec<[Wanted; 1]>,
}

impl Terms {
    /// What the terms leave of a mask; `part` says of which part of the group it is.
    #[inline(always)]
    fn narrow<'g, const N: usize>(
        &self,
        view: &View<'_>,
        group: &'g Group,
        part: impl Fn(&'g Leaf) -> &'g [u64; N] + Copy,
        start: &[u64; N],
    ) -> [u64; N] {
        let mut mask = *start;
        if self.unassigned {
            mask = and(&mask, part(&group.unassigned));
        }
        if self.assigned {
            mask = and_not(&mask, part(&group.unassigned));
        }
        if self.unread {
            mask = and_not(&mask, part(group.reads().get(view.viewer)));
        }
        for tags in &self.contact_tags {
            mask = and(&mask, &any_of(&group.contact_tags, tags, part));
        }
        for tags in &self.conversation_tags {
            mask = and(&mask, &any_of(&group.conversation_tags, tags, part));
        }
        mask
    }

    /// Whether one open conversation is left, by its bits.
    #[inline]
    fn admit(&self, view: &View<'_>, slot: u32) -> bool {
        let (group, at) = view.state.open.group(slot);
        let is_unassigned = || is_set(&group.unassigned, at);
        let any_of = |leaves: &Leaves, tags: &Wanted| tags.iter().any(|tag| is_set(leaves.get(*tag), at));
        (!self.unassigned || is_unassigned())
            && (!self.assigned || !is_unassigned())
            && (!self.unread || !is_set(group.reads().get(view.viewer), at))
            && self.contact_tags.iter().all(|tags| any_of(&group.contact_tags, tags))
            && self.conversation_tags.iter().all(|tags| any_of(&group.conversation_tags, tags))
    }

    /// Whether masks are left as they are.
    fn is_empty(&self) -> bool {
        let Self { unassigned, assigned, unread, contact_tags, conversation_tags } = self;
        !unassigned && !assigned && !unread && contact_tags.is_empty() && conversation_tags.is_empty()
    }
}

impl Plan {
    /// Makes the plan of nothing that of an inbox, where it is: to move one takes longer than to make most.
    pub(super) fn fill(&mut self, view: &View<'_>, opened: &Opened<'_>) {
        self.classes.extend_from_words(view.sees);
        self.scope = archive_scope(opened);
        self.origin = Origin::Spines;
        match opened {
            Opened::All => {
                self.classes.subtract(view.state.classes.team_kind());
                self.terms.unassigned = true;
            }
            Opened::AssignedTo(member) => self.origin = assigned_to(view, member),
            Opened::TeamConversations => self.classes.intersect(view.state.classes.team_kind()),
            Opened::Starred => self.origin = Origin::Starred,
            Opened::Archived | Opened::Everything => {}
            Opened::Rule { rule, .. } => self.narrow(view, view.compile(rule)),
        }
        if self.classes.is_empty() {
            self.origin = Origin::Nothing;
        }
    }

    /// Takes a rule's conjuncts apart: into classes, a source, terms, and the rest.
    fn narrow(&mut self, view: &View<'_>, node: Node) {
        let rest = match node {
            Node::Const(true) => None,
            Node::Const(false) => {
                self.origin = Origin::Nothing;
                None
            }
            Node::All(nodes) => {
                let mut rest: Vec<Node> = nodes.into_iter().filter_map(|node| self.absorb(view, node)).collect();
                // What takes long is asked last: of what all others leave.
                rest.sort_by_key(Node::tag_looks);
                (!rest.is_empty()).then(|| Node::all(rest))
            }
            node => self.absorb(view, node),
        };
        self.is_exact = rest.as_ref().is_none_or(|node| view.is_exact(node));
        self.asks_contacts = rest.as_ref().is_some_and(|node| view.asks_contacts(node));
        self.rest = rest.map(Box::new);
        self.window = Window::of(self.conjuncts());
    }

    /// The parts of the rest of the rule that all have to match.
    fn conjuncts(&self) -> &[Node] {
        match self.rest.as_deref() {
            None => &[],
            Some(Node::All(nodes)) => nodes,
            Some(node) => std::slice::from_ref(node),
        }
    }

    /// Makes a conjunct classes, a term or the source; gives it back where it is none of these. Terms are masks, and
    /// archived conversations have none.
    fn absorb(&mut self, view: &View<'_>, node: Node) -> Option<Node> {
        let node = match node {
            Node::Classes(classes) => {
                self.classes.intersect(&classes);
                return None;
            }
            Node::Not(inner) => match *inner {
                Node::Classes(classes) => {
                    self.classes.subtract(&classes);
                    return None;
                }
                _ => Node::Not(inner),
            },
            node => node,
        };
        if self.scope != ArchiveScope::Exclude {
            return Some(node);
        }
        match node {
            Node::Assignee(one) if !one.anyone && !one.nobody && self.origin == Origin::Spines => {
                self.origin = Origin::Assigned(one.named);
            }
            Node::Assignee(one) if one.named.is_empty() || one.anyone => {
                self.terms.unassigned |= one.nobody;
                self.terms.assigned |= one.anyone;
            }
            Node::Unread => self.terms.unread = true,
            Node::AnyContactTag(tags) if view.finds.is_everything() => self.terms.contact_tags.push(tags),
            Node::AnyConversationTag(tags) => self.terms.conversation_tags.push(tags),
            node => return Some(node),
        }
        None
    }

    /// Whether a row is in.
    fn holds(&self, view: &View<'_>, row: u32) -> bool {
        self.lists(view, row) && self.is_in_scope(view, row) && self.matches(view, row)
    }

    /// Whether a row is in a class that is visible and listed.
    fn lists(&self, view: &View<'_>, row: u32) -> bool {
        contains(self.classes.words(), view.state.class.get(row))
    }

    fn is_in_scope(&self, view: &View<'_>, row: u32) -> bool {
        match self.scope {
            ArchiveScope::Include => true,
            scope => view.state.is_archived(row) == (scope == ArchiveScope::Only),
        }
    }

    /// Whether a row matches everything that the source and the classes have not settled.
    fn matches(&self, view: &View<'_>, row: u32) -> bool {
        match view.state.slot_of(row) {
            Slot::Open(slot) => self.matches_open(view, row, slot),
            Slot::Archived(_) => self.terms.is_empty() && self.matches_rest(view, row),
        }
    }

    #[inline]
    fn matches_open(&self, view: &View<'_>, row: u32, slot: u32) -> bool {
        (self.terms.is_empty() || self.terms.admit(view, slot)) && self.matches_rest(view, row)
    }

    #[inline]
    fn matches_rest(&self, view: &View<'_>, row: u32) -> bool {
        self.rest.as_ref().is_none_or(|node| view.matches(node, row))
    }

    /// Appends the rows of the list that come behind those for which `is_passed` holds, newest first, up to `limit`
    /// in all of `rows`.
    pub(super) fn list(
        &self,
        view: &View<'_>,
        leaves: &Listed<'_>,
        is_passed: Option<&dyn Fn(u32) -> bool>,
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        if rows.len() >= limit {
            return;
        }
        let passed = |row: u32| is_passed.is_some_and(|is_passed| is_passed(row)) || self.window.is_newer(view, row);
        let is_passed = match self.window.before {
            None => is_passed,
            Some(_) => Some(&passed as &dyn Fn(u32) -> bool),
        };
        match &self.origin {
            Origin::Nothing => {}
            Origin::Assigned(numbers) => self.list_assigned(view, numbers, passed, limit, rows),
            Origin::Starred => self.gather(view, few::stars(view), passed, limit, rows),
            Origin::Spines => match self.few(view, limit - rows.len()) {
                Some(few) => self.gather(view, few.rows(view).into_iter(), passed, limit, rows),
                None if self.scope == ArchiveScope::Exclude => {
                    kernel::run(Walk { plan: self, view, leaves, is_passed, found: Found::new(rows, limit) })
                }
                None => self.merge(view, is_passed, limit, rows),
            },
        }
    }

    /// The newest of each assignee's list; of several lists, the newest of all.
    fn list_assigned(
        &self,
        view: &View<'_>,
        numbers: &[u32],
        is_passed: impl Fn(u32) -> bool,
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        let start = rows.len();
        let wanted = limit.saturating_sub(start);
        let is_settled = self.terms.is_empty() && self.rest.is_none();
        for number in numbers {
            let newest_first = view.state.assignments.newest_first_from(*number, |one| is_passed(one.row));
            let visible = newest_first.take_while(|one| !self.window.is_too_old(one.at)).filter(|one| {
                count_rows(1);
                contains(self.classes.words(), one.class)
            });
            let end = rows.len().saturating_add(wanted);
            // Not a chain of iterators, which asks of each row what nearly no list asks.
            for one in visible {
                if !is_settled && !self.matches_open(view, one.row, one.slot) {
                    continue;
                }
                rows.push(one.row);
                if rows.len() >= end {
                    break;
                }
            }
        }
        if numbers.len() > 1 {
            keep_newest(view, start, limit, rows);
        }
    }

    /// Tests each of `candidates` and sorts those that are in.
    fn gather(
        &self,
        view: &View<'_>,
        candidates: impl Iterator<Item = u32>,
        is_passed: impl Fn(u32) -> bool,
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        let start = rows.len();
        rows.extend(candidates.filter(|row| {
            count_rows(1);
            !is_passed(*row) && self.holds(view, *row)
        }));
        keep_newest(view, start, limit, rows);
    }

    /// What of a block's `start` is in for certain, and what may be; contacts are looked at for what `contacts` says.
    #[inline(always)]
    fn bounds(
        &self,
        view: &View<'_>,
        block: &Block,
        attributes: Attributes<'_>,
        start: &Mask,
        contacts: Contacts,
    ) -> (Mask, Mask) {
        let mask = self.terms.narrow(view, attributes.group, |leaf| attributes.part(leaf), start);
        match &self.rest {
            None => (mask, mask),
            Some(_) if is_clear(&mask) => (NO_SLOTS, NO_SLOTS),
            Some(node) => {
                let contacts_within = (contacts == Contacts::Asked && self.asks_contacts).then_some(mask);
                let (certain, possible) = view.bounds(node, Asked { block, attributes, contacts_within });
                (and(&mask, &certain), and(&mask, &possible))
            }
        }
    }
}

/// Puts the rows from `start` on in order, newest first, and keeps up to `limit` in all.
fn keep_newest(view: &View<'_>, start: usize, limit: usize, rows: &mut Vec<u32>) {
    // With their times beside them, which else are all over memory.
    let mut found: SmallVec<[(i64, u32); 64]> =
        rows[start..].iter().map(|row| (view.state.details.at(*row), *row)).collect();
    let newest_first = |one: &(i64, u32), two: &(i64, u32)| match two.0.cmp(&one.0) {
        Ordering::Equal => view.state.compare(two.1, one.1),
        order => order,
    };
    let wanted = limit.saturating_sub(start);
    if wanted < found.len() {
        found.select_nth_unstable_by(wanted, newest_first);
        found.truncate(wanted);
    }
    found.sort_unstable_by(newest_first);
    rows.truncate(start);
    rows.extend(found.iter().map(|(_, row)| *row));
}

fn assigned_to(view: &View<'_>, member: &Member) -> Origin {
    match view.state.assignments.number(member) {
        Some(number) => Origin::Assigned(Wanted::from_slice(&[number])),
        None => Origin::Nothing,
    }
}
