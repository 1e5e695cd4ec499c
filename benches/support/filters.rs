//! Rules asked by every viewer in turn, and what they have to find.

use std::hint::black_box;

use criterion::Criterion;
use visibly::{ArchiveScope, Conversation, Inbox, Rule, TeammateId, Viewer, policy};

use super::{PAGE, World, in_turn};

type Holds = Box<dyn Fn(&Conversation, &TeammateId) -> bool>;

/// An inbox, and what is in it of what a viewer sees.
pub(crate) struct Asked {
    inbox: Inbox,
    holds: Holds,
}

impl Asked {
    pub(crate) fn new(
        rule: Rule,
        archived: ArchiveScope,
        holds: impl Fn(&Conversation, &TeammateId) -> bool + 'static,
    ) -> Self {
        let is_in = move |found: &Conversation| match archived {
            ArchiveScope::Include => true,
            scope => found.archived == (scope == ArchiveScope::Only),
        };
        Self {
            inbox: Inbox::Rule { rule, archived },
            holds: Box::new(move |found, me| is_in(found) && holds(found, me)),
        }
    }
}

/// The newest page and the badge of some inboxes, for every viewer in turn. Baseline: `policy`, at S. Checked first for
/// every fifth viewer.
pub(crate) fn ask(criterion: &mut Criterion, name: &str, world: &World, asked: &[Asked]) {
    let viewers = world.viewers();
    for (viewer, asked) in viewers.iter().step_by(5).zip(asked.iter().cycle()) {
        let me = &viewer.teammate().id;
        world.check(*viewer, &asked.inbox, |found| (asked.holds)(found, me));
    }
    let both: Vec<(Viewer<'_>, &Inbox)> =
        viewers.iter().copied().zip(asked.iter().cycle().map(|asked| &asked.inbox)).collect();
    let mut group = criterion.benchmark_group(name);
    let mut rows = Vec::with_capacity(PAGE);
    let mut next = in_turn(&both);
    group.bench_function("rows", |b| {
        b.iter(|| {
            let (viewer, inbox) = next();
            rows.clear();
            viewer.prepare(black_box(inbox)).unwrap().newest(PAGE, &mut rows);
            black_box(rows.len())
        })
    });
    let mut next = in_turn(&both);
    group.bench_function("badge", |b| {
        b.iter(|| {
            let (viewer, inbox) = next();
            viewer.badge(black_box(inbox)).unwrap()
        })
    });
    if let Some(facts) = &world.oracle {
        let mut next = in_turn(&both);
        group.bench_function("policy", |b| {
            b.iter(|| {
                let (viewer, inbox) = next();
                policy::filter_inbox(facts, &viewer.teammate().id, inbox).unwrap().len()
            })
        });
    }
}
