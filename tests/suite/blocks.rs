//! Lists, badges and pages over thousands of conversations: many blocks and groups of leaves at their real sizes, which
//! random organizations are too small for and unit tests shrink.

use visibly::{
    ArchiveScope, AssigneePick, Change, Contact, Conversation, ConversationId, Dataset, Engine, Facts, Inbox, Member,
    Organization, PageRequest, PhoneNumber, Pick, Rule, Tag, TagSet, Team, Teammate, TeammateId, Viewer, policy,
};

const TEAMMATES: usize = 9;
const ENDPOINTS: usize = 40;
const CONTACTS: usize = 600;
const CONVERSATIONS: usize = 20_000;

/// Numbers in no order, the same ones each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % limit
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

fn teammate(number: usize) -> TeammateId {
    TeammateId::from(format!("t{number}"))
}

fn endpoint(number: usize) -> String {
    format!("e{number}")
}

fn conversation(number: usize) -> ConversationId {
    ConversationId::from(format!("v{number}"))
}

/// Lines of everyone, of the team, of one or two teammates; the first two, of the team, carry most conversations, so that
/// some see nearly all and others little.
fn organization() -> Organization {
    let mut oak = Organization::new("oak", "Oak Street").team(Team::new("desk", "Desk", ["t1", "t2", "t3"]));
    for number in 0..TEAMMATES {
        let made = Teammate::new(teammate(number), "One");
        oak = oak.teammate(if number == 0 { made.admin() } else { made });
    }
    for number in 0..ENDPOINTS {
        let owner = match number % 5 {
            _ if number < 2 => Member::team("desk"),
            0 => Member::Organization,
            1 => Member::team("desk"),
            _ => Member::Teammate(teammate(number % TEAMMATES)),
        };
        let made = PhoneNumber::new(endpoint(number)).owned_by(owner);
        oak = oak.endpoint(made.shared_with(Member::Teammate(teammate(number * 7 % TEAMMATES))));
    }
    oak
}

/// Tags from one that every other conversation or contact has to one that a few have.
fn tags(dice: &mut Dice) -> Vec<Tag> {
    let tags = [("half", 2), ("tenth", 10), ("hundredth", 100), ("few", 2_000)];
    tags.into_iter().filter(|(_, count)| dice.once_in(*count)).map(|(tag, _)| Tag::from(tag)).collect()
}

fn dataset(dice: &mut Dice) -> Dataset {
    let mut dataset = Dataset::new(organization());
    for number in 0..CONTACTS {
        let mut contact = Contact::new(format!("p{number}"));
        contact.tags = tags(dice);
        dataset.contacts.push(contact);
    }
    for number in 0..CONVERSATIONS {
        let over = if dice.once_in(3) { dice.below(ENDPOINTS) } else { dice.below(2) };
        let mut made = Conversation::patient(conversation(number), endpoint(over), dice.below(CONVERSATIONS) as i64);
        made.contacts = vec![format!("p{}", dice.below(CONTACTS)).into()];
        made.tags = tags(dice);
        made.archived = dice.once_in(20);
        made.assignee = dice.once_in(3).then(|| Member::Teammate(teammate(dice.below(TEAMMATES))));
        made.read_by = (0..TEAMMATES).filter(|_| dice.once_in(2)).map(teammate).collect();
        dataset.conversations.push(made);
    }
    dataset
}

fn tagged(tags: &[&str]) -> Rule {
    Rule::ContactTags(TagSet::any(tags.iter().copied()))
}

/// Inboxes of which a block has every slot, some, a few, and none; by masks alone, and with rows that are matched.
fn inboxes() -> Vec<Inbox> {
    let own = |tag: &str| Rule::ConversationTags(TagSet::any([tag]));
    let rules = [
        tagged(&["half", "tenth"]),
        tagged(&["tenth"]),
        tagged(&["hundredth"]),
        tagged(&["few"]),
        tagged(&["none has it"]),
        own("hundredth"),
        Rule::All(vec![own("tenth"), tagged(&["tenth"])]),
        Rule::Not(Box::new(Rule::Any(vec![own("half"), tagged(&["half"])]))),
        Rule::Unread,
        Rule::Assignee(vec![AssigneePick::Anyone]),
        Rule::Endpoints(Pick::any(["e7", "e11", "e30"])),
        Rule::All(vec![tagged(&["tenth"]), Rule::Contacts(Pick::any((0..300).map(|number| format!("p{number}"))))]),
    ];
    let named = [Inbox::All, Inbox::AssignedToMe, Inbox::Archived, Inbox::Everything];
    let everything = Inbox::Rule { rule: tagged(&["hundredth"]), archived: ArchiveScope::Include };
    named.into_iter().chain(rules.map(Inbox::rule)).chain([everything]).collect()
}

fn ids(viewer: &Viewer<'_>, inbox: &Inbox, request: &PageRequest) -> Vec<ConversationId> {
    viewer.filter_inbox(inbox, request).unwrap().rows.iter().map(|row| row.id().clone()).collect()
}

fn assert_lists_as_policy(engine: &Engine, facts: &Facts) {
    for number in 0..TEAMMATES {
        let (id, viewer) = (teammate(number), engine.viewer(&teammate(number)).unwrap());
        for inbox in inboxes() {
            let list = policy::filter_inbox(facts, &id, &inbox).unwrap();
            assert!(ids(&viewer, &inbox, &PageRequest::all()) == list, "{id} {inbox:?}");
            assert_eq!(viewer.badge(&inbox).unwrap(), policy::badge(facts, &id, &inbox).unwrap(), "{id} {inbox:?}");
            for size in [1, 7, 49, 50, 51, 63, 64, 65, 127, 128, 129, 511, 512, 513] {
                let expected = &list[..size.min(list.len())];
                assert!(ids(&viewer, &inbox, &PageRequest::first(size)) == expected, "{id} {inbox:?} first {size}");
            }
        }
    }
}

fn assert_pages_follow(engine: &Engine, size: usize) {
    for number in [0, 1, TEAMMATES - 1] {
        let viewer = engine.viewer(&teammate(number)).unwrap();
        for inbox in inboxes() {
            let (mut paged, mut request) = (Vec::new(), PageRequest::first(size));
            loop {
                let page = viewer.filter_inbox(&inbox, &request).unwrap();
                paged.extend(page.rows.iter().map(|row| row.id().clone()));
                let Some(next) = page.next else { break };
                request = PageRequest::first(size).after(next);
            }
            assert!(paged == ids(&viewer, &inbox, &PageRequest::all()), "{viewer:?} {inbox:?} by {size}");
        }
    }
}

/// SPEC 5.3 to 5.9.
#[test]
fn thousands_are_listed_counted_and_paged_as_policy_says() {
    let dice = &mut Dice(88_172_645_463_325_252);
    let dataset = dataset(dice);
    let (mut facts, mut engine) = (Facts::load(dataset.clone()).unwrap(), Engine::new(dataset).unwrap());
    assert_lists_as_policy(&engine, &facts);
    assert_pages_follow(&engine, 97);
    for step in 0..3_000 {
        // Most are new, others come late, and some leave.
        let at = if dice.once_in(3) { dice.below(CONVERSATIONS) } else { CONVERSATIONS + step } as i64;
        let id = conversation(dice.below(CONVERSATIONS));
        let change = if dice.once_in(4) { Change::archive(id) } else { Change::receive_message(id, at) };
        facts.apply(&change).unwrap();
        engine.apply(&change).unwrap();
    }
    engine.check().unwrap();
    assert_lists_as_policy(&engine, &facts);
    assert_pages_follow(&engine, 130);
}

/// Ids of 2 to 41 bytes: in place and on the heap, hashed and compared in every way.
fn long_or_short(number: usize) -> ConversationId {
    ConversationId::from(format!("v{number:0width$}", width = number % 41))
}

/// SPEC 5.5: in the given order, each once, whoever asks; unknown ids drop out wherever they stand.
#[test]
fn searches_of_thousands_find_what_policy_finds() {
    let dice = &mut Dice(2_463_534_242);
    let mut dataset = dataset(dice);
    for (number, conversation) in dataset.conversations.iter_mut().enumerate() {
        conversation.id = long_or_short(number);
    }
    let (facts, engine) = (Facts::load(dataset.clone()).unwrap(), Engine::new(dataset).unwrap());
    for number in 0..TEAMMATES {
        let (id, viewer) = (teammate(number), engine.viewer(&teammate(number)).unwrap());
        for count in [0, 1, 63, 64, 65, 128, 5_000] {
            let candidates: Vec<_> = (0..count).map(|_| long_or_short(dice.below(CONVERSATIONS * 5 / 4))).collect();
            let found: Vec<_> = viewer.search(&candidates).iter().map(|row| row.id().clone()).collect();
            assert!(found == policy::search(&facts, &id, &candidates).unwrap(), "{id}, {count} candidates");
            for candidate in &candidates {
                let is_seen = policy::can_view(&facts, &id, candidate);
                assert_eq!(viewer.can_view(candidate), is_seen, "{id} {candidate}");
            }
        }
    }
}
