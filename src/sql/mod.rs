//! The same questions as SQL, for what is too large or too rare to keep in memory. Available with the feature `sql`.
//!
//! [`Sql`] writes statements for PostgreSQL and SQLite that a caller runs with a client of its choice: inboxes, pages,
//! badges and contact lists, and the bare conditions for queries of the caller's own. Each answers with the database
//! alone, at the state that the database has.
//!
//! * Visibility is part of every statement: a viewer who is unknown or suspended, a team that the viewer is not in and a
//!   filter that the viewer may not use give no rows.
//! * Ids, tags and times are bound, never written into the text. Names of tables and columns come from [`Schema`], by
//!   default that of the reference stores, and are quoted.
//! * Conditions are two-valued: no `NULL` of a missing endpoint or assignee turns around under `not`.
//! * What a dialect cannot express exactly is refused with [`NotExpressible`]; nothing is left out or weakened:
//!   more parameters than [`Dialect::max_parameters`]; more than 499 badges at once; U+0000 in a text, for PostgreSQL;
//!   contact lists in order without a [column](Schema::contact_name_key) for it; a saved filter by id without its rule;
//!   an alias that starts with `visibly_`; row-level security in SQLite.
//! * [`Sql::row_security`] makes PostgreSQL itself enforce the same conditions.
//!
//! Writing a statement costs O(size of the rule), running it what its database makes of it.
//!
//! # Examples
//! ```
//! use visibly::sql::{Dialect, Parameter, Part, Schema, Sql};
//! use visibly::{Inbox, Rule, TagSet};
//!
//! let sql = Sql::new(Dialect::Sqlite, Schema::default());
//! let vip = Inbox::rule(Rule::ContactTags(TagSet::any(["'; DROP TABLE contacts --"])));
//! let statement = sql.viewer("oak", "ana").inbox(&vip, &Part::first(50))?;
//!
//! assert!(statement.text().starts_with("SELECT "));
//! assert!(!statement.text().contains("DROP"));
//! assert!(statement.parameters().contains(&Parameter::Text("'; DROP TABLE contacts --".to_owned())));
//! # Ok::<(), visibly::sql::QuestionError>(())
//! ```

mod access;
mod contacts;
mod error;
mod expr;
mod inbox;
mod page;
mod row_security;
mod rule;
mod schema;
mod statement;

pub use contacts::{ContactSource, name_key};
pub use error::{NotExpressible, QuestionError};
pub use inbox::InboxSource;
pub use page::{ActivityBorder, NameBorder, Part};
pub use schema::{
    ContactMembers, ContactTags, Contacts, ConversationContacts, ConversationMembers, ConversationReads,
    ConversationStars, ConversationTags, Conversations, EndpointMembers, Endpoints, FilterShares, Filters, Name,
    Organizations, Schema, TeamMembers, Teammates, Teams,
};
pub use statement::{Condition, Dialect, Parameter, Statement};

use sea_query::Expr;

use crate::model::{OrganizationId, TeammateId};

/// Writes SQL for one kind of database and one schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sql {
    dialect: Dialect,
    schema: Schema,
}

impl Sql {
    /// SQL in this dialect, on tables and columns of these names.
    #[must_use]
    pub fn new(dialect: Dialect, schema: Schema) -> Self {
        Self { dialect, schema }
    }

    /// The dialect. O(1).
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The names of tables and columns. O(1).
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The questions of one viewer in one organization. Whether there is such a viewer is for the database to say.
    #[must_use]
    pub fn viewer(&self, organization: impl Into<OrganizationId>, viewer: impl Into<TeammateId>) -> Questions<'_> {
        let (organization, viewer) = (expr::bound(organization.into()), expr::bound(viewer.into()));
        Questions { sql: self, organization, viewer }
    }
}

/// What one viewer can ask; [`Sql::viewer`] makes it. Each method writes one statement or condition.
#[derive(Clone, Debug)]
pub struct Questions<'s> {
    sql: &'s Sql,
    organization: Expr,
    viewer: Expr,
}

impl Questions<'_> {
    fn schema(&self) -> &Schema {
        &self.sql.schema
    }

    fn organization(&self) -> Expr {
        self.organization.clone()
    }

    fn viewer(&self) -> Expr {
        self.viewer.clone()
    }
}
