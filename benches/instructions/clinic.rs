//! The organization that instructions are counted on: the same facts in every run.
//!
//! 50 teammates, 5 teams, 20 endpoints, 2,000 contacts of whom a quarter are restricted, and as many conversations as
//! asked for, half of them archived.

use visibly::{
    Contact, Conversation, ConversationId, Dataset, Engine, FaxNumber, Inbox, Member, Organization, PhoneNumber, RowId,
    Rule, TagSet, Team, Teammate, TeammateId,
};

const TEAMMATES: usize = 50;
const TEAMS: usize = 5;
const ENDPOINTS: usize = 20;
const CONTACTS: usize = 2_000;
const TAGS: usize = 8;

/// An engine and what it is asked about.
pub struct Clinic {
    pub engine: Engine,
    pub viewer: TeammateId,
    pub ids: Vec<ConversationId>,
    pub rows: Vec<RowId>,
    pub inboxes: Vec<Inbox>,
    /// Room for all rows, for what the allocator does depends on all that went before, and differs from place to place.
    pub listed: Vec<RowId>,
}

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

    fn id(&mut self, kind: &str, limit: usize) -> String {
        format!("{kind}{}", self.below(limit))
    }
}

/// A clinic that has answered each question once, so that what is made once has been made. Never dropped, so that no
/// count holds its end.
pub fn clinic(conversations: usize) -> &'static mut Clinic {
    let engine = Engine::new(dataset(conversations)).expect("the clinic is in good order");
    let ids: Vec<ConversationId> =
        (0..1_000).map(|number| format!("v{}", number * conversations / 1_000).into()).collect();
    let rows = ids.iter().filter_map(|id| engine.row(id)).collect();
    let clinic = Clinic {
        engine,
        viewer: "t7".into(),
        ids,
        rows,
        inboxes: inboxes(),
        listed: Vec::with_capacity(conversations),
    };
    warm(&clinic);
    Box::leak(Box::new(clinic))
}

/// What is worked out once per process: the processor's features, the tables of the inboxes asked for.
fn warm(clinic: &Clinic) {
    let viewer = clinic.engine.viewer(&clinic.viewer).expect("a teammate");
    let badges = viewer.badges(&clinic.inboxes).expect("inboxes that open");
    assert!(badges.iter().all(|badge| badge.total > 0), "an inbox is empty: {badges:?}");
    assert_eq!(clinic.rows.len(), clinic.ids.len());
}

/// Any of three of the contacts' tags.
pub fn tagged() -> Inbox {
    Inbox::rule(Rule::ContactTags(TagSet::any(["tag1", "tag2", "tag3"])))
}

/// Twelve lists, as a side bar shows them.
fn inboxes() -> Vec<Inbox> {
    let named = [Inbox::All, Inbox::AssignedToMe, Inbox::TeamConversations, Inbox::Starred, Inbox::Archived];
    let rules = (0..5).map(|tag| Inbox::rule(Rule::ContactTags(TagSet::any([format!("tag{tag}")]))));
    let own = Inbox::rule(Rule::all([Rule::Unread, Rule::ConversationTags(TagSet::any(["tag5", "tag6"]))]));
    named.into_iter().chain(rules).chain([own, Inbox::assigned_to_team("g2")]).collect()
}

fn dataset(conversations: usize) -> Dataset {
    let mut random = Random(1);
    let mut dataset = Dataset::new(organization());
    dataset.contacts = (0..CONTACTS).map(|number| contact(&mut random, number)).collect();
    dataset.conversations = (0..conversations).map(|number| conversation(&mut random, number)).collect();
    dataset
}

fn organization() -> Organization {
    let mut oak = Organization::new("oak", "Oak Street").with_contact_membership();
    for number in 0..TEAMMATES {
        let teammate = Teammate::new(format!("t{number}"), "");
        oak = oak.teammate(if number < 3 { teammate.admin() } else { teammate });
    }
    for team in 0..TEAMS {
        let teammates = (0..TEAMMATES).filter(|number| number % TEAMS == team).map(|number| format!("t{number}"));
        oak = oak.team(Team::new(format!("g{team}"), "", teammates));
    }
    for number in 0..ENDPOINTS {
        let id = format!("e{number}");
        oak = match number % 4 {
            0 | 1 => oak.endpoint(PhoneNumber::new(id)),
            2 => oak.endpoint(PhoneNumber::new(id).owned_by(Member::team(format!("g{}", number % TEAMS)))),
            _ => oak.endpoint(FaxNumber::new(id).owned_by(Member::teammate(format!("t{number}")))),
        };
    }
    oak
}

fn contact(random: &mut Random, number: usize) -> Contact {
    let mut contact = Contact::new(format!("c{number}")).tag(random.id("tag", TAGS));
    if random.below(4) == 0 {
        contact = contact.members([Member::team(random.id("g", TEAMS))]);
    }
    contact
}

fn conversation(random: &mut Random, number: usize) -> Conversation {
    let (id, at) = (format!("v{number}"), random.below(1_000_000) as i64);
    let mut conversation = match random.below(10) {
        0 => Conversation::team(id, at).member(Member::team(random.id("g", TEAMS))),
        1 => Conversation::note(id, at).member(Member::teammate(random.id("t", TEAMMATES))),
        _ => Conversation::patient(id, random.id("e", ENDPOINTS), at).contact(random.id("c", CONTACTS)),
    };
    conversation.archived = random.below(2) == 0;
    match random.below(10) {
        0 if !conversation.archived => {
            conversation = conversation.assigned_to(Member::teammate(random.id("t", TEAMMATES)))
        }
        1 if !conversation.archived => conversation = conversation.assigned_to(Member::team(random.id("g", TEAMS))),
        2 => conversation = conversation.starred_by(random.id("t", TEAMMATES)),
        3 | 4 => conversation = conversation.tag(random.id("tag", TAGS)),
        _ => {}
    }
    for _ in 0..random.below(4) {
        conversation = conversation.read_by(random.id("t", TEAMMATES));
    }
    conversation
}
