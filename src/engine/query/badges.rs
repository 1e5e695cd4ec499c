//! Badges: how many conversations an inbox holds, and how many of them are unread to the viewer.
//!
//! * Open ones are counted by whole leaves, group by group for 64 badges together, what the viewer sees being marked
//!   once for these: O(groups × size of the rules + the viewer's classes). What masks leave open is matched one by one.
//! * Archived ones are counted by class where no rule asks about them; an assignee's, the viewer's stars and those of a
//!   few contacts one by one.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use smallvec::SmallVec;

use super::few::{self, Few};
use super::{Contacts, Origin, Plan, Terms};
use crate::engine::bits::{Bits, contains, ones};
use crate::engine::kernel::{self, Counted, Lanes, Pass, and_not, prefetch, prefetch_line};
use crate::engine::leaf::{Leaf, NO_LEAF, WHOLE_LEAF, is_marked, lane, lane_of};
use crate::engine::open::Group;
use crate::engine::rule::View;
use crate::engine::spine::{Block, Mask, is_set};
use crate::model::ArchiveScope;
use crate::policy::Badge;
use crate::work::{count_blocks, count_rows};

/// Inboxes that are counted together. What is visible for each may be another, and is marked in memory.
const TOGETHER: usize = 64;

/// The badges of several inboxes, those over open conversations by masks.
pub(in crate::engine) fn badges(view: &View<'_>, plans: &[Plan]) -> Vec<Badge> {
    match plans.len() <= TOGETHER {
        true => badges_together(view, plans),
        false => plans.chunks(TOGETHER).flat_map(|plans| badges_together(view, plans)).collect(),
    }
}

fn badges_together(view: &View<'_>, plans: &[Plan]) -> Vec<Badge> {
    let few: SmallVec<[Option<Few<'_>>; 16]> = plans.iter().map(|plan| plan.few_to_count(view)).collect();
    let are_masked = || plans.iter().zip(&few).map(|(plan, few)| few.is_none() && plan.is_masked());
    let reads = match are_masked().any(|is_masked| is_masked) {
        true => Reads::all(view),
        false => Reads(SmallVec::new()),
    };
    for number in plans.iter().flat_map(Plan::assignees) {
        view.state.assignments.prefetch(*number);
    }
    let unmasked = |plan: &Plan, few: &Option<Few<'_>>| match (&plan.origin, few) {
        (Origin::Nothing, _) => Badge::default(),
        (Origin::Assigned(numbers), _) => plan.count_assigned(view, numbers, &reads),
        (Origin::Starred, _) => plan.count_one_by_one(view, few::stars(view)),
        (Origin::Spines, Some(few)) => plan.count_one_by_one(view, few.rows(view)),
        (Origin::Spines, None) if plan.scope == ArchiveScope::Exclude => Badge::default(),
        (Origin::Spines, None) if plan.rest.is_none() => plan.count_archived(view),
        (Origin::Spines, None) => plan.count_rule_over_archived(view),
    };
    let mut badges = vec![Badge::default(); plans.len()];
    let mut visible = Visible::default();
    let mut counts: Vec<Counting<'_>> = Vec::new();
    for ((at, plan), _) in plans.iter().enumerate().zip(are_masked()).filter(|(_, is_masked)| *is_masked) {
        let visible = visible.of(view, &plan.classes);
        counts.push(Counting::new(plan, at, visible));
    }
    kernel::run(CountOpen { view, counts: &counts, reads: &reads, visible: &visible, badges: &mut badges });
    // Behind the masks, so that the lists are at hand by now.
    for ((badge, plan), few) in badges.iter_mut().zip(plans).zip(&few) {
        let others = unmasked(plan, few);
        badge.total += others.total;
        badge.unread += others.unread;
    }
    badges
}

impl Plan {
    /// The assignees whose lists it is found in.
    fn assignees(&self) -> &[u32] {
        match &self.origin {
            Origin::Assigned(numbers) => numbers,
            _ => &[],
        }
    }

    /// The few conversations that are looked at one by one.
    fn few_to_count(&self, view: &View<'_>) -> Option<Few<'_>> {
        (self.origin == Origin::Spines).then(|| self.few(view, usize::MAX)).flatten()
    }

    /// Whether open conversations are counted by masks, unless few are looked at.
    fn is_masked(&self) -> bool {
        match self.origin {
            Origin::Spines if self.scope == ArchiveScope::Exclude => true,
            Origin::Spines => self.scope == ArchiveScope::Include && self.rest.is_none(),
            _ => false,
        }
    }

    /// Counts the conversations of assignees, each in the lists of one.
    fn count_assigned(&self, view: &View<'_>, numbers: &[u32], reads: &Reads<'_>) -> Badge {
        let window = self.window;
        let assigned = numbers.iter().flat_map(|number| {
            let newest_first = view.state.assignments.newest_first_from(*number, |one| window.is_too_new(one.at));
            newest_first.take_while(move |one| !window.is_too_old(one.at))
        });
        let visible = assigned.filter(|one| {
            count_rows(1);
            contains(self.classes.words(), one.class)
        });
        let fitting = visible.filter(|one| self.matches_open(view, one.row, one.slot));
        count_of(fitting.map(|one| reads.has(view, one.slot)))
    }

    /// Counts those of some conversations that are in.
    fn count_one_by_one(&self, view: &View<'_>, candidates: impl IntoIterator<Item = u32>) -> Badge {
        let is_in = |row: &u32| {
            count_rows(1);
            self.holds(view, *row)
        };
        count_of(candidates.into_iter().filter(is_in).map(|row| view.state.is_read(row, view.viewer)))
    }

    /// Counts what a rule asks of archived conversations too, one by one.
    fn count_rule_over_archived(&self, view: &View<'_>) -> Badge {
        let mut badge = Badge::default();
        self.for_each_archived(view, |row| {
            badge.total += 1;
            badge.unread += usize::from(!view.state.is_read(row, view.viewer));
        });
        badge
    }

    /// Counts archived conversations of an inbox without a rule: by class, and so what the viewer has read.
    fn count_archived(&self, view: &View<'_>) -> Badge {
        let state = view.state;
        ones(self.classes.words()).fold(Badge::default(), |badge, class| {
            count_blocks(1);
            let class = state.classes.get(class);
            let archived = class.rows.len() - class.open.len();
            let read = class.archived_reads.get(view.viewer) as usize;
            Badge { total: badge.total + archived, unread: badge.unread + archived - read }
        })
    }
}

/// The viewer's read marks of open conversations, by group; empty where few are asked about.
struct Reads<'e>(SmallVec<[&'e Leaf; 16]>);

impl<'e> Reads<'e> {
    fn all(view: &View<'e>) -> Self {
        let reads: SmallVec<[&Leaf; 16]> =
            view.state.open.groups().iter().map(|group| group.reads().get(view.viewer)).collect();
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
        let with_open = || self.classes.iter_both(classes.open());
        for class in with_open() {
            prefetch_line(&classes.get(class).open);
        }
        for class in with_open() {
            classes.get(class).open.prefetch();
        }
        for class in with_open() {
            count_blocks(1);
            classes.get(class).open.mark(self.marks);
        }
    }
}

/// Counts what only blocks tell: the rest of a rule.
fn count_by_block(view: &View<'_>, plan: &Plan, visible: &[Leaf], badge: &mut Badge) {
    let open = &view.state.open;
    let order = open.spine.order();
    let order = if plan.window.is_everything() { order } else { &order[plan.stretch(view, &open.spine)] };
    for number in order {
        count_blocks(1);
        let (block, attributes) = (open.spine.block(*number), open.attributes(*number));
        let (group, lane) = lane(*number);
        let read = attributes.part(attributes.group.reads().get(view.viewer));
        let visible = lane_of(&visible[group], lane);
        let (certain, possible) = plan.bounds(view, block, attributes, visible, Contacts::Asked);
        for (word, read) in certain.iter().zip(read) {
            badge.total += word.count_ones() as usize;
            badge.unread += (word & !read).count_ones() as usize;
        }
        if !plan.is_exact {
            count_doubtful(view, plan, block, read, and_not(&possible, &certain), badge);
        }
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
        let row = block.rows()[at as usize];
        if plan.matches_rest(view, row) {
            badge.total += 1;
            badge.unread += usize::from(!is_set(read, at));
        }
    }
}
