//! The public surface: what threads may share, what texts may say, what is refused whoever asks.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::time::{Duration, SystemTime};

use serde_json::json;
use visibly::store::{AppendError, CreateError, Entry, LoadError, ReplayError, ReplicaError, ReplicaId, SubmissionId};
use visibly::{
    AccessEffect, ArchiveScope, Change, Contact, ContactCategory, ContactId, ContactList, ContactRow, ContactUpdate,
    Conversation, ConversationAction, ConversationId, ConversationKind, ConversationRow, Cursor, CursorKey, Dataset,
    Decision, Denial, EmailAddress, Endpoint, EndpointKind, Engine, EngineBuilder, Error, ErrorCode, Facts, FaxNumber,
    Filter, FilterId, FindingKind, Grant, Inbox, Invitation, KeptOut, MAX_RULE_DEPTH, Member, Organization, Page,
    PageRequest, PhoneNumber, Pick, Resource, Revision, Rule, SpruceLink, Subject, Tag, TagSet, Team, TeamId, Teammate,
    TeammateId, TeammateUpdate, Text, Timestamp, Viewer, policy,
};

use crate::answers::assert_same_answers;

const fn is_shared_between_threads<T: Send + Sync>() {}

#[test]
fn what_is_asked_and_answered_can_be_shared_between_threads() {
    is_shared_between_threads::<Engine>();
    is_shared_between_threads::<EngineBuilder>();
    is_shared_between_threads::<Viewer<'static>>();
    is_shared_between_threads::<Facts>();
    is_shared_between_threads::<Dataset>();
    is_shared_between_threads::<Page<ConversationRow<'static>>>();
    is_shared_between_threads::<Page<ContactRow<'static>>>();
    is_shared_between_threads::<Change>();
    is_shared_between_threads::<Inbox>();
    is_shared_between_threads::<ContactList>();
    is_shared_between_threads::<Error>();
    is_shared_between_threads::<Cursor>();
}

/// Whoever runs several statements for one viewer in async code keeps it while they wait.
#[cfg(feature = "sql")]
#[test]
fn what_writes_sql_can_be_shared_between_threads() {
    is_shared_between_threads::<visibly::sql::Sql>();
    is_shared_between_threads::<visibly::sql::Questions<'static>>();
    is_shared_between_threads::<visibly::sql::Statement>();
    is_shared_between_threads::<visibly::sql::QuestionError>();
}

#[test]
fn readers_on_other_threads_keep_their_snapshot_while_a_writer_goes_on() {
    let mut engine = clinic();
    let snapshot = engine.clone();
    let readers = std::thread::scope(|scope| {
        let counts: Vec<_> = (0..2).map(|_| scope.spawn(|| total(&snapshot, "ana", &Inbox::Everything))).collect();
        for number in 0..50 {
            let note = Conversation::note(format!("n{number}"), number).member(Member::Organization);
            engine.apply(&Change::StartConversation(note)).unwrap();
        }
        counts.into_iter().map(|count| count.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(readers, [3, 3]);
    assert_eq!(total(&engine, "ana", &Inbox::Everything), 53);
}

fn total(engine: &Engine, viewer: &str, inbox: &Inbox) -> usize {
    engine.viewer(&viewer.into()).unwrap().badge(inbox).unwrap().total
}

fn clinic() -> Engine {
    let organization = Organization::new("oak", "Oak Street")
        .teammate(Teammate::new("ana", "Ana").admin())
        .teammate(Teammate::new("ben", "Ben"))
        .teammate(Teammate::new("cyd", "Cyd").suspended())
        .team(Team::new("desk", "Front desk", ["ana", "ben"]))
        .team(Team::new("back", "Back office", ["ana"]))
        .endpoint(PhoneNumber::new("main").owned_by(Member::team("desk")))
        .endpoint(SpruceLink::new("link").owned_by(Member::teammate("ana")));
    let dataset = Dataset::new(organization)
        .contact(Contact::new("p1").named("Ann"))
        .conversation(Conversation::patient("v1", "main", 10).contact("p1"))
        .conversation(Conversation::patient("v2", "link", 20))
        .conversation(Conversation::team("v3", 30).member(Member::team("desk")))
        .filter(Filter::conversations("f1", "Mine", "ana", Rule::Unread))
        .filter(Filter::contacts("f2", "Theirs", "ana", Rule::all([])));
    Engine::new(dataset).unwrap()
}

#[test]
fn a_short_id_or_tag_holds_its_text_and_clones_of_a_long_one_share_it() {
    fn shares_text<T: Clone + AsRef<str>>(one: T) -> bool {
        std::ptr::eq(one.as_ref(), one.clone().as_ref())
    }
    fn holds_text<T: AsRef<str>>(one: T) -> bool {
        let start = std::ptr::from_ref(&one).addr();
        (start..start + size_of::<T>()).contains(&one.as_ref().as_ptr().addr())
    }
    let (short, long) = ("x".repeat(23), "x".repeat(24));
    assert!(holds_text(TeammateId::from("ana")) && holds_text(TeamId::from(short.as_str())));
    assert!(holds_text(ConversationId::from(short.as_str())) && holds_text(Tag::from("vip")));
    assert!(shares_text(ConversationId::from(long.as_str())) && shares_text(FilterId::from(long.as_str())));
    assert!(shares_text(Tag::from(long)));
    assert_eq!(size_of::<ConversationId>(), 24);
    assert_eq!(size_of::<Option<ConversationId>>(), 24);
}

#[test]
fn ids_compare_by_code_point() {
    let mut ids: Vec<ConversationId> = ["é", "v10", "v2", "V", "~", "😀", "\u{ffff}"].map(Into::into).into();
    ids.sort();
    let sorted: Vec<&str> = ids.iter().map(ConversationId::as_str).collect();
    assert_eq!(sorted, ["V", "v10", "v2", "~", "é", "\u{ffff}", "😀"]);
    assert_eq!("v1".parse::<ConversationId>(), Ok(ConversationId::from(String::from("v1"))));
    assert_eq!(ConversationId::from("v1").to_string(), "v1");
}

#[test]
fn builders_say_what_json_says() {
    let built = Organization::new("oak", "Oak")
        .with_contact_membership()
        .teammate(Teammate::new("ana", "Ana").admin().suspended())
        .team(Team::new("desk", "Desk", ["ana"]))
        .endpoint(PhoneNumber::new("e1").value("555").label("Main").shared_with(TeamId::from("desk")))
        .endpoint(FaxNumber::new("e2").owned_by(TeammateId::from("ana")))
        .endpoint(EmailAddress::new("e3").auto_assign_to(Member::team("desk")))
        .endpoint(SpruceLink::new("e4"));
    let built = Dataset::new(built)
        .contact(
            Contact::new("p1")
                .named("Ann")
                .category(ContactCategory::Clinic)
                .invitation(Invitation::Invited)
                .members([])
                .tag("vip"),
        )
        .conversation(
            Conversation::patient("v1", "e1", 5)
                .contact("p1")
                .member(Member::Organization)
                .assigned_to(Member::teammate("ana"))
                .archived()
                .tag("vip")
                .read_by("ana")
                .starred_by("ana"),
        )
        .filter(
            Filter::contacts("f1", "F", "ana", Rule::not(Rule::ContactTags(TagSet::none(["vip"]))))
                .shared_with(Member::Organization)
                .archived(ArchiveScope::Only),
        );
    let spelled = json!({
        "organization": {
            "id": "oak", "name": "Oak", "contact_membership": true,
            "teammates": [{"id": "ana", "name": "Ana", "admin": true, "suspended": true}],
            "teams": [{"id": "desk", "name": "Desk", "teammates": ["ana"]}],
            "endpoints": [
                {"id": "e1", "kind": "phone_number", "value": "555", "label": "Main",
                 "additional_members": [{"team": "desk"}]},
                {"id": "e2", "kind": "fax_number", "owner": {"teammate": "ana"}},
                {"id": "e3", "kind": "email_address", "auto_assign": {"team": "desk"}},
                {"id": "e4", "kind": "spruce_link"},
            ],
        },
        "contacts": [{"id": "p1", "name": "Ann", "category": "clinic", "invitation": "invited", "members": [],
                      "tags": ["vip"]}],
        "conversations": [{
            "id": "v1", "kind": "patient", "endpoint": "e1", "contacts": ["p1"], "members": ["organization"],
            "assignee": {"teammate": "ana"}, "archived": true, "tags": ["vip"], "last_activity": 5,
            "read_by": ["ana"], "starred_by": ["ana"],
        }],
        "filters": [{"id": "f1", "name": "F", "owner": "ana", "shared_with": ["organization"], "lists": "contacts",
                     "archived": "only", "rule": {"not": {"contact_tags": {"none": ["vip"]}}}}],
    });
    assert_eq!(built, serde_json::from_value(spelled).unwrap());
    assert!(Engine::new(built).is_ok());
}

#[test]
fn what_a_builder_leaves_out_is_what_json_leaves_out() {
    let built = Dataset::new(Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana")))
        .contact(Contact::new("p1"))
        .conversation(Conversation::note("n1", 5))
        .filter(Filter::conversations("f1", "F", "ana", Rule::Unread));
    let spelled = json!({
        "organization": {"id": "oak", "name": "Oak", "teammates": [{"id": "ana", "name": "Ana"}]},
        "contacts": [{"id": "p1"}],
        "conversations": [{"id": "n1", "kind": "note", "last_activity": 5}],
        "filters": [{"id": "f1", "name": "F", "owner": "ana", "lists": "conversations", "rule": "unread"}],
    });
    assert_eq!(built, serde_json::from_value(spelled).unwrap());
}

#[test]
fn assigning_lets_in_where_it_says_so_and_nowhere_else() {
    let desk = json!({"team": "desk"});
    let changes = [
        (Change::assign("v1", Member::team("desk")), json!({"id": "v1", "to": &desk})),
        (
            Change::assign_with_access("v1", Member::team("desk")),
            json!({"id": "v1", "to": &desk, "grant_access": true}),
        ),
        (Change::unassign("v1"), json!({"id": "v1", "to": null})),
    ];
    for (change, spelled) in changes {
        assert_eq!(change, serde_json::from_value(json!({"assign": spelled})).unwrap());
    }
}

#[test]
fn an_update_alters_what_it_gives_and_nothing_else() {
    let ben = TeammateUpdate::new("ben");
    let steps = [
        (ben.clone(), ("Ben", false, false)),
        (ben.clone().name("Benjamin"), ("Benjamin", false, false)),
        (ben.clone().admin(true), ("Benjamin", true, false)),
        (ben.clone().suspended(true), ("Benjamin", true, true)),
        (ben.admin(false).suspended(false), ("Benjamin", false, false)),
    ];
    let mut engine = clinic();
    for (update, (name, admin, suspended)) in steps {
        engine.apply(&Change::UpdateTeammate(update)).unwrap();
        let ben = engine.teammate(&"ben".into()).unwrap();
        assert_eq!((ben.name.as_str(), ben.admin, ben.suspended), (name, admin, suspended));
    }
    let ann = ContactUpdate::new("p1");
    let (patient, clinic) = (ContactCategory::Patient, ContactCategory::Clinic);
    let steps = [
        (ann.clone(), (Some("Ann"), patient, Invitation::NotInvited)),
        (ann.clone().category(clinic), (Some("Ann"), clinic, Invitation::NotInvited)),
        (ann.clone().invitation(Invitation::Invited), (Some("Ann"), clinic, Invitation::Invited)),
        (ann.clone().name(None), (None, clinic, Invitation::Invited)),
        (ann.name(Some("Anna".into())), (Some("Anna"), clinic, Invitation::Invited)),
    ];
    for (update, expected) in steps {
        engine.apply(&Change::UpdateContact(update)).unwrap();
        let ann = engine.contact(&"p1".into()).unwrap();
        assert_eq!((ann.name.as_ref().map(Text::as_str), ann.category, ann.invitation), expected);
    }
}

/// SPEC 5.6, 7.1.
#[test]
fn a_filter_is_decided_with_its_owner_first_then_every_share_that_covers_the_viewer() {
    let organization = Organization::new("oak", "Oak Street")
        .teammate(Teammate::new("ana", "Ana").admin())
        .teammate(Teammate::new("ben", "Ben"))
        .teammate(Teammate::new("cyd", "Cyd").suspended())
        .teammate(Teammate::new("dee", "Dee"))
        .team(Team::new("desk", "Desk", ["ben", "cyd"]));
    let [own, left] = [("own", "ben"), ("left", "cyd")]
        .map(|(id, owner)| Filter::conversations(id, "F", owner, Rule::Unread).shared_with(Member::team("desk")));
    let own = own.shared_with(Member::teammate("dee")).shared_with(Member::teammate("ben"));
    let alone = Filter::contacts("alone", "F", "dee", Rule::all([]));
    let facts = Facts::load(Dataset::new(organization).filter(own).filter(left).filter(alone)).unwrap();
    let engine = Engine::new(facts.to_dataset()).unwrap();
    let [desk, ben, dee] =
        [Member::team("desk"), Member::teammate("ben"), Member::teammate("dee")].map(Grant::FilterShare);
    let decisions = [
        ("own", "ben", Decision::Allowed(vec![Grant::FilterOwner, desk.clone(), ben])),
        ("own", "dee", Decision::Allowed(vec![dee])),
        ("own", "ana", Decision::Denied(Denial::NotAMember)),
        ("own", "cyd", Decision::Denied(Denial::Suspended)),
        ("left", "ben", Decision::Allowed(vec![desk])),
        ("left", "cyd", Decision::Denied(Denial::Suspended)),
        ("gone", "ana", Decision::Denied(Denial::UnknownResource)),
    ];
    for (filter, viewer, expected) in decisions {
        let (filter, viewer) = (FilterId::from(filter), TeammateId::from(viewer));
        assert_eq!(engine.decide(&viewer, &filter), expected, "{filter} for {viewer}");
        assert_eq!(policy::decide(&facts, &viewer, &filter), expected);
    }
    for (filter, users) in [("own", &["ben", "dee"][..]), ("left", &["ben"]), ("alone", &["dee"])] {
        let filter = FilterId::from(filter);
        assert_eq!(engine.audience(&filter).unwrap(), users);
        assert_eq!(policy::audience(&facts, &filter).unwrap(), users);
    }
}

#[test]
fn a_grant_names_the_member_that_covers_the_viewer() {
    let desk = Member::team("desk");
    let by_member = [
        Grant::EndpointOwner,
        Grant::EndpointMember,
        Grant::ConversationMember,
        Grant::ContactMember,
        Grant::FilterShare,
    ];
    for grant in by_member {
        assert_eq!(grant(desk.clone()).member(), Some(&desk));
    }
    for grant in [Grant::MembershipOff, Grant::Admin, Grant::FilterOwner] {
        assert_eq!(grant.member(), None);
    }
}

#[test]
fn an_error_names_its_code_and_the_id_at_fault() {
    let mut engine = clinic();
    let unknown = engine.apply(&Change::archive("v9")).unwrap_err();
    assert_eq!((unknown.code(), unknown.id(), unknown.position()), (ErrorCode::UnknownConversation, "v9", None));
    assert_eq!(unknown.to_string(), "unknown conversation `v9`");
    assert_eq!(format!("{unknown:?}"), "Error(unknown_conversation: unknown conversation `v9`)");

    let second = engine.apply_all(&[Change::archive("v1"), Change::assign("v1", Member::Organization)]).unwrap_err();
    assert_eq!((second.code(), second.position()), (ErrorCode::InvalidAssignee, Some(1)));
    assert_eq!(
        second.to_string(),
        "change 1: the organization cannot be assigned to or take over, in conversation `v1`"
    );
    assert_eq!(engine.revision(), Revision::new(0));

    let inactive = engine.apply(&Change::assign("v1", Member::teammate("cyd"))).unwrap_err();
    assert_eq!(inactive.to_string(), "the recipient covers no active teammate, in `v1`");
    let blind = engine.apply(&Change::assign("v2", Member::teammate("ben"))).unwrap_err();
    assert_eq!(blind.to_string(), "not everyone assigned to could see conversation `v2`");
    let last = engine.apply(&Change::UpdateTeammate(TeammateUpdate::new("ana").admin(false))).unwrap_err();
    assert_eq!(last.to_string(), "the last active admin is `ana`");
    let suspended = engine.viewer(&"cyd".into()).unwrap_err();
    assert_eq!(suspended.to_string(), "the viewer is suspended `cyd`");
    let is_error: &dyn std::error::Error = &suspended;
    assert!(is_error.source().is_none());
}

#[test]
fn every_refused_change_names_the_id_at_fault() {
    let [ana, ben, cyd, zoe] = ["ana", "ben", "cyd", "zoe"].map(Member::teammate);
    let leave =
        |id: &str, transfer_to: &Member| Change::RemoveTeammate { id: id.into(), transfer_to: transfer_to.clone() };
    let set_desk = |id: &str, last: &str| Change::SetTeam { id: id.into(), teammates: vec!["ana".into(), last.into()] };
    let add_line = |to: &Member| {
        let line = PhoneNumber::new("new").owned_by(ana.clone()).auto_assign_to(to.clone());
        Change::AddEndpoint(line.into())
    };
    let assign_from = |id: &str, to: &Member| Change::SetAutoAssign { id: id.into(), to: Some(to.clone()) };
    let tag_contacts = |last: &str, tag: &str| Change::TagContacts {
        ids: vec!["p1".into(), last.into()],
        add: vec![tag.into()],
        remove: Vec::new(),
    };
    let tag_conversations = |last: &str, tag: &str| Change::TagConversations {
        ids: vec!["v1".into(), last.into()],
        add: Vec::new(),
        remove: vec![tag.into()],
    };
    let note = || Conversation::note("v9", 0).member(ana.clone());
    let naming = |rule| Change::PutFilter(Filter::conversations("f9", "F", "ana", rule));
    let refused = [
        (Change::AddTeammate(Teammate::new("ben", "Ben")), "duplicate_id", "ben"),
        (Change::UpdateTeammate(TeammateUpdate::new("zoe")), "unknown_teammate", "zoe"),
        (Change::UpdateTeammate(TeammateUpdate::new("ana").suspended(true)), "last_admin", "ana"),
        (leave("zoe", &ana), "unknown_teammate", "zoe"),
        (leave("ben", &zoe), "unknown_teammate", "zoe"),
        (leave("ben", &ben), "transfer_to_self", "ben"),
        (leave("ben", &Member::Organization), "invalid_assignee", "ben"),
        (leave("ana", &ben), "last_admin", "ana"),
        (Change::AddTeam(Team::new("desk", "Desk", ["ana"])), "duplicate_id", "desk"),
        (set_desk("zzz", "ben"), "unknown_team", "zzz"),
        (set_desk("desk", "zoe"), "unknown_teammate", "zoe"),
        (Change::RemoveTeam { id: "desk".into() }, "team_in_use", "desk"),
        (Change::RemoveTeam { id: "zzz".into() }, "unknown_team", "zzz"),
        (add_line(&cyd), "assignee_inactive", "new"),
        (add_line(&ben), "auto_assign_without_access", "new"),
        (assign_from("link", &ben), "auto_assign_without_access", "link"),
        (assign_from("main", &cyd), "assignee_inactive", "main"),
        (assign_from("main", &Member::Organization), "invalid_assignee", "main"),
        (assign_from("zzz", &ana), "unknown_endpoint", "zzz"),
        (Change::RemoveEndpoint { id: "main".into() }, "endpoint_in_use", "main"),
        (Change::AddContact(Contact::new("p1")), "duplicate_id", "p1"),
        (Change::UpdateContact(ContactUpdate::new("p9")), "unknown_contact", "p9"),
        (Change::SetContactMembers { id: "p1".into(), members: vec![zoe.clone()] }, "unknown_teammate", "zoe"),
        (tag_contacts("p9", "vip"), "unknown_contact", "p9"),
        (tag_contacts("p1", " "), "empty_tag", "tag_contacts"),
        (Change::RemoveContact { id: "p1".into() }, "contact_in_use", "p1"),
        (Change::StartConversation(Conversation::note("v1", 0)), "duplicate_id", "v1"),
        (Change::StartConversation(note().archived()), "must_start_open", "v9"),
        (Change::StartConversation(note().assigned_to(cyd.clone())), "assignee_inactive", "v9"),
        (Change::StartConversation(note().assigned_to(ben.clone())), "assignee_cannot_view", "v9"),
        (Change::receive_message("v9", 0), "unknown_conversation", "v9"),
        (Change::assign("v9", ana.clone()), "unknown_conversation", "v9"),
        (Change::assign("v1", zoe.clone()), "unknown_teammate", "zoe"),
        (Change::assign_with_access("v1", cyd.clone()), "assignee_inactive", "v1"),
        (tag_conversations("v9", "vip"), "unknown_conversation", "v9"),
        (tag_conversations("v1", ""), "empty_tag", "tag_conversations"),
        (Change::add_conversation_member("v1", zoe.clone()), "unknown_teammate", "zoe"),
        (Change::remove_conversation_member("v9", ana.clone()), "unknown_conversation", "v9"),
        (Change::mark_read("v1", "zoe"), "unknown_teammate", "zoe"),
        (Change::star("v1", "zoe"), "unknown_teammate", "zoe"),
        (Change::RemoveConversation { id: "v9".into() }, "unknown_conversation", "v9"),
        (naming(Rule::Contacts(Pick::none(["p1", "p9"]))), "unknown_contact", "p9"),
        (naming(Rule::Endpoints(Pick::any(["main", "zzz"]))), "unknown_endpoint", "zzz"),
        (Change::PutFilter(Filter::contacts("f9", "F", "ana", Rule::Unread)), "wrong_list", "f9"),
        (Change::RemoveFilter { id: "f9".into() }, "unknown_filter", "f9"),
    ];
    for (change, code, id) in refused {
        let error = clinic().apply(&change).unwrap_err();
        assert_eq!((error.code().as_str(), error.id()), (code, id), "{change:?}");
    }
}

#[test]
fn an_error_says_what_names_the_id_that_is_unknown() {
    let facts = clinic().to_dataset();
    let organization = |change: fn(Organization) -> Organization| {
        let mut dataset = facts.clone();
        dataset.organization = change(dataset.organization);
        dataset
    };
    let zoe = || Member::teammate("zoe");
    let note = || Conversation::note("v9", 0);
    let faults = [
        (organization(|oak| oak.team(Team::new("t\n", "", ["zoe"]))), r"team `t\n`"),
        (organization(|oak| oak.endpoint(PhoneNumber::new("e").owned_by(Member::teammate("zoe")))), "endpoint `e`"),
        (organization(|oak| oak.endpoint(PhoneNumber::new("e").shared_with(Member::team("zoe")))), "endpoint `e`"),
        (organization(|oak| oak.endpoint(PhoneNumber::new("e").auto_assign_to(Member::team("zoe")))), "endpoint `e`"),
        (facts.clone().contact(Contact::new("p9").members([zoe()])), "contact `p9`"),
        (facts.clone().conversation(Conversation::patient("v9", "zoe", 0)), "conversation `v9`"),
        (facts.clone().conversation(note().contact("zoe")), "conversation `v9`"),
        (facts.clone().conversation(note().member(zoe())), "conversation `v9`"),
        (facts.clone().conversation(note().assigned_to(zoe())), "conversation `v9`"),
        (facts.clone().conversation(note().read_by("zoe")), "conversation `v9`"),
        (facts.clone().conversation(note().starred_by("zoe")), "conversation `v9`"),
        (facts.clone().filter(Filter::conversations("f9", "", "zoe", Rule::Unread)), "filter `f9`"),
    ];
    for (dataset, holder) in faults {
        let error = Engine::new(dataset.clone()).unwrap_err();
        assert_eq!((error.id(), error.holder()), ("zoe", Some(holder)));
        assert_eq!(Facts::load(dataset).unwrap_err(), error);
        assert!(error.to_string().ends_with(&format!(" `zoe`, named in {holder}")), "{error}");
    }
    let filter = Filter::conversations("f9", "", "ana", Rule::Endpoints(Pick::any(["zoe"])));
    let shared = Filter::conversations("f9", "", "ana", Rule::Unread).shared_with(zoe());
    for filter in [filter, shared] {
        assert_eq!(clinic().apply(&Change::PutFilter(filter)).unwrap_err().holder(), Some("filter `f9`"));
    }
    // What a change itself names needs no more than its position.
    assert_eq!(clinic().apply(&Change::assign("v1", zoe())).unwrap_err().holder(), None);
    let twice = facts.clone().contact(Contact::new("p1"));
    assert_eq!(Engine::new(twice).unwrap_err().holder(), None);
}

#[test]
fn whoever_may_not_open_a_list_is_told_so() {
    let engine = clinic();
    let ben = engine.viewer(&"ben".into()).unwrap();
    let refused = [
        (Inbox::assigned_to_team("back"), ErrorCode::NotInTeam, "back"),
        (Inbox::assigned_to_team("zzz"), ErrorCode::UnknownTeam, "zzz"),
        (Inbox::saved("f1"), ErrorCode::UnknownFilter, "f1"),
        (Inbox::saved("f2"), ErrorCode::UnknownFilter, "f2"),
        (Inbox::saved("f9"), ErrorCode::UnknownFilter, "f9"),
    ];
    for (inbox, code, id) in refused {
        let error = ben.filter_inbox(&inbox, &PageRequest::all()).unwrap_err();
        assert_eq!((error.code(), error.id()), (code, id));
        assert_eq!(ben.badge(&inbox).unwrap_err(), error);
        assert_eq!(ben.badges([&Inbox::All, &inbox]).unwrap_err(), error);
        assert_eq!(ben.keeps_out(&"v1".into(), &inbox).unwrap_err(), error);
        assert_eq!(ben.keeps_out(&"unknown".into(), &inbox).unwrap_err(), error);
    }
    let ana = engine.viewer(&"ana".into()).unwrap();
    assert_eq!(ana.badge(&Inbox::saved("f2")).unwrap_err().code(), ErrorCode::WrongList);
    assert_eq!(contacts_error(&ana, &ContactList::saved("f1")), ErrorCode::WrongList);
    assert_eq!(contacts_error(&ben, &ContactList::saved("f2")), ErrorCode::UnknownFilter);
    assert_eq!(contacts_error(&ana, &ContactList::Rule(Rule::not(Rule::Starred))), ErrorCode::WrongList);
}

fn contacts_error(viewer: &Viewer<'_>, list: &ContactList) -> ErrorCode {
    viewer.contacts(list, &PageRequest::all()).map(|page| page.rows.len()).unwrap_err().code()
}

#[test]
fn a_page_of_nothing_is_refused_and_one_without_end_gives_the_whole_list() {
    let engine = clinic();
    let ana = engine.viewer(&"ana".into()).unwrap();
    let none = PageRequest::first(0);
    assert_eq!(ana.filter_inbox(&Inbox::All, &none).unwrap_err().code(), ErrorCode::EmptyPage);
    let error = ana.contacts(&ContactList::All, &none).map(|page| page.rows.len()).unwrap_err();
    assert_eq!((error.code(), error.id()), (ErrorCode::EmptyPage, ""));
    let page = ana.filter_inbox(&Inbox::Everything, &PageRequest::first(usize::MAX)).unwrap();
    assert_eq!((page.rows.len(), page.next), (3, None));
    let first = ana.filter_inbox(&Inbox::Everything, &PageRequest::first(1)).unwrap();
    let rest = PageRequest::first(usize::MAX).after(first.next.unwrap());
    assert_eq!(ana.filter_inbox(&Inbox::Everything, &rest).unwrap().rows.len(), 2);
}

/// A rule nested `depth` deep, its leaf included.
fn nested(depth: usize, leaf: Rule) -> Rule {
    (1..depth).fold(leaf, |rule, level| match level % 3 {
        0 => Rule::not(rule),
        1 => Rule::all([rule]),
        _ => Rule::any([rule]),
    })
}

#[test]
fn an_error_is_one_line_whatever_the_id_and_ends_where_there_is_none() {
    let engine = clinic();
    let unknown = engine.viewer(&"zoe\n\u{1b}[2Jok".into()).unwrap_err();
    assert_eq!(unknown.to_string(), r"unknown teammate `zoe\n\u{1b}[2Jok`");
    assert_eq!(unknown.id(), "zoe\n\u{1b}[2Jok");
    let ana = engine.viewer(&"ana".into()).unwrap();
    let deep = Inbox::rule(nested(MAX_RULE_DEPTH + 1, Rule::Unread));
    assert_eq!(ana.badge(&deep).unwrap_err().to_string(), "rule nested too deep");
}

#[test]
fn whatever_names_an_id_does_so_on_one_line() {
    let id = "zoe\n\u{1b}[2J\u{85}\u{2028}\u{202e}\u{2066}\u{200f}\u{61c}é\u{301}\u{200d}";
    let written = "zoe\\n\\u{1b}[2J\\u{85}\\u{2028}\\u{202e}\\u{2066}\\u{200f}\\u{61c}é\u{301}\u{200d}";
    let [teammate, team] = [Member::teammate(id), Member::team(id)];
    let named = [
        clinic().viewer(&id.into()).unwrap_err().to_string(),
        teammate.to_string(),
        team.to_string(),
        Grant::FilterShare(teammate).to_string(),
        Subject::Conversation(id.into()).to_string(),
        CreateError::<Infallible>::Exists(id.into()).to_string(),
        AppendError::<Infallible>::UnknownOrganization(id.into()).to_string(),
        ReplayError::<Infallible>::UnknownOrganization(id.into()).to_string(),
        LoadError::<Infallible>::UnknownOrganization(id.into()).to_string(),
        ReplicaError::<Infallible>::UnknownOrganization(id.into()).to_string(),
    ];
    for text in named {
        assert!(text.contains(&format!("`{written}`")), "{text:?}");
    }
    assert_eq!(ConversationId::from(id).to_string(), id);
}

#[test]
fn what_an_answer_about_everyone_is_about_has_words() {
    let subjects = [
        Subject::Contact("x".into()),
        Subject::Conversation("x".into()),
        Subject::Endpoint("x".into()),
        Subject::Filter("x".into()),
        Subject::Organization("x".into()),
    ];
    for subject in subjects {
        assert_eq!(json!(subject), json!({subject.kind(): "x"}));
        assert_eq!(subject.to_string(), format!("{} `x`", subject.kind()));
    }
    let (engine, contact) = (clinic(), ContactId::from("p1"));
    let asked = Subject::from(Resource::from(&contact));
    assert_eq!(asked, Subject::Contact(contact.clone()));
    assert_eq!(asked.resource(), Some(Resource::Contact(&contact)));
    assert_eq!(engine.audience(asked.resource().unwrap()), engine.audience(&contact));
    assert_eq!(Subject::Organization("oak".into()).resource(), None);
    for effect in [AccessEffect::Gained, AccessEffect::Lost] {
        assert_eq!(json!(effect), json!(effect.to_string()));
    }
    for kind in [FindingKind::AssigneeInactive, FindingKind::NoActiveAdmin] {
        assert_eq!((json!(kind), kind.to_string()), (json!(kind.as_str()), kind.as_str().to_owned()));
    }
    assert_eq!([KeptOut::NotVisible, KeptOut::Rule].map(|one| one.to_string()), ["not visible", "rule does not match"]);
    assert_eq!(Denial::NotAMember.to_string(), "nothing covers the viewer");
}

#[test]
fn what_is_in_the_way_of_removing_a_team_can_be_listed_and_taken_away() {
    let mut engine = clinic();
    assert_eq!(engine.organization_name(), "Oak Street");
    let (back, remove) = (Member::team("back"), Change::RemoveTeam { id: "back".into() });
    assert!(engine.assigned_to(&back).is_empty() && engine.assigned_to(&Member::team("zzz")).is_empty());
    engine.apply_all(&[Change::archive("v2"), Change::assign("v2", back.clone())]).unwrap();
    assert_eq!(engine.apply(&remove).unwrap_err().code(), ErrorCode::TeamInUse);
    let assigned = engine.assigned_to(&back);
    assert_eq!(assigned, ["v2"]);
    engine.apply_all(&assigned.into_iter().map(Change::unassign).collect::<Vec<_>>()).unwrap();
    assert!(engine.assigned_to(&back).is_empty());
    engine.apply(&remove).unwrap();
}

#[test]
fn ids_and_texts_compare_with_strings_and_are_made_of_what_is_borrowed() {
    let (text, id) = (String::from("ana"), TeammateId::from("ana"));
    assert!(id == "ana" && id == *"ana" && TeammateId::from(&text) == id);
    assert!(id != "ann" && id != *"ann");
    let name = Text::from(&text);
    assert!(name == "ana" && name == *"ana" && name.as_ref() == "ana");
    assert!(name != "ann" && name != *"ann");
    assert_eq!(format!("{:?} {name:?} {name}", Tag::from("vip")), "Tag(..) Text(..) ana");
    assert_eq!(Cursor::from("0f").as_str(), "0f");
    assert_eq!(Member::from(&id), Member::teammate("ana"));
    assert_eq!(Member::from(&visibly::TeamId::from("desk")), Member::team("desk"));
}

#[test]
fn what_a_service_hands_out_as_text_is_read_back_and_nothing_else() {
    let id: SubmissionId = "0000000000000000000000000000002a-7".parse().unwrap();
    assert_eq!(id, SubmissionId { replica: ReplicaId::new(42), number: 7 });
    for damaged in ["", "2a-7", "0000000000000000000000000000002A-7", "0000000000000000000000000000002a-+7", "-7"] {
        assert!(damaged.parse::<SubmissionId>().is_err(), "{damaged}");
    }
    assert!("+000000000000000000000000000002a".parse::<ReplicaId>().is_err());
    let entry = Entry { revision: Revision::new(3), submission: id, change: Change::unstar("v1", "ana") };
    assert_eq!(serde_json::from_value::<Entry>(json!(entry)).unwrap(), entry);
    assert_eq!("phone_number".parse(), Ok(EndpointKind::PhoneNumber));
    assert_eq!("unknown_team".parse(), Ok(ErrorCode::UnknownTeam));
    assert_eq!("UnknownTeam".parse::<ErrorCode>().unwrap_err().to_string(), "not an error code");
    assert_eq!("pager".parse::<EndpointKind>().unwrap_err().to_string(), "not a kind of endpoint");
    assert_eq!(
        json!((ErrorCode::RuleTooDeep, ConversationAction::ManageMembers)),
        json!(["rule_too_deep", "manage_members"])
    );
}

#[test]
fn a_time_is_made_of_the_systems_on_both_sides_of_1970() {
    let time = |millis| Timestamp::from_millis(millis);
    let (epoch, span) = (SystemTime::UNIX_EPOCH, Duration::from_micros(1_500));
    assert_eq!([epoch, epoch + span, epoch - span].map(Timestamp::from), [0, 1, -1].map(time));
    assert_eq!(time(-1).to_string(), "-1");
    // What fits is kept, and what does not is the first or the last time that does.
    let (first, far) = (Duration::from_millis(1 << 63), Duration::from_secs(1 << 62));
    let before = |span| epoch.checked_sub(span).map(Timestamp::from);
    assert!([first, far].map(before).into_iter().flatten().all(|at| at == time(i64::MIN)));
    assert!(epoch.checked_add(far).map(Timestamp::from).is_none_or(|at| at == time(i64::MAX)));
}

#[test]
fn a_rule_nested_too_deep_is_refused_wherever_it_comes_from() {
    let mut engine = clinic();
    let leaf = || Rule::ContactTags(TagSet::none(["vip"]));
    for (depth, is_refused) in [(MAX_RULE_DEPTH, false), (MAX_RULE_DEPTH + 1, true), (5_000, true)] {
        let rule = nested(depth, leaf());
        let code = is_refused.then_some(ErrorCode::RuleTooDeep);
        let ana = engine.viewer(&"ana".into()).unwrap();
        let inbox = Inbox::rule(rule.clone());
        assert_eq!(ana.filter_inbox(&inbox, &PageRequest::all()).err().map(|error| error.code()), code);
        assert_eq!(ana.badge(&inbox).err().map(|error| error.code()), code);
        assert_eq!(ana.badges([&inbox]).err().map(|error| error.code()), code);
        assert_eq!(ana.keeps_out(&"v1".into(), &inbox).err().map(|error| error.code()), code);
        let list = ContactList::Rule(rule.clone());
        assert_eq!(ana.contacts(&list, &PageRequest::all()).err().map(|error| error.code()), code);
        let facts = Facts::load(engine.to_dataset()).unwrap();
        assert_eq!(policy::filter_inbox(&facts, &"ana".into(), &inbox).err().map(|error| error.code()), code);
        assert_eq!(policy::contacts(&facts, &"ana".into(), &list).err().map(|error| error.code()), code);

        let filter = Filter::conversations("deep", "Deep", "ana", rule);
        let loaded = Engine::new(engine.to_dataset().filter(filter.clone()));
        assert_eq!(loaded.err().map(|error| (error.code(), error.id().to_owned())), code.map(|it| (it, "deep".into())));
        let mut other = engine.clone();
        let put = other.apply(&Change::PutFilter(filter.clone()));
        assert_eq!(put.err().map(|error| error.code()), code);
        assert_eq!(engine.preview(&[Change::PutFilter(filter.clone())]).err().map(|error| error.code()), code);
        assert_eq!(engine.apply_all(&[Change::PutFilter(filter)]).err().map(|error| error.code()), code);
        if !is_refused {
            engine.apply(&Change::RemoveFilter { id: "deep".into() }).unwrap();
        }
    }
}

/// To drop such a rule takes a stack as deep as it; to find it at fault does not.
#[test]
fn faults_are_told_of_a_rule_however_deep() {
    let rule = (0..200_000).fold(Rule::Unread, |rule, _| Rule::not(rule));
    let dataset = clinic().to_dataset().filter(Filter::conversations("deep", "Deep", "ana", rule));
    let faults: Vec<String> = dataset.faults().iter().map(ToString::to_string).collect();
    std::mem::forget(dataset);
    assert_eq!(faults, ["rule nested too deep, in `deep`"]);
}

#[test]
fn an_error_says_what_kind_of_thing_has_the_id_where_its_code_does_not() {
    let one = "1";
    let oak = |oak: Organization| Dataset::new(oak.team(Team::new(one, "", ["ana"])).endpoint(PhoneNumber::new(one)));
    let sound = oak(Organization::new("oak", "").teammate(Teammate::new("ana", "").admin()))
        .contact(Contact::new(one))
        .conversation(Conversation::note(one, 0))
        .filter(Filter::conversations(one, "", "ana", Rule::Unread));
    let mut twice = sound.clone().contact(Contact::new(one)).conversation(Conversation::note(one, 0));
    twice.filters.push(twice.filters[0].clone());
    twice.organization.teammates.push(Teammate::new("ana", ""));
    twice.organization.teams.push(twice.organization.teams[0].clone());
    twice.organization.endpoints.push(twice.organization.endpoints[0].clone());
    let told = |faults: &[Error]| faults.iter().filter_map(Error::kind).collect::<Vec<_>>();
    assert_eq!(told(&twice.faults()), ["teammate", "team", "endpoint", "filter", "contact", "conversation"]);

    let mut faulty = sound.clone();
    faulty.organization.endpoints[0].auto_assign = Some(Member::Organization);
    faulty.contacts[0].tags.push(" ".into());
    faulty.conversations[0].tags.push("".into());
    faulty.conversations.push(Conversation::note("2", 0).assigned_to(Member::Organization));
    assert_eq!(told(&faulty.faults()), ["endpoint", "contact", "conversation", "conversation"]);

    let mut engine = Engine::new(sound).unwrap();
    let leaves = Change::RemoveTeammate { id: "ana".into(), transfer_to: Member::Organization };
    for (change, kind) in [
        (Change::AddTeammate(Teammate::new("ana", "")), "teammate"),
        (Change::AddTeam(Team::new(one, "", ["ana"])), "team"),
        (Change::AddEndpoint(PhoneNumber::new(one).into()), "endpoint"),
        (Change::AddContact(Contact::new(one)), "contact"),
        (Change::StartConversation(Conversation::note(one, 0)), "conversation"),
        (Change::assign(one, Member::Organization), "conversation"),
        (leaves, "teammate"),
    ] {
        let error = engine.apply(&change).unwrap_err();
        assert_eq!(error.kind(), Some(kind), "{error}");
        assert!(error.to_string().ends_with(&format!(" {kind} `{}`", error.id())), "{error}");
    }
    assert_eq!(engine.viewer(&"zoe".into()).unwrap_err().kind(), None);
}

const MANY: usize = 10_000;

fn numbered<T: From<String>>(letter: char, numbers: std::ops::Range<usize>) -> Vec<T> {
    numbers.map(|number| T::from(format!("{letter}{number}"))).collect()
}

/// The clinic with teammates `m`, and conversations `w` with tags `u` of their own and contacts `c`, tagged `t`.
fn crowded_clinic() -> Engine {
    let mut dataset = clinic().to_dataset();
    for number in 0..1_000 {
        dataset.organization = dataset.organization.teammate(Teammate::new(format!("m{number}"), "One of many"));
    }
    for number in 0..MANY {
        let [conversation, contact] = ["w", "c"].map(|letter| format!("{letter}{number}"));
        let patient = Conversation::patient(conversation, "main", number as i64).contact(contact.as_str());
        dataset = dataset
            .contact(Contact::new(contact).tag(format!("t{number}")))
            .conversation(patient.tag(format!("u{number}")));
    }
    Engine::new(dataset).unwrap()
}

#[test]
fn huge_lists_are_answered() {
    let engine = crowded_clinic();
    let listed = |rule| total(&engine, "ana", &Inbox::rule(rule));
    let half = || 0..MANY / 2;
    assert_eq!(listed(Rule::ConversationTags(TagSet::Any(numbered('u', half())))), MANY / 2);
    assert_eq!(listed(Rule::ConversationTags(TagSet::None(numbered('u', half())))), MANY / 2 + 3);
    assert_eq!(listed(Rule::not(Rule::ContactTags(TagSet::All(numbered('t', half()))))), MANY + 3);
    assert_eq!(listed(Rule::ContactTags(TagSet::Any(numbered('t', half())))), MANY / 2);
    assert_eq!(listed(Rule::Contacts(Pick::Any(numbered('c', half())))), MANY / 2);
    assert_eq!(listed(Rule::Contacts(Pick::None(numbered('c', half())))), MANY / 2 + 3);
    assert_eq!(listed(Rule::All(vec![Rule::Unread; 20_000])), MANY + 3);
    let tagged = |number| Rule::ConversationTags(TagSet::any([format!("u{number}")]));
    assert_eq!(listed(Rule::any((0..1_000).map(tagged))), 1_000);

    let ana = engine.viewer(&"ana".into()).unwrap();
    let candidates: Vec<ConversationId> =
        [numbered('w', 0..MANY), numbered('x', 0..MANY), numbered('w', 0..9)].concat();
    assert_eq!(ana.search(&candidates).len(), MANY);
    let inboxes: Vec<Inbox> = (0..1_000).map(|number| Inbox::rule(tagged(number))).collect();
    assert!(ana.badges(&inboxes).unwrap().iter().all(|badge| badge.total == 1));
}

#[test]
fn huge_lists_are_applied() {
    let mut engine = crowded_clinic();
    let retagged = Change::TagConversations {
        ids: numbered('w', 0..300),
        add: numbered('n', 0..300),
        remove: [numbered('u', 0..300), numbered('n', 0..100)].concat(),
    };
    engine.apply(&retagged).unwrap();
    assert_eq!(engine.conversation(&"w7".into()).unwrap().tags, numbered::<Tag>('n', 100..300));
    assert_eq!(engine.conversation(&"w300".into()).unwrap().tags, [Tag::from("u300")]);
    let listed = |engine: &Engine, rule| total(engine, "ana", &Inbox::rule(rule));
    assert_eq!(listed(&engine, Rule::ConversationTags(TagSet::All(numbered('n', 100..300)))), 300);

    let (ids, few) = (numbered('c', 0..MANY), numbered('y', 0..10));
    engine.apply(&Change::TagContacts { ids, add: few.clone(), remove: numbered('t', 0..10) }).unwrap();
    assert_eq!(listed(&engine, Rule::ContactTags(TagSet::All(few))), MANY);
    assert_eq!(listed(&engine, Rule::ContactTags(TagSet::Any(numbered('t', 0..MANY)))), MANY - 10);
    let [many, gone] = ['z', 't'].map(|letter| numbered(letter, 0..2_000));
    engine.apply(&Change::TagContacts { ids: vec!["c70".into()], add: many.clone(), remove: gone.clone() }).unwrap();
    assert_eq!(listed(&engine, Rule::ContactTags(TagSet::All(many))), 1);
    assert_eq!(listed(&engine, Rule::ContactTags(TagSet::Any(gone))), 2_000 - 11);

    let members: Vec<Member> = numbered::<TeammateId>('m', 0..1_000).into_iter().map(Member::from).collect();
    let twice = || [members.clone(), members.clone()].concat();
    engine.apply(&Change::SetContactMembers { id: "p1".into(), members: twice() }).unwrap();
    assert_eq!(engine.contact(&"p1".into()).unwrap().members, members);
    let owner = Member::teammate("ben");
    engine.apply(&Change::SetEndpointAccess { id: "main".into(), owner, additional_members: twice() }).unwrap();
    assert_eq!(engine.audience(&ConversationId::from("w0")).unwrap().len(), 1_001);
    let long = "x".repeat(100_000);
    engine.apply(&Change::StartConversation(Conversation::note(long.as_str(), 1))).unwrap();
    assert!(engine.conversation(&long.as_str().into()).is_some());
}

#[test]
fn times_at_the_ends_of_their_range_are_ordered_and_paged() {
    let mut engine = clinic();
    for (id, at) in [("first", i64::MAX), ("last", i64::MIN), ("past", -1)] {
        let note = Conversation::note(id, at).member(Member::Organization);
        engine.apply(&Change::StartConversation(note)).unwrap();
    }
    engine.apply(&Change::receive_message("first", i64::MIN)).unwrap();
    let ana = engine.viewer(&"ana".into()).unwrap();
    let mut request = PageRequest::first(1);
    let mut ids = Vec::new();
    loop {
        let page = ana.filter_inbox(&Inbox::Everything, &request).unwrap();
        ids.extend(page.rows.iter().map(|row| row.id().to_string()));
        let Some(next) = page.next else { break };
        request = PageRequest::first(1).after(next);
    }
    assert_eq!(ids, ["first", "v3", "v2", "v1", "past", "last"]);
    let since = |at: i64| total(&engine, "ana", &Inbox::rule(Rule::ActiveSince(at.into())));
    let before = |at: i64| total(&engine, "ana", &Inbox::rule(Rule::ActiveBefore(at.into())));
    assert_eq!((since(i64::MIN), since(i64::MAX), before(i64::MIN), before(i64::MAX)), (6, 1, 0, 5));
}

#[test]
fn an_organization_without_anybody_answers_nobody() {
    let mut engine = Engine::new(Dataset::new(Organization::new("oak", "Oak"))).unwrap();
    assert_eq!(engine.audit().len(), 1);
    assert_eq!(engine.viewer(&"ana".into()).unwrap_err().code(), ErrorCode::UnknownTeammate);
    assert_eq!(engine.apply_all(&[]), Ok(Revision::new(0)));
    engine.apply(&Change::AddTeammate(Teammate::new("ana", "Ana"))).unwrap();
    assert_eq!(total(&engine, "ana", &Inbox::Everything), 0);
    assert_same_answers(&engine, &Facts::load(engine.to_dataset()).unwrap()).unwrap();
}

#[test]
fn a_builder_checks_each_fact_as_it_comes_and_keeps_what_it_had() {
    let organization = clinic().organization();
    let mut builder = Engine::builder(organization).unwrap();
    let early = builder.conversation(Conversation::patient("v1", "main", 10).contact("p1")).unwrap_err();
    assert_eq!((early.code(), early.id()), (ErrorCode::UnknownContact, "p1"));
    assert_eq!(early.to_string(), "unknown contact `p1`, named in conversation `v1`");
    builder.contact(Contact::new("p1").named("Ann")).unwrap();
    builder.conversation(Conversation::patient("v1", "main", 10).contact("p1")).unwrap();
    let refused = [
        builder.contact(Contact::new("p1")).map(drop),
        builder.contact(Contact::new("p2").tag(" ")).map(drop),
        builder.conversation(Conversation::note("v1", 0)).map(drop),
        builder.conversation(Conversation::patient("v9", "none", 0)).map(drop),
        builder.filter(Filter::contacts("f9", "F", "ana", Rule::Unread)).map(drop),
        builder.filter(Filter::conversations("f9", "F", "zoe", Rule::Unread)).map(drop),
    ];
    let codes: Vec<&str> = refused.iter().map(|one| one.as_ref().unwrap_err().code().as_str()).collect();
    assert_eq!(
        codes,
        ["duplicate_id", "empty_tag", "duplicate_id", "unknown_endpoint", "wrong_list", "unknown_teammate"]
    );
    builder
        .conversation(Conversation::patient("v2", "link", 20))
        .and_then(|builder| builder.conversation(Conversation::team("v3", 30).member(Member::team("desk"))))
        .and_then(|builder| builder.filter(Filter::conversations("f1", "Mine", "ana", Rule::Unread)))
        .and_then(|builder| builder.filter(Filter::contacts("f2", "Theirs", "ana", Rule::all([]))))
        .unwrap()
        .revision(Revision::new(40));
    let again = builder.filter(Filter::conversations("f1", "Ours", "ana", Rule::Starred)).unwrap_err();
    assert_eq!((again.code(), again.id()), (ErrorCode::DuplicateId, "f1"));
    let mut built = builder.build();
    assert_same_answers(&built, &Facts::load(clinic().to_dataset()).unwrap()).unwrap();
    assert_eq!(built.revision(), Revision::new(40));
    assert_eq!(built.apply(&Change::archive("v1")), Ok(Revision::new(41)));
    assert_eq!(Engine::builder(Organization::new("", "")).unwrap_err().code(), ErrorCode::EmptyId);
}

#[test]
fn a_cursor_is_good_in_any_engine_of_the_same_facts_and_key() {
    let (one, other) = (clinic(), clinic());
    let next = |engine: &Engine| {
        let ana = engine.viewer(&"ana".into()).unwrap();
        ana.filter_inbox(&Inbox::Everything, &PageRequest::first(2)).unwrap().next.unwrap()
    };
    assert_eq!(next(&one), next(&other));
    let request = PageRequest::first(2).after(next(&one));
    assert!(other.viewer(&"ana".into()).unwrap().filter_inbox(&Inbox::Everything, &request).is_ok());
    for byte in 0..16 {
        let secret = clinic().with_cursor_key(CursorKey::from(std::array::from_fn(|at| u8::from(at == byte))));
        assert_ne!(next(&secret), next(&one), "byte {byte}");
    }
    assert!(next(&one).to_string().chars().all(|digit| digit.is_ascii_hexdigit()));
}

#[test]
fn a_contact_cursor_ends_with_the_name_that_its_page_ended_with() {
    let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana"));
    let contacts = ["a", "b", "c"].map(|id| Contact::new(id).named(id));
    let mut engine = Engine::new(contacts.into_iter().fold(Dataset::new(oak), Dataset::contact)).unwrap();
    let page = |engine: &Engine, request: &PageRequest| {
        let page = engine.viewer(&"ana".into()).unwrap().contacts(&ContactList::All, request)?;
        Ok::<_, Error>((page.rows.iter().map(|row| row.id().to_string()).collect::<Vec<_>>(), page.next))
    };
    let next = PageRequest::first(1).after(page(&engine, &PageRequest::first(1)).unwrap().1.unwrap());
    engine.apply(&Change::UpdateContact(ContactUpdate::new("a").invitation(Invitation::Invited))).unwrap();
    assert_eq!(page(&engine, &next).unwrap().0, ["b"]);
    for name in [Some("b2"), Some("A"), Some(""), None] {
        engine.apply(&Change::UpdateContact(ContactUpdate::new("a").name(name.map(Text::from)))).unwrap();
        assert_eq!(page(&engine, &next).unwrap_err().code(), ErrorCode::InvalidCursor, "{name:?}");
    }
}

#[test]
fn rows_are_equal_if_they_show_the_same() {
    let oak = || {
        let lines = ["main", "other"].map(PhoneNumber::new);
        let oak = Organization::new("oak", "Oak").teammate(Teammate::new("ana", "Ana"));
        lines.into_iter().fold(oak, |oak, line| oak.endpoint(line))
    };
    let with = |edit: fn(&mut Conversation)| {
        let mut conversation = Conversation::patient("v", "main", 10).member(Member::Organization);
        edit(&mut conversation);
        conversation
    };
    let conversations = [
        with(|_| {}),
        with(|one| one.id = "w".into()),
        with(|one| (one.kind, one.endpoint) = (ConversationKind::Note, None)),
        with(|one| (one.kind, one.endpoint) = (ConversationKind::Team, None)),
        with(|one| one.endpoint = Some("other".into())),
        with(|one| one.assignee = Some(Member::teammate("ana"))),
        with(|one| one.archived = true),
        with(|one| one.tags = vec!["x".into()]),
        with(|one| one.tags = vec!["y".into()]),
        with(|one| one.last_activity = 11.into()),
        with(|one| one.read_by = vec!["ana".into()]),
        with(|one| one.starred_by = vec!["ana".into()]),
        with(|one| one.contacts = vec!["p".into()]),
        with(|one| one.contacts = vec!["q".into()]),
    ];
    let engines = conversations.map(|one| {
        let contacts = Dataset::new(oak()).contact(Contact::new("p")).contact(Contact::new("q"));
        (one.id.clone(), Engine::new(contacts.conversation(one)).unwrap())
    });
    let rows = engines.each_ref().map(|(id, engine)| engine.viewer(&"ana".into()).unwrap().conversation(id).unwrap());
    let contacts = [
        Contact::new("p"),
        Contact::new("q"),
        Contact::new("p").named("P"),
        Contact::new("p").category(ContactCategory::Clinic),
        Contact::new("p").invitation(Invitation::Invited),
        Contact::new("p").tag("x"),
        Contact::new("p").tag("y"),
    ];
    let engines = contacts.map(|one| (one.id.clone(), Engine::new(Dataset::new(oak()).contact(one)).unwrap()));
    let contacts = engines.each_ref().map(|(id, engine)| engine.viewer(&"ana".into()).unwrap().contact(id).unwrap());
    for one in 0..rows.len() {
        assert!((0..rows.len()).all(|two| (rows[one] == rows[two]) == (one == two)), "{:?}, number {one}", rows[one]);
    }
    for one in 0..contacts.len() {
        assert!((0..contacts.len()).all(|two| (contacts[one] == contacts[two]) == (one == two)), "contact {one}");
    }
}

/// A text that stands for what a log must never show.
const MARK: &str = "Hidden7Marker";

/// An organization with the mark in every name, number, label and tag.
fn marked() -> Dataset {
    let organization = Organization::new("oak", MARK)
        .with_contact_membership()
        .teammate(Teammate::new("ana", MARK).admin())
        .teammate(Teammate::new("ben", MARK))
        .team(Team::new("desk", MARK, ["ana"]))
        .endpoint(PhoneNumber::new("main").value(MARK).label(MARK));
    Dataset::new(organization)
        .contact(Contact::new("p1").named(MARK).tag(MARK))
        .contact(Contact::new("p2").named(format!("{MARK} 2")).tag(MARK).members([]))
        .conversation(Conversation::patient("v1", "main", 10).contact("p1").contact("p2").tag(MARK))
        .conversation(Conversation::note("v2", 10).member(Member::Organization).tag(MARK))
        .filter(Filter::conversations("f1", MARK, "ana", marked_rule()))
        .filter(Filter::contacts("f2", MARK, "ana", Rule::ContactTags(TagSet::none([MARK]))))
}

fn marked_rule() -> Rule {
    Rule::any([
        Rule::ContactTags(TagSet::any([MARK])),
        Rule::not(Rule::ConversationTags(TagSet::all([MARK]))),
        Rule::ConversationTags(TagSet::none([MARK])),
    ])
}

/// Changes that carry the mark; those about `id` are refused where that exists nowhere.
fn marked_changes(id: &str) -> Vec<Change> {
    let tags = || vec![Tag::from(MARK)];
    vec![
        Change::AddTeammate(Teammate::new("ana", MARK)),
        Change::AddTeammate(Teammate::new("", MARK)),
        Change::UpdateTeammate(TeammateUpdate::new(id).name(MARK)),
        Change::UpdateTeammate(TeammateUpdate::new("ana").name(MARK).admin(false)),
        Change::AddTeam(Team::new("desk", MARK, [id])),
        Change::AddTeam(Team::new("new", MARK, [id])),
        Change::AddEndpoint(Endpoint::from(PhoneNumber::new("main").value(MARK).label(MARK))),
        Change::AddEndpoint(Endpoint::from(PhoneNumber::new("e").value(MARK).auto_assign_to(Member::Organization))),
        Change::AddContact(Contact::new("p1").named(MARK).tag(MARK)),
        Change::AddContact(Contact::new("p9").named(MARK).tag(MARK).tag(" ")),
        Change::UpdateContact(ContactUpdate::new(id).name(Some(MARK.into()))),
        Change::TagContacts { ids: vec![id.into()], add: tags(), remove: tags() },
        Change::TagContacts { ids: vec!["p1".into()], add: vec![MARK.into(), " ".into()], remove: tags() },
        Change::StartConversation(Conversation::patient("v1", "main", 0).tag(MARK)),
        Change::StartConversation(Conversation::patient("v9", id, 0).tag(MARK)),
        Change::StartConversation(Conversation::note("v9", 0).tag(MARK).archived()),
        Change::TagConversations { ids: vec![id.into()], add: tags(), remove: tags() },
        Change::TagConversations { ids: vec!["v1".into()], add: tags(), remove: vec!["".into(), MARK.into()] },
        Change::PutFilter(Filter::contacts("f1", MARK, "ana", marked_rule())),
        Change::PutFilter(Filter::conversations("f1", MARK, id, marked_rule())),
        Change::PutFilter(Filter::conversations("f3", MARK, "ana", nested(MAX_RULE_DEPTH + 1, marked_rule()))),
    ]
}

fn assert_unmarked(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(MARK), "{text}");
    }
}

fn assert_unmarked_text(value: &(impl Debug + Display)) {
    assert_unmarked(value);
    assert!(!value.to_string().contains(MARK), "{value}");
}

#[test]
fn debug_never_shows_names_numbers_or_tags() {
    let dataset = marked();
    assert!(json!(dataset).to_string().matches(MARK).count() > 15, "the mark is everywhere");
    assert_unmarked(&dataset);
    let (engine, facts) = (Engine::new(dataset.clone()).unwrap(), Facts::load(dataset).unwrap());
    assert_unmarked(&engine);
    assert_unmarked(&facts);
    assert_unmarked(&engine.organization());
    assert_unmarked(&(engine.teammate(&"ana".into()), engine.team(&"desk".into()), engine.endpoint(&"main".into())));
    assert_unmarked(&(engine.contact(&"p1".into()), engine.conversation(&"v1".into()), engine.filter(&"f1".into())));
    assert_unmarked(&Engine::builder(engine.organization()).unwrap());
    assert_unmarked(&(Text::from(MARK), Tag::from(MARK)));
    assert_unmarked(&PhoneNumber::new("e").value(MARK).label(MARK));
    marked_changes("zoe").iter().for_each(assert_unmarked);
    assert_unmarked(&Inbox::rule(marked_rule()));
    assert_unmarked(&ContactList::Rule(marked_rule()));
    assert_unmarked(&(engine.audit(), policy::audit(&facts)));
}

#[test]
fn debug_of_answers_never_shows_names_numbers_or_tags() {
    let engine = Engine::new(marked()).unwrap();
    let marked_inbox = Inbox::rule(Rule::any([marked_rule(), Rule::Unread]));
    for viewer in ["ana", "ben"] {
        let viewer = engine.viewer(&viewer.into()).unwrap();
        assert_unmarked(&viewer);
        let page = viewer.filter_inbox(&marked_inbox, &PageRequest::first(1)).unwrap();
        assert_eq!(page.rows.len(), 1);
        assert_unmarked(&page);
        assert_unmarked(&page.rows[0].contacts().collect::<Vec<_>>());
        let request = PageRequest::first(1).after(page.next.unwrap());
        assert_unmarked(&request);
        let contacts = viewer.contacts(&ContactList::All, &PageRequest::first(1)).unwrap();
        assert!(contacts.rows[0].name().is_some_and(|name| name.contains(MARK)));
        assert_unmarked(&contacts);
        assert_unmarked(&viewer.contact(&"p1".into()));
        assert_unmarked(&viewer.search(&["v1".into(), "v2".into()]));
        assert_unmarked(&(viewer.shown_contacts(&"v1".into()), viewer.conversation(&"v1".into())));
        assert_unmarked(&(viewer.placement(&"v1".into()), viewer.decide(&ConversationId::from("v1"))));
        let next = viewer.contacts(&ContactList::All, &PageRequest::first(1)).unwrap().next;
        assert!(next.is_none_or(|cursor| !cursor.to_string().contains(&hexadecimal(MARK))));
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn error_texts_never_show_names_numbers_or_tags() {
    let mut engine = Engine::new(marked()).unwrap();
    let mut facts = Facts::load(marked()).unwrap();
    for change in marked_changes("zoe") {
        let error = engine.apply(&change).expect_err("every one of them is refused");
        assert_unmarked_text(&error);
        assert_unmarked_text(&facts.apply(&change).unwrap_err());
        assert_unmarked_text(&engine.apply_all(std::slice::from_ref(&change)).unwrap_err());
        assert_unmarked_text(&engine.preview(std::slice::from_ref(&change)).unwrap_err());
    }
    let ben = engine.viewer(&"ben".into()).unwrap();
    let deep = nested(MAX_RULE_DEPTH + 1, marked_rule());
    assert_unmarked_text(&ben.badge(&Inbox::rule(deep.clone())).unwrap_err());
    for list in [ContactList::Rule(deep), ContactList::Rule(marked_rule()), ContactList::saved("f1")] {
        assert_unmarked_text(&ben.contacts(&list, &PageRequest::all()).map(|page| page.rows.len()).unwrap_err());
    }
    let faults: [fn(&mut Dataset); 5] = [
        |dataset| dataset.contacts[0].id = "".into(),
        |dataset| dataset.contacts[1].id = "p1".into(),
        |dataset| dataset.contacts[0].tags.push(" ".into()),
        |dataset| dataset.conversations[0].endpoint = None,
        |dataset| dataset.filters[0].owner = "zoe".into(),
    ];
    for spoil in faults {
        let mut dataset = marked();
        spoil(&mut dataset);
        assert_unmarked_text(&Engine::new(dataset).unwrap_err());
    }
}

/// Every text that the error and its sources print.
fn assert_unmarked_to_the_source(error: &dyn std::error::Error) {
    for error in std::iter::successors(Some(error), |error| error.source()) {
        for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!text.contains(MARK), "{text}");
        }
    }
}

#[test]
fn a_json_text_that_is_refused_is_not_quoted() {
    let clinic = || json!(marked());
    let tricky = ["M", "`, expected `M", "x\", expected M", "missing field `M", "M at line 1 column 1"];
    for mark in tricky.map(|text| text.replace('M', MARK)) {
        let wrong_types =
            ["/contacts/0/tags", "/contacts/0/members", "/conversations/0/last_activity", "/organization"];
        let wrong_words = ["/contacts/0/category", "/conversations/0/kind", "/filters/0/rule", "/filters/0/lists"];
        for pointer in wrong_types.into_iter().chain(wrong_words) {
            let mut text = clinic();
            *text.pointer_mut(pointer).unwrap() = json!(mark);
            refuse(&text);
        }
        for pointer in ["", "/organization", "/contacts/0", "/conversations/0", "/filters/0", "/filters/0/rule"] {
            let mut text = clinic();
            let value = text.pointer_mut(pointer).unwrap();
            value.as_object_mut().unwrap().insert(mark.clone(), json!(mark));
            refuse(&text);
            *text.pointer_mut(pointer).unwrap() = json!({mark.as_str(): mark});
            refuse(&text);
        }
        let text = clinic().to_string();
        for (cut, _) in text.match_indices(MARK) {
            refuse_text(&text[..cut + MARK.len()]);
            refuse_text(&format!("{}\n{}", &text[..cut + MARK.len()], &text[cut..]));
        }
        refuse_text(&format!("{text} {mark}"));
        refuse_text(&mark);
    }
}

type Reader<'r> = &'r dyn Fn(&str) -> Option<visibly::JsonError>;

#[test]
fn what_clients_send_and_is_refused_is_not_quoted() {
    let tagged = Rule::not(Rule::ContactTags(TagSet::any(["a"])));
    let rule = json!(Rule::all([tagged, Rule::Assignee(vec![visibly::AssigneePick::Me]), Rule::Unread]));
    let filter = json!({"id": "f", "name": "n", "owner": "ana", "lists": "conversations", "rule": rule});
    let changes = json!([
        {"archive": {"id": "v1"}},
        {"assign": {"id": "v1", "to": {"team": "desk"}, "grant_access": true}},
        {"receive_message": {"id": "v1", "at": 5}},
        {"add_contact": {"id": "p9", "name": "n", "category": "clinic", "members": [{"team": "desk"}], "tags": ["a"]}},
        {"start_conversation": {"id": "v9", "kind": "note", "last_activity": 1}},
        {"update_contact": {"id": "p1", "name": "n"}},
        {"put_filter": filter},
    ]);
    let tags = Rule::ContactTags(TagSet::any(["a"]));
    let inboxes = json!([Inbox::All, Inbox::assigned_to_team("desk"), Inbox::saved("f1"), Inbox::rule(tags.clone())]);
    let lists = json!([ContactList::All, ContactList::saved("f1"), ContactList::Rule(tags)]);
    let mut refused = 0;
    for mark in ["M", "`, expected `M", "x\", expected M", "missing field `M"].map(|text| text.replace('M', MARK)) {
        let read_change = |text: &str| Change::from_json(text).err();
        let read_inbox = |text: &str| Inbox::from_json(text).err();
        let read_list = |text: &str| ContactList::from_json(text).err();
        let readers: [Reader<'_>; 3] = [&read_change, &read_inbox, &read_list];
        for (values, read) in [&changes, &inboxes, &lists].into_iter().zip(readers) {
            for value in values.as_array().unwrap() {
                assert!(read(&value.to_string()).is_none(), "{value}");
                for text in spoiled(value, &mark) {
                    let error = read(&text);
                    refused += usize::from(error.is_some());
                    error.iter().for_each(|error| assert_unmarked_to_the_source(error));
                }
            }
        }
        let many = Change::list_from_json(&format!("[{}, {{\"archive\": {:?}}}]", changes[0], mark)).unwrap_err();
        assert_eq!(many.path(), "[1].archive");
        assert_unmarked_to_the_source(&many);
    }
    assert!(refused > 500, "{refused}");
}

/// The text of a value with another at each place in turn, with a field too many there, and cut behind it.
fn spoiled(value: &serde_json::Value, mark: &str) -> Vec<String> {
    let others = [json!(mark), json!([mark]), json!({mark: mark}), json!(0.5), json!(null)];
    let mut texts = vec![format!("{value} {mark}"), mark.to_owned()];
    for pointer in pointers(value) {
        for other in &others {
            let mut spoiled = value.clone();
            *spoiled.pointer_mut(&pointer).unwrap() = other.clone();
            texts.push(spoiled.to_string());
        }
        let mut more = value.clone();
        if let Some(fields) = more.pointer_mut(&pointer).and_then(serde_json::Value::as_object_mut) {
            fields.insert(mark.to_owned(), json!(mark));
            texts.push(more.to_string());
        }
    }
    let cut: Vec<String> =
        texts.iter().filter_map(|text| Some(text[..text.find(MARK)? + MARK.len()].to_owned())).collect();
    texts.extend(cut);
    texts
}

/// Every place in a value, the whole first.
fn pointers(value: &serde_json::Value) -> Vec<String> {
    let inner: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        serde_json::Value::Array(values) => {
            values.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let below = inner
        .into_iter()
        .flat_map(|(name, value)| pointers(value).into_iter().map(move |pointer| format!("/{name}{pointer}")));
    std::iter::once(String::new()).chain(below).collect()
}

fn refuse(text: &serde_json::Value) {
    refuse_text(&text.to_string());
}

fn refuse_text(text: &str) {
    assert_unmarked_to_the_source(&Dataset::from_json(text).unwrap_err());
    assert_unmarked_to_the_source(&Dataset::from_json_reader(text.as_bytes()).unwrap_err());
}

#[test]
fn a_change_names_what_it_is_made_to_and_not_what_it_brings() {
    let note = Conversation::note("new", 0).member(Member::team("desk"));
    let rule = Rule::any([Rule::not(Rule::Contacts(Pick::any(["p1", "p2"]))), Rule::Endpoints(Pick::any(["main"]))]);
    let (add, remove) = (vec![Tag::from("vip")], Vec::new());
    let named = [
        (Change::SetContactMembership(true), ""),
        (Change::SetTeam { id: "desk".into(), teammates: vec!["ana".into()] }, ""),
        (Change::AddContact(Contact::new("new").members([Member::teammate("ana")])), ""),
        (Change::AddEndpoint(PhoneNumber::new("new").into()), ""),
        (Change::SetAutoAssign { id: "main".into(), to: Some(Member::team("desk")) }, "endpoint main"),
        (Change::RemoveContact { id: "p1".into() }, "contact p1"),
        (Change::UpdateContact(ContactUpdate::new("p1")), "contact p1"),
        (
            Change::TagContacts { ids: vec!["p2".into(), "p1".into()], add: add.clone(), remove: remove.clone() },
            "contact p2, contact p1",
        ),
        (Change::StartConversation(note.contact("p1")), "contact p1"),
        (
            Change::StartConversation(Conversation::patient("new", "main", 0).contact("p2").contact("p1")),
            "endpoint main, contact p2, contact p1",
        ),
        (Change::assign("v1", Member::team("desk")), "conversation v1"),
        (Change::receive_message("v1", 0), "conversation v1"),
        (Change::mark_read("v1", "ana"), "conversation v1"),
        (
            Change::TagConversations { ids: vec!["v2".into(), "v1".into()], add, remove },
            "conversation v2, conversation v1",
        ),
        (Change::PutFilter(Filter::conversations("new", "", "ana", rule)), "contact p1, contact p2"),
        (Change::RemoveFilter { id: "f1".into() }, "filter f1"),
    ];
    for (change, resources) in named {
        let words = change.resources().into_iter().map(|resource| match resource {
            Resource::Contact(id) => format!("contact {id}"),
            Resource::Conversation(id) => format!("conversation {id}"),
            Resource::Endpoint(id) => format!("endpoint {id}"),
            Resource::Filter(id) => format!("filter {id}"),
        });
        assert_eq!(words.collect::<Vec<_>>().join(", "), resources, "{change:?}");
    }
}
