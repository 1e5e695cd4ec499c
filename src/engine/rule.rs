//! Rules with every id resolved to a number, and what they match: one conversation, or bounds over a whole block.
//!
//! Over a block a rule gives two masks: the conversations that match for certain, and those that may. They differ
//! where masks cannot tell: contact tags while a conversation has contacts that not everyone finds, single contacts and
//! their kinds, single assignees, and stars. What is asked of contacts is told by the slot of a conversation with one
//! alone, where that is wanted. Only the rows between the two are then matched one by one, by the same rule.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::bits::{Bits, contains, ones};
use super::details::GLANCES;
use super::kernel::{and, and_not, or};
use super::leaf::{Leaf, Leaves};
use super::open::{Attributes, NOBODY, SEVERAL};
use super::spine::{Block, Mask, NO_SLOTS, set};
use super::state::State;
use crate::model::{AssigneePick, ContactCategory, Invitation, Member, Pick, Rule, TagSet, Teammate};
use crate::work::count_rows;

pub(super) const ALL_SLOTS: Mask = [u64::MAX; super::spine::WORDS];

/// The numbers of what a leaf names.
pub(super) type Wanted = SmallVec<[u32; 4]>;

/// A rule for one viewer at one revision. `none` of a list is `not` `any` of it.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Const(bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    AnyContactTag(Wanted),
    AllContactTags(Wanted),
    AnyConversationTag(Wanted),
    AllConversationTags(Wanted),
    Assignee(Assignees),
    /// What is settled by the class: endpoints, channels, kinds. Boxed, for it is longer than all others, and nodes are
    /// moved about.
    Classes(Box<Bits>),
    Contacts(Wanted),
    Categories(SmallVec<[ContactCategory; 4]>),
    Invitations(SmallVec<[Invitation; 4]>),
    /// A leaf over contact tags that is asked of many conversations.
    Often(Arc<Often>),
    Unread,
    Starred,
    Since(i64),
    Before(i64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Assignees {
    pub(super) nobody: bool,
    pub(super) anyone: bool,
    pub(super) named: Wanted,
}

/// What a rule is asked about at once.
#[derive(Clone, Copy)]
pub(super) struct Asked<'b> {
    pub(super) block: &'b Block,
    pub(super) attributes: Attributes<'b>,
    /// Slots of which the only contact is looked at, and what is said of others is of no meaning then; `None` if contacts
    /// are not to be looked at.
    pub(super) contacts_within: Option<Mask>,
}

impl Asked<'_> {
    /// About fewer slots, if about some.
    fn within(self, narrow: impl FnOnce(&Mask) -> Mask) -> Self {
        Self { contacts_within: self.contacts_within.map(|slots| narrow(&slots)), ..self }
    }
}

/// Whose eyes a rule is looked at with.
#[derive(Clone, Copy)]
pub(super) struct View<'e> {
    pub(super) state: &'e State,
    pub(super) viewer: u32,
    /// The classes of conversations that the viewer sees, a bit each.
    pub(super) sees: &'e [u64],
    pub(super) finds: Finds<'e>,
}

/// The classes of contacts that a viewer finds, a bit each; `None` for who finds every contact.
#[derive(Clone, Copy)]
pub(super) struct Finds<'e>(Option<&'e [u64]>);

impl Finds<'_> {
    #[inline]
    pub(super) fn contains(self, state: &State, contact: u32) -> bool {
        self.0.is_none_or(|classes| contains(classes, state.contacts.class(contact)))
    }

    /// Whether these are all, so that masks over contact tags are certain.
    pub(super) fn is_everything(self) -> bool {
        self.0.is_none()
    }
}

impl<'e> View<'e> {
    /// The view of an active teammate, who has this number.
    pub(super) fn new(state: &'e State, teammate: &Teammate, viewer: u32) -> Self {
        let is_restricted = state.directory.contact_membership && !teammate.admin;
        let finds = Finds(is_restricted.then(|| state.contacts.classes.matrix().row(viewer)));
        Self { state, viewer, sees: state.classes.matrix().row(viewer), finds }
    }

    #[inline]
    pub(super) fn sees(&self, row: u32) -> bool {
        self.sees_class(self.state.class.get(row))
    }

    #[inline]
    pub(super) fn sees_class(&self, class: u32) -> bool {
        contains(self.sees, class)
    }

    #[inline]
    pub(super) fn finds(&self, contact: u32) -> bool {
        self.finds.contains(self.state, contact)
    }

    /// Resolves a rule.
    pub(super) fn compile(&self, rule: &Rule) -> Node {
        match rule {
            Rule::All(rules) => Node::all(rules.iter().map(|rule| self.compile(rule))),
            Rule::Any(rules) => Node::any(rules.iter().map(|rule| self.compile(rule))),
            Rule::Not(rule) => Node::not(self.compile(rule)),
            Rule::ContactTags(set) => self.tags(set, Node::AnyContactTag, Node::AllContactTags),
            Rule::ConversationTags(set) => self.tags(set, Node::AnyConversationTag, Node::AllConversationTags),
            Rule::Assignee(picks) => self.assignees(picks),
            Rule::Endpoints(pick) => picked(pick, |ids| {
                self.over(ids.iter().filter_map(|id| self.state.directory.endpoints.get_index_of(id)))
            }),
            Rule::Channels(pick) => picked(pick, |channels| {
                let channels = kinds(channels);
                let endpoints = self.state.directory.endpoints.values().enumerate();
                let fitting = endpoints.filter(|(_, endpoint)| channels.contains(&endpoint.kind.channel()));
                self.over(fitting.map(|(place, _)| place))
            }),
            Rule::Kinds(pick) => picked(pick, |values| classes(self.state.classes.of_kinds(&kinds(values)))),
            Rule::Contacts(pick) => picked(pick, |ids| {
                // Without those that are hidden, for a conversation does not match by them: nor shall it take time.
                let numbers = ids.iter().filter_map(|id| self.state.contacts.number(id));
                match ascending(numbers.filter(|number| self.finds(*number)).collect()) {
                    none if none.is_empty() => Node::Const(false),
                    named => Node::Contacts(named),
                }
            }),
            Rule::ContactCategories(pick) => picked(pick, |values| Node::Categories(kinds(values))),
            Rule::Invitations(pick) => picked(pick, |values| Node::Invitations(kinds(values))),
            Rule::Unread => Node::Unread,
            Rule::Starred => Node::Starred,
            Rule::ActiveSince(time) => Node::Since(time.as_millis()),
            Rule::ActiveBefore(time) => Node::Before(time.as_millis()),
        }
    }

    fn tags(&self, set: &TagSet, any: fn(Wanted) -> Node, all: fn(Wanted) -> Node) -> Node {
        let known = |tags: &[crate::model::Tag]| -> Wanted {
            tags.iter().filter_map(|tag| self.state.tags.get_index_of(tag)).map(|number| number as u32).collect()
        };
        let any_of = |tags: &[crate::model::Tag]| match known(tags) {
            tags if tags.is_empty() => Node::Const(false),
            tags => any(ascending(tags)),
        };
        match set {
            TagSet::Any(tags) => any_of(tags),
            TagSet::None(tags) => Node::not(any_of(tags)),
            TagSet::All(tags) => match known(tags) {
                found if found.len() < tags.len() => Node::Const(false),
                found if found.is_empty() => Node::Const(true),
                found => all(ascending(found)),
            },
        }
    }

    fn assignees(&self, picks: &[AssigneePick]) -> Node {
        let me = self.state.people.id(self.viewer);
        let mut found = Assignees::default();
        let mut name = |member: &Member| found.named.extend(self.state.assignments.number(member));
        for pick in picks {
            match pick {
                AssigneePick::Team(id) => name(&Member::Team(id.clone())),
                AssigneePick::Teammate(id) => name(&Member::Teammate(id.clone())),
                AssigneePick::Me => me.into_iter().for_each(|id| name(&Member::Teammate(id.clone()))),
                AssigneePick::MyTeams | AssigneePick::Nobody | AssigneePick::Anyone => {}
            }
        }
        if picks.contains(&AssigneePick::MyTeams) {
            let teams = self.state.people.teams(self.viewer).iter();
            teams.for_each(|team| name(&Member::Team(team.clone())));
        }
        found.named = ascending(found.named);
        found.nobody = picks.contains(&AssigneePick::Nobody);
        found.anyone = picks.contains(&AssigneePick::Anyone);
        match (found.nobody, found.anyone, found.named.is_empty()) {
            (true, true, _) => Node::Const(true),
            (false, false, true) => Node::Const(false),
            _ => Node::Assignee(found),
        }
    }

    /// The classes over endpoints at some places of the directory.
    fn over(&self, places: impl Iterator<Item = usize>) -> Node {
        let places = ascending(places.map(|place| place as u32).collect());
        classes(self.state.classes.over(&places))
    }

    /// Whether a conversation that the viewer sees matches.
    pub(super) fn matches(&self, node: &Node, row: u32) -> bool {
        let state = self.state;
        match node {
            Node::Const(value) => *value,
            Node::All(nodes) => nodes.iter().all(|node| self.matches(node, row)),
            Node::Any(nodes) => nodes.iter().any(|node| self.matches(node, row)),
            Node::Not(node) => !self.matches(node, row),
            Node::AnyConversationTag(tags) => state.details.tags(row).any(|tag| is_among(tags, tag)),
            // A row has each of its tags once.
            Node::AllConversationTags(tags) => {
                let own = state.details.tags(row);
                own.len() >= tags.len() && own.filter(|tag| is_among(tags, *tag)).count() == tags.len()
            }
            Node::Assignee(assignees) => match state.assignments.number_of_row(row) {
                None => assignees.nobody,
                Some(number) => assignees.anyone || is_among(&assignees.named, number),
            },
            Node::Classes(classes) => classes.contains(state.class.get(row)),
            Node::Unread => !state.is_read(row, self.viewer),
            Node::Starred => state.is_starred(row, self.viewer),
            Node::Since(time) => state.details.at(row) >= *time,
            Node::Before(time) => state.details.at(row) < *time,
            Node::Often(often) => match often.fitting(self) {
                Some(fitting) => state.details.contacts(row).any(|one| fitting.contains(one)),
                None => self.matches(&often.leaf, row),
            },
            leaf => self
                .any_contact_matches(leaf, |fits| state.details.contacts(row).any(|one| self.finds(one) && fits(one))),
        }
    }

    /// Whether a contact that the viewer finds matches.
    pub(super) fn matches_contact(&self, node: &Node, contact: u32) -> bool {
        match node {
            Node::Const(value) => *value,
            Node::All(nodes) => nodes.iter().all(|node| self.matches_contact(node, contact)),
            Node::Any(nodes) => nodes.iter().any(|node| self.matches_contact(node, contact)),
            Node::Not(node) => !self.matches_contact(node, contact),
            leaf => self.any_contact_matches(leaf, |fits| fits(contact)),
        }
    }

    /// A leaf over contacts; `any` says whether any of them, each one that the viewer finds, fits.
    fn any_contact_matches(&self, leaf: &Node, any: impl Fn(&dyn Fn(u32) -> bool) -> bool) -> bool {
        let contacts = &self.state.contacts;
        match leaf {
            Node::AnyContactTag(tags) => any(&|one| contacts.tags(one).any(|tag| is_among(tags, tag))),
            // A few at a time, for there may be thousands, of the rule as of the contacts.
            Node::AllContactTags(tags) => tags.chunks(64).all(|some| {
                let missing = Cell::new(u64::MAX >> (64 - some.len()));
                let find =
                    |tag| some.binary_search(&tag).into_iter().for_each(|at| missing.set(missing.get() & !(1 << at)));
                any(&|one| {
                    contacts.tags(one).for_each(find);
                    missing.get() == 0
                })
            }),
            Node::Contacts(named) => any(&|one| is_among(named, one)),
            Node::Often(often) => self.any_contact_matches(&often.leaf, any),
            Node::Categories(categories) => any(&|one| categories.contains(&contacts.category(one))),
            Node::Invitations(invitations) => any(&|one| invitations.contains(&contacts.invitation(one))),
            // Every other leaf is about the conversation and handled by `matches`; a contact list has none.
            _ => false,
        }
    }

    /// What of a block matches for certain, and what may match.
    pub(super) fn bounds(&self, node: &Node, asked: Asked<'_>) -> (Mask, Mask) {
        let Asked { block, attributes, .. } = asked;
        let exact = |mask: Mask| (mask, mask);
        match node {
            Node::Const(value) => exact(if *value { ALL_SLOTS } else { NO_SLOTS }),
            Node::All(nodes) => nodes.iter().fold(exact(ALL_SLOTS), |bounds, node| {
                let (certain, possible) = self.bounds(node, asked.within(|slots| and(slots, &bounds.1)));
                (and(&bounds.0, &certain), and(&bounds.1, &possible))
            }),
            Node::Any(nodes) => nodes.iter().fold(exact(NO_SLOTS), |bounds, node| {
                let (certain, possible) = self.bounds(node, asked.within(|slots| and_not(slots, &bounds.0)));
                (or(&bounds.0, &certain), or(&bounds.1, &possible))
            }),
            Node::Not(node) => {
                let (certain, possible) = self.bounds(node, asked);
                (and_not(&ALL_SLOTS, &possible), and_not(&ALL_SLOTS, &certain))
            }
            Node::AnyContactTag(tags) => {
                self.among_found(any_of(&attributes.group.contact_tags, tags, |leaf| attributes.part(leaf)), asked)
            }
            Node::AllContactTags(tags) => {
                self.among_found(all_of(&attributes.group.contact_tags, tags, attributes), asked)
            }
            Node::AnyConversationTag(tags) => {
                exact(any_of(&attributes.group.conversation_tags, tags, |leaf| attributes.part(leaf)))
            }
            Node::AllConversationTags(tags) => exact(all_of(&attributes.group.conversation_tags, tags, attributes)),
            Node::Assignee(assignees) => assigned(assignees, attributes),
            Node::Classes(classes) => exact(of_classes(classes, attributes)),
            Node::Unread => exact(and_not(&ALL_SLOTS, attributes.part(attributes.group.reads().get(self.viewer)))),
            Node::Since(time) => exact(self.since(*time, block)),
            Node::Before(time) => exact(and_not(&ALL_SLOTS, &self.since(*time, block))),
            Node::Often(often) => self.bounds(&often.leaf, asked),
            Node::Contacts(_) | Node::Categories(_) | Node::Invitations(_) => match asked.contacts_within {
                None => (NO_SLOTS, ALL_SLOTS),
                Some(slots) => {
                    self.by_contact(&slots, attributes, |one| self.any_contact_matches(node, |fits| fits(one)))
                }
            },
            Node::Starred => (NO_SLOTS, ALL_SLOTS),
        }
    }

    /// A mask over contact tags is certain where every contact is one that the viewer finds, or the only one is.
    fn among_found(&self, mask: Mask, asked: Asked<'_>) -> (Mask, Mask) {
        if self.finds.is_everything() {
            return (mask, mask);
        }
        let restricted = asked.attributes.part(&asked.attributes.group.restricted);
        let open = and_not(&mask, restricted);
        match asked.contacts_within {
            None => (open, mask),
            Some(slots) => {
                let doubtful = and(&slots, &and(&mask, restricted));
                let (certain, possible) = self.by_contact(&doubtful, asked.attributes, |_| true);
                (or(&open, &certain), or(&open, &possible))
            }
        }
    }

    /// Of some slots those whose only contact the viewer finds, and it fits; and these and those with several contacts.
    fn by_contact(&self, of: &Mask, attributes: Attributes<'_>, fits: impl Fn(u32) -> bool) -> (Mask, Mask) {
        let (mut certain, mut possible) = (NO_SLOTS, NO_SLOTS);
        for at in ones(of) {
            count_rows(1);
            match attributes.contact(at) {
                NOBODY => {}
                SEVERAL => set(&mut possible, at),
                contact if self.finds(contact) && fits(contact) => set(&mut certain, at),
                _ => {}
            }
        }
        (certain, or(&certain, &possible))
    }

    /// The slots behind those of a block that are older: rows are in order of activity.
    fn since(&self, time: i64, block: &Block) -> Mask {
        block.slots_behind(|row| {
            count_rows(1);
            self.state.details.at(row) < time
        })
    }

    /// Whether it is asked of contacts what masks do not tell.
    pub(super) fn asks_contacts(&self, node: &Node) -> bool {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(|node| self.asks_contacts(node)),
            Node::Not(node) => self.asks_contacts(node),
            Node::AnyContactTag(_) | Node::AllContactTags(_) => !self.finds.is_everything(),
            Node::Contacts(_) | Node::Categories(_) | Node::Invitations(_) => true,
            _ => false,
        }
    }

    /// Whether masks alone tell what matches.
    pub(super) fn is_exact(&self, node: &Node) -> bool {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().all(|node| self.is_exact(node)),
            Node::Not(node) => self.is_exact(node),
            Node::AnyContactTag(_) | Node::AllContactTags(_) => self.finds.is_everything(),
            Node::Assignee(assignees) => assignees.anyone || assignees.named.is_empty(),
            Node::Const(_)
            | Node::AnyConversationTag(_)
            | Node::AllConversationTags(_)
            | Node::Classes(_)
            | Node::Unread
            | Node::Since(_)
            | Node::Before(_) => true,
            _ => false,
        }
    }
}

impl Node {
    /// How many of its leaves look at the tags of contacts, which are all over memory.
    pub(super) fn tag_looks(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(Self::tag_looks).sum(),
            Self::Not(node) => node.tag_looks(),
            Self::AnyContactTag(_) => 1,
            _ => 0,
        }
    }

    /// How many of these are asked of every conversation, those behind what mostly does not match left out.
    pub(super) fn first_tag_looks(&self) -> usize {
        match self {
            Self::All(nodes) => nodes.first().map_or(0, Self::first_tag_looks),
            node => node.tag_looks(),
        }
    }

    /// The same rule, to be asked of many conversations.
    pub(super) fn often(&self) -> Self {
        let all = |nodes: &[Self]| nodes.iter().map(Self::often).collect();
        match self {
            Self::All(nodes) => Self::All(all(nodes)),
            Self::Any(nodes) => Self::Any(all(nodes)),
            Self::Not(node) => Self::Not(Box::new(node.often())),
            Self::AnyContactTag(_) => Self::Often(Arc::new(Often::new(self.clone()))),
            node => node.clone(),
        }
    }

    /// What all of some rules match; those behind one that nothing matches are not asked for.
    pub(super) fn all(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Joined::default();
        for node in nodes {
            match node {
                Self::Const(true) => {}
                Self::Const(false) => return node,
                Self::All(inner) => inner.into_iter().for_each(|node| joined.add(node, Bits::intersect)),
                node => joined.add(node, Bits::intersect),
            }
        }
        joined.made(Self::Const(true), Self::All)
    }

    /// What any of some rules matches; those behind one that everything matches are not asked for.
    fn any(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Joined::default();
        for node in nodes {
            match node {
                Self::Const(false) => {}
                Self::Const(true) => return node,
                Self::Any(inner) => inner.into_iter().for_each(|node| joined.add(node, Bits::union)),
                node => joined.add(node, Bits::union),
            }
        }
        joined.made(Self::Const(false), Self::Any)
    }

    pub(super) fn not(node: Self) -> Self {
        match node {
            Self::Const(value) => Self::Const(!value),
            Self::Not(inner) => *inner,
            Self::Since(time) => Self::Before(time),
            Self::Before(time) => Self::Since(time),
            node => Self::Not(Box::new(node)),
        }
    }
}

/// A leaf over the tags of contacts. Each conversation has others, all over memory: once so many have been asked for
/// theirs, all contacts are, in their order in memory.
#[derive(Debug)]
pub(super) struct Often {
    leaf: Node,
    asked: AtomicUsize,
    fitting: OnceLock<Bits>,
}

impl Often {
    fn new(leaf: Node) -> Self {
        Self { leaf, asked: AtomicUsize::new(0), fitting: OnceLock::new() }
    }

    /// How many looks at contacts a glance at all of them is worth.
    pub(super) fn enough(view: &View<'_>) -> usize {
        view.state.contacts.count().div_ceil(GLANCES)
    }

    /// The contacts that the viewer finds and the leaf asks for, if it has been asked often enough.
    fn fitting(&self, view: &View<'_>) -> Option<&Bits> {
        if let Some(fitting) = self.fitting.get() {
            return Some(fitting);
        }
        // One thread asks; were there more, a count that is lost would do no harm.
        let asked = self.asked.load(Ordering::Relaxed) + 1;
        self.asked.store(asked, Ordering::Relaxed);
        (asked > Self::enough(view)).then(|| self.fitting.get_or_init(|| self.find(view)))
    }

    #[cold]
    fn find(&self, view: &View<'_>) -> Bits {
        count_rows(Self::enough(view));
        let fits = |one: &u32| view.finds(*one) && view.any_contact_matches(&self.leaf, |fits| fits(*one));
        view.state.contacts.numbers().filter(fits).collect()
    }
}

/// Rules that are joined to one. What is settled by the class is one set, however many leaves speak of it: each would
/// hold a bit for every class.
#[derive(Default)]
struct Joined {
    classes: Option<Box<Bits>>,
    others: Vec<Node>,
}

impl Joined {
    fn add(&mut self, node: Node, join: fn(&mut Bits, &Bits)) {
        match (node, &mut self.classes) {
            (Node::Classes(more), Some(classes)) => join(classes, &more),
            (Node::Classes(first), none) => *none = Some(first),
            (node, _) => self.others.push(node),
        }
    }

    fn made(mut self, of_none: Node, of_many: fn(Vec<Node>) -> Node) -> Node {
        self.others.extend(self.classes.map(Node::Classes));
        match self.others.len() {
            0 => of_none,
            1 => self.others.remove(0),
            _ => of_many(self.others),
        }
    }
}

/// Numbers in ascending order, each once: a rule may repeat what it names, and everything looked at would pay for that.
fn ascending(mut numbers: Wanted) -> Wanted {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether a number is among ascending ones.
fn is_among(numbers: &[u32], number: u32) -> bool {
    numbers.binary_search(&number).is_ok()
}

/// Each of some values once, of which there are few kinds.
fn kinds<T: Copy + PartialEq>(values: &[T]) -> SmallVec<[T; 4]> {
    let mut kinds = SmallVec::new();
    for value in values {
        if !kinds.contains(value) {
            kinds.push(*value);
        }
    }
    kinds
}

fn classes(classes: Bits) -> Node {
    Node::Classes(Box::new(classes))
}

/// `any` of the values as the leaf says, or `none` as its opposite.
fn picked<T>(pick: &Pick<T>, any: impl Fn(&[T]) -> Node) -> Node {
    match pick {
        Pick::Any(values) if values.is_empty() => Node::Const(false),
        Pick::None(values) if values.is_empty() => Node::Const(true),
        Pick::Any(values) => any(values),
        Pick::None(values) => Node::not(any(values)),
    }
}

/// The slots that have any of some tags; `part` says of which part of a group.
#[inline(always)]
pub(super) fn any_of<'l, const N: usize>(
    leaves: &'l Leaves,
    numbers: &[u32],
    part: impl Fn(&'l Leaf) -> &'l [u64; N],
) -> [u64; N] {
    numbers.iter().fold([0; N], |mask, number| or(&mask, part(leaves.get(*number))))
}

fn all_of(leaves: &Leaves, numbers: &[u32], attributes: Attributes<'_>) -> Mask {
    numbers.iter().fold(ALL_SLOTS, |mask, number| and(&mask, attributes.part(leaves.get(*number))))
}

fn assigned(assignees: &Assignees, attributes: Attributes<'_>) -> (Mask, Mask) {
    let unassigned = attributes.part(&attributes.group.unassigned);
    let assigned = and_not(&ALL_SLOTS, unassigned);
    let certain = match (assignees.nobody, assignees.anyone) {
        (true, true) => ALL_SLOTS,
        (true, false) => *unassigned,
        (false, true) => assigned,
        (false, false) => NO_SLOTS,
    };
    match assignees.named.is_empty() {
        true => (certain, certain),
        false => (certain, or(&certain, &assigned)),
    }
}

fn of_classes(classes: &Bits, attributes: Attributes<'_>) -> Mask {
    let mut mask = NO_SLOTS;
    for (at, class) in attributes.classes().iter().enumerate() {
        if classes.contains(*class) {
            set(&mut mask, at as u32);
        }
    }
    mask
}
