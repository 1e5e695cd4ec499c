//! Questions about everyone, answered by class: audience, preview, audit (SPEC 7.2, 7.4, 7.5).
//!
//! * Who sees a conversation is its class's audience, so that what changes for one conversation changes for all of
//!   its class, and is worked out once.
//! * A preview looks only at blocks that the changed copy does not share with the original, and at classes whose
//!   audience has changed; of classes that the two share it compares addresses.

use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashMap};

use super::access::People;
use super::bits::{Bits, contains};
use super::sparse::hasher;
use super::state::State;
use crate::change::{AccessChange, AccessEffect};
use crate::error::{Error, ErrorCode};
use crate::model::{Member, TeammateId, World};
use crate::policy::{self, Finding, FindingKind, Resource, Subject, access, assignee_finding};
use crate::work::{count_looks, count_rows};

/// Every teammate who sees a resource, in the organization's order.
pub(super) fn audience(state: &State, resource: Resource<'_>) -> Result<Vec<TeammateId>, Error> {
    let numbers = match resource {
        Resource::Conversation(id) => {
            let row = state.row(id).ok_or_else(|| Error::new(ErrorCode::UnknownConversation, id))?;
            &state.class_of(row).audience[..]
        }
        Resource::Contact(id) => {
            let contact = state.contacts.number(id).ok_or_else(|| Error::new(ErrorCode::UnknownContact, id))?;
            &state.contacts.classes.get(state.contacts.class(contact)).audience[..]
        }
        Resource::Endpoint(_) | Resource::Filter(_) => return policy::audience_in(state, resource),
    };
    Ok(ids(&state.people, numbers).cloned().collect())
}

/// Who sees a row, by number; `None` if it is no conversation's. Its class alone tells, for such a row has none: ids are
/// all over memory.
pub(super) fn audience_of(state: &State, row: u32) -> Option<Audience<'_>> {
    let class = state.classes.try_get(state.class.get(row))?;
    Some(Audience { people: &state.people, numbers: &class.audience })
}

/// Every teammate who sees one conversation, in the organization's order, borrowed from the engine.
#[derive(Clone, Copy)]
pub struct Audience<'e> {
    people: &'e People,
    numbers: &'e [u32],
}

impl<'e> Audience<'e> {
    /// How many they are. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether nobody sees it. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Who they are. O(1) for each.
    pub fn iter(&self) -> impl Iterator<Item = &'e TeammateId> + use<'e> {
        ids(self.people, self.numbers)
    }

    /// Whether a teammate is among them; `false` for one who is unknown. O(log teammates).
    #[must_use]
    pub fn contains(&self, teammate: &TeammateId) -> bool {
        self.people.number(teammate).is_some_and(|number| self.numbers.binary_search(&number).is_ok())
    }
}

impl std::fmt::Debug for Audience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn ids<'p>(people: &'p People, numbers: &[u32]) -> impl Iterator<Item = &'p TeammateId> {
    numbers.iter().filter_map(|number| people.id(*number))
}

/// What has opened or closed between two states, the second made of the first by changes.
pub(super) fn compare(before: &State, after: &State) -> Vec<AccessChange> {
    let mut lines = Vec::new();
    compare_conversations(before, after, &mut lines);
    compare_contacts(before, after, &mut lines);
    lines.sort();
    lines
}

fn compare_conversations(before: &State, after: &State, lines: &mut Vec<AccessChange>) {
    let audience_before = |class: u32| &before.classes.get(class).audience[..];
    let audience_after = |class: u32| &after.classes.get(class).audience[..];
    let mut differences = Differences::new(before, after);
    let rewritten = pieces(before.ids.differing(&after.ids).chain(before.class.differing(&after.class)));
    let changed = before.classes.iter().filter(|(number, class)| {
        let now = audience_after(*number);
        !same_people(before, &class.audience, after, now)
    });
    let of_changed = changed.flat_map(|(_, class)| class.rows.iter()).filter(|row| !rewritten.contains(row / PIECE));
    let of_rewritten = rewritten.iter().flat_map(|piece| piece * PIECE..(piece + 1) * PIECE);
    for row in of_rewritten.chain(of_changed) {
        count_rows(1);
        let Some(id) = before.id(row) else {
            continue;
        };
        let Some(now) = same_place(row, id, |row| after.id(row), |id| after.row(id)) else {
            continue;
        };
        let pair = (before.class.get(row), after.class.get(now));
        let effects = differences.of(pair, audience_before(pair.0), audience_after(pair.1));
        lines.extend(effects.iter().map(|(viewer, effect)| AccessChange {
            viewer: viewer.clone(),
            subject: Subject::Conversation(id.clone()),
            effect: *effect,
        }));
    }
}

fn compare_contacts(before: &State, after: &State, lines: &mut Vec<AccessChange>) {
    let (old, new) = (&before.contacts, &after.contacts);
    let mut differences = Differences::new(before, after);
    let rewritten = pieces(old.differing(new));
    let changed = old.classes.iter().filter(|(number, class)| {
        let now = &new.classes.get(*number).audience;
        !same_people(before, &class.audience, after, now)
    });
    let changed: Bits = changed.map(|(number, _)| number).collect();
    // No list tells which contacts are of a class.
    let numbers = if changed.is_empty() { 0..0 } else { 0..u32::MAX };
    let is_changed = |number: &u32| changed.contains(old.class(*number)) && !rewritten.contains(number / PIECE);
    let of_changed = old.numbers_in(numbers).filter(is_changed);
    let of_rewritten = rewritten.iter().flat_map(|piece| old.numbers_in(piece * PIECE..(piece + 1) * PIECE));
    for number in of_rewritten.chain(of_changed) {
        count_rows(1);
        let Some(id) = old.id(number) else {
            continue;
        };
        let Some(now) = same_place(number, id, |number| new.id(number), |id| new.number(id)) else {
            continue;
        };
        let pair = (old.class(number), new.class(now));
        let effects = differences.of(pair, &old.classes.get(pair.0).audience, &new.classes.get(pair.1).audience);
        lines.extend(effects.iter().map(|(viewer, effect)| AccessChange {
            viewer: viewer.clone(),
            subject: Subject::Contact(id.clone()),
            effect: *effect,
        }));
    }
}

/// The number that an id has after changes, which is nearly always the one that it had before.
fn same_place<'s, Id: PartialEq + 's>(
    before: u32,
    id: &Id,
    id_at: impl Fn(u32) -> Option<&'s Id>,
    find: impl Fn(&Id) -> Option<u32>,
) -> Option<u32> {
    if id_at(before) == Some(id) { Some(before) } else { find(id) }
}

/// Rows per piece of what two states may differ in: a column's block.
const PIECE: u32 = super::column::BLOCK as u32;

/// The pieces of what two states may differ in.
fn pieces(differing: impl Iterator<Item = Range<u32>>) -> Bits {
    differing.map(|rows| rows.start / PIECE).collect()
}

fn same_people(before: &State, old: &[u32], after: &State, new: &[u32]) -> bool {
    // A number is nobody else's again, so that the same numbers are the same people; who has left and come back has another.
    if std::ptr::eq(old, new) || old == new {
        return true;
    }
    count_rows(old.len());
    old.len() == new.len() && ids(&before.people, old).eq(ids(&after.people, new))
}

/// Who gains and who loses between two audiences, worked out once for each pair of classes.
struct Differences<'s> {
    before: &'s State,
    after: &'s State,
    found: HashMap<(u32, u32), Vec<(TeammateId, AccessEffect)>, DefaultHashBuilder>,
}

impl<'s> Differences<'s> {
    fn new(before: &'s State, after: &'s State) -> Self {
        Self { before, after, found: HashMap::with_hasher(hasher()) }
    }

    fn of(&mut self, pair: (u32, u32), old: &[u32], new: &[u32]) -> &[(TeammateId, AccessEffect)] {
        let Self { before, after, found } = self;
        found.entry(pair).or_insert_with(|| {
            let numbers_after: Bits = new.iter().copied().collect();
            let numbers_before: Bits = old.iter().copied().collect();
            let saw = |id: &TeammateId| before.people.number(id).is_some_and(|number| numbers_before.contains(number));
            let sees = |id: &TeammateId| after.people.number(id).is_some_and(|number| numbers_after.contains(number));
            let lost = ids(&before.people, old).filter(|id| !sees(id)).map(|id| (id.clone(), AccessEffect::Lost));
            let gained = ids(&after.people, new).filter(|id| !saw(id)).map(|id| (id.clone(), AccessEffect::Gained));
            lost.chain(gained).collect()
        })
    }
}

/// Every doubtful state of the organization.
pub(super) fn audit(state: &State) -> Vec<Finding> {
    let directory = state.directory();
    let mut findings = policy::audit_directory(directory, |rule| {
        policy::leaf_names_missing(directory, rule, |id| state.contacts.number(id).is_some())
    });
    audit_audiences(state, &mut findings);
    audit_assignees(state, &mut findings);
    audit_contacts(state, &mut findings);
    findings.sort();
    findings
}

fn conversation_finding(state: &State, kind: FindingKind, row: u32) -> Option<Finding> {
    Some(Finding { kind, subject: Subject::Conversation(state.id(row)?.clone()) })
}

fn audit_audiences(state: &State, findings: &mut Vec<Finding>) {
    let deserted = state.classes.iter().filter(|(_, class)| class.audience.is_empty());
    let rows = deserted.flat_map(|(_, class)| class.rows.iter());
    findings.extend(rows.filter_map(|row| conversation_finding(state, FindingKind::ConversationWithoutAudience, row)));
}

/// What is wrong with an assignee is wrong with it for the whole class.
fn audit_assignees(state: &State, findings: &mut Vec<Finding>) {
    for (member, assigned) in state.assignments.open_lists() {
        let mut of_class: HashMap<u32, Option<FindingKind>, DefaultHashBuilder> = HashMap::with_hasher(hasher());
        for one in assigned {
            let find = || assignee_finding(state.directory(), member, || all_see(state, member, one.class));
            let found = *of_class.entry(one.class).or_insert_with(find);
            findings.extend(found.and_then(|kind| conversation_finding(state, kind, one.row)));
        }
    }
}

/// Whether every active teammate whom an assignee covers sees the conversations of a class.
fn all_see(state: &State, assignee: &Member, class: u32) -> bool {
    match assignee {
        // Thousands may have one each, of a line whose team would be gone through for each of them.
        Member::Teammate(id) => {
            state.people.number(id).is_some_and(|number| contains(state.classes.matrix().row(number), class))
        }
        _ => access::all_see(state.directory(), assignee, state.classes.get(class).head(None, false)),
    }
}

fn audit_contacts(state: &State, findings: &mut Vec<Finding>) {
    let contacts = &state.contacts;
    let doubtful: Bits = match state.directory().contact_membership {
        false => contacts.numbers().filter(|number| contacts.is_restricted(*number)).collect(),
        true => exposed(state),
    };
    let kind = match state.directory().contact_membership {
        false => FindingKind::ContactMembersNotEnforced,
        true => FindingKind::RestrictedContactExposed,
    };
    let ids = doubtful.iter().filter_map(|number| contacts.id(number));
    findings.extend(ids.map(|id| Finding { kind, subject: Subject::Contact(id.clone()) }));
}

/// The restricted contacts with a conversation that somebody sees who does not find them.
fn exposed(state: &State) -> Bits {
    let contacts = &state.contacts;
    let mut leaks: HashMap<(u32, u32), bool, DefaultHashBuilder> = HashMap::with_hasher(hasher());
    let (mut seers, mut finders) = (Crowds::default(), Crowds::default());
    let mut exposed = Bits::default();
    for row in state.rows() {
        let class = state.class.get(row);
        state.details.contacts(row).for_each(|contact| {
            if !contacts.is_restricted(contact) || exposed.contains(contact) {
                return;
            }
            let contact_class = contacts.class(contact);
            let leaks = leaks.entry((class, contact_class)).or_insert_with(|| {
                let see = &state.classes.get(class).audience[..];
                let find = &contacts.classes.get(contact_class).audience[..];
                // Most lines are open to more than a contact is, and each may be looked at once.
                see.len() > find.len()
                    || !seers.of(state, class, see).are_among(&finders.of(state, contact_class, find))
            });
            if *leaks {
                exposed.insert(contact);
            }
        });
    }
    exposed
}

/// Audiences of classes that are a good share of all, as bits, made once: each is compared with those of many others.
#[derive(Default)]
struct Crowds(HashMap<u32, Bits, DefaultHashBuilder>);

impl Crowds {
    fn of<'a>(&'a mut self, state: &State, class: u32, audience: &'a [u32]) -> Crowd<'a> {
        let are_many = audience.len() > state.people.len() / u32::BITS as usize;
        let make = || audience.iter().inspect(|_| count_looks(1)).copied().collect();
        let bits = are_many.then(|| &*self.0.entry(class).or_insert_with(make));
        Crowd { numbers: audience, bits }
    }
}

/// An audience, with a bit for everyone where that is less than its numbers.
struct Crowd<'a> {
    numbers: &'a [u32],
    bits: Option<&'a Bits>,
}

impl Crowd<'_> {
    fn contains(&self, number: u32) -> bool {
        match self.bits {
            None => self.numbers.binary_search(&number).is_ok(),
            Some(bits) => bits.contains(number),
        }
    }

    /// Whether all of them are among others. O(teammates / 32 × log teammates).
    fn are_among(&self, others: &Crowd<'_>) -> bool {
        if let (Some(bits), Some(others)) = (self.bits, others.bits) {
            count_rows(bits.words().len());
            return bits.is_within(others);
        }
        count_rows(self.numbers.len());
        self.numbers.iter().all(|number| others.contains(*number))
    }
}
