//! The checks of SPEC 6, written once for whatever keeps the facts: a change becomes effects, or is refused.

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use smallvec::{SmallVec, smallvec};

use super::effect::{DirectoryEffect, Effect};
use crate::error::{Error, ErrorCode};
use crate::model::{
    AssigneePick, Change, Contact, ContactId, Conversation, ConversationId, Directory, Endpoint, EndpointId, Filter,
    FilterId, Head, Lists, Member, Pick, Rule, Tag, Team, TeamId, Teammate, TeammateId, TeammateUpdate, World,
    check_tags, dedup, distinct,
};
use crate::policy::access;
use crate::work::count_looks;

pub(crate) type Effects = SmallVec<[Effect; 2]>;

/// Checks a change against the facts as they are and says what it does. Nothing is altered.
pub(crate) fn plan<W: World>(world: &W, change: &Change) -> Result<Effects, Error> {
    let directory = world.directory();
    match change {
        Change::SetContactMembership(on) => Ok(directory_effect(DirectoryEffect::SetContactMembership(*on))),
        Change::AddTeammate(teammate) => add_teammate(directory, teammate),
        Change::UpdateTeammate(update) => update_teammate(directory, update),
        Change::RemoveTeammate { id, transfer_to } => remove_teammate(world, id, transfer_to),
        Change::AddTeam(team) => add_team(directory, team),
        Change::SetTeam { id, teammates } => set_team(directory, id, teammates),
        Change::RemoveTeam { id } => remove_team(world, id),
        Change::AddEndpoint(endpoint) => add_endpoint(directory, endpoint),
        Change::SetEndpointAccess { id, owner, additional_members } => {
            set_endpoint_access(directory, id, owner, additional_members)
        }
        Change::SetAutoAssign { id, to } => set_auto_assign(directory, id, to.as_ref()),
        Change::RemoveEndpoint { id } => remove_endpoint(world, id),
        Change::AddContact(contact) => add_contact(world, contact),
        Change::UpdateContact(update) => {
            known_contact(world, &update.id)?;
            Ok(smallvec![Effect::UpdateContact(update.clone())])
        }
        Change::SetContactMembers { id, members } => set_contact_members(world, id, members),
        Change::TagContacts { ids, add, remove } => tag_contacts(world, ids, add, remove),
        Change::RemoveContact { id } => remove_contact(world, id),
        Change::StartConversation(conversation) => start_conversation(world, conversation),
        Change::ReceiveMessage { id, at } => {
            let returns = returned_by_message(directory, head(world, id)?);
            Ok(smallvec![Effect::Message { id: id.clone(), at: *at, returns }])
        }
        Change::Assign { id, to, grant_access } => assign(world, id, to.as_ref(), *grant_access),
        Change::Archive { id } => {
            head(world, id)?;
            Ok(smallvec![place(id, true, None)])
        }
        Change::Unarchive { id } => match head(world, id)?.archived {
            true => Ok(smallvec![place(id, false, None)]),
            false => Ok(smallvec![]),
        },
        Change::TagConversations { ids, add, remove } => tag_conversations(world, ids, add, remove),
        Change::AddConversationMember { id, member } => {
            check_conversation_and(world, id, |directory| directory.member(member))?;
            Ok(smallvec![Effect::AddMember(id.clone(), member.clone())])
        }
        Change::RemoveConversationMember { id, member } => {
            check_conversation_and(world, id, |directory| directory.member(member))?;
            Ok(smallvec![Effect::RemoveMember(id.clone(), member.clone())])
        }
        Change::MarkRead { id, by } => mark_read(world, id, by, true),
        Change::MarkUnread { id, by } => mark_read(world, id, by, false),
        Change::Star { id, by } => star(world, id, by, true),
        Change::Unstar { id, by } => star(world, id, by, false),
        Change::RemoveConversation { id } => {
            head(world, id)?;
            Ok(smallvec![Effect::RemoveConversation(id.clone())])
        }
        Change::PutFilter(filter) => put_filter(world, filter),
        Change::RemoveFilter { id } => remove_filter(directory, id),
    }
}

fn directory_effect(effect: DirectoryEffect) -> Effects {
    smallvec![Effect::Directory(effect)]
}

fn refused<T>(code: ErrorCode, id: impl AsRef<str>) -> Result<T, Error> {
    Err(Error::new(code, id))
}

fn check_new<T>(existing: Option<T>, id: impl AsRef<str>, kind: &'static str) -> Result<(), Error> {
    match existing {
        Some(_) => Err(Error::new(ErrorCode::DuplicateId, id).of(kind)),
        None => Ok(()),
    }
}

fn head<'w, W: World>(world: &'w W, id: &ConversationId) -> Result<Head<'w>, Error> {
    world.head(id).ok_or_else(|| Error::new(ErrorCode::UnknownConversation, id))
}

fn known_contact<W: World>(world: &W, id: &ContactId) -> Result<(), Error> {
    match world.contact_members(id) {
        Some(_) => Ok(()),
        None => refused(ErrorCode::UnknownContact, id),
    }
}

fn check_conversation_and<W: World>(
    world: &W,
    id: &ConversationId,
    check: impl FnOnce(&Directory) -> Result<(), Error>,
) -> Result<(), Error> {
    head(world, id)?;
    check(world.directory())
}

fn place(id: &ConversationId, archived: bool, assignee: Option<&Member>) -> Effect {
    Effect::Place { id: id.clone(), archived, assignee: assignee.cloned() }
}

// Teammates and teams.

fn add_teammate(directory: &Directory, teammate: &Teammate) -> Result<Effects, Error> {
    check_new(directory.teammates.get(&teammate.id), &teammate.id, "teammate")?;
    directory.check_teammate(teammate)?;
    Ok(directory_effect(DirectoryEffect::PutTeammate(teammate.clone())))
}

fn update_teammate(directory: &Directory, update: &TeammateUpdate) -> Result<Effects, Error> {
    let mut teammate = directory.teammate(&update.id)?.clone();
    if let Some(name) = &update.name {
        teammate.name = name.clone();
    }
    teammate.admin = update.admin.unwrap_or(teammate.admin);
    teammate.suspended = update.suspended.unwrap_or(teammate.suspended);
    if !access::is_active_admin(&teammate) {
        keeps_an_admin(directory, &update.id)?;
    }
    Ok(directory_effect(DirectoryEffect::PutTeammate(teammate)))
}

/// SPEC 6.6: refuses to take away the last active admin.
fn keeps_an_admin(directory: &Directory, leaving: &TeammateId) -> Result<(), Error> {
    if !directory.teammates.get(leaving).is_some_and(access::is_active_admin) {
        return Ok(());
    }
    let teammates = directory.teammates.values().inspect(|_| count_looks(1));
    let mut admins = teammates.filter(|teammate| access::is_active_admin(teammate));
    match (admins.next(), admins.next()) {
        (Some(last), None) if last.id == *leaving => refused(ErrorCode::LastAdmin, leaving),
        _ => Ok(()),
    }
}

/// SPEC 6.5.
fn remove_teammate<W: World>(world: &W, id: &TeammateId, transfer_to: &Member) -> Result<Effects, Error> {
    let directory = world.directory();
    directory.teammate(id)?;
    directory.recipient(transfer_to, id, "teammate")?;
    let leaving = Member::Teammate(id.clone());
    if *transfer_to == leaving {
        return refused(ErrorCode::TransferToSelf, id);
    }
    keeps_an_admin(directory, id)?;

    let mut steps = vec![DirectoryEffect::RemoveTeammate(id.clone())];
    steps.extend(filters_passed_on(directory, id, transfer_to));
    let mut after = directory.clone();
    // Filters give access to nothing.
    after.alter(DirectoryEffect::RemoveTeammate(id.clone()));
    for endpoint in endpoints_passed_on(&after, &leaving, transfer_to) {
        after.alter(DirectoryEffect::PutEndpoint(endpoint.clone()));
        steps.push(DirectoryEffect::PutEndpoint(endpoint));
    }
    let mut effects: Effects = steps.into_iter().map(Effect::Directory).collect();
    // Asked once for all that are shown to the same members: there may be thousands, of a line with a large team.
    let mut fits: HashMap<(Option<&EndpointId>, &[Member]), bool, DefaultHashBuilder> = HashMap::default();
    for conversation in world.assigned_to(&leaving) {
        let head = head(world, &conversation)?;
        // A membership of whoever leaves covers nobody of those who are left.
        let fits = *fits
            .entry((head.endpoint, head.members))
            .or_insert_with(|| access::can_be_assigned(&after, transfer_to, head));
        effects.push(place(&conversation, head.archived, Some(transfer_to).filter(|_| fits)));
    }
    Ok(effects)
}

/// A leaving teammate's filters go to an active teammate or end.
fn filters_passed_on(directory: &Directory, leaving: &TeammateId, transfer_to: &Member) -> Vec<DirectoryEffect> {
    let heir = match transfer_to {
        Member::Teammate(heir) if access::is_active(directory, heir) => Some(heir),
        _ => None,
    };
    let Some(heir) = heir else {
        return vec![DirectoryEffect::RemoveFiltersOf(leaving.clone())];
    };
    let filters = directory.filters.values().filter(|filter| filter.owner == *leaving);
    filters
        .map(|filter| {
            let mut filter = Filter { owner: heir.clone(), ..Filter::clone(filter) };
            filter.shared_with.retain(|member| *member != Member::Teammate(leaving.clone()));
            DirectoryEffect::PutFilter(filter)
        })
        .collect()
}

/// The endpoints that the leaving teammate owned or was assigned from, in the hands of `transfer_to`; one that would
/// then assign to somebody inactive or without access assigns to nobody.
fn endpoints_passed_on(after: &Directory, leaving: &Member, transfer_to: &Member) -> Vec<Endpoint> {
    let mut passed_on = Vec::new();
    for endpoint in after.endpoints.values() {
        let owned = endpoint.owner == *leaving;
        let assigned = endpoint.auto_assign.as_ref() == Some(leaving);
        if !owned && !assigned {
            continue;
        }
        let mut endpoint = Endpoint::clone(endpoint);
        if owned {
            endpoint.owner = transfer_to.clone();
        }
        if assigned {
            let fits =
                access::covers_somebody(after, transfer_to) && access::all_have_access(after, transfer_to, &endpoint);
            endpoint.auto_assign = fits.then(|| transfer_to.clone());
        }
        passed_on.push(endpoint);
    }
    passed_on
}

fn add_team(directory: &Directory, team: &Team) -> Result<Effects, Error> {
    check_new(directory.teams.get(&team.id), &team.id, "team")?;
    let mut team = team.clone();
    directory.check_team(&mut team)?;
    Ok(directory_effect(DirectoryEffect::PutTeam(team)))
}

fn set_team(directory: &Directory, id: &TeamId, teammates: &[TeammateId]) -> Result<Effects, Error> {
    let mut team = Team { teammates: teammates.to_vec(), ..directory.team(id)?.clone() };
    directory.check_team(&mut team)?;
    Ok(directory_effect(DirectoryEffect::PutTeam(team)))
}

/// SPEC 6.6.
fn remove_team<W: World>(world: &W, id: &TeamId) -> Result<Effects, Error> {
    let directory = world.directory();
    directory.team(id)?;
    let team = Member::Team(id.clone());
    let holds = |endpoint: &Arc<Endpoint>| endpoint.owner == team || endpoint.auto_assign.as_ref() == Some(&team);
    if directory.endpoints.values().any(holds) || world.is_assigned(&team) {
        return refused(ErrorCode::TeamInUse, id);
    }
    Ok(directory_effect(DirectoryEffect::RemoveTeam(id.clone())))
}

// Endpoints.

fn add_endpoint(directory: &Directory, endpoint: &Endpoint) -> Result<Effects, Error> {
    check_new(directory.endpoints.get(&endpoint.id), &endpoint.id, "endpoint")?;
    let mut endpoint = endpoint.clone();
    directory.check_endpoint(&mut endpoint)?;
    check_auto_assign(directory, &endpoint)?;
    Ok(directory_effect(DirectoryEffect::PutEndpoint(endpoint)))
}

fn set_endpoint_access(
    directory: &Directory,
    id: &EndpointId,
    owner: &Member,
    additional_members: &[Member],
) -> Result<Effects, Error> {
    let mut endpoint = Endpoint {
        owner: owner.clone(),
        additional_members: additional_members.to_vec(),
        ..directory.endpoint(id)?.clone()
    };
    directory.check_endpoint(&mut endpoint)?;
    check_auto_assign_access(directory, &endpoint)?;
    Ok(directory_effect(DirectoryEffect::PutEndpoint(endpoint)))
}

fn set_auto_assign(directory: &Directory, id: &EndpointId, to: Option<&Member>) -> Result<Effects, Error> {
    let mut endpoint = Endpoint { auto_assign: to.cloned(), ..directory.endpoint(id)?.clone() };
    directory.check_endpoint(&mut endpoint)?;
    check_auto_assign(directory, &endpoint)?;
    Ok(directory_effect(DirectoryEffect::PutEndpoint(endpoint)))
}

/// SPEC 2.3: refuses an `auto_assign` that covers nobody, or an active teammate without access.
fn check_auto_assign(directory: &Directory, endpoint: &Endpoint) -> Result<(), Error> {
    match &endpoint.auto_assign {
        Some(to) if !access::covers_somebody(directory, to) => refused(ErrorCode::AssigneeInactive, &endpoint.id),
        _ => check_auto_assign_access(directory, endpoint),
    }
}

fn check_auto_assign_access(directory: &Directory, endpoint: &Endpoint) -> Result<(), Error> {
    match &endpoint.auto_assign {
        Some(to) if !access::all_have_access(directory, to, endpoint) => {
            refused(ErrorCode::AutoAssignWithoutAccess, &endpoint.id)
        }
        _ => Ok(()),
    }
}

/// SPEC 6.6.
fn remove_endpoint<W: World>(world: &W, id: &EndpointId) -> Result<Effects, Error> {
    world.directory().endpoint(id)?;
    match world.endpoint_is_used(id) {
        true => refused(ErrorCode::EndpointInUse, id),
        false => Ok(directory_effect(DirectoryEffect::RemoveEndpoint(id.clone()))),
    }
}

// Contacts.

fn add_contact<W: World>(world: &W, contact: &Contact) -> Result<Effects, Error> {
    check_new(world.contact_members(&contact.id), &contact.id, "contact")?;
    let mut contact = contact.clone();
    world.directory().check_contact(&mut contact)?;
    Ok(smallvec![Effect::AddContact(contact)])
}

fn set_contact_members<W: World>(world: &W, id: &ContactId, members: &[Member]) -> Result<Effects, Error> {
    known_contact(world, id)?;
    world.directory().members(members)?;
    let mut members = members.to_vec();
    dedup(&mut members);
    Ok(smallvec![Effect::SetContactMembers(id.clone(), members)])
}

fn tag_contacts<W: World>(world: &W, ids: &[ContactId], add: &[Tag], remove: &[Tag]) -> Result<Effects, Error> {
    ids.iter().try_for_each(|id| known_contact(world, id))?;
    check_both(add, remove, "tag_contacts")?;
    Ok(smallvec![Effect::TagContacts { ids: distinct(ids).collect(), add: add.to_vec(), remove: remove.to_vec() }])
}

/// Both lists of tags are held to SPEC's notion of an empty tag.
fn check_both(add: &[Tag], remove: &[Tag], change: &str) -> Result<(), Error> {
    check_tags(add, &change)?;
    check_tags(remove, &change)
}

/// SPEC 6.6.
fn remove_contact<W: World>(world: &W, id: &ContactId) -> Result<Effects, Error> {
    known_contact(world, id)?;
    match world.contact_is_used(id) {
        true => refused(ErrorCode::ContactInUse, id),
        false => Ok(smallvec![Effect::RemoveContact(id.clone())]),
    }
}

// Conversations.

/// SPEC 6.1.
fn start_conversation<W: World>(world: &W, conversation: &Conversation) -> Result<Effects, Error> {
    let directory = world.directory();
    check_new(world.head(&conversation.id), &conversation.id, "conversation")?;
    let known = |id: &ContactId| world.contact_members(id).is_some();
    let mut conversation = conversation.clone();
    directory.check_conversation(&mut conversation, false, known)?;
    if conversation.archived || !conversation.read_by.is_empty() || !conversation.starred_by.is_empty() {
        return refused(ErrorCode::MustStartOpen, &conversation.id);
    }
    match &conversation.assignee {
        Some(assignee) => check_assignee(directory, assignee, Head::from(&conversation), &conversation.id)?,
        None => conversation.assignee = effective_auto_assign(directory, Head::from(&conversation)).cloned(),
    }
    Ok(smallvec![Effect::StartConversation(conversation)])
}

/// SPEC 6.3, without `grant_access`.
fn check_assignee(directory: &Directory, to: &Member, head: Head<'_>, id: &ConversationId) -> Result<(), Error> {
    if !access::covers_somebody(directory, to) {
        return refused(ErrorCode::AssigneeInactive, id);
    }
    match access::all_see(directory, to, head) {
        true => Ok(()),
        false => refused(ErrorCode::AssigneeCannotView, id),
    }
}

/// The `auto_assign` of the conversation's endpoint; it counts as nobody if it covers no active teammate, or one who
/// cannot see the conversation (SPEC 6.2).
fn effective_auto_assign<'w>(directory: &'w Directory, head: Head<'_>) -> Option<&'w Member> {
    let to = directory.endpoints.get(head.endpoint?)?.auto_assign.as_ref()?;
    access::can_be_assigned(directory, to, head).then_some(to)
}

/// SPEC 6.2: a message brings back a conversation that is archived, or assigned where no one looks; to whom.
pub(crate) fn returned_by_message(directory: &Directory, head: Head<'_>) -> Option<Option<Member>> {
    let unseen = head.assignee.is_some_and(|assignee| !access::some_see(directory, assignee, head));
    (head.archived || unseen).then(|| effective_auto_assign(directory, head).cloned())
}

/// SPEC 6.3.
fn assign<W: World>(world: &W, id: &ConversationId, to: Option<&Member>, grant_access: bool) -> Result<Effects, Error> {
    let directory = world.directory();
    let head = head(world, id)?;
    let Some(to) = to else {
        return Ok(smallvec![place(id, head.archived, None)]);
    };
    directory.recipient(to, id, "conversation")?;
    match check_assignee(directory, to, head, id) {
        Ok(()) => Ok(smallvec![place(id, head.archived, Some(to))]),
        Err(error) if grant_access && error.code() == ErrorCode::AssigneeCannotView => {
            Ok(smallvec![Effect::AddMember(id.clone(), to.clone()), place(id, head.archived, Some(to))])
        }
        Err(error) => Err(error),
    }
}

fn tag_conversations<W: World>(
    world: &W,
    ids: &[ConversationId],
    add: &[Tag],
    remove: &[Tag],
) -> Result<Effects, Error> {
    ids.iter().try_for_each(|id| head(world, id).map(drop))?;
    check_both(add, remove, "tag_conversations")?;
    let (add, remove): (Arc<[Tag]>, Arc<[Tag]>) = (add.into(), remove.into());
    Ok(distinct(ids).map(|id| Effect::TagConversation { id, add: add.clone(), remove: remove.clone() }).collect())
}

fn mark_read<W: World>(world: &W, id: &ConversationId, by: &TeammateId, read: bool) -> Result<Effects, Error> {
    check_conversation_and(world, id, |directory| directory.teammate(by).map(drop))?;
    Ok(smallvec![Effect::SetRead { id: id.clone(), by: by.clone(), read }])
}

fn star<W: World>(world: &W, id: &ConversationId, by: &TeammateId, starred: bool) -> Result<Effects, Error> {
    check_conversation_and(world, id, |directory| directory.teammate(by).map(drop))?;
    Ok(smallvec![Effect::SetStar { id: id.clone(), by: by.clone(), starred }])
}

// Filters.

fn put_filter<W: World>(world: &W, filter: &Filter) -> Result<Effects, Error> {
    let directory = world.directory();
    // Before the rule is cloned, which takes a stack as deep as the rule.
    if filter.rule.is_too_deep() {
        return refused(ErrorCode::RuleTooDeep, &filter.id);
    }
    let mut filter = filter.clone();
    directory.check_filter(&mut filter)?;
    let shares = directory.members(&filter.shared_with);
    let references = shares.and_then(|()| filter.rule.leaves().try_for_each(|leaf| check_references(world, leaf)));
    references.map_err(|error| error.named_in("filter", &filter.id))?;
    debug_assert!(filter.lists == Lists::Conversations || filter.rule.fits_contacts());
    Ok(directory_effect(DirectoryEffect::PutFilter(filter)))
}

/// Refuses a leaf that names something that does not exist.
fn check_references<W: World>(world: &W, leaf: &Rule) -> Result<(), Error> {
    let directory = world.directory();
    match leaf {
        Rule::Assignee(picks) => picks.iter().try_for_each(|pick| match pick {
            AssigneePick::Team(id) => directory.team(id).map(drop),
            AssigneePick::Teammate(id) => directory.teammate(id).map(drop),
            _ => Ok(()),
        }),
        Rule::Endpoints(Pick::Any(ids) | Pick::None(ids)) => {
            ids.iter().try_for_each(|id| directory.endpoint(id).map(drop))
        }
        Rule::Contacts(Pick::Any(ids) | Pick::None(ids)) => ids.iter().try_for_each(|id| known_contact(world, id)),
        _ => Ok(()),
    }
}

fn remove_filter(directory: &Directory, id: &FilterId) -> Result<Effects, Error> {
    match directory.filters.contains_key(id) {
        true => Ok(directory_effect(DirectoryEffect::RemoveFilter(id.clone()))),
        false => refused(ErrorCode::UnknownFilter, id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dataset, Facts, Organization, PhoneNumber};
    use crate::work::looks_of;

    /// A teammate with so many conversations and filters, and a team of a hundred to take them over.
    fn facts(count: usize) -> Facts {
        let id = |number: usize| format!("t{number}");
        let mut oak = Organization::new("oak", "Oak Street").teammate(Teammate::new("leaving", ""));
        oak = (0..100).fold(oak, |oak, number| oak.teammate(Teammate::new(id(number), "")));
        oak = oak.team(Team::new("heirs", "", (0..100).map(id)));
        oak = oak.team(Team::new("all", "", (0..100).map(id).chain(["leaving".to_owned()])));
        let mut dataset = Dataset::new(oak.endpoint(PhoneNumber::new("main").owned_by(Member::team("all"))));
        for number in 0..count {
            let mut conversation = Conversation::patient(format!("v{number}"), "main", 1);
            conversation.assignee = Some(Member::teammate("leaving"));
            dataset = dataset.conversation(conversation);
            dataset.filters.push(Filter::conversations(format!("f{number}"), "", "leaving", Rule::Unread));
        }
        Facts::load(dataset).unwrap()
    }

    /// SPEC 6.6. An admin may be the last of thousands.
    #[test]
    fn who_is_no_admin_may_be_renamed_or_leave_without_a_look_at_the_others() {
        let facts = facts(0);
        let rename = Change::UpdateTeammate(TeammateUpdate::new("t7").name("Another"));
        let demote = Change::UpdateTeammate(TeammateUpdate::new("t7").admin(false));
        let leave = Change::RemoveTeammate { id: "t7".into(), transfer_to: Member::teammate("t8") };
        for change in [rename, demote, leave] {
            assert_eq!(looks_of(|| plan(&facts, &change).unwrap()), 0, "{change:?}");
        }
    }

    /// SPEC 6.5.
    #[test]
    fn who_takes_over_is_asked_once_for_conversations_alike_and_filters_end_at_once() {
        let leave = Change::RemoveTeammate { id: "leaving".into(), transfer_to: Member::team("heirs") };
        let [few, many] = [10, 1_000].map(|count| {
            let facts = facts(count);
            let looks = looks_of(|| plan(&facts, &leave).unwrap());
            (looks, plan(&facts, &leave).unwrap().len() - count)
        });
        assert_eq!(few, many);
        let mut facts = facts(3);
        facts.apply(&leave).unwrap();
        assert_eq!(facts.filters().len(), 0);
        assert!(facts.conversations().all(|one| one.assignee == Some(Member::team("heirs"))));
    }
}
