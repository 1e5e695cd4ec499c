//! Small building blocks of conditions.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use sea_query::{Alias, BinOper, Expr, ExprTrait, Func, IntoTableRef, Query, SelectStatement, TableRef};

use super::schema::Name;

/// A column of the table that stands under `alias`.
pub(crate) fn col(alias: &str, column: &Name) -> Expr {
    Expr::col((Alias::new(alias), Alias::new(column.clone())))
}

/// A word of ours, written into the text.
pub(crate) fn word(word: &'static str) -> Expr {
    Expr::Constant(word.into())
}

/// A flag, written into the text, so that partial indexes apply.
pub(crate) fn flag(value: bool) -> Expr {
    Expr::Constant(value.into())
}

/// A text of the caller's, bound.
pub(crate) fn bound(text: impl AsRef<str>) -> Expr {
    Expr::val(text.as_ref())
}

/// True if every one is; true if there are none.
pub(crate) fn all_of(conditions: impl IntoIterator<Item = Expr>) -> Expr {
    Nested::all_of(conditions.into_iter().map(Nested::from)).condition
}

/// True if at least one is; false if there are none.
pub(crate) fn any_of(conditions: impl IntoIterator<Item = Expr>) -> Expr {
    Nested::any_of(conditions.into_iter().map(Nested::from)).condition
}

/// A condition, and how deep it nests others.
///
/// Databases and the builder recurse into conditions, and SQLite refuses what is nested 1,000 deep, where it counts
/// `a AND b AND c` as nested. So groups become trees of pairs as low as can be, by joining the two lowest first as
/// Huffman (1952) does for codes. A rule then nests no deeper than its own depth plus the logarithm of its size.
pub(crate) struct Nested {
    pub(crate) condition: Expr,
    height: usize,
    /// Where it stands among its siblings, to keep their order where heights allow.
    place: usize,
}

impl From<Expr> for Nested {
    fn from(condition: Expr) -> Self {
        Self { condition, height: 0, place: 0 }
    }
}

impl Nested {
    pub(crate) fn all_of(conditions: impl Iterator<Item = Nested>) -> Self {
        Self::joined(conditions, BinOper::And).unwrap_or_else(|| flag(true).into())
    }

    pub(crate) fn any_of(conditions: impl Iterator<Item = Nested>) -> Self {
        Self::joined(conditions, BinOper::Or).unwrap_or_else(|| flag(false).into())
    }

    pub(crate) fn not(self) -> Self {
        Self { condition: self.condition.not(), height: self.height + 1, ..self }
    }

    fn joined(conditions: impl Iterator<Item = Nested>, operator: BinOper) -> Option<Self> {
        let placed = conditions.enumerate().map(|(place, condition)| Self { place, ..condition });
        let mut lowest: BinaryHeap<Reverse<Self>> = placed.map(Reverse).collect();
        loop {
            let Reverse(one) = lowest.pop()?;
            let Some(Reverse(other)) = lowest.pop() else { return Some(one) };
            lowest.push(Reverse(one.join(other, operator)));
        }
    }

    fn join(self, other: Self, operator: BinOper) -> Self {
        let (left, right) = if self.place < other.place { (self, other) } else { (other, self) };
        let height = 1 + left.height.max(right.height);
        Self { condition: left.condition.binary(operator, right.condition), height, place: left.place }
    }
}

impl Ord for Nested {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.height, self.place).cmp(&(other.height, other.place))
    }
}

impl PartialOrd for Nested {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Nested {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Nested {}

/// True if the column has a value and the condition holds of it; false, not `NULL`, if it has none.
pub(crate) fn known(column: Expr, condition: Expr) -> Expr {
    column.is_not_null().and(condition)
}

/// One of the values; false if there are none.
pub(crate) fn one_of(column: Expr, values: Vec<Expr>) -> Expr {
    match values.is_empty() {
        true => flag(false),
        false => column.is_in(values),
    }
}

/// `table AS alias`, in the namespace.
pub(crate) fn table(namespace: Option<&Name>, table: &Name, alias: &str) -> TableRef {
    let table = Alias::new(table.clone());
    match namespace {
        Some(namespace) => (Alias::new(namespace.clone()), table).into_table_ref(),
        None => table.into_table_ref(),
    }
    .alias(Alias::new(alias))
}

/// `SELECT what FROM table WHERE condition`.
pub(crate) fn select(what: Expr, from: TableRef, condition: Expr) -> SelectStatement {
    Query::select().expr(what).from(from).and_where(condition).take()
}

/// Whether the table has a row of which the condition holds.
pub(crate) fn exists(from: TableRef, condition: Expr) -> Expr {
    Expr::exists(select(Expr::Constant(1i64.into()), from, condition))
}

/// The column compared and ordered by code point.
pub(crate) fn collated(column: Expr, collation: &'static str) -> Expr {
    column.binary(BinOper::Custom("COLLATE"), Expr::col(Alias::new(collation)))
}

/// How many distinct values.
pub(crate) fn count_distinct(what: Expr) -> Expr {
    Func::count_distinct(what).into()
}
