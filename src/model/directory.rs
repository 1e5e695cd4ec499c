//! The small facts of an organization, indexed: settings, teammates, teams, endpoints and filters.
//!
//! All that decides about access except who is let into one conversation or contact. It grows with the number of people and
//! lines, never with conversations, so that a change to it may copy it. Endpoints and filters are shared by the copies:
//! an endpoint has lists, and a filter a rule of any size.

use std::sync::Arc;

use super::filter::Filter;
use super::index::IndexMap;
use super::organization::{Endpoint, Member, Team, Teammate};
use super::text::{EndpointId, FilterId, OrganizationId, TeamId, TeammateId, Text};
use crate::error::{Error, ErrorCode};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Directory {
    pub(crate) id: OrganizationId,
    pub(crate) name: Text,
    pub(crate) contact_membership: bool,
    pub(crate) teammates: IndexMap<TeammateId, Teammate>,
    pub(crate) teams: IndexMap<TeamId, Team>,
    pub(crate) endpoints: IndexMap<EndpointId, Arc<Endpoint>>,
    pub(crate) filters: IndexMap<FilterId, Arc<Filter>>,
}

impl Directory {
    /// Refuses a teammate who does not exist.
    pub(crate) fn teammate(&self, id: &TeammateId) -> Result<&Teammate, Error> {
        self.teammates.get(id).ok_or_else(|| Error::new(ErrorCode::UnknownTeammate, id))
    }

    /// Refuses a team that does not exist.
    pub(crate) fn team(&self, id: &TeamId) -> Result<&Team, Error> {
        self.teams.get(id).ok_or_else(|| Error::new(ErrorCode::UnknownTeam, id))
    }

    /// Refuses an endpoint that does not exist.
    pub(crate) fn endpoint(&self, id: &EndpointId) -> Result<&Endpoint, Error> {
        self.endpoints.get(id).map(Arc::as_ref).ok_or_else(|| Error::new(ErrorCode::UnknownEndpoint, id))
    }

    /// Refuses a team or teammate that does not exist.
    pub(crate) fn member(&self, member: &Member) -> Result<(), Error> {
        match member {
            Member::Organization => Ok(()),
            Member::Team(id) => self.team(id).map(drop),
            Member::Teammate(id) => self.teammate(id).map(drop),
        }
    }

    /// Refuses a list that names a team or teammate that does not exist.
    pub(crate) fn members(&self, members: &[Member]) -> Result<(), Error> {
        members.iter().try_for_each(|member| self.member(member))
    }

    /// Refuses the organization, and a team or teammate that does not exist, as a recipient; `id` and `kind` are
    /// those of what would be assigned.
    pub(crate) fn recipient(&self, recipient: &Member, id: impl AsRef<str>, kind: &'static str) -> Result<(), Error> {
        match recipient {
            Member::Organization => Err(Error::new(ErrorCode::InvalidAssignee, id).of(kind)),
            _ => self.member(recipient),
        }
    }

    /// Ends every mention of `member` in the lists of the directory: a teammate's place in teams, a member's access
    /// to endpoints and its shares of filters. Owners, recipients and rules stay as they are.
    pub(crate) fn forget(&mut self, member: &Member) {
        if let Member::Teammate(id) = member {
            for team in self.teams.values_mut() {
                team.teammates.retain(|teammate| teammate != id);
            }
        }
        for endpoint in self.endpoints.values_mut() {
            if endpoint.additional_members.contains(member) {
                Arc::make_mut(endpoint).additional_members.retain(|other| other != member);
            }
        }
        for filter in self.filters.values_mut() {
            if filter.shared_with.contains(member) {
                Arc::make_mut(filter).shared_with.retain(|other| other != member);
            }
        }
    }
}
