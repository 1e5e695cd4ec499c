//! Walks over open conversations: block by block from the newest, masks first, then class bits.
//!
//! * Classes with many open conversations keep leaves, which settle most slots of a block at once; the class of each
//!   of the others is looked at. No branch depends on what the viewer sees: it would be guessed wrong every third time.
//! * O(blocks walked × (size of the rule + listed classes with leaves) + conversations tested).

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use super::{Plan, Source};
use crate::engine::bits::{contains, ones};
use crate::engine::kernel::{Lanes, Pass, and, and_not, is_clear, or};
use crate::engine::open::{Leaf, lane, lane_of};
use crate::engine::rule::{ALL_SLOTS, View};
use crate::engine::spine::{BLOCK, Block, Mask, NO_SLOTS, Spine, split};
use crate::engine::work::{count_blocks, count_rows};
use crate::model::ArchiveScope;

/// How many blocks a walk goes through before it asks whether gathering would look at fewer conversations.
const PATIENCE: usize = if cfg!(test) { 1 } else { 8 };

/// A walk over open conversations as a pass: block by block from the newest.
pub(super) struct Walk<'a, 'e> {
    pub(super) plan: &'a Plan,
    pub(super) view: &'a View<'e>,
    pub(super) leaves: &'a Listed<'e>,
    pub(super) is_passed: Option<&'a dyn Fn(u32) -> bool>,
    /// How many `rows` may hold; more than they do.
    pub(super) limit: usize,
    pub(super) rows: &'a mut Vec<u32>,
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
        let (seen, unsettled) = self.leaves.in_block(self.view, number);
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

impl Plan {
    /// What a walk makes use of, to be found once for many.
    pub(in crate::engine) fn leaves<'e>(&self, view: &View<'e>) -> Listed<'e> {
        if self.source != Source::Spines || self.scope != ArchiveScope::Exclude {
            return Listed::NONE;
        }
        let mut listed = view.state.classes.many().clone();
        listed.intersect(&self.classes);
        let leaves = listed.iter().filter_map(|class| view.state.classes.get(class).open.leaves());
        Listed(Few::of(leaves, &[]))
    }

    /// Whether the conversations that the viewer sees are much fewer than those still to be walked.
    fn is_worth_gathering(&self, view: &View<'_>, blocks_left: usize) -> bool {
        let seen: usize = ones(self.classes.words()).map(|class| view.state.classes.get(class).open.len()).sum();
        seen < blocks_left * BLOCK / 16
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
}

/// The leaves by group of those listed classes that have any; `None` where these are so many that each slot's class is
/// looked at instead.
pub(in crate::engine) struct Listed<'e>(Option<Few<&'e [Option<Arc<Leaf>>]>>);

/// Without the bits, of which there may be millions.
impl std::fmt::Debug for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listed").field("leaves", &self.0.as_ref().map(|few| few.len)).finish()
    }
}

impl Listed<'_> {
    /// For what is found without a walk.
    pub(super) const NONE: Self = Self(None);

    /// The slots of a block that are listed by their class for certain, and those whose class has to be looked at.
    #[inline(always)]
    fn in_block(&self, view: &View<'_>, number: u32) -> (Mask, Mask) {
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
        (seen, and_not(&ALL_SLOTS, view.state.open.settled_in(number)))
    }
}

/// Up to sixteen of something, in place. A leaf's share costs a walk about as much as the classes of two slots, and a
/// list on the heap would cost what leaves save.
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

fn row_at(spine: &Spine, slot: u32) -> u32 {
    let (block, at) = split(slot);
    spine.block(block).rows[at as usize]
}
