//! Finished SQL: a text, and the values that are bound to its placeholders.

use std::collections::HashMap;
use std::fmt;

use sea_query::{Expr, PostgresQueryBuilder, QueryBuilder, SelectStatement, SqlWriter, SqliteQueryBuilder, Value};

use super::error::NotExpressible;

/// The SQL of one kind of database.
///
/// Exhaustive on purpose: whoever matches on it runs the statements and has to know a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL 14 or later, database encoding UTF-8. Placeholders are `$1`, `$2` and so on.
    Postgres,
    /// SQLite 3.35 or later, database encoding UTF-8, its default: what is kept in UTF-16 compares by its bytes, which is
    /// another order than SPEC 5.8. Placeholders are `?1`, `?2` and so on. Releases whose parser has a stack of fixed
    /// depth refuse deeply nested rules with an error of their own.
    Sqlite,
}

impl Dialect {
    /// How many parameters one statement can have: a count of 16 bits in PostgreSQL's protocol, and SQLite's default
    /// `SQLITE_MAX_VARIABLE_NUMBER`.
    #[must_use]
    pub const fn max_parameters(self) -> usize {
        match self {
            Self::Postgres => 65_535,
            Self::Sqlite => 32_766,
        }
    }

    /// The collation by which texts compare byte by byte, which in UTF-8 is by code point (SPEC 5.8).
    pub(crate) const fn binary_collation(self) -> &'static str {
        match self {
            Self::Postgres => "C",
            Self::Sqlite => "BINARY",
        }
    }

    const fn placeholder(self) -> char {
        match self {
            Self::Postgres => '$',
            Self::Sqlite => '?',
        }
    }
}

/// One value to bind. Placeholders count from 1 and may repeat; the value of placeholder `n` is the `n`th parameter.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// Text, `text` or `TEXT` in the database.
    Text(String),
    /// A number, `bigint` or `INTEGER` in the database.
    Integer(i64),
}

/// Shows numbers and hides texts, which may be tags.
impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Integer(number) => f.debug_tuple("Integer").field(number).finish(),
        }
    }
}

/// A whole statement, ready to be prepared and run.
///
/// Nothing that a caller sent is in the text: ids, tags and times are parameters, and names of tables and columns
/// are quoted. Questions that differ in values alone have the same text and share a prepared statement, but for one case:
/// a value that comes twice in a question has one placeholder, and two values that differ have two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    text: String,
    parameters: Vec<Parameter>,
}

/// A condition in parentheses, to stand in a `WHERE` of the caller's own.
///
/// It is true or false, never `NULL`, on a schema as [`Schema`](super::Schema) describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    text: String,
    parameters: Vec<Parameter>,
}

/// Gives both their accessors.
macro_rules! sql_text {
    ($type:ident) => {
        impl $type {
            /// The SQL with placeholders.
            #[must_use]
            pub fn text(&self) -> &str {
                &self.text
            }

            /// What to bind, in the order of the placeholders' numbers.
            #[must_use]
            pub fn parameters(&self) -> &[Parameter] {
                &self.parameters
            }
        }
    };
}

sql_text!(Statement);
sql_text!(Condition);

impl Statement {
    pub(crate) fn of(dialect: Dialect, select: &SelectStatement) -> Result<Self, NotExpressible> {
        let mut writer = Writer::new(dialect, 1);
        match dialect {
            Dialect::Postgres => select.build_collect_into(PostgresQueryBuilder, &mut writer),
            Dialect::Sqlite => select.build_collect_into(SqliteQueryBuilder, &mut writer),
        }
        let (text, parameters) = writer.finish()?;
        Ok(Self { text, parameters })
    }
}

impl Condition {
    pub(crate) fn of(dialect: Dialect, condition: &Expr, first_placeholder: usize) -> Result<Self, NotExpressible> {
        let mut writer = Writer::new(dialect, first_placeholder.max(1));
        writer.text.push('(');
        match dialect {
            Dialect::Postgres => PostgresQueryBuilder.prepare_expr(condition, &mut writer),
            Dialect::Sqlite => SqliteQueryBuilder.prepare_expr(condition, &mut writer),
        }
        writer.text.push(')');
        let (text, parameters) = writer.finish()?;
        Ok(Self { text, parameters })
    }
}

/// Collects what the builder writes. A value that comes again takes the placeholder it has, so that the viewer's id
/// is one parameter however often a rule says `me`.
struct Writer {
    dialect: Dialect,
    text: String,
    first: usize,
    numbers: HashMap<Parameter, usize>,
    parameters: Vec<Parameter>,
    fault: Option<NotExpressible>,
}

impl Writer {
    fn new(dialect: Dialect, first: usize) -> Self {
        let (text, numbers, parameters) = (String::with_capacity(1024), HashMap::new(), Vec::new());
        Self { dialect, text, first, numbers, parameters, fault: None }
    }

    fn finish(self) -> Result<(String, Vec<Parameter>), NotExpressible> {
        let last = (self.first - 1).saturating_add(self.parameters.len());
        let limit = self.dialect.max_parameters();
        match self.fault {
            Some(fault) => Err(fault),
            None if last > limit => Err(NotExpressible::too_many_parameters(last, limit)),
            None => Ok((self.text, self.parameters)),
        }
    }

    /// The number of the value's placeholder. Past all limits it stays where it is, for `finish` refuses it there.
    fn number(&mut self, parameter: Parameter) -> usize {
        let next = self.first.saturating_add(self.parameters.len());
        let parameters = &mut self.parameters;
        *self.numbers.entry(parameter).or_insert_with_key(|parameter| {
            parameters.push(parameter.clone());
            next
        })
    }

    fn parameter(&self, value: Value) -> Result<Parameter, NotExpressible> {
        match value {
            Value::String(Some(text)) if self.dialect == Dialect::Postgres && text.contains('\0') => {
                Err(NotExpressible::nul())
            }
            Value::String(Some(text)) => Ok(Parameter::Text(text)),
            Value::BigInt(Some(number)) => Ok(Parameter::Integer(number)),
            Value::BigUnsigned(Some(number)) => Ok(Parameter::Integer(i64::try_from(number).unwrap_or(i64::MAX))),
            _ => Err(NotExpressible::value()),
        }
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SqlWriter for Writer {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        match self.parameter(value) {
            Ok(parameter) => {
                let number = self.number(parameter);
                self.text.push(self.dialect.placeholder());
                self.text.push_str(&number.to_string());
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    fn as_writer(&mut self) -> &mut dyn fmt::Write {
        self
    }
}
