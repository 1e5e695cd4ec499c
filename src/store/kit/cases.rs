//! The cases, each on an organization of its own.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::world::{at, script, world};
use super::{Fault, Kit, MUST_HOLD, Outcome, require};
use crate::engine::{Advancing, Engine, Revision};
use crate::model::{
    Change, Contact, Conversation, Dataset, Filter, MAX_RULE_DEPTH, Member, Organization, OrganizationId, PhoneNumber,
    Rule, Teammate, TeammateId,
};
use crate::store::journal::{Append, AppendError, CreateError, Entry, Journal, ReplayError, ReplicaId, SubmissionId};
use crate::store::replica::Replica;
use crate::store::source::{Batch, MAX_BATCH};
use crate::store::touched;

type Case<'a, J> = (&'static str, fn(&Kit<'a, J>) -> Outcome);

pub(super) fn all<'a, J: Journal>() -> Vec<Case<'a, J>> {
    vec![
        ("create", create),
        ("organizations apart", organizations_apart),
        ("order of facts", order_of_facts),
        ("order of changes", order_of_changes),
        ("changes of every kind", changes_of_every_kind),
        ("conflicts", conflicts),
        ("replay", replay),
        ("repeated submissions", repeated_submissions),
        ("stopping early", stopping_early),
        ("compaction", compaction),
        ("unicode", unicode),
        ("long ids", long_ids),
        ("deep rules", deep_rules),
        ("what cannot be held", what_cannot_be_held),
        ("failure midway", failure_midway),
        ("many writers", many_writers),
        ("readers beside writers", readers_beside_writers),
        ("100,000 conversations", a_hundred_thousand_conversations),
    ]
}

// What the cases share.

fn submission(number: u64) -> SubmissionId {
    SubmissionId { replica: ReplicaId::new(u128::MAX - 0x006b_6974), number }
}

/// Appends changes decided on `engine`, and carries them out there too.
fn append<J: Journal>(
    journal: &mut J,
    engine: &mut Engine,
    number: u64,
    changes: &[Change],
) -> Result<Revision, AppendError<Fault>> {
    append_as(journal, engine, submission(number), changes)
}

fn append_as<J: Journal>(
    journal: &mut J,
    engine: &mut Engine,
    submission: SubmissionId,
    changes: &[Change],
) -> Result<Revision, AppendError<Fault>> {
    let (mut after, mut touched) = (Advancing::from(engine), Vec::new());
    for change in changes {
        let altered = touched::apply(&mut after, change);
        touched.extend(altered.map_err(|error| AppendError::Store(Fault(format!("the kit's own change: {error}"))))?);
    }
    let revision =
        journal.append(&Append::new(engine, submission, changes, &touched)).map_err(|error| match error {
            AppendError::UnknownOrganization(id) => AppendError::UnknownOrganization(id),
            AppendError::Repeated(revision) => AppendError::Repeated(revision),
            AppendError::Conflict(revision) => AppendError::Conflict(revision),
            AppendError::Rejected(error) => AppendError::Rejected(error.into()),
            AppendError::Store(error) => AppendError::Store(error.into()),
        })?;
    *engine = after.arrive();
    Ok(revision)
}

impl From<AppendError<Fault>> for Fault {
    fn from(error: AppendError<Fault>) -> Self {
        match error {
            AppendError::Rejected(fault) | AppendError::Store(fault) => fault,
            AppendError::UnknownOrganization(id) => Self(format!("append answered: unknown organization `{id}`")),
            AppendError::Repeated(revision) => Self(format!("append answered: submitted before, at {revision}")),
            AppendError::Conflict(revision) => Self(format!("append answered: conflict, at {revision}")),
        }
    }
}

fn entries<J: Journal>(journal: &mut J, id: &OrganizationId, after: Revision) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    journal.replay(id, after, &mut |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    })?;
    Ok(entries)
}

/// What a handle that knows nothing makes of the organization.
fn stored<J: Journal>(kit: &Kit<'_, J>, id: &OrganizationId) -> Result<Engine, Fault> {
    Ok(Replica::open(kit.open(), id, ReplicaId::new(0))?.engine().clone())
}

fn sorted(engine: &Engine) -> Dataset {
    let mut dataset = engine.to_dataset();
    dataset.contacts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    dataset.conversations.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    dataset
}

/// Compares facts, without showing any.
fn same_facts(found: &Engine, expected: &Engine, when: &str) -> Outcome {
    require(found.revision() == expected.revision(), || {
        format!("{when}, the store is at revision {}, not {}", found.revision(), expected.revision())
    })?;
    let (found, expected) = (sorted(found), sorted(expected));
    let (of, to) = (&found.organization, &expected.organization);
    let different = |what: &str| format!("{when}, the {what} are not those that were stored");
    require(of.id == to.id && of.name == to.name, || different("id and name"))?;
    require(of.contact_membership == to.contact_membership, || different("settings"))?;
    require(of.teammates == to.teammates, || different("teammates"))?;
    require(of.teams == to.teams, || different("teams"))?;
    require(of.endpoints == to.endpoints, || different("endpoints"))?;
    require(found.filters == expected.filters, || different("filters"))?;
    require(found.contacts == expected.contacts, || different("contacts"))?;
    match found.conversations.iter().zip(&expected.conversations).find(|(found, expected)| found != expected) {
        Some((_, conversation)) => Err(Fault(different(&format!("facts of conversation `{}`", conversation.id)))),
        None => require(found.conversations.len() == expected.conversations.len(), || different("conversations")),
    }
}

fn is_at<J: Journal>(journal: &mut J, id: &OrganizationId, expected: u64) -> Outcome {
    let found = journal.revision(id)?;
    require(found == Some(at(expected)), || format!("the journal is at {found:?}, not at revision {expected}"))
}

fn created<J: Journal>(kit: &Kit<'_, J>, id: &str) -> Result<(J, Engine), Fault> {
    let engine = world(id)?;
    let mut journal = kit.open();
    journal.create(&engine)?;
    Ok((journal, engine))
}

// Cases.

fn create<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let id = OrganizationId::from("kit-create");
    let mut journal = kit.open();
    let unknown = journal.read(&id, &mut |_| ControlFlow::Continue(()))?;
    require(unknown.is_none() && journal.revision(&id)?.is_none(), || "an unknown organization was found".to_owned())?;
    let mut engine = world(id.as_str())?;
    let replayed = journal.replay(&id, at(0), &mut |_| ControlFlow::Continue(()));
    require(matches!(replayed, Err(ReplayError::UnknownOrganization(_))), || {
        "replay of an unknown organization did not say so".to_owned()
    })?;
    let appended = append(&mut journal, &mut engine.clone(), 0, &[Change::archive("visit")]);
    require(matches!(appended, Err(AppendError::UnknownOrganization(_))), || {
        "append to an unknown organization did not say so".to_owned()
    })?;
    journal.create(&engine)?;
    same_facts(&stored(kit, &id)?, &engine, "after create, through another handle")?;
    let again = journal.create(&engine);
    require(matches!(again, Err(CreateError::Exists(_))), || "create replaced an organization".to_owned())?;
    append(&mut journal, &mut engine, 0, &[Change::archive("visit")])?;
    require(journal.create(&world(id.as_str())?).is_err(), || "create replaced an organization".to_owned())?;
    same_facts(&stored(kit, &id)?, &engine, "after a second create")?;

    let later = OrganizationId::from("kit-create-later");
    let mut builder = Engine::builder(Organization::new(&later, "Elm"))?;
    builder.revision(at(7));
    let engine = builder.build();
    journal.create(&engine)?;
    is_at(&mut journal, &later, 7)?;
    same_facts(&stored(kit, &later)?, &engine, "created at revision 7")
}

fn organizations_apart<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut one) = created(kit, "kit-apart")?;
    let (_, other) = created(kit, "kit-Apart")?;
    append(&mut journal, &mut one, 0, &[Change::archive("visit")])?;
    append(&mut journal, &mut one, 1, &[Change::RemoveConversation { id: "visit".into() }])?;
    same_facts(&stored(kit, other.organization_id())?, &other, "after a change of another organization")?;
    // The same submission id is another submission in another organization.
    append(&mut journal, &mut other.clone(), 0, &[Change::archive("visit")])?;
    same_facts(&stored(kit, one.organization_id())?, &one, "after a change of another organization")
}

fn order_of_facts<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, engine) = created(kit, "kit-facts")?;
    let mut kinds = Vec::new();
    let mut filters = Vec::new();
    let revision = journal.read(engine.organization_id(), &mut |batch| {
        kinds.push(match &batch {
            Batch::Organization(_) => 0,
            Batch::Filters(_) => 1,
            Batch::Contacts(_) => 2,
            Batch::Conversations(_) => 3,
        });
        if let Batch::Filters(batch) = batch {
            filters.extend(batch);
        }
        ControlFlow::Continue(())
    })?;
    require(revision == Some(at(0)), || format!("read was of {revision:?}, not of revision 0"))?;
    require(kinds.is_sorted() && kinds.iter().filter(|kind| **kind == 0).count() == 1, || {
        "batches did not come as organization, filters, contacts, conversations".to_owned()
    })?;
    require(filters.iter().eq(engine.filters()), || "filters were not read in their order".to_owned())
}

fn order_of_changes<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-order")?;
    let id = engine.organization_id().clone();
    let mut expected = Vec::new();
    for number in 0..12_u64 {
        // Lists of one, two and three changes that do not commute.
        let tags = (0..=number % 3).map(|tag| Change::TagConversations {
            ids: vec!["visit".into()],
            add: vec![format!("{number}-{tag}").into()],
            remove: vec![format!("{}-0", number.wrapping_sub(2)).into()],
        });
        let changes: Vec<Change> = tags.collect();
        let revision = append(&mut journal, &mut engine, number, &changes)?;
        require(revision == engine.revision(), || format!("append answered {revision}, not {}", engine.revision()))?;
        is_at(&mut journal, &id, revision.get())?;
        expected.extend(changes.into_iter().map(|change| (submission(number), change)));
    }
    let found = entries(&mut kit.open(), &id, at(0))?;
    require(found.len() == expected.len(), || format!("{} changes were kept of {}", found.len(), expected.len()))?;
    for (place, (entry, (submission, change))) in found.iter().zip(&expected).enumerate() {
        let revision = at(0).after(place + 1);
        require(entry.revision == revision, || format!("change {place} came as revision {}", entry.revision))?;
        require(entry.submission == *submission, || format!("change {place} came with another submission id"))?;
        require(entry.change == *change, || format!("change {place} is not the one that was appended"))?;
    }
    same_facts(&stored(kit, &id)?, &engine, "after all changes")
}

fn changes_of_every_kind<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-kinds")?;
    let id = engine.organization_id().clone();
    for (number, changes) in (0..).zip(script()) {
        append(&mut journal, &mut engine, number, &changes)?;
        same_facts(&stored(kit, &id)?, &engine, &format!("after list {number} of changes"))?;
    }
    let expected: Vec<Change> = script().into_iter().flatten().collect();
    let found = entries(&mut journal, &id, at(0))?;
    require(found.into_iter().map(|entry| entry.change).eq(expected), || "the journal holds other changes".to_owned())
}

fn conflicts<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-conflicts")?;
    let id = engine.organization_id().clone();
    let mut stale = engine.clone();
    append(&mut journal, &mut engine, 0, &[Change::archive("visit"), Change::star("visit", "ben")])?;
    let mut early = engine.clone();
    early.apply(&Change::unarchive("visit"))?;
    for (which, decided_on) in [("an older", &mut stale), ("a later", &mut early)] {
        for changes in [vec![Change::star("chat", "ben")], vec![Change::star("chat", "ben"), Change::archive("chat")]] {
            match append(&mut kit.open(), decided_on, 1, &changes) {
                Err(AppendError::Conflict(current)) if current == at(2) => {}
                Err(AppendError::Conflict(current)) => {
                    return Err(Fault(format!("the conflict named revision {current}, not 2")));
                }
                Ok(_) => return Err(Fault(format!("changes decided on {which} revision were taken"))),
                Err(error) => return Err(error.into()),
            }
            is_at(&mut journal, &id, 2)?;
            same_facts(&stored(kit, &id)?, &engine, "after a conflict")?;
        }
    }
    append(&mut journal, &mut engine, 1, &[Change::star("chat", "ben")])?;
    same_facts(&stored(kit, &id)?, &engine, "after the conflict was settled")
}

fn replay<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-replay")?;
    let id = engine.organization_id().clone();
    let long = 2_500;
    let changes: Vec<Change> = (0..long).map(|time| Change::receive_message("visit", time)).collect();
    append(&mut journal, &mut engine, 0, &changes)?;
    append(&mut journal, &mut engine, 1, &[Change::archive("visit")])?;
    for after in [0, 1, 1_023, 1_024, 2_499, 2_500, 2_501] {
        let found = entries(&mut kit.open(), &id, at(after))?;
        let expected = (after + 1..=2_501).map(at);
        require(found.iter().map(|entry| entry.revision).eq(expected), || {
            format!("replay after {after} did not give every later revision, in order")
        })?;
    }
    match journal.replay(&id, at(2_502), &mut |_| ControlFlow::Continue(())) {
        Err(ReplayError::NotKept { current, .. }) if current == at(2_501) => Ok(()),
        _ => Err(Fault("replay after a revision yet to come was not refused with the current one".to_owned())),
    }
}

fn repeated_submissions<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-repeats")?;
    let id = engine.organization_id().clone();
    let mut before = engine.clone();
    let extremes = [(u128::MAX, u64::MAX >> 1), (0, 0), (1 << 127, 7)];
    let submissions = extremes.map(|(replica, number)| SubmissionId { replica: ReplicaId::new(replica), number });
    for (submission, revision) in submissions.into_iter().zip([2, 4, 6]) {
        require(journal.find(&id, submission)?.is_none(), || "a submission was found before it was made".to_owned())?;
        let changes = [Change::archive("visit"), Change::unarchive("visit")];
        append_as(&mut journal, &mut engine, submission, &changes)?;
        let found = kit.open().find(&id, submission)?;
        require(found == Some(at(revision)), || format!("a submission of revision {revision} was found at {found:?}"))?;
        for decided_on in [&mut before, &mut engine.clone()] {
            let again = append_as(&mut kit.open(), decided_on, submission, &changes);
            require(matches!(again, Err(AppendError::Repeated(of)) if of == at(revision)), || {
                "a submission that was there already was not answered with its revision".to_owned()
            })?;
        }
        is_at(&mut journal, &id, revision)?;
    }
    same_facts(&stored(kit, &id)?, &engine, "after repeated submissions")
}

fn stopping_early<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-stop")?;
    let id = engine.organization_id().clone();
    append(&mut journal, &mut engine, 0, &[Change::archive("visit"), Change::unarchive("visit")])?;
    let mut calls = 0;
    journal.read(&id, &mut |_| {
        calls += 1;
        ControlFlow::Break(())
    })?;
    require(calls == 1, || format!("after a break, reading went on for {} batches", calls - 1))?;
    let mut calls = 0;
    journal.replay(&id, at(0), &mut |_| {
        calls += 1;
        ControlFlow::Break(())
    })?;
    require(calls == 1, || format!("after a break, replay went on for {} entries", calls - 1))?;
    append(&mut journal, &mut engine, 1, &[Change::archive("visit")])?;
    same_facts(&stored(kit, &id)?, &engine, "after reading was stopped early")
}

fn compaction<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-compact")?;
    let id = engine.organization_id().clone();
    append(&mut journal, &mut engine, 0, &[Change::archive("visit"), Change::archive("chat")])?;
    let compacted = engine.clone();
    append(&mut journal, &mut engine, 1, &[Change::unarchive("visit"), Change::unarchive("chat")])?;
    let behind = Replica::open(kit.open(), &id, ReplicaId::new(0))?.revision();
    require(behind == at(4), || format!("a replica opened at {behind}, not at revision 4"))?;
    journal.compact(&compacted)?;
    same_facts(&stored(kit, &id)?, &engine, "after compaction")?;
    let refused = journal.replay(&id, at(1), &mut |_| ControlFlow::Continue(()));
    let oldest =
        matches!(refused, Err(ReplayError::NotKept { oldest, current }) if oldest == at(2) && current == at(4));
    require(oldest, || "replay of compacted entries was not refused with the revisions that are kept".to_owned())?;
    let kept = entries(&mut journal, &id, at(2))?.len();
    require(kept == 2, || format!("{kept} entries were kept of 2"))?;
    append(&mut journal, &mut engine, 2, &[Change::star("visit", "ben")])?;
    let whole = engine.clone();
    journal.compact(&whole)?;
    is_at(&mut journal, &id, 5)?;
    require(entries(&mut journal, &id, at(5))?.is_empty(), || "entries were left by a whole compaction".to_owned())?;
    // A replica that is behind would take silence for the news that nothing has changed.
    let refused = journal.replay(&id, at(4), &mut |_| ControlFlow::Continue(()));
    let none = matches!(refused, Err(ReplayError::NotKept { oldest, current }) if oldest == at(5) && current == at(5));
    require(none, || "replay of what is gone was not refused after a whole compaction".to_owned())?;
    append(&mut journal, &mut engine, 3, &[Change::star("chat", "ben")])?;
    is_at(&mut journal, &id, 6)?;
    same_facts(&stored(kit, &id)?, &engine, "after a whole compaction and one change")
}

/// Ids that compare equal under some collation, are padded, escaped or normalized somewhere, or sort otherwise.
fn unusual_texts() -> Vec<String> {
    let texts = [
        "a",
        "A",
        "a ",
        " a",
        "á",
        "a\u{301}",
        "ａ",
        "ß",
        "ss",
        "SS",
        "İ",
        "i̇",
        "ı",
        "ﬁ",
        "fi",
        "\u{feff}a",
        "a\u{200d}",
        "👩‍⚕️",
        "👩",
        "𝒜",
        "\u{10ffff}",
        "\u{e000}",
        "\u{ffff}",
        "%",
        "_",
        "'",
        "''",
        "\"",
        "\\",
        "\\n",
        "\n",
        "\r\n",
        "\t",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "NULL",
        "null",
        "0",
        "00",
        "1e3",
        "-- ",
        "/*",
        "$1",
        "?1",
        ":a",
        "{}",
        "[]",
        "organization",
        "שלום",
        "مرحبا",
        "नमस्ते",
    ];
    texts.map(str::to_owned).to_vec()
}

/// An organization in which everything that can be named has one of these texts as its id.
fn named(id: &str, texts: &[String]) -> Result<Engine, Fault> {
    let mut organization = Organization::new(id, "Names").teammate(Teammate::new("first", "First").admin());
    for text in texts {
        organization = organization
            .teammate(Teammate::new(text.as_str(), text.as_str()))
            .team(crate::model::Team::new(text.as_str(), text.as_str(), [text.as_str()]))
            .endpoint(
                PhoneNumber::new(text.as_str())
                    .value(text.as_str())
                    .label(text.as_str())
                    .owned_by(Member::team(text.as_str()))
                    .shared_with(Member::teammate(text.as_str())),
            );
    }
    let mut dataset = Dataset::new(organization);
    for text in texts {
        let id = text.as_str();
        let tag = format!("{id}.");
        dataset = dataset
            .contact(Contact::new(id).named(id).tag(tag.as_str()).members([Member::team(id), Member::teammate(id)]))
            .conversation(
                Conversation::patient(id, id, 1)
                    .contact(id)
                    .member(Member::team(id))
                    .assigned_to(Member::teammate(id))
                    .tag(tag.as_str())
                    .read_by(id)
                    .starred_by(id),
            )
            .filter(
                Filter::conversations(id, id, id, Rule::ConversationTags(crate::model::TagSet::None(vec![tag.into()])))
                    .shared_with(Member::team(id)),
            );
    }
    Ok(Engine::new(dataset)?)
}

fn hold_texts<J: Journal>(kit: &Kit<'_, J>, id: &str, texts: &[String]) -> Outcome {
    let mut engine = named(id, texts)?;
    let id = engine.organization_id().clone();
    let mut journal = kit.open();
    journal.create(&engine)?;
    same_facts(&stored(kit, &id)?, &engine, "after create")?;
    let changes: Vec<Change> = texts.iter().map(|text| Change::archive(text.as_str())).collect();
    append(&mut journal, &mut engine, 0, &changes)?;
    same_facts(&stored(kit, &id)?, &engine, "after changes")?;
    let found = entries(&mut journal, &id, at(0))?.into_iter().map(|entry| entry.change);
    require(found.eq(changes), || "the journal holds other changes".to_owned())
}

fn unicode<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    hold_texts(kit, "kit-ünï 👩‍⚕️ 'x' \\ %", &unusual_texts())
}

fn long_ids<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    // Four bytes each, and hard to compress; they differ in their last character alone.
    let noise = |last: u32| -> String {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_u32(0x2_0000 + (seed >> 8) % 0xa000).unwrap_or('x')
        };
        let mut text: String = (0..MUST_HOLD - 1).map(|_| next()).collect();
        text.extend(char::from_u32(0x2_0000 + last));
        text
    };
    let texts: Vec<String> = (0..5).map(noise).collect();
    // Tags get one more character.
    let shorter: Vec<String> = texts.iter().map(|text| text.chars().skip(1).collect()).collect();
    let organization: String = "kit-".chars().chain(noise(9).chars().skip(4)).collect();
    hold_texts(kit, &organization, &shorter)?;
    let (mut journal, mut engine) = created(kit, "kit-long")?;
    for (number, text) in (0..).zip(&texts) {
        let conversation = Conversation::patient(text.as_str(), "main", 1).tag(text.as_str());
        append(&mut journal, &mut engine, number, &[Change::StartConversation(conversation)])?;
    }
    same_facts(&stored(kit, engine.organization_id())?, &engine, "after changes")
}

fn deep_rules<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-deep")?;
    let rule = (1..MAX_RULE_DEPTH).fold(Rule::Unread, |rule, _| Rule::all([rule]));
    append(&mut journal, &mut engine, 0, &[Change::PutFilter(Filter::conversations("deep", "Deep", "ana", rule))])?;
    let found = entries(&mut journal, engine.organization_id(), at(0))?.len();
    require(found == 1, || format!("{found} entries were replayed of 1"))?;
    same_facts(&stored(kit, engine.organization_id())?, &engine, "with a rule as deep as allowed")
}

fn what_cannot_be_held<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-cannot")?;
    let huge = "x".repeat(100_000);
    let odd = [
        Change::AddContact(Contact::new("nul\0id")),
        Change::AddContact(Contact::new("nul-name").named("a\0b")),
        Change::AddContact(Contact::new("nul-tag").tag("a\0b")),
        Change::AddContact(Contact::new(huge.as_str())),
        Change::AddContact(Contact::new("huge-tag").tag(huge.as_str())),
    ];
    for (number, change) in (0..).zip(odd) {
        let changes = [Change::star("visit", "ben"), change, Change::Unstar { id: "visit".into(), by: "ana".into() }];
        whole_or_not(kit, &mut journal, &mut engine, number, &changes)?;
    }
    append(&mut journal, &mut engine, 100, &[Change::archive("chat")])?;
    same_facts(&stored(kit, engine.organization_id())?, &engine, "after what it may refuse")?;

    let mut odd = named("kit-cannot-create", &["nul\0id".to_owned(), "plain".to_owned()])?;
    let created = journal.create(&odd);
    let found = journal.revision(odd.organization_id())?;
    require(created.is_ok() == found.is_some(), || "create failed and left something, or left nothing".to_owned())?;
    if created.is_ok() {
        same_facts(&stored(kit, odd.organization_id())?, &odd, "after create with a U+0000")?;
        append(&mut journal, &mut odd, 0, &[Change::archive("nul\0id")])?;
        same_facts(&stored(kit, odd.organization_id())?, &odd, "after changes with a U+0000")?;
    }
    Ok(())
}

/// Appends through `journal`; whatever it answers, all of it is there or nothing. True if it is there.
fn whole_or_not<J: Journal>(
    kit: &Kit<'_, J>,
    journal: &mut J,
    engine: &mut Engine,
    number: u64,
    changes: &[Change],
) -> Result<bool, Fault> {
    let id = engine.organization_id().clone();
    let before = engine.clone();
    let answer = append(journal, engine, number, changes);
    let found = stored(kit, &id)?;
    match answer {
        Ok(_) => same_facts(&found, engine, "after an append that succeeded").map(|()| true),
        Err(AppendError::Store(_) | AppendError::Rejected(_)) if found.revision() == before.revision() => {
            same_facts(&found, &before, "after an append that failed")?;
            let left = entries(&mut kit.open(), &id, before.revision())?.len();
            require(left == 0, || format!("an append that failed left {left} entries"))?;
            let found = kit.open().find(&id, submission(number))?;
            require(found.is_none(), || "an append that failed left its submission".to_owned())?;
            Ok(false)
        }
        Err(AppendError::Store(_)) => {
            engine.apply_all(changes)?;
            same_facts(&found, engine, "after an append that failed too late").map(|()| true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether or not a compaction that fails has forgotten entries, no facts are lost, nor entries that it leaves.
fn compaction_midway<J: Journal>(kit: &Kit<'_, J>, failing: &(dyn Fn(u32) -> J + Sync)) -> Outcome {
    let (mut journal, mut engine) = created(kit, "kit-midway-compact")?;
    let id = engine.organization_id().clone();
    append(&mut journal, &mut engine, 0, &[Change::archive("visit"), Change::archive("chat")])?;
    let compacted = engine.clone();
    append(&mut journal, &mut engine, 1, &[Change::unarchive("visit"), Change::unarchive("chat")])?;
    let mut failures = 0;
    loop {
        let is_done = failing(failures).compact(&compacted).is_ok();
        let when = if is_done { "after a compaction that succeeded" } else { "after a compaction that failed" };
        same_facts(&stored(kit, &id)?, &engine, when)?;
        let mut kept = 0;
        let replayed = kit.open().replay(&id, at(0), &mut |_| {
            kept += 1;
            ControlFlow::Continue(())
        });
        match replayed {
            Ok(()) => require(kept == 4, || format!("{when}, {kept} entries were kept of 4"))?,
            Err(ReplayError::NotKept { oldest, .. }) if oldest == at(2) => {}
            Err(error) => return Err(error.into()),
        }
        let left = entries(&mut journal, &id, at(2))?.len();
        require(left == 2, || format!("{when}, {left} entries were left of 2"))?;
        if is_done {
            return Ok(());
        }
        failures += 1;
        require(failures < 10_000, || "a compaction failed midway 10,000 times".to_owned())?;
    }
}

/// Only for who gave [`Kit::failing`].
fn failure_midway<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    let Some(failing) = &kit.failing else {
        return Ok(());
    };
    let (_, mut engine) = created(kit, "kit-midway")?;
    let contact = Contact::new("late").tag("a").tag("b").members([Member::team("desk"), Member::teammate("ana")]);
    let start = Conversation::patient("late", "main", 5).contact("late").contact("abe").tag("a").tag("b");
    let changes = [Change::AddContact(contact), Change::StartConversation(start), Change::star("late", "ben")];
    let mut failures = 0;
    while !whole_or_not(kit, &mut failing(failures), &mut engine, 0, &changes)? {
        failures += 1;
        require(failures < 10_000, || "it failed midway 10,000 times".to_owned())?;
    }
    require(failures > 0, || "the handle that should fail midway never did".to_owned())?;

    let mut failures = 0;
    loop {
        let engine = world("kit-midway-create")?;
        match failing(failures).create(&engine) {
            Ok(()) => {
                same_facts(&stored(kit, engine.organization_id())?, &engine, "after create")?;
                return compaction_midway(kit, failing);
            }
            Err(CreateError::Exists(_)) => return Err(Fault("a create that failed left something".to_owned())),
            Err(CreateError::Store(_)) => failures += 1,
        }
        let left = kit.open().revision(engine.organization_id())?;
        require(left.is_none(), || "a create that failed left something".to_owned())?;
        require(failures < 10_000, || "it failed midway 10,000 times".to_owned())?;
    }
}

fn many_writers<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    const WRITERS: usize = 4;
    const CHANGES: usize = 25;
    let (mut journal, engine) = created(kit, "kit-writers")?;
    let id = engine.organization_id();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(kit, id, writer, CHANGES))).collect();
        writers.into_iter().try_for_each(|writer| {
            writer.join().unwrap_or_else(|_| Err(Fault("the store panicked in a writer".to_owned())))
        })
    })?;
    is_at(&mut journal, id, (WRITERS * CHANGES) as u64)?;
    let entries = entries(&mut journal, id, at(0))?;
    let mut replayed = engine.clone();
    for entry in &entries {
        replayed.apply(&entry.change)?;
    }
    same_facts(&stored(kit, id)?, &replayed, "after many writers")?;
    for writer in 0..WRITERS {
        let numbers = entries.iter().map(|entry| entry.submission).filter(|of| of.replica == replica(writer));
        require(numbers.map(|of| of.number).eq(0..CHANGES as u64), || {
            format!("writer {writer}'s changes are not all there once, in its order")
        })?;
    }
    Ok(())
}

fn replica(writer: usize) -> ReplicaId {
    ReplicaId::new(writer as u128 + 1)
}

fn write<J: Journal>(kit: &Kit<'_, J>, id: &OrganizationId, writer: usize, changes: usize) -> Outcome {
    let mut here = Replica::open(kit.open(), id, replica(writer))?;
    for number in 0..changes {
        let tag = format!("{writer}-{number}");
        let change =
            Change::TagConversations { ids: vec!["visit".into()], add: vec![tag.as_str().into()], remove: vec![] };
        let revision = here.submit(&TeammateId::from("ana"), &change)?;
        let own = here.at_least(revision)?.conversation(&"visit".into());
        require(own.is_some_and(|visit| visit.tags.iter().any(|other| other.as_str() == tag)), || {
            "a writer did not find its own change".to_owned()
        })?;
    }
    Ok(())
}

/// Three changes always come together, in three places; a reader finds all three or none, at their revision.
fn readers_beside_writers<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    const LISTS: u64 = 30;
    let (mut journal, mut engine) = created(kit, "kit-readers")?;
    let id = engine.organization_id().clone();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut handle = kit.open();
            while !done.load(Ordering::Relaxed) {
                is_one_revision(&Engine::load(&mut handle, &id)?)?;
            }
            is_one_revision(&Engine::load(&mut handle, &id)?)
        });
        let mut write = |number: u64| -> Outcome {
            let add = vec![format!("{number}").into()];
            let changes = [
                Change::TagContacts { ids: vec!["lab".into()], add: add.clone(), remove: vec![] },
                Change::TagConversations { ids: vec!["note".into()], add, remove: vec![] },
                Change::SetContactMembership(number % 2 == 1),
            ];
            append(&mut journal, &mut engine, number, &changes)?;
            Ok(())
        };
        let written = (0..LISTS).try_for_each(&mut write);
        done.store(true, Ordering::Relaxed);
        let read = reader.join().unwrap_or_else(|_| Err(Fault("the store panicked in a reader".to_owned())));
        written.and(read)
    })?;
    same_facts(&stored(kit, &id)?, &engine, "after reading beside a writer")
}

fn is_one_revision(seen: &Engine) -> Outcome {
    let tags = seen.contact(&"lab".into()).map_or(0, |contact| contact.tags.len());
    let same = seen.conversation(&"note".into()).map_or(0, |conversation| conversation.tags.len());
    let lists = seen.revision().get() / 3;
    let holds = seen.revision().get() == tags as u64 * 3
        && tags == same
        && seen.contact_membership() == lists.is_multiple_of(2);
    require(holds, || format!("a read beside a writer mixed revisions, near {}", seen.revision()))
}

fn a_hundred_thousand_conversations<J: Journal>(kit: &Kit<'_, J>) -> Outcome {
    const COUNT: usize = 100_000;
    let mut engine = crowd("kit-crowd", COUNT)?;
    let id = engine.organization_id().clone();
    let mut journal = kit.open();
    journal.create(&engine)?;
    let mut largest = 0;
    let mut found = 0;
    journal.read(&id, &mut |batch| {
        let (size, conversations) = match &batch {
            Batch::Organization(_) => (0, 0),
            Batch::Filters(filters) => (filters.len(), 0),
            Batch::Contacts(contacts) => (contacts.len(), 0),
            Batch::Conversations(conversations) => (conversations.len(), conversations.len()),
        };
        largest = largest.max(size);
        found += conversations;
        ControlFlow::Continue(())
    })?;
    require(found == COUNT, || format!("{found} conversations were read of {COUNT}"))?;
    require(largest <= MAX_BATCH, || format!("a batch held {largest} facts, more than {MAX_BATCH}"))?;
    append(&mut journal, &mut engine, 0, &[Change::archive("c77777"), Change::RemoveConversation { id: "c5".into() }])?;
    same_facts(&stored(kit, &id)?, &engine, "with 100,000 conversations")
}

fn crowd(id: &str, count: usize) -> Result<Engine, Fault> {
    let organization =
        Organization::new(id, "Crowd").teammate(Teammate::new("ana", "Ana").admin()).endpoint(PhoneNumber::new("main"));
    let mut builder = Engine::builder(organization)?;
    for number in 0..count / 10 {
        builder.contact(Contact::new(format!("p{number}")).named(format!("Patient {number}")).tag("seen"))?;
    }
    for number in 0..count {
        let conversation = Conversation::patient(format!("c{number}"), "main", number as i64 / 3)
            .contact(format!("p{}", number / 10))
            .tag(format!("t{}", number % 7));
        builder.conversation(conversation)?;
    }
    Ok(builder.build())
}
