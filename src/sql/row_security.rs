//! Row-level security for PostgreSQL, made from the same conditions.

use sea_query::{
    Alias, Expr, ExprTrait, Func, FunctionCall, PostgresQueryBuilder, Query, QuotedBuilder, SqlWriterValues,
};

use super::access::{ContactKey, ConversationKey};
use super::error::NotExpressible;
use super::expr::{all_of, col, exists, flag, word};
use super::inbox::check_alias;
use super::schema::Name;
use super::statement::{Condition, Dialect};
use super::{Questions, Sql};

/// The setting that names the organization of a session or transaction.
const ORGANIZATION_SETTING: &str = "visibly.organization";
/// The setting that names the viewer.
const VIEWER_SETTING: &str = "visibly.viewer";

const SEES: &str = "visibly_sees_conversation";
const FINDS: &str = "visibly_finds_contact";
const POLICY: &str = "visibly_viewer";

/// What PostgreSQL keeps of a name, in bytes: `NAMEDATALEN` of its usual builds, less one.
const MAX_NAME: usize = 63;

impl Sql {
    /// Statements that let the database role `role` read what one viewer may read, and nothing else: to run once, in
    /// order, as the owner of the tables. Running them again is harmless. PostgreSQL 14 or later.
    ///
    /// The viewer is named in each transaction, with bound parameters:
    /// `SELECT set_config('visibly.organization', $1, true), set_config('visibly.viewer', $2, true)`.
    /// Where either is unset, empty or unknown, or the viewer suspended, the role sees no rows.
    ///
    /// Rows that the role gets:
    /// * conversations that the viewer sees (SPEC 3), with their tags, and contacts that the viewer can find (SPEC 4),
    ///   with theirs;
    /// * attached contacts, where the viewer sees the one and can find the other (SPEC 4.3);
    /// * the viewer's own stars and read marks on conversations that the viewer sees, of which it reads whose they are and
    ///   on what: the place of a mark in its list would tell how many others have made theirs.
    ///
    /// It gets `SELECT` on these seven tables and policies for reading alone, so give it `USAGE` on their namespace. Give
    /// it no other rights on tables of this schema or on their partitions, be it by `PUBLIC` or by a role that it is in:
    /// who is let in where is not for viewers to read, and what is written under an id that is taken tells so. A policy
    /// of your own that lets it read (`TO PUBLIC`, or to a role that it is in) adds its rows to these. The members are
    /// looked up by two functions that run with the rights of their owner (`SECURITY DEFINER`), whose names are bound
    /// when they are made, so that no search path misleads them afterwards.
    ///
    /// While they are made, operators are bound to what your search path has: let nobody create in its schemas and in
    /// that of the tables whom you do not trust (in `public`, PostgreSQL 14 and what was upgraded from it let everyone).
    /// The functions are dropped and made anew each time, so that none is taken over from somebody else; what you have
    /// made to depend on them is in the way of that. Run all statements in one transaction: until it ends, the role waits;
    /// otherwise it sees nothing meanwhile.
    ///
    /// Policies never apply to a superuser or a role with `BYPASSRLS`, and to the tables' owner, with whoever has its
    /// rights, only under `FORCE ROW LEVEL SECURITY`, with which all of this works as well: let `role` be none of them.
    /// Every other role to which they apply and that has none of its own, such as a service's, gets no rows of the seven
    /// tables; it is told so only with `SET row_security = off`. A view reads with the rights of its own owner, unless it is a
    /// `security_invoker`. The policies are for one role: made for another, they take its place, and the first role sees
    /// nothing.
    ///
    /// Security rests on who may set the two settings: a role that runs SQL of its own choosing can name any viewer. Show
    /// viewers no plans either: `EXPLAIN ANALYZE` counts the rows that a policy took out, and PostgreSQL's statistics
    /// count all.
    ///
    /// # Errors
    /// [`NotExpressible`] for SQLite, which has no such thing; for a table whose name starts with `visibly_`, which would be
    /// taken for one of the condition's own; and for what is no role's name, above all `public`, which PostgreSQL takes
    /// for everyone even in quotes, and more than 63 bytes, of which it takes the first 63 for another role's name.
    ///
    /// # Complexity
    /// The policies call a function for each row that a query looks at after the organization is known to fit.
    ///
    /// # Examples
    /// ```
    /// use visibly::sql::{Dialect, Schema, Sql};
    ///
    /// let statements = Sql::new(Dialect::Postgres, Schema::default()).row_security("clinic_app")?;
    /// assert!(statements.iter().any(|it| it.starts_with("CREATE POLICY \"visibly_viewer\" ON \"conversations\"")));
    /// # Ok::<(), visibly::sql::NotExpressible>(())
    /// ```
    pub fn row_security(&self, role: &str) -> Result<Vec<String>, NotExpressible> {
        if self.dialect != Dialect::Postgres {
            return Err(NotExpressible::no_row_security());
        }
        if ["", "none", "public"].contains(&role) || role.contains('\0') || role.len() > MAX_NAME {
            return Err(NotExpressible::role(role));
        }
        let session =
            Questions { sql: self, organization: setting(ORGANIZATION_SETTING), viewer: setting(VIEWER_SETTING) };
        let policies = self.policies(&session);
        let mut statements = Vec::new();
        for (table, _) in &policies {
            check_alias(table)?;
            statements.extend(self.closing(table, role));
        }
        statements.extend(self.functions(&session, role)?);
        for (table, condition) in policies {
            statements.push(self.policy(table, role, &condition)?);
            statements.push(self.grant(table, role));
        }
        Ok(statements)
    }

    /// What leaves the role without rows of a table, and the functions without a policy that calls them.
    fn closing(&self, table: &Name, role: &str) -> [String; 3] {
        let (table, role, policy) = (self.qualified(table), quoted(role), quoted(POLICY));
        [
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("DROP POLICY IF EXISTS {policy} ON {table}"),
            format!("REVOKE SELECT ON {table} FROM {role}"),
        ]
    }

    /// The two conditions as functions of the columns that they look at.
    fn functions(&self, session: &Questions<'_>, role: &str) -> Result<Vec<String>, NotExpressible> {
        let argument = |function, name: &'static str| col(function, &Name::Borrowed(name));
        let sees = session.sees(ConversationKey {
            organization_id: argument(SEES, "organization"),
            id: argument(SEES, "conversation"),
            endpoint_id: argument(SEES, "endpoint"),
        });
        let finds = session
            .finds(ContactKey { organization_id: argument(FINDS, "organization"), id: argument(FINDS, "contact") });
        let sees = self.function(SEES, &["organization", "conversation", "endpoint"], &sees, role)?;
        let finds = self.function(FINDS, &["organization", "contact"], &finds, role)?;
        Ok(sees.into_iter().chain(finds).collect())
    }

    /// Made anew: `OR REPLACE` would leave one that somebody else has put there theirs, to be replaced again, and let
    /// whoever could call it before do so still.
    fn function(
        &self,
        name: &'static str,
        arguments: &[&str],
        condition: &Expr,
        role: &str,
    ) -> Result<[String; 4], NotExpressible> {
        let name = self.qualified(&Name::Borrowed(name));
        let types = vec!["text"; arguments.len()].join(", ");
        let arguments: Vec<String> = arguments.iter().map(|argument| format!("{} text", quoted(argument))).collect();
        let (arguments, body, role) = (arguments.join(", "), constant_text(condition)?, quoted(role));
        Ok([
            format!("DROP FUNCTION IF EXISTS {name}({types})"),
            format!(
                "CREATE FUNCTION {name}({arguments}) RETURNS boolean \
                 LANGUAGE sql STABLE SECURITY DEFINER RETURN {body}"
            ),
            format!("REVOKE ALL ON FUNCTION {name}({types}) FROM PUBLIC"),
            format!("GRANT EXECUTE ON FUNCTION {name}({types}) TO {role}"),
        ])
    }

    /// Each table that the role reads, with the condition for its rows. Tables that hang on conversations and contacts
    /// ask those two, which answer under their own policies.
    fn policies(&self, session: &Questions<'_>) -> Vec<(&Name, Expr)> {
        let schema = &self.schema;
        let (conversations, contacts) = (&schema.conversations, &schema.contacts);
        let ours = |column: Expr| column.eq(session.organization());
        let row = |table: &Name, column: &Name| col(table, column);
        let shows_conversation = |table: &Name, organization: &Name, id: &Name| {
            let is_it = all_of([
                conversations.its(&conversations.organization_id).eq(row(table, organization)),
                conversations.its(&conversations.id).eq(row(table, id)),
            ]);
            all_of([ours(row(table, organization)), exists(conversations.within(schema), is_it)])
        };
        let shows_contact = |table: &Name, organization: &Name, id: &Name| {
            let is_it = all_of([
                contacts.its(&contacts.organization_id).eq(row(table, organization)),
                contacts.its(&contacts.id).eq(row(table, id)),
            ]);
            all_of([ours(row(table, organization)), exists(contacts.within(schema), is_it)])
        };
        let sees = self.call(SEES).args([
            row(&conversations.table, &conversations.organization_id),
            row(&conversations.table, &conversations.id),
            row(&conversations.table, &conversations.endpoint_id),
        ]);
        let finds = self
            .call(FINDS)
            .args([row(&contacts.table, &contacts.organization_id), row(&contacts.table, &contacts.id)]);
        let (conversation_tags, contact_tags) = (&schema.conversation_tags, &schema.contact_tags);
        let attached = &schema.conversation_contacts;
        let (reads, stars) = (&schema.conversation_reads, &schema.conversation_stars);
        vec![
            (
                &conversations.table,
                all_of([ours(row(&conversations.table, &conversations.organization_id)), sees.into()]),
            ),
            (&contacts.table, all_of([ours(row(&contacts.table, &contacts.organization_id)), finds.into()])),
            (
                &conversation_tags.table,
                shows_conversation(
                    &conversation_tags.table,
                    &conversation_tags.organization_id,
                    &conversation_tags.conversation_id,
                ),
            ),
            (
                &contact_tags.table,
                shows_contact(&contact_tags.table, &contact_tags.organization_id, &contact_tags.contact_id),
            ),
            (
                &attached.table,
                all_of([
                    shows_conversation(&attached.table, &attached.organization_id, &attached.conversation_id),
                    shows_contact(&attached.table, &attached.organization_id, &attached.contact_id),
                ]),
            ),
            (
                &reads.table,
                all_of([
                    row(&reads.table, &reads.teammate_id).eq(session.viewer()),
                    shows_conversation(&reads.table, &reads.organization_id, &reads.conversation_id),
                ]),
            ),
            (
                &stars.table,
                all_of([
                    row(&stars.table, &stars.teammate_id).eq(session.viewer()),
                    shows_conversation(&stars.table, &stars.organization_id, &stars.conversation_id),
                ]),
            ),
        ]
    }

    /// What the role reads of the rows: everything, but of marks only whose they are and on what. Whatever else is kept
    /// with them, such as their order, may tell of the marks of others.
    fn grant(&self, table: &Name, role: &str) -> String {
        let (reads, stars) = (&self.schema.conversation_reads, &self.schema.conversation_stars);
        let columns = match table {
            marks if *marks == reads.table => vec![&reads.organization_id, &reads.conversation_id, &reads.teammate_id],
            marks if *marks == stars.table => vec![&stars.organization_id, &stars.conversation_id, &stars.teammate_id],
            _ => Vec::new(),
        };
        let columns: Vec<String> = columns.into_iter().map(|column| quoted(column)).collect();
        let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        format!("GRANT SELECT{columns} ON {} TO {}", self.qualified(table), quoted(role))
    }

    fn policy(&self, table: &Name, role: &str, condition: &Expr) -> Result<String, NotExpressible> {
        let (table, role, policy) = (self.qualified(table), quoted(role), quoted(POLICY));
        let condition = constant_text(condition)?;
        Ok(format!("CREATE POLICY {policy} ON {table} FOR SELECT TO {role} USING {condition}"))
    }

    /// A call of one of ours. The builder writes a function's name as it is given, so it is quoted here.
    fn call(&self, function: &'static str) -> FunctionCall {
        Func::cust(Alias::new(self.qualified(&Name::Borrowed(function))))
    }

    /// The name in the namespace, quoted.
    fn qualified(&self, name: &Name) -> String {
        match &self.schema.namespace {
            Some(namespace) => format!("{}.{}", quoted(namespace), quoted(name)),
            None => quoted(name),
        }
    }
}

/// The setting's value, `NULL` if it is unset or empty. As a sub-query, so that it is read once and not for each row.
fn setting(name: &'static str) -> Expr {
    let value = Func::cust(Alias::new("current_setting")).args([word(name), flag(true)]);
    let value = Func::cust(Alias::new("nullif")).args([value.into(), word("")]);
    Expr::SubQuery(None, Box::new(Query::select().expr(value).take().into()))
}

/// A condition of constants, columns and settings, for definitions can have no parameters.
fn constant_text(condition: &Expr) -> Result<String, NotExpressible> {
    let condition = Condition::of(Dialect::Postgres, condition, 1)?;
    match condition.parameters() {
        [] => Ok(condition.text().to_owned()),
        _ => Err(NotExpressible::value()),
    }
}

fn quoted(name: &str) -> String {
    let mut text = SqlWriterValues::new("$", true);
    PostgresQueryBuilder.prepare_iden(&Alias::new(name).into(), &mut text);
    text.to_string()
}
