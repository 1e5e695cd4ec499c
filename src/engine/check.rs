//! The engine's own check of everything that it keeps twice, for tests and fuzzing.

#![expect(clippy::indexing_slicing, reason = "numbers made here stay in range, which `check` verifies on long walks")]

use super::access::Class;
use super::bits::ones;
use super::counts::Counts;
use super::short::Numbers;
use super::spine::{Spine, is_set, split};
use super::state::{Marks, Slot, State, only_of};
use crate::model::TeammateId;
use crate::policy::access;

/// Refuses a state in which two parts disagree; says which.
type Checked = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

fn is_ascending(marks: &Marks) -> bool {
    marks.is_sorted_by(|one, two| one < two)
}

impl State {
    /// Verifies the invariants that the head of this module's siblings name. O(size of the facts).
    pub(super) fn check(&self) -> Checked {
        self.check_spine(&self.open.spine, Slot::Open)?;
        self.check_spine(&self.history, Slot::Archived)?;
        let rows: Vec<u32> = self.rows().collect();
        ensure(rows.len() == self.count, || format!("{} rows, counted {}", rows.len(), self.count))?;
        let indexed = (self.index.len(), self.ids.len() - self.free.len());
        ensure(indexed == (self.count, self.count), || "index or free rows".to_owned())?;
        let open = rows.iter().filter(|row| !self.is_archived(**row));
        self.contacts.check(open.map(|row| self.details.contacts(*row).len()).sum())?;
        ensure(self.open.spine.len() + self.history.len() == self.count, || "spines hold other rows".to_owned())?;
        rows.iter().try_for_each(|row| self.check_row(*row))?;
        self.check_people()?;
        self.check_classes()?;
        self.check_contact_classes()
    }

    fn check_spine(&self, spine: &Spine, slot: fn(u32) -> Slot) -> Checked {
        let mut previous = None;
        for number in spine.order() {
            let block = spine.block(*number);
            ensure(block.first().is_some(), || format!("block {number} is empty"))?;
            ensure(spine.is_sound(*number), || format!("block {number} has other rows than it counts"))?;
            for at in ones(&block.live) {
                let row = block.rows()[at as usize];
                let expected = slot(number * super::spine::BLOCK as u32 + at);
                ensure(self.slot_of(row) == expected, || format!("row {row} is not at its slot"))?;
                let in_order = previous.is_none_or(|previous| self.compare(previous, row).is_lt());
                ensure(in_order, || format!("row {row} is out of order"))?;
                previous = Some(row);
            }
        }
        Ok(())
    }

    fn check_row(&self, row: u32) -> Checked {
        let found = self.id(row).and_then(|id| self.row(id));
        ensure(found == Some(row), || format!("row {row} is not found by its id"))?;
        let class = self.class_of(row);
        ensure(class.rows.iter().any(|other| other == row), || format!("row {row} is not in its class"))?;
        let assigned = self.assignments.number_of_row(row);
        let listed = assigned.is_none_or(|number| self.assignments.rows(number).any(|other| other == row));
        ensure(listed, || format!("row {row} is not in its assignee's list"))?;
        match self.slot_of(row) {
            Slot::Open(slot) => self.check_open_row(row, slot, class),
            Slot::Archived(_) => {
                ensure(is_ascending(&self.archived_reads.get(row)), || format!("row {row}: read marks"))
            }
        }
    }

    fn check_open_row(&self, row: u32, slot: u32, class: &Class) -> Checked {
        ensure(self.archived_reads.get(row).is_empty(), || format!("row {row} has read marks of archived ones"))?;
        let (block, at) = split(slot);
        let attributes = self.open.attributes(block);
        let same_class = attributes.classes().get(at as usize) == Some(&self.class.get(row));
        ensure(same_class, || format!("row {row} has another class in its block"))?;
        let same_contact = attributes.contact(at) == only_of(self.details.contacts(row));
        ensure(same_contact, || format!("row {row} has another contact in its block"))?;
        ensure(class.open.iter().any(|other| other == slot), || format!("row {row} is not in its open set"))?;
        let assigned = self.assignments.number_of_row(row).is_some();
        ensure(is_set(attributes.part(&attributes.group.unassigned), at) != assigned, || {
            format!("row {row}: assignment mask")
        })?;
        let contacts: Numbers = self.details.contacts(row).collect();
        let restricted = contacts.iter().any(|contact| self.contacts.is_restricted(*contact));
        ensure(is_set(attributes.part(&attributes.group.restricted), at) == restricted, || {
            format!("row {row}: restricted mask")
        })?;
        ensure(is_set(self.open.settled_in(block), at) == class.open.is_many(), || {
            format!("row {row}: mask of classes with leaves")
        })?;
        if let Some(number) = self.assignments.number_of_row(row) {
            let mut entries = self.assignments.newest_first_from(number, |_| false);
            let follows = entries.any(|one| (one.row, one.slot, one.class) == (row, slot, self.class.get(row)));
            ensure(follows, || format!("row {row} has another slot in its assignee's list"))?;
        }
        for contact in &contacts {
            let listed = self.contacts.open_rows(*contact).any(|other| other == row);
            ensure(listed, || format!("row {row} is not listed at its contact"))?;
        }
        for tag in 0..self.tags.len() as u32 {
            let own = self.details.tags(row).any(|other| other == tag);
            ensure(is_set(attributes.part(attributes.group.conversation_tags.get(tag)), at) == own, || {
                format!("row {row}: tag {tag}")
            })?;
            let theirs = contacts.iter().any(|contact| self.contacts.tags(*contact).any(|other| other == tag));
            ensure(is_set(attributes.part(attributes.group.contact_tags.get(tag)), at) == theirs, || {
                format!("row {row}: contact tag {tag}")
            })?;
        }
        Ok(())
    }

    fn check_people(&self) -> Checked {
        let ids = self.directory.teammates.keys();
        let is_found = |(place, id): (usize, &TeammateId)| {
            let number = self.people.number(id);
            number.is_some() && self.people.number_at(place) == number
        };
        ensure(ids.enumerate().all(is_found), || "teammates have other places".to_owned())
    }

    fn check_classes(&self) -> Checked {
        let mut rows = 0;
        let mut open = 0;
        for (number, class) in self.classes.iter() {
            rows += class.rows.len();
            open += class.open.len();
            ensure(self.classes.many().contains(number) == class.open.is_many(), || format!("class {number}: leaves"))?;
            let has_open = self.classes.open().contains(number);
            ensure(has_open == (class.open.len() > 0), || format!("class {number}: open ones"))?;
            let teammates = self.directory.teammates.values();
            let seers = teammates
                .filter(|one| !class.rows.is_empty() && access::sees(&self.directory, class.head(None, false), one));
            let expected: Vec<u32> = seers.filter_map(|one| self.people.number(&one.id)).collect();
            ensure(expected[..] == class.audience[..], || format!("class {number}: audience"))?;
            self.check_column(number, &expected, self.classes.matrix(), "class")?;
            let is_found = self.classes.find(class.head(None, false)) == Some(number);
            ensure(class.rows.is_empty() || is_found, || format!("class {number} is not found by its key"))?;
            self.check_archived_reads(number, class)?;
        }
        ensure(self.classes.is_sound(&self.directory), || {
            "classes: keys, free numbers, kinds or endpoints".to_owned()
        })?;
        ensure(rows == self.count && open == self.open.spine.len(), || "classes hold other rows".to_owned())
    }

    fn check_archived_reads(&self, number: u32, class: &Class) -> Checked {
        let counted: Counts = class.rows.iter().map(|row| self.archived_reads.get(row)).collect();
        ensure(counted == class.archived_reads, || format!("class {number}: archived conversations that are read"))
    }

    fn check_contact_classes(&self) -> Checked {
        let used: std::collections::HashSet<u32> =
            self.contacts.numbers().map(|contact| self.contacts.class(contact)).collect();
        for (number, class) in self.contacts.classes.iter() {
            let is_used = used.contains(&number);
            let teammates = self.directory.teammates.values();
            let finders = teammates.filter(|one| is_used && access::finds(&self.directory, &class.members, one));
            let expected: Vec<u32> = finders.filter_map(|one| self.people.number(&one.id)).collect();
            ensure(expected[..] == class.audience[..], || format!("contact class {number}: audience"))?;
            self.check_column(number, &expected, self.contacts.classes.matrix(), "contact class")?;
            let is_found = self.contacts.classes.find(&class.members) == Some(number);
            ensure(!is_used || is_found, || format!("contact class {number} is not found by its members"))?;
        }
        let is_sound = self.contacts.classes.is_sound(self.contacts.numbers().count());
        ensure(is_sound, || "contact classes: keys, free numbers or counts".to_owned())
    }

    fn check_column(&self, class: u32, audience: &[u32], matrix: &super::bits::Matrix, what: &str) -> Checked {
        for viewer in 0..self.people.len() as u32 {
            let bit = super::bits::contains(matrix.row(viewer), class);
            ensure(bit == audience.contains(&viewer), || format!("{what} {class}: bit of viewer {viewer}"))?;
        }
        Ok(())
    }
}
