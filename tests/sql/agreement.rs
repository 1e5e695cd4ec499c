//! The engine and a database give the same answers: here is what is asked of both.

use std::collections::BTreeSet;

use visibly::sql::{
    ActivityBorder, Condition, ContactSource, Dialect, InboxSource, NameBorder, NotExpressible, Parameter, Part,
    QuestionError, Questions, Schema, Sql, Statement,
};
use visibly::{
    Badge, ContactList, ConversationId, Dataset, Engine, Error, Facts, Inbox, Lists, PageRequest, TeammateId, Viewer,
    policy,
};

use super::database::{Cell, Database, quoted};
use super::world::{self, Names, Random};

/// Organizations in a database, and the engines that must agree with it.
pub(crate) struct Worlds {
    pub(crate) facts: Vec<Facts>,
    pub(crate) names: Names,
    pub(crate) random: Random,
}

impl Worlds {
    pub(crate) fn new(seed: u64, count: usize, with_nul: bool) -> Self {
        let (mut random, names) = (Random::new(seed), Names::new(with_nul));
        // Ids that are prefixes of each other, in one database, with the same ids inside.
        let ids = (0..count).map(|index| format!("o{}", "'".repeat(index)));
        let facts = ids.map(|id| Facts::load(world::world(&mut random, &names, &id)).unwrap()).collect();
        Self { facts, names, random }
    }

    pub(crate) fn datasets(&self) -> Vec<Dataset> {
        self.facts.iter().map(Facts::to_dataset).collect()
    }
}

/// How many questions were compared.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) rules: usize,
    pub(crate) matched: usize,
    pub(crate) lists: usize,
}

/// Compares everything that there is to ask; `rules` rules for each world.
pub(crate) fn agree(database: &mut impl Database, schema: &Schema, worlds: &mut Worlds, rules: usize) -> Tally {
    let sql = Sql::new(database.dialect(), schema.clone());
    let mut tally = Tally::default();
    for facts in &worlds.facts {
        let (dataset, random, names) = (facts.to_dataset(), &mut worlds.random, &worlds.names);
        let engine = Engine::new(dataset.clone()).unwrap();
        let mut asked = Asked { sql: &sql, facts, engine: &engine, database };
        asked.strangers();
        let viewers: Vec<TeammateId> = facts.teammates().map(|it| it.id.clone()).collect();
        for viewer in &viewers {
            for inbox in [Inbox::All, Inbox::AssignedToMe, Inbox::TeamConversations, Inbox::Starred, Inbox::Archived] {
                asked.inbox(viewer, &inbox, (&inbox).into(), random);
            }
            let inbox = world::inbox(random, &dataset, names);
            asked.inbox(viewer, &inbox, (&inbox).into(), random);
            for filter in &dataset.filters {
                asked.filter(viewer, filter, random);
            }
            let list = world::contact_list(random, &dataset, names);
            asked.contacts(viewer, &list, (&list).into(), random);
            asked.visibility(viewer);
        }
        for index in 0..rules {
            let viewer = random.pick(&viewers).clone();
            if index % 5 == 0 {
                let list = ContactList::Rule(world::rule(random, &dataset, names, 4, true));
                tally.matched += usize::from(asked.contacts(&viewer, &list, (&list).into(), random) > 0);
            } else {
                let inbox = world::ruled_inbox(random, &dataset, names);
                tally.matched += usize::from(asked.inbox(&viewer, &inbox, (&inbox).into(), random) > 0);
            }
            tally.rules += 1;
        }
        asked.badges(random.pick(&viewers), random, &dataset, names);
        tally.lists += 1;
    }
    tally
}

struct Asked<'a, D> {
    sql: &'a Sql,
    facts: &'a Facts,
    engine: &'a Engine,
    database: &'a mut D,
}

impl<'a, D: Database> Asked<'a, D> {
    fn questions(&self, viewer: &TeammateId) -> Questions<'a> {
        self.sql.viewer(self.facts.id(), viewer)
    }

    fn ask(&mut self, statement: &Statement) -> Vec<Vec<Cell>> {
        self.database.ask(statement.text(), statement.parameters())
    }

    fn ids(&mut self, statement: &Statement) -> Vec<String> {
        self.ask(statement).iter().map(|row| row[0].text().to_owned()).collect()
    }

    /// What a statement was refused for, if it was; a text that the database cannot hold ends the comparison.
    fn statement<T>(&self, result: Result<T, QuestionError>, expected: Option<&Error>) -> Option<T> {
        match result {
            Ok(statement) => Some(statement),
            Err(QuestionError::Refused(error)) => {
                assert_eq!(Some(error.code()), expected.map(Error::code));
                None
            }
            Err(QuestionError::NotExpressible(error)) => panic!("{error}"),
        }
    }

    /// Asks for whole list and badge, and now and then for pages, the bare condition and opening; how many the list has.
    fn inbox(&mut self, viewer: &TeammateId, inbox: &Inbox, source: InboxSource<'_>, random: &mut Random) -> usize {
        let expected = policy::filter_inbox(self.facts, viewer, inbox);
        let questions = self.questions(viewer);
        let refusal = expected.as_ref().err().map(|error| Cell::from(error.code().as_str()));
        if refusal.is_some() || random.one_in(4) {
            let opens = questions.opens(source).unwrap();
            assert_eq!(self.ask(&opens), [[refusal.unwrap_or(Cell::Null)]], "{inbox:?} for {viewer:?}");
        }
        let Some(list) = self.statement(questions.inbox(source, &Part::all()), expected.as_ref().err()) else {
            return 0;
        };
        let found = self.ids(&list);
        let empty = Vec::new();
        let ids = expected.as_ref().unwrap_or(&empty);
        assert_eq!(found, texts(ids), "{inbox:?} for {viewer:?} of {:?}", self.facts.id());
        if let Ok(engine_viewer) = self.engine.viewer(viewer) {
            self.engine_agrees(engine_viewer, inbox, &found);
        }
        let badge = policy::badge(self.facts, viewer, inbox).unwrap_or_default();
        let counted = questions.badge(source).unwrap();
        assert_eq!(self.ask(&counted), [[Cell::Integer(badge.total as i64), Cell::Integer(badge.unread as i64)]]);
        match random.below(4) {
            0 => self.pages(&questions, source, ids, 1 + random.below(6)),
            1 => self.condition(&questions, source, ids),
            _ => {}
        }
        ids.len()
    }

    fn engine_agrees(&self, viewer: Viewer<'_>, inbox: &Inbox, found: &[String]) {
        let rows = viewer.filter_inbox(inbox, &PageRequest::all()).map(|page| page.rows).unwrap_or_default();
        assert!(rows.iter().map(|row| row.id().as_str()).eq(found));
        let badge = viewer.badge(inbox).unwrap_or_default();
        assert_eq!(badge, policy::badge(self.facts, &viewer.teammate().id, inbox).unwrap_or_default());
    }

    /// Pages follow each other without skipping or repeating, and a border in the middle of nothing is one too.
    fn pages(&mut self, questions: &Questions<'_>, source: InboxSource<'_>, ids: &[ConversationId], size: usize) {
        let (mut found, mut part) = (Vec::new(), Part::first(size));
        loop {
            let statement = questions.inbox(source, &part).unwrap();
            let rows = self.ask(&statement);
            assert!(rows.len() <= size);
            let Some(last) = rows.last() else { break };
            part = Part::first(size).after(ActivityBorder::new(last[1].integer(), last[0].text()));
            found.extend(rows.iter().map(|row| row[0].text().to_owned()));
        }
        assert_eq!(found, texts(ids));
        let border = ActivityBorder::new(2, "team");
        let after = |id: &&ConversationId| {
            let activity = self.facts.conversation(id).unwrap().last_activity.as_millis();
            activity < 2 || (activity == 2 && id.as_str() > "team")
        };
        let expected: Vec<_> = ids.iter().filter(after).cloned().collect();
        let statement = questions.inbox(source, &Part::all().after(border)).unwrap();
        assert_eq!(self.ids(&statement), texts(&expected));
    }

    /// The bare condition in a query of the caller's own, and its opposite.
    fn condition(&mut self, questions: &Questions<'_>, source: InboxSource<'_>, ids: &[ConversationId]) {
        let condition = questions.condition(source, "c", 2).unwrap();
        let names = self.sql.schema().conversations.clone();
        let all = self.facts.conversations().map(|it| it.id.to_string()).collect();
        self.splits(all, texts(ids), &condition, [&names.table, &names.id, &names.organization_id]);
    }

    fn contact_condition(&mut self, questions: &Questions<'_>, source: ContactSource<'_>, ids: &[String]) {
        let condition = questions.contact_condition(source, "c", 2).unwrap();
        let names = self.sql.schema().contacts.clone();
        let all = self.facts.contacts().map(|it| it.id.to_string()).collect();
        self.splits(all, ids.to_vec(), &condition, [&names.table, &names.id, &names.organization_id]);
    }

    /// The condition holds of `inside`, and `NOT` of it of all others, after a parameter of the caller's own.
    fn splits(&mut self, all: Vec<String>, inside: Vec<String>, condition: &Condition, names: [&str; 3]) {
        let namespace = self.sql.schema().namespace.as_ref().map(|it| format!("{}.", quoted(it))).unwrap_or_default();
        let [table, id, organization] = names.map(quoted);
        let mark = if self.sql.dialect() == Dialect::Postgres { '$' } else { '?' };
        let mut parameters = vec![Parameter::Text(self.facts.id().to_string())];
        parameters.extend(condition.parameters().iter().cloned());
        let mut ask = |not: &str| {
            let rest = format!("c.{organization} = {mark}1 AND {not}{}", condition.text());
            let rows = self.database.ask(&format!("SELECT c.{id} FROM {namespace}{table} c WHERE {rest}"), &parameters);
            rows.iter().map(|row| row[0].text().to_owned()).collect::<BTreeSet<_>>()
        };
        let inside: BTreeSet<String> = inside.into_iter().collect();
        assert_eq!(ask(""), inside);
        assert_eq!(ask("NOT "), all.into_iter().filter(|id| !inside.contains(id)).collect(), "never NULL");
    }

    fn filter(&mut self, viewer: &TeammateId, filter: &visibly::Filter, random: &mut Random) {
        match filter.lists {
            Lists::Conversations => {
                self.inbox(viewer, &Inbox::saved(&filter.id), filter.into(), random);
                let refused = self.questions(viewer).contacts_unordered(filter).unwrap_err();
                assert!(matches!(refused, QuestionError::Refused(error) if error.code().as_str() == "wrong_list"));
            }
            Lists::Contacts => {
                self.contacts(viewer, &ContactList::saved(&filter.id), filter.into(), random);
                let expected = policy::filter_inbox(self.facts, viewer, &Inbox::saved(&filter.id)).unwrap_err();
                let opens = self.questions(viewer).opens(filter).unwrap();
                assert_eq!(self.ask(&opens), [[Cell::from(expected.code().as_str())]]);
            }
        }
    }

    fn contacts(
        &mut self,
        viewer: &TeammateId,
        list: &ContactList,
        source: ContactSource<'_>,
        random: &mut Random,
    ) -> usize {
        let expected = policy::contacts(self.facts, viewer, list);
        let questions = self.questions(viewer);
        let refusal = expected.as_ref().err().map_or(Cell::Null, |error| error.code().as_str().into());
        let opens = questions.opens_contacts(source).unwrap();
        assert_eq!(self.ask(&opens), [[refusal]]);
        let ids: Vec<String> = expected.unwrap_or_default().iter().map(ToString::to_string).collect();
        let statement = questions.contacts(source, &Part::all()).unwrap();
        assert_eq!(self.ids(&statement), ids, "{list:?} for {viewer:?}");
        if let Ok(viewer) = self.engine.viewer(viewer) {
            let rows = viewer.contacts(list, &PageRequest::all()).map(|page| page.rows).unwrap_or_default();
            assert!(rows.iter().map(|row| row.id().as_str()).eq(&ids));
        }
        if !random.one_in(4) {
            return ids.len();
        }
        let statement = questions.contacts_unordered(source).unwrap();
        let mut unordered = self.ids(&statement);
        unordered.sort_by_key(|id| ids.iter().position(|it| it == id));
        assert_eq!(unordered, ids);
        self.contact_condition(&questions, source, &ids);
        let size = 1 + random.below(4);
        let (mut found, mut part) = (Vec::new(), Part::first(size));
        loop {
            let statement = questions.contacts(source, &part).unwrap();
            let rows = self.ask(&statement);
            assert!(rows.len() <= size);
            let Some(last) = rows.last() else { break };
            let key = (last[1] != Cell::Null).then(|| last[1].text());
            part = Part::first(size).after(NameBorder::new(key, last[0].text()));
            found.extend(rows.iter().map(|row| row[0].text().to_owned()));
        }
        assert_eq!(found, ids);
        ids.len()
    }

    /// What is seen, one by one and in bulk.
    fn visibility(&mut self, viewer: &TeammateId) {
        let sees = |id: &&ConversationId| policy::can_view(self.facts, viewer, *id);
        let mut expected: Vec<_> =
            self.facts.conversations().map(|it| &it.id).filter(sees).map(ToString::to_string).collect();
        expected.sort();
        let candidates: Vec<_> = self.facts.conversations().map(|it| it.id.clone()).chain(["gone".into()]).collect();
        let statement = self.questions(viewer).search(&candidates).unwrap();
        let mut found = self.ids(&statement);
        found.sort();
        assert_eq!(found, expected);
        let finds = |contact: &&visibly::Contact| policy::can_view(self.facts, viewer, &contact.id);
        let mut expected: Vec<_> = self.facts.contacts().filter(finds).map(|it| it.id.to_string()).collect();
        expected.sort();
        let candidates: Vec<_> = self.facts.contacts().map(|it| it.id.clone()).collect();
        let statement = self.questions(viewer).search_contacts(&candidates).unwrap();
        let mut found = self.ids(&statement);
        found.sort();
        assert_eq!(found, expected);
    }

    /// Whoever is not of the organization sees nothing (SPEC 1.3).
    fn strangers(&mut self) {
        for stranger in ["stranger", "", "'", "organization"] {
            let stranger = TeammateId::from(stranger);
            if self.facts.teammate(&stranger).is_none() {
                self.inbox(&stranger, &Inbox::Everything, (&Inbox::Everything).into(), &mut Random::new(0));
                self.contacts(&stranger, &ContactList::All, (&ContactList::All).into(), &mut Random::new(0));
                self.visibility(&stranger);
            }
        }
    }

    /// Several badges at once, of inboxes and filters.
    fn badges(&mut self, viewer: &TeammateId, random: &mut Random, dataset: &Dataset, names: &Names) {
        let inboxes: Vec<Inbox> = (0..random.below(6)).map(|_| world::inbox(random, dataset, names)).collect();
        let statement = self.questions(viewer).badges(&inboxes).unwrap();
        let expected: Vec<_> = inboxes
            .iter()
            .enumerate()
            .map(|(position, inbox)| {
                let Badge { total, unread } = policy::badge(self.facts, viewer, inbox).unwrap_or_default();
                [position, total, unread].map(|number| Cell::Integer(number as i64)).to_vec()
            })
            .collect();
        assert_eq!(self.ask(&statement), expected);
    }
}

fn texts(ids: &[ConversationId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// The reason why something is not expressible.
pub(crate) fn not_expressible<T: std::fmt::Debug>(result: Result<T, QuestionError>) -> NotExpressible {
    match result.unwrap_err() {
        QuestionError::NotExpressible(reason) => reason,
        QuestionError::Refused(error) => panic!("refused: {error}"),
    }
}
