//! Random organizations, inboxes and rules, with hostile texts for ids and tags.

use visibly::{
    ArchiveScope, AssigneePick, Channel, Contact, ContactCategory, ContactList, Conversation, ConversationKind,
    Dataset, Endpoint, EndpointKind, Filter, Inbox, Invitation, Lists, Member, Organization, Pick, Rule, TagSet, Team,
    Teammate, Timestamp,
};

/// SplitMix64 (Steele, Lea and Flood, 2014): equal seeds give equal worlds.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In `0..below`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// Up to `most` of them, some perhaps twice.
    fn some<T: Clone>(&mut self, most: usize, from: &[T]) -> Vec<T> {
        let count = if from.is_empty() { 0 } else { self.below(most + 1) };
        (0..count).map(|_| self.pick(from).clone()).collect()
    }

    fn shuffled<T: Clone>(&mut self, from: &[T]) -> Vec<T> {
        let mut from = from.to_vec();
        (1..from.len()).for_each(|end| from.swap(end, self.below(end + 1)));
        from
    }
}

/// Texts that break careless SQL, order differently by locale, or look like something else.
pub(crate) fn hostile_texts(with_nul: bool) -> Vec<String> {
    let texts = [
        "a",
        "A",
        "b",
        "Z",
        "z",
        "O'Neil",
        "''",
        "\"",
        "\\",
        "\\'",
        "%",
        "_",
        "a%",
        "$1",
        "$$",
        "?",
        "?1",
        ":id",
        "@id",
        "--",
        "/*",
        ";",
        "'; DROP TABLE conversations; --",
        "\" OR \"\"=\"",
        "line\nbreak",
        "\r\n",
        "tab\t",
        " ",
        " a",
        "a ",
        "é",
        "e\u{301}",
        "ß",
        "SS",
        "İ",
        "ı",
        "😀",
        "👩\u{200d}👧",
        "\u{10ffff}",
        "\u{fffd}",
        "\u{e000}",
        "\u{ffff}",
        "\u{202e}b",
        "NULL",
        "null",
        "TRUE",
        "0",
        "1",
        "1e3",
        "{}",
        "[1]",
        "organization",
        "team",
        "teammate",
        "patient",
        "E'\\x41'",
        "\u{1}",
        "\u{7f}",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).into();
    texts.push("long".repeat(500));
    if with_nul {
        texts.extend(["\0", "a\0", "a\0b", "\0a"].map(str::to_owned));
    }
    texts
}

/// What a world's rules can name: texts of which some are ids and tags of the world and others are of nothing.
pub(crate) struct Names {
    texts: Vec<String>,
    tags: Vec<String>,
}

impl Names {
    pub(crate) fn new(with_nul: bool) -> Self {
        let texts = hostile_texts(with_nul);
        let tags = texts.iter().filter(|text| !text.trim().is_empty()).cloned().collect();
        Self { texts, tags }
    }
}

/// One random organization with few of everything, so that everything happens to something.
pub(crate) fn world(random: &mut Random, names: &Names, id: &str) -> Dataset {
    // A dozen texts, so that rules, which draw from the same, hit often.
    let pool: Vec<String> = random.shuffled(&names.texts).into_iter().take(12).collect();
    let tags: Vec<String> = random.shuffled(&names.tags).into_iter().take(4).collect();
    let mut dataset = Dataset::new(organization(random, &pool, id));
    let people: Vec<_> = dataset.organization.teammates.iter().map(|it| it.id.clone()).collect();
    let members = members(&dataset.organization);
    let assignees: Vec<_> = members.iter().filter(|member| **member != Member::Organization).cloned().collect();
    for contact in pool.iter().take(random.below(8)) {
        dataset.contacts.push(self::contact(random, contact, &members, &tags));
    }
    let contacts: Vec<_> = dataset.contacts.iter().map(|it| it.id.clone()).collect();
    let ids = random.shuffled(&names.texts);
    for id in ids.iter().take(random.below(26)) {
        let time = *random.pick(&[0, 0, 1, 2, 3, 4, -5, 1_700_000_000_000, i64::MAX, i64::MIN]);
        let mut conversation = match (random.below(5), &dataset.organization.endpoints[..]) {
            (0, _) => Conversation::team(id.as_str(), time),
            (1, _) | (_, []) => Conversation::note(id.as_str(), time),
            (_, endpoints) => Conversation::patient(id.as_str(), &random.pick(endpoints).id, time),
        };
        conversation.contacts = random.some(3, &contacts);
        conversation.members = random.some(2, &members);
        conversation.assignee = random.some(1, &assignees).pop();
        conversation.archived = random.one_in(4);
        conversation.tags = random.some(3, &tags).iter().map(|tag| tag.as_str().into()).collect();
        conversation.read_by = random.some(3, &people);
        conversation.starred_by = random.some(2, &people);
        dataset.conversations.push(conversation);
    }
    // A share and a rule may name what is gone, or never was (SPEC 5.7).
    let gone = ["gone", "", " "].map(Member::team).into_iter().chain(["gone", ""].map(Member::teammate));
    let shares: Vec<_> = members.iter().cloned().chain(gone).collect();
    for id in pool.iter().take(random.below(6)) {
        let (owner, is_over_contacts) = (random.pick(&people).clone(), random.one_in(3));
        let rule = rule(random, &dataset, names, 3, is_over_contacts);
        let mut filter = Filter::conversations(id.as_str(), "filter", owner, rule);
        filter.lists = if is_over_contacts { Lists::Contacts } else { Lists::Conversations };
        filter.shared_with = random.some(2, &shares);
        filter.archived = scope(random);
        dataset.filters.push(filter);
    }
    dataset
}

fn organization(random: &mut Random, pool: &[String], id: &str) -> Organization {
    let mut organization = Organization::new(id, "Oak Street");
    organization.contact_membership = !random.one_in(3);
    let ids = random.shuffled(pool);
    let nobody_is_left = random.one_in(20);
    for id in ids.iter().take(3 + random.below(5)) {
        let mut teammate = Teammate::new(id.as_str(), "someone");
        teammate.admin = random.one_in(4);
        teammate.suspended = nobody_is_left || random.one_in(5);
        organization.teammates.push(teammate);
    }
    let people: Vec<_> = organization.teammates.iter().map(|it| it.id.clone()).collect();
    for id in random.shuffled(pool).iter().take(random.below(4)) {
        organization.teams.push(Team::new(id.as_str(), "team", random.some(4, &people)));
    }
    let members = members(&organization);
    let kinds =
        [EndpointKind::SpruceLink, EndpointKind::PhoneNumber, EndpointKind::FaxNumber, EndpointKind::EmailAddress];
    for id in random.shuffled(pool).iter().take(random.below(5)) {
        let mut endpoint = Endpoint::new(id.as_str(), *random.pick(&kinds));
        endpoint.owner = random.pick(&members).clone();
        endpoint.additional_members = random.some(2, &members);
        organization.endpoints.push(endpoint);
    }
    organization
}

fn members(organization: &Organization) -> Vec<Member> {
    let teams = organization.teams.iter().map(|team| Member::team(&team.id));
    let people = organization.teammates.iter().map(|teammate| Member::teammate(&teammate.id));
    teams.chain(people).chain([Member::Organization]).collect()
}

fn contact(random: &mut Random, id: &str, members: &[Member], tags: &[String]) -> Contact {
    let names =
        ["", "ana", "Ana", "ANA", "İlk", "ÉTÉ", "été", "Zoë", "ΟΔΟΣ", "ß", "ẞ", "😀", "\u{e000}", "Ǆ", "a'b", "_", "ŉ"];
    let mut contact = Contact::new(id).category(*random.pick(&CATEGORIES)).invitation(*random.pick(&INVITATIONS));
    contact.name = (!random.one_in(4)).then(|| (*random.pick(&names)).into());
    if !random.one_in(3) {
        contact.members = random.some(2, members);
    }
    contact.tags = random.some(3, tags).iter().map(|tag| tag.as_str().into()).collect();
    contact
}

const CATEGORIES: [ContactCategory; 4] =
    [ContactCategory::Patient, ContactCategory::Professional, ContactCategory::Clinic, ContactCategory::Unsaved];
const INVITATIONS: [Invitation; 3] = [Invitation::NotInvited, Invitation::Invited, Invitation::HasAccount];
const CHANNELS: [Channel; 4] = [Channel::Secure, Channel::Phone, Channel::Fax, Channel::Email];
const KINDS: [ConversationKind; 3] = [ConversationKind::Patient, ConversationKind::Team, ConversationKind::Note];

fn scope(random: &mut Random) -> ArchiveScope {
    *random.pick(&[ArchiveScope::Exclude, ArchiveScope::Include, ArchiveScope::Only])
}

/// Any inbox that needs no saved filter.
pub(crate) fn inbox(random: &mut Random, dataset: &Dataset, names: &Names) -> Inbox {
    match random.below(9) {
        0 => Inbox::All,
        1 => Inbox::AssignedToMe,
        2 => Inbox::TeamConversations,
        3 => Inbox::Starred,
        4 => Inbox::Archived,
        5 => Inbox::Everything,
        6 => match &dataset.organization.teams[..] {
            [] => Inbox::assigned_to_team(random.pick(&names.texts).as_str()),
            teams => Inbox::assigned_to_team(&random.pick(teams).id),
        },
        _ => ruled_inbox(random, dataset, names),
    }
}

pub(crate) fn ruled_inbox(random: &mut Random, dataset: &Dataset, names: &Names) -> Inbox {
    let depth = random.below(5);
    Inbox::Rule { rule: rule(random, dataset, names, depth, false), archived: scope(random) }
}

/// Any contact list that needs no saved filter.
pub(crate) fn contact_list(random: &mut Random, dataset: &Dataset, names: &Names) -> ContactList {
    match random.below(10) {
        0 => ContactList::All,
        1 => ContactList::Patients,
        2 => ContactList::PatientsInvited,
        3 => ContactList::PatientsWithApp,
        4 => ContactList::Professionals,
        5 => ContactList::Clinics,
        6 => ContactList::Unsaved,
        _ => ContactList::Rule(rule(random, dataset, names, 3, true)),
    }
}

/// A rule with groups up to `depth` deep.
pub(crate) fn rule(
    random: &mut Random,
    dataset: &Dataset,
    names: &Names,
    depth: usize,
    is_over_contacts: bool,
) -> Rule {
    if depth > 0 && !random.one_in(4) {
        let count = random.below(4);
        let mut inner = || rule(random, dataset, names, depth - 1, is_over_contacts);
        let rules: Vec<Rule> = (0..count.max(1)).map(|_| inner()).collect();
        return match random.below(3) {
            0 if count > 0 => Rule::All(rules),
            1 if count > 0 => Rule::Any(rules),
            2 => Rule::not(rules[0].clone()),
            0 => Rule::All(Vec::new()),
            _ => Rule::Any(Vec::new()),
        };
    }
    let leaf = random.below(if is_over_contacts { 4 } else { 14 });
    leaf_rule(random, dataset, names, leaf)
}

fn leaf_rule(random: &mut Random, dataset: &Dataset, names: &Names, leaf: usize) -> Rule {
    match leaf {
        0 => Rule::ContactTags(tag_set(random, dataset, names)),
        1 => {
            let ids: Vec<_> = dataset.contacts.iter().map(|it| it.id.as_str().to_owned()).collect();
            Rule::Contacts(id_pick(random, &ids, names))
        }
        2 => Rule::ContactCategories(pick(random, &CATEGORIES)),
        3 => Rule::Invitations(pick(random, &INVITATIONS)),
        4 => Rule::ConversationTags(tag_set(random, dataset, names)),
        5 | 6 => Rule::Assignee((0..random.below(4)).map(|_| assignee(random, dataset, names)).collect()),
        7 => {
            let ids: Vec<_> = dataset.organization.endpoints.iter().map(|it| it.id.as_str().to_owned()).collect();
            Rule::Endpoints(id_pick(random, &ids, names))
        }
        8 => Rule::Channels(pick(random, &CHANNELS)),
        9 => Rule::Kinds(pick(random, &KINDS)),
        10 => Rule::Unread,
        11 => Rule::Starred,
        12 => Rule::ActiveSince(time(random)),
        _ => Rule::ActiveBefore(time(random)),
    }
}

fn time(random: &mut Random) -> Timestamp {
    (*random.pick(&[0, 1, 2, 4, -5, 1_700_000_000_000, i64::MIN, i64::MAX])).into()
}

fn pick<T: Clone>(random: &mut Random, from: &[T]) -> Pick<T> {
    let values = random.some(3, from);
    if random.one_in(2) { Pick::Any(values) } else { Pick::None(values) }
}

fn id_pick<T: for<'t> From<&'t str>>(random: &mut Random, known: &[String], names: &Names) -> Pick<T> {
    let mut ids = random.some(3, known);
    ids.extend(random.some(1, &names.texts));
    ids.extend(random.one_in(8).then(String::new));
    let ids = ids.iter().map(|id| T::from(id));
    if random.one_in(2) { Pick::Any(ids.collect()) } else { Pick::None(ids.collect()) }
}

fn tag_set(random: &mut Random, dataset: &Dataset, names: &Names) -> TagSet {
    let carried = dataset.contacts.iter().flat_map(|it| &it.tags);
    let carried: Vec<_> = carried.chain(dataset.conversations.iter().flat_map(|it| &it.tags)).cloned().collect();
    let mut tags = random.some(3, &carried);
    tags.extend(random.some(1, &names.tags).iter().map(|tag| tag.as_str().into()));
    match random.below(3) {
        0 => TagSet::Any(tags),
        1 => TagSet::All(tags),
        _ => TagSet::None(tags),
    }
}

fn assignee(random: &mut Random, dataset: &Dataset, names: &Names) -> AssigneePick {
    let team = dataset.organization.teams.first().map_or("gone".into(), |team| team.id.clone());
    match random.below(7) {
        0 => AssigneePick::Nobody,
        1 => AssigneePick::Me,
        2 => AssigneePick::MyTeams,
        3 => AssigneePick::Anyone,
        4 => AssigneePick::Team(team),
        5 => AssigneePick::Teammate(random.pick(&dataset.organization.teammates).id.clone()),
        _ => AssigneePick::Team(random.pick(&names.texts).as_str().into()),
    }
}
