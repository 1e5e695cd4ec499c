//! What the kit stores: small organizations in which nothing is in the order of its id, and changes of every kind.

use crate::engine::{Engine, Revision};
use crate::error::Error;
use crate::model::{
    ArchiveScope, AssigneePick, Change, Contact, ContactCategory, ContactUpdate, Conversation, Dataset, EmailAddress,
    FaxNumber, Filter, Invitation, Member, Organization, PhoneNumber, Pick, Rule, SpruceLink, TagSet, Team, Teammate,
    TeammateUpdate,
};

/// An organization with something of everything, at revision 0.
pub(super) fn world(id: &str) -> Result<Engine, Error> {
    Engine::new(dataset(id))
}

fn dataset(id: &str) -> Dataset {
    Dataset::new(organization(id))
        .contact(Contact::new("zoe").named("").tag("vip").tag("allergy").members([]))
        .contact(
            Contact::new("abe")
                .named("O'Neil \"Abe\" \\ 阿部 👩‍⚕️")
                .category(ContactCategory::Professional)
                .invitation(Invitation::HasAccount)
                .members([
                    Member::teammate("zed"),
                    Member::Organization,
                    Member::team("desk"),
                    Member::teammate("ana"),
                ]),
        )
        .contact(Contact::new("Abe").category(ContactCategory::Unsaved).invitation(Invitation::Invited))
        .contact(Contact::new("lab").category(ContactCategory::Clinic))
        .conversation(
            Conversation::patient("visit", "main", 20)
                .contact("zoe")
                .contact("abe")
                .member(Member::teammate("zed"))
                .member(Member::Organization)
                .member(Member::team("desk"))
                .member(Member::teammate("ana"))
                .assigned_to(Member::team("desk"))
                .tag("urgent")
                .tag("billing")
                .tag("Urgent")
                .read_by("zed")
                .read_by("ana")
                .starred_by("kim")
                .starred_by("ana"),
        )
        .conversation(Conversation::patient("Visit", "fax", i64::MAX).archived().contact("lab"))
        .conversation(Conversation::patient("alone", "mail", i64::MIN).assigned_to(Member::teammate("ana")))
        .conversation(Conversation::team("chat", 20).member(Member::team("night")).read_by("ana"))
        .conversation(Conversation::note("note", -1).member(Member::teammate("ana")).starred_by("ana"))
        .filter(
            Filter::conversations("urgent", "Urgent", "zed", Rule::all([Rule::Unread, Rule::not(Rule::Starred)]))
                .shared_with(Member::team("desk"))
                .shared_with(Member::Organization)
                .archived(ArchiveScope::Include),
        )
        .filter(Filter::contacts("calls", "", "ana", Rule::ContactTags(TagSet::Any(vec!["vip".into()]))))
        .filter(
            Filter::conversations(
                "gone",
                "Names what is gone",
                "ana",
                Rule::any([
                    Rule::Endpoints(Pick::None(vec!["gone".into()])),
                    Rule::Assignee(vec![AssigneePick::Nobody, AssigneePick::Team("gone".into())]),
                    Rule::ActiveSince(i64::MIN.into()),
                ]),
            )
            .shared_with(Member::team("gone"))
            .shared_with(Member::team(""))
            .shared_with(Member::teammate(""))
            .archived(ArchiveScope::Only),
        )
}

fn organization(id: &str) -> Organization {
    Organization::new(id, "Oak Street 'Clinic'")
        .with_contact_membership()
        .teammate(Teammate::new("zed", "Zed").admin())
        .teammate(Teammate::new("ana", "Ána 🙂").admin())
        .teammate(Teammate::new("kim", "").suspended())
        .teammate(Teammate::new("ben", "Ben"))
        .team(Team::new("night", "Night", ["kim", "zed", "ana"]))
        .team(Team::new("desk", "Desk", ["zed", "ana"]))
        .team(Team::new("empty", "Empty", [] as [&str; 0]))
        .endpoint(
            PhoneNumber::new("main")
                .value("+1 555 0100")
                .label("Main")
                .owned_by(Member::team("desk"))
                .shared_with(Member::teammate("kim"))
                .shared_with(Member::Organization)
                .shared_with(Member::teammate("ana"))
                .auto_assign_to(Member::team("desk")),
        )
        .endpoint(SpruceLink::new("link").value(""))
        .endpoint(FaxNumber::new("fax").owned_by(Member::teammate("zed")))
        .endpoint(EmailAddress::new("mail").auto_assign_to(Member::teammate("ana")))
}

/// Changes of every kind, in lists that take effect together; each list is valid after those before it.
pub(super) fn script() -> Vec<Vec<Change>> {
    let mut lists = people();
    lists.extend(contacts());
    lists.extend(conversations());
    lists.extend(departures());
    lists
}

fn people() -> Vec<Vec<Change>> {
    let ada = Filter::conversations("ada", "Ada's", "ada", Rule::Unread);
    vec![
        vec![Change::SetContactMembership(false)],
        vec![Change::AddTeammate(Teammate::new("ada", "Ada")), Change::AddTeammate(Teammate::new("Ada", "Ada too"))],
        vec![Change::UpdateTeammate(TeammateUpdate::new("ada").name("Ada B.").admin(true).suspended(false))],
        vec![Change::AddTeam(Team::new("backup", "Backup", ["ada", "zed"]))],
        vec![Change::SetTeam { id: "desk".into(), teammates: vec!["ben".into(), "ana".into(), "zed".into()] }],
        vec![Change::AddEndpoint(PhoneNumber::new("alt").owned_by(Member::teammate("ada")).into())],
        vec![Change::SetEndpointAccess {
            id: "alt".into(),
            owner: Member::team("backup"),
            additional_members: vec![Member::teammate("zed"), Member::teammate("ada"), Member::Organization],
        }],
        vec![Change::SetAutoAssign { id: "alt".into(), to: Some(Member::teammate("ada")) }],
        vec![Change::SetAutoAssign { id: "mail".into(), to: None }],
        vec![Change::AddEndpoint(FaxNumber::new("short-lived").into())],
        vec![Change::RemoveEndpoint { id: "short-lived".into() }],
        vec![Change::PutFilter(ada.clone().shared_with(Member::teammate("ben")))],
        vec![Change::PutFilter(
            Filter::conversations("calls", "Other", "ben", Rule::Starred).archived(ArchiveScope::Only),
        )],
        // Gone and back in one list: it comes last now.
        vec![Change::RemoveFilter { id: "urgent".into() }, Change::PutFilter(Filter { id: "urgent".into(), ..ada })],
    ]
}

fn contacts() -> Vec<Vec<Change>> {
    let tag_both = |add: &[&str], remove: &[&str]| Change::TagContacts {
        ids: vec!["zoe".into(), "abe".into()],
        add: add.iter().map(|tag| (*tag).into()).collect(),
        remove: remove.iter().map(|tag| (*tag).into()).collect(),
    };
    vec![
        vec![Change::AddContact(Contact::new("eve").named("Eve").tag("b").tag("a"))],
        vec![Change::UpdateContact(ContactUpdate::new("zoe").name(None).category(ContactCategory::Clinic))],
        vec![Change::UpdateContact(ContactUpdate::new("eve").name(Some("".into())).invitation(Invitation::Invited))],
        vec![Change::SetContactMembers {
            id: "eve".into(),
            members: vec![Member::team("backup"), Member::Organization],
        }],
        vec![tag_both(&["x", "new", "allergy"], &["vip", "x"])],
        vec![Change::AddContact(Contact::new("brief")), Change::RemoveContact { id: "brief".into() }],
        vec![Change::RemoveContact { id: "Abe".into() }],
    ]
}

fn conversations() -> Vec<Vec<Change>> {
    let id = || "visit".into();
    vec![
        vec![Change::StartConversation(Conversation::patient("new", "alt", 30).contact("eve").tag("first"))],
        vec![Change::receive_message("new", 25), Change::receive_message("Visit", 40)],
        vec![Change::assign("visit", Member::teammate("ben"))],
        vec![Change::assign_with_access("note", Member::teammate("ben"))],
        vec![Change::unassign("visit")],
        vec![Change::archive("visit")],
        vec![Change::unarchive("visit")],
        vec![Change::TagConversations {
            ids: vec![id(), "new".into()],
            add: vec!["later".into(), "billing".into()],
            remove: vec!["urgent".into()],
        }],
        vec![Change::AddConversationMember { id: "chat".into(), member: Member::teammate("ada") }],
        vec![Change::RemoveConversationMember { id: id(), member: Member::Organization }],
        vec![Change::mark_read("visit", "ben"), Change::mark_read("visit", "ben")],
        vec![Change::MarkUnread { id: id(), by: "zed".into() }],
        vec![Change::star("visit", "ben")],
        vec![Change::Unstar { id: id(), by: "ana".into() }],
        vec![Change::RemoveConversation { id: "alone".into() }],
    ]
}

fn departures() -> Vec<Vec<Change>> {
    vec![
        vec![
            Change::assign("new", Member::teammate("ada")),
            Change::star("new", "ada"),
            Change::mark_read("new", "ada"),
        ],
        vec![Change::RemoveTeammate { id: "ada".into(), transfer_to: Member::teammate("ben") }],
        vec![Change::RemoveTeam { id: "night".into() }],
        vec![Change::RemoveTeam { id: "empty".into() }, Change::AddTeam(Team::new("empty", "Again", ["ben"]))],
        vec![Change::AddTeammate(Teammate::new("ada", "Ada again"))],
    ]
}

/// Revision `number`.
pub(super) fn at(number: u64) -> Revision {
    Revision::new(number)
}
