//! Which conversations does a contact take part in, and which have I starred?
//!
//! Data, seed and shares: `support`. A rule over the first contact of one of 16 conversations, for open ones and for all,
//! and a rule over stars, for every viewer in turn: the newest 50, and the badge. Baseline: `policy`, at S. Checked first
//! for every fifth viewer.
//!
//! `cargo bench --bench contact_filter`

use support::filters::{Asked, ask};
use support::{World, run};
use visibly::{ArchiveScope, ContactId, Pick, Rule};

mod support;

fn main() {
    let world = World::asked();
    let some = world.facts.conversations.iter().step_by(world.facts.conversations.len() / 16);
    let contacts: Vec<ContactId> = some.filter_map(|found| found.contacts.first().cloned()).collect();
    let of_contacts = |archived| contacts.iter().map(|contact| of_contact(contact, archived)).collect::<Vec<_>>();
    let starred = Asked::new(Rule::Starred, ArchiveScope::Exclude, |found, me| found.starred_by.contains(me));
    run(|criterion| {
        ask(criterion, "contact_filter/open", &world, &of_contacts(ArchiveScope::Exclude));
        ask(criterion, "contact_filter/all", &world, &of_contacts(ArchiveScope::Include));
        ask(criterion, "contact_filter/starred", &world, &[starred]);
    });
}

fn of_contact(contact: &ContactId, archived: ArchiveScope) -> Asked {
    let rule = Rule::Contacts(Pick::any([contact.clone()]));
    let contact = contact.clone();
    Asked::new(rule, archived, move |found, _| found.contacts.contains(&contact))
}
