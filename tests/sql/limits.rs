//! How far the databases go, and that nothing further is sent to them.

use visibly::sql::{ActivityBorder, Dialect, Parameter, Part, QuestionError, Schema, Sql};
use visibly::{
    ArchiveScope, Contact, ContactList, Conversation, Dataset, Engine, Filter, Inbox, MAX_RULE_DEPTH, Organization,
    PhoneNumber, Rule, TagSet, Teammate, Timestamp,
};

use super::agreement::not_expressible;
use super::database::{Cell, Database, reference_schema, sqlite, with_reference_tables};
use super::postgres;

fn clinic() -> Dataset {
    let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana")).endpoint(PhoneNumber::new("main"));
    Dataset::new(oak)
        .contact(Contact::new("zoe").tag("t7").tag("t9"))
        .conversation(Conversation::patient("one", "main", 1).contact("zoe").tag("t7"))
        .conversation(Conversation::patient("two", "main", 2).read_by("ana"))
}

/// What SQL finds for Ana, after comparing it with the engine.
fn ask(database: &mut impl Database, rule: Rule) -> Result<usize, QuestionError> {
    let sql = Sql::new(database.dialect(), reference_schema());
    let inbox = Inbox::Rule { rule, archived: ArchiveScope::Include };
    let statement = sql.viewer("oak", "ana").inbox(&inbox, &Part::all())?;
    let found = database.ask(statement.text(), statement.parameters());
    let engine = Engine::new(clinic()).unwrap();
    let page = engine.viewer(&"ana".into()).unwrap().filter_inbox(&inbox, &visibly::PageRequest::all()).unwrap();
    let expected: Vec<&str> = page.rows.iter().map(|row| row.id().as_str()).collect();
    assert_eq!(found.iter().map(|row| row[0].text()).collect::<Vec<_>>(), expected);
    Ok(found.len())
}

const NEVER: Rule = Rule::ActiveBefore(Timestamp::from_millis(i64::MIN));
const ALWAYS: Rule = Rule::ActiveSince(Timestamp::from_millis(i64::MIN));

/// `leaf` under groups of every sort, as deep as a rule can be, each with `width` rules that change nothing.
fn deepest(leaf: Rule, width: usize) -> Rule {
    (1..MAX_RULE_DEPTH).fold(leaf, |rule, level| match level % 4 {
        0 => Rule::any(std::iter::once(rule).chain(std::iter::repeat_n(NEVER, width - 1))),
        2 => Rule::all(std::iter::once(rule).chain(std::iter::repeat_n(ALWAYS, width - 1))),
        _ => Rule::not(rule),
    })
}

fn tags(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("t{index}")).collect()
}

fn takes_the_largest_rules(database: &mut impl Database) {
    let limit = database.dialect().max_parameters();
    let tagged = Rule::ContactTags(TagSet::any(["t7"]));
    assert_eq!(ask(database, deepest(tagged.clone(), 1)).unwrap(), 1);
    assert_eq!(ask(database, deepest(tagged, 20)).unwrap(), 1);
    assert_eq!(ask(database, Rule::any((0..2_000).map(|_| NEVER).chain([Rule::Unread]))).unwrap(), 1);
    let bushy = (0..5).fold(Rule::Unread, |rule, _| Rule::not(Rule::any(std::iter::repeat_n(rule, 4))));
    assert_eq!(ask(database, bushy).unwrap(), 1);

    // Organization and viewer are bound once, the list once however often it comes.
    let most = tags(limit - 2);
    let twice = |tags: &[String]| {
        Rule::any([Rule::ContactTags(TagSet::any(tags.to_vec())), Rule::ConversationTags(TagSet::any(tags.to_vec()))])
    };
    assert_eq!(ask(database, twice(&most)).unwrap(), 1);
    assert_eq!(ask(database, Rule::ContactTags(TagSet::all(tags(limit - 3)))).unwrap(), 0);
    let reason = not_expressible(ask(database, twice(&tags(limit - 1))));
    assert_eq!(reason.to_string(), format!("{} parameters, at most {limit} can be bound", limit + 1));
    assert!(reason.is_too_large());
}

#[test]
fn sqlite_takes_the_largest_rules_that_are_expressible() {
    let mut database = sqlite();
    database.load(&reference_schema(), [&clinic()]);
    takes_the_largest_rules(&mut database);
    let nul = Rule::ContactTags(TagSet::none(["a\0b"]));
    assert_eq!(ask(&mut database, nul).unwrap(), 2);
}

#[test]
fn postgres_takes_the_largest_rules_that_are_expressible() {
    let Some(server) = postgres::database("limits::postgres_takes_the_largest_rules_that_are_expressible") else {
        return;
    };
    let mut database = with_reference_tables(server.superuser());
    database.load(&reference_schema(), [&clinic()]);
    takes_the_largest_rules(&mut database);
    let nul = Rule::ContactTags(TagSet::none(["a\0b"]));
    let reason = not_expressible(ask(&mut database, nul));
    assert_eq!(reason.to_string(), "a text with U+0000, which PostgreSQL cannot hold");
}

#[test]
fn what_has_no_sql_is_refused_with_its_reason() {
    let (sqlite, postgres) =
        (Sql::new(Dialect::Sqlite, Schema::default()), Sql::new(Dialect::Postgres, Schema::default()));
    let ana = sqlite.viewer("oak", "ana");
    let reason = not_expressible(ana.inbox(&Inbox::saved("f"), &Part::all()));
    assert_eq!(reason.to_string(), "a saved filter given by id alone, without its rule");
    not_expressible(ana.opens(&Inbox::saved("f")));
    not_expressible(ana.contacts_unordered(&ContactList::saved("f")));
    let mut unordered = Schema::default();
    unordered.contact_name_key = None;
    let unordered = Sql::new(Dialect::Sqlite, unordered);
    let reason = not_expressible(unordered.viewer("oak", "ana").contacts(&ContactList::All, &Part::all()));
    assert_eq!(reason.to_string(), "the schema names no column with lower-cased names to order by");
    assert!(ana.contacts_unordered(&ContactList::All).is_ok());
    let reason = not_expressible(ana.condition(&Inbox::All, "Visibly_teams", 1));
    assert_eq!(reason.to_string(), "alias `Visibly_teams`, whose name is reserved");
    assert!(ana.can_find("visibly_contacts", 1).is_err());
    assert!(ana.contact_condition(&ContactList::All, "visibly_contacts", 1).is_err());
    let text = |first| ana.condition(&Inbox::All, "c", first).unwrap().text().to_owned();
    assert_eq!(text(0), text(1), "no placeholder is before the first");
    let whole = ana.inbox(&Inbox::All, &Part::first(usize::MAX)).unwrap();
    assert!(whole.parameters().contains(&Parameter::Integer(i64::MAX)), "more than all");
    let reason = not_expressible(ana.badges(&vec![Inbox::All; 500]));
    assert_eq!(reason.to_string(), "500 lists in one statement, at most 499");
    assert_eq!(sqlite.row_security("app").unwrap_err().to_string(), "row-level security, which SQLite does not have");
    // PostgreSQL takes `public` for everyone, in quotes too, and a long name for the one that it starts with.
    let long = ["r".repeat(64), "é".repeat(32)];
    for role in ["public", "none", "", "app\0", &long[0], &long[1]] {
        let refused = Sql::new(Dialect::Postgres, Schema::default()).row_security(role);
        assert!(refused.unwrap_err().to_string().ends_with("as the name of a role"), "{role:?}");
    }
    assert!(postgres.row_security(&"r".repeat(63)).is_ok());
    for border in ["a\0", "\0"].map(|id| ActivityBorder::new(0, id)) {
        not_expressible(postgres.viewer("oak", "ana").inbox(&Inbox::All, &Part::all().after(border.clone())));
        assert!(ana.inbox(&Inbox::All, &Part::all().after(border)).is_ok());
    }
    not_expressible(postgres.viewer("oak", "\0").inbox(&Inbox::All, &Part::all()));
}

#[test]
fn a_first_placeholder_past_the_limit_is_refused_however_large_it_is() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let sql = Sql::new(dialect, Schema::default());
        let (ana, limit) = (sql.viewer("oak", "ana"), dialect.max_parameters());
        let bound = ana.condition(&Inbox::All, "c", 1).unwrap().parameters().len();
        assert!(ana.condition(&Inbox::All, "c", limit + 1 - bound).is_ok());
        for first in [limit + 2 - bound, limit + 2, usize::MAX - 1, usize::MAX] {
            let reason = not_expressible(ana.condition(&Inbox::All, "c", first));
            assert!(reason.is_too_large(), "{first}: {reason}");
            assert!(ana.can_find("p", first).is_err() && ana.contact_condition(&ContactList::All, "p", first).is_err());
        }
    }
}

#[test]
fn what_an_engine_refuses_is_refused_alike() {
    let sql = Sql::new(Dialect::Postgres, reference_schema());
    let ana = sql.viewer("oak", "ana");
    let code = |error: QuestionError| match error {
        QuestionError::Refused(error) => error.code().as_str(),
        QuestionError::NotExpressible(reason) => panic!("{reason}"),
    };
    let too_deep = Rule::not(deepest(Rule::Unread, 1));
    assert_eq!(code(ana.inbox(&Inbox::rule(too_deep.clone()), &Part::all()).unwrap_err()), "rule_too_deep");
    assert_eq!(code(ana.opens(&Inbox::rule(too_deep.clone())).unwrap_err()), "rule_too_deep");
    assert_eq!(
        code(ana.opens(&Filter::conversations("f", "filter", "ana", too_deep.clone())).unwrap_err()),
        "rule_too_deep"
    );
    assert_eq!(code(ana.contacts_unordered(&ContactList::Rule(too_deep)).unwrap_err()), "rule_too_deep");
    assert_eq!(code(ana.inbox(&Inbox::All, &Part::first(0)).unwrap_err()), "empty_page");
    assert_eq!(code(ana.contacts(&ContactList::All, &Part::first(0)).unwrap_err()), "empty_page");
    assert_eq!(code(ana.contacts_unordered(&ContactList::Rule(Rule::Unread)).unwrap_err()), "wrong_list");
    assert_eq!(code(ana.opens_contacts(&ContactList::Rule(Rule::Unread)).unwrap_err()), "wrong_list");
    let filter = Filter::contacts("f", "filter", "ana", Rule::not(Rule::Unread));
    assert_eq!(code(ana.contacts_unordered(&filter).unwrap_err()), "wrong_list");
    let filter = Filter::contacts("f", "filter", "ana", Rule::all([]));
    assert_eq!(code(ana.inbox(&filter, &Part::all()).unwrap_err()), "wrong_list");
}

#[test]
fn sqlite_counts_five_hundred_badges_at_once() {
    let mut database = sqlite();
    database.load(&reference_schema(), [&clinic()]);
    let sql = Sql::new(Dialect::Sqlite, reference_schema());
    let statement = sql.viewer("oak", "ana").badges(&vec![Inbox::All; 499]).unwrap();
    let badges = database.ask(statement.text(), statement.parameters());
    assert_eq!(badges.len(), 499);
    assert_eq!(badges[498], [498, 2, 1].map(Cell::Integer));
}

#[test]
fn sqlite_reads_a_page_in_the_order_of_the_index() {
    let mut database = sqlite();
    let sql = Sql::new(Dialect::Sqlite, reference_schema());
    let after = Part::first(50).after(ActivityBorder::new(7, "c7"));
    for (inbox, part) in [(Inbox::All, Part::first(50)), (Inbox::Archived, after)] {
        let statement = sql.viewer("oak", "ana").inbox(&inbox, &part).unwrap();
        let plan = database.ask(&format!("EXPLAIN QUERY PLAN {}", statement.text()), statement.parameters());
        let steps: Vec<&str> = plan.iter().map(|row| row[3].text()).collect();
        assert!(
            steps[0].contains("USING COVERING INDEX") || steps[0].contains("USING INDEX conversations_by_"),
            "{steps:?}"
        );
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY")), "{steps:?}");
    }
}

#[test]
fn a_table_that_would_hide_a_policys_own_name_is_refused() {
    let mut schema = Schema::default();
    schema.conversation_tags.table = "visibly_conversations".into();
    let reason = Sql::new(Dialect::Postgres, schema).row_security("app").unwrap_err();
    assert_eq!(reason.to_string(), "alias `visibly_conversations`, whose name is reserved");
}
