//! The examples, run in this process: each of them is one of the modules below.
#![expect(clippy::unwrap_used, reason = "a test that finds something missing fails where it looks")]

#[path = "../examples/clinic/command.rs"]
mod command;
#[path = "../examples/first_program.rs"]
mod first_program;
#[path = "../examples/clinic/report.rs"]
mod report;
#[path = "../examples/clinic/table.rs"]
mod table;
#[path = "../examples/clinic/text.rs"]
mod text;
#[path = "../examples/support/told.rs"]
mod told;
#[path = "../examples/web_handler.rs"]
mod web_handler;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use serde_json::{Value, json};
use visibly::{
    Change, Conversation, ConversationId, Dataset, Engine, Inbox, Organization, PageRequest, PhoneNumber, Teammate,
};

const OAK_STREET: &str = include_str!("../examples/data/oak_street.json");

fn clinic<const N: usize>(arguments: [&str; N]) -> Result<String, String> {
    command::run(arguments.map(OsString::from))
}

fn oak_street() -> Engine {
    Engine::new(Dataset::from_json(OAK_STREET).unwrap()).unwrap()
}

/// A file of this name with this text, for one test alone.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn clinic_with_file(name: &str, text: &str) -> Result<String, String> {
    command::run([file(name, text).into_os_string()])
}

/// What the program complains of, without the directory of the file.
fn complaint(outcome: Result<String, String>) -> String {
    let message = outcome.unwrap_err();
    assert_eq!(message.lines().count(), 1, "{message}");
    message.replace(&format!("{}/", env!("CARGO_TARGET_TMPDIR")), "")
}

#[test]
fn the_tables_tell_who_sees_what_and_why() {
    let text = clinic([]).unwrap();
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let holds = |line: &str| assert!(lines.iter().any(|one| one == line), "no line `{line}` in\n{text}");
    holds("Oak Street: 14 teammates, 13 active; 36 conversations; contact membership on");
    holds("conv-nora-therapy link-ben-therapy Nora Quist teammate `ben-okafor` owns endpoint");
    holds("conv-caller-0142 phone-main caller-0142 organization owns endpoint: everyone");
    holds("conv-after-hours-tobias phone-after-hours Tobias Lund nobody");
    holds("teammate `noah-weiss` added to conversation");
    holds("Gil Sandoval gil-sandoval - - - - - suspended, sees nothing");
    holds("Priya Shah priya-shah 4/2 0/0 2/1 1/1 2/2 north 0/0 dana-refills-and-labs 3/1");
    holds("conv-nora-therapy assigned to `ben-okafor` ben-okafor");
    holds("june-park gains 3 conversations conv-eli-therapy-closed, conv-mateo-therapy, conv-nora-therapy");
    holds("14 findings.");
}

#[test]
fn tables_fit_a_terminal_and_end_no_line_in_spaces() {
    for line in clinic([]).unwrap().lines() {
        assert!(line.chars().count() <= 120, "{line}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn a_contact_hidden_from_a_viewer_is_not_named_in_that_view() {
    let text = clinic([]).unwrap();
    let (_, views) = text.split_once("Contacts hidden from who sees the conversation").unwrap();
    let (views, _) = views.split_once("\nIf ").unwrap();
    assert!(views.contains("Elm Street Pharmacy + (hidden)"));
    for name in ["Amy Bell", "Dev Anand", "Hana Sato", "Nora Quist", "Vivian Stone", "Walter Nye"] {
        assert!(!views.contains(name), "{name}");
    }
}

#[test]
fn the_audit_of_oak_street_finds_what_is_doubtful_there() {
    let json: Value = serde_json::from_str(&clinic(["--json"]).unwrap()).unwrap();
    let found: Vec<_> =
        json["audit"].as_array().unwrap().iter().map(|line| (&line["finding"], &line["subject"])).collect();
    let expected = [
        ("assignee_cannot_view", "conv-jonah-new-patient"),
        ("assignee_inactive", "conv-fax-riverside-results"),
        ("auto_assign_inactive", "fax-main"),
        ("auto_assign_without_access", "email-office"),
        ("conversation_without_audience", "conv-after-hours-tobias"),
        ("direct_endpoint_open_to_organization", "link-ravi-telehealth"),
        ("endpoint_without_audience", "phone-after-hours"),
        ("filter_refers_to_missing", "urgent-care-overflow"),
        ("restricted_contact_exposed", "amy-bell"),
        ("restricted_contact_exposed", "dev-anand"),
        ("restricted_contact_exposed", "hana-sato"),
        ("restricted_contact_exposed", "nora-quist"),
        ("restricted_contact_exposed", "vivian-stone"),
        ("restricted_contact_exposed", "walter-nye"),
    ];
    assert_eq!(found.len(), expected.len());
    for ((finding, subject), (kind, id)) in found.into_iter().zip(expected) {
        assert_eq!((finding, subject), (&json!(kind), &json!(id)));
    }
}

#[test]
fn the_json_says_what_the_engine_says() {
    let engine = oak_street();
    let json: Value = serde_json::from_str(&clinic(["--json"]).unwrap()).unwrap();
    let conversations = json["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), engine.conversation_count());
    for conversation in conversations {
        let id = ConversationId::from(conversation["id"].as_str().unwrap());
        let audience: Vec<_> = engine.audience(&id).unwrap();
        let seen: Vec<_> = conversation["audience"].as_array().unwrap().iter().map(|seen| &seen["viewer"]).collect();
        assert_eq!(json!(seen), json!(audience));
        for (seen, viewer) in conversation["audience"].as_array().unwrap().iter().zip(&audience) {
            assert_eq!(seen["grants"], json!(engine.decide(viewer, &id).grants()));
        }
    }
    for (teammate, facts) in json["teammates"].as_array().unwrap().iter().zip(engine.teammates()) {
        assert_eq!(teammate["id"], json!(facts.id));
        check_teammate(teammate, &engine, facts);
    }
    for preview in json["previews"].as_array().unwrap() {
        let changes: Vec<Change> = serde_json::from_value(preview["changes"].clone()).unwrap();
        assert_eq!(preview["effects"], json!(engine.preview(&changes).unwrap()));
    }
}

fn check_teammate(teammate: &Value, engine: &Engine, facts: &Teammate) {
    let Ok(viewer) = engine.viewer(&facts.id) else {
        assert_eq!(teammate["suspended"], json!(true));
        assert_eq!((&teammate["inboxes"], &teammate["found_by_search"]), (&json!([]), &json!(0)));
        return;
    };
    for entry in teammate["inboxes"].as_array().unwrap() {
        let inbox: Inbox = serde_json::from_value(entry["inbox"].clone()).unwrap();
        let badge = viewer.badge(&inbox).unwrap();
        assert_eq!((&entry["total"], &entry["unread"]), (&json!(badge.total), &json!(badge.unread)));
    }
    let found = viewer.filter_inbox(&Inbox::Everything, &PageRequest::all()).unwrap().rows;
    let beside_all = found.iter().filter(|row| !viewer.placement(row.id()).contains(&Inbox::All));
    let kept_out: Vec<_> =
        teammate["kept_out_of_all"].as_array().unwrap().iter().map(|entry| &entry["conversation"]).collect();
    assert_eq!(json!(kept_out), json!(beside_all.map(|row| row.id()).collect::<Vec<_>>()));
    for view in teammate["partly_hidden"].as_array().unwrap() {
        let shown = viewer.shown_contacts(&view["conversation"].as_str().unwrap().into());
        let ids: Vec<_> =
            shown.iter().map(|contact| contact.shown().map_or("hidden", |row| row.id().as_str())).collect();
        let told = view["contacts"].as_array().unwrap().iter();
        let told: Vec<_> = told.map(|contact| contact["id"].as_str().or(contact.as_str()).unwrap()).collect();
        assert_eq!(told, ids);
    }
}

#[test]
fn proposed_changes_are_read_from_a_file() {
    let changes =
        file("propose.json", r#"[{"set_team": {"id": "billing", "teammates": ["hugh-bell", "noah-weiss"]}}]"#);
    let text = clinic(["--propose", changes.to_str().unwrap()]).unwrap();
    let (_, preview) = text.split_once("If the proposed changes are made").unwrap();
    assert!(preview.contains("marta-kowal  loses 1 conversation"), "{preview}");
    assert!(preview.contains("noah-weiss   gains 1 conversation"), "{preview}");
}

#[test]
fn proposed_changes_that_cannot_be_made_are_one_complaint() {
    let propose = |name, text| complaint(clinic(["--propose", file(name, text).to_str().unwrap()]));
    assert_eq!(
        propose(
            "refused.json",
            r#"[{"archive": {"id": "conv-nora-therapy"}}, {"remove_team": {"id": "urgent-care"}}]"#
        ),
        "refused.json: change 1: unknown team `urgent-care`"
    );
    let unknown = propose("no-change.json", r#"[{"archive": {"id": "conv-nora-therapy", "by": "ana"}}]"#);
    assert!(unknown.starts_with("no-change.json: [0].archive: unknown field, expected `id`"), "{unknown}");
}

#[test]
fn any_other_clinic_gets_proposals_that_are_valid_there() {
    let oak_street = clinic_with_file("oak.json", OAK_STREET).unwrap();
    assert!(oak_street.contains("If contact membership is turned off"));
    assert!(oak_street.contains("If the organization takes over endpoint `phone-north`"));
    let empty = r#"{"organization": {"id": "new", "name": "", "teammates": []}}"#;
    let empty = clinic_with_file("empty.json", empty).unwrap();
    assert!(empty.contains("If contact membership is turned on"));
    assert!(empty.contains("no_active_admin"));
}

#[test]
fn long_tables_are_cut_and_the_json_is_not() {
    let organization = Organization::new("big", "Big")
        .teammate(Teammate::new("ana", "Ana").admin())
        .endpoint(PhoneNumber::new("main"));
    let conversation = |number: i64| Conversation::patient(format!("c{number:04}"), "main", number).archived();
    let dataset = (0..1_000).map(conversation).fold(Dataset::new(organization), Dataset::conversation);
    let path = file("big.json", &serde_json::to_string(&dataset).unwrap());
    let text = command::run([path.clone().into_os_string()]).unwrap();
    assert!(text.contains("… and 960 more; `--json` has all of them"));
    assert!(text.lines().count() < 200);
    let json: Value = serde_json::from_str(&clinic(["--json", path.to_str().unwrap()]).unwrap()).unwrap();
    assert_eq!(json["conversations"].as_array().unwrap().len(), 1_000);
}

#[test]
fn names_cannot_steer_the_terminal() {
    let dataset = r#"{"organization": {"id": "o", "name": "O\u001b[2J\u202egnorw", "teammates": [
        {"id": "a\nb", "name": "A\u001b[31m\u2067\u2028\u200f"}]}}"#;
    let text = clinic_with_file("steering.json", dataset).unwrap();
    let steering = ['\u{202e}', '\u{2067}', '\u{2028}', '\u{200f}'];
    assert!(
        text.chars().all(|letter| letter == '\n' || !letter.is_control() && !steering.contains(&letter)),
        "{text:?}"
    );
    assert!(text.contains("a?b"));
}

#[test]
fn bad_files_are_one_complaint_that_names_the_fault() {
    let teammates = |third| format!(r#"{{"organization": {{"id": "o", "name": "O", "teammates": [{third}]}}}}"#);
    let misspelt = complaint(clinic_with_file("misspelt.json", &teammates(r#"{"id": "a", "nmae": "A"}"#)));
    assert!(
        misspelt.starts_with("misspelt.json: organization.teammates[0]: unknown field, expected one of"),
        "{misspelt}"
    );
    let cut = complaint(clinic_with_file("cut.json", r#"{"organization": "#));
    assert!(cut.starts_with("cut.json: ") && cut.contains("line 1"), "{cut}");
    let not_json = complaint(clinic_with_file("not-json.json", "organization: oak"));
    assert!(not_json.starts_with("not-json.json: expected value"), "{not_json}");
    let unknown_team = OAK_STREET.replacen(r#""team": "front-desk""#, r#""team": "desk""#, 1);
    assert_eq!(
        complaint(clinic_with_file("team.json", &unknown_team)),
        "team.json: unknown team `desk`, named in endpoint `phone-main`"
    );
    let teams: Vec<String> =
        (0..12).map(|n| format!(r#"{{"id": "t{n}", "name": "", "teammates": ["zoe"]}}"#)).collect();
    let faulty =
        format!(r#"{{"organization": {{"id": "o", "name": "", "teammates": [], "teams": [{}]}}}}"#, teams.join(", "));
    let all = complaint(clinic_with_file("all.json", &faulty));
    assert!(all.starts_with("all.json: unknown teammate `zoe`, named in team `t0`; unknown teammate"), "{all}");
    assert!(all.ends_with("named in team `t9`; 2 more"), "{all}");
    let missing = complaint(clinic(["no such file.json"]));
    assert!(missing.starts_with("no such file.json: "), "{missing}");
}

#[test]
fn bad_arguments_are_one_complaint_with_the_usage() {
    for arguments in [vec!["--jsno"], vec!["a.json", "b.json"], vec!["--propose"], vec!["-x\u{1b}[2J"]] {
        let message = complaint(command::run(arguments.into_iter().map(OsString::from)));
        assert!(message.contains("usage: clinic"), "{message}");
        assert!(!message.contains('\u{1b}'));
    }
    assert!(clinic(["--help"]).unwrap().starts_with("usage: clinic"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    struct Fails(ErrorKind);
    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let output = "line\n".repeat(10_000);
    assert!(told::write_to(Fails(ErrorKind::BrokenPipe), &output).is_ok());
    assert!(told::write_to(Fails(ErrorKind::StorageFull), &output).is_err());
}

/// The programs of these sources write lines as they go, and `println!` panics where nobody reads them.
#[test]
fn no_example_panics_where_nobody_reads_it() {
    let folder = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let sources = ["", "clinic", "conformance", "support"].map(|name| std::fs::read_dir(folder(name)).unwrap());
    let sources = sources.into_iter().flatten().map(|entry| entry.unwrap().path());
    for source in sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(&source).unwrap();
        let prints = |line: &str| line.replace("eprintln!", "").contains("println!");
        assert!(!text.lines().any(prints), "{} prints", source.display());
    }
}

#[test]
fn what_a_program_complains_of_is_one_line_without_what_a_database_quotes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Failed(#[source] io::Error);
    let row = io::Error::other("check violated\nDETAIL: failing row contains (Nora Quist)");
    assert_eq!(told::complaint("a\u{1b}[2Jb.sqlite", &Failed(row)), "a [2Jb.sqlite: the store failed: check violated");
}
