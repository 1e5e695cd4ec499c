//! Organizations in one SQLite file: a [`Journal`] to copy.
//!
//! * The facts are in tables that can be asked directly; the journal of changes stands beside them. An append is one
//!   transaction over both.
//! * Several processes may have the file open: readers never wait, writers take turns.
//! * An append is on disk when it returns (`synchronous = FULL`), whatever becomes of the process or the machine.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use rusqlite::TransactionBehavior::{Deferred, Immediate};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, Rows, Transaction, TransactionBehavior};
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
    include_str!("schema/sqlite/0001_facts.sql"),
    include_str!("schema/sqlite/0002_journal.sql"),
    include_str!("schema/sqlite/0003_indexes.sql"),
];

/// How many contacts or conversations are read at once.
const BATCH: usize = 2_048;

/// How often a writer looks whether it is its turn, and how long it waits in between: half a minute in all.
///
/// SQLite's own waits grow to 100 ms, in which a writer that never pauses has the file again and again.
const LOOKS: i32 = 30_000;
const WAIT: Duration = Duration::from_millis(1);

/// What can go wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqliteError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
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
    #[error("the file has schema {0}, made by a later version")]
    LaterSchema(usize),
}

type Result<T, E = SqliteError> = std::result::Result<T, E>;

impl From<serde_json::Error> for SqliteError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.into())
    }
}

/// One connection to the file.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date.
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        connection.busy_handler(Some(wait_for_turn))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        if version_of(&connection)? != MIGRATIONS.len() {
            migrate(&mut connection, MIGRATIONS.len())?;
        }
        Ok(Self { connection })
    }

    /// The connection, for questions to the tables.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A transaction, of which writers wait for their turn. What an earlier one left open is rolled back.
    fn begin(&mut self, behavior: TransactionBehavior) -> Result<Transaction<'_>> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        Ok(self.connection.transaction_with_behavior(behavior)?)
    }
}

fn wait_for_turn(looks: i32) -> bool {
    std::thread::sleep(WAIT);
    looks < LOOKS
}

/// The version of a file's schema, 0 if it has none.
fn version_of(connection: &Connection) -> Result<usize> {
    match connection.table_exists(None, "schema_migrations")? {
        true => {
            Ok(connection.query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))?)
        }
        false => Ok(0),
    }
}

/// Carries out the migrations up to `version` that the file has not seen. A file that is ahead is left alone.
pub(crate) fn migrate(connection: &mut Connection, version: usize) -> Result<()> {
    let transaction = connection.transaction_with_behavior(Immediate)?;
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY) STRICT")?;
    let done = version_of(&transaction)?;
    if done > MIGRATIONS.len() {
        return Err(SqliteError::LaterSchema(done));
    }
    for (number, migration) in (1..).zip(MIGRATIONS).take(version).skip(done) {
        transaction.execute_batch(migration)?;
        transaction.execute("INSERT INTO schema_migrations VALUES (?1)", [number])?;
    }
    Ok(transaction.commit()?)
}

fn revision_of(transaction: &Connection, id: &OrganizationId) -> Result<Option<Revision>> {
    let mut statement = transaction.prepare_cached("SELECT revision FROM organizations WHERE organization_id = ?1")?;
    let revision: Option<i64> = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
    Ok(revision.map(as_revision))
}

fn found(transaction: &Connection, id: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>> {
    let mut statement = transaction.prepare_cached(
        "SELECT max(revision) FROM journal WHERE organization_id = ?1 AND replica = ?2 AND submission = ?3",
    )?;
    let of = (id.as_str(), submission.replica.to_string(), submission.number.cast_signed());
    let revision: Option<i64> = statement.query_row(of, |row| row.get(0))?;
    Ok(revision.map(as_revision))
}

fn as_revision(number: i64) -> Revision {
    Revision::new(number.cast_unsigned())
}

fn as_number(revision: Revision) -> i64 {
    revision.get().cast_signed()
}

impl Source for SqliteStore {
    type Error = SqliteError;

    fn read(
        &mut self,
        organization: &OrganizationId,
        take: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Result<Option<Revision>> {
        // One transaction: all of it is of one revision.
        let transaction = self.begin(Deferred)?;
        let Some(revision) = revision_of(&transaction, organization)? else {
            return Ok(None);
        };
        Reader { connection: &transaction, id: organization }.hand_on(take)?;
        Ok(Some(revision))
    }
}

impl Journal for SqliteStore {
    fn create(&mut self, engine: &Engine) -> Result<(), CreateError<SqliteError>> {
        let id = engine.organization_id();
        let transaction = self.begin(Immediate)?;
        if revision_of(&transaction, id)?.is_some() {
            return Err(CreateError::Exists(id.clone()));
        }
        Writer { connection: &transaction, id }.create(engine)?;
        Ok(transaction.commit().map_err(SqliteError::from)?)
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Revision, AppendError<SqliteError>> {
        let id = append.organization;
        let transaction = self.begin(Immediate)?;
        let Some(current) = revision_of(&transaction, id)? else {
            return Err(AppendError::UnknownOrganization(id.clone()));
        };
        if let Some(revision) = found(&transaction, id, append.submission)? {
            return Err(AppendError::Repeated(revision));
        }
        if current != append.expected {
            return Err(AppendError::Conflict(current));
        }
        Writer { connection: &transaction, id }.append(append)?;
        transaction.commit().map_err(SqliteError::from)?;
        Ok(append.revision())
    }

    fn revision(&mut self, organization: &OrganizationId) -> Result<Option<Revision>> {
        revision_of(&self.connection, organization)
    }

    fn replay(
        &mut self,
        organization: &OrganizationId,
        after: Revision,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), ReplayError<SqliteError>> {
        let transaction = self.begin(Deferred)?;
        let Some(current) = revision_of(&transaction, organization)? else {
            return Err(ReplayError::UnknownOrganization(organization.clone()));
        };
        let oldest = oldest(&transaction, organization)?.unwrap_or(current);
        if after < oldest || after > current {
            return Err(ReplayError::NotKept { oldest, current });
        }
        match entries(&transaction, organization, after, take)? {
            Some(last) if last != current => Err(SqliteError::CutShort { last, facts: current }.into()),
            _ => Ok(()),
        }
    }

    fn find(&mut self, organization: &OrganizationId, submission: SubmissionId) -> Result<Option<Revision>> {
        found(&self.connection, organization, submission)
    }

    /// The tables hold the facts of the last revision, so only entries go.
    fn compact(&mut self, engine: &Engine) -> Result<()> {
        self.connection.execute(
            "DELETE FROM journal WHERE organization_id = ?1 AND revision <= ?2",
            (engine.organization_id().as_str(), as_number(engine.revision())),
        )?;
        Ok(())
    }
}

/// The revision before the first entry that is kept.
fn oldest(transaction: &Connection, id: &OrganizationId) -> Result<Option<Revision>> {
    let mut statement =
        transaction.prepare_cached("SELECT min(revision) - 1 FROM journal WHERE organization_id = ?1")?;
    let oldest: Option<i64> = statement.query_row([id.as_str()], |row| row.get(0))?;
    Ok(oldest.map(as_revision))
}

/// Hands on the entries after a revision; the revision of the last one, if `take` did not break before.
fn entries(
    transaction: &Connection,
    id: &OrganizationId,
    after: Revision,
    take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<Option<Revision>> {
    let mut statement = transaction.prepare_cached(
        "SELECT revision, replica, submission, change FROM journal
         WHERE organization_id = ?1 AND revision > ?2 ORDER BY revision",
    )?;
    let mut rows = statement.query((id.as_str(), as_number(after)))?;
    let mut last = after;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(2)?;
        let submission = SubmissionId { replica: text(row, 1)?.parse()?, number: number.cast_unsigned() };
        let change = columns::from_json(text(row, 3)?)?;
        last = as_revision(row.get(0)?);
        if take(Entry { revision: last, submission, change }).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(last))
}

// Reading.

/// A column's text, borrowed from the row.
fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)
}

/// A column's text as an id, or anything else that is made of a text.
struct Of<T>(T);

impl<T: for<'t> From<&'t str>> FromSql for Of<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(|text| Self(text.into()))
    }
}

fn of<T: for<'t> From<&'t str>>(row: &Row<'_>, column: usize) -> Result<T> {
    Ok(row.get::<_, Of<T>>(column)?.0)
}

fn of_option<T: for<'t> From<&'t str>>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    Ok(row.get::<_, Option<Of<T>>>(column)?.map(|of| of.0))
}

fn member_at(row: &Row<'_>, column: usize) -> Result<Member> {
    Ok(columns::member(text(row, column)?, text(row, column + 1)?)?)
}

fn optional_member_at(row: &Row<'_>, column: usize) -> Result<Option<Member>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => member_at(row, column).map(Some),
    }
}

/// The rows of a table of lists, in the order of what the lists belong to: that id, the position, the entry.
struct Lists<'r> {
    table: &'static str,
    rows: Rows<'r>,
}

impl<'r> Lists<'r> {
    fn start(table: &'static str, statement: &'r mut CachedStatement<'_>, id: &OrganizationId) -> Result<Self> {
        let mut rows = statement.query([id.as_str()])?;
        rows.advance()?;
        Ok(Self { table, rows })
    }

    /// The list that belongs to `id`; ids are asked for in ascending order.
    fn of<T>(&mut self, id: &str, entry: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut list: Vec<(i64, T)> = Vec::new();
        while let Some(row) = self.rows.get().filter(|row| text(row, 0).is_ok_and(|owner| owner == id)) {
            list.push((row.get(1)?, entry(row)?));
            self.rows.advance()?;
        }
        list.sort_unstable_by_key(|(position, _)| *position);
        Ok(list.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Once everything has been asked for its list, no row may be left.
    fn end(&self) -> Result<()> {
        match self.rows.get() {
            None => Ok(()),
            Some(_) => Err(SqliteError::Stray(self.table)),
        }
    }
}

struct Reader<'c> {
    connection: &'c Connection,
    id: &'c OrganizationId,
}

impl Reader<'_> {
    fn hand_on(&self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<()> {
        let mut filters = self.filters()?.into_iter();
        let _stopped = take(Batch::Organization(self.organization()?)).is_break()
            || in_batches(Batch::Filters, take, || Ok(filters.next()))?.is_break()
            || self.contacts(take)?.is_break()
            || self.conversations(take)?.is_break();
        Ok(())
    }

    fn all<T>(&self, sql: &str, fact: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([self.id.as_str()])?;
        let mut facts = Vec::new();
        while let Some(row) = rows.next()? {
            facts.push(fact(row)?);
        }
        Ok(facts)
    }

    fn one<T>(&self, sql: &str, of: &str, entry: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([self.id.as_str(), of])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(entry(row)?);
        }
        Ok(list)
    }

    fn organization(&self) -> Result<Organization> {
        let sql = "SELECT name, contact_membership FROM organizations WHERE organization_id = ?1";
        let mut organization = Organization::new(self.id, "");
        for (name, contact_membership) in self.all(sql, |row| Ok((of(row, 0)?, row.get(1)?)))? {
            organization.name = name;
            organization.contact_membership = contact_membership;
        }
        organization.teammates = self.teammates()?;
        organization.teams = self.teams()?;
        organization.endpoints = self.endpoints()?;
        Ok(organization)
    }

    fn teammates(&self) -> Result<Vec<Teammate>> {
        let sql = "SELECT id, name, admin, suspended FROM teammates WHERE organization_id = ?1 ORDER BY position";
        self.all(sql, |row| {
            let mut teammate = Teammate::new(text(row, 0)?, text(row, 1)?);
            teammate.admin = row.get(2)?;
            teammate.suspended = row.get(3)?;
            Ok(teammate)
        })
    }

    fn teams(&self) -> Result<Vec<Team>> {
        let sql = "SELECT id, name FROM teams WHERE organization_id = ?1 ORDER BY position";
        let members =
            "SELECT teammate_id FROM team_members WHERE organization_id = ?1 AND team_id = ?2 ORDER BY position";
        self.all(sql, |row| {
            let mut team = Team::new(text(row, 0)?, text(row, 1)?, [] as [&str; 0]);
            team.teammates = self.one(members, text(row, 0)?, |row| of(row, 0))?;
            Ok(team)
        })
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let sql = "SELECT id, kind, value, label, owner_kind, owner_id, auto_assign_kind, auto_assign_id
                   FROM endpoints WHERE organization_id = ?1 ORDER BY position";
        let members = "SELECT member_kind, member_id FROM endpoint_members
                       WHERE organization_id = ?1 AND endpoint_id = ?2 ORDER BY position";
        self.all(sql, |row| {
            let mut endpoint = Endpoint::new(text(row, 0)?, text(row, 1)?.parse()?);
            endpoint.value = of_option(row, 2)?;
            endpoint.label = of_option(row, 3)?;
            endpoint.owner = member_at(row, 4)?;
            endpoint.auto_assign = optional_member_at(row, 6)?;
            endpoint.additional_members = self.one(members, text(row, 0)?, |row| member_at(row, 0))?;
            Ok(endpoint)
        })
    }

    fn filters(&self) -> Result<Vec<Filter>> {
        let sql = "SELECT id, name, owner_id, lists, archive_scope, rule
                   FROM filters WHERE organization_id = ?1 ORDER BY position";
        let shares = "SELECT member_kind, member_id FROM filter_shares
                      WHERE organization_id = ?1 AND filter_id = ?2 ORDER BY position";
        self.all(sql, |row| {
            let rule = columns::from_json(text(row, 5)?)?;
            let mut filter = Filter::conversations(text(row, 0)?, text(row, 1)?, text(row, 2)?, rule);
            filter.lists = text(row, 3)?.parse()?;
            filter.archived = text(row, 4)?.parse()?;
            filter.shared_with = self.one(shares, text(row, 0)?, |row| member_at(row, 0))?;
            Ok(filter)
        })
    }

    /// All tables are read side by side, each in the order of its key.
    fn contacts(&self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        let mut heads = self.connection.prepare_cached(
            "SELECT id, name, category, invitation FROM contacts WHERE organization_id = ?1 ORDER BY id",
        )?;
        let mut members = self.connection.prepare_cached(
            "SELECT contact_id, position, member_kind, member_id FROM contact_members
             WHERE organization_id = ?1 ORDER BY contact_id",
        )?;
        let mut tags = self.connection.prepare_cached(
            "SELECT contact_id, position, tag FROM contact_tags WHERE organization_id = ?1 ORDER BY contact_id",
        )?;
        let mut heads = heads.query([self.id.as_str()])?;
        let mut members = Lists::start("contact_members", &mut members, self.id)?;
        let mut tags = Lists::start("contact_tags", &mut tags, self.id)?;
        in_batches(Batch::Contacts, take, || {
            let Some(row) = heads.next()? else {
                return [&members, &tags].into_iter().try_for_each(Lists::end).map(|()| None);
            };
            let id = text(row, 0)?;
            let mut contact = Contact::new(id);
            contact.name = of_option(row, 1)?;
            contact.category = text(row, 2)?.parse()?;
            contact.invitation = text(row, 3)?.parse()?;
            contact.members = members.of(id, |row| member_at(row, 2))?;
            contact.tags = tags.of(id, |row| of(row, 2))?;
            Ok(Some(contact))
        })
    }

    fn conversations(&self, take: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        let list = |table: &str, columns: &str| {
            self.connection.prepare_cached(&format!(
                "SELECT conversation_id, position, {columns} FROM {table}
                 WHERE organization_id = ?1 ORDER BY conversation_id"
            ))
        };
        let mut heads = self.connection.prepare_cached(
            "SELECT id, kind, endpoint_id, assignee_kind, assignee_id, archived, last_activity
             FROM conversations WHERE organization_id = ?1 ORDER BY id",
        )?;
        let mut contacts = list("conversation_contacts", "contact_id")?;
        let mut members = list("conversation_members", "member_kind, member_id")?;
        let mut tags = list("conversation_tags", "tag")?;
        let mut reads = list("conversation_reads", "teammate_id")?;
        let mut stars = list("conversation_stars", "teammate_id")?;
        let mut heads = heads.query([self.id.as_str()])?;
        let mut contacts = Lists::start("conversation_contacts", &mut contacts, self.id)?;
        let mut members = Lists::start("conversation_members", &mut members, self.id)?;
        let mut tags = Lists::start("conversation_tags", &mut tags, self.id)?;
        let mut reads = Lists::start("conversation_reads", &mut reads, self.id)?;
        let mut stars = Lists::start("conversation_stars", &mut stars, self.id)?;
        in_batches(Batch::Conversations, take, || {
            let Some(row) = heads.next()? else {
                let lists = [&contacts, &members, &tags, &reads, &stars];
                return lists.into_iter().try_for_each(Lists::end).map(|()| None);
            };
            let id = text(row, 0)?;
            let mut conversation = Conversation::new(id, text(row, 1)?.parse()?, row.get::<_, i64>(6)?);
            conversation.endpoint = of_option(row, 2)?;
            conversation.assignee = optional_member_at(row, 3)?;
            conversation.archived = row.get(5)?;
            conversation.contacts = contacts.of(id, |row| of(row, 2))?;
            conversation.members = members.of(id, |row| member_at(row, 2))?;
            conversation.tags = tags.of(id, |row| of(row, 2))?;
            conversation.read_by = reads.of(id, |row| of(row, 2))?;
            conversation.starred_by = stars.of(id, |row| of(row, 2))?;
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

/// What a contact or conversation finds in its place.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Something,
}

struct Writer<'c> {
    connection: &'c Connection,
    id: &'c OrganizationId,
}

impl Writer<'_> {
    fn run(&self, sql: &str, values: impl Params) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn create(&self, engine: &Engine) -> Result<()> {
        let mut written = Ok(());
        // An engine is a source that never fails, and this one has the organization.
        let _ = engine.clone().read(self.id, &mut |batch| {
            written = self.create_batch(batch, engine.revision());
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        written
    }

    fn create_batch(&self, batch: Batch, revision: Revision) -> Result<()> {
        match batch {
            Batch::Organization(organization) => self.create_organization(&organization, revision),
            Batch::Filters(filters) => filters.iter().try_for_each(|filter| self.put_filter(filter)),
            Batch::Contacts(contacts) => {
                contacts.iter().try_for_each(|contact| self.put_contact(contact, Before::Nothing))
            }
            Batch::Conversations(conversations) => {
                conversations.iter().try_for_each(|conversation| self.put_conversation(conversation, Before::Nothing))
            }
        }
    }

    fn create_organization(&self, organization: &Organization, revision: Revision) -> Result<()> {
        self.run(
            "INSERT INTO organizations (organization_id, name, contact_membership, revision) VALUES (?1, ?2, ?3, ?4)",
            (self.id.as_str(), organization.name.as_str(), organization.contact_membership, as_number(revision)),
        )?;
        organization.teammates.iter().try_for_each(|teammate| self.put_teammate(teammate))?;
        organization.teams.iter().try_for_each(|team| self.put_team(team))?;
        organization.endpoints.iter().try_for_each(|endpoint| self.put_endpoint(endpoint))
    }

    fn append(&self, append: &Append<'_>) -> Result<()> {
        let replica = append.submission.replica.to_string();
        for (part, change) in append.changes.iter().enumerate() {
            self.run(
                "INSERT INTO journal (organization_id, revision, replica, submission, part, change)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    self.id.as_str(),
                    as_number(append.expected.after(part + 1)),
                    &replica,
                    append.submission.number.cast_signed(),
                    part,
                    columns::change_json(change)?,
                ),
            )?;
        }
        append.touched.iter().try_for_each(|touched| self.carry_out(touched))?;
        self.run(
            "UPDATE organizations SET revision = ?2 WHERE organization_id = ?1",
            (self.id.as_str(), as_number(append.revision())),
        )
    }

    fn carry_out(&self, touched: &Touched) -> Result<()> {
        match touched {
            Touched::ContactMembership(on) => self.run(
                "UPDATE organizations SET contact_membership = ?2 WHERE organization_id = ?1",
                (self.id.as_str(), on),
            ),
            Touched::Teammate(_, Some(teammate)) => self.put_teammate(teammate),
            Touched::Teammate(id, None) => self.remove("teammates", "id", id.as_str()),
            Touched::Team(_, Some(team)) => self.put_team(team),
            Touched::Team(id, None) => {
                self.remove("team_members", "team_id", id.as_str())?;
                self.remove("teams", "id", id.as_str())
            }
            Touched::Endpoint(_, Some(endpoint)) => self.put_endpoint(endpoint),
            Touched::Endpoint(id, None) => {
                self.remove("endpoint_members", "endpoint_id", id.as_str())?;
                self.remove("endpoints", "id", id.as_str())
            }
            Touched::Filter(_, Some(filter)) => self.put_filter(filter),
            Touched::Filter(id, None) => {
                self.remove("filter_shares", "filter_id", id.as_str())?;
                self.remove("filters", "id", id.as_str())
            }
            Touched::Contact(_, Some(contact)) => self.put_contact(contact, Before::Something),
            Touched::Contact(id, None) => {
                self.remove_contact_lists(id.as_str())?;
                self.remove("contacts", "id", id.as_str())
            }
            Touched::Conversation(_, Some(conversation)) => self.put_conversation(conversation, Before::Something),
            Touched::Conversation(id, None) => {
                self.remove_conversation_lists(id.as_str())?;
                self.remove("conversations", "id", id.as_str())
            }
        }
    }

    fn remove(&self, table: &str, column: &str, id: &str) -> Result<()> {
        self.run(&format!("DELETE FROM {table} WHERE organization_id = ?1 AND {column} = ?2"), (self.id.as_str(), id))
    }

    /// A list of ids or tags of what has the key `of`.
    fn add_list<T: AsRef<str>>(&self, table: &str, key: &str, entry: &str, of: &str, list: &[T]) -> Result<()> {
        let sql = format!("INSERT INTO {table} (organization_id, {key}, position, {entry}) VALUES (?1, ?2, ?3, ?4)");
        let mut entries = list.iter().enumerate();
        entries.try_for_each(|(position, entry)| self.run(&sql, (self.id.as_str(), of, position, entry.as_ref())))
    }

    fn add_members(&self, table: &str, key: &str, of: &str, members: &[Member]) -> Result<()> {
        let sql = format!(
            "INSERT INTO {table} (organization_id, {key}, position, member_kind, member_id) VALUES (?1, ?2, ?3, ?4, ?5)"
        );
        let mut members = members.iter().map(columns).enumerate();
        members.try_for_each(|(position, (kind, id))| self.run(&sql, (self.id.as_str(), of, position, kind, id)))
    }

    /// Keeps the position of a teammate who is there already, like the other `put_`s.
    fn put_teammate(&self, teammate: &Teammate) -> Result<()> {
        self.run(
            "INSERT INTO teammates (organization_id, id, position, name, admin, suspended)
             VALUES (?1, ?2, (SELECT coalesce(max(position) + 1, 0) FROM teammates WHERE organization_id = ?1),
                     ?3, ?4, ?5)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, admin = excluded.admin, suspended = excluded.suspended",
            (self.id.as_str(), teammate.id.as_str(), teammate.name.as_str(), teammate.admin, teammate.suspended),
        )
    }

    fn put_team(&self, team: &Team) -> Result<()> {
        let id = team.id.as_str();
        self.run(
            "INSERT INTO teams (organization_id, id, position, name)
             VALUES (?1, ?2, (SELECT coalesce(max(position) + 1, 0) FROM teams WHERE organization_id = ?1), ?3)
             ON CONFLICT (organization_id, id) DO UPDATE SET name = excluded.name",
            (self.id.as_str(), id, team.name.as_str()),
        )?;
        self.remove("team_members", "team_id", id)?;
        self.add_list("team_members", "team_id", "teammate_id", id, &team.teammates)
    }

    fn put_endpoint(&self, endpoint: &Endpoint) -> Result<()> {
        let id = endpoint.id.as_str();
        let (owner_kind, owner_id) = columns(&endpoint.owner);
        let (auto_assign_kind, auto_assign_id) = optional_columns(endpoint.auto_assign.as_ref());
        self.run(
            "INSERT INTO endpoints (organization_id, id, position, kind, value, label, owner_kind, owner_id,
                                    auto_assign_kind, auto_assign_id)
             VALUES (?1, ?2, (SELECT coalesce(max(position) + 1, 0) FROM endpoints WHERE organization_id = ?1),
                     ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET kind = excluded.kind, value = excluded.value, label = excluded.label,
                 owner_kind = excluded.owner_kind, owner_id = excluded.owner_id,
                 auto_assign_kind = excluded.auto_assign_kind, auto_assign_id = excluded.auto_assign_id",
            (
                self.id.as_str(),
                id,
                endpoint.kind.as_str(),
                endpoint.value.as_ref().map(AsRef::<str>::as_ref),
                endpoint.label.as_ref().map(AsRef::<str>::as_ref),
                owner_kind,
                owner_id,
                auto_assign_kind,
                auto_assign_id,
            ),
        )?;
        self.remove("endpoint_members", "endpoint_id", id)?;
        self.add_members("endpoint_members", "endpoint_id", id, &endpoint.additional_members)
    }

    fn put_filter(&self, filter: &Filter) -> Result<()> {
        let id = filter.id.as_str();
        self.run(
            "INSERT INTO filters (organization_id, id, position, name, owner_id, lists, archive_scope, rule)
             VALUES (?1, ?2, (SELECT coalesce(max(position) + 1, 0) FROM filters WHERE organization_id = ?1),
                     ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, owner_id = excluded.owner_id, lists = excluded.lists,
                 archive_scope = excluded.archive_scope, rule = excluded.rule",
            (
                self.id.as_str(),
                id,
                filter.name.as_str(),
                filter.owner.as_str(),
                filter.lists.as_str(),
                filter.archived.as_str(),
                serde_json::to_string(&filter.rule)?,
            ),
        )?;
        self.remove("filter_shares", "filter_id", id)?;
        self.add_members("filter_shares", "filter_id", id, &filter.shared_with)
    }

    fn put_contact(&self, contact: &Contact, before: Before) -> Result<()> {
        let id = contact.id.as_str();
        self.run(
            "INSERT INTO contacts (organization_id, id, name, name_key, category, invitation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET name = excluded.name, name_key = excluded.name_key, category = excluded.category,
                 invitation = excluded.invitation",
            (
                self.id.as_str(),
                id,
                contact.name.as_ref().map(AsRef::<str>::as_ref),
                name_key(contact),
                contact.category.as_str(),
                contact.invitation.as_str(),
            ),
        )?;
        if before == Before::Something {
            self.remove_contact_lists(id)?;
        }
        self.add_members("contact_members", "contact_id", id, &contact.members)?;
        self.add_list("contact_tags", "contact_id", "tag", id, &contact.tags)
    }

    fn remove_contact_lists(&self, id: &str) -> Result<()> {
        ["contact_members", "contact_tags"].iter().try_for_each(|table| self.remove(table, "contact_id", id))
    }

    fn put_conversation(&self, conversation: &Conversation, before: Before) -> Result<()> {
        let id = conversation.id.as_str();
        let (assignee_kind, assignee_id) = optional_columns(conversation.assignee.as_ref());
        self.run(
            "INSERT INTO conversations (organization_id, id, kind, endpoint_id, assignee_kind, assignee_id, archived,
                                        last_activity)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (organization_id, id) DO UPDATE
             SET kind = excluded.kind, endpoint_id = excluded.endpoint_id, assignee_kind = excluded.assignee_kind,
                 assignee_id = excluded.assignee_id, archived = excluded.archived,
                 last_activity = excluded.last_activity",
            (
                self.id.as_str(),
                id,
                conversation.kind.as_str(),
                conversation.endpoint.as_ref().map(AsRef::<str>::as_ref),
                assignee_kind,
                assignee_id,
                conversation.archived,
                conversation.last_activity.as_millis(),
            ),
        )?;
        if before == Before::Something {
            self.remove_conversation_lists(id)?;
        }
        self.add_list("conversation_contacts", "conversation_id", "contact_id", id, &conversation.contacts)?;
        self.add_members("conversation_members", "conversation_id", id, &conversation.members)?;
        self.add_list("conversation_tags", "conversation_id", "tag", id, &conversation.tags)?;
        self.add_list("conversation_reads", "conversation_id", "teammate_id", id, &conversation.read_by)?;
        self.add_list("conversation_stars", "conversation_id", "teammate_id", id, &conversation.starred_by)
    }

    fn remove_conversation_lists(&self, id: &str) -> Result<()> {
        [
            "conversation_contacts",
            "conversation_members",
            "conversation_tags",
            "conversation_reads",
            "conversation_stars",
        ]
        .iter()
        .try_for_each(|table| self.remove(table, "conversation_id", id))
    }
}
