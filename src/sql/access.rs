//! Who is covered, and what is seen (SPEC 1 to 4), as conditions: one function a rule, as in `policy`.
//!
//! Sets that are the viewer's own (teams, endpoints) are sub-queries without reference to the row, which a database
//! computes once; members of one conversation or contact are looked up by its key.

use sea_query::{Expr, ExprTrait, SelectStatement};

use super::Questions;
use super::expr::{all_of, any_of, bound, col, exists, flag, known, select, word};
use super::schema::{Contacts, Conversations};
use crate::model::Filter;

/// The columns that decide about who sees a conversation, of whatever table or parameters they are.
pub(crate) struct ConversationKey {
    pub(crate) organization_id: Expr,
    pub(crate) id: Expr,
    pub(crate) endpoint_id: Expr,
}

impl ConversationKey {
    pub(crate) fn under(alias: &str, names: &Conversations) -> Self {
        Self {
            organization_id: col(alias, &names.organization_id),
            id: col(alias, &names.id),
            endpoint_id: col(alias, &names.endpoint_id),
        }
    }
}

/// The columns that decide about who finds a contact.
pub(crate) struct ContactKey {
    pub(crate) organization_id: Expr,
    pub(crate) id: Expr,
}

impl ContactKey {
    pub(crate) fn under(alias: &str, names: &Contacts) -> Self {
        Self { organization_id: col(alias, &names.organization_id), id: col(alias, &names.id) }
    }
}

impl Questions<'_> {
    /// SPEC 3.1, 3.2: access to the endpoint, or a member of the conversation itself covers the viewer.
    pub(crate) fn sees(&self, conversation: ConversationKey) -> Expr {
        let ConversationKey { organization_id, id, endpoint_id } = conversation;
        let members = &self.schema().conversation_members;
        let has_access = known(endpoint_id.clone(), endpoint_id.in_subquery(self.accessible_endpoints()));
        let is_member = exists(
            members.within(self.schema()),
            all_of([
                members.its(&members.organization_id).eq(self.organization()),
                members.its(&members.conversation_id).eq(id),
                self.covers(members.its(&members.member_kind), members.its(&members.member_id)),
            ]),
        );
        all_of([organization_id.eq(self.organization()), self.viewer_is_active(), any_of([has_access, is_member])])
    }

    /// SPEC 4.1, 4.2: a contact that the viewer can find.
    pub(crate) fn finds(&self, contact: ContactKey) -> Expr {
        let ContactKey { organization_id, id } = contact;
        let members = &self.schema().contact_members;
        let is_member = exists(
            members.within(self.schema()),
            all_of([
                members.its(&members.organization_id).eq(self.organization()),
                members.its(&members.contact_id).eq(id),
                self.covers(members.its(&members.member_kind), members.its(&members.member_id)),
            ]),
        );
        all_of([
            organization_id.eq(self.organization()),
            self.viewer_is_active(),
            any_of([self.contact_membership_is_off(), self.viewer_is_admin(), is_member]),
        ])
    }

    /// SPEC 5.6: the viewer owns the filter, or a share covers them.
    pub(crate) fn may_use(&self, filter: &Filter) -> Expr {
        let (filters, shares) = (&self.schema().filters, &self.schema().filter_shares);
        let is_shared = exists(
            shares.within(self.schema()),
            all_of([
                shares.its(&shares.organization_id).eq(self.organization()),
                shares.its(&shares.filter_id).eq(bound(&filter.id)),
                self.covers(shares.its(&shares.member_kind), shares.its(&shares.member_id)),
            ]),
        );
        let found = exists(
            filters.within(self.schema()),
            all_of([
                filters.its(&filters.organization_id).eq(self.organization()),
                filters.its(&filters.id).eq(bound(&filter.id)),
                any_of([filters.its(&filters.owner_id).eq(self.viewer()), is_shared]),
            ]),
        );
        all_of([self.viewer_is_active(), found])
    }

    /// SPEC 1.1, of a viewer who is active. A team that is gone covers nobody.
    fn covers(&self, kind: Expr, id: Expr) -> Expr {
        any_of([
            kind.clone().eq(word("organization")),
            all_of([kind.clone().eq(word("teammate")), id.clone().eq(self.viewer())]),
            all_of([kind.eq(word("team")), id.in_subquery(self.teams_of_viewer())]),
        ])
    }

    /// SPEC 2.2: the endpoints whose owner or an additional member covers the viewer.
    fn accessible_endpoints(&self) -> SelectStatement {
        let (endpoints, members) = (&self.schema().endpoints, &self.schema().endpoint_members);
        let is_member = exists(
            members.within(self.schema()),
            all_of([
                members.its(&members.organization_id).eq(self.organization()),
                members.its(&members.endpoint_id).eq(endpoints.its(&endpoints.id)),
                self.covers(members.its(&members.member_kind), members.its(&members.member_id)),
            ]),
        );
        let owns = self.covers(endpoints.its(&endpoints.owner_kind), endpoints.its(&endpoints.owner_id));
        let ours = endpoints.its(&endpoints.organization_id).eq(self.organization());
        select(endpoints.its(&endpoints.id), endpoints.within(self.schema()), all_of([ours, any_of([owns, is_member])]))
    }

    /// The ids of the teams that the viewer is in.
    pub(crate) fn teams_of_viewer(&self) -> SelectStatement {
        let members = &self.schema().team_members;
        let team_id = members.its(&members.team_id);
        let condition = all_of([
            members.its(&members.organization_id).eq(self.organization()),
            members.its(&members.teammate_id).eq(self.viewer()),
            self.is_team(team_id.clone()),
        ]);
        select(team_id, members.within(self.schema()), condition)
    }

    /// Whether there is a team with this id.
    pub(crate) fn is_team(&self, id: Expr) -> Expr {
        let teams = &self.schema().teams;
        let is_it = all_of([teams.its(&teams.organization_id).eq(self.organization()), teams.its(&teams.id).eq(id)]);
        exists(teams.within(self.schema()), is_it)
    }

    /// SPEC 1.2, 1.3.
    pub(crate) fn viewer_is_active(&self) -> Expr {
        let teammates = &self.schema().teammates;
        self.viewer_exists(teammates.its(&teammates.suspended).eq(flag(false)))
    }

    /// SPEC 1.4, of an active viewer.
    fn viewer_is_admin(&self) -> Expr {
        let teammates = &self.schema().teammates;
        self.viewer_exists(teammates.its(&teammates.admin).eq(flag(true)))
    }

    /// Whether the viewer is a teammate of whom `condition` holds.
    pub(crate) fn viewer_exists(&self, condition: Expr) -> Expr {
        let teammates = &self.schema().teammates;
        let is_viewer = all_of([
            teammates.its(&teammates.organization_id).eq(self.organization()),
            teammates.its(&teammates.id).eq(self.viewer()),
            condition,
        ]);
        exists(teammates.within(self.schema()), is_viewer)
    }

    /// SPEC 4.1. An organization that is not there has it on.
    fn contact_membership_is_off(&self) -> Expr {
        let organizations = &self.schema().organizations;
        let is_off = all_of([
            organizations.its(&organizations.id).eq(self.organization()),
            organizations.its(&organizations.contact_membership).eq(flag(false)),
        ]);
        exists(organizations.within(self.schema()), is_off)
    }
}
