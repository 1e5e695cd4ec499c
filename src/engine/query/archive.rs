//! Lists of archived conversations, or of open and archived ones, of which no masks tell what they hold.
//!
//! * *Merge*: both orders as one, from the newest, until the list is full or the times that a rule asks for are over.
//! * [`Way`]: what else tells which are in, out of order: all that the viewer sees, by class; or all rows, at a glance
//!   at each in their order in memory, and if contacts are named those that these are attached to.
//!
//! A rule may leave less than was to be expected, and what is seen may be old. So merging is thought over once it has
//! looked at as many conversations as another way is worth, and then whenever it has looked at twice as many: a list
//! costs a few times what the best way to it does. What a rule asks of the tags of contacts is found out for all contacts
//! once it has been asked of many conversations ([`Often`]).

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::iter::Peekable;
use std::ops::Range;
use std::slice;

use super::few::uses;
use super::{Plan, keep_newest};
use crate::engine::bits::{contains, ones};
use crate::engine::details::GLANCES;
use crate::engine::rule::{Node, Often, View};
use crate::engine::spine::{BLOCK, Mask, NO_SLOTS, Spine, WORDS};
use crate::engine::state::State;
use crate::model::ArchiveScope;
use crate::work::{count_blocks, count_rows};

/// Rows of which it is found at once which are visible: no more than a word has bits, all of one block.
const AT_ONCE: u32 = if cfg!(test) { 16 } else { 64 };

/// Parts of a rule over contact tags for each of which it may be kept which contacts fit: of more, a rule could ask for
/// any amount of memory.
const TOGETHER: usize = 64;

/// How many times as much as another way costs is merged at most, however soon a list seems to be full.
const PATIENCE: usize = 2;

/// How many slots ahead what is looked at of a row is fetched.
const AHEAD: u32 = 12;

/// How to find what is in a list, but in no order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'p> {
    /// In looks at a conversation that is anywhere in memory, as one that is merged.
    cost: usize,
    /// How many may be in, as far as that is known beforehand.
    likely: usize,
    candidates: Candidates<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Candidates<'p> {
    /// The conversations of the classes that the viewer sees and the inbox lists.
    Seen,
    /// Every row.
    Rows,
    /// Those that contacts are attached to.
    Attached(&'p [u32]),
}

impl Way<'_> {
    /// Calls `each` with every row that is in, but for those that are passed.
    fn for_each_in(
        &self,
        view: &View<'_>,
        mut asking: Asking<'_>,
        is_passed: impl Fn(u32) -> bool,
        mut each: impl FnMut(u32),
    ) {
        let (state, plan) = (view.state, asking.plan);
        asking.of_many(view, self.likely);
        let mut ask_listed = |row: u32| {
            if !is_passed(row) && asking.holds_of_listed(view, row) {
                each(row);
            }
        };
        match self.candidates {
            Candidates::Seen => {
                for row in ones(plan.classes.words()).flat_map(|class| state.classes.get(class).rows.iter()) {
                    count_rows(1);
                    ask_listed(row);
                }
            }
            Candidates::Rows => {
                let rows = state.ids.len() as u32;
                count_rows(state.ids.len().div_ceil(GLANCES));
                for start in (0..rows).step_by(AT_ONCE as usize) {
                    let some = plan.listed_of(view, start..rows.min(start + AT_ONCE));
                    ones(&[some]).for_each(|bit| ask_listed(start + bit));
                }
            }
            Candidates::Attached(contacts) => {
                let rows = state.details.rows_of(contacts);
                count_rows(rows.len());
                rows.into_iter().filter(|row| plan.lists(view, *row)).for_each(ask_listed);
            }
        }
    }
}

/// A plan that is asked about one conversation after the other.
struct Asking<'p> {
    plan: &'p Plan,
    /// The rest of its rule, once that is asked of many.
    often: Option<Node>,
}

impl<'p> Asking<'p> {
    fn new(plan: &'p Plan) -> Self {
        Self { plan, often: None }
    }

    /// About so many.
    fn of_many(&mut self, view: &View<'_>, conversations: usize) {
        if self.often.is_none() && conversations >= self.many(view) {
            self.often = self.plan.rest.as_deref().map(Node::often);
        }
    }

    /// How many conversations have to be asked before anything can have been asked of them often enough.
    fn many(&self, view: &View<'_>) -> usize {
        match self.plan.rest.as_deref().map_or(0, Node::tag_looks) {
            1..=TOGETHER => Often::enough(view),
            _ => usize::MAX,
        }
    }

    fn holds(&self, view: &View<'_>, row: u32) -> bool {
        self.plan.lists(view, row) && self.holds_of_listed(view, row)
    }

    /// The same of a row in a class that is visible and listed.
    #[inline]
    fn holds_of_listed(&self, view: &View<'_>, row: u32) -> bool {
        let matches = || match &self.often {
            None => self.plan.matches(view, row),
            Some(rest) => view.matches(rest, row),
        };
        self.plan.is_in_scope(view, row) && matches()
    }
}

/// How far merging has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    looked: usize,
    found: usize,
    /// How many are left to be merged at most.
    left: usize,
    /// How far it had come when it was thought over before.
    before: (usize, usize),
}

/// What is to be done next.
enum Next<'p> {
    /// Merge until so many have been looked at.
    Merge(usize),
    /// Find them in another way.
    Take(Way<'p>),
}

impl Plan {
    /// Lists archived conversations, or archived and open ones as one order.
    pub(super) fn merge(
        &self,
        view: &View<'_>,
        is_passed: Option<&dyn Fn(u32) -> bool>,
        limit: usize,
        rows: &mut Vec<u32>,
    ) {
        let start = rows.len();
        let mut merged = Merged::new(self, view, is_passed);
        let mut progress = Progress { left: merged.left(), ..Progress::default() };
        let mut asking = Asking::new(self);
        let many = asking.many(view);
        let (mut looked, mut next) = (0, self.at_first(view, limit - start, progress));
        loop {
            let most = match next {
                Next::Merge(most) => most,
                Next::Take(way) => {
                    rows.truncate(start);
                    let passed = |row: u32| is_passed.is_some_and(|is_passed| is_passed(row));
                    way.for_each_in(view, asking, passed, |row| rows.push(row));
                    return keep_newest(view, start, limit, rows);
                }
            };
            while looked < most {
                let Some(row) = merged.next() else {
                    return;
                };
                looked += 1;
                if looked == many {
                    asking.of_many(view, looked);
                }
                if asking.holds(view, row) {
                    rows.push(row);
                }
                if rows.len() >= limit {
                    return;
                }
            }
            let before = (progress.looked, progress.found);
            progress = Progress { looked, found: rows.len() - start, left: merged.left(), before };
            next = self.think_over(view, limit - start, progress);
        }
    }

    /// What to begin with, where a list of so many is wanted.
    fn at_first(&self, view: &View<'_>, wanted: usize, progress: Progress) -> Next<'_> {
        // Each class has a conversation. Where that tells enough, to add them up may take far longer than to fill a page.
        let least = self.classes.count();
        match self.attached().next().is_none() && self.merged(view, least, wanted) <= least {
            true => Next::Merge(least),
            false => self.think_over(view, wanted, progress),
        }
    }

    /// Whether to merge on, and how far, or to take another way.
    fn think_over(&self, view: &View<'_>, wanted: usize, progress: Progress) -> Next<'_> {
        let Progress { looked, found, left, before } = progress;
        let way = self.other_way(view);
        // As it went since it was thought over last: what is seen may be of some times alone.
        let (looked_since, found_since) = (looked - before.0, found - before.1);
        let (expected, matches) = match (looked_since, found_since) {
            (0, _) => (self.merged(view, way.likely, wanted), if self.rest.is_none() { way.likely } else { 0 }),
            (_, 0) => (left, found),
            _ => {
                let of = |count: usize| count.saturating_mul(looked_since) / found_since;
                (of(wanted - found), found + left.saturating_mul(found_since) / looked_since)
            }
        };
        // To put one that was found in order takes about a look more.
        let other = way.cost.saturating_add(matches.min(way.likely));
        match expected.min(left) <= other && looked < other.saturating_mul(PATIENCE) {
            true => Next::Merge(other.max(2 * looked).max(1)),
            // All that are wanted may be new.
            false if looked == 0 && way.likely >= wanted => Next::Merge((other / 4).max(1)),
            false => Next::Take(way),
        }
    }

    /// The cheapest way that needs no order.
    fn other_way(&self, view: &View<'_>) -> Way<'_> {
        let (glances, seen) = (view.state.ids.len().div_ceil(GLANCES), self.seen(view));
        let attached = self.attached().map(|contacts| (uses(view, contacts), contacts)).min_by_key(|(uses, _)| *uses);
        let likely = attached.map_or(seen, |(uses, _)| seen.min(uses));
        let (cost, candidates) = match attached {
            _ if seen < glances => (seen, Candidates::Seen),
            Some((_, contacts)) => (glances, Candidates::Attached(contacts)),
            None => (glances, Candidates::Rows),
        };
        let tag_looks = self.rest.as_deref().map_or(0, Node::first_tag_looks);
        // What is asked for often is found at a glance, so that this is all it costs at most, and as much again.
        let asked = tag_looks.saturating_mul(likely.min(2 * Often::enough(view)));
        Way { cost: cost.saturating_add(asked), likely, candidates }
    }

    /// Calls `each` with every row that is in, in no order.
    pub(super) fn for_each_archived(&self, view: &View<'_>, mut each: impl FnMut(u32)) {
        let (way, within, mut asking) = (self.other_way(view), self.within(view), Asking::new(self));
        if self.window.is_everything() || within > way.cost {
            return way.for_each_in(view, asking, |_| false, each);
        }
        asking.of_many(view, within);
        Merged::new(self, view, None).filter(|row| asking.holds(view, *row)).for_each(&mut each);
    }

    /// Which of up to 64 rows of a block are in a class that is visible and listed. No branch depends on it, as in a walk.
    fn listed_of(&self, view: &View<'_>, rows: Range<u32>) -> u64 {
        let classes = view.state.class.get_some(rows).zip(0..);
        classes.fold(0, |listed, (class, bit)| listed | u64::from(contains(self.classes.words(), class)) << bit)
    }

    /// The contacts of parts of the rule that all have to match: one of those of each part has to be there.
    fn attached(&self) -> impl Iterator<Item = &[u32]> {
        self.conjuncts().iter().filter_map(|node| match node {
            Node::Contacts(named) => Some(&named[..]),
            _ => None,
        })
    }

    /// How many conversations the viewer sees of the classes that are listed.
    pub(super) fn seen(&self, view: &View<'_>) -> usize {
        let classes = ones(self.classes.words()).inspect(|_| count_blocks(1));
        classes.map(|class| view.state.classes.get(class).rows.len()).sum()
    }

    /// How many conversations merging is to be expected to look at, where so many of all are likely to be in.
    pub(super) fn merged(&self, view: &View<'_>, likely: usize, wanted: usize) -> usize {
        let all: usize = self.spines(view.state).map(Spine::len).sum();
        (all.saturating_mul(wanted) / likely.max(1)).min(all)
    }

    /// How many conversations there are at most of the times that the rule asks for, seen or not.
    pub(super) fn within(&self, view: &View<'_>) -> usize {
        let in_window = |spine: &Spine| match self.window.is_everything() {
            true => spine.len(),
            false => spine.len().min(self.stretch(view, spine).len() * BLOCK),
        };
        self.spines(view.state).map(in_window).sum()
    }

    /// The orders that the inbox lists.
    fn spines<'s>(&self, state: &'s State) -> impl Iterator<Item = &'s Spine> + use<'s> {
        let archived = (self.scope != ArchiveScope::Exclude).then_some(&state.history);
        archived.into_iter().chain((self.scope != ArchiveScope::Only).then_some(&state.open.spine))
    }
}

/// Archived conversations, or archived and open ones as one order, of the times that the rule asks for: those behind the
/// ones that are passed, newest first.
struct Merged<'a, 'e> {
    plan: &'a Plan,
    view: &'a View<'e>,
    archived: Peekable<NewestFirst<'e>>,
    open: Peekable<NewestFirst<'e>>,
}

impl<'a, 'e> Merged<'a, 'e> {
    fn new(plan: &'a Plan, view: &'a View<'e>, is_passed: Option<&dyn Fn(u32) -> bool>) -> Self {
        let state = view.state;
        let is_newer = |row: u32| plan.window.is_newer(view, row);
        let is_passed = is_passed.or_else(|| plan.window.before.is_some().then_some(&is_newer as &dyn Fn(u32) -> bool));
        let of = |spine: &'e Spine| NewestFirst::behind(spine, state, is_passed).peekable();
        let open = match plan.scope {
            ArchiveScope::Only => NewestFirst::nothing(&state.open.spine, state).peekable(),
            _ => of(&state.open.spine),
        };
        Self { plan, view, archived: of(&state.history), open }
    }

    /// How many are left at most.
    fn left(&self) -> usize {
        let left_of = |rows: &Peekable<NewestFirst<'_>>, spine: &Spine| {
            let behind = match self.plan.window.since {
                None => 0,
                Some(_) => self.plan.stretch(self.view, spine).start,
            };
            rows.size_hint().1.map_or(0, |most| most.saturating_sub(behind * BLOCK))
        };
        let state = self.view.state;
        left_of(&self.archived, &state.history) + left_of(&self.open, &state.open.spine)
    }
}

impl Iterator for Merged<'_, '_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let next = match (self.archived.peek(), self.open.peek()) {
            (Some(one), Some(two)) if self.view.state.compare(*one, *two).is_gt() => self.archived.next(),
            (Some(_), None) => self.archived.next(),
            _ => self.open.next(),
        };
        next.inspect(|_| count_rows(1)).filter(|row| !self.plan.window.is_older(self.view, *row))
    }
}

/// The rows of a spine, newest first, each being on its way from memory when its turn comes.
struct NewestFirst<'s> {
    spine: &'s Spine,
    state: &'s State,
    /// Older blocks, oldest first.
    blocks: slice::Iter<'s, u32>,
    /// The block at hand.
    rows: &'s [u32],
    live: Mask,
    /// What is left of the word at hand, and of which words of the block.
    word: u64,
    words: usize,
}

impl<'s> NewestFirst<'s> {
    /// No row at all.
    fn nothing(spine: &'s Spine, state: &'s State) -> Self {
        Self { spine, state, blocks: [].iter(), rows: &[], live: NO_SLOTS, word: 0, words: 0 }
    }

    /// The rows behind those that are passed.
    fn behind(spine: &'s Spine, state: &'s State, is_passed: Option<&dyn Fn(u32) -> bool>) -> Self {
        let nothing = Self::nothing(spine, state);
        let order = spine.order();
        let Some(is_passed) = is_passed else {
            return Self { blocks: order.iter(), ..nothing };
        };
        let Some((place, live)) = spine.seek(is_passed) else {
            return nothing;
        };
        let mut behind = Self { blocks: order[..place].iter(), ..nothing };
        behind.start(order[place], live);
        behind
    }

    fn start(&mut self, block: u32, live: Mask) {
        (self.rows, self.live, self.word, self.words) = (self.spine.block(block).rows(), live, 0, WORDS);
    }
}

impl Iterator for NewestFirst<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.word == 0 {
            match self.words.checked_sub(1) {
                Some(word) => (self.word, self.words) = (self.live[word], word),
                None => {
                    let block = *self.blocks.next_back()?;
                    self.start(block, self.spine.block(block).live);
                }
            }
        }
        let bit = self.word.ilog2();
        self.word ^= 1 << bit;
        let at = self.words as u32 * 64 + bit;
        // Of a row that has left its slot this is in vain.
        if let Some(ahead) = at.checked_sub(AHEAD) {
            self.state.prefetch_columns(self.rows[ahead as usize]);
        }
        Some(self.rows[at as usize])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let words = self.words + usize::from(self.word != 0);
        (0, Some(words * 64 + self.blocks.len() * BLOCK))
    }
}
