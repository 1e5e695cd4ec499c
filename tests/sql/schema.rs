//! The same questions on tables and columns of other names.

use visibly::sql::{Dialect, Name, Part, Schema, Sql};
use visibly::{
    Contact, ContactList, Conversation, Dataset, Inbox, Member, Organization, PhoneNumber, Team, TeamId, Teammate,
    policy,
};

use super::agreement::{Worlds, agree};
use super::database::{Cell, Database, Sqlite, create_tables, quoted};
use super::postgres;

/// Every table and column under a name that needs quoting, in a namespace that does too.
fn renamed() -> Schema {
    let mut schema = Schema::default();
    let name = |text: &str| Name::Owned(format!("My \"{text}\" $1 ?; --"));
    schema.namespace = Some("a \"clinic\"".into());
    schema.contact_name_key = Some(name("order"));
    macro_rules! rename {
        ($($table:ident: $($column:ident)+;)+) => {$(
            schema.$table.table = name(concat!("the ", stringify!($table)));
            $(schema.$table.$column = name(stringify!($column));)+
        )+};
    }
    rename! {
        organizations: id contact_membership;
        teammates: organization_id id admin suspended;
        teams: organization_id id;
        team_members: organization_id team_id teammate_id;
        endpoints: organization_id id kind owner_kind owner_id;
        endpoint_members: organization_id endpoint_id member_kind member_id;
        contacts: organization_id id category invitation;
        contact_members: organization_id contact_id member_kind member_id;
        contact_tags: organization_id contact_id tag;
        conversations: organization_id id kind endpoint_id assignee_kind assignee_id archived last_activity;
        conversation_contacts: organization_id conversation_id contact_id;
        conversation_members: organization_id conversation_id member_kind member_id;
        conversation_tags: organization_id conversation_id tag;
        conversation_reads: organization_id conversation_id teammate_id;
        conversation_stars: organization_id conversation_id teammate_id;
        filters: organization_id id owner_id;
        filter_shares: organization_id filter_id member_kind member_id;
    }
    schema
}

#[test]
fn sqlite_answers_alike_on_tables_of_other_names_and_another_collation() {
    let mut database = Sqlite(rusqlite::Connection::open_in_memory().unwrap());
    database.run("ATTACH ':memory:' AS \"a \"\"clinic\"\"\"");
    answers_alike(&mut database, "TEXT", 11);
}

#[test]
fn postgres_answers_alike_on_tables_of_other_names_and_another_collation() {
    let test = "schema::postgres_answers_alike_on_tables_of_other_names_and_another_collation";
    let Some(server) = postgres::database(test) else { return };
    let mut database = server.superuser();
    database.run("CREATE SCHEMA \"a \"\"clinic\"\"\"");
    let collations = database.ask("SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'", &[]);
    let text = if collations[0][0].integer() > 0 { "text COLLATE \"en-x-icu\"" } else { "text" };
    answers_alike(&mut database, text, 12);

    // The policies are made for these names too.
    database.run("CREATE ROLE renamed_app LOGIN; GRANT USAGE ON SCHEMA \"a \"\"clinic\"\"\" TO renamed_app");
    let schema = renamed();
    for statement in Sql::new(Dialect::Postgres, schema.clone()).row_security("renamed_app").unwrap() {
        database.run(&statement);
    }
    let mut app = server.connect("renamed_app");
    for facts in Worlds::new(12, 8, false).facts {
        for viewer in facts.teammates() {
            let setting =
                "SELECT set_config('visibly.organization', $1, false), set_config('visibly.viewer', $2, false)";
            app.query(setting, &[&facts.id().as_str(), &viewer.id.as_str()]).unwrap();
            let count = |sees: usize, table: &str| {
                (Cell::Integer(sees as i64), format!("\"a \"\"clinic\"\"\".{}", quoted(table)))
            };
            let seen = facts.conversations().filter(|it| policy::can_view(&facts, &viewer.id, &it.id)).count();
            let found = facts.contacts().filter(|it| policy::can_view(&facts, &viewer.id, &it.id)).count();
            for (expected, table) in [count(seen, &schema.conversations.table), count(found, &schema.contacts.table)] {
                assert_eq!(app.ask(&format!("SELECT count(*) FROM {table}"), &[])[0], [expected]);
            }
        }
    }
}

fn answers_alike(database: &mut impl Database, text: &str, seed: u64) {
    let schema = renamed();
    create_tables(database, &schema, text);
    let mut worlds = Worlds::new(seed, 8, database.dialect() == Dialect::Sqlite);
    database.load(&schema, &worlds.datasets());
    agree(database, &schema, &mut worlds, 20);
}

/// Without foreign keys, rows may outlive what they refer to; they open nothing then.
#[test]
fn what_is_gone_opens_nothing() {
    let mut database = Sqlite(rusqlite::Connection::open_in_memory().unwrap());
    let schema = Schema::default();
    create_tables(&mut database, &schema, "TEXT");
    let oak = Organization::new("oak", "Oak")
        .with_contact_membership()
        .teammate(Teammate::new("ana", "Ana"))
        .team(Team::new("care", "Care", ["ana"]))
        .endpoint(PhoneNumber::new("line").owned_by(TeamId::from("care")))
        .endpoint(PhoneNumber::new("main"));
    let oak = Dataset::new(oak)
        .contact(Contact::new("zoe").members([Member::team("care")]))
        .conversation(Conversation::patient("by line", "line", 3).assigned_to(TeamId::from("care")))
        .conversation(Conversation::patient("by main", "main", 2))
        .conversation(Conversation::team("by member", 1).member(TeamId::from("care")));
    database.load(&schema, [&oak]);
    let sql = Sql::new(Dialect::Sqlite, schema);
    let seen = |database: &mut Sqlite| {
        let ana = sql.viewer("oak", "ana");
        let statements = [
            ana.inbox(&Inbox::Everything, &Part::all()).unwrap(),
            ana.inbox(&Inbox::assigned_to_team("care"), &Part::all()).unwrap(),
            ana.contacts_unordered(&ContactList::All).unwrap(),
        ];
        statements.map(|statement| database.ask(statement.text(), statement.parameters()).len())
    };
    assert_eq!(seen(&mut database), [3, 1, 1]);
    database.run("DELETE FROM teams");
    assert_eq!(seen(&mut database), [1, 0, 0]);
    database.run("DELETE FROM endpoints");
    assert_eq!(seen(&mut database), [0, 0, 0]);
    database.run("UPDATE contact_members SET member_kind = 'organization'");
    assert_eq!(seen(&mut database), [0, 0, 1]);
    database.run("UPDATE contact_members SET member_kind = 'team'; UPDATE organizations SET contact_membership = NULL");
    assert_eq!(seen(&mut database), [0, 0, 0], "an unknown setting restricts");
    database.run("UPDATE contact_members SET member_kind = 'organization'; UPDATE teammates SET suspended = NULL");
    assert_eq!(seen(&mut database), [0, 0, 0], "an unknown state is not active");
}
