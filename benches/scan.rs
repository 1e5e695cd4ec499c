//! What does a look at everyone take on one core, and on two?
//!
//! Data, seed and shares: `support`; a viewer sees about two in five conversations. `pairs`: whether each viewer sees
//! each conversation, every pair asked by row. `previews`: 500 of them, a hundred each of sharing a teammate's own link
//! with another, letting one into a conversation, assigning a conversation with access to it, taking one more into a
//! team, and suspending one, all at random with seed 11. Both in a pool of one thread and in one of two. Baseline: the
//! same questions one after the other, without a pool. Checked first against a scan of the facts and
//! `Engine::preview`, at S the first preview of each kind against `policy`. Last, what two threads gain over one, by
//! medians of runs that alternate.
//!
//! `VISIBLY_BENCH_SIZE=M cargo bench --features rayon --bench scan`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot go on has nothing to report")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use rayon::{ThreadPool, ThreadPoolBuilder};
use support::{Rng, World, conversation, run, teammate};
use visibly::{Change, Endpoint, EndpointKind, Engine, Member, RowId, TeammateId, TeammateUpdate, Viewer};

mod support;

const PREVIEWS: usize = 500;
/// Most and fewest runs of each pool for the ratio, and after how long the fewest will do.
const RUNS: std::ops::RangeInclusive<usize> = 3..=15;
const ENOUGH: Duration = Duration::from_secs(10);

fn main() {
    let world = World::asked();
    let scans = Scans::new(&world);
    let pools = [1, 2].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    pools.iter().for_each(|pool| pool.install(|| check(&world, &scans)));
    run(|criterion| {
        ask(criterion, "pairs", &pools, || scans.pairs(), || scans.pairs_in_turn());
        ask(criterion, "previews", &pools, || scans.previews(), || scans.previews_in_turn());
    });
    // `cargo bench` says `--bench`; a run as a test has nothing to compare.
    if std::env::args().any(|argument| argument == "--bench") {
        report("pairs", &pools, || scans.pairs());
        report("previews", &pools, || scans.previews());
    }
}

/// What is asked, of everyone.
struct Scans<'w> {
    engine: &'w Engine,
    viewers: Vec<Viewer<'w>>,
    rows: Vec<RowId>,
    alternatives: Vec<[Change; 1]>,
}

impl<'w> Scans<'w> {
    fn new(world: &'w World) -> Self {
        let rows = (0..world.facts.conversations.len()).map(|number| world.row(number)).collect();
        Self { engine: &world.engine, viewers: world.viewers(), rows, alternatives: alternatives(world) }
    }

    fn count(&self, viewer: Viewer<'_>) -> usize {
        self.rows.iter().filter(|row| viewer.can_view_row(**row)).count()
    }

    fn pairs(&self) -> usize {
        self.counts().iter().map(|(_, count)| count).sum()
    }

    fn counts(&self) -> Vec<(&TeammateId, usize)> {
        self.engine.map_viewers(|viewer| self.count(viewer))
    }

    fn pairs_in_turn(&self) -> usize {
        self.viewers.iter().map(|viewer| self.count(*viewer)).sum()
    }

    fn previews(&self) -> usize {
        self.engine.previews(&self.alternatives).iter().map(|lines| lines.as_ref().unwrap().len()).sum()
    }

    fn previews_in_turn(&self) -> usize {
        self.alternatives.iter().map(|changes| self.engine.preview(changes).unwrap().len()).sum()
    }
}

fn alternatives(world: &World) -> Vec<[Change; 1]> {
    let organization = &world.facts.organization;
    let links: Vec<_> =
        organization.endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::SpruceLink).collect();
    let mut rng = Rng::new(11);
    let mut any = |length: usize| rng.below(length);
    let mut alternative = |number: usize| {
        let id = teammate(any(world.shape.teammates));
        let conversation = conversation(any(world.facts.conversations.len()));
        match number % 5 {
            0 => share(links[any(links.len())], id),
            1 => Change::AddConversationMember { id: conversation, member: Member::Teammate(id) },
            2 => Change::assign_with_access(conversation, Member::Teammate(id)),
            3 => {
                let team = &organization.teams[any(organization.teams.len())];
                let others = team.teammates.iter().filter(|other| **other != id).cloned();
                Change::SetTeam { id: team.id.clone(), teammates: others.chain([id.clone()]).collect() }
            }
            _ => Change::UpdateTeammate(
                TeammateUpdate::new(teammate(1 + any(world.shape.teammates - 1))).suspended(true),
            ),
        }
    };
    (0..PREVIEWS).map(|number| [alternative(number)]).collect()
}

fn share(endpoint: &Endpoint, with: TeammateId) -> Change {
    let more = Member::Teammate(with);
    let additional_members = endpoint.additional_members.iter().filter(|other| **other != more).cloned();
    Change::SetEndpointAccess {
        id: endpoint.id.clone(),
        owner: endpoint.owner.clone(),
        additional_members: additional_members.chain([more.clone()]).collect(),
    }
}

fn check(world: &World, scans: &Scans<'_>) {
    let counts = scans.counts();
    assert_eq!(counts.len(), world.shape.teammates);
    for (number, (id, count)) in counts.into_iter().enumerate() {
        assert_eq!(*id, teammate(number));
        if number % 5 == 0 {
            assert_eq!(count, world.scan(id, |_| true).len());
        }
    }
    let previews = scans.engine.previews(&scans.alternatives);
    assert_eq!(previews.len(), PREVIEWS);
    for (number, (preview, changes)) in previews.iter().zip(&scans.alternatives).enumerate() {
        assert_eq!(*preview, scans.engine.preview(changes));
        if let Some(facts) = world.oracle.as_ref().filter(|_| number < 5) {
            assert_eq!(*preview, facts.preview(changes));
        }
    }
}

fn ask(
    criterion: &mut Criterion,
    name: &str,
    pools: &[ThreadPool],
    scan: impl Fn() -> usize + Sync,
    in_turn: impl Fn() -> usize,
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for pool in pools {
        let threads = pool.current_num_threads();
        group.bench_function(format!("threads/{threads}"), |b| b.iter(|| pool.install(&scan)));
    }
    group.bench_function("in turn", |b| b.iter(&in_turn));
}

fn report(name: &str, pools: &[ThreadPool; 2], scan: impl Fn() -> usize + Sync) {
    let time = |pool: &ThreadPool| {
        let start = Instant::now();
        black_box(pool.install(&scan));
        start.elapsed()
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while one.len() < *RUNS.start() || (one.len() < *RUNS.end() && start.elapsed() < ENOUGH) {
        one.push(time(&pools[0]));
        two.push(time(&pools[1]));
    }
    let (one, two) = (median(&mut one), median(&mut two));
    println!("{name}: one thread {one:.2?}, two {two:.2?}, {:.2} times", one.div_duration_f64(two));
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
