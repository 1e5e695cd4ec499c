//! Who is covered, who has access, who sees what (SPEC 1 to 4): a sentence a function, over one thing at a time.
//!
//! These read the directory and the few facts of one conversation or contact, so that every path, compiled or not,
//! can fall back on them.

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashSet};

use super::decision::{Decision, Denial, Grant, Resource};
use crate::model::{Directory, Endpoint, Filter, Head, Member, Teammate, TeammateId, World};
use crate::work::count_looks;

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
            Member::Team(id) => directory.teams.get(id).is_some_and(|team| {
                count_looks(team.teammates.len());
                team.teammates.contains(&teammate.id)
            }),
            Member::Teammate(id) => *id == teammate.id,
        }
}

/// The active teammates whom `member` covers (SPEC 1.1), found as they are asked for.
pub(crate) fn covered<'d>(directory: &'d Directory, member: &Member) -> impl Iterator<Item = &'d Teammate> {
    let (everyone, team, one) = match member {
        Member::Organization => (Some(&directory.teammates), None, None),
        Member::Team(id) => (None, directory.teams.get(id), None),
        Member::Teammate(id) => (None, None, directory.teammates.get(id)),
    };
    let everyone = everyone.into_iter().flat_map(|teammates| teammates.values());
    let of_team = team.into_iter().flat_map(|team| &team.teammates).filter_map(|id| directory.teammates.get(id));
    everyone.chain(of_team).chain(one).inspect(|_| count_looks(1)).filter(|teammate| !teammate.suspended)
}

/// Whether `member` covers an active teammate at all.
pub(crate) fn covers_somebody(directory: &Directory, member: &Member) -> bool {
    covered(directory, member).next().is_some()
}

/// How many teammates are asked about one by one. Thousands would cost their number squared; for a few, everybody whom the
/// members cover need not be gathered.
const ONE_BY_ONE: usize = 8;

/// Whether some of `members` covers each active teammate whom `member` covers; true if that is nobody.
///
/// O(members) where one of them is `member` itself or everyone; otherwise O(all whom these cover).
fn cover_all_of<'d>(directory: &'d Directory, members: &[&'d Member], member: &Member) -> bool {
    if members.iter().any(|one| *one == member || **one == Member::Organization) {
        return true;
    }
    let mut covered = covered(directory, member);
    let is_covered = |teammate: &Teammate| members.iter().any(|one| covers(directory, one, teammate));
    covered.by_ref().take(ONE_BY_ONE).all(is_covered) && {
        let mut others = covered.peekable();
        others.peek().is_none() || {
            let found = covered_by_any(directory, members.iter().copied());
            others.all(|teammate| found.contains(&teammate.id))
        }
    }
}

/// The active teammates whom any of `members` covers.
pub(crate) fn covered_by_any<'d>(
    directory: &'d Directory,
    members: impl Iterator<Item = &'d Member>,
) -> HashSet<&'d TeammateId, DefaultHashBuilder> {
    members.flat_map(|member| covered(directory, member)).map(|teammate| &teammate.id).collect()
}

/// SPEC 2.2: the owner or an additional member covers them.
pub(crate) fn has_access(directory: &Directory, endpoint: &Endpoint, teammate: &Teammate) -> bool {
    given_access(endpoint).any(|member| covers(directory, member, teammate))
}

/// The active teammates who have access to the endpoint.
pub(crate) fn with_access<'d>(
    directory: &'d Directory,
    endpoint: &'d Endpoint,
) -> HashSet<&'d TeammateId, DefaultHashBuilder> {
    covered_by_any(directory, given_access(endpoint))
}

/// Whether an active teammate has access to the endpoint at all.
pub(crate) fn somebody_has_access(directory: &Directory, endpoint: &Endpoint) -> bool {
    given_access(endpoint).any(|member| covers_somebody(directory, member))
}

/// The members that give access to the endpoint.
fn given_access(endpoint: &Endpoint) -> impl Iterator<Item = &Member> {
    std::iter::once(&endpoint.owner).chain(&endpoint.additional_members)
}

/// Whether every active teammate whom `member` covers has access to the endpoint; true if it covers nobody.
pub(crate) fn all_have_access(directory: &Directory, member: &Member, endpoint: &Endpoint) -> bool {
    let given: Vec<&Member> = given_access(endpoint).collect();
    cover_all_of(directory, &given, member)
}

/// SPEC 3.1, 3.2: access to the endpoint, or a member of the conversation itself covers them. An endpoint that does
/// not exist opens nothing.
pub(crate) fn sees(directory: &Directory, head: Head<'_>, teammate: &Teammate) -> bool {
    shown_to(directory, head).any(|member| covers(directory, member, teammate))
}

/// The active teammates who see the conversation.
pub(crate) fn seen_by<'d>(directory: &'d Directory, head: Head<'d>) -> HashSet<&'d TeammateId, DefaultHashBuilder> {
    covered_by_any(directory, shown_to(directory, head))
}

/// The endpoint that the conversation runs over.
pub(crate) fn endpoint_of<'d>(directory: &'d Directory, head: Head<'_>) -> Option<&'d Endpoint> {
    directory.endpoints.get(head.endpoint?).map(Arc::as_ref)
}

/// The members that show the conversation to whom they cover: those of its endpoint, and its own.
pub(crate) fn shown_to<'d>(directory: &'d Directory, head: Head<'d>) -> impl Iterator<Item = &'d Member> {
    endpoint_of(directory, head).into_iter().flat_map(given_access).chain(head.members)
}

/// Whether every active teammate whom `member` covers sees the conversation; true if it covers nobody.
pub(crate) fn all_see(directory: &Directory, member: &Member, head: Head<'_>) -> bool {
    let shown_to: Vec<&Member> = shown_to(directory, head).collect();
    cover_all_of(directory, &shown_to, member)
}

/// Whether some active teammate whom `member` covers sees the conversation.
pub(crate) fn some_see(directory: &Directory, member: &Member, head: Head<'_>) -> bool {
    let mut covered = covered(directory, member);
    // One of the first nearly always does.
    covered.by_ref().take(ONE_BY_ONE).any(|teammate| sees(directory, head, teammate)) || {
        let mut others = covered.peekable();
        others.peek().is_some() && {
            let seen_by = seen_by(directory, head);
            others.any(|teammate| seen_by.contains(&teammate.id))
        }
    }
}

/// SPEC 6.1 to 6.3: covers an active teammate, and none who cannot see the conversation.
pub(crate) fn can_be_assigned(directory: &Directory, to: &Member, head: Head<'_>) -> bool {
    covers_somebody(directory, to) && all_see(directory, to, head)
}

/// Whether no active teammate sees the conversation (SPEC 7.5).
pub(crate) fn has_no_audience(directory: &Directory, head: Head<'_>) -> bool {
    !shown_to(directory, head).any(|member| covers_somebody(directory, member))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conversation, Dataset, Facts, Organization, PhoneNumber, Team};

    /// Teams of nobody, of few, of many of whom some are suspended; lines of each of them.
    fn directory() -> Directory {
        let mut oak = Organization::new("oak", "Oak Street");
        for number in 0..30 {
            let teammate = Teammate::new(format!("t{number}"), "");
            oak = oak.teammate(if number % 4 == 1 { teammate.suspended() } else { teammate });
        }
        for (id, range) in [("nobody", 0..0), ("few", 3..6), ("half", 0..20), ("other", 15..30), ("gone", 1..2)] {
            oak = oak.team(Team::new(id, "", range.map(|number| format!("t{number}"))));
        }
        for (number, owner) in members().into_iter().enumerate() {
            let shared = members().into_iter().nth(number * 3 % 7).unwrap();
            oak = oak.endpoint(PhoneNumber::new(format!("e{number}")).owned_by(owner).shared_with(shared));
        }
        Facts::load(Dataset::new(oak)).unwrap().directory
    }

    fn members() -> Vec<Member> {
        let teams = ["nobody", "few", "half", "other", "gone"].map(Member::team);
        let teammates = ["t0", "t5", "t29"].map(Member::teammate);
        teams.into_iter().chain(teammates).chain([Member::Organization]).collect()
    }

    /// SPEC 6.1 to 6.3, 7.5: shortcuts over whole members say what asking everyone one by one does.
    #[test]
    fn who_is_covered_is_the_same_asked_at_once_and_one_by_one() {
        let directory = directory();
        let count = members().len();
        for (line, own) in (0..count).flat_map(|line| (0..=count).map(move |own| (line, own))) {
            let mut conversation = Conversation::patient("v", format!("e{line}"), 0);
            conversation.members.extend(members().get(own).cloned());
            let head = Head::from(&conversation);
            let endpoint = endpoint_of(&directory, head).unwrap();
            let everyone = || directory.teammates.values().filter(|teammate| !teammate.suspended);
            assert_eq!(has_no_audience(&directory, head), !everyone().any(|teammate| sees(&directory, head, teammate)));
            for member in members() {
                let covered = || everyone().filter(|teammate| covers(&directory, &member, teammate));
                let said = (
                    covers_somebody(&directory, &member),
                    some_see(&directory, &member, head),
                    all_see(&directory, &member, head),
                    all_have_access(&directory, &member, endpoint),
                );
                let asked = (
                    covered().next().is_some(),
                    covered().any(|teammate| sees(&directory, head, teammate)),
                    covered().all(|teammate| sees(&directory, head, teammate)),
                    covered().all(|teammate| has_access(&directory, endpoint, teammate)),
                );
                assert_eq!(said, asked, "{member} of {head:?}");
            }
            let ids =
                |sees: &dyn Fn(&Teammate) -> bool| everyone().filter(|one| sees(one)).map(|one| &one.id).collect();
            assert_eq!(seen_by(&directory, head), ids(&|one| sees(&directory, head, one)));
            assert_eq!(with_access(&directory, endpoint), ids(&|one| has_access(&directory, endpoint, one)));
            assert_eq!(somebody_has_access(&directory, endpoint), !with_access(&directory, endpoint).is_empty());
        }
    }
}
