//! Walks over open conversations: block by block from the newest, masks first, then class bits.
//!
//! * Classes with many open conversations keep leaves, which settle most slots of a block at once; the class of each
//!   of the others is looked at. No branch depends on what the viewer sees: it would be guessed wrong every third time.
//! * What contacts alone tell is asked last, of what the viewer sees: of a block at once if the page takes all that it
//!   has, else of 64 slots at a time until the page is full.
//! * O(blocks walked × (size of the rule + listed classes with leaves) + conversations tested).

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::ops::Range;

use super::{Contacts, Origin, Plan};
use crate::engine::bits::{contains, ones};
use crate::engine::kernel::{Lanes, Part, Pass, and, and_not, is_clear, or};
use crate::engine::leaf::{Leaf, lane, lane_of};
use crate::engine::open::Attributes;
use crate::engine::open_set::OpenSet;
use crate::engine::rule::{ALL_SLOTS, View};
use crate::engine::spine::{BLOCK, Block, EIGHTS, Eight, Mask, NO_SLOTS, Spine, split};
use crate::model::ArchiveScope;
use crate::work::{count_blocks, count_rows};

/// How many blocks a walk goes through before it asks whether gathering would look at fewer conversations.
const PATIENCE: usize = if cfg!(test) { 1 } else { 8 };

/// A walk over open conversations as a pass: block by block from the newest.
pub(super) struct Walk<'a, 'e> {
    pub(super) plan: &'a Plan,
    pub(super) view: &'a View<'e>,
    pub(super) leaves: &'a Listed<'e>,
    pub(super) is_passed: Option<&'a dyn Fn(u32) -> bool>,
    pub(super) found: Found<'a>,
}

impl Pass for Walk<'_, '_> {
    type Output = ();

    /// Compiled twice, for most lists are of terms alone, and then nothing that a rule may leave open is in the way.
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        match self.plan.rest {
            None => self.walk::<true>(lanes),
            Some(_) => self.walk::<false>(lanes),
        }
    }
}

impl Walk<'_, '_> {
    /// Walks; `TERMS` says that terms are all there is.
    #[inline(always)]
    fn walk<const TERMS: bool>(mut self, lanes: impl Lanes) {
        let Self { plan, view, is_passed, .. } = self;
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
            let bounds = match TERMS {
                true => {
                    let mask = plan.terms.narrow(view, attributes.group, |leaf| attributes.part(leaf), &live);
                    (mask, mask)
                }
                false => plan.bounds(view, block, attributes, &live, Contacts::LeftOpen),
            };
            self.take_block::<TERMS>(lanes, block, attributes, &bounds, number);
            if self.found.is_enough() || !TERMS && plan.ends_in(view, block) {
                return;
            }
            if walked == PATIENCE && plan.is_worth_gathering(view, place) {
                return self.gather_behind(block);
            }
        }
    }

    /// Finds what comes behind a block that was walked, the last one, among all that the viewer sees.
    #[cold]
    #[inline(never)]
    fn gather_behind(&mut self, block: &Block) {
        let Self { plan, view, .. } = *self;
        let oldest = block.first();
        let is_walked = |row| oldest.is_some_and(|oldest| view.state.compare(row, oldest).is_ge());
        let slots = plan.open_sets(view).flat_map(OpenSet::iter);
        let candidates = slots.map(|slot| row_at(&view.state.open.spine, slot));
        let limit = self.found.limit;
        self.found.append(|rows| plan.gather(view, candidates, is_walked, limit, rows));
    }

    /// Appends the visible rows of one block's masks, newest first, until `rows` holds `limit`.
    #[inline(always)]
    fn take_block<const TERMS: bool>(
        &mut self,
        lanes: impl Lanes,
        block: &Block,
        attributes: Attributes<'_>,
        bounds: &(Mask, Mask),
        number: u32,
    ) {
        let (certain, possible) = bounds;
        if is_clear(possible) {
            return;
        }
        let (seen, unsettled) = self.leaves.in_block(self.view, number);
        let (mut seen, mut unsettled) = (and(possible, &seen), and(possible, &unsettled));
        let few: usize = seen.iter().zip(&unsettled).map(|(one, two)| (one | two).count_ones() as usize).sum();
        count_rows(few);
        let (listed, classes) = (self.plan.classes.words(), attributes.classes());
        let visible = |word: usize, seen: &Mask, unsettled: &Mask| {
            seen[word] | listed_in_word(listed, &classes[word * 64..][..64], unsettled[word])
        };
        let (mut certain, mut is_exact) = (*certain, TERMS || certain == possible);
        let mut asks_contacts = !is_exact && self.plan.asks_contacts;
        // Once, where the page takes whatever the block has.
        if asks_contacts && few <= self.found.left() {
            (certain, seen) = self.told_by_contacts(
                block,
                attributes,
                &certain,
                &std::array::from_fn(|word| visible(word, &seen, &unsettled)),
            );
            (unsettled, asks_contacts) = (NO_SLOTS, false);
            is_exact = is_clear(&and_not(&seen, &certain));
        }
        if few <= SPARSE && is_exact {
            let visible: Mask = std::array::from_fn(|word| visible(word, &seen, &unsettled));
            return self.found.take_sparse(lanes, block.eights(), &visible);
        }
        for word in (0..possible.len()).rev() {
            if seen[word] | unsettled[word] == 0 {
                continue;
            }
            let slots = &block.eights().as_chunks().0[word];
            let mut visible = visible(word, &seen, &unsettled);
            if asks_contacts {
                let mut asked = NO_SLOTS;
                asked[word] = visible;
                let (certain_here, asked) = self.told_by_contacts(block, attributes, &certain, &asked);
                (certain[word], visible) = (certain_here[word], asked[word]);
            }
            if !is_exact {
                visible = self.matching(slots.as_flattened(), visible, certain[word]);
            }
            self.found.take_newest(lanes, slots, visible);
            if self.found.is_enough() {
                return;
            }
        }
    }

    /// What of a block is certain, and what of `visible` may be in, once what only contacts tell has been asked of it.
    #[inline(never)]
    fn told_by_contacts(
        &self,
        block: &Block,
        attributes: Attributes<'_>,
        certain: &Mask,
        visible: &Mask,
    ) -> (Mask, Mask) {
        let doubtful = and_not(visible, certain);
        if is_clear(&doubtful) {
            return (*certain, *visible);
        }
        let (matching, possible) = self.plan.bounds(self.view, block, attributes, &doubtful, Contacts::Asked);
        (or(certain, &matching), and(visible, &or(certain, &possible)))
    }

    /// The bits of one word that are certain or whose rows match.
    fn matching(&self, slots: &[u32], visible: u64, certain: u64) -> u64 {
        let matches = |bit: &u32| {
            count_rows(1);
            self.plan.matches_rest(self.view, slots[*bit as usize])
        };
        ones(&[visible & !certain]).filter(matches).fold(visible & certain, |kept, bit| kept | 1 << bit)
    }
}

impl Plan {
    /// Adds what a walk makes use of, to be found once for many.
    pub(in crate::engine) fn list_leaves<'e>(&self, view: &View<'e>, listed: &mut Listed<'e>) {
        if self.origin != Origin::Spines || self.scope != ArchiveScope::Exclude {
            return;
        }
        let classes = &view.state.classes;
        let many = self.classes.iter_both(classes.many());
        listed.fill(many.filter_map(|class| classes.get(class).open.leaves()));
    }

    /// Whether the conversations that the viewer sees are much fewer than those still to be walked.
    fn is_worth_gathering(&self, view: &View<'_>, mut blocks_left: usize) -> bool {
        if !self.window.is_everything() {
            blocks_left -= blocks_left.min(self.stretch(view, &view.state.open.spine).start);
        }
        let seen: usize = self.open_sets(view).map(OpenSet::len).sum();
        seen < blocks_left * BLOCK / 16
    }

    /// Whether all blocks before one are of earlier times than the rule asks for.
    fn ends_in(&self, view: &View<'_>, block: &Block) -> bool {
        block.first().is_some_and(|first| self.window.is_older(view, first))
    }

    /// The places of the blocks of the times that the rule asks for, in the order of a spine.
    pub(super) fn stretch(&self, view: &View<'_>, spine: &Spine) -> Range<usize> {
        spine.stretch(|row| self.window.is_older(view, row), |row| self.window.is_newer(view, row))
    }

    /// The open conversations that the viewer sees, by class.
    pub(super) fn open_sets<'v>(&'v self, view: &View<'v>) -> impl Iterator<Item = &'v OpenSet> + use<'v> {
        let classes = &view.state.classes;
        let with_open = self.classes.iter_both(classes.open());
        with_open.inspect(|_| count_blocks(1)).map(|class| &classes.get(class).open)
    }
}

/// The bits of one word whose class is listed. No branch depends on what the viewer sees: it would be guessed wrong
/// every third time.
#[inline(always)]
fn listed_in_word(listed: &[u64], classes: &[u32], bits: u64) -> u64 {
    let mut found = 0;
    let mut rest = bits;
    while rest != 0 {
        let bit = rest.trailing_zeros();
        rest &= rest - 1;
        found |= u64::from(contains(listed, classes[bit as usize % 64])) << bit;
    }
    found
}

/// The leaves by group of those listed classes that have any, up to sixteen; `None` where these are so many that each
/// slot's class is looked at instead. In place: a leaf's share costs a walk about as much as the classes of two slots,
/// and a list on the heap would cost what leaves save.
pub(in crate::engine) struct Listed<'e> {
    places: [&'e [Option<Part<Leaf>>]; 16],
    len: Option<usize>,
}

impl<'e> Listed<'e> {
    /// For what is found without a walk.
    pub(in crate::engine) const NONE: Self = Self { places: [&[]; 16], len: None };

    fn fill(&mut self, mut all: impl Iterator<Item = &'e [Option<Part<Leaf>>]>) {
        let mut len = 0;
        let fits = all.try_for_each(|leaves| {
            *self.places.get_mut(len)? = leaves;
            len += 1;
            Some(())
        });
        self.len = fits.map(|()| len);
    }

    /// The slots of a block that are listed by their class for certain, and those whose class has to be looked at.
    #[inline(always)]
    fn in_block(&self, view: &View<'_>, number: u32) -> (Mask, Mask) {
        let Some(len) = self.len else {
            return (NO_SLOTS, ALL_SLOTS);
        };
        let (group, lane) = lane(number);
        let mut seen = NO_SLOTS;
        for leaves in &self.places[..len] {
            if let Some(leaf) = leaves.get(group).and_then(Option::as_deref) {
                seen = or(&seen, lane_of(leaf, lane));
            }
        }
        (seen, and_not(&ALL_SLOTS, view.state.open.settled_in(number)))
    }
}

/// Slots of a block up to which most bytes of its mask are passed over.
const SPARSE: usize = BLOCK / 8;

/// No fewer than the rows that are found at once, those of a word or of a block of few: a place modulo this is itself.
const FOUND_AT_ONCE: usize = 128;

/// The same, and what is written beyond them.
const ROOM: usize = FOUND_AT_ONCE + 8;

/// Rows that a list is made longer by at once at most.
const GROWTH: usize = 512;

/// Rows that a list of up to so many makes room for at first.
pub(in crate::engine) fn room_for(limit: usize) -> usize {
    limit.min(GROWTH) + ROOM
}

/// A list of rows that grows to a limit. It is longer than what it holds until it is cut: making it longer for each
/// word, by what may be found there, would cost as much as finding it.
pub(super) struct Found<'r> {
    rows: &'r mut Vec<u32>,
    len: usize,
    limit: usize,
}

impl<'r> Found<'r> {
    /// What is found comes behind `rows`, up to `limit` in all; they hold less than that.
    pub(super) fn new(rows: &'r mut Vec<u32>, limit: usize) -> Self {
        Self { len: rows.len(), rows, limit }
    }

    fn is_enough(&self) -> bool {
        self.len >= self.limit
    }

    /// How many are still wanted.
    fn left(&self) -> usize {
        self.limit.saturating_sub(self.len)
    }

    /// The list as it is now, for `append` to add to.
    fn append(&mut self, append: impl FnOnce(&mut Vec<u32>)) {
        self.rows.truncate(self.len);
        append(self.rows);
        self.len = self.rows.len();
    }

    /// Room behind what was found.
    #[inline(always)]
    fn room(&mut self) -> Option<&mut [u32; ROOM]> {
        if self.rows.len() < self.len + ROOM {
            self.rows.resize(self.len + room_for(self.limit - self.len), 0);
        }
        self.rows.get_mut(self.len..)?.first_chunk_mut()
    }

    /// Appends the rows of a block's slots whose bits are set, newest first: for where most bytes of the mask have none.
    #[inline(always)]
    fn take_sparse(&mut self, lanes: impl Lanes, slots: &[Eight; EIGHTS], mask: &Mask) {
        let bytes = mask.map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let mut left = lanes.filled_bytes(mask);
        let wanted = self.limit - self.len;
        let Some(room) = self.room() else {
            return;
        };
        let mut len = 0;
        while left != 0 {
            // Counted from the end, for the number of bytes is a power of two.
            let at = (EIGHTS - 1) ^ left.trailing_zeros() as usize;
            left &= left - 1;
            let bits = bytes[at];
            // What is packed behind the last is written over by the next, or cut off.
            room[len % FOUND_AT_ONCE..][..8].copy_from_slice(&lanes.pack(&slots[at], bits));
            len += bits.count_ones() as usize;
            if len >= wanted {
                break;
            }
        }
        self.len += len;
    }

    /// Appends the rows of up to 64 slots whose bits are set, newest first.
    #[inline(always)]
    fn take_newest(&mut self, lanes: impl Lanes, slots: &[Eight; 8], bits: u64) {
        let Some(room) = self.room() else {
            return;
        };
        let mut len = 0;
        for (at, eight) in slots.iter().enumerate().rev() {
            let bits = (bits >> (at * 8)) as u8;
            // What is packed behind the last is written over by the next, or cut off.
            room[len % FOUND_AT_ONCE..][..8].copy_from_slice(&lanes.pack(eight, bits));
            len += bits.count_ones() as usize;
        }
        self.len += len;
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        self.rows.truncate(self.len.min(self.limit));
    }
}

fn row_at(spine: &Spine, slot: u32) -> u32 {
    let (block, at) = split(slot);
    spine.block(block).rows()[at as usize]
}
