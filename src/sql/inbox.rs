//! Inboxes, their order, pages and badges (SPEC 5.1 to 5.9), and whether they open.

use sea_query::{Alias, CaseStatement, Expr, ExprTrait, Func, Keyword, Order, Query, SelectStatement, UnionType};

use super::Questions;
use super::access::ConversationKey;
use super::error::{NotExpressible, QuestionError};
use super::expr::{all_of, bound, col, collated, flag, one_of, word};
use super::page::{ActivityBorder, Part};
use super::rule::{Candidate, millis};
use super::schema::Conversations;
use super::statement::{Condition, Statement};
use crate::error::{Error, ErrorCode};
use crate::model::{ArchiveScope, AssigneePick, ConversationId, ConversationKind, Filter, Inbox, Lists, Rule, TeamId};

/// An inbox as SQL takes it: by its own value, and a saved filter by the filter's, for rules are not read from the
/// database. Made from `&Inbox` and `&Filter`.
///
/// [`Inbox::Saved`], which has the id alone, is not expressible.
#[derive(Clone, Copy, Debug)]
pub enum InboxSource<'a> {
    /// Any inbox but [`Inbox::Saved`].
    Inbox(&'a Inbox),
    /// What a saved filter lists, if the viewer may use it as the database knows it.
    Saved(&'a Filter),
}

impl<'a> From<&'a Inbox> for InboxSource<'a> {
    fn from(inbox: &'a Inbox) -> Self {
        Self::Inbox(inbox)
    }
}

impl<'a> From<&'a Filter> for InboxSource<'a> {
    fn from(filter: &'a Filter) -> Self {
        Self::Saved(filter)
    }
}

/// SQLite's default `SQLITE_MAX_COMPOUND_SELECT` is 500; one of them is the list of no badge.
const MAX_BADGES: usize = 499;

/// Inboxes.
impl Questions<'_> {
    /// Part of an inbox: rows `(id, last_activity)`, latest activity first, then by id (SPEC 5.8).
    ///
    /// No rows for a viewer who is unknown or suspended, for the inbox of a team that the viewer is not in, and for a
    /// filter that the viewer may not use. An engine answers those with an error; ask [`Questions::opens`] for it.
    ///
    /// # Errors
    /// Refused with `rule_too_deep`, `wrong_list` (a filter over contacts) or `empty_page`; [`NotExpressible`] for a
    /// saved filter by id, a rule or list too large to bind, and texts that the database cannot hold.
    ///
    /// # Complexity
    /// O(size of the rule) to write. Run on the reference schema, a page reads the conversations in order until it is
    /// full, with a look-up by key for each of its members and for each leaf of the rule.
    pub fn inbox<'a>(
        &self,
        inbox: impl Into<InboxSource<'a>>,
        part: &Part<ActivityBorder>,
    ) -> Result<Statement, QuestionError> {
        let limit = part.limit()?;
        let names = &self.schema().conversations;
        let mut conditions = self.listed(Conversations::ALIAS, inbox.into())?;
        conditions.extend(part.border().map(|border| self.is_after(border)));
        let mut select = Query::select();
        select
            .expr_as(names.its(&names.id), Alias::new("id"))
            .expr_as(names.its(&names.last_activity), Alias::new("last_activity"))
            .from(names.within(self.schema()))
            .and_where(all_of(conditions))
            .order_by_expr(names.its(&names.last_activity), Order::Desc)
            .order_by_expr(self.by_code_point(names.its(&names.id)), Order::Asc);
        if let Some(limit) = limit {
            select.limit(limit);
        }
        Ok(self.statement(&select)?)
    }

    /// The badge of an inbox: one row `(total, unread)`, both 64 bits (SPEC 5.9). Zeros where [`Questions::inbox`]
    /// has no rows.
    ///
    /// # Errors
    /// As [`Questions::inbox`].
    ///
    /// # Complexity
    /// O(size of the rule) to write; run, it looks at every conversation that the inbox's own columns leave.
    pub fn badge<'a>(&self, inbox: impl Into<InboxSource<'a>>) -> Result<Statement, QuestionError> {
        Ok(self.statement(&self.badge_row(inbox.into(), None)?)?)
    }

    /// The badges of several inboxes: a row `(position, total, unread)` for each, in their order, from position 0.
    /// No rows for no inbox.
    ///
    /// # Errors
    /// As [`Questions::inbox`], for the first inbox at fault; [`NotExpressible`] for more than 499.
    pub fn badges<'a, I>(&self, inboxes: I) -> Result<Statement, QuestionError>
    where
        I: IntoIterator,
        I::Item: Into<InboxSource<'a>>,
    {
        let inboxes: Vec<InboxSource<'a>> = inboxes.into_iter().map(Into::into).collect();
        if inboxes.len() > MAX_BADGES {
            return Err(NotExpressible::too_many_lists(inboxes.len(), MAX_BADGES).into());
        }
        let mut rows = no_badge();
        for (position, inbox) in inboxes.into_iter().enumerate() {
            rows.union(UnionType::All, self.badge_row(inbox, Some(position as i64))?);
        }
        Ok(self.statement(rows.order_by(Alias::new("position"), Order::Asc))?)
    }

    /// Whether the viewer may open an inbox: one row `(refusal)`, `NULL` if so, and the error's code as
    /// [`ErrorCode::as_str`] spells it if not: `unknown_teammate`, `viewer_suspended`, `unknown_team`, `not_in_team`,
    /// `unknown_filter` or `wrong_list`.
    ///
    /// # Errors
    /// Refused with `rule_too_deep`; [`NotExpressible`] as [`Questions::inbox`].
    pub fn opens<'a>(&self, inbox: impl Into<InboxSource<'a>>) -> Result<Statement, QuestionError> {
        match inbox.into() {
            InboxSource::Inbox(Inbox::Saved(_)) => Err(NotExpressible::saved_by_id().into()),
            InboxSource::Inbox(Inbox::Rule { rule, .. }) => {
                check_rule(rule)?;
                self.refusal(Vec::new())
            }
            InboxSource::Inbox(Inbox::AssignedToTeam(team)) => self.refusal(vec![
                (self.is_team(bound(team)).not(), ErrorCode::UnknownTeam),
                (self.is_in_team(team).not(), ErrorCode::NotInTeam),
            ]),
            InboxSource::Inbox(_) => self.refusal(Vec::new()),
            InboxSource::Saved(filter) => self.opens_filter(filter, Lists::Conversations),
        }
    }

    /// Which of these conversations the viewer sees, archived or not: rows `(id)`, each once, in any order (SPEC 5.5).
    ///
    /// # Errors
    /// [`NotExpressible`] for a list too large to bind, and texts that the database cannot hold.
    pub fn search<'c>(
        &self,
        candidates: impl IntoIterator<Item = &'c ConversationId>,
    ) -> Result<Statement, NotExpressible> {
        let names = &self.schema().conversations;
        let is_candidate = one_of(names.its(&names.id), candidates.into_iter().map(bound).collect());
        let sees = self.sees(ConversationKey::under(Conversations::ALIAS, names));
        let mut select = Query::select();
        select
            .expr_as(names.its(&names.id), Alias::new("id"))
            .from(names.within(self.schema()))
            .and_where(all_of([is_candidate, sees]));
        self.statement(&select)
    }

    /// The condition that the conversation under `alias` is in an inbox, for a query of the caller's own;
    /// [`Inbox::Everything`] gives visibility alone. Placeholders count from `first_placeholder`, 1 for the first. The
    /// alias is written in quotes; PostgreSQL reads one without quotes in lower case, so choose one in lower case.
    ///
    /// The condition looks into the schema's tables by their names: a `WITH` of the query that has the name of one, or a
    /// temporary table, would be read in its place. With a [namespace](super::Schema::namespace) neither is.
    ///
    /// # Errors
    /// As [`Questions::inbox`]; [`NotExpressible`] too for an alias that starts with `visibly_`, which would be taken
    /// for one of the condition's own.
    ///
    /// # Examples
    /// ```
    /// use visibly::Inbox;
    /// use visibly::sql::{Dialect, Schema, Sql};
    ///
    /// let sql = Sql::new(Dialect::Postgres, Schema::default());
    /// let visible = sql.viewer("oak", "ana").condition(&Inbox::Everything, "c", 2)?;
    /// let query = format!("SELECT c.id FROM conversations c JOIN texts t USING (id) WHERE t.words @@ $1 AND {}", visible.text());
    /// assert!(query.contains("$3") && visible.parameters().len() == 2); // bound after the caller's $1
    /// # Ok::<(), visibly::sql::QuestionError>(())
    /// ```
    pub fn condition<'a>(
        &self,
        inbox: impl Into<InboxSource<'a>>,
        alias: &str,
        first_placeholder: usize,
    ) -> Result<Condition, QuestionError> {
        check_alias(alias)?;
        let condition = all_of(self.listed(alias, inbox.into())?);
        Ok(Condition::of(self.sql.dialect, &condition, first_placeholder)?)
    }
}

impl Questions<'_> {
    /// What the conversation under `alias` has to meet to be in the inbox, in the order of SPEC 7.3.
    fn listed(&self, alias: &str, inbox: InboxSource<'_>) -> Result<Vec<Expr>, QuestionError> {
        let names = &self.schema().conversations;
        let is_team = || col(alias, &names.kind).eq(word(ConversationKind::Team.as_str()));
        let is_open = || self.archive_scope(alias, ArchiveScope::Exclude);
        let assigned = |choice| self.is_assigned(alias, &choice);
        let own = match inbox {
            InboxSource::Inbox(Inbox::All) => vec![is_team().not(), is_open(), assigned(AssigneePick::Nobody)],
            InboxSource::Inbox(Inbox::AssignedToMe) => vec![is_open(), assigned(AssigneePick::Me)],
            InboxSource::Inbox(Inbox::AssignedToTeam(team)) => {
                vec![is_open(), assigned(AssigneePick::Team(team.clone())), self.is_in_team(team)]
            }
            InboxSource::Inbox(Inbox::TeamConversations) => vec![is_team(), is_open()],
            InboxSource::Inbox(Inbox::Starred) => vec![self.is_starred(alias)],
            InboxSource::Inbox(Inbox::Archived) => vec![self.archive_scope(alias, ArchiveScope::Only)],
            InboxSource::Inbox(Inbox::Everything) => Vec::new(),
            InboxSource::Inbox(Inbox::Saved(_)) => return Err(NotExpressible::saved_by_id().into()),
            InboxSource::Inbox(Inbox::Rule { rule, archived }) => self.ruled(alias, *archived, rule)?,
            InboxSource::Saved(filter) => {
                check_lists(filter, Lists::Conversations)?;
                let mut conditions = self.ruled(alias, filter.archived, &filter.rule)?;
                conditions.push(self.may_use(filter));
                conditions
            }
        };
        let sees = self.sees(ConversationKey::under(alias, names));
        Ok(std::iter::once(sees).chain(own).collect())
    }

    fn ruled(&self, alias: &str, archived: ArchiveScope, rule: &Rule) -> Result<Vec<Expr>, QuestionError> {
        check_rule(rule)?;
        Ok(vec![self.archive_scope(alias, archived), self.matches(Candidate::Conversation(alias), rule)])
    }

    fn archive_scope(&self, alias: &str, scope: ArchiveScope) -> Expr {
        let archived = col(alias, &self.schema().conversations.archived);
        match scope {
            ArchiveScope::Exclude => archived.eq(flag(false)),
            ArchiveScope::Include => flag(true),
            ArchiveScope::Only => archived.eq(flag(true)),
        }
    }

    /// SPEC 5.3.
    fn is_in_team(&self, team: &TeamId) -> Expr {
        bound(team).in_subquery(self.teams_of_viewer())
    }

    /// SPEC 5.8. The first comparison follows from the others; an index on the order starts from it.
    fn is_after(&self, border: &ActivityBorder) -> Expr {
        let names = &self.schema().conversations;
        let (activity, id) = (names.its(&names.last_activity), self.by_code_point(names.its(&names.id)));
        let earlier = activity.clone().lt(millis(border.last_activity));
        all_of([activity.lte(millis(border.last_activity)), earlier.or(id.gt(bound(&border.id)))])
    }

    pub(crate) fn by_code_point(&self, column: Expr) -> Expr {
        collated(column, self.sql.dialect.binary_collation())
    }

    fn badge_row(&self, inbox: InboxSource<'_>, position: Option<i64>) -> Result<SelectStatement, QuestionError> {
        let names = &self.schema().conversations;
        let condition = all_of(self.listed(Conversations::ALIAS, inbox)?);
        let unread = CaseStatement::new().case(self.is_read(Conversations::ALIAS).not(), one());
        let mut select = Query::select();
        if let Some(position) = position {
            select.expr_as(big(position), Alias::new("position"));
        }
        Ok(select
            .expr_as(Func::count(Expr::Keyword(Keyword::Custom(Alias::new("*").into()))), Alias::new("total"))
            .expr_as(Func::count(unread), Alias::new("unread"))
            .from(names.within(self.schema()))
            .and_where(condition)
            .take())
    }

    pub(crate) fn opens_filter(&self, filter: &Filter, lists: Lists) -> Result<Statement, QuestionError> {
        check_rule(&filter.rule)?;
        let unusable = (self.may_use(filter).not(), ErrorCode::UnknownFilter);
        self.refusal(vec![unusable, (flag(filter.lists != lists), ErrorCode::WrongList)])
    }

    /// The code of the first fault there is, those of the viewer first.
    pub(crate) fn refusal(&self, faults: Vec<(Expr, ErrorCode)>) -> Result<Statement, QuestionError> {
        let viewer = [
            (self.viewer_exists(flag(true)).not(), ErrorCode::UnknownTeammate),
            (self.viewer_is_active().not(), ErrorCode::ViewerSuspended),
        ];
        let refusal = viewer
            .into_iter()
            .chain(faults)
            .fold(CaseStatement::new(), |case, (fault, code)| case.case(fault, word(code.as_str())));
        Ok(self.statement(&Query::select().expr_as(refusal, Alias::new("refusal")).take())?)
    }

    pub(crate) fn statement(&self, select: &SelectStatement) -> Result<Statement, NotExpressible> {
        Statement::of(self.sql.dialect, select)
    }
}

/// Refuses a rule that an engine refuses.
pub(crate) fn check_rule(rule: &Rule) -> Result<(), Error> {
    match rule.is_too_deep() {
        true => Err(Error::new(ErrorCode::RuleTooDeep, "")),
        false => Ok(()),
    }
}

pub(crate) fn check_lists(filter: &Filter, lists: Lists) -> Result<(), Error> {
    match filter.lists == lists {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::WrongList, &filter.id)),
    }
}

/// Refuses an alias that a sub-query's own would hide. Names compare without case, as in SQLite.
pub(crate) fn check_alias(alias: &str) -> Result<(), NotExpressible> {
    match alias.to_ascii_lowercase().starts_with("visibly_") {
        true => Err(NotExpressible::reserved_alias(alias)),
        false => Ok(()),
    }
}

/// The shape of badges, without a row.
fn no_badge() -> SelectStatement {
    let mut select = Query::select();
    for column in ["position", "total", "unread"] {
        select.expr_as(big(0), Alias::new(column));
    }
    select.and_where(flag(false)).take()
}

fn one() -> Expr {
    Expr::Constant(1i64.into())
}

/// A constant of 64 bits.
fn big(number: i64) -> Expr {
    Expr::Constant(number.into()).cast_as(Alias::new("bigint"))
}
