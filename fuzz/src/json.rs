//! Texts from outside: nothing panics, and what loads reads back the same.

use std::fmt::Debug;

use serde_json::Value;
use visibly::{
    Change, ContactList, Cursor, Dataset, Engine, ErrorCode, Facts, Inbox, PageRequest, Rule, TeammateId, Viewer,
    policy,
};

use crate::answers::in_order;
use crate::bytes::{Bytes, Random};
use crate::changes::try_load;
use crate::worlds::{EVERY_KIND, Ids, Scope, Sketch, json};

/// Reads the first byte as what the rest is the text of.
///
/// # Panics
/// If something that was read is not the same when written and read again, or the engine and `policy` differ on it.
pub fn run(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let kind = bytes.byte();
    let text = &*String::from_utf8_lossy(bytes.0);
    match kind % 6 {
        0 => read_dataset(text),
        1 => same_when_read_again(serde_json::from_str(text).ok()).into_iter().for_each(|it| ask_inbox(&it)),
        2 => same_when_read_again(serde_json::from_str(text).ok()).into_iter().for_each(|it| make_change(&it)),
        3 => same_when_read_again(serde_json::from_str(text).ok()).into_iter().for_each(|it| ask_contacts(&it)),
        4 => drop(same_when_read_again::<Rule>(serde_json::from_str(text).ok())),
        _ => page_after(text),
    }
}

/// The value, once it has been written and read again.
fn same_when_read_again<T>(value: Option<T>) -> Option<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let value = value?;
    let text = json(&value);
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    assert!(again == value, "not the same as read back: {text}");
    assert_eq!(json(&again), text, "written in another way");
    Some(value)
}

fn read_dataset(text: &str) {
    let read = Dataset::from_json(text);
    let from_reader = Dataset::from_json_reader(text.as_bytes());
    assert_eq!(read.as_ref().ok(), from_reader.as_ref().ok(), "a reader reads something else");
    let dataset = match read {
        Ok(dataset) => {
            let again = Dataset::from_json(&json(&dataset)).unwrap_or_else(|error| panic!("{error} in {text}"));
            assert!(again == dataset, "not the same as read back: {text}");
            dataset
        }
        Err(error) => return assert!(error.to_string().starts_with(error.path()), "{error}"),
    };
    let Ok((engine, facts)) = try_load(dataset) else { return };
    engine.check().unwrap_or_else(|fault| panic!("check: {fault}"));
    assert_eq!(in_order(engine.to_dataset()), in_order(facts.to_dataset()), "to_dataset");
    assert!(Facts::load(facts.to_dataset()).as_ref() == Ok(&facts), "facts are not as loaded again");
    assert_eq!(engine.audit(), policy::audit(&facts), "audit");
}

fn clinic() -> (Engine, Facts) {
    let numbers = |count: usize| -> Vec<Vec<u16>> {
        let mut random = Random::new(7);
        (0..count).map(|_| random.bytes(24).into_iter().map(u16::from).collect()).collect()
    };
    let sketch = Sketch {
        contact_membership: true,
        teammates: vec![vec![0, 80, 0], vec![1], vec![2]],
        teams: numbers(3),
        endpoints: numbers(4),
        contacts: numbers(6),
        conversations: numbers(12),
        filters: numbers(4),
    };
    try_load(sketch.dataset(&Ids::small())).expect("every generated organization loads")
}

fn for_each_viewer(mut ask: impl FnMut(&Viewer<'_>, &Facts, &TeammateId)) {
    let (engine, facts) = clinic();
    for viewer in engine.teammates().filter_map(|one| engine.viewer(&one.id).ok()) {
        ask(&viewer, &facts, &viewer.teammate().id);
    }
}

fn ask_inbox(inbox: &Inbox) {
    for_each_viewer(|viewer, facts, id| {
        let listed = viewer.filter_inbox(inbox, &PageRequest::all());
        let listed = listed.map(|page| page.rows.iter().map(|row| row.id().clone()).collect::<Vec<_>>());
        assert_eq!(listed, policy::filter_inbox(facts, id, inbox), "{} for {id}", json(inbox));
        assert_eq!(viewer.badge(inbox), policy::badge(facts, id, inbox), "badge of {} for {id}", json(inbox));
    });
}

fn ask_contacts(list: &ContactList) {
    for_each_viewer(|viewer, facts, id| {
        let listed = viewer.contacts(list, &PageRequest::all());
        let listed = listed.map(|page| page.rows.iter().map(|row| row.id().clone()).collect::<Vec<_>>());
        assert_eq!(listed, policy::contacts(facts, id, list), "{} for {id}", json(list));
    });
}

fn make_change(change: &Change) {
    let (mut engine, mut facts) = clinic();
    for id in Ids::of(&facts).teammates {
        let (ours, theirs) = (engine.authorize(&id, change), policy::authorize(&facts, &id, change));
        assert_eq!(ours, theirs, "{} by {id}", json(change));
    }
    assert_eq!(engine.preview(std::slice::from_ref(change)), facts.preview(std::slice::from_ref(change)));
    assert_eq!(engine.apply(change).map(drop), facts.apply(change), "{}", json(change));
    engine.check().unwrap_or_else(|fault| panic!("check after {}: {fault}", json(change)));
    assert_eq!(in_order(engine.to_dataset()), in_order(facts.to_dataset()), "after {}", json(change));
}

/// A text as a cursor, and a good cursor with the text's bytes added to its own.
fn page_after(text: &str) {
    for_each_viewer(|viewer, _, _| {
        let inbox = Inbox::Everything;
        ask_after(viewer, &inbox, text);
        let Some(good) = viewer.filter_inbox(&inbox, &PageRequest::first(1)).unwrap().next else { return };
        let damage = text.bytes().chain(std::iter::repeat(0));
        let damaged: String =
            good.to_string().bytes().zip(damage).map(|(byte, by)| char::from(byte.wrapping_add(by) & 0x7f)).collect();
        ask_after(viewer, &inbox, &damaged);
    });
}

fn ask_after(viewer: &Viewer<'_>, inbox: &Inbox, text: &str) {
    let cursor: Cursor = text.to_owned().into();
    let list = ContactList::All;
    assert_eq!(cursor.to_string(), text);
    let page = viewer.filter_inbox(inbox, &PageRequest::first(2).after(cursor.clone())).map(drop);
    assert!(page.is_ok() || page.is_err_and(|error| error.code() == ErrorCode::InvalidCursor), "{text}");
    let page = viewer.contacts(&list, &PageRequest::first(2).after(cursor)).map(drop);
    assert!(
        page.is_err_and(|error| error.code() == ErrorCode::InvalidCursor),
        "an inbox's cursor for contacts: {text}"
    );
}

/// An input for [`run`] that is almost JSON of the right kind, for whoever has no coverage to find one by.
pub fn almost(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = Bytes(bytes);
    let kind = bytes.below(6);
    let (edits, pool) = (bytes.below(5), Ids::small());
    let scope = Scope { existing: &pool, pool: &pool, stray: 3 };
    let mut seeds: Vec<(usize, u8)> =
        (0..edits).map(|_| (bytes.byte() * 256 + bytes.byte(), bytes.byte() as u8)).collect();
    let text = match kind {
        0 => json(&bytes.sketch().dataset(&pool)),
        1 => json(&scope.inbox(&mut bytes.draw(30))),
        2 => json(&scope.change(&mut bytes.draw(30), &clinic().1, EVERY_KIND)),
        3 => json(&scope.contact_list(&mut bytes.draw(30))),
        4 => json(&scope.rule(&mut bytes.draw(40), 3)),
        _ => String::from_utf8_lossy(bytes.0).into_owned(),
    };
    let mut value: Option<Value> = serde_json::from_str(&text).ok();
    if let (true, Some(value)) = (edits == 4, value.as_mut()) {
        seeds.drain(..).for_each(|(place, by)| graft(value, place, by));
        return input(kind, value.to_string().into_bytes());
    }
    let mut text = text.into_bytes();
    for (place, by) in seeds.into_iter().filter(|_| !text.is_empty()).collect::<Vec<_>>() {
        let place = place % text.len();
        text[place] = by;
    }
    input(kind, text)
}

fn input(kind: usize, mut text: Vec<u8>) -> Vec<u8> {
    text.insert(0, kind as u8);
    text
}

/// Puts another value where a path, read off `place`, leads.
fn graft(value: &mut Value, place: usize, by: u8) {
    let children: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    let count = children.len();
    if let (true, Some(child)) = (place > 0, children.into_iter().nth(place % count.max(1))) {
        return graft(child, place / count.max(2), by);
    }
    *value = match by % 9 {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => i64::MIN.into(),
        3 => u64::MAX.into(),
        4 => "".into(),
        5 => "ghost".into(),
        6 => Value::Array(vec![value.clone(), value.clone()]),
        7 => serde_json::json!({"not": value}),
        _ => Value::Array(Vec::new()),
    };
}
