//! What is in an inbox: lists newest first, pages, counts, in whichever way looks at the fewest conversations.
//!
//! * *Walk*: block by block from the newest, masks first, then the viewer's class bits; stops when the page is full.
//!   O(blocks walked × size of the rule + conversations tested).
//! * *Gather*: when the viewer sees few conversations, or the inbox is one of an assignee or of the viewer's stars:
//!   take those few, test each, sort. O(k log k).
//! * *Count*: one pass over the open blocks for all badges, 512 conversations at a time; archived ones are counted
//!   by class where no rule asks about them.
//!
//! Each inbox becomes a [`Plan`] once; list, page, badge and placement all ask the plan.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use smallvec::SmallVec;

use super::bits::{Bits, contains, ones};
use super::kernel::{self, Counted, Lanes, Pass, and, and_not, is_clear, or, prefetch, prefetch_line};
use super::open::{Attributes, Group, Leaf, Leaves, NO_LEAF, WHOLE_LEAF, is_marked, is_set, lane, lane_of};
use super::rule::{ALL_SLOTS, Named, Node, View, any_of};
use super::spine::{BLOCK, Block, Mask, NO_SLOTS, Spine};
use super::state::Slot;
use super::work::{count_blocks, count_rows};
use crate::model::{ArchiveScope, Member};
use crate::policy::{Badge, Opened, archive_scope};

/// An inbox for one viewer at one revision, with everything resolved.
#[derive(Debug)]
pub(super) struct Plan {
    /// The classes that the viewer sees and the inbox lists.
    classes: Bits,
    scope: ArchiveScope,
    source: Source,
    /// What masks settle at once.
    terms: Terms,
    /// What is left of the rule.
    rest: Option<Node>,
    /// Whether the masks of `rest` leave nothing open.
    is_exact: bool,
}

/// The leaves by group of those listed classes that have any; `None` where these are so many that each slot's class is
/// looked at instead.
#[derive(Debug)]
pub(super) struct Listed<'e>(Option<Few<&'e [Option<Arc<Leaf>>]>>);

impl Listed<'_> {
    /// The slots of a block that are listed by their class for certain, and those whose class has to be looked at.
    #[inline(always)]
    fn in_block(&self, attributes: Attributes<'_>, number: u32) -> (Mask, Mask) {
        let Some(leaves) = &self.0 else {
            return (NO_SLOTS, ALL_SLOTS);
        };
        let (group, lane) = lane(number);
        let mut seen = NO_SLOTS;
        for leaves in leaves.as_slice() {
            if let Some(leaf) = leaves.get(group).and_then(Option::as_deref) {
                seen = or(&seen, lane_of(leaf, lane));
            }
        }
        (seen, and_not(&ALL_SLOTS, attributes.part(&attributes.group.settled)))
    }
}

/// Where an inbox's conversations are found.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// In the spines, in order.
    Spines,
    /// In the lists of these assignees.
    Assigned(Named),
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
    contact_tags: SmallVec<[Named; 1]>,
    conversation_tags: SmallVec<[Named; 1]>,
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
            mask = and_not(&mask, part(group.reads.get(view.viewer)));
        }
        for tags in &self.contact_tags {
            mask = and(&mask, &any_of(&group.contact_tags, tags, part));
        }
        for tags in &self.conversation_tags {
            mask = and(&mask, &any_of(&group.conversation_tags, tags, part));
        }
        mask
    }
}

/// The terms that are counted without making masks: assignment, and one set of up to four tags.
struct Fused<'p> {
    terms: &'p Terms,
    are_of_contacts: bool,
    /// No tags ask for none.
    tags: &'p [u32],
}

impl Terms {
    /// What is counted without making masks, and what masks have to be made for.
    fn fuse(&self) -> (Fused<'_>, Self) {
        let mut fused = Fused { terms: self, are_of_contacts: false, tags: &[] };
        let mut left = Self {
            unread: self.unread,
            contact_tags: self.contact_tags.clone(),
            conversation_tags: self.conversation_tags.clone(),
            ..Self::default()
        };
        match (&self.contact_tags[..], &self.conversation_tags[..]) {
            ([.., tags], _) if tags.len() <= 4 => {
                fused = Fused { are_of_contacts: true, tags, ..fused };
                left.contact_tags.pop();
            }
            (_, [.., tags]) if tags.len() <= 4 => {
                fused = Fused { tags, ..fused };
                left.conversation_tags.pop();
            }
            _ => {}
        }
        (fused, left)
    }

    /// Whether one open conversation is left, by its bits.
    #[inline]
    fn admit(&self, view: &View<'_>, slot: u32) -> bool {
        let (group, at) = view.state.open.group(slot);
        let is_unassigned = || is_set(&group.unassigned, at);
        let any_of = |leaves: &Leaves, tags: &Named| tags.iter().any(|tag| is_set(leaves.get(*tag), at));
        (!self.unassigned || is_unassigned())
            && (!self.assigned || !is_unassigned())
            && (!self.unread || !is_set(group.reads.get(view.viewer), at))
            && self.contact_tags.iter().all(|tags| any_of(&group.contact_tags, tags))
            && self.conversation_tags.iter().all(|tags| any_of(&group.conversation_tags, tags))
    }

    /// Whether masks are left as they are.
    fn is_empty(&self) -> bool {
        let Self { unassigned, assigned, unread, contact_tags, conversation_tags } = self;
        !unassigned && !assigned && !unread && contact_tags.is_empty() && conversation_tags.is_empty()
    }
}

impl Fused<'_> {
    /// A leaf, and whether its bits or the others are asked for.
    #[inline(always)]
    fn assignment<'g>(&self, group: &'g Group) -> (&'g Leaf, u64) {
        match (self.terms.unassigned, self.terms.assigned) {
            (false, false) => (&WHOLE_LEAF, 0),
            (true, false) => (&group.unassigned, 0),
            (false, true) => (&group.unassigned, u64::MAX),
            (true, true) => (&NO_LEAF, 0),
        }
    }

    /// The leaves of up to `ANY` tags.
    #[inline(always)]
    fn any<'g, const ANY: usize>(&self, group: &'g Group) -> [&'g Leaf; ANY] {
        let leaves = if self.are_of_contacts { &group.contact_tags } else { &group.conversation_tags };
        std::array::from_fn(|at| self.tags.get(at).map_or(&NO_LEAF, |tag| leaves.get(*tag)))
    }

    /// Counts one group, while the leaves of the next are fetched.
    #[inline(always)]
    fn count<const ANY: usize>(&self, group: &Group, within: &Leaf, read: &Leaf, next: &Group) -> (usize, usize) {
        let (also, flip) = self.assignment(group);
        Counted { within, also, flip, any: self.any::<ANY>(group) }.count(read, self.any::<ANY>(next))
    }
}

/// Up to sixteen of something, in place. A leaf's share costs a walk about as much as the classes of two slots, and a
/// list on the heap would cost what leaves save.
#[derive(Debug)]
struct Few<T> {
    places: [T; 16],
    len: usize,
}

impl<T: Copy> Few<T> {
    /// All of them, or `None` if they are more; `spare` fills the other places.
    fn of(all: impl Iterator<Item = T>, spare: T) -> Option<Self> {
        let mut few = Self { places: [spare; 16], len: 0 };
        for one in all {
            *few.places.get_mut(few.len)? = one;
            few.len += 1;
        }
        Some(few)
    }

    #[inline(always)]
    fn as_slice(&self) -> &[T] {
        &self.places[..self.len]
    }
}

/// How many blocks a walk goes through before it asks whether gathering would look at fewer conversations.
const PATIENCE: usize = if cfg!(test) { 1 } else { 8 };

impl Plan {
    pub(super) fn new(view: &View<'_>, opened: &Opened<'_>) -> Self {
        let mut plan = Self {
            classes: Bits::from_words(view.sees),
            scope: archive_scope(opened),
            source: Source::Spines,
            terms: Terms::default(),
            rest: None,
            is_exact: true,
        };
        match opened {
            Opened::All => {
                plan.classes.subtract(view.state.classes.team_kind());
                plan.terms.unassigned = true;
            }
            Opened::AssignedTo(member) => plan.source = assigned_to(view, member),
            Opened::TeamConversations => plan.classes.intersect(view.state.classes.team_kind()),
            Opened::Starred => plan.source = Source::Starred,
            Opened::Archived | Opened::Everything => {}
            Opened::Rule { rule, .. } => plan.narrow(view, view.compile(rule)),
        }
        if plan.classes.is_empty() {
            plan.source = Source::Nothing;
        }
        plan
    }

    /// What a walk makes use of, to be found once for many.
    pub(super) fn leaves<'e>(&self, view: &View<'e>) -> Listed<'e> {
        if self.source != Source::Spines || self.scope != ArchiveScope::Exclude {
            return Listed(None);
        }
        let mut listed = view.state.classes.many().clone();
        listed.intersect(&self.classes);
        let leaves = listed.iter().filter_map(|class| view.state.classes.get(class).open.leaves());
        Listed(Few::of(leaves, &[]))
    }

    /// The assignees whose lists it is found in.
    fn assignees(&self) -> &[u32] {
        match &self.source {
            Source::Assigned(numbers) => numbers,
            _ => &[],
        }
    }

    /// Whether open conversations are counted by masks.
    fn is_masked(&self) -> bool {
        match self.source {
            Source::Spines if self.scope == ArchiveScope::Exclude => true,
            Source::Spines => self.scope == ArchiveScope::Include && self.rest.is_none(),
            _ => false,
        }
    }

    /// Takes a rule's conjuncts apart: into classes, a source, terms, and the rest.
    fn narrow(&mut self, view: &View<'_>, node: Node) {
        let conjuncts = match node {
            Node::Const(true) => return,
            Node::Const(false) => {
                self.source = Source::Nothing;
                return;
            }
            Node::All(nodes) => nodes,
            node => vec![node],
        };
        let mut rest = Vec::new();
        for node in conjuncts {
            match node {
                Node::Classes(classes) => self.classes.intersect(&classes),
                Node::Not(inner) if matches!(*inner, Node::Classes(_)) => {
                    if let Node::Classes(classes) = *inner {
                        self.classes.subtract(&classes);
                    }
                }
                node => rest.extend(self.absorb(view, node)),
            }
        }
        self.is_exact = rest.iter().all(|node| view.is_exact(node));
        self.rest = (!rest.is_empty()).then(|| Node::all(rest));
    }

    /// Makes a conjunct a term or the source; gives it back where it is neither. Terms are masks, and archived
    /// conversations have none.
    fn absorb(&mut self, view: &View<'_>, node: Node) -> Option<Node> {
        if self.scope != ArchiveScope::Exclude {
            return Some(node);
        }
        match node {
            Node::Assignee(one) if !one.anyone && !one.nobody && self.source == Source::Spines => {
                self.source = Source::Assigned(one.named);
            }
            Node::Assignee(one) if one.named.is_empty() || one.anyone => {
                self.terms.unassigned |= one.nobody;
                self.terms.assigned |= one.anyone;
            }
            Node::Unread => self.terms.unread = true,
            Node::AnyContactTag(tags) if view.finds_everything() => self.terms.contact_tags.push(tags),
            Node::AnyConversationTag(tags) => self.terms.conversation_tags.push(tags),
            node => return Some(node),
        }
        None
    }

    /// Whether a row that is in a visible, listed class is in, its archive scope included.
    fn holds(&self, view: &View<'_>, row: u32) -> bool {
        let state = view.state;
        let in_scope = match self.scope {
            ArchiveScope::Include => true,
            scope => state.is_archived(row) == (scope == ArchiveScope::Only),
        };
        in_scope && contains(self.classes.words(), *state.class.get(row)) && self.matches(view, row)
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
        let passed = |row: u32| is_passed.is_some_and(|is_passed| is_passed(row));
        match &self.source {
            Source::Nothing => {}
            Source::Assigned(numbers) => self.list_assigned(view, numbers, passed, limit, rows),
            Source::Starred => {
                let starred = view.state.starred.get(view.viewer);
                let starred = starred.into_iter().flat_map(|rows| rows.iter());
                self.gather(view, starred, passed, limit, rows);
            }
            Source::Spines => match self.scope {
                ArchiveScope::Exclude => kernel::run(Walk { plan: self, view, leaves, is_passed, limit, rows }),
                scope => self.merge(view, scope, is_passed, limit, rows),
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
        for number in numbers {
            let newest_first = view.state.assignments.newest_first_from(*number, |one| is_passed(one.row));
            let visible = newest_first.filter(|one| {
                count_rows(1);
                contains(self.classes.words(), one.class)
            });
            let fitting = visible.filter(|one| self.matches_open(view, one.row, one.slot));
            rows.extend(fitting.map(|one| one.row).take(wanted));
        }
        if numbers.len() > 1 {
            let found = &mut rows[start..];
            found.sort_unstable_by(|one, two| view.state.compare(*two, *one));
        }
        rows.truncate(limit.max(start));
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
        let found = &mut rows[start..];
        let wanted = limit.saturating_sub(start);
        if wanted < found.len() {
            found.select_nth_unstable_by(wanted, |one, two| view.state.compare(*two, *one));
            rows.truncate(start + wanted);
        }
        rows[start..].sort_unstable_by(|one, two| view.state.compare(*two, *one));
    }

    /// Whether the conversations that the viewer sees are much fewer than those still to be walked.
    fn is_worth_gathering(&self, view: &View<'_>, blocks_left: usize) -> bool {
        let seen: usize = ones(self.classes.words()).map(|class| view.state.classes.get(class).open.len()).sum();
        seen < blocks_left * BLOCK / 16
    }

    /// What of a block's `start` is in for certain, and what may be.
    #[inline(always)]
    fn bounds(&self, view: &View<'_>, block: &Block, attributes: Attributes<'_>, start: &Mask) -> (Mask, Mask) {
        let mask = self.terms.narrow(view, attributes.group, |leaf| attributes.part(leaf), start);
        match &self.rest {
            None => (mask, mask),
            Some(_) if is_clear(&mask) => (NO_SLOTS, NO_SLOTS),
            Some(node) => {
                let (certain, possible) = view.bounds(node, block, attributes);
                (and(&mask, &certain), and(&mask, &possible))
            }
        }
    }

    /// The bits of one word whose class is listed. No branch depends on what the viewer sees: it would be guessed
    /// wrong every third time.
    #[inline(always)]
    fn visible_in_word(&self, classes: &[u32], bits: u64) -> u64 {
        let listed = self.classes.words();
        let mut visible = 0;
        let mut rest = bits;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            rest &= rest - 1;
            visible |= u64::from(contains(listed, classes[bit as usize % 64])) << bit;
        }
        visible
    }

    /// Archived conversations, or archived and open ones as one order.
    fn merge(
        &self,
        view: &View<'_>,
        scope: ArchiveScope,
        is_passed: Option<&dyn Fn(u32) -> bool>,
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        let state = view.state;
        let seen: usize = ones(self.classes.words()).map(|class| state.classes.get(class).rows.len()).sum();
        let open = if scope == ArchiveScope::Include { state.open.spine.len() } else { 0 };
        if seen < (state.history.len() + open) / 16 {
            let candidates = ones(self.classes.words()).flat_map(|class| state.classes.get(class).rows.iter());
            let passed = |row: u32| is_passed.is_some_and(|is_passed| is_passed(row));
            return self.gather(view, candidates, passed, limit, rows);
        }
        let mut archived = newest_first(&state.history, is_passed).peekable();
        let mut open = match scope {
            ArchiveScope::Include => Some(newest_first(&state.open.spine, is_passed)),
            _ => None,
        }
        .into_iter()
        .flatten()
        .peekable();
        while rows.len() < limit {
            let next = match (archived.peek(), open.peek()) {
                (Some(one), Some(two)) if state.compare(*one, *two).is_gt() => archived.next(),
                (Some(_), None) => archived.next(),
                _ => open.next(),
            };
            let Some(row) = next else {
                return;
            };
            count_rows(1);
            if self.holds(view, row) {
                rows.push(row);
            }
        }
    }

    /// Counts the conversations of assignees, each in the lists of one.
    fn count_assigned(&self, view: &View<'_>, numbers: &[u32], reads: &Reads<'_>) -> Badge {
        let assigned = numbers.iter().flat_map(|number| view.state.assignments.newest_first_from(*number, |_| false));
        let visible = assigned.filter(|one| {
            count_rows(1);
            contains(self.classes.words(), one.class)
        });
        let fitting = visible.filter(|one| self.matches_open(view, one.row, one.slot));
        count_of(fitting.map(|one| reads.has(view, one.slot)))
    }

    /// Counts one by one what is neither in the open masks nor an assignee's: stars, and rules over archived ones.
    fn count_one_by_one(&self, view: &View<'_>) -> Badge {
        let mut rows = Vec::new();
        match &self.source {
            Source::Starred => self.list(view, &Listed(None), None, usize::MAX, &mut rows),
            _ => {
                let visible = ones(self.classes.words()).flat_map(|class| view.state.classes.get(class).rows.iter());
                rows.extend(visible.filter(|row| {
                    count_rows(1);
                    self.holds(view, *row)
                }));
            }
        }
        count_of(rows.into_iter().map(|row| view.state.is_read(row, view.viewer)))
    }

    /// Counts archived conversations of an inbox without a rule: by class, less what the viewer has read.
    fn count_archived(&self, view: &View<'_>) -> Badge {
        let state = view.state;
        let classes = ones(self.classes.words()).map(|class| state.classes.get(class));
        let total = classes.map(|class| class.rows.len() - class.open.len()).sum();
        let read = state.archived_reads.iter().filter(|(row, marks)| {
            count_rows(1);
            marks.contains(&view.viewer) && contains(self.classes.words(), *state.class.get(*row))
        });
        Badge { total, unread: total - read.count() }
    }
}

/// Slots of a block up to which they are taken all at once.
const SCATTERED: usize = BLOCK / 32;

/// The places of a mask's bits, ascending.
struct Places([u16; SCATTERED + STEP]);

/// Places that are noted at once, whether there are so many or not.
const STEP: usize = 4;

impl Places {
    /// Of a mask of up to `SCATTERED` bits.
    #[inline(always)]
    fn of(mask: &Mask) -> Self {
        let mut places = [0; SCATTERED + STEP];
        let mut found = 0;
        for (word, bits) in mask.iter().enumerate() {
            let count = bits.count_ones() as usize;
            let mut rest = *bits;
            let mut noted = 0;
            loop {
                for place in &mut places[found + noted..][..STEP] {
                    *place = (word * 64) as u16 + rest.trailing_zeros() as u16;
                    rest &= rest.wrapping_sub(1);
                }
                noted += STEP;
                if noted >= count {
                    break;
                }
            }
            found += count;
        }
        Self(places)
    }
}

/// Appends the rows of up to 64 slots whose bits are set, newest first, until `rows` holds `limit`.
#[inline(always)]
fn take_newest(lanes: impl Lanes, slots: &[u32], bits: u64, limit: usize, rows: &mut Vec<u32>) {
    const ROOM: usize = 64 + 8;
    let start = rows.len();
    rows.resize(start + ROOM, 0);
    let Some(found) = rows.last_chunk_mut::<ROOM>() else {
        return;
    };
    let mut len = 0;
    let mut take = |chunk: &[u32; 8], at: usize| {
        let bits = (bits >> (at % 8 * 8)) as u8;
        // What is packed behind the last is written over by the next, or cut off.
        found[len % 64..][..8].copy_from_slice(&lanes.pack(chunk, bits));
        len += bits.count_ones() as usize;
    };
    let (chunks, last) = slots.as_chunks::<8>();
    if !last.is_empty() {
        let mut partial = [0; 8];
        partial[..last.len()].copy_from_slice(last);
        take(&partial, chunks.len());
    }
    chunks.iter().enumerate().rev().for_each(|(at, chunk)| take(chunk, at));
    rows.truncate((start + len).min(limit));
}

fn assigned_to(view: &View<'_>, member: &Member) -> Source {
    match view.state.assignments.number(member) {
        Some(number) => Source::Assigned(Named::from_slice(&[number])),
        None => Source::Nothing,
    }
}

fn row_at(spine: &Spine, slot: u32) -> u32 {
    let (block, at) = super::spine::split(slot);
    spine.block(block).rows[at as usize]
}

/// The rows of a spine behind those that are passed, newest first.
fn newest_first<'s>(spine: &'s Spine, is_passed: Option<&dyn Fn(u32) -> bool>) -> Box<dyn Iterator<Item = u32> + 's> {
    let order = spine.order();
    let (place, first) = match is_passed {
        None => (order.len(), None),
        Some(is_passed) => match spine.seek(is_passed) {
            Some((place, live)) => (place, Some((order[place], live))),
            None => (0, None),
        },
    };
    let whole = order[..place].iter().rev().map(|number| (*number, spine.block(*number).live));
    Box::new(first.into_iter().chain(whole).flat_map(|(number, live)| {
        let rows = &spine.block(number).rows;
        highest_first(live).map(move |at| rows[at as usize])
    }))
}

fn highest_first(mask: Mask) -> impl Iterator<Item = u32> {
    (0..mask.len()).rev().flat_map(move |word| {
        let mut rest = mask[word];
        std::iter::from_fn(move || {
            let bit = rest.checked_ilog2()?;
            rest ^= 1 << bit;
            Some(word as u32 * 64 + bit)
        })
    })
}

/// The viewer's read marks of open conversations, by group; empty where few are asked about.
struct Reads<'e>(SmallVec<[&'e Leaf; 16]>);

impl<'e> Reads<'e> {
    fn all(view: &View<'e>) -> Self {
        let reads: SmallVec<[&Leaf; 16]> =
            view.state.open.groups().iter().map(|group| group.reads.get(view.viewer)).collect();
        reads.iter().for_each(|leaf| prefetch(&leaf[..]));
        Self(reads)
    }

    /// Whether the viewer has read the open conversation of a slot.
    #[inline]
    fn has(&self, view: &View<'_>, slot: u32) -> bool {
        match self.0.is_empty() {
            true => view.state.open.is_read(slot, view.viewer),
            false => is_marked(&self.0, slot),
        }
    }
}

/// Counts conversations, each given as whether it is read.
fn count_of(read: impl Iterator<Item = bool>) -> Badge {
    read.fold(Badge::default(), |badge, read| Badge {
        total: badge.total + 1,
        unread: badge.unread + usize::from(!read),
    })
}

/// The badges of several inboxes, those over open conversations by masks.
pub(super) fn badges(view: &View<'_>, plans: &[Plan]) -> Vec<Badge> {
    let reads = match plans.iter().any(Plan::is_masked) {
        true => Reads::all(view),
        false => Reads(SmallVec::new()),
    };
    for number in plans.iter().flat_map(Plan::assignees) {
        view.state.assignments.prefetch(*number);
    }
    let unmasked = |plan: &Plan| match &plan.source {
        Source::Nothing => Badge::default(),
        Source::Assigned(numbers) => plan.count_assigned(view, numbers, &reads),
        Source::Spines if plan.scope == ArchiveScope::Exclude => Badge::default(),
        Source::Spines if plan.rest.is_none() => plan.count_archived(view),
        _ => plan.count_one_by_one(view),
    };
    let mut badges = vec![Badge::default(); plans.len()];
    let mut visible = Visible::default();
    let mut counts: Vec<Counting<'_>> = Vec::new();
    for (at, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.is_masked()) {
        let visible = visible.of(view, &plan.classes);
        counts.push(Counting::new(plan, at, visible));
    }
    kernel::run(CountOpen { view, counts: &counts, reads: &reads, visible: &visible, badges: &mut badges });
    // Behind the masks, so that the lists are at hand by now.
    for (badge, plan) in badges.iter_mut().zip(plans) {
        let others = unmasked(plan);
        badge.total += others.total;
        badge.unread += others.unread;
    }
    badges
}

/// What is visible for plans, by group, made once for each set of classes.
#[derive(Default)]
struct Visible<'p>(SmallVec<[(&'p Bits, Vec<Leaf>); 4]>);

impl<'p> Visible<'p> {
    /// The place of what is visible of some classes, made first if need be.
    fn of(&mut self, view: &View<'_>, classes: &'p Bits) -> usize {
        let known = self.0.iter().position(|(other, _)| *other == classes);
        known.unwrap_or_else(|| {
            let mut marks = vec![NO_LEAF; view.state.open.groups().len()];
            kernel::run(MarkVisible { view, classes, marks: &mut marks });
            self.0.push((classes, marks));
            self.0.len() - 1
        })
    }
}

/// One badge that is being counted over open conversations.
struct Counting<'p> {
    plan: &'p Plan,
    /// The badge's place.
    at: usize,
    /// The place of what is visible for it.
    visible: usize,
    fused: Fused<'p>,
    /// Terms that masks have to be made for.
    left: Option<Terms>,
}

impl<'p> Counting<'p> {
    fn new(plan: &'p Plan, at: usize, visible: usize) -> Self {
        let (fused, left) = plan.terms.fuse();
        Self { plan, at, visible, fused, left: (!left.is_empty()).then_some(left) }
    }

    /// Counts one group of which this much is visible; `next` is the group after it.
    #[inline(always)]
    fn count(&self, view: &View<'_>, group: &Group, visible: &Leaf, read: &Leaf, next: &Group, badge: &mut Badge) {
        count_blocks(1);
        let narrowed = self.left.as_ref().map(|left| left.narrow(view, group, |leaf| leaf, visible));
        let within = narrowed.as_ref().unwrap_or(visible);
        let (total, unread) = match self.fused.tags.len() {
            0 => self.fused.count::<0>(group, within, read, next),
            1 => self.fused.count::<1>(group, within, read, next),
            2 => self.fused.count::<2>(group, within, read, next),
            _ => self.fused.count::<4>(group, within, read, next),
        };
        badge.total += total;
        badge.unread += unread;
    }
}

/// Marking the open conversations of some classes as a pass.
struct MarkVisible<'a, 'e> {
    view: &'a View<'e>,
    classes: &'a Bits,
    marks: &'a mut [Leaf],
}

impl Pass for MarkVisible<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Lanes) {
        let classes = &self.view.state.classes;
        for class in ones(self.classes.words()) {
            prefetch_line(&classes.get(class).open);
        }
        for class in ones(self.classes.words()) {
            classes.get(class).open.prefetch();
        }
        for class in ones(self.classes.words()) {
            count_blocks(1);
            classes.get(class).open.mark(self.marks);
        }
    }
}

/// Counts what only blocks tell: the rest of a rule.
fn count_by_block(view: &View<'_>, plan: &Plan, visible: &[Leaf], badge: &mut Badge) {
    let open = &view.state.open;
    for number in open.spine.order() {
        count_blocks(1);
        let (block, attributes) = (open.spine.block(*number), open.attributes(*number));
        let (group, lane) = lane(*number);
        let read = attributes.part(attributes.group.reads.get(view.viewer));
        let (certain, possible) = plan.bounds(view, block, attributes, lane_of(&visible[group], lane));
        for (word, read) in certain.iter().zip(read) {
            badge.total += word.count_ones() as usize;
            badge.unread += (word & !read).count_ones() as usize;
        }
        if !plan.is_exact {
            count_doubtful(view, plan, block, read, and_not(&possible, &certain), badge);
        }
    }
}

/// A walk over open conversations as a pass: block by block from the newest.
struct Walk<'a, 'e> {
    plan: &'a Plan,
    view: &'a View<'e>,
    leaves: &'a Listed<'e>,
    is_passed: Option<&'a dyn Fn(u32) -> bool>,
    /// How many `rows` may hold; more than they do.
    limit: usize,
    rows: &'a mut Vec<u32>,
}

impl Pass for Walk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, lanes: impl Lanes) {
        let Self { plan, view, is_passed, limit, .. } = self;
        let open = &view.state.open;
        let order = open.spine.order();
        let (mut place, mut first) = match is_passed {
            None => (order.len(), None),
            Some(is_passed) => match open.spine.seek(is_passed) {
                Some((place, live)) => (place + 1, Some(live)),
                None => return,
            },
        };
        for walked in 0.. {
            let Some(before) = place.checked_sub(1) else {
                return;
            };
            place = before;
            count_blocks(1);
            let number = order[place];
            let (block, attributes) = (open.spine.block(number), open.attributes(number));
            let live = first.take().unwrap_or(block.live);
            let (certain, possible) = plan.bounds(view, block, attributes, &live);
            self.take_block(lanes, number, &(certain, possible));
            if self.rows.len() >= limit {
                return;
            }
            if walked == PATIENCE && plan.is_worth_gathering(view, place) {
                let oldest = block.first();
                let is_walked = |row| oldest.is_some_and(|oldest| view.state.compare(row, oldest).is_ge());
                let slots = ones(plan.classes.words()).flat_map(|class| view.state.classes.get(class).open.iter());
                let candidates = slots.map(|slot| row_at(&open.spine, slot));
                return plan.gather(view, candidates, is_walked, limit, self.rows);
            }
        }
    }
}

impl Walk<'_, '_> {
    /// Appends the visible rows of one block's masks, newest first, until `rows` holds `limit`.
    #[inline(always)]
    fn take_block(&mut self, lanes: impl Lanes, number: u32, bounds: &(Mask, Mask)) {
        let (certain, possible) = bounds;
        if is_clear(possible) {
            return;
        }
        let open = &self.view.state.open;
        let (block, attributes) = (open.spine.block(number), open.attributes(number));
        let (seen, unsettled) = self.leaves.in_block(attributes, number);
        let (seen, unsettled) = (and(possible, &seen), and(possible, &unsettled));
        let few: usize = seen.iter().zip(&unsettled).map(|(one, two)| (one | two).count_ones() as usize).sum();
        count_rows(few);
        let classes = attributes.classes();
        if few <= SCATTERED && certain == possible {
            return self.take_scattered(block, classes, &or(&seen, &unsettled), few);
        }
        for word in (0..possible.len()).rev() {
            if seen[word] | unsettled[word] == 0 {
                continue;
            }
            let start = word * 64;
            let slots = &block.rows[start..block.rows.len().min(start + 64)];
            let visible = seen[word] | self.plan.visible_in_word(&classes[start..start + 64], unsettled[word]);
            let matches = |bit: &u32| {
                count_rows(1);
                self.plan.matches_rest(self.view, slots[*bit as usize])
            };
            let doubtful = [visible & !certain[word]];
            let visible = ones(&doubtful).filter(matches).fold(visible & certain[word], |kept, bit| kept | 1 << bit);
            take_newest(lanes, slots, visible, self.limit, self.rows);
            if self.rows.len() >= self.limit {
                return;
            }
        }
    }

    /// The same where a block has few bits: a branch on each word would be guessed wrong every other time.
    #[inline(always)]
    fn take_scattered(&mut self, block: &Block, classes: &[u32], mask: &Mask, few: usize) {
        let (listed, rows) = (self.plan.classes.words(), &mut *self.rows);
        let (slots, classes) = (&block.rows[..], &classes[..BLOCK]);
        let places = Places::of(mask);
        let start = rows.len();
        let mut len = start;
        rows.resize(start + few, 0);
        for at in places.0[..few].iter().rev() {
            let at = usize::from(*at) % BLOCK;
            rows[len] = slots[at];
            len += usize::from(contains(listed, classes[at]));
        }
        rows.truncate(len.min(self.limit));
    }
}

/// Counts over the open conversations as a pass: group by group, so that what badges have in common is at hand.
struct CountOpen<'a, 'e, 'p> {
    view: &'a View<'e>,
    counts: &'a [Counting<'p>],
    reads: &'a Reads<'e>,
    visible: &'a Visible<'p>,
    badges: &'a mut [Badge],
}

impl Pass for CountOpen<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: impl Lanes) {
        let groups = self.view.state.open.groups();
        for (at, (group, read)) in groups.iter().zip(&self.reads.0).enumerate() {
            let next = groups.get(at + 1).unwrap_or(group);
            for one in self.counts.iter().filter(|one| one.plan.rest.is_none()) {
                let visible = &self.visible.0[one.visible].1[at];
                one.count(self.view, group, visible, read, next, &mut self.badges[one.at]);
            }
        }
        for one in self.counts.iter().filter(|one| one.plan.rest.is_some()) {
            count_by_block(self.view, one.plan, &self.visible.0[one.visible].1, &mut self.badges[one.at]);
        }
    }
}

/// Matches one by one what the masks have left open.
fn count_doubtful(view: &View<'_>, plan: &Plan, block: &Block, read: &Mask, doubtful: Mask, badge: &mut Badge) {
    for at in ones(&doubtful) {
        count_rows(1);
        let row = block.rows[at as usize];
        if plan.matches_rest(view, row) {
            badge.total += 1;
            badge.unread += usize::from(!super::spine::is_set(read, at));
        }
    }
}
