//! Contacts by number: who finds them, what filters ask of them, and the order in which they are listed.
//!
//! * Look-up is O(1); entering or renaming is O(log contacts + 512); a clone is O(1).
//! * Which open conversations a contact is attached to is kept, so that re-tagging it costs by those. Entering and
//!   leaving is O(1) for nearly all, and O(1024) however many there are.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use super::access::{ContactClasses, People};
use super::column::Column;
use super::details::Details;
use super::index::Index;
use super::kernel::Part;
use super::packed::Narrow;
use super::posting::PostingList;
use super::shared::Shared;
use super::short::{Run, Word};
use super::sparse::Sparse;
use crate::model::{Contact, ContactCategory, ContactId, Directory, Invitation, Member, Text};

#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    named: Column<Option<Named>, NAMES>,
    index: Index,
    /// Numbers that are no contact's, to be used again.
    free: Column<u32>,
    /// Category and invitation of each, by [`kind`].
    kinds: Narrow,
    class: Narrow,
    /// Tags that do not fit into a word, by number.
    tags_apart: Sparse<Box<[u32]>>,
    /// To how many conversations each is attached.
    uses: Narrow,
    /// The rows of open conversations that each is attached to.
    open: OpenRows,
    pub(super) classes: ContactClasses,
    order: Order,
    count: usize,
}

/// Contacts of a block: few, for what is kept of each is long, and copied where a snapshot shares it.
const NAMES: usize = if cfg!(test) { 2 } else { 256 };

/// What lists show of a contact, side by side: what it is called, and its tags.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) id: ContactId,
    pub(super) name: Option<Text>,
    tags: Word,
}

/// A category and an invitation as a number, 0 for the usual ones; [`category`] and [`invitation`] undo it.
fn kind(category: ContactCategory, invitation: Invitation) -> u32 {
    category as u32 | (invitation as u32) << 2
}

fn category(kind: u32) -> ContactCategory {
    match kind & 3 {
        0 => ContactCategory::Patient,
        1 => ContactCategory::Professional,
        2 => ContactCategory::Clinic,
        _ => ContactCategory::Unsaved,
    }
}

fn invitation(kind: u32) -> Invitation {
    match kind >> 2 {
        0 => Invitation::NotInvited,
        1 => Invitation::Invited,
        _ => Invitation::HasAccount,
    }
}

impl Contacts {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn number(&self, id: &ContactId) -> Option<u32> {
        self.index.get(id.as_str(), |number| text(&self.named, number))
    }

    #[inline]
    pub(super) fn named(&self, number: u32) -> Option<&Named> {
        self.named.get(number).as_ref()
    }

    /// The numbers of a contact's tags in order.
    #[inline]
    pub(super) fn tags(&self, number: u32) -> Run<'_> {
        self.named(number).map_or(Run::default(), |named| self.tags_of(number, named))
    }

    /// The same of a contact at hand.
    #[inline]
    pub(super) fn tags_of(&self, number: u32, named: &Named) -> Run<'_> {
        named
            .tags
            .run()
            .unwrap_or_else(|| self.tags_apart.get(number).map_or(Run::default(), |tags| Run::from(&**tags)))
    }

    pub(super) fn set_tags(&mut self, number: u32, tags: &[u32]) {
        let word = self.tags_word(number, tags);
        if let Some(named) = self.named.get_mut(number) {
            named.tags = word;
        }
    }

    /// A contact's tags as a word; those that do not fit are kept apart.
    fn tags_word(&mut self, number: u32, tags: &[u32]) -> Word {
        let word = Word::of(tags);
        match word {
            None => self.tags_apart.insert(number, tags.into()),
            Some(_) => drop(self.tags_apart.remove(number)),
        }
        word.unwrap_or(Word::APART)
    }

    /// Has what [`Contacts::number`] looks at fetched ahead.
    pub(super) fn prefetch_id(&self, id: &ContactId) {
        self.index.prefetch(self.index.hash(id.as_str()));
    }

    /// The first contact that what is fetched leads to, which is the one with this id for nearly all. It is fetched too.
    pub(super) fn guess(&self, id: &ContactId) -> Option<u32> {
        let guess = self.index.find(self.index.hash(id.as_str()), |_| true);
        guess.into_iter().for_each(|number| self.named.prefetch(number));
        guess
    }

    pub(super) fn id(&self, number: u32) -> Option<&ContactId> {
        self.named(number).map(|named| &named.id)
    }

    pub(super) fn name(&self, number: u32) -> Option<&Text> {
        self.named(number)?.name.as_ref()
    }

    /// Has fetched what a row shows of a contact.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        self.named.prefetch(number);
    }

    /// Has fetched what an open conversation takes from a contact, and what is noted of it there.
    #[inline]
    pub(super) fn prefetch_attached(&self, number: u32) {
        self.named.prefetch(number);
        self.class.prefetch(number);
        self.open.held.prefetch(number);
    }

    #[inline]
    pub(super) fn category(&self, number: u32) -> ContactCategory {
        category(self.kinds.get(number))
    }

    #[inline]
    pub(super) fn invitation(&self, number: u32) -> Invitation {
        invitation(self.kinds.get(number))
    }

    #[inline]
    pub(super) fn class(&self, number: u32) -> u32 {
        self.class.get(number)
    }

    pub(super) fn is_restricted(&self, number: u32) -> bool {
        !self.classes.get(self.class(number)).is_open_to_all()
    }

    pub(super) fn uses(&self, number: u32) -> u32 {
        self.uses.get(number)
    }

    /// Every contact, in no order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers_in(0..u32::MAX)
    }

    /// The same of some numbers.
    pub(super) fn numbers_in(&self, numbers: Range<u32>) -> impl Iterator<Item = u32> {
        (numbers.start..numbers.end.min(self.named.len() as u32)).filter(|number| self.named.get(*number).is_some())
    }

    /// The numbers of which what they are called or their class may differ from another's.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<u32>> + 'a {
        self.named.differing(&other.named).chain(self.class.differing(&other.class))
    }

    /// Every contact, in the order of lists (SPEC 5.10).
    pub(super) fn listed(&self) -> impl Iterator<Item = u32> {
        self.order.iter()
    }

    /// Every contact that comes behind `number` in the order of lists.
    pub(super) fn listed_after(&self, number: u32) -> impl Iterator<Item = u32> + use<'_> {
        self.order.after(move |other| self.compare(other, number).is_le())
    }

    /// Adds a checked contact whose tags have these numbers.
    pub(super) fn add(&mut self, directory: &Directory, people: &People, contact: Contact, tags: &[u32]) {
        let number = self.load(directory, people, contact, tags);
        self.order_in(number);
    }

    /// The same without a place in the order, which [`Contacts::sort`] gives to all at once.
    pub(super) fn load(&mut self, directory: &Directory, people: &People, contact: Contact, tags: &[u32]) -> u32 {
        let class = self.classes.enter(directory, people, &contact.members);
        let Contact { id, name, category, invitation, .. } = contact;
        let free = self.free.pop();
        let tags = self.tags_word(free.unwrap_or(self.named.len() as u32), tags);
        let named = Some(Named { id: id.clone(), name, tags });
        let number = match free {
            Some(number) => {
                self.named.set(number, named);
                self.kinds.set(number, kind(category, invitation));
                self.class.set(number, class);
                number
            }
            None => {
                self.named.push(named);
                self.kinds.push(kind(category, invitation));
                self.class.push(class);
                self.uses.push(0);
                self.open.push();
                self.named.len() as u32 - 1
            }
        };
        let Self { named, index, .. } = self;
        index.insert(id.as_str(), number, |number| text(named, number));
        self.count += 1;
        number
    }

    /// Makes room for so many, before the first.
    pub(super) fn reserve(&mut self, contacts: usize) {
        self.index.reserve(contacts);
    }

    pub(super) fn sort(&mut self) {
        let Self { named, index, .. } = self;
        index.settle(|number| text(named, number));
        let mut keys: Vec<([u64; 2], u32)> = self.numbers().map(|number| (self.list_prefix(number), number)).collect();
        keys.sort_unstable();
        for alike in keys.chunk_by_mut(|one, two| one.0 == two.0).filter(|alike| alike.len() > 1) {
            alike.sort_by_cached_key(|(_, number)| self.list_key(*number));
        }
        let numbers: Vec<u32> = keys.into_iter().map(|(_, number)| number).collect();
        self.order = Order::of(&numbers);
    }

    pub(super) fn remove(&mut self, number: u32) {
        self.order_out(number);
        let Self { named, index, .. } = self;
        index.remove(text(named, number), |number| text(named, number));
        self.tags_apart.remove(number);
        self.named.set(number, None);
        self.classes.leave(self.class.get(number));
        self.free.push(number);
        self.count -= 1;
    }

    pub(super) fn rename(&mut self, number: u32, name: Option<Text>) {
        self.order_out(number);
        if let Some(named) = self.named.get_mut(number) {
            named.name = name;
        }
        self.order_in(number);
    }

    pub(super) fn set_kind(&mut self, number: u32, category: ContactCategory, invitation: Invitation) {
        self.kinds.set(number, kind(category, invitation));
    }

    pub(super) fn set_class(&mut self, number: u32, class: u32) {
        self.classes.leave(self.class.get(number));
        self.class.set(number, class);
    }

    /// Takes a member that is gone out of all members. Only where classes come to be alike by it, all contacts are looked
    /// at, for no list tells which are of a class.
    pub(super) fn forget(&mut self, member: &Member) {
        let alike = self.classes.forget(member);
        let numbers = if alike.is_empty() { 0..0 } else { 0..self.named.len() as u32 };
        for number in numbers {
            let is_one = self.named.get(number).is_some();
            if let Some(class) = alike.get(&self.class(number)).filter(|_| is_one) {
                self.classes.join(*class);
                self.set_class(number, *class);
            }
        }
    }

    /// Counts to how many conversations each contact is attached, once all are loaded.
    pub(super) fn count_uses(&mut self, details: &Details, conversations: u32) {
        let mut uses = vec![0; self.named.len()];
        (0..conversations).for_each(|row| details.contacts(row).for_each(|contact| uses[contact as usize] += 1));
        self.uses = Narrow::of(&uses);
    }

    /// Notes that a conversation is attached, or is no longer.
    pub(super) fn attach(&mut self, number: u32, attached: bool) {
        let uses = self.uses.get(number);
        self.uses.set(number, if attached { uses + 1 } else { uses - 1 });
    }

    /// The rows of open conversations that the contact is attached to, ascending.
    pub(super) fn open_rows(&self, number: u32) -> impl Iterator<Item = u32> {
        self.open.rows(number)
    }

    /// How many these are. O(1).
    pub(super) fn open_count(&self, number: u32) -> usize {
        self.open.len(number)
    }

    pub(super) fn add_open(&mut self, number: u32, row: u32) {
        self.open.add(number, row);
    }

    pub(super) fn remove_open(&mut self, number: u32, row: u32) {
        self.open.remove(number, row);
    }

    /// Verifies that what is kept twice agrees, for so many attachments to open conversations; says what does not.
    pub(super) fn check(&self, attached: usize) -> Result<(), String> {
        let found = |number: &u32| self.id(*number).and_then(|id| self.number(id)) == Some(*number);
        match self.count + self.free.len() == self.named.len()
            && self.index.len() == self.count
            && self.listed().count() == self.count
            && self.numbers().all(|number| found(&number))
            && self.open.count(0..self.named.len() as u32) == Some(attached)
        {
            true => Ok(()),
            false => Err("contacts: ids, index, free numbers, order or open rows".to_owned()),
        }
    }

    /// The order of lists: by lower-cased name, then by id; without a name last, by id (SPEC 5.10).
    fn compare(&self, one: u32, two: u32) -> Ordering {
        self.list_key(one).cmp(&self.list_key(two))
    }

    fn list_key(&self, number: u32) -> (bool, Option<String>, Option<&ContactId>) {
        let name = self.name(number).map(|name| name.as_str().to_lowercase());
        (name.is_none(), name, self.id(number))
    }

    /// The first 16 bytes of a lower-cased name: where two differ, they are in the order of the names. Those without
    /// a name are behind all, for no text has a byte of ones.
    fn list_prefix(&self, number: u32) -> [u64; 2] {
        let mut prefix = [0xFF; 16];
        if let Some(name) = self.name(number).map(Text::as_str) {
            let lowered = (!name.is_ascii()).then(|| name.to_lowercase());
            let name = lowered.as_deref().unwrap_or(name).bytes().map(|byte| byte.to_ascii_lowercase());
            prefix.iter_mut().zip(name.chain(std::iter::repeat(0))).for_each(|(place, byte)| *place = byte);
        }
        let number = u128::from_be_bytes(prefix);
        [(number >> 64) as u64, number as u64]
    }

    fn order_in(&mut self, number: u32) {
        let mut order = std::mem::take(&mut self.order);
        order.insert(number, |other| self.compare(other, number));
        self.order = order;
    }

    fn order_out(&mut self, number: u32) {
        let mut order = std::mem::take(&mut self.order);
        order.remove(|other| self.compare(other, number));
        self.order = order;
    }
}

fn text(named: &Column<Option<Named>, NAMES>, number: u32) -> &str {
    named.get(number).as_ref().map_or("", |named| named.id.as_str())
}

/// Rows beyond which they are chunks, and below a quarter of which, two at least, they are a list again.
const FEW: usize = if cfg!(test) { 12 } else { 64 };

/// The rows of open conversations that each contact is attached to, ascending: for nearly all none or one, which its
/// column holds; a list for a few, chunks for many.
#[derive(Clone, Debug, Default)]
struct OpenRows {
    /// By contact, each as [`Held::code`].
    held: Narrow,
    few: Lists,
    many: Sparse<PostingList>,
}

/// Where a contact's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nowhere,
    /// In chunks of their own.
    Many,
    /// Here: it is one.
    One(u32),
    /// In the list with this place.
    Few(u32),
}

impl Held {
    /// As a number, 0 for no rows. Rows and places are below 2³¹ - 1, for slots are below 2³¹ and not all are taken.
    fn code(self) -> u32 {
        match self {
            Self::Nowhere => 0,
            Self::Many => 1,
            Self::One(row) => 2 + row * 2,
            Self::Few(place) => 3 + place * 2,
        }
    }

    fn of(code: u32) -> Self {
        match code {
            0 => Self::Nowhere,
            1 => Self::Many,
            even if even.is_multiple_of(2) => Self::One(even / 2 - 1),
            odd => Self::Few(odd / 2 - 1),
        }
    }
}

impl OpenRows {
    /// Makes room for a contact without rows.
    fn push(&mut self) {
        self.held.push(Held::Nowhere.code());
    }

    fn held(&self, contact: u32) -> Held {
        Held::of(self.held.get(contact))
    }

    fn set(&mut self, contact: u32, held: Held) {
        self.held.set(contact, held.code());
    }

    fn rows(&self, contact: u32) -> impl Iterator<Item = u32> {
        let (one, few, many) = match self.held(contact) {
            Held::Nowhere => (None, None, None),
            Held::One(row) => (Some(row), None, None),
            Held::Few(place) => (None, Some(self.few.get(place)), None),
            Held::Many => (None, None, self.many.get(contact)),
        };
        one.into_iter().chain(few.into_iter().flatten().copied()).chain(many.into_iter().flat_map(PostingList::iter))
    }

    fn len(&self, contact: u32) -> usize {
        match self.held(contact) {
            Held::Nowhere => 0,
            Held::One(_) => 1,
            Held::Few(place) => self.few.get(place).len(),
            Held::Many => self.many.get(contact).map_or(0, PostingList::len),
        }
    }

    /// Adds a row; nothing happens if it is there.
    fn add(&mut self, contact: u32, row: u32) {
        match self.held(contact) {
            Held::Nowhere => self.set(contact, Held::One(row)),
            Held::Many => self.many.entry(contact).insert(row),
            Held::Few(place) => self.add_to_few(contact, place, row),
            Held::One(other) if other == row => {}
            Held::One(other) => {
                let place = self.few.add([row.min(other), row.max(other)].into_iter().collect());
                self.set(contact, Held::Few(place));
            }
        }
    }

    fn add_to_few(&mut self, contact: u32, place: u32, row: u32) {
        let rows = self.few.get_mut(place);
        if let Err(at) = rows.binary_search(&row) {
            rows.insert(at, row);
        }
        if rows.len() > FEW {
            let mut many = PostingList::default();
            self.few.take(place).into_iter().for_each(|row| many.insert(row));
            self.many.insert(contact, many);
            self.set(contact, Held::Many);
        }
    }

    /// Takes a row out; nothing happens if it is not there.
    fn remove(&mut self, contact: u32, row: u32) {
        match self.held(contact) {
            Held::Nowhere => {}
            Held::Many => self.remove_from_many(contact, row),
            Held::Few(place) => self.remove_from_few(contact, place, row),
            Held::One(one) if one == row => self.set(contact, Held::Nowhere),
            Held::One(_) => {}
        }
    }

    fn remove_from_few(&mut self, contact: u32, place: u32, row: u32) {
        let rows = self.few.get_mut(place);
        rows.retain(|other| *other != row);
        if let [last] = rows[..] {
            self.few.take(place);
            self.set(contact, Held::One(last));
        }
    }

    fn remove_from_many(&mut self, contact: u32, row: u32) {
        let rows = self.many.entry(contact);
        rows.remove(row);
        if rows.len() < FEW / 4 {
            let rows = rows.iter().collect();
            self.many.remove(contact);
            let place = self.few.add(rows);
            self.set(contact, Held::Few(place));
        }
    }

    /// How many rows there are of all contacts; `None` if a list or chunks are held twice, or by nobody.
    fn count(&self, contacts: impl Iterator<Item = u32> + Clone) -> Option<usize> {
        let place = |contact| match self.held(contact) {
            Held::Few(place) => Some(place),
            _ => None,
        };
        let mut places: Vec<u32> = contacts.clone().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        let are_many = |(contact, rows): (u32, &PostingList)| self.held(contact) == Held::Many && rows.len() > 1;
        let is_counted = |contact: u32| self.rows(contact).count() == self.len(contact);
        let is_sound =
            self.few.len() == places.len() && self.many.iter().all(are_many) && contacts.clone().all(is_counted);
        is_sound.then(|| contacts.map(|contact| self.rows(contact).count()).sum())
    }
}

/// Lists that each have a place, which is given to another when one is taken out.
#[derive(Clone, Debug, Default)]
struct Lists {
    lists: Column<FewRows, LISTS>,
    free: Column<u32>,
}

type FewRows = SmallVec<[u32; 4]>;

/// Lists of a block, which is copied where a snapshot shares it.
const LISTS: usize = if cfg!(test) { 2 } else { 256 };

impl Lists {
    fn len(&self) -> usize {
        self.lists.len() - self.free.len()
    }

    fn get(&self, place: u32) -> &FewRows {
        self.lists.get(place)
    }

    fn get_mut(&mut self, place: u32) -> &mut FewRows {
        self.lists.get_mut(place)
    }

    /// Adds a list; its place.
    fn add(&mut self, rows: FewRows) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.lists.push(FewRows::new());
            self.lists.len() as u32 - 1
        });
        self.lists.set(place, rows);
        place
    }

    /// Takes a list out.
    fn take(&mut self, place: u32) -> FewRows {
        self.free.push(place);
        std::mem::take(self.lists.get_mut(place))
    }
}

/// Numbers in an order that a comparison gives, in chunks of up to 512 that snapshots share.
#[derive(Clone, Debug, Default)]
struct Order {
    chunks: Shared<Part<Vec<u32>>>,
}

const CHUNK: usize = if cfg!(test) { 4 } else { 512 };

/// Numbers that a chunk has to hold not to be joined to another.
const FULL_ENOUGH: usize = CHUNK / 2;

impl Order {
    fn of(numbers: &[u32]) -> Self {
        Self { chunks: numbers.chunks(CHUNK).map(|chunk| Part::new(chunk.to_vec())).collect() }
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().copied())
    }

    /// The numbers behind those for which `is_passed` holds.
    fn after<F: Fn(u32) -> bool>(&self, is_passed: F) -> impl Iterator<Item = u32> + use<'_, F> {
        let at = self.chunk_of(&is_passed);
        let skipped = self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(|number| is_passed(*number)));
        self.chunks[at..].iter().flat_map(|chunk| chunk.iter().copied()).skip(skipped)
    }

    /// `compare` says how a number stands to the new one.
    fn insert(&mut self, number: u32, compare: impl Fn(u32) -> Ordering) {
        let at = self.chunk_of(|other| compare(other).is_lt()).min(self.chunks.len().saturating_sub(1));
        let chunks = self.chunks.to_mut();
        let Some(chunk) = chunks.get_mut(at) else {
            chunks.push(Part::new(vec![number]));
            return;
        };
        let chunk = Part::own(chunk);
        let place = chunk.partition_point(|other| compare(*other).is_lt());
        chunk.insert(place, number);
        if chunk.len() > CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            chunks.insert(at + 1, Part::new(upper));
        }
    }

    fn remove(&mut self, compare: impl Fn(u32) -> Ordering) {
        let at = self.chunk_of(|other| compare(other).is_lt());
        let chunks = self.chunks.to_mut();
        let Some(chunk) = chunks.get_mut(at) else {
            return;
        };
        let chunk = Part::own(chunk);
        let place = chunk.partition_point(|other| compare(*other).is_lt());
        if chunk.get(place).is_some_and(|other| compare(*other).is_eq()) {
            chunk.remove(place);
        }
        match chunk.len() {
            0 => drop(chunks.remove(at)),
            1..FULL_ENOUGH => self.join(at),
            _ => {}
        }
    }

    /// Makes a small chunk one with a neighbour if both leave room for more, or whatever stays of many would each keep one.
    fn join(&mut self, at: usize) {
        let len_of = |at: usize| self.chunks.get(at).map_or(CHUNK, |chunk| chunk.len());
        let can_join = |lower: &usize| len_of(*lower) + len_of(lower + 1) <= CHUNK / 4 * 3;
        if let Some(lower) = [at.checked_sub(1), Some(at)].into_iter().flatten().find(can_join) {
            let chunks = self.chunks.to_mut();
            let upper = chunks.remove(lower + 1);
            Part::own(&mut chunks[lower]).extend_from_slice(&upper);
        }
    }

    /// The first chunk that is not passed whole.
    fn chunk_of(&self, is_passed: impl Fn(u32) -> bool) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| is_passed(*last)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::tests::LEAP;

    #[test]
    fn a_kind_is_read_as_it_was_kept() {
        use ContactCategory::{Clinic, Patient, Professional, Unsaved};
        for one in [Patient, Professional, Clinic, Unsaved] {
            for two in [Invitation::NotInvited, Invitation::Invited, Invitation::HasAccount] {
                assert_eq!((category(kind(one, two)), invitation(kind(one, two))), (one, two));
            }
        }
        assert_eq!(kind(Patient, Invitation::NotInvited), 0);
    }

    #[test]
    fn what_stays_of_many_is_in_few_chunks() {
        let mut order = Order::default();
        for number in 0..400_u32 {
            order.insert(number, |other| other.cmp(&number));
        }
        let snapshot = order.clone();
        for number in (0..400).filter(|number| number % 8 > 0) {
            order.remove(|other| other.cmp(&number));
        }
        assert!(order.iter().eq((0..400).step_by(8)) && snapshot.iter().eq(0..400));
        assert!(order.chunks.len() <= 50 * 3 / CHUNK, "{} chunks", order.chunks.len());
    }

    #[test]
    fn rows_of_a_contact_grow_from_none_to_many_and_back() {
        let mut open = OpenRows::default();
        (0..40).for_each(|_| open.push());
        let mut expected = vec![BTreeSet::new(); 40];
        for step in (0..6_000_u32).step_by(LEAP) {
            let (contact, row) = (step % 7 * step % 40, step * 7 % 61);
            let snapshot = (open.clone(), open.rows(contact).collect::<Vec<u32>>());
            match step / 1_000 % 2 {
                0 => {
                    open.add(contact, row);
                    expected[contact as usize].insert(row);
                }
                _ => {
                    open.remove(contact, row);
                    expected[contact as usize].remove(&row);
                }
            }
            assert!(open.rows(contact).eq(expected[contact as usize].iter().copied()), "step {step}");
            assert!(snapshot.0.rows(contact).eq(snapshot.1), "step {step}");
            assert_eq!(open.count(0..40), Some(expected.iter().map(BTreeSet::len).sum()), "step {step}");
        }
    }
}
