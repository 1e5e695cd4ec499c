//! Long walks of random changes over blocks so small that every way of laying them out is taken.

use super::{Engine, PageRequest};
use crate::model::{
    Change, Contact, ContactUpdate, Conversation, Dataset, Endpoint, EndpointKind, Facts, Filter, Inbox, Member,
    Organization, Rule, TagSet, Team, Teammate, TeammateUpdate,
};
use crate::{ArchiveScope, AssigneePick, Pick, TeammateId, policy};

/// Splitmix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % limit as u64) as usize
    }

    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    fn id(&mut self, kind: &str, limit: usize) -> String {
        format!("{kind}{}", self.below(limit))
    }

    fn member(&mut self) -> Member {
        match self.below(6) {
            0 => Member::Organization,
            1 | 2 => Member::team(self.id("g", 4)),
            _ => Member::teammate(self.id("t", 12)),
        }
    }

    fn members(&mut self, most: usize) -> Vec<Member> {
        (0..self.below(most + 1)).map(|_| self.member()).collect()
    }

    fn tags(&mut self) -> Vec<crate::Tag> {
        (0..self.below(4)).map(|_| self.id("tag", 6).into()).collect()
    }

    fn conversation(&mut self, conversations: usize) -> Conversation {
        let id = self.id("v", conversations);
        let at = self.below(400) as i64;
        let mut conversation = match self.below(8) {
            0 => Conversation::team(id, at),
            1 => Conversation::note(id, at),
            _ => Conversation::patient(id, self.id("e", 10), at),
        };
        conversation.members = if self.one_in(3) { self.members(2) } else { Vec::new() };
        conversation.contacts = (0..self.below(4)).map(|_| self.id("c", 20).into()).collect();
        conversation.tags = self.tags();
        conversation
    }

    fn contact(&mut self) -> Contact {
        let id = self.id("c", 20);
        let members = if self.one_in(2) { self.members(2) } else { vec![Member::Organization] };
        let mut contact = Contact::new(id).members(members);
        contact.tags = self.tags();
        contact
    }

    /// Mostly what moves conversations about, now and then what moves people.
    fn change(&mut self, conversations: usize, clock: &mut i64) -> Change {
        let id = self.id("v", conversations);
        match self.below(40) {
            0..=9 => {
                *clock += self.below(3) as i64;
                let at = if self.one_in(4) { self.below(400) as i64 } else { *clock };
                Change::receive_message(id, at)
            }
            10..=13 => Change::archive(id),
            14 => Change::unarchive(id),
            15..=17 => Change::Assign { id: id.into(), to: Some(self.member()), grant_access: self.one_in(2) },
            18 => Change::unassign(id),
            19 => Change::mark_read(id, self.id("t", 12)),
            20 if self.one_in(2) => Change::mark_read(id, self.id("t", 12)),
            20 => Change::MarkUnread { id: id.into(), by: self.id("t", 12).into() },
            21 => Change::star(id, self.id("t", 12)),
            22 => Change::Unstar { id: id.into(), by: self.id("t", 12).into() },
            23 => Change::TagConversations { ids: vec![id.into()], add: self.tags(), remove: self.tags() },
            24 => Change::TagContacts { ids: vec![self.id("c", 20).into()], add: self.tags(), remove: self.tags() },
            25..=28 => Change::StartConversation(self.conversation(conversations)),
            29 => Change::RemoveConversation { id: id.into() },
            30 => Change::AddConversationMember { id: id.into(), member: self.member() },
            31 => Change::RemoveConversationMember { id: id.into(), member: self.member() },
            32 => Change::SetContactMembers { id: self.id("c", 20).into(), members: self.members(2) },
            33 => Change::UpdateContact(ContactUpdate::new(self.id("c", 20)).name(Some(self.id("N", 5).into()))),
            34 => Change::AddContact(self.contact()),
            35 => Change::RemoveContact { id: self.id("c", 20).into() },
            36 => self.change_of_people(),
            37 => self.change_of_lines(),
            38 => Change::SetTeam {
                id: self.id("g", 4).into(),
                teammates: (0..self.below(5)).map(|_| self.id("t", 12).into()).collect(),
            },
            _ => Change::SetContactMembership(self.one_in(2)),
        }
    }

    fn change_of_people(&mut self) -> Change {
        let id = self.id("t", 12);
        match self.below(6) {
            0 | 1 => Change::AddTeammate(Teammate::new(id, "")),
            2 => Change::RemoveTeammate { id: id.into(), transfer_to: self.member() },
            3 => Change::AddTeam(Team::new(self.id("g", 4), "", [id])),
            4 => Change::RemoveTeam { id: self.id("g", 4).into() },
            _ => Change::UpdateTeammate(TeammateUpdate::new(id).suspended(self.one_in(3)).admin(self.one_in(3))),
        }
    }

    fn change_of_lines(&mut self) -> Change {
        let id = self.id("e", 10);
        match self.below(4) {
            0 => Change::AddEndpoint(Endpoint::new(id, EndpointKind::FaxNumber)),
            1 => Change::SetAutoAssign { id: id.into(), to: self.one_in(2).then(|| self.member()) },
            _ => {
                let (owner, additional_members) = (self.member(), self.members(2));
                Change::SetEndpointAccess { id: id.into(), owner, additional_members }
            }
        }
    }
}

fn clinic() -> Dataset {
    let mut oak = Organization::new("oak", "Oak");
    for number in 0..12 {
        let teammate = Teammate::new(format!("t{number}"), "");
        oak = oak.teammate(if number < 2 { teammate.admin() } else { teammate });
    }
    for number in 0..4 {
        oak = oak.team(Team::new(format!("g{number}"), "", (number..number + 4).map(|one| format!("t{one}"))));
    }
    for number in 0..10 {
        let mut endpoint = Endpoint::new(format!("e{number}"), EndpointKind::SpruceLink);
        if number > 1 {
            endpoint.owner = Member::teammate(format!("t{number}"));
        }
        oak = oak.endpoint(endpoint);
    }
    let mut dataset = Dataset::new(oak);
    for number in 0..20 {
        dataset = dataset.contact(Contact::new(format!("c{number}")).tag(format!("tag{}", number % 6)));
    }
    let mine = Rule::Assignee(vec![AssigneePick::Me, AssigneePick::MyTeams]);
    dataset.filter(Filter::conversations("mine", "", "t0", mine).shared_with(Member::Organization))
}

fn inboxes() -> Vec<Inbox> {
    let tagged = Rule::ContactTags(TagSet::any(["tag0", "tag1"]));
    let untagged = Rule::not(Rule::all([tagged.clone(), Rule::Unread]));
    let lines = Rule::any([Rule::Endpoints(Pick::any(["e0", "e3"])), Rule::ConversationTags(TagSet::all(["tag2"]))]);
    let whole = |rule: &Rule| Inbox::Rule { rule: rule.clone(), archived: ArchiveScope::Include };
    let assigned = |pick: &AssigneePick| Rule::Assignee(vec![pick.clone()]);
    let [nobody, anyone, me] = [AssigneePick::Nobody, AssigneePick::Anyone, AssigneePick::Me];
    let contradiction = Rule::all([assigned(&nobody), assigned(&anyone)]);
    let mine_and_nobodys = Rule::all([assigned(&me), contradiction.clone()]);
    vec![
        Inbox::rule(contradiction),
        Inbox::rule(mine_and_nobodys),
        Inbox::rule(Rule::Assignee(vec![me, AssigneePick::Teammate("t1".into())])),
        Inbox::All,
        Inbox::AssignedToMe,
        Inbox::TeamConversations,
        Inbox::Starred,
        Inbox::Archived,
        Inbox::Everything,
        Inbox::saved("mine"),
        whole(&untagged),
        Inbox::rule(tagged),
        Inbox::rule(untagged),
        Inbox::rule(lines),
        Inbox::rule(Rule::all([
            Rule::ActiveSince(200.into()),
            Rule::Kinds(Pick::any([crate::ConversationKind::Patient])),
        ])),
    ]
}

/// Compares lists, two sizes of pages and badges with the rules read aloud.
fn assert_same_lists(engine: &Engine, facts: &Facts, viewer: &TeammateId) {
    let Ok(bound) = engine.viewer(viewer) else {
        assert!(policy::filter_inbox(facts, viewer, &Inbox::All).is_err());
        return;
    };
    for inbox in &inboxes() {
        let expected = match policy::filter_inbox(facts, viewer, inbox) {
            Ok(expected) => expected,
            Err(error) => {
                assert_eq!(bound.badge(inbox), Err(error), "{viewer} {inbox:?}");
                continue;
            }
        };
        for size in [7, usize::MAX] {
            let mut request = PageRequest::first(size);
            let mut listed = Vec::new();
            loop {
                let page = bound.filter_inbox(inbox, &request).unwrap();
                listed.extend(page.rows.iter().map(|row| row.id().clone()));
                match page.next {
                    Some(next) => request = PageRequest::first(size).after(next),
                    None => break,
                }
            }
            assert_eq!(listed, expected, "{viewer} {inbox:?} in pages of {size}");
        }
        let badge = policy::badge(facts, viewer, inbox).unwrap();
        assert_eq!(bound.badge(inbox), Ok(badge), "{viewer} {inbox:?}");
    }
    let open: Vec<Inbox> = inboxes().into_iter().filter(|inbox| bound.badge(inbox).is_ok()).collect();
    let one_by_one: Vec<_> = open.iter().map(|inbox| bound.badge(inbox).unwrap()).collect();
    assert_eq!(bound.badges(&open).unwrap(), one_by_one, "{viewer}");
}

fn walk(seed: u64, steps: usize, conversations: usize) {
    let mut random = Random(seed);
    let mut clock = 400;
    let (mut engine, mut facts) = (Engine::new(clinic()).unwrap(), Facts::load(clinic()).unwrap());
    let mut snapshot = None;
    for step in 0..steps {
        let change = random.change(conversations, &mut clock);
        let outcome = engine.apply(&change).map(drop);
        assert_eq!(outcome, facts.apply(&change), "step {step}: {change:?}");
        if step % 500 != 499 {
            continue;
        }
        engine.state.check().unwrap_or_else(|fault| panic!("step {step}: {fault}"));
        if let Some((old, dataset)) = snapshot.replace((engine.clone(), engine.to_dataset())) {
            let old: Engine = old;
            old.state.check().unwrap_or_else(|fault| panic!("snapshot at step {step}: {fault}"));
            assert_eq!(old.to_dataset(), dataset, "a snapshot has changed by step {step}");
        }
        let rebuilt = Engine::new(engine.to_dataset()).unwrap();
        rebuilt.state.check().unwrap();
        for viewer in 0..12 {
            let viewer = TeammateId::from(format!("t{viewer}"));
            assert_same_lists(&engine, &facts, &viewer);
            assert_same_lists(&rebuilt, &facts, &viewer);
        }
        assert_eq!(engine.audit(), policy::audit(&facts));
    }
}

#[test]
fn rows_beyond_the_limit_are_left_as_they_are() {
    let engine = Engine::new(clinic().conversation(Conversation::patient("v", "e0", 0))).unwrap();
    let viewer = engine.viewer(&"t0".into()).unwrap();
    let row = engine.row(&"v".into()).unwrap();
    for inbox in [Inbox::All, Inbox::Everything, Inbox::AssignedToMe, Inbox::Starred] {
        let mut rows = vec![row; 3];
        viewer.prepare(&inbox).unwrap().newest(1, &mut rows);
        assert_eq!(rows, [row; 3]);
    }
}

#[test]
fn rows_that_a_caller_has_are_appended_to() {
    let conversation = Conversation::patient("v", "e0", 0).assigned_to(Member::teammate("t0"));
    let engine = Engine::new(clinic().conversation(conversation)).unwrap();
    let viewer = engine.viewer(&"t0".into()).unwrap();
    let row = engine.row(&"v".into()).unwrap();
    let mut rows = vec![row; 2];
    viewer.prepare(&Inbox::AssignedToMe).unwrap().newest(10, &mut rows);
    assert_eq!(rows, [row; 3]);
}

/// One busy conversation among quiet ones must not leave a nearly empty block behind for each of them.
#[test]
fn a_busy_conversation_leaves_no_empty_blocks_behind() {
    let mut dataset = clinic();
    for number in 0..200 {
        dataset = dataset.conversation(Conversation::patient(format!("v{number}"), "e0", number));
    }
    let mut engine = Engine::new(dataset).unwrap();
    let mut clock = 1_000;
    for quiet in 1..200 {
        for id in std::iter::once(format!("v{quiet}")).chain((0..200).map(|_| "v0".to_owned())) {
            clock += 1;
            engine.apply(&Change::receive_message(id, clock)).unwrap();
        }
    }
    engine.check().unwrap();
    let blocks = engine.state.open.spine.order().len();
    assert!(blocks <= 8, "200 conversations in {blocks} blocks of 128");
}

#[test]
fn a_rule_that_is_far_too_deep_is_refused_before_it_is_copied() {
    let mut rule = Rule::Unread;
    for _ in 0..20_000 {
        rule = Rule::Not(Box::new(rule));
    }
    let change = Change::PutFilter(Filter::conversations("deep", "", "t0", rule));
    let refused = Engine::new(clinic()).unwrap().apply(&change).unwrap_err();
    assert_eq!(refused.code(), crate::ErrorCode::RuleTooDeep);
    // Dropping so deep a rule is the caller's: it is taken apart here, level by level.
    let Change::PutFilter(mut filter) = change else { return };
    while let Rule::Not(inner) = filter.rule {
        filter.rule = *inner;
    }
}

/// How many steps a walk takes; `VISIBLY_WALK=100000` for a long one.
fn steps() -> usize {
    std::env::var("VISIBLY_WALK").ok().and_then(|steps| steps.parse().ok()).unwrap_or(3_000)
}

#[test]
fn any_changes_leave_the_engine_like_one_built_anew() {
    walk(1, steps(), 120);
}

#[test]
fn many_conversations_are_kept_in_order_through_splits_and_merges() {
    walk(2, steps() * 2, 1_500);
}

#[test]
fn a_few_conversations_come_and_go_under_the_same_ids() {
    walk(3, steps(), 12);
}
