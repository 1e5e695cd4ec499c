//! Access classes: conversations with the same kind, endpoint and own members share one class, and with it their
//! audience; contacts with the same members likewise.
//!
//! * Whether a viewer sees a conversation is two loads and a bit test: the row's class, then the viewer's row of the
//!   matrix.
//! * A change to a team, an endpoint's access, a suspension, an admin flag or contact membership makes all audiences
//!   anew, O(classes × (members + teammates)); it touches no conversation and no contact.
//! * No two classes are alike: those that come to be, when a member is gone that only one of them had, become one.
//! * A new class costs its audience: the blocks of the matrix in which those viewers are, and one shard of the index by
//!   key. A class that goes likewise.
//! * Who covers whom comes from `policy::access`, the same functions that decide one at a time.
//!
//! Nothing here knows of inboxes, tags or order.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::cmp::Reverse;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::bits::{Bits, Matrix};
use super::column::Column;
use super::counts::Counts;
use super::index::{Index, hash};
use super::kernel::{Part, prefetch_line};
use super::open_set::OpenSet;
use super::posting::PostingList;
use super::shared::Chunked;
use super::sparse::hasher;
use crate::model::{ConversationKind, Directory, EndpointId, Head, Member, TeamId, TeammateId};
use crate::policy::access;
use crate::work::count_blocks;

/// Teammates by number. Numbers are handed out in the organization's order and never again, so that ascending
/// numbers are that order, and what is left of a removed teammate belongs to nobody.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    numbers: HashMap<TeammateId, u32, DefaultHashBuilder>,
    ids: Vec<Option<TeammateId>>,
    /// The number of each, by its place in the directory.
    places: Vec<Option<u32>>,
    /// The teams of each.
    teams: Vec<Vec<TeamId>>,
}

impl People {
    pub(super) fn add(&mut self, id: &TeammateId) {
        if self.numbers.contains_key(id) {
            return;
        }
        self.numbers.insert(id.clone(), self.ids.len() as u32);
        self.ids.push(Some(id.clone()));
    }

    pub(super) fn remove(&mut self, id: &TeammateId) {
        if let Some(number) = self.numbers.remove(id) {
            self.ids[number as usize] = None;
        }
    }

    pub(super) fn number(&self, id: &TeammateId) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// The teammate with this number; `None` once it is removed.
    pub(super) fn id(&self, number: u32) -> Option<&TeammateId> {
        self.ids.get(number as usize)?.as_ref()
    }

    /// The number of the teammate at a place in the directory, for who has been looked up there.
    pub(super) fn number_at(&self, place: usize) -> Option<u32> {
        *self.places.get(place)?
    }

    /// Notes who is where and who is in which team, after a change to teams or teammates.
    pub(super) fn regroup(&mut self, directory: &Directory) {
        self.places = directory.teammates.keys().map(|id| self.number(id)).collect();
        self.teams = vec![Vec::new(); self.ids.len()];
        for team in directory.teams.values() {
            for number in team.teammates.iter().filter_map(|id| self.numbers.get(id)) {
                self.teams[*number as usize].push(team.id.clone());
            }
        }
    }

    /// The teams that a teammate is in, in the organization's order.
    pub(super) fn teams(&self, number: u32) -> &[TeamId] {
        self.teams.get(number as usize).map_or(&[], |teams| teams)
    }

    /// One more than the largest number.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// What one class of conversations has in common, and which they are.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) kind: ConversationKind,
    pub(super) endpoint: Option<EndpointId>,
    pub(super) members: Vec<Member>,
    /// Who sees them: ascending numbers of teammates. Behind an `Arc` of its own, for under a snapshot a class is copied
    /// once one of its conversations gets another slot.
    pub(super) audience: Arc<[u32]>,
    /// All of them.
    pub(super) rows: PostingList,
    /// The slots of those that are not archived.
    pub(super) open: OpenSet,
    /// How many of the archived ones each teammate has read.
    pub(super) archived_reads: Counts,
}

impl Default for Class {
    fn default() -> Self {
        Self::new(Head { kind: ConversationKind::Note, endpoint: None, members: &[], assignee: None, archived: false })
    }
}

impl Class {
    /// The class of conversations like this one, without any as yet, and seen by nobody.
    fn new(head: Head<'_>) -> Self {
        Self {
            kind: head.kind,
            endpoint: head.endpoint.cloned(),
            members: head.members.to_vec(),
            audience: Arc::default(),
            rows: PostingList::default(),
            open: OpenSet::default(),
            archived_reads: Counts::default(),
        }
    }

    /// Its kind and endpoint.
    pub(super) fn clone_key(&self) -> (ConversationKind, Option<EndpointId>) {
        (self.kind, self.endpoint.clone())
    }

    /// The head of one of its conversations.
    pub(super) fn head<'a>(&'a self, assignee: Option<&'a Member>, archived: bool) -> Head<'a> {
        let endpoint = self.endpoint.as_ref();
        Head { kind: self.kind, endpoint, members: &self.members, assignee, archived }
    }
}

/// The classes of conversations.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    classes: Chunked<Part<Class>>,
    /// By kind, endpoint and own members, those with conversations.
    by_key: Index,
    /// The hash of each class's key: the keys are all over memory, and thousands are hashed where the index splits.
    hashes: Column<u64>,
    free: Column<u32>,
    /// What stands at the numbers that are free.
    retired: Part<Class>,
    matrix: Matrix,
    team_kind: Bits,
    /// Each class's endpoint as its place in the directory, side by side for filters over endpoints.
    endpoints: Column<u32>,
    /// The classes with so many open conversations that they are kept as leaves.
    many: Bits,
    /// Those with any: most may be of archived ones alone, which nobody asks for who asks for open ones.
    open: Bits,
}

impl Classes {
    pub(super) fn get(&self, class: u32) -> &Class {
        &self.classes[class as usize]
    }

    /// The class with a number; `None` beyond the last.
    pub(super) fn try_get(&self, class: u32) -> Option<&Class> {
        self.classes.get(class as usize).map(|class| &**class)
    }

    /// Has a class fetched.
    #[inline]
    pub(super) fn prefetch(&self, class: u32) {
        let class = self.get(class);
        prefetch_line(&class.kind);
        prefetch_line(&class.members);
        prefetch_line(&class.open);
    }

    pub(super) fn get_mut(&mut self, class: u32) -> &mut Class {
        Part::own(self.classes.get_mut(class as usize))
    }

    /// Every class with its number, those without conversations included.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Class)> {
        self.classes.iter().enumerate().map(|(number, class)| (number as u32, &**class))
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The classes of conversations over any of some endpoints, these given as places in the directory. O(classes +
    /// endpoints).
    pub(super) fn over(&self, endpoints: &[u32]) -> Bits {
        match endpoints {
            [one] => Bits::of_places(self.endpoints.slices(), |endpoint| endpoint == one),
            some => {
                let some: Bits = some.iter().copied().collect();
                Bits::of_places(self.endpoints.slices(), |endpoint| some.contains(*endpoint))
            }
        }
    }

    /// The classes of conversations of any of some kinds. O(classes).
    pub(super) fn of_kinds(&self, kinds: &[ConversationKind]) -> Bits {
        let mut classes = Bits::default();
        for kind in kinds {
            match kind {
                // None is over an endpoint that is gone.
                ConversationKind::Patient => classes.union(&self.over_any(true)),
                ConversationKind::Team => classes.union(&self.team_kind),
                ConversationKind::Note => {
                    let mut notes = self.over_any(false);
                    notes.subtract(&self.team_kind);
                    classes.union(&notes);
                }
            }
        }
        classes
    }

    /// The classes that are over an endpoint, or that are over none.
    fn over_any(&self, is_over_one: bool) -> Bits {
        Bits::of_places(self.endpoints.slices(), |endpoint| (*endpoint != NOWHERE) == is_over_one)
    }

    /// The classes with so many open conversations that they are kept as leaves.
    pub(super) fn many(&self) -> &Bits {
        &self.many
    }

    /// The classes with open conversations.
    pub(super) fn open(&self) -> &Bits {
        &self.open
    }

    /// Changes which slots a class's open conversations have. Whether they have come to be leaves, or to be a list; and
    /// what they are now.
    pub(super) fn edit_open(&mut self, class: u32, edit: impl FnOnce(&mut OpenSet)) -> (bool, &OpenSet) {
        let open = &mut Part::own(self.classes.get_mut(class as usize)).open;
        let (was_many, was_empty) = (open.is_many(), open.len() == 0);
        edit(open);
        let (is_many, is_empty) = (open.is_many(), open.len() == 0);
        if is_many != was_many {
            self.many.put(class, is_many);
        }
        if is_empty != was_empty {
            self.open.put(class, !is_empty);
        }
        (is_many != was_many, open)
    }

    /// The classes of team conversations.
    pub(super) fn team_kind(&self) -> &Bits {
        &self.team_kind
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        for class in self.classes.iter_mut() {
            Part::own(class).archived_reads.shrink();
        }
    }

    /// The class of conversations like this one, made first if need be.
    pub(super) fn class_of(&mut self, directory: &Directory, people: &People, head: Head<'_>) -> u32 {
        self.find(head).unwrap_or_else(|| self.add(directory, people, head))
    }

    /// The class of conversations like this one, if there are any.
    pub(super) fn find(&self, head: Head<'_>) -> Option<u32> {
        self.by_key.find(hash(key(head)), |number| key(self.get(number).head(None, false)) == key(head))
    }

    fn add(&mut self, directory: &Directory, people: &People, head: Head<'_>) -> u32 {
        let mut class = Class::new(head);
        let alike = self.find(Head { members: &[], ..head }).map(|number| &self.get(number).audience);
        class.audience = shared(Coverage::new(directory, people).of_class(&class), alike);
        let endpoint = place_of(directory, &class);
        let number = self.free.pop().unwrap_or(self.classes.len() as u32);
        self.matrix.set(number, &class.audience);
        match (number as usize) < self.classes.len() {
            true => {
                *self.classes.get_mut(number as usize) = Part::new(class);
                self.endpoints.set(number, endpoint);
            }
            false => {
                self.classes.push(Part::new(class));
                self.endpoints.push(endpoint);
            }
        }
        self.team_kind.put(number, head.kind == ConversationKind::Team);
        self.index(number);
        number
    }

    fn index(&mut self, number: u32) {
        let hash = hash(key(self.get(number).head(None, false)));
        let Self { by_key, hashes, .. } = self;
        match (number as usize) < hashes.len() {
            true => hashes.set(number, hash),
            false => hashes.push(hash),
        }
        by_key.add(hash, number, |number| *hashes.get(number));
    }

    /// Forgets a class that has no conversations left.
    pub(super) fn retire_if_empty(&mut self, number: u32) {
        if !self.get(number).rows.is_empty() {
            return;
        }
        self.by_key.take(*self.hashes.get(number), |other| other == number);
        // Its number may not be used again for long: what it had is given back.
        let class = std::mem::replace(self.classes.get_mut(number as usize), self.retired.clone());
        self.matrix.clear(number, &class.audience);
        self.free.push(number);
    }

    /// Takes a member that is gone out of every class. Two come to be alike when only one of them had it: those that are
    /// to become one are returned, the one to be given up first, in the order in which that is to be done.
    pub(super) fn forget(&mut self, member: &Member) -> Vec<(u32, u32)> {
        let naming = self.iter().filter(|(_, class)| !class.rows.is_empty() && class.members.contains(member));
        let mut naming: Vec<u32> = naming.map(|(number, _)| number).collect();
        // The largest first, so that what joins it moves once.
        naming.sort_by_key(|number| Reverse(self.get(*number).rows.len()));
        for number in &naming {
            count_blocks(1);
            self.by_key.take(*self.hashes.get(*number), |other| other == *number);
            self.get_mut(*number).members.retain(|other| other != member);
        }
        let mut alike = Vec::new();
        for number in naming {
            let class = self.get(number);
            match self.find(class.head(None, false)) {
                None => self.index(number),
                // The one with fewer conversations is given up.
                Some(known) if class.rows.len() <= self.get(known).rows.len() => alike.push((number, known)),
                Some(known) => {
                    self.by_key.take(*self.hashes.get(known), |other| other == known);
                    self.index(number);
                    alike.push((known, number));
                }
            }
        }
        alike
    }

    /// Makes every audience anew after a change to who covers whom.
    pub(super) fn recompile(&mut self, directory: &Directory, people: &People) {
        let (mut coverage, mut alike) = (Coverage::new(directory, people), Alike::new());
        count_blocks(self.classes.len());
        for class in self.classes.iter_mut() {
            let audience = match class.rows.is_empty() {
                true => Vec::new(),
                false => coverage.of_class(class),
            };
            if let Some(audience) = alike.other_than(&class.audience, audience) {
                Part::own(class).audience = audience;
            }
        }
        for (number, class) in self.classes.iter().enumerate() {
            let endpoint = place_of(directory, class);
            if *self.endpoints.get(number as u32) != endpoint {
                self.endpoints.set(number as u32, endpoint);
            }
        }
        self.rebuild_matrix(people);
    }

    fn rebuild_matrix(&mut self, people: &People) {
        let audiences = self.iter().map(|(number, class)| (number, &class.audience[..]));
        self.matrix = Matrix::of(people.len(), self.classes.len(), audiences);
    }

    /// Whether what is kept beside the classes agrees with them: those with conversations are known by their key and no
    /// others, the others' numbers are free, and kind and endpoint are those of the class.
    pub(super) fn is_sound(&self, directory: &Directory) -> bool {
        let used = || self.iter().filter(|(_, class)| !class.rows.is_empty());
        let count = used().count();
        self.by_key.len() == count
            && self.free.len() + count == self.classes.len()
            && used().all(|(number, class)| {
                *self.endpoints.get(number) == place_of(directory, class)
                    && self.team_kind.contains(number) == (class.kind == ConversationKind::Team)
            })
    }
}

/// What stands for the place of an endpoint where a class has none.
const NOWHERE: u32 = u32::MAX;

/// The place of a class's endpoint in the directory; [`NOWHERE`] if it has none there.
fn place_of(directory: &Directory, class: &Class) -> u32 {
    let place = class.endpoint.as_ref().and_then(|id| directory.endpoints.get_index_of(id));
    place.map_or(NOWHERE, |place| place as u32)
}

/// What classes of conversations are told apart by.
fn key(head: Head<'_>) -> (ConversationKind, Option<&EndpointId>, &[Member]) {
    (head.kind, head.endpoint, head.members)
}

/// What one class of contacts has in common.
#[derive(Clone, Debug)]
pub(super) struct ContactClass {
    pub(super) members: Vec<Member>,
    /// Who finds them, contact membership and admins included: ascending numbers of teammates.
    pub(super) audience: Arc<[u32]>,
    /// How many contacts.
    count: usize,
}

impl ContactClass {
    /// Whether every active teammate finds them whatever the settings.
    pub(super) fn is_open_to_all(&self) -> bool {
        self.members.contains(&Member::Organization)
    }
}

/// The classes of contacts.
#[derive(Clone, Debug, Default)]
pub(super) struct ContactClasses {
    classes: Chunked<Part<ContactClass>>,
    /// By members, those with contacts.
    by_key: Index,
    free: Column<u32>,
    matrix: Matrix,
}

impl ContactClasses {
    pub(super) fn get(&self, class: u32) -> &ContactClass {
        &self.classes[class as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &ContactClass)> {
        self.classes.iter().enumerate().map(|(number, class)| (number as u32, &**class))
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The class of contacts with these members, made first if need be, with one more contact in it.
    pub(super) fn enter(&mut self, directory: &Directory, people: &People, members: &[Member]) -> u32 {
        let number = self.find(members).unwrap_or_else(|| self.add(directory, people, members));
        self.join(number);
        number
    }

    /// One contact more in a class.
    pub(super) fn join(&mut self, number: u32) {
        Part::own(self.classes.get_mut(number as usize)).count += 1;
    }

    /// The class of contacts with these members, if there are any.
    pub(super) fn find(&self, members: &[Member]) -> Option<u32> {
        self.by_key.find(hash(members), |number| self.get(number).members == members)
    }

    /// One contact fewer in a class, which is forgotten with its last.
    pub(super) fn leave(&mut self, number: u32) {
        let class = Part::own(self.classes.get_mut(number as usize));
        class.count -= 1;
        if class.count > 0 {
            return;
        }
        let audience = std::mem::take(&mut class.audience);
        self.by_key.take(hash(&class.members[..]), |other| other == number);
        self.matrix.clear(number, &audience);
        self.free.push(number);
    }

    fn add(&mut self, directory: &Directory, people: &People, members: &[Member]) -> u32 {
        let alike = self.find(&[Member::Organization]).map(|number| &self.get(number).audience);
        let audience = shared(Coverage::new(directory, people).of_contacts(members), alike);
        let number = self.free.pop().unwrap_or(self.classes.len() as u32);
        self.matrix.set(number, &audience);
        let class = Part::new(ContactClass { members: members.to_vec(), audience, count: 0 });
        match (number as usize) < self.classes.len() {
            true => *self.classes.get_mut(number as usize) = class,
            false => self.classes.push(class),
        }
        self.index(number);
        number
    }

    fn index(&mut self, number: u32) {
        let Self { by_key, classes, .. } = self;
        let hash_of = |number: u32| hash(&classes[number as usize].members[..]);
        by_key.add(hash_of(number), number, hash_of);
    }

    /// Takes a member that is gone out of every class. Classes that have come to be like another by it are returned, each
    /// with the one that it is to become.
    pub(super) fn forget(&mut self, member: &Member) -> HashMap<u32, u32, DefaultHashBuilder> {
        let naming = self.iter().filter(|(_, class)| class.count > 0 && class.members.contains(member));
        let naming: Vec<u32> = naming.map(|(number, _)| number).collect();
        for number in &naming {
            count_blocks(1);
            self.by_key.take(hash(&self.get(*number).members[..]), |other| other == *number);
            Part::own(self.classes.get_mut(*number as usize)).members.retain(|other| other != member);
        }
        let mut alike = HashMap::with_hasher(hasher());
        for number in naming {
            match self.find(&self.get(number).members) {
                None => self.index(number),
                Some(known) => drop(alike.insert(number, known)),
            }
        }
        alike
    }

    /// Makes every audience anew after a change to who covers whom, to admins, or to contact membership.
    pub(super) fn recompile(&mut self, directory: &Directory, people: &People) {
        let (mut coverage, mut alike) = (Coverage::new(directory, people), Alike::new());
        count_blocks(self.classes.len());
        for class in self.classes.iter_mut().filter(|class| class.count > 0) {
            if let Some(audience) = alike.other_than(&class.audience, coverage.of_contacts(&class.members)) {
                Part::own(class).audience = audience;
            }
        }
        self.rebuild_matrix(people);
    }

    fn rebuild_matrix(&mut self, people: &People) {
        let audiences = self.iter().map(|(number, class)| (number, &class.audience[..]));
        self.matrix = Matrix::of(people.len(), self.classes.len(), audiences);
    }

    /// Whether the classes with contacts are known by their members and no others, the others' numbers being free, given
    /// how many contacts there are.
    pub(super) fn is_sound(&self, contacts: usize) -> bool {
        let used = || self.classes.iter().filter(|class| class.count > 0);
        let count = used().count();
        self.by_key.len() == count
            && self.free.len() + count == self.classes.len()
            && used().map(|class| class.count).sum::<usize>() == contacts
    }
}

/// An audience, kept once with one that is like it: thousands of classes may be of a line that is open to everyone, or of
/// contacts whose members are not enforced.
fn shared(audience: Vec<u32>, alike: Option<&Arc<[u32]>>) -> Arc<[u32]> {
    match alike.filter(|alike| alike[..] == audience[..]) {
        Some(alike) => alike.clone(),
        None => audience.into(),
    }
}

/// Audiences made anew, those that are alike kept once.
struct Alike(HashSet<Arc<[u32]>, DefaultHashBuilder>);

impl Alike {
    fn new() -> Self {
        Self(HashSet::with_hasher(hasher()))
    }

    /// The audience, unless it is the old one: that stays where it is, for snapshots share the class.
    fn other_than(&mut self, old: &Arc<[u32]>, audience: Vec<u32>) -> Option<Arc<[u32]>> {
        if audience[..] == old[..] {
            self.0.get_or_insert_with(&audience[..], |_| old.clone());
            return None;
        }
        Some(self.0.get_or_insert_with(&audience[..], |_| audience[..].into()).clone())
    }
}

/// Whom members cover, as numbers, each team looked up once.
struct Coverage<'d> {
    directory: &'d Directory,
    people: &'d People,
    by_member: HashMap<Member, Covered, DefaultHashBuilder>,
}

/// Whom one member covers. A bit for everyone where that is less: of thousands of members, each of whom covers few, bits
/// would take the square of their number.
enum Covered {
    Few(Vec<u32>),
    Many(Bits),
}

impl Covered {
    fn add_to(&self, union: &mut Bits) {
        match self {
            Self::Few(numbers) => numbers.iter().for_each(|number| union.insert(*number)),
            Self::Many(bits) => union.union(bits),
        }
    }
}

impl<'d> Coverage<'d> {
    fn new(directory: &'d Directory, people: &'d People) -> Self {
        Self { directory, people, by_member: HashMap::with_hasher(hasher()) }
    }

    /// SPEC 3.1, 3.2: whom the endpoint's owner, its additional members, or an own member covers.
    fn of_class(&mut self, class: &Class) -> Vec<u32> {
        self.union(access::shown_to(self.directory, class.head(None, false))).iter().collect()
    }

    /// SPEC 4.1, 4.2: everyone active while membership is off; otherwise admins and whom a member covers.
    fn of_contacts(&mut self, members: &[Member]) -> Vec<u32> {
        if !self.directory.contact_membership {
            return self.union([&Member::Organization]).iter().collect();
        }
        let admins = self.directory.teammates.values().filter(|teammate| access::is_active_admin(teammate));
        let mut audience: Bits = admins.filter_map(|admin| self.people.number(&admin.id)).collect();
        audience.union(&self.union(members));
        audience.iter().collect()
    }

    fn union<'m>(&mut self, members: impl IntoIterator<Item = &'m Member>) -> Bits {
        let mut union = Bits::default();
        for member in members {
            match self.by_member.get(member) {
                Some(covered) => covered.add_to(&mut union),
                None => self.look_up(member).add_to(&mut union),
            }
        }
        union
    }

    fn look_up(&mut self, member: &Member) -> &Covered {
        let Self { directory, people, by_member } = self;
        let covered = access::covered(directory, member).filter_map(|teammate| people.number(&teammate.id));
        let numbers: Vec<u32> = covered.collect();
        let covered = match numbers.len() > people.len() / u32::BITS as usize {
            true => Covered::Many(numbers.into_iter().collect()),
            false => Covered::Few(numbers),
        };
        by_member.entry(member.clone()).insert(covered).into_mut()
    }
}
