//! JSON in the format's spelling: round trips, defaults, errors that say where, and what a dataset is refused for.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use visibly::{
    ArchiveScope, Badge, Change, Contact, ContactCategory, ContactList, ContactUpdate, Conversation, ConversationKind,
    Dataset, Decision, Engine, ErrorCode, Facts, Filter, Inbox, Invitation, MAX_RULE_DEPTH, Member, Revision, Rule,
    TeammateUpdate, policy,
};

use crate::answers::Asked;
use crate::worlds::{AnyRule, EVERY_KIND, config, questions, rules, wayward_histories, worlds};

/// Writes a value as text, reads it back, and writes it again.
fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
    prop_assert_eq!(&text, &serde_json::to_string(&read).unwrap());
    prop_assert!(read == *value, "not the same as read back: {text}");
    let through_value: T = serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap();
    prop_assert!(through_value == *value, "not the same by way of a value: {text}");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn datasets_and_their_facts_survive_a_round_trip(world in worlds()) {
        assert_round_trip(&world.0)?;
        let text = serde_json::to_string(&world.0).unwrap();
        prop_assert!(Dataset::from_json(&text).unwrap() == world.0);
        prop_assert!(Dataset::from_json_reader(text.as_bytes()).unwrap() == world.0);
        let loaded = world.facts().to_dataset();
        assert_round_trip(&loaded)?;
        prop_assert_eq!(json!(Facts::load(loaded.clone()).unwrap().to_dataset()), json!(loaded));
    }

    #[test]
    fn changes_survive_a_round_trip(history in wayward_histories(25, EVERY_KIND, 30)) {
        history.changes.iter().try_for_each(assert_round_trip)?;
        assert_round_trip(&history.changes)?;
    }

    #[test]
    fn questions_survive_a_round_trip(questions in questions(8), AnyRule(rule) in rules()) {
        questions.inboxes.iter().try_for_each(assert_round_trip)?;
        questions.lists.iter().try_for_each(assert_round_trip)?;
        assert_round_trip(&rule)?;
    }

    #[test]
    fn decisions_and_badges_survive_a_round_trip(world in worlds()) {
        let facts = world.facts();
        let asked = Asked::about(&facts);
        for viewer in &asked.viewers {
            for id in &asked.conversations {
                assert_round_trip::<Decision>(&policy::decide(&facts, viewer, id))?;
            }
            for id in &asked.contacts {
                assert_round_trip::<Decision>(&policy::decide(&facts, viewer, id))?;
            }
            for id in &asked.filters {
                assert_round_trip::<Decision>(&policy::decide(&facts, viewer, id))?;
            }
            if let Ok(badge) = policy::badge(&facts, viewer, &Inbox::Everything) {
                assert_round_trip::<Badge>(&badge)?;
            }
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        prop_assert!(Dataset::from_json(&text).is_err());
        drop(serde_json::from_str::<Change>(&text));
        drop(serde_json::from_str::<Inbox>(&text));
    }
}

/// A dataset in which every kind of thing is there, every optional field left out.
fn least() -> Value {
    json!({
        "organization": {
            "id": "oak", "name": "Oak",
            "teammates": [{"id": "ana", "name": "Ana"}, {"id": "ben", "name": "Ben"}],
            "teams": [{"id": "desk", "name": "Desk", "teammates": ["ana"]}],
            "endpoints": [{"id": "main", "kind": "phone_number"}],
        },
        "contacts": [{"id": "p1"}],
        "conversations": [
            {"id": "v1", "kind": "patient", "endpoint": "main", "last_activity": 1},
            {"id": "v2", "kind": "note", "last_activity": 2},
        ],
        "filters": [{"id": "f1", "name": "Mine", "owner": "ana", "lists": "conversations", "rule": "unread"}],
    })
}

/// The same with the value at `pointer` put in place.
fn with(pointer: &str, value: Value) -> Value {
    let mut dataset = least();
    put(&mut dataset, pointer, value);
    dataset
}

/// Puts a value in place of another, or at the end of a list (`-`).
fn put(dataset: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match dataset.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value)),
        Value::Array(entries) => entries.push(value),
        other => panic!("nothing can be put into {other}"),
    }
}

fn read(dataset: &Value) -> Dataset {
    Dataset::from_json(&dataset.to_string()).unwrap()
}

#[test]
fn fields_that_are_left_out_have_their_defaults() {
    let dataset = read(&least());
    let organization = &dataset.organization;
    assert!(!organization.contact_membership);
    assert!(!organization.teammates[0].admin && !organization.teammates[0].suspended);
    let endpoint = &organization.endpoints[0];
    assert_eq!(endpoint.owner, Member::Organization);
    assert!(endpoint.additional_members.is_empty() && endpoint.auto_assign.is_none());
    assert!(endpoint.value.is_none() && endpoint.label.is_none());
    assert_eq!(dataset.contacts[0], Contact::new("p1"));
    assert_eq!(dataset.contacts[0].members, [Member::Organization]);
    assert_eq!(dataset.contacts[0].category, ContactCategory::Patient);
    assert_eq!(dataset.contacts[0].invitation, Invitation::NotInvited);
    assert_eq!(dataset.conversations[0], Conversation::patient("v1", "main", 1));
    assert_eq!(dataset.conversations[1], Conversation::note("v2", 2));
    assert_eq!(dataset.filters[0], Filter::conversations("f1", "Mine", "ana", Rule::Unread));
    let bare = Dataset::from_json(r#"{"organization": {"id": "oak", "name": "Oak", "teammates": []}}"#).unwrap();
    assert!(bare.contacts.is_empty() && bare.conversations.is_empty() && bare.filters.is_empty());
    assert!(bare.organization.teams.is_empty() && bare.organization.endpoints.is_empty());
}

#[test]
fn null_means_the_same_as_a_field_left_out() {
    let optional = [
        "/contacts",
        "/conversations",
        "/filters",
        "/organization/contact_membership",
        "/organization/teams",
        "/organization/endpoints",
        "/organization/teammates/0/admin",
        "/organization/teammates/0/suspended",
        "/organization/endpoints/0/value",
        "/organization/endpoints/0/label",
        "/organization/endpoints/0/owner",
        "/organization/endpoints/0/additional_members",
        "/organization/endpoints/0/auto_assign",
        "/contacts/0/name",
        "/contacts/0/category",
        "/contacts/0/invitation",
        "/contacts/0/members",
        "/contacts/0/tags",
        "/conversations/1/endpoint",
        "/conversations/1/contacts",
        "/conversations/1/members",
        "/conversations/1/assignee",
        "/conversations/1/archived",
        "/conversations/1/tags",
        "/conversations/1/read_by",
        "/conversations/1/starred_by",
        "/filters/0/shared_with",
        "/filters/0/archived",
    ];
    for pointer in optional {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let mut absent = least();
        absent.pointer_mut(parent).and_then(Value::as_object_mut).unwrap().remove(field);
        assert_eq!(read(&with(pointer, Value::Null)), read(&absent), "{pointer}");
    }
}

#[test]
fn null_in_a_change_means_absent_but_for_the_name_of_a_contact() {
    let change = |text: &str| serde_json::from_str::<Change>(text).unwrap();
    let update = ContactUpdate::new("p1");
    assert_eq!(change(r#"{"update_contact": {"id": "p1"}}"#), Change::UpdateContact(update.clone()));
    assert_eq!(
        change(r#"{"update_contact": {"id": "p1", "name": null, "category": null, "invitation": null}}"#),
        Change::UpdateContact(update.clone().name(None))
    );
    assert_eq!(
        change(r#"{"update_contact": {"id": "p1", "name": ""}}"#),
        Change::UpdateContact(update.name(Some("".into())))
    );
    assert_eq!(
        change(r#"{"update_teammate": {"id": "ana", "name": null, "admin": null, "suspended": null}}"#),
        Change::UpdateTeammate(TeammateUpdate::new("ana"))
    );
    let unassign = Change::unassign("v1");
    assert_eq!(change(r#"{"assign": {"id": "v1", "to": null, "grant_access": null}}"#), unassign);
    assert_eq!(change(r#"{"assign": {"id": "v1"}}"#), unassign);
    let nobody = Change::SetAutoAssign { id: "main".into(), to: None };
    assert_eq!(change(r#"{"set_auto_assign": {"id": "main", "to": null}}"#), nobody);
    assert_eq!(change(r#"{"set_auto_assign": {"id": "main"}}"#), nobody);
    let nothing = Change::TagContacts { ids: vec!["p1".into()], add: vec![], remove: vec![] };
    assert_eq!(change(r#"{"tag_contacts": {"ids": ["p1"], "add": null, "remove": null}}"#), nothing);
    assert_eq!(change(r#"{"tag_contacts": {"ids": ["p1"]}}"#), nothing);
}

#[test]
fn an_updated_name_is_kept_taken_away_or_replaced() {
    let mut engine = Engine::new(read(&with("/contacts/0/name", json!("Ann")))).unwrap();
    let mut name_after = |text: &str| {
        engine.apply(&serde_json::from_str(text).unwrap()).unwrap();
        engine.contact(&"p1".into()).unwrap().name.map(|name| name.to_string())
    };
    assert_eq!(name_after(r#"{"update_contact": {"id": "p1", "category": "clinic"}}"#).as_deref(), Some("Ann"));
    assert_eq!(name_after(r#"{"update_contact": {"id": "p1", "name": null}}"#), None);
    assert_eq!(name_after(r#"{"update_contact": {"id": "p1", "name": ""}}"#).as_deref(), Some(""));
}

/// What the error for this dataset says after the path that it has to carry.
fn told(dataset: &Value, path: &str) -> String {
    let error = Dataset::from_json(&dataset.to_string()).unwrap_err();
    let message = error.to_string();
    assert_eq!(error.path(), path, "{message}");
    assert!(error.line() >= 1 && !message.contains('\n'));
    message.strip_prefix(&format!("{path}: ")).unwrap().to_owned()
}

#[test]
fn an_unknown_field_is_an_error_that_names_its_place_and_the_fields_there_are() {
    let parents = [
        ("", "."),
        ("/organization", "organization"),
        ("/organization/teammates/1", "organization.teammates[1]"),
        ("/organization/teams/0", "organization.teams[0]"),
        ("/organization/endpoints/0", "organization.endpoints[0]"),
        ("/contacts/0", "contacts[0]"),
        ("/conversations/1", "conversations[1]"),
        ("/filters/0", "filters[0]"),
    ];
    for (parent, path) in parents {
        for name in ["colour", "a.colour", "[0]", "."] {
            let what = told(&with(&format!("{parent}/{name}"), json!(1)), path);
            assert!(what.starts_with("unknown field, expected one of `") && !what.contains("colour"), "{what}");
        }
    }
    let text = "{\"organization\": {\n  \"nmae\": \"Oak\"}}";
    let error = Dataset::from_json(text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "organization: unknown field, expected one of `id`, `name`, `contact_membership`, `teammates`, `teams`, \
         `endpoints` at line 2 column 8"
    );
}

#[test]
fn an_unknown_value_is_an_error_that_names_its_place_and_the_values_there_are() {
    let faults = [
        ("/organization/endpoints/0/kind", json!("pager"), "organization.endpoints[0].kind"),
        ("/organization/endpoints/0/owner", json!("nobody"), "organization.endpoints[0].owner"),
        ("/contacts/0/category", json!("vendor"), "contacts[0].category"),
        ("/contacts/0/invitation", json!("maybe"), "contacts[0].invitation"),
        ("/contacts/0/members", json!([{"group": "x"}]), "contacts[0].members[0]"),
        ("/conversations/0/kind", json!("call"), "conversations[0].kind"),
        ("/filters/0/lists", json!("teams"), "filters[0].lists"),
        ("/filters/0/archived", json!("maybe"), "filters[0].archived"),
        ("/filters/0/rule", json!({"not": "loud"}), "filters[0].rule.not"),
        ("/filters/0/rule", json!({"all": [{"kinds": {"any": ["fax"]}}]}), "filters[0].rule.all[0].kinds.any[0]"),
        ("/filters/0/rule", json!({"contact_tags": {"most": []}}), "filters[0].rule.contact_tags"),
    ];
    for (pointer, value, path) in faults {
        let what = told(&with(pointer, value), path);
        assert!(what.starts_with("unknown variant, expected ") && what.contains('`'), "{what}");
    }
}

#[test]
fn a_missing_field_and_a_wrong_type_are_errors_that_say_where() {
    let mut dataset = least();
    dataset.pointer_mut("/conversations/1").and_then(Value::as_object_mut).unwrap().remove("last_activity");
    assert!(told(&dataset, "conversations[1]").starts_with("missing field `last_activity` at line 1 "));
    let faults = [
        ("/contacts/0/tags", json!("vip"), "contacts[0].tags", "invalid type: string, expected a sequence at "),
        ("/contacts/0/tags", json!([7]), "contacts[0].tags[0]", "invalid type: integer, expected a string at "),
        ("/contacts/0/tags", json!([[]]), "contacts[0].tags[0]", "invalid type: sequence, expected a string at "),
        ("/contacts/0/category", json!(true), "contacts[0].category", "expected value at "),
        (
            "/conversations/0/last_activity",
            json!(1.5),
            "conversations[0].last_activity",
            "invalid type: floating point, expected i64 at ",
        ),
        (
            "/conversations/0/last_activity",
            json!(u64::MAX),
            "conversations[0].last_activity",
            "invalid value: integer, expected i64 at ",
        ),
    ];
    for (pointer, value, path, expected) in faults {
        let what = told(&with(pointer, value), path);
        assert!(what.starts_with(expected), "{what}");
    }
    for required in ["/organization", "/organization/id", "/organization/name", "/organization/teammates"] {
        assert!(Dataset::from_json(&with(required, Value::Null).to_string()).is_err(), "{required}");
    }
}

#[test]
fn what_follows_a_dataset_and_what_is_cut_short_is_an_error() {
    let text = least().to_string();
    assert!(Dataset::from_json(&format!("{text} \n")).is_ok());
    assert!(Dataset::from_json(&format!("{text} {text}")).is_err());
    assert!(Dataset::from_json(&text[..text.len() - 1]).is_err());
    assert!(Dataset::from_json("").is_err());
}

#[test]
fn a_text_nested_without_end_is_an_error_and_no_overflow() {
    let deep = format!("{}\"unread\"{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000));
    assert!(serde_json::from_str::<Rule>(&deep).is_err());
    assert!(serde_json::from_str::<Inbox>(&format!(r#"{{"rule": {deep}}}"#)).is_err());
}

/// The least dataset with this as the rule of its filter.
fn with_rule(rule: &str) -> String {
    with("/filters/0/rule", json!("HERE")).to_string().replace("\"HERE\"", rule)
}

/// The rule with these brackets around it, `depth` deep, its leaf included.
fn nested(depth: usize, (before, after): (&str, &str), leaf: &str) -> String {
    format!("{}{leaf}{}", before.repeat(depth - 1), after.repeat(depth - 1))
}

const GROUPS: [(&str, &str); 3] = [(r#"{"all":["#, "]}"), (r#"{"any":["unread","#, "]}"), (r#"{"not":"#, "}")];

/// What becomes of a text by either way of reading; of an error what both say, which is all but the column.
fn read_both_ways(text: &str) -> Result<Dataset, String> {
    let [read, from_reader] = [Dataset::from_json(text), Dataset::from_json_reader(text.as_bytes())]
        .map(|read| read.map_err(|error| error.to_string().split(" column ").next().unwrap().to_owned()));
    assert!(read == from_reader, "{:?} and {:?}", read.err(), from_reader.err());
    read
}

#[test]
fn every_rule_that_loads_is_written_and_read_back_the_same() {
    let leaves = [r#""unread""#, r#"{"contact_tags":{"any":["{[\"{["]}}"#, r#"{"assignee":[{"team":"desk"}]}"#];
    for (groups, leaf) in GROUPS.into_iter().flat_map(|groups| leaves.map(|leaf| (groups, leaf))) {
        let deepest = read_both_ways(&with_rule(&nested(MAX_RULE_DEPTH, groups, leaf))).unwrap();
        assert!(Facts::load(deepest.clone()).is_ok());
        assert!(read_both_ways(&json!(deepest).to_string()).unwrap() == deepest);
        let deeper = read_both_ways(&with_rule(&nested(MAX_RULE_DEPTH + 1, groups, leaf))).unwrap();
        let error = Facts::load(deeper).unwrap_err();
        assert_eq!((error.code(), error.id()), (ErrorCode::RuleTooDeep, "f1"));
    }
}

/// A stack of 2 MB is what a thread has unless it asks for more.
#[test]
fn no_text_exhausts_a_stack_of_2_megabytes_however_deep_it_is_nested() {
    let refused = || {
        for groups in GROUPS {
            for depth in (MAX_RULE_DEPTH..3 * MAX_RULE_DEPTH).chain([100_000, 1_000_000]) {
                let text = with_rule(&nested(depth, groups, r#""unread""#));
                let read = read_both_ways(&text);
                assert!(depth < 100_000 || read.is_err_and(|error| error.contains("recursion limit exceeded")));
            }
        }
        for brackets in ["[", "{", "{\"\":", "[\"\\\"\", ", "]}[{", "\\[", "\"[\"["] {
            assert!(read_both_ways(&brackets.repeat(1_000_000)).is_err());
            assert!(read_both_ways(&with_rule(&brackets.repeat(1_000_000))).is_err());
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(refused).unwrap().join().unwrap();
}

#[test]
fn a_fault_before_what_is_nested_too_deep_is_the_one_that_is_told() {
    let deep = "[".repeat(1_000_000);
    let text = with_rule(&deep).replace("\"ana\"", "7");
    assert!(read_both_ways(&text).unwrap_err().contains("invalid type: integer"));
    let after = read_both_ways(&format!("{} {deep}", least())).unwrap_err();
    assert_eq!(after, ".: trailing characters at line 1");
    let text = format!(r#"{{"{deep}"#);
    assert_eq!(read_both_ways(&text).unwrap_err(), "?: EOF while parsing a string at line 1");
}

#[test]
fn a_reader_that_fails_is_the_source_of_the_error() {
    struct Failing;
    impl std::io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line is dead"))
        }
    }
    let error = Dataset::from_json_reader(Failing).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.line()), (".: reading failed", 0));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the line is dead");
}

#[test]
fn every_fault_of_a_dataset_is_refused_with_its_code_and_id() {
    let faults = [
        ("/organization/id", json!(""), "empty_id", "organization"),
        ("/organization/teammates/-", json!({"id": "", "name": ""}), "empty_id", "teammate"),
        ("/organization/teams/-", json!({"id": "", "name": "", "teammates": []}), "empty_id", "team"),
        ("/organization/endpoints/-", json!({"id": "", "kind": "fax_number"}), "empty_id", "endpoint"),
        ("/contacts/-", json!({"id": ""}), "empty_id", "contact"),
        ("/conversations/-", json!({"id": "", "kind": "note", "last_activity": 0}), "empty_id", "conversation"),
        ("/filters/0/id", json!(""), "empty_id", "filter"),
        ("/organization/teammates/-", json!({"id": "ana", "name": ""}), "duplicate_id", "ana"),
        ("/organization/teams/-", json!({"id": "desk", "name": "", "teammates": []}), "duplicate_id", "desk"),
        ("/organization/endpoints/-", json!({"id": "main", "kind": "fax_number"}), "duplicate_id", "main"),
        ("/contacts/-", json!({"id": "p1"}), "duplicate_id", "p1"),
        ("/conversations/-", json!({"id": "v1", "kind": "note", "last_activity": 0}), "duplicate_id", "v1"),
        ("/filters/-", least()["filters"][0].clone(), "duplicate_id", "f1"),
        ("/contacts/0/tags", json!(["vip", ""]), "empty_tag", "p1"),
        ("/contacts/0/tags", json!([" \t\u{a0}"]), "empty_tag", "p1"),
        ("/conversations/0/tags", json!([" "]), "empty_tag", "v1"),
        ("/organization/teams/0/teammates", json!(["zoe"]), "unknown_teammate", "zoe"),
        ("/organization/endpoints/0/owner", json!({"teammate": "zoe"}), "unknown_teammate", "zoe"),
        ("/organization/endpoints/0/owner", json!({"team": "ana"}), "unknown_team", "ana"),
        ("/organization/endpoints/0/additional_members", json!([{"team": "zzz"}]), "unknown_team", "zzz"),
        ("/organization/endpoints/0/auto_assign", json!({"team": "zzz"}), "unknown_team", "zzz"),
        ("/organization/endpoints/0/auto_assign", json!("organization"), "invalid_assignee", "main"),
        ("/contacts/0/members", json!([{"teammate": "zoe"}]), "unknown_teammate", "zoe"),
        ("/conversations/0/members", json!([{"team": "zzz"}]), "unknown_team", "zzz"),
        ("/conversations/0/contacts", json!(["p1", "p2"]), "unknown_contact", "p2"),
        ("/conversations/0/endpoint", json!("p1"), "unknown_endpoint", "p1"),
        ("/conversations/0/endpoint", Value::Null, "endpoint_required", "v1"),
        ("/conversations/1/endpoint", json!("main"), "endpoint_not_allowed", "v2"),
        ("/conversations/1/kind", json!("patient"), "endpoint_required", "v2"),
        ("/conversations/0/assignee", json!("organization"), "invalid_assignee", "v1"),
        ("/conversations/0/assignee", json!({"teammate": "zoe"}), "unknown_teammate", "zoe"),
        ("/conversations/0/read_by", json!(["zoe"]), "unknown_teammate", "zoe"),
        ("/conversations/0/starred_by", json!(["zoe"]), "unknown_teammate", "zoe"),
        ("/filters/0/owner", json!("zoe"), "unknown_teammate", "zoe"),
        ("/filters/0/lists", json!("contacts"), "wrong_list", "f1"),
    ];
    for (pointer, value, code, id) in faults {
        let dataset = read(&with(pointer, value));
        let faults = dataset.faults();
        let by_engine = Engine::new(dataset.clone()).map(drop).unwrap_err();
        let by_facts = Facts::load(dataset).map(drop).unwrap_err();
        assert_eq!((by_engine.code().as_str(), by_engine.id()), (code, id), "{pointer}");
        assert_eq!(by_engine, by_facts);
        assert_eq!(by_engine.position(), None);
        assert_eq!(faults, [by_engine]);
    }
}

#[test]
fn all_faults_of_a_dataset_are_told_in_the_order_of_loading_and_none_for_what_names_one_at_fault() {
    let mut facts = least();
    for (pointer, value) in [
        ("/conversations/-", json!({"id": "v3", "kind": "patient", "endpoint": "lost", "last_activity": 0})),
        ("/conversations/-", json!({"id": "", "kind": "note", "contacts": ["p9", "p8"], "last_activity": 0})),
        ("/conversations/-", json!({"id": "", "kind": "note", "members": [{"team": "moved"}], "last_activity": 0})),
        ("/contacts/-", json!({"id": "p9", "members": [{"teammate": "zoe"}], "tags": [""]})),
        ("/contacts/-", json!({"id": "p9"})),
        ("/organization/endpoints/-", json!({"id": "side", "kind": "fax_number", "owner": {"team": "moved"}})),
        ("/organization/teams/-", json!({"id": "moved", "name": "", "teammates": ["zoe"]})),
        ("/organization/teams/-", json!({"id": "desk", "name": "", "teammates": ["zoe"]})),
        ("/filters/0/owner", json!("zoe")),
        ("/organization/id", json!("")),
    ] {
        put(&mut facts, pointer, value);
    }
    let dataset = read(&facts);
    let faults = dataset.faults();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "empty id of `organization`",
            "unknown teammate `zoe`, named in team `moved`",
            "unknown teammate `zoe`, named in team `desk`",
            "id used twice, of team `desk`",
            "unknown teammate `zoe`, named in filter `f1`",
            "unknown teammate `zoe`, named in contact `p9`",
            "id used twice, of contact `p9`",
            "unknown endpoint `lost`, named in conversation `v3`",
            "empty id of `conversation`",
            "empty id of `conversation`",
        ]
    );
    assert_eq!(Facts::load(dataset).unwrap_err(), faults[0]);
}

#[test]
fn doubtful_states_load_and_are_left_to_the_audit() {
    let states = [
        ("/organization/endpoints/0/auto_assign", json!({"team": "desk"})),
        ("/organization/teams/0/teammates", json!([])),
        ("/organization/teammates/0/suspended", json!(true)),
        ("/conversations/1/assignee", json!({"teammate": "ben"})),
        ("/filters/0/rule", json!({"contacts": {"any": ["gone"]}})),
        ("/filters/0/rule", json!({"endpoints": {"any": [""]}})),
        ("/filters/0/rule", json!({"contact_tags": {"any": [" "]}})),
        ("/filters/0/shared_with", json!([{"team": "gone"}])),
        ("/contacts/0/name", json!("")),
    ];
    for (pointer, value) in states {
        let dataset = read(&with(pointer, value));
        assert_eq!(dataset.faults(), [], "{pointer}");
        assert!(Engine::new(dataset).is_ok(), "{pointer}");
    }
}

#[test]
fn a_repeat_in_a_list_is_left_out_and_the_first_stays_in_its_place() {
    let members = [json!({"teammate": "ben"}), json!("organization"), json!({"team": "desk"})];
    let teammates = [json!("ben"), json!("ana")];
    let tags: Vec<Value> = (0..12).rev().map(|number| json!(format!("t{number}"))).collect();
    let lists = [
        ("/organization/teams/0/teammates", &teammates[..]),
        ("/organization/endpoints/0/additional_members", &members),
        ("/contacts/0/members", &members),
        ("/contacts/0/tags", &tags),
        ("/conversations/0/contacts", &[json!("p1")]),
        ("/conversations/0/members", &members),
        ("/conversations/0/tags", &tags),
        ("/conversations/0/read_by", &teammates),
        ("/conversations/0/starred_by", &teammates),
        ("/filters/0/shared_with", &members),
    ];
    for (pointer, list) in lists {
        let once = json!(list);
        let twice = json!([list, &list[..1], list].concat());
        let dataset = read(&with(pointer, twice));
        let by_facts = json!(Facts::load(dataset.clone()).unwrap().to_dataset());
        assert_eq!(by_facts.pointer(pointer), Some(&once), "{pointer}");
        let by_engine = json!(Engine::new(dataset).unwrap().to_dataset());
        assert_eq!(by_engine.pointer(pointer).map(sorted), Some(sorted(&once)), "{pointer}");
    }
}

/// The texts of a list, for the engine keeps some lists in an order of its own.
fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn the_spelling_is_that_of_the_format() {
    let spelled = [
        (json!(Inbox::assigned_to_team("desk")), json!({"assigned_to_team": "desk"})),
        (json!(Inbox::saved("f1")), json!({"saved": "f1"})),
        (json!(Inbox::AssignedToMe), json!("assigned_to_me")),
        (json!(Inbox::rule(Rule::Starred)), json!({"rule": "starred", "archived": "exclude"})),
        (json!(ContactList::PatientsWithApp), json!("patients_with_app")),
        (json!(ContactList::Rule(Rule::all([]))), json!({"rule": {"all": []}})),
        (json!(Member::Organization), json!("organization")),
        (json!(Member::team("desk")), json!({"team": "desk"})),
        (json!(ConversationKind::Patient), json!("patient")),
        (json!(ArchiveScope::Only), json!("only")),
        (json!(Revision::new(7)), json!(7)),
        (
            json!(ContactUpdate::new("p").name(None)),
            json!({"id": "p", "name": null, "category": null, "invitation": null}),
        ),
        (json!(Badge { total: 2, unread: 1 }), json!({"total": 2, "unread": 1})),
    ];
    for (written, expected) in spelled {
        assert_eq!(written, expected);
    }
    assert_eq!(ErrorCode::AssigneeCannotView.to_string(), "assignee_cannot_view");
}

#[test]
fn an_inbox_is_one_thing_and_no_more() {
    let wrong = [
        r#""inbox""#,
        r#"{}"#,
        r#"{"saved": "f1", "assigned_to_team": "desk"}"#,
        r#"{"saved": "f1", "archived": "only"}"#,
        r#"{"archived": "only"}"#,
        r#"{"rule": "unread", "scope": "only"}"#,
        r#"3"#,
    ];
    for text in wrong {
        assert!(serde_json::from_str::<Inbox>(text).is_err(), "accepted {text}");
    }
    let inbox: Inbox = serde_json::from_str(r#"{"rule": "unread", "archived": null}"#).unwrap();
    assert_eq!(inbox, Inbox::rule(Rule::Unread));
}

#[test]
fn an_unknown_change_or_field_of_one_is_an_error() {
    let wrong = [
        r#"{"delete_everything": {}}"#,
        r#"{"archive": {"id": "v1", "when": 1}}"#,
        r#"{"archive": {}}"#,
        r#"{"add_teammate": {"id": "x", "name": "X", "role": "admin"}}"#,
        r#"{"update_contact": {"id": "p1", "tags": []}}"#,
        r#"{"set_contact_membership": "on"}"#,
        r#"{"archive": {"id": "v1"}, "unarchive": {"id": "v1"}}"#,
    ];
    for text in wrong {
        assert!(serde_json::from_str::<Change>(text).is_err(), "accepted {text}");
    }
}
