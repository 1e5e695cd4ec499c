//! Deterministic shared-inbox workload: one organization, its teammates, teams,
//! endpoints and conversations, plus the query lists every engine must answer.
//!
//! Nothing here depends on an outside crate, so the same seed gives the same
//! bytes on every machine.

pub mod measure;
pub mod naive;

use std::hint::black_box;
use std::time::Instant;

use measure::{Expected, Stat};

/// xoshiro256** seeded by splitmix64.
pub struct Rng([u64; 4]);

impl Rng {
    pub fn new(seed: u64) -> Self {
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut x = z;
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ (x >> 31)
        };
        Rng([next(), next(), next(), next()])
    }
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let r = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        r
    }
    /// Uniform in `0..n`.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u32
    }
    pub fn f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub fn chance(&mut self, p: f64) -> bool {
        self.f64() < p
    }
    pub fn shuffle<T>(&mut self, v: &mut [T]) {
        for i in (1..v.len()).rev() {
            let j = self.below(i as u32 + 1) as usize;
            v.swap(i, j);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Principal {
    Org,
    Teammate(u32),
    Team(u32),
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub owner: Principal,
    pub extra: Vec<Principal>,
}

#[derive(Clone, Debug)]
pub struct Conv {
    pub id: u32,
    pub endpoint: u32,
    pub contacts: Vec<u32>,
    pub conv_tags: Vec<u16>,
    pub archived: bool,
    pub assignee: Option<Principal>,
    pub last_at: i64,
    pub unread: bool,
}

pub const GENERAL_TAGS: u32 = 30;
pub const CONV_TAGS: u32 = 40;
pub const PAGE: usize = 50;

#[derive(Clone)]
pub struct Dataset {
    pub name: String,
    pub admins: Vec<bool>,
    pub teams: Vec<Vec<u32>>,
    pub endpoints: Vec<Endpoint>,
    /// Contact -> sorted tag ids; `0..30` general, `30..30+T/5` clinician.
    pub contacts: Vec<Vec<u16>>,
    pub convs: Vec<Conv>,
}

pub const T0: i64 = 1_700_000_000_000;
pub const SPAN_MS: i64 = 730 * 86_400_000;

impl Dataset {
    pub fn size(name: &str) -> Dataset {
        match name {
            "S" => Dataset::generate("S", 50, 10_000, 1),
            "M" => Dataset::generate("M", 200, 100_000, 2),
            "L" => Dataset::generate("L", 1000, 1_000_000, 3),
            // One organization of 200 teammates, for the cost by number of conversations.
            "1e4" => Dataset::generate("1e4", 200, 10_000, 4),
            "1e5" => Dataset::generate("1e5", 200, 100_000, 5),
            "1e6" => Dataset::generate("1e6", 200, 1_000_000, 6),
            "1e7" => Dataset::generate("1e7", 200, 10_000_000, 7),
            other => panic!("unknown size {other}"),
        }
    }

    pub fn teammates(&self) -> u32 {
        self.admins.len() as u32
    }
    pub fn contact_tag_count(&self) -> u32 {
        GENERAL_TAGS + self.teammates() / 5
    }

    pub fn generate(name: &str, t: u32, c: u32, seed: u64) -> Dataset {
        let mut r = Rng::new(seed);
        let admins = (0..t).map(|i| i < t.div_ceil(50)).collect::<Vec<_>>();
        let n_teams = t / 20;
        let teams = (0..n_teams)
            .map(|_| {
                let n = (8 + r.below(9)).min(t);
                let mut m = Vec::new();
                while (m.len() as u32) < n {
                    let x = r.below(t);
                    if !m.contains(&x) {
                        m.push(x);
                    }
                }
                m.sort_unstable();
                m
            })
            .collect::<Vec<_>>();

        let mut endpoints = vec![Endpoint { owner: Principal::Org, extra: vec![] }];
        let mut owners = (0..t).collect::<Vec<_>>();
        r.shuffle(&mut owners);
        for &o in owners.iter().take(t as usize * 2 / 5) {
            let mut extra = Vec::new();
            if r.chance(0.10) {
                if r.chance(0.5) {
                    for _ in 0..1 + r.below(3) {
                        let p = Principal::Teammate(r.below(t));
                        if p != Principal::Teammate(o) && !extra.contains(&p) {
                            extra.push(p);
                        }
                    }
                } else {
                    extra.push(Principal::Team(r.below(n_teams)));
                }
            }
            endpoints.push(Endpoint { owner: Principal::Teammate(o), extra });
        }
        for team in 0..n_teams {
            let extra = if r.chance(0.20) { vec![Principal::Org] } else { vec![] };
            endpoints.push(Endpoint { owner: Principal::Team(team), extra });
        }

        // Zipf(1) over the endpoints other than the shared one, in shuffled order.
        let mut order = (1..endpoints.len() as u32).collect::<Vec<_>>();
        r.shuffle(&mut order);
        let mut cdf = Vec::with_capacity(order.len());
        let mut acc = 0.0;
        for k in 0..order.len() {
            acc += 1.0 / (k + 1) as f64;
            cdf.push(acc);
        }
        let total = acc;

        let clin = t / 5;
        let n_contacts = c / 4;
        let contacts = (0..n_contacts)
            .map(|_| {
                let mut tags = vec![(GENERAL_TAGS + r.below(clin)) as u16];
                for _ in 0..r.below(4) {
                    let g = r.below(GENERAL_TAGS) as u16;
                    if !tags.contains(&g) {
                        tags.push(g);
                    }
                }
                tags.sort_unstable();
                tags
            })
            .collect::<Vec<_>>();

        let mut ds = Dataset { name: name.into(), admins, teams, endpoints, contacts, convs: Vec::new() };
        let audience = ds.endpoint_audiences();
        let mut convs = Vec::with_capacity(c as usize);
        for id in 0..c {
            let endpoint = if r.chance(0.35) {
                0
            } else {
                let x = r.f64() * total;
                order[cdf.partition_point(|&v| v < x).min(order.len() - 1)]
            };
            let mut cs = vec![r.below(n_contacts)];
            if r.chance(0.5) {
                let x = r.below(n_contacts);
                if x != cs[0] {
                    cs.push(x);
                }
            }
            let mut conv_tags = Vec::new();
            for _ in 0..r.below(3) {
                let g = r.below(CONV_TAGS) as u16;
                if !conv_tags.contains(&g) {
                    conv_tags.push(g);
                }
            }
            conv_tags.sort_unstable();
            let archived = r.chance(0.92);
            let mut assignee = None;
            let mut unread = false;
            if !archived {
                if r.chance(0.45) {
                    assignee = Some(if r.chance(0.6) {
                        let a = &audience[endpoint as usize];
                        Principal::Teammate(a[r.below(a.len() as u32) as usize])
                    } else {
                        Principal::Team(r.below(n_teams))
                    });
                }
                unread = r.chance(0.30);
            }
            let last_at = T0 + ((r.f64() * SPAN_MS as f64) as i64);
            convs.push(Conv { id, endpoint, contacts: cs, conv_tags, archived, assignee, last_at, unread });
        }
        ds.convs = convs;
        ds.make_times_distinct();
        ds
    }

    /// No two conversations share a time: what breaks ties differs among the engines' kinds of ids.
    fn make_times_distinct(&mut self) {
        let mut order = (0..self.convs.len()).collect::<Vec<_>>();
        order.sort_unstable_by_key(|&i| (self.convs[i].last_at, i));
        let mut last = i64::MIN;
        for i in order {
            let at = &mut self.convs[i].last_at;
            *at = (*at).max(last + 1);
            last = *at;
        }
    }

    /// Whether a conversation is assigned to a team none of whose teammates sees it.
    pub fn is_assigned_to_the_blind(&self, c: &Conv, audience: &[u32]) -> bool {
        match c.assignee {
            Some(Principal::Team(k)) => !self.teams[k as usize].iter().any(|x| audience.binary_search(x).is_ok()),
            _ => false,
        }
    }

    /// For each endpoint the sorted teammates who see it.
    pub fn endpoint_audiences(&self) -> Vec<Vec<u32>> {
        let t = self.teammates();
        self.endpoints
            .iter()
            .map(|e| {
                let mut v = Vec::new();
                for p in std::iter::once(&e.owner).chain(&e.extra) {
                    match *p {
                        Principal::Org => v.extend(0..t),
                        Principal::Teammate(x) => v.push(x),
                        Principal::Team(k) => v.extend_from_slice(&self.teams[k as usize]),
                    }
                }
                v.sort_unstable();
                v.dedup();
                v
            })
            .collect()
    }

    /// For each teammate the teams that contain them.
    pub fn teams_of(&self) -> Vec<Vec<u32>> {
        let mut v = vec![Vec::new(); self.admins.len()];
        for (k, m) in self.teams.iter().enumerate() {
            for &x in m {
                v[x as usize].push(k as u32);
            }
        }
        v
    }

    /// Sorted, distinct contact tags reachable from a conversation.
    pub fn tags_of(&self, c: &Conv) -> Vec<u16> {
        let mut v = Vec::new();
        for &k in &c.contacts {
            v.extend_from_slice(&self.contacts[k as usize]);
        }
        v.sort_unstable();
        v.dedup();
        v
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Who {
    #[default]
    Any,
    Unassigned,
    Assigned,
    /// Assigned to the viewer directly.
    Me,
    /// Assigned to a team that contains the viewer.
    MyTeams,
}

/// Every filter also requires that the viewer sees the conversation and that it is not archived.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    pub who: Who,
    pub endpoint: Option<u32>,
    /// Non-empty: some contact of the conversation has one of these tags.
    pub contact_any: Vec<u16>,
    /// Non-empty: the conversation has one of these tags.
    pub conv_any: Vec<u16>,
}

impl Filter {
    pub fn all() -> Self {
        Filter { who: Who::Unassigned, ..Default::default() }
    }
    pub fn mine() -> Self {
        Filter { who: Who::Me, ..Default::default() }
    }
    pub fn tags(t: [u16; 3]) -> Self {
        Filter { contact_any: t.to_vec(), ..Default::default() }
    }
}

/// Pairs of a viewer and a conversation that are asked about: a power of two, so that going round takes no division.
pub const PAIRS: usize = 1 << 16;

/// The same query list for every engine.
#[derive(Clone)]
pub struct Queries {
    /// Q1.
    pub pairs: Vec<(u32, u32)>,
    /// Q2, Q3, Q6.
    pub viewers: Vec<u32>,
    /// Q4: one clinician and two general tags (broad).
    pub tag_broad: Vec<(u32, Filter)>,
    /// Q4s: three clinician tags (selective).
    pub tag_selective: Vec<(u32, Filter)>,
    /// Q5.
    pub sidebars: Vec<(u32, Vec<Filter>)>,
    /// Q7.
    pub convs: Vec<u32>,
    /// Q8: (conversation, new time, a viewer who sees it).
    pub updates: Vec<(u32, i64, u32)>,
}

impl Queries {
    pub fn new(ds: &Dataset, seed: u64) -> Queries {
        let mut r = Rng::new(seed ^ 0xABCD);
        let t = ds.teammates();
        let c = ds.convs.len() as u32;
        let clin = t / 5;
        let aud = ds.endpoint_audiences();
        let pairs = (0..PAIRS).map(|_| (r.below(t), r.below(c))).collect();
        let viewers = (0..512).map(|_| r.below(t)).collect::<Vec<_>>();
        let tag = |r: &mut Rng| (GENERAL_TAGS + r.below(clin)) as u16;
        let gen_tag = |r: &mut Rng| r.below(GENERAL_TAGS) as u16;
        let tag_broad =
            (0..512).map(|_| (r.below(t), Filter::tags([tag(&mut r), gen_tag(&mut r), gen_tag(&mut r)]))).collect();
        let tag_selective =
            (0..512).map(|_| (r.below(t), Filter::tags([tag(&mut r), tag(&mut r), tag(&mut r)]))).collect();
        let sidebars = (0..256)
            .map(|_| {
                let v = r.below(t);
                let d = Filter::default;
                let (a, b, k) = (gen_tag(&mut r), gen_tag(&mut r), tag(&mut r));
                let (x, y) = (r.below(CONV_TAGS) as u16, r.below(CONV_TAGS) as u16);
                let f = vec![
                    Filter::all(),
                    Filter::mine(),
                    Filter { who: Who::MyTeams, ..d() },
                    d(),
                    Filter { who: Who::Assigned, ..d() },
                    Filter { contact_any: vec![a, b, k], ..d() },
                    Filter { contact_any: vec![k], ..d() },
                    Filter { contact_any: vec![a, b], who: Who::Unassigned, ..d() },
                    Filter { conv_any: vec![x], ..d() },
                    Filter { conv_any: vec![x, y], who: Who::Unassigned, ..d() },
                    Filter { endpoint: Some(0), who: Who::Unassigned, ..d() },
                    Filter { contact_any: vec![k], who: Who::Me, ..d() },
                ];
                (v, f)
            })
            .collect();
        let convs = (0..4096).map(|_| r.below(c)).collect();
        let mut now = T0 + SPAN_MS + 1;
        let updates = (0..20_000)
            .map(|_| {
                // A message takes an assignment away that nobody assigned can see (SPEC 6.2); the peers have no such
                // rule, so nobody is asked to.
                let (c, a) = loop {
                    let c = r.below(c);
                    let conv = &ds.convs[c as usize];
                    let a = &aud[conv.endpoint as usize];
                    if !ds.is_assigned_to_the_blind(conv, a) {
                        break (c, a);
                    }
                };
                now += 1 + i64::from(r.below(2000));
                (c, now, a[r.below(a.len() as u32) as usize])
            })
            .collect();
        Queries { pairs, viewers, tag_broad, tag_selective, sidebars, convs, updates }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Q {
    Q1,
    Q2,
    Q3,
    Q4,
    Q4s,
    Q5,
    Q6,
    Q7,
    /// The update alone.
    Q8u,
    /// The update, then Q2 of one viewer who sees the conversation.
    Q8,
}

pub const ALL_Q: [Q; 10] = [Q::Q1, Q::Q2, Q::Q3, Q::Q4, Q::Q4s, Q::Q5, Q::Q6, Q::Q7, Q::Q8u, Q::Q8];

/// What an engine under measurement must offer. Ids are dense `u32`.
pub trait Engine {
    fn name(&self) -> &'static str;
    /// Queries this engine answers; others are left out of its row.
    fn supports(&self, _q: Q) -> bool {
        true
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool;
    /// Newest first by `(last_at, id)` descending.
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>);
    /// `(total, unread)` for each filter.
    fn counts(&mut self, viewer: u32, f: &[Filter], out: &mut Vec<(u32, u32)>);
    /// In any order, archived too.
    fn visible(&mut self, viewer: u32, out: &mut Vec<u32>);
    /// The same gone through, without a list where the engine needs none: the greatest number, 0 of none.
    fn greatest_visible(&mut self, viewer: u32) -> u32 {
        let mut out = Vec::new();
        self.visible(viewer, &mut out);
        out.into_iter().max().unwrap_or_default()
    }
    /// Teammates who see the conversation, in any order.
    fn audience(&mut self, conv: u32, out: &mut Vec<u32>);
    /// New message: `last_at = at`, not archived, unread.
    fn message(&mut self, conv: u32, at: i64);
    /// A message, then the newest of `all` for one viewer: nanoseconds after the first, and after both.
    ///
    /// The page is as short as the engine makes it, such as row handles; [`Engine::page`] is what is compared.
    fn message_then_all(&mut self, conv: u32, at: i64, viewer: u32) -> (f64, f64) {
        let (all, mut out) = (Filter::all(), Vec::with_capacity(PAGE));
        let start = Instant::now();
        self.message(conv, at);
        let sent = start.elapsed();
        self.page(viewer, &all, PAGE, &mut out);
        black_box(&out);
        (sent.as_nanos() as f64, start.elapsed().as_nanos() as f64)
    }
    /// Bytes held where the Rust allocator does not see them.
    fn foreign_bytes(&mut self) -> usize {
        0
    }
    /// Seconds and bytes of the build, where the adapter knows better than the harness: making inputs is not to count.
    fn built(&self) -> Option<(f64, usize)> {
        None
    }
    /// Asserts and times the questions that change nothing, for an engine with more than one way to ask them, in turns
    /// with the baseline; `false` to be asked through this trait.
    fn read(
        &mut self,
        _q: &Queries,
        _ex: &Expected,
        _secs: f64,
        _base: &mut dyn Engine,
        _stats: &mut Vec<Stat>,
    ) -> bool {
        false
    }
    fn note(&mut self) -> String {
        String::new()
    }
}

/// The tags of a sidebar made by `Queries::new`: contact tags a, b, k and conversation tags x, y.
/// Peers that prepare one statement for the twelve filters use it; it checks the shape.
pub fn sidebar_tags(f: &[Filter]) -> [u16; 5] {
    assert_eq!(f.len(), 12);
    let [a, b, k] = f[5].contact_any[..] else { panic!("not the sidebar's shape") };
    let [x, y] = f[9].conv_any[..] else { panic!("not the sidebar's shape") };
    assert_eq!(f[11], Filter { contact_any: vec![k], who: Who::Me, ..Default::default() });
    [a, b, k, x, y]
}
