//! Organizations in a PostgreSQL database: a [`Journal`] to copy.
//!
//! * The facts are in tables that can be asked directly; the journal of changes stands beside them. An append is one
//!   transaction over both, a dozen statements however many conversations it touches.
//! * The row of an organization is the fence: whoever appends holds it, so writers of one organization take turns, and
//!   writers of two never meet.
//! * Every table can be partitioned, or distributed with Citus, by its organization id; see [`Layout`].
//! * A connection that is lost fails the call that finds out; the next one opens another.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::str::FromStr;

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Config, IsolationLevel, NoTls, Portal, Row, Statement, Transaction};
use visibly::store::{
    Append, AppendError, Batch, CreateError, Entry, Journal, ReplayError, Source, SubmissionId, Touched,
};
use visibly::{
    Contact, Conversation, Endpoint, Engine, Filter, Member, Organization, OrganizationId, ParseError, Revision, Team,
    Teammate,
};

use crate::columns::{self, UnreadableJson, columns, name_key, optional_columns};

/// Each brings the schema from the version before it to its own, from 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("schema/postgres/0001_facts.sql"),
    include_str!("schema/postgres/0002_journal.sql"),
    include_str!("schema/postgres/0003_indexes.sql"),
];

/// Held by who migrates; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x0076_6973_6962_6c79;

/// How many contacts or conversations are read at once.
const BATCH: usize = 2_048;

/// How many rows are fetched at once.
const FETCH: i32 = 4_096;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostgresError {
    #[error(transparent)]
    Postgres(postgres::Error),
    /// PostgreSQL's texts cannot hold U+0000, and those of a database that is not in UTF-8 much else.
    #[error("a text has a character that the database cannot hold")]
    Unencodable(#[source] postgres::Error),
    /// Ids and tags are in keys, of which three have to fit into 2,700 bytes; so has a contact's name, which is indexed.
    #[error("an id, a tag or a contact's name is too long for the database")]
    TooLong(#[source] postgres::Error),
    /// A row that this program cannot have written.
    #[error("unreadable row: {0}")]
    Row(#[from] serde::de::value::Error),
    #[error("unreadable row: {0}")]
    Word(#[from] ParseError),
    #[error(transparent)]
    Json(#[from] UnreadableJson),
    /// An entry of a list without what it would belong to: left where it is, it would hide all that follow it.
    #[error("an entry in table {0} belongs to nothing")]
    Stray(&'static str),
    #[error("the facts are at revision {facts}, but the journal ends after revision {last}")]
    CutShort { last: Revision, facts: Revision },
    #[error("the database has schema {0}, made by a later version")]
    LaterSchema(i64),
}

type Result<T, E = PostgresError> = std::result::Result<T, E>;

impl From<postgres::Error> for PostgresError {
    fn from(error: postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER) => {
                Self::Unencodable(error)
            }
            Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => Self::TooLong(error),
            _ => Self::Postgres(error),
        }
    }
}

impl From<serde_json::Error> for PostgresError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.into())
    }
}

/// How the tables are made, where there are none yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Layout {
    #[default]
    Plain,
    /// Each table in so many partitions, by hash of the organization id.
    Partitioned(u32),
}

/// One connection to the database.
pub(crate) struct PostgresStore {
    config: Config,
    client: Client,
    /// Prepared on this connection.
    statements: HashMap<&'static str, Statement>,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        Self::open_with(config, Layout::default())
    }

    /// The same; tables that are not there yet are made in this layout.
    pub(crate) fn open_with(config: &Config, layout: Layout) -> Result<Self> {
        let mut client = connect(config)?;
        if version_of(&mut client.transaction()?)? != MIGRATIONS.len() as i64 {
            migrate(&mut client, layout)?;
        }
        Ok(Self { config: config.clone(), client, statements: HashMap::new() })
    }

    /// The connection, for questions to the tables; another one if it was lost.
    pub(crate) fn client(&mut self) -> Result<&mut Client> {
        if self.client.is_closed() {
            self.statements.clear();
            self.client = connect(&self.config)?;
        }
        Ok(&mut self.client)
    }

    /// A transaction that waits for its turn and then goes on from what the one before it left. The stricter levels,
    /// which a server may have for its default, would fail it there, where the contract has it meet a conflict.
    fn write(&mut self) -> Result<Work<'_>> {
        self.client()?;
        let settings = self.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        Ok(Work { transaction: settings.start()?, statements: &mut self.statements })
    }

    /// A transaction in which everything is of one moment.
    fn read_at_once(&mut self) -> Result<Work<'_>> {
        self.client()?;
        let settings = self.client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        Ok(Work { transaction: settings.start()?, statements: &mut self.statements })
    }
}

fn connect(config: &Config) -> Result<Client> {
    let mut client = config.connect(NoTls)?;
    // An append is on disk when it returns, whatever the server's own setting is. Where row-level security holds this
    // role, reading fails: an engine made of the rows that it leaves would take them for all there are.
    client.batch_execute("SET synchronous_commit = on; SET row_security = off; SET client_min_messages = warning")?;
    Ok(client)
}

fn version_of(transaction: &mut Transaction<'_>) -> Result<i64> {
    let exists = "SELECT to_regclass('schema_migrations') IS NOT NULL";
    match transaction.query_one(exists, &[])?.get(0) {
        true => Ok(transaction.query_one("SELECT coalesce(max(version), 0) FROM schema_migrations", &[])?.get(0)),
        false => Ok(0),
    }
}

/// Carries out the migrations that the database has not seen, all or none.
fn migrate(client: &mut Client, layout: Layout) -> Result<()> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])?;
    transaction.batch_execute("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY)")?;
    let done = version_of(&mut transaction)?;
    if done > MIGRATIONS.len() as i64 {
        return Err(PostgresError::LaterSchema(done));
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > done) {
        transaction.batch_execute(&laid_out(migration, layout))?;
        transaction.execute("INSERT INTO schema_migrations VALUES ($1)", &[&version])?;
    }
    Ok(transaction.commit()?)
}

/// A migration whose tables are made in a layout.
fn laid_out(migration: &str, layout: Layout) -> String {
    let Layout::Partitioned(partitions) = layout else {
        return migration.to_owned();
    };
    let mut sql = migration.replace("\n);", "\n) PARTITION BY HASH (organization_id);");
    let tables = migration.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" ("));
    for table in tables {
        for part in 0..partitions {
            sql.push_str(&format!(
                "CREATE TABLE {table}_{part} PARTITION OF {table}
                 FOR VALUES WITH (MODULUS {partitions}, REMAINDER {part});\n"
            ));
        }
    }
    sql
}

/// One transaction, with the statements that the connection has prepared.
struct Work<'c> {
    transaction: Transaction<'c>,
    statements: &'c mut HashMap<&'static str, Statement>,
}

type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

impl Work<'_> {
    fn prepared(&mut self, sql: &'static str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.transaction.prepare(sql)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn run(&mut self, sql: &'static str, values: Values<'_>) -> Result<u64> {
        let statement = self.prepared(sql)?;
        Ok(self.transaction.execute(&statement, values)?)
    }

    fn rows(&mut self, sql: &'static str, values: Values<'_>) -> Result<Vec<Row>> {
        let statement = self.prepared(sql)?;
        Ok(self.transaction.query(&statement, values)?)
    }

    fn revision(&mut self, sql: &'static str, values: Values<'_>) -> Result<Option<Revision>> {
        let rows = self.rows(sql, values)?;
        let number: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?.flatten();
        Ok(number.map(as_revision))
    }

    fn current(&mut self, id: &OrganizationId) -> Result<Option<Revision>> {
        self.revision("SELECT revision FROM organizations WHERE organization_id = $1", &[&id.as_str()])
    }

    /// The revision, in the hands of this transaction until it ends.
    fn hold(&mut self, id: &OrganizationId) -> Result<Option<Revision>> {
        self.revision("SELECT revision FROM organizations WHERE organization_id = $1 FOR UPDATE", &[&id.as_str()])
    }

    fn found(&mut self, id: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>> {
        self.revision(
            "SELECT max(revision) FROM journal WHERE organization_id = $1 AND replica = $2 AND submission = $3",
            &[&id.as_str(), &submission.replica.to_string(), &submission.number.cast_signed()],
        )
    }
}

fn as_revision(number: i64) -> Revision {
    Revision::new(number.cast_unsigned())
}

fn as_number(revision: Revision) -> i64 {
    revision.get().cast_signed()
}

impl Source for PostgresStore {
    type Error = PostgresError;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>> {
        let mut work = self.read_at_once()?;
        let Some(revision) = work.current(organization)? else {
            return Ok(None);
        };
        Reader { work, id: organization }.hand_on(take)?;
        Ok(Some(revision))
    }
}

impl Journal for PostgresStore {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<PostgresError>> {
        let id = engine.organization_id();
        let mut writer = Writer { work: self.write()?, id };
        if !writer.claim(engine.revision())? {
            return Err(CreateError::Exists(id.clone()));
        }
        writer.create(engine)?;
        writer.work.transaction.commit().map_err(PostgresError::from)?;
        Ok(())
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<PostgresError>> {
        let id = append.organization;
        let mut work = self.write()?;
        let Some(current) = work.hold(id)? else {
            return Err(AppendError::UnknownOrganization(id.clone()));
        };
        if let Some(revision) = work.found(id, append.submission)? {
            return Err(AppendError::Repeated(revision));
        }
        if current != append.expected {
            return Err(AppendError::Conflict(current));
        }
        let mut writer = Writer { work, id };
        writer.append(append).map_err(|error| match error {
            PostgresError::Unencodable(_) | PostgresError::TooLong(_) => AppendError::Rejected(error),
            error => AppendError::Store(error),
        })?;
        writer.work.transaction.commit().map_err(PostgresError::from)?;
        Ok(append.revision())
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>> {
        self.read_at_once()?.current(organization)
    }

    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<PostgresError>> {
        let mut work = self.read_at_once()?;
        let Some(current) = work.current(organization)? else {
            return Err(ReplayError::UnknownOrganization(organization.clone()));
        };
        let oldest = "SELECT min(revision) - 1 FROM journal WHERE organization_id = $1";
        let oldest = work.revision(oldest, &[&organization.as_str()])?.unwrap_or(current);
        if after < oldest || after > current {
            return Err(ReplayError::NotKept { oldest, current });
        }
        match entries(&mut work, organization, after, take)? {
            Some(last) if last != current => Err(PostgresError::CutShort { last, facts: current }.into()),
            _ => Ok(()),
        }
    }

    fn find(&mut self, organization: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>> {
        self.read_at_once()?.found(organization, submission)
    }

    /// The tables hold the facts of the last revision, so only entries go.
    fn compact(&mut self, engine: &Engine) -> Result<()> {
        let mut work = self.write()?;
        let values: Values<'_> = &[&engine.organization_id().as_str(), &as_number(engine.revision())];
        work.run("DELETE FROM journal WHERE organization_id = $1 AND revision <= $2", values)?;
        Ok(work.transaction.commit()?)
    }
}

/// Hands on the entries after a revision; the revision of the last one, if `take` did not break before.
fn entries(
    work: &mut Work<'_>,
    id: &OrganizationId,
    after: Revision,
    take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<Option<Revision>> {
    let mut last = after;
    let sql = "SELECT revision, replica, submission, change FROM journal
               WHERE organization_id = $1 AND revision > $2 ORDER BY revision";
    let statement = work.prepared(sql)?;
    let portal = work.transaction.bind(&statement, &[&id.as_str(), &as_number(after)])?;
    loop {
        let rows = work.transaction.query_portal(&portal, FETCH)?;
        if rows.is_empty() {
            return Ok(Some(last));
        }
        for row in rows {
            let entry = entry(&row)?;
            last = entry.revision;
            if take(entry).is_break() {
                return Ok(None);
            }
        }
    }
}

fn entry(row: &Row) -> Result<Entry> {
    let number = row.try_get::<_, i64>(2)?.cast_unsigned();
    Ok(Entry {
        revision: as_revision(row.try_get(0)?),
        submission: SubmissionId { replica: value(row, 1)?, number },
        change: columns::from_json(row.try_get(3)?)?,
    })
}

// Reading.

/// A column's text as an id, or anything else that is made of a text.
fn of<T: for<'t> From<&'t str>>(row: &Row, column: usize) -> Result<T> {
    Ok(row.try_get::<_, &str>(column)?.into())
}

fn of_option<T: for<'t> From<&'t str>>(row: &Row, column: usize) -> Result<Option<T>> {
    Ok(row.try_get::<_, Option<&str>>(column)?.map(Into::into))
}

/// A column's word.
fn value<T: FromStr<Err = ParseError>>(row: &Row, column: usize) -> Result<T> {
    Ok(row.try_get::<_, &str>(column)?.parse()?)
}

fn member_at(row: &Row, column: usize) -> Result<Member> {
    Ok(columns::member(row.try_get(column)?, row.try_get(column + 1)?)?)
}

fn optional_member_at(row: &Row, column: usize) -> Result<Option<Member>> {
    match row.try_get::<_, Option<&str>>(column)? {
        None => Ok(None),
        Some(_) => member_at(row, column).map(Some),
    }
}

/// The rows of one query, fetched some at a time.
struct Cursor {
    portal: Portal,
    fetched: VecDeque<Row>,
    at_end: bool,
}

impl Cursor {
    fn start(work: &mut Work<'_>, sql: &'static str, id: &OrganizationId) -> Result<Self> {
        let statement = work.prepared(sql)?;
        let portal = work.transaction.bind(&statement, &[&id.as_str()])?;
        Ok(Self { portal, fetched: VecDeque::new(), at_end: false })
    }

    fn peek(&mut self, work: &mut Work<'_>) -> Result<Option<&Row>> {
        if self.fetched.is_empty() && !self.at_end {
            self.fetched = work.transaction.query_portal(&self.portal, FETCH)?.into();
            self.at_end = self.fetched.is_empty();
        }
        Ok(self.fetched.front())
    }

    fn next(&mut self, work: &mut Work<'_>) -> Result<Option<Row>> {
        self.peek(work)?;
        Ok(self.fetched.pop_front())
    }

    /// Of a table of lists, in the order of what they belong to (that id, the position, the entry): the list that
    /// belongs to `id`. Ids are asked for in ascending order.
    fn list<T>(&mut self, work: &mut Work<'_>, id: &str, entry: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let mut list: Vec<(i64, T)> = Vec::new();
        while let Some(row) = self.peek(work)?.filter(|row| row.try_get::<_, &str>(0).is_ok_and(|owner| owner == id)) {
            list.push((row.try_get(1)?, entry(row)?));
            self.fetched.pop_front();
        }
        list.sort_unstable_by_key(|(position, _)| *position);
        Ok(list.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Once everything has been asked for its list of this table, no row may be left.
    fn end(&mut self, work: &mut Work<'_>, table: &'static str) -> Result<()> {
        match self.peek(work)? {
            None => Ok(()),
            Some(_) => Err(PostgresError::Stray(table)),
        }
    }
}

struct Reader<'c> {
    work: Work<'c>,
    id: &'c OrganizationId,
}

impl Reader<'_> {
    fn hand_on(&mut self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<()> {
        let mut filters = self.filters()?.into_iter();
        let _stopped = take(Batch::Organization(self.organization()?)).is_break()
            || in_batches(Batch::Filters, take, || Ok(filters.next()))?.is_break()
            || self.contacts(take)?.is_break()
            || self.conversations(take)?.is_break();
        Ok(())
    }

    fn all(&mut self, sql: &'static str) -> Result<Vec<Row>> {
        self.work.rows(sql, &[&self.id.as_str()])
    }

    fn one<T>(&mut self, sql: &'static str, of: &str, entry: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        self.work.rows(sql, &[&self.id.as_str(), &of])?.iter().map(entry).collect()
    }

    fn organization(&mut self) -> Result<Organization> {
        let mut organization = Organization::new(self.id, "");
        for row in self.all("SELECT name, contact_membership FROM organizations WHERE organization_id = $1")? {
            organization.name = of(&row, 0)?;
            organization.contact_membership = row.try_get(1)?;
        }
        organization.teammates = self.teammates()?;
        organization.teams = self.teams()?;
        organization.endpoints = self.endpoints()?;
        Ok(organization)
    }

    fn teammates(&mut self) -> Result<Vec<Teammate>> {
        let sql = "SELECT id, name, admin, suspended FROM teammates WHERE organization_id = $1 ORDER BY position";
        let teammate = |row: &Row| {
            let mut teammate = Teammate::new(row.try_get::<_, &str>(0)?, row.try_get::<_, &str>(1)?);
            teammate.admin = row.try_get(2)?;
            teammate.suspended = row.try_get(3)?;
            Ok(teammate)
        };
        self.all(sql)?.iter().map(teammate).collect()
    }

    fn teams(&mut self) -> Result<Vec<Team>> {
        let members =
            "SELECT teammate_id FROM team_members WHERE organization_id = $1 AND team_id = $2 ORDER BY position";
        let mut teams = Vec::new();
        for row in self.all("SELECT id, name FROM teams WHERE organization_id = $1 ORDER BY position")? {
            let mut team = Team::new(row.try_get::<_, &str>(0)?, row.try_get::<_, &str>(1)?, [] as [&str; 0]);
            team.teammates = self.one(members, team.id.as_str(), |row| of(row, 0))?;
            teams.push(team);
        }
        Ok(teams)
    }

    fn endpoints(&mut self) -> Result<Vec<Endpoint>> {
        let sql = "SELECT id, kind, value, label, owner_kind, owner_id, auto_assign_kind, auto_assign_id
                   FROM endpoints WHERE organization_id = $1 ORDER BY position";
        let members = "SELECT member_kind, member_id FROM endpoint_members
                       WHERE organization_id = $1 AND endpoint_id = $2 ORDER BY position";
        let mut endpoints = Vec::new();
        for row in self.all(sql)? {
            let mut endpoint = Endpoint::new(row.try_get::<_, &str>(0)?, value(&row, 1)?);
            endpoint.value = of_option(&row, 2)?;
            endpoint.label = of_option(&row, 3)?;
            endpoint.owner = member_at(&row, 4)?;
            endpoint.auto_assign = optional_member_at(&row, 6)?;
            endpoint.additional_members = self.one(members, endpoint.id.as_str(), |row| member_at(row, 0))?;
            endpoints.push(endpoint);
        }
        Ok(endpoints)
    }

    fn filters(&mut self) -> Result<Vec<Filter>> {
        let sql = "SELECT id, name, owner_id, lists, archive_scope, rule
                   FROM filters WHERE organization_id = $1 ORDER BY position";
        let shares = "SELECT member_kind, member_id FROM filter_shares
                      WHERE organization_id = $1 AND filter_id = $2 ORDER BY position";
        let mut filters = Vec::new();
        for row in self.all(sql)? {
            let text = |column| row.try_get::<_, &str>(column);
            let mut filter = Filter::conversations(text(0)?, text(1)?, text(2)?, columns::from_json(text(5)?)?);
            filter.lists = value(&row, 3)?;
            filter.archived = value(&row, 4)?;
            filter.shared_with = self.one(shares, filter.id.as_str(), |row| member_at(row, 0))?;
            filters.push(filter);
        }
        Ok(filters)
    }

    /// All tables are read side by side, each in the order of its key.
    fn contacts(&mut self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        let Self { work, id } = self;
        let mut heads = Cursor::start(
            work,
            "SELECT id, name, category, invitation FROM contacts WHERE organization_id = $1 ORDER BY id",
            id,
        )?;
        let mut members = Cursor::start(
            work,
            "SELECT contact_id, position, member_kind, member_id FROM contact_members
             WHERE organization_id = $1 ORDER BY contact_id",
            id,
        )?;
        let mut tags = Cursor::start(
            work,
            "SELECT contact_id, position, tag FROM contact_tags WHERE organization_id = $1 ORDER BY contact_id",
            id,
        )?;
        in_batches(Batch::Contacts, take, || {
            let Some(row) = heads.next(work)? else {
                members.end(work, "contact_members")?;
                tags.end(work, "contact_tags")?;
                return Ok(None);
            };
            let id: &str = row.try_get(0)?;
            let mut contact = Contact::new(id);
            contact.name = of_option(&row, 1)?;
            contact.category = value(&row, 2)?;
            contact.invitation = value(&row, 3)?;
            contact.members = members.list(work, id, |row| member_at(row, 2))?;
            contact.tags = tags.list(work, id, |row| of(row, 2))?;
            Ok(Some(contact))
        })
    }

    fn conversations(&mut self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        let Self { work, id } = self;
        let mut heads = Cursor::start(
            work,
            "SELECT id, kind, endpoint_id, assignee_kind, assignee_id, archived, last_activity
             FROM conversations WHERE organization_id = $1 ORDER BY id",
            id,
        )?;
        let mut contacts = Cursor::start(
            work,
            "SELECT conversation_id, position, contact_id FROM conversation_contacts
             WHERE organization_id = $1 ORDER BY conversation_id",
            id,
        )?;
        let mut members = Cursor::start(
            work,
            "SELECT conversation_id, position, member_kind, member_id FROM conversation_members
             WHERE organization_id = $1 ORDER BY conversation_id",
            id,
        )?;
        let mut tags = Cursor::start(
            work,
            "SELECT conversation_id, position, tag FROM conversation_tags
             WHERE organization_id = $1 ORDER BY conversation_id",
            id,
        )?;
        let mut reads = Cursor::start(
            work,
            "SELECT conversation_id, position, teammate_id FROM conversation_reads
             WHERE organization_id = $1 ORDER BY conversation_id",
            id,
        )?;
        let mut stars = Cursor::start(
            work,
            "SELECT conversation_id, position, teammate_id FROM conversation_stars
             WHERE organization_id = $1 ORDER BY conversation_id",
            id,
        )?;
        in_batches(Batch::Conversations, take, || {
            let Some(row) = heads.next(work)? else {
                contacts.end(work, "conversation_contacts")?;
                members.end(work, "conversation_members")?;
                tags.end(work, "conversation_tags")?;
                reads.end(work, "conversation_reads")?;
                stars.end(work, "conversation_stars")?;
                return Ok(None);
            };
            let id: &str = row.try_get(0)?;
            let mut conversation = Conversation::new(id, value(&row, 1)?, row.try_get::<_, i64>(6)?);
            conversation.endpoint = of_option(&row, 2)?;
            conversation.assignee = optional_member_at(&row, 3)?;
            conversation.archived = row.try_get(5)?;
            conversation.contacts = contacts.list(work, id, |row| of(row, 2))?;
            conversation.members = members.list(work, id, |row| member_at(row, 2))?;
            conversation.tags = tags.list(work, id, |row| of(row, 2))?;
            conversation.read_by = reads.list(work, id, |row| of(row, 2))?;
            conversation.starred_by = stars.list(work, id, |row| of(row, 2))?;
            Ok(Some(conversation))
        })
    }
}

/// Hands facts on as they come, [`BATCH`] at a time.
fn in_batches<T>(
    batch: impl Fn(Vec<T>) -> Batch,
    take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    mut next: impl FnMut() -> Result<Option<T>>,
) -> Result<ControlFlow<()>> {
    let mut facts = Vec::with_capacity(BATCH);
    while let Some(fact) = next()? {
        facts.push(fact);
        if facts.len() == BATCH && take(batch(std::mem::replace(&mut facts, Vec::with_capacity(BATCH)))).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(match facts.is_empty() {
        true => ControlFlow::Continue(()),
        false => take(batch(facts)),
    })
}

// Writing.

/// The statements that bring a table of lists to what is given: entries that are not given go, the others are put.
/// `$1` is the organization, `$2` what the lists belong to, `$3` and on the columns of all entries of those lists.
macro_rules! put_lists {
    ($table:literal, $key:literal, $entry:literal) => {
        concat!(
            "WITH given AS (SELECT * FROM unnest($3::text[], $4::bigint[], $5::text[]) AS given (owner, place, entry)),
             gone AS (DELETE FROM ",
            $table,
            " AS old WHERE organization_id = $1 AND ",
            $key,
            " = ANY ($2)
                      AND NOT EXISTS (SELECT FROM given WHERE owner = old.",
            $key,
            " AND entry = old.",
            $entry,
            "))
             INSERT INTO ",
            $table,
            " AS old (organization_id, ",
            $key,
            ", position, ",
            $entry,
            ")
             SELECT $1, owner, place, entry FROM given
             ON CONFLICT (organization_id, ",
            $key,
            ", ",
            $entry,
            ") DO UPDATE SET position = excluded.position
             WHERE old.position <> excluded.position"
        )
    };
    ($table:literal, $key:literal) => {
        concat!(
            "WITH given AS (SELECT * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[])
                            AS given (owner, place, kind, id)),
             gone AS (DELETE FROM ",
            $table,
            " AS old WHERE organization_id = $1 AND ",
            $key,
            " = ANY ($2)
                      AND NOT EXISTS (SELECT FROM given WHERE owner = old.",
            $key,
            "
                                      AND kind = old.member_kind AND id = old.member_id))
             INSERT INTO ",
            $table,
            " AS old (organization_id, ",
            $key,
            ", position, member_kind, member_id)
             SELECT $1, owner, place, kind, id FROM given
             ON CONFLICT (organization_id, ",
            $key,
            ", member_kind, member_id) DO UPDATE
             SET position = excluded.position WHERE old.position <> excluded.position"
        )
    };
}

/// The lists of many facts, as columns.
#[derive(Default)]
struct Lists<'f> {
    owners: Vec<&'f str>,
    places: Vec<i64>,
    /// Of a list of members.
    kinds: Vec<&'static str>,
    entries: Vec<&'f str>,
}

impl<'f> Lists<'f> {
    fn of<F, T: AsRef<str> + 'f>(facts: &[(&'f str, &'f F)], list: impl Fn(&'f F) -> &'f [T]) -> Self {
        let mut lists = Self::default();
        for (owner, fact) in facts {
            for (place, entry) in (0..).zip(list(fact)) {
                lists.owners.push(owner);
                lists.places.push(place);
                lists.entries.push(entry.as_ref());
            }
        }
        lists
    }

    fn of_members<F>(facts: &[(&'f str, &'f F)], list: impl Fn(&'f F) -> &'f [Member]) -> Self {
        let mut lists = Self::default();
        for (owner, fact) in facts {
            for (place, (kind, id)) in (0..).zip(list(fact).iter().map(columns)) {
                lists.owners.push(owner);
                lists.places.push(place);
                lists.kinds.push(kind);
                lists.entries.push(id);
            }
        }
        lists
    }
}

struct Writer<'c> {
    work: Work<'c>,
    id: &'c OrganizationId,
}

impl Writer<'_> {
    /// Adds the organization's row; false if there is one.
    fn claim(&mut self, revision: Revision) -> Result<bool> {
        let sql = "INSERT INTO organizations (organization_id, name, contact_membership, revision)
                   VALUES ($1, '', false, $2) ON CONFLICT DO NOTHING";
        Ok(self.work.run(sql, &[&self.id.as_str(), &as_number(revision)])? == 1)
    }

    fn create(&mut self, engine: &Engine) -> Result<()> {
        let mut written = Ok(());
        // An engine is a source that never fails, and this one has the organization.
        let _ = engine.clone().read(self.id, &mut |batch| {
            written = self.create_batch(batch);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        written
    }

    fn create_batch(&mut self, batch: Batch) -> Result<()> {
        match batch {
            Batch::Organization(organization) => self.fill_organization(&organization),
            Batch::Filters(filters) => filters.iter().try_for_each(|filter| self.put_filter(filter)),
            Batch::Contacts(contacts) => {
                let contacts: Vec<_> = contacts.iter().map(|contact| (contact.id.as_str(), contact)).collect();
                self.put_contacts(&contacts, &[])
            }
            Batch::Conversations(conversations) => {
                let conversations: Vec<_> =
                    conversations.iter().map(|conversation| (conversation.id.as_str(), conversation)).collect();
                self.put_conversations(&conversations, &[])
            }
        }
    }

    fn fill_organization(&mut self, organization: &Organization) -> Result<()> {
        self.work.run(
            "UPDATE organizations SET name = $2, contact_membership = $3 WHERE organization_id = $1",
            &[&self.id.as_str(), &organization.name.as_str(), &organization.contact_membership],
        )?;
        organization.teammates.iter().try_for_each(|teammate| self.put_teammate(teammate))?;
        organization.teams.iter().try_for_each(|team| self.put_team(team))?;
        organization.endpoints.iter().try_for_each(|endpoint| self.put_endpoint(endpoint))
    }

    fn append(&mut self, append: &Append<'_>) -> Result<()> {
        let changes = append.changes.iter().map(columns::change_json).collect::<Result<Vec<String>, _>>()?;
        self.work.run(
            "INSERT INTO journal (organization_id, revision, replica, submission, part, change)
             SELECT $1, $2 + place, $3, $4, place - 1, change
             FROM unnest($5::text[]) WITH ORDINALITY AS given (change, place)",
            &[
                &self.id.as_str(),
                &as_number(append.expected),
                &append.submission.replica.to_string(),
                &append.submission.number.cast_signed(),
                &changes,
            ],
        )?;
        self.carry_out(append.touched)?;
        self.work.run(
            "UPDATE organizations SET revision = $2 WHERE organization_id = $1",
            &[&self.id.as_str(), &as_number(append.revision())],
        )?;
        Ok(())
    }

    /// The directory step by step; of each contact and conversation, what becomes of it in the end.
    fn carry_out(&mut self, touched: &[Touched]) -> Result<()> {
        let (mut contacts, mut conversations) = (HashMap::new(), HashMap::new());
        for touched in touched {
            match touched {
                Touched::Contact(id, contact) => drop(contacts.insert(id.as_str(), contact.as_ref())),
                Touched::Conversation(id, conversation) => {
                    conversations.insert(id.as_str(), conversation.as_ref());
                }
                directory => self.alter_directory(directory)?,
            }
        }
        let (put, gone) = put_and_gone(contacts);
        self.put_contacts(&put, &gone)?;
        let (put, gone) = put_and_gone(conversations);
        self.put_conversations(&put, &gone)
    }

    fn alter_directory(&mut self, touched: &Touched) -> Result<()> {
        match touched {
            Touched::ContactMembership(on) => {
                let sql = "UPDATE organizations SET contact_membership = $2 WHERE organization_id = $1";
                self.work.run(sql, &[&self.id.as_str(), on]).map(drop)
            }
            Touched::Teammate(_, Some(teammate)) => self.put_teammate(teammate),
            Touched::Teammate(id, None) => {
                self.remove("DELETE FROM teammates WHERE organization_id = $1 AND id = $2", id.as_str())
            }
            Touched::Team(_, Some(team)) => self.put_team(team),
            Touched::Team(id, None) => {
                self.remove("DELETE FROM team_members WHERE organization_id = $1 AND team_id = $2", id.as_str())?;
                self.remove("DELETE FROM teams WHERE organization_id = $1 AND id = $2", id.as_str())
            }
            Touched::Endpoint(_, Some(endpoint)) => self.put_endpoint(endpoint),
            Touched::Endpoint(id, None) => {
                let members = "DELETE FROM endpoint_members WHERE organization_id = $1 AND endpoint_id = $2";
                self.remove(members, id.as_str())?;
                self.remove("DELETE FROM endpoints WHERE organization_id = $1 AND id = $2", id.as_str())
            }
            Touched::Filter(_, Some(filter)) => self.put_filter(filter),
            Touched::Filter(id, None) => {
                self.remove("DELETE FROM filter_shares WHERE organization_id = $1 AND filter_id = $2", id.as_str())?;
                self.remove("DELETE FROM filters WHERE organization_id = $1 AND id = $2", id.as_str())
            }
            Touched::Contact(..) | Touched::Conversation(..) => Ok(()),
        }
    }

    fn remove(&mut self, sql: &'static str, id: &str) -> Result<()> {
        self.work.run(sql, &[&self.id.as_str(), &id]).map(drop)
    }

    fn put_lists(&mut self, sql: &'static str, of: &[&str], lists: &Lists<'_>) -> Result<()> {
        let Lists { owners, places, entries, .. } = lists;
        self.work.run(sql, &[&self.id.as_str(), &of, owners, places, entries]).map(drop)
    }

    fn put_members(&mut self, sql: &'static str, of: &[&str], lists: &Lists<'_>) -> Result<()> {
        let Lists { owners, places, kinds, entries } = lists;
        self.work.run(sql, &[&self.id.as_str(), &of, owners, places, kinds, entries]).map(drop)
    }

    /// Keeps the position of a teammate who is there already, like the other `put_`s.
    fn put_teammate(&mut self, teammate: &Teammate) -> Result<()> {
        self.work.run(
            "INSERT INTO teammates (organization_id, id, position, name, admin, suspended)
             VALUES ($1, $2, (SELECT coalesce(max(position) + 1, 0) FROM teammates WHERE organization_id = $1),
                     $3, $4, $5)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, admin = excluded.admin, suspended = excluded.suspended",
            &[&self.id.as_str(), &teammate.id.as_str(), &teammate.name.as_str(), &teammate.admin, &teammate.suspended],
        )?;
        Ok(())
    }

    fn put_team(&mut self, team: &Team) -> Result<()> {
        let id = team.id.as_str();
        self.work.run(
            "INSERT INTO teams (organization_id, id, position, name)
             VALUES ($1, $2, (SELECT coalesce(max(position) + 1, 0) FROM teams WHERE organization_id = $1), $3)
             ON CONFLICT (organization_id, id) DO UPDATE SET name = excluded.name",
            &[&self.id.as_str(), &id, &team.name.as_str()],
        )?;
        let lists = Lists::of(&[(id, team)], |team| &team.teammates);
        self.put_lists(put_lists!("team_members", "team_id", "teammate_id"), &[id], &lists)
    }

    fn put_endpoint(&mut self, endpoint: &Endpoint) -> Result<()> {
        let id = endpoint.id.as_str();
        let (owner_kind, owner_id) = columns(&endpoint.owner);
        let (auto_assign_kind, auto_assign_id) = optional_columns(endpoint.auto_assign.as_ref());
        self.work.run(
            "INSERT INTO endpoints (organization_id, id, position, kind, value, label, owner_kind, owner_id,
                                    auto_assign_kind, auto_assign_id)
             VALUES ($1, $2, (SELECT coalesce(max(position) + 1, 0) FROM endpoints WHERE organization_id = $1),
                     $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET kind = excluded.kind, value = excluded.value, label = excluded.label,
                 owner_kind = excluded.owner_kind, owner_id = excluded.owner_id,
                 auto_assign_kind = excluded.auto_assign_kind, auto_assign_id = excluded.auto_assign_id",
            &[
                &self.id.as_str(),
                &id,
                &endpoint.kind.as_str(),
                &endpoint.value.as_ref().map(AsRef::<str>::as_ref),
                &endpoint.label.as_ref().map(AsRef::<str>::as_ref),
                &owner_kind,
                &owner_id,
                &auto_assign_kind,
                &auto_assign_id,
            ],
        )?;
        let lists = Lists::of_members(&[(id, endpoint)], |endpoint| &endpoint.additional_members);
        self.put_members(put_lists!("endpoint_members", "endpoint_id"), &[id], &lists)
    }

    fn put_filter(&mut self, filter: &Filter) -> Result<()> {
        let id = filter.id.as_str();
        self.work.run(
            "INSERT INTO filters (organization_id, id, position, name, owner_id, lists, archive_scope, rule)
             VALUES ($1, $2, (SELECT coalesce(max(position) + 1, 0) FROM filters WHERE organization_id = $1),
                     $3, $4, $5, $6, $7)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, owner_id = excluded.owner_id, lists = excluded.lists,
                 archive_scope = excluded.archive_scope, rule = excluded.rule",
            &[
                &self.id.as_str(),
                &id,
                &filter.name.as_str(),
                &filter.owner.as_str(),
                &filter.lists.as_str(),
                &filter.archived.as_str(),
                &serde_json::to_string(&filter.rule)?,
            ],
        )?;
        let lists = Lists::of_members(&[(id, filter)], |filter| &filter.shared_with);
        self.put_members(put_lists!("filter_shares", "filter_id"), &[id], &lists)
    }

    fn put_contacts(&mut self, put: &[(&str, &Contact)], gone: &[&str]) -> Result<()> {
        if put.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = put.iter().map(|(id, _)| *id).collect();
        let names: Vec<_> = put.iter().map(|(_, of)| of.name.as_ref().map(AsRef::<str>::as_ref)).collect();
        let keys: Vec<_> = put.iter().map(|(_, of)| name_key(of)).collect();
        let categories: Vec<_> = put.iter().map(|(_, of)| of.category.as_str()).collect();
        let invitations: Vec<_> = put.iter().map(|(_, of)| of.invitation.as_str()).collect();
        self.work.run(
            "INSERT INTO contacts (organization_id, id, name, name_key, category, invitation)
             SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, name_key = excluded.name_key, category = excluded.category,
                 invitation = excluded.invitation",
            &[&self.id.as_str(), &ids, &names, &keys, &categories, &invitations],
        )?;
        let of: Vec<&str> = ids.iter().chain(gone).copied().collect();
        let members = Lists::of_members(put, |of| &of.members);
        self.put_members(put_lists!("contact_members", "contact_id"), &of, &members)?;
        let tags = Lists::of(put, |of| &of.tags);
        self.put_lists(put_lists!("contact_tags", "contact_id", "tag"), &of, &tags)?;
        let sql = "DELETE FROM contacts WHERE organization_id = $1 AND id = ANY ($2)";
        self.work.run(sql, &[&self.id.as_str(), &gone]).map(drop)
    }

    fn put_conversations(&mut self, put: &[(&str, &Conversation)], gone: &[&str]) -> Result<()> {
        if put.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = put.iter().map(|(id, _)| *id).collect();
        self.put_heads(&ids, put)?;
        let of: Vec<&str> = ids.iter().chain(gone).copied().collect();
        let lists = Lists::of(put, |of| &of.contacts);
        self.put_lists(put_lists!("conversation_contacts", "conversation_id", "contact_id"), &of, &lists)?;
        let lists = Lists::of_members(put, |of| &of.members);
        self.put_members(put_lists!("conversation_members", "conversation_id"), &of, &lists)?;
        let lists = Lists::of(put, |of| &of.tags);
        self.put_lists(put_lists!("conversation_tags", "conversation_id", "tag"), &of, &lists)?;
        let lists = Lists::of(put, |of| &of.read_by);
        self.put_lists(put_lists!("conversation_reads", "conversation_id", "teammate_id"), &of, &lists)?;
        let lists = Lists::of(put, |of| &of.starred_by);
        self.put_lists(put_lists!("conversation_stars", "conversation_id", "teammate_id"), &of, &lists)?;
        let sql = "DELETE FROM conversations WHERE organization_id = $1 AND id = ANY ($2)";
        self.work.run(sql, &[&self.id.as_str(), &gone]).map(drop)
    }

    fn put_heads(&mut self, ids: &[&str], put: &[(&str, &Conversation)]) -> Result<()> {
        let kinds: Vec<_> = put.iter().map(|(_, of)| of.kind.as_str()).collect();
        let endpoints: Vec<_> = put.iter().map(|(_, of)| of.endpoint.as_ref().map(AsRef::<str>::as_ref)).collect();
        let (assignee_kinds, assignee_ids): (Vec<_>, Vec<_>) =
            put.iter().map(|(_, of)| optional_columns(of.assignee.as_ref())).unzip();
        let archived: Vec<bool> = put.iter().map(|(_, of)| of.archived).collect();
        let last_activities: Vec<i64> = put.iter().map(|(_, of)| of.last_activity.as_millis()).collect();
        self.work.run(
            "INSERT INTO conversations (organization_id, id, kind, endpoint_id, assignee_kind, assignee_id, archived,
                                        last_activity)
             SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                                      $8::bigint[])
             ON CONFLICT (organization_id, id) DO UPDATE
             SET kind = excluded.kind, endpoint_id = excluded.endpoint_id, assignee_kind = excluded.assignee_kind,
                 assignee_id = excluded.assignee_id, archived = excluded.archived,
                 last_activity = excluded.last_activity",
            &[&self.id.as_str(), &ids, &kinds, &endpoints, &assignee_kinds, &assignee_ids, &archived, &last_activities],
        )?;
        Ok(())
    }
}

/// What is put, and what goes.
fn put_and_gone<'f, F>(facts: HashMap<&'f str, Option<&'f F>>) -> (Vec<(&'f str, &'f F)>, Vec<&'f str>) {
    let mut put = Vec::new();
    let mut gone = Vec::new();
    for (id, fact) in facts {
        match fact {
            Some(fact) => put.push((id, fact)),
            None => gone.push(id),
        }
    }
    (put, gone)
}
