//! The organization that the benches ask about, the same at every run, and plain answers to check against.
//!
//! Seed 7. Of the teammates 2 % are admins, and every 20 make a team of 8 to 16. Endpoints: `main`, which belongs to the
//! organization and carries 35 % of conversations; for two in five teammates one of their own, a tenth of those shared
//! with others; one for each team, a fifth of those open to everyone. The remaining conversations fall on those by
//! Zipf's law. 92 % are archived; of the others 45 % are assigned (three in five to a teammate who sees them, else to a
//! team), 30 % unread and the rest read by everyone who sees them. A contact has one of `teammates / 5` clinician tags
//! and up to three of 30 general ones, a conversation one or two contacts and up to two of 40 tags.
//!
//! `VISIBLY_BENCH_SIZE` is `S` (50 teammates, 10,000 conversations; unless said otherwise), `M` (200, 100,000) or `L`
//! (1,000, 1,000,000). Answers are checked against a scan of the facts at every size, at `S` also against `policy`.

#![allow(dead_code, reason = "each bench uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "benches")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use criterion::Criterion;
use visibly::{
    AssigneePick, Contact, Conversation, ConversationId, ConversationRow, Dataset, Endpoint, EndpointId, Engine, Facts,
    Inbox, Member, Organization, PhoneNumber, Pick, RowId, Rule, SpruceLink, Tag, TagSet, Team, Teammate, TeammateId,
    Viewer, policy,
};

pub(crate) mod filters;

pub(crate) const PAGE: usize = 50;
pub(crate) const GENERAL_TAGS: usize = 30;
pub(crate) const CONVERSATION_TAGS: usize = 40;
const SPAN_MS: usize = 730 * 86_400_000;

/// SplitMix64.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// Uniform in `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from((u128::from(self.next()) * n as u128) >> 64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }
}

/// How large an organization is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) teammates: usize,
    pub(crate) open: usize,
    pub(crate) archived: usize,
}

impl Shape {
    pub(crate) const S: Self = Self { teammates: 50, open: 800, archived: 9_200 };

    /// The size that `VISIBLY_BENCH_SIZE` names.
    pub(crate) fn asked() -> Self {
        match std::env::var("VISIBLY_BENCH_SIZE").as_deref() {
            Err(_) | Ok("S") => Self::S,
            Ok("M") => Self { teammates: 200, open: 8_000, archived: 92_000 },
            Ok("L") => Self { teammates: 1_000, open: 80_000, archived: 920_000 },
            Ok(other) => panic!("VISIBLY_BENCH_SIZE is S, M or L, not `{other}`"),
        }
    }

    pub(crate) fn is_small(self) -> bool {
        self.open + self.archived <= 10_000
    }

    pub(crate) fn clinician_tags(self) -> usize {
        self.teammates / 5
    }
}

pub(crate) fn teammate(number: usize) -> TeammateId {
    TeammateId::from(format!("t{number}"))
}

pub(crate) fn conversation(number: usize) -> ConversationId {
    ConversationId::from(format!("c{number}"))
}

pub(crate) fn general_tag(number: usize) -> Tag {
    Tag::from(format!("general {number}"))
}

pub(crate) fn clinician_tag(number: usize) -> Tag {
    Tag::from(format!("clinician {number}"))
}

pub(crate) fn conversation_tag(number: usize) -> Tag {
    Tag::from(format!("topic {number}"))
}

fn organization(shape: Shape, rng: &mut Rng) -> Organization {
    let t = shape.teammates;
    let mut made = Organization::new("clinic", "Clinic");
    for i in 0..t {
        let teammate = Teammate::new(teammate(i), format!("Teammate {i}"));
        made.teammates.push(if i < t.div_ceil(50) { teammate.admin() } else { teammate });
    }
    for k in 0..t / 20 {
        let ids: HashSet<usize> = (0..8 + rng.below(9)).map(|_| rng.below(t)).collect();
        let mut ids: Vec<usize> = ids.into_iter().collect();
        ids.sort_unstable();
        made.teams.push(Team::new(format!("k{k}"), format!("Team {k}"), ids.into_iter().map(teammate)));
    }
    made.endpoints.push(PhoneNumber::new("main").into());
    for i in (0..t).filter(|i| i % 5 < 2) {
        let link = SpruceLink::new(format!("link{i}")).owned_by(Member::Teammate(teammate(i)));
        let shared = rng.chance(10).then(|| Member::Teammate(teammate(rng.below(t))));
        made.endpoints.push(shared.into_iter().fold(link, SpruceLink::shared_with).into());
    }
    for k in 0..made.teams.len() {
        let line = PhoneNumber::new(format!("line{k}")).owned_by(Member::team(format!("k{k}")));
        let open = rng.chance(20).then_some(Member::Organization);
        made.endpoints.push(open.into_iter().fold(line, PhoneNumber::shared_with).into());
    }
    made
}

/// For each endpoint, in the organization's order, who sees what runs over it.
fn audiences(organization: &Organization) -> Vec<Vec<TeammateId>> {
    let teams: HashMap<_, _> = organization.teams.iter().map(|team| (&team.id, &team.teammates)).collect();
    let covered = |member: &Member| match member {
        Member::Organization => organization.teammates.iter().map(|teammate| teammate.id.clone()).collect(),
        Member::Team(id) => teams[id].clone(),
        Member::Teammate(id) => vec![id.clone()],
    };
    let of = |endpoint: &Endpoint| {
        let members = std::iter::once(&endpoint.owner).chain(&endpoint.additional_members);
        let seen: HashSet<TeammateId> = members.flat_map(covered).collect();
        let mut seen: Vec<_> = seen.into_iter().collect();
        seen.sort_unstable();
        seen
    };
    organization.endpoints.iter().map(of).collect()
}

/// Picks endpoints as conversations fall on them.
struct Endpoints {
    ids: Vec<EndpointId>,
    audiences: Vec<Vec<TeammateId>>,
    /// Sums of 1, 1/2, 1/3 and so on, in millionths, over all but the first.
    shares: Vec<usize>,
}

impl Endpoints {
    fn new(organization: &Organization) -> Self {
        let ids: Vec<_> = organization.endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
        let mut total = 0;
        let mut add = |rank: usize| {
            total += 1_000_000 / rank;
            total
        };
        let shares = (1..ids.len()).map(&mut add).collect();
        Self { audiences: audiences(organization), shares, ids }
    }

    fn pick(&self, rng: &mut Rng) -> usize {
        if rng.chance(35) {
            return 0;
        }
        let at = rng.below(*self.shares.last().unwrap());
        // Spread over the list, so that large ones are of every kind.
        1 + self.shares.partition_point(|share| *share <= at) * 7 % self.shares.len()
    }
}

/// The facts of an organization of this size. The open conversations are the same however many are archived.
pub(crate) fn clinic(shape: Shape) -> Dataset {
    let mut rng = Rng::new(7);
    let organization = organization(shape, &mut rng);
    let endpoints = Endpoints::new(&organization);
    let mut made = Dataset::new(organization);
    made.contacts = (0..shape.open.max(2_500) * 3).map(|i| contact(i, shape, &mut rng)).collect();
    let mut of_archive = Rng::new(8);
    for i in 0..shape.open {
        let conversation = any_conversation(i, &made, &endpoints, &mut rng);
        made.conversations.push(open(conversation, &made.organization, &endpoints, &mut rng));
    }
    for i in shape.open..shape.open + shape.archived {
        let conversation = any_conversation(i, &made, &endpoints, &mut of_archive).0;
        made.conversations.push(conversation.archived());
    }
    made
}

fn contact(i: usize, shape: Shape, rng: &mut Rng) -> Contact {
    let general: HashSet<usize> = (0..rng.below(4)).map(|_| rng.below(GENERAL_TAGS)).collect();
    let mut made = Contact::new(format!("p{i}")).named(format!("Contact {i}"));
    made = made.tag(clinician_tag(rng.below(shape.clinician_tags())));
    general.into_iter().map(general_tag).fold(made, Contact::tag)
}

fn any_conversation(i: usize, facts: &Dataset, endpoints: &Endpoints, rng: &mut Rng) -> (Conversation, usize) {
    let endpoint = endpoints.pick(rng);
    let at = i64::try_from(1_600_000_000_000 + rng.below(SPAN_MS)).unwrap();
    let mut made = Conversation::patient(conversation(i), &endpoints.ids[endpoint], at);
    let first = rng.below(facts.contacts.len());
    let second = rng.below(facts.contacts.len());
    made.contacts.push(facts.contacts[first].id.clone());
    if second.is_multiple_of(2) && second != first {
        made.contacts.push(facts.contacts[second].id.clone());
    }
    let tags: HashSet<usize> = (0..rng.below(3)).map(|_| rng.below(CONVERSATION_TAGS)).collect();
    made.tags = tags.into_iter().map(conversation_tag).collect();
    (made, endpoint)
}

fn open(
    (mut made, endpoint): (Conversation, usize),
    organization: &Organization,
    endpoints: &Endpoints,
    rng: &mut Rng,
) -> Conversation {
    let audience = &endpoints.audiences[endpoint];
    if rng.chance(45) {
        made.assignee = Some(match rng.chance(60) {
            true => Member::Teammate(rng.pick(audience).clone()),
            false => Member::Team(rng.pick(&organization.teams).id.clone()),
        });
    }
    if rng.chance(70) {
        made.read_by = audience.clone();
    }
    made
}

/// An organization as an engine, with its facts beside it to check the engine's answers.
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) engine: Engine,
    pub(crate) facts: Dataset,
    /// The oracle's facts, where asking it takes no minutes.
    pub(crate) oracle: Option<Facts>,
    sees: HashMap<EndpointId, HashSet<TeammateId>>,
}

impl World {
    pub(crate) fn asked() -> Self {
        let shape = Shape::asked();
        Self::of(shape, clinic(shape))
    }

    pub(crate) fn of(shape: Shape, facts: Dataset) -> Self {
        let endpoints = facts.organization.endpoints.iter().map(|endpoint| endpoint.id.clone());
        let sees = audiences(&facts.organization).into_iter().map(|seen| seen.into_iter().collect());
        Self {
            shape,
            engine: Engine::new(facts.clone()).unwrap(),
            oracle: shape.is_small().then(|| Facts::load(facts.clone()).unwrap()),
            sees: endpoints.zip(sees).collect(),
            facts,
        }
    }

    pub(crate) fn viewer(&self, number: usize) -> Viewer<'_> {
        self.engine.viewer(&teammate(number)).unwrap()
    }

    /// Every viewer, in the organization's order.
    pub(crate) fn viewers(&self) -> Vec<Viewer<'_>> {
        (0..self.shape.teammates).map(|number| self.viewer(number)).collect()
    }

    pub(crate) fn row(&self, number: usize) -> RowId {
        self.engine.row(&conversation(number)).unwrap()
    }

    /// Whether a viewer sees a conversation, by a look at who sees its endpoint.
    pub(crate) fn sees(&self, viewer: &TeammateId, conversation: &Conversation) -> bool {
        conversation.endpoint.as_ref().is_some_and(|endpoint| self.sees[endpoint].contains(viewer))
    }

    /// What a viewer sees and `is_in` holds of, newest first, by a scan of the facts.
    pub(crate) fn scan(&self, viewer: &TeammateId, is_in: impl Fn(&Conversation) -> bool) -> Vec<&Conversation> {
        let mut found: Vec<_> =
            self.facts.conversations.iter().filter(|found| is_in(found) && self.sees(viewer, found)).collect();
        found.sort_unstable_by(|a, b| b.last_activity.cmp(&a.last_activity).then_with(|| a.id.cmp(&b.id)));
        found
    }

    /// Asserts that an inbox starts with the newest of what `is_in` holds of, and that its badge counts them all.
    pub(crate) fn check(&self, viewer: Viewer<'_>, inbox: &Inbox, is_in: impl Fn(&Conversation) -> bool) {
        let id = &viewer.teammate().id;
        let expected = self.scan(id, is_in);
        let unread = expected.iter().filter(|found| !found.read_by.contains(id)).count();
        let badge = viewer.badge(inbox).unwrap();
        assert_eq!((badge.total, badge.unread), (expected.len(), unread));
        let newest = expected.iter().take(PAGE).map(|found| &found.id);
        assert!(self.newest(viewer, inbox, PAGE).iter().eq(newest));
        self.check_with_oracle(viewer, inbox);
    }

    /// Asserts that the oracle lists the same, where it can be asked.
    pub(crate) fn check_with_oracle(&self, viewer: Viewer<'_>, inbox: &Inbox) {
        if let Some(facts) = &self.oracle {
            let id = &viewer.teammate().id;
            assert_eq!(viewer.badge(inbox), policy::badge(facts, id, inbox));
            assert_eq!(self.newest(viewer, inbox, usize::MAX), policy::filter_inbox(facts, id, inbox).unwrap());
        }
    }

    /// Ids of the newest `limit` of an inbox, by row.
    pub(crate) fn newest(&self, viewer: Viewer<'_>, inbox: &Inbox, limit: usize) -> Vec<ConversationId> {
        let mut rows = Vec::new();
        viewer.prepare(inbox).unwrap().newest(limit, &mut rows);
        rows.iter().map(|row| self.engine.id_of(*row).unwrap().clone()).collect()
    }
}

/// Not archived, and some contact has one of these tags.
pub(crate) fn with_contact_tags(tags: &[Tag]) -> Inbox {
    Inbox::rule(Rule::ContactTags(TagSet::any(tags)))
}

/// The twelve inboxes of a sidebar.
pub(crate) fn sidebar(shape: Shape) -> Vec<Inbox> {
    let assignee = |pick| Rule::Assignee(vec![pick]);
    let nobody = || assignee(AssigneePick::Nobody);
    let contacts = |tags: &[Tag]| Rule::ContactTags(TagSet::any(tags));
    let topics = |numbers: &[usize]| Rule::ConversationTags(TagSet::any(numbers.iter().copied().map(conversation_tag)));
    let (a, b, k) = (general_tag(3), general_tag(11), clinician_tag(shape.clinician_tags() / 2));
    let rules = [
        assignee(AssigneePick::MyTeams),
        Rule::All(Vec::new()),
        assignee(AssigneePick::Anyone),
        contacts(&[a.clone(), b.clone(), k.clone()]),
        contacts(std::slice::from_ref(&k)),
        Rule::all([contacts(&[a, b]), nobody()]),
        topics(&[5]),
        Rule::all([topics(&[6, 7]), nobody()]),
        Rule::all([Rule::Endpoints(Pick::any(["main"])), nobody()]),
        Rule::all([contacts(&[k]), assignee(AssigneePick::Me)]),
    ];
    [Inbox::All, Inbox::AssignedToMe].into_iter().chain(rules.map(Inbox::rule)).collect()
}

/// Looks at what a list shows of a row; returns how much text that was.
pub(crate) fn look(row: ConversationRow<'_>) -> usize {
    let contacts = row.contacts().filter_map(visibly::ShownContact::shown);
    let texts = contacts.map(|contact| {
        let tags: usize = contact.tags().map(|tag| tag.as_str().len()).sum();
        tags + contact.name().map_or(0, str::len)
    });
    row.id().as_str().len() + row.tags().map(|tag| tag.as_str().len()).sum::<usize>() + texts.sum::<usize>()
}

/// Takes every value in turn, for ever.
pub(crate) fn in_turn<'a, T>(values: &'a [T]) -> impl FnMut() -> &'a T {
    let mut values = values.iter().cycle();
    move || values.next().unwrap()
}

/// Runs benches as the command line says.
pub(crate) fn run(benches: impl FnOnce(&mut Criterion)) {
    let criterion = Criterion::default().sample_size(20);
    let criterion = criterion.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let mut criterion = criterion.configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
