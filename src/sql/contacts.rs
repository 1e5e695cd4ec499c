//! Contact lists (SPEC 5.10).

use sea_query::{Alias, Expr, ExprTrait, NullOrdering, Order, Query};

use super::Questions;
use super::access::ContactKey;
use super::error::{NotExpressible, QuestionError};
use super::expr::{all_of, any_of, bound, col, known, one_of, word};
use super::inbox::{check_alias, check_lists, check_rule};
use super::page::{NameBorder, Part};
use super::rule::Candidate;
use super::schema::Contacts;
use super::statement::{Condition, Statement};
use crate::error::{Error, ErrorCode};
use crate::model::{ContactCategory, ContactId, ContactList, Filter, Invitation, Lists, Rule};

/// A contact list as SQL takes it, made from `&ContactList` and `&Filter`.
///
/// [`ContactList::Saved`], which has the id alone, is not expressible.
#[derive(Clone, Copy, Debug)]
pub enum ContactSource<'a> {
    /// Any list but [`ContactList::Saved`].
    List(&'a ContactList),
    /// What a saved filter lists, if the viewer may use it as the database knows it.
    Saved(&'a Filter),
}

impl<'a> From<&'a ContactList> for ContactSource<'a> {
    fn from(list: &'a ContactList) -> Self {
        Self::List(list)
    }
}

impl<'a> From<&'a Filter> for ContactSource<'a> {
    fn from(filter: &'a Filter) -> Self {
        Self::Saved(filter)
    }
}

/// The lower-cased name by which contact lists are ordered (SPEC 5.10), for
/// [`Schema::contact_name_key`](super::Schema::contact_name_key).
///
/// # Examples
/// ```
/// assert_eq!(visibly::sql::name_key("Zoë ΟΔΟΣ"), "zoë οδος");
/// ```
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// Contact lists.
impl Questions<'_> {
    /// Part of a contact list: rows `(id, name_key)`, by lower-cased name, then by id; those without a name last.
    ///
    /// No rows where an engine answers with an error about the viewer or the filter; ask
    /// [`Questions::opens_contacts`] for it.
    ///
    /// # Errors
    /// Refused with `rule_too_deep`, `wrong_list` or `empty_page`; [`NotExpressible`] for a saved filter by id, a rule
    /// or list too large to bind, texts that the database cannot hold, and a schema without
    /// [`contact_name_key`](super::Schema::contact_name_key).
    ///
    /// # Complexity
    /// O(size of the rule) to write. Run, it reads the contacts in order if the name key is indexed.
    pub fn contacts<'a>(
        &self,
        list: impl Into<ContactSource<'a>>,
        part: &Part<NameBorder>,
    ) -> Result<Statement, QuestionError> {
        let limit = part.limit()?;
        let names = &self.schema().contacts;
        let key = names.its(self.schema().contact_name_key.as_ref().ok_or_else(NotExpressible::no_name_key)?);
        let mut conditions = self.listed_contacts(Contacts::ALIAS, list.into())?;
        conditions.extend(part.border().map(|border| self.is_after_name(&key, border)));
        let mut select = Query::select();
        select
            .expr_as(names.its(&names.id), Alias::new("id"))
            .expr_as(key.clone(), Alias::new("name_key"))
            .from(names.within(self.schema()))
            .and_where(all_of(conditions))
            .order_by_expr_with_nulls(self.by_code_point(key), Order::Asc, NullOrdering::Last)
            .order_by_expr(self.by_code_point(names.its(&names.id)), Order::Asc);
        if let Some(limit) = limit {
            select.limit(limit);
        }
        Ok(self.statement(&select)?)
    }

    /// A whole contact list in any order: rows `(id)`. It needs no name key.
    ///
    /// # Errors
    /// As [`Questions::contacts`], the name key apart.
    pub fn contacts_unordered<'a>(&self, list: impl Into<ContactSource<'a>>) -> Result<Statement, QuestionError> {
        let conditions = self.listed_contacts(Contacts::ALIAS, list.into())?;
        Ok(self.contact_ids(all_of(conditions))?)
    }

    /// Whether the viewer may open a contact list: one row `(refusal)` as [`Questions::opens`] gives it.
    ///
    /// # Errors
    /// Refused with `rule_too_deep` or, for a rule that nobody has saved, `wrong_list`; [`NotExpressible`] as
    /// [`Questions::contacts_unordered`].
    pub fn opens_contacts<'a>(&self, list: impl Into<ContactSource<'a>>) -> Result<Statement, QuestionError> {
        match list.into() {
            ContactSource::List(ContactList::Saved(_)) => Err(NotExpressible::saved_by_id().into()),
            ContactSource::List(ContactList::Rule(rule)) => {
                check_contact_rule(rule, "")?;
                self.refusal(Vec::new())
            }
            ContactSource::List(_) => self.refusal(Vec::new()),
            ContactSource::Saved(filter) => self.opens_filter(filter, Lists::Contacts),
        }
    }

    /// Which of these contacts the viewer can find: rows `(id)`, each once, in any order. A conversation's contacts
    /// that are not among them are hidden (SPEC 4.3).
    ///
    /// # Errors
    /// [`NotExpressible`] for a list too large to bind, and texts that the database cannot hold.
    pub fn search_contacts<'c>(
        &self,
        candidates: impl IntoIterator<Item = &'c ContactId>,
    ) -> Result<Statement, NotExpressible> {
        let names = &self.schema().contacts;
        let is_candidate = one_of(names.its(&names.id), candidates.into_iter().map(bound).collect());
        self.contact_ids(all_of([is_candidate, self.finds(ContactKey::under(Contacts::ALIAS, names))]))
    }

    /// The condition that the contact under `alias` is in a list, as [`Questions::condition`].
    ///
    /// # Errors
    /// As [`Questions::contacts_unordered`]; [`NotExpressible`] too for an alias that starts with `visibly_`.
    pub fn contact_condition<'a>(
        &self,
        list: impl Into<ContactSource<'a>>,
        alias: &str,
        first_placeholder: usize,
    ) -> Result<Condition, QuestionError> {
        check_alias(alias)?;
        let condition = all_of(self.listed_contacts(alias, list.into())?);
        Ok(Condition::of(self.sql.dialect, &condition, first_placeholder)?)
    }

    /// The condition that the viewer can find the contact under `alias` (SPEC 4.2), saved or not.
    ///
    /// # Errors
    /// [`NotExpressible`] for an alias that starts with `visibly_`, and ids that the database cannot hold.
    pub fn can_find(&self, alias: &str, first_placeholder: usize) -> Result<Condition, NotExpressible> {
        check_alias(alias)?;
        let condition = self.finds(ContactKey::under(alias, &self.schema().contacts));
        Condition::of(self.sql.dialect, &condition, first_placeholder)
    }
}

impl Questions<'_> {
    fn contact_ids(&self, condition: Expr) -> Result<Statement, NotExpressible> {
        let names = &self.schema().contacts;
        let mut select = Query::select();
        select.expr_as(names.its(&names.id), Alias::new("id")).from(names.within(self.schema())).and_where(condition);
        self.statement(&select)
    }

    fn listed_contacts(&self, alias: &str, list: ContactSource<'_>) -> Result<Vec<Expr>, QuestionError> {
        let names = &self.schema().contacts;
        let own = match list {
            ContactSource::List(ContactList::Saved(_)) => return Err(NotExpressible::saved_by_id().into()),
            ContactSource::List(ContactList::Rule(rule)) => {
                check_contact_rule(rule, "")?;
                vec![self.matches(Candidate::Contact(alias), rule)]
            }
            ContactSource::List(named) => {
                is_listed(named, &col(alias, &names.category), &col(alias, &names.invitation))
            }
            ContactSource::Saved(filter) => {
                check_lists(filter, Lists::Contacts)?;
                check_contact_rule(&filter.rule, filter.id.as_str())?;
                vec![self.matches(Candidate::Contact(alias), &filter.rule), self.may_use(filter)]
            }
        };
        let finds = self.finds(ContactKey::under(alias, names));
        Ok(std::iter::once(finds).chain(own).collect())
    }

    fn is_after_name(&self, key: &Expr, border: &NameBorder) -> Expr {
        let names = &self.schema().contacts;
        let is_later_id = self.by_code_point(names.its(&names.id)).gt(bound(&border.id));
        match &border.name_key {
            None => all_of([key.clone().is_null(), is_later_id]),
            Some(name) => any_of([
                key.clone().is_null(),
                known(key.clone(), self.by_code_point(key.clone()).gt(bound(name))),
                all_of([known(key.clone(), key.clone().eq(bound(name))), is_later_id]),
            ]),
        }
    }
}

/// What category and invitation a list without a rule asks for.
fn is_listed(list: &ContactList, category: &Expr, invitation: &Expr) -> Vec<Expr> {
    let is = |wanted: ContactCategory| category.clone().eq(word(wanted.as_str()));
    let is_at = |wanted: Invitation| invitation.clone().eq(word(wanted.as_str()));
    match list {
        ContactList::All => vec![is(ContactCategory::Unsaved).not()],
        ContactList::Patients => vec![is(ContactCategory::Patient)],
        ContactList::PatientsInvited => vec![is(ContactCategory::Patient), is_at(Invitation::Invited)],
        ContactList::PatientsWithApp => vec![is(ContactCategory::Patient), is_at(Invitation::HasAccount)],
        ContactList::Professionals => vec![is(ContactCategory::Professional)],
        ContactList::Clinics => vec![is(ContactCategory::Clinic)],
        ContactList::Unsaved => vec![is(ContactCategory::Unsaved)],
        // Both have rules.
        ContactList::Saved(_) | ContactList::Rule(_) => vec![super::expr::flag(false)],
    }
}

/// Refuses a rule that asks about conversations; `id` is the filter's.
fn check_contact_rule(rule: &Rule, id: &str) -> Result<(), Error> {
    check_rule(rule)?;
    match rule.fits_contacts() {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::WrongList, id)),
    }
}
