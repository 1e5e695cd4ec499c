//! Who is covered, who has access, who sees what (SPEC 1 to 4): a sentence a function, over one thing at a time.
//!
//! These read the directory and the few facts of one conversation or contact, so that every path, compiled or not,
//! can fall back on them.

use smallvec::SmallVec;

use super::decision::{Decision, Denial, Grant, Resource};
use crate::model::{Directory, Endpoint, Filter, Head, Member, Teammate, TeammateId, World};

/// SPEC 1.2: an active teammate exists and is not suspended.
pub(crate) fn is_active(directory: &Directory, id: &TeammateId) -> bool {
    directory.teammates.get(id).is_some_and(|teammate| !teammate.suspended)
}

/// SPEC 1.4.
pub(crate) fn is_active_admin(teammate: &Teammate) -> bool {
    teammate.admin && !teammate.suspended
}

/// The viewer as a teammate who may be answered, or why not (SPEC 1.2, 1.3).
pub(crate) fn viewer<'d>(directory: &'d Directory, id: &TeammateId) -> Result<&'d Teammate, Denial> {
    active(directory.teammates.get(id))
}

/// The same for whoever the id was found to be.
pub(crate) fn active(teammate: Option<&Teammate>) -> Result<&Teammate, Denial> {
    match teammate {
        None => Err(Denial::UnknownViewer),
        Some(teammate) if teammate.suspended => Err(Denial::Suspended),
        Some(teammate) => Ok(teammate),
    }
}

/// SPEC 1.1: whether `member` covers `teammate`. A member that does not exist covers nobody.
pub(crate) fn covers(directory: &Directory, member: &Member, teammate: &Teammate) -> bool {
    !teammate.suspended
        && match member {
            Member::Organization => true,
            Member::Team(id) => directory.teams.get(id).is_some_and(|team| team.teammates.contains(&teammate.id)),
            Member::Teammate(id) => *id == teammate.id,
        }
}

/// The active teammates whom `member` covers (SPEC 1.1).
pub(crate) fn covered<'d>(directory: &'d Directory, member: &Member) -> SmallVec<[&'d Teammate; 16]> {
    let active = |teammate: &&Teammate| !teammate.suspended;
    match member {
        Member::Organization => directory.teammates.values().filter(active).collect(),
        Member::Team(id) => match directory.teams.get(id) {
            Some(team) => team.teammates.iter().filter_map(|id| directory.teammates.get(id)).filter(active).collect(),
            None => SmallVec::new(),
        },
        Member::Teammate(id) => directory.teammates.get(id).filter(active).into_iter().collect(),
    }
}

/// Whether `member` covers an active teammate at all.
pub(crate) fn covers_somebody(directory: &Directory, member: &Member) -> bool {
    !covered(directory, member).is_empty()
}

/// SPEC 2.2: the owner or an additional member covers them.
pub(crate) fn has_access(directory: &Directory, endpoint: &Endpoint, teammate: &Teammate) -> bool {
    covers(directory, &endpoint.owner, teammate)
        || endpoint.additional_members.iter().any(|member| covers(directory, member, teammate))
}

/// Whether every active teammate whom `member` covers has access to the endpoint; true if it covers nobody.
pub(crate) fn all_have_access(directory: &Directory, member: &Member, endpoint: &Endpoint) -> bool {
    covered(directory, member).into_iter().all(|teammate| has_access(directory, endpoint, teammate))
}

/// SPEC 3.1, 3.2: access to the endpoint, or a member of the conversation itself covers them. An endpoint that does
/// not exist opens nothing.
pub(crate) fn sees(directory: &Directory, head: Head<'_>, teammate: &Teammate) -> bool {
    endpoint_of(directory, head).is_some_and(|endpoint| has_access(directory, endpoint, teammate))
        || head.members.iter().any(|member| covers(directory, member, teammate))
}

/// The endpoint that the conversation runs over.
pub(crate) fn endpoint_of<'d>(directory: &'d Directory, head: Head<'_>) -> Option<&'d Endpoint> {
    directory.endpoints.get(head.endpoint?)
}

/// Whether every active teammate whom `member` covers sees the conversation; true if it covers nobody.
pub(crate) fn all_see(directory: &Directory, member: &Member, head: Head<'_>) -> bool {
    covered(directory, member).into_iter().all(|teammate| sees(directory, head, teammate))
}

/// Whether some active teammate whom `member` covers sees the conversation.
pub(crate) fn some_see(directory: &Directory, member: &Member, head: Head<'_>) -> bool {
    covered(directory, member).into_iter().any(|teammate| sees(directory, head, teammate))
}

/// SPEC 6.1 to 6.3: covers an active teammate, and none who cannot see the conversation.
pub(crate) fn can_be_assigned(directory: &Directory, to: &Member, head: Head<'_>) -> bool {
    covers_somebody(directory, to) && all_see(directory, to, head)
}

/// Whether no active teammate sees the conversation (SPEC 7.5).
pub(crate) fn has_no_audience(directory: &Directory, head: Head<'_>) -> bool {
    !directory.teammates.values().any(|teammate| sees(directory, head, teammate))
}

/// SPEC 4.1, 4.2: a contact with these members is open to the teammate.
pub(crate) fn finds(directory: &Directory, contact_members: &[Member], teammate: &Teammate) -> bool {
    !teammate.suspended
        && (!directory.contact_membership
            || teammate.admin
            || contact_members.iter().any(|member| covers(directory, member, teammate)))
}

/// SPEC 7.1: every grant that applies to a viewer and a resource, or why there is none.
pub(crate) fn decide<W: World>(world: &W, viewer_id: &TeammateId, resource: Resource<'_>) -> Decision {
    let directory = world.directory();
    let teammate = match viewer(directory, viewer_id) {
        Ok(teammate) => teammate,
        Err(denial) => return Decision::Denied(denial),
    };
    let grants = match resource {
        Resource::Contact(id) => world.contact_members(id).map(|members| contact_grants(directory, members, teammate)),
        Resource::Conversation(id) => world.head(id).map(|head| conversation_grants(directory, head, teammate)),
        Resource::Endpoint(id) => directory.endpoints.get(id).map(|it| endpoint_grants(directory, it, teammate)),
        Resource::Filter(id) => directory.filters.get(id).map(|filter| filter_grants(directory, filter, teammate)),
    };
    match grants {
        None => Decision::Denied(Denial::UnknownResource),
        Some(grants) if grants.is_empty() => Decision::Denied(Denial::NotAMember),
        Some(grants) => Decision::Allowed(grants),
    }
}

/// The endpoint's owner, its additional members, the conversation's members.
fn conversation_grants(directory: &Directory, head: Head<'_>, teammate: &Teammate) -> Vec<Grant> {
    let endpoint = endpoint_of(directory, head);
    let mut grants = endpoint.map_or_else(Vec::new, |endpoint| endpoint_grants(directory, endpoint, teammate));
    let own = head.members.iter().filter(|member| covers(directory, member, teammate));
    grants.extend(own.cloned().map(Grant::ConversationMember));
    grants
}

fn endpoint_grants(directory: &Directory, endpoint: &Endpoint, teammate: &Teammate) -> Vec<Grant> {
    let owner = Some(&endpoint.owner).filter(|owner| covers(directory, owner, teammate));
    let members = endpoint.additional_members.iter().filter(|member| covers(directory, member, teammate));
    let owner = owner.cloned().map(Grant::EndpointOwner).into_iter();
    owner.chain(members.cloned().map(Grant::EndpointMember)).collect()
}

/// Membership off, and then nothing else; admin, then the contact's members.
fn contact_grants(directory: &Directory, members: &[Member], teammate: &Teammate) -> Vec<Grant> {
    if !directory.contact_membership {
        return vec![Grant::MembershipOff];
    }
    let admin = teammate.admin.then_some(Grant::Admin);
    let members = members.iter().filter(|member| covers(directory, member, teammate));
    admin.into_iter().chain(members.cloned().map(Grant::ContactMember)).collect()
}

/// SPEC 5.6: the owner, then the shares.
fn filter_grants(directory: &Directory, filter: &Filter, teammate: &Teammate) -> Vec<Grant> {
    let owner = (filter.owner == teammate.id).then_some(Grant::FilterOwner);
    let shares = filter.shared_with.iter().filter(|share| covers(directory, share, teammate));
    owner.into_iter().chain(shares.cloned().map(Grant::FilterShare)).collect()
}
