//! The scenario files, run by the example's runner against the engine and against `policy`.

use std::path::{Path, PathBuf};

#[path = "../../examples/conformance/runner.rs"]
mod runner;

use runner::{Report, run};

fn scenario_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let more = std::env::var_os("VISIBLY_CONFORMANCE").unwrap_or_default();
    let more = std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty());
    std::iter::once(own).chain(more).collect()
}

#[test]
fn every_scenario_is_answered_as_expected() {
    let mut report = Report::default();
    for folder in folders() {
        let files = scenario_files(&folder);
        assert!(!files.is_empty(), "no scenario file in {}", folder.display());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            run(&text, &mut report).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
    let mismatches: Vec<String> = report.mismatches.iter().map(ToString::to_string).collect();
    assert!(mismatches.is_empty(), "{} mismatches\n{}", mismatches.len(), mismatches.join("\n"));
    assert!(report.passed > 1_000, "only {} answers were looked at", report.passed);
}

fn scenario(rest: &str) -> String {
    let organization = r#"{"id": "oak", "name": "Oak", "teammates": [{"id": "ana", "name": "Ana", "admin": true}]}"#;
    format!(
        r#"{{"scenarios": [{{"name": "one", "rules": [], "dataset": {{"organization": {organization}}}, {rest}}}]}}"#
    )
}

fn mismatches(rest: &str) -> Vec<String> {
    let mut report = Report::default();
    run(&scenario(rest), &mut report).unwrap();
    report.mismatches.iter().map(ToString::to_string).collect()
}

#[test]
fn a_wrong_expectation_is_reported_for_the_engine_and_for_policy() {
    let ask = r#""ask": {"can_view": {"viewer": "ana", "contact": "p1"}}"#;
    assert!(mismatches(&format!(r#""steps": [{{{ask}, "expect": false}}]"#)).is_empty());
    let found = mismatches(&format!(r#""steps": [{{{ask}, "expect": true}}]"#));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("one, step 0, engine: "), "{}", found[0]);
    assert!(found[1].starts_with("one, step 0, policy: "), "{}", found[1]);
    assert!(found.iter().all(|line| line.contains("expected true") && line.contains("got      false")));
}

#[test]
fn a_wrong_code_a_missing_error_and_a_wrong_load_error_are_reported() {
    let unknown = r#""apply": {"archive": {"id": "v1"}}"#;
    assert!(mismatches(&format!(r#""steps": [{{{unknown}, "error": "unknown_conversation"}}]"#)).is_empty());
    assert_eq!(mismatches(&format!(r#""steps": [{{{unknown}, "error": "unknown_contact"}}]"#)).len(), 2);
    assert_eq!(mismatches(&format!(r#""steps": [{{{unknown}}}]"#)).len(), 2);
    assert_eq!(mismatches(r#""load_error": "duplicate_id""#).len(), 2);
}

#[test]
fn an_expected_null_is_an_expectation() {
    let ask = r#""ask": {"denial": {"viewer": "ana", "contact": "p1"}}"#;
    assert_eq!(mismatches(&format!(r#""steps": [{{{ask}, "expect": null}}]"#)).len(), 2);
}

#[test]
fn a_text_that_is_no_scenario_file_is_an_error() {
    let malformed = [
        "".to_owned(),
        "{}".to_owned(),
        r#"{"scenarios": [], "more": 1}"#.to_owned(),
        r#"{"scenarios": []} {}"#.to_owned(),
        scenario(r#""steps": [], "load_error": "duplicate_id""#),
        scenario(r#""notes": """#),
        scenario(r#""steps": [{}]"#),
        scenario(r#""steps": [{"ask": {"audit": {}}}]"#),
        scenario(r#""steps": [{"ask": {"audit": {}}, "expect": [], "error": "empty_id"}]"#),
        scenario(r#""steps": [{"ask": {"weather": {}}, "expect": []}]"#),
        scenario(r#""steps": [{"ask": {"audit": {}}, "apply": {"archive": {"id": "v"}}, "expect": []}]"#),
        scenario(r#""steps": [{"apply": {"archive": {"id": "v"}}, "expect": []}]"#),
        scenario(r#""steps": [{"apply": {"archive": {"id": "v", "when": 1}}}]"#),
        scenario(r#""steps": [{"ask": {"can_view": {"viewer": "ana"}}, "expect": true}]"#),
        scenario(r#""steps": [{"ask": {"can": {"viewer": "ana", "action": "fly"}}, "expect": true}]"#),
    ];
    for text in malformed {
        let mut report = Report::default();
        assert!(run(&text, &mut report).is_err(), "accepted: {text}");
        assert_eq!(report.passed, 0);
    }
}
