//! An organization and what happens to it: the engine against the rules read aloud.

use visibly::{Change, Dataset, Engine, Error, Facts, Inbox, Page, PageRequest, TeammateId, Viewer, policy};

use crate::answers::{Asked, assert_same_answers_to, assert_same_lists, in_order};
use crate::bytes::{Bytes, Random, crowded};
use crate::worlds::{ACCESS_KINDS, EVERY_KIND, INBOX_KINDS, Ids, Kind, Questions, Scope, json};

/// Changes at most, so that no input takes long.
const MOST: usize = 256;
/// Numbers for one change.
const CHANGE: usize = 16;
/// How many conversations join where blocks shall be split and merged.
const CROWD: usize = 1_100;

/// Reads `bytes` as an organization and changes, and holds the engine against `policy`.
///
/// # Panics
/// If an outcome or an answer differs, or the engine's own check fails.
pub fn run(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut story = Story::read(&mut bytes);
    let mut step = 0;
    while !bytes.is_empty() && step < MOST {
        story.step(&mut bytes, step);
        step += 1;
        if step % 16 == 0 {
            story.compare();
        }
    }
    story.compare();
}

struct Story {
    pool: Ids,
    kinds: &'static [Kind],
    stray: u16,
    crowded: bool,
    questions: Questions,
    engine: Engine,
    facts: Facts,
    snapshot: Option<(Engine, String)>,
}

impl Story {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let kinds = [EVERY_KIND, EVERY_KIND, INBOX_KINDS, ACCESS_KINDS][bytes.below(4)];
        let stray = [0, 6, 6, 40][bytes.below(4)];
        let crowd = bytes.byte();
        let crowded_here = crowd >= 252;
        let pool = crowded(if crowded_here { CROWD } else { 0 });
        let mut sketch = bytes.sketch();
        if crowded_here {
            let mut random = Random::new(crowd as u64);
            let numbers = |random: &mut Random| random.bytes(16).into_iter().map(u16::from).collect();
            sketch.conversations.extend((0..CROWD).map(|_| numbers(&mut random)));
        }
        let questions = questions(bytes, &pool);
        let dataset = sketch.dataset(&pool);
        let (engine, facts) = load(dataset);
        Self { pool, kinds, stray, crowded: crowded_here, questions, engine, facts, snapshot: None }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>, step: usize) {
        let existing = Ids::of(&self.facts);
        let scope = Scope { existing: &existing, pool: &self.pool, stray: self.stray };
        let change = scope.change(&mut bytes.draw(CHANGE), &self.facts, self.kinds);
        let told = || format!("step {step}: {}", json(&change));
        for actor in &existing.teammates {
            let (ours, theirs) =
                (self.engine.authorize(actor, &change), policy::authorize(&self.facts, actor, &change));
            assert_eq!(ours, theirs, "{} by {actor}", told());
        }
        if step % 8 == 3 {
            let changes = [change.clone(), change.clone()];
            assert_eq!(self.engine.preview(&changes[..1]), self.facts.preview(&changes[..1]), "preview of {}", told());
            assert_eq!(self.engine.preview(&changes), self.facts.preview(&changes), "preview twice of {}", told());
        }
        assert_eq!(self.apply(&change), self.facts.apply(&change), "{}", told());
    }

    /// Applies a change to the engine, which counts it or stays as it was.
    fn apply(&mut self, change: &Change) -> Result<(), Error> {
        let before = self.engine.revision();
        let outcome = self.engine.apply(change);
        assert_eq!(self.engine.revision(), before.after(usize::from(outcome.is_ok())));
        outcome.map(drop)
    }

    fn compare(&mut self) {
        self.engine.check().unwrap_or_else(|fault| panic!("check: {fault}"));
        let listed = json(&in_order(self.engine.to_dataset()));
        if let Some((old, dataset)) = self.snapshot.replace((self.engine.clone(), listed)) {
            old.check().unwrap_or_else(|fault| panic!("check of a snapshot: {fault}"));
            assert_eq!(json(&in_order(old.to_dataset())), dataset, "a snapshot has changed");
        }
        let (rebuilt, reloaded) = load(self.engine.to_dataset());
        assert_eq!(json(&in_order(reloaded.to_dataset())), json(&in_order(self.facts.to_dataset())), "to_dataset");
        rebuilt.check().unwrap_or_else(|fault| panic!("check of an engine built anew: {fault}"));
        self.hold(&self.engine, "engine");
        self.hold(&rebuilt, "engine built anew");
    }

    fn hold(&self, engine: &Engine, who: &str) {
        let mut asked = Asked::about(&self.facts).with(&self.questions);
        let answers = match self.crowded {
            false => assert_same_answers_to(engine, &self.facts, &asked),
            true => assert_same_lists(engine, &self.facts),
        };
        answers.unwrap_or_else(|fault| panic!("{who}: {fault}"));
        if self.crowded {
            assert_eq!(engine.audit(), policy::audit(&self.facts), "{who}: audit");
            asked.viewers.truncate(3);
        }
        for id in &asked.viewers {
            if let Ok(viewer) = engine.viewer(id) {
                asked.inboxes.iter().for_each(|inbox| assert_same_pages(&viewer, &self.facts, id, inbox));
                assert_sees_its_rows(engine, &viewer, &self.facts, id);
            }
        }
    }
}

/// Loads a dataset twice, or refuses it twice for the same fault.
pub(crate) fn load(dataset: Dataset) -> (Engine, Facts) {
    let (engine, facts) = try_load(dataset).expect("what an engine or a generated organization consists of loads");
    (engine, facts)
}

/// The same, for what may be refused.
pub(crate) fn try_load(dataset: Dataset) -> Result<(Engine, Facts), Error> {
    let (engine, facts) = (Engine::new(dataset.clone()), Facts::load(dataset));
    assert_eq!(engine.as_ref().err(), facts.as_ref().err(), "loading");
    Ok((engine?, facts?))
}

fn questions(bytes: &mut Bytes<'_>, pool: &Ids) -> Questions {
    let scope = Scope { existing: pool, pool, stray: 3 };
    Questions {
        inboxes: (0..bytes.below(3)).map(|_| scope.inbox(&mut bytes.draw(CHANGE))).collect(),
        lists: (0..bytes.below(2)).map(|_| scope.contact_list(&mut bytes.draw(CHANGE))).collect(),
    }
}

/// The pages of an inbox, one after the other, are the list.
fn assert_same_pages(viewer: &Viewer<'_>, facts: &Facts, id: &TeammateId, inbox: &Inbox) {
    let Ok(listed) = policy::filter_inbox(facts, id, inbox) else {
        return assert!(viewer.badge(inbox).is_err(), "{id} opens {}", json(inbox));
    };
    let size = 2 + listed.len() / 4;
    let (mut paged, mut request) = (Vec::new(), PageRequest::first(size));
    loop {
        let Page { rows, next, .. } = viewer.filter_inbox(inbox, &request).unwrap();
        assert!(rows.len() == size || next.is_none(), "a short page of {} for {id} goes on", json(inbox));
        paged.extend(rows.iter().map(|row| row.id().clone()));
        let Some(cursor) = next else { break };
        request = PageRequest::first(size).after(cursor);
    }
    assert_eq!(paged, listed, "{} for {id} in pages of {size}", json(inbox));
    let unread = policy::badge(facts, id, inbox);
    assert_eq!(viewer.badge(inbox), unread, "badge of {} for {id}", json(inbox));
    let mut newest = Vec::new();
    viewer.prepare(inbox).unwrap().newest(size, &mut newest);
    let newest = newest.iter().map(|row| viewer.conversation_row(*row).unwrap().id());
    assert!(newest.eq(listed.iter().take(size)), "newest {size} of {} for {id}", json(inbox));
}

/// Row numbers lead to the conversations that the viewer sees, and to no other.
fn assert_sees_its_rows(engine: &Engine, viewer: &Viewer<'_>, facts: &Facts, id: &TeammateId) {
    let mut rows = Vec::new();
    viewer.visible_rows(&mut rows);
    let mut visible = Vec::new();
    viewer.visible().for_each(|row| visible.push(row));
    assert_eq!((viewer.visible().len(), &visible), (rows.len(), &rows), "rows that {id} goes through");
    let mut seen: Vec<_> = rows.iter().map(|row| engine.id_of(*row).unwrap()).collect();
    seen.sort();
    let everything = policy::filter_inbox(facts, id, &Inbox::Everything).unwrap();
    let mut expected: Vec<_> = everything.iter().collect();
    expected.sort();
    assert_eq!(seen, expected, "rows that {id} sees");
    for conversation in facts.conversations() {
        let row = engine.row(&conversation.id).unwrap();
        let sees = expected.binary_search(&&conversation.id).is_ok();
        assert_eq!(viewer.can_view_row(row), sees, "{id} and {}", conversation.id);
    }
}
