//! Long walks of random changes over blocks so small that every way of laying them out is taken.

use super::{Engine, PageRequest, RowId};
use crate::model::{
    Change, Contact, ContactUpdate, Conversation, Dataset, Endpoint, EndpointKind, Facts, Filter, Inbox, Member,
    Organization, PhoneNumber, Rule, TagSet, Team, Teammate, TeammateUpdate, Timestamp,
};
use crate::{ArchiveScope, AssigneePick, ContactCategory, EndpointId, Pick, TeammateId, policy};

/// How many steps a test goes at once. One, but where an interpreter of the code takes ten thousand times as long; odd, for
/// what is done at every other step.
pub(super) const LEAP: usize = if cfg!(miri) { 41 } else { 1 };

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
    let one_of = |teammate: &str| Rule::Assignee(vec![me.clone(), AssigneePick::Teammate(teammate.into())]);
    let of_anyone = |rule: Rule| {
        Inbox::rule(Rule::all([
            Rule::Assignee((0..12).map(|one| AssigneePick::Teammate(format!("t{one}").into())).collect()),
            rule,
        ]))
    };
    let own_tags = || Rule::ConversationTags(TagSet::any(["tag2", "tag3"]));
    vec![
        // The lists of assignees, cut down by everything that masks tell.
        of_anyone(Rule::Unread),
        of_anyone(Rule::not(Rule::Unread)),
        of_anyone(tagged.clone()),
        of_anyone(own_tags()),
        of_anyone(Rule::all([own_tags(), Rule::Starred])),
        Inbox::rule(Rule::all([one_of("t1"), one_of("t2")])),
        Inbox::rule(Rule::all([one_of("t1"), assigned(&anyone)])),
        // More tags than are counted at once, and as many.
        Inbox::rule(Rule::ContactTags(TagSet::any((0..6).map(|tag| format!("tag{tag}"))))),
        Inbox::rule(Rule::ConversationTags(TagSet::any((1..6).map(|tag| format!("tag{tag}"))))),
        Inbox::rule(Rule::ConversationTags(TagSet::any((0..4).map(|tag| format!("tag{tag}"))))),
        // What masks tell and what they do not, side by side.
        Inbox::rule(Rule::all([assigned(&nobody), Rule::Unread, own_tags()])),
        Inbox::rule(Rule::all([assigned(&anyone), Rule::Unread, tagged.clone()])),
        Inbox::rule(Rule::all([
            Rule::ConversationTags(TagSet::all(["tag2", "tag3"])),
            Rule::Contacts(Pick::any(["c1"])),
        ])),
        Inbox::rule(Rule::all([Rule::not(Rule::ConversationTags(TagSet::any(["tag0"]))), Rule::Starred])),
        Inbox::rule(Rule::not(Rule::any([Rule::Starred, own_tags()]))),
        Inbox::rule(Rule::all([Rule::Endpoints(Pick::none(["e1"])), Rule::ActiveBefore(300.into())])),
        Inbox::rule(contradiction),
        Inbox::rule(mine_and_nobodys),
        Inbox::rule(one_of("t1")),
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

/// Rules over times that there are, and what else is asked of archived conversations.
fn inboxes_of_times(facts: &Facts) -> Vec<Inbox> {
    let mut times: Vec<Timestamp> = facts.conversations.values().map(|one| one.last_activity).collect();
    times.sort_unstable();
    let time = |third: usize| times.get(times.len() * third / 3).copied().unwrap_or(Timestamp::from_millis(0));
    let (since, before) = (Rule::ActiveSince(time(1)), Rule::ActiveBefore(time(2)));
    let tagged = Rule::ContactTags(TagSet::any(["tag1", "tag2"]));
    let kinds = Rule::ContactCategories(Pick::none([ContactCategory::Clinic]));
    let rules = [
        Rule::all([since.clone(), before.clone()]),
        Rule::all([Rule::not(before.clone()), tagged.clone()]),
        Rule::all([Rule::not(since.clone()), Rule::any([Rule::Starred, Rule::Contacts(Pick::any(["c1", "c2"]))])]),
        Rule::all([before.clone(), Rule::Contacts(Pick::any(["c1", "c3"]))]),
        Rule::all([Rule::ActiveSince(time(2)), Rule::ActiveBefore(time(1))]),
        Rule::any([Rule::all([before, tagged.clone()]), since]),
        Rule::any([Rule::all([tagged, kinds.clone()]), Rule::not(kinds)]),
    ];
    let scopes = [ArchiveScope::Exclude, ArchiveScope::Include, ArchiveScope::Only];
    let in_scopes = |rule: Rule| scopes.map(|archived| Inbox::Rule { rule: rule.clone(), archived });
    rules.into_iter().flat_map(in_scopes).collect()
}

/// Compares lists, two sizes of pages and badges with the rules read aloud.
fn assert_same_lists(engine: &Engine, facts: &Facts, viewer: &TeammateId) {
    let Ok(bound) = engine.viewer(viewer) else {
        assert!(policy::filter_inbox(facts, viewer, &Inbox::All).is_err());
        return;
    };
    let asked: Vec<Inbox> = inboxes().into_iter().chain(inboxes_of_times(facts)).collect();
    for inbox in &asked {
        let expected = match policy::filter_inbox(facts, viewer, inbox) {
            Ok(expected) => expected,
            Err(error) => {
                assert_eq!(bound.badge(inbox), Err(error), "{viewer} {inbox:?}");
                continue;
            }
        };
        for size in [7, expected.len().max(1), usize::MAX] {
            let mut request = PageRequest::first(size);
            let mut listed = Vec::new();
            loop {
                let page = bound.filter_inbox(inbox, &request).unwrap();
                listed.extend(page.rows.iter().map(|row| row.id().clone()));
                assert_eq!(page.next.is_some(), listed.len() < expected.len(), "{viewer} {inbox:?} in pages of {size}");
                match page.next {
                    Some(next) => request = PageRequest::first(size).after(next),
                    None => break,
                }
            }
            assert_eq!(listed, expected, "{viewer} {inbox:?} in pages of {size}");
        }
        let held = [RowId(u32::MAX); 2];
        let mut rows = held.to_vec();
        bound.prepare(inbox).unwrap().newest(5, &mut rows);
        let newest = expected.iter().take(3).map(|id| engine.row(id).unwrap());
        assert!(held.into_iter().chain(newest).eq(rows), "{viewer} {inbox:?} behind others");
        let badge = policy::badge(facts, viewer, inbox).unwrap();
        assert_eq!(bound.badge(inbox), Ok(badge), "{viewer} {inbox:?}");
    }
    assert_same_rows(engine, facts, viewer);
    let open: Vec<Inbox> = asked.into_iter().filter(|inbox| bound.badge(inbox).is_ok()).collect();
    let one_by_one: Vec<_> = open.iter().map(|inbox| bound.badge(inbox).unwrap()).collect();
    assert_eq!(bound.badges(&open).unwrap(), one_by_one, "{viewer}");
}

/// Compares what is seen by row number, those of no conversation included.
fn assert_same_rows(engine: &Engine, facts: &Facts, viewer: &TeammateId) {
    let bound = engine.viewer(viewer).unwrap();
    let everything = policy::filter_inbox(facts, viewer, &Inbox::Everything).unwrap();
    let mut expected: Vec<RowId> = everything.iter().map(|id| engine.row(id).unwrap()).collect();
    let mut rows = Vec::new();
    bound.visible_rows(&mut rows);
    assert_eq!(bound.visible().len(), rows.len(), "{viewer}");
    for passed in [0, rows.len().min(1), rows.len() / 2] {
        let mut left = bound.visible();
        assert!(left.by_ref().take(passed).eq(rows.iter().take(passed).copied()), "{viewer}");
        let by_fold = left.fold(Vec::new(), |mut all, row| {
            all.push(row);
            all
        });
        assert_eq!(by_fold, rows[passed..], "{viewer}");
    }
    expected.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, expected, "{viewer}");
    let all = (0..engine.state.ids.len() as u32 + 2).map(RowId);
    assert_eq!(all.clone().filter_map(|row| engine.id_of(row)).count(), engine.state.count);
    for row in all.clone() {
        let audience = engine.audience_of(row);
        assert_eq!(audience.is_some(), engine.id_of(row).is_some(), "{row:?}");
        let holds = |one: &TeammateId| audience.is_some_and(|audience| audience.contains(one));
        assert_eq!(holds(viewer), bound.can_view_row(row), "{viewer} {row:?}");
        assert!(!holds(&"ghost".into()));
    }
    assert!(all.filter(|row| bound.can_view_row(*row)).eq(expected), "{viewer}");
}

fn walk(seed: u64, steps: usize, conversations: usize) {
    // What goes wrong with few is soon put right again by another change, and they are looked at in no time.
    let every = (4 * conversations).min(500);
    let (mut random, mut previewed) = (Random(seed), Random(seed + 10));
    let mut clock = 400;
    let (mut engine, mut facts) = (Engine::new(clinic()).unwrap(), Facts::load(clinic()).unwrap());
    let mut snapshot = None;
    for step in 0..steps {
        let change = random.change(conversations, &mut clock);
        let outcome = engine.apply(&change).map(drop);
        assert_eq!(outcome, facts.apply(&change), "step {step}: {change:?}");
        if step % every != every - 1 {
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
        for viewer in (0..12).step_by(LEAP) {
            let viewer = TeammateId::from(format!("t{viewer}"));
            assert_same_lists(&engine, &facts, &viewer);
            assert_same_lists(&rebuilt, &facts, &viewer);
        }
        assert_eq!(engine.audit(), policy::audit(&facts));
        for count in [1, 2].repeat(12).into_iter().step_by(LEAP) {
            let changes: Vec<Change> =
                (0..count).map(|_| previewed.change(conversations, &mut clock.clone())).collect();
            assert_eq!(engine.preview(&changes), facts.preview(&changes), "step {step}: {changes:?}");
        }
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
    for quiet in (1..200).step_by(LEAP) {
        for id in std::iter::once(format!("v{quiet}")).chain((0..200).map(|_| "v0".to_owned())) {
            clock += 1;
            engine.apply(&Change::receive_message(id, clock)).unwrap();
        }
    }
    engine.check().unwrap();
    let blocks = engine.state.open.spine.order().len();
    assert!(blocks <= 8, "200 conversations in {blocks} blocks of 128");
}

/// SPEC 5.1, 5.8: beyond sixteen, a walk looks at each conversation's class, for leaves say nothing of those left out.
#[test]
fn who_sees_more_large_classes_than_a_walk_keeps_at_hand_misses_none() {
    for count in [16, 17] {
        let lines = (0..count).map(|line| PhoneNumber::new(format!("line{line}")));
        let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana"));
        let oak = lines.fold(oak, Organization::endpoint);
        let waiting = 0..count * 17;
        let conversation =
            |i: i64| Conversation::patient(format!("v{i}"), format!("line{}", i % count), i).contact("pat");
        let clinic = Dataset::new(oak).contact(Contact::new("pat"));
        let engine = Engine::new(waiting.clone().map(conversation).fold(clinic, Dataset::conversation)).unwrap();
        assert_eq!(engine.state.classes.many().count() as i64, count);
        let ana = engine.viewer(&"ana".into()).unwrap();
        let listed = ana.filter_inbox(&Inbox::All, &PageRequest::all()).unwrap();
        let expected = waiting.rev().map(|i| format!("v{i}"));
        assert!(listed.rows.iter().map(|row| row.id().as_str().to_owned()).eq(expected), "{count} lines");
        assert_eq!(ana.badge(&Inbox::All).unwrap().total, listed.rows.len(), "{count} lines");
    }
}

#[test]
fn what_leaves_the_archive_leaves_the_others_at_their_places() {
    let archived = |i: i64| {
        let mut conversation = Conversation::patient(format!("v{i}"), "e0", i);
        conversation.archived = true;
        conversation
    };
    let count = if LEAP == 1 { 1_000 } else { 100 };
    let mut engine = Engine::new((0..count).map(archived).fold(clinic(), Dataset::conversation)).unwrap();
    for i in (0..count).filter(|i| i % 50 > 0) {
        engine.apply(&Change::unarchive(format!("v{i}"))).unwrap();
    }
    engine.check().unwrap();
    let listed = engine.viewer(&"t0".into()).unwrap().filter_inbox(&Inbox::Archived, &PageRequest::all()).unwrap();
    let expected = (0..count / 50).rev().map(|i| format!("v{}", i * 50));
    assert!(listed.rows.iter().map(|row| row.id().as_str().to_owned()).eq(expected));
}

#[test]
fn three_classes_that_come_to_be_alike_become_one() {
    let members = [&["t5"][..], &["t5", "g3"], &["g3", "t5"]];
    let member = |id: &&str| if id.starts_with('g') { Member::team(*id) } else { Member::teammate(*id) };
    for counts in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 3, 2], [2, 2, 2]] {
        let mut dataset = clinic();
        for (members, count) in members.iter().zip(counts) {
            for _ in 0..count {
                let id = format!("v{}", dataset.conversations.len());
                let mut conversation = Conversation::team(id, 0);
                conversation.members = members.iter().map(member).collect();
                dataset = dataset.conversation(conversation);
            }
        }
        let mut engine = Engine::new(dataset).unwrap();
        engine.apply(&Change::RemoveTeam { id: "g3".into() }).unwrap();
        engine.check().unwrap();
        let badge = engine.viewer(&"t5".into()).unwrap().badge(&Inbox::TeamConversations).unwrap();
        assert_eq!(badge.total, 6, "{counts:?}");
    }
}

/// Blocks are not walked to the end for them, and what is behind is gathered and cut.
#[test]
fn who_sees_few_of_many_is_listed_what_they_see() {
    let mut random = Random(4);
    let mut dataset = clinic();
    let count = if LEAP == 1 { 4_000 } else { 200 };
    for i in 0..count {
        let endpoint = if i % 50 == 0 { "e0" } else { "e5" };
        let mut conversation = Conversation::patient(format!("v{i}"), endpoint, random.below(2_000) as i64);
        conversation.contacts = vec![random.id("c", 20).into()];
        conversation.tags = random.tags();
        conversation.archived = random.one_in(8);
        conversation.assignee = random.one_in(3).then(|| Member::teammate(random.id("t", 12)));
        conversation.read_by = (0..12).filter(|_| random.one_in(2)).map(|t| format!("t{t}").into()).collect();
        conversation.starred_by = (0..12).filter(|_| random.one_in(4)).map(|t| format!("t{t}").into()).collect();
        dataset = dataset.conversation(conversation);
    }
    let (engine, facts) = (Engine::new(dataset.clone()).unwrap(), Facts::load(dataset).unwrap());
    for viewer in ["t5", "t10"] {
        assert_same_lists(&engine, &facts, &viewer.into());
    }
    let (mut engine, mut facts) = (engine, facts);
    for i in (0..count).step_by(50) {
        let (id, by) = (format!("v{i}"), TeammateId::from("t10"));
        let change = if i % 100 == 0 { Change::mark_read(id, by) } else { Change::MarkUnread { id: id.into(), by } };
        assert_eq!(engine.apply(&change).map(drop), facts.apply(&change));
    }
    engine.check().unwrap();
    assert_same_lists(&engine, &facts, &"t10".into());
}

/// SPEC 6.6; numbers that were a contact's are a contact's again.
#[test]
fn what_is_used_no_longer_may_be_removed_and_nothing_stays_of_it() {
    let (mut engine, mut facts) = (Engine::new(clinic()).unwrap(), Facts::load(clinic()).unwrap());
    let mut succeeds = |change: Change| {
        let outcome = engine.apply(&change).map(drop);
        assert_eq!(outcome, facts.apply(&change), "{change:?}");
        engine.check().unwrap();
        for contact in facts.contacts() {
            assert_eq!(engine.contact(&contact.id).as_ref(), Some(contact), "{change:?}");
        }
        outcome.is_ok()
    };
    let contact = |kind: &str, i: usize| {
        let categories = [ContactCategory::Patient, ContactCategory::Professional, ContactCategory::Clinic];
        Contact::new(format!("{kind}{i}")).category(categories[(i + kind.len()) % 3])
    };
    let (removed, line) = (|id: String| Change::RemoveContact { id: id.into() }, EndpointId::from("e0"));
    let count = if LEAP == 1 { 40 } else { 4 };
    for i in 0..count {
        assert!(succeeds(Change::AddContact(contact("p", i))));
        let conversation = Conversation::patient(format!("v{i}"), "e0", 0).contact(format!("p{i}"));
        assert!(succeeds(Change::StartConversation(conversation)));
    }
    assert!((0..count).all(|i| !succeeds(removed(format!("p{i}")))));
    assert!(!succeeds(Change::RemoveEndpoint { id: line.clone() }));
    assert!((0..count).all(|i| succeeds(Change::RemoveConversation { id: format!("v{i}").into() })));
    assert!((0..count).all(|i| succeeds(removed(format!("p{i}")))));
    assert!(succeeds(Change::RemoveEndpoint { id: line }));
    assert!((0..count).all(|i| succeeds(Change::AddContact(contact("qq", i)))));
}

#[test]
fn times_at_both_ends_of_what_a_number_holds_are_loaded_in_order() {
    let times = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let conversations = (0..70).map(|i| {
        let mut conversation = Conversation::patient(format!("v{i}"), "e0", times[i * 3 % 7]);
        conversation.archived = i % 2 == 0;
        conversation
    });
    let dataset = conversations.fold(clinic(), Dataset::conversation);
    let (engine, facts) = (Engine::new(dataset.clone()).unwrap(), Facts::load(dataset).unwrap());
    engine.check().unwrap();
    assert_same_lists(&engine, &facts, &"t0".into());
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

/// How many steps a walk takes, unless `VISIBLY_WALK` says: 100000 for a long one.
const STEPS: usize = if LEAP == 1 { 3_000 } else { 100 };

fn steps() -> usize {
    std::env::var("VISIBLY_WALK").ok().and_then(|steps| steps.parse().ok()).unwrap_or(STEPS)
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
