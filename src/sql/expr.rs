//! Small building blocks of conditions.

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
    balanced(conditions.into_iter().collect(), BinOper::And).unwrap_or_else(|| flag(true))
}

/// True if at least one is; false if there are none.
pub(crate) fn any_of(conditions: impl IntoIterator<Item = Expr>) -> Expr {
    balanced(conditions.into_iter().collect(), BinOper::Or).unwrap_or_else(|| flag(false))
}

/// A tree as low as can be: SQLite counts `a AND b AND c` as nested, and refuses what is nested 1,000 deep.
fn balanced(mut conditions: Vec<Expr>, operator: BinOper) -> Option<Expr> {
    while conditions.len() > 1 {
        let mut rest = conditions.into_iter();
        conditions = std::iter::from_fn(|| {
            let left = rest.next()?;
            Some(match rest.next() {
                Some(right) => left.binary(operator, right),
                None => left,
            })
        })
        .collect();
    }
    conditions.pop()
}

/// How much [`all_of`] and [`any_of`] nest this many conditions.
pub(crate) fn nesting_of(count: usize) -> usize {
    count.next_power_of_two().trailing_zeros() as usize
}

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
