//! Access classes: conversations with the same kind, endpoint and own members share one class, and with it their
//! audience; contacts with the same members likewise.
//!
//! * Whether a viewer sees a conversation is two loads and a bit test: the row's class, then the viewer's row of the
//!   matrix.
//! * A change to a team, an endpoint's access, a suspension, an admin flag or contact membership makes all audiences
//!   anew, O(classes × (members + teammates)); it touches no conversation and no contact.
//! * Who covers whom comes from `policy::access`, the same functions that decide one at a time.
//!
//! Nothing here knows of inboxes, tags or order.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::bits::{Bits, Matrix};
use super::open::OpenSet;
use super::posting::PostingList;
use super::sparse::hasher;
use crate::model::{ConversationKind, Directory, EndpointId, Head, Member, TeammateId};
use crate::policy::access;

/// Teammates by number. Numbers are handed out in the organization's order and never again, so that ascending
/// numbers are that order, and what is left of a removed teammate belongs to nobody.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    numbers: HashMap<TeammateId, u32, DefaultHashBuilder>,
    ids: Vec<Option<TeammateId>>,
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

    /// One more than the largest number.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: ConversationKind,
    endpoint: Option<EndpointId>,
    members: Vec<Member>,
}

/// What one class of conversations has in common, and which they are.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) kind: ConversationKind,
    pub(super) endpoint: Option<EndpointId>,
    pub(super) members: Vec<Member>,
    /// Who sees them: ascending numbers of teammates.
    pub(super) audience: Vec<u32>,
    /// All of them.
    pub(super) rows: PostingList,
    /// The slots of those that are not archived.
    pub(super) open: OpenSet,
}

impl Class {
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
    classes: Vec<Arc<Class>>,
    by_key: Arc<HashMap<Key, u32, DefaultHashBuilder>>,
    free: Vec<u32>,
    matrix: Matrix,
    team_kind: Bits,
}

impl Classes {
    pub(super) fn get(&self, class: u32) -> &Class {
        &self.classes[class as usize]
    }

    pub(super) fn get_mut(&mut self, class: u32) -> &mut Class {
        Arc::make_mut(&mut self.classes[class as usize])
    }

    /// Every class with its number, those without conversations included.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Class)> {
        self.classes.iter().enumerate().map(|(number, class)| (number as u32, &**class))
    }

    pub(super) fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The classes of team conversations.
    pub(super) fn team_kind(&self) -> &Bits {
        &self.team_kind
    }

    /// Gives spare memory back after loading.
    pub(super) fn shrink(&mut self) {
        for class in &mut self.classes {
            Arc::make_mut(class).rows.shrink();
        }
    }

    /// The class of conversations like this one, made first if need be.
    pub(super) fn class_of(&mut self, directory: &Directory, people: &People, head: Head<'_>) -> u32 {
        let key = Key { kind: head.kind, endpoint: head.endpoint.cloned(), members: head.members.to_vec() };
        match self.by_key.get(&key) {
            Some(class) => *class,
            None => self.add(directory, people, key),
        }
    }

    fn add(&mut self, directory: &Directory, people: &People, key: Key) -> u32 {
        let class = Class {
            kind: key.kind,
            endpoint: key.endpoint.clone(),
            members: key.members.clone(),
            audience: Vec::new(),
            rows: PostingList::default(),
            open: OpenSet::default(),
        };
        let number = self.free.pop().unwrap_or(self.classes.len() as u32);
        match self.classes.get_mut(number as usize) {
            Some(place) => *place = Arc::new(class),
            None => self.classes.push(Arc::new(class)),
        }
        match key.kind {
            ConversationKind::Team => self.team_kind.insert(number),
            _ => self.team_kind.remove(number),
        }
        Arc::make_mut(&mut self.by_key).insert(key, number);
        let audience = Coverage::new(directory, people).of_class(self.get(number));
        if self.matrix.fits(people.len(), self.classes.len()) {
            self.matrix.set_column(number, &audience);
            self.get_mut(number).audience = audience;
        } else {
            self.get_mut(number).audience = audience;
            self.rebuild_matrix(people);
        }
        number
    }

    /// Forgets a class that has no conversations left.
    pub(super) fn retire_if_empty(&mut self, number: u32) {
        let class = self.get(number);
        if !class.rows.is_empty() {
            return;
        }
        let key = Key { kind: class.kind, endpoint: class.endpoint.clone(), members: class.members.clone() };
        // Two classes come to be alike when a member that only one of them had is gone; the key stands for one.
        if self.by_key.get(&key) == Some(&number) {
            Arc::make_mut(&mut self.by_key).remove(&key);
        }
        self.matrix.set_column(number, &[]);
        self.get_mut(number).audience = Vec::new();
        self.free.push(number);
    }

    /// Takes a member that is gone out of every class.
    pub(super) fn forget(&mut self, member: &Member) {
        let naming = |class: &Arc<Class>| class.members.contains(member);
        if !self.classes.iter().any(naming) {
            return;
        }
        for class in self.classes.iter_mut().filter(|class| naming(class)) {
            Arc::make_mut(class).members.retain(|other| other != member);
        }
        self.by_key = Arc::new(self.keys());
    }

    fn keys(&self) -> HashMap<Key, u32, DefaultHashBuilder> {
        let mut keys = HashMap::with_hasher(hasher());
        for (number, class) in self.iter().filter(|(_, class)| !class.rows.is_empty()) {
            let key = Key { kind: class.kind, endpoint: class.endpoint.clone(), members: class.members.clone() };
            keys.entry(key).or_insert(number);
        }
        keys
    }

    /// Makes every audience anew after a change to who covers whom.
    pub(super) fn recompile(&mut self, directory: &Directory, people: &People) {
        let mut coverage = Coverage::new(directory, people);
        for class in &mut self.classes {
            let audience = match class.rows.is_empty() {
                true => Vec::new(),
                false => coverage.of_class(class),
            };
            if audience != class.audience {
                Arc::make_mut(class).audience = audience;
            }
        }
        self.rebuild_matrix(people);
    }

    fn rebuild_matrix(&mut self, people: &People) {
        // Room for more viewers, so that a new one does not mean a new matrix each time.
        self.matrix = Matrix::new(people.len() + 16, self.classes.len() + 1);
        for (number, class) in self.classes.iter().enumerate() {
            if !class.audience.is_empty() {
                self.matrix.set_column(number as u32, &class.audience);
            }
        }
    }
}

/// What one class of contacts has in common.
#[derive(Clone, Debug)]
pub(super) struct ContactClass {
    pub(super) members: Vec<Member>,
    /// Who finds them, contact membership and admins included: ascending numbers of teammates.
    pub(super) audience: Vec<u32>,
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
    classes: Vec<Arc<ContactClass>>,
    by_key: Arc<HashMap<Vec<Member>, u32, DefaultHashBuilder>>,
    free: Vec<u32>,
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
        let number = match self.by_key.get(members) {
            Some(class) => *class,
            None => self.add(directory, people, members),
        };
        Arc::make_mut(&mut self.classes[number as usize]).count += 1;
        number
    }

    /// One contact fewer in a class, which is forgotten with its last.
    pub(super) fn leave(&mut self, number: u32) {
        let class = Arc::make_mut(&mut self.classes[number as usize]);
        class.count -= 1;
        if class.count > 0 {
            return;
        }
        class.audience = Vec::new();
        if self.by_key.get(&class.members) == Some(&number) {
            Arc::make_mut(&mut self.by_key).remove(&class.members);
        }
        self.matrix.set_column(number, &[]);
        self.free.push(number);
    }

    fn add(&mut self, directory: &Directory, people: &People, members: &[Member]) -> u32 {
        let audience = Coverage::new(directory, people).of_contacts(members);
        let class = Arc::new(ContactClass { members: members.to_vec(), audience, count: 0 });
        let number = self.free.pop().unwrap_or(self.classes.len() as u32);
        match self.classes.get_mut(number as usize) {
            Some(place) => *place = class,
            None => self.classes.push(class),
        }
        Arc::make_mut(&mut self.by_key).insert(members.to_vec(), number);
        if self.matrix.fits(people.len(), self.classes.len()) {
            self.matrix.set_column(number, &self.classes[number as usize].audience);
        } else {
            self.rebuild_matrix(people);
        }
        number
    }

    /// Takes a member that is gone out of every class.
    pub(super) fn forget(&mut self, member: &Member) {
        let naming = |class: &Arc<ContactClass>| class.members.contains(member);
        if !self.classes.iter().any(naming) {
            return;
        }
        for class in self.classes.iter_mut().filter(|class| naming(class)) {
            Arc::make_mut(class).members.retain(|other| other != member);
        }
        let mut keys = HashMap::with_hasher(hasher());
        for (number, class) in self.iter().filter(|(_, class)| class.count > 0) {
            keys.entry(class.members.clone()).or_insert(number);
        }
        self.by_key = Arc::new(keys);
    }

    /// Makes every audience anew after a change to who covers whom, to admins, or to contact membership.
    pub(super) fn recompile(&mut self, directory: &Directory, people: &People) {
        let mut coverage = Coverage::new(directory, people);
        for class in self.classes.iter_mut().filter(|class| class.count > 0) {
            let audience = coverage.of_contacts(&class.members);
            if audience != class.audience {
                Arc::make_mut(class).audience = audience;
            }
        }
        self.rebuild_matrix(people);
    }

    fn rebuild_matrix(&mut self, people: &People) {
        self.matrix = Matrix::new(people.len() + 16, self.classes.len() + 1);
        for (number, class) in self.classes.iter().enumerate() {
            if !class.audience.is_empty() {
                self.matrix.set_column(number as u32, &class.audience);
            }
        }
    }
}

/// Whom members cover, as numbers, each member looked up once.
struct Coverage<'d> {
    directory: &'d Directory,
    people: &'d People,
    by_member: HashMap<Member, Bits, DefaultHashBuilder>,
}

impl<'d> Coverage<'d> {
    fn new(directory: &'d Directory, people: &'d People) -> Self {
        Self { directory, people, by_member: HashMap::with_hasher(hasher()) }
    }

    /// SPEC 3.1, 3.2: whom the endpoint's owner, its additional members, or an own member covers.
    fn of_class(&mut self, class: &Class) -> Vec<u32> {
        let endpoint = access::endpoint_of(self.directory, class.head(None, false));
        let members = endpoint
            .into_iter()
            .flat_map(|endpoint| std::iter::once(&endpoint.owner).chain(&endpoint.additional_members));
        self.union(members.chain(&class.members)).iter().collect()
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
            let Self { directory, people, by_member } = self;
            let covered = by_member.entry_ref(member).or_insert_with(|| {
                let covered = access::covered(directory, member).into_iter();
                covered.filter_map(|teammate| people.number(&teammate.id)).collect()
            });
            union.union(covered);
        }
        union
    }
}
