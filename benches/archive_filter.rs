//! What was there of some time, and what has a tag, among all that was ever archived?
//!
//! Data, seed and shares: `support`; three conversations have a tag that no other has. Rules over the newest of 10,000
//! conversations, over the oldest hundredth, over a common tag, the tag on three, and a contact tag that is asked for
//! with it, for archived ones or for all, for every viewer in turn: the newest 50, and the badge. Baseline: `policy`, at
//! S. Checked first for every fifth viewer.
//!
//! `cargo bench --bench archive_filter`

#![allow(clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::collections::HashSet;

use support::filters::{Asked, ask};
use support::{Shape, World, clinic, conversation_tag, general_tag, run};
use visibly::{ArchiveScope, ContactId, Rule, Tag, TagSet, Timestamp};

mod support;

const RARE: &str = "rare";

fn main() {
    let shape = Shape::asked();
    let mut facts = clinic(shape);
    let all = facts.conversations.len();
    [all / 7, all / 3, all / 2].into_iter().for_each(|at| facts.conversations[at].tags.push(RARE.into()));
    let mut times: Vec<Timestamp> = facts.conversations.iter().map(|found| found.last_activity).collect();
    times.sort_unstable();
    let (since, before) = (times[all - all / 10_000 - 1], times[all / 100]);
    let world = World::of(shape, facts);
    let newest =
        Asked::new(Rule::ActiveSince(since), ArchiveScope::Include, move |found, _| found.last_activity >= since);
    let oldest =
        Asked::new(Rule::ActiveBefore(before), ArchiveScope::Only, move |found, _| found.last_activity < before);
    run(|criterion| {
        ask(criterion, "archive_filter/newest", &world, &[newest]);
        ask(criterion, "archive_filter/oldest", &world, &[oldest]);
        ask(criterion, "archive_filter/common_tag", &world, &[tagged(conversation_tag(5))]);
        ask(criterion, "archive_filter/rare_tag", &world, &[tagged(RARE.into())]);
        ask(criterion, "archive_filter/rare_and_contact_tag", &world, &[both_tagged(&world)]);
    });
}

fn tagged(tag: Tag) -> Asked {
    let rule = Rule::ConversationTags(TagSet::any([tag.clone()]));
    Asked::new(rule, ArchiveScope::Include, move |found, _| found.tags.contains(&tag))
}

/// Of contacts with a common tag, and tagged themselves as few are.
fn both_tagged(world: &World) -> Asked {
    let of_contact = general_tag(3);
    let tagged = world.facts.contacts.iter().filter(|contact| contact.tags.contains(&of_contact));
    let tagged: HashSet<ContactId> = tagged.map(|contact| contact.id.clone()).collect();
    let rule = Rule::all([Rule::ContactTags(TagSet::any([of_contact])), Rule::ConversationTags(TagSet::any([RARE]))]);
    Asked::new(rule, ArchiveScope::Include, move |found, _| {
        found.tags.contains(&Tag::from(RARE)) && found.contacts.iter().any(|contact| tagged.contains(contact))
    })
}
