//! `visibly` under the shared workload, through its public API alone.
//!
//! * Ids are texts such as `c123`, `t5`; contacts have names. A conversation that is unarchived and not unread has been
//!   read by everyone who sees it; an archived one carries no marks.
//! * Bytes are those that the engine holds of what was allocated for its facts. Texts are told apart by [`texts`].
//! * Each question is asked by row handle with viewer and inbox prepared, and again as a service would: from the id,
//!   from the inbox as a value, with what a list shows.

use std::hint::black_box;
use std::time::Instant;

use visibly::{
    AssigneePick, Change, Contact, ContactId, Conversation, ConversationId, Engine, Inbox, Member, Organization,
    PageRequest, PhoneNumber, Pick, PreparedInbox, RowId, Rule, SpruceLink, TagSet, Team, Teammate, TeammateId, Viewer,
};
use workload::measure::{Expected, Stat, V1, V5, V6, VP, answered, beside, held};
use workload::{Dataset, Filter, PAGE, PAIRS, Principal, Queries, Who};

pub struct Peer {
    engine: Engine,
    teammates: Vec<TeammateId>,
    conversations: Vec<ConversationId>,
    rows: Vec<RowId>,
    build_s: f64,
    bytes: usize,
    texts: (usize, usize),
    /// A page's rows: room for them is made once, as a service does.
    page: Vec<RowId>,
}

impl Peer {
    pub fn build(ds: &Dataset) -> Self {
        let before = held();
        let facts = facts(ds);
        let start = Instant::now();
        let engine = Engine::new(facts).expect("a sound dataset");
        let build_s = start.elapsed().as_secs_f64();
        let bytes = held().wrapping_sub(before);
        let conversations: Vec<_> = (0..ds.convs.len()).map(|c| ConversationId::from(format!("c{c}"))).collect();
        let rows = conversations.iter().map(|id| engine.row(id).expect("a known conversation")).collect();
        let teammates = (0..ds.teammates()).map(|t| TeammateId::from(format!("t{t}"))).collect();
        Self { texts: texts(ds), engine, teammates, conversations, rows, build_s, bytes, page: Vec::new() }
    }

    fn viewer(&self, viewer: u32) -> Viewer<'_> {
        self.engine.viewer(&self.teammates[viewer as usize]).expect("an active teammate")
    }

    fn number(&self, row: RowId) -> u32 {
        number(self.engine.id_of(row).expect("a known row").as_str())
    }

    fn numbers(&self, rows: &[RowId]) -> Vec<u32> {
        rows.iter().map(|row| self.number(*row)).collect()
    }

    fn sorted(&self, rows: &[RowId]) -> Vec<u32> {
        let mut found = self.numbers(rows);
        found.sort_unstable();
        found
    }
}

/// The number in an id such as `c123`.
fn number(id: &str) -> u32 {
    id[1..].parse().expect("a number")
}

fn member(p: &Principal) -> Member {
    match p {
        Principal::Org => Member::Organization,
        Principal::Teammate(t) => Member::teammate(format!("t{t}")),
        Principal::Team(k) => Member::team(format!("k{k}")),
    }
}

/// The data set as facts of `visibly`.
pub fn facts(ds: &Dataset) -> visibly::Dataset {
    let mut organization = Organization::new("org", "Organization");
    let ids: Vec<_> = (0..ds.teammates()).map(|t| TeammateId::from(format!("t{t}"))).collect();
    for (t, admin) in ds.admins.iter().enumerate() {
        let teammate = Teammate::new(&ids[t], format!("Teammate {t}"));
        organization.teammates.push(if *admin { teammate.admin() } else { teammate });
    }
    for (k, team) in ds.teams.iter().enumerate() {
        let teammates = team.iter().map(|t| &ids[*t as usize]);
        organization.teams.push(Team::new(format!("k{k}"), format!("Team {k}"), teammates));
    }
    let endpoints: Vec<_> = (0..ds.endpoints.len()).map(|e| visibly::EndpointId::from(format!("e{e}"))).collect();
    for (e, endpoint) in ds.endpoints.iter().enumerate() {
        let mut made: visibly::Endpoint = match endpoint.owner {
            Principal::Teammate(_) => SpruceLink::new(&endpoints[e]).into(),
            _ => PhoneNumber::new(&endpoints[e]).into(),
        };
        made.owner = member(&endpoint.owner);
        made.additional_members = endpoint.extra.iter().map(member).collect();
        organization.endpoints.push(made);
    }
    let mut facts = visibly::Dataset::new(organization);
    let tag = |t: u16| visibly::Tag::from(format!("contact tag {t}"));
    let contact_tags: Vec<_> = (0..ds.contact_tag_count() as u16).map(tag).collect();
    let conversation_tags: Vec<_> =
        (0..workload::CONV_TAGS).map(|t| visibly::Tag::from(format!("conversation tag {t}"))).collect();
    let contacts: Vec<_> = (0..ds.contacts.len()).map(|c| ContactId::from(format!("p{c}"))).collect();
    facts.contacts.reserve_exact(contacts.len());
    for (c, tags) in ds.contacts.iter().enumerate() {
        let mut contact = Contact::new(&contacts[c]).named(contact_name(c));
        contact.tags = tags.iter().map(|t| contact_tags[*t as usize].clone()).collect();
        facts.contacts.push(contact);
    }
    let audiences = ds.endpoint_audiences();
    facts.conversations.reserve_exact(ds.convs.len());
    for c in &ds.convs {
        let mut made = Conversation::patient(format!("c{}", c.id), &endpoints[c.endpoint as usize], c.last_at);
        made.contacts = c.contacts.iter().map(|p| contacts[*p as usize].clone()).collect();
        made.tags = c.conv_tags.iter().map(|t| conversation_tags[*t as usize].clone()).collect();
        made.archived = c.archived;
        made.assignee = c.assignee.as_ref().map(member);
        if !c.archived && !c.unread {
            made.read_by = audiences[c.endpoint as usize].iter().map(|t| ids[*t as usize].clone()).collect();
        }
        facts.conversations.push(made);
    }
    facts
}

fn contact_name(c: usize) -> String {
    format!("Contact {c}")
}

/// Bytes of the texts of conversations and contacts, and of pointers to them, 16 for each id and name.
///
/// An id is 24 bytes with its text in place: 16 count as the pointer that they replace, 8 as text, what pads it
/// included. Names are pointers to their texts.
fn texts(ds: &Dataset) -> (usize, usize) {
    let names: usize = (0..ds.contacts.len()).map(|c| contact_name(c).len()).sum();
    (8 * (ds.convs.len() + ds.contacts.len()) + names, 16 * (ds.convs.len() + 2 * ds.contacts.len()))
}

fn contact_tags(tags: &[u16]) -> Rule {
    Rule::ContactTags(TagSet::any(tags.iter().map(|t| format!("contact tag {t}"))))
}

/// The inbox of a filter.
pub fn inbox(f: &Filter) -> Inbox {
    let assignee = match f.who {
        Who::Any => None,
        Who::Unassigned => Some(AssigneePick::Nobody),
        Who::Assigned => Some(AssigneePick::Anyone),
        Who::Me => Some(AssigneePick::Me),
        Who::MyTeams => Some(AssigneePick::MyTeams),
    };
    if *f == Filter::all() {
        return Inbox::All;
    }
    if *f == Filter::mine() {
        return Inbox::AssignedToMe;
    }
    let mut rules: Vec<_> = assignee.map(|pick| Rule::Assignee(vec![pick])).into_iter().collect();
    if let Some(e) = f.endpoint {
        rules.push(Rule::Endpoints(Pick::any([format!("e{e}")])));
    }
    if !f.contact_any.is_empty() {
        rules.push(contact_tags(&f.contact_any));
    }
    if !f.conv_any.is_empty() {
        rules.push(Rule::ConversationTags(TagSet::any(f.conv_any.iter().map(|t| format!("conversation tag {t}")))));
    }
    Inbox::rule(match <[Rule; 1]>::try_from(rules) {
        Ok([rule]) => rule,
        Err(rules) => Rule::All(rules),
    })
}

/// Looks at what a list shows of each row; returns how much that was.
fn look<'e>(rows: impl IntoIterator<Item = visibly::ConversationRow<'e>>) -> usize {
    let contact = |contact: visibly::ContactRow<'_>| {
        contact.id().as_str().len() + contact.name().map_or(0, str::len) + text_of(contact.tags())
    };
    let row = |row: visibly::ConversationRow<'_>| {
        let contacts: usize = row.contacts().filter_map(visibly::ShownContact::shown).map(contact).sum();
        row.id().as_str().len()
            + text_of(row.tags())
            + contacts
            + usize::from(row.is_read())
            + usize::from(row.is_starred())
    };
    rows.into_iter().map(row).sum()
}

fn text_of<'t>(tags: impl Iterator<Item = &'t visibly::Tag>) -> usize {
    tags.map(|tag| tag.as_str().len()).sum()
}

fn counts(badges: &[visibly::Badge]) -> Vec<(u32, u32)> {
    badges.iter().map(|badge| (badge.total as u32, badge.unread as u32)).collect()
}

impl workload::Engine for Peer {
    fn name(&self) -> &'static str {
        "visibly"
    }
    fn built(&self) -> Option<(f64, usize)> {
        Some((self.build_s, self.bytes))
    }
    fn can_view(&mut self, viewer: u32, conv: u32) -> bool {
        self.engine.can_view(&self.teammates[viewer as usize], &self.conversations[conv as usize])
    }
    fn page(&mut self, viewer: u32, f: &Filter, limit: usize, out: &mut Vec<u32>) {
        let inbox = inbox(f);
        let page = self.viewer(viewer).filter_inbox(&inbox, &PageRequest::first(limit)).expect("an open inbox");
        out.clear();
        out.extend(page.rows.iter().map(|row| number(row.id().as_str())));
    }
    fn counts(&mut self, viewer: u32, f: &[Filter], out: &mut Vec<(u32, u32)>) {
        let inboxes: Vec<_> = f.iter().map(inbox).collect();
        *out = counts(&self.viewer(viewer).badges(&inboxes).expect("open inboxes"));
    }
    fn visible(&mut self, viewer: u32, out: &mut Vec<u32>) {
        let mut rows = Vec::new();
        self.viewer(viewer).visible_rows(&mut rows);
        *out = self.numbers(&rows);
    }
    fn audience(&mut self, conv: u32, out: &mut Vec<u32>) {
        let audience = self.engine.audience(&self.conversations[conv as usize]).expect("a known conversation");
        out.clear();
        out.extend(audience.iter().map(|id| number(id.as_str())));
    }
    fn message(&mut self, conv: u32, at: i64) {
        let id = self.conversations[conv as usize].clone();
        self.engine.apply(&Change::receive_message(id, at)).expect("a known conversation");
    }
    fn message_then_all(&mut self, conv: u32, at: i64, viewer: u32) -> (f64, f64) {
        let change = Change::receive_message(&self.conversations[conv as usize], at);
        let mut rows = std::mem::take(&mut self.page);
        rows.clear();
        let start = Instant::now();
        self.engine.apply(&change).expect("a known conversation");
        let applied = start.elapsed();
        self.viewer(viewer).prepare(&Inbox::All).expect("an open inbox").newest(PAGE, &mut rows);
        let listed = start.elapsed();
        self.page = rows;
        (applied.as_nanos() as f64, listed.as_nanos() as f64)
    }
    fn note(&mut self) -> String {
        let per = |bytes: usize| bytes as f64 / self.conversations.len() as f64;
        let (heap, pointers) = self.texts;
        format!(
            "a conversation: {:.1} bytes of texts, {:.1} of pointers to them, {:.1} without texts, {:.1} without either",
            per(heap),
            per(pointers),
            per(self.bytes - heap),
            per(self.bytes - heap - pointers)
        )
    }

    fn read(
        &mut self,
        q: &Queries,
        ex: &Expected,
        secs: f64,
        base: &mut dyn workload::Engine,
        stats: &mut Vec<Stat>,
    ) -> bool {
        let a = workload::measure::answers(self, q, false);
        workload::measure::same("visibly, by id", &a, ex, self, false);
        drop(a);
        let this = &*self;
        let viewers: Vec<_> = (0..this.teammates.len() as u32).map(|v| this.viewer(v)).collect();
        this.read_pairs(q, ex, secs, &viewers, base, stats);
        let (all, mine) = (Inbox::All, Inbox::AssignedToMe);
        let of_all: Vec<_> = q.viewers.iter().map(|v| (viewers[*v as usize], &all)).collect();
        let of_mine: Vec<_> = q.viewers.iter().map(|v| (viewers[*v as usize], &mine)).collect();
        let rules = |l: &[(u32, Filter)]| l.iter().map(|(v, f)| (viewers[*v as usize], inbox(f))).collect::<Vec<_>>();
        let (broad, selective) = (rules(&q.tag_broad), rules(&q.tag_selective));
        let same = |f: Filter| q.viewers.iter().map(|v| (*v, f.clone())).collect::<Vec<_>>();
        let (same_all, same_mine) = (same(Filter::all()), same(Filter::mine()));
        let broad: Vec<_> = broad.iter().map(|(v, i)| (*v, i)).collect();
        let selective: Vec<_> = selective.iter().map(|(v, i)| (*v, i)).collect();
        this.read_pages("Q2", &of_all, &ex.q2, secs, (base, &same_all), stats);
        this.read_pages("Q3", &of_mine, &ex.q3, secs, (base, &same_mine), stats);
        this.read_pages("Q4", &broad, &ex.q4, secs, (base, &q.tag_broad), stats);
        this.read_pages("Q4s", &selective, &ex.q4s, secs, (base, &q.tag_selective), stats);
        this.read_badges(q, ex, secs, &viewers, base, stats);
        let mut out = Vec::with_capacity(this.rows.len());
        let mut rows = Vec::with_capacity(this.rows.len());
        for (v, expected) in q.viewers[..V6].iter().zip(&ex.q6) {
            rows.clear();
            viewers[*v as usize].visible_rows(&mut rows);
            assert_eq!(this.sorted(&rows), *expected, "Q6");
            assert!(viewers[*v as usize].visible().eq(rows.iter().copied()), "Q6 through");
        }
        let visible = |i: usize| {
            rows.clear();
            viewers[q.viewers[i % q.viewers.len()] as usize].visible_rows(&mut rows);
            black_box(&rows);
        };
        stats.push(beside("Q6", secs, visible, |i| {
            base.visible(q.viewers[i % q.viewers.len()], &mut out);
            black_box(&out);
        }));
        let through = |i: usize| {
            black_box(viewers[q.viewers[i % q.viewers.len()] as usize].visible().max());
        };
        stats.push(beside("Q6 through", secs, through, |i| {
            black_box(base.greatest_visible(q.viewers[i % q.viewers.len()]));
        }));
        let audience = |i: usize| {
            black_box(this.engine.audience_of(this.rows[q.convs[i % q.convs.len()] as usize]));
        };
        stats.push(beside("Q7", secs, audience, |i| {
            base.audience(q.convs[i % q.convs.len()], &mut out);
            black_box(&out);
        }));
        true
    }
}

impl Peer {
    fn read_pairs(
        &self,
        q: &Queries,
        ex: &Expected,
        secs: f64,
        viewers: &[Viewer<'_>],
        base: &mut dyn workload::Engine,
        stats: &mut Vec<Stat>,
    ) {
        let pairs = &q.pairs;
        let handles: Vec<_> = pairs.iter().map(|(v, c)| (*v, self.rows[*c as usize])).collect();
        // In the order of the questions, as rows are: who asks has the id at hand.
        let ids: Vec<_> = pairs.iter().map(|(v, c)| (*v, self.conversations[*c as usize].clone())).collect();
        let by_row = |i: usize| {
            let (v, row) = handles[i % PAIRS];
            viewers[v as usize].can_view_row(row)
        };
        let by_id = |i: usize| {
            let (v, id) = &ids[i % PAIRS];
            self.engine.can_view(&self.teammates[*v as usize], id)
        };
        let bound = |i: usize| {
            let (v, id) = &ids[i % PAIRS];
            viewers[*v as usize].can_view(id)
        };
        assert!((0..V1).map(by_row).eq(ex.q1.iter().copied()), "Q1");
        assert!((0..V1).map(bound).eq(ex.q1.iter().copied()), "Q1 by id");
        let asks: [(&str, &dyn Fn(usize) -> bool); 3] = [("Q1", &by_row), ("Q1 id", &bound), ("Q1 ids", &by_id)];
        for (label, ask) in asks {
            let same = |i: usize| {
                let (v, c) = pairs[i % PAIRS];
                answered(base.can_view(v, c));
            };
            let ask = |i: usize| {
                answered(ask(i));
            };
            stats.push(beside(label, secs, ask, same));
        }
    }

    fn read_pages<'e>(
        &'e self,
        label: &str,
        list: &[(Viewer<'e>, &'e Inbox)],
        expected: &[Vec<u32>],
        secs: f64,
        (base, same): (&mut dyn workload::Engine, &[(u32, Filter)]),
        stats: &mut Vec<Stat>,
    ) {
        let prepared: Vec<PreparedInbox<'_, '_>> =
            list.iter().map(|(viewer, inbox)| viewer.prepare(inbox).expect("an open inbox")).collect();
        let first = PageRequest::first(PAGE);
        for (inbox, expected) in prepared[..VP].iter().zip(expected) {
            let mut rows = Vec::new();
            inbox.newest(PAGE, &mut rows);
            assert_eq!(self.numbers(&rows), *expected, "{label}");
            let page = inbox.page(&first).expect("a page");
            assert!(page.rows.iter().map(|row| number(row.id().as_str())).eq(expected.iter().copied()), "{label} rows");
        }
        let n = list.len();
        let mut out = Vec::with_capacity(PAGE);
        let mut same = |i: usize| {
            let (v, f) = &same[i % n];
            base.page(*v, f, PAGE, &mut out);
            black_box(&out);
        };
        let mut rows = Vec::with_capacity(PAGE);
        let newest = |i: usize| {
            rows.clear();
            prepared[i % n].newest(PAGE, &mut rows);
            black_box(&rows);
        };
        stats.push(beside(label, secs, newest, &mut same));
        let mut rows = Vec::with_capacity(PAGE);
        let prepare_too = |i: usize| {
            rows.clear();
            let (viewer, inbox) = list[i % n];
            viewer.prepare(inbox).expect("an open inbox").newest(PAGE, &mut rows);
            black_box(&rows);
        };
        stats.push(beside(format!("{label} rule"), secs, prepare_too, &mut same));
        let made = |i: usize| {
            black_box(prepared[i % n].page(&first).expect("a page"));
        };
        stats.push(beside(format!("{label} page"), secs, made, &mut same));
        let shown = |i: usize| {
            black_box(look(prepared[i % n].page(&first).expect("a page").rows));
        };
        stats.push(beside(format!("{label} shown"), secs, shown, &mut same));
        let asked = |i: usize| {
            let (viewer, inbox) = list[i % n];
            black_box(viewer.filter_inbox(inbox, &first).expect("a page"));
        };
        stats.push(beside(format!("{label} filter_inbox"), secs, asked, &mut same));
    }

    fn read_badges(
        &self,
        q: &Queries,
        ex: &Expected,
        secs: f64,
        viewers: &[Viewer<'_>],
        base: &mut dyn workload::Engine,
        stats: &mut Vec<Stat>,
    ) {
        let list: Vec<_> =
            q.sidebars.iter().map(|(v, f)| (viewers[*v as usize], f.iter().map(inbox).collect::<Vec<_>>())).collect();
        let prepared: Vec<Vec<_>> = list
            .iter()
            .map(|(v, inboxes)| inboxes.iter().map(|inbox| v.prepare(inbox).expect("an open inbox")).collect())
            .collect();
        let one_by_one = |i: usize| prepared[i % list.len()].iter().map(PreparedInbox::badge).collect::<Vec<_>>();
        let together = |i: usize| {
            let (viewer, inboxes) = &list[i % list.len()];
            viewer.badges(inboxes).expect("open inboxes")
        };
        for (i, expected) in ex.q5[..V5].iter().enumerate() {
            assert_eq!(counts(&one_by_one(i)), *expected, "Q5, one by one");
            assert_eq!(counts(&together(i)), *expected, "Q5");
        }
        let mut out = Vec::new();
        let mut same = |i: usize| {
            let (v, f) = &q.sidebars[i % q.sidebars.len()];
            base.counts(*v, f, &mut out);
            black_box(&out);
        };
        stats.push(beside("Q5", secs, |i| drop(black_box(together(i))), &mut same));
        stats.push(beside("Q5 one by one", secs, |i| drop(black_box(one_by_one(i))), &mut same));
    }
}
