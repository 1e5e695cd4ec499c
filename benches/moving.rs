//! What do conversations that move for long leave behind, and how long does the longest change take?
//!
//! Data, seed and shares: `support`. `VISIBLY_BENCH_MESSAGES` messages (20,000 unless said otherwise), seed 13, among
//! other changes. Of 20 changes, ten are messages to open conversations as they come, one is a message that comes up to
//! a month late, one brings an archived conversation back; one archives an open one, and now and then a conversation
//! is removed and started anew; the others read, assign, unassign, tag and star. One assignment in 20 lets somebody in.
//!
//! Reported: the bytes that the engine holds then, and held at most, beside an engine built anew of the same facts with
//! texts of its own (the baseline); and the longest single change of each kind. All is done three times with the same
//! seed, and the shortest time of the same change counts: what the machine interrupts is not slow each time. Checked:
//! both engines give the same pages and badges, and memory stays within half as much again.
//!
//! `VISIBLY_BENCH_SIZE=L VISIBLY_BENCH_MESSAGES=10000000 cargo bench --bench moving`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]
#![allow(unsafe_code, reason = "an allocator that counts is one")]

use std::collections::BTreeMap;
use std::time::Instant;

use support::{PAGE, Rng, Shape, clinic, conversation, conversation_tag, sidebar, teammate};
use visibly::{Change, Conversation, ConversationId, Engine, Inbox, Member, PageRequest, TeammateId, Viewer};

#[path = "support/counting.rs"]
mod counting;
mod support;

/// After every other conversation of the data.
const LATER: i64 = 1_700_000_000_000;
const MONTH: usize = 30 * 86_400_000;
/// The longest that a change may take, in nanoseconds.
const MILLISECOND: u32 = 1_000_000;

fn main() {
    let shape = Shape::asked();
    let messages = std::env::var("VISIBLY_BENCH_MESSAGES").map_or(20_000, |messages| messages.parse().unwrap());
    let times = [(); 2].map(|()| moved(shape, messages).times);
    let last = moved(shape, messages);
    report_times([&times[0], &times[1], &last.times]);
    let (fresh, again) = counting::held(|| rebuilt(&last.engine));
    check(shape, &last.engine, &again);
    let ratio = |bytes: f64| format!("{:.0} MB, {:.2} times", bytes / 1e6, bytes / fresh);
    println!("held {}; at most {}; built anew {:.0} MB", ratio(last.held), ratio(last.peak), fresh / 1e6);
    assert!(last.held <= 1.5 * fresh && last.peak <= 1.5 * fresh, "more than half as much again");
}

/// An engine at the end of all changes.
struct Moved {
    engine: Engine,
    held: f64,
    peak: f64,
    times: Vec<Time>,
}

/// A change's kind, and its nanoseconds.
type Time = (Kind, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Message,
    LateMessage,
    MessageToArchived,
    Archive,
    Read,
    Unread,
    Assign,
    Unassign,
    Tag,
    Star,
    Remove,
    Start,
}

fn moved(shape: Shape, messages: usize) -> Moved {
    let mut changes = Changes::new(shape);
    let mut times = Vec::with_capacity(messages * 2);
    let (built, mut engine) = counting::held(|| Engine::new(clinic(shape)).unwrap());
    let start = counting::held_now();
    counting::start_peak();
    while changes.messages < messages {
        let (kind, change) = changes.next(&engine);
        let since = Instant::now();
        let outcome = engine.apply(&change);
        let time = since.elapsed().as_nanos();
        outcome.unwrap();
        times.push((kind, u32::try_from(time).unwrap_or(u32::MAX)));
    }
    let grown = |bytes: isize| built + (bytes - start) as f64;
    Moved { engine, held: grown(counting::held_now()), peak: grown(counting::peak()), times }
}

/// Changes as a clinic makes them, without end.
struct Changes {
    rng: Rng,
    at: i64,
    open: Vec<usize>,
    archived: Vec<usize>,
    teammates: usize,
    messages: usize,
    /// A conversation that is removed, and to be started anew.
    gone: Option<usize>,
}

impl Changes {
    fn new(shape: Shape) -> Self {
        let all = shape.open + shape.archived;
        // With room for all, so that what is counted is the engine's.
        let list = |numbers: std::ops::Range<usize>| {
            let mut list = Vec::with_capacity(all);
            list.extend(numbers);
            list
        };
        let (open, archived) = (list(0..shape.open), list(shape.open..all));
        Self { rng: Rng::new(13), at: LATER, open, archived, teammates: shape.teammates, messages: 0, gone: None }
    }

    fn next(&mut self, engine: &Engine) -> (Kind, Change) {
        self.at += 1;
        if let Some(gone) = self.gone.take() {
            self.open.push(gone);
            let started =
                Conversation::patient(conversation(gone), "main", self.at).contact(format!("p{}", gone % 7_500));
            return (Kind::Start, Change::StartConversation(started));
        }
        let place = self.rng.below(self.open.len());
        let id = conversation(self.open[place]);
        let by = teammate(self.rng.below(self.teammates));
        let tag = conversation_tag(self.rng.below(40));
        match self.rng.below(20) {
            0..10 => (Kind::Message, self.message(id, 0)),
            10 => {
                let late = self.rng.below(MONTH);
                (Kind::LateMessage, self.message(id, late))
            }
            11 => {
                let place = self.rng.below(self.archived.len());
                let back = self.archived.swap_remove(place);
                self.open.push(back);
                (Kind::MessageToArchived, self.message(conversation(back), 0))
            }
            12 if self.rng.below(50) == 0 => {
                self.gone = Some(self.open.swap_remove(place));
                (Kind::Remove, Change::RemoveConversation { id })
            }
            12 => {
                let archived = self.open.swap_remove(place);
                self.archived.push(archived);
                (Kind::Archive, Change::archive(id))
            }
            13 | 14 => (Kind::Read, Change::mark_read(id, by)),
            15 => (Kind::Unread, Change::MarkUnread { id, by }),
            16 => (Kind::Assign, Change::assign_with_access(&id, Member::Teammate(self.assignee(engine, &id)))),
            17 => (Kind::Unassign, Change::unassign(id)),
            18 => (
                Kind::Tag,
                Change::TagConversations { ids: vec![id], add: vec![tag], remove: vec![conversation_tag(3)] },
            ),
            _ => (Kind::Star, Change::star(id, by)),
        }
    }

    /// Nearly always somebody who sees the conversation; now and then somebody is let in.
    fn assignee(&mut self, engine: &Engine, id: &ConversationId) -> TeammateId {
        match self.rng.below(20) {
            0 => teammate(self.rng.below(self.teammates)),
            _ => {
                let audience = engine.audience(id).unwrap();
                audience[self.rng.below(audience.len())].clone()
            }
        }
    }

    fn message(&mut self, id: ConversationId, late: usize) -> Change {
        self.messages += 1;
        Change::receive_message(id, self.at - i64::try_from(late).unwrap())
    }
}

/// An engine of the same facts, with texts of its own.
fn rebuilt(engine: &Engine) -> Engine {
    let dataset = engine.to_dataset();
    let mut builder = Engine::builder(copied(&dataset.organization)).unwrap();
    for contact in &dataset.contacts {
        builder.contact(copied(contact)).unwrap();
    }
    for conversation in &dataset.conversations {
        builder.conversation(copied(conversation)).unwrap();
    }
    builder.build()
}

fn copied<T: serde::Serialize + serde::de::DeserializeOwned>(facts: &T) -> T {
    serde_json::from_str(&serde_json::to_string(facts).unwrap()).unwrap()
}

fn check(shape: Shape, moved: &Engine, again: &Engine) {
    let page = |viewer: Viewer<'_>, inbox: &Inbox| -> Vec<_> {
        let page = viewer.filter_inbox(inbox, &PageRequest::first(PAGE)).unwrap();
        page.rows.iter().map(|row| row.id().clone()).collect()
    };
    for number in (0..shape.teammates).step_by(shape.teammates / 10) {
        let [one, other] = [moved, again].map(|engine| engine.viewer(&teammate(number)).unwrap());
        for inbox in sidebar(shape).iter().chain(&[Inbox::Archived, Inbox::Everything, Inbox::Starred]) {
            assert_eq!(one.badge(inbox), other.badge(inbox));
            assert_eq!(page(one, inbox), page(other, inbox));
        }
    }
}

fn report_times(runs: [&[Time]; 3]) {
    let mut kinds: BTreeMap<Kind, Vec<(u32, usize)>> = BTreeMap::new();
    for (step, (kind, time)) in runs[0].iter().enumerate() {
        let shortest = runs.iter().fold(*time, |shortest, run| shortest.min(run[step].1));
        kinds.entry(*kind).or_default().push((shortest, step));
    }
    let slow = runs.map(|times| times.iter().filter(|(_, time)| *time > MILLISECOND).count());
    println!("{} changes; above 1 ms, by run: {slow:?}", runs[0].len());
    for (kind, times) in &mut kinds {
        times.sort_unstable();
        let micros = |at: usize| f64::from(times[at].0) / 1e3;
        let (last, slow) = (times.len() - 1, times.iter().filter(|(time, _)| *time > MILLISECOND).count());
        println!(
            "{:17} {:>9}: median {:.1} us, one in a thousand {:.1} us, longest {:.1} us (change {}); each time above 1 ms: {slow}",
            format!("{kind:?}"),
            times.len(),
            micros(times.len() / 2),
            micros(last - times.len() / 1_000),
            micros(last),
            times[last].1,
        );
    }
}
