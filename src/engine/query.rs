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

use smallvec::SmallVec;

use super::bits::{Bits, contains, ones};
use super::kernel::{self, Pass, and, and_not, count, is_clear};
use super::open::Attributes;
use super::rule::{Named, Node, View, any_of};
use super::spine::{BLOCK, Block, Mask, NO_SLOTS, Spine};
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
    #[inline(always)]
    fn mask(&self, view: &View<'_>, block: &Block, attributes: &Attributes) -> Mask {
        let mut mask = block.live;
        if self.unassigned {
            mask = and(&mask, &attributes.unassigned);
        }
        if self.assigned {
            mask = and_not(&mask, &attributes.unassigned);
        }
        if self.unread {
            mask = and_not(&mask, attributes.reads.get(view.viewer));
        }
        for tags in &self.contact_tags {
            mask = and(&mask, &any_of(&attributes.contact_tags, tags));
        }
        for tags in &self.conversation_tags {
            mask = and(&mask, &any_of(&attributes.conversation_tags, tags));
        }
        mask
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
        let state = view.state;
        let terms = &self.terms;
        let is_assigned = state.assignments.number_of_row(row).is_some();
        (!terms.unassigned || !is_assigned)
            && (!terms.assigned || is_assigned)
            && (!terms.unread || !state.is_read(row, view.viewer))
            && terms
                .contact_tags
                .iter()
                .all(|tags| state.contacts_of.any(row, |one| state.contacts.tags.any(one, |tag| tags.contains(&tag))))
            && terms.conversation_tags.iter().all(|tags| state.tags_of.any(row, |tag| tags.contains(&tag)))
            && self.rest.as_ref().is_none_or(|node| view.matches(node, row))
    }

    /// Appends the rows of the list that come behind those for which `is_passed` holds, newest first, up to `limit`
    /// in all of `rows`.
    pub(super) fn list(
        &self,
        view: &View<'_>,
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
                ArchiveScope::Exclude => kernel::run(Walk { plan: self, view, is_passed, limit, rows }),
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
            let visible = newest_first.filter(|one| contains(self.classes.words(), one.class));
            let fitting = visible.map(|one| one.row).filter(|row| self.matches(view, *row));
            rows.extend(fitting.take(wanted));
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
        rows.extend(candidates.filter(|row| !is_passed(*row) && self.holds(view, *row)));
        let found = &mut rows[start..];
        let wanted = limit.saturating_sub(start);
        if wanted < found.len() {
            found.select_nth_unstable_by(wanted, |one, two| view.state.compare(*two, *one));
            rows.truncate(start + wanted);
        }
        rows[start..].sort_unstable_by(|one, two| view.state.compare(*two, *one));
    }

    /// Block by block from the newest, over open conversations.
    #[inline(always)]
    fn walk(&self, view: &View<'_>, is_passed: Option<&dyn Fn(u32) -> bool>, limit: usize, rows: &mut Vec<u32>) {
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
            let number = order[place];
            let (block, attributes) = (open.spine.block(number), open.attributes(number));
            let (mut certain, mut possible) = self.bounds(view, block, attributes);
            if let Some(live) = first.take() {
                (certain, possible) = (and(&certain, &live), and(&possible, &live));
            }
            self.take_block(view, block, attributes, &(certain, possible), limit, rows);
            if rows.len() >= limit {
                return;
            }
            if walked == PATIENCE && self.is_worth_gathering(view, place) {
                let oldest = block.first();
                let is_walked = |row| oldest.is_some_and(|oldest| view.state.compare(row, oldest).is_ge());
                let slots = ones(self.classes.words()).flat_map(|class| view.state.classes.get(class).open.iter());
                let candidates = slots.map(|slot| row_at(&open.spine, slot));
                return self.gather(view, candidates, is_walked, limit, rows);
            }
        }
    }

    /// Whether the conversations that the viewer sees are much fewer than those still to be walked.
    fn is_worth_gathering(&self, view: &View<'_>, blocks_left: usize) -> bool {
        let seen: usize = ones(self.classes.words()).map(|class| view.state.classes.get(class).open.len()).sum();
        seen < blocks_left * BLOCK / 16
    }

    #[inline(always)]
    fn bounds(&self, view: &View<'_>, block: &Block, attributes: &Attributes) -> (Mask, Mask) {
        let mask = self.terms.mask(view, block, attributes);
        match &self.rest {
            None => (mask, mask),
            Some(_) if is_clear(&mask) => (NO_SLOTS, NO_SLOTS),
            Some(node) => {
                let (certain, possible) = view.bounds(node, block, attributes);
                (and(&mask, &certain), and(&mask, &possible))
            }
        }
    }

    /// Appends the visible rows of one block's masks, newest first.
    #[inline(always)]
    fn take_block(
        &self,
        view: &View<'_>,
        block: &Block,
        attributes: &Attributes,
        bounds: &(Mask, Mask),
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        let (certain, possible) = bounds;
        for (word, bits) in possible.iter().enumerate().rev() {
            if *bits == 0 {
                continue;
            }
            let (mut visible, found) = self.visible_in_word(block, attributes, word, *bits);
            let mut found = found.iter().copied().take(visible);
            if certain[word] == *bits {
                visible = visible.min(limit - rows.len());
                rows.extend(found.take(visible));
            } else {
                let doubtful = |row: &u32| self.rest.as_ref().is_none_or(|node| view.matches(node, *row));
                rows.extend(found.by_ref().filter(doubtful).take(limit - rows.len()));
            }
            if rows.len() >= limit {
                return;
            }
        }
    }

    /// The rows of one word's bits whose class is listed, newest first, and how many they are. No branch depends on
    /// what the viewer sees: it would be guessed wrong every third time.
    #[inline(always)]
    fn visible_in_word(&self, block: &Block, attributes: &Attributes, word: usize, bits: u64) -> (usize, [u32; 64]) {
        let classes = self.classes.words();
        let mut found = [0; 64];
        let mut visible = 0;
        let mut bits = bits;
        while bits != 0 {
            let bit = 63 - bits.leading_zeros();
            bits ^= 1 << bit;
            let at = word * 64 + bit as usize;
            found[visible % 64] = block.rows[at];
            visible += usize::from(contains(classes, attributes.class[at]));
        }
        (visible, found)
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
            if self.holds(view, row) {
                rows.push(row);
            }
        }
    }

    /// The conversations that the list may hold where it is not counted by masks: of an assignee, starred, or all
    /// that are visible.
    fn count_one_by_one(&self, view: &View<'_>) -> Badge {
        let mut rows = Vec::new();
        match &self.source {
            Source::Assigned(_) | Source::Starred => self.list(view, None, usize::MAX, &mut rows),
            _ => {
                let visible = ones(self.classes.words()).flat_map(|class| view.state.classes.get(class).rows.iter());
                rows.extend(visible.filter(|row| self.holds(view, *row)));
            }
        }
        let unread = rows.iter().filter(|row| !view.state.is_read(**row, view.viewer)).count();
        Badge { total: rows.len(), unread }
    }

    /// Counts archived conversations of an inbox without a rule: by class, less what the viewer has read.
    fn count_archived(&self, view: &View<'_>) -> Badge {
        let state = view.state;
        let classes = ones(self.classes.words()).map(|class| state.classes.get(class));
        let total = classes.map(|class| class.rows.len() - class.open.len()).sum();
        let read = state.archived_reads.iter().filter(|(row, marks)| {
            marks.contains(&view.viewer) && contains(self.classes.words(), *state.class.get(*row))
        });
        Badge { total, unread: total - read.count() }
    }
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

/// The badges of several inboxes, those over open conversations in one pass.
pub(super) fn badges(view: &View<'_>, plans: &[Plan]) -> Vec<Badge> {
    let mut badges = vec![Badge::default(); plans.len()];
    let mut passes: SmallVec<[(usize, &Plan, usize); 16]> = SmallVec::new();
    let mut visible: Vec<(&Bits, Vec<Mask>)> = Vec::new();
    for (at, plan) in plans.iter().enumerate() {
        match (&plan.source, plan.scope, &plan.rest) {
            (Source::Nothing, ..) => {}
            (Source::Spines, ArchiveScope::Exclude, _) => passes.push((at, plan, marks_of(view, plan, &mut visible))),
            (Source::Spines, ArchiveScope::Only, None) => badges[at] = plan.count_archived(view),
            (Source::Spines, ArchiveScope::Include, None) => {
                badges[at] = plan.count_archived(view);
                passes.push((at, plan, marks_of(view, plan, &mut visible)));
            }
            _ => badges[at] = plan.count_one_by_one(view),
        }
    }
    if !passes.is_empty() {
        kernel::run(CountOpen { view, passes: &passes, visible: &visible, badges: &mut badges });
    }
    badges
}

/// The masks of what is visible for a plan, made once for each set of classes.
fn marks_of<'p>(view: &View<'_>, plan: &'p Plan, visible: &mut Vec<(&'p Bits, Vec<Mask>)>) -> usize {
    if let Some(found) = visible.iter().position(|(classes, _)| **classes == plan.classes) {
        return found;
    }
    let mut marks = vec![NO_SLOTS; view.state.open.spine.block_limit()];
    ones(plan.classes.words()).for_each(|class| view.state.classes.get(class).open.mark(&mut marks));
    visible.push((&plan.classes, marks));
    visible.len() - 1
}

#[inline(always)]
fn count_open(view: &View<'_>, passes: &[(usize, &Plan, usize)], visible: &[(&Bits, Vec<Mask>)], badges: &mut [Badge]) {
    let open = &view.state.open;
    for number in open.spine.order() {
        let (block, attributes) = (open.spine.block(*number), open.attributes(*number));
        let read = attributes.reads.get(view.viewer);
        for (at, plan, marks) in passes {
            let seen = &visible[*marks].1[*number as usize];
            let (certain, possible) = plan.bounds(view, block, attributes);
            let (certain, possible) = (and(&certain, seen), and(&possible, seen));
            let (total, unread) = count(&certain, read);
            badges[*at].total += total as usize;
            badges[*at].unread += unread as usize;
            if !plan.is_exact {
                count_doubtful(view, plan, block, read, and_not(&possible, &certain), &mut badges[*at]);
            }
        }
    }
}

/// A walk as a pass.
struct Walk<'a, 'e> {
    plan: &'a Plan,
    view: &'a View<'e>,
    is_passed: Option<&'a dyn Fn(u32) -> bool>,
    limit: usize,
    rows: &'a mut Vec<u32>,
}

impl Pass for Walk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.plan.walk(self.view, self.is_passed, self.limit, self.rows);
    }
}

/// A count over the open blocks as a pass.
struct CountOpen<'a, 'e> {
    view: &'a View<'e>,
    passes: &'a [(usize, &'a Plan, usize)],
    visible: &'a [(&'a Bits, Vec<Mask>)],
    badges: &'a mut [Badge],
}

impl Pass for CountOpen<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        count_open(self.view, self.passes, self.visible, self.badges);
    }
}

/// Matches one by one what the masks have left open.
fn count_doubtful(view: &View<'_>, plan: &Plan, block: &Block, read: &Mask, doubtful: Mask, badge: &mut Badge) {
    for at in ones(&doubtful) {
        let row = block.rows[at as usize];
        if plan.rest.as_ref().is_none_or(|node| view.matches(node, row)) {
            badge.total += 1;
            badge.unread += usize::from(!super::spine::is_set(read, at));
        }
    }
}
