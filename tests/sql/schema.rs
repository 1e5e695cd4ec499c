//! The same questions on tables and columns of other names.

use visibly::sql::{Dialect, Name, Schema};

use super::agreement::{Worlds, agree};
use super::database::{Database, Sqlite, create_tables};
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
}

fn answers_alike(database: &mut impl Database, text: &str, seed: u64) {
    let schema = renamed();
    create_tables(database, &schema, text);
    let mut worlds = Worlds::new(seed, 8, database.dialect() == Dialect::Sqlite);
    database.load(&schema, &worlds.datasets());
    agree(database, &schema, &mut worlds, 20);
}
