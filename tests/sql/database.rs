//! Databases to ask: how facts get in, and statements get answered.

use std::borrow::Cow;

use ::postgres::types::ToSql;
use rusqlite::types::ValueRef;
use visibly::sql::{Dialect, Parameter, Schema, name_key};
use visibly::{Dataset, Member};

/// One value of a row, in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Flag(bool),
}

impl Cell {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("a text, not {other:?}"),
        }
    }

    pub(crate) fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            other => panic!("a number, not {other:?}"),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A database that holds some organizations.
pub(crate) trait Database {
    fn dialect(&self) -> Dialect;
    fn run(&mut self, script: &str);
    fn insert(&mut self, statement: &str, values: &[Cell]);
    fn ask(&mut self, text: &str, parameters: &[Parameter]) -> Vec<Vec<Cell>>;

    /// Adds organizations to tables of these names.
    fn load<'d>(&mut self, schema: &Schema, datasets: impl IntoIterator<Item = &'d Dataset>)
    where
        Self: Sized,
    {
        self.run("BEGIN");
        for dataset in datasets {
            for row in rows(schema, dataset) {
                self.insert(&row.insertion(schema, self.dialect()), &row.values());
            }
        }
        self.run("COMMIT");
    }
}

pub(crate) struct Sqlite(pub(crate) rusqlite::Connection);

impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&mut self, script: &str) {
        self.0.execute_batch(script).unwrap();
    }

    fn insert(&mut self, statement: &str, values: &[Cell]) {
        let values = values.iter().map(|cell| match cell {
            Cell::Null => rusqlite::types::Value::Null,
            Cell::Text(text) => text.clone().into(),
            Cell::Integer(number) => (*number).into(),
            Cell::Flag(flag) => (*flag).into(),
        });
        self.0.prepare_cached(statement).unwrap().execute(rusqlite::params_from_iter(values)).unwrap();
    }

    fn ask(&mut self, text: &str, parameters: &[Parameter]) -> Vec<Vec<Cell>> {
        let mut statement = self.0.prepare(text).unwrap();
        assert!(statement.readonly());
        let values = parameters.iter().map(|parameter| match parameter {
            Parameter::Text(text) => rusqlite::types::Value::from(text.clone()),
            Parameter::Integer(number) => (*number).into(),
        });
        let columns = statement.column_count();
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
            (0..columns)
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        ValueRef::Null => Cell::Null,
                        ValueRef::Integer(number) => Cell::Integer(number),
                        ValueRef::Text(text) => Cell::Text(String::from_utf8(text.to_vec()).unwrap()),
                        other => panic!("unforeseen {other:?}"),
                    })
                })
                .collect()
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

impl Database for postgres::Client {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn run(&mut self, script: &str) {
        self.batch_execute(script).unwrap();
    }

    fn insert(&mut self, statement: &str, values: &[Cell]) {
        let values: Vec<Box<dyn ToSql + Sync>> = values
            .iter()
            .map(|cell| match cell {
                Cell::Null => Box::new(None::<String>) as Box<dyn ToSql + Sync>,
                Cell::Text(text) => Box::new(text.clone()),
                Cell::Integer(number) => Box::new(*number),
                Cell::Flag(flag) => Box::new(*flag),
            })
            .collect();
        self.execute(statement, &values.iter().map(|value| &**value).collect::<Vec<_>>()).unwrap();
    }

    fn ask(&mut self, text: &str, parameters: &[Parameter]) -> Vec<Vec<Cell>> {
        let values: Vec<&(dyn ToSql + Sync)> = parameters
            .iter()
            .map(|parameter| match parameter {
                Parameter::Text(text) => text as &(dyn ToSql + Sync),
                Parameter::Integer(number) => number,
            })
            .collect();
        let rows = self.query(text, &values).unwrap_or_else(|error| panic!("{error:?} in {text}"));
        let cell = |row: &postgres::Row, column: usize| match row.columns()[column].type_().name() {
            "int8" => row.get::<_, Option<i64>>(column).map_or(Cell::Null, Cell::Integer),
            _ => row.get::<_, Option<String>>(column).map_or(Cell::Null, Cell::Text),
        };
        rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect()).collect()
    }
}

/// SQLite in memory with the reference stores' tables, and a column for the order of contacts.
pub(crate) fn sqlite() -> Sqlite {
    let mut sqlite = Sqlite(rusqlite::Connection::open_in_memory().unwrap());
    sqlite.run(include_str!("../../examples/support/schema/sqlite/0001_facts.sql"));
    sqlite.run(include_str!("../../examples/support/schema/sqlite/0003_indexes.sql"));
    sqlite.run("ALTER TABLE contacts ADD COLUMN name_key TEXT");
    sqlite
}

/// The same in an empty PostgreSQL database.
pub(crate) fn with_reference_tables(mut client: postgres::Client) -> postgres::Client {
    client.run(include_str!("../../examples/support/schema/postgres/0001_facts.sql"));
    client.run(include_str!("../../examples/support/schema/postgres/0003_indexes.sql"));
    client.run("ALTER TABLE contacts ADD COLUMN name_key TEXT");
    client
}

/// The names of the reference stores' tables, with the column for the order of contacts.
pub(crate) fn reference_schema() -> Schema {
    let mut schema = Schema::default();
    schema.contact_name_key = Some("name_key".into());
    schema
}

/// The same tables under other names, without any constraint or collation of their own.
pub(crate) fn create_tables(database: &mut impl Database, schema: &Schema, text: &str) {
    let (flag, integer) = match database.dialect() {
        Dialect::Postgres => ("boolean", "bigint"),
        Dialect::Sqlite => ("INTEGER", "INTEGER"),
    };
    for row in rows(schema, &one_of_each()) {
        let columns: Vec<String> = row
            .cells
            .iter()
            .map(|(name, cell)| {
                let kind = match cell {
                    Cell::Null | Cell::Text(_) => text,
                    Cell::Integer(_) => integer,
                    Cell::Flag(_) => flag,
                };
                format!("{} {kind}", quoted(name))
            })
            .collect();
        let table = qualified(schema, &row.table);
        database.run(&format!("CREATE TABLE IF NOT EXISTS {table} ({})", columns.join(", ")));
    }
}

/// A dataset with a row for every table.
fn one_of_each() -> Dataset {
    let text = r#"{"organization": {"id": "o", "name": "", "teammates": [{"id": "a", "name": ""}],
        "teams": [{"id": "t", "name": "", "teammates": ["a"]}],
        "endpoints": [{"id": "e", "kind": "phone_number", "additional_members": ["organization"]}]},
        "contacts": [{"id": "c", "tags": ["x"]}],
        "conversations": [{"id": "v", "kind": "patient", "endpoint": "e", "last_activity": 0, "contacts": ["c"],
            "members": ["organization"], "tags": ["x"], "read_by": ["a"], "starred_by": ["a"]}],
        "filters": [{"id": "f", "name": "", "owner": "a", "lists": "contacts", "rule": {"all": []},
            "shared_with": ["organization"]}]}"#;
    serde_json::from_str(text).unwrap()
}

/// A row to insert.
struct Row {
    table: Cow<'static, str>,
    cells: Vec<(Cow<'static, str>, Cell)>,
}

impl Row {
    fn insertion(&self, schema: &Schema, dialect: Dialect) -> String {
        let columns: Vec<String> = self.cells.iter().map(|(name, _)| quoted(name)).collect();
        let mark = if dialect == Dialect::Postgres { '$' } else { '?' };
        let cells = self.cells.iter().enumerate();
        let marks: Vec<String> = cells
            .map(|(index, (_, cell))| match cell {
                Cell::Null => "NULL".to_owned(),
                _ => format!("{mark}{}", index + 1 - self.nulls_before(index)),
            })
            .collect();
        let table = qualified(schema, &self.table);
        format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "))
    }

    fn nulls_before(&self, index: usize) -> usize {
        self.cells[..index].iter().filter(|(_, cell)| *cell == Cell::Null).count()
    }

    /// Those to bind: `NULL` has no type that fits every column, so it stands in the text.
    fn values(&self) -> Vec<Cell> {
        self.cells.iter().map(|(_, cell)| cell.clone()).filter(|cell| *cell != Cell::Null).collect()
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn qualified(schema: &Schema, table: &str) -> String {
    let namespace = schema.namespace.as_ref().map(|it| format!("{}.", quoted(it)));
    format!("{}{}", namespace.unwrap_or_default(), quoted(table))
}

/// The JSON word of a value that serde spells as a plain string.
fn word(value: impl serde::Serialize) -> Cell {
    serde_json::to_value(value).unwrap().as_str().unwrap().into()
}

fn member(member: &Member) -> [Cell; 2] {
    match member {
        Member::Organization => ["organization".into(), "".into()],
        Member::Team(id) => ["team".into(), id.as_str().into()],
        Member::Teammate(id) => ["teammate".into(), id.as_str().into()],
    }
}

/// A dataset as rows, tables that others refer to first.
fn rows(schema: &Schema, dataset: &Dataset) -> Vec<Row> {
    let mut rows = Vec::new();
    let organization_id = Cell::from(dataset.organization.id.as_str());
    let mut add =
        |table: &Cow<'static, str>, cells: Vec<(&Cow<'static, str>, Cell)>, rest: Vec<(&'static str, Cell)>| {
            let cells = cells.into_iter().map(|(name, cell)| (name.clone(), cell));
            let rest = rest.into_iter().map(|(name, cell)| (Cow::Borrowed(name), cell));
            rows.push(Row { table: table.clone(), cells: cells.chain(rest).collect() });
        };
    let position = |index: usize| ("position", Cell::Integer(index as i64));
    let named = |name: &str| ("name", Cell::from(name));

    let it = &schema.organizations;
    let organization = &dataset.organization;
    add(
        &it.table,
        vec![(&it.id, organization_id.clone()), (&it.contact_membership, Cell::Flag(organization.contact_membership))],
        vec![named(organization.name.as_str()), ("revision", Cell::Integer(0))],
    );
    for (index, teammate) in organization.teammates.iter().enumerate() {
        let it = &schema.teammates;
        let cells = vec![
            (&it.organization_id, organization_id.clone()),
            (&it.id, teammate.id.as_str().into()),
            (&it.admin, Cell::Flag(teammate.admin)),
            (&it.suspended, Cell::Flag(teammate.suspended)),
        ];
        add(&it.table, cells, vec![named(teammate.name.as_str()), position(index)]);
    }
    for (index, team) in organization.teams.iter().enumerate() {
        let it = &schema.teams;
        let cells = vec![(&it.organization_id, organization_id.clone()), (&it.id, team.id.as_str().into())];
        add(&it.table, cells, vec![named(team.name.as_str()), position(index)]);
        for (index, teammate) in team.teammates.iter().enumerate() {
            let it = &schema.team_members;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.team_id, team.id.as_str().into()),
                (&it.teammate_id, teammate.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
    }
    for (index, endpoint) in organization.endpoints.iter().enumerate() {
        let it = &schema.endpoints;
        let [owner_kind, owner_id] = member(&endpoint.owner);
        let cells = vec![
            (&it.organization_id, organization_id.clone()),
            (&it.id, endpoint.id.as_str().into()),
            (&it.kind, word(endpoint.kind)),
            (&it.owner_kind, owner_kind),
            (&it.owner_id, owner_id),
        ];
        add(&it.table, cells, vec![position(index)]);
        for (index, one) in endpoint.additional_members.iter().enumerate() {
            let it = &schema.endpoint_members;
            let [kind, id] = member(one);
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.endpoint_id, endpoint.id.as_str().into()),
                (&it.member_kind, kind),
                (&it.member_id, id),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
    }
    for contact in &dataset.contacts {
        let it = &schema.contacts;
        let name = contact.name.as_ref().map(|name| name.as_str());
        let mut cells = vec![
            (&it.organization_id, organization_id.clone()),
            (&it.id, contact.id.as_str().into()),
            (&it.category, word(contact.category)),
            (&it.invitation, word(contact.invitation)),
        ];
        let key = name.map_or(Cell::Null, |name| Cell::Text(name_key(name)));
        cells.extend(schema.contact_name_key.as_ref().map(|column| (column, key)));
        add(&it.table, cells, vec![("name", name.map_or(Cell::Null, Cell::from))]);
        for (index, one) in contact.members.iter().enumerate() {
            let it = &schema.contact_members;
            let [kind, id] = member(one);
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.contact_id, contact.id.as_str().into()),
                (&it.member_kind, kind),
                (&it.member_id, id),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
        for (index, tag) in contact.tags.iter().enumerate() {
            let it = &schema.contact_tags;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.contact_id, contact.id.as_str().into()),
                (&it.tag, tag.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
    }
    for conversation in &dataset.conversations {
        let it = &schema.conversations;
        let id = Cell::from(conversation.id.as_str());
        let [assignee_kind, assignee_id] = conversation.assignee.as_ref().map_or([Cell::Null, Cell::Null], member);
        let cells = vec![
            (&it.organization_id, organization_id.clone()),
            (&it.id, id.clone()),
            (&it.kind, word(conversation.kind)),
            (&it.endpoint_id, conversation.endpoint.as_ref().map_or(Cell::Null, |it| it.as_str().into())),
            (&it.assignee_kind, assignee_kind),
            (&it.assignee_id, assignee_id),
            (&it.archived, Cell::Flag(conversation.archived)),
            (&it.last_activity, Cell::Integer(conversation.last_activity.as_millis())),
        ];
        add(&it.table, cells, Vec::new());
        for (index, contact) in conversation.contacts.iter().enumerate() {
            let it = &schema.conversation_contacts;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.conversation_id, id.clone()),
                (&it.contact_id, contact.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
        for (index, one) in conversation.members.iter().enumerate() {
            let it = &schema.conversation_members;
            let [member_kind, member_id] = member(one);
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.conversation_id, id.clone()),
                (&it.member_kind, member_kind),
                (&it.member_id, member_id),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
        for (index, tag) in conversation.tags.iter().enumerate() {
            let it = &schema.conversation_tags;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.conversation_id, id.clone()),
                (&it.tag, tag.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
        for (index, teammate) in conversation.read_by.iter().enumerate() {
            let it = &schema.conversation_reads;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.conversation_id, id.clone()),
                (&it.teammate_id, teammate.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
        for (index, teammate) in conversation.starred_by.iter().enumerate() {
            let it = &schema.conversation_stars;
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.conversation_id, id.clone()),
                (&it.teammate_id, teammate.as_str().into()),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
    }
    for (index, filter) in dataset.filters.iter().enumerate() {
        let it = &schema.filters;
        let cells = vec![
            (&it.organization_id, organization_id.clone()),
            (&it.id, filter.id.as_str().into()),
            (&it.owner_id, filter.owner.as_str().into()),
        ];
        let rest = vec![
            position(index),
            named(filter.name.as_str()),
            ("lists", word(filter.lists)),
            ("archive_scope", word(filter.archived)),
            ("rule", Cell::Text(serde_json::to_string(&filter.rule).unwrap())),
        ];
        add(&it.table, cells, rest);
        for (index, share) in filter.shared_with.iter().enumerate() {
            let it = &schema.filter_shares;
            let [kind, id] = member(share);
            let cells = vec![
                (&it.organization_id, organization_id.clone()),
                (&it.filter_id, filter.id.as_str().into()),
                (&it.member_kind, kind),
                (&it.member_id, id),
            ];
            add(&it.table, cells, vec![position(index)]);
        }
    }
    rows
}
