//! PostgreSQL itself keeps a role to one viewer's rows, by policies made from the same conditions.

use std::collections::BTreeSet;

use visibly::sql::{Dialect, Schema, Sql};
use visibly::{ContactId, Conversation, Facts, ShownContact, TeammateId, policy};

use super::agreement::Worlds;
use super::database::{Database, reference_schema, with_reference_tables};
use super::postgres;
use super::postgres_store::{Layout, PostgresStore};

const SECURED: [&str; 7] = [
    "conversations",
    "contacts",
    "conversation_tags",
    "contact_tags",
    "conversation_contacts",
    "conversation_reads",
    "conversation_stars",
];

#[test]
fn a_role_gets_exactly_the_rows_of_its_viewer() {
    let Some(server) = postgres::database("row_security::a_role_gets_exactly_the_rows_of_its_viewer") else { return };
    let mut superuser = with_reference_tables(server.superuser());
    let worlds = Worlds::new(3, 30, false);
    superuser.load(&reference_schema(), &worlds.datasets());
    // The tables belong to a role that policies hold too, the role in question owns nothing.
    superuser.run("CREATE ROLE visibly_owner LOGIN; CREATE ROLE \"clinic \"\"app\" LOGIN");
    superuser.run("GRANT ALL ON SCHEMA public TO visibly_owner");
    for row in superuser.ask("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", &[]) {
        superuser.run(&format!("ALTER TABLE {} OWNER TO visibly_owner", row[0].text()));
    }
    let mut owner = server.connect("visibly_owner");
    let statements = Sql::new(Dialect::Postgres, Schema::default()).row_security("clinic \"app").unwrap();
    for statement in statements.iter().chain(&statements) {
        owner.run(statement); // the second time changes nothing
    }
    for table in SECURED {
        owner.run(&format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
    }
    let mut app = server.connect("clinic \"app");
    assert_eq!(shown(&mut app, None), Shown::default(), "without settings nothing is seen");
    let mut seen = 0;
    for facts in &worlds.facts {
        let strangers = ["", "stranger", "'"].map(TeammateId::from);
        let viewers = facts.teammates().map(|it| it.id.clone()).chain(strangers);
        for viewer in viewers {
            let expected = expected(facts, &viewer);
            seen += expected.0[0].len();
            let found = shown(&mut app, Some((facts.id().as_str(), viewer.as_str())));
            assert_eq!(found, expected, "{viewer:?} of {:?}", facts.id());
        }
    }
    assert!(seen > 100, "the worlds show something: {seen}");
    let viewer = worlds.facts[0].teammates().next().unwrap().id.as_str();
    assert_eq!(shown(&mut app, Some(("", viewer))), Shown::default());
    assert_eq!(shown(&mut app, None), Shown::default(), "settings end with their transaction");
    assert_eq!(shown(&mut owner, None), Shown::default(), "the owner is held as well, by force");
}

#[test]
fn a_role_reads_no_member_lists_and_writes_nothing() {
    let Some(server) = postgres::database("row_security::a_role_reads_no_member_lists_and_writes_nothing") else {
        return;
    };
    let mut superuser = with_reference_tables(server.superuser());
    superuser.run("CREATE ROLE app_only LOGIN; GRANT SELECT ON conversation_stars TO app_only");
    for statement in Sql::new(Dialect::Postgres, Schema::default()).row_security("app_only").unwrap() {
        superuser.run(&statement);
    }
    let mut app = server.connect("app_only");
    for table in ["conversation_members", "contact_members", "endpoint_members", "teammates", "filters"] {
        assert!(app.query(&format!("SELECT * FROM {table}"), &[]).is_err(), "{table}");
    }
    for table in SECURED {
        assert!(app.query(&format!("DELETE FROM {table}"), &[]).is_err(), "{table}");
    }
    for table in ["conversation_reads", "conversation_stars"] {
        assert!(app.query(&format!("SELECT conversation_id, teammate_id FROM {table}"), &[]).is_ok(), "{table}");
        assert!(app.query(&format!("SELECT position FROM {table}"), &[]).is_err(), "{table}: how many came before");
    }
    superuser.run("CREATE ROLE other LOGIN");
    let mut other = server.connect("other");
    assert!(other.query("SELECT visibly_finds_contact('o', 'c')", &[]).is_err(), "functions are for the role alone");
}

#[test]
fn a_role_gets_the_same_rows_of_partitioned_tables_and_nothing_of_a_partition() {
    let name = "row_security::a_role_gets_the_same_rows_of_partitioned_tables_and_nothing_of_a_partition";
    let Some(server) = postgres::database(name) else { return };
    drop(PostgresStore::open_with(&server.config, Layout::Partitioned(2)).unwrap());
    let mut superuser = server.superuser();
    let worlds = Worlds::new(8, 6, false);
    superuser.load(&reference_schema(), &worlds.datasets());
    superuser.run("CREATE ROLE parted LOGIN");
    for statement in Sql::new(Dialect::Postgres, Schema::default()).row_security("parted").unwrap() {
        superuser.run(&statement);
    }
    let mut app = server.connect("parted");
    for facts in &worlds.facts {
        for viewer in facts.teammates() {
            let found = shown(&mut app, Some((facts.id().as_str(), viewer.id.as_str())));
            assert_eq!(found, expected(facts, &viewer.id));
        }
    }
    for table in SECURED {
        assert!(app.query(&format!("SELECT FROM {table}_0"), &[]).is_err(), "{table}");
    }
}

#[test]
fn a_function_that_somebody_else_has_put_there_decides_nothing() {
    let name = "row_security::a_function_that_somebody_else_has_put_there_decides_nothing";
    let Some(server) = postgres::database(name) else { return };
    let mut superuser = with_reference_tables(server.superuser());
    let worlds = Worlds::new(4, 2, false);
    superuser.load(&reference_schema(), &worlds.datasets());
    // As everyone may in the schema `public` of PostgreSQL 14, and of what was upgraded from it.
    superuser.run("CREATE ROLE planter LOGIN; CREATE ROLE planted_app LOGIN; GRANT CREATE ON SCHEMA public TO planter");
    let mut planter = server.connect("planter");
    let planted = [
        "visibly_sees_conversation(organization text, conversation text, endpoint text)",
        "visibly_finds_contact(organization text, contact text)",
    ];
    let show = planted.map(|it| {
        format!("CREATE OR REPLACE FUNCTION {it} RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT true'")
    });
    show.iter().for_each(|it| planter.run(it));
    for statement in Sql::new(Dialect::Postgres, Schema::default()).row_security("planted_app").unwrap() {
        superuser.run(&statement);
    }
    assert!(show.iter().all(|it| planter.batch_execute(it).is_err()), "they are not the planter's any more");
    let mut app = server.connect("planted_app");
    for facts in &worlds.facts {
        for viewer in facts.teammates() {
            let found = shown(&mut app, Some((facts.id().as_str(), viewer.id.as_str())));
            assert_eq!(found, expected(facts, &viewer.id));
        }
    }
}

#[test]
fn a_role_whose_place_another_takes_keeps_nothing() {
    let Some(server) = postgres::database("row_security::a_role_whose_place_another_takes_keeps_nothing") else {
        return;
    };
    let mut superuser = with_reference_tables(server.superuser());
    let worlds = Worlds::new(5, 1, false);
    superuser.load(&reference_schema(), &worlds.datasets());
    superuser.run("CREATE ROLE former LOGIN; CREATE ROLE latter LOGIN");
    for role in ["former", "latter"] {
        for statement in Sql::new(Dialect::Postgres, Schema::default()).row_security(role).unwrap() {
            superuser.run(&statement);
        }
    }
    let facts = &worlds.facts[0];
    let mut former = server.connect("former");
    for viewer in facts.teammates() {
        let found = shown(&mut former, Some((facts.id().as_str(), viewer.id.as_str())));
        assert_eq!(found, Shown::default());
    }
    assert!(former.query("SELECT visibly_finds_contact('o', 'c')", &[]).is_err(), "nor does it ask who sees what");
}

/// The rows of each secured table, as texts, in the order of [`SECURED`].
#[derive(Debug, Default, PartialEq)]
struct Shown([BTreeSet<String>; 7]);

fn shown(client: &mut ::postgres::Client, viewer: Option<(&str, &str)>) -> Shown {
    let mut transaction = client.transaction().unwrap();
    if let Some((organization, viewer)) = viewer {
        let set = "SELECT set_config('visibly.organization', $1, true), set_config('visibly.viewer', $2, true)";
        transaction.query(set, &[&organization, &viewer]).unwrap();
    }
    let columns = [
        "organization_id, id",
        "organization_id, id",
        "organization_id, conversation_id, tag",
        "organization_id, contact_id, tag",
        "organization_id, conversation_id, contact_id",
        "organization_id, conversation_id, teammate_id",
        "organization_id, conversation_id, teammate_id",
    ];
    let mut tables = SECURED.iter().zip(columns);
    Shown(std::array::from_fn(|_| {
        let (table, columns) = tables.next().unwrap();
        let query = format!("SELECT concat_ws(' | ', {columns}) FROM {table}");
        transaction.query(&query, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }))
}

/// What the rules say that the viewer may read.
fn expected(facts: &Facts, viewer: &TeammateId) -> Shown {
    let line = |parts: &[&str]| [&[facts.id().as_str()], parts].concat().join(" | ");
    let seen: Vec<&Conversation> = facts.conversations().filter(|it| policy::can_view(facts, viewer, &it.id)).collect();
    let found: Vec<_> = facts.contacts().filter(|it| policy::can_view(facts, viewer, &it.id)).collect();
    let attached = |it: &&Conversation| {
        let shown = policy::shown_contacts(facts, viewer, &it.id).into_iter().filter_map(ShownContact::shown);
        shown.map(|contact: ContactId| line(&[it.id.as_str(), contact.as_str()])).collect::<Vec<_>>()
    };
    let own = |list: fn(&Conversation) -> &Vec<TeammateId>| {
        let own = seen.iter().filter(|it| list(it).contains(viewer));
        own.map(|it| line(&[it.id.as_str(), viewer.as_str()])).collect()
    };
    Shown([
        seen.iter().map(|it| line(&[it.id.as_str()])).collect(),
        found.iter().map(|it| line(&[it.id.as_str()])).collect(),
        seen.iter().flat_map(|it| it.tags.iter().map(|tag| line(&[it.id.as_str(), tag.as_str()]))).collect(),
        found.iter().flat_map(|it| it.tags.iter().map(|tag| line(&[it.id.as_str(), tag.as_str()]))).collect(),
        seen.iter().flat_map(attached).collect(),
        own(|it| &it.read_by),
        own(|it| &it.starred_by),
    ])
}
